/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stamps: what is cut out of a line, and what time it is.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyst/evidence/evidence.h"
#include "analyst/evidence/line.h"
#include "base/buf.h"
#include "base/clock.h"

static uint64_t wall(const char *text)
{
	uint64_t ns;

	assert_int_equal(clock_parse(text, strlen(text), &ns), 0);
	return ns;
}

struct scene {
	struct regex_memory memory;
	struct date_pool pool;
};

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	assert_int_equal(regex_memory_new(&scene->memory), 0);
	scene->pool.memory = &scene->memory;
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	date_pool_done(&scene->pool);
	regex_memory_done(&scene->memory);
	free(scene);
	return 0;
}

static struct date_list *list_of(struct scene *scene, const char *patterns, const char *zone)
{
	struct date_list *list = NULL;
	char error[REGEX_ERROR_MAX] = "";
	unsigned int line;

	if (date_pool_get(&scene->pool, patterns, zone, &list, &line, error) < 0)
		print_message("# %s: line %u: %s\n", patterns, line, error);
	assert_non_null(list);
	return list;
}

struct row {
	const char *line;
	const char *cut; /* NULL: no date is found */
	const char *time; /* "": the date is none */
};

static void expect(struct date_list *list, uint32_t source, const struct row *row, uint64_t near)
{
	struct date_clock clock = { 0 };
	struct date_place place;
	struct date date;
	uint64_t said;
	bool found = date_list_find(list, source, row->line, strlen(row->line), &place, &date);

	assert_row(found == (row->cut != NULL), row->line);
	if (!found)
		return;
	assert_row(place.end - place.start == strlen(row->cut) &&
			   !memcmp(row->line + place.start, row->cut, strlen(row->cut)),
		   row->line);
	said = date_resolve(&clock, &date, near);
	assert_row(said == (row->time[0] ? wall(row->time) : 0), row->line);
	/* The same a second time, from the clock's memory. */
	assert_row(date_resolve(&clock, &date, near) == said, row->line);
}

static void expect_rows(struct date_list *list, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		expect(list, (uint32_t)i, &rows[i], wall("2026-11-25T01:00:00Z"));
}

