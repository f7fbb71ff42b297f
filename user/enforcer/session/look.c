/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who of a session is alive, and which scopes are its own.
 *
 * A scope counts as the session's own only if nobody else's process is in it. What has once been
 * seen is remembered until its end is told, so that the record names every process.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "enforcer/session/cgroups.h"
#include "enforcer/session/job.h"

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

static struct session_scope_state *scope_of(struct session_job *job, const struct process *process)
{
	char path[PROCESS_CGROUP_MAX];
	struct session_scope_state *scope;

	if (!session_scope(process->cgroup, path))
		return NULL;
	for (uint32_t i = 0; i < job->scopes; i++)
		if (!strcmp(job->scope[i].path, path))
			return &job->scope[i];
	if (job->scopes == SESSION_SCOPES_MAX)
		return NULL;
	scope = &job->scope[job->scopes++];
	*scope = (struct session_scope_state){};
	text_copy(scope->path, sizeof(scope->path), path);
	scope->own = cgroup_may_freeze(job->root_fd, path) &&
		     cgroup_pids(job->root_fd, path, stranger, job) == 0;
	return scope;
}

/* true: it has just been frozen. */
bool job_scope_freeze(struct session_job *job, struct session_scope_state *scope)
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

int job_scope_thaw(struct session_job *job, struct session_scope_state *scope)
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

static struct session_victim *victim_find(struct session_job *job, const struct process *process)
{
	for (uint32_t i = 0; i < job->victims; i++)
		if (job->victim[i].process.pid == process->pid &&
		    job->victim[i].process.start_ns == process->start_ns)
			return &job->victim[i];
	return NULL;
}

static int victim_add(struct session_job *job, const struct process *process)
{
	struct session_victim *victim = victim_find(job, process);

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
		struct session_victim *more = reallocarray(job->victim, size, sizeof(*more));

		if (!more)
			return -ENOMEM;
		job->victim = more;
		job->victims_size = size;
	}
	victim = &job->victim[job->victims++];
	*victim = (struct session_victim){ .process = *process };
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

int job_look(struct session_job *job)
{
	bool populated = false;
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
		/* Nested too deep to be looked through is not the same as empty. */
		if (r == -ELOOP)
			job->alive++;
		else if (r < 0 && r != -ENOENT)
			return r;
		/* Something that is never there when one looks, but always born again. */
		if (job->alive == 0 &&
		    cgroup_is_populated(job->root_fd, job->scope[i].path, &populated) == 0)
			job->alive += populated;
	}
	return 0;
}

bool job_in_frozen_scope(const struct session_job *job, const struct process *process)
{
	char path[PROCESS_CGROUP_MAX];

	if (!session_scope(process->cgroup, path))
		return false;
	for (uint32_t i = 0; i < job->scopes; i++)
		if (job->scope[i].frozen && !strcmp(job->scope[i].path, path))
			return true;
	return false;
}

void job_report_ended(struct session_job *job)
{
	for (uint32_t i = 0; i < job->victims; i++) {
		struct session_victim *victim = &job->victim[i];

		if (victim->ended || !process_ended(&victim->process))
			continue;
		victim->ended = true;
		job->ended++;
		if (job->action == ACTION_TERMINATE)
			job->report.ended(job->ids.tag, &victim->process, victim->exe,
					  job->report.arg);
	}
}
