/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stage 2, session: from events to the two objects that everything later speaks of: a connection
 * (from its peer's first packet to its outcome) and a session (from its birth to its last process).
 *
 * Kernel facts only. A connection of a sensed service FAILED when its session process ended and no
 * session was born below it and no pre-authentication child of it ended with status 0;
 * it is AUTHENTICATED as soon as one of the two happened. All tables are bounded and evict the
 * least recently used; what was evicted is counted.
 */
#ifndef ANALYST_SESSION_H
#define ANALYST_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <bailiff/event.h>
#include <bailiff/ipc.h>

#include "base/cleanup.h"

#define SESSION_CONNECTIONS_MAX 16384
#define SESSION_PROCESSES_MAX 16384 /* of services, and of sessions where needed for names */
#define SESSION_SESSIONS_MAX 4096

enum connection_outcome {
	CONNECTION_PENDING,
	CONNECTION_AUTHENTICATED,
	CONNECTION_FAILED,
	CONNECTION_OUTCOME_MAX,
};

struct connection {
	struct bl_endpoint end; /* key: family, peer, peer_port, local_port */
	uint64_t number; /* unique within the table's life; never 0 */
	uint64_t opened_ns; /* boot; 0: the opening was not seen */
	uint64_t decided_ns; /* outcome known since; 0 = pending */
	uint64_t closed_ns; /* 0 = open */
	uint64_t start_ns; /* of the session process */
	uint64_t session; /* tag born from it, 0 = none */
	uint32_t pid; /* of the session process, 0: none seen (yet) */
	uint32_t auid; /* once authenticated */
	uint16_t service;
	uint8_t outcome; /* enum connection_outcome */
	uint8_t exits; /* the session process has ended */
	uint32_t checks_failed; /* password checks that a helper answered with "wrong" */
};

struct session {
	uint64_t tag;
	uint64_t born_ns;
	uint64_t ended_ns; /* 0 = alive */
	uint64_t parent; /* tag */
	struct bl_endpoint end;
	uint32_t auid;
	uint32_t audit_session;
	uint32_t leader_pid;
	uint16_t service;
	uint16_t flags; /* BL_SESSION_* */
	uint32_t execs;
};

/* A live or recently ended process that a claim's pid may point to. */
struct process {
	uint32_t pid;
	uint64_t start_ns;
	uint64_t ended_ns; /* 0 = alive */
	uint64_t session;
	uint64_t connection; /* number, 0 = none: session process or a child of it */
	uint32_t uid;
	uint32_t euid;
	uint16_t service;
	uint16_t role;
	char exe[64]; /* end of the path */
};

struct session_table;

int session_table_new(struct session_table **ret, const uint64_t seed[2]);
struct session_table *session_table_free(struct session_table *table);
DEFINE_CLEANUP(session_table_free, struct session_table *)

enum session_change_kind {
	SESSION_NOTHING = 1,
	SESSION_OPENED, /* connection opened, or its session process began */
	SESSION_AUTHENTICATED, /* connection */
	SESSION_FAILED, /* connection */
	SESSION_BORN, /* session (and its connection, if any, is AUTHENTICATED now) */
	SESSION_ENDED, /* session */
	SESSION_CHANGE_MAX,
};

/* Pointers are into the table, valid until the next call that takes it. */
struct session_change {
	enum session_change_kind kind;
	const struct connection *connection; /* may be NULL with BORN, ENDED */
	const struct session *session; /* may be NULL but with BORN, ENDED */
};

void session_event(struct session_table *table, const union bl_event *event,
		   struct session_change *ret);

/* NULL if unknown. Ended ones are kept a while for late log lines. */
const struct connection *session_connection_by_pid(const struct session_table *table, uint32_t pid,
						   uint64_t at_ns);
/* false: the next finds none, whatever it is asked. */
bool session_has_connections(const struct session_table *table);
const struct connection *session_connection_by_end(const struct session_table *table,
						   const struct bl_endpoint *end);
const struct connection *session_connection_by_number(const struct session_table *table,
						      uint64_t number);
const struct session *session_by_tag(const struct session_table *table, uint64_t tag);
/* The process that had this pid at that time (boot), alive or ended since. */
const struct process *session_process(const struct session_table *table, uint32_t pid,
				      uint64_t at_ns);

/* Forgets what ended more than keep_ns ago. */
void session_expire(struct session_table *table, uint64_t now_ns, uint64_t keep_ns);

struct session_stats {
	uint32_t connections, sessions, processes;
	uint64_t refused; /* evicted before their time, all tables */
};
void session_stats(const struct session_table *table, struct session_stats *ret);

#endif
