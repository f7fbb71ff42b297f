/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The last lines of a log, for expressions that span several (maxlines, <SKIPLINES>): old filters
 * for programs that write one message in two lines. Bounded by lines, bytes and writers; taken when
 * the filter is loaded.
 */
#include <string.h>

#include "analyst/evidence/filter.h"

static bool same_writer(const struct log_origin *a, const struct log_origin *b)
{
	return a->trusted == b->trusted && a->pid == b->pid && a->has_uid == b->has_uid &&
	       a->uid == b->uid && !strcmp(a->exe, b->exe) && !strcmp(a->unit, b->unit);
}

static void lines_drop(struct window *window, unsigned int from, unsigned int count)
{
	size_t begin = window->start[from];
	size_t end = from + count < window->lines ? window->start[from + count] : window->len;

	memmove(window->text + begin, window->text + end, window->len - end);
	for (unsigned int i = from; i + count < window->lines; i++)
		window->start[i] = window->start[i + count] - (end - begin);
	window->lines -= count;
	window->len -= end - begin;
}

static struct window *window_of(struct windows *windows, const struct log_record *record)
{
	struct window *oldest = &windows->window[0];

	for (unsigned int i = 0; i < WINDOWS_MAX; i++) {
		struct window *window = &windows->window[i];

		if (window->used && window->source == record->source &&
		    same_writer(&window->origin, &record->origin))
			return window;
		if (window->used < oldest->used)
			oldest = window;
	}
	oldest->source = record->source;
	oldest->origin = record->origin;
	oldest->lines = 0;
	oldest->len = 0;
	oldest->spent = 0;
	return oldest;
}

struct window *window_push(struct windows *windows, const struct log_record *record,
			   const struct line *line)
{
	struct window *window = window_of(windows, record);
	const size_t need = line->len + 1;
	unsigned int gone = 0;
	size_t kept;

	_Static_assert(EVIDENCE_LINE_MAX + 1 < WINDOW_BYTES, "any line fits");
	_Static_assert(WINDOW_LINES_MAX <= 64, "a bit for each line");
	window->used = ++windows->pushed;
	for (unsigned int i = window->lines; i; i--)
		if (window->spent & 1ULL << (i - 1))
			lines_drop(window, i - 1, 1);
	window->spent = 0;
	kept = window->len;
	while (window->lines - gone >= windows->lines || kept + need > WINDOW_BYTES) {
		gone++;
		kept = window->len - (gone < window->lines ? window->start[gone] : window->len);
	}
	if (gone)
		lines_drop(window, 0, gone);
	window->start[window->lines++] = window->len;
	memcpy(window->text + window->len, line->text, line->len);
	window->len += need;
	window->text[window->len - 1] = '\n';
	return window;
}

static size_t line_end(const struct window *window, unsigned int line)
{
	return line + 1 < window->lines ? window->start[line + 1] : window->len;
}

static bool line_matched(const struct window *window, unsigned int line, const PCRE2_SIZE *at)
{
	/* A match of nothing lies in the line that it stands in. */
	size_t end = at[1] > at[0] ? at[1] : at[0] + 1;

	return window->start[line] < end && line_end(window, line) > at[0];
}

static bool line_skipped(const struct window *window, unsigned int line, const struct regex *regex,
			 const PCRE2_SIZE *at)
{
	for (unsigned int i = 0; i < regex->skips; i++) {
		const PCRE2_SIZE *skip = group_at(regex, regex->skip[i], at);

		if (skip && window->start[line] >= skip[0] && line_end(window, line) <= skip[1])
			return true;
	}
	return false;
}

void window_use(struct window *window, const struct hit *hit, const char **text, size_t *len)
{
	size_t begin = window->len, end = window->len;

	if (!hit->regex->lines) {
		window->spent = 1ULL << (window->lines - 1);
		return;
	}
	for (unsigned int i = window->lines; i; i--) {
		if (!line_matched(window, i - 1, hit->at))
			continue;
		if (begin == window->len)
			end = line_end(window, i - 1);
		begin = window->start[i - 1];
		if (!line_skipped(window, i - 1, hit->regex, hit->at))
			window->spent |= 1ULL << (i - 1);
	}
	*text = window->text + begin;
	*len = end - begin;
}
