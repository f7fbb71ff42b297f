/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opening and closing the store's file, and what happens when it is not what it should be.
 *
 * A file that SQLite calls damaged, that another program made, or that a newer release wrote is
 * renamed (its older namesake goes) and a new one begun. Any other failure leaves the file alone
 * and is tried again by store_mend.
 */
#include "recorder/store_db.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

/* "Bail": what file(1) and we know the file by. */
#define STORE_APPLICATION_ID 0x4261696c
#define STORE_HEAP_MAX (192LL * 1024 * 1024)

static const struct store_limits default_limits = {
	.records = STORE_RECORDS_MAX,
	.outcomes = STORE_OUTCOMES_MAX,
	.age_ns = STORE_AGE_DAYS * 86400ULL * NSEC_PER_SEC,
	.bytes = STORE_BYTES_MAX,
};

int store_new(struct store **ret, const char *folder, const struct store_limits *limits)
{
	_cleanup_(store_freep) struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return -ENOMEM;
	store->folder = strdup(folder);
	if (!store->folder || asprintf(&store->path, "%s/" STORE_FILE, folder) < 0) {
		store->path = NULL;
		return -ENOMEM;
	}
	store->limits = limits ? *limits : default_limits;
	(void)sqlite3_hard_heap_limit64(STORE_HEAP_MAX);
	*ret = TAKE_PTR(store);
	return 0;
}

int store_judge(struct store *store, int answer)
{
	switch (answer & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
		store->damaged = true;
		return -EBADMSG;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_INTERRUPT:
		return -ETIME;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_ERROR:
	case SQLITE_SCHEMA:
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
		return -EINVAL;
	default:
		return -EIO;
	}
}

int store_get_number(struct store *store, const char *sql, int64_t *ret)
{
	sqlite3_stmt *statement = NULL;
	int answer, r;

	answer = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
	if (answer == SQLITE_OK)
		answer = sqlite3_step(statement);
	r = answer == SQLITE_DONE ? -ENODATA : store_judge(store, answer);
	if (!r)
		*ret = sqlite3_column_int64(statement, 0);
	(void)sqlite3_finalize(statement);
	return r;
}

static void store_close(struct store *store)
{
	for (size_t i = 0; i < STATEMENT_MAX; i++) {
		(void)sqlite3_finalize(store->statement[i]);
		store->statement[i] = NULL;
	}
	(void)sqlite3_close(store->db);
	store->db = NULL;
	store->stats.lost += store->pending;
	store->pending = 0;
}

struct store *store_free(struct store *store)
{
	if (!store)
		return NULL;
	store_commit(store);
	store_close(store);
	free(store->folder);
	free(store->path);
	free(store);
	return NULL;
}

/* Whose file it is. -ENOMSG: another program's. A new file is given our mark before anything else
 * is written, so a file without it is never a half-made one of ours. */
static int claim_file(struct store *store)
{
	char set[96];
	int64_t id = 0, pages = 0;
	int r;

	r = store_get_number(store, "PRAGMA application_id", &id);
	if (r < 0)
		return r;
	if (id == STORE_APPLICATION_ID)
		return 0;
	r = store_get_number(store, "PRAGMA page_count", &pages);
	if (r < 0)
		return r;
	if (pages > 0)
		return -ENOMSG;
	(void)snprintf(set, sizeof(set),
		       "PRAGMA auto_vacuum = INCREMENTAL; "
		       "PRAGMA application_id = %d",
		       STORE_APPLICATION_ID);
	return store_judge(store, sqlite3_exec(store->db, set, NULL, NULL, NULL));
}

/* temp_store in memory: the sandbox lets no file outside the folder be made. max_page_count is the
 * wall behind the pruning: a quarter above the bound. */
static int configure(struct store *store)
{
	char set[64];
	int64_t page = 4096;
	int r;

	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_busy_timeout(store->db, 50);
	r = store_judge(store, sqlite3_exec(store->db,
					    "PRAGMA journal_mode = WAL;"
					    "PRAGMA synchronous = NORMAL;"
					    "PRAGMA temp_store = MEMORY;"
					    "PRAGMA cell_size_check = ON;"
					    "PRAGMA cache_size = -4096;"
					    "PRAGMA journal_size_limit = 16777216",
					    NULL, NULL, NULL));
	if (r < 0)
		return r;
	r = store_get_number(store, "PRAGMA page_size", &page);
	if (r < 0)
		return r;
	(void)snprintf(set, sizeof(set), "PRAGMA max_page_count = %llu",
		       (unsigned long long)(store->limits.bytes / (uint64_t)page * 5 / 4));
	return store_judge(store, sqlite3_exec(store->db, set, NULL, NULL, NULL));
}

