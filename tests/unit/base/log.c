/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages: one line each, nothing of an outsider's text gets through as control, and where stderr
 * is the journal each line carries its priority.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "unit.h"

static char seen[16384];
static int seen_level, calls;

static void sink(void *arg, int level, const char *text)
{
	assert_ptr_equal(arg, seen);
	seen_level = level;
	calls++;
	(void)snprintf(seen, sizeof(seen), "%s", text);
}

static int use_sink(void **state)
{
	(void)state;
	seen[0] = '\0';
	calls = 0;
	log_set_sink(sink, seen);
	return 0;
}

static int back_to_stderr(void **state)
{
	(void)state;
	log_set_sink(NULL, NULL);
	log_set_level(LOG_INFO);
	return 0;
}

static void untrusted_arguments_are_safe(void **state)
{
	(void)state;
	log_warning("user '%s' failed", "root\n<0>kernel: \x1b[2Jpanic\xe2\x80\xae\xff");
	assert_string_equal(seen, "user 'root\\n<0>kernel: \\x1b[2Jpanic\\u{202E}\\xff' failed");
	assert_int_equal(seen_level, LOG_WARNING);
	log_info("%%s %s", "%n%s");
	assert_string_equal(seen, "%s %n%s");
}

static void errors_have_reasons(void **state)
{
	(void)state;
	errno = EDOM;
	assert_int_equal(log_error_errno(-ENOENT, "cannot open %s", "x"), -ENOENT);
	assert_string_equal(seen, "cannot open x: No such file or directory");
	assert_int_equal(seen_level, LOG_ERR);
	assert_int_equal(errno, EDOM);
	assert_int_equal(log_warning_errno(-EPERM, "y"), -EPERM);
	assert_int_equal(seen_level, LOG_WARNING);
}

static void levels(void **state)
{
	(void)state;
	log_debug("hidden");
	assert_int_equal(calls, 0);
	log_info("shown");
	assert_int_equal(calls, 1);
	log_set_level(LOG_DEBUG);
	log_debug("shown, too");
	assert_int_equal(calls, 2);
	log_set_level(LOG_ERR);
	log_warning("hidden");
	assert_int_equal(calls, 2);
	log_error("shown");
	assert_int_equal(calls, 3);
	/* What is not shown is still returned. */
	assert_int_equal(log_warning_errno(-EIO, "hidden"), -EIO);
	assert_int_equal(calls, 3);
}

static void long_messages_are_cut(void **state)
{
	char text[5000];

	(void)state;
	memset(text, '\x01', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);
	assert_true(strlen(seen) <= 4 * 2048);
	assert_memory_equal(seen, "\\x01\\x01", 8);
	memset(text, 'a', sizeof(text) - 1);
	log_info("%s", text);
	assert_int_equal(strspn(seen, "a"), 2047);
	assert_string_equal(seen + 2047, " (cut)");
}

/* What a call writes to stderr. */
static void capture(const char *message, char *to, size_t size)
{
	_cleanup_close_ int old = dup(STDERR_FILENO), fd = -1;
	char name[] = "/tmp/bailiff-log-XXXXXX", variable[64];
	struct stat st;
	ssize_t got;

	fd = mkstemp(name);
	assert_true(fd >= 0 && old >= 0);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	if (getenv("JOURNAL_STREAM") && strcmp(getenv("JOURNAL_STREAM"), "this") == 0) {
		assert_int_equal(fstat(fd, &st), 0);
		(void)snprintf(variable, sizeof(variable), "%llu:%llu",
			       (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
		assert_int_equal(setenv("JOURNAL_STREAM", variable, 1), 0);
	}
	log_open("program");
	log_warning("%s", message);
	assert_int_equal(dup2(old, STDERR_FILENO), STDERR_FILENO);
	got = pread(fd, to, size - 1, 0);
	assert_true(got >= 0);
	to[got] = '\0';
}

static void lines_on_stderr(void **state)
{
	static const char *const others[] = { "8:1234", "this:", ":", "", "1:2x" };
	char text[256];

	(void)state;
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
	capture("a\nb", text, sizeof(text));
	assert_string_equal(text, "program: a\\nb\n");
	assert_int_equal(setenv("JOURNAL_STREAM", "this", 1), 0);
	capture("a\nb", text, sizeof(text));
	assert_string_equal(text, "<4>a\\nb\n");
	/* The variable of somebody else's stream. */
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_int_equal(setenv("JOURNAL_STREAM", others[i], 1), 0);
		capture("x", text, sizeof(text));
		assert_string_equal(text, "program: x\n");
	}
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
	log_open("program");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(untrusted_arguments_are_safe, use_sink,
						back_to_stderr),
		cmocka_unit_test_setup_teardown(errors_have_reasons, use_sink, back_to_stderr),
		cmocka_unit_test_setup_teardown(levels, use_sink, back_to_stderr),
		cmocka_unit_test_setup_teardown(long_messages_are_cut, use_sink, back_to_stderr),
		cmocka_unit_test(lines_on_stderr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
