/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs that are not ours: what they are left with, and what journalctl is called with.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "enforcer/sources/journalctl.h"

/* What the program writes before it ends, at most size - 1 bytes. */
static int run(const char *const argv[], const struct helper_ids *ids, char *out, size_t size)
{
	struct helper helper;
	int ends[2], status;
	size_t len = 0;
	ssize_t got;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(helper_spawn(argv, ids, ends[1], &helper), 0);
	assert_int_equal(close(ends[1]), 0);
	while ((got = read(ends[0], out + len, size - 1 - len)) > 0)
		len += (size_t)got;
	out[len] = '\0';
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(waitpid(helper.pid, &status, 0), helper.pid);
	assert_int_equal(close(helper.pidfd), 0);
	return status;
}

static void test_rights_are_gone(void **state)
{
	const char *const argv[] = {
		"/bin/sh", "-c",
		"id -u; id -g; id -G; grep -E 'Cap(Prm|Eff|Amb)|NoNewPrivs' /proc/self/status;"
		" [ -e /proc/$$/fd/100 ] || echo closed; echo \"home=$HOME\"",
		NULL
	};
	const struct helper_ids ids = { .uid = 12345, .gid = 12346, .group = 12347 };
	char out[1024], secret[] = "/tmp/bailiff-helper-XXXXXX";
	int leak;

	(void)state;
	if (geteuid() != 0)
		skip();
	/* A descriptor without close-on-exec: it must not get there. */
	leak = mkstemp(secret);
	assert_int_equal(dup2(leak, 100), 100);
	assert_int_equal(unlink(secret), 0);
	assert_int_equal(run(argv, &ids, out, sizeof(out)), 0);
	assert_int_equal(close(leak), 0);
	assert_int_equal(close(100), 0);
	assert_non_null(strstr(out, "12345\n12346\n12346 12347\n"));
	assert_non_null(strstr(out, "CapPrm:\t0000000000000000\n"));
	assert_non_null(strstr(out, "CapEff:\t0000000000000000\n"));
	assert_non_null(strstr(out, "CapAmb:\t0000000000000000\n"));
	assert_non_null(strstr(out, "NoNewPrivs:\t1\n"));
	assert_non_null(strstr(out, "\nclosed\nhome=\n"));
}

static void test_end_and_a_program_that_is_not_there(void **state)
{
	const char *const sleeps[] = { "/bin/sleep", "60", NULL };
	const char *const none[] = { "/nonexistent/program", NULL };
	const struct helper_ids ids = { .uid = 12345, .gid = 12345, .group = (gid_t)-1 };
	struct helper helper;
	char out[16];
	int status;

	(void)state;
	assert_int_equal(helper_spawn(sleeps, &ids, STDERR_FILENO, &helper), 0);
	status = helper_end(&helper);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_int_equal(helper.pid, 0);
	assert_int_equal(helper_end(&helper), -ESRCH);
	status = run(none, &ids, out, sizeof(out));
	assert_int_equal(WEXITSTATUS(status), 127);
}

static void test_accounts(void **state)
{
	struct helper_ids ids;

	(void)state;
	assert_int_equal(helper_account("root", 64710, &ids), 0);
	assert_int_equal(ids.uid, 0);
	assert_int_equal(helper_account("no-such-account-here", 64710, &ids), 1);
	assert_int_equal(ids.uid, 64710);
	assert_int_equal(ids.gid, 64710);
	assert_int_equal(helper_group("no-such-group-here", &ids.group), -ENOENT);
}

#define WALL 1700000000123456789ULL

static const char *since(uint64_t since_ns)
{
	static char words[2048];
	const char *argv[16];
	struct conf_source source = { .journal = true };

	assert_int_equal(
		journalctl_arguments(&source, since_ns, WALL, words, sizeof(words), argv, 16), 0);
	return argv[4];
}

static void test_journal_begins_where_it_should(void **state)
{
	(void)state;
	assert_string_equal(since(0), "--since=@1700000000.123456");
	assert_string_equal(since(WALL - 5000000000), "--since=@1699999995.123456");
	/* The clock was set back, or the last time is long ago. */
	assert_string_equal(since(WALL + 1), "--since=@1700000000.123456");
	assert_string_equal(since(1), "--since=@1699999400.123456");
}

static void test_journal_match_becomes_words(void **state)
{
	char match[] = "SYSLOG_FACILITY=4  + _UID=0", words[2048], small[40];
	struct conf_source source = { .journal = true, .match = match };
	const char *argv[16];

	(void)state;
	assert_int_equal(journalctl_arguments(&source, 0, WALL, words, sizeof(words), argv, 16), 0);
	assert_string_equal(argv[1], "--output=export");
	assert_string_equal(argv[6], "SYSLOG_FACILITY=4");
	assert_string_equal(argv[7], "+");
	assert_string_equal(argv[8], "_UID=0");
	assert_null(argv[9]);
	assert_string_equal(match, "SYSLOG_FACILITY=4  + _UID=0");
	assert_int_equal(journalctl_arguments(&source, 0, WALL, words, sizeof(words), argv, 9),
			 -E2BIG);
	assert_int_equal(journalctl_arguments(&source, 0, WALL, small, sizeof(small), argv, 16),
			 -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rights_are_gone),
		cmocka_unit_test(test_end_and_a_program_that_is_not_there),
		cmocka_unit_test(test_accounts),
		cmocka_unit_test(test_journal_begins_where_it_should),
		cmocka_unit_test(test_journal_match_becomes_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
