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
#include "enforcer/cgroups.h"
#include "enforcer/session.h"

#define LOGIND_LIMIT_NS (5 * NSEC_PER_SEC)
#define EMPTY_ROUNDS 2 /* one look at /proc can miss a process that a fork just made */

struct scope {
	char path[PROCESS_CGROUP_MAX];
	bool own; /* nobody else is in it */
	bool frozen;
	bool failed; /* tried once; the ladder goes on without */
};

struct victim {
	struct process process;
	char exe[SESSION_EXE_MAX];
	bool ended;
};

struct session_job {
	int root_fd;
	struct session_ids ids;
	enum action action;
	struct session_report report;
	struct scope scope[SESSION_SCOPES_MAX];
	uint32_t scopes;
	struct victim *victim;
	uint32_t victims;
	uint32_t victims_size;
	uint64_t unnamed; /* members beyond SESSION_VICTIMS_MAX, seen in the last look */
	uint32_t alive;
	uint32_t ended;
	uint32_t empty_rounds;
	uint64_t started_ns;
	bool freeze_failed;
	bool finishing; /* nothing is left but to hear from logind */
	uint64_t finishing_ns;
	struct logind_call *logind;
};

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

/* ---- scopes -------------------------------------------------------------------------------- */

static int stranger(pid_t pid, void *arg)
{
	const struct session_job *job = arg;
	struct process process;

	if (pid == 1 || pid == getpid())
		return 1;
	if (process_read(pid, &process) < 0)
		return 0;
	if (process.auid == BL_UNSET && process.audit_session == BL_UNSET)
		return 0;
	return !session_ids_match(&job->ids, &process);
}

static struct scope *scope_of(struct session_job *job, const struct process *process)
{
	char path[PROCESS_CGROUP_MAX];
	struct scope *scope;

	if (!session_scope(process->cgroup, path))
		return NULL;
	for (uint32_t i = 0; i < job->scopes; i++)
		if (!strcmp(job->scope[i].path, path))
			return &job->scope[i];
	if (job->scopes == SESSION_SCOPES_MAX)
		return NULL;
	scope = &job->scope[job->scopes++];
	*scope = (struct scope){};
	text_copy(scope->path, sizeof(scope->path), path);
	scope->own = cgroup_pids(job->root_fd, path, stranger, job) == 0;
	return scope;
}

/* true: it has just been frozen. */
static bool scope_freeze(struct session_job *job, struct scope *scope)
{
	bool still = true;

	if (!scope->own || scope->failed)
		return false;
	/* PID 1 of systemd 252 thaws a scope that somebody asks it to stop. */
	if (scope->frozen) {
		if (cgroup_is_frozen(job->root_fd, scope->path, &still) == 0 && !still)
			(void)cgroup_freeze(job->root_fd, scope->path, true);
		return false;
	}
	/* Written down first: should this process die now, the next one knows where to look. */
	if (job->report.frozen(job->ids.tag, scope->path, true, job->report.arg) < 0 ||
	    cgroup_freeze(job->root_fd, scope->path, true) < 0) {
		scope->failed = true;
		job->freeze_failed = true;
		return false;
	}
	scope->frozen = true;
	return true;
}

static int scope_thaw(struct session_job *job, struct scope *scope)
{
	int r;

	if (!scope->frozen)
		return 0;
	r = cgroup_freeze(job->root_fd, scope->path, false);
	if (r < 0 && r != -ENOENT)
		return r;
	scope->frozen = false;
	(void)job->report.frozen(job->ids.tag, scope->path, false, job->report.arg);
	return 0;
}

/* ---- members ------------------------------------------------------------------------------- */

static struct victim *victim_find(struct session_job *job, const struct process *process)
{
	for (uint32_t i = 0; i < job->victims; i++)
		if (job->victim[i].process.pid == process->pid &&
		    job->victim[i].process.start_ns == process->start_ns)
			return &job->victim[i];
	return NULL;
}

static int victim_add(struct session_job *job, const struct process *process)
{
	struct victim *victim = victim_find(job, process);

	if (victim) {
		victim->process = *process;
		return 0;
	}
	if (job->victims == SESSION_VICTIMS_MAX) {
		job->unnamed++;
		return 0;
	}
	if (job->victims == job->victims_size) {
		uint32_t size = job->victims_size ? job->victims_size * 2 : 32;
		struct victim *more = reallocarray(job->victim, size, sizeof(*more));

		if (!more)
			return -ENOMEM;
		job->victim = more;
		job->victims_size = size;
	}
	victim = &job->victim[job->victims++];
	*victim = (struct victim){ .process = *process };
	process_exe(process, victim->exe, sizeof(victim->exe));
	return 0;
}

