/* SPDX-License-Identifier: GPL-2.0-only */
/* Hard limits: what is canonical, what is exempt, how many and how fast. */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "enforcer/lockouts/limits.h"

static struct ipc_subject subject(const char *text, uint8_t prefix)
{
	struct ipc_subject s = { .kind = SUBJECT_ADDRESS };
	struct addr address;

	assert_int_equal(addr_parse(text, strlen(text), &address), 0);
	s.family = address.family;
	s.prefix = prefix;
	memcpy(s.addr, address.bytes, sizeof(s.addr));
	return s;
}

static void canonical(void **unused)
{
	static const struct {
		const char *address;
		uint8_t prefix;
		int result;
		const char *locked;
	} rows[] = {
		{ "192.0.2.9", 32, 0, "192.0.2.9" },
		{ "192.0.2.0", 24, -EINVAL, NULL },
		{ "192.0.2.9", 128, -EINVAL, NULL },
		{ "2001:db8::1", 128, 0, "2001:db8::/64" },
		{ "2001:db8:0:0:ffff::", 64, 0, "2001:db8::/64" },
		{ "2001:db8::", 48, -EINVAL, NULL },
		{ "2001:db8::1", 129, -EINVAL, NULL },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipc_subject from = subject(rows[i].address, rows[i].prefix), to;
		char text[ADDR_TEXT_MAX];
		struct addr net;
		int r = limits_subject(&from, &to);

		assert_row(r == rows[i].result, rows[i].address);
		if (r < 0)
			continue;
		net = limits_net(&to);
		addr_format(&net, text);
		assert_string_equal(text, rows[i].locked);
	}
}

static void canonical_refuses(void **unused)
{
	struct ipc_subject from = subject("192.0.2.9", 32), to;
	static const uint8_t mapped[16] = { [10] = 0xff, 0xff, 192, 0, 2, 9 };

	(void)unused;
	from.pad[0] = 7;
	from.addr[9] = 9;
	from.id = 3;
	assert_int_equal(limits_subject(&from, &to), 0);
	from = subject("192.0.2.9", 32);
	assert_memory_equal(&from, &to, sizeof(to));

	from = (struct ipc_subject){ .kind = SUBJECT_ADDRESS, .family = AF_INET6, .prefix = 128 };
	memcpy(from.addr, mapped, sizeof(mapped));
	assert_int_equal(limits_subject(&from, &to), 0);
	assert_int_equal(to.family, AF_INET);
	assert_int_equal(to.prefix, 32);
	/* A mapped /64 would be all of IPv4. */
	from.prefix = 64;
	assert_int_equal(limits_subject(&from, &to), -EINVAL);

	from = (struct ipc_subject){ .kind = SUBJECT_MAX };
	assert_int_equal(limits_subject(&from, &to), -EINVAL);
	from.kind = 200;
	assert_int_equal(limits_subject(&from, &to), -EINVAL);
	from.kind = SUBJECT_NONE;
	assert_int_equal(limits_subject(&from, &to), -EINVAL);
	from.kind = SUBJECT_SESSION;
	assert_int_equal(limits_subject(&from, &to), -EINVAL);
	from = (struct ipc_subject){ .kind = SUBJECT_ADDRESS, .family = 1, .prefix = 32 };
	assert_int_equal(limits_subject(&from, &to), -EINVAL);
}

static struct exempt_net exempt(const char *text, enum exempt_why why)
{
	struct exempt_net net = { .why = why };

	assert_int_equal(addr_parse_net(text, strlen(text), &net.net), 0);
	return net;
}

