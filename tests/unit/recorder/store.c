/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What goes in comes out, and what does not fit goes.
 */
#include "samples.h"

#include <sqlite3.h>

#include "recorder/store.h"

#define DAY (86400ULL * NSEC_PER_SEC)

static struct store *open_store(const struct folder *folder, const struct store_limits *limits)
{
	struct store *store = NULL;

	assert_int_equal(store_new(&store, folder->path, limits), 0);
	assert_int_equal(store_open(store), 0);
	assert_true(store_writable(store));
	return store;
}

static size_t find(struct store *store, struct ipc_subject subject, struct store_row **ret_rows)
{
	struct status_request request = { .op = STATUS_WHY, .subject = subject };
	struct store_ref *refs = NULL;
	struct store_row *rows;
	size_t count = 0;

	assert_int_equal(store_find(store, &request, &refs, &count), 0);
	rows = calloc(count + 1, sizeof(*rows));
	assert_non_null(rows);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(store_get(store, &refs[i], &rows[i]), 0);
	free(refs);
	if (ret_rows)
		*ret_rows = rows;
	else
		free(rows);
	return count;
}

static struct ipc_subject session_subject(uint64_t tag)
{
	return (struct ipc_subject){ .kind = SUBJECT_SESSION, .id = tag };
}

/* Every field, at its largest, also across closing and opening. */
static void test_round_trip(void **state)
{
	struct ipc_record record = sample_attempt("2001:db8::1"), expected;
	struct ipc_outcome outcome = sample_lockout("2001:db8::");
	struct store *store = open_store(*state, NULL);
	struct store_row *rows;
	struct store_stats stats;

	record.partial = 1;
	record.session = UINT64_MAX;
	record.count = record.decision = record.pid = record.seconds = UINT32_MAX;
	record.peer_port = record.local_port = UINT16_MAX;
	record.action = ACTION_OBSERVE;
	text_copy(record.user, sizeof(record.user), "'; DROP TABLE record; --\xff\x01");
	text_copy(record.rule, sizeof(record.rule), "ssh-guessing");
	outcome.refused = outcome.start_ns = UINT64_MAX;
	outcome.pid = UINT32_MAX;
	text_copy(outcome.who, sizeof(outcome.who), "alice (uid 1000)");
	store_add_record(store, &record, SAMPLE_WALL_NS);
	store_add_outcome(store, &outcome, SAMPLE_WALL_NS + 1, SAMPLE_WALL_NS + 2);
	assert_true(store_pending(store));
	store_commit(store);
	assert_false(store_pending(store));
	store_stats(store, &stats);
	assert_int_equal(stats.written, 2);
	assert_int_equal(stats.lost, 0);
	store_free(store);

	store = open_store(*state, NULL);
	assert_int_equal(find(store, sample_address("2001:db8::1", 128), &rows), 2);
	assert_false(rows[0].outcome);
	assert_int_equal(rows[0].wall_ns, SAMPLE_WALL_NS);
	expected = record;
	memset(&expected.head, 0, sizeof(expected.head));
	assert_memory_equal(&rows[0].record, &expected, sizeof(expected));
	assert_true(rows[1].outcome);
	assert_int_equal(rows[1].until_wall_ns, SAMPLE_WALL_NS + 2);
	memset(&outcome.head, 0, sizeof(outcome.head));
	assert_memory_equal(&rows[1].as_outcome, &outcome, sizeof(outcome));
	free(rows);
	store_free(store);
}

