/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions locked out: who may be, and the jobs that hold or end them.
 *
 * A frozen session is in the ledger as long as it is frozen, one that is being ended until nothing
 * of it is left. Each freeze is written down before it is made (struct session_report), so that
 * the next life of bailiffd finds every frozen scope.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "enforcer/lockouts/lockouts.h"
#include "enforcer/session/cgroups.h"

#define END_NS (2 * SESSION_LIMIT_NS + LOCKOUTS_WRITE_NS) /* most that ending one takes */

_Static_assert(PROCESS_CGROUP_MAX <= STATE_REASON_MAX, "a scope fits into its record");

/* ---- who ---- */

struct closure {
	const struct limits *limits;
	struct session_ids *ids;
	bool grown;
};

static int closure_add(uint64_t tag, const struct bl_session *session, void *arg)
{
	struct closure *closure = arg;
	char text[IPC_TEXT_MAX];

	/* What may not be locked by itself is not locked by way of an edge either. */
	if ((session->flags & BL_SESSION_EDGES) && tag != closure->ids->tag &&
	    limits_session(closure->limits, session, false, text))
		return 0;
	closure->grown |= session_ids_add(closure->ids, tag, session) > 0;
	return 0;
}

int lockouts_session_ids(struct lockouts *lockouts, uint64_t tag, struct session_ids *ret)
{
	struct lockout_backend *backend = &lockouts->backend;
	struct closure closure = { .limits = &lockouts->limits, .ids = ret };
	int r;

	*ret = (struct session_ids){ .tag = tag };
	/* Sessions within sessions within …: at most one round per member that can be added. */
	do {
		closure.grown = false;
		r = backend->sessions(closure_add, &closure, backend->arg);
	} while (r >= 0 && closure.grown);
	if (r < 0)
		return r;
	return ret->count ? 0 : -ENOENT;
}

static bool asks_from_inside(const struct session_ids *ids, pid_t peer)
{
	struct process process;

	return peer > 0 && process_read(peer, &process) == 0 && session_ids_match(ids, &process);
}

int lockouts_check_session(struct lockouts *lockouts, const struct lockout_wish *wish,
			   char text[IPC_TEXT_MAX])
{
	struct lockout_backend *backend = &lockouts->backend;
	struct bl_session session;
	struct session_ids ids;
	int r;

	if (backend->session(wish->subject.id, &session, backend->arg) < 0 ||
	    lockouts_session_ids(lockouts, wish->subject.id, &ids) < 0) {
		text_copy(text, IPC_TEXT_MAX, "does not exist (any more)");
		return OUTCOME_FAILED;
	}
	r = limits_session(&lockouts->limits, &session, wish->force, text);
	if (r)
		return r;
	if (!wish->force && asks_from_inside(&ids, wish->peer_pid)) {
		text_copy(text, IPC_TEXT_MAX, "is the one that you are in");
		return OUTCOME_LAST_WAY_IN;
	}
	return 0;
}

/* ---- jobs ---- */

static struct session_job *job_find(struct lockouts *lockouts, uint64_t tag, size_t *ret_place)
{
	for (size_t i = 0; i < lockouts->jobs; i++) {
		if (session_job_tag(lockouts->job[i]) != tag)
			continue;
		*ret_place = i;
		return lockouts->job[i];
	}
	return NULL;
}

static void job_drop(struct lockouts *lockouts, size_t place)
{
	session_job_free(lockouts->job[place]);
	lockouts->job[place] = lockouts->job[--lockouts->jobs];
}

static int on_frozen(uint64_t tag, const char *scope, bool frozen, void *arg)
{
	struct lockouts *lockouts = arg;
	struct ledger_entry note = {
		.subject.kind = SUBJECT_SESSION,
		.subject.id = tag,
		.locked_boot_ns = lockouts->backend.boot_ns(lockouts->backend.arg),
	};
	uint32_t number;

	note.until_boot_ns = note.locked_boot_ns;
	number = lockouts_write(lockouts, &note, frozen ? STATE_FROZEN : STATE_THAWED, "", scope);
	return number == STATE_NONE ? -EIO : 0;
}

