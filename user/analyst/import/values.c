/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Values of jail files: lengths of time, numbers, nets, lists. Whatever does not fit in full is
 * refused; fail2ban evaluates lengths as Python expressions, of which sums and products of numbers
 * with units are understood here.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "analyst/import/import.h"

#define SECONDS_MAX (10.0 * 31557600)

static const struct {
	const char *name; /* a prefix of it of at least min letters will do */
	size_t min;
	double seconds;
} units[] = {
	{ "years", 1, 31557600 }, { "yy", 1, 31557600 }, { "months", 2, 31557600 / 12.0 },
	{ "weeks", 1, 604800 },	  { "ww", 1, 604800 },	 { "days", 1, 86400 },
	{ "dd", 1, 86400 },	  { "hours", 1, 3600 },	 { "hh", 1, 3600 },
	{ "minutes", 1, 60 },	  { "mm", 1, 60 },	 { "seconds", 1, 1 },
	{ "ss", 1, 1 },
};

static const char *skip(const char *at)
{
	return at + strspn(at, " \t\n");
}

static double unit_of(const char *text, size_t len)
{
	/* "m" is a minute, "mo" a month: months ask for two letters. */
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (len >= units[i].min && len <= strlen(units[i].name) &&
		    !strncasecmp(units[i].name, text, len))
			return units[i].seconds;
	return 0;
}

/* NUMBER [UNIT] {* NUMBER [UNIT]} */
static int product(const char **at, double *ret)
{
	double value = 1;

	for (;;) {
		size_t digits = strspn(*at, "0123456789");
		size_t len;
		double unit = 1;
		char *end;

		/* strtod alone would take 0x, inf and nan as well. */
		if (!digits || digits > 15)
			return -EINVAL;
		value *= strtod(*at, &end);
		if ((size_t)(end - *at) > strspn(*at, "0123456789."))
			return -EINVAL;
		*at = skip(end);
		for (len = 0; isalpha((unsigned char)(*at)[len]);)
			len++;
		if (len) {
			unit = unit_of(*at, len);
			if (unit <= 0)
				return -EINVAL;
		}
		value *= unit;
		*at = skip(*at + len);
		if (**at != '*')
			break;
		*at = skip(*at + 1);
	}
	*ret = value;
	return 0;
}

int import_seconds(const char *text, double *ret)
{
	const char *at = skip(text);
	double sum = 0, sign = 1, value;
	bool first = true;

	while (*at || first) {
		if (*at == '-' || *at == '+') {
			sign = *at == '-' ? -1 : 1;
			at = skip(at + 1);
		}
		if (product(&at, &value) < 0)
			return -EINVAL;
		sum += sign * value;
		sign = 1;
		first = false;
	}
	if (!(sum <= SECONDS_MAX && sum >= -SECONDS_MAX))
		return -ERANGE;
	*ret = sum;
	return 0;
}

int import_yes(const char *text, bool *ret)
{
	static const char *const yes[] = { "1", "true", "yes", "on" };
	static const char *const no[] = { "0", "false", "no", "off" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcasecmp(text, yes[i]) && strcasecmp(text, no[i]))
			continue;
		*ret = !strcasecmp(text, yes[i]);
		return 0;
	}
	return -EINVAL;
}

int import_number(const char *text, long *ret)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (end == text || *skip(end) || errno || isspace((unsigned char)text[0]))
		return -EINVAL;
	*ret = value;
	return 0;
}

bool import_has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

bool import_word(const char **at, const char **ret_word, size_t *ret_len)
{
	static const char between[] = " \t\n\r,";

	*at += strspn(*at, between);
	if (!**at)
		return false;
	*ret_word = *at;
	*ret_len = strcspn(*at, between);
	*at += *ret_len;
	return true;
}

/* 255.255.255.0 -> 24; -EINVAL where the ones have gaps. */
static int mask_prefix(const char *text, size_t len)
{
	struct addr mask;
	uint32_t bits = 0;
	int prefix = 0;

	if (addr_parse(text, len, &mask) < 0 || mask.family != AF_INET)
		return -EINVAL;
	for (int i = 0; i < 4; i++)
		bits = bits << 8 | mask.bytes[i];
	while (bits & 0x80000000U) {
		bits <<= 1;
		prefix++;
	}
	return bits ? -EINVAL : prefix;
}

int import_net(const char *text, size_t len, struct addr *ret)
{
	const char *slash = memchr(text, '/', len);
	size_t head = slash ? (size_t)(slash - text) : len;
	size_t tail = slash ? len - head - 1 : 0;
	unsigned int prefix = 0;
	struct addr addr;

	if (addr_parse(text, head, &addr) < 0)
		return -EINVAL;
	if (!slash) {
		*ret = addr;
		return 0;
	}
	if (memchr(slash + 1, '.', tail)) {
		int r = addr.family == AF_INET ? mask_prefix(slash + 1, tail) : -EINVAL;

		if (r < 0)
			return r;
		prefix = (unsigned int)r;
	} else {
		if (!tail || tail > 3)
			return -EINVAL;
		for (size_t i = 0; i < tail; i++) {
			if (!isdigit((unsigned char)slash[1 + i]))
				return -EINVAL;
			prefix = prefix * 10 + (unsigned int)(slash[1 + i] - '0');
		}
		/* ::ffff:192.0.2.0/120 became an IPv4 net; its prefix counts the whole address. */
		if (addr.family == AF_INET && memchr(text, ':', head))
			prefix = prefix >= 96 ? prefix - 96 : 33;
	}
	if (prefix > (addr.family == AF_INET ? 32U : 128U))
		return -EINVAL;
	*ret = addr_mask(&addr, (uint8_t)prefix);
	return 0;
}
