/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * events.jsonl: whole lines, bounded, whatever the disk does.
 */
#include "samples.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "recorder/jsonlog.h"

static char *read_file(const struct folder *folder, const char *name)
{
	char path[128];
	char *text = calloc(1, 1 << 20);
	FILE *file = fopen(folder_file(folder, name, path), "r");

	assert_non_null(text);
	assert_non_null(file);
	assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
	assert_int_equal(fclose(file), 0);
	return text;
}

static void add(struct jsonlog *jsonlog, const char *object)
{
	jsonlog_add(jsonlog, object, strlen(object));
}

static void test_lines(void **state)
{
	struct jsonlog *jsonlog = NULL;
	struct jsonlog_stats stats;
	char *text;

	assert_int_equal(jsonlog_new(&jsonlog, ((struct folder *)*state)->path, 0), 0);
	assert_false(jsonlog_waiting(jsonlog));
	add(jsonlog, "{\"a\":1}");
	add(jsonlog, "{\"a\":2}");
	assert_true(jsonlog_waiting(jsonlog));
	assert_int_equal(file_size(*state, JSONLOG_FILE), -1);
	jsonlog_write(jsonlog);
	assert_false(jsonlog_waiting(jsonlog));
	add(jsonlog, "{\"a\":3}");
	jsonlog_stats(jsonlog, &stats);
	assert_int_equal(stats.written, 2);
	jsonlog_free(jsonlog);
	text = read_file(*state, JSONLOG_FILE);
	assert_string_equal(text, "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
	free(text);
}

static void test_rotation(void **state)
{
	struct jsonlog *jsonlog = NULL;
	struct jsonlog_stats stats;
	char line[101], *text;

	memset(line, 'x', 99);
	line[99] = '\0';
	assert_int_equal(jsonlog_new(&jsonlog, ((struct folder *)*state)->path, 1000), 0);
	for (unsigned int i = 0; i < 57; i++) {
		line[0] = (char)('0' + i % 10);
		add(jsonlog, line);
		jsonlog_write(jsonlog);
	}
	jsonlog_stats(jsonlog, &stats);
	assert_int_equal(stats.written, 57);
	assert_int_equal(stats.rotated, 5);
	jsonlog_free(jsonlog);
	assert_int_equal(file_size(*state, JSONLOG_FILE), 700);
	assert_int_equal(file_size(*state, JSONLOG_FILE ".1"), 1000);
	assert_int_equal(file_size(*state, JSONLOG_FILE ".2"), -1);
	text = read_file(*state, JSONLOG_FILE);
	assert_int_equal(text[0], '0');
	free(text);
}

/* logrotate moved it away: the next line begins a new file. */
static void test_moved(void **state)
{
	struct jsonlog *jsonlog = NULL;
	char from[128], to[128], *text;

	assert_int_equal(jsonlog_new(&jsonlog, ((struct folder *)*state)->path, 0), 0);
	add(jsonlog, "{\"a\":1}");
	jsonlog_write(jsonlog);
	assert_int_equal(
		rename(folder_file(*state, JSONLOG_FILE, from), folder_file(*state, "moved", to)),
		0);
	add(jsonlog, "{\"a\":2}");
	jsonlog_write(jsonlog);
	jsonlog_free(jsonlog);
	text = read_file(*state, JSONLOG_FILE);
	assert_string_equal(text, "{\"a\":2}\n");
	free(text);
	text = read_file(*state, "moved");
	assert_string_equal(text, "{\"a\":1}\n");
	free(text);
}

/* The disk takes half a batch: nothing of it stays, later lines are whole. */
static void test_short_write(void **state)
{
	const struct rlimit small = { .rlim_cur = 100, .rlim_max = RLIM_INFINITY };
	const struct rlimit wide = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	struct jsonlog *jsonlog = NULL;
	struct jsonlog_stats stats;
	char line[81], *text;

	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	memset(line, 'y', 80);
	line[80] = '\0';
	assert_int_equal(jsonlog_new(&jsonlog, ((struct folder *)*state)->path, 0), 0);
	add(jsonlog, "{\"a\":1}");
	jsonlog_write(jsonlog);
	add(jsonlog, line);
	add(jsonlog, line);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	jsonlog_write(jsonlog);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &wide), 0);
	jsonlog_stats(jsonlog, &stats);
	assert_int_equal(stats.lost, 2);
	add(jsonlog, "{\"a\":2}");
	jsonlog_free(jsonlog);
	text = read_file(*state, JSONLOG_FILE);
	assert_string_equal(text, "{\"a\":1}\n{\"a\":2}\n");
	free(text);
}

/* What stands at its place is not written to unless it is a file; a symbolic link is not
 * followed. */
static void test_not_a_file(void **state)
{
	struct jsonlog *jsonlog = NULL;
	struct jsonlog_stats stats;
	char path[128], target[128];

	assert_int_equal(jsonlog_new(&jsonlog, ((struct folder *)*state)->path, 0), 0);
	assert_int_equal(mkfifo(folder_file(*state, JSONLOG_FILE, path), 0600), 0);
	add(jsonlog, "{}");
	jsonlog_write(jsonlog);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(folder_file(*state, "target", target), path), 0);
	add(jsonlog, "{}");
	jsonlog_write(jsonlog);
	jsonlog_stats(jsonlog, &stats);
	assert_int_equal(stats.lost, 2);
	assert_int_equal(stats.written, 0);
	assert_int_equal(file_size(*state, "target"), -1);
	jsonlog_free(jsonlog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		folder_test(test_lines),      folder_test(test_rotation),
		folder_test(test_moved),      folder_test(test_short_write),
		folder_test(test_not_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
