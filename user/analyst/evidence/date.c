/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stamps. A layout is a function that reads one form at a place and says how long it is; another
 * form is another row of the table. Finding is cheap, because every line pays for it; putting the
 * date on a time scale is done only for lines that matter.
 *
 * What is found here informs people and sorts old logs. It never decides: the text is anybody's.
 */
#include "analyst/evidence/date.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "analyst/evidence/evidence.h"
#include "base/clock.h"

#define YEAR_2000_NS (946684800ULL * NSEC_PER_SEC)
#define DAY_S 86400

struct cursor {
	const char *at, *end;
};

static bool take_char(struct cursor *c, char wanted)
{
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

static bool take_digits(struct cursor *c, int digits, unsigned int *ret)
{
	unsigned int value = 0;

	if (c->end - c->at < digits)
		return false;
	for (int i = 0; i < digits; i++) {
		unsigned int digit = (unsigned int)(c->at[i] - '0');

		if (digit > 9)
			return false;
		value = value * 10 + digit;
	}
	c->at += digits;
	*ret = value;
	return true;
}

/* hh:mm:ss */
static bool take_time(struct cursor *c, struct date *date)
{
	unsigned int hour, minute, second;

	if (!take_digits(c, 2, &hour) || !take_char(c, ':') || !take_digits(c, 2, &minute) ||
	    !take_char(c, ':') || !take_digits(c, 2, &second))
		return false;
	/* 60 is a leap second. */
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	date->hour = (uint8_t)hour;
	date->minute = (uint8_t)minute;
	date->second = (uint8_t)second;
	return true;
}

/* .123456 or ,123: nothing where no digit follows. */
static void take_fraction(struct cursor *c, struct date *date)
{
	uint32_t scale = 100000000;
	const char *at = c->at;

	if (at == c->end || (*at != '.' && *at != ','))
		return;
	at++;
	if (at == c->end || !isdigit((unsigned char)*at))
		return;
	for (; at < c->end && isdigit((unsigned char)*at); at++) {
		date->ns += scale * (uint32_t)(*at - '0');
		scale /= 10;
	}
	c->at = at;
}

/* Z, +hh, +hhmm, +hh:mm: nothing where none stands. */
static void take_zone(struct cursor *c, struct date *date)
{
	struct cursor try = *c;
	unsigned int hours, minutes = 0;
	bool west;

	if (take_char(&try, 'Z')) {
		date->zoned = true;
		*c = try;
		return;
	}
	west = try.at < try.end && *try.at == '-';
	if ((!take_char(&try, '+') && !take_char(&try, '-')) || !take_digits(&try, 2, &hours))
		return;
	(void)take_char(&try, ':');
	if (!take_digits(&try, 2, &minutes) && try.at[-1] == ':')
		return;
	if (hours > 18 || minutes > 59)
		return;
	date->zoned = true;
	date->zone_s = (int32_t)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
	*c = try;
}

static bool day_fits(struct date *date, unsigned int month, unsigned int day)
{
	static const uint8_t days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (month < 1 || month > 12 || day < 1 || day > days[month - 1])
		return false;
	date->month = (uint8_t)month;
	date->day = (uint8_t)day;
	return true;
}

/* 2026-11-24T10:00:00.123456+01:00, also with '/' or '.' and a blank for the T */
static bool layout_iso(struct cursor *c, struct date *date)
{
	unsigned int year, month, day;
	char between;

	if (!take_digits(c, 4, &year) || c->at == c->end)
		return false;
	between = *c->at;
	if (between != '-' && between != '/' && between != '.')
		return false;
	c->at++;
	if (!take_digits(c, 2, &month) || !take_char(c, between) || !take_digits(c, 2, &day) ||
	    !day_fits(date, month, day) || (!take_char(c, 'T') && !take_char(c, ' ')) ||
	    year < 1970 || year > 2200 || !take_time(c, date))
		return false;
	date->year = (uint16_t)year;
	take_fraction(c, date);
	take_zone(c, date);
	return true;
}

/* Three letters as one number, so that a name is found by comparing numbers. */
#define LETTERS(a, b, c) ((uint32_t)(a) << 16 | (uint32_t)(b) << 8 | (uint32_t)(c))

static bool take_name(struct cursor *c, const uint32_t *names, unsigned int count,
		      unsigned int *ret)
{
	uint32_t letters;

	if (c->end - c->at < 3)
		return false;
	letters = LETTERS(c->at[0] | 0x20, c->at[1] | 0x20, c->at[2] | 0x20);
	for (unsigned int i = 0; i < count; i++) {
		if (names[i] == letters) {
			c->at += 3;
			*ret = i;
			return true;
		}
	}
	return false;
}

/* [Tue ]Nov 24 10:00:00[.123][ 2026] */
static bool layout_syslog(struct cursor *c, struct date *date)
{
	static const uint32_t months[] = {
		LETTERS('j', 'a', 'n'), LETTERS('f', 'e', 'b'), LETTERS('m', 'a', 'r'),
		LETTERS('a', 'p', 'r'), LETTERS('m', 'a', 'y'), LETTERS('j', 'u', 'n'),
		LETTERS('j', 'u', 'l'), LETTERS('a', 'u', 'g'), LETTERS('s', 'e', 'p'),
		LETTERS('o', 'c', 't'), LETTERS('n', 'o', 'v'), LETTERS('d', 'e', 'c'),
	};
	static const uint32_t weekdays[] = {
		LETTERS('m', 'o', 'n'), LETTERS('t', 'u', 'e'), LETTERS('w', 'e', 'd'),
		LETTERS('t', 'h', 'u'), LETTERS('f', 'r', 'i'), LETTERS('s', 'a', 't'),
		LETTERS('s', 'u', 'n'),
	};
	unsigned int month, day, year, weekday;
	struct cursor try;

	if (take_name(c, weekdays, 7, &weekday) && !take_char(c, ' '))
		return false;
	if (!take_name(c, months, 12, &month) || !take_char(c, ' '))
		return false;
	/* " 4" and "4" are both written */
	(void)take_char(c, ' ');
	if (!take_digits(c, 2, &day) && !take_digits(c, 1, &day))
		return false;
	if (!take_char(c, ' ') || !day_fits(date, month + 1, day) || !take_time(c, date))
		return false;
	take_fraction(c, date);
	try = *c;
	if (take_char(&try, ' ') && take_digits(&try, 4, &year) && year >= 1970 && year <= 2200 &&
	    (try.at == try.end || *try.at == ' ' || *try.at == ']')) {
		date->year = (uint16_t)year;
		*c = try;
	}
	return true;
}

static bool (*const layouts[])(struct cursor *, struct date *) = {
	layout_iso,
	layout_syslog,
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

bool date_find(const char *text, size_t len, size_t *ret_start, size_t *ret_end, struct date *ret)
{
	size_t start = 0;

	while (start < len && start < 2 && !is_word(text[start]))
		start++;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		struct cursor c = { .at = text + start, .end = text + len };
		struct date date = { 0 };

		if (!layouts[i](&c, &date) || (c.at < c.end && is_word(*c.at)))
			continue;
		*ret_start = start;
		*ret_end = (size_t)(c.at - text);
		*ret = date;
		return true;
	}
	return false;
}

static int64_t seconds_in_year(const struct date *date, int year)
{
	struct tm tm = {
		.tm_year = year - 1900,
		.tm_mon = date->month - 1,
		.tm_mday = date->day,
		.tm_hour = date->hour,
		.tm_min = date->minute,
		.tm_sec = date->second,
		.tm_isdst = -1,
	};

	if (date->zoned)
		return (int64_t)timegm(&tm) - date->zone_s;
	return (int64_t)mktime(&tm);
}

static int year_of(uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / NSEC_PER_SEC);
	struct tm tm;

	return gmtime_r(&seconds, &tm) ? tm.tm_year + 1900 : 0;
}

