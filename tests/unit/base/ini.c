/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ini files: what is an entry, and that every mistake names file and line.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/ini.h"
#include "unit.h"

/* "LINE section|key=value;" per entry. */
static int collect(const struct ini_entry *entry, void *arg, char error[INI_ERROR_MAX])
{
	struct buf *out = arg;

	if (strcmp(entry->key, "stop") == 0)
		return 7;
	if (strcmp(entry->key, "silent") == 0)
		return -ENOENT;
	if (strcmp(entry->key, "refuse") == 0) {
		(void)snprintf(error, INI_ERROR_MAX, "unknown key '%s'", entry->value);
		return -EINVAL;
	}
	buf_printf(out, "%u %s|%s=%s;", entry->line, entry->section, entry->key, entry->value);
	return 0;
}

static void check(const char *text, size_t len, int expected, const char *entries,
		  const char *message)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(100000);
	char error[INI_ERROR_MAX];
	int r;

	memset(error, 'x', sizeof(error));
	buf_puts(&out, "");
	r = ini_parse("f.conf", text, len, collect, &out, error);
	assert_string_equal(error, message);
	assert_int_equal(r, expected);
	if (entries)
		assert_string_equal(out.data, entries);
}

static void good(const char *text, const char *entries)
{
	check(text, strlen(text), 0, entries, "");
}

static void bad(const char *text, const char *message)
{
	check(text, strlen(text), -EINVAL, NULL, message);
}

static void entries(void **state)
{
	(void)state;
	good("", "");
	good("\n\n  \t\n", "");
	good("a=1", "1 |a=1;");
	good("a = 1\n", "1 |a=1;");
	good("[s]\na=1\n[t u]\nb=2\na=3\na=4", "2 s|a=1;4 t u|b=2;5 t u|a=3;6 t u|a=4;");
	good("  [ s ]  \n  key with blanks  =  value with = and ; and #  ",
	     "2 s|key with blanks=value with = and ; and #;");
	good("a=\n", "1 |a=;");
	good("a=\"x\"", "1 |a=\"x\";");
	good("# c\n;c\n  # c\na=1", "4 |a=1;");
	good("a=1\r\n[s]\r\nb=2\r\n", "1 |a=1;3 s|b=2;");
	good("\xef\xbb\xbf[s]\na=1", "2 s|a=1;");
	good("a=\xc3\xa9", "1 |a=\xc3\xa9;");
	good("a=x\ty", "1 |a=x\ty;");
}

static void continued_lines(void **state)
{
	(void)state;
	good("a = 1 \\\n  2\\\n3\nb=4", "1 |a=1 2 3;4 |b=4;");
	good("a = 1 \\\n# comment\n;comment\n 2\nb=3", "1 |a=1 2;5 |b=3;");
	good("a = \\\n 1", "1 |a=1;");
	good("a \\\n = 1", "1 |a=1;");
	good("a = 1 \\\n\nb = 2", "1 |a=1;3 |b=2;");
	good("a = 1 \\", "1 |a=1;");
	good("\\\n\\\na = 1", "3 |a=1;");
	good("a = c:\\\\\nb=2", "1 |a=c:\\ b=2;");
	good("[s \\\nt]\na=1", "3 s t|a=1;");
}

static void mistakes(void **state)
{
	(void)state;
	bad("a", "f.conf:1: neither [section] nor key = value");
	bad("\n\n = 1", "f.conf:3: no key before =");
	bad("a=1\n[s", "f.conf:2: section has no closing ]");
	bad("[", "f.conf:1: section has no closing ]");
	bad("[]", "f.conf:1: section has no name");
	bad("[  ]", "f.conf:1: section has no name");
	bad("[s] x", "f.conf:1: section has no closing ]");
	bad("[s]]", "f.conf:1: bracket within a section's name");
	bad("[s] # c", "f.conf:1: section has no closing ]");
	bad("a=\xff", "f.conf:1: not valid UTF-8");
	bad("x=1\na=\xed\xa0\x80", "f.conf:2: not valid UTF-8");
	bad("a=\x1b[31m", "f.conf:1: control character in the text");
	bad("a=1\rb=2", "f.conf:1: control character in the text");
	bad("a = 1 \\\n\x01", "f.conf:2: control character in the text");
	/* The handler's sentence, with the place where the joined line began. */
	bad("a=1\nrefuse = \\\n  q\n", "f.conf:2: unknown key 'q'");
	check("a=\0b", 4, -EINVAL, NULL, "f.conf:1: control character in the text");
	check("silent = 1", 10, -ENOENT, NULL, "f.conf:1: No such file or directory");
	/* A positive value ends it without being an error. */
	check("a=1\nstop=1\nb=2", 14, 7, "1 |a=1;", "");
}

