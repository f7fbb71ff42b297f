/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to the evidence stage: a log record as expressions see it. */
#ifndef ANALYST_EVIDENCE_LINE_H
#define ANALYST_EVIDENCE_LINE_H

#include "analyst/evidence/date.h"
#include "analyst/evidence/evidence.h"

#define LINE_REPEATED_MAX 1000 /* most that "message repeated N times" and <F-COUNT> may claim */

struct line {
	uint32_t source; /* which record this is made of; number 0: of none that comes again */
	uint64_t number;
	const char *record_text;
	size_t record_len;
	const struct date_list *dates; /* by which the date was found */
	bool ascii; /* all of text is */
	bool dated;
	struct date date; /* valid if dated */
	uint32_t pid; /* of "NAME[PID]:" in the syslog header, 0 = none */
	uint32_t count; /* of "message repeated N times", else 1 */
	size_t len; /* of text, without its final newline */
	char text[EVIDENCE_LINE_MAX +
		  2]; /* stamp cut out, repetition unwrapped, ends in a newline */
};

void line_make(struct line *line, const struct log_record *record, struct date_list *dates);

/* Does nothing if line is made of that record, by those dates, already. */
static inline void line_prepare(struct line *line, const struct log_record *record,
				struct date_list *dates)
{
	if (!record->number || line->number != record->number || line->source != record->source ||
	    line->dates != dates || line->record_text != record->text ||
	    line->record_len != record->len)
		line_make(line, record, dates);
}

#endif
