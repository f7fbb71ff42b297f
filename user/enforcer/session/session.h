/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A login session as something that can be held or ended: who belongs to it, and the ladder.
 *
 * Belonging is told by the kernel's own session number and login uid, which every process inherits
 * and which only a new login changes; so nohup, setsid, a double fork, sudo and a move to another
 * cgroup do not leave it. A session that was born inside another one (its parent_session) belongs
 * to it unless it has a network peer of its own: that is somebody else's login through a server
 * that happened to be started here. But a peer that is this session itself ("ssh localhost", or a
 * relay that it runs) joins the other login to it, whoever's that is: the kernel saw who connected
 * (BL_SESSION_JOINED). So does a job that this session wrote for at or cron to start, within the
 * same account (BL_SESSION_AT, _CRON). Root's and exempt accounts' logins are not reached that way.
 *
 * Ladder: freeze the scope, kill (cgroup.kill; before 5.14 each process by pidfd until none is
 * left), thaw, then tell logind. In that order, because PID 1 of systemd 252 thaws a frozen scope
 * that it is asked to stop, and the session's TERM handlers would run. What is outside the scope
 * (at, systemd-run --user --scope, a moved process) is stopped or killed one by one; where that
 * does not do, because something forks faster than one can look, its cgroup is frozen for the
 * milliseconds that it takes, strangers in it included. Nothing waits: the caller steps the job
 * until it is done.
 */
#ifndef ENFORCER_SESSION_H
#define ENFORCER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <bailiff/ipc.h>
#include <bailiff/lockout.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "enforcer/session/processes.h"

#define SESSION_IDS_MAX 32 /* a session and those born inside it */
#define SESSION_SCOPES_MAX 8
#define SESSION_VICTIMS_MAX 4096 /* processes named in the record; more are only counted */
#define SESSION_EXE_MAX 128
#define SESSION_STEP_NS (20 * NSEC_PER_MSEC)
#define SESSION_REST_NS NSEC_PER_SEC
#define SESSION_LIMIT_NS (10 * NSEC_PER_SEC) /* then what is left is reported as stuck */

struct session_ids {
	uint64_t tag;
	uint32_t count;
	bool cut; /* more than SESSION_IDS_MAX */
	struct {
		uint64_t tag;
		uint32_t audit_session;
		uint32_t auid;
	} id[SESSION_IDS_MAX];
};

/* Adds one of bl_sessions if it belongs to ids->tag or to one already there; 1 = it was added.
 * Called over the whole map until nothing is added any more. */
int session_ids_add(struct session_ids *ids, uint64_t tag, const struct bl_session *session);
bool session_ids_match(const struct session_ids *ids, const struct process *process);

/* "/user.slice/…/session-3.scope/x" -> "/user.slice/…/session-3.scope"; false: in no scope. */
bool session_scope(const char *cgroup, char ret_scope[PROCESS_CGROUP_MAX]);
/* "…/session-3.scope" -> "3", logind's name; false: not a login's scope. */
bool session_logind_id(const char *scope, char *ret, size_t size);

struct session_job;

enum session_state {
	SESSION_RUNNING = 1, /* call session_job_step again */
	SESSION_HELD, /* frozen; step now and then catches processes that slipped through */
	SESSION_ENDED, /* nothing of it is left */
	SESSION_STUCK, /* SESSION_LIMIT_NS have passed and something is left */
	SESSION_STATE_MAX,
};

enum session_rest {
	SESSION_MOVES,
	SESSION_RESTS_NOW, /* said once */
	SESSION_RESTS,
};

struct session_report {
	/* Before a scope is frozen, and after it was thawed. Negative: do not freeze it. */
	int (*frozen)(uint64_t tag, const char *scope, bool frozen, void *arg);
	/* May be NULL: does the kernel still count tasks of the session? */
	bool (*counted)(uint64_t tag, void *arg);
	/* A process is gone that this job killed. */
	void (*ended)(uint64_t tag, const struct process *process, const char *exe, void *arg);
	/* May be NULL. Asked again and again from when the session stands still, before anything is
	 * killed: is it written down what it is (or given up)? */
	bool (*written)(struct session_job *job, uint64_t waited_ns, void *arg);
	void *arg;
};

/* action QUARANTINE (only watches until it is over), FREEZE or TERMINATE. Borrows root_fd
 * (cgroup.h). Does nothing yet. -EBUSY: this very process belongs to the session. */
int session_job_new(struct session_job **ret, int root_fd, const struct session_ids *ids,
		    enum action action, const struct session_report *report);
/* Known from an earlier life: a scope that may still be frozen. */
int session_job_adopt(struct session_job *job, const char *scope);
/* A job that was to freeze now terminates. */
void session_job_terminate(struct session_job *job);
int session_job_step(struct session_job *job, uint64_t now_boot_ns);
/* FREEZE, after a step: is anything that can be seen of it still on its way through the kernel?
 * What does not come to rest within SESSION_REST_NS counts as if it had. */
enum session_rest session_job_rest(struct session_job *job, uint64_t now_boot_ns);
/* Once it rests: asks report.written until it is. */
bool session_job_written(struct session_job *job, uint64_t now_boot_ns);
/* Copies who is alive, at most SESSION_VICTIMS_MAX; the caller frees. */
int session_job_processes(const struct session_job *job, struct process **ret, uint32_t *ret_count);
/* Thaws what was frozen, continues what was stopped. */
int session_job_thaw(struct session_job *job);
/* TERMINATE: thaws, so that what was killed can die. FREEZE: leaves it frozen. */
struct session_job *session_job_free(struct session_job *job);
DEFINE_CLEANUP(session_job_free, struct session_job *)
/* The index-th scope that it knows; *ret_frozen NULL unless it is frozen. false: no more. */
bool session_job_scope(const struct session_job *job, uint32_t index, const char **ret_frozen);
uint64_t session_job_tag(const struct session_job *job);
enum action session_job_action(const struct session_job *job);
/* Processes left (STUCK), ended so far, and how it went in words for the record. */
void session_job_text(const struct session_job *job, char ret_text[IPC_TEXT_MAX]);

/* ---- logind, over D-Bus, without waiting ---- */

struct logind_call;
int logind_terminate(struct logind_call **ret, const char *id);
/* 1 = finished (*ret_error: 0 or -errno as logind said), 0 = not yet. */
int logind_step(struct logind_call *call, int *ret_error);
struct logind_call *logind_free(struct logind_call *call);
DEFINE_CLEANUP(logind_free, struct logind_call *)

#endif
