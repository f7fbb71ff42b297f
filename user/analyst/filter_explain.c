/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A line as a filter saw it, with the parts that it took for something. The line is somebody else's
 * text: it is made safe piece by piece, so that the only escape sequences are our own.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyst/filter_report.h"
#include "base/cleanup.h"

#define PLAIN FILTER_PART_KIND_MAX /* a byte that is nobody's part */
#define MATCHED (FILTER_PART_KIND_MAX + 1)
#define PART_SHOWN_MAX 200 /* bytes of a part that are repeated by name */

static const struct {
	const char *name, *colour;
} kinds[] = {
	[FILTER_PART_KEY] = { "key", "\033[2m" },
	[FILTER_PART_ID] = { "id", "\033[1;35m" },
	[FILTER_PART_ADDR] = { "address", "\033[1;31m" },
	[FILTER_PART_PORT] = { "port", "\033[1;36m" },
	[FILTER_PART_USER] = { "user", "\033[1;33m" },
	[FILTER_PART_COUNT] = { "count", "\033[1;32m" },
	[FILTER_PART_MARK] = { "mark", "\033[1;34m" },
	[PLAIN] = { "", "" },
	[MATCHED] = { "matched", "\033[4m" },
};
_Static_assert(ARRAY_SIZE(kinds) == MATCHED + 1, "each kind has a name and a colour");

bool filter_colour_wanted(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) == 1 && (!no_color || !no_color[0]) && term && term[0] &&
	       strcmp(term, "dumb") != 0;
}

static void piece_put(struct buf *out, const char *text, size_t len, unsigned int kind, bool colour)
{
	colour = colour && kinds[kind].colour[0];
	if (colour)
		buf_puts(out, kinds[kind].colour);
	buf_put_safe(out, text, len);
	if (colour)
		buf_puts(out, "\033[0m");
}

/* The smallest part around a byte is the one that is shown. */
static unsigned int kind_at(const struct filter_trace *trace, size_t at)
{
	unsigned int kind =
		trace->form >= 0 && at >= trace->begin && at < trace->end ? MATCHED : PLAIN;
	size_t size = trace->len + 1;

	for (unsigned int i = 0; i < trace->parts; i++) {
		const struct filter_part *part = &trace->part[i];

		if (at < part->begin || at >= part->end || part->end - part->begin >= size)
			continue;
		size = part->end - part->begin;
		kind = part->kind;
	}
	return kind;
}

static void line_put(struct buf *out, const struct filter_trace *trace, bool colour)
{
	size_t begin = 0;

	while (begin < trace->len) {
		unsigned int kind = kind_at(trace, begin);
		size_t end = begin + 1;

		while (end < trace->len && kind_at(trace, end) == kind)
			end++;
		piece_put(out, trace->text + begin, end - begin, kind, colour);
		begin = end;
	}
}

void filter_explain(struct buf *out, const struct filter_trace *trace, bool colour)
{
	line_put(out, trace, colour);
	for (unsigned int i = 0; i < trace->parts; i++) {
		const struct filter_part *part = &trace->part[i];
		size_t len = part->end - part->begin;

		buf_puts(out, i ? ", " : "\n         ");
		buf_printf(out, "%s \"", kinds[part->kind].name);
		piece_put(out, trace->text + part->begin,
			  len < PART_SHOWN_MAX ? len : PART_SHOWN_MAX, part->kind, colour);
		buf_puts(out, len < PART_SHOWN_MAX ? "\"" : "...\"");
	}
}
