/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What filter test says: of each line if it is asked to, and of all of them at the end. With json
 * exactly one object a line, empty lines included, so that output and log can be put side by side.
 */
#include "analyst/filter_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"

#define SHOWN_MAX 2000 /* bytes of a missed line or a user that are shown */
#define MISSED_BYTES_MAX (16 * 1024 * 1024)
#define OUT_MAX ((size_t)EVIDENCE_LINE_MAX * 64) /* each byte may become an escape in colour */

static const char *const results[] = {
	[FILTER_NOMATCH] = "nomatch", [FILTER_IGNORED] = "ignored", [FILTER_NOFAIL] = "nofail",
	[FILTER_FAILURE] = "failure", [FILTER_SUCCESS] = "success",
};
_Static_assert(ARRAY_SIZE(results) == FILTER_SUCCESS + 1, "a word each");

void filter_report_init(struct filter_report *report)
{
	report->missed = (struct buf)BUF_INIT(MISSED_BYTES_MAX);
	report->out = (struct buf)BUF_INIT(OUT_MAX);
}

void filter_report_done(struct filter_report *report)
{
	buf_done(&report->missed);
	buf_done(&report->out);
}

static void flush(struct buf *out)
{
	if (out->data)
		(void)fwrite(out->data, 1, out->len, stdout);
	buf_clear(out);
}

static void json_put(struct filter_report *report, enum filter_outcome outcome,
		     const struct claim *claim)
{
	char addr[ADDR_TEXT_MAX], time[CLOCK_TEXT_MAX];
	struct json_writer w;

	json_begin(&w, &report->out);
	json_object(&w, NULL);
	json_u64(&w, "line", report->lines);
	json_string(&w, "result", results[outcome]);
	if (claim && claim->addr.family) {
		addr_format(&claim->addr, addr);
		json_string(&w, "addr", addr);
	} else {
		json_null(&w, "addr");
	}
	if (claim && claim->user[0])
		json_string(&w, "user", claim->user);
	else
		json_null(&w, "user");
	if (claim && claim->pid)
		json_u64(&w, "pid", claim->pid);
	else
		json_null(&w, "pid");
	clock_format(report->said_wall_ns, time);
	if (report->said_wall_ns)
		json_string(&w, "time", time);
	else
		json_null(&w, "time");
	json_end_object(&w);
	buf_putc(&report->out, '\n');
	flush(&report->out);
}

/* What the line says, in words. */
static void claim_put(struct buf *out, const struct claim *claim)
{
	char addr[ADDR_TEXT_MAX] = "no address";

	if (claim->addr.family)
		addr_format(&claim->addr, addr);
	buf_puts(out, addr);
	if (claim->port)
		buf_printf(out, " port %u", claim->port);
	if (claim->user[0]) {
		buf_puts(out, ", user \"");
		buf_put_safe(out, claim->user, strlen(claim->user));
		buf_putc(out, '"');
	}
	if (claim->pid)
		buf_printf(out, ", pid %u", claim->pid);
	if (claim->count > 1)
		buf_printf(out, ", %u times", claim->count);
}

/* Which expression it was. */
static void place_put(struct buf *out, const struct filter_report *report,
		      const struct filter_trace *trace, enum filter_outcome outcome)
{
	const bool ignored = outcome == FILTER_IGNORED;
	struct filter_form form;

	if (filter_expression(report->set, report->index,
			      ignored ? FILTER_IGNOREREGEX : FILTER_FAILREGEX,
			      (unsigned int)(ignored ? trace->ignore : trace->form), &form) < 0)
		return;
	buf_puts(out, ignored ? "by ignoreregex, " : "; ");
	if (!ignored)
		buf_printf(out, "expression %d, ", trace->form + 1);
	buf_put_safe(out, form.file, strlen(form.file));
	buf_printf(out, ":%u", form.line);
}

