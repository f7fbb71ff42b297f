/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files that are not what they should be. In every case: the old file is kept under another name, a
 * new one works, nothing hangs, nothing crashes.
 */
#include "samples.h"

#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "recorder/store.h"

static struct store *make(const struct folder *folder)
{
	struct store *store = NULL;

	assert_int_equal(store_new(&store, folder->path, NULL), 0);
	return store;
}

static void fill(const struct folder *folder, unsigned int rows)
{
	struct store *store = make(folder);
	struct ipc_record record = sample_attempt("192.0.2.1");

	assert_int_equal(store_open(store), 0);
	for (unsigned int i = 0; i < rows; i++)
		store_add_record(store, &record, SAMPLE_WALL_NS + i);
	store_free(store);
}

static size_t count(struct store *store, int *ret_error)
{
	struct status_request request = { .op = STATUS_WHY,
					  .subject = sample_address("192.0.2.1", 32),
					  .limit = 10000 };
	struct store_ref *refs = NULL;
	size_t n = 0;

	*ret_error = store_find(store, &request, &refs, &n);
	free(refs);
	return n;
}

static void write_at(const struct folder *folder, long at, int byte, size_t len)
{
	char path[128];
	FILE *file = fopen(folder_file(folder, STORE_FILE, path), "r+");

	assert_non_null(file);
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	for (size_t i = 0; i < len; i++)
		assert_int_not_equal(fputc(byte, file), EOF);
	assert_int_equal(fclose(file), 0);
}

static void works(struct store *store)
{
	struct ipc_record record = sample_attempt("192.0.2.1");
	int error;

	store_add_record(store, &record, SAMPLE_WALL_NS);
	store_commit(store);
	assert_true(store_writable(store));
	assert_int_equal(count(store, &error), 1);
	assert_int_equal(error, 0);
}

static void test_garbage(void **state)
{
	struct store *store;
	struct store_stats stats;

	fill(*state, 10);
	write_at(*state, 0, 'x', 4096);
	store = make(*state);
	assert_int_equal(store_open(store), 0);
	store_stats(store, &stats);
	assert_int_equal(stats.set_aside, 1);
	assert_true(file_size(*state, STORE_FILE ".damaged") > 0);
	works(store);
	store_free(store);
}

/* Pages in the middle: noticed when they are touched, while running. */
static void test_damaged_pages(void **state)
{
	struct ipc_record record = sample_attempt("192.0.2.1");
	struct store *store;
	struct store_stats stats;
	long size;
	int error;

	fill(*state, 3000);
	size = file_size(*state, STORE_FILE);
	assert_true(size > 100 * 4096);
	write_at(*state, 4096, 0xff, (size_t)size - 4096);
	store = make(*state);
	/* Opening may already notice, or not. */
	assert_int_equal(store_open(store), 0);
	(void)count(store, &error);
	for (unsigned int i = 0; i < 100; i++)
		store_add_record(store, &record, SAMPLE_WALL_NS + i);
	store_commit(store);
	store_mend(store);
	store_stats(store, &stats);
	assert_int_equal(stats.set_aside, 1);
	assert_int_equal(file_size(*state, STORE_FILE ".damaged"), size);
	works(store);
	store_free(store);
}

/* The schema's page is there, the rest is not: opening notices. */
static void test_cut(void **state)
{
	char path[128];
	struct store *store;
	struct store_stats stats;

	fill(*state, 3000);
	assert_int_equal(truncate(folder_file(*state, STORE_FILE, path), 40000), 0);
	store = make(*state);
	assert_int_equal(store_open(store), 0);
	store_stats(store, &stats);
	assert_int_equal(stats.set_aside, 1);
	assert_int_equal(file_size(*state, STORE_FILE ".damaged"), 40000);
	works(store);
	store_free(store);
}

