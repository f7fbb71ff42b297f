/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the store's own files share: the connection, its statements, and the one judgement of
 * SQLite's answers.
 */
#ifndef RECORDER_STORE_DB_H
#define RECORDER_STORE_DB_H

#include <sqlite3.h>

#include "recorder/store.h"

enum store_statement {
	STATEMENT_BEGIN,
	STATEMENT_COMMIT,
	STATEMENT_ADD_RECORD,
	STATEMENT_ADD_OUTCOME,
	STATEMENT_GET_RECORD,
	STATEMENT_GET_OUTCOME,
	STATEMENT_FIND_ADDRESS,
	STATEMENT_FIND_ID,
	STATEMENT_FIND_ALL,
	STATEMENT_HISTORY,
	STATEMENT_PRUNE_RECORD_AGE,
	STATEMENT_PRUNE_OUTCOME_AGE,
	STATEMENT_PRUNE_RECORDS,
	STATEMENT_PRUNE_OUTCOMES,
	STATEMENT_MAX,
};

struct store {
	char *folder;
	char *path;
	struct store_limits limits;
	struct store_stats stats;
	sqlite3 *db; /* NULL: could not be opened */
	sqlite3_stmt *statement[STATEMENT_MAX];
	bool read_only;
	bool damaged; /* to be set aside at the next chance */
	bool troubled; /* the last write failed, and that was logged */
	uint32_t pending; /* rows of the open transaction */
	uint64_t since_prune; /* rows committed since the last pruning */
};

extern const char *const store_sql[STATEMENT_MAX];

/* SQLite's answer as -errno; notes damage. SQLITE_OK, _ROW and _DONE give 0. */
int store_judge(struct store *store, int answer);

/* First column of the first row; -ENODATA where there is none. */
int store_get_number(struct store *store, const char *sql, int64_t *ret);

static inline void store_bind(sqlite3_stmt *statement, int at, uint64_t value)
{
	(void)sqlite3_bind_int64(statement, at, (sqlite3_int64)value);
}

/* Brings the schema to the newest version; -EPROTONOSUPPORT: a newer release wrote the file. */
int store_migrate(struct store *store);

#endif