static void lines_are_bounded(void **state)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(100000);

	(void)state;
	for (int extra = 0; extra < 2; extra++) {
		buf_clear(&text);
		buf_puts(&text, "x=1\na=");
		for (int i = 0; i < INI_LINE_MAX - 2 + extra; i++)
			buf_putc(&text, 'v');
		check(text.data, text.len, extra ? -E2BIG : 0, NULL,
		      extra ? "f.conf:2: line is too long" : "");
	}
	/* Joined lines are bounded together. */
	buf_clear(&text);
	buf_puts(&text, "\na=\\\n");
	for (int i = 0; i < 1000; i++)
		buf_puts(&text, "123456789 \\\n");
	check(text.data, text.len, -E2BIG, NULL, "f.conf:2: line is too long");
}

static int count(const struct ini_entry *entry, void *arg, char error[INI_ERROR_MAX])
{
	(void)entry;
	(void)error;
	++*(unsigned int *)arg;
	return 0;
}

static void sizes_are_bounded(void **state)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(2 * INI_SIZE_MAX);
	char error[INI_ERROR_MAX];
	unsigned int seen = 0;

	(void)state;
	for (int i = 0; i <= INI_ENTRIES_MAX; i++)
		buf_puts(&text, "a=\n");
	assert_int_equal(ini_parse("f", text.data, text.len, count, &seen, error), -E2BIG);
	assert_int_equal(seen, INI_ENTRIES_MAX);
	assert_string_equal(error, "f:65537: too many entries");
	buf_clear(&text);
	for (int i = 0; i < INI_SIZE_MAX; i++)
		buf_putc(&text, '\n');
	assert_int_equal(ini_parse("f", text.data, text.len, count, &seen, error), 0);
	buf_putc(&text, '\n');
	assert_int_equal(ini_parse("f", text.data, text.len, count, &seen, error), -E2BIG);
	assert_string_equal(error, "f:1: file is too big");
}

static void names_are_made_safe_and_short(void **state)
{
	char name[4001], error[INI_ERROR_MAX];
	unsigned int seen = 0;

	(void)state;
	assert_int_equal(ini_parse("a\x1b[0m\n", "x", 1, count, &seen, error), -EINVAL);
	assert_string_equal(error, "a\\x1b[0m\\n:1: neither [section] nor key = value");
	memset(name, 'n', sizeof(name));
	memcpy(name + 4000 - 5, ".conf", 6);
	assert_int_equal(ini_parse(name, "x", 1, count, &seen, error), -EINVAL);
	assert_non_null(strstr(error, "n.conf:1: neither [section] nor key = value"));
	/* Nothing but escapes: the sentence may be cut, the text stays terminated. */
	memset(name, '\x01', sizeof(name) - 1);
	name[4000] = '\0';
	assert_int_equal(ini_parse(name, "x", 1, count, &seen, error), -EINVAL);
	assert_true(strlen(error) < INI_ERROR_MAX);
}

static void from_an_fd(void **state)
{
	_cleanup_close_ int fd = memfd_create("ini", MFD_CLOEXEC), end = -1;
	_cleanup_(buf_done) struct buf out = BUF_INIT(100);
	char error[INI_ERROR_MAX];
	int pipes[2];

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a=1\nrefuse=x\n", 13), 13);
	/* The place of the descriptor does not matter. */
	assert_int_equal(ini_parse_fd("m", fd, collect, &out, error), -EINVAL);
	assert_string_equal(error, "m:2: unknown key 'x'");
	assert_string_equal(out.data, "1 |a=1;");
	assert_int_equal(ftruncate(fd, INI_SIZE_MAX + 1), 0);
	assert_int_equal(ini_parse_fd("m", fd, collect, &out, error), -E2BIG);
	assert_string_equal(error, "m:1: file is too big");
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	end = pipes[1];
	assert_int_equal(ini_parse_fd("m", pipes[0], collect, &out, error), -ESPIPE);
	assert_string_equal(error, "m:1: Illegal seek");
	(void)close(pipes[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries),
		cmocka_unit_test(continued_lines),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(lines_are_bounded),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(names_are_made_safe_and_short),
		cmocka_unit_test(from_an_fd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