static int member(const struct process *process, void *arg)
{
	struct session_job *job = arg;

	if (process->pid == 1 || process->pid == getpid() || !process_runs(process) ||
	    !session_ids_match(&job->ids, process))
		return 0;
	job->alive++;
	(void)scope_of(job, process);
	return victim_add(job, process);
}

static int scope_member(pid_t pid, void *arg)
{
	struct session_job *job = arg;
	struct process process;

	/* Those that the session's number names have been counted; here come the others. */
	if (pid == 1 || pid == getpid() || process_read(pid, &process) < 0 ||
	    !process_runs(&process) || session_ids_match(&job->ids, &process))
		return 0;
	job->alive++;
	return victim_add(job, &process);
}

static int look(struct session_job *job)
{
	int r;

	job->alive = 0;
	job->unnamed = 0;
	r = processes_each(false, member, job);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < job->scopes; i++) {
		if (!job->scope[i].own)
			continue;
		r = cgroup_pids(job->root_fd, job->scope[i].path, scope_member, job);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

static bool in_frozen_scope(const struct session_job *job, const struct process *process)
{
	char path[PROCESS_CGROUP_MAX];

	if (!session_scope(process->cgroup, path))
		return false;
	for (uint32_t i = 0; i < job->scopes; i++)
		if (job->scope[i].frozen && !strcmp(job->scope[i].path, path))
			return true;
	return false;
}

static void report_ended(struct session_job *job)
{
	for (uint32_t i = 0; i < job->victims; i++) {
		struct victim *victim = &job->victim[i];

		if (victim->ended || !process_ended(&victim->process))
			continue;
		victim->ended = true;
		job->ended++;
		if (job->action == ACTION_TERMINATE)
			job->report.ended(job->ids.tag, &victim->process, victim->exe,
					  job->report.arg);
	}
}

/* ---- the ladder ---------------------------------------------------------------------------- */

static void step_stop(struct session_job *job)
{
	for (uint32_t i = 0; i < job->victims; i++) {
		struct victim *victim = &job->victim[i];

		if (!victim->ended && victim->process.state != 'T' &&
		    !in_frozen_scope(job, &victim->process))
			(void)process_signal(&victim->process, SIGSTOP);
	}
}

static void step_kill(struct session_job *job)
{
	for (uint32_t i = 0; i < job->scopes; i++)
		if (job->scope[i].own)
			(void)cgroup_kill(job->root_fd, job->scope[i].path);
	/* Again one by one: what is outside, and all where there is no cgroup.kill. A second
	 * SIGKILL does nothing, and a frozen task of the v2 freezer dies of the first. */
	for (uint32_t i = 0; i < job->victims; i++)
		if (!job->victim[i].ended)
			(void)process_signal(&job->victim[i].process, SIGKILL);
}

static int finish(struct session_job *job, uint64_t now_boot_ns)
{
	int error, r;

	if (!job->finishing) {
		job->finishing = true;
		job->finishing_ns = now_boot_ns;
		for (uint32_t i = 0; i < job->scopes; i++) {
			char id[32];

			r = scope_thaw(job, &job->scope[i]);
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
	bool fresh;
	int r;

	if (job->finishing)
		return finish(job, now_boot_ns);
	if (!job->started_ns)
		job->started_ns = now_boot_ns;
	r = look(job);
	if (r < 0)
		return r;
	report_ended(job);
	fresh = false;
	for (uint32_t i = 0; i < job->scopes; i++)
		fresh |= scope_freeze(job, &job->scope[i]);
	/* What was born between the look and the freeze is seen, and named, only now. */
	r = fresh ? look(job) : 0;
	if (r < 0)
		return r;
	job->empty_rounds = job->alive ? 0 : job->empty_rounds + 1;
	if (job->empty_rounds >= EMPTY_ROUNDS)
		return finish(job, now_boot_ns);
	if (job->action != ACTION_TERMINATE) {
		step_stop(job);
		return SESSION_HELD;
	}
	if (job->alive)
		step_kill(job);
	if (now_boot_ns - job->started_ns > SESSION_LIMIT_NS) {
		(void)session_job_thaw(job);
		return SESSION_STUCK;
	}
	return SESSION_RUNNING;
}

int session_job_thaw(struct session_job *job)
{
	int r = 0;

	for (uint32_t i = 0; i < job->scopes; i++) {
		int t = scope_thaw(job, &job->scope[i]);

		if (t < 0)
			r = t;
	}
	/* A process that its user had stopped before goes on as well: the two look alike. */
	if (job->action != ACTION_TERMINATE && look(job) == 0)
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
			(void)scope_thaw(job, &job->scope[i]);
	logind_free(job->logind);
	free(job->victim);
	free(job);
	return NULL;
}
