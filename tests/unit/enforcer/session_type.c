/* SPDX-License-Identifier: GPL-2.0-only */
/* What kind of login a session is, by its first process. */
#include "unit.h"

#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "enforcer/session/type.h"

static enum session_type type(const char *cgroup, const char *exe)
{
	struct bl_session session = { .auid = 1000, .audit_session = 7, .leader_pid = 4242 };
	struct process leader = { .pid = 4242, .auid = 1000, .audit_session = 7 };

	text_copy(leader.cgroup, sizeof(leader.cgroup), cgroup);
	return session_type_of(&session, &leader, exe);
}

static void test_units(void **state)
{
	static const char manager[] = "/user.slice/user-1000.slice/user@1000.service/init.scope";

	(void)state;
	assert_int_equal(type("/system.slice/cron.service", "/usr/sbin/cron"), SESSION_TYPE_CRON);
	assert_int_equal(type("/system.slice/crond.service/x", "/x"), SESSION_TYPE_CRON);
	assert_int_equal(type("/system.slice/atd.service", "/usr/sbin/atd"), SESSION_TYPE_AT);
	assert_int_equal(type(manager, "/usr/lib/systemd/systemd"), SESSION_TYPE_MANAGER);
	/* Names that only begin alike, and folders that a user makes below his own. */
	assert_int_equal(type("/system.slice/cron.service2", "/x"), SESSION_TYPE_UNKNOWN);
	assert_int_equal(type("/user.slice/user-1000.slice/user@1000.service/system.slice/"
			      "cron.service",
			      "/x"),
			 SESSION_TYPE_UNKNOWN);
	assert_int_equal(type("/user.slice/user-1001.slice/user@1001.service/init.scope", "/x"),
			 SESSION_TYPE_UNKNOWN);
}

static void test_programs(void **state)
{
	static const char scope[] = "/user.slice/user-1000.slice/session-7.scope";

	(void)state;
	assert_int_equal(type(scope, "/usr/bin/login"), SESSION_TYPE_CONSOLE);
	assert_int_equal(type(scope, "/bin/login"), SESSION_TYPE_CONSOLE);
	assert_int_equal(type(scope, "/usr/libexec/gdm-session-worker"), SESSION_TYPE_CONSOLE);
	assert_int_equal(type(scope, "/usr/bin/su"), SESSION_TYPE_SU);
	assert_int_equal(type(scope, "/home/alice/login"), SESSION_TYPE_UNKNOWN);
	assert_int_equal(type(scope, "/usr/local/bin/login"), SESSION_TYPE_UNKNOWN);
	assert_int_equal(type(scope, "[login]"), SESSION_TYPE_UNKNOWN);
	assert_int_equal(type(scope, "/usr/bin/bash"), SESSION_TYPE_UNKNOWN);
	assert_int_equal(type(scope, ""), SESSION_TYPE_UNKNOWN);
}

static void test_remote(void **state)
{
	struct bl_session session = { .auid = 1000, .service = 1 };
	struct process leader = { .cgroup = "/system.slice/cron.service" };

	(void)state;
	assert_int_equal(session_type_of(&session, NULL, ""), SESSION_TYPE_REMOTE);
	assert_int_equal(session_type_of(&session, &leader, "/usr/bin/login"), SESSION_TYPE_REMOTE);
	session.service = 0;
	session.end.family = AF_INET6;
	assert_int_equal(session_type_of(&session, NULL, ""), SESSION_TYPE_REMOTE);
	session.end.family = 0;
	assert_int_equal(session_type_of(&session, NULL, ""), SESSION_TYPE_UNKNOWN);
}

/* A pid that went to somebody else says nothing of the session. */
static void test_reused(void **state)
{
	struct bl_session session = { .auid = 1000, .leader_start_ns = 5123456789ULL };
	struct process leader = {
		.start_ns = 5120000000ULL,
		.cgroup = "/system.slice/cron.service",
	};

	(void)state;
	assert_int_equal(session_type_of(&session, &leader, ""), SESSION_TYPE_CRON);
	leader.start_ns += 10000000;
	assert_int_equal(session_type_of(&session, &leader, ""), SESSION_TYPE_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_remote),
		cmocka_unit_test(test_reused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
