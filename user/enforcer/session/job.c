/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Freezing and ending a session, a step at a time.
 *
 * Each step looks at /proc anew and acts on what it finds, so a process that was born behind the
 * last look, was moved, or was continued by somebody else is caught by the next. A scope counts as
 * the session's own only if nobody else's process is in it; otherwise, and outside of scopes,
 * processes are handled one by one through pidfds.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "enforcer/session/cgroups.h"
#include "enforcer/session/job.h"

#define LOGIND_LIMIT_NS (5 * NSEC_PER_SEC)
/* One look at /proc can miss a process that a fork just made; some more are taken while the
 * kernel's own count says that something is left. */
#define EMPTY_ROUNDS 2
#define EMPTY_ROUNDS_COUNTED 25
/* Steps of stopping with, or of killing without, a moment's freeze of cgroups that others share. */
#define PATIENCE 3

int session_job_new(struct session_job **ret, int root_fd, const struct session_ids *ids,
		    enum action action, const struct session_report *report)
{
	_cleanup_(session_job_freep) struct session_job *job = calloc(1, sizeof(*job));
	struct process self;
	int r;

	if (!job)
		return -ENOMEM;
	r = process_read(getpid(), &self);
	if (r < 0)
		return r;
	if (session_ids_match(ids, &self))
		return -EBUSY;
	job->root_fd = root_fd;
	job->ids = *ids;
	job->action = action;
	job->report = *report;
	*ret = TAKE_PTR(job);
	return 0;
}

int session_job_adopt(struct session_job *job, const char *scope)
{
	if (job->scopes == SESSION_SCOPES_MAX)
		return -ENOSPC;
	text_copy(job->scope[job->scopes].path, PROCESS_CGROUP_MAX, scope);
	job->scope[job->scopes].own = true;
	job->scope[job->scopes].frozen = true;
	job->scopes++;
	return 0;
}

void session_job_terminate(struct session_job *job)
{
	job->action = ACTION_TERMINATE;
	job->started_ns = 0;
	job->tries = 0;
}

uint64_t session_job_tag(const struct session_job *job)
{
	return job->ids.tag;
}

bool session_job_scope(const struct session_job *job, uint32_t index, const char **ret_frozen)
{
	if (index >= job->scopes)
		return false;
	*ret_frozen = job->scope[index].frozen ? job->scope[index].path : NULL;
	return true;
}

enum action session_job_action(const struct session_job *job)
{
	return job->action;
}

/* ---- the ladder ---------------------------------------------------------------------------- */

/* To all that are not in a scope of their own that is frozen (SIGSTOP), or to all (SIGKILL). */
static uint32_t signal_victims(struct session_job *job, int signal)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < job->victims; i++) {
		struct session_victim *victim = &job->victim[i];

		/* A second SIGKILL does nothing, and a frozen task of the v2 freezer dies of the
		 * first. */
		if (victim->ended ||
		    (signal == SIGSTOP &&
		     (victim->process.state == 'T' || job_in_frozen_scope(job, &victim->process))))
			continue;
		count += process_signal(&victim->process, signal) == 0;
	}
	return count;
}

static int is_untouchable(pid_t pid, void *arg)
{
	(void)arg;
	return pid == 1 || pid == getpid();
}

/* Freezes what is not the session's own, looks, signals, thaws. Its strangers stand still for the
 * time of one look at /proc. */
static void signal_in_frozen(struct session_job *job, const char *path, int signal)
{
	if (cgroup_pids(job->root_fd, path, is_untouchable, NULL) != 0 ||
	    job->report.frozen(job->ids.tag, path, true, job->report.arg) < 0)
		return;
	if (cgroup_freeze(job->root_fd, path, true) == 0) {
		cgroup_wait_frozen(job->root_fd, path);
		if (job_look(job) == 0)
			(void)signal_victims(job, signal);
	}
	(void)cgroup_freeze(job->root_fd, path, false);
	(void)job->report.frozen(job->ids.tag, path, false, job->report.arg);
}

/*
 * The cgroup itself, or the nearest above it that may be frozen: that of the user's own manager,
 * for what the user has moved below it. Never a slice, which holds other sessions.
 */
