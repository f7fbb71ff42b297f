/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Clocks, RFC 3339 both ways, lengths of time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "unit.h"

#define SEC(n) ((uint64_t)(n)*NSEC_PER_SEC)

static void clocks_run(void **state)
{
	uint64_t boot = clock_boot_ns();
	uint64_t wall = clock_wall_ns();
	int64_t difference = clock_boot_to_wall_ns();
	int64_t error = (int64_t)(wall - boot) - difference;

	(void)state;
	assert_true(boot > 0);
	assert_true(clock_boot_ns() >= boot);
	assert_true(wall > SEC(1700000000));
	/* Read within the same second, even on a busy machine. */
	assert_true(error > -(int64_t)NSEC_PER_SEC && error < (int64_t)NSEC_PER_SEC);
}

static void both_ways(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} rows[] = {
		{ "1970-01-01T00:00:00.000000000Z", 0 },
		{ "1970-01-01T00:00:00.000000001Z", 1 },
		{ "1999-12-31T23:59:59.999999999Z", SEC(946684799) + 999999999 },
		{ "2000-02-29T12:00:00.000000000Z", SEC(951825600) },
		{ "2000-03-01T00:00:00.000000000Z", SEC(951868800) },
		{ "2024-02-29T23:59:59.500000000Z", SEC(1709251199) + 500000000 },
		{ "2026-11-25T01:02:03.000000004Z", SEC(1795568523) + 4 },
		{ "2038-01-19T03:14:08.000000000Z", SEC(2147483648) },
		{ "2100-02-28T00:00:00.000000000Z", SEC(4107456000) },
		{ "2100-03-01T00:00:00.000000000Z", SEC(4107542400) },
		{ "2554-07-21T23:34:33.709551615Z", UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[CLOCK_TEXT_MAX];
		uint64_t ns = 7;

		assert_row(clock_parse(rows[i].text, strlen(rows[i].text), &ns) == 0, rows[i].text);
		assert_row(ns == rows[i].ns, rows[i].text);
		clock_format(rows[i].ns, text);
		assert_string_equal(text, rows[i].text);
	}
}

/* Every day of 800 years against libc's calendar. */
static void calendar_agrees_with_libc(void **state)
{
	(void)state;
	for (time_t day = 0; day < 365 * 584; day++) {
		time_t sec = day * 86400 + day % 86400;
		char text[CLOCK_TEXT_MAX], expected[CLOCK_TEXT_MAX];
		struct tm tm;
		uint64_t ns;

		assert_non_null(gmtime_r(&sec, &tm));
		assert_true(strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000000000Z",
				     &tm) > 0);
		clock_format(SEC(sec), text);
		assert_string_equal(text, expected);
		assert_int_equal(clock_parse(text, strlen(text), &ns), 0);
		assert_true(ns == SEC(sec));
	}
}

static void zones_and_fractions(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} rows[] = {
		{ "2026-11-25T01:02:03Z", SEC(1795568523) },
		{ "2026-11-25t01:02:03z", SEC(1795568523) },
		{ "2026-11-25 01:02:03Z", SEC(1795568523) },
		{ "2026-11-25T01:02:03.5Z", SEC(1795568523) + 500000000 },
		{ "2026-11-25T01:02:03.123456Z", SEC(1795568523) + 123456000 },
		{ "2026-11-25T01:02:03+00:00", SEC(1795568523) },
		{ "2026-11-25T01:02:03-00:00", SEC(1795568523) },
		{ "2026-11-25T02:32:03+01:30", SEC(1795568523) },
		{ "2026-11-24T20:02:03-05:00", SEC(1795568523) },
		{ "2026-11-25T01:02:03.25-01:00", SEC(1795568523 + 3600) + 250000000 },
		{ "1969-12-31T23:00:00-01:00", 0 },
		{ "2016-12-31T23:59:60Z", SEC(1483228800) }, /* leap second */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t ns;

		assert_row(clock_parse(rows[i].text, strlen(rows[i].text), &ns) == 0, rows[i].text);
		assert_row(ns == rows[i].ns, rows[i].text);
	}
}

