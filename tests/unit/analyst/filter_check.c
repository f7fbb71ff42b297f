/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl filter check: what it says of each file of a folder, and in which modes it tried it.
 */
#include "analyst/filter_test.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define D "[Definition]\n"

static const struct {
	const char *name, *text;
} files[] = {
	{ "base.conf", "[DEFAULT]\nlead = ^x\n[lt_file]\np = f\n[lt_short]\np = s\n" },
	{ "good.conf",
	  "[INCLUDES]\nbefore = base.conf\n" D "mdre-normal = %(lead)s <ADDR>\n"
	  "mdre-ddos = %(lead)s <ADDR>\n  ^y <ADDR>\nmdre-ddos-other = ^z <ADDR>\n"
	  "mdre-normal-other =\nmdre-block = ^b\nmdpr-normal = a\nmdpr-ddos = b\nmode = normal\n"
	  "logtype = file\nfailregex = <mdre-<mode>>\n  <mdre-<mode>-other>\n"
	  "  ^<lt_<logtype>/p>-<mdpr-<mode>> <ADDR>\n"
	  "journalmatch = _SYSTEMD_UNIT=x\ndatepattern = %%Y\n" },
	{ "warned.conf", D "failregex = x <ADDR>\n" },
	{ "warned.local", D "failregex = %(known/failregex)s\n  y <ADDR>\n" },
	{ "mode.conf", D "m-a = ^x <ADDR>\nm-b = ^(x <ADDR>\nmode = a\nfailregex = <m-<mode>>\n" },
	{ "hostile\x1b[2J.conf", D "failregex = ^x <ADDR>\n" },
	{ "bad.conf", D "failregex = ^x <ADDR>\n\n  ^\\K <ADDR>\n" },
	{ "readme.txt", "not a filter" },
};

static char folder[] = "/tmp/bailiff-filter-check-XXXXXX";

static int folder_make(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[128];
		FILE *file;

		(void)snprintf(path, sizeof(path), "%s/%s", folder, files[i].name);
		file = fopen(path, "we");
		assert_non_null(file);
		assert_true(fputs(files[i].text, file) >= 0);
		assert_int_equal(fclose(file), 0);
	}
	return 0;
}

static int folder_remove(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/%s", folder, files[i].name);
		(void)unlink(path);
	}
	return rmdir(folder);
}

static int run(const char *const *args, char **ret_out)
{
	char path[] = "/tmp/bailiff-filter-check-out-XXXXXX", *argv[8] = { NULL };
	int out = mkstemp(path), status, argc = 0;
	size_t len;
	pid_t child;

	assert_true(out >= 0);
	argv[argc++] = strdup("check");
	for (; *args; args++)
		argv[argc++] = strdup(*args);
	(void)fflush(stdout);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		if (dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
			_exit(99);
		status = filter_check_main(argc, argv);
		(void)fflush(stdout);
		_exit(status);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(file_read_fd(out, 1 << 20, ret_out, &len), 0);
	(void)close(out);
	(void)unlink(path);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return WEXITSTATUS(status);
}

static void test_text(void **state)
{
	const char *const args[] = { folder, NULL };
	static const char says[] =
		"refused   bad.conf:4: failregex: \\\\K is not Python's, or means something else "
		"here\n"
		"included  base.conf by good.conf; no filter by itself\n"
		"loaded    good.conf  2 expressions; logtype file(2) short(2); mode normal(2) "
		"ddos(4);"
		" has a journalmatch; has a datepattern\n"
		"refused   filter \"hostile\\x1b[2J\", character 8: control character\n"
		"refused   mode.conf:3: failregex: missing closing parenthesis, at \"\", as "
		"mode[mode=b]\n"
		"loaded    warned.conf  2 expressions\n"
		"          warning: warned.conf:2: failregex: is not anchored with ^: text from "
		"outside can stand where it looks\n"
		"          warning: warned.local:3: failregex: is not anchored with ^: text from "
		"outside can stand where it looks\n"
		"5 filters: 2 loaded (1 with warnings), 3 refused; 1 files are there for others to "
		"include\n";
	_cleanup_free_ char *out = NULL;

	(void)state;
	assert_int_equal(run(args, &out), 2);
	assert_string_equal(out, says);
}

static void test_json(void **state)
{
	const char *const args[] = { "--json", folder, NULL };
	static const char *const says[] = {
		"/bad.conf\",\"result\":\"refused\",\"file\":\"bad.conf\",\"line\":4,\"option\":"
		"\"failregex\",\"why\":\"\\\\K is not Python's, or means something else here\","
		"\"warnings\":[]}\n",
		"/base.conf\",\"result\":\"included\",\"file\":\"base\",\"option\":\"failregex\","
		"\"why\":\"there is none\",\"includers\":1,\"warnings\":[]}\n",
		"/good.conf\",\"result\":\"loaded\",\"expressions\":2,\"variants\":["
		"{\"param\":\"logtype\",\"value\":\"file\",\"expressions\":2},"
		"{\"param\":\"logtype\",\"value\":\"short\",\"expressions\":2},"
		"{\"param\":\"mode\",\"value\":\"normal\",\"expressions\":2},"
		"{\"param\":\"mode\",\"value\":\"ddos\",\"expressions\":4}],"
		"\"journalmatch\":\"_SYSTEMD_UNIT=x\",\"datepattern\":\"%Y\",\"warnings\":[]}\n",
		"\"as\":\"mode[mode=b]\"",
	};
	_cleanup_free_ char *out = NULL;

	(void)state;
	assert_int_equal(run(args, &out), 2);
	for (size_t i = 0; i < ARRAY_SIZE(says); i++) {
		if (!strstr(out, says[i]))
			print_message("# got: %s\n", out);
		assert_row(strstr(out, says[i]), says[i]);
	}
	assert_null(strstr(out, "filters:"));
}

static void test_codes(void **state)
{
	const char *const good[] = { "--filter-dir", folder, "user/analyst/filters", NULL };
	const char *const none[] = { NULL };
	const char *const two[] = { folder, folder, NULL };
	const char *const missing[] = { "/nonexistent", NULL };
	const char *const wrong[] = { "--wrong", folder, NULL };
	const char *const help[] = { "--help", NULL };
	_cleanup_free_ char *a = NULL, *b = NULL, *c = NULL, *d = NULL, *e = NULL, *f = NULL;

	(void)state;
	assert_int_equal(run(good, &a), 0);
	assert_non_null(strstr(a, "loaded    sshd.conf"));
	assert_null(strstr(a, "warned.conf"));
	assert_int_equal(run(none, &b), 1);
	assert_int_equal(run(two, &c), 1);
	assert_int_equal(run(missing, &d), 2);
	assert_non_null(strstr(d, "/nonexistent: No such file"));
	assert_int_equal(run(wrong, &e), 1);
	assert_int_equal(run(help, &f), 0);
	assert_non_null(strstr(f, "usage: bailiffctl filter check"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_codes),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
