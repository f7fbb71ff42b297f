/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What bailiffctl asks of bailiffd and of bailiff-recorder.
 *
 * /run/bailiff/control  bailiffd's, root only (mode 0600 and SO_PEERCRED): changes things.
 *                       One struct control_request, then struct control_reply one or more; the
 *                       last has more = 0.
 * /run/bailiff/status   the recorder's, root and group adm (mode 0660): read-only.
 *                       One struct status_request, then JSON objects, one a packet of at most
 *                       STATUS_JSON_MAX bytes; the end is the closing of the connection
 *                       (never, for STATUS_WATCH).
 *
 * SOCK_SEQPACKET both. Requests of a wrong length, version or operation get an error reply and
 * the connection is closed.
 */
#ifndef BAILIFF_CONTROL_H
#define BAILIFF_CONTROL_H

#include <bailiff/ipc.h>

#define CONTROL_VERSION 1
#define CONTROL_SOCKET "/run/bailiff/control"
#define STATUS_SOCKET "/run/bailiff/status"
#define STATUS_JSON_MAX 8192

enum control_op {
	CONTROL_STATUS = 1, /* reply: status */
	CONTROL_LIST, /* replies: lockout, one each */
	CONTROL_SESSIONS, /* replies: session, one each */
	CONTROL_LOCK,
	CONTROL_RELEASE,
	CONTROL_RELOAD,
	CONTROL_FINDINGS, /* replies: finding, one each: what doctor says of the running agent */
	CONTROL_RECORD, /* reply carries an fd: read end of a pipe, each event as a line of JSON;
			   a later one ends the earlier */
	CONTROL_SOURCES, /* replies: source, one each */
	CONTROL_FILTERS, /* replies: filter, one each: those with expressions that are given up */
	CONTROL_HOLD, /* a locked session stays at its step of the ladder */
	CONTROL_THAW, /* a frozen session goes back to quarantine, and stays there */
	CONTROL_OP_MAX,
};

struct control_request {
	__u32 version;
	__u32 op; /* enum control_op */
	/* LOCK, RELEASE, HOLD, THAW; kind NONE with RELEASE: everything */
	struct ipc_subject subject;
	/* LOCK of a session: LOCK = the configured ladder, or QUARANTINE, FREEZE, TERMINATE */
	__u32 action;
	__u32 seconds; /* 0: the configured length */
	__u32 force; /* 1: also a subject that is exempt by default (not: configured as exempt) */
	__u32 pad;
	char reason[IPC_TEXT_MAX];
};

enum finding_state {
	FINDING_OK = 1,
	FINDING_DEGRADED, /* works another way or in part; text says what that costs */
	FINDING_MISSING, /* does not work */
	FINDING_STATE_MAX,
};

#define CONTROL_ACCEPTED "accepted claims" /* name of findings that status shows, too */

struct control_finding {
	__u32 state; /* enum finding_state */
	__u32 pad;
	char name[IPC_NAME_MAX]; /* "exec events", "session birth", "address lockout"… */
	char text[IPC_TEXT_MAX];
};

struct control_lockout {
	struct ipc_subject subject;
	__u64 locked_wall_ns;
	__u64 until_wall_ns;
	__u64 refused;
	__u64 next_wall_ns; /* of a session: when its next step is taken; 0 = never */
	__u32 decision;
	__u32 action;
	__u32 next; /* enum action: that step */
	__u32 held; /* 1: an operator holds it at its step */
	char rule[IPC_RULE_MAX];
	char who[IPC_USER_MAX];
	char reason[IPC_TEXT_MAX];
};

enum session_type {
	SESSION_TYPE_UNKNOWN,
	SESSION_TYPE_REMOTE, /* through a service that is watched; service tells which */
	SESSION_TYPE_CONSOLE,
	SESSION_TYPE_CRON,
	SESSION_TYPE_AT,
	SESSION_TYPE_MANAGER, /* a user's systemd, and what it starts */
	SESSION_TYPE_SU, /* by root's su or runuser, outside of any login */
	SESSION_TYPE_MAX,
};

struct control_session {
	__u64 session;
	__u64 born_wall_ns;
	__u64 parent_session;
	__u32 auid;
	__u32 audit_session;
	__u32 leader_pid;
	__u32 processes; /* that exist now */
	__u32 locked; /* enum action in force, 0 = none */
	__u32 flags; /* BL_SESSION_* */
	__u32 type; /* enum session_type */
	__u32 pad;
	struct bl_endpoint end;
	char user[IPC_USER_MAX];
	char service[IPC_NAME_MAX];
};

struct control_reply {
	__u32 version;
	__u32 more; /* 1: another reply follows */
	__s32 error; /* 0, or -errno; text tells in a sentence */
	__u32 result; /* enum outcome_result of a LOCK or RELEASE */
	__u64 count; /* lockouts released, sessions locked */
	char text[IPC_TEXT_MAX];
	union {
		struct ipc_status status;
		struct control_lockout lockout;
		struct control_session session;
		struct control_finding finding;
		struct ipc_source_status source;
		struct ipc_filter_status filter;
	};
};

enum status_op {
	STATUS_WATCH = 1, /* every record and outcome from now on */
	STATUS_WHY, /* records and outcomes about the subject, oldest first */
	STATUS_HISTORY, /* decisions and outcomes, oldest first */
	STATUS_OP_MAX,
};

struct status_request {
	__u32 version;
	__u32 op; /* enum status_op */
	struct ipc_subject subject;
	__u64 since_wall_ns; /* 0: from the beginning */
	__u32 limit; /* newest N; 0 = 1000 */
	__u32 pad;
};

#endif
