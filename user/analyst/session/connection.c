/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A connection's life and, above all, its outcome.
 *
 * Failed is said only where nobody can have got in, because it leads to a lockout:
 *   the session process ended, and neither was a session born from it nor did a pre-authentication
 *   child end with 0; and either such a child was seen to end with 255, or no event at all was lost
 *   while the session process lived. Otherwise the outcome stays open for ever and counts as
 *   nothing.
 * Authenticated is said as soon as one of these is seen: session birth; the pre-authentication
 * child's exit 0; a login uid or tag on the session process that it did not start with.
 *
 * What is a pre-authentication child (OpenSSH):
 *   9.8 and later   a program of its own, sshd-auth: role PREAUTH (exits 0 or 255)
 *   before          a fork of the session process that runs as user sshd: same file, never executed
 *                   anything, uid not 0. Other children that run the same file are root: PAM's
 *                   conversation process (auth-pam.c forks one) ends with 0 whatever it was told.
 *                   AuthorizedKeysCommand's child runs as an ordinary user too, but executes a
 *                   file.
 *
 * Who may be a session process: root only. Anybody can execute /usr/sbin/sshd with a socket as
 * descriptor 0 that leads to an address of his choice, and let it fail.
 *
 * A connection that sshd never gave a process (MaxStartups, an accept queue that ran over) has
 * neither failed nor logged in. Nobody tried a password there; it counts as nothing.
 */
#include <string.h>
#include <sys/socket.h>

#include "analyst/session/tables.h"

#define STATUS(n) ((uint32_t)(n) << 8)

static void change_set(struct session_change *ret, enum session_change_kind kind,
		       const struct conn *conn)
{
	ret->kind = kind;
	ret->connection = &conn->connection;
	ret->session = NULL;
}

void connection_event(struct session_table *t, const struct bl_event_connection *event,
		      struct session_change *ret)
{
	struct conn *conn = conn_by_end(t, &event->end);
	struct connection *c = conn ? &conn->connection : NULL;
	uint64_t now_ns = event->head.boot_ns;

	if (event->state == BL_CONNECTION_CLOSED) {
		if (c && c->opened_ns <= now_ns && !c->closed_ns)
			c->closed_ns = now_ns;
		return;
	}
	if (c && c->opened_ns == now_ns)
		return;
	/* The two rings are in step only roughly: the exec may have come before this. */
	if (c && conn->bound_ns && !c->opened_ns && now_ns <= conn->bound_ns)
		c->opened_ns = now_ns;
	else
		conn = conn_new(t, &event->end, now_ns);
	change_set(ret, SESSION_OPENED, conn);
}

static void conn_bind(struct conn *conn, const struct bl_event_head *head,
		      const struct bl_task *task, uint16_t service)
{
	conn->bound_ns = head->boot_ns ? head->boot_ns : 1;
	conn->lost = head->lost;
	conn->tag = task->session;
	conn->auid = task->auid;
	conn->audit_session = task->audit_session;
	conn->connection.service = service;
}

static bool is_root(const struct bl_task *task)
{
	/* BL_UNSET is no uid that the kernel knows: a recording that does not tell. */
	return (task->uid == 0 || task->uid == BL_UNSET) &&
	       (task->euid == 0 || task->euid == BL_UNSET);
}

struct conn *connection_exec(struct session_table *t, const struct bl_event_exec *exec,
			     struct session_change *ret)
{
	const struct bl_task *task = &exec->task;
	bool preauth = exec->role == BL_ROLE_PREAUTH;
	uint32_t pid = preauth ? task->ppid : task->pid;
	uint64_t start_ns = preauth ? task->parent_start_ns : task->start_ns;
	uint64_t now_ns = exec->head.boot_ns;
	struct conn *conn;

	if ((exec->end.family != AF_INET && exec->end.family != AF_INET6) || !is_root(task) || !pid)
		return NULL;
	conn = conn_by_end(t, &exec->end);
	if (conn && conn->bound_ns) {
		const struct connection *c = &conn->connection;

		/* Its own pre-authentication program, a second exec, or a helper below it. */
		if ((c->pid == pid && start_equal(c->start_ns, start_ns)) ||
		    (c->pid == task->ppid && start_equal(c->start_ns, task->parent_start_ns)))
			return conn;
		/* The same ends again: the next opening was missed. */
		conn = NULL;
	}
	/* The ends' next use, opened after this exec: its events came early. */
	if (conn && conn->connection.opened_ns > now_ns)
		conn = NULL;
	if (!conn)
		conn = conn_new(t, &exec->end, 0);
	conn = conn_serve(t, conn);
	conn_bind(conn, &exec->head, task, exec->service);
	conn->connection.pid = pid;
	conn->connection.start_ns = start_ns;
	if (!conn->connection.end.local_port)
		conn->connection.end.local_port = exec->end.local_port;
	if (preauth)
		process_assume(t, pid, start_ns, conn);
	change_set(ret, SESSION_OPENED, conn);
	return conn;
}

