/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events: what the sensor programs write into the two rings.
 *
 * Kernel and analyst are built separately, so every record is a fixed struct whose size is
 * asserted here. A record is written straight into reserved ring memory: nothing is staged in
 * per-CPU scratch, because since 5.11 BPF programs run preemptible (migrate_disable only) and
 * another program on the same CPU would overwrite it.
 *
 * Two rings. bl_urgent carries what decides about logins (BL_EVENT_SESSION, BL_EVENT_CONNECTION,
 * exec and exit of a watched service's binaries that root started; a user who runs such a file in a
 * loop shall not be able to fill it) and wakes the reader with every record
 * (BPF_RB_FORCE_WAKEUP). bl_events carries the rest with BPF_RB_NO_WAKEUP; the reader looks into
 * it every 100 ms, or sooner when a producer forces a wake-up because much is unread. A flags=0
 * record behind an unread NO_WAKEUP record wakes nobody, so flags=0 is not used at all.
 *
 * Loss. A ring refuses the newest record when it is full and tells the reader nothing. Each
 * refusal is counted in bl_counters (lockout.h names the slots), and every record carries the
 * count of refusals so far, so the next record that gets through tells of the loss before it.
 * That number and the ring's own order (reservation order) do the work of a sequence number;
 * an exact one would need a fetching atomic, which 5.10 does not have (5.12, 5ffa25502b5a).
 * One loss is in neither: a run that the kernel skipped because the same program was active on that
 * CPU, counted in the program's recursion_misses (seen on 7.3.4, preempted tracepoints).
 */
#ifndef BAILIFF_EVENT_H
#define BAILIFF_EVENT_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define BL_PATH_MAX 256 /* bytes with the final NUL; longer paths keep their END, flagged */
#define BL_ARGS_SMALL 512 /* argv bytes kept in the usual exec record */
#define BL_ARGS_LARGE 3584 /* argv bytes kept in the large one; the rest is cut, flagged */
#define BL_TTY_MAX 16
#define BL_COMM_MAX 16
#define BL_UNSET 0xffffffffU /* auid, audit_session: not set */

enum bl_event_kind {
	BL_EVENT_EXEC = 1,
	BL_EVENT_FORK, /* new process (not thread) */
	BL_EVENT_EXIT, /* the last thread of a process is gone */
	BL_EVENT_SESSION, /* a login session was born, or ended (BL_SESSION_END) */
	BL_EVENT_CONNECTION, /* TCP connection to a watched local port: opened or closed */
	BL_EVENT_AUTH, /* a process of root's asked PAM who somebody is, and got its answer */
	BL_EVENT_SIGNAL, /* a deed that only the kernel tells of */
	BL_EVENT_MAX,
};

/* Role of a program file within a service; which file has which role is bl_services' content. */
enum bl_role {
	BL_ROLE_NONE,
	BL_ROLE_SESSION, /* one process per connection, holds the connection as fd 0 at exec */
	BL_ROLE_PREAUTH, /* its child before authentication, where that is a program of its own */
	BL_ROLE_CHECK, /* helper that checks a password: exit 0 right, 7 wrong */
	BL_ROLE_GAIN, /* gains privilege by design: sudo, su, pkexec */
	BL_ROLE_MAX,
};

/* Every record starts with this. len is the length of the whole record. */
struct bl_event_head {
	__u16 kind; /* enum bl_event_kind */
	__u16 flags; /* per kind, below */
	__u32 len;
	__u64 boot_ns; /* CLOCK_BOOTTIME */
	__u64 lost; /* records refused so far, both rings, since the sensors were loaded */
};

/*
 * Ends of a TCP connection. Ports in host order, addresses in network order, IPv4 in the first
 * four bytes with the rest zero, v4-mapped IPv6 folded to IPv4 by the sensor.
 */
struct bl_endpoint {
	__u16 family; /* 0 none, 2 AF_INET, 10 AF_INET6, 1 AF_UNIX (no address) */
	__u16 peer_port;
	__u16 local_port;
	__u16 pad;
	__u8 peer[16];
	__u8 local[16];
};

