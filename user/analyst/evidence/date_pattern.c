/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One datepattern, in fail2ban's notation, to an expression with named groups.
 *
 * A pattern is a regular expression with strptime's fields. Whatever its group 1 finds is cut out
 * of the line; without a group of its own that is all of it. It must begin and end at words' ends
 * unless it says otherwise. A field that is unknown is refused: it would be plain text that no line
 * has.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyst/evidence/date.h"
#include "base/cleanup.h"

#define LINE_BEGIN "{^LN-BEG}"
#define UNBOUND "{UNB}"
#define WORD_END "(?=\\b|\\W|$)"

#define MONTHS "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
#define MONTHS_LONG \
	"january|february|march|april|may|june|july|august|september|october|november|december"
#define DAYS "mon|tue|wed|thu|fri|sat|sun"
#define DAYS_LONG "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
#define OFFSET "[+-][01][0-9](?::?[0-9]{2})?"
#define ZONE_WORD "[A-Z](?:[A-Z]{2,4})?"
/* Of any clock: one that is not set yet begins in 1970, and its lines must be read all the same. */
#define YEAR "(?P<Y>(?:19[7-9]|20[0-9])[0-9])"
/* Seconds that have ten digits are from 2001 to 2286. */
#define EPOCH "(?P<epoch>[0-9]{10,11}\\b(?:\\.[0-9]{3,9})?)"
#define EPOCH_LONG "(?P<lepoch>[0-9]{10,11}(?:[0-9]{3}(?:\\.[0-9]{1,6}|[0-9]{3})?)?)"
#define TAI64N "(?P<tai64n>@[0-9a-f]{24})"

static const struct {
	const char *name; /* behind the percent sign; Ex is fail2ban's for exactly that wide */
	const char *text;
	bool letters; /* in any case, and then all of the pattern */
} fields[] = {
	{ "%", "%", false },
	{ "Y", "(?P<Y>[0-9]{4})", false },
	{ "y", "(?P<y>[0-9]{2})", false },
	{ "m", "(?P<m>0?[1-9]|1[0-2])", false },
	{ "b", "(?P<b>" MONTHS ")", true },
	{ "B", "(?P<B>" MONTHS_LONG ")", true },
	{ "d", "(?P<d>[12][0-9]|[0 ]?[1-9]|3[01])", false },
	{ "j",
	  "(?P<j>36[0-6]|3[0-5][0-9]|[12][0-9]{2}|0[1-9][0-9]|00[1-9]|[1-9][0-9]|0[1-9]|[1-9])",
	  false },
	{ "U", "(?P<U>5[0-3]|[0-4][0-9]|[0-9])", false },
	{ "W", "(?P<W>5[0-3]|[0-4][0-9]|[0-9])", false },
	{ "w", "(?P<w>[0-6])", false },
	{ "a", "(?P<a>" DAYS ")", true },
	{ "A", "(?P<A>" DAYS_LONG ")", true },
	{ "H", "(?P<H>[01]?[0-9]|2[0-3])", false },
	{ "k", " ?(?P<H>[0-2]?[0-9])", false },
	{ "I", "(?P<I>1[0-2]|0[1-9]|[1-9])", false },
	{ "l", " ?(?P<I>1?[0-9])", false },
	{ "p", "(?P<p>am|pm)", true },
	{ "M", "(?P<M>[0-5]?[0-9])", false },
	{ "S", "(?P<S>[0-5]?[0-9]|6[01])", false },
	{ "f", "(?P<f>[0-9]{1,9})", false },
	{ "z", "(?P<z>Z|UTC|GMT|" OFFSET ")", false },
	{ "Z", "(?P<Z>Z|[A-Z]{3,5})", false },
	{ "ExY", YEAR, false },
	{ "Exy", "(?P<y>[0-9]{2})", false },
	{ "Exm", "(?P<m>0[1-9]|1[0-2])", false },
	{ "Exd", "(?P<d>[12][0-9]|0[1-9]|3[01])", false },
	{ "ExH", "(?P<H>[01][0-9]|2[0-3])", false },
	{ "Exk", " ?(?P<H>[01]?[0-9]|2[0-3])", false },
	{ "Exl", " ?(?P<I>1[0-2]|[0-9])", false },
	{ "ExM", "(?P<M>[0-5][0-9])", false },
	{ "ExS", "(?P<S>[0-5][0-9]|6[01])", false },
	{ "Exz", "(?P<z>(?:" ZONE_WORD ")?" OFFSET "|" ZONE_WORD ")", false },
	{ "ExZ", "(?P<Z>" ZONE_WORD ")", false },
	{ "c",
	  "(?P<a>" DAYS ") (?P<b>" MONTHS ") (?P<d>[12][0-9]|[0 ]?[1-9]|3[01]) "
	  "(?P<H>[01]?[0-9]|2[0-3]):(?P<M>[0-5]?[0-9]):(?P<S>[0-5]?[0-9]|6[01]) (?P<Y>[0-9]{4})",
	  true },
	{ "x", "(?P<m>0?[1-9]|1[0-2])/(?P<d>[12][0-9]|[0 ]?[1-9]|3[01])/(?P<y>[0-9]{2})", false },
	{ "X", "(?P<H>[01]?[0-9]|2[0-3]):(?P<M>[0-5]?[0-9]):(?P<S>[0-5]?[0-9]|6[01])", false },
};

