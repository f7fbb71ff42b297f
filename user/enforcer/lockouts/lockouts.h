/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lockouts: private to lockouts*.c and their tests.
 *
 * Policy (limits), memory (ledger), disk (state) and sessions meet here; the kernel is behind
 * struct lockout_backend, so that all of it runs in a test without one.
 */
#ifndef ENFORCER_LOCKOUTS_H
#define ENFORCER_LOCKOUTS_H

#include "enforcer/enforcer.h"
#include "enforcer/lockouts/ledger.h"
#include "enforcer/lockouts/limits.h"
#include "enforcer/lockouts/state.h"
#include "enforcer/session/session.h"
#include "enforcer/sockets/sockets.h"

#define LOCKOUTS_BATCH 4096 /* entries per batch operation on a map */
#define LOCKOUTS_JOBS_MAX 64 /* sessions being frozen, held or ended at once */
#define LOCKOUTS_EXPIRE_MAX 512 /* per tick, so that a million that end together do not stall */
/* Looking for connections costs the same for one address as for many: at once when it is quiet,
 * together at most every LOCKOUTS_CUT_NS in a storm. */
#define LOCKOUTS_CUT_MAX SOCKETS_NETS_MAX
#define LOCKOUTS_CUT_NS (250 * NSEC_PER_MSEC)
#define LOCKOUTS_TICK_NS NSEC_PER_SEC
#define LOCKOUTS_COPIES_MAX 4 /* snapshots being taken at once */
#define LOCKOUTS_WRITE_NS (20 * NSEC_PER_SEC) /* most that an end waits for its snapshot */
/* Entries compared with the kernel's per second: up to a quarter of a million lockouts are all
 * looked at within 4 s, a million within 20. */
#define LOCKOUTS_COMPARE_MAX (16 * LOCKOUTS_BATCH)

/* One entry as it goes to the kernel, for batches of one family. */
struct lockout_item {
	struct ipc_subject subject;
	struct bl_lock lock;
};

typedef int (*lockout_item_fn)(const struct lockout_item *item, void *arg);
typedef int (*lockout_verdict_fn)(const struct ipc_subject *subject,
				  const struct bl_verdict *verdict, void *arg);
typedef int (*lockout_session_fn)(uint64_t tag, const struct bl_session *session, void *arg);

/* Where a walk through a family's table goes on. */
struct lockout_cursor {
	uint32_t token;
	bool begun;
};

/* All: 0 or -errno. */
struct lockout_backend {
	int (*put)(const struct lockout_item *item, void *arg);
	/* count entries, all of one family. */
	int (*put_many)(const struct lockout_item *item, size_t count, void *arg);
	int (*get)(const struct ipc_subject *subject, struct bl_lock *ret, void *arg);
	int (*remove)(const struct ipc_subject *subject, void *arg);
	/* What an earlier life left in the kernel. */
	int (*each)(lockout_item_fn fn, void *fn_arg, void *arg);
	/* At most LOCKOUTS_BATCH entries of a family from the cursor on; 1: there are more.
	 * Negative from fn ends it. */
	int (*some)(int family, struct lockout_cursor *cursor, lockout_item_fn fn, void *fn_arg,
		    void *arg);
	/* Established connections; at most LOCKOUTS_CUT_MAX nets. */
	int (*cut)(const struct addr *nets, size_t count, uint32_t *ret_cut, void *arg);
	int (*session)(uint64_t tag, struct bl_session *ret, void *arg);
	int (*sessions)(lockout_session_fn fn, void *fn_arg, void *arg);
	/* What a session's or an account's tasks may not do; NULL: there is no such table. */
	int (*verdict_put)(const struct ipc_subject *subject, const struct bl_verdict *verdict,
			   void *arg);
	int (*verdict_get)(const struct ipc_subject *subject, struct bl_verdict *ret, void *arg);
	int (*verdict_remove)(const struct ipc_subject *subject, void *arg);
	int (*verdict_each)(lockout_verdict_fn fn, void *fn_arg, void *arg);
	uint64_t (*boot_ns)(void *arg);
	uint64_t (*wall_ns)(void *arg);
	void *arg;
};

/* A copy of us that takes a snapshot (lockouts/snapshot.c). */
struct lockout_copy {
	pid_t pid; /* 0: the place is free */
	bool given_up;
	uint32_t processes;
	uint64_t tag;
	uint64_t began_ns;
};

