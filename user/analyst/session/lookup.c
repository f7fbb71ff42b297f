/* SPDX-License-Identifier: GPL-2.0-only */
/* What later stages ask of the tables, and the forgetting of what ended. */
#include <string.h>

#include "analyst/session/tables.h"

/* A log line's stamp may have whole seconds only, and comes from another clock. */
#define STAMP_SLACK_NS NSEC_PER_SEC
/* A line is read some time after it was written: by then its pid may have a new owner. */
#define LATE_LINE_NS (2ULL * NSEC_PER_SEC)

static const struct conn *conn_peek(const struct session_table *t, uint64_t number)
{
	const struct conn *conn;

	if (!number)
		return NULL;
	conn = table_peek(t->served, &number);
	return conn ? conn : table_peek(t->waiting, &number);
}

static const struct process *proc_at(const struct table *table, uint32_t pid, uint64_t at_ns)
{
	const struct proc *proc = table_peek(table, &pid);

	return proc && proc->process.start_ns <= at_ns + STAMP_SLACK_NS ? &proc->process : NULL;
}

const struct process *session_process(const struct session_table *t, uint32_t pid, uint64_t at_ns)
{
	const struct table *tables[] = { t->services, t->gains, t->others };
	const struct process *best = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		const struct process *p = proc_at(tables[i], pid, at_ns);

		if (!p)
			continue;
		/* The same process before and after an exec: what it runs now. */
		if (!best || p->start_ns > best->start_ns ||
		    (p->start_ns == best->start_ns && best->ended_ns && !p->ended_ns))
			best = p;
	}
	return best;
}

const struct connection *session_connection_by_pid(const struct session_table *t, uint32_t pid,
						   uint64_t at_ns)
{
	const struct process *p = proc_at(t->services, pid, at_ns);
	const struct process *now;
	const struct conn *conn;

	if (!p || !p->connection)
		return NULL;
	now = session_process(t, pid, at_ns);
	/* The pid went to somebody else since, long enough for no late line to be in between. */
	if (now && now != p && p->ended_ns && p->ended_ns + LATE_LINE_NS < at_ns)
		return NULL;
	conn = conn_peek(t, p->connection);
	return conn ? &conn->connection : NULL;
}

bool session_has_connections(const struct session_table *t)
{
	return table_count(t->ends);
}

const struct connection *session_connection_by_end(const struct session_table *t,
						   const struct bl_endpoint *end)
{
	struct end_key key = {
		.family = end->family,
		.peer_port = end->peer_port,
		.local_port = end->local_port,
	};
	const uint64_t *number;
	const struct conn *conn;

	memcpy(key.peer, end->peer, sizeof(key.peer));
	number = table_peek(t->ends, &key);
	conn = number ? conn_peek(t, *number) : NULL;
	return conn ? &conn->connection : NULL;
}

const struct connection *session_connection_by_number(const struct session_table *t,
						      uint64_t number)
{
	const struct conn *conn = conn_peek(t, number);

	return conn ? &conn->connection : NULL;
}

const struct session *session_by_tag(const struct session_table *t, uint64_t tag)
{
	const struct sess *sess = table_peek(t->sessions, &tag);

	return sess ? &sess->session : NULL;
}

struct expiry {
	struct session_table *table;
	uint64_t now_ns;
	uint64_t keep_ns;
};

static bool is_past(const struct expiry *e, uint64_t since_ns, uint64_t keep_ns)
{
	return since_ns && since_ns + keep_ns < e->now_ns;
}

static int conn_expire(const void *key, void *value, void *arg)
{
	const struct expiry *e = arg;
	struct conn *conn = value;
	const struct connection *c = &conn->connection;
	uint64_t overdue_ns = OVERDUE_NS + e->keep_ns;
	bool over;

	(void)key;
	if (c->exits)
		over = is_past(e, conn->exited_ns, e->keep_ns);
	else if (conn->bound_ns)
		over = is_past(e, c->closed_ns, overdue_ns) ||
		       (conn->missed && is_past(e, conn->bound_ns, overdue_ns));
	else
		over = is_past(e, c->closed_ns, e->keep_ns) || is_past(e, c->opened_ns, overdue_ns);
	if (over)
		conn_forget(e->table, conn);
	return 0;
}

static int proc_expire(struct table *table, const struct proc *proc, const struct expiry *e)
{
	uint32_t pid = proc->process.pid;

	if (is_past(e, proc->process.ended_ns, e->keep_ns))
		(void)table_delete(table, &pid);
	return 0;
}

static int service_expire(const void *key, void *value, void *arg)
{
	const struct expiry *e = arg;
	const struct proc *proc = value;
	uint32_t pid = proc->process.pid;

	(void)key;
	/* A fork that was told after its exit would live for ever. */
	if (proc->process.connection && !conn_peek(e->table, proc->process.connection))
		(void)table_delete(e->table->services, &pid);
	else
		(void)proc_expire(e->table->services, proc, e);
	return 0;
}

static int gain_expire(const void *key, void *value, void *arg)
{
	const struct expiry *e = arg;

	(void)key;
	return proc_expire(e->table->gains, value, e);
}

static int other_expire(const void *key, void *value, void *arg)
{
	const struct expiry *e = arg;

	(void)key;
	return proc_expire(e->table->others, value, e);
}

static int sess_expire(const void *key, void *value, void *arg)
{
	const struct expiry *e = arg;
	uint64_t tag = *(const uint64_t *)key;

	if (is_past(e, ((const struct sess *)value)->session.ended_ns, e->keep_ns))
		(void)table_delete(e->table->sessions, &tag);
	return 0;
}

void session_expire(struct session_table *t, uint64_t now_ns, uint64_t keep_ns)
{
	struct expiry e = { .table = t, .now_ns = now_ns, .keep_ns = keep_ns };

	/* Ticks come ten times a second, a walk costs up to 40,000 entries. */
	if (t->expired_ns && now_ns < t->expired_ns + NSEC_PER_SEC)
		return;
	t->expired_ns = now_ns;
	(void)table_each(t->waiting, conn_expire, &e);
	(void)table_each(t->served, conn_expire, &e);
	(void)table_each(t->services, service_expire, &e);
	(void)table_each(t->gains, gain_expire, &e);
	(void)table_each(t->others, other_expire, &e);
	(void)table_each(t->sessions, sess_expire, &e);
}

void session_stats(const struct session_table *t, struct session_stats *ret)
{
	*ret = (struct session_stats){
		.connections = table_count(t->waiting) + table_count(t->served),
		.sessions = table_count(t->sessions),
		.processes =
			table_count(t->services) + table_count(t->gains) + table_count(t->others),
		.refused = t->refused,
	};
}
