/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl filter test: an object for each line of the log, and exit codes that scripts rely on.
 * Each run is a child whose output goes to a file.
 */
#include "analyst/filter_test.h"
#include "analyst/filter_report.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define ARGS_MAX 14

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
	static const char log[] =
		"2026-11-24T10:00:00Z h sshd[4]: Failed password for root from "
		"203.0.113.9 port 1 ssh2\r\n"
		"\n"
		"2026-11-24T11:00:00+01:00 h sshd[4]: Accepted password for b\"\\ from "
		"::ffff:203.0.113.9 port 1 ssh2\n"
		"h sshd: Connection closed by 203.0.113.9 port 1 [preauth]\n"
		"something else";
	_cleanup_free_ char *out = NULL;

	(void)state;
	assert_int_equal(run(args, log, &out), 0);
	assert_string_equal(
		out,
		"{\"line\":1,\"result\":\"failure\",\"addr\":\"203.0.113.9\",\"user\":\"root\","
		"\"pid\":4,\"time\":\"2026-11-24T10:00:00.000000000Z\"}\n"
		"{\"line\":2,\"result\":\"nomatch\",\"addr\":null,\"user\":null,\"pid\":null,"
		"\"time\":null}\n"
		"{\"line\":3,\"result\":\"success\",\"addr\":\"203.0.113.9\",\"user\":"
		"\"b\\\"\\\\\",\"pid\":4,\"time\":\"2026-11-24T10:00:00.000000000Z\"}\n"
		"{\"line\":4,\"result\":\"nofail\",\"addr\":\"203.0.113.9\",\"user\":null,\"pid\":"
		"null,\"time\":null}\n"
		"{\"line\":5,\"result\":\"nomatch\",\"addr\":null,\"user\":null,\"pid\":null,"
		"\"time\":null}\n");
}

static void test_datepattern(void **state)
{
	static const char *const args[] = { "--failregex",
					    "^ denied \"<ADDR>\"$",
					    "--datepattern",
					    "^at=\"%d.%m.%Y %H:%M\"",
					    "--json",
					    "-",
					    NULL };
	static const char *const wrong[] = { "--failregex", "^<ADDR>", "--datepattern",
					     "%Q",	    "--json",  "-",
					     NULL };
	_cleanup_free_ char *out = NULL, *none = NULL;

	(void)state;
	assert_int_equal(run(args,
			     "at=\"24.11.2026 10:00\" denied \"203.0.113.9\"\n"
			     "2026-11-24 10:00:00 denied \"203.0.113.9\"\n",
			     &out),
			 0);
	assert_string_equal(
		out, "{\"line\":1,\"result\":\"failure\",\"addr\":\"203.0.113.9\",\"user\":null,"
		     "\"pid\":null,\"time\":\"2026-11-24T10:00:00.000000000Z\"}\n"
		     "{\"line\":2,\"result\":\"nomatch\",\"addr\":null,\"user\":null,\"pid\":null,"
		     "\"time\":null}\n");
	assert_int_equal(run(wrong, "x\n", &none), 2);
	assert_non_null(strstr(none, "datepattern: %Q is no part of a date"));
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
		"\"pid\":77,\"time\":null}\n"
		"{\"line\":2,\"result\":\"nomatch\",\"addr\":null,\"user\":null,\"pid\":null,"
		"\"time\":null}\n");
}

static void says_all(const char *out, const char *const *lines)
{
	for (; *lines; lines++) {
		if (!strstr(out, *lines))
			print_message("# got: %s\n", out);
		assert_row(strstr(out, *lines), *lines);
	}
}

static const char mixed[] = "h sshd[4]: message repeated 3 times: [ Failed password for \x1b[2J "
			    "from 203.0.113.9 port 1 ssh2]\n"
			    "Nov 24 10:00:00 h sshd[4]: \x1b]0;x\a\n"
			    "\n"
			    "other\n";

static void test_verbose(void **state)
{
	static const char *const args[] = { "--filter",	 "user/analyst/filters/sshd.conf",
					    "--mode",	 "aggressive",
					    "--verbose", "-",
					    NULL };
	static const char *const says[] = {
		"      1 failure  203.0.113.9 port 1, user \"\\x1b[2J\", pid 4, 3 times; "
		"expression 1, sshd.conf:",
		"       | h sshd[4]: Failed password for \\x1b[2J from 203.0.113.9 port 1 ssh2\n"
		"         address \"203.0.113.9\", port \"1\", user \"\\x1b[2J\"\n",
		"      2 missed  (prefregex matches, no failregex does)\n       |  h sshd[4]: "
		"\\x1b]0;x\\x07\n",
		"      3 missed  \n      4 missed  \n       | other\n",
		"4 lines: 1 matched (1 failure, 0 nofail, 0 success), 0 ignored, 3 missed\n",
		" prefregex ^",
		NULL,
	};
	_cleanup_free_ char *out = NULL;

	(void)state;
	assert_int_equal(run(args, mixed, &out), 0);
	says_all(out, says);
	assert_null(strstr(out, "missed lines"));
	assert_null(strchr(out, '\x1b'));
}

