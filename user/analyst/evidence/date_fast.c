/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two layouts that nearly all logs have, read by hand: every line pays for its date.
 *
 * What is read here is read exactly as the layouts' expressions would; a rare form (one digit for
 * an hour, a word right behind the date) is left to them.
 */
#include <string.h>

#include "analyst/evidence/date.h"

struct cursor {
	const char *at, *end;
};

static bool is_digit(char c)
{
	return (unsigned char)(c - '0') <= 9;
}

static bool is_word(char c)
{
	return is_digit(c) || (unsigned char)((c | 0x20) - 'a') < 26 || c == '_';
}

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

#define NO_NUMBER 1000000

/* Of two digits; NO_NUMBER or more: they are none. */
static unsigned int two_digits(const char *at)
{
	const unsigned int tens = (unsigned int)(at[0] - '0'), ones = (unsigned int)(at[1] - '0');

	return tens <= 9 && ones <= 9 ? tens * 10 + ones : NO_NUMBER;
}

#define DAY_LEN 10 /* 2026-11-24 */
#define TIME_LEN 8 /* hh:mm:ss */
_Static_assert(DATE_MEMO_LEN == DAY_LEN + 1 + TIME_LEN, "up to the second");

static bool time_read(const char *at, struct date *date)
{
	const unsigned int hour = two_digits(at), minute = two_digits(at + 3),
			   second = two_digits(at + 6);

	/* 60 is a leap second. */
	if (at[2] != ':' || at[5] != ':' || hour > 23 || minute > 59 || second > 60)
		return false;
	date->hour = (uint8_t)hour;
	date->minute = (uint8_t)minute;
	date->second = (uint8_t)second;
	return true;
}

static bool take_time(struct cursor *c, struct date *date)
{
	if (c->end - c->at < TIME_LEN || !time_read(c->at, date))
		return false;
	c->at += TIME_LEN;
	return true;
}

/* .123456: nothing where no digit follows; false: more digits than nanoseconds have. */
static bool take_fraction(struct cursor *c, bool comma, struct date *date)
{
	static const uint32_t scales[] = { 1000000000, 100000000, 10000000, 1000000, 100000,
					   10000,      1000,	  100,	    10,	     1 };
	const char *at = c->at, *first;
	uint32_t value = 0;

	if (c->end - at < 2 || (*at != '.' && (!comma || *at != ',')) || !is_digit(at[1]))
		return true;
	first = ++at;
	/* Microseconds, which is what loggers write. */
	if (c->end - at > 6 && !is_digit(at[6])) {
		const uint64_t us = two_digits(at) * UINT64_C(10000) + two_digits(at + 2) * 100 +
				    two_digits(at + 4);

		if (us < NO_NUMBER) {
			date->ns = (uint32_t)us * 1000;
			c->at = at + 6;
			return true;
		}
	}
	for (; at < c->end && is_digit(*at); at++) {
		if (at - first == 9)
			return false;
		value = value * 10 + (uint32_t)(*at - '0');
	}
	date->ns = value * scales[at - first];
	c->at = at;
	return true;
}

/* [blanks] Z, UTC, GMT, +hh, +hhmm, +hh:mm: nothing where none stands; false: hard to tell. */
static bool take_zone(struct cursor *c, struct date *date)
{
	struct cursor try = *c;
	unsigned int hours, minutes = 0;
	bool west;

	while (try.at < try.end && (*try.at == ' ' || *try.at == '\t'))
		try.at++;
	if (try.at == try.end)
		return true;
	/* Any other blank, those beyond ASCII included: U+0085, U+00A0, U+1680, U+2000, U+3000. */
	if ((unsigned char)*try.at < ' ' ||
	    (*try.at & 0x80 && memchr("\xc2\xe1\xe2\xe3", *try.at, 4)))
		return false;
	if (*try.at == 'Z' || *try.at == 'U' || *try.at == 'G') {
		size_t len = *try.at == 'Z' ? 1 : 3;

		if ((size_t)(try.end - try.at) < len ||
		    (len == 3 && memcmp(try.at, "UTC", 3) && memcmp(try.at, "GMT", 3)))
			return true;
		try.at += len;
		/* "Zone" is no zone. */
		if (try.at < try.end && is_word(*try.at))
			return true;
		if (try.at < try.end && *try.at & 0x80)
			return false;
		date->zoned = true;
		*c = try;
		return true;
	}
	west = *try.at == '-';
	if ((!take_char(&try, '+') && !take_char(&try, '-')) || !take_digits(&try, 2, &hours) ||
	    hours > 19)
		return true;
	*c = try;
	(void)take_char(&try, ':');
	if (take_digits(&try, 2, &minutes))
		*c = try;
	date->zoned = true;
	date->zone_s = (int32_t)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
	return true;
}

