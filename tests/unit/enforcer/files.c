/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which filter and rule files are read, and the command line.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "enforcer/files.h"
#include "enforcer/options.h"

static char dirs[2][PATH_MAX];
static char seen[4096];

static void put(int dir, const char *name, const char *text)
{
	char path[PATH_MAX + 64];

	(void)snprintf(path, sizeof(path), "%s/%s", dirs[dir], name);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0644), 0);
}

static void put_folder(int dir, const char *name)
{
	char path[PATH_MAX + 64];

	(void)snprintf(path, sizeof(path), "%s/%s", dirs[dir], name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static int note(const char *name, const char *path, int fd, void *arg)
{
	char byte = '?';

	(void)arg;
	assert_int_equal(pread(fd, &byte, 1, 0), 1);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_string_equal(path + strlen(path) - strlen(name), name);
	(void)snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s=%c ", name, byte);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	seen[0] = '\0';
	for (int i = 0; i < 2; i++) {
		text_copy(dirs[i], sizeof(dirs[i]), "/tmp/bailiff-files-XXXXXX");
		if (!mkdtemp(dirs[i]))
			return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %.40s %.40s", dirs[0], dirs[1]);
	return system(command);
}

static void test_order_suffix_and_precedence(void **state)
{
	char path[PATH_MAX + 64];

	(void)state;
	put(0, "b.conf", "0");
	put(0, "a.conf", "0");
	put(0, "masked.conf", "0");
	put(0, ".hidden.conf", "0");
	put(0, "backup.conf~", "0");
	put(0, "README", "0");
	put(0, "r.yml", "0");
	put_folder(0, "sshd.d");
	put(0, "sshd.d/x.local", "0");
	put(1, "b.conf", "1");
	put(1, "c.conf", "1");
	(void)snprintf(path, sizeof(path), "%s/masked.conf", dirs[1]);
	assert_int_equal(symlink("/dev/null", path), 0);
	(void)snprintf(path, sizeof(path), "%s/fifo.conf", dirs[1]);
	assert_int_equal(mkfifo(path, 0644), 0);
	assert_int_equal(files_each((const char(*)[PATH_MAX])dirs, note, NULL), 0);
	assert_string_equal(seen, "a.conf=0 r.yml=0 sshd.d/x.local=0 b.conf=1 c.conf=1 ");
}

static void test_depth_is_bounded(void **state)
{
	char name[128] = "";

	(void)state;
	for (size_t i = 0; i < FILES_DEPTH_MAX + 2; i++) {
		text_copy(name + 2 * i, sizeof(name) - 2 * i, "d");
		put_folder(0, name);
		name[2 * i + 1] = '/';
	}
	put(0, "d/d/d/d/in.conf", "x");
	put(0, "d/d/d/d/d/out.conf", "x");
	assert_int_equal(files_each((const char(*)[PATH_MAX])dirs, note, NULL), 0);
	assert_string_equal(seen, "d/d/d/d/in.conf=x ");
}

static int stop_at_second(const char *name, const char *path, int fd, void *arg)
{
	(void)name;
	(void)path;
	(void)fd;
	return ++*(int *)arg == 2 ? -EPIPE : 0;
}

static void test_callback_ends_it(void **state)
{
	int calls = 0;

	(void)state;
	put(0, "a.conf", "x");
	put(0, "b.conf", "x");
	put(0, "c.conf", "x");
	assert_int_equal(files_each((const char(*)[PATH_MAX])dirs, stop_at_second, &calls), -EPIPE);
	assert_int_equal(calls, 2);
}

static int parse(struct options *options, const char *a, const char *b, const char *c)
{
	char words[4][64] = { "bailiffd" };
	char *argv[5] = { words[0] };
	const char *given[] = { a, b, c };
	int argc = 1;

	for (size_t i = 0; i < 3 && given[i]; i++) {
		text_copy(words[argc], sizeof(words[0]), given[i]);
		argv[argc] = words[argc];
		argc++;
	}
	return options_parse(argc, argv, options);
}

static void test_options(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse(&options, NULL, NULL, NULL), 0);
	assert_int_equal(options.command, COMMAND_RUN);
	assert_false(options.observe);
	assert_int_equal(parse(&options, "--observe", "--no-journal", "--stream"), 0);
	assert_true(options.observe && options.no_journal && options.stream);
	assert_int_equal(parse(&options, "--doctor", "--json", NULL), 0);
	assert_int_equal(options.command, COMMAND_DOCTOR);
	assert_true(options.json);
	assert_int_equal(parse(&options, "--clear", NULL, NULL), 0);
	assert_int_equal(options.command, COMMAND_CLEAR);
	assert_int_equal(parse(&options, "--clear", "--check", NULL), EXIT_USAGE);
	assert_int_equal(parse(&options, "--json", NULL, NULL), EXIT_USAGE);
	assert_int_equal(parse(&options, "--enforce", NULL, NULL), EXIT_USAGE);
	assert_int_equal(parse(&options, "stray", NULL, NULL), EXIT_USAGE);
	assert_int_equal(parse(&options, "--config", NULL, NULL), EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order_suffix_and_precedence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_depth_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_callback_ends_it, setup, teardown),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