/* Ids are those of the initial namespaces. Processes are named by (pid, start_ns), which pid
 * reuse and exec by a non-leader thread (266b7a021f7d copies the start time) leave unique. */
struct bl_task {
	__u32 pid; /* thread group id */
	__u32 tid;
	__u32 ppid; /* thread group of real_parent */
	__u32 uid;
	__u32 euid;
	__u32 gid;
	__u32 auid; /* loginuid, BL_UNSET if none */
	__u32 audit_session; /* kernel's session number, BL_UNSET if none */
	__u64 start_ns; /* start_boottime of the group leader */
	__u64 parent_start_ns;
	__u64 session; /* our tag, 0 = none */
	__u64 cgroup; /* id on the default hierarchy = inode of its folder */
};

/* head.flags of an exec */
#define BL_EXEC_SETUID (1 << 0) /* set-user/group-ID or file capabilities took effect */
#define BL_EXEC_MEMFD (1 << 1)
#define BL_EXEC_DELETED (1 << 2) /* the file has no link any more */
#define BL_EXEC_SCRIPT (1 << 3) /* started through an interpreter line */
#define BL_EXEC_WRITABLE_DIR (1 << 4) /* the file's folder is writable by everybody */
#define BL_EXEC_ARGS_CUT (1 << 5)
#define BL_EXEC_EXE_CUT (1 << 6) /* exe holds the end of a longer path */
#define BL_EXEC_CWD_CUT (1 << 7)
#define BL_EXEC_FILE_CUT (1 << 8) /* file holds the beginning of a longer name */
#define BL_EXEC_TMPFS (1 << 9) /* the file lies on a tmpfs (and is no memfd) */

/*
 * A program was started. exe is the resolved path of the file that runs (the interpreter, for a
 * script), file is what the caller typed, args the new image's own argv bytes (NUL-separated),
 * read from mm->arg_start before its first instruction. args_len is the true length, args_kept
 * what stands in args. The small record ends after BL_ARGS_SMALL bytes of args; one in bl_urgent is
 * always small. Bytes behind a string's NUL, or behind args_kept, mean nothing. A path that is cut
 * begins with a whole name, unless the file's own name alone is too long.
 */
struct bl_event_exec {
	struct bl_event_head head;
	struct bl_task task;
	struct bl_endpoint end; /* fd 0's socket; only for BL_ROLE_SESSION and _PREAUTH */
	__u64 exe_ino;
	__u32 exe_dev; /* s_dev in the kernel's form (major << 20 | minor) */
	__u16 service; /* bl_services' id, 0 = none */
	__u16 role; /* enum bl_role */
	__u32 args_len;
	__u32 args_kept;
	char tty[BL_TTY_MAX];
	char comm[BL_COMM_MAX];
	char exe[BL_PATH_MAX];
	char file[BL_PATH_MAX];
	char cwd[BL_PATH_MAX];
	char args[BL_ARGS_LARGE];
};
#define BL_EXEC_SMALL_LEN (__builtin_offsetof(struct bl_event_exec, args) + BL_ARGS_SMALL)

struct bl_event_fork {
	struct bl_event_head head;
	struct bl_task task; /* the child; ppid and parent_start_ns are the forking process */
};

struct bl_event_exit {
	struct bl_event_head head;
	struct bl_task task;
	__u32 exit_code; /* as the kernel keeps it: status << 8 | signal */
	__u16 service; /* of the program that ran, also by fork without exec; 0 = none */
	__u16 role;
	char comm[BL_COMM_MAX];
};

/*
 * head.flags of a session event. An end carries the flags of its birth as well; its task is the
 * last one. A session that is told again for a restarted reader has BL_SESSION_INFERRED and of the
 * task only pid, start_ns, auid and audit_session (uid, euid and gid are BL_UNSET).
 */
