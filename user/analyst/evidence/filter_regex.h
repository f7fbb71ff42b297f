/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to the evidence stage: one expression, from fail2ban's notation to compiled code.
 *
 *   tags (<ADDR>, <F-USER>) -> groups;  Python's dialect -> PCRE2's;  literals that must be there;
 *   code with limits.
 */
#ifndef ANALYST_EVIDENCE_FILTER_REGEX_H
#define ANALYST_EVIDENCE_FILTER_REGEX_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"

#define REGEX_MAX 32768 /* bytes of one expression */
#define REGEX_ERROR_MAX 160
#define REGEX_MATCH_LIMIT 20000 /* no expression of a known filter needs more than 5,000 */
#define REGEX_WALK_BYTES 512 /* longer texts are walked through in one counted match */
#define REGEX_DEPTH_LIMIT 5000
#define REGEX_HEAP_LIMIT 2048 /* KiB */
#define REGEX_JIT_STACK (256 * 1024)
#define REGEX_ALTS_MAX 8
#define REGEX_SKIPS_MAX 4 /* <SKIPLINES> of one expression */
#define LITERALS_MAX 8
#define LITERAL_MAX 24

/* Tags to groups. lines: the expression sees several lines, and may skip some. error: a
 * sentence. */
int regex_tags(const char *text, bool lines, struct buf *out, char error[REGEX_ERROR_MAX]);
/* What Python and PCRE2 read differently: rewritten, or refused by name. */
int regex_dialect(const char *text, struct buf *out, char error[REGEX_ERROR_MAX]);

/* One of these is in every text that matches; count 0: nothing is known. */
struct literals {
	unsigned int count;
	struct literal {
		uint8_t len;
		char text[LITERAL_MAX];
	} literal[LITERALS_MAX];
};

/* ret_prefix: what every match begins with, where it can only begin at the text's begin. */
void regex_literals(const char *text, struct literals *ret, struct literal *ret_prefix);
/* Either of two sets; false: too many. */
bool literals_join(struct literals *set, const struct literals *other);
bool literals_found(const struct literals *set, const char *text, size_t len);

/* What a group means; groups of any other name are the expression's own. */
enum role {
	ROLE_ID,
	ROLE_IP4,
	ROLE_IP6,
	ROLE_DNS,
	ROLE_CIDR,
	ROLE_PORT,
	ROLE_USER,
	ROLE_COUNT, /* ours: how many tries the line sums up */
	ROLE_MLFID,
	ROLE_NOFAIL,
	ROLE_FORGET,
	ROLE_GAINED,
	ROLE_CONTENT,
	ROLE_MAX,
};

struct regex_alt {
	enum role role; /* which it fills where that is unset or empty */
	uint32_t group;
	bool part; /* of a compound: it is joined to the role instead */
};

struct regex {
	pcre2_code *code;
	/*
	 * The match limit is that of one place where a match may begin (pcre2_match() sets its
	 * count back for each), so an expression that may begin anywhere could take that often as
	 * much as the text has bytes. This one looks at all places in a single match. NULL: it is
	 * anchored.
	 */
	pcre2_code *walk;
	/*
	 * The same expression without Unicode, for text that is ASCII, as nearly all lines are:
	 * there both match alike, and \S or \d costs a comparison in place of two table lookups.
	 * NULL: none.
	 */
	pcre2_code *ascii;
	char *text; /* as written, its variables filled in */
	bool jit;
	bool anchored;
	bool at_line; /* a match begins where a line does */
	bool lines; /* sees several of them */
	uint32_t captures;
	bool to_end; /* its content goes on to the end of the line: see regex_compile_prefix */
	uint32_t group[ROLE_MAX]; /* 0 = none */
	uint32_t roles; /* a bit for each that has a group, or an alternative */
	uint32_t compound; /* a bit for each role that has parts */
	unsigned int alts;
	struct regex_alt alt[REGEX_ALTS_MAX];
	unsigned int skips;
	uint32_t skip[REGEX_SKIPS_MAX]; /* groups of <SKIPLINES> */
	struct literal prefix;
	struct literals needs;
	uint64_t limit; /* matches given up at a limit */
};

/* text is fail2ban's notation, without marks. lines: ^ and $ are also those of lines within. */
int regex_compile(struct regex *regex, const char *text, bool lines, char error[REGEX_ERROR_MAX]);
/*
 * The same of a prefregex, which sees one line with a newline behind it. Its content is nearly
 * always whatever is left, ".+" before the "$", and going through that byte by byte takes as long
 * as all that stands before: it is compiled as a single "." whose end regex_match then puts behind
 * the line.
 */
int regex_compile_prefix(struct regex *regex, const char *text, char error[REGEX_ERROR_MAX]);
/* text is Python's notation, without tags: no roles, no literals. bounded: it has no repetition
 * that could cost much at one place. */
int regex_compile_plain(struct regex *regex, const char *text, bool bounded,
			char error[REGEX_ERROR_MAX]);
void regex_done(struct regex *regex);

/* Shared by all expressions of a set. */
struct regex_memory {
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
};

int regex_memory_new(struct regex_memory *ret);
void regex_memory_done(struct regex_memory *memory);

/* false: it cannot match, seen by comparing a few bytes. Most expressions are asked in vain. */
static inline bool regex_may_match(const struct regex *regex, const char *text, size_t len)
{
	const struct literal *prefix = &regex->prefix;

	return !prefix->len || (len >= prefix->len && text[0] == prefix->text[0] &&
				!memcmp(text, prefix->text, prefix->len));
}

/* text is valid UTF-8. A limit that is hit is no match, and counted. */
bool regex_match(struct regex *regex, const struct regex_memory *memory, const char *text,
		 size_t len, pcre2_match_data *data);
/* The same where every byte of text is below 0x80. */
bool regex_match_ascii(struct regex *regex, const struct regex_memory *memory, const char *text,
		       size_t len, pcre2_match_data *data);

#endif