static void bad_times(void **state)
{
	static const char *const rows[] = {
		"",
		"2026",
		"2026-11-25",
		"2026-11-25T01:02:03",
		"2026-11-25T01:02Z",
		"2026-11-25T01:02:03.Z",
		"2026-11-25T01:02:03.1234567890Z",
		"2026-11-25T01:02:03+0100",
		"2026-11-25T01:02:03+01",
		"2026-11-25T01:02:03+24:00",
		"2026-11-25T01:02:03+01:60",
		"2026-11-25T01:02:03 Z",
		"2026-11-25T01:02:03ZZ",
		" 2026-11-25T01:02:03Z",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-01-00T00:00:00Z",
		"2026-01-32T00:00:00Z",
		"2026-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z",
		"2026-04-31T00:00:00Z",
		"2026-01-01T24:00:00Z",
		"2026-01-01T00:60:00Z",
		"2026-01-01T00:00:61Z",
		"1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00+00:01",
		"2554-07-21T23:34:33.709551616Z",
		"9999-12-31T23:59:59Z",
		"0000-01-01T00:00:00Z",
		"+026-01-01T00:00:00Z",
		"2026-1-01T00:00:00Z",
		"2026-11-25T01:02:03,5Z",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t ns = 7;

		assert_row(clock_parse(rows[i], strlen(rows[i]), &ns) == -EINVAL, rows[i]);
		assert_true(ns == 7);
	}
	/* Nothing is read past the length. */
	for (size_t len = 0; len < 20; len++) {
		uint64_t ns;

		assert_int_equal(clock_parse("2026-11-25T01:02:03Z", len, &ns), -EINVAL);
	}
}

static void zone_of_the_process_does_not_matter(void **state)
{
	static const char text[] = "2026-07-01T12:00:00.000000000Z";
	char again[CLOCK_TEXT_MAX];
	uint64_t ns;

	(void)state;
	assert_int_equal(setenv("TZ", "America/New_York", 1), 0);
	tzset();
	assert_int_equal(clock_parse(text, strlen(text), &ns), 0);
	clock_format(ns, again);
	assert_int_equal(unsetenv("TZ"), 0);
	tzset();
	assert_string_equal(again, text);
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint64_t seconds;
	} rows[] = {
		{ "0", 0, 0 },
		{ "90", 0, 90 },
		{ "10m", 0, 600 },
		{ "1h 30m", 0, 5400 },
		{ "1h30m", 0, 5400 },
		{ "  1 h\t30 m  ", 0, 5400 },
		{ "30m 1h", 0, 5400 },
		{ "1s 1s", 0, 2 },
		{ "1d", 0, 86400 },
		{ "1w", 0, 604800 },
		{ "1mo", 0, 2629800 },
		{ "1y", 0, 31557600 },
		{ "1y 1mo 1w 1d 1h 1m 1s", 0, 34882261 },
		{ "10y", 0, 315576000 },
		{ "315576000", 0, 315576000 },
		{ "0y", 0, 0 },
		{ "007s", 0, 7 },
		{ "315576001", -ERANGE, 0 },
		{ "10y 1s", -ERANGE, 0 },
		{ "11y", -ERANGE, 0 },
		{ "9y 13mo", -ERANGE, 0 },
		/* Around 32 and 64 bits, alone and times a unit. */
		{ "4294967295", -ERANGE, 0 },
		{ "4294967296", -ERANGE, 0 },
		{ "4294967297s", -ERANGE, 0 },
		{ "71582789m", -ERANGE, 0 },
		{ "18446744073709551615", -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "18446744073709551617s", -ERANGE, 0 },
		{ "584542046091y", -ERANGE, 0 },
		{ "99999999999999999999999999999999h 1s", -ERANGE, 0 },
		{ "10y 18446744073709551615s 1s", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "  ", -EINVAL, 0 },
		{ "h", -EINVAL, 0 },
		{ "1x", -EINVAL, 0 },
		{ "1mm", -EINVAL, 0 },
		{ "1H", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "1.5h", -EINVAL, 0 },
		{ "1h 30", -EINVAL, 0 }, /* thirty what? */
		{ "1 2", -EINVAL, 0 },
		{ "1h,", -EINVAL, 0 },
		{ "11y x", -EINVAL, 0 },
		{ "1\n", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t seconds = 777;

		assert_row(duration_parse(rows[i].text, &seconds) == rows[i].r, rows[i].text);
		assert_row(seconds == (rows[i].r ? 777 : rows[i].seconds), rows[i].text);
	}
}

static void durations_for_people(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} rows[] = {
		{ 0, "0s" },	       { 1, "1s" },
		{ 59, "59s" },	       { 60, "1m" },
		{ 61, "1m 1s" },       { 3600, "1h" },
		{ 3601, "1h" },	       { 5400, "1h 30m" },
		{ 5430, "1h 30m" },    { 86399, "23h 59m" },
		{ 604800, "1w" },      { 2629800, "4w 2d" },
		{ 31557600, "1y" },    { 315576000, "10y" },
		{ 34186200, "1y 4w" }, { UINT64_MAX, "584542046090y 32w" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[CLOCK_TEXT_MAX];

		duration_format(rows[i].seconds, text);
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks_run),
		cmocka_unit_test(both_ways),
		cmocka_unit_test(calendar_agrees_with_libc),
		cmocka_unit_test(zones_and_fractions),
		cmocka_unit_test(bad_times),
		cmocka_unit_test(zone_of_the_process_does_not_matter),
		cmocka_unit_test(durations),
		cmocka_unit_test(durations_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
