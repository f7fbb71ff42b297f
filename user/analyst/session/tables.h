/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to the session stage: its tables.
 *
 * Everything in them can be grown by strangers (connections) or by local users (processes), so
 * each kind has a table of its own: a flood of one kind cannot push out another, and above all not
 * a connection whose outcome is still open.
 *
 *   waiting   number -> conn     a connection that no session process has taken yet
 *   served    number -> conn     one with a session process
 *   ends      endpoint -> number newest connection of these ends; two keys each, see end_key
 *   services  pid -> proc        session processes, their children that run the service's files
 *   gains     pid -> proc        sudo, su and the like
 *   others    pid -> proc        everything else that was executed, for names
 *   sessions  tag -> sess
 */
#ifndef ANALYST_SESSION_TABLES_H
#define ANALYST_SESSION_TABLES_H

#include "analyst/session/session.h"
#include "base/clock.h"
#include "base/table.h"

#define WAITING_MAX (SESSION_CONNECTIONS_MAX / 2)
#define SERVED_MAX (SESSION_CONNECTIONS_MAX / 2)
#define SERVICES_MAX (SESSION_PROCESSES_MAX / 2)
#define GAINS_MAX (SESSION_PROCESSES_MAX / 8)
#define OTHERS_MAX (SESSION_PROCESSES_MAX - SERVICES_MAX - GAINS_MAX)

/* Nobody is on the way to a login this long after the connection closed: above sshd's default
 * LoginGraceTime (120 s), with which it ends such a process by itself. */
#define OVERDUE_NS (150ULL * NSEC_PER_SEC)

/* Keyed with its local port, and once more with 0: a socket that was reset before exec has lost
 * its local port (inet_put_port), not its peer. */
struct end_key {
	uint16_t family;
	uint16_t peer_port;
	uint16_t local_port;
	uint16_t pad;
	uint8_t peer[16];
};

struct conn {
	struct connection connection;
	uint64_t bound_ns; /* its session process was seen at; 0 = none yet */
	uint64_t exited_ns;
	uint64_t lost; /* head.lost when bound */
	/* of the session process when bound: a login changes them, a restarted sshd inherits
	 * them */
	uint64_t tag;
	uint32_t auid;
	uint32_t audit_session;
	bool preauth_failed; /* its pre-authentication child ended with 255: nobody can get in */
	bool doubt; /* something ended well that cannot be told apart */
	bool missed; /* its session process is gone, its exit was never seen */
};

struct proc {
	struct process process;
	bool executed; /* its exec was seen; else it is a fork of its parent */
};

struct sess {
	struct session session;
	uint64_t connection; /* number */
};

struct session_table {
	struct table *waiting;
	struct table *served;
	struct table *ends;
	struct table *services;
	struct table *gains;
	struct table *others;
	struct table *sessions;
	uint64_t numbers; /* last connection's number */
	uint64_t refused;
	uint64_t expired_ns; /* last walk of session_expire */
	uint64_t overdue_ns; /* last walk of connection_overdue */
};

/* pid and start time name a process; 0 is a start time that a recording does not tell. */
static inline bool start_equal(uint64_t a, uint64_t b)
{
	return !a || !b || a == b;
}

/* ---- tables.c ---- */

struct conn *conn_by_number(const struct session_table *t, uint64_t number);
struct conn *conn_by_end(const struct session_table *t, const struct bl_endpoint *end);
/* Makes room, never fails; a new connection without a process, findable by its ends. */
struct conn *conn_new(struct session_table *t, const struct bl_endpoint *end, uint64_t opened_ns);
/* Deletes it from where it is and from the index. */
void conn_forget(struct session_table *t, struct conn *conn);
/* From waiting to served: a session process has it now. */
struct conn *conn_serve(struct session_table *t, struct conn *conn);
struct proc *proc_put(struct session_table *t, struct table *table, uint32_t pid);
struct sess *sess_put(struct session_table *t, uint64_t tag);

/* ---- connection.c: each fills *ret only if something changed ---- */

void connection_event(struct session_table *t, const struct bl_event_connection *event,
		      struct session_change *ret);
/* A program of role SESSION or PREAUTH started; NULL if it serves no connection. */
struct conn *connection_exec(struct session_table *t, const struct bl_event_exec *exec,
			     struct session_change *ret);
/* A process ended that belongs to conn; proc may be NULL (its start was not seen). */
void connection_exit(struct conn *conn, const struct proc *proc, const struct bl_event_exit *exit,
		     struct session_change *ret);
void connection_authenticate(struct conn *conn, uint32_t auid, uint64_t now_ns);
/* The connection that a session was born from; one of an inferred session is made. */
struct conn *connection_of_birth(struct session_table *t, const struct bl_event_session *event);
/* One connection whose end was missed but whose outcome is safe to tell. */
void connection_overdue(struct session_table *t, uint64_t now_ns, struct session_change *ret);

/* ---- process.c ---- */

void process_exec(struct session_table *t, const struct bl_event_exec *exec, struct conn *conn);
void process_fork(struct session_table *t, const struct bl_event_fork *fork);
void process_exit(struct session_table *t, const struct bl_event_exit *exit);
/* The session process of conn, whose own exec was not seen. */
void process_assume(struct session_table *t, uint32_t pid, uint64_t start_ns,
		    const struct conn *conn);
/* Somebody else has this pid now: what is known under it has ended. */
void process_reused(struct session_table *t, uint32_t pid, uint64_t start_ns, uint64_t now_ns);

#endif
