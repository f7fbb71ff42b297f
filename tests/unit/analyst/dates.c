/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stamps: what is cut out of a line, and what time it is.
 */
#include "unit.h"

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

/* In the zone of main(): UTC. */
static void test_stamps(void **state)
{
	static const struct {
		const char *line;
		size_t len; /* 0: none is found */
		const char *time;
	} rows[] = {
		{ "2026-11-24T10:00:00.123456+01:00 h", 32, "2026-11-24T09:00:00.123456Z" },
		{ "2026-11-24T10:00:00Z h", 20, "2026-11-24T10:00:00Z" },
		{ "2026-11-24T10:00:00-0530 h", 24, "2026-11-24T15:30:00Z" },
		{ "2026-11-24T10:00:00+01 h", 22, "2026-11-24T09:00:00Z" },
		{ "2026-11-24 10:00:00,5 h", 21, "2026-11-24T10:00:00.5Z" },
		{ "2026/11/24 10:00:00 h", 19, "2026-11-24T10:00:00Z" },
		{ "[2026-11-24 10:00:00] h", 20, "2026-11-24T10:00:00Z" },
		{ "2026-11-24 10:00:00", 19, "2026-11-24T10:00:00Z" },
		{ "Nov 24 10:00:00 h", 15, "2026-11-24T10:00:00Z" },
		{ "Nov  4 10:00:00 h", 15, "2026-11-04T10:00:00Z" },
		{ "Nov 4 10:00:00 h", 14, "2026-11-04T10:00:00Z" },
		{ "nov 24 10:00:00.25 h", 18, "2026-11-24T10:00:00.25Z" },
		{ "Tue Nov 24 10:00:00 2026 h", 24, "2026-11-24T10:00:00Z" },
		{ "Nov 24 10:00:00 2025 h", 20, "2025-11-24T10:00:00Z" },
		{ "Nov 24 10:00:00 2025x h", 15, "2026-11-24T10:00:00Z" },
		/* No year: the last one in which that is not more than a day ahead. */
		{ "Nov 25 22:00:00 h", 15, "2026-11-25T22:00:00Z" },
		{ "Nov 26 22:00:00 h", 15, "2025-11-26T22:00:00Z" },
		{ "Dec 31 23:59:59 h", 15, "2025-12-31T23:59:59Z" },
		{ "Jan  1 00:00:00 h", 15, "2026-01-01T00:00:00Z" },
		{ "Feb 29 10:00:00 h", 15, "2024-02-29T10:00:00Z" },
		{ "Jun 30 23:59:60 h", 15, "2026-07-01T00:00:00Z" },
		{ "h Nov 24 10:00:00", 0, "" },
		{ "Nov 24 10:00:0 h", 0, "" },
		{ "Nov 24 10:00:00x", 0, "" },
		{ "Nov 32 10:00:00 h", 0, "" },
		{ "Nov 00 10:00:00 h", 0, "" },
		{ "Feb 30 10:00:00 h", 0, "" },
		{ "Nov 24 24:00:00 h", 0, "" },
		{ "Nob 24 10:00:00 h", 0, "" },
		{ "2026-13-24T10:00:00Z h", 0, "" },
		{ "2026-11/24T10:00:00Z h", 0, "" },
		{ "1926-11-24T10:00:00Z h", 0, "" },
		{ "12026-11-24T10:00:00Z h", 0, "" },
		{ "(((2026-11-24T10:00:00Z h", 0, "" },
		{ "2026-11-24T10:00", 0, "" },
		{ "Nov", 0, "" },
		{ "", 0, "" },
	};
	const uint64_t now = wall("2026-11-25T01:00:00Z");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t ns = 0;
		size_t len = log_stamp(rows[i].line, strlen(rows[i].line), now, &ns);

		assert_row(len == rows[i].len, rows[i].line);
		if (len)
			assert_row(ns == wall(rows[i].time), rows[i].line);
	}
}

static void test_year_needs_a_clock(void **state)
{
	const char *line = "Nov 24 10:00:00 h";
	uint64_t ns = 5;

	(void)state;
	assert_int_equal(log_stamp(line, strlen(line), 3600 * NSEC_PER_SEC, &ns), 0);
	assert_int_equal(ns, 5);
	/* At New Year: a line from before, and one whose clock is a little ahead. */
	assert_true(log_stamp("Dec 31 23:59:59 h", 17, wall("2027-01-01T00:00:01Z"), &ns) > 0);
	assert_true(ns == wall("2026-12-31T23:59:59Z"));
	assert_true(log_stamp("Jan  1 00:00:02 h", 17, wall("2026-12-31T23:59:59Z"), &ns) > 0);
	assert_true(ns == wall("2027-01-01T00:00:02Z"));
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

	(void)state;
	assert_non_null(line);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct log_record record = {
			.text = rows[i].record,
			.len = strlen(rows[i].record),
			.said_wall_ns = rows[i].said_ns,
		};

		line_prepare(line, &record);
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
		cmocka_unit_test(test_stamps),
		cmocka_unit_test(test_year_needs_a_clock),
		cmocka_unit_test(test_line),
	};

	(void)setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
