/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Maps that BPF programs and bailiffd share, with the names a person reads in bpftool.
 *
 * Lockouts are pinned below BL_PIN_DIR and outlive bailiffd; every value carries its own expiry,
 * which the program itself checks, so a lockout ends on time with nobody there to end it.
 * Names start with bl_ and have at most 15 characters, the kernel's limit.
 */
#ifndef BAILIFF_LOCKOUT_H
#define BAILIFF_LOCKOUT_H

#include <bailiff/event.h>

#define BL_PIN_DIR "/sys/fs/bpf/bailiff"
#define BL_PIN_MAPS BL_PIN_DIR "/maps"
#define BL_PIN_LINKS BL_PIN_DIR "/links"

#define BL_LOCK_MAX 1048576 /* addresses locked out at once, per family */
#define BL_SESSIONS_MAX 16384
#define BL_SERVICES_MAX 256
#define BL_PORTS_MAX 1024
#define BL_TASKS_MAX 65536 /* tagged tasks where task storage is missing (5.10) */
#define BL_CONNS_MAX 16384 /* session processes with a known peer */
#define BL_WATCHED_MAX 8192 /* files and folders whose writing is a signal */
#define BL_LEFT_MAX 8192 /* jobs for others to start whose writer is known */
#define BL_UIDS_MAX 4096 /* accounts locked out at once */

/* bl_lock4: one address. bl_lock6: a /64, what one subscriber has. Network order. */
struct bl_key4 {
	__u8 addr[4];
};

struct bl_key6 {
	__u8 prefix[8];
};

struct bl_lock {
	__u64 expires_boot_ns; /* CLOCK_BOOTTIME; in force while now < this */
	__u64 locked_boot_ns;
	__u64 refused; /* packets and connects refused by this entry */
	__u32 decision; /* number of the decision, as in the records */
	__u32 flags; /* 0 for now */
};

/*
 * bl_verdicts: session tag (__u64) -> what its tasks may not do. One entry contains the session,
 * every task that carries its tag, and the sessions born inside it that have no network peer of
 * their own. bl_uids: account (__u32) -> the same for tasks with that uid or login uid, and nobody
 * becomes that account. Never an entry for uid 0.
 */
enum bl_verdict_flag {
	BL_VERDICT_EXEC = 1, /* start a program */
	BL_VERDICT_FORK = 2, /* make a process or a thread */
	BL_VERDICT_CONNECT = 4, /* connect a socket; make one that is not AF_UNIX */
	BL_VERDICT_CRED = 8, /* change user ids */
	BL_VERDICT_PTRACE = 16, /* attach to another process, read or write its memory */
	/* Only for the programs whose bl_config.life is `decision`: what a loader tries out must
	 * not be taken for refused because an earlier life's programs, which run on, refuse it. */
	BL_VERDICT_PROOF = 32,
};
#define BL_VERDICT_ALL 31

struct bl_verdict {
	__u64 expires_boot_ns; /* CLOCK_BOOTTIME; in force while now < this */
	__u64 locked_boot_ns;
	__u64 refused; /* what this entry refused, execs that were killed included */
	__u32 decision; /* number of the decision, as in the records */
	__u32 flags; /* enum bl_verdict_flag */
};

/*
 * bl_any: array of one. While it is 0 no program looks further, so that a host where nothing is
 * contained pays for one read. Raised before an entry is written, lowered after it is gone.
 */
struct bl_any {
	__u64 verdicts; /* entries in bl_verdicts and bl_uids */
};

/* bl_style: array of one __u32. How a locked address is refused. */
enum bl_style {
	BL_STYLE_REFUSE, /* as if nobody listened: bl_lookup */
	BL_STYLE_SILENT, /* dropped without an answer: bl_ingress */
};

/* bl_sessions: tag -> what the kernel knows of the session. Written by the sensors. */
struct bl_session {
	__u64 born_boot_ns;
	__u64 leader_start_ns;
	__u64 parent_session;
	__u64 tasks; /* threads that carry the tag; of an inferred one: since it was seen */
	__u32 leader_pid;
	__u32 auid;
	__u32 audit_session;
	__u16 service;
	__u16 flags; /* BL_SESSION_*, but for BL_SESSION_END */
	struct bl_endpoint end;
};

/* bl_services: program file -> service. Keyed by inode and superblock device, never by name. */
struct bl_file_key {
	__u64 ino;
	__u32 dev; /* kernel's form, as in bl_event_exec */
	__u32 pad;
};

struct bl_file_role {
	__u16 service;
	__u16 role; /* enum bl_role */
};

/*
 * bl_watched: files and folders whose writing is a signal -> enum bl_signal (__u32). A file is
 * known by its folder's inode and its name, so that one put in its place by rename is the same. The
 * entry with an empty name is the folder's own and must be there: its value is what any file in it
 * means, 0 if only those with an entry of their own count.
 */