static void addresses(void **unused)
{
	struct limits limits = {};
	const struct exempt_net nets[] = {
		exempt("198.51.100.0/24", EXEMPT_CONFIGURED), exempt("203.0.113.5", EXEMPT_OWN),
		exempt("203.0.113.1", EXEMPT_GATEWAY),	      exempt("2001:db8:1::77", EXEMPT_OWN),
		exempt("2001:db8:2::/48", EXEMPT_CONFIGURED),
	};
	static const struct {
		const char *address;
		int result, forced;
	} rows[] = {
		{ "198.51.100.200", OUTCOME_EXEMPT, OUTCOME_EXEMPT },
		{ "198.51.101.1", 0, 0 },
		{ "203.0.113.5", OUTCOME_EXEMPT, 0 },
		{ "203.0.113.1", OUTCOME_EXEMPT, 0 },
		{ "203.0.113.2", 0, 0 },
		{ "127.0.0.1", OUTCOME_EXEMPT, 0 },
		{ "127.255.3.4", OUTCOME_EXEMPT, 0 },
		{ "0.0.0.0", OUTCOME_EXEMPT, 0 },
		{ "224.0.0.1", OUTCOME_EXEMPT, 0 },
		{ "239.255.255.255", OUTCOME_EXEMPT, 0 },
		{ "240.0.0.1", 0, 0 },
		{ "255.255.255.255", OUTCOME_EXEMPT, 0 },
		{ "::1", OUTCOME_EXEMPT, 0 },
		{ "fe80::1", OUTCOME_EXEMPT, 0 },
		{ "ff02::1", OUTCOME_EXEMPT, 0 },
		/* The /64 contains an address of this host, the /64 lies in an exempt /48. */
		{ "2001:db8:1::abcd", OUTCOME_EXEMPT, 0 },
		{ "2001:db8:1:1::abcd", 0, 0 },
		{ "2001:db8:2:9::1", OUTCOME_EXEMPT, OUTCOME_EXEMPT },
	};

	(void)unused;
	assert_int_equal(limits_exempt(&limits, nets, 5), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipc_subject to, from = subject(rows[i].address, 32);
		char text[IPC_TEXT_MAX] = "";
		struct addr net;

		if (from.family == AF_INET6)
			from.prefix = 128;
		assert_int_equal(limits_subject(&from, &to), 0);
		net = limits_net(&to);
		assert_row(limits_address(&limits, &net, false, text) == rows[i].result,
			   rows[i].address);
		assert_row((text[0] != '\0') == (rows[i].result != 0), rows[i].address);
		assert_row(limits_address(&limits, &net, true, text) == rows[i].forced,
			   rows[i].address);
	}
	limits_done(&limits);
}

static void way_in(void **unused)
{
	struct limits limits = { .exempt_uid = { 1000 }, .exempt_uids = 1 };
	struct bl_session session = { .auid = 0, .end.family = AF_INET };
	struct ipc_subject s = subject("192.0.2.9", 32);
	struct addr net = limits_net(&s);
	char text[IPC_TEXT_MAX];

	(void)unused;
	memcpy(session.end.peer, net.bytes, 4);
	assert_true(limits_is_way_in(&limits, &session, &net));
	assert_int_equal(limits_session(&limits, &session, false, text), OUTCOME_LAST_WAY_IN);
	assert_int_equal(limits_session(&limits, &session, true, text), 0);
	session.auid = 1000;
	assert_true(limits_is_way_in(&limits, &session, &net));
	assert_int_equal(limits_session(&limits, &session, true, text), OUTCOME_EXEMPT);
	session.auid = 1001;
	assert_false(limits_is_way_in(&limits, &session, &net));
	assert_int_equal(limits_session(&limits, &session, false, text), 0);
	session.auid = 0;
	session.end.peer[3] ^= 1;
	assert_false(limits_is_way_in(&limits, &session, &net));
	session.end.family = 0;
	memset(&session.end.peer, 0, 16);
	s = subject("0.0.0.0", 32);
	net = limits_net(&s);
	assert_false(limits_is_way_in(&limits, &session, &net));
}

static void rate(void **unused)
{
	struct conf conf = { .lockouts_per_minute = 60,
			     .max_lockouts = 5,
			     .longest_lockout_s = 100 };
	struct limits limits = {};
	uint64_t now = 1000 * NSEC_PER_SEC;
	int given = 0;

	(void)unused;
	limits_conf(&limits, &conf);
	limits.credited_boot_ns = now;
	while (limits_rate(&limits, now))
		given++;
	assert_int_equal(given, 60);
	/* Half a minute gives back half; a long pause not more than a minute's worth. */
	for (given = 0; limits_rate(&limits, now + 30 * NSEC_PER_SEC); given++)
		;
	assert_int_equal(given, 30);
	for (given = 0; limits_rate(&limits, now + 100000 * NSEC_PER_SEC); given++)
		;
	assert_int_equal(given, 60);
	/* A clock that reads less than before gives nothing. */
	assert_false(limits_rate(&limits, now));
	conf.lockouts_per_minute = 0;
	limits_conf(&limits, &conf);
	assert_false(limits_rate(&limits, now + 200000 * NSEC_PER_SEC));

	assert_true(limits_length(&limits, 99) == 99 * NSEC_PER_SEC);
	assert_true(limits_length(&limits, 101) == 100 * NSEC_PER_SEC);
	assert_true(limits_length(&limits, UINT64_MAX) == 100 * NSEC_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical), cmocka_unit_test(canonical_refuses),
		cmocka_unit_test(addresses), cmocka_unit_test(way_in),
		cmocka_unit_test(rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