/* An address is asked about exactly; a /64 with all its addresses; an address with its /64. */
static void test_subjects(void **state)
{
	struct store *store = open_store(*state, NULL);
	static const char *const addresses[] = { "192.0.2.1",	"192.0.2.2",	  "192.0.2.1",
						 "2001:db8::1", "2001:db8::2",	  "2001:db8:0:1::1",
						 "c000:201::",	"2001:db8:0:1::2" };
	struct ipc_outcome outcome = sample_lockout("2001:db8::");
	struct ipc_record record;
	struct store_row *rows;

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		record = sample_attempt(addresses[i]);
		record.session = i + 1;
		store_add_record(store, &record, SAMPLE_WALL_NS + i);
	}
	store_add_outcome(store, &outcome, SAMPLE_WALL_NS + 100, 0);
	record = sample_attempt("192.0.2.9");
	record.subject = session_subject(3);
	store_add_record(store, &record, SAMPLE_WALL_NS + 101);
	/* Not yet committed rows are found too. */
	assert_int_equal(find(store, sample_address("192.0.2.1", 32), &rows), 2);
	assert_int_equal(rows[0].wall_ns, SAMPLE_WALL_NS);
	assert_int_equal(rows[1].wall_ns, SAMPLE_WALL_NS + 2);
	free(rows);
	assert_int_equal(find(store, sample_address("192.0.2.0", 24), NULL), 3);
	/* c000:201:: begins with the same four bytes as 192.0.2.1. */
	assert_int_equal(find(store, sample_address("192.0.2.0", 30), NULL), 3);
	assert_int_equal(find(store, sample_address("c000:201::", 128), NULL), 1);
	assert_int_equal(find(store, sample_address("2001:db8::1", 128), &rows), 2);
	assert_true(rows[1].outcome);
	free(rows);
	assert_int_equal(find(store, sample_address("2001:db8:0:1::1", 128), NULL), 1);
	assert_int_equal(find(store, sample_address("2001:db8::", 64), NULL), 3);
	assert_int_equal(find(store, sample_address("2001:db8:0:1::", 64), NULL), 2);
	/* By session: what is about it, and what happened in it. */
	assert_int_equal(find(store, session_subject(3), NULL), 2);
	assert_int_equal(find(store, session_subject(99), NULL), 0);
	record.subject = (struct ipc_subject){ .kind = SUBJECT_USER, .id = 3 };
	assert_int_equal(find(store, record.subject, NULL), 0);
	store_free(store);
}

static void test_limits_of_a_question(void **state)
{
	struct status_request request = { .op = STATUS_WHY,
					  .subject = sample_address("192.0.2.1", 32),
					  .limit = 3 };
	struct store *store = open_store(*state, NULL);
	struct ipc_record record = sample_attempt("192.0.2.1");
	struct store_ref *refs = NULL;
	struct store_row row;
	size_t count;

	for (unsigned int i = 0; i < 1500; i++)
		store_add_record(store, &record, SAMPLE_WALL_NS + i);
	assert_int_equal(store_find(store, &request, &refs, &count), 0);
	assert_int_equal(count, 3);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(store_get(store, &refs[i], &row), 0);
		assert_int_equal(row.wall_ns, SAMPLE_WALL_NS + 1497 + i);
	}
	free(refs);
	request.limit = 0;
	assert_int_equal(store_find(store, &request, &refs, &count), 0);
	assert_int_equal(count, STORE_FIND_DEFAULT);
	free(refs);
	request.since_wall_ns = SAMPLE_WALL_NS + 1490;
	assert_int_equal(store_find(store, &request, &refs, &count), 0);
	assert_int_equal(count, 10);
	free(refs);
	request.since_wall_ns = UINT64_MAX;
	assert_int_equal(store_find(store, &request, &refs, &count), 0);
	assert_int_equal(count, 0);
	free(refs);
	/* A row that is gone. */
	assert_int_equal(store_get(store, &(struct store_ref){ .id = 99999 }, &row), -ENOENT);
	store_free(store);
}

static void test_history_question(void **state)
{
	struct status_request request = { .op = STATUS_HISTORY };
	struct store *store = open_store(*state, NULL);
	struct ipc_record record = sample_attempt("192.0.2.1");
	struct ipc_outcome outcome = sample_lockout("192.0.2.1");
	struct store_ref *refs = NULL;
	size_t count;

	store_add_record(store, &record, SAMPLE_WALL_NS);
	record.kind = RECORD_DECISION;
	store_add_record(store, &record, SAMPLE_WALL_NS + 1);
	store_add_outcome(store, &outcome, SAMPLE_WALL_NS + 2, 0);
	assert_int_equal(store_find(store, &request, &refs, &count), 0);
	/* Decisions and outcomes, no attempts. */
	assert_int_equal(count, 2);
	assert_false(refs[0].outcome);
	assert_true(refs[1].outcome);
	free(refs);
	store_free(store);
}