static void on_ended(uint64_t tag, const struct process *process, const char *exe, void *arg)
{
	struct lockouts *lockouts = arg;
	struct ipc_outcome outcome = {
		.subject.kind = SUBJECT_SESSION,
		.subject.id = tag,
		.action = ACTION_TERMINATE,
		.result = OUTCOME_PROCESS_ENDED,
		.pid = (uint32_t)process->pid,
		.start_ns = process->start_ns,
	};
	const struct ledger_entry *entry = ledger_get(lockouts->ledger, &outcome.subject);

	outcome.decision = entry ? entry->decision : 0;
	text_copy(outcome.text, sizeof(outcome.text), exe);
	lockouts_tell(lockouts, &outcome);
}

static bool on_counted(uint64_t tag, void *arg)
{
	struct lockouts *lockouts = arg;
	struct bl_session session;

	return lockouts->backend.session(tag, &session, lockouts->backend.arg) == 0;
}

static int job_make(struct lockouts *lockouts, const struct session_ids *ids, enum action action,
		    struct session_job **ret)
{
	struct session_report report = {
		.frozen = on_frozen,
		.counted = on_counted,
		.ended = on_ended,
		.written = lockouts->snapshot && lockouts->state_dir ? lockouts_written : NULL,
		.arg = lockouts,
	};

	return session_job_new(ret, lockouts->cgroup_fd, ids, action, &report);
}

int lockouts_job_start(struct lockouts *lockouts, const struct session_ids *ids, enum action action,
		       struct session_job **ret)
{
	int r;

	if (lockouts->jobs == LOCKOUTS_JOBS_MAX)
		return -ENOSPC;
	r = job_make(lockouts, ids, action, &lockouts->job[lockouts->jobs]);
	if (r < 0)
		return r;
	*ret = lockouts->job[lockouts->jobs++];
	return 0;
}

static int job_for(struct lockouts *lockouts, uint64_t tag, enum action action,
		   struct session_job **ret)
{
	struct session_job *job, *other;
	struct session_ids ids;
	size_t place;
	int r;

	job = job_find(lockouts, tag, &place);
	if (job && (session_job_action(job) != ACTION_QUARANTINE || action == ACTION_QUARANTINE)) {
		if (action == ACTION_TERMINATE)
			session_job_terminate(job);
		*ret = job;
		return 0;
	}
	r = lockouts_session_ids(lockouts, tag, &ids);
	if (r < 0)
		return r;
	if (!job)
		return lockouts_job_start(lockouts, &ids, action, ret);
	/* Who is in it may have changed while it was in quarantine. */
	r = job_make(lockouts, &ids, action, &other);
	if (r < 0)
		return r;
	session_job_free(job);
	*ret = lockouts->job[place] = other;
	return 0;
}

/* Where the kernel cannot, or has no room, the freeze and the kill have to do. */
static int contain(struct lockouts *lockouts, const struct ipc_subject *subject, enum action action,
		   uint64_t until, uint32_t decision)
{
	int r = lockouts_contain(lockouts, subject, lockouts_verdict_flags(action), until,
				 decision);

	if (r == -ENOSPC)
		lockouts->refused_limit++;
	if (r < 0 && r != -EOPNOTSUPP)
		log_warning_errno(r, "session %llu is not contained in the kernel",
				  (unsigned long long)subject->id);
	return r;
}

/*
 * A task that is stopped amid execve would be refused it, and go on, one day, without its program.
 * So what is frozen is contained once it is at rest, if not now then by a later look
 * (held_is_settled).
 */
static void contain_at_rest(struct lockouts *lockouts, const struct ledger_entry *entry,
			    struct session_job *job, uint64_t now)
{
	if (session_job_rest(job, now) != SESSION_MOVES)
		(void)contain(lockouts, &entry->subject, ACTION_FREEZE, entry->until_boot_ns,
			      entry->decision);
}

/* What stands still goes on under its verdict; on failure it stays as it is. */
static int thaw(struct lockouts *lockouts, uint64_t tag)
{
	size_t place;
	struct session_job *job = job_find(lockouts, tag, &place);
	int r = job ? session_job_thaw(job) : 0;

	if (r == 0 && job)
		job_drop(lockouts, place);
	return r;
}

