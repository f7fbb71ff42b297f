/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Expressions as compiled code. No text can make one run longer than its limits: a match that hits
 * one is no match, and counted.
 */
#include "analyst/evidence/filter_regex.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static const struct {
	const char *name;
	enum role role;
} roles[] = {
	{ "fid", ROLE_ID },	     { "ip4", ROLE_IP4 },	   { "ip6", ROLE_IP6 },
	{ "dns", ROLE_DNS },	     { "cidr", ROLE_CIDR },	   { "fport", ROLE_PORT },
	{ "user", ROLE_USER },	     { "count", ROLE_COUNT },	   { "mlfid", ROLE_MLFID },
	{ "nofail", ROLE_NOFAIL },   { "mlfforget", ROLE_FORGET }, { "mlfgained", ROLE_GAINED },
	{ "content", ROLE_CONTENT },
};
_Static_assert(ARRAY_SIZE(roles) == ROLE_MAX, "a name for every role");

/* Behind a role's name: nothing, or _N. fail2ban takes alt_user1 for another name, too. */
static bool alt_ends(const char *rest)
{
	return !rest[0] || (rest[0] == '_' && rest[1] && !rest[1 + strspn(rest + 1, "0123456789")]);
}

/* ROLE_MAX: it is no role's name. */
static enum role role_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		const char *role = roles[i].role == ROLE_ID	? "id"
				   : roles[i].role == ROLE_PORT ? "port"
								: roles[i].name;
		size_t len = strlen(role);

		if (!strncmp(name, role, len) && alt_ends(name + len))
			return roles[i].role;
	}
	return ROLE_MAX;
}

/* alt_user, alt_user_1: fill a role that is unset; tuple_user, tuple_user_1: are parts of it. */
static int alt_add(struct regex *regex, const char *name, uint32_t group,
		   char error[REGEX_ERROR_MAX])
{
	static const char alt[] = "alt_", tuple[] = "tuple_";
	const bool part = !strncmp(name, tuple, strlen(tuple));
	enum role role;

	if (!part && strncmp(name, alt, strlen(alt)))
		return 0;
	role = role_named(name + strlen(part ? tuple : alt));
	if (role == ROLE_MAX)
		return 0;
	if (part && role != ROLE_ID && role != ROLE_USER && role != ROLE_MLFID) {
		(void)snprintf(error, REGEX_ERROR_MAX,
			       "%.32s: only ID, USER and MLFID can be made of parts", name);
		return -EINVAL;
	}
	if (regex->alts == REGEX_ALTS_MAX) {
		(void)snprintf(error, REGEX_ERROR_MAX, "more than %d alternatives and parts",
			       REGEX_ALTS_MAX);
		return -EINVAL;
	}
	regex->alt[regex->alts++] =
		(struct regex_alt){ .role = role, .group = group, .part = part };
	regex->roles |= 1U << role;
	regex->compound |= part ? 1U << role : 0;
	return 0;
}

/* The table is sorted by name, which is the order that alternatives are tried in. */
static int groups_find(struct regex *regex, char error[REGEX_ERROR_MAX])
{
	uint32_t count = 0, size = 0;
	PCRE2_SPTR table;
	int r = 0;

	(void)pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &regex->captures);
	(void)pcre2_pattern_info(regex->code, PCRE2_INFO_NAMECOUNT, &count);
	(void)pcre2_pattern_info(regex->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	(void)pcre2_pattern_info(regex->code, PCRE2_INFO_NAMETABLE, &table);
	for (uint32_t i = 0; i < count; i++) {
		PCRE2_SPTR entry = table + (size_t)i * size;
		uint32_t group = (uint32_t)entry[0] << 8 | entry[1];
		const char *name = (const char *)entry + 2;
		bool known = false;

		for (size_t k = 0; k < ARRAY_SIZE(roles) && !known; k++) {
			known = !strcmp(roles[k].name, name);
			if (!known)
				continue;
			regex->group[roles[k].role] = group;
			regex->roles |= 1U << roles[k].role;
		}
		if (!strncmp(name, "skiplines", strlen("skiplines")) &&
		    regex->skips < REGEX_SKIPS_MAX)
			regex->skip[regex->skips++] = group;
		else if (!known && !r)
			r = alt_add(regex, name, group, error);
	}
	return r;
}