uint64_t date_resolve(const struct date *date, uint64_t near_wall_ns)
{
	int64_t latest = (int64_t)(near_wall_ns / NSEC_PER_SEC) + DAY_S;
	int64_t seconds;
	int year;

	if (date->year) {
		seconds = seconds_in_year(date, date->year);
	} else {
		if (near_wall_ns < YEAR_2000_NS)
			return 0;
		/* The latest year that is not a day ahead; 29 February may be four years back. */
		year = year_of(near_wall_ns) + 1;
		seconds = seconds_in_year(date, year);
		for (int back = 0; back < 9 && (seconds > latest ||
						(date->month == 2 && date->day == 29 &&
						 (year % 4 || (year % 100 == 0 && year % 400))));
		     back++)
			seconds = seconds_in_year(date, --year);
	}
	if (seconds <= 0 || (uint64_t)seconds > UINT64_MAX / NSEC_PER_SEC - 1)
		return 0;
	return (uint64_t)seconds * NSEC_PER_SEC + date->ns;
}

size_t log_stamp(const char *text, size_t len, uint64_t near_wall_ns, uint64_t *ret_wall_ns)
{
	size_t start, end;
	struct date date;
	uint64_t wall_ns;

	if (!date_find(text, len, &start, &end, &date))
		return 0;
	wall_ns = date_resolve(&date, near_wall_ns);
	if (!wall_ns)
		return 0;
	*ret_wall_ns = wall_ns;
	return end;
}
