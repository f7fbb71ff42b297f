/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a session is written down, and that nobody waits for it for ever.
 *
 * Each session that is frozen, or about to be ended, once a step. The copies that write
 * (snapshot.h) are few; one that does not end in time is given up and keeps its place until the
 * kernel lets go of it, so that a file system that never answers cannot make them many.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/log.h"
#include "enforcer/lockouts/lockouts.h"
#include "enforcer/session/snapshot.h"

/* For a place, and then for the copy. */
#define WAIT_NS (SNAPSHOT_LIMIT_NS + 2 * NSEC_PER_SEC)
_Static_assert(SESSION_REST_NS + 2 * WAIT_NS <= LOCKOUTS_WRITE_NS, "an end waits for it");

/* Of a lockout that is in force, also where the snapshot failed: a failure would say that it is
 * not. */
static void tell(struct lockouts *lockouts, uint64_t tag, const char *text)
{
	struct ipc_outcome outcome = {
		.subject.kind = SUBJECT_SESSION,
		.subject.id = tag,
		.result = OUTCOME_APPLIED,
	};
	const struct ledger_entry *entry = ledger_get(lockouts->ledger, &outcome.subject);

	outcome.action = entry ? entry->action : ACTION_FREEZE;
	outcome.decision = entry ? entry->decision : 0;
	outcome.until_boot_ns = entry ? entry->until_boot_ns : 0;
	text_copy(outcome.text, sizeof(outcome.text), text);
	lockouts_tell(lockouts, &outcome);
}

/* false: nobody wants it, or an earlier life took that of this step. */
static bool wanted(struct lockouts *lockouts, uint64_t tag, struct snapshot_about *ret)
{
	struct lockout_backend *backend = &lockouts->backend;
	struct ipc_subject subject = { .kind = SUBJECT_SESSION, .id = tag };
	const struct ledger_entry *entry = ledger_get(lockouts->ledger, &subject);
	struct state_record record;
	struct bl_session session;
	uint64_t since_ns;

	if (!lockouts->snapshot || !lockouts->state_dir || !entry)
		return false;
	since_ns = backend->wall_ns(backend->arg) -
		   (backend->boot_ns(backend->arg) - entry->step_boot_ns);
	if (snapshot_have(lockouts->state_dir, tag, since_ns / NSEC_PER_SEC))
		return false;
	*ret = (struct snapshot_about){
		.tag = tag,
		.auid = BL_UNSET,
		.audit_session = BL_UNSET,
		.decision = entry->decision,
		.max_bytes = lockouts->snapshot_max_bytes,
	};
	if (backend->session(tag, &session, backend->arg) == 0) {
		ret->auid = session.auid;
		ret->audit_session = session.audit_session;
	}
	if (state_read(lockouts->state, entry->record, &record) == 0) {
		text_copy(ret->origin, sizeof(ret->origin), record.origin);
		text_copy(ret->reason, sizeof(ret->reason), record.reason);
	}
	return true;
}

/* 0; 1: nobody is left; -errno. */
static int start(struct lockouts *lockouts, const struct session_job *job,
		 const struct snapshot_about *about, struct lockout_copy *copy)
{
	_cleanup_free_ struct process *process = NULL;
	uint32_t count = 0;
	pid_t pid;
	int r;

	r = session_job_processes(job, &process, &count);
	if (r == 0 && count == 0)
		return 1;
	if (r == 0)
		r = snapshot_start(lockouts->state_dir, about, process, count, &pid);
	if (r < 0)
		return r;
	*copy = (struct lockout_copy){
		.pid = pid,
		.tag = about->tag,
		.began_ns = lockouts->backend.boot_ns(lockouts->backend.arg),
		.processes = count,
	};
	return 0;
}

/* true: it has ended, or was given up. */
static bool over(struct lockouts *lockouts, struct lockout_copy *copy)
{
	uint64_t took_ns = lockouts->backend.boot_ns(lockouts->backend.arg) - copy->began_ns;
	unsigned long long took_ms = took_ns / NSEC_PER_MSEC;
	char text[IPC_TEXT_MAX];
	int status = 0;
	pid_t got;

	got = waitpid(copy->pid, &status, WNOHANG);
	if (got == 0 && took_ns < WAIT_NS)
		return false;
	if (got > 0 && WIFEXITED(status) && WEXITSTATUS(status) != SNAPSHOT_FAILED) {
		(void)snprintf(text, sizeof(text), "snapshot of %u processes in %llu ms%s",
			       copy->processes, took_ms,
			       WEXITSTATUS(status) == SNAPSHOT_CUT ? ", which reached a bound"
								   : "");
		tell(lockouts, copy->tag, text);
	} else {
		(void)snprintf(text, sizeof(text),
			       "no snapshot of its %u processes: %s after %llu ms", copy->processes,
			       got == 0 ? "given up" : "failed", took_ms);
		tell(lockouts, copy->tag, text);
	}
	if (got == 0)
		copy->given_up = true;
	else
		*copy = (struct lockout_copy){};
	return true;
}

bool lockouts_written(struct session_job *job, uint64_t waited_ns, void *arg)
{
	struct lockouts *lockouts = arg;
	uint64_t tag = session_job_tag(job);
	struct lockout_copy *place = NULL;
	struct snapshot_about about;
	char text[IPC_TEXT_MAX];
	int r = -EBUSY;

	for (size_t i = 0; i < LOCKOUTS_COPIES_MAX; i++) {
		struct lockout_copy *copy = &lockouts->copy[i];

		if (copy->pid && copy->tag == tag && !copy->given_up)
			return over(lockouts, copy);
		if (!copy->pid)
			place = copy;
	}
	if (!wanted(lockouts, tag, &about))
		return true;
	if (!place && waited_ns < WAIT_NS)
		return false;
	if (place)
		r = start(lockouts, job, &about, place);
	if (r >= 0)
		return r > 0;
	(void)snprintf(text, sizeof(text), "no snapshot of it: %s",
		       place ? strerror(-r) : "too many are being taken");
	tell(lockouts, tag, text);
	return true;
}

void lockouts_reap_copies(struct lockouts *lockouts)
{
	for (size_t i = 0; i < LOCKOUTS_COPIES_MAX; i++) {
		struct lockout_copy *copy = &lockouts->copy[i];
		bool needed = false;

		for (size_t k = 0; k < lockouts->jobs && !copy->given_up; k++)
			needed |= session_job_tag(lockouts->job[k]) == copy->tag &&
				  session_job_action(lockouts->job[k]) != ACTION_QUARANTINE;
		if (!copy->pid || needed)
			continue;
		/* In the kernel it may sit in a file system that does not answer: not waited
		 * for. */
		copy->given_up = true;
		(void)kill(copy->pid, SIGKILL);
		if (waitpid(copy->pid, NULL, WNOHANG) != 0)
			*copy = (struct lockout_copy){};
	}
}
