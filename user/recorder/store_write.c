/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Adding and pruning rows.
 *
 * Rows gather in one transaction that the caller's short timer commits: a commit costs about as
 * much as a hundred rows. Rows whose transaction fails are lost and counted; trouble is logged
 * when it begins and when it ends, not per row.
 */
#include "recorder/store_db.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"

/* Rows that one pruning removes of each kind; more than STORE_PRUNE_EVERY, so that it keeps up. */
#define STORE_PRUNE_MAX 50000
#define STORE_PRUNE_EVERY 20000

static void trouble(struct store *store, int error, const char *what)
{
	if (!store->troubled)
		(void)log_error_errno(error, "%s: %s failed; rows are being lost", store->path,
				      what);
	store->troubled = true;
}

/* The open transaction is gone, with all its rows. */
static void give_up(struct store *store, int error, const char *what)
{
	trouble(store, error, what);
	store->stats.lost += store->pending;
	store->pending = 0;
	if (error == -ENOSPC)
		store->since_prune = STORE_PRUNE_EVERY;
	if (!sqlite3_get_autocommit(store->db))
		(void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

static int run(struct store *store, enum store_statement which)
{
	sqlite3_stmt *statement = store->statement[which];
	int answer = sqlite3_step(statement);

	(void)sqlite3_reset(statement);
	return store_judge(store, answer);
}

static bool begin_row(struct store *store)
{
	int r;

	if (!store->db || store->read_only || store->damaged) {
		store->stats.lost++;
		return false;
	}
	if (store->pending)
		return true;
	r = run(store, STATEMENT_BEGIN);
	if (r < 0) {
		trouble(store, r, "beginning a transaction");
		store->stats.lost++;
		return false;
	}
	return true;
}

static void end_row(struct store *store, enum store_statement which)
{
	int r = run(store, which);

	store->pending++;
	if (r < 0)
		give_up(store, r, "adding a row");
	else if (store->pending >= STORE_BATCH_MAX)
		store_commit(store);
}

/* Valid until the row is stepped: the message outlives that. */
static void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	(void)sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

static void bind_subject(sqlite3_stmt *statement, int at, const struct ipc_subject *subject)
{
	int len = 0;

	if (subject->kind == SUBJECT_ADDRESS)
		len = subject->family == AF_INET ? 4 : 16;
	store_bind(statement, at, subject->kind);
	(void)sqlite3_bind_blob(statement, at + 1, subject->addr, len, SQLITE_STATIC);
	store_bind(statement, at + 2, subject->prefix);
	store_bind(statement, at + 3, subject->id);
}

void store_add_record(struct store *store, const struct ipc_record *record, uint64_t wall_ns)
{
	sqlite3_stmt *statement;

	if (!begin_row(store))
		return;
	statement = store->statement[STATEMENT_ADD_RECORD];
	store_bind(statement, 1, wall_ns);
	store_bind(statement, 2, record->kind);
	bind_subject(statement, 3, &record->subject);
	store_bind(statement, 7, record->result);
	store_bind(statement, 8, record->trust);
	store_bind(statement, 9, record->action);
	store_bind(statement, 10, record->count);
	store_bind(statement, 11, record->decision);
	store_bind(statement, 12, record->pid);
	store_bind(statement, 13, record->partial);
	store_bind(statement, 14, record->session);
	store_bind(statement, 15, record->seconds);
	store_bind(statement, 16, record->peer_port);
	store_bind(statement, 17, record->local_port);
	bind_text(statement, 18, record->service);
	bind_text(statement, 19, record->source);
	bind_text(statement, 20, record->rule);
	bind_text(statement, 21, record->user);
	bind_text(statement, 22, record->text);
	bind_text(statement, 23, record->line);
	end_row(store, STATEMENT_ADD_RECORD);
}

void store_add_outcome(struct store *store, const struct ipc_outcome *outcome, uint64_t wall_ns,
		       uint64_t until_wall_ns)
{
	sqlite3_stmt *statement;

	if (!begin_row(store))
		return;
	statement = store->statement[STATEMENT_ADD_OUTCOME];
	store_bind(statement, 1, wall_ns);
	store_bind(statement, 2, until_wall_ns);
	bind_subject(statement, 3, &outcome->subject);
	store_bind(statement, 7, outcome->action);
	store_bind(statement, 8, outcome->result);
	store_bind(statement, 9, outcome->decision);
	store_bind(statement, 10, outcome->pid);
	store_bind(statement, 11, outcome->start_ns);
	store_bind(statement, 12, outcome->refused);
	bind_text(statement, 13, outcome->rule);
	bind_text(statement, 14, outcome->who);
	bind_text(statement, 15, outcome->text);
	end_row(store, STATEMENT_ADD_OUTCOME);
}

void store_commit(struct store *store)
{
	uint32_t rows = store->pending;
	int r;

	if (!rows || !store->db)
		return;
	r = run(store, STATEMENT_COMMIT);
	if (r < 0) {
		give_up(store, r, "committing");
		return;
	}
	store->pending = 0;
	store->stats.written += rows;
	store->since_prune += rows;
	if (store->troubled) {
		log_info("%s can be written again; %llu rows were lost", store->path,
			 (unsigned long long)store->stats.lost);
		store->troubled = false;
	}
}

bool store_prune_due(const struct store *store)
{
	return store->since_prune >= STORE_PRUNE_EVERY;
}

static int prune(struct store *store, enum store_statement which, uint64_t bound, uint64_t rows)
{
	sqlite3_stmt *statement = store->statement[which];
	int r;

	store_bind(statement, 1, bound);
	store_bind(statement, 2, rows);
	r = run(store, which);
	if (!r)
		store->stats.pruned += (uint64_t)sqlite3_changes(store->db);
	return r;
}

/* Bytes in use; pages that pruning freed are reused before the file grows. */
static int get_bytes(struct store *store, uint64_t *ret)
{
	int64_t pages, unused, size;
	int r;

	r = store_get_number(store, "PRAGMA page_count", &pages);
	if (!r)
		r = store_get_number(store, "PRAGMA freelist_count", &unused);
	if (!r)
		r = store_get_number(store, "PRAGMA page_size", &size);
	if (!r)
		*ret = (uint64_t)((pages - unused) * size);
	return r;
}

/* Too large in bytes: the oldest tenth of the records goes, and again at the next call. */
static int prune_bytes(struct store *store)
{
	uint64_t bytes = 0;
	int64_t rows = 0;
	int r;

	r = get_bytes(store, &bytes);
	if (r < 0 || bytes <= store->limits.bytes)
		return r;
	r = store_get_number(store, "SELECT coalesce(max(id) - min(id) + 1, 0) FROM record", &rows);
	if (!r && rows)
		r = prune(store, STATEMENT_PRUNE_RECORDS, (uint64_t)(rows - (rows + 9) / 10),
			  STORE_PRUNE_MAX);
	if (!r && !rows)
		r = prune(store, STATEMENT_PRUNE_OUTCOMES, store->limits.outcomes / 2,
			  STORE_PRUNE_MAX);
	return r;
}

void store_prune(struct store *store, uint64_t now_wall_ns)
{
	uint64_t oldest = 0;
	int r;

	if (!store->db || store->read_only || store->damaged)
		return;
	store_commit(store);
	if (now_wall_ns > store->limits.age_ns)
		oldest = now_wall_ns - store->limits.age_ns;
	r = run(store, STATEMENT_BEGIN);
	if (!r)
		r = prune(store, STATEMENT_PRUNE_RECORD_AGE, oldest, STORE_PRUNE_MAX);
	if (!r)
		r = prune(store, STATEMENT_PRUNE_OUTCOME_AGE, oldest, STORE_PRUNE_MAX);
	if (!r)
		r = prune(store, STATEMENT_PRUNE_RECORDS, store->limits.records, STORE_PRUNE_MAX);
	if (!r)
		r = prune(store, STATEMENT_PRUNE_OUTCOMES, store->limits.outcomes, STORE_PRUNE_MAX);
	if (!r)
		r = prune_bytes(store);
	if (!r)
		r = run(store, STATEMENT_COMMIT);
	if (r < 0) {
		give_up(store, r, "pruning");
		return;
	}
	store->since_prune = 0;
	(void)sqlite3_exec(store->db, "PRAGMA incremental_vacuum(2000)", NULL, NULL, NULL);
}