static void test_report(void **state)
{
	static const char *const args[] = { "--filter", "sshd", DIR, "--missed", "2", "-", NULL };
	static const char *const says[] = {
		"     hits  ns/line   time  expression\n        2 ",
		"more matched nothing",
		("missed lines (1 more with --missed N):\n"
		 "      2 | Nov 24 10:00:00 h sshd[4]: \\x1b]0;x\\x07\n"
		 "      3 | \n\n"),
		"4 lines: 1 matched (1 failure, 0 nofail, 0 success), 0 ignored, 3 missed\n",
		" ns per line in the filter; 2 lines say no time\n",
		NULL,
	};
	static const char *const quiet[] = { "--filter", "sshd", DIR, "--quiet", "-", NULL };
	_cleanup_free_ char *out = NULL, *less = NULL;

	(void)state;
	assert_int_equal(run(args, mixed, &out), 0);
	says_all(out, says);
	assert_int_equal(run(quiet, mixed, &less), 0);
	says_all(less, says + 3);
	assert_null(strstr(less, "missed lines"));
}

/* Expressions and lines of the command line; what a filter file would read otherwise stays. */
static void test_command_line(void **state)
{
	static const char *const args[] = { "--failregex",   "^a %d ;b <ADDR>$",
					    "--failregex",   "#c <F-ID>\\w+</F-ID>",
					    "--ignoreregex", "2\\.9$",
					    "--line",	     "a %d ;b 192.0.2.1",
					    "--line",	     "a %d ;b 192.0.2.9",
					    "--line",	     "x #c me",
					    "--verbose",     NULL };
	static const char *const says[] = {
		"command-line.conf:4: failregex: is not anchored with ^",
		"1 failure  192.0.2.1; expression 1, command-line.conf:3\n",
		"2 ignored  by ignoreregex, command-line.conf:6\n",
		("3 failure  no address; expression 2, command-line.conf:4\n       | x #c me\n"
		 "         id \"me\"\n"),
		"not anchored with ^: text from outside",
		"3 lines: 2 matched (2 failure, 0 nofail, 0 success), 1 ignored, 0 missed\n",
		NULL,
	};
	_cleanup_free_ char *out = NULL;

	(void)state;
	assert_int_equal(run(args, "", &out), 0);
	says_all(out, says);
}

/* The only escape sequences are our own. */
static void test_colour(void **state)
{
	static const char text[] = "u \x1b[2Jx 192.0.2.1";
	static const struct filter_trace trace = {
		.text = text,
		.len = sizeof(text) - 1,
		.form = 0,
		.ignore = -1,
		.begin = 2,
		.end = sizeof(text) - 1,
		.parts = 2,
		.part = { { FILTER_PART_USER, 2, 7 }, { FILTER_PART_ADDR, 8, 17 } },
	};
	struct buf out = BUF_INIT(4096);

	(void)state;
	filter_explain(&out, &trace, true);
	assert_string_equal(out.data, "u \033[1;33m\\x1b[2Jx\033[0m\033[4m \033[0m"
				      "\033[1;31m192.0.2.1\033[0m\n"
				      "         user \"\033[1;33m\\x1b[2Jx\033[0m\", "
				      "address \"\033[1;31m192.0.2.1\033[0m\"");
	buf_done(&out);
}

/* A slow expression is named by what it did to these lines. */
static void test_slow(void **state)
{
	static const char *const args[] = {
		"--failregex", "^(?:(?:a+)+)+[bc]<ADDR>$",
		"--line",      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 192.0.2.1",
		"--quiet",     NULL
	};
	_cleanup_free_ char *out = NULL;

	(void)state;
	assert_int_equal(run(args, "", &out), 0);
	assert_non_null(strstr(out, "slow: given up 1 times"));
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
		{ { "--filter", "sshd", DIR, "--line", "x", "-" }, 1, "usage:" },
		{ { "--filter", "sshd", DIR, "--failregex", "^x <ADDR>", "-" }, 1, "usage:" },
		{ { "--filter", "sshd", DIR, "--json", "--verbose", "-" }, 1, "usage:" },
		{ { "--filter", "sshd", DIR, "--missed", "-1", "-" }, 1, "usage:" },
		{ { "--filter", "sshd", DIR, "--missed", "x", "-" }, 1, "usage:" },
		{ { "--failregex", "^(x <ADDR>", "-" },
		  2,
		  "command-line.conf:3: failregex: missing closing parenthesis" },
		{ { "--failregex", "^x", "-" }, 2, "command-line.conf:3: failregex: names nobody" },
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
		cmocka_unit_test(test_json),	    cmocka_unit_test(test_journal),
		cmocka_unit_test(test_datepattern), cmocka_unit_test(test_verbose),
		cmocka_unit_test(test_report),	    cmocka_unit_test(test_command_line),
		cmocka_unit_test(test_slow),	    cmocka_unit_test(test_colour),
		cmocka_unit_test(test_codes),
	};

	(void)setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