struct lockouts {
	enum mode mode;
	struct lockout_backend backend;
	bool hooks_dry; /* no lockout program is loaded: observe, whatever conf says */
	struct limits limits;
	struct ledger *ledger;
	struct state *state;
	char *state_dir;
	int cgroup_fd; /* v2 root, -1: none */
	enum session_ladder ladder;
	bool snapshot;
	uint64_t snapshot_max_bytes;
	struct lockout_copy copy[LOCKOUTS_COPIES_MAX];
	uint64_t next_step_ns; /* at one step of the ladder; 0 = for ever */
	uint64_t operator_seconds;
	struct session_job *job[LOCKOUTS_JOBS_MAX];
	size_t jobs;
	struct addr to_cut[LOCKOUTS_CUT_MAX];
	size_t to_cut_count;
	uint64_t cut_boot_ns; /* when connections were last looked for */
	uint64_t next_hold_ns; /* when held sessions are looked at again */
	uint64_t refused_limit;
	uint64_t state_failures;
	int64_t wall_offset_ns; /* wall less boot time, as the file's ends were written with */
	struct {
		int family; /* whose table is being compared; 0: the ledger with the kernel's */
		struct lockout_cursor cursor;
		uint32_t matched; /* entries that both have, this round */
		uint32_t place; /* in the ledger */
	} compare;
	bool replacing; /* a failed rewrite of the file is not tried again at once */
	char service[CONF_SERVICES_MAX + 1][IPC_NAME_MAX];
	outcome_fn fn;
	void *arg;
};

/* Who asks, and for what; both lockouts_decide and lockouts_operator make one. */
struct lockout_wish {
	struct ipc_subject subject; /* canonical */
	enum action action;
	uint64_t seconds;
	uint32_t decision;
	bool by_operator; /* not the analyst */
	bool force;
	pid_t peer_pid; /* operator's; 0 = none */
	char origin[STATE_ORIGIN_MAX]; /* rule, or who */
	char reason[IPC_TEXT_MAX];
};

int lockouts_open_with(struct lockouts **ret, const struct conf *conf,
		       const struct lockout_backend *backend, bool dry, int cgroup_fd,
		       const uint8_t boot_id[STATE_BOOT_ID], outcome_fn fn, void *arg);

/* The kernel's name of this boot. */
int lockouts_boot_id(uint8_t ret[STATE_BOOT_ID]);

/* Kernel tables (lockouts/kernel.c). */
struct lockout_backend lockouts_kernel(struct hooks *hooks);

/* Checks and does it: an enum outcome_result; text gets a sentence without its subject. */
int lockouts_apply(struct lockouts *lockouts, const struct lockout_wish *wish, uint64_t *ret_until,
		   char text[IPC_TEXT_MAX]);
void lockouts_tell(struct lockouts *lockouts, const struct ipc_outcome *outcome);

/* Addresses (lockouts/address.c). text gets a sentence, in every case. */
int lockouts_lock_address(struct lockouts *lockouts, const struct lockout_wish *wish,
			  uint64_t *ret_until, char text[IPC_TEXT_MAX]);
/* Cuts what was put off, if it is time; when to come again, UINT64_MAX if nothing waits. */
uint64_t lockouts_cut_waiting(struct lockouts *lockouts, uint64_t now_boot_ns);
/* Why an address may not be locked, or 0. */
int lockouts_check_address(struct lockouts *lockouts, const struct lockout_wish *wish,
			   char text[IPC_TEXT_MAX]);
/* Ends a lockout of any kind and tells of it; result EXPIRED or RELEASED; text NULL: its reason.
 * Negative: the kernel kept it, and so does the ledger (RELEASED only). */
int lockouts_end(struct lockouts *lockouts, struct ledger_entry *entry, enum outcome_result result,
		 const char *who, const char *text);

/* Sessions (lockouts/session.c). */
int lockouts_check_session(struct lockouts *lockouts, const struct lockout_wish *wish,
			   char text[IPC_TEXT_MAX]);
int lockouts_lock_session(struct lockouts *lockouts, const struct lockout_wish *wish,
			  uint64_t *ret_until, char text[IPC_TEXT_MAX]);
/* The session and those inside it. -ENOENT: it is gone. */
int lockouts_session_ids(struct lockouts *lockouts, uint64_t tag, struct session_ids *ret);
/* Each session of an account (lockouts/user.c); the outcomes of those go to fn by themselves. */
int lockouts_lock_user(struct lockouts *lockouts, const struct lockout_wish *wish,
		       uint64_t *ret_until, char text[IPC_TEXT_MAX]);
