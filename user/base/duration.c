/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lengths of time as people write them. A month is a twelfth and a year is 365.25 days, as in
 * systemd and fail2ban, so that numbers taken over from there mean the same here.
 */
#include "base/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define YEAR_SECONDS 31557600ULL
#define MONTH_SECONDS (YEAR_SECONDS / 12)
#define DURATION_MAX (10 * YEAR_SECONDS)

static const struct {
	const char *name;
	uint64_t seconds;
	bool shown; /* a month is no whole number of days: "4w 2d" says more */
} units[] = {
	{ "y", YEAR_SECONDS, true },
	{ "mo", MONTH_SECONDS, false },
	{ "w", 7 * 86400, true },
	{ "d", 86400, true },
	{ "h", 3600, true },
	{ "m", 60, true },
	{ "s", 1, true },
};

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

/* Seconds of the unit at text, its length in letters; 0 if there is none of that name. */
static uint64_t unit_seconds(const char *text, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strlen(units[i].name) == len && memcmp(units[i].name, text, len) == 0)
			return units[i].seconds;
	}
	return 0;
}

int duration_parse(const char *text, uint64_t *ret_seconds)
{
	uint64_t sum = 0;
	bool too_long = false, first = true;

	text = skip_blanks(text);
	do {
		uint64_t value = 0, unit;
		size_t len = strspn(text, "0123456789");

		if (len == 0)
			return -EINVAL;
		for (size_t i = 0; i < len; i++) {
			/* Saturates far above the longest duration and far below 2^64. */
			if (value <= DURATION_MAX)
				value = value * 10 + (uint64_t)(text[i] - '0');
		}
		text = skip_blanks(text + len);
		len = strspn(text, "abcdefghijklmnopqrstuvwxyz");
		if (len == 0 && (!first || *text))
			return -EINVAL;
		unit = len ? unit_seconds(text, len) : 1;
		if (unit == 0)
			return -EINVAL;
		if (value > DURATION_MAX / unit)
			too_long = true;
		else
			sum += value * unit;
		if (sum > DURATION_MAX) {
			too_long = true;
			sum = 0;
		}
		text = skip_blanks(text + len);
		first = false;
	} while (*text);
	if (too_long)
		return -ERANGE;
	*ret_seconds = sum;
	return 0;
}

static size_t number_put(char *to, uint64_t value)
{
	char digits[20];
	size_t len = 0;

	do
		digits[len++] = (char)('0' + value % 10);
	while (value /= 10);
	for (size_t i = 0; i < len; i++)
		to[i] = digits[len - 1 - i];
	return len;
}

static size_t name_put(char *to, const char *name)
{
	const size_t len = strlen(name);

	memcpy(to, name, len + 1);
	return len;
}

/* At most 20 digits, a unit, a blank, 2 digits and a unit: half of CLOCK_TEXT_MAX. */
void duration_format(uint64_t seconds, char ret_text[CLOCK_TEXT_MAX])
{
	size_t at = 0;
	int shown = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(units) && shown < 2; i++) {
		uint64_t count = seconds / units[i].seconds;

		if (!units[i].shown)
			continue;
		/* The second unit is the next smaller one or none: "1w", not "1w 5s". */
		if (count == 0 && shown)
			break;
		if (count == 0)
			continue;
		if (shown)
			ret_text[at++] = ' ';
		at += number_put(ret_text + at, count);
		at += name_put(ret_text + at, units[i].name);
		seconds -= count * units[i].seconds;
		shown++;
	}
	if (!shown)
		(void)snprintf(ret_text, CLOCK_TEXT_MAX, "0s");
}