static const char *const groups[] = {
	[FIELD_YEAR] = "Y",	     [FIELD_YEAR2] = "y",
	[FIELD_MONTH] = "m",	     [FIELD_MONTH_SHORT] = "b",
	[FIELD_MONTH_LONG] = "B",    [FIELD_DAY] = "d",
	[FIELD_DAY_OF_YEAR] = "j",   [FIELD_WEEK_SUNDAY] = "U",
	[FIELD_WEEK_MONDAY] = "W",   [FIELD_WEEKDAY] = "w",
	[FIELD_WEEKDAY_SHORT] = "a", [FIELD_WEEKDAY_LONG] = "A",
	[FIELD_HOUR] = "H",	     [FIELD_HOUR12] = "I",
	[FIELD_HALF] = "p",	     [FIELD_MINUTE] = "M",
	[FIELD_SECOND] = "S",	     [FIELD_FRACTION] = "f",
	[FIELD_ZONE] = "z",	     [FIELD_ZONE_NAME] = "Z",
	[FIELD_EPOCH] = "epoch",     [FIELD_EPOCH_LONG] = "lepoch",
	[FIELD_TAI64N] = "tai64n",
};
_Static_assert(ARRAY_SIZE(groups) == FIELD_MAX, "a name for every field");

/* ---- whole patterns that are a word ---- */

static const struct {
	const char *word;
	const char *anywhere; /* the word alone: where such a number is a date */
	const char *text; /* behind {^LN-BEG} or ^ */
} words[] = {
	/* At the begin, in [] there, in the kernel's "audit(1795514400.123:45)". */
	{ "EPOCH", "((?:^|(?<=^\\[)|(?<=\\baudit\\())" EPOCH ")" WORD_END, EPOCH },
	{ "LEPOCH", "((?:^|(?<=^\\[)|(?<=\\baudit\\())" EPOCH_LONG ")" WORD_END, EPOCH_LONG },
	{ "TAI64N", "(" TAI64N ")" WORD_END, TAI64N },
};

/* true: out holds its expression. */
static bool word_take(const char *pattern, struct buf *out)
{
	size_t skip = 0;

	if (!strncasecmp(pattern, LINE_BEGIN, strlen(LINE_BEGIN)))
		skip = strlen(LINE_BEGIN);
	else if (*pattern == '^')
		skip = 1;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(pattern + skip, words[i].word))
			continue;
		if (skip)
			buf_printf(out, "^\\W{0,2}(%s)" WORD_END, words[i].text);
		else
			buf_puts(out, words[i].anywhere);
		return true;
	}
	return false;
}

/* ---- fields ---- */