static void verbose_put(struct filter_report *report, enum filter_outcome outcome,
			const struct claim *claim, const struct filter_trace *trace)
{
	struct buf *out = &report->out;

	buf_printf(out, "%7llu %s  ", (unsigned long long)report->lines,
		   outcome == FILTER_NOMATCH ? "missed" : results[outcome]);
	if (claim)
		claim_put(out, claim);
	if (trace && outcome != FILTER_NOMATCH)
		place_put(out, report, trace, outcome);
	if (trace && outcome == FILTER_NOMATCH && trace->prefixed)
		buf_puts(out, "(prefregex matches, no failregex does)");
	if (trace && trace->text) {
		buf_puts(out, "\n       | ");
		filter_explain(out, trace, report->colour);
	}
	buf_putc(out, '\n');
	flush(out);
}

static void missed_add(struct filter_report *report, const struct log_record *record)
{
	struct buf line = BUF_INIT(SHOWN_MAX);

	if (report->count[FILTER_NOMATCH] > report->missed_max || report->missed.cut) {
		report->missed_cut++;
		return;
	}
	buf_put_safe(&line, record ? record->text : "", record ? record->len : 0);
	buf_printf(&report->missed, "%7llu | %s%s\n", (unsigned long long)report->lines,
		   line.data ? line.data : "", line.cut ? "..." : "");
	buf_done(&line);
}

void filter_report_line(struct filter_report *report, enum filter_outcome outcome,
			const struct claim *claim, const struct log_record *record,
			const struct filter_trace *trace)
{
	if (outcome == FILTER_NOMATCH || outcome == FILTER_IGNORED)
		claim = NULL;
	report->count[outcome]++;
	if (report->json) {
		json_put(report, outcome, claim);
		return;
	}
	if (report->verbose)
		verbose_put(report, outcome, claim, trace);
	else if (outcome == FILTER_NOMATCH)
		missed_add(report, record);
}

static void summary_put(struct buf *out, const struct filter_report *report,
			const struct log_reader_stats *reader)
{
	const uint64_t *count = report->count;

	buf_printf(out, "%llu lines: %" PRIu64 " matched (", (unsigned long long)report->lines,
		   count[FILTER_FAILURE] + count[FILTER_SUCCESS] + count[FILTER_NOFAIL]);
	for (unsigned int i = FILTER_FAILURE; i >= FILTER_NOFAIL; i--)
		buf_printf(out, "%llu %s, ", (unsigned long long)count[i], results[i]);
	buf_printf(out, "%llu %s), %llu ignored, %llu missed\n",
		   (unsigned long long)count[FILTER_SUCCESS], results[FILTER_SUCCESS],
		   (unsigned long long)count[FILTER_IGNORED],
		   (unsigned long long)count[FILTER_NOMATCH]);
	buf_printf(out, "%llu ns per line in the filter",
		   (unsigned long long)(report->records ? report->spent_ns / report->records : 0));
	if (report->undated)
		buf_printf(out, "; %llu lines say no time", (unsigned long long)report->undated);
	if (reader->cut || reader->replaced || reader->malformed)
		buf_printf(out, "; %llu lines cut, %llu with broken text, %llu broken entries",
			   (unsigned long long)reader->cut, (unsigned long long)reader->replaced,
			   (unsigned long long)reader->malformed);
	buf_putc(out, '\n');
}

void filter_report_end(struct filter_report *report, const struct log_reader_stats *reader)
{
	struct buf *out = &report->out;

	if (report->json)
		return;
	if (report->verbose)
		buf_putc(out, '\n');
	filter_table_put(out, report);
	buf_putc(out, '\n');
	if (!report->quiet && report->missed.len) {
		buf_puts(out, "missed lines");
		if (report->missed_cut)
			buf_printf(out, " (%llu more with --missed N)",
				   (unsigned long long)report->missed_cut);
		buf_puts(out, ":\n");
		flush(out);
		flush(&report->missed);
		buf_putc(out, '\n');
	}
	summary_put(out, report, reader);
	flush(out);
}