#define BL_SESSION_END (1 << 0) /* no task carries the tag any more */
#define BL_SESSION_INFERRED (1 << 1) /* was there before the sensors or their reader */
#define BL_SESSION_LATE (1 << 2) /* seen at a later fork or exec, not at the loginuid write */
/*
 * Edges: parent_session is not the session that this one was born in, but
 *   JOINED  the one that made the connection which this session serves ("ssh localhost")
 *   AT      the one that wrote the job file which this session runs (at, batch)
 *   CRON    the one that wrote the crontab of this session's user; which of its lines is not known
 * The latter two only within one account.
 */
#define BL_SESSION_JOINED (1 << 3)
#define BL_SESSION_AT (1 << 4)
#define BL_SESSION_CRON (1 << 5)
#define BL_SESSION_EDGES (BL_SESSION_JOINED | BL_SESSION_AT | BL_SESSION_CRON)
/* It wrote a file that is watched for signals: something that lets it come back. Not in a birth. */
#define BL_SESSION_LEFT (1 << 6)

struct bl_event_session {
	struct bl_event_head head;
	struct bl_task task; /* the process that became the session's first */
	struct bl_endpoint end; /* the connection it serves, family 0 if none */
	__u64 session;
	__u64 parent_session; /* the tag it carried before, 0 = none */
	__u16 service;
	__u16 pad16;
	__u32 pad32;
};

enum bl_connection_state {
	BL_CONNECTION_OPEN = 1,
	BL_CONNECTION_CLOSED,
};

struct bl_event_connection {
	struct bl_event_head head;
	struct bl_endpoint end;
	__u32 netns; /* inode of the network namespace */
	__u32 state; /* enum bl_connection_state */
};

#define BL_PAM_SERVICE_MAX 32
#define BL_PAM_NAME_MAX 64

/* head.flags of an auth event */
#define BL_AUTH_USER_CUT (1 << 0)
#define BL_AUTH_RHOST_CUT (1 << 1)

/*
 * pam_authenticate() returned in a process whose effective user is root. result is PAM's own code,
 * 0 for success. The texts are what the process told PAM: pam_service is its own word, user and
 * rhost may be whatever its client sent. service, role and end are those of the program file that
 * runs and of its connection, as for an exec.
 */
struct bl_event_auth {
	struct bl_event_head head;
	struct bl_task task;
	struct bl_endpoint end;
	__u32 result;
	__u16 service;
	__u16 role;
	char pam_service[BL_PAM_SERVICE_MAX];
	char user[BL_PAM_NAME_MAX];
	char rhost[BL_PAM_NAME_MAX];
	char tty[BL_TTY_MAX];
};

#define BL_SIGNAL_NAME_MAX 64
#define BL_SIGNAL_FOLDER_MAX 32

/*
 * What a signal tells of. Those from BL_SIGNAL_DERIVED on have no record of their own: whoever
 * reads exec records makes them of these.
 */
enum bl_signal {
	BL_SIGNAL_MODULE = 1, /* a kernel module was loaded: name */
	BL_SIGNAL_BPF, /* a BPF program was loaded: name, detail = its type */
	BL_SIGNAL_KEXEC, /* another kernel was handed in for kexec */
	BL_SIGNAL_GAIN, /* root's ids or capabilities without an exec: detail = enum bl_gain_flag */
	BL_SIGNAL_SETID, /* a file is made set-user-ID: file, detail = mode, other_uid = owner */
	BL_SIGNAL_TRACE, /* another's or a privileged process is attached to: detail = mode */
	BL_SIGNAL_LOGIN_FILE, /* written: who may log in or become whom; detail = enum bl_write */
	BL_SIGNAL_STARTUP_FILE, /* written: what starts by itself later; detail = enum bl_write */
	BL_SIGNAL_DERIVED,
	BL_SIGNAL_EXEC_MEMFD = BL_SIGNAL_DERIVED,
	BL_SIGNAL_EXEC_DELETED,
	BL_SIGNAL_EXEC_WRITABLE, /* from a folder that everybody may write */
	BL_SIGNAL_EXEC_TMPFS,
	BL_SIGNAL_SERVICE_SHELL, /* a shell started by a service's account outside of any session */
	BL_SIGNAL_MAX,
};