static void with_sqlite(const struct folder *folder, const char *sql)
{
	char path[128];
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(folder_file(folder, STORE_FILE, path), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_foreign(void **state)
{
	struct store *store;

	with_sqlite(*state, "CREATE TABLE wallet (coin)");
	store = make(*state);
	assert_int_equal(store_open(store), 0);
	assert_true(file_size(*state, STORE_FILE ".foreign") > 0);
	works(store);
	store_free(store);
}

static void test_newer(void **state)
{
	struct store *store;

	fill(*state, 1);
	with_sqlite(*state, "PRAGMA user_version = 99");
	store = make(*state);
	assert_int_equal(store_open(store), 0);
	assert_true(file_size(*state, STORE_FILE ".newer") > 0);
	works(store);
	store_free(store);
}

/* Marked as ours, but without our tables. */
static void test_missing_table(void **state)
{
	struct store *store;

	fill(*state, 1);
	with_sqlite(*state, "DROP TABLE outcome");
	store = make(*state);
	assert_int_equal(store_open(store), 0);
	assert_true(file_size(*state, STORE_FILE ".damaged") > 0);
	works(store);
	store_free(store);
}

/* Rows that no message could have made: not handed out. */
static void test_impossible_rows(void **state)
{
	struct status_request request = { .op = STATUS_WHY,
					  .subject = sample_address("192.0.2.1", 32) };
	struct store_ref *refs = NULL;
	struct store_row row;
	struct store *store;
	size_t n = 0;

	fill(*state, 6);
	with_sqlite(*state, "UPDATE record SET kind = 999 WHERE id = 1;"
			    "UPDATE record SET trust = -1 WHERE id = 2;"
			    "UPDATE record SET prefix = 77 WHERE id = 3;"
			    "UPDATE record SET action = 8 WHERE id = 4;"
			    "UPDATE record SET user = CAST(zeroblob(100000) AS TEXT) WHERE id = 5");
	store = make(*state);
	assert_int_equal(store_open(store), 0);
	assert_int_equal(store_find(store, &request, &refs, &n), 0);
	assert_int_equal(n, 6);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(store_get(store, &refs[i], &row), -EBADMSG);
	assert_int_equal(store_get(store, &refs[4], &row), 0);
	assert_string_equal(row.record.user, "");
	assert_int_equal(store_get(store, &refs[5], &row), 0);
	free(refs);
	store_free(store);
}

/* No folder: rows are counted as lost; when it is there, all is well. */
static void test_no_folder(void **state)
{
	struct folder *folder = *state;
	struct ipc_record record = sample_attempt("192.0.2.1");
	struct store *store = make(folder);
	struct store_stats stats;
	int error;

	assert_int_equal(rmdir(folder->path), 0);
	assert_true(store_open(store) < 0);
	store_add_record(store, &record, SAMPLE_WALL_NS);
	store_mend(store);
	(void)count(store, &error);
	assert_int_equal(error, -EIO);
	store_stats(store, &stats);
	assert_int_equal(stats.lost, 1);
	assert_false(store_writable(store));
	assert_int_equal(mkdir(folder->path, 0700), 0);
	store_mend(store);
	works(store);
	store_free(store);
}

/* In a mount namespace of its own, on a file system of 256 KiB that fills up for real. */
static int on_full_disk(const char *path)
{
	struct folder folder = { { 0 } };
	struct ipc_record record = sample_attempt("192.0.2.1");
	struct store *store;
	struct store_stats stats;
	int error;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", path, "tmpfs", 0, "size=256k") < 0)
		return 77;
	(void)snprintf(folder.path, sizeof(folder.path), "%s", path);
	if (store_new(&store, path, NULL) < 0 || store_open(store) < 0)
		return 1;
	for (unsigned int i = 0; i < 5000; i++) {
		store_add_record(store, &record, SAMPLE_WALL_NS + i);
		if (i % 50 == 49)
			store_commit(store);
	}
	store_mend(store);
	store_stats(store, &stats);
	if (stats.lost == 0 || stats.written == 0 || stats.written + stats.lost != 5000 ||
	    stats.set_aside != 0 || store_writable(store))
		return 2;
	/* Still answers. */
	if (count(store, &error) != stats.written || error != 0)
		return 3;
	if (mount(NULL, path, NULL, MS_REMOUNT, "size=16m") < 0)
		return 77;
	store_add_record(store, &record, SAMPLE_WALL_NS);
	store_commit(store);
	if (!store_writable(store))
		return 4;
	store_free(store);
	return 0;
}

static void test_full_disk(void **state)
{
	struct folder *folder = *state;
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(on_full_disk(folder->path));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* A file system that became read-only under a running recorder, and one that is so at start. */
static int on_read_only(const char *path)
{
	struct ipc_record record = sample_attempt("192.0.2.1");
	struct store *store;
	struct store_stats stats;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", path, "tmpfs", 0, "size=16m") < 0)
		return 77;
	if (store_new(&store, path, NULL) < 0 || store_open(store) < 0)
		return 1;
	store_add_record(store, &record, SAMPLE_WALL_NS);
	store_free(store);
	if (mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
		return 77;
	if (store_new(&store, path, NULL) < 0 || store_open(store) == 0)
		return 2;
	store_add_record(store, &record, SAMPLE_WALL_NS);
	store_commit(store);
	store_mend(store);
	store_stats(store, &stats);
	if (stats.lost != 1 || stats.set_aside != 0 || store_writable(store))
		return 3;
	if (mount(NULL, path, NULL, MS_REMOUNT, NULL) < 0)
		return 77;
	store_mend(store);
	store_add_record(store, &record, SAMPLE_WALL_NS);
	store_commit(store);
	store_stats(store, &stats);
	if (!store_writable(store) || stats.lost != 1 || stats.written != 1)
		return 4;
	store_free(store);
	return 0;
}

static void test_read_only(void **state)
{
	struct folder *folder = *state;
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(on_read_only(folder->path));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		folder_test(test_garbage),
		folder_test(test_damaged_pages),
		folder_test(test_cut),
		folder_test(test_foreign),
		folder_test(test_newer),
		folder_test(test_missing_table),
		folder_test(test_impossible_rows),
		folder_test(test_no_folder),
		folder_test(test_full_disk),
		folder_test(test_read_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
