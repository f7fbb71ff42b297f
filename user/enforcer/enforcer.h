/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffd: the one process with rights. This header is the line inside it.
 *
 * Above it: processes, descriptors, sockets, configuration (main, children, sources, control).
 * Below it: everything that touches BPF, the kernel's tables and sessions (hooks, lockouts).
 * Nothing below it knows of children or channels; nothing above it includes libbpf. One thread, one
 * loop: no call blocks for more than about 2 s (freezing a session), usual ones not for 1 ms.
 */
#ifndef ENFORCER_ENFORCER_H
#define ENFORCER_ENFORCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <bailiff/control.h>
#include <bailiff/ipc.h>
#include <bailiff/lockout.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "enforcer/conf/conf.h"

/* ---- hooks: the BPF programs ---------------------------------------------------------------- */

struct hooks;

/*
 * Loads and attaches what this kernel runs; what it does not run is a finding, not a failure. With
 * dry (observe mode) no lockout program is loaded, nothing is pinned. Negative only if not even
 * exec events can be had; the findings so far are then logged. Fills bl_services and bl_ports.
 */
int hooks_load(const struct conf *conf, bool dry, struct hooks **ret);
/* Detaches the sensors; pinned lockout programs stay. */
struct hooks *hooks_free(struct hooks *hooks);
DEFINE_CLEANUP(hooks_free, struct hooks *)

/* Descriptor (borrowed) of a ring buffer map and the size of its data area. -ENOENT. */
int hooks_ring_fd(const struct hooks *hooks, enum ipc_ring_which which, uint32_t *ret_size);

/* Sums over the CPUs, indexed by enum bl_counter; zeros where a map is missing. */
int hooks_counters(const struct hooks *hooks, uint64_t ret_count[BL_COUNT_MAX]);

/*
 * Runs of the attached programs that the kernel skipped since they were loaded, because the program
 * was active on that CPU already, and that no other program made up for: an event that nobody saw.
 * The kernel counts them since 5.12; where tracepoints cannot be preempted (seen up to 6.12) it is
 * 0.
 */
uint64_t hooks_skipped(const struct hooks *hooks);

typedef int (*finding_fn)(const struct control_finding *finding, void *arg);
/* fn per finding, in the order a person reads them; nonzero from fn ends and is returned. */
int hooks_findings(const struct hooks *hooks, finding_fn fn, void *arg);
/* Number of findings that are not FINDING_OK: ipc_status.degraded. */
uint32_t hooks_degraded(const struct hooks *hooks);

/* Rewrites bl_services and bl_ports where a program file's inode or the configuration changed.
 * Called each 10 s and at reload: an upgraded sshd is known at once. 1: something changed. */
int hooks_services(struct hooks *hooks, const struct conf *conf);
/* Attaches the address lockout in network namespaces that are new since the last call, forgets
 * those that are over. Called each 10 s. 1: something changed. */
int hooks_namespaces(struct hooks *hooks);
/* Refuses locked addresses as the configuration says; after hooks_load and at reload. */
int hooks_style(struct hooks *hooks, const struct conf *conf);
/* 1: the sensors tell this service's outcome (at least its session binary is there). */
bool hooks_service_sensed(const struct hooks *hooks, uint16_t service);

/* Login sessions that were there before the sensors; once, after hooks_load. Number found. */
int hooks_takeover(struct hooks *hooks);
/* Writes every session into the ring again: for an analyst that was started anew. */
int hooks_tell(struct hooks *hooks);

/* Keeps others from it, where the configuration asks for that; once, after hooks_namespaces. What
 * did not work is a finding. */
int hooks_guard(struct hooks *hooks, const struct conf *conf);

/* ---- what others do to it: noticed within 30 s, and put right ---- */

enum tamper_what {
	TAMPER_PIN, /* a pin is missing, or another object is pinned in its place */
	TAMPER_LINK, /* a lockout program was detached, or exchanged */
	TAMPER_SETTING,
	TAMPER_GONE, /* a lockout is not in the kernel's table */
	TAMPER_CHANGED, /* it ends at another time there */
	TAMPER_ADDED, /* one that bailiffd did not make */
	TAMPER_MAX,
};

