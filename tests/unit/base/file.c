/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whole files: bounds, odd kinds of files, atomic replacement.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "unit.h"

static char folder[] = "/tmp/bailiff-file-XXXXXX";
static char path[64];

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/file", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder);
}

static void what_was_written_is_read(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t len = 99;

	(void)state;
	assert_int_equal(file_write_atomic(path, "a\0b", 3, 0640), 0);
	assert_int_equal(file_read(path, 3, &text, &len), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(text, "a\0b\0", 4);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void empty(void **state)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 99;

	(void)state;
	assert_int_equal(file_write_atomic(path, "", 0, 0600), 0);
	assert_int_equal(file_read(path, 0, &text, &len), 0);
	assert_int_equal(len, 0);
	assert_string_equal(text, "");
}

static void bounds(void **state)
{
	_cleanup_free_ char *big = calloc(1, 20000);

	(void)state;
	assert_non_null(big);
	memset(big, 'x', 20000);
	/* Around the first buffer and its doublings. */
	for (size_t size = 4094; size <= 8194; size += size == 4098 ? 4092 : 1) {
		for (size_t max = size - 1; max <= size + 1; max++) {
			_cleanup_free_ char *text = NULL;
			size_t len = 99;

			assert_int_equal(file_write_atomic(path, big, size, 0600), 0);
			assert_int_equal(file_read(path, max, &text, &len),
					 max < size ? -EFBIG : 0);
			if (max < size) {
				assert_null(text);
				assert_int_equal(len, 99);
			} else {
				assert_int_equal(len, size);
				assert_int_equal(strlen(text), size);
			}
		}
	}
}

static void reading_starts_at_the_beginning(void **state)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *text = NULL;

	(void)state;
	assert_int_equal(file_write_atomic(path, "abc", 3, 0600), 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(lseek(fd, 2, SEEK_SET), 2);
	assert_int_equal(file_read_fd(fd, 10, &text, NULL), 0);
	assert_string_equal(text, "abc");
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 2);
}

static void odd_files(void **state)
{
	_cleanup_free_ char *text = NULL, *proc = NULL;
	size_t len;

	(void)state;
	assert_int_equal(file_read("/nonexistent/x", 10, &text, &len), -ENOENT);
	assert_int_equal(file_read(folder, 10, &text, &len), -EISDIR);
	/* Says size 0. */
	assert_int_equal(file_read("/proc/self/status", 100000, &proc, &len), 0);
	assert_true(len > 0 && strstr(proc, "VmRSS"));
	/* Without end. */
	assert_int_equal(file_read("/dev/zero", 100000, &text, &len), -EFBIG);
	/* A pipe that nobody writes must not hang. */
	(void)unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(file_read(path, 10, &text, &len), -ESPIPE);
	assert_null(text);
}

static int count_files(void)
{
	DIR *dir = opendir(folder);
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	(void)closedir(dir);
	return count - 2;
}

static void replacement_is_atomic(void **state)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *old = NULL, *new = NULL;
	char inside[96];

	(void)state;
	(void)unlink(path);
	assert_int_equal(file_write_atomic(path, "old", 3, 0600), 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(file_write_atomic(path, "newer", 5, 0600), 0);
	/* Who has the old file open still reads the old text, whole. */
	assert_int_equal(file_read_fd(fd, 10, &old, NULL), 0);
	assert_string_equal(old, "old");
	assert_int_equal(file_read(path, 10, &new, NULL), 0);
	assert_string_equal(new, "newer");
	assert_int_equal(count_files(), 1);

	/* A failure leaves no temporary file: a folder cannot be replaced by a file. */
	(void)snprintf(inside, sizeof(inside), "%s/sub", folder);
	assert_int_equal(mkdir(inside, 0700), 0);
	assert_int_equal(file_write_atomic(inside, "x", 1, 0600), -EISDIR);
	assert_int_equal(count_files(), 2);
	assert_int_equal(rmdir(inside), 0);
	(void)snprintf(inside, sizeof(inside), "%s/no/file", folder);
	assert_int_equal(file_write_atomic(inside, "x", 1, 0600), -ENOENT);
}

static void links_are_replaced_not_followed(void **state)
{
	char target[96];
	struct stat st;

	(void)state;
	(void)unlink(path);
	(void)snprintf(target, sizeof(target), "%s/target", folder);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(file_write_atomic(path, "x", 1, 0600), 0);
	assert_int_equal(access(target, F_OK), -1);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(empty),
		cmocka_unit_test(bounds),
		cmocka_unit_test(reading_starts_at_the_beginning),
		cmocka_unit_test(odd_files),
		cmocka_unit_test(replacement_is_atomic),
		cmocka_unit_test(links_are_replaced_not_followed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
