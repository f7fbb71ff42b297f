/* SPDX-License-Identifier: GPL-2.0-only */
/* What PAM answered becomes a claim only where the kernel vouches for who asked. */
#include "analyst/evidence/evidence.h"
#include "story.h"
#include "unit.h"

static struct session_table *sessions;
static struct claim claim;

static bool told(const union bl_event *event)
{
	memset(&claim, 'y', sizeof(claim));
	return claim_from_auth(&event->auth, sessions, &claim);
}

static void refusals_are_claims(void **state)
{
	static const uint32_t refused[] = { 6, 7, 10, 11 };
	union bl_event e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		story_auth(&e, 71, "vsftpd", "root", "203.0.113.9", refused[i], 9);
		assert_true(told(&e));
		assert_int_equal(claim.result, CLAIM_FAILURE);
		assert_int_equal(claim.count, 1);
		assert_int_equal(claim.pid, 71);
		assert_true(claim.pid_trusted && claim.origin.trusted && claim.origin.has_uid);
		assert_int_equal(claim.origin.uid, 0);
		assert_int_equal(claim.filter, CLAIM_FILTER_PAM);
		assert_int_equal(claim.source, 0);
		assert_string_equal(claim.user, "root");
		assert_string_equal(claim.line, "");
		assert_int_equal(claim.addr.bytes[0], 203);
		assert_int_equal(claim.arrived_ns, 9);
	}
}

static void other_answers_are_none(void **state)
{
	static const uint32_t other[] = { 0, 1, 4, 9, 13, 19, 26, 31, UINT32_MAX };
	union bl_event e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
		story_auth(&e, 71, "vsftpd", "root", "203.0.113.9", other[i], 9);
		assert_false(told(&e));
	}
}

/* The caller of a set-user-ID program may have chosen what it asks. */
static void only_roots_own_processes(void **state)
{
	union bl_event e;

	(void)state;
	story_auth(&e, 71, "vsftpd", "root", "203.0.113.9", 7, 9);
	e.auth.task.uid = 1000;
	assert_false(told(&e));
	e.auth.task.euid = 1000;
	assert_false(told(&e));
	e.auth.task.uid = 0;
	assert_false(told(&e));
	story_auth(&e, 71, "", "root", "203.0.113.9", 7, 9);
	assert_false(told(&e));
}

static void hosts_that_are_no_address(void **state)
{
	static const char *const host[] = { "",
					    "victim.example",
					    "203.0.113.9.example",
					    "203.0.113",
					    "198.51.100.77 203.0.113.9",
					    "::ffff:203.0.113.9" };
	union bl_event e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(host); i++) {
		story_auth(&e, 71, "vsftpd", "root", host[i], 7, 9);
		assert_true(told(&e));
		/* The mapped one is the one that it maps. */
		assert_int_equal(claim.addr.family, i == 5 ? AF_INET : 0);
	}
	/* What was cut may have been longer. */
	story_auth(&e, 71, "vsftpd", "root", "203.0.113.9", 7, 9);
	e.head.flags = BL_AUTH_RHOST_CUT;
	assert_true(told(&e));
	assert_int_equal(claim.addr.family, 0);
}

static int begin(void **state)
{
	static const uint64_t seed[2] = { 1, 2 };

	(void)state;
	return session_table_new(&sessions, seed);
}

static int end(void **state)
{
	(void)state;
	sessions = session_table_free(sessions);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_are_claims),
		cmocka_unit_test(other_answers_are_none),
		cmocka_unit_test(only_roots_own_processes),
		cmocka_unit_test(hosts_that_are_no_address),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