/* Without a datepattern. In the zone of main(): UTC; each line is a source's first. */
static void test_layouts(void **state)
{
	static const struct row rows[] = {
		/* ISO 8601 */
		{ "2026-11-24T10:00:00.123456+01:00 h", "2026-11-24T10:00:00.123456+01:00",
		  "2026-11-24T09:00:00.123456Z" },
		{ "2026-11-24T10:00:00Z h", "2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z" },
		{ "2026-11-24T10:00:00-0530 h", "2026-11-24T10:00:00-0530",
		  "2026-11-24T15:30:00Z" },
		{ "2026-11-24T10:00:00+01 h", "2026-11-24T10:00:00+01", "2026-11-24T09:00:00Z" },
		{ "2026-11-24 10:00:00 +0100 h", "2026-11-24 10:00:00 +0100",
		  "2026-11-24T09:00:00Z" },
		{ "2026-11-24 10:00:00\r+0100 h", "2026-11-24 10:00:00\r+0100",
		  "2026-11-24T09:00:00Z" },
		{ "2026-11-24 10:00:00\xc2\xa0+0100 h", "2026-11-24 10:00:00\xc2\xa0+0100",
		  "2026-11-24T09:00:00Z" },
		{ "2026-11-24 10:00:00 UTC\xe2\x80\xa6", "2026-11-24 10:00:00 UTC",
		  "2026-11-24T10:00:00Z" },
		{ "2026-11-24 10:00:00 UTC [7] h", "2026-11-24 10:00:00 UTC",
		  "2026-11-24T10:00:00Z" },
		{ "2026-11-24 10:00:00 Zoe h", "2026-11-24 10:00:00", "2026-11-24T10:00:00Z" },
		{ "2026-11-24 10:00:00 UTCx h", "2026-11-24 10:00:00", "2026-11-24T10:00:00Z" },
		{ "2026-11-24 10:00:00,5 h", "2026-11-24 10:00:00,5", "2026-11-24T10:00:00.5Z" },
		{ "2026-11-24T10:00:00.123456789Z h", "2026-11-24T10:00:00.123456789Z",
		  "2026-11-24T10:00:00.123456789Z" },
		/* More digits than a nanosecond has are left, and the zone with them. */
		{ "2026-11-24T10:00:00.1234567890Z h", "2026-11-24T10:00:00",
		  "2026-11-24T10:00:00Z" },
		/* Of a clock that is not set yet. */
		{ "1970-01-01T00:01:00Z h", "1970-01-01T00:01:00Z", "1970-01-01T00:01:00Z" },
		{ "2026/11/24 10:00:00 h", "2026/11/24 10:00:00", "2026-11-24T10:00:00Z" },
		{ "2026.11.24  10:00:00 h", "2026.11.24  10:00:00", "2026-11-24T10:00:00Z" },
		{ "[2026-11-24 10:00:00] h", "2026-11-24 10:00:00", "2026-11-24T10:00:00Z" },
		{ "2026-11-24 10:00:00", "2026-11-24 10:00:00", "2026-11-24T10:00:00Z" },
		{ "2026-1-4 1:2:3 h", "2026-1-4 1:2:3", "2026-01-04T01:02:03Z" },
		{ "h u [2026-11-24 10:00:00] x", "2026-11-24 10:00:00", "2026-11-24T10:00:00Z" },
		{ "(((2026-11-24T10:00:00Z h", "2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z" },
		{ "\xc3\xa9 2026-11-24 10:00:00 h", "2026-11-24 10:00:00", "2026-11-24T10:00:00Z" },
		/* Mon dd */
		{ "Nov 24 10:00:00 h", "Nov 24 10:00:00", "2026-11-24T10:00:00Z" },
		{ "Nov  4 10:00:00 h", "Nov  4 10:00:00", "2026-11-04T10:00:00Z" },
		{ "Nov 4 10:00:00 h", "Nov 4 10:00:00", "2026-11-04T10:00:00Z" },
		{ "Nov  4  9:00:00 h", "Nov  4  9:00:00", "2026-11-04T09:00:00Z" },
		{ "nov 24 10:00:00.25 h", "nov 24 10:00:00.25", "2026-11-24T10:00:00.25Z" },
		{ "Tue Nov 24 10:00:00 2026 h", "Tue Nov 24 10:00:00 2026",
		  "2026-11-24T10:00:00Z" },
		{ "[Tue Nov 24 10:00:00.123456 2026] [x]", "Tue Nov 24 10:00:00.123456 2026",
		  "2026-11-24T10:00:00.123456Z" },
		{ "Nov 24 10:00:00 2025 h", "Nov 24 10:00:00 2025", "2025-11-24T10:00:00Z" },
		{ "Nov 24 10:00:00 2025: h", "Nov 24 10:00:00 2025", "2025-11-24T10:00:00Z" },
		{ "Nov 24 10:00:00 2025x h", "Nov 24 10:00:00", "2026-11-24T10:00:00Z" },
		{ "Nov 24 10:00:00 2001:db8::1 x: y", "Nov 24 10:00:00", "2026-11-24T10:00:00Z" },
		{ "h Nov 24 10:00:00 2001:db8::1 x: y", "Nov 24 10:00:00", "2026-11-24T10:00:00Z" },
		{ "h Nov 24 10:00:00 x", "Nov 24 10:00:00", "2026-11-24T10:00:00Z" },
		/* No year: the last one in which that is not more than a day ahead. */
		{ "Nov 25 22:00:00 h", "Nov 25 22:00:00", "2026-11-25T22:00:00Z" },
		{ "Nov 26 22:00:00 h", "Nov 26 22:00:00", "2025-11-26T22:00:00Z" },
		{ "Dec 31 23:59:59 h", "Dec 31 23:59:59", "2025-12-31T23:59:59Z" },
		{ "Jan  1 00:00:00 h", "Jan  1 00:00:00", "2026-01-01T00:00:00Z" },
		{ "Feb 29 10:00:00 h", "Feb 29 10:00:00", "2024-02-29T10:00:00Z" },
		{ "Jun 30 23:59:60 h", "Jun 30 23:59:60", "2026-07-01T00:00:00Z" },
		/* The others, in their order */
		{ "Tue Nov 24 2026 10:00:00.5 h", "Tue Nov 24 2026 10:00:00.5",
		  "2026-11-24T10:00:00.5Z" },
		{ "24/11/2026 10:00:00 h", "24/11/2026 10:00:00", "2026-11-24T10:00:00Z" },
		{ "24-11-26 10:00:00 h", "24-11-26 10:00:00", "2026-11-24T10:00:00Z" },
		{ "203.0.113.9 - - [24/Nov/2026:10:00:00 +0100] x", "24/Nov/2026:10:00:00 +0100",
		  "2026-11-24T09:00:00Z" },
		{ "24-Nov-2026 10:00:00.252 h", "24-Nov-2026 10:00:00.252",
		  "2026-11-24T10:00:00.252Z" },
		{ "[11/24/2026:10:00:00] h", "11/24/2026:10:00:00", "2026-11-24T10:00:00Z" },
		{ "11-24-2026 10:00:00.25 h", "11-24-2026 10:00:00.25", "2026-11-24T10:00:00.25Z" },
		{ "1795514400 h", "1795514400", "2026-11-24T10:00:00Z" },
		{ "1795514400.123 h", "1795514400.123", "2026-11-24T10:00:00.123Z" },
		{ "[1795514400] h", "1795514400", "2026-11-24T10:00:00Z" },
		{ "type=A msg=audit(1795514400.123:45): h", "1795514400.123",
		  "2026-11-24T10:00:00.123Z" },
		{ "h 1795514400", NULL, "" },
		{ "10:00:00 h", "10:00:00", "2026-11-24T10:00:00Z" },
		{ "00:59:59 h", "00:59:59", "2026-11-25T00:59:59Z" },
		{ "h 10:00:00", NULL, "" },
		{ "<11/24/26@10:00:00> h", "<11/24/26@10:00:00>", "2026-11-24T10:00:00Z" },
		{ "261124 10:00:00 h", "261124 10:00:00", "2026-11-24T10:00:00Z" },
		{ "261124  9:00:00 h", "261124  9:00:00", "2026-11-24T09:00:00Z" },
		{ "Nov 24, 2026 1:00:00 PM h", "Nov 24, 2026 1:00:00 PM", "2026-11-24T13:00:00Z" },
		{ "Nov 24, 2026 12:00:00 AM h", "Nov 24, 2026 12:00:00 AM",
		  "2026-11-24T00:00:00Z" },
		{ "Nov-24-26 10:00:00 h", "Nov-24-26 10:00:00", "2026-11-24T10:00:00Z" },
		{ "20261124T100000 h", "20261124T100000", "2026-11-24T10:00:00Z" },
		{ "20261124 100000,5+0100 h", "20261124 100000,5+0100", "2026-11-24T09:00:00.5Z" },
		{ "[CET Nov 24 10:00:00] h", "CET Nov 24 10:00:00", "2026-11-24T09:00:00Z" },
		{ "PDT Tue Nov 24 10:00:00 2026 h", "PDT Tue Nov 24 10:00:00 2026",
		  "2026-11-24T17:00:00Z" },
		{ "+01:00 Nov 24 10:00:00.5 2026 h", "+01:00 Nov 24 10:00:00.5 2026",
		  "2026-11-24T09:00:00.5Z" },
		{ "@400000006b05602000000000 h", "@400000006b05602000000000",
		  "2026-11-24T10:00:00Z" },
		{ "h @400000006b05602000000000", "@400000006b05602000000000",
		  "2026-11-24T10:00:00Z" },
	};
	struct scene *scene = *state;

	expect_rows(list_of(scene, "", NULL), rows, ARRAY_SIZE(rows));
}

