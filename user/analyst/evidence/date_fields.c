/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From what the groups of a date's expression hold to its fields. Patterns may bring groups of
 * their own under the fields' names, so a group can hold anything: what is no number, or is out of
 * its range, makes the date impossible, never wrong.
 */
#include <string.h>
#include <strings.h>
#include <time.h>

#include "analyst/evidence/date.h"
#include "base/cleanup.h"

struct fields {
	const struct date_form *form;
	const char *text;
	const PCRE2_SIZE *at;
	struct date *date;
};

/* NULL: took no part, or is empty. */
static const char *field_get(const struct fields *f, enum date_field field, size_t *ret_len)
{
	const PCRE2_SIZE *at = f->at + (size_t)2 * f->form->group[field];

	if (!f->form->group[field] || at[0] == PCRE2_UNSET || at[0] >= at[1])
		return NULL;
	*ret_len = at[1] - at[0];
	return f->text + at[0];
}

/* false: there is none. Leading blanks are what "%d" and "%k" allow. */
static bool number_get(const struct fields *f, enum date_field field, unsigned int least,
		       unsigned int most, unsigned int *ret)
{
	unsigned int value = 0;
	size_t len, i = 0;
	const char *text = field_get(f, field, &len);

	if (!text)
		return false;
	while (i < len - 1 && text[i] == ' ')
		i++;
	for (; i < len; i++) {
		unsigned int digit = (unsigned int)(text[i] - '0');

		if (digit > 9 || value > most) {
			value = most + 1;
			break;
		}
		value = value * 10 + digit;
	}
	if (value < least || value > most) {
		f->date->impossible = true;
		value = least;
	}
	*ret = value;
	return true;
}

/* By its first three letters, in any case. */
static bool name_get(const struct fields *f, enum date_field field, const char *names,
		     unsigned int *ret)
{
	size_t len;
	const char *text = field_get(f, field, &len);

	if (!text)
		return false;
	for (unsigned int i = 0; len >= 3 && names[(size_t)3 * i]; i++) {
		if (!strncasecmp(text, names + (size_t)3 * i, 3)) {
			*ret = i;
			return true;
		}
	}
	f->date->impossible = true;
	return false;
}

static void day_read(const struct fields *f)
{
	static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";
	struct date *date = f->date;
	unsigned int value;

	if (number_get(f, FIELD_YEAR, 1, 9999, &value))
		date->year = (uint16_t)value;
	else if (number_get(f, FIELD_YEAR2, 0, 99, &value))
		date->year = (uint16_t)(2000 + value);
	if (number_get(f, FIELD_MONTH, 1, 12, &value))
		date->month = (uint8_t)value;
	else if (name_get(f, FIELD_MONTH_SHORT, months, &value) ||
		 name_get(f, FIELD_MONTH_LONG, months, &value))
		date->month = (uint8_t)(value + 1);
	if (number_get(f, FIELD_DAY, 1, 31, &value))
		date->day = (uint8_t)value;
	if (number_get(f, FIELD_DAY_OF_YEAR, 1, 366, &value))
		date->day_of_year = (uint16_t)value;
}

/* Day of the year, for patterns that name a week and a day of it; needs a year. */
static void week_read(const struct fields *f)
{
	static const char days[] = "sunmontuewedthufrisat";
	struct date *date = f->date;
	bool monday = f->form->group[FIELD_WEEK_MONDAY] != 0;
	unsigned int week, day, first;
	struct tm tm = { .tm_year = date->year - 1900, .tm_mday = 1 };
	int of_year;

	if (date->month || date->day_of_year || !date->year)
		return;
	if (!number_get(f, monday ? FIELD_WEEK_MONDAY : FIELD_WEEK_SUNDAY, 0, 53, &week))
		return;
	if (!number_get(f, FIELD_WEEKDAY, 0, 6, &day) &&
	    !name_get(f, FIELD_WEEKDAY_SHORT, days, &day) &&
	    !name_get(f, FIELD_WEEKDAY_LONG, days, &day))
		return;
	(void)timegm(&tm);
	first = (unsigned int)tm.tm_wday;
	if (monday) {
		day = (day + 6) % 7;
		first = (first + 6) % 7;
	}
	/* Days before the first Sunday or Monday are week 0. */
	of_year = 1 + (int)((7 - first) % 7) + 7 * ((int)week - 1) + (int)day;
	if (of_year < 1 || of_year > 366)
		date->impossible = true;
	else
		date->day_of_year = (uint16_t)of_year;
}

