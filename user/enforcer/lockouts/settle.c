/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --settle: sessions that a bailiffd which does not come back has left frozen.
 *
 * A locked address is let go by the kernel itself; a frozen session by nobody. So what the file of
 * lockouts says is frozen is held until its lockout ends, let go, or ended, as on_failure says; one
 * that was being ended is ended. The file is only read: a bailiffd that comes back finds in it what
 * it had left. As long as one answers, nothing is done here.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "enforcer/lockouts/settle.h"
#include "enforcer/session/cgroups.h"

/* ---- what the file says ---- */

static struct settle_session *find(struct settle *settle, uint64_t tag)
{
	for (size_t i = 0; i < settle->sessions; i++)
		if (settle->session[i].tag == tag)
			return &settle->session[i];
	return NULL;
}

static struct settle_session *make(struct settle *settle, uint64_t tag)
{
	struct settle_session *session = find(settle, tag);

	if (session || settle->sessions == SETTLE_SESSIONS_MAX)
		return session;
	session = &settle->session[settle->sessions++];
	*session = (struct settle_session){ .tag = tag };
	return session;
}

static void drop(struct settle *settle, struct settle_session *session)
{
	*session = settle->session[--settle->sessions];
}

static void scope_record(struct settle_session *session, const char *path, bool frozen)
{
	uint32_t i = 0;

	while (i < session->scopes && strcmp(session->scope[i], path) != 0)
		i++;
	if (frozen && i == session->scopes && session->scopes < SESSION_SCOPES_MAX)
		text_copy(session->scope[session->scopes++], PROCESS_CGROUP_MAX, path);
	else if (!frozen && i < session->scopes)
		memmove(session->scope[i], session->scope[--session->scopes], PROCESS_CGROUP_MAX);
}

int settle_record(const struct state_record *record, uint32_t number, void *arg)
{
	struct settle *settle = arg;
	struct settle_session *session;

	(void)number;
	if (record->subject.kind != SUBJECT_SESSION)
		return 0;
	session = record->kind == STATE_LOCKED || record->kind == STATE_FROZEN
			  ? make(settle, record->subject.id)
			  : find(settle, record->subject.id);
	if (!session) {
		settle->refused += record->kind == STATE_LOCKED || record->kind == STATE_FROZEN;
		return 0;
	}
	switch ((enum state_kind)record->kind) {
	case STATE_LOCKED:
		session->locked = true;
		session->until_boot_ns = record->until_boot_ns;
		session->auid = record->auid;
		session->audit_session = record->audit_session;
		session->action = record->action;
		break;
	case STATE_GONE:
		/* It was let go; a scope that is still frozen is the concern of nobody else. */
		session->locked = false;
		break;
	case STATE_FROZEN:
	case STATE_THAWED:
		scope_record(session, record->reason, record->kind == STATE_FROZEN);
		break;
	case STATE_KIND_MAX:
		break;
	}
	return 0;
}

enum settle_what settle_decide(const struct settle_session *session, enum on_failure policy,
			       uint64_t now_boot_ns)
{
	if (!session->locked || session->until_boot_ns <= now_boot_ns)
		return SETTLE_THAW;
	/* Frozen, and we died before that step was written down: the verdict holds it, and ends. */
	if (session->action == ACTION_QUARANTINE)
		return SETTLE_THAW;
	if (session->action == ACTION_TERMINATE || policy == ON_FAILURE_TERMINATE)
		return SETTLE_TERMINATE;
	return policy == ON_FAILURE_THAW ? SETTLE_THAW : SETTLE_WAIT;
}

/* ---- doing it ---- */

static int on_frozen(uint64_t tag, const char *scope, bool frozen, void *arg)
{
	(void)tag;
	(void)scope;
	(void)frozen;
	(void)arg;
	return 0;
}

static void on_ended(uint64_t tag, const struct process *process, const char *exe, void *arg)
{
	(void)arg;
	log_info("session %llu: process %d (%s) ended", (unsigned long long)tag, (int)process->pid,
		 exe);
}

static int make_job(int root_fd, const struct settle_session *session, enum action action,
		    struct session_job **ret)
{
	const struct session_report report = { .frozen = on_frozen, .ended = on_ended };
	struct session_ids ids = { .tag = session->tag };
	_cleanup_(session_job_freep) struct session_job *job = NULL;
	int r;