/* A clock that is not set yet begins in 1970. */
static bool year_of_clock(unsigned int year)
{
	return year >= 1970 && year <= 2099;
}

/* 2026-11-24T10:00:00.123456+01:00, also with '/' or '.' and blanks for the T */
static bool layout_iso(struct cursor *c, struct date *date)
{
	const char *at = c->at;
	unsigned int year, month, day;

	if (c->end - at < DAY_LEN + 1 + TIME_LEN)
		return false;
	year = two_digits(at) * 100 + two_digits(at + 2);
	month = two_digits(at + 5);
	day = two_digits(at + 8);
	if (!year_of_clock(year) || (at[4] != '-' && at[4] != '/' && at[4] != '.') ||
	    at[7] != at[4] || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	at += DAY_LEN;
	if (*at != 'T' && *at != ' ')
		return false;
	at += *at == ' ' && at[1] == ' ' ? 2 : 1;
	date->year = (uint16_t)year;
	date->month = (uint8_t)month;
	date->day = (uint8_t)day;
	c->at = at;
	if (!take_time(c, date) || !take_fraction(c, true, date))
		return false;
	return take_zone(c, date);
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

/* " 2026" behind the time; not the begin of an address, as in "Nov 24 10:00:00 2001:db8::1".
 * false: hard to tell. */
static bool take_year(struct cursor *c, struct date *date)
{
	struct cursor try = *c;
	unsigned int year;

	if (!take_char(&try, ' ') || !take_digits(&try, 4, &year) || !year_of_clock(year))
		return true;
	if (try.at < try.end && is_word(*try.at))
		return true;
	if (try.at < try.end && *try.at & 0x80)
		return false;
	if (try.end - try.at > 1 && *try.at == ':' &&
	    (is_digit(try.at[1]) || try.at[1] == ':' ||
	     (unsigned char)((try.at[1] | 0x20) - 'a') < 6))
		return true;
	date->year = (uint16_t)year;
	*c = try;
	return true;
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
	unsigned int month, day, weekday;

	if (take_name(c, weekdays, 7, &weekday) && !take_char(c, ' '))
		return false;
	if (!take_name(c, months, 12, &month) || !take_char(c, ' '))
		return false;
	/* " 4" and "4" are both written */
	if ((take_char(c, ' ') || !take_digits(c, 2, &day)) && !take_digits(c, 1, &day))
		return false;
	if (!take_char(c, ' ') || day < 1 || day > 31 || !take_time(c, date) ||
	    !take_fraction(c, false, date))
		return false;
	date->month = (uint8_t)(month + 1);
	date->day = (uint8_t)day;
	return take_year(c, date);
}

/* A date that runs on into a word is none. */
static bool is_end(const struct cursor *c)
{
	return c->at == c->end || (!is_word(*c->at) && !(*c->at & 0x80));
}

bool date_fast(const char *text, size_t len, struct date_place *ret, struct date *ret_date)
{
	struct cursor c = { .at = text, .end = text + len };
	struct date date = { 0 };
	bool found;

	while (c.at < c.end && c.at < text + 2 && !is_word(*c.at) && !(*c.at & 0x80))
		c.at++;
	ret->start = (size_t)(c.at - text);
	if (c.at == c.end)
		return false;
	found = is_digit(*c.at) ? layout_iso(&c, &date) : layout_syslog(&c, &date);
	if (!found || !is_end(&c))
		return false;
	ret->end = (size_t)(c.at - text);
	*ret_date = date;
	return true;
}

/* What date_fast found begins the text and is ISO 8601, with one character before the hour. */
static bool is_plain_iso(const char *text, const struct date_place *place)
{
	return !place->start && is_digit(text[0]) && is_digit(text[DAY_LEN + 1]);
}

/* The zone of the line before, +hh:mm, with a blank behind it, which ends it and the date. */
static bool zone_again(const struct date_memo *memo, struct cursor *c)
{
	if (c->end - c->at <= DATE_MEMO_ZONE || c->at[DATE_MEMO_ZONE] != ' ' ||
	    memcmp(c->at, memo->zone, DATE_MEMO_ZONE) != 0)
		return false;
	c->at += DATE_MEMO_ZONE;
	return true;
}

bool date_fast_again(struct date_memo *memo, const char *text, size_t len, struct date_place *ret,
		     struct date *ret_date)
{
	struct cursor c = { .at = text + DATE_MEMO_LEN, .end = text + len };
	struct date date;

	if (!memo->known || len < DATE_MEMO_LEN || memcmp(text, memo->text, DATE_MEMO_LEN) != 0) {
		if (!date_fast(text, len, ret, ret_date))
			return false;
		if (is_plain_iso(text, ret)) {
			memo->known = true;
			memcpy(memo->text, text, DATE_MEMO_LEN);
			memo->second = *ret_date;
			memo->second.ns = 0;
			memo->second.zone_s = 0;
			memo->second.zoned = false;
		}
		return true;
	}
	date = memo->second;
	if (!take_fraction(&c, true, &date))
		return false;
	if (zone_again(memo, &c)) {
		date.zoned = true;
		date.zone_s = memo->zone_s;
	} else {
		const char *zone = c.at;

		if (!take_zone(&c, &date) || !is_end(&c))
			return false;
		if (date.zoned && c.at - zone == DATE_MEMO_ZONE && zone[3] == ':') {
			memcpy(memo->zone, zone, DATE_MEMO_ZONE);
			memo->zone_s = date.zone_s;
		}
	}
	*ret = (struct date_place){ .start = 0, .end = (size_t)(c.at - text) };
	*ret_date = date;
	return true;
}

/* Nothing, or the two characters that may stand before a line's first word, of up to four bytes. */
static bool at_begin(const char *text, size_t i)
{
	for (size_t before = 0; before < i; before++)
		if (is_word(text[before]))
			return false;
	return i <= 8;
}

static bool digit_at(const char *text, size_t len, size_t i)
{
	return i < len && is_digit(text[i]);
}

/*
 * The hour before the ':' at i, in something like 1:02:3; i: there is none. What stands before an
 * hour is no letter but T, and a ':' only behind a year: the groups of an IPv6 address are no
 * clock.
 */
static size_t hour_at(const char *text, size_t len, size_t i)
{
	size_t hour = i, next = i + 2;

	if (!i || !is_digit(text[i - 1]) || !digit_at(text, len, i + 1))
		return i;
	next += digit_at(text, len, next);
	if (next >= len || text[next] != ':' || !digit_at(text, len, next + 1))
		return i;
	hour -= i > 1 && is_digit(text[i - 2]) ? 2 : 1;
	if (at_begin(text, hour))
		return hour;
	if (text[hour - 1] == ':')
		return hour > 4 && is_digit(text[hour - 2]) && is_digit(text[hour - 3]) &&
				       is_digit(text[hour - 4]) && is_digit(text[hour - 5])
			       ? hour
			       : i;
	return is_word(text[hour - 1]) && !is_digit(text[hour - 1]) && text[hour - 1] != 'T' ? i
											     : hour;
}

/* Digits from begin to end that may be 20261124 before a time, or an epoch where that may stand. */
static bool is_run(const char *text, size_t len, size_t begin, size_t end)
{
	if (end - begin == 8)
		return end + 1 < len && (text[end] == 'T' || text[end] == ' ') &&
		       (is_digit(text[end + 1]) || text[end + 1] == ' ');
	return (end - begin == 10 || end - begin == 11) &&
	       (at_begin(text, begin) || text[begin - 1] == '(');
}

/* TAI64N */
static bool is_label(const char *text, size_t len, size_t at)
{
	for (size_t i = 1; i <= 8; i++)
		if (at + i >= len ||
		    !(is_digit(text[at + i]) || (unsigned char)(text[at + i] - 'a') < 6))
			return false;
	return true;
}

size_t date_evidence(const char *text, size_t len)
{
	size_t begin = 0; /* of the digits before i, if there are some */

	for (size_t i = 0; i <= len; i++) {
		if (i < len && is_digit(text[i]))
			continue;
		if (i - begin >= 8 && is_run(text, len, begin, i))
			return begin;
		begin = i + 1;
		if (i == len)
			break;
		if (text[i] == ':') {
			size_t hour = hour_at(text, len, i);

			if (hour < i)
				return hour;
		} else if (text[i] == '@' && is_label(text, len, i)) {
			return i;
		}
	}
	return len;
}
