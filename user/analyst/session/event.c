/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One event, at most one change.
 *
 * Events of one process come in order, those of different rings only roughly so: each handler
 * asks what is already known and by which time, none relies on having seen the event before.
 */
#include <string.h>

#include "analyst/session/tables.h"

static void exec_event(struct session_table *t, const struct bl_event_exec *exec,
		       struct session_change *ret)
{
	struct conn *conn = NULL;
	struct sess *sess;

	process_reused(t, exec->task.pid, exec->task.start_ns, exec->head.boot_ns);
	if (exec->role == BL_ROLE_SESSION || exec->role == BL_ROLE_PREAUTH)
		conn = connection_exec(t, exec, ret);
	process_exec(t, exec, conn);
	if (!exec->task.session)
		return;
	/* Its birth was lost, or is still under way: the tag alone proves that there is a
	 * session. */
	sess = sess_put(t, exec->task.session);
	if (!sess->session.born_ns && !sess->session.leader_pid) {
		sess->session.flags |= BL_SESSION_LATE;
		sess->session.auid = exec->task.auid;
		sess->session.audit_session = exec->task.audit_session;
	}
	sess->session.execs++;
}

static void fork_event(struct session_table *t, const struct bl_event_fork *fork)
{
	process_reused(t, fork->task.pid, fork->task.start_ns, fork->head.boot_ns);
	process_fork(t, fork);
}

static void exit_event(struct session_table *t, const struct bl_event_exit *exit,
		       struct session_change *ret)
{
	const struct proc *proc = table_peek(t->services, &exit->task.pid);
	const struct proc *owner = proc;
	struct conn *conn;

	if (proc && !start_equal(proc->process.start_ns, exit->task.start_ns))
		proc = owner = NULL;
	/* A child whose fork was not seen (yet) is found by its parent. */
	if (!owner) {
		owner = table_peek(t->services, &exit->task.ppid);
		if (owner && !start_equal(owner->process.start_ns, exit->task.parent_start_ns))
			owner = NULL;
	}
	conn = owner ? conn_by_number(t, owner->process.connection) : NULL;
	if (conn) {
		const struct connection *c = &conn->connection;
		bool itself = c->pid == exit->task.pid;
		bool child = c->pid == exit->task.ppid &&
			     start_equal(c->start_ns, exit->task.parent_start_ns);

		/* Further descendants say nothing of the login. An orphan's parent is gone, and so
		 * is its connection's question. */
		if (itself || child)
			connection_exit(conn, proc, exit, ret);
	}
	process_exit(t, exit);
}

static void end_event(struct session_table *t, const struct bl_event_session *event,
		      struct session_change *ret)
{
	struct sess *sess = sess_put(t, event->session);
	struct conn *conn = conn_by_number(t, sess->connection);

	if (sess->session.ended_ns)
		return;
	sess->session.ended_ns = event->head.boot_ns;
	sess->session.flags |= event->head.flags & BL_SESSION_LEFT;
	if (!sess->session.leader_pid) {
		sess->session.auid = event->task.auid;
		sess->session.audit_session = event->task.audit_session;
	}
	*ret = (struct session_change){
		.kind = SESSION_ENDED,
		.connection = conn ? &conn->connection : NULL,
		.session = &sess->session,
	};
}

static void birth_event(struct session_table *t, const struct bl_event_session *event,
			struct session_change *ret)
{
	struct conn *conn = connection_of_birth(t, event);
	struct sess *sess = sess_put(t, event->session);
	struct session *s = &sess->session;
	bool again = s->leader_pid != 0;

	s->born_ns = event->head.boot_ns;
	s->parent = event->parent_session;
	s->end = event->end;
	s->auid = event->task.auid;
	s->audit_session = event->task.audit_session;
	s->leader_pid = event->task.pid;
	s->service = event->service;
	s->flags = event->head.flags;
	if (conn) {
		connection_authenticate(conn, s->auid, s->born_ns);
		conn->connection.session = s->tag;
		sess->connection = conn->connection.number;
		if (!s->end.family)
			s->end = conn->connection.end;
		if (!s->service)
			s->service = conn->connection.service;
	}
	if (again)
		return;
	*ret = (struct session_change){
		.kind = SESSION_BORN,
		.connection = conn ? &conn->connection : NULL,
		.session = s,
	};
}

void session_event(struct session_table *t, const union bl_event *event, struct session_change *ret)
{
	*ret = (struct session_change){ .kind = SESSION_NOTHING };
	switch ((enum bl_event_kind)event->head.kind) {
	case BL_EVENT_EXEC:
		exec_event(t, &event->exec, ret);
		break;
	case BL_EVENT_FORK:
		fork_event(t, &event->fork);
		break;
	case BL_EVENT_EXIT:
		exit_event(t, &event->exit, ret);
		break;
	case BL_EVENT_SESSION:
		if (event->head.flags & BL_SESSION_END)
			end_event(t, &event->session, ret);
		else
			birth_event(t, &event->session, ret);
		break;
	case BL_EVENT_CONNECTION:
		connection_event(t, &event->connection, ret);
		break;
	case BL_EVENT_AUTH: /* says nothing of sessions; the evidence stage takes it */
	case BL_EVENT_SIGNAL:
	case BL_EVENT_MAX:
		break;
	}
	/* An outcome known by the passing of time has no event of its own: it takes the next
	 * one's. */
	if (ret->kind == SESSION_NOTHING)
		connection_overdue(t, event->head.boot_ns, ret);
}