static int prepare(struct store *store)
{
	for (size_t i = 0; i < STATEMENT_MAX; i++) {
		int r = store_judge(store, sqlite3_prepare_v3(store->db, store_sql[i], -1,
							      SQLITE_PREPARE_PERSISTENT,
							      &store->statement[i], NULL));

		if (r == -EINVAL) {
			/* A table or column is missing: nothing of ours made that. */
			store->damaged = true;
			return -EBADMSG;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int open_once(struct store *store)
{
	int r;

	store->damaged = false;
	store->read_only = false;
	r = store_judge(store, sqlite3_open_v2(store->path, &store->db,
					       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
						       SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
					       NULL));
	if (!r)
		r = claim_file(store);
	if (!r && sqlite3_db_readonly(store->db, "main") == 1)
		store->read_only = true;
	if (!r && !store->read_only)
		r = configure(store);
	if (!r && !store->read_only)
		r = store_migrate(store);
	if (!r)
		r = prepare(store);
	return r;
}

static int set_aside(struct store *store, const char *why)
{
	static const char *const parts[] = { "", "-wal" };
	_cleanup_free_ char *shm = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		_cleanup_free_ char *from = NULL, *to = NULL;

		if (asprintf(&from, "%s%s", store->path, parts[i]) < 0) {
			from = NULL;
			return -ENOMEM;
		}
		if (asprintf(&to, "%s.%s%s", store->path, why, parts[i]) < 0) {
			to = NULL;
			return -ENOMEM;
		}
		(void)unlink(to);
		if (rename(from, to) < 0 && errno != ENOENT)
			return -errno;
	}
	if (asprintf(&shm, "%s-shm", store->path) < 0) {
		shm = NULL;
		return -ENOMEM;
	}
	(void)unlink(shm);
	store->stats.set_aside++;
	return 0;
}

/* What to call the file that is set aside, NULL: it stays where it is. */
static const char *unusable(int error)
{
	if (error == -EBADMSG)
		return "damaged";
	if (error == -ENOMSG)
		return "foreign";
	return error == -EPROTONOSUPPORT ? "newer" : NULL;
}

int store_open(struct store *store)
{
	const char *why;
	int r;

	r = open_once(store);
	why = unusable(r);
	if (why) {
		store_close(store);
		r = set_aside(store, why);
		if (r < 0)
			return log_error_errno(r, "%s is %s and cannot be set aside", store->path,
					       why);
		log_warning("%s is %s: kept as %s.%s, a new one is begun", store->path, why,
			    store->path, why);
		r = open_once(store);
	}
	if (r < 0) {
		store_close(store);
		if (!store->troubled)
			(void)log_error_errno(r, "%s cannot be opened; records are not kept",
					      store->path);
		store->troubled = true;
		return r;
	}
	if (store->read_only) {
		if (!store->troubled)
			log_error("%s is read-only; records are not kept", store->path);
		store->troubled = true;
		return -EROFS;
	}
	return 0;
}

void store_mend(struct store *store)
{
	if (store->db && !store->damaged && !store->read_only)
		return;
	if (store->damaged && store->db) {
		store_close(store);
		if (set_aside(store, "damaged") < 0)
			return;
		log_warning("%s is damaged: kept as %s.damaged, a new one is begun", store->path,
			    store->path);
	}
	store_close(store);
	if (store_open(store) == 0 && store->troubled) {
		log_info("%s can be written again; %llu rows were lost", store->path,
			 (unsigned long long)store->stats.lost);
		store->troubled = false;
	}
}

bool store_writable(const struct store *store)
{
	return store->db && !store->read_only && !store->damaged && !store->troubled;
}

bool store_pending(const struct store *store)
{
	return store->pending > 0;
}

void store_stats(const struct store *store, struct store_stats *ret)
{
	*ret = store->stats;
}