	/* Without a number of its own every process without a login would be one of it. */
	if (session->locked && session->audit_session != BL_UNSET && session->auid != BL_UNSET) {
		ids.count = 1;
		ids.id[0].tag = session->tag;
		ids.id[0].auid = session->auid;
		ids.id[0].audit_session = session->audit_session;
	}
	r = session_job_new(&job, root_fd, &ids, action, &report);
	for (uint32_t i = 0; r == 0 && i < session->scopes; i++)
		r = session_job_adopt(job, session->scope[i]);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(job);
	return 0;
}

static int terminate(int root_fd, const struct settle_session *session, settle_clock_fn clock)
{
	const struct timespec step = { .tv_nsec = SESSION_STEP_NS };
	_cleanup_(session_job_freep) struct session_job *job = NULL;
	char text[IPC_TEXT_MAX];
	int r = make_job(root_fd, session, ACTION_TERMINATE, &job);

	while (r >= 0) {
		r = session_job_step(job, clock());
		if (r == SESSION_ENDED || r == SESSION_STUCK)
			break;
		(void)nanosleep(&step, NULL);
	}
	if (r < 0)
		return log_error_errno(r, "session %llu could not be ended",
				       (unsigned long long)session->tag);
	session_job_text(job, text);
	log_info("session %llu is settled: %s", (unsigned long long)session->tag, text);
	return r == SESSION_STUCK ? -ETIME : 0;
}

static int thaw(int root_fd, const struct settle_session *session)
{
	_cleanup_(session_job_freep) struct session_job *job = NULL;
	int r = make_job(root_fd, session, ACTION_FREEZE, &job);

	if (r == 0)
		r = session_job_thaw(job);
	if (r < 0)
		return log_error_errno(r, "session %llu could not be let go",
				       (unsigned long long)session->tag);
	log_info("session %llu is settled: it goes on", (unsigned long long)session->tag);
	return 0;
}

int settle_step(struct settle *settle, enum on_failure policy, int root_fd, settle_clock_fn clock,
		uint64_t *ret_next_boot_ns)
{
	uint64_t next = UINT64_MAX;
	int failed = 0;

	for (size_t i = settle->sessions; i-- > 0;) {
		struct settle_session *session = &settle->session[i];
		int r = 0;

		switch (settle_decide(session, policy, clock())) {
		case SETTLE_WAIT:
			if (session->until_boot_ns < next)
				next = session->until_boot_ns;
			continue;
		case SETTLE_THAW:
			r = thaw(root_fd, session);
			break;
		case SETTLE_TERMINATE:
			r = terminate(root_fd, session, clock);
			break;
		}
		if (r < 0)
			failed = r;
		/* Tried once: again and again would be no more than noise. */
		drop(settle, session);
	}
	*ret_next_boot_ns = next;
	return failed;
}

int settle_read(struct settle *settle, const char *state_dir)
{
	_cleanup_(state_freep) struct state *state = NULL;
	uint8_t boot_id[STATE_BOOT_ID];
	char message[IPC_TEXT_MAX];
	int r;

	*settle = (struct settle){};
	if (access(state_dir, F_OK) < 0)
		return errno == ENOENT ? 0 : -errno;
	r = lockouts_boot_id(boot_id);
	if (r < 0)
		return r;
	r = state_open(&state, state_dir, boot_id, message);
	/* Of another boot: nothing of that is frozen, and its numbers mean others now. */
	if (r != STATE_SAME_BOOT)
		return r < 0 ? r : 0;
	if (message[0])
		log_warning("%s", message);
	r = state_each(state, settle_record, settle);
	/* What is neither frozen nor locked (any more) needs nothing, and of what is in quarantine
	 * the kernel lets go by itself. */
	for (size_t i = settle->sessions; i-- > 0;)
		if (settle->session[i].scopes == 0 &&
		    (!settle->session[i].locked || settle->session[i].action == ACTION_QUARANTINE))
			drop(settle, &settle->session[i]);
	if (settle->refused)
		log_error("%u records of more than %d sessions are left out", settle->refused,
			  SETTLE_SESSIONS_MAX);
	return r < 0 ? r : 0;
}