int lockouts_step_session(struct lockouts *lockouts, struct ledger_entry *entry, enum action step)
{
	uint64_t now = lockouts->backend.boot_ns(lockouts->backend.arg);
	struct session_job *job = NULL;
	int r;

	if (step == ACTION_TERMINATE && entry->until_boot_ns < now + END_NS)
		ledger_until(lockouts->ledger, entry, now + END_NS);
	/* One that is frozen next is contained when it stands still. */
	r = step == ACTION_FREEZE ? 0
				  : contain(lockouts, &entry->subject, step, entry->until_boot_ns,
					    entry->decision);
	if (step == ACTION_QUARANTINE) {
		if (r == 0)
			r = thaw(lockouts, entry->subject.id);
		if (r < 0)
			return r;
	}
	r = job_for(lockouts, entry->subject.id, step, &job);
	/* It is thawed, and in quarantine with or without a job, which only looks for its end. */
	if (r < 0 && step != ACTION_QUARANTINE) {
		(void)contain(lockouts, &entry->subject, (enum action)entry->action,
			      entry->until_boot_ns, entry->decision);
		return r;
	}
	entry->action = step;
	entry->step_boot_ns = now;
	r = job ? session_job_step(job, now) : r;
	if (r < 0)
		log_warning_errno(r, "session %llu: its step is tried again",
				  (unsigned long long)entry->subject.id);
	if (step == ACTION_FREEZE)
		contain_at_rest(lockouts, entry, job, now);
	lockouts->next_hold_ns = 0;
	return 0;
}

static int failed(int error, char text[IPC_TEXT_MAX])
{
	if (error == -EBUSY) {
		text_copy(text, IPC_TEXT_MAX,
			  "is the one that bailiffd itself runs in (start it as a service)");
		return OUTCOME_LAST_WAY_IN;
	}
	if (error == -ENOSPC) {
		text_copy(text, IPC_TEXT_MAX, "would be one session too many to handle at once");
		return OUTCOME_LIMIT;
	}
	(void)snprintf(text, IPC_TEXT_MAX, "could not be acted upon: %s", strerror(-error));
	return OUTCOME_FAILED;
}

/* Never a step down; and what an operator holds, no rule moves. */
static enum action first_step(const struct lockouts *lockouts, const struct lockout_wish *wish,
			      const struct ledger_entry *entry)
{
	enum action action = wish->action;

	if (action == ACTION_LOCK && lockouts->ladder == LADDER_TERMINATE)
		action = ACTION_TERMINATE;
	else if (action == ACTION_LOCK)
		action = lockouts->ladder == LADDER_FREEZE ? ACTION_FREEZE : ACTION_QUARANTINE;
	if (entry && (entry->action > (uint32_t)action || (entry->held && !wish->by_operator)))
		action = (enum action)entry->action;
	return action;
}

int lockouts_lock_session(struct lockouts *lockouts, const struct lockout_wish *wish,
			  uint64_t *ret_until, char text[IPC_TEXT_MAX])
{
	uint64_t now = lockouts->backend.boot_ns(lockouts->backend.arg);
	uint64_t until = now + limits_length(&lockouts->limits, wish->seconds);
	struct ledger_entry *entry = ledger_get(lockouts->ledger, &wish->subject);
	struct session_job *job;
	enum action action;
	int r;

	if (!wish->by_operator && !limits_rate(&lockouts->limits, now)) {
		text_copy(text, IPC_TEXT_MAX,
			  "would be one more than may be locked out in a minute");
		return OUTCOME_LIMIT;
	}
	action = first_step(lockouts, wish, entry);
	/* Ending takes what it takes: a short length must not let go half-way. */
	if (action == ACTION_TERMINATE && until < now + END_NS)
		until = now + END_NS;
	if (entry && entry->until_boot_ns > until)
		until = entry->until_boot_ns;
	/* First of all, as all else takes looks at /proc; but see below for a freeze. */
	r = action == ACTION_FREEZE
		    ? 0
		    : contain(lockouts, &wish->subject, action, until, wish->decision);
	if (r < 0 && action == ACTION_QUARANTINE) {
		if (wish->by_operator && wish->action == ACTION_QUARANTINE) {
			text_copy(
				text, IPC_TEXT_MAX,
				"cannot be quarantined: the kernel does not contain it (bailiffctl "
				"doctor tells why); --action freeze holds it");
			return OUTCOME_FAILED;
		}
		/* A rule must not get less than it asked for. */
		action = ACTION_FREEZE;
	}
	r = job_for(lockouts, wish->subject.id, action, &job);
	if (r < 0) {
		if (entry)
			(void)contain(lockouts, &wish->subject, (enum action)entry->action,
				      entry->until_boot_ns, entry->decision);
		else
			(void)lockouts_uncontain(lockouts, &wish->subject, NULL);
		return failed(r, text);
	}
	if (!entry) {
		r = ledger_add(lockouts->ledger, &wish->subject, until, &entry);
		if (r < 0) {
			size_t place;

			if (job_find(lockouts, wish->subject.id, &place))
				job_drop(lockouts, place);
			(void)lockouts_uncontain(lockouts, &wish->subject, NULL);
			return failed(r, text);
		}
		entry->locked_boot_ns = now;
	}
	entry->decision = wish->decision;
	if (entry->action != (uint32_t)action) {
		entry->action = action;
		entry->step_boot_ns = now;
		entry->held = false;
	}
	ledger_until(lockouts->ledger, entry, until);
	entry->record = lockouts_write(lockouts, entry, STATE_LOCKED, wish->origin, wish->reason);
	*ret_until = entry->until_boot_ns;
	text_copy(text, IPC_TEXT_MAX, wish->reason);
	/* The first step freezes and kills; the rest is the tick's. */
	r = session_job_step(job, now);
	if (action == ACTION_FREEZE)
		contain_at_rest(lockouts, entry, job, now);
	lockouts->next_hold_ns = 0;
	return r < 0 ? failed(r, text) : OUTCOME_APPLIED;
}