/* UCP: \w, \d, \s mean in Python what they mean of Unicode. */
#define UNICODE (PCRE2_UTF | PCRE2_UCP)

static int code_compile(const struct buf *text, uint32_t unicode, bool lines, pcre2_code **ret,
			char error[REGEX_ERROR_MAX])
{
	const uint32_t options = unicode | PCRE2_NEVER_BACKSLASH_C | (lines ? PCRE2_MULTILINE : 0);
	pcre2_compile_context *context;
	char message[REGEX_ERROR_MAX];
	PCRE2_SIZE at;
	int code;

	context = pcre2_compile_context_create(NULL);
	if (!context)
		return -ENOMEM;
	/* Python's . and $ know one newline. */
	(void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	*ret = pcre2_compile((PCRE2_SPTR)text->data, text->len, options, &code, &at, context);
	pcre2_compile_context_free(context);
	if (*ret)
		return 0;
	if (pcre2_get_error_message(code, (PCRE2_UCHAR *)message, sizeof(message)) < 0)
		(void)snprintf(message, sizeof(message), "error %d", code);
	(void)snprintf(error, REGEX_ERROR_MAX, "%.70s, at \"%.40s\"", message,
		       text->data + (at < text->len ? at : text->len));
	return -EINVAL;
}

/* What lies before the match is no part of it: \K. Where (?x) is in force a comment may stand at
 * the end; there, and nowhere else, a newline is nothing. */
static int walk_compile(struct regex *regex, const struct buf *text, char error[REGEX_ERROR_MAX])
{
	static const char *const ends[] = { ")", "\n)" };
	int r = -EINVAL;

	for (size_t i = 0; i < ARRAY_SIZE(ends) && r == -EINVAL; i++) {
		struct buf walk = BUF_INIT(REGEX_MAX + 32);

		buf_puts(&walk, "\\A(?s:.*?)\\K(?:");
		buf_add(&walk, text->data, text->len);
		buf_puts(&walk, ends[i]);
		r = walk.cut ? -ENOMEM
			     : code_compile(&walk, UNICODE, regex->lines, &regex->walk, error);
		buf_done(&walk);
	}
	return r;
}

/* bounded: no place costs much. */
static int codes_compile(struct regex *regex, const struct buf *text, bool bounded,
			 char error[REGEX_ERROR_MAX])
{
	uint32_t all = 0, first = 0;
	int r;

	r = code_compile(text, UNICODE, regex->lines, &regex->code, error);
	if (r < 0)
		return r;
	(void)pcre2_pattern_info(regex->code, PCRE2_INFO_ALLOPTIONS, &all);
	(void)pcre2_pattern_info(regex->code, PCRE2_INFO_FIRSTCODETYPE, &first);
	regex->anchored = all & PCRE2_ANCHORED;
	/* 2: at the text's begin or behind a newline */
	regex->at_line = regex->anchored || (regex->lines && first == 2);
	if (!regex->anchored && !bounded)
		r = walk_compile(regex, text, error);
	if (r < 0)
		return r;
	regex->jit = pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE) == 0 &&
		     (!regex->walk || pcre2_jit_compile(regex->walk, PCRE2_JIT_COMPLETE) == 0);
	return 0;
}

/*
 * Whether an expression means of ASCII text the same without Unicode: it names no character beyond
 * ASCII, for under (?i) some of those equal a letter (U+212A is k), and no property of characters.
 */
