/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all filters want done to a line before their expressions see it, done once: the stamp is
 * cut out, the writer's pid is read from the syslog header, "message repeated" is unwrapped.
 */
#include "analyst/evidence/line.h"

#include <string.h>

#include "analyst/evidence/text.h"

#define REPEATED "message repeated "
#define TIMES " times: ["

static size_t skip_blanks(const struct line *line, size_t at)
{
	while (at < line->len && line->text[at] == ' ')
		at++;
	return at;
}

static size_t skip_word(const struct line *line, size_t at)
{
	const char *blank = memchr(line->text + at, ' ', line->len - at);

	return blank ? (size_t)(blank - line->text) : line->len;
}

/* NAME[PID] */
static uint32_t pid_of(const char *name, size_t len)
{
	const char *open;
	uint64_t pid;

	if (len < 3 || name[len - 1] != ']')
		return 0;
	open = memrchr(name, '[', len);
	if (!open ||
	    text_number(open + 1, (size_t)(name + len - 1 - open) - 1, INT32_MAX, &pid) < 0)
		return 0;
	return (uint32_t)pid;
}

/*
 * [HOST ]NAME[PID]: MESSAGE. Only the first word that ends in ':', among the first two, is the
 * header's end: what looks like a header further on is somebody's text. Returns where MESSAGE is.
 */
static size_t header_read(struct line *line, size_t start)
{
	size_t end;

	/* A date further on is in the message, not before the header. */
	if (start > 2)
		start = 0;
	/* Where the stamp stood in brackets, one is left. */
	if (line->dated && start < line->len && line->text[start] == ']')
		start++;
	start = skip_blanks(line, start);
	for (int word = 0; word < 2; word++) {
		end = skip_word(line, start);
		if (end == start)
			return 0;
		if (line->text[end - 1] == ':') {
			line->pid = pid_of(line->text + start, end - 1 - start);
			return skip_blanks(line, end);
		}
		start = skip_blanks(line, end);
	}
	return 0;
}

/* "message repeated N times: [ TEXT]" at place becomes TEXT (rsyslog's and sysklogd's
 * reduction). */
static void repetition_unwrap(struct line *line, size_t place)
{
	const size_t repeated = strlen(REPEATED), times = strlen(TIMES);
	size_t digits = 0, start;
	uint64_t count;

	if (line->len - place < repeated + times + 2 ||
	    memcmp(line->text + place, REPEATED, repeated) || line->text[line->len - 1] != ']')
		return;
	start = place + repeated;
	while (digits < 10 && line->text[start + digits] >= '0' &&
	       line->text[start + digits] <= '9')
		digits++;
	if (text_number(line->text + start, digits, UINT32_MAX, &count) < 0 || !count)
		return;
	start += digits;
	if (line->len - start < times + 1 || memcmp(line->text + start, TIMES, times))
		return;
	start += times;
	if (line->text[start] == ' ')
		start++;
	if (start > line->len - 1)
		return;
	memmove(line->text + place, line->text + start, line->len - 1 - start);
	line->len = place + line->len - 1 - start;
	line->count = (uint32_t)(count < LINE_REPEATED_MAX ? count : LINE_REPEATED_MAX);
}

void line_make(struct line *line, const struct log_record *record, struct date_list *dates)
{
	size_t len = record->len < EVIDENCE_LINE_MAX ? record->len : EVIDENCE_LINE_MAX;
	struct date_place cut = { 0 };
	size_t message;

	line->source = record->source;
	line->number = record->number;
	line->record_text = record->text;
	line->record_len = record->len;
	line->dates = dates;
	line->ascii = record->ascii || text_is_plain(record->text, len);
	/* A record with a stamp of its own has none in the text: a date there is somebody's
	 * word. */
	line->dated = !record->said_wall_ns &&
		      date_list_find(dates, record->source, record->text, len, &cut, &line->date);
	memcpy(line->text, record->text, cut.start);
	memcpy(line->text + cut.start, record->text + cut.end, len - cut.end);
	line->len = cut.start + len - cut.end;
	line->pid = 0;
	line->count = 1;
	message = header_read(line, cut.start);
	if (message)
		repetition_unwrap(line, message);
	line->text[line->len] = '\n';
	line->text[line->len + 1] = '\0';
}
