/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Questions to the store.
 *
 * A question first finds at most STORE_FIND_MAX ids; rows are then fetched one by one, so a slow
 * client holds 16 bytes a row and no statement open. Work is bounded by the number of steps of
 * SQLite's machine. What comes out of the file is checked like a message: the file may be damaged.
 */
#include "recorder/store_db.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"
#include "recorder/check.h"

/* About a second: a row costs some 20 steps, a million rows fit. */
#define FIND_STEPS 10000
#define FIND_CALLS_MAX 5000

static int count_call(void *arg)
{
	unsigned int *calls = arg;

	return ++*calls > FIND_CALLS_MAX;
}

static void set_host_bits(uint8_t addr[16], unsigned int prefix, unsigned int len)
{
	for (unsigned int i = 0; i < len; i++) {
		unsigned int kept = prefix > i * 8 ? prefix - i * 8 : 0;

		if (kept < 8)
			addr[i] |= (uint8_t)(0xff >> kept);
	}
}

static sqlite3_stmt *bind_address(struct store *store, const struct ipc_subject *subject)
{
	sqlite3_stmt *statement = store->statement[STATEMENT_FIND_ADDRESS];
	int len = subject->family == AF_INET ? 4 : 16;
	uint8_t last[16], net[16];

	memcpy(last, subject->addr, sizeof(last));
	set_host_bits(last, subject->prefix, (unsigned int)len);
	(void)sqlite3_bind_blob(statement, 3, subject->addr, len, SQLITE_STATIC);
	(void)sqlite3_bind_blob(statement, 4, last, len, SQLITE_TRANSIENT);
	store_bind(statement, 5, (uint64_t)len);
	memcpy(net, subject->addr, sizeof(net));
	memset(net + 8, 0, 8);
	if (subject->family == AF_INET6 && subject->prefix > 64)
		(void)sqlite3_bind_blob(statement, 6, net, len, SQLITE_TRANSIENT);
	else
		(void)sqlite3_bind_null(statement, 6);
	return statement;
}

static sqlite3_stmt *bind_question(struct store *store, const struct status_request *request)
{
	const struct ipc_subject *subject = &request->subject;
	sqlite3_stmt *statement;

	if (request->op == STATUS_HISTORY && subject->kind == SUBJECT_NONE) {
		statement = store->statement[STATEMENT_FIND_ALL];
	} else if (subject->kind == SUBJECT_ADDRESS) {
		statement = bind_address(store, subject);
	} else {
		statement = store->statement[STATEMENT_FIND_ID];
		store_bind(statement, 3, subject->kind);
		store_bind(statement, 4, subject->id);
	}
	return statement;
}

int store_find(struct store *store, const struct status_request *request,
	       struct store_ref **ret_refs, size_t *ret_count)
{
	_cleanup_free_ struct store_ref *refs = NULL;
	uint64_t limit = request->limit ? request->limit : STORE_FIND_DEFAULT;
	sqlite3_stmt *statement;
	unsigned int calls = 0;
	size_t count = 0;
	int answer, r;

	if (!store->db || store->damaged)
		return -EIO;
	if (limit > STORE_FIND_MAX)
		limit = STORE_FIND_MAX;
	refs = calloc(limit, sizeof(*refs));
	if (!refs)
		return -ENOMEM;
	statement = bind_question(store, request);
	store_bind(statement, 1,
		   request->since_wall_ns > INT64_MAX ? INT64_MAX : request->since_wall_ns);
	store_bind(statement, 2, limit);
	sqlite3_progress_handler(store->db, FIND_STEPS, count_call, &calls);
	while ((answer = sqlite3_step(statement)) == SQLITE_ROW && count < limit) {
		refs[count].outcome = sqlite3_column_int(statement, 0) == 1;
		refs[count++].id = sqlite3_column_int64(statement, 1);
	}
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
	sqlite3_progress_handler(store->db, 0, NULL, NULL);
	r = store_judge(store, answer);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count / 2; i++) {
		struct store_ref other = refs[i];

		refs[i] = refs[count - 1 - i];
		refs[count - 1 - i] = other;
	}
	*ret_refs = TAKE_PTR(refs);
	*ret_count = count;
	return 0;
}

static uint64_t get_number(sqlite3_stmt *statement, int at)
{
	return (uint64_t)sqlite3_column_int64(statement, at);
}

static void get_text(sqlite3_stmt *statement, int at, char *to, size_t size)
{
	const unsigned char *text = sqlite3_column_text(statement, at);

	text_copy(to, size, text ? (const char *)text : "");
}

static int get_subject(sqlite3_stmt *statement, int at, struct ipc_subject *ret)
{
	struct ipc_subject subject = {
		.kind = (uint8_t)get_number(statement, at),
		.prefix = (uint8_t)get_number(statement, at + 2),
		.id = get_number(statement, at + 3),
	};
	const void *addr = sqlite3_column_blob(statement, at + 1);
	int len = sqlite3_column_bytes(statement, at + 1);

	if (len == 4)
		subject.family = AF_INET;
	else if (len == 16)
		subject.family = AF_INET6;
	else if (len != 0)
		return -EBADMSG;
	if (len > 0 && addr)
		memcpy(subject.addr, addr, (size_t)len);
	if (check_subject(&subject) < 0)
		return -EBADMSG;
	*ret = subject;
	return 0;
}