/* As people and recordings name them; they are an interface. */
#define BL_SIGNAL_NAMES                                                                           \
	{                                                                                         \
		[BL_SIGNAL_MODULE] = "module-load", [BL_SIGNAL_BPF] = "bpf-load",                 \
		[BL_SIGNAL_KEXEC] = "kexec-load", [BL_SIGNAL_GAIN] = "privilege-gain",            \
		[BL_SIGNAL_SETID] = "setuid-file", [BL_SIGNAL_TRACE] = "trace",                   \
		[BL_SIGNAL_LOGIN_FILE] = "login-file", [BL_SIGNAL_STARTUP_FILE] = "startup-file", \
		[BL_SIGNAL_EXEC_MEMFD] = "exec-memfd", [BL_SIGNAL_EXEC_DELETED] = "exec-deleted", \
		[BL_SIGNAL_EXEC_WRITABLE] = "exec-writable",                                      \
		[BL_SIGNAL_EXEC_TMPFS] = "exec-tmpfs",                                            \
		[BL_SIGNAL_SERVICE_SHELL] = "service-shell",                                      \
	}

enum bl_gain_flag {
	BL_GAIN_UID = 1, /* a user id became root's */
	BL_GAIN_CAPS = 2, /* a capability became effective that was not permitted */
};

enum bl_write {
	BL_WRITE_OPEN = 1, /* opened for writing */
	BL_WRITE_RENAME, /* another file was put in its place */
	BL_WRITE_LINK,
	BL_WRITE_SYMLINK,
	BL_WRITE_MAX,
};

/*
 * name, folder and above are the last three parts of the object's path, each cut to its size;
 * folder and above are "" where the object is no file, and "/" at the root of its file system.
 */
struct bl_event_signal {
	struct bl_event_head head;
	struct bl_task task;
	__u32 what; /* enum bl_signal, below BL_SIGNAL_DERIVED */
	__u32 detail;
	__u64 ino;
	__u32 dev; /* kernel's form, as in bl_event_exec */
	__u32 other_pid;
	__u32 other_uid; /* BL_UNSET: there is no other */
	__u32 pad;
	__u64 other_start_ns;
	__u64 other_session;
	char comm[BL_COMM_MAX];
	char name[BL_SIGNAL_NAME_MAX];
	char folder[BL_SIGNAL_FOLDER_MAX];
	char above[BL_SIGNAL_FOLDER_MAX];
};

/* Big enough for any record; the form in which replay and the ring feed the pipeline. */
union bl_event {
	struct bl_event_head head;
	struct bl_event_exec exec;
	struct bl_event_fork fork;
	struct bl_event_exit exit;
	struct bl_event_session session;
	struct bl_event_connection connection;
	struct bl_event_auth auth;
	struct bl_event_signal signal;
};

_Static_assert(sizeof(struct bl_event_head) == 24, "event head");
_Static_assert(sizeof(struct bl_endpoint) == 40, "endpoint");
_Static_assert(sizeof(struct bl_task) == 64, "task");
_Static_assert(sizeof(struct bl_event_exec) == 24 + 64 + 40 + 24 + 32 + 768 + BL_ARGS_LARGE,
	       "exec");
_Static_assert(sizeof(struct bl_event_fork) == 88, "fork");
_Static_assert(sizeof(struct bl_event_exit) == 112, "exit");
_Static_assert(sizeof(struct bl_event_session) == 152, "session");
_Static_assert(sizeof(struct bl_event_connection) == 72, "connection");
_Static_assert(sizeof(struct bl_event_auth) == 312, "auth");
_Static_assert(sizeof(struct bl_event_signal) == 280, "signal");

#endif
