/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dropping: each test forks, gives up what it has, and tries to get it back. With root all of it
 * is tested; without, only what anybody may do.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "privsep/privsep.h"
#include "unit.h"

#define USER "nobody" /* every Debian has it */

/* Runs in a child; its return value. 200 + n: killed by signal n. */
static int in_child(int (*run)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(run());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
}

static void needs_root(void)
{
	if (getuid() != 0)
		skip();
}

/* Value of "Name:\tvalue" in /proc/self/status, up to the end of its line. */
static bool status_is(const char *name, const char *value)
{
	_cleanup_free_ char *text = NULL;
	char wanted[128];

	if (file_read("/proc/self/status", 65536, &text, NULL) < 0)
		return false;
	(void)snprintf(wanted, sizeof(wanted), "\n%s:\t%s\n", name, value);
	return strstr(text, wanted) != NULL;
}

static int everything_is_gone(void)
{
	static const char none[] = "0000000000000000";
	const struct passwd *nobody = getpwnam(USER);
	char ids[64];

	if (!nobody || privsep_drop(USER) != 0)
		return 1;
	/* What the kernel says, not what libc remembers. */
	(void)snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u", nobody->pw_uid, nobody->pw_uid,
		       nobody->pw_uid, nobody->pw_uid);
	if (!status_is("Uid", ids))
		return 2;
	(void)snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u", nobody->pw_gid, nobody->pw_gid,
		       nobody->pw_gid, nobody->pw_gid);
	if (!status_is("Gid", ids) || !status_is("Groups", " "))
		return 3;
	if (!status_is("CapInh", none) || !status_is("CapPrm", none) ||
	    !status_is("CapEff", none) || !status_is("CapBnd", none) || !status_is("CapAmb", none))
		return 4;
	if (!status_is("NoNewPrivs", "1") || prctl(PR_GET_DUMPABLE) != 0)
		return 5;
	if (setuid(0) == 0 || setresuid(0, 0, 0) == 0 || setgid(0) == 0 || setgroups(0, NULL) == 0)
		return 6;
	return 0;
}

static void nothing_is_left(void **state)
{
	(void)state;
	needs_root();
	assert_int_equal(in_child(everything_is_gone), 0);
}

static int drop_twice(void)
{
	if (privsep_drop(USER) != 0)
		return 1;
	/* Whoever has nothing may drop nothing more, and stays who it is. */
	return privsep_drop("") == 0 ? 0 : 2;
}

static void twice(void **state)
{
	(void)state;
	needs_root();
	assert_int_equal(in_child(drop_twice), 0);
}

static int drop_unknown(void)
{
	return privsep_drop("no-such-user-here") == -ESRCH && getuid() == 0 ? 0 : 1;
}

/* A number that is no account's name stands for itself; 0 stands for nobody. */
static int drop_to_number(void)
{
	static const char *const none[] = {
		"0", "00", "-1", "+7", " 7", "7x", "0x7", "4294967296"
	};

	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		if (privsep_drop(none[i]) != -ESRCH || getuid() != 0)
			return 1;
	}
	if (privsep_drop("64321") != 0)
		return 2;
	return status_is("Uid", "64321\t64321\t64321\t64321") &&
			       status_is("Gid", "64321\t64321\t64321\t64321") &&
			       status_is("Groups", " ")
		       ? 0
		       : 3;
}

static int drop_to_root(void)
{
	return privsep_drop("root") == -EPERM && privsep_drop(NULL) == -EPERM &&
			       privsep_drop("") == -EPERM
		       ? 0
		       : 1;
}

static void users_that_will_do_and_that_will_not(void **state)
{
	(void)state;
	needs_root();
	assert_int_equal(in_child(drop_unknown), 0);
	assert_int_equal(in_child(drop_to_root), 0);
	assert_int_equal(in_child(drop_to_number), 0);
}

/* Without CAP_SETPCAP the bounding set cannot be emptied: refused, not half done in silence. */
static int drop_without_setpcap(void)
{
	const int caps[] = { CAP_SETUID, CAP_SETGID };

	if (privsep_keep_caps(caps, ARRAY_SIZE(caps)) != 0)
		return 1;
	return privsep_drop(USER) == -EPERM && getuid() == 0 ? 0 : 2;
}

static void needed_capabilities(void **state)
{
	(void)state;
	needs_root();
	assert_int_equal(in_child(drop_without_setpcap), 0);
}

static int keep_some(void)
{
	const int caps[] = { CAP_NET_ADMIN, CAP_KILL };
	/* 1 << 12 | 1 << 5 */
	static const char some[] = "0000000000001020", none[] = "0000000000000000";

	if (privsep_keep_caps(caps, ARRAY_SIZE(caps)) != 0)
		return 1;
	if (!status_is("CapPrm", some) || !status_is("CapEff", some) ||
	    !status_is("CapBnd", some) || !status_is("CapInh", none) || !status_is("CapAmb", none))
		return 2;
	/* What is gone does not come back by asking. */
	return privsep_keep_caps((const int[]){ CAP_SYS_ADMIN }, 1) < 0 ? 0 : 3;
}

/* An exec as uid 0 gives no more than the bounding set. */
static int keep_some_and_execute(void)
{
	const int caps[] = { CAP_NET_ADMIN, CAP_KILL };

	if (privsep_keep_caps(caps, ARRAY_SIZE(caps)) != 0)
		return 1;
	(void)execl("/bin/grep", "grep", "-q", "^CapEff:\t0000000000001020$", "/proc/self/status",
		    NULL);
	return 2;
}

static int keep_none(void)
{
	static const char none[] = "0000000000000000";

	return privsep_keep_caps(NULL, 0) == 0 && status_is("CapPrm", none) &&
			       status_is("CapBnd", none)
		       ? 0
		       : 1;
}

static void kept_capabilities(void **state)
{
	(void)state;
	needs_root();
	assert_int_equal(in_child(keep_some), 0);
	assert_int_equal(in_child(keep_some_and_execute), 0);
	assert_int_equal(in_child(keep_none), 0);
}

static int become_nobody_then_drop(void)
{
	const struct passwd *nobody = getpwnam(USER);

	if (getuid() == 0 && (!nobody || setgroups(0, NULL) < 0 || setgid(nobody->pw_gid) < 0 ||
			      setuid(nobody->pw_uid) < 0))
		return 1;
	if (privsep_drop(NULL) != 0)
		return 2;
	if (!status_is("NoNewPrivs", "1") || !status_is("CapPrm", "0000000000000000"))
		return 3;
	/* Another user's name is out of reach. */
	return privsep_drop("daemon") < 0 ? 0 : 4;
}

static void without_root(void **state)
{
	(void)state;
	assert_int_equal(in_child(become_nobody_then_drop), 0);
}

/* The kernel clears the signal at setresuid; it must be there afterwards. */
static int death_signal_survives(void)
{
	int signal = 0;

	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || privsep_drop(USER) != 0)
		return 1;
	return prctl(PR_GET_PDEATHSIG, &signal) == 0 && signal == SIGTERM ? 0 : 2;
}

static void the_parents_death_is_still_told(void **state)
{
	(void)state;
	needs_root();
	assert_int_equal(in_child(death_signal_survives), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_left),
		cmocka_unit_test(twice),
		cmocka_unit_test(users_that_will_do_and_that_will_not),
		cmocka_unit_test(needed_capabilities),
		cmocka_unit_test(kept_capabilities),
		cmocka_unit_test(without_root),
		cmocka_unit_test(the_parents_death_is_still_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
