/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl filter test: an object for each line of the log, and exit codes that scripts rely on.
 * Each run is a child whose output goes to a file.
 */
#include "analyst/filter_test.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define ARGS_MAX 10

static int temporary(const char *text, char path[64])
{
	int fd;

	(void)snprintf(path, 64, "/tmp/bailiff-filter-test-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

/* Runs with these arguments and input; ret_out is to be freed. */
static int run(const char *const *args, const char *input, char **ret_out)
{
	char in_path[64], out_path[64], *argv[ARGS_MAX + 2] = { NULL };
	int in = temporary(input, in_path), out = temporary("", out_path), status, argc = 0;
	size_t len;
	pid_t child;

	argv[argc++] = strdup("test");
	for (; *args; args++)
		argv[argc++] = strdup(*args);
	(void)fflush(stdout);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		(void)lseek(in, 0, SEEK_SET);
		if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
		    dup2(out, STDERR_FILENO) < 0)
			_exit(99);
		status = filter_test_main(argc, argv);
		(void)fflush(stdout);
		_exit(status);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(file_read_fd(out, 1 << 20, ret_out, &len), 0);
	(void)close(in);
	(void)close(out);
	(void)unlink(in_path);
	(void)unlink(out_path);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return WEXITSTATUS(status);
}

#define DIR "--filter-dir", "user/analyst/filters"

static void test_json(void **state)
{
	static const char *const args[] = { "--filter", "sshd", DIR, "--json", "-", NULL };
	static const char log[] = "Nov 24 10:00:00 h sshd[4]: Failed password for root from "
				  "203.0.113.9 port 1 ssh2\r\n"
				  "\n"
				  "Nov 24 10:00:00 h sshd[4]: Accepted password for b\"\\ from "
				  "::ffff:203.0.113.9 port 1 ssh2\n"
				  "h sshd: Connection closed by 203.0.113.9 port 1 [preauth]\n"
				  "something else";
	_cleanup_free_ char *out = NULL;

	(void)state;
	assert_int_equal(run(args, log, &out), 0);
	assert_string_equal(
		out,
		"{\"line\":1,\"result\":\"failure\",\"addr\":\"203.0.113.9\",\"user\":\"root\","
		"\"pid\":4}\n"
		"{\"line\":2,\"result\":\"nomatch\",\"addr\":null,\"user\":null,\"pid\":null}\n"
		"{\"line\":3,\"result\":\"success\",\"addr\":\"203.0.113.9\",\"user\":"
		"\"b\\\"\\\\\",\"pid\":4}\n"
		"{\"line\":4,\"result\":\"nofail\",\"addr\":\"203.0.113.9\",\"user\":null,\"pid\":"
		"null}\n"
		"{\"line\":5,\"result\":\"nomatch\",\"addr\":null,\"user\":null,\"pid\":null}\n");
}

static void test_journal(void **state)
{
	static const char *const args[] = { "--filter",	 "sshd", DIR, "--json",
					    "--journal", "-",	 NULL };
	static const char log[] =
		"__CURSOR=1\n_TRANSPORT=syslog\n_PID=77\n_UID=0\n_HOSTNAME=h\nSYSLOG_IDENTIFIER="
		"sshd\n"
		"SYSLOG_PID=1\nMESSAGE=Failed password for root from 203.0.113.9 port 1 ssh2\n\n"
		"__CURSOR=2\n_HOSTNAME=h\nMESSAGE=x\n";
	_cleanup_free_ char *out = NULL;

	(void)state;
	assert_int_equal(run(args, log, &out), 0);
	assert_string_equal(
		out,
		"{\"line\":1,\"result\":\"failure\",\"addr\":\"203.0.113.9\",\"user\":\"root\","
		"\"pid\":77}\n"
		"{\"line\":2,\"result\":\"nomatch\",\"addr\":null,\"user\":null,\"pid\":null}\n");
}

static void test_human(void **state)
{
	static const char *const args[] = { "--filter", "user/analyst/filters/sshd.conf",
					    "--mode",	"aggressive",
					    "-",	NULL };
	static const char log[] =
		"h sshd[4]: message repeated 3 times: [ Failed password for \x1b[2J "
		"from 203.0.113.9 port 1 ssh2]\n";
	_cleanup_free_ char *out = NULL;

	(void)state;
	assert_int_equal(run(args, log, &out), 0);
	assert_non_null(strstr(
		out, "failure  form 1, 203.0.113.9 port 1, user \"\\x1b[2J\", pid 4, 3 times"));
	assert_non_null(
		strstr(out, "1 lines: 0 success, 1 failure, 0 nofail, 0 ignored, 0 nomatch"));
	assert_null(strchr(out, '\x1b'));
}

static void test_codes(void **state)
{
	static const struct {
		const char *args[ARGS_MAX];
		int code;
		const char *says;
	} rows[] = {
		{ { "--help" }, 0, "usage: bailiffctl filter test" },
		{ { NULL }, 1, "usage:" },
		{ { "--filter", "sshd", DIR }, 1, "usage:" },
		{ { "--filter", "sshd", DIR, "-", "-" }, 1, "usage:" },
		{ { "--wrong", "--filter", "sshd", "-" }, 1, "usage:" },
		{ { "--filter", "nothere", DIR, "-" }, 2, "nothere: there is no such filter" },
		{ { "--filter", "sshd[", DIR, "-" }, 2, "filter \"sshd[\", character 6" },
		{ { "--filter", "sshd", DIR, "--mode", "typo", "-" }, 2, "sshd.conf:" },
		{ { "--filter", "sshd", "--filter-dir", "/nonexistent", "-" },
		  2,
		  "/nonexistent: No such" },
		{ { "--filter", "sshd", DIR, "/nonexistent" }, 2, "/nonexistent: No such" },
		{ { "--filter", "sshd", DIR, "/" }, 2, "/: Is a directory" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *out = NULL;
		int code = run(rows[i].args, "", &out);

		assert_row(code == rows[i].code, rows[i].says);
		if (!strstr(out, rows[i].says))
			print_message("# got: %s\n", out);
		assert_row(strstr(out, rows[i].says), rows[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_journal),
		cmocka_unit_test(test_human),
		cmocka_unit_test(test_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