/* What nobody's clock wrote. Cut like any date, so that the line is judged all the same, or
 * left. */
static void test_hostile(void **state)
{
	static const struct row rows[] = {
		{ "Feb 30 10:00:00 h", "Feb 30 10:00:00", "" },
		{ "2026-02-29T10:00:00Z h", "2026-02-29T10:00:00Z", "" },
		{ "2026-04-31 10:00:00 h", "2026-04-31 10:00:00", "" },
		{ "Nov 24 29:00:00 h", "Nov 24 29:00:00", "" },
		{ "2026-11-24 10:00:61 h", "2026-11-24 10:00:61", "" },
		{ "@4fffffffffffffffffffffff h", "@4fffffffffffffffffffffff", "" },
		{ "99999999999 h", "99999999999", "" },
		{ "Nov 24 10:00:0x h", NULL, "" },
		{ "Nov 24 10:00:00x", NULL, "" },
		{ "Nov 32 10:00:00 h", NULL, "" },
		{ "Nov 00 10:00:00 h", NULL, "" },
		{ "Nov  24 10:00:00 h", NULL, "" },
		{ "Nov 24 30:00:00 h", NULL, "" },
		{ "Nob 24 10:00:00 h", NULL, "" },
		{ "2026-13-24T10:00:00Z h", NULL, "" },
		{ "2026-11/24T10:00:00Z h", NULL, "" },
		{ "1926-11-24T10:00:00Z h", NULL, "" },
		{ "0000-11-24T10:00:00Z h", NULL, "" },
		{ "9999-11-24T10:00:00Z h", NULL, "" },
		{ "12026-11-24T10:00:00Z h", NULL, "" },
		{ "2026-11-24T10:00", NULL, "" },
		{ "999999999999999999999999999999 h", NULL, "" },
		{ "@400000006b0560200000000 h", NULL, "" },
		{ "audit(179551440:45): h", NULL, "" },
		{ "::1:2:3:4:5:6:7:8:9", "1:2:3", "2026-11-24T01:02:03Z" },
		{ "Nov", NULL, "" },
		{ "", NULL, "" },
		{ ":", NULL, "" },
		{ "[", NULL, "" },
		{ "@", NULL, "" },
	};
	struct scene *scene = *state;
	struct date_list *list = list_of(scene, "", NULL);
	struct row far = { .cut = "2026-11-24 10:00:00", .time = "2026-11-24T10:00:00Z" };
	char line[EVIDENCE_LINE_MAX + 1];

	expect_rows(list, rows, ARRAY_SIZE(rows));
	/* Far in a line it is the message's; what is near is not hidden by what is far. */
	memset(line, ' ', sizeof(line));
	(void)snprintf(line + DATE_SEARCH_MAX - 100, 100, "%s", far.cut);
	far.line = line;
	expect(list, 1, &far, wall("2026-11-25T01:00:00Z"));
	memmove(line + DATE_SEARCH_MAX, far.cut, strlen(far.cut) + 1);
	memset(line + DATE_SEARCH_MAX - 100, ' ', 100);
	far.cut = NULL;
	expect(list, 2, &far, 0);
}

