/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Schema and statements of the store.
 *
 * user_version is the number of steps that were taken; a step is never changed once released, a
 * new one is added below it. application_id tells file(1), and us, whose file it is. Addresses are
 * blobs of 4 or 16 bytes in network order, so that a net is a range of them.
 */
#include "recorder/store_db.h"

#include <errno.h>
#include <stdio.h>

#include <bailiff/ipc.h>

#include "base/cleanup.h"

#define TEXT_OF(x) #x
#define NUMBER(x) TEXT_OF(x)

static const char *const steps[] = {
	"CREATE TABLE record ("
	" id INTEGER PRIMARY KEY, wall_ns INTEGER NOT NULL, kind INTEGER NOT NULL,"
	" subject_kind INTEGER NOT NULL, addr BLOB NOT NULL, prefix INTEGER NOT NULL,"
	" subject_id INTEGER NOT NULL, result INTEGER NOT NULL, trust INTEGER NOT NULL,"
	" action INTEGER NOT NULL, count INTEGER NOT NULL, decision INTEGER NOT NULL,"
	" pid INTEGER NOT NULL, partial INTEGER NOT NULL, session INTEGER NOT NULL,"
	" seconds INTEGER NOT NULL, peer_port INTEGER NOT NULL, local_port INTEGER NOT NULL,"
	" service TEXT NOT NULL, source TEXT NOT NULL, rule TEXT NOT NULL, user TEXT NOT NULL,"
	" text TEXT NOT NULL, line TEXT NOT NULL) STRICT;"
	"CREATE INDEX record_time ON record (wall_ns);"
	"CREATE INDEX record_subject ON record (subject_kind, addr, subject_id, wall_ns);"
	"CREATE INDEX record_session ON record (session, wall_ns) WHERE session <> 0;"
	"CREATE TABLE outcome ("
	" id INTEGER PRIMARY KEY, wall_ns INTEGER NOT NULL, until_wall_ns INTEGER NOT NULL,"
	" subject_kind INTEGER NOT NULL, addr BLOB NOT NULL, prefix INTEGER NOT NULL,"
	" subject_id INTEGER NOT NULL, action INTEGER NOT NULL, result INTEGER NOT NULL,"
	" decision INTEGER NOT NULL, pid INTEGER NOT NULL, start_ns INTEGER NOT NULL,"
	" refused INTEGER NOT NULL, rule TEXT NOT NULL, who TEXT NOT NULL,"
	" text TEXT NOT NULL) STRICT;"
	"CREATE INDEX outcome_time ON outcome (wall_ns);"
	"CREATE INDEX outcome_subject ON outcome (subject_kind, addr, subject_id, wall_ns);",
};

/* The newest rows first, of both tables; the caller turns them round. ?1 since, ?2 limit. */
#define FIND(of_record, of_outcome)                                                          \
	"SELECT form, id FROM ("                                                             \
	" SELECT 0 AS form, id, wall_ns FROM record WHERE wall_ns >= ?1 AND (" of_record ")" \
	" UNION ALL"                                                                         \
	" SELECT 1, id, wall_ns FROM outcome WHERE wall_ns >= ?1 AND (" of_outcome ")"       \
	") ORDER BY wall_ns DESC, form DESC, id DESC LIMIT ?2"

/*
 * ?3 to ?4: first and last address of the net, ?5 its length in bytes; what was locked out as a
 * /64 is also about each address in it: ?6. The length keeps IPv4 nets apart from IPv6 addresses
 * that begin with the same bytes.
 */
#define OF_ADDRESS                                                             \
	"subject_kind = 1 AND ((addr BETWEEN ?3 AND ?4 AND length(addr) = ?5)" \
	" OR (addr = ?6 AND prefix = 64))"
_Static_assert(SUBJECT_ADDRESS == 1 && SUBJECT_SESSION == 2 && SUBJECT_USER == 3, "in the SQL");

/* ?3 kind, ?4 number; records of a session also name it as the place where they happened. */
#define OF_ID "subject_kind = ?3 AND addr = x'' AND subject_id = ?4"

/*
 * Tries that counted, and lockouts that bailiff itself decided on and applied: an operator's own
 * do not make the next one longer, and one that an operator released counts no more. ?1: since when
 * tries, ?2: since when lockouts. The + keeps the planner to the index by time: a day's rows are
 * few among those of 90 days.
 */