/* Those of the account's sessions that the same decision holds, when the account is released. */
void lockouts_release_sessions(struct lockouts *lockouts, const struct ledger_entry *user,
			       const char *who);
void lockouts_end_session(struct lockouts *lockouts, uint64_t tag);
/* Takes the entry's session to a step: verdict, job, ledger, not the file. -errno: it stays where
 * it is. */
int lockouts_step_session(struct lockouts *lockouts, struct ledger_entry *entry, enum action step);
/* The steps of the ladder (lockouts/ladder.c). */
/* 0, or when the next step is taken by itself, and which. */
uint64_t lockouts_next_step(const struct lockouts *lockouts, const struct ledger_entry *entry,
			    enum action *ret_step);
/* The action for the record: that of the wish, or the step that the session is at, where that is
 * another one than it asks for. */
enum action lockouts_step_taken(const struct lockouts *lockouts, const struct lockout_wish *wish);
/* Takes the steps that are due. */
void lockouts_climb(struct lockouts *lockouts, uint64_t now_boot_ns);
/* ledger -> file, and back. */
uint32_t lockouts_step_pack(const struct ledger_entry *entry);
void lockouts_step_unpack(struct ledger_entry *entry, uint32_t step);
/* CONTROL_HOLD, CONTROL_THAW: 0 or -errno; text gets a sentence without its subject. */
int lockouts_hold(struct lockouts *lockouts, struct ledger_entry *entry, const char *who,
		  char text[IPC_TEXT_MAX]);
int lockouts_thaw(struct lockouts *lockouts, struct ledger_entry *entry, const char *who,
		  char text[IPC_TEXT_MAX]);
int lockouts_job_start(struct lockouts *lockouts, const struct session_ids *ids, enum action action,
		       struct session_job **ret);
/* Snapshots (lockouts/snapshot.c). Reported to by a job: see struct session_report. */
bool lockouts_written(struct session_job *job, uint64_t waited_ns, void *arg);
/* Ends those that nobody waits for any more. */
void lockouts_reap_copies(struct lockouts *lockouts);
/* Steps every job that is due; when to come again. */
uint64_t lockouts_step_sessions(struct lockouts *lockouts, uint64_t now_boot_ns);
/* (lockouts/scopes.c) Scopes that an earlier life had frozen: held again if still locked, else
 * thawed. */
void lockouts_restore_sessions(struct lockouts *lockouts);

/* Verdicts in the kernel (lockouts/verdict.c), of a session or an account. */

/*
 * From now until until_boot_ns its tasks may not do what flags (enum bl_verdict_flag) name;
 * replaces what was in force and keeps its count. 0; -EOPNOTSUPP: this kernel runs no program that
 * could refuse an exec; -ENOSPC: the table is full.
 */
int lockouts_contain(struct lockouts *lockouts, const struct ipc_subject *subject, uint32_t flags,
		     uint64_t until_boot_ns, uint32_t decision);
/* What a lockout by this action refuses. What is in quarantine goes on, what is frozen shall go on
 * undamaged when it is let go: a fork that fails ends a shell. */
uint32_t lockouts_verdict_flags(enum action action);
/* What the lockout of an account refuses: as that of its sessions, which it contains too. */
uint32_t lockouts_account_flags(const struct lockouts *lockouts);
/* Ends it; ret_refused (may be NULL) gets what it had refused. 0 also if there was none. */
int lockouts_uncontain(struct lockouts *lockouts, const struct ipc_subject *subject,
		       uint64_t *ret_refused);
/* After a restart, when the ledger is complete: accounts and sessions that are locked out are
 * contained, a verdict that no lockout explains is removed. */
void lockouts_restore_verdicts(struct lockouts *lockouts);
/* 0 and what is in force, or -ENOENT. */
int lockouts_contained(struct lockouts *lockouts, const struct ipc_subject *subject,
		       struct bl_verdict *ret);

/* State (lockouts/restore.c). */
int lockouts_restore(struct lockouts *lockouts, const uint8_t boot_id[STATE_BOOT_ID]);
/* Writes a record of the entry; what cannot be written is counted, and told once. */
uint32_t lockouts_write(struct lockouts *lockouts, const struct ledger_entry *entry,
			enum state_kind kind, const char *origin, const char *reason);
void lockouts_save(struct lockouts *lockouts, uint64_t now_boot_ns);

#endif