/* A source's layout says what is day and what is month. */
static void test_last_layout(void **state)
{
	static const struct row rows[] = {
		{ "11-24-2026 10:00:00 h", "11-24-2026 10:00:00", "2026-11-24T10:00:00Z" },
		{ "11-05-2026 10:00:00 h", "11-05-2026 10:00:00", "2026-11-05T10:00:00Z" },
		{ "203.0.113.9 - - [24/Nov/2026:10:00:00 +0000] x", "24/Nov/2026:10:00:00 +0000",
		  "2026-11-24T10:00:00Z" },
		/* What stands left of it is nearer to the writer. */
		{ "2026-11-23 10:00:00 - - [24/Nov/2026:10:00:00 +0000] x", "2026-11-23 10:00:00",
		  "2026-11-23T10:00:00Z" },
		{ "x 2026-11-23 10:00:00 - [24/Nov/2026:10:00:00 +0000] x", "2026-11-23 10:00:00",
		  "2026-11-23T10:00:00Z" },
	};
	static const struct row other = { "11-05-2026 10:00:00 h", "11-05-2026 10:00:00",
					  "2026-05-11T10:00:00Z" };
	struct scene *scene = *state;
	struct date_list *list = list_of(scene, "", NULL);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect(list, 1, &rows[i], wall("2026-11-25T01:00:00Z"));
	expect(list, 2, &other, wall("2026-11-25T01:00:00Z"));
}

