/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to the evidence stage: stamps in log lines.
 *
 *   a pattern's text -> expressions (date_pattern.c); the built-in layouts (date_layouts.c);
 *   a line -> the date's place and fields (date_list.c, date_fields.c; the two commonest layouts
 *   without an expression: date_fast.c); fields -> wall time (date_time.c, date_zone.c)
 *
 * What is found informs people, sorts old logs and tells old lines from fresh ones. It never makes
 * evidence of a line: the text is anybody's.
 */
#ifndef ANALYST_EVIDENCE_DATE_H
#define ANALYST_EVIDENCE_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyst/evidence/filter_regex.h"

struct date {
	uint16_t year; /* 0: the text has none */
	uint16_t day_of_year; /* from 1; 0: the text has none */
	uint8_t month, day; /* from 1; 0: the text has none, the time is of today or yesterday */
	uint8_t hour, minute, second;
	bool impossible; /* a field is out of its range: there is no such time */
	bool zoned; /* zone_s is known, else local time */
	bool absolute; /* epoch_s in place of all fields above */
	int32_t zone_s; /* east of UTC */
	uint32_t ns;
	uint64_t epoch_s; /* since 1970 */
};

struct date_place {
	size_t start, end; /* of what is cut out of the line; equal: nothing */
};

/* ---- date_fast.c ---- */

/* ISO 8601 or "[Tue ]Nov 24 10:00:00" at the line's begin, behind at most two characters such as
 * "[". false: perhaps one of the other layouts, or a rare form of these. */
bool date_fast(const char *text, size_t len, struct date_place *ret, struct date *ret_date);

/* The last stamp of ISO 8601 up to its second: most lines are of the same one. Zeroed at first. */
#define DATE_MEMO_LEN 19
#define DATE_MEMO_ZONE 6
struct date_memo {
	bool known;
	char text[DATE_MEMO_LEN];
	struct date second; /* of that text: without a fraction and a zone */
	char zone[DATE_MEMO_ZONE]; /* +hh:mm; NULs: none is known */
	int32_t zone_s;
};

/* The same as date_fast. */
bool date_fast_again(struct date_memo *memo, const char *text, size_t len, struct date_place *ret,
		     struct date *ret_date);
/* Where the clock time, or the run of digits, that all built-in layouts have may stand first; len:
 * nowhere, and none of them is there. */
size_t date_evidence(const char *text, size_t len);

/* ---- date_time.c ---- */

/* What the last stamp of a log came to: most lines are of the same minute. Zeroed at first. */
struct date_clock {
	bool known;
	struct date minute; /* its second and ns are 0 */
	uint64_t near_day;
	int64_t minute_s;
	bool past_year; /* of the last stamp: it had no year, and was taken for an earlier one */
	uint64_t last_ns; /* 0 = none; decides in the hour that the clock goes through twice */
};

/*
 * Wall time. Without a year it is the last year that is not a day ahead of near_wall_ns; without a
 * day the last one whose time is not a minute ahead. 0: cannot be told.
 */
uint64_t date_resolve(struct date_clock *clock, const struct date *date, uint64_t near_wall_ns);

/* ---- date_zone.c ---- */

/* "Z", "CET", "+01", "+0100", "CET+01:00". -EINVAL: unknown. */
int date_zone_parse(const char *text, size_t len, int32_t *ret_zone_s);

/* ---- date_pattern.c: one pattern to an expression ---- */

/* The groups that hold parts of a date, by fail2ban's names for them, which patterns may use. */
enum date_field {
	FIELD_YEAR, /* Y */
	FIELD_YEAR2, /* y: 20yy */
	FIELD_MONTH, /* m */
	FIELD_MONTH_SHORT, /* b */
	FIELD_MONTH_LONG, /* B */
	FIELD_DAY, /* d */
	FIELD_DAY_OF_YEAR, /* j */
	FIELD_WEEK_SUNDAY, /* U: of the year, beginning on Sundays */
	FIELD_WEEK_MONDAY, /* W */
	FIELD_WEEKDAY, /* w: 0 is Sunday */
	FIELD_WEEKDAY_SHORT, /* a */
	FIELD_WEEKDAY_LONG, /* A */
	FIELD_HOUR, /* H */
	FIELD_HOUR12, /* I */
	FIELD_HALF, /* p: AM, PM */
	FIELD_MINUTE, /* M */
	FIELD_SECOND, /* S */
	FIELD_FRACTION, /* f */
	FIELD_ZONE, /* z */
	FIELD_ZONE_NAME, /* Z */
	FIELD_EPOCH, /* epoch: seconds, with a fraction perhaps */
	FIELD_EPOCH_LONG, /* lepoch: seconds, milliseconds or microseconds by its length */
	FIELD_TAI64N, /* tai64n */
	FIELD_MAX,
};

struct date_form {
	struct regex regex;
	uint32_t group[FIELD_MAX]; /* 0 = none */
	bool anchored; /* to the line's begin or end: no place is better */
	bool built_in;
};

#define DATE_PATTERN_MAX 4096 /* bytes of one pattern */

/* error: a sentence. */
int date_form_compile(struct date_form *ret, const char *pattern, bool built_in,
		      char error[REGEX_ERROR_MAX]);
void date_form_done(struct date_form *form);

/* ---- date_fields.c ---- */

/* at: what the form's expression found in text. */
void date_fields_read(const struct date_form *form, const char *text, const PCRE2_SIZE *at,
		      struct date *ret);

/* ---- date_layouts.c ---- */

#define DATE_LAYOUTS 17

/* In the notation of patterns, in the order that they are preferred in. */
extern const char *const date_layouts[DATE_LAYOUTS];

/* ---- date_list.c: a filter's patterns ---- */

#define DATE_FORMS_MAX 256 /* expressions of one list */
#define DATE_SEARCH_MAX 1024 /* bytes of a line in which built-in layouts are looked for */
#define DATE_SOURCES 64 /* sources whose last layout is remembered; more share */

struct date_last {
	unsigned int form; /* index + 1; 0: none yet */
	size_t start;
};

struct date_list {
	char *key;
	struct date_memo memo;
	const struct regex_memory *memory;
	pcre2_match_data *data;
	struct date_form *form;
	unsigned int forms;
	bool fast; /* begins with the built-in layouts */
	bool built_in; /* has no others: without evidence there is no date */
	bool zoned; /* of stamps without a zone */
	int32_t zone_s;
	struct date_last last[DATE_SOURCES];
};

/* Lists are shared by the filters of a set: most have the same patterns. memory: borrowed. */
struct date_pool {
	const struct regex_memory *memory;
	struct date_list **list;
	unsigned int lists;
};

void date_pool_done(struct date_pool *pool);
/*
 * patterns: one a line, "" for the built-in layouts; zone: of stamps without one, NULL for local
 * time. On failure *ret_line is the line (from 0) and error a sentence; -EINVAL with *ret_line
 * UINT32_MAX: the zone.
 */
int date_pool_get(struct date_pool *pool, const char *patterns, const char *zone,
		  struct date_list **ret, unsigned int *ret_line, char error[REGEX_ERROR_MAX]);

/* text is valid UTF-8. The place and the date at it; false: no pattern is there. */
bool date_list_find(struct date_list *list, uint32_t source, const char *text, size_t len,
		    struct date_place *ret, struct date *ret_date);
/* Matches that were given up at a limit. */
uint64_t date_list_limits(const struct date_list *list);
/* Expressions without JIT. */
unsigned int date_list_interpreted(const struct date_list *list);

#endif
