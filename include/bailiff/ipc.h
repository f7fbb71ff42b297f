/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages between bailiffd, bailiff-analyst and bailiff-recorder.
 *
 * Transport: SOCK_SEQPACKET socket pairs that bailiffd makes; one message per packet. Every
 * message is one fixed struct that starts with struct ipc_head; the receiver checks kind,
 * direction and exact length before it copies, and a message that fails ends the sender (bailiffd
 * kills and restarts that child; a child that gets one from bailiffd exits). Lockouts stay in
 * force meanwhile because maps and links are pinned. Strings are NUL-terminated within their
 * array and are untrusted text: whoever shows them escapes them.
 *
 *   bailiffd -> analyst    HELLO, set-up (EXEMPT SERVICE CONNECTIONS FILE SOURCE RING NOTIFY
 *                          PEER), START,
 *                          then SOURCE_FD, SOURCE_STATE, OUTCOME, CANARY, TAP, ACCOUNT
 *   analyst  -> bailiffd   READY DECISION HEARTBEAT SOURCE_STATUS FILTER_STATUS LOG ACCOUNT
 *   bailiffd -> recorder   HELLO PEER(analyst's end) LISTEN OUTCOME STATUS
 *   recorder -> bailiffd   READY LOG
 *   analyst  -> recorder   RECORD
 *   recorder -> analyst    HISTORY, then HISTORY_END (once, right after PEER); WATCHERS
 */
#ifndef BAILIFF_IPC_H
#define BAILIFF_IPC_H

#include <bailiff/event.h>
#include <linux/types.h>

#define IPC_VERSION 1
#define IPC_NAME_MAX 32 /* service, filter, source names */
#define IPC_FILTER_MAX 128 /* a filter with its parameters: NAME[mode=…, x="a,b"] */
#define IPC_PATH_MAX 256
#define IPC_RULE_MAX 64
#define IPC_USER_MAX 64 /* user names are cut here, flagged nowhere: they are only shown */
#define IPC_TEXT_MAX 256
#define IPC_LINE_MAX 512 /* excerpt of a log line */

enum ipc_kind {
	IPC_HELLO = 1,
	IPC_EXEMPT,
	IPC_SERVICE,
	IPC_FILE, /* carries an fd */
	IPC_SOURCE, /* carries an fd */
	IPC_SOURCE_FD, /* carries an fd */
	IPC_RING, /* carries an fd */
	IPC_NOTIFY, /* carries an fd */
	IPC_PEER, /* carries an fd */
	IPC_LISTEN, /* carries an fd */
	IPC_START,
	IPC_READY,
	IPC_DECISION,
	IPC_OUTCOME,
	IPC_HEARTBEAT,
	IPC_CANARY,
	IPC_STATUS,
	IPC_LOG,
	IPC_RECORD,
	IPC_HISTORY,
	IPC_HISTORY_END,
	IPC_TAP, /* carries an fd */
	IPC_WATCHERS,
	IPC_ACCOUNT,
	IPC_SOURCE_STATE,
	IPC_SOURCE_STATUS,
	IPC_FILTER_STATUS,
	IPC_CONNECTIONS,
	IPC_KIND_MAX,
};

struct ipc_head {
	__u32 kind;
	__u32 len; /* of the whole message */
	__u64 boot_ns; /* CLOCK_BOOTTIME when sent */
};

/* What a decision, a lockout, a record is about. Unused bytes are zero: subjects compare by
 * memcmp. */
enum subject_kind {
	SUBJECT_NONE,
	SUBJECT_ADDRESS,
	SUBJECT_SESSION,
	SUBJECT_USER,
	SUBJECT_HOST,
	SUBJECT_MAX,
};

struct ipc_subject {
	__u8 kind; /* enum subject_kind */
	__u8 family; /* address: AF_INET or AF_INET6 */
	__u8 prefix; /* address: 32, or 64 (what is locked); evidence keeps 128 */
	__u8 pad[5];
	__u8 addr[16]; /* network order, host bits zeroed */
	__u64 id; /* session tag, or uid */
};

enum action {
	ACTION_OBSERVE = 1,
	ACTION_LOCK,
	ACTION_QUARANTINE,
	ACTION_FREEZE,
	ACTION_TERMINATE,
	ACTION_RELEASE,
	ACTION_EXPIRE,
	ACTION_MAX,
};

/* How much a claim is believed; order matters. */
enum trust {
	TRUST_FORGED, /* the kernel saw otherwise */
	TRUST_CLAIMED, /* text only */
	TRUST_ATTESTED, /* journal's trusted fields, or a file only its service can write */
	TRUST_WITNESSED, /* the kernel saw the same connection or process */
	TRUST_MAX,
};

enum mode {
	MODE_OBSERVE, /* decides and records, enforces nothing */
	MODE_ENFORCE,
	MODE_MAX,
};

struct ipc_hello {
	struct ipc_head head;
	__u32 version;
	__u32 mode; /* enum mode */
	__u64 boot_to_wall_ns; /* CLOCK_REALTIME - CLOCK_BOOTTIME at start */
	__u32 signals; /* bit = enum bl_signal: which are wanted of those made of exec events */
	__u32 pad;
	char host[IPC_NAME_MAX * 2];
};

enum exempt_why {
	EXEMPT_CONFIGURED,
	EXEMPT_LOOPBACK,
	EXEMPT_OWN, /* an address of this host */
	EXEMPT_GATEWAY,
	EXEMPT_WHY_MAX,
};

struct ipc_exempt {
	struct ipc_head head;
	__u8 family;
	__u8 prefix;
	__u8 why; /* enum exempt_why */
	__u8 pad[5];
	__u8 addr[16];
};

/* A watched service. id counts from 1 and is what events carry. */
struct ipc_service {
	struct ipc_head head;
	__u16 id;
	__u16 max_tries; /* most tries that one connection can hold (sshd MaxAuthTries, 6) */
	__u16 ports[8]; /* 0 = unused */
	__u32 sensed; /* 1: the sensors tell its connections' outcome */
	__u32 proxied; /* 1: its connections come from a proxy, the true peer is in its log alone */
	__u32 forks; /* 1: each process of it serves one connection, or one call: sshd, sudo, su */
	__u32 has_writer;
	__u32 writer_uid; /* the account, beside root, as which it writes its log */
	char name[IPC_NAME_MAX];
};

/* Connections to watched ports that were there before the sensors. */
struct ipc_connections {
	struct ipc_head head;
	__u32 count;
	__u32 complete; /* 1: with this message, all were told */
	struct bl_endpoint end[32];
};

/*
 * Who a login session belongs to. The analyst, which sees no account file, asks with an empty name,
 * only while a rule is about users; the answer holds the name, or none where that id has none.
 */
struct ipc_account {
	struct ipc_head head;
	__u32 uid;
	__u32 pad;
	char name[IPC_USER_MAX];
};

enum ipc_file_role {
	IPC_FILE_FILTER = 1, /* filter.d: name is the path below the directory, e.g. sshd.conf */
	IPC_FILE_RULE, /* rules.d */
	IPC_FILE_ROLE_MAX,
};

/* fd: the file, read-only. Later files of the same name override earlier ones (/etc over
 * /usr/lib). */
struct ipc_file {
	struct ipc_head head;
	__u32 role; /* enum ipc_file_role */
	__u32 pad;
	char name[IPC_PATH_MAX]; /* as messages name it: full path */
};

enum ipc_source_kind {
	IPC_SOURCE_FILE = 1, /* fd: the file; data is announced on the notify fd */
	IPC_SOURCE_JOURNAL, /* fd: pipe with journalctl --output=export */
	IPC_SOURCE_SYSLOG, /* fd: unix datagram socket with SO_PASSCRED, non-blocking */
	IPC_SOURCE_AUDIT, /* fd: NETLINK_AUDIT socket in AUDIT_NLGRP_READLOG, non-blocking */
	IPC_SOURCE_KIND_MAX,
};

struct ipc_source {
	struct ipc_head head;
	__u32 id; /* counts from 1 */
	__u32 kind; /* enum ipc_source_kind */
	__u64 offset; /* where to begin reading the file */
	__u64 skipped; /* bytes before offset that nobody will read: too much to catch up with */
	__u32 attested; /* 1: by owner and mode only a service can write the file */
	__u32 filters; /* how many of filter[] are used */
	__u32 accepted; /* bit i: a claim of filter[i] counts though nobody vouches for it */
	__u32 relayed; /* 1: lines of other hosts: nothing in it is held against this kernel */
	__u32 service; /* id of the one that alone writes it, 0 = none is declared */
	__u32 relay_uid; /* syslog: beside root, whose datagrams may be other programs' lines */
	__u32 gaps; /* pieces of it, of unknown size, that were gone before anybody read them */
	__u32 pad;
	char name[IPC_NAME_MAX]; /* as the configuration calls it: [source NAME] */
	char path[IPC_PATH_MAX];
	char filter[8][IPC_FILTER_MAX]; /* NAME or NAME[mode=…], as in fail2ban's filter= */
};

enum ipc_rotation {
	IPC_ROTATED_RENAMED =
		1, /* new inode at the path: drain the old fd to its end, then switch */
	IPC_ROTATED_RESTARTED, /* journal reader was restarted */
	IPC_ROTATED_NOT, /* the same file, but attested may have changed; the fd is closed */
	IPC_ROTATION_MAX,
};

/* fd: what to read from now on. */
struct ipc_source_fd {
	struct ipc_head head;
	__u32 id;
	__u32 how; /* enum ipc_rotation */
	__u32 attested; /* as in struct ipc_source, of this file */
	__u32 gaps; /* as in struct ipc_source, between the file before and this one */
	__u64 offset; /* as there */
	__u64 skipped;
	char path[IPC_PATH_MAX]; /* file: a glob's number may get another one */
};

/* How a source does. bailiffd says OK, VANISHED and REFUSED of what only it can see; the analyst
 * says what it makes of that and of the bytes. */
enum ipc_source_state {
	SOURCE_OK = 1, /* read to its end */
	SOURCE_WAITING, /* nothing has come from it yet */
	SOURCE_SILENT, /* much longer quiet than it used to be */
	SOURCE_BEHIND, /* it grows faster than it is read */
	SOURCE_VANISHED, /* its file is gone, its reader has ended */
	SOURCE_REFUSED, /* the kernel or the file system does not let it be read */
	SOURCE_STATE_MAX,
};

/* bailiffd -> analyst, when it changes. */
struct ipc_source_state_change {
	struct ipc_head head;
	__u32 id;
	__u32 state; /* OK, VANISHED, REFUSED */
	char text[IPC_TEXT_MAX]; /* REFUSED: why, in a sentence */
};

/* analyst -> bailiffd, of each source whose figures changed, at most once a second. Counts are
 * since this analyst's start. */
struct ipc_source_status {
	struct ipc_head head;
	__u32 id;
	__u32 kind; /* enum ipc_source_kind */
	__u32 state; /* enum ipc_source_state */
	__u32 pad;
	__u64 records;
	__u64 bytes;
	__u64 behind; /* bytes that wait to be read */
	__u64 cut; /* records too long: their ends were dropped */
	__u64 replaced; /* records with NULs or invalid UTF-8 */
	__u64 malformed; /* what the transport's form does not allow */
	__u64 dropped; /* records that the kernel threw away before they were read */
	__u64 skipped; /* bytes never read */
	__u64 rotations; /* another file or reader took its place, or it was truncated */
	__u64 gaps; /* pieces of unknown size that were gone before they were read */
	__u64 floods; /* times that it was BEHIND */
	__u64 past_years; /* stamps without a year that were taken for one of an earlier year */
	__u64 last_boot_ns; /* of the last record, 0 = none */
	char path[IPC_PATH_MAX]; /* of the file or socket; "journal", "audit" */
	char text[IPC_TEXT_MAX]; /* of a state that is not OK: a sentence; else empty */
};

#define IPC_FILTERS_MAX 256

/* analyst -> bailiffd, of each filter with expressions that were given up at their match limit,
 * when the count has changed, at most once a second. */
struct ipc_filter_status {
	struct ipc_head head;
	__u32 id; /* counts from 1 */
	__u32 line; /* of file: the expression that was given up on last */
	__u64 limits; /* log records that one of its expressions was given up on */
	char filter[IPC_FILTER_MAX];
	char file[IPC_PATH_MAX];
};

enum ipc_ring_which {
	IPC_RING_URGENT = 1,
	IPC_RING_EVENTS,
	IPC_RING_WHICH_MAX,
};

struct ipc_ring {
	struct ipc_head head;
	__u32 which;
	__u32 size; /* bytes of the data area, power of two */
};

/* For NOTIFY (inotify descriptor whose watches bailiffd keeps), PEER, LISTEN, TAP (non-blocking
 * write end of a pipe that takes each event as a line of JSON from now on; a later one replaces
 * it): fd only. START, HISTORY_END: nothing more. */
struct ipc_plain {
	struct ipc_head head;
};

struct ipc_ready {
	struct ipc_head head;
	__u32 filters; /* that work */
	__u32 expressions;
	__u32 rules;
	__u32 refused; /* filters or rules that do not work; each was told by LOG */
};

struct ipc_decision {
	struct ipc_head head;
	struct ipc_subject subject;
	__u32 action; /* enum action: OBSERVE LOCK QUARANTINE FREEZE TERMINATE */
	__u32 trust; /* enum trust: weakest that was needed */
	__u32 seconds; /* length of the lockout */
	__u32 decision; /* number, ascending within this analyst's life */
	__u32 partial; /* 1: events were lost while it was reached */
	__u32 attempts;
	char rule[IPC_RULE_MAX];
	char reason[IPC_TEXT_MAX]; /* one sentence */
};

enum outcome_result {
	OUTCOME_APPLIED = 1,
	OUTCOME_OBSERVED, /* observe mode: would have been applied */
	OUTCOME_EXEMPT, /* refused: exempt, own, loopback, gateway */
	OUTCOME_LAST_WAY_IN, /* refused: peer of an active root login, uid 0, own session */
	OUTCOME_LIMIT, /* refused: number, rate */
	OUTCOME_FAILED, /* tried, the kernel or logind said no; text tells */
	OUTCOME_EXPIRED,
	OUTCOME_RELEASED,
	OUTCOME_PROCESS_ENDED, /* one process of a terminated session */
	OUTCOME_RESULT_MAX,
};

/* What bailiffd did; to the recorder and to the analyst. */
struct ipc_outcome {
	struct ipc_head head;
	struct ipc_subject subject;
	__u32 action;
	__u32 result; /* enum outcome_result */
	__u32 decision; /* 0: an operator's, see who */
	__u32 pid; /* PROCESS_ENDED */
	__u64 until_boot_ns; /* LOCK applied */
	__u64 start_ns; /* PROCESS_ENDED */
	__u64 refused; /* EXPIRED, RELEASED: packets and connects it had refused */
	char rule[IPC_RULE_MAX];
	char who[IPC_USER_MAX]; /* operator: "alice (uid 1000, sudo)"; empty = bailiff itself */
	char text[IPC_TEXT_MAX]; /* reason; or exe of the ended process */
};

struct ipc_heartbeat {
	struct ipc_head head;
	__u64 events;
	__u64 lost; /* last head.lost seen */
	__u64 malformed; /* records that decode refused */
	__u64 records; /* log records read */
	__u64 claims;
	__u64 attempts;
	__u64 decisions;
	__u64 refused; /* table entries refused or evicted, all tables */
	__u64 stale; /* matching log records that were too old, or of unknown age, when read */
	__u64 regex_limit; /* log records that an expression was given up on at its match limit */
	__u64 clock_steps; /* times that the wall clock was set */
	__s64 clock_step_ns; /* by how much the last time */
	__u64 clock_step_boot_ns; /* when that was; 0 = never */
	__u32 sessions;
	__u32 connections;
	__u32 subjects; /* being counted */
	__u32 canary; /* pid of the last canary exec seen */
	__u32 interpreted; /* expressions that run without JIT: about ten times slower */
	__u32 pad;
};

/* bailiffd started this process only to see whether its exec arrives; the next heartbeat names
 * it. */
struct ipc_canary {
	struct ipc_head head;
	__u32 pid;
	__u32 pad;
};

struct ipc_log {
	struct ipc_head head;
	__u32 level; /* syslog(3) priority */
	__u32 pad;
	char text[IPC_LINE_MAX];
};

enum record_kind {
	RECORD_CLAIM = 1, /* what a log record said, once its trust is known */
	RECORD_ATTEMPT, /* tries counted on a subject */
	RECORD_CONNECTION, /* a watched connection's outcome */
	RECORD_SESSION, /* born or ended */
	RECORD_DECISION,
	RECORD_SOURCE, /* a log source's trouble: vanished, cut lines, rotated */
	RECORD_EXEC, /* program started in a session: only while somebody watches, never stored */
	RECORD_SIGNAL, /* a deed that only the kernel tells of, in a session or outside of all */
	RECORD_KIND_MAX,
};

enum record_result {
	RESULT_NONE,
	RESULT_FAILURE,
	RESULT_SUCCESS,
	RESULT_BEGIN,
	RESULT_END,
	RESULT_MAX,
};

/* The analyst's account of what it thinks; `bailiffctl why` and `watch` are made of these. */
struct ipc_record {
	struct ipc_head head;
	__u64 time_boot_ns; /* when it happened */
	struct ipc_subject subject;
	__u32 kind; /* enum record_kind */
	__u32 result; /* enum record_result */
	__u32 trust; /* enum trust */
	__u32 action; /* DECISION */
	__u32 count; /* tries, processes */
	__u32 decision;
	__u32 pid;
	__u32 partial; /* 1: events were lost, or connections are known in part only */
	__u64 session;
	__u32 seconds;
	__u16 peer_port;
	__u16 local_port;
	char service[IPC_NAME_MAX];
	char source[IPC_NAME_MAX]; /* "kernel", "journal", or a log file's last part */
	char rule[IPC_RULE_MAX];
	char user[IPC_USER_MAX];
	char text[IPC_TEXT_MAX]; /* sentence: what was seen, or which witness */
	char line[IPC_LINE_MAX]; /* the log record itself, cut */
};

/* What the recorder remembers of an address that failed or was locked out before; at most
 * 65,536 of them, newest first. */
struct ipc_history {
	struct ipc_head head;
	struct ipc_subject subject;
	__u64 last_wall_ns; /* CLOCK_REALTIME of the last attempt or lockout */
	__u32 attempts; /* within the last day */
	__u32 lockouts; /* within the last 90 days: escalation */
};

/* How many bailiffctl watch there are: while there is one, the analyst sends RECORD_EXEC, too. */
struct ipc_watchers {
	struct ipc_head head;
	__u32 count;
	__u32 pad;
};

enum status_part {
	PART_BPF,
	PART_ANALYST,
	PART_RECORDER,
	PART_SOURCES,
	PART_MAX,
};

/* bailiffd -> recorder every 10 s, and bailiffctl status shows it. */
struct ipc_status {
	struct ipc_head head;
	__u32 mode;
	__u32 restarts_analyst;
	__u32 restarts_recorder;
	__u32 lockouts_address;
	__u32 lockouts_session;
	__u32 lockouts_user;
	__u32 degraded; /* number of hooks missing */
	__u32 canary_late; /* canary execs that did not arrive in 5 s */
	__u64 started_boot_ns;
	__u64 events;
	__u64 lost;
	__u64 skipped; /* runs of programs that the kernel skipped (recursion_misses) */
	__u64 refused_inbound;
	__u64 refused_outbound;
	__u64 refused_limit; /* decisions refused by hard limits */
	struct ipc_heartbeat analyst;
};

#define IPC_MESSAGE_MAX 2048
_Static_assert(sizeof(struct ipc_subject) == 32, "subject");
_Static_assert(sizeof(struct ipc_source) <= IPC_MESSAGE_MAX, "source");
_Static_assert(sizeof(struct ipc_source) % 8 == 0, "source padding");
_Static_assert(sizeof(struct ipc_source_fd) % 8 == 0, "source fd padding");
_Static_assert(sizeof(struct ipc_source_status) % 8 == 0, "source status padding");
_Static_assert(sizeof(struct ipc_filter_status) % 8 == 0, "filter status padding");
_Static_assert(sizeof(struct ipc_connections) <= IPC_MESSAGE_MAX, "connections");
_Static_assert(sizeof(struct ipc_record) <= IPC_MESSAGE_MAX, "record");
_Static_assert(sizeof(struct ipc_decision) % 8 == 0, "decision");
_Static_assert(sizeof(struct ipc_outcome) % 8 == 0, "outcome");
_Static_assert(sizeof(struct ipc_record) % 8 == 0, "record padding");

#endif
