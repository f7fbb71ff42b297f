/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fields of a date to wall time. Whatever the text leaves open (year, day, which of two hours) is
 * closed by the time that it was read near.
 */
#include <time.h>

#include "analyst/evidence/date.h"
#include "analyst/evidence/evidence.h"
#include "base/clock.h"

#define YEAR_2000_NS (946684800ULL * NSEC_PER_SEC)
#define DAY_S 86400
#define LONG_AGO_S (300LL * DAY_S)
#define AHEAD_S 60 /* clocks of writer and reader need not agree to the second */

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool day_exists(const struct date *date, int year)
{
	static const uint8_t days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (date->day_of_year)
		return date->day_of_year <= 365 + is_leap(year);
	return date->day <= days[date->month - 1] &&
	       (date->month != 2 || date->day < 29 || is_leap(year));
}

/* The time that a clock set back passes twice: true, with the other one. */
static bool second_time(const struct tm *told, int64_t *ret_other)
{
	struct tm other = *told;
	time_t seconds;

	other.tm_isdst = !told->tm_isdst;
	seconds = mktime(&other);
	if (seconds == (time_t)-1 || other.tm_hour != told->tm_hour ||
	    other.tm_min != told->tm_min || other.tm_mday != told->tm_mday ||
	    other.tm_isdst == told->tm_isdst)
		return false;
	*ret_other = seconds;
	return true;
}

static int64_t local_seconds(const struct date_clock *clock, struct tm *tm, uint64_t near_wall_ns,
			     bool *ret_twice)
{
	int64_t seconds, other, early, late;

	tm->tm_isdst = -1;
	seconds = mktime(tm);
	*ret_twice = seconds != -1 && second_time(tm, &other);
	if (!*ret_twice)
		return seconds;
	early = seconds < other ? seconds : other;
	late = seconds < other ? other : seconds;
	if (clock->last_ns)
		return early >= (int64_t)(clock->last_ns / NSEC_PER_SEC) ? early : late;
	return late <= (int64_t)(near_wall_ns / NSEC_PER_SEC) + AHEAD_S ? late : early;
}

/* Of the minute; day may be 0, which is the last one of the month before. */
static int64_t minute_seconds(const struct date_clock *clock, const struct date *date, int year,
			      int month, int day, uint64_t near_wall_ns, bool *ret_twice)
{
	struct tm tm = {
		.tm_year = year - 1900,
		.tm_mon = month - 1,
		.tm_mday = day,
		.tm_hour = date->hour,
		.tm_min = date->minute,
	};

	*ret_twice = false;
	if (date->zoned)
		return (int64_t)timegm(&tm) - date->zone_s;
	return local_seconds(clock, &tm, near_wall_ns, ret_twice);
}

/* What the calendar shows at near, where the date's zone is. */
static bool calendar(const struct date *date, uint64_t near_wall_ns, struct tm *ret)
{
	time_t seconds = (time_t)(near_wall_ns / NSEC_PER_SEC);

	if (!date->zoned)
		return localtime_r(&seconds, ret) != NULL;
	seconds += date->zone_s;
	return gmtime_r(&seconds, ret) != NULL;
}

/* 0: there is none. */
static int64_t resolve_minute(struct date_clock *clock, const struct date *date,
			      uint64_t near_wall_ns, bool *ret_twice)
{
	const int64_t near_s = (int64_t)(near_wall_ns / NSEC_PER_SEC);
	bool by_day = date->month || date->day_of_year;
	int month = date->day_of_year ? 1 : date->month;
	int day = date->day_of_year ? date->day_of_year : date->day;
	int64_t seconds = 0;
	struct tm now;
	int year;

	if (by_day && date->year)
		return day_exists(date, date->year) ? minute_seconds(clock, date, date->year, month,
								     day, near_wall_ns, ret_twice)
						    : 0;
	if (near_wall_ns < YEAR_2000_NS || !calendar(date, near_wall_ns, &now))
		return 0;
	if (!by_day) {
		year = date->year ? date->year : now.tm_year + 1900;
		for (int back = 0; back < 2; back++) {
			seconds = minute_seconds(clock, date, year, now.tm_mon + 1,
						 now.tm_mday - back, near_wall_ns, ret_twice);
			if (seconds <= near_s + AHEAD_S || date->year)
				break;
		}
		return seconds;
	}
	/* The latest year that is not a day ahead; 29 February may be eight years back. */
	for (year = now.tm_year + 1901; year > now.tm_year + 1892; year--) {
		if (!day_exists(date, year))
			continue;
		seconds = minute_seconds(clock, date, year, month, day, near_wall_ns, ret_twice);
		if (seconds <= near_s + DAY_S) {
			clock->past_year = year < now.tm_year + 1900;
			return seconds;
		}
	}
	return 0;
}

static bool same_minute(const struct date *a, const struct date *b)
{
	return a->year == b->year && a->day_of_year == b->day_of_year && a->month == b->month &&
	       a->day == b->day && a->hour == b->hour && a->minute == b->minute &&
	       a->zoned == b->zoned && a->zone_s == b->zone_s;
}

static int64_t resolve(struct date_clock *clock, const struct date *date, uint64_t near_wall_ns)
{
	const uint64_t near_day = near_wall_ns / NSEC_PER_SEC / DAY_S;
	bool twice = false;
	int64_t ago_s;

	if (clock->known && clock->near_day == near_day && same_minute(&clock->minute, date))
		return clock->minute_s + date->second;
	clock->past_year = false;
	clock->minute_s = resolve_minute(clock, date, near_wall_ns, &twice);
	if (clock->minute_s <= 0)
		return 0;
	/* What leans on the time of day that it was read at is asked for anew. */
	ago_s = (int64_t)(near_wall_ns / NSEC_PER_SEC) - clock->minute_s;
	clock->known = !twice && (date->month || date->day_of_year) &&
		       (date->year || (ago_s >= 0 && ago_s < LONG_AGO_S));
	clock->minute = *date;
	clock->near_day = near_day;
	return clock->minute_s + date->second;
}

uint64_t log_stamp(const char *text, size_t len, uint64_t near_wall_ns)
{
	struct date_clock clock = { 0 };
	struct date_place place;
	struct date date;

	return date_fast(text, len, &place, &date) ? date_resolve(&clock, &date, near_wall_ns) : 0;
}

uint64_t date_resolve(struct date_clock *clock, const struct date *date, uint64_t near_wall_ns)
{
	uint64_t seconds;

	/* Of a minute that is not known yet, resolve finds it out. */
	if (date->impossible || date->absolute)
		clock->known = clock->past_year = false;
	if (date->impossible)
		return 0;
	seconds = date->absolute ? date->epoch_s : (uint64_t)resolve(clock, date, near_wall_ns);
	if (!seconds || seconds > INT64_MAX / NSEC_PER_SEC - 1)
		return 0;
	return seconds * NSEC_PER_SEC + date->ns;
}