struct tamper {
	uint64_t seen[TAMPER_MAX];
	uint64_t failed; /* that could not be put right; tried again each time */
	int error; /* of one of these */
};

/* Pins, links, settings. Adds to what is in tamper. */
void hooks_tamper(struct hooks *hooks, struct tamper *tamper);
/* Tells of it: a line in the log, and the finding "tampering". 1: there was something. */
int hooks_tampered(struct hooks *hooks, const struct tamper *tamper);

/* --clear: removes pins, and so every lockout. */
int hooks_clear(void);

/* bailiffd --doctor: probes by loading; attaches only inside namespaces of its own. */
int doctor_probe(const struct conf *conf, finding_fn fn, void *arg);

/* ---- lockouts: policy, kernel tables, state on disk, sessions -------------------------------- */

struct lockouts;

/* Anything that happened: expiry, an ended process of a terminated session, a release. Also called
 * from within lockouts_decide and lockouts_operator for what happens on the way there. */
typedef void (*outcome_fn)(const struct ipc_outcome *outcome, void *arg);

/* An exempt net with the reason for it; the whole list is replaced at each change. */
struct exempt_net {
	struct addr net;
	enum exempt_why why;
};

/* hooks may be NULL or loaded dry: then everything is OUTCOME_OBSERVED. Borrows hooks; keeps what
 * it needs of conf. Restores what state_dir remembers. */
int lockouts_open(struct lockouts **ret, const struct conf *conf, struct hooks *hooks,
		  outcome_fn fn, void *arg);
struct lockouts *lockouts_free(struct lockouts *lockouts); /* writes state; releases nothing */
DEFINE_CLEANUP(lockouts_free, struct lockouts *)

/* After a reload; lockouts in force stay. */
void lockouts_conf(struct lockouts *lockouts, const struct conf *conf);
/* Configured, loopback, own and gateway together. Copies. */
int lockouts_exempt(struct lockouts *lockouts, const struct exempt_net *nets, size_t count);

/* Always fills ret (result tells); negative: internal failure, ret is then OUTCOME_FAILED. */
int lockouts_decide(struct lockouts *lockouts, const struct ipc_decision *decision,
		    struct ipc_outcome *ret);

/*
 * CONTROL_LOCK, _RELEASE, _HOLD and _THAW. who is for the record ("alice (uid 0)"), peer_pid the
 * asking process: the session it runs in needs force. Fills ret->error, text, result, count;
 * outcomes of what was done go to fn.
 */
void lockouts_operator(struct lockouts *lockouts, const struct control_request *request,
		       const char *who, pid_t peer_pid, struct control_reply *ret);

/* Expiry, unfinished freezes, state. When to call again (CLOCK_BOOTTIME, at most 1 s away). */
uint64_t lockouts_tick(struct lockouts *lockouts, uint64_t now_boot_ns);

/* Compares a part of the kernel's tables with what is known. Adds to tamper. True: there is
 * more. */
bool lockouts_tamper(struct lockouts *lockouts, uint64_t now_boot_ns, struct tamper *tamper);

typedef int (*lockout_fn)(const struct control_lockout *lockout, void *arg);
typedef int (*session_fn)(const struct control_session *session, void *arg);
int lockouts_each(struct lockouts *lockouts, lockout_fn fn, void *arg);
int sessions_each(struct lockouts *lockouts, session_fn fn, void *arg);

/* false: no account has that id, or its name does not fit; ret is untouched. */
bool lockouts_user_name(uint32_t uid, char *ret, size_t size);

/* Fills lockouts_address, _session, _user and refused_limit. */
void lockouts_status(const struct lockouts *lockouts, struct ipc_status *status);

/* --clear, after hooks_clear: removes the state file. */
int lockouts_clear(const struct conf *conf);

#endif