void lockouts_end_session(struct lockouts *lockouts, uint64_t tag)
{
	struct session_job *job;
	size_t place;
	int r;

	job = job_find(lockouts, tag, &place);
	if (!job)
		return;
	r = session_job_thaw(job);
	if (r < 0)
		log_error_errno(r, "session %llu could not be thawed", (unsigned long long)tag);
	job_drop(lockouts, place);
}

static void job_over(struct lockouts *lockouts, size_t place, bool stuck)
{
	const struct session_job *job = lockouts->job[place];
	struct ipc_outcome outcome = {
		.subject.kind = SUBJECT_SESSION,
		.subject.id = session_job_tag(job),
		.action = session_job_action(job),
		.result = OUTCOME_FAILED,
	};
	struct ledger_entry *entry = ledger_get(lockouts->ledger, &outcome.subject);
	char text[IPC_TEXT_MAX];

	session_job_text(job, text);
	if (stuck) {
		outcome.decision = entry ? entry->decision : 0;
		(void)snprintf(outcome.text, sizeof(outcome.text),
			       "session could not be ended in time: %.200s", text);
		lockouts_tell(lockouts, &outcome);
	}
	if (entry)
		(void)lockouts_end(lockouts, entry, OUTCOME_EXPIRED, NULL, text);
	else
		job_drop(lockouts, place);
}

/* Once it stands still: contained, then written down. */
static bool held_is_settled(struct lockouts *lockouts, struct session_job *job, uint64_t now)
{
	const struct ipc_subject subject = {
		.kind = SUBJECT_SESSION,
		.id = session_job_tag(job),
	};
	const struct ledger_entry *entry = ledger_get(lockouts->ledger, &subject);
	enum session_rest rest = session_job_rest(job, now);

	if (entry && rest == SESSION_RESTS_NOW)
		(void)contain(lockouts, &subject, (enum action)entry->action, entry->until_boot_ns,
			      entry->decision);
	return rest != SESSION_MOVES && session_job_written(job, now);
}

uint64_t lockouts_step_sessions(struct lockouts *lockouts, uint64_t now_boot_ns)
{
	bool held_too = now_boot_ns >= lockouts->next_hold_ns;
	bool running = false;

	lockouts_climb(lockouts, now_boot_ns);
	lockouts_reap_copies(lockouts);
	/* Downwards: a job that is over is replaced by the last one. */
	for (size_t i = lockouts->jobs; i-- > 0;) {
		struct session_job *job = lockouts->job[i];
		int r;

		r = held_too || session_job_action(job) == ACTION_TERMINATE
			    ? session_job_step(job, now_boot_ns)
			    : SESSION_HELD;
		if (r == SESSION_ENDED || r == SESSION_STUCK)
			job_over(lockouts, i, r == SESSION_STUCK);
		else if (session_job_action(job) == ACTION_TERMINATE)
			running = true;
		else if (session_job_action(job) == ACTION_FREEZE)
			running |= !held_is_settled(lockouts, job, now_boot_ns);
	}
	if (held_too)
		lockouts->next_hold_ns = now_boot_ns + LOCKOUTS_TICK_NS;
	return now_boot_ns + (running ? SESSION_STEP_NS : LOCKOUTS_TICK_NS);
}