static bool freezable(const struct session_job *job, char path[PROCESS_CGROUP_MAX])
{
	static const char slice[] = ".slice";

	for (;;) {
		size_t len = strlen(path);
		char *end = strrchr(path, '/');

		if (!end || end == path ||
		    (len >= sizeof(slice) - 1 && !strcmp(path + len - (sizeof(slice) - 1), slice)))
			return false;
		if (cgroup_may_freeze(job->root_fd, path))
			return true;
		*end = '\0';
	}
}

/* The cgroups in which the session's latest processes were seen. */
static void signal_where_they_fork(struct session_job *job, int signal)
{
	char seen[SESSION_SCOPES_MAX][PROCESS_CGROUP_MAX];
	size_t count = 0;

	for (uint32_t i = job->victims; i-- > 0 && count < SESSION_SCOPES_MAX;) {
		char *path = seen[count];
		bool known = job_in_frozen_scope(job, &job->victim[i].process);

		text_copy(path, PROCESS_CGROUP_MAX, job->victim[i].process.cgroup);
		known |= !freezable(job, path);
		for (size_t k = 0; k < count && !known; k++)
			known = !strcmp(seen[k], path);
		count += !known;
	}
	for (size_t k = 0; k < count; k++)
		signal_in_frozen(job, seen[k], signal);
}

static void step_stop(struct session_job *job)
{
	uint32_t stopped = signal_victims(job, SIGSTOP);

	/* At first in any case, as one that forks without pause may never be seen; later only if
	 * something was not at rest. */
	if (++job->tries <= PATIENCE || stopped > 0)
		signal_where_they_fork(job, SIGSTOP);
}

static void step_kill(struct session_job *job)
{
	for (uint32_t i = 0; i < job->scopes; i++)
		if (job->scope[i].own)
			(void)cgroup_kill(job->root_fd, job->scope[i].path);
	/* Again one by one: what is outside, and all where there is no cgroup.kill. */
	(void)signal_victims(job, SIGKILL);
	if (++job->tries > PATIENCE)
		signal_where_they_fork(job, SIGKILL);
}

static int finish(struct session_job *job, uint64_t now_boot_ns)
{
	int error, r;

	if (!job->finishing) {
		job->finishing = true;
		job->finishing_ns = now_boot_ns;
		for (uint32_t i = 0; i < job->scopes; i++) {
			char id[32];

			r = job_scope_thaw(job, &job->scope[i]);
			if (r < 0)
				return r;
			if (!job->logind && job->scope[i].own &&
			    session_logind_id(job->scope[i].path, id, sizeof(id)))
				(void)logind_terminate(&job->logind, id);
		}
	}
	/* What logind answers changes nothing: usually it has noticed the end by itself and knows
	 * no such session. */
	if (!job->logind || logind_step(job->logind, &error) == 1 ||
	    now_boot_ns - job->finishing_ns > LOGIND_LIMIT_NS)
		return SESSION_ENDED;
	return SESSION_RUNNING;
}

int session_job_step(struct session_job *job, uint64_t now_boot_ns)
{
	bool fresh, counted;
	int r;

	if (job->finishing)
		return finish(job, now_boot_ns);
	if (!job->started_ns)
		job->started_ns = now_boot_ns;
	/* Its processes come and go: whose end is not told need not be remembered. */
	if (job->action == ACTION_QUARANTINE)
		job->victims = 0;
	r = job_look(job);
	if (r < 0)
		return r;
	job_report_ended(job);
	fresh = false;
	for (uint32_t i = 0; i < job->scopes && job->action != ACTION_QUARANTINE; i++)
		fresh |= job_scope_freeze(job, &job->scope[i]);
	/* What was born between the look and the freeze is seen, and named, only now. */
	r = fresh ? job_look(job) : 0;
	if (r < 0)
		return r;
	/* A look at /proc cannot prove that nothing is left: what forks and ends without pause is
	 * never there when it is read. In a frozen cgroup it stands still. */
	if (!job->alive && job->action == ACTION_TERMINATE)
		signal_where_they_fork(job, SIGKILL);
	job->empty_rounds = job->alive ? 0 : job->empty_rounds + 1;
	counted = job->empty_rounds && job->report.counted &&
		  job->report.counted(job->ids.tag, job->report.arg);
	if (job->empty_rounds >= (counted ? EMPTY_ROUNDS_COUNTED : EMPTY_ROUNDS))
		return finish(job, now_boot_ns);
	if (job->action == ACTION_QUARANTINE)
		return SESSION_HELD;
	if (job->action != ACTION_TERMINATE) {
		step_stop(job);
		return SESSION_HELD;
	}
	if (job->alive && job->report.written && !job->written) {
		if (session_job_rest(job, now_boot_ns) == SESSION_MOVES ||
		    !session_job_written(job, now_boot_ns)) {
			step_stop(job);
			return SESSION_RUNNING;
		}
		/* Ending begins now, with all the time that it may take. */
		job->started_ns = now_boot_ns;
		job->tries = 0;
	}
	if (job->alive || counted)
		step_kill(job);
	if (now_boot_ns - job->started_ns > SESSION_LIMIT_NS) {
		(void)session_job_thaw(job);
		return SESSION_STUCK;
	}
	return SESSION_RUNNING;
}