static const struct ipc_history *history_of(const struct ipc_history *list, size_t count,
					    struct ipc_subject subject)
{
	for (size_t i = 0; i < count; i++)
		if (memcmp(&list[i].subject, &subject, sizeof(subject)) == 0)
			return &list[i];
	return NULL;
}

static void test_history_for_the_analyst(void **state)
{
	const uint64_t now = SAMPLE_WALL_NS;
	struct store *store = open_store(*state, NULL);
	struct ipc_record record = sample_attempt("192.0.2.1");
	struct ipc_outcome outcome = sample_lockout("192.0.2.1");
	const struct ipc_history *item;
	struct ipc_history *list = NULL;
	size_t count = 0;

	record.count = 4;
	store_add_record(store, &record, now - DAY / 2);
	store_add_record(store, &record, now - DAY / 4);
	store_add_record(store, &record, now - 2 * DAY); /* too old */
	record.count = 0;
	record.kind = RECORD_CLAIM;
	store_add_record(store, &record, now - 1); /* did not count */
	record = sample_attempt("192.0.2.2");
	record.result = RESULT_SUCCESS;
	store_add_record(store, &record, now - 1); /* got in */
	store_add_outcome(store, &outcome, now - 10 * DAY, 0);
	store_add_outcome(store, &outcome, now - 20 * DAY, 0);
	store_add_outcome(store, &outcome, now - 91 * DAY, 0); /* too old */
	outcome.result = OUTCOME_OBSERVED;
	store_add_outcome(store, &outcome, now - 5 * DAY, 0); /* never was */
	outcome = sample_lockout("192.0.2.3");
	outcome.decision = 0;
	store_add_outcome(store, &outcome, now - DAY, 0); /* an operator's */
	outcome = sample_lockout("2001:db8::");
	store_add_outcome(store, &outcome, now - 3 * DAY, 0);
	outcome.result = OUTCOME_RELEASED;
	store_add_outcome(store, &outcome, now - 2 * DAY, 0);
	outcome.subject = session_subject(9);
	outcome.result = OUTCOME_APPLIED;
	store_add_outcome(store, &outcome, now - 1, 0); /* sessions do not come back */

	assert_int_equal(store_history(store, now, &list, &count), 0);
	assert_int_equal(count, 2);
	/* Newest first. */
	item = &list[0];
	assert_ptr_equal(history_of(list, count, sample_address("192.0.2.1", 32)), item);
	assert_int_equal(item->attempts, 8);
	assert_int_equal(item->lockouts, 2);
	assert_int_equal(item->last_wall_ns, now - DAY / 4);
	item = history_of(list, count, sample_address("2001:db8::", 64));
	assert_ptr_equal(item, &list[1]);
	assert_int_equal(list[1].lockouts, 0);
	free(list);
	store_free(store);
}

