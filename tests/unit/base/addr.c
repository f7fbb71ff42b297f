/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses: what is one, what is none, and that equal ones have equal bytes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "unit.h"

static int parse(const char *text, struct addr *ret)
{
	return addr_parse(text, strlen(text), ret);
}

static int parse_net(const char *text, struct addr *ret)
{
	return addr_parse_net(text, strlen(text), ret);
}

static void addresses_are_understood(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "::1", "::1" },
		{ "::", "::" },
		{ "[::1]", "::1" },
		{ "[192.0.2.1]", "192.0.2.1" },
		{ "2001:DB8::A", "2001:db8::a" },
		{ "2001:db8:0:0:0:0:0:1", "2001:db8::1" },
		{ "fe80::1%eth0", "fe80::1" },
		{ "[fe80::1%eth0.17]", "fe80::1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::ffff:c000:201", "192.0.2.1" },
		{ "::FFFF:127.0.0.1", "127.0.0.1" },
		{ "::192.0.2.1", "::192.0.2.1" }, /* compatible is not mapped */
		{ "64:ff9b::192.0.2.1", "64:ff9b::c000:201" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};
	char shown[ADDR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct addr addr, again;

		assert_row(parse(rows[i].text, &addr) == 0, rows[i].text);
		addr_format(&addr, shown);
		assert_string_equal(shown, rows[i].shown);
		assert_row(parse(shown, &again) == 0 && addr_equal(&addr, &again), rows[i].text);
	}
}

/* IPv4 is read and written without the library: each part as the library has it. */
static void four_parts_are_as_the_library_has_them(void **state)
{
	static const char *const rest[][2] = {
		{ "", ".7.200.9" }, { "10.", ".200.9" }, { "10.2.", ".9" }, { "10.2.0.", "" }
	};
	static const char *const around[] = { "", "0", "00", ".", " ", "x" };

	(void)state;
	for (unsigned int place = 0; place < 4; place++) {
		for (unsigned int value = 0; value < 1000; value++) {
			for (size_t i = 0; i < ARRAY_SIZE(around) * 2; i++) {
				const char *before = i % 2 ? around[i / 2] : "";
				const char *after = i % 2 ? "" : around[i / 2];
				char text[64], shown[ADDR_TEXT_MAX];
				uint8_t bytes[4];
				struct addr addr;
				bool known;

				(void)snprintf(text, sizeof(text), "%s%s%u%s%s", rest[place][0],
					       before, value, after, rest[place][1]);
				known = inet_pton(AF_INET, text, bytes) == 1;
				assert_row((parse(text, &addr) == 0) == known, text);
				if (!known)
					continue;
				assert_row(addr.family == AF_INET && addr.prefix == 32 &&
						   !memcmp(addr.bytes, bytes, sizeof(bytes)),
					   text);
				addr_format(&addr, shown);
				assert_row(!strcmp(shown, text), text);
			}
		}
	}
}

static void everything_else_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		" ",
		"1",
		"1.2.3",
		"1.2.3.4.5",
		"1.2.3.256",
		"1.2.3.-4",
		"01.2.3.4",
		"1.2.3.4 ",
		" 1.2.3.4",
		"0x7f.0.0.1",
		"1.2.3.4%eth0",
		"1.2.3.4:22",
		"[1.2.3.4",
		"1.2.3.4]",
		"[]",
		"[[::1]]",
		"[::1]:22",
		":",
		":::",
		"1::2::3",
		"12345::",
		"::g",
		"::1%",
		"::1%\n",
		"::1%a b",
		"::1%0123456789abcdef",
		"%eth0",
		"%::1",
		"::ffff:1.2.3",
		"localhost",
		"example.org",
		"::1/128",
		"1:2:3:4:5:6:7:8:9",
		"0000000000000000000000000000000000000000000000000000000000000001",
	};
	static const struct addr before = { .family = 77, .prefix = 7, .bytes = { 7 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct addr addr = before;

		assert_row(parse(rows[i], &addr) == -EINVAL, rows[i]);
		assert_memory_equal(&addr, &before, sizeof(addr));
	}
}

static void length_counts_not_nul(void **state)
{
	struct addr addr;

	(void)state;
	assert_int_equal(addr_parse("192.0.2.1234", 9, &addr), 0);
	assert_int_equal(addr.bytes[3], 1);
	assert_int_equal(addr_parse("192.0.2.1\0", 10, &addr), -EINVAL);
	assert_int_equal(addr_parse("1.1\0.1.1", 8, &addr), -EINVAL);
}

static void nets(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.0/24" },
		{ "192.0.2.1", "192.0.2.1" },
		{ "192.0.2.1/32", "192.0.2.1" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "::/0", "::/0" },
		{ "2001:db8::/64", "2001:db8::/64" },
		{ "::1/128", "::1" },
		{ "::ffff:10.0.0.0/104", "10.0.0.0/8" },
		{ "::ffff:10.0.0.1/128", "10.0.0.1" },
		{ "::ffff:0:0/96", "0.0.0.0/0" },
		{ "10.128.0.0/9", "10.128.0.0/9" },
		{ "[2001:db8::]/33", "2001:db8::/33" },
		{ "fe80::%eth0/10", "fe80::/10" },
	};
	static const char *const bad[] = {
		"192.0.2.1/24",
		"10.0.0.0/33",
		"10.0.0.0/",
		"10.0.0.0/-1",
		"10.0.0.0/08",
		"10.0.0.0/8 ",
		"10.0.0.0/ 8",
		"10.0.0.0//8",
		"10.0.0.0/8/8",
		"/8",
		"::/129",
		"::/1000",
		"2001:db8::1/64",
		"::ffff:10.0.0.1/104",
		"::ffff:10.0.0.0/95",
		"10.0.0.0/255.0.0.0",
		"10.128.0.0/8",
		"10.0.0.0/4294967304",
	};
	char shown[ADDR_TEXT_MAX];
	struct addr net;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_row(parse_net(rows[i].text, &net) == 0, rows[i].text);
		addr_format(&net, shown);
		assert_string_equal(shown, rows[i].shown);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_row(parse_net(bad[i], &net) == -EINVAL, bad[i]);
}