static bool bytes_suffice(const struct buf *text)
{
	for (size_t i = 0; i < text->len; i++) {
		if ((unsigned char)text->data[i] >= 0x80)
			return false;
		if (text->data[i] != '\\')
			continue;
		/* These name characters by number or property; \1 may be octal, if digits
		 * follow. */
		if (++i < text->len &&
		    (strchr("xuUoNpPXc0", text->data[i]) ||
		     (isdigit((unsigned char)text->data[i]) && i + 1 < text->len &&
		      isdigit((unsigned char)text->data[i + 1]))))
			return false;
	}
	return true;
}

/* Optional: without it all lines go the long way. */
static void ascii_compile(struct regex *regex, const struct buf *text)
{
	char error[REGEX_ERROR_MAX];

	if (!regex->jit || regex->lines || !bytes_suffice(text))
		return;
	if (code_compile(text, 0, false, &regex->ascii, error) == 0 &&
	    pcre2_jit_compile(regex->ascii, PCRE2_JIT_COMPLETE) == 0)
		return;
	pcre2_code_free(regex->ascii);
	regex->ascii = NULL;
}

/* Flags change what a dot is, a condition may ask for the group: then text says less than it
 * seems. */
static bool groups_are_plain(const char *text)
{
	for (const char *at = strstr(text, "(?"); at; at = strstr(at + 2, "(?"))
		if (!at[2] || !strchr(":P=!<>", at[2]))
			return false;
	return true;
}

/* true: out ended in "(?P<content>SOMETHING.+)$", and now ends in "(?P<content>SOMETHING.)". */
static bool content_cut(struct buf *out)
{
	static const char open[] = "(?P<content>", rest[] = ".+)$";
	const char *group = out->data ? strstr(out->data, open) : NULL;
	const char *tail;

	if (!group || !groups_are_plain(out->data))
		return false;
	group += strlen(open);
	tail = group + strcspn(group, ".()[|\\");
	while (*tail == '.' && strcmp(tail, rest) != 0)
		tail += 1 + strcspn(tail + 1, ".()[|\\");
	if (strcmp(tail, rest) != 0)
		return false;
	out->len -= strlen("+)$");
	out->data[out->len] = '\0';
	buf_putc(out, ')');
	return true;
}

static int compile(struct regex *regex, const char *text, bool lines, bool prefix,
		   char error[REGEX_ERROR_MAX])
{
	struct buf tags = BUF_INIT(REGEX_MAX), out = BUF_INIT(REGEX_MAX);
	int r;

	memset(regex, 0, sizeof(*regex));
	regex->lines = lines;
	(void)snprintf(error, REGEX_ERROR_MAX, "out of memory");
	r = regex_tags(text, lines, &tags, error);
	if (!r)
		r = regex_dialect(tags.data ? tags.data : "", &out, error);
	if (!r && prefix)
		regex->to_end = content_cut(&out);
	if (!r)
		r = out.data ? codes_compile(regex, &out, false, error) : -EINVAL;
	if (!r)
		r = groups_find(regex, error);
	if (!r) {
		ascii_compile(regex, &out);
		regex_literals(out.data, &regex->needs, &regex->prefix);
		/* What the library does not call anchored has no begin to compare. */
		if (!regex->anchored)
			regex->prefix.len = 0;
		regex->text = strdup(text);
		r = regex->text ? 0 : -ENOMEM;
	}
	if (r < 0)
		regex_done(regex);
	buf_done(&tags);
	buf_done(&out);
	return r;
}

int regex_compile(struct regex *regex, const char *text, bool lines, char error[REGEX_ERROR_MAX])
{
	return compile(regex, text, lines, false, error);
}

int regex_compile_prefix(struct regex *regex, const char *text, char error[REGEX_ERROR_MAX])
{
	return compile(regex, text, false, true, error);
}