static void test_patterns(void **state)
{
	static const struct {
		const char *pattern;
		struct row row;
	} rows[] = {
		{ "%Y-%m-%d %H:%M:%S",
		  { "x 2026-11-24 10:00:00", "2026-11-24 10:00:00", "2026-11-24T10:00:00Z" } },
		{ "%Y-%m-%d %H:%M:%S", { "0000-11-24 10:00:00", "0000-11-24 10:00:00", "" } },
		{ "%Y-%m-%d %H:%M:%S", { "9999-11-24 10:00:00", "9999-11-24 10:00:00", "" } },
		{ "%Y-%m-%d %H:%M:%S", { "x2026-11-24 10:00:00", NULL, "" } },
		{ "%Y-%m-%d %H:%M:%S", { "2026-11-24 10:00:00x", NULL, "" } },
		{ "**%Y-%m-%d %H:%M:%S**",
		  { "x2026-11-24 10:00:00x", "2026-11-24 10:00:00", "2026-11-24T10:00:00Z" } },
		{ "{UNB}%Y-%m-%d %H:%M:%S",
		  { "x2026-11-24 10:00:00x", "2026-11-24 10:00:00", "2026-11-24T10:00:00Z" } },
		{ "{^LN-BEG}%Y-%m-%d %H:%M:%S",
		  { "[2026-11-24 10:00:00]", "2026-11-24 10:00:00", "2026-11-24T10:00:00Z" } },
		{ "{^LN-BEG}%Y-%m-%d %H:%M:%S", { "x 2026-11-24 10:00:00", NULL, "" } },
		{ "^x %Y-%m-%d %H:%M:%S$",
		  { "x 2026-11-24 10:00:00", "x 2026-11-24 10:00:00", "2026-11-24T10:00:00Z" } },
		/* Group 1 is what is cut. */
		{ "^x (%Y-%m-%d) at %H:%M:%S",
		  { "x 2026-11-24 at 10:00:00 y", "2026-11-24", "2026-11-24T10:00:00Z" } },
		{ "^L %d/%m/%Y - %H:%M:%S:",
		  { "L 24/11/2026 - 10:00:00: y",
		    "L 24/11/2026 - 10:00:00:", "2026-11-24T10:00:00Z" } },
		{ "%d/%b[^/]*/%Y:%H:%M:%S %z",
		  { "24/Novembre/2026:10:00:00 +0100", "24/Novembre/2026:10:00:00 +0100",
		    "2026-11-24T09:00:00Z" } },
		{ "%A, %d %B %Y %I:%M %p",
		  { "TUESDAY, 24 november 2026 10:00 pm", "TUESDAY, 24 november 2026 10:00 pm",
		    "2026-11-24T22:00:00Z" } },
		{ "%A, %d %B %Y %I:%M %p", { "Fooday, 24 november 2026 10:00 pm", NULL, "" } },
		{ "%y%j %H%M", { "26328 1000", "26328 1000", "2026-11-24T10:00:00Z" } },
		{ "%y%j %H%M", { "26366 1000", "26366 1000", "" } },
		{ "%y%j %H%M", { "24366 1000", "24366 1000", "2024-12-31T10:00:00Z" } },
		{ "%Y week %W %a %H",
		  { "2026 week 47 tue 10", "2026 week 47 tue 10", "2026-11-24T10:00:00Z" } },
		{ "%Y week %U %w %H",
		  { "2026 week 47 2 10", "2026 week 47 2 10", "2026-11-24T10:00:00Z" } },
		{ "%c",
		  { "Tue Nov 24 10:00:00 2026", "Tue Nov 24 10:00:00 2026",
		    "2026-11-24T10:00:00Z" } },
		{ "%x %X", { "11/24/26 10:00:00", "11/24/26 10:00:00", "2026-11-24T10:00:00Z" } },
		{ "%d.%m. %k:%M", { "24.11.  9:05", "24.11.  9:05", "2026-11-24T09:05:00Z" } },
		{ "%d.%m. %l:%M %p",
		  { "24.11.  9:05 PM", "24.11.  9:05 PM", "2026-11-24T21:05:00Z" } },
		{ "%ExY%Exm%Exd%ExH%ExM%ExS",
		  { "20261124100000", "20261124100000", "2026-11-24T10:00:00Z" } },
		{ "%ExY%Exm%Exd%ExH%ExM%ExS", { "19261124100000", NULL, "" } },
		{ "%Y-%m-%d %H:%M %Exz",
		  { "2026-11-24 10:00 CET", "2026-11-24 10:00 CET", "2026-11-24T09:00:00Z" } },
		{ "%Y-%m-%d %H:%M %Exz",
		  { "2026-11-24 10:00 CET+01:30", "2026-11-24 10:00 CET+01:30",
		    "2026-11-24T07:30:00Z" } },
		{ "%Y-%m-%d %H:%M %ExZ",
		  { "2026-11-24 10:00 A", "2026-11-24 10:00 A", "2026-11-24T09:00:00Z" } },
		{ "%Y-%m-%d %H:%M %Z",
		  { "2026-11-24 10:00 QQQ", "2026-11-24 10:00 QQQ", "2026-11-24T10:00:00Z" } },
		/* Groups of one's own under the fields' names; nothing in them is believed. */
		{ "^(?P<Y>\\w+)-(?P<m>\\d+)-(?P<d>\\d+) %H:%M",
		  { "2026-11-24 10:00", "2026-11-24 10:00", "2026-11-24T10:00:00Z" } },
		{ "^(?P<Y>\\w+)-(?P<m>\\d+)-(?P<d>\\d+) %H:%M",
		  { "99999999999999999999-11-24 10:00", "99999999999999999999-11-24 10:00", "" } },
		{ "^(?P<Y>\\w+)-(?P<m>\\d+)-(?P<d>\\d+) %H:%M",
		  { "abcd-11-24 10:00", "abcd-11-24 10:00", "" } },
		{ "^%%%Y-%m-%d", { "%2026-11-24 x", "%2026-11-24", "2026-11-24T00:00:00Z" } },
		/* Words */
		{ "EPOCH", { "[1795514400.123] x", "1795514400.123", "2026-11-24T10:00:00.123Z" } },
		{ "epoch",
		  { "audit(1795514400.123:4) x", "1795514400.123", "2026-11-24T10:00:00.123Z" } },
		{ "{^LN-BEG}Epoch", { "[1795514400] x", "1795514400", "2026-11-24T10:00:00Z" } },
		{ "{^LN-BEG}Epoch", { "x 1795514400", NULL, "" } },
		{ "LEPOCH", { "1795514400 x", "1795514400", "2026-11-24T10:00:00Z" } },
		{ "LEPOCH", { "1795514400123 x", "1795514400123", "2026-11-24T10:00:00.123Z" } },
		{ "LEPOCH",
		  { "1795514400123.456 x", "1795514400123.456", "2026-11-24T10:00:00.123456Z" } },
		{ "LEPOCH",
		  { "1795514400123456 x", "1795514400123456", "2026-11-24T10:00:00.123456Z" } },
		{ "^LEPOCH", { "17955144001234567 x", "17955144001234567", "" } },
		{ "LEPOCH", { "179551440012345678 x", NULL, "" } },
		{ "^time={EPOCH},",
		  { "time=1795514400, x", "time=1795514400,", "2026-11-24T10:00:00Z" } },
		{ "time=({LEPOCH})",
		  { "x time=1795514400123 x", "1795514400123", "2026-11-24T10:00:00.123Z" } },
		{ "{^LN-BEG}TAI64N",
		  { "@400000006b05602000000000 x", "@400000006b05602000000000",
		    "2026-11-24T10:00:00Z" } },
		{ "{^LN-BEG}TAI64N", { "xy @400000006b05602000000000", NULL, "" } },
		{ "{NONE}", { "2026-11-24 10:00:00 x", NULL, "" } },
		{ "{DEFAULT}",
		  { "x 2026-11-24 10:00:00", "2026-11-24 10:00:00", "2026-11-24T10:00:00Z" } },
		{ "{^LN-BEG}",
		  { "2026-11-24 10:00:00 x", "2026-11-24 10:00:00", "2026-11-24T10:00:00Z" } },
		{ "{^LN-BEG}",
		  { "24/Nov/2026:10:00:00 x", "24/Nov/2026:10:00:00", "2026-11-24T10:00:00Z" } },
		{ "{^LN-BEG}", { "x 2026-11-24 10:00:00", NULL, "" } },
		{ "^[^\\[]*\\[({DATE})",
		  { "203.0.113.9 - - [24/Nov/2026:10:00:00 +0100] x", "24/Nov/2026:10:00:00 +0100",
		    "2026-11-24T09:00:00Z" } },
		{ "^[^\\[]*\\[({DATE})",
		  { "203.0.113.9 - - (24/Nov/2026:10:00:00 +0100) x", NULL, "" } },
		{ "^<co ts=\"{DATE}\"\\s+",
		  { "<co ts=\"2026-11-24T10:00:00.00\" x", "<co ts=\"2026-11-24T10:00:00.00\" ",
		    "2026-11-24T10:00:00Z" } },
		{ "^<\\d+>\\d+\\s+{DATE}",
		  { "<34>1 2026-11-24T10:00:00Z h", "<34>1 2026-11-24T10:00:00Z",
		    "2026-11-24T10:00:00Z" } },
		{ "^{DATE}", { "1795514400 x", "1795514400", "2026-11-24T10:00:00Z" } },
		{ "^{date}", { "Nov 24 10:00:00 x", "Nov 24 10:00:00", "2026-11-24T10:00:00Z" } },
		/* Several */
		{ "^a %Y-%m-%d\n\n  ^b %d.%m.%Y  ",
		  { "b 24.11.2026 x", "b 24.11.2026", "2026-11-24T00:00:00Z" } },
		{ "x %Y-%m-%d\n{DEFAULT}",
		  { "24/Nov/2026:10:00:00 x", "24/Nov/2026:10:00:00", "2026-11-24T10:00:00Z" } },
		{ "x %Y-%m-%d\n{DEFAULT}",
		  { "x 2026-11-24", "x 2026-11-24", "2026-11-24T00:00:00Z" } },
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		print_message("# %s\n", rows[i].pattern);
		expect(list_of(scene, rows[i].pattern, NULL), 1, &rows[i].row,
		       wall("2026-11-25T01:00:00Z"));
	}
	/* One list for one text. */
	assert_ptr_equal(list_of(scene, "{NONE}", NULL), list_of(scene, "{NONE}", NULL));
}

