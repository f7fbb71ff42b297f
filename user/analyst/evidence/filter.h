/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to the evidence stage: compiled filters and the set that holds them. */
#ifndef ANALYST_EVIDENCE_FILTER_H
#define ANALYST_EVIDENCE_FILTER_H

#include "analyst/evidence/filter_config.h"
#include "analyst/evidence/filter_regex.h"
#include "analyst/evidence/line.h"
#include "base/table.h"

#define FILTERS_MAX IPC_FILTERS_MAX
#define EXPRESSIONS_MAX 512 /* of one filter and kind */
#define JOINED_MAX 4096 /* connections whose lines are being joined, all filters */
#define LIMIT_TOLD 10 /* matches given up after which a filter is named, once */
#define JOINED_NS (300ULL * 1000000000) /* fail2ban's own time */

struct expression {
	const char *file;
	unsigned int line;
	struct regex regex;
	uint64_t matches, tried, spent_ns;
};

struct filter {
	char *spec;
	char name[CONFIG_NAME_MAX];
	char *journalmatch, *datepattern; /* as written; NULL = none */
	struct date_list *dates; /* of the set's pool */
	bool has_prefix;
	struct expression prefix;
	struct expression *fail, *ignore;
	unsigned int fails, ignores;
	/* For each first byte of the text, begin_words of bits: failregex that may begin so.
	 * NULL: any. */
	uint64_t *begins;
	unsigned int begin_words;
	struct windows *windows; /* NULL: each line is seen by itself */
	uint64_t limit; /* lines given up on, all expressions */
	const struct expression *given_up; /* the last of them; NULL = none yet */
	bool ignores_first; /* ignoreregex before the others, on the whole line */
	struct literals gate; /* one of these is in every line that matters */
};

struct filter_set {
	struct filter_files files;
	struct filter *filter[FILTERS_MAX];
	unsigned int filters;
	bool gates; /* off only in tests: what literals and ASCII's own code must not change */
	struct regex_memory memory;
	struct date_pool dates;
	struct date_clock claim_clock,
		stamp_clock; /* claims are read near now, stamps near their log's end */
	uint32_t captures; /* that the match data have room for */
	pcre2_match_data *prefix_data, *data;
	struct table *joined; /* NULL until a filter joins lines */
	uint64_t seed[2];
	int64_t boot_to_wall_ns;
	void (*warn)(const char *text, void *arg);
	void *warn_arg;
	uint64_t (*timer)(void);
	struct filter_trace *trace;
	const struct expression *given_up; /* on this line */
	struct filter_stats stats;
	struct line line;
	char content[EVIDENCE_LINE_MAX + 2];
};

/* Compiles into a zeroed filter; config is read already. -ENODATA: it has no failregex at all. */
int filter_compile(struct filter *filter, struct config *config, struct date_pool *dates,
		   char error[EVIDENCE_ERROR_MAX]);
struct filter *filter_free(struct filter *filter);
DEFINE_CLEANUP(filter_free, struct filter *)

/* ---- filter_window.c: expressions over several lines ---- */

#define WINDOW_LINES_MAX 50 /* most that maxlines may ask for */
#define WINDOW_BYTES (16 * 1024) /* of one window's lines; the oldest go first */
#define WINDOWS_MAX 8 /* writers that one filter follows at a time; the least recent goes */

struct window {
	uint64_t used; /* when, counted in lines; 0 = never */
	uint32_t source;
	struct log_origin origin;
	unsigned int lines;
	uint64_t spent; /* a bit for each line that is used up */
	size_t start[WINDOW_LINES_MAX];
	size_t len; /* of text, with a newline behind each line */
	char text[WINDOW_BYTES];
};

struct windows {
	unsigned int lines; /* maxlines */
	uint64_t pushed;
	struct window window[WINDOWS_MAX];
};

/*
 * The last lines of who wrote this record, this one included. Lines of different writers never
 * stand in one window: what one of them wrote would count as the other's word.
 */
struct window *window_push(struct windows *windows, const struct log_record *record,
			   const struct line *line);
#define COMPOUND_MAX 1024 /* bytes of <F-TUPLE_X>'s parts together; more than that are unset */

/* The expression that matched, prefregex beneath it, and the texts that their groups point into. */
struct hit {
	const struct regex *regex, *prefix; /* prefix may be NULL */
	uint32_t roles, compound; /* that one of them knows at all; most know few */
	const char *text, *prefix_text;
	const PCRE2_SIZE *at, *prefix_at;
	size_t content; /* where text stands in prefix_text */
};

/* Where a group matched; NULL: it took no part. */
static inline const PCRE2_SIZE *group_at(const struct regex *regex, uint32_t group,
					 const PCRE2_SIZE *at)
{
	if (!regex || !group || at[2 * group] == PCRE2_UNSET || at[2 * group] > at[2 * group + 1])
		return NULL;
	return at + 2 * group;
}

/*
 * A failregex matched: its lines are used up, except those that <SKIPLINES> passed over, and will
 * be gone when the next one comes. text, len: those whole lines, for ignoreregex; they stay as they
 * are where the failregex sees one line only.
 */
void window_use(struct window *window, const struct hit *hit, const char **text, size_t *len);

void filter_trace_begin(struct filter_trace *trace, const char *text, size_t len);
/* A failregex matched. */
void filter_trace_hit(struct filter_trace *trace, const struct hit *hit);

/* What one line says by itself, or together with earlier lines of its key. */
struct said {
	struct addr addr; /* family 0: none */
	bool has_id; /* an address, or <F-ID> */
	bool nofail, gained, forget;
	uint16_t port;
	uint32_t count;
	char user[IPC_USER_MAX];
};

/* filter_said.c. The key of a connection's lines may stand in room; NULL: there is none, or it
 * does not fit. */
void hit_said(const struct hit *hit, const struct line *line, struct said *ret);
const char *hit_key(const struct hit *hit, char room[COMPOUND_MAX], size_t *ret_len);

int filter_join_prepare(struct filter_set *set);
/* true: nothing comes out of the line, its failure is kept for a line that brings an address. */
bool filter_join(struct filter_set *set, uint16_t filter, const struct log_record *record,
		 const char *key, size_t key_len, struct said *said);

#endif
