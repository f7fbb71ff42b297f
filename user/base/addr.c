/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IP addresses. Whatever the way one was written, equal addresses have equal bytes.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const uint8_t v4_mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static uint8_t width(uint8_t family)
{
	return family == AF_INET ? 32 : family == AF_INET6 ? 128 : 0;
}

int addr_from_bytes(int family, const void *bytes, struct addr *ret)
{
	struct addr addr = { .family = (uint8_t)family };

	if (family != AF_INET && family != AF_INET6)
		return -EINVAL;
	if (family == AF_INET6 && memcmp(bytes, v4_mapped, sizeof(v4_mapped)) == 0) {
		addr.family = AF_INET;
		bytes = (const uint8_t *)bytes + sizeof(v4_mapped);
	}
	addr.prefix = width(addr.family);
	memcpy(addr.bytes, bytes, addr.prefix / 8);
	*ret = addr;
	return 0;
}

/* "fe80::1%eth0": the zone says which link, which no lockout can tell apart; it is left out. */
static int cut_zone(char *text)
{
	char *zone = strchr(text, '%');

	if (!zone)
		return 0;
	if (!strchr(text, ':') || strchr(text, ':') > zone)
		return -EINVAL;
	*zone++ = '\0';
	if (*zone == '\0' || strlen(zone) >= IF_NAMESIZE)
		return -EINVAL;
	for (; *zone; zone++) {
		if (*zone <= ' ' || *zone >= 0x7f || strchr("%/[]", *zone))
			return -EINVAL;
	}
	return 0;
}

#define DIGIT(c) ((unsigned int)(unsigned char)(c) - '0') /* more than 9: it is none */

/* What inet_pton makes of 192.0.2.1, at a tenth of the cost; false: it may be something else. */
static bool parse_v4(const char *text, size_t len, struct addr *ret)
{
	struct addr addr = { .family = AF_INET, .prefix = 32 };
	char copy[INET_ADDRSTRLEN] = "";
	const char *at = copy;

	/* Behind the copy stands a NUL, which ends numbers: no end need be looked for. */
	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	for (unsigned int part = 0; part < 4; part++) {
		unsigned int value = DIGIT(*at++);

		if (value > 9)
			return false;
		/* No leading zero, and no more than three digits. */
		if (value && DIGIT(*at) <= 9) {
			value = value * 10 + DIGIT(*at++);
			if (DIGIT(*at) <= 9)
				value = value * 10 + DIGIT(*at++);
		}
		if (value > 255 || (part < 3 && *at++ != '.'))
			return false;
		addr.bytes[part] = (uint8_t)value;
	}
	if (at != copy + len)
		return false;
	*ret = addr;
	return true;
}

int addr_parse(const char *text, size_t len, struct addr *ret)
{
	char copy[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
	uint8_t bytes[16];
	int family, r;

	if (parse_v4(text, len, ret))
		return 0;
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	/* "::" is the shortest. */
	if (len < 2 || len >= sizeof(copy) || memchr(text, '\0', len))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	r = cut_zone(copy);
	if (r < 0)
		return r;
	family = strchr(copy, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, copy, bytes) != 1)
		return -EINVAL;
	return addr_from_bytes(family, bytes, ret);
}

/* One to three digits, no leading zero, up to most; -EINVAL. */
static int parse_prefix(const char *text, size_t len, int most)
{
	int value = 0;

	if (len == 0 || len > 3 || (len > 1 && text[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		value = value * 10 + text[i] - '0';
	}
	return value <= most ? value : -EINVAL;
}

int addr_parse_net(const char *text, size_t len, struct addr *ret)
{
	const char *slash = len ? memchr(text, '/', len) : NULL;
	size_t addr_len = slash ? (size_t)(slash - text) : len;
	struct addr addr, net;
	bool mapped;
	int prefix, r;

	r = addr_parse(text, addr_len, &addr);
	if (r < 0)
		return r;
	if (!slash) {
		*ret = addr;
		return 0;
	}
	/* ::ffff:192.0.2.0/120 counts its prefix in 128 bits and is 192.0.2.0/24. */
	mapped = addr.family == AF_INET && memchr(text, ':', addr_len);
	prefix = parse_prefix(slash + 1, len - addr_len - 1, mapped ? 128 : addr.prefix);
	if (prefix < 0)
		return prefix;
	if (mapped)
		prefix -= 96;
	if (prefix < 0)
		return -EINVAL;
	net = addr_mask(&addr, (uint8_t)prefix);
	if (memcmp(net.bytes, addr.bytes, sizeof(net.bytes)) != 0)
		return -EINVAL;
	*ret = net;
	return 0;
}

/* What inet_ntop writes. */
static void format_v4(const uint8_t bytes[4], char *to)
{
	for (unsigned int i = 0; i < 4; i++) {
		if (bytes[i] >= 100)
			*to++ = (char)('0' + bytes[i] / 100);
		if (bytes[i] >= 10)
			*to++ = (char)('0' + bytes[i] / 10 % 10);
		*to++ = (char)('0' + bytes[i] % 10);
		*to++ = i < 3 ? '.' : '\0';
	}
}

void addr_format(const struct addr *addr, char ret_text[ADDR_TEXT_MAX])
{
	size_t len;

	if (addr->family == AF_INET) {
		format_v4(addr->bytes, ret_text);
	} else if (!width(addr->family) ||
		   !inet_ntop(addr->family, addr->bytes, ret_text, ADDR_TEXT_MAX)) {
		(void)snprintf(ret_text, ADDR_TEXT_MAX, "none");
		return;
	}
	len = strlen(ret_text);
	if (addr->prefix != width(addr->family))
		(void)snprintf(ret_text + len, ADDR_TEXT_MAX - len, "/%u", addr->prefix);
}

struct addr addr_mask(const struct addr *addr, uint8_t prefix)
{
	struct addr net = *addr;

	/* A net stays at least as wide as it was. */
	if (prefix < net.prefix)
		net.prefix = prefix;
	if (net.prefix > width(net.family))
		net.prefix = width(net.family);
	for (unsigned int i = 0; i < sizeof(net.bytes); i++) {
		if (i * 8 >= net.prefix)
			net.bytes[i] = 0;
		else if (net.prefix - i * 8 < 8)
			net.bytes[i] &= (uint8_t)(0xff00U >> (net.prefix - i * 8));
	}
	return net;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->prefix == b->prefix &&
	       memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool addr_in_net(const struct addr *addr, const struct addr *net)
{
	struct addr masked;

	if (!width(net->family) || addr->family != net->family || addr->prefix < net->prefix)
		return false;
	masked = addr_mask(addr, net->prefix);
	return memcmp(masked.bytes, net->bytes, sizeof(masked.bytes)) == 0;
}

bool addr_is_loopback(const struct addr *addr)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (addr->family == AF_INET)
		return addr->bytes[0] == 127 && addr->prefix >= 8;
	return addr->family == AF_INET6 && addr->prefix == 128 &&
	       memcmp(addr->bytes, one, sizeof(one)) == 0;
}