static void test_refused(void **state)
{
	static const struct {
		const char *patterns, *zone;
		unsigned int line;
		const char *error;
	} rows[] = {
		{ "%Q", NULL, 0, "%Q is no part of a date" },
		{ "%ExQ", NULL, 0, "%ExQ is no part of a date" },
		{ "100%", NULL, 0, "ends in a percent sign" },
		{ "{DEFAULT}\n%Y-%m-%d (", NULL, 1, "parenthesis" },
		{ "%Y\n\n%Y %Y", NULL, 2, "same name" },
		{ "%H:%M %d", NULL, 0, "a month without a day, or a day only" },
		{ "%b %Y", NULL, 0, "a month without a day, or a day only" },
		{ "\\G%Y", NULL, 0, "Python" },
		{ "{UNB}", NULL, 0, "is empty" },
		{ "", "QQQ", UINT32_MAX, "\"QQQ\" is no time zone" },
		{ "", "", UINT32_MAX, "is no time zone" },
		{ "", "+9900", UINT32_MAX, "is no time zone" },
	};
	struct scene *scene = *state;
	char pattern[DATE_PATTERN_MAX + 2], error[REGEX_ERROR_MAX];
	struct date_list *list = NULL;
	unsigned int line;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		error[0] = '\0';
		assert_row(date_pool_get(&scene->pool, rows[i].patterns, rows[i].zone, &list, &line,
					 error) < 0,
			   rows[i].patterns);
		assert_null(list);
		assert_row(line == rows[i].line, rows[i].patterns);
		assert_row(strstr(error, rows[i].error) != NULL, error);
	}
	memset(pattern, 'x', sizeof(pattern) - 1);
	pattern[sizeof(pattern) - 1] = '\0';
	assert_true(date_pool_get(&scene->pool, pattern, NULL, &list, &line, error) < 0);
	assert_non_null(strstr(error, "longer than"));
}

static void test_zone_of_the_source(void **state)
{
	static const struct row rows[] = {
		{ "2026-11-24 10:00:00 x", "2026-11-24 10:00:00", "2026-11-24T12:30:00Z" },
		{ "2026-11-24 10:00:00Z x", "2026-11-24 10:00:00Z", "2026-11-24T10:00:00Z" },
		{ "Nov 24 10:00:00 x", "Nov 24 10:00:00", "2026-11-24T12:30:00Z" },
		{ "1795514400 x", "1795514400", "2026-11-24T10:00:00Z" },
		/* 01:00 UTC is 22:30 there, on the day before. */
		{ "22:30:00 x", "22:30:00", "2026-11-25T01:00:00Z" },
		{ "22:40:00 x", "22:40:00", "2026-11-24T01:10:00Z" },
	};
	struct scene *scene = *state;

	expect_rows(list_of(scene, "", "-0230"), rows, ARRAY_SIZE(rows));
}