static int64_t count_rows(const struct folder *folder, const char *table)
{
	char path[128], sql[64];
	sqlite3_stmt *statement = NULL;
	sqlite3 *db = NULL;
	int64_t count;

	assert_int_equal(sqlite3_open(folder_file(folder, STORE_FILE, path), &db), SQLITE_OK);
	(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	count = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return count;
}

static void test_prune_rows(void **state)
{
	const struct store_limits limits = {
		.records = 100, .outcomes = 10, .age_ns = 90 * DAY, .bytes = STORE_BYTES_MAX
	};
	struct store *store = open_store(*state, &limits);
	struct ipc_record record = sample_attempt("192.0.2.1");
	struct ipc_outcome outcome = sample_lockout("192.0.2.1");
	struct store_stats stats;
	struct store_row *rows;

	for (unsigned int i = 0; i < 1000; i++)
		store_add_record(store, &record, SAMPLE_WALL_NS + i);
	for (unsigned int i = 0; i < 9; i++)
		store_add_outcome(store, &outcome, SAMPLE_WALL_NS + i, 0);
	store_prune(store, SAMPLE_WALL_NS + DAY);
	assert_int_equal(count_rows(*state, "record"), 100);
	/* A flood of records pushes out no lockout. */
	assert_int_equal(count_rows(*state, "outcome"), 9);
	store_stats(store, &stats);
	assert_int_equal(stats.pruned, 900);
	/* The newest are what is left. */
	assert_int_equal(find(store, sample_address("192.0.2.1", 32), &rows), 109);
	assert_int_equal(rows[108].wall_ns, SAMPLE_WALL_NS + 999);
	free(rows);
	store_free(store);
}

static void test_prune_age(void **state)
{
	struct store *store = open_store(*state, NULL);
	struct ipc_record record = sample_attempt("192.0.2.1");
	struct ipc_outcome outcome = sample_lockout("192.0.2.1");

	store_add_record(store, &record, SAMPLE_WALL_NS - 91 * DAY);
	store_add_record(store, &record, SAMPLE_WALL_NS - 89 * DAY);
	store_add_outcome(store, &outcome, SAMPLE_WALL_NS - 91 * DAY, 0);
	store_prune(store, SAMPLE_WALL_NS);
	assert_int_equal(count_rows(*state, "record"), 1);
	assert_int_equal(count_rows(*state, "outcome"), 0);
	store_free(store);
}

static void test_prune_bytes(void **state)
{
	const struct store_limits limits = {
		.records = 1000000, .outcomes = 10, .age_ns = 90 * DAY, .bytes = 1024 * 1024
	};
	struct store *store = open_store(*state, &limits);
	struct ipc_record record = sample_attempt("192.0.2.1");
	struct store_stats stats;

	memset(record.line, 'x', sizeof(record.line) - 1);
	for (unsigned int round = 0; round < 200; round++) {
		for (unsigned int i = 0; i < 100; i++)
			store_add_record(store, &record, SAMPLE_WALL_NS + i);
		store_prune(store, SAMPLE_WALL_NS);
	}
	store_stats(store, &stats);
	/* 20,000 rows of some 800 bytes would be 16 MB. */
	assert_int_equal(stats.lost, 0);
	assert_true(stats.pruned > 15000);
	assert_true(file_size(*state, STORE_FILE) <= 1024 * 1024 * 5 / 4);
	assert_true(count_rows(*state, "record") > 500);
	store_free(store);
}

/* The wall behind the pruning: rows are lost and counted, reading goes on, and so does writing once
 * there is room. */
static void test_full(void **state)
{
	const struct store_limits limits = {
		.records = 1000000, .outcomes = 10, .age_ns = 90 * DAY, .bytes = 512 * 1024
	};
	struct store *store = open_store(*state, &limits);
	struct ipc_record record = sample_attempt("192.0.2.1");
	struct store_stats stats;
	uint64_t lost;

	for (unsigned int i = 0; i < 20000; i++) {
		store_add_record(store, &record, SAMPLE_WALL_NS + i);
		if (i % 50 == 0)
			store_commit(store);
	}
	store_commit(store);
	store_stats(store, &stats);
	assert_true(stats.lost > 1000);
	assert_int_equal(stats.written + stats.lost, 20000);
	/* Room is wanted before the next regular pruning. */
	assert_true(store_prune_due(store));
	lost = stats.lost;
	assert_true(find(store, sample_address("192.0.2.1", 32), NULL) > 100);
	for (unsigned int i = 0; i < 4; i++)
		store_prune(store, SAMPLE_WALL_NS);
	store_add_record(store, &record, SAMPLE_WALL_NS);
	store_commit(store);
	assert_true(store_writable(store));
	store_stats(store, &stats);
	assert_int_equal(stats.lost, lost);
	store_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		folder_test(test_round_trip),
		folder_test(test_subjects),
		folder_test(test_limits_of_a_question),
		folder_test(test_history_question),
		folder_test(test_history_for_the_analyst),
		folder_test(test_prune_rows),
		folder_test(test_prune_age),
		folder_test(test_prune_bytes),
		folder_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