static void mapped_bytes_are_folded(void **state)
{
	const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };
	const uint8_t plain[4] = { 192, 0, 2, 1 };
	struct addr a, b;

	(void)state;
	assert_int_equal(addr_from_bytes(AF_INET6, mapped, &a), 0);
	assert_int_equal(addr_from_bytes(AF_INET, plain, &b), 0);
	assert_true(addr_equal(&a, &b));
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(addr_from_bytes(AF_UNIX, plain, &a), -EINVAL);
	assert_int_equal(addr_from_bytes(0, plain, &a), -EINVAL);
}

static void masks(void **state)
{
	struct addr addr, net;
	char shown[ADDR_TEXT_MAX];

	(void)state;
	assert_int_equal(parse("2001:db8:1:2:3:4:5:6", &addr), 0);
	net = addr_mask(&addr, 64);
	addr_format(&net, shown);
	assert_string_equal(shown, "2001:db8:1:2::/64");
	net = addr_mask(&addr, 255);
	assert_true(addr_equal(&net, &addr));
	net = addr_mask(&addr, 0);
	addr_format(&net, shown);
	assert_string_equal(shown, "::/0");

	assert_int_equal(parse("255.255.255.255", &addr), 0);
	for (unsigned int i = 0; i <= 32; i++) {
		uint32_t bits;

		net = addr_mask(&addr, (uint8_t)i);
		bits = (uint32_t)net.bytes[0] << 24 | (uint32_t)net.bytes[1] << 16 |
		       (uint32_t)net.bytes[2] << 8 | net.bytes[3];
		assert_int_equal(bits, i ? 0xffffffffU << (32 - i) : 0);
	}
	/* A net does not become a smaller one. */
	assert_int_equal(parse_net("10.0.0.0/8", &addr), 0);
	net = addr_mask(&addr, 24);
	assert_int_equal(net.prefix, 8);
}

static void membership(void **state)
{
	static const struct {
		const char *addr, *net;
		bool in;
	} rows[] = {
		{ "10.1.2.3", "10.0.0.0/8", true },
		{ "11.1.2.3", "10.0.0.0/8", false },
		{ "10.1.2.3", "0.0.0.0/0", true },
		{ "::1", "0.0.0.0/0", false },
		{ "10.1.2.3", "::/0", false },
		{ "::ffff:10.1.2.3", "10.0.0.0/8", true },
		{ "10.0.0.0/8", "10.0.0.0/8", true },
		{ "10.0.0.0/7", "10.0.0.0/8", false },
		{ "10.0.0.0/16", "10.0.0.0/8", true },
		{ "2001:db8::1", "2001:db8::/127", true },
		{ "2001:db8::2", "2001:db8::/127", false },
		{ "192.0.2.128", "192.0.2.128/25", true },
		{ "192.0.2.127", "192.0.2.128/25", false },
	};
	const struct addr none = { 0 };
	struct addr addr, net;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_row(parse_net(rows[i].addr, &addr) == 0, rows[i].addr);
		assert_row(parse_net(rows[i].net, &net) == 0, rows[i].net);
		assert_row(addr_in_net(&addr, &net) == rows[i].in, rows[i].addr);
	}
	assert_false(addr_in_net(&addr, &none));
	assert_false(addr_in_net(&none, &net));
	assert_false(addr_in_net(&none, &none));
}

static void loopback(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} rows[] = {
		{ "127.0.0.1", true },
		{ "127.255.255.254", true },
		{ "128.0.0.1", false },
		{ "126.0.0.1", false },
		{ "::1", true },
		{ "::2", false },
		{ "::", false },
		{ "0.0.0.0", false },
		{ "::ffff:127.0.0.1", true },
		{ "127.0.0.0/8", true },
		{ "126.0.0.0/7", false },
	};
	struct addr addr;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_row(parse_net(rows[i].text, &addr) == 0, rows[i].text);
		assert_row(addr_is_loopback(&addr) == rows[i].is, rows[i].text);
	}
}

static void none_has_a_name(void **state)
{
	const struct addr none = { 0 };
	char shown[ADDR_TEXT_MAX];

	(void)state;
	addr_format(&none, shown);
	assert_string_equal(shown, "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_understood),
		cmocka_unit_test(four_parts_are_as_the_library_has_them),
		cmocka_unit_test(everything_else_is_refused),
		cmocka_unit_test(length_counts_not_nul),
		cmocka_unit_test(nets),
		cmocka_unit_test(mapped_bytes_are_folded),
		cmocka_unit_test(masks),
		cmocka_unit_test(membership),
		cmocka_unit_test(loopback),
		cmocka_unit_test(none_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
