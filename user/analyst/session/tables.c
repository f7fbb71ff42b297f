/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of the session stage: what is kept, what makes room for what, what is found how.
 *
 * A full table gives up its least recently used entry, but looks at a few of the oldest for one
 * that is over before it gives up one that is not: a login that waits for a password has no events.
 */
#include "analyst/session/tables.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_CHANCES 16

static struct end_key end_key(const struct bl_endpoint *end, uint16_t local_port)
{
	struct end_key key = {
		.family = end->family,
		.peer_port = end->peer_port,
		.local_port = local_port,
	};

	memcpy(key.peer, end->peer, sizeof(key.peer));
	return key;
}

static void ends_set(struct session_table *t, const struct connection *connection)
{
	struct end_key exact = end_key(&connection->end, connection->end.local_port);
	struct end_key any = end_key(&connection->end, 0);
	void *value;

	(void)table_put(t->ends, &exact, &value);
	*(uint64_t *)value = connection->number;
	(void)table_put(t->ends, &any, &value);
	*(uint64_t *)value = connection->number;
}

/* The same ends may have been used again since: then the index speaks of the newer connection. */
static void ends_drop(struct session_table *t, const struct connection *connection)
{
	struct end_key keys[2] = {
		end_key(&connection->end, connection->end.local_port),
		end_key(&connection->end, 0),
	};

	for (int i = 0; i < 2; i++) {
		const uint64_t *number = table_peek(t->ends, &keys[i]);

		if (number && *number == connection->number)
			(void)table_delete(t->ends, &keys[i]);
	}
}

static bool conn_is_over(const void *value)
{
	const struct conn *conn = value;

	return conn->connection.exits || conn->missed ||
	       (!conn->bound_ns && conn->connection.closed_ns);
}

static bool proc_is_over(const void *value)
{
	return ((const struct proc *)value)->process.ended_ns != 0;
}

static bool sess_is_over(const void *value)
{
	return ((const struct sess *)value)->session.ended_ns != 0;
}

static void conn_evicted(const void *key, void *value, void *arg)
{
	struct session_table *t = arg;
	struct conn *conn = value;

	(void)key;
	ends_drop(t, &conn->connection);
	t->refused += !conn_is_over(value);
}

static void proc_evicted(const void *key, void *value, void *arg)
{
	struct session_table *t = arg;

	(void)key;
	t->refused += !proc_is_over(value);
}

static void sess_evicted(const void *key, void *value, void *arg)
{
	struct session_table *t = arg;

	(void)key;
	t->refused += !sess_is_over(value);
}

static void room_make(struct table *table, uint32_t max, bool (*is_over)(const void *value))
{
	const void *key;
	void *value;

	if (table_count(table) < max)
		return;
	for (int i = 0; i < SECOND_CHANCES; i++) {
		if (!table_oldest(table, &key, &value) || is_over(value))
			return;
		(void)table_get(table, key);
	}
}

int session_table_new(struct session_table **ret, const uint64_t seed[2])
{
	_cleanup_(session_table_freep) struct session_table *t = NULL;
	const struct {
		size_t at, key, value;
		uint32_t max;
		table_evict_fn evicted;
	} tables[] = {
#define TABLE(name, key, value, max, evicted) \
	{ offsetof(struct session_table, name), sizeof(key), sizeof(value), max, evicted }
		TABLE(waiting, uint64_t, struct conn, WAITING_MAX, conn_evicted),
		TABLE(served, uint64_t, struct conn, SERVED_MAX, conn_evicted),
		/* Two keys for each connection there can be: it never evicts. */
		TABLE(ends, struct end_key, uint64_t, 2 * SESSION_CONNECTIONS_MAX, NULL),
		TABLE(services, uint32_t, struct proc, SERVICES_MAX, proc_evicted),
		TABLE(gains, uint32_t, struct proc, GAINS_MAX, proc_evicted),
		TABLE(others, uint32_t, struct proc, OTHERS_MAX, proc_evicted),
		TABLE(sessions, uint64_t, struct sess, SESSION_SESSIONS_MAX, sess_evicted),
#undef TABLE
	};
	int r;

	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		struct table **at = (struct table **)(void *)((char *)t + tables[i].at);

		r = table_new(at, tables[i].key, tables[i].value, tables[i].max, seed);
		if (r < 0)
			return r;
		if (tables[i].evicted)
			table_on_evict(*at, tables[i].evicted, t);
	}
	*ret = TAKE_PTR(t);
	return 0;
}

struct session_table *session_table_free(struct session_table *t)
{
	if (!t)
		return NULL;
	table_free(t->waiting);
	table_free(t->served);
	table_free(t->ends);
	table_free(t->services);
	table_free(t->gains);
	table_free(t->others);
	table_free(t->sessions);
	free(t);
	return NULL;
}

struct conn *conn_by_number(const struct session_table *t, uint64_t number)
{
	struct conn *conn;

	if (!number)
		return NULL;
	conn = table_get(t->served, &number);
	return conn ? conn : table_get(t->waiting, &number);
}

struct conn *conn_by_end(const struct session_table *t, const struct bl_endpoint *end)
{
	struct end_key key = end_key(end, end->local_port);
	const uint64_t *number = table_peek(t->ends, &key);

	return number ? conn_by_number(t, *number) : NULL;
}

struct conn *conn_new(struct session_table *t, const struct bl_endpoint *end, uint64_t opened_ns)
{
	uint64_t number = ++t->numbers;
	struct conn *conn;
	void *value;

	room_make(t->waiting, WAITING_MAX, conn_is_over);
	(void)table_put(t->waiting, &number, &value);
	conn = value;
	*conn = (struct conn){
		.connection = {
			.end = *end,
			.number = number,
			.opened_ns = opened_ns,
			.outcome = CONNECTION_PENDING,
			.auid = BL_UNSET,
		},
	};
	ends_set(t, &conn->connection);
	return conn;
}

void conn_forget(struct session_table *t, struct conn *conn)
{
	uint64_t number = conn->connection.number;

	ends_drop(t, &conn->connection);
	if (!table_delete(t->served, &number))
		(void)table_delete(t->waiting, &number);
}

struct conn *conn_serve(struct session_table *t, struct conn *conn)
{
	struct conn copy = *conn;
	void *value;

	(void)table_delete(t->waiting, &copy.connection.number);
	room_make(t->served, SERVED_MAX, conn_is_over);
	(void)table_put(t->served, &copy.connection.number, &value);
	*(struct conn *)value = copy;
	return value;
}

struct proc *proc_put(struct session_table *t, struct table *table, uint32_t pid)
{
	uint32_t max = table == t->services ? SERVICES_MAX
		       : table == t->gains  ? GAINS_MAX
					    : OTHERS_MAX;
	void *value;

	if (!table_peek(table, &pid))
		room_make(table, max, proc_is_over);
	(void)table_put(table, &pid, &value);
	return value;
}

struct sess *sess_put(struct session_table *t, uint64_t tag)
{
	struct sess *sess;
	void *value;

	if (!table_peek(t->sessions, &tag))
		room_make(t->sessions, SESSION_SESSIONS_MAX, sess_is_over);
	(void)table_put(t->sessions, &tag, &value);
	sess = value;
	sess->session.tag = tag;
	return sess;
}
