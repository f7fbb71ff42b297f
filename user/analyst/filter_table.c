/* SPDX-License-Identifier: GPL-2.0-only */
/* The expressions of a filter: how often each matched, what it cost, and what is wrong with it. */
#include <string.h>

#include "analyst/filter_report.h"
#include "base/cleanup.h"

#define SHOWN_MAX 100 /* bytes of an expression */

static const char *const kinds[] = {
	[FILTER_FAILREGEX] = "failregex",
	[FILTER_PREFREGEX] = "prefregex",
	[FILTER_IGNOREREGEX] = "ignoreregex",
};
_Static_assert(ARRAY_SIZE(kinds) == FILTER_KIND_MAX, "a word for each kind");

void filter_expression_put(struct buf *out, const char *text, size_t most)
{
	struct buf safe = BUF_INIT(most);
	size_t begin = out->len;

	while (*text && !safe.cut) {
		size_t len = strcspn(text, "\\");

		buf_put_safe(&safe, text, len);
		text += len;
		for (; *text == '\\'; text++)
			buf_putc(&safe, '\\');
	}
	buf_puts(out, safe.data ? safe.data : "");
	if (*text || safe.cut)
		buf_puts(out, "...");
	buf_done(&safe);
	if (out->len == begin)
		buf_puts(out, "(empty)");
}

static void warning_put(struct buf *out, bool colour, const char *text)
{
	buf_printf(out, "%28s%s%s%s\n", "", colour ? "\033[33m" : "", text,
		   colour ? "\033[0m" : "");
}

static void warnings_put(struct buf *out, bool colour, enum filter_kind kind,
			 const struct filter_form *form)
{
	char text[160];

	if (form->limit) {
		(void)snprintf(text, sizeof(text),
			       "slow: given up %llu times, for it tried too many ways; make it say "
			       "where things end",
			       (unsigned long long)form->limit);
		warning_put(out, colour, text);
	} else if (form->tried && form->spent_ns / form->tried > FILTER_SLOW_NS) {
		warning_put(out, colour, "slow: begin it with ^ and fixed text");
	}
	if (kind == FILTER_FAILREGEX && !form->anchored)
		warning_put(out, colour,
			    "not anchored with ^: text from outside can stand where it looks");
	if (!form->jit)
		warning_put(out, colour, "runs interpreted, about ten times slower");
}

static bool has_warning(enum filter_kind kind, const struct filter_form *form)
{
	return form->limit || !form->jit || (kind == FILTER_FAILREGEX && !form->anchored) ||
	       (form->tried && form->spent_ns / form->tried > FILTER_SLOW_NS);
}

static void row_put(struct buf *out, const struct filter_report *report, enum filter_kind kind,
		    unsigned int n, const struct filter_form *form)
{
	uint64_t per_line = report->records ? form->spent_ns / report->records : 0;
	uint64_t share = report->spent_ns ? form->spent_ns * 1000 / report->spent_ns : 0;

	buf_printf(out, "%9llu %8llu %3llu.%llu%%  ", (unsigned long long)form->matches,
		   (unsigned long long)per_line, (unsigned long long)(share / 10),
		   (unsigned long long)(share % 10));
	if (kind == FILTER_FAILREGEX)
		buf_printf(out, "%3u ", n + 1);
	else
		buf_puts(out, "  - ");
	buf_put_safe(out, form->file, strlen(form->file));
	buf_printf(out, ":%u  ", form->line);
	if (kind != FILTER_FAILREGEX)
		buf_printf(out, "%s ", kinds[kind]);
	filter_expression_put(out, form->text, SHOWN_MAX);
	buf_putc(out, '\n');
	warnings_put(out, report->colour, kind, form);
}

void filter_table_put(struct buf *out, const struct filter_report *report)
{
	static const enum filter_kind order[] = { FILTER_PREFREGEX, FILTER_FAILREGEX,
						  FILTER_IGNOREREGEX };
	struct filter_form form;
	unsigned int left_out = 0;

	buf_printf(out, "%9s %8s %6s  expression\n", "hits", "ns/line", "time");
	for (size_t k = 0; k < ARRAY_SIZE(order); k++)
		for (unsigned int n = 0;
		     !filter_expression(report->set, report->index, order[k], n, &form); n++) {
			if (report->verbose || form.matches || has_warning(order[k], &form))
				row_put(out, report, order[k], n, &form);
			else
				left_out++;
		}
	if (left_out)
		buf_printf(out, "%27s %u more matched nothing (--verbose lists them)\n", "",
			   left_out);
}