#define HISTORY                                                                                  \
	"SELECT subject_kind, addr, prefix, subject_id, max(wall_ns) AS last, sum(tries),"       \
	" max(0, sum(lockouts)) FROM ("                                                          \
	" SELECT subject_kind, addr, prefix, subject_id, wall_ns, count AS tries, 0 AS lockouts" \
	" FROM record WHERE wall_ns >= ?1 AND kind = 2 AND result = 1 AND count > 0"             \
	" AND +subject_kind IN (1, 3)"                                                           \
	" UNION ALL"                                                                             \
	" SELECT subject_kind, addr, prefix, subject_id, wall_ns, 0, 1"                          \
	" FROM outcome WHERE wall_ns >= ?2 AND result = 1 AND action BETWEEN 2 AND 5"            \
	" AND decision <> 0 AND +subject_kind IN (1, 3)"                                         \
	" UNION ALL"                                                                             \
	" SELECT subject_kind, addr, prefix, subject_id, wall_ns, 0, -1"                         \
	" FROM outcome WHERE wall_ns >= ?2 AND result = 8 AND +subject_kind IN (1, 3)"           \
	") GROUP BY subject_kind, addr, prefix, subject_id"                                      \
	" ORDER BY last DESC LIMIT " NUMBER(STORE_HISTORY_MAX)
_Static_assert(RECORD_ATTEMPT == 2 && RESULT_FAILURE == 1 && OUTCOME_APPLIED == 1, "in the SQL");
_Static_assert(ACTION_LOCK == 2 && ACTION_TERMINATE == 5 && OUTCOME_RELEASED == 8, "in the SQL");

/* Ids ascend, so the rows past a bound are those below the newest id minus the bound. A limited
 * number at a time keeps the transaction short. ?1: bound or time, ?2: rows. */
#define PRUNE_AGE(table)                    \
	"DELETE FROM " table " WHERE id IN" \
	" (SELECT id FROM " table " WHERE wall_ns < ?1 ORDER BY wall_ns LIMIT ?2)"
#define PRUNE_ROWS(table)                                          \
	"DELETE FROM " table " WHERE id IN (SELECT id FROM " table \
	" WHERE id <= (SELECT max(id) FROM " table ") - ?1 ORDER BY id LIMIT ?2)"

const char *const store_sql[STATEMENT_MAX] = {
	[STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
	[STATEMENT_COMMIT] = "COMMIT",
	[STATEMENT_ADD_RECORD] =
		"INSERT INTO record (wall_ns, kind, subject_kind, addr, prefix, subject_id,"
		" result, trust, action, count, decision, pid, partial, session, seconds,"
		" peer_port, local_port, service, source, rule, user, text, line) VALUES"
		" (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,"
		" ?18, ?19, ?20, ?21, ?22, ?23)",
	[STATEMENT_ADD_OUTCOME] =
		"INSERT INTO outcome (wall_ns, until_wall_ns, subject_kind, addr, prefix,"
		" subject_id, action, result, decision, pid, start_ns, refused, rule, who, text)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
	[STATEMENT_GET_RECORD] =
		"SELECT wall_ns, kind, subject_kind, addr, prefix, subject_id, result, trust,"
		" action, count, decision, pid, partial, session, seconds, peer_port, local_port,"
		" service, source, rule, user, text, line FROM record WHERE id = ?1",
	[STATEMENT_GET_OUTCOME] =
		"SELECT wall_ns, until_wall_ns, subject_kind, addr, prefix, subject_id, action,"
		" result, decision, pid, start_ns, refused, rule, who, text"
		" FROM outcome WHERE id = ?1",
	[STATEMENT_FIND_ADDRESS] = FIND(OF_ADDRESS, OF_ADDRESS),
	[STATEMENT_FIND_ID] =
		FIND("(" OF_ID ") OR (?3 = 2 AND session <> 0 AND session = ?4)", OF_ID),
	[STATEMENT_FIND_ALL] = FIND("kind = 5", "1"),
	[STATEMENT_HISTORY] = HISTORY,
	[STATEMENT_PRUNE_RECORD_AGE] = PRUNE_AGE("record"),
	[STATEMENT_PRUNE_OUTCOME_AGE] = PRUNE_AGE("outcome"),
	[STATEMENT_PRUNE_RECORDS] = PRUNE_ROWS("record"),
	[STATEMENT_PRUNE_OUTCOMES] = PRUNE_ROWS("outcome"),
};
_Static_assert(RECORD_DECISION == 5, "in the SQL");

int store_migrate(struct store *store)
{
	const int newest = ARRAY_SIZE(steps);
	char set[64];
	int64_t version = 0;
	int r;

	r = store_get_number(store, "PRAGMA user_version", &version);
	if (r < 0)
		return r;
	if (version < 0 || version > newest)
		return -EPROTONOSUPPORT;
	while (version < newest) {
		(void)snprintf(set, sizeof(set), "PRAGMA user_version = %d; COMMIT",
			       (int)version + 1);
		r = store_judge(store,
				sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
		if (!r)
			r = store_judge(store,
					sqlite3_exec(store->db, steps[version], NULL, NULL, NULL));
		if (!r)
			r = store_judge(store, sqlite3_exec(store->db, set, NULL, NULL, NULL));
		if (r < 0) {
			(void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
			return r;
		}
		version++;
	}
	return 0;
}