static int field_take(const char **at, struct buf *out, bool *letters, char error[REGEX_ERROR_MAX])
{
	const char *name = *at + 1;
	size_t len = !strncmp(name, "Ex", 2) && name[2] ? 3 : 1;

	for (size_t i = 0; *name && i < ARRAY_SIZE(fields); i++) {
		if (strlen(fields[i].name) != len || strncmp(fields[i].name, name, len))
			continue;
		buf_puts(out, fields[i].text);
		*letters |= fields[i].letters;
		*at += 1 + len;
		return 0;
	}
	(void)snprintf(error, REGEX_ERROR_MAX,
		       *name ? "%%%.*s is no part of a date; a percent sign is written %%%%"
			     : "ends in a percent sign; it is written %%%%",
		       (int)len, name);
	return -EINVAL;
}

static int fields_expand(const char *pattern, struct buf *out, bool *letters,
			 char error[REGEX_ERROR_MAX])
{
	const char *at = pattern;
	int r;

	while (*at) {
		if (*at == '%') {
			r = field_take(&at, out, letters, error);
			if (r < 0)
				return r;
		} else if (!strncasecmp(at, "{EPOCH}", 7) && (at == pattern || at[-1] != '\\')) {
			buf_puts(out, EPOCH);
			at += 7;
		} else if (!strncasecmp(at, "{LEPOCH}", 8) && (at == pattern || at[-1] != '\\')) {
			buf_puts(out, EPOCH_LONG);
			at += 8;
		} else {
			buf_putc(out, *at++);
		}
	}
	return 0;
}

/* ---- the expression's ends ---- */

/* "(?i)": its length, 0: none stands there. */
static size_t flags_len(const char *at)
{
	size_t len;

	if (at[0] != '(' || at[1] != '?')
		return 0;
	len = strspn(at + 2, "abcdefghijklmnopqrstuvwxyz");
	return len && at[2 + len] == ')' ? len + 3 : 0;
}

static bool has_group(const char *text)
{
	for (const char *at = text; (at = strchr(at, '(')); at++) {
		if (at[1] == '?' || (at > text && at[-1] == '\\') ||
		    (at > text + 1 && at[-1] == '?' && at[-2] == '('))
			continue;
		return true;
	}
	return false;
}

/* Anchored, or marked with **: no boundary of ours. */
static bool begins_bound(const char *at)
{
	for (;;) {
		size_t flags = flags_len(at);

		if (flags)
			at += flags;
		else if (!strncmp(at, "(?:^", 4))
			return true;
		else if (*at == '(' && at[1] != '?')
			at++;
		else
			return *at == '^' || !strncmp(at, "**", 2);
	}
}

static bool ends_bound(const char *text, size_t len)
{
	static const char *const ends[] = { "$", "\\b", "\\s", "**" };

	while (len && text[len - 1] == ')' && (len < 2 || text[len - 2] != '\\'))
		len--;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		size_t end = strlen(ends[i]);

		if (len >= end && !memcmp(text + len - end, ends[i], end) &&
		    (len == end || text[len - end - 1] != '\\'))
			return true;
	}
	return false;
}

/* The marks ** at the ends are for begins_bound and ends_bound only. */
static void marks_drop(char *text)
{
	size_t len = strlen(text), end = len, begin = 0;

	while (end && text[end - 1] == ')')
		end--;
	if (end > 2 && !memcmp(text + end - 2, "**", 2) && text[end - 3] != '\\') {
		memmove(text + end - 2, text + end, len - end + 1);
		len -= 2;
	}
	while (text[begin] == '(' || flags_len(text + begin))
		begin += flags_len(text + begin) ? flags_len(text + begin) : 1;
	if (!strncmp(text + begin, "**", 2))
		memmove(text + begin, text + begin + 2, len - begin - 1);
}

/* Flags in the middle are meant for all of it, and stand first. */
static void flags_move(char *text, struct buf *out)
{
	for (char *at = text; (at = strchr(at, '(')); at++) {
		size_t len = flags_len(at);

		if (!len)
			continue;
		buf_add(out, at, len);
		memmove(at, at + len, strlen(at + len) + 1);
		return;
	}
}

