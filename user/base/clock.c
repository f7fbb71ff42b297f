/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Clocks and RFC 3339. Calendar arithmetic is done here and not by libc, so that neither TZ nor
 * locale has a say.
 */
#include "base/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

static uint64_t now(clockid_t clock)
{
	struct timespec ts = { 0 };

	/* Cannot fail for these clocks: both exist since 2.6.39, ts is ours. */
	(void)clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t clock_boot_ns(void)
{
	return now(CLOCK_BOOTTIME);
}

uint64_t clock_wall_ns(void)
{
	return now(CLOCK_REALTIME);
}

int64_t clock_boot_to_wall_ns(void)
{
	uint64_t before = clock_boot_ns();
	uint64_t wall = clock_wall_ns();
	uint64_t after = clock_boot_ns();

	return (int64_t)(wall - (before + (after - before) / 2));
}

/*
 * Days since 1970-01-01 in the proleptic Gregorian calendar. Years are counted from March, so
 * that the leap day is the last day of a year and the months' lengths follow (153 * m + 2) / 5.
 */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
	int64_t era, year_of_era, day_of_year;

	year -= month <= 2;
	era = year / 400;
	year_of_era = year % 400;
	day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - 719468;
}

static void date_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
	int64_t era, day_of_era, year_of_era, day_of_year, month;

	days += 719468;
	era = days / 146097;
	day_of_era = days % 146097;
	year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	month = (5 * day_of_year + 2) / 153;
	*ret_day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
	*ret_month = (int)(month < 10 ? month + 3 : month - 9);
	*ret_year = (int)(year_of_era + era * 400 + (*ret_month <= 2));
}

static char *put_digits(char *to, unsigned int value, int count)
{
	for (int i = count - 1; i >= 0; i--) {
		to[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return to + count;
}

/* By hand: each record and decision has one or two, and printf takes twenty times as long. 64 bits
 * of nanoseconds end in 2554. */
void clock_format(uint64_t wall_ns, char ret_text[CLOCK_TEXT_MAX])
{
	unsigned int nsec = (unsigned int)(wall_ns % NSEC_PER_SEC);
	uint64_t sec = wall_ns / NSEC_PER_SEC;
	unsigned int of_day = (unsigned int)(sec % 86400);
	int year, month, day;
	char *to = ret_text;

	date_from_days((int64_t)(sec / 86400), &year, &month, &day);
	to = put_digits(to, (unsigned int)year, 4);
	*to++ = '-';
	to = put_digits(to, (unsigned int)month, 2);
	*to++ = '-';
	to = put_digits(to, (unsigned int)day, 2);
	*to++ = 'T';
	to = put_digits(to, of_day / 3600, 2);
	*to++ = ':';
	to = put_digits(to, of_day / 60 % 60, 2);
	*to++ = ':';
	to = put_digits(to, of_day % 60, 2);
	*to++ = '.';
	to = put_digits(to, nsec, 9);
	*to++ = 'Z';
	*to = '\0';
}

struct cursor {
	const char *text;
	size_t len;
	bool bad;
};

/* Exactly count digits. */
static int digits(struct cursor *c, int count)
{
	int value = 0;

	for (int i = 0; i < count; i++) {
		if (c->len == 0 || *c->text < '0' || *c->text > '9') {
			c->bad = true;
			return 0;
		}
		value = value * 10 + *c->text - '0';
		c->text++;
		c->len--;
	}
	return value;
}

static bool accept(struct cursor *c, char one, char other)
{
	if (c->len == 0 || (*c->text != one && *c->text != other))
		return false;
	c->text++;
	c->len--;
	return true;
}

static void expect(struct cursor *c, char one, char other)
{
	if (!accept(c, one, other))
		c->bad = true;
}

/* Nanoseconds of ".5"; 0 without a fraction. */
static uint64_t fraction(struct cursor *c)
{
	uint64_t nsec = 0;
	int count = 0;

	if (!accept(c, '.', '.'))
		return 0;
	while (c->len && *c->text >= '0' && *c->text <= '9') {
		nsec = nsec * 10 + (uint64_t)digits(c, 1);
		if (++count > 9) {
			c->bad = true;
			return 0;
		}
	}
	if (count == 0)
		c->bad = true;
	for (; count < 9; count++)
		nsec *= 10;
	return nsec;
}

/* Seconds east of UTC. */
static int64_t zone(struct cursor *c)
{
	int hours, minutes;
	bool east;

	if (accept(c, 'Z', 'z'))
		return 0;
	east = accept(c, '+', '+');
	if (!east)
		expect(c, '-', '-');
	hours = digits(c, 2);
	expect(c, ':', ':');
	minutes = digits(c, 2);
	if (hours > 23 || minutes > 59)
		c->bad = true;
	return (east ? 1 : -1) * (hours * 3600 + minutes * 60);
}

static int month_days(int year, int month)
{
	if (month == 2)
		return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

int clock_parse(const char *text, size_t len, uint64_t *ret_wall_ns)
{
	struct cursor c = { .text = text, .len = len };
	int year, month, day, hour, minute, second;
	uint64_t nsec, wall;
	int64_t sec;

	year = digits(&c, 4);
	expect(&c, '-', '-');
	month = digits(&c, 2);
	expect(&c, '-', '-');
	day = digits(&c, 2);
	if (!accept(&c, 'T', 't'))
		expect(&c, ' ', ' ');
	hour = digits(&c, 2);
	expect(&c, ':', ':');
	minute = digits(&c, 2);
	expect(&c, ':', ':');
	second = digits(&c, 2);
	nsec = fraction(&c);
	sec = -zone(&c);
	if (c.bad || c.len)
		return -EINVAL;
	if (month < 1 || month > 12 || day < 1 || day > month_days(year, month))
		return -EINVAL;
	/* 60 is a leap second; POSIX time has none, it is the next second. */
	if (hour > 23 || minute > 59 || second > 60)
		return -EINVAL;
	sec += days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	if (sec < 0 || __builtin_mul_overflow((uint64_t)sec, NSEC_PER_SEC, &wall) ||
	    __builtin_add_overflow(wall, nsec, &wall))
		return -EINVAL;
	*ret_wall_ns = wall;
	return 0;
}
