/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IP addresses and nets in one canonical form: network order, IPv4 in the first four bytes,
 * v4-mapped IPv6 folded to IPv4, bytes past the address zero. The same bytes as the map keys.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDR_TEXT_MAX 64 /* address, '/', prefix, NUL */

struct addr {
	uint8_t family; /* AF_INET or AF_INET6, 0 = none */
	uint8_t prefix; /* 32 or 128 for a single address */
	uint8_t bytes[16];
};

/* Numeric only, whole text; "[::1]", a zone index ("fe80::1%eth0") and v4-mapped are understood;
 * never a name. -EINVAL. */
int addr_parse(const char *text, size_t len, struct addr *ret);

/* As addr_parse with an optional /PREFIX; host bits must not be set (-EINVAL). */
int addr_parse_net(const char *text, size_t len, struct addr *ret);

/* Folds v4-mapped; bytes is 4 or 16 long, according to family. */
int addr_from_bytes(int family, const void *bytes, struct addr *ret);

/* "192.0.2.1", "2001:db8::/64": the prefix only where it is not the whole address. */
void addr_format(const struct addr *addr, char ret_text[ADDR_TEXT_MAX]);

/* Clears host bits beyond prefix (at most the family's width). */
struct addr addr_mask(const struct addr *addr, uint8_t prefix);

bool addr_equal(const struct addr *a, const struct addr *b);
bool addr_in_net(const struct addr *addr, const struct addr *net);
bool addr_is_loopback(const struct addr *addr);

#endif
