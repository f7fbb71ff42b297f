/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to bailiff-analyst: what filter test and filter check share, and how a test is
 * reported. */
#ifndef ANALYST_FILTER_REPORT_H
#define ANALYST_FILTER_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "analyst/evidence/evidence.h"
#include "base/buf.h"

#define FILTER_MISSED_DEFAULT 20
#define FILTER_SLOW_NS 5000 /* a try, on average; usual is below 500 */

/* How a report looks; lines are counted from 1. */
struct filter_report {
	const struct filter_set *set;
	uint16_t index;
	bool json, verbose, quiet, colour;
	unsigned int missed_max; /* missed lines that are listed at the end */

	uint64_t said_wall_ns; /* the time that the line says, 0 = none */
	uint64_t undated; /* lines that say none */
	uint64_t lines, records, spent_ns, count[FILTER_SUCCESS + 1];
	uint64_t missed_cut; /* not listed, for they were too many */
	struct buf missed, out;
};

void filter_report_init(struct filter_report *report);
void filter_report_done(struct filter_report *report);

/* One line of the log. claim: NULL where there is none; record: NULL for an empty line. */
void filter_report_line(struct filter_report *report, enum filter_outcome outcome,
			const struct claim *claim, const struct log_record *record,
			const struct filter_trace *trace);
/* All of it, at the end; nothing with json. */
void filter_report_end(struct filter_report *report, const struct log_reader_stats *reader);

/* ---- filter_explain.c: a line and its parts ---- */

/* Standard output is a terminal that shows colour, and NO_COLOR does not forbid it. */
bool filter_colour_wanted(void);
/* The line as the filter saw it, its parts in colour, and below it each part by name. */
void filter_explain(struct buf *out, const struct filter_trace *trace, bool colour);

/* ---- filter_table.c: the expressions ---- */

void filter_table_put(struct buf *out, const struct filter_report *report);
/* An expression for people: made safe, but with single backslashes, since it is their own. */
void filter_expression_put(struct buf *out, const char *text, size_t most);

/* ---- filter_source.c: where filters come from ---- */

struct filter_source {
	const char *filter; /* NAME[param=value], DIR/NAME.conf, or NULL */
	const char *folder; /* NULL: the installed ones */
	const char *mode; /* or NULL */
	const char *datepattern; /* in place of the filter's, or NULL */
	const char *const *failregex, *const *ignoreregex; /* instead of filter */
	unsigned int failregexes, ignoreregexes;
};

/* Adds the files and loads the filter; what is wrong goes to standard error. */
int filter_source_load(struct filter_set *set, const struct filter_source *source,
		       uint16_t *ret_index);

#endif