void connection_authenticate(struct conn *conn, uint32_t auid, uint64_t now_ns)
{
	struct connection *c = &conn->connection;

	if (auid != BL_UNSET)
		c->auid = auid;
	if (c->outcome == CONNECTION_AUTHENTICATED)
		return;
	c->outcome = CONNECTION_AUTHENTICATED;
	c->decided_ns = now_ns;
}

static void child_exit(struct conn *conn, const struct proc *proc, const struct bl_event_exit *exit,
		       struct session_change *ret)
{
	uint32_t code = exit->exit_code;
	uint16_t role = exit->role ? exit->role : proc ? proc->process.role : BL_ROLE_NONE;

	if (role == BL_ROLE_CHECK) {
		conn->connection.checks_failed += code == STATUS(7);
		return;
	}
	if (role == BL_ROLE_SESSION) {
		if (exit->task.uid == 0 || (proc && proc->executed))
			return;
		if (exit->task.uid == BL_UNSET) {
			conn->doubt = conn->doubt || code == 0 || code == BL_UNSET;
			return;
		}
	} else if (role != BL_ROLE_PREAUTH) {
		return;
	}
	if (code == BL_UNSET) {
		conn->doubt = true;
	} else if (code == STATUS(255)) {
		conn->preauth_failed = true;
	} else if (code == 0 && conn->connection.outcome == CONNECTION_PENDING) {
		connection_authenticate(conn, BL_UNSET, exit->head.boot_ns);
		change_set(ret, SESSION_AUTHENTICATED, conn);
	}
}

static bool login_shows(const struct conn *conn, const struct bl_task *task)
{
	return (task->auid != BL_UNSET && task->auid != conn->auid) ||
	       (task->audit_session != BL_UNSET && task->audit_session != conn->audit_session) ||
	       (task->session && task->session != conn->tag);
}

static void conn_fail(struct conn *conn, uint64_t now_ns, struct session_change *ret)
{
	conn->connection.outcome = CONNECTION_FAILED;
	conn->connection.decided_ns = now_ns;
	change_set(ret, SESSION_FAILED, conn);
}

void connection_exit(struct conn *conn, const struct proc *proc, const struct bl_event_exit *exit,
		     struct session_change *ret)
{
	struct connection *c = &conn->connection;
	uint64_t now_ns = exit->head.boot_ns;

	if (c->pid != exit->task.pid || !start_equal(c->start_ns, exit->task.start_ns)) {
		child_exit(conn, proc, exit, ret);
		return;
	}
	c->exits = 1;
	conn->exited_ns = now_ns;
	if (c->outcome != CONNECTION_PENDING)
		return;
	if (login_shows(conn, &exit->task)) {
		connection_authenticate(conn, exit->task.auid, now_ns);
		if (exit->task.session != conn->tag)
			c->session = exit->task.session;
		change_set(ret, SESSION_AUTHENTICATED, conn);
	} else if (conn->preauth_failed || (exit->head.lost == conn->lost && !conn->doubt)) {
		conn_fail(conn, now_ns, ret);
	}
}

struct conn *connection_of_birth(struct session_table *t, const struct bl_event_session *event)
{
	const struct bl_task *task = &event->task;
	const struct proc *proc = table_peek(t->services, &task->pid);
	struct conn *conn = NULL;
	bool inet = event->end.family == AF_INET || event->end.family == AF_INET6;

	if (proc && start_equal(proc->process.start_ns, task->start_ns))
		conn = conn_by_number(t, proc->process.connection);
	if (!conn) {
		/* A login program that the session process started. */
		proc = table_peek(t->services, &task->ppid);
		if (proc && start_equal(proc->process.start_ns, task->parent_start_ns))
			conn = conn_by_number(t, proc->process.connection);
	}
	if (!conn && inet)
		conn = conn_by_end(t, &event->end);
	if (conn)
		return conn;
	/* Not for services without one: what a shell hands down as its socket says little. */
	if (!inet || !event->service)
		return NULL;
	conn = conn_serve(t, conn_new(t, &event->end, 0));
	conn_bind(conn, &event->head, task, event->service);
	conn->connection.pid = task->pid;
	conn->connection.start_ns = task->start_ns;
	process_assume(t, task->pid, task->start_ns, conn);
	return conn;
}

struct search {
	uint64_t now_ns;
	struct conn *found;
};

static int overdue_each(const void *key, void *value, void *arg)
{
	struct search *search = arg;
	struct conn *conn = value;
	const struct connection *c = &conn->connection;

	(void)key;
	if (c->outcome != CONNECTION_PENDING || c->exits || !conn->preauth_failed)
		return 0;
	if (!conn->missed && (!c->closed_ns || search->now_ns < c->closed_ns + OVERDUE_NS))
		return 0;
	search->found = conn;
	return 1;
}

void connection_overdue(struct session_table *t, uint64_t now_ns, struct session_change *ret)
{
	struct search search = { .now_ns = now_ns };

	if (now_ns < t->overdue_ns + NSEC_PER_SEC)
		return;
	(void)table_each(t->served, overdue_each, &search);
	if (!search.found) {
		t->overdue_ns = now_ns;
		return;
	}
	search.found->missed = true;
	conn_fail(search.found, now_ns, ret);
}