struct bl_watch_key {
	__u64 ino; /* of the folder */
	__u32 dev; /* kernel's form */
	__u32 pad;
	char name[BL_SIGNAL_FOLDER_MAX]; /* the bytes behind the NUL are zero */
};

/* In a folder's own value, beside the signal: its files are jobs that somebody else starts. */
#define BL_WATCH_AT 0x100 /* one job a file */
#define BL_WATCH_CRON 0x200 /* a user's table each */
#define BL_WATCH_SIGNAL 0xff /* what remains is enum bl_signal */

/*
 * bl_left: who wrote a job. Of at by the file, of cron by the account alone: the kernel does not
 * know which account a crontab's name means.
 */
struct bl_left_key {
	__u64 ino; /* 0: a crontab */
	__u32 dev; /* kernel's form */
	__u32 uid; /* whose crontab */
};

struct bl_left {
	__u64 session;
	__u32 auid; /* the session's */
	__u32 pad;
};

/*
 * At most so many signals of one kind by one session (outside of sessions: by one user) within
 * BL_SIGNAL_WINDOW_NS; more are counted by BL_COUNT_LOST_SIGNAL and not told.
 */
#define BL_SIGNAL_BURST 16
#define BL_SIGNAL_WINDOW_NS 10000000000ULL

/* bl_ports: local TCP port (host order) -> service id, __u16 -> __u16 */

/*
 * bl_conns: (process, its start) -> what it is within a service, for every process that runs a
 * service's file, by exec or as a fork of one that does. Written by the sensors.
 */
struct bl_conn_key {
	__u64 start_ns;
	__u32 pid;
	__u32 pad;
};

struct bl_conn {
	struct bl_endpoint end; /* fd 0's socket at exec; family 0: none */
	__u16 service;
	__u16 role; /* enum bl_role */
	__u32 urgent; /* 1: exec'd by root, so its exec and exit went to bl_urgent */
};

/* bl_audit: the kernel's session number (__u32) -> tag (__u64), for every session in
 * bl_sessions. */

/*
 * The section ".rodata.bl" of every sensor object; set between open and load. task_storage = 1
 * where tracing programs may use task storage (probe it: 5.12 allows it, a10787e6d58c). Then map
 * bl_tasks must not be created (autocreate off), otherwise bl_tags.
 */
struct bl_config {
	__u32 task_storage;
	/* Not 0, and another number than any earlier loader's: a tag of an earlier life is counted
	 * in no session's `tasks` until it is met again. */
	__u32 life;
	__u32 own_pid; /* whose BPF programs are no signal, 0 = nobody's */
};

/* bl_state: array of one. */
struct bl_state {
	__u64 lost; /* records refused by both rings */
	__u64 last_session; /* highest tag given so far; a loader may raise it before attaching */
};

/* bl_counters: per-CPU array of __u64, index = enum bl_counter */
enum bl_counter {
	BL_COUNT_EVENTS, /* records written, bulk ring */
	BL_COUNT_URGENT, /* records written, urgent ring */
	BL_COUNT_LOST_EVENTS, /* records refused by the bulk ring */
	BL_COUNT_LOST_URGENT,
	BL_COUNT_LOST_TAG, /* a task could not be tagged: table full */
	BL_COUNT_LOST_SESSION, /* a session could not be entered: table full */
	BL_COUNT_LOST_CONN, /* a session process' peer could not be kept */
	BL_COUNT_REFUSED_INBOUND, /* connections refused by bl_lookup */
	BL_COUNT_REFUSED_OUTBOUND, /* connect and sendmsg refused */
	BL_COUNT_REFUSED_TASK, /* what verdicts on sessions and accounts refused */
	BL_COUNT_LOST_SIGNAL, /* a signal was not told: too many of its kind */
	BL_COUNT_MAX,
};

_Static_assert(sizeof(struct bl_key4) == 4, "key4");
_Static_assert(sizeof(struct bl_key6) == 8, "key6");
_Static_assert(sizeof(struct bl_lock) == 32, "lock");
_Static_assert(sizeof(struct bl_verdict) == 32, "verdict");
_Static_assert(sizeof(struct bl_session) == 88, "session");
_Static_assert(sizeof(struct bl_file_key) == 16, "file key");
_Static_assert(sizeof(struct bl_file_role) == 4, "file role");
_Static_assert(sizeof(struct bl_watch_key) == 48, "watch key");
_Static_assert(sizeof(struct bl_left_key) == 16, "left key");
_Static_assert(sizeof(struct bl_left) == 16, "left");
_Static_assert(sizeof(struct bl_conn_key) == 16, "conn key");
_Static_assert(sizeof(struct bl_conn) == 48, "conn");

#endif