static bool at_rest(struct session_job *job)
{
	for (uint32_t i = 0; i < job->scopes; i++) {
		bool rest = false;
		int r;

		if (!job->scope[i].frozen)
			continue;
		r = cgroup_at_rest(job->root_fd, job->scope[i].path, &rest);
		if (r != -ENOENT && (r < 0 || !rest))
			return false;
	}
	if (job_look(job) < 0)
		return false;
	job_report_ended(job);
	for (uint32_t i = 0; i < job->victims; i++)
		if (!job->victim[i].ended && job->victim[i].process.state != 'T' &&
		    !job_in_frozen_scope(job, &job->victim[i].process))
			return false;
	return true;
}

enum session_rest session_job_rest(struct session_job *job, uint64_t now_boot_ns)
{
	if (job->rests)
		return SESSION_RESTS;
	if (!at_rest(job) && now_boot_ns < job->started_ns + SESSION_REST_NS)
		return SESSION_MOVES;
	job->rests = true;
	return SESSION_RESTS_NOW;
}

bool session_job_written(struct session_job *job, uint64_t now_boot_ns)
{
	if (!job->asked_ns)
		job->asked_ns = now_boot_ns;
	if (!job->written)
		job->written =
			!job->report.written ||
			job->report.written(job, now_boot_ns - job->asked_ns, job->report.arg);
	return job->written;
}

int session_job_processes(const struct session_job *job, struct process **ret, uint32_t *ret_count)
{
	struct process *process = calloc((size_t)job->victims + 1, sizeof(*process));
	uint32_t count = 0;

	if (!process)
		return -ENOMEM;
	for (uint32_t i = 0; i < job->victims; i++)
		if (!job->victim[i].ended && process_runs(&job->victim[i].process))
			process[count++] = job->victim[i].process;
	*ret = process;
	*ret_count = count;
	return 0;
}

int session_job_thaw(struct session_job *job)
{
	int r = 0;

	for (uint32_t i = 0; i < job->scopes; i++) {
		int t = job_scope_thaw(job, &job->scope[i]);

		if (t < 0)
			r = t;
	}
	/* A process that its user had stopped before goes on as well: the two look alike. */
	if (job->action == ACTION_FREEZE && job_look(job) == 0)
		for (uint32_t i = 0; i < job->victims; i++)
			if (!job->victim[i].ended && job->victim[i].process.state == 'T')
				(void)process_signal(&job->victim[i].process, SIGCONT);
	return r;
}

void session_job_text(const struct session_job *job, char ret_text[IPC_TEXT_MAX])
{
	(void)snprintf(ret_text, IPC_TEXT_MAX, "%u processes ended, %u left%s%s", job->ended,
		       job->alive, job->freeze_failed ? ", a scope could not be frozen" : "",
		       job->ids.cut ? ", too many sessions inside it: some were left out" : "");
}

struct session_job *session_job_free(struct session_job *job)
{
	if (!job)
		return NULL;
	if (job->action == ACTION_TERMINATE)
		for (uint32_t i = 0; i < job->scopes; i++)
			(void)job_scope_thaw(job, &job->scope[i]);
	logind_free(job->logind);
	free(job->victim);
	free(job);
	return NULL;
}