static uint64_t stamp(const char *line, uint64_t near, uint64_t last)
{
	struct date_clock clock = { .last_ns = last };
	struct date_place place;
	struct date date;

	assert_true(date_fast(line, strlen(line), &place, &date));
	return date_resolve(&clock, &date, near);
}

static bool same_date(const struct date *a, const struct date *b)
{
	return a->year == b->year && a->month == b->month && a->day == b->day &&
	       a->hour == b->hour && a->minute == b->minute && a->second == b->second &&
	       a->ns == b->ns && a->zoned == b->zoned && a->zone_s == b->zone_s;
}

/* Whatever line came before, the same date is found at the same place. */
static void test_memo_of_the_second(void **state)
{
	static const char *const tails[] = {
		"",
		" h",
		".5 h",
		",25+01:00 h",
		"Z",
		"Zone",
		" +0200 x",
		" -03",
		"-0330",
		".1234567890",
		"x",
		"\xc3\xa9",
		" \xc2\xa0",
		".000001Z h",
		"\t+01 h",
		":1",
		".123456+01:00 h",
		".123456+01:00",
		"+01:00:30 h",
		"+01:00 ",
		"-01:00 h",
		".12345a",
		".1234567 h",
		".123456",
		".12345+01:00 h",
		"+01:00\xc3\xa9",
		"+01:0 h",
		"+19:99 h",
		"+20:00 h",
		"+01:00x",
	};
	static const char *const heads[] = {
		"2026-11-24T10:00:00", "2026-11-24 10:00:00",  "2026-11-24  10:00:00",
		"2026-11-24T10:00:01", "[2026-11-24T10:00:00", "2026/11/24 10:00:00",
		"2026-11-24T10:00:61", "Nov 24 10:00:00 2026", "2026-11-24T10:00:0",
	};
	const size_t all = ARRAY_SIZE(heads) * ARRAY_SIZE(tails);
	struct date_memo memo = { 0 };

	(void)state;
	/* Each after each other. */
	for (size_t i = 0; i < all * all * 2; i++) {
		const size_t n = i % 2 ? i / 2 % all : i / 2 / all;
		struct date_place place = { 0 }, again_place = { 0 };
		struct date date = { 0 }, again = { 0 };
		char line[64];
		bool found;

		(void)snprintf(line, sizeof(line), "%s%s", heads[n / ARRAY_SIZE(tails)],
			       tails[n % ARRAY_SIZE(tails)]);
		found = date_fast(line, strlen(line), &place, &date);
		assert_row(date_fast_again(&memo, line, strlen(line), &again_place, &again) ==
				   found,
			   line);
		assert_row(!found || (place.start == again_place.start &&
				      place.end == again_place.end && same_date(&date, &again)),
			   line);
	}
}

static void test_year_needs_a_clock(void **state)
{
	const char *line = "Nov 24 10:00:00 h";

	(void)state;
	assert_int_equal(log_stamp(line, strlen(line), 3600 * NSEC_PER_SEC), 0);
	assert_int_equal(log_stamp(line, strlen(line), wall("2026-11-25T01:00:00Z")),
			 wall("2026-11-24T10:00:00Z"));
	assert_int_equal(log_stamp("h", 1, wall("2026-11-25T01:00:00Z")), 0);
	/* At New Year: a line from before, and one whose clock is a little ahead. */
	assert_true(stamp("Dec 31 23:59:59 h", wall("2027-01-01T00:00:01Z"), 0) ==
		    wall("2026-12-31T23:59:59Z"));
	assert_true(stamp("Jan  1 00:00:02 h", wall("2026-12-31T23:59:59Z"), 0) ==
		    wall("2027-01-01T00:00:02Z"));
}

/* Berlin's clocks go back from 3:00 to 2:00 on 2026-10-25, at 01:00 UTC. */
static void test_repeated_hour(void **state)
{
	const uint64_t first = wall("2026-10-25T00:30:00Z"), second = wall("2026-10-25T01:30:00Z");
	const char *line = "2026-10-25 02:30:00 h";

	(void)state;
	(void)setenv("TZ", "Europe/Berlin", 1);
	tzset();
	/* Live: the one that is not ahead of now. */
	assert_true(stamp(line, wall("2026-10-25T00:30:01Z"), 0) == first);
	assert_true(stamp(line, wall("2026-10-25T01:30:01Z"), 0) == second);
	/* In a log that is read later: the one after the line before. */
	assert_true(stamp(line, wall("2026-11-25T00:00:00Z"), wall("2026-10-24T23:59:00Z")) ==
		    first);
	assert_true(stamp(line, wall("2026-11-25T00:00:00Z"), wall("2026-10-25T00:59:00Z")) ==
		    second);
	/* The hour that is left out, and hours that are plain. */
	assert_true(stamp("2026-03-29 02:30:00 h", wall("2026-11-25T00:00:00Z"), 0) > 0);
	assert_true(stamp("2026-07-01 12:00:00 h", wall("2026-11-25T00:00:00Z"), 0) ==
		    wall("2026-07-01T10:00:00Z"));
	assert_true(stamp("2026-12-01 12:00:00 h", wall("2026-11-25T00:00:00Z"), 0) ==
		    wall("2026-12-01T11:00:00Z"));
	(void)setenv("TZ", "UTC", 1);
	tzset();
}