static void time_read(const struct fields *f)
{
	struct date *date = f->date;
	uint32_t scale = 100000000;
	unsigned int value;
	const char *text;
	size_t len;

	if (number_get(f, FIELD_HOUR, 0, 23, &value)) {
		date->hour = (uint8_t)value;
	} else if (number_get(f, FIELD_HOUR12, 0, 12, &value)) {
		text = field_get(f, FIELD_HALF, &len);
		date->hour = (uint8_t)(value % 12 + (text && (*text | 0x20) == 'p' ? 12 : 0));
	}
	if (number_get(f, FIELD_MINUTE, 0, 59, &value))
		date->minute = (uint8_t)value;
	/* 60 is a leap second. */
	if (number_get(f, FIELD_SECOND, 0, 60, &value))
		date->second = (uint8_t)value;
	text = field_get(f, FIELD_FRACTION, &len);
	for (size_t i = 0; text && i < len && scale && text[i] >= '0' && text[i] <= '9'; i++) {
		date->ns += scale * (uint32_t)(text[i] - '0');
		scale /= 10;
	}
}

static void zone_read(const struct fields *f)
{
	struct date *date = f->date;
	size_t len;
	const char *text = field_get(f, FIELD_ZONE, &len);

	if (!text)
		text = field_get(f, FIELD_ZONE_NAME, &len);
	/* One that is unknown is as good as none. */
	if (text && date_zone_parse(text, len, &date->zone_s) == 0)
		date->zoned = true;
}

/* Digits, then perhaps a dot and digits; unit: how many of it are a second. */
static void epoch_read(struct date *date, const char *text, size_t len, uint64_t unit)
{
	uint64_t whole = 0, scale = 1000000000 / unit / 10;
	size_t i = 0;

	for (; i < len && text[i] != '.'; i++) {
		unsigned int digit = (unsigned int)(text[i] - '0');

		if (digit > 9 || whole > UINT64_MAX / 100) {
			date->impossible = true;
			return;
		}
		whole = whole * 10 + digit;
	}
	date->epoch_s = whole / unit;
	date->ns = (uint32_t)(whole % unit * (1000000000 / unit));
	for (i++; i < len && scale; i++) {
		unsigned int digit = (unsigned int)(text[i] - '0');

		if (digit > 9)
			return;
		date->ns += (uint32_t)(scale * digit);
		scale /= 10;
	}
}

/*
 * '@' and 24 hexadecimal digits: 2^62 + seconds, then nanoseconds. The scale is TAI, 37 s ahead of
 * UTC since 2017 (10 s where the writer knows of no leap seconds); like fail2ban, it is read as
 * UTC.
 */
static void tai64n_read(struct date *date, const char *text, size_t len)
{
	uint64_t seconds = 0;

	if (len != 25) {
		date->impossible = true;
		return;
	}
	for (size_t i = 2; i < 25; i++) {
		unsigned int c = (unsigned char)text[i];
		unsigned int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;

		if (i < 17)
			seconds = seconds << 4 | (digit & 15);
		else
			date->ns = date->ns << 4 | (digit & 15);
	}
	date->epoch_s = seconds;
	if (date->ns > 999999999)
		date->ns = 0;
}

static bool absolute_read(const struct fields *f)
{
	struct date *date = f->date;
	const char *text, *dot;
	size_t len, whole;

	text = field_get(f, FIELD_TAI64N, &len);
	if (text) {
		tai64n_read(date, text, len);
		return true;
	}
	text = field_get(f, FIELD_EPOCH, &len);
	if (text) {
		epoch_read(date, text, len, 1);
		return true;
	}
	text = field_get(f, FIELD_EPOCH_LONG, &len);
	if (!text)
		return false;
	dot = memchr(text, '.', len);
	whole = dot ? (size_t)(dot - text) : len;
	epoch_read(date, text, len, whole < 13 ? 1 : whole < 16 ? 1000 : 1000000);
	return true;
}

void date_fields_read(const struct date_form *form, const char *text, const PCRE2_SIZE *at,
		      struct date *ret)
{
	const struct fields f = { .form = form, .text = text, .at = at, .date = ret };

	memset(ret, 0, sizeof(*ret));
	ret->absolute = absolute_read(&f);
	if (ret->absolute)
		return;
	day_read(&f);
	week_read(&f);
	time_read(&f);
	zone_read(&f);
}