static int get_record(sqlite3_stmt *statement, struct store_row *ret)
{
	struct ipc_record *record = &ret->record;
	int r;

	ret->wall_ns = get_number(statement, 0);
	record->kind = (uint32_t)get_number(statement, 1);
	r = get_subject(statement, 2, &record->subject);
	if (r < 0)
		return r;
	record->result = (uint32_t)get_number(statement, 6);
	record->trust = (uint32_t)get_number(statement, 7);
	record->action = (uint32_t)get_number(statement, 8);
	record->count = (uint32_t)get_number(statement, 9);
	record->decision = (uint32_t)get_number(statement, 10);
	record->pid = (uint32_t)get_number(statement, 11);
	record->partial = (uint32_t)get_number(statement, 12);
	record->session = get_number(statement, 13);
	record->seconds = (uint32_t)get_number(statement, 14);
	record->peer_port = (uint16_t)get_number(statement, 15);
	record->local_port = (uint16_t)get_number(statement, 16);
	get_text(statement, 17, record->service, sizeof(record->service));
	get_text(statement, 18, record->source, sizeof(record->source));
	get_text(statement, 19, record->rule, sizeof(record->rule));
	get_text(statement, 20, record->user, sizeof(record->user));
	get_text(statement, 21, record->text, sizeof(record->text));
	get_text(statement, 22, record->line, sizeof(record->line));
	return check_record(record) < 0 ? -EBADMSG : 0;
}

static int get_outcome(sqlite3_stmt *statement, struct store_row *ret)
{
	struct ipc_outcome *outcome = &ret->as_outcome;
	int r;

	ret->wall_ns = get_number(statement, 0);
	ret->until_wall_ns = get_number(statement, 1);
	r = get_subject(statement, 2, &outcome->subject);
	if (r < 0)
		return r;
	outcome->action = (uint32_t)get_number(statement, 6);
	outcome->result = (uint32_t)get_number(statement, 7);
	outcome->decision = (uint32_t)get_number(statement, 8);
	outcome->pid = (uint32_t)get_number(statement, 9);
	outcome->start_ns = get_number(statement, 10);
	outcome->refused = get_number(statement, 11);
	get_text(statement, 12, outcome->rule, sizeof(outcome->rule));
	get_text(statement, 13, outcome->who, sizeof(outcome->who));
	get_text(statement, 14, outcome->text, sizeof(outcome->text));
	return check_outcome(outcome) < 0 ? -EBADMSG : 0;
}

int store_get(struct store *store, const struct store_ref *ref, struct store_row *ret)
{
	struct store_row row = { .outcome = ref->outcome };
	sqlite3_stmt *statement;
	int answer, r;

	if (!store->db || store->damaged)
		return -EIO;
	statement = store->statement[ref->outcome ? STATEMENT_GET_OUTCOME : STATEMENT_GET_RECORD];
	store_bind(statement, 1, (uint64_t)ref->id);
	answer = sqlite3_step(statement);
	if (answer == SQLITE_ROW)
		r = ref->outcome ? get_outcome(statement, &row) : get_record(statement, &row);
	else
		r = answer == SQLITE_DONE ? -ENOENT : store_judge(store, answer);
	(void)sqlite3_reset(statement);
	if (r < 0)
		return r;
	*ret = row;
	return 0;
}

static uint64_t since(uint64_t now_wall_ns, uint64_t days)
{
	uint64_t span = days * 86400 * NSEC_PER_SEC;

	return now_wall_ns > span ? now_wall_ns - span : 0;
}

static uint32_t get_count(sqlite3_stmt *statement, int at)
{
	uint64_t value = get_number(statement, at);

	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

int store_history(struct store *store, uint64_t now_wall_ns, struct ipc_history **ret,
		  size_t *ret_count)
{
	_cleanup_free_ struct ipc_history *list = NULL;
	sqlite3_stmt *statement;
	size_t count = 0, size = 0;
	int answer = SQLITE_DONE, r = 0;

	if (!store->db || store->damaged)
		return -EIO;
	statement = store->statement[STATEMENT_HISTORY];
	store_bind(statement, 1, since(now_wall_ns, 1));
	store_bind(statement, 2, since(now_wall_ns, 90));
	while (!r && count < STORE_HISTORY_MAX &&
	       (answer = sqlite3_step(statement)) == SQLITE_ROW) {
		if (count == size) {
			struct ipc_history *more;

			size = size ? size * 2 : 256;
			more = reallocarray(list, size, sizeof(*list));
			if (!more) {
				r = -ENOMEM;
				break;
			}
			list = more;
		}
		memset(&list[count], 0, sizeof(*list));
		if (get_subject(statement, 0, &list[count].subject) < 0)
			continue;
		list[count].last_wall_ns = get_number(statement, 4);
		list[count].attempts = get_count(statement, 5);
		list[count].lockouts = get_count(statement, 6);
		count++;
	}
	(void)sqlite3_reset(statement);
	if (!r)
		r = store_judge(store, answer);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(list);
	*ret_count = count;
	return 0;
}