static void test_line(void **state)
{
	static const struct {
		const char *record;
		uint64_t said_ns;
		const char *text;
		uint32_t pid, count;
	} rows[] = {
		{ "Nov 24 10:00:00 h sshd[42]: x", 0, " h sshd[42]: x\n", 42, 1 },
		{ "[2026-11-24 10:00:00] h sshd[42]: x", 0, "[] h sshd[42]: x\n", 42, 1 },
		{ "h sshd[42]: x", 0, "h sshd[42]: x\n", 42, 1 },
		/* Further right it is cut out too, and the header is where it was. */
		{ "h sshd[42]: x Nov 24 10:00:00 y", 0, "h sshd[42]: x  y\n", 42, 1 },
		{ "203.0.113.9 - - [24/Nov/2026:10:00:00 +0000] \"x\"", 0,
		  "203.0.113.9 - - [] \"x\"\n", 0, 1 },
		{ "sshd[42]: x", 0, "sshd[42]: x\n", 42, 1 },
		{ "h sshd(pam_unix)[42]: x", 0, "h sshd(pam_unix)[42]: x\n", 42, 1 },
		{ "h sshd: x[42]: y", 0, "h sshd: x[42]: y\n", 0, 1 },
		{ "h alice: sshd[42]: x", 0, "h alice: sshd[42]: x\n", 0, 1 },
		{ "h a sshd[42]: x", 0, "h a sshd[42]: x\n", 0, 1 },
		{ "h sshd[]: x", 0, "h sshd[]: x\n", 0, 1 },
		{ "h sshd[4x]: x", 0, "h sshd[4x]: x\n", 0, 1 },
		{ "h sshd[99999999999]: x", 0, "h sshd[99999999999]: x\n", 0, 1 },
		/* A record with a stamp of its own: a date in the text is somebody's text. */
		{ "Nov 24 10:00:00 h sshd[42]: x", 1, "Nov 24 10:00:00 h sshd[42]: x\n", 0, 1 },
		{ "h sshd[42]: message repeated 3 times: [ x]", 0, "h sshd[42]: x\n", 42, 3 },
		{ "h sshd[42]: message repeated 3 times: [x]", 0, "h sshd[42]: x\n", 42, 3 },
		{ "h sshd[42]: message repeated 4294967295 times: [ x]", 0, "h sshd[42]: x\n", 42,
		  1000 },
		{ "h sshd[42]: message repeated 3 times: [ ]", 0, "h sshd[42]: \n", 42, 3 },
		{ "h sshd[42]: message repeated 3 times: []", 0, "h sshd[42]: \n", 42, 3 },
		{ "h sshd[42]: message repeated 3 times: [ x", 0,
		  "h sshd[42]: message repeated 3 times: [ x\n", 42, 1 },
		{ "h sshd[42]: message repeated x times: [ x]", 0,
		  "h sshd[42]: message repeated x times: [ x]\n", 42, 1 },
		{ "h sshd[42]: y message repeated 3 times: [ x]", 0,
		  "h sshd[42]: y message repeated 3 times: [ x]\n", 42, 1 },
		{ "", 0, "\n", 0, 1 },
		{ ":", 0, ":\n", 0, 1 },
	};
	struct line *line = calloc(1, sizeof(*line));
	struct date_list *dates = list_of(*state, "", NULL);

	assert_non_null(line);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct log_record record = {
			.text = rows[i].record,
			.len = strlen(rows[i].record),
			.said_wall_ns = rows[i].said_ns,
		};

		line_prepare(line, &record, dates);
		assert_row(!strcmp(line->text, rows[i].text), line->text);
		assert_row(line->len == strlen(line->text) - 1, rows[i].record);
		assert_row(line->pid == rows[i].pid, rows[i].record);
		assert_row(line->count == rows[i].count, rows[i].record);
	}
	free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_layouts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_last_layout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_patterns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zone_of_the_source, setup, teardown),
		cmocka_unit_test(test_memo_of_the_second),
		cmocka_unit_test(test_year_needs_a_clock),
		cmocka_unit_test(test_repeated_hour),
		cmocka_unit_test_setup_teardown(test_line, setup, teardown),
	};

	(void)setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