/* Whatever has no group becomes group 1, but for its anchors. */
static void body_put(const char *text, struct buf *out)
{
	size_t len = strlen(text);
	bool dollar;

	if (has_group(text)) {
		buf_puts(out, text);
		return;
	}
	dollar = len && text[len - 1] == '$' && (len < 2 || text[len - 2] != '\\');
	if (*text == '^') {
		buf_putc(out, '^');
		text++;
		len--;
	}
	len -= dollar && len;
	buf_printf(out, "(%.*s)%s", (int)len, text, dollar ? "$" : "");
}

/* A layout that begins with a letter or digit, always: one test, which the compiler looks ahead
 * of. */
static bool begins_word(const char *layout)
{
	return strncmp(layout, "%d", 2) != 0 && strncmp(layout, "(?:%z", 5) != 0;
}

static int expression_make(const char *pattern, bool built_in, struct buf *out,
			   char error[REGEX_ERROR_MAX])
{
	struct buf body = BUF_INIT(REGEX_MAX);
	bool unbound = false, line_begin = false, letters = false;
	int r;

	if (!strncmp(pattern, UNBOUND, strlen(UNBOUND))) {
		unbound = true;
		pattern += strlen(UNBOUND);
	} else if (!strncmp(pattern, LINE_BEGIN, strlen(LINE_BEGIN))) {
		line_begin = true;
		pattern += strlen(LINE_BEGIN);
	}
	r = fields_expand(pattern, &body, &letters, error);
	if (!r && body.data) {
		if (letters)
			buf_puts(out, "(?i)");
		flags_move(body.data, out);
		if (!unbound && !begins_bound(body.data))
			buf_puts(out, line_begin			 ? "^\\W{0,2}"
				      : built_in && begins_word(pattern) ? "\\b"
									 : "(?=^|\\b|\\W)");
		unbound |= ends_bound(body.data, strlen(body.data));
		marks_drop(body.data);
		body_put(body.data, out);
		if (!unbound)
			buf_puts(out, WORD_END);
	}
	buf_done(&body);
	return r;
}

static void groups_find(struct date_form *form)
{
	for (int i = 0; i < FIELD_MAX; i++) {
		int group =
			pcre2_substring_number_from_name(form->regex.code, (PCRE2_SPTR)groups[i]);

		form->group[i] = group > 0 ? (uint32_t)group : 0;
	}
}

/* A day of no month, a month without a day: no line could be dated. */
static bool half_a_day(const uint32_t *group)
{
	bool month = group[FIELD_MONTH] || group[FIELD_MONTH_SHORT] || group[FIELD_MONTH_LONG];
	bool week = group[FIELD_WEEK_SUNDAY] || group[FIELD_WEEK_MONDAY];

	return month != (group[FIELD_DAY] != 0) && !group[FIELD_DAY_OF_YEAR] && !week;
}

int date_form_compile(struct date_form *ret, const char *pattern, bool built_in,
		      char error[REGEX_ERROR_MAX])
{
	struct buf text = BUF_INIT(REGEX_MAX);
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	if (!word_take(pattern, &text))
		r = expression_make(pattern, built_in, &text, error);
	if (!r) {
		(void)snprintf(error, REGEX_ERROR_MAX, "is empty");
		r = text.data && !text.cut
			    ? regex_compile_plain(&ret->regex, text.data, built_in, error)
			    : -EINVAL;
	}
	buf_done(&text);
	if (r < 0)
		return r;
	groups_find(ret);
	ret->built_in = built_in;
	ret->anchored = ret->regex.anchored;
	if (half_a_day(ret->group)) {
		date_form_done(ret);
		(void)snprintf(error, REGEX_ERROR_MAX, "has a month without a day, or a day only");
		return -EINVAL;
	}
	return 0;
}

void date_form_done(struct date_form *form)
{
	regex_done(&form->regex);
}