int regex_compile_plain(struct regex *regex, const char *text, bool bounded,
			char error[REGEX_ERROR_MAX])
{
	struct buf out = BUF_INIT(REGEX_MAX);
	int r;

	memset(regex, 0, sizeof(*regex));
	r = regex_dialect(text, &out, error);
	if (!r)
		r = out.data ? codes_compile(regex, &out, bounded, error) : -EINVAL;
	if (!r)
		(void)pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &regex->captures);
	if (r < 0)
		regex_done(regex);
	buf_done(&out);
	return r;
}

void regex_done(struct regex *regex)
{
	pcre2_code_free(regex->code);
	pcre2_code_free(regex->walk);
	pcre2_code_free(regex->ascii);
	free(regex->text);
	memset(regex, 0, sizeof(*regex));
}

int regex_memory_new(struct regex_memory *ret)
{
	struct regex_memory memory = {
		.context = pcre2_match_context_create(NULL),
		.stack = pcre2_jit_stack_create(32 * 1024, REGEX_JIT_STACK, NULL),
	};

	if (!memory.context) {
		regex_memory_done(&memory);
		return -ENOMEM;
	}
	(void)pcre2_set_match_limit(memory.context, REGEX_MATCH_LIMIT);
	(void)pcre2_set_depth_limit(memory.context, REGEX_DEPTH_LIMIT);
	(void)pcre2_set_heap_limit(memory.context, REGEX_HEAP_LIMIT);
	/* Without a stack of its own, JIT code uses 32 KiB of the caller's. */
	if (memory.stack)
		pcre2_jit_stack_assign(memory.context, NULL, memory.stack);
	*ret = memory;
	return 0;
}

void regex_memory_done(struct regex_memory *memory)
{
	pcre2_match_context_free(memory->context);
	pcre2_jit_stack_free(memory->stack);
	memset(memory, 0, sizeof(*memory));
}

static int code_match(const struct regex *regex, const pcre2_code *code,
		      const struct regex_memory *memory, const char *text, size_t len,
		      pcre2_match_data *data)
{
	if (regex->jit)
		return pcre2_jit_match(code, (PCRE2_SPTR)text, len, 0, 0, data, memory->context);
	return pcre2_match(code, (PCRE2_SPTR)text, len, 0, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data,
			   memory->context);
}

/* Content that was cut short goes to the end of the line, as the "$" that was cut with it says. */
static void content_extend(const struct regex *regex, size_t len, pcre2_match_data *data)
{
	PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);
	PCRE2_SIZE *content = at + 2 * regex->group[ROLE_CONTENT];

	if (content[0] == PCRE2_UNSET)
		return;
	at[1] = len - 1;
	content[1] = len - 1;
}

static bool match(struct regex *regex, bool ascii, const struct regex_memory *memory,
		  const char *text, size_t len, pcre2_match_data *data)
{
	const pcre2_code *code = ascii && regex->ascii ? regex->ascii : regex->code;
	int r;

	if (!regex_may_match(regex, text, len))
		return false;
	if (!regex->anchored && !literals_found(&regex->needs, text, len))
		return false;
	if (regex->walk && len > REGEX_WALK_BYTES) {
		/* To pass over a byte counts as one. */
		(void)pcre2_set_match_limit(memory->context, REGEX_MATCH_LIMIT + (uint32_t)len);
		r = code_match(regex, regex->walk, memory, text, len, data);
		(void)pcre2_set_match_limit(memory->context, REGEX_MATCH_LIMIT);
	} else {
		r = code_match(regex, code, memory, text, len, data);
	}
	if (r >= 0) {
		if (regex->to_end)
			content_extend(regex, len, data);
		return true;
	}
	if (r != PCRE2_ERROR_NOMATCH)
		regex->limit++;
	return false;
}

bool regex_match(struct regex *regex, const struct regex_memory *memory, const char *text,
		 size_t len, pcre2_match_data *data)
{
	return match(regex, false, memory, text, len, data);
}

bool regex_match_ascii(struct regex *regex, const struct regex_memory *memory, const char *text,
		       size_t len, pcre2_match_data *data)
{
	return match(regex, true, memory, text, len, data);
}
