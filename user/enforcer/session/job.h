/* SPDX-License-Identifier: GPL-2.0-only */
/* A session's job from inside; private to session/job.c and session/look.c. */
#ifndef ENFORCER_SESSION_JOB_H
#define ENFORCER_SESSION_JOB_H

#include "enforcer/session/session.h"

struct session_scope_state {
	char path[PROCESS_CGROUP_MAX];
	bool own; /* nobody else is in it, and it may be frozen */
	bool frozen;
	bool failed; /* tried once; the ladder goes on without */
};

struct session_victim {
	struct process process;
	char exe[SESSION_EXE_MAX];
	bool ended;
};

struct session_job {
	int root_fd;
	struct session_ids ids;
	enum action action;
	struct session_report report;
	struct session_scope_state scope[SESSION_SCOPES_MAX];
	uint32_t scopes;
	struct session_victim *victim;
	uint32_t victims;
	uint32_t victims_size;
	uint64_t unnamed; /* members beyond SESSION_VICTIMS_MAX, seen in the last look */
	uint32_t alive;
	uint32_t ended;
	uint32_t empty_rounds;
	uint32_t tries; /* steps that had to stop or kill one by one */
	uint64_t started_ns;
	bool rests;
	bool written;
	uint64_t asked_ns; /* when report.written first was */
	bool freeze_failed;
	bool finishing; /* nothing is left but to hear from logind */
	uint64_t finishing_ns;
	struct logind_call *logind;
};

/* true: it has just been frozen. */
bool job_scope_freeze(struct session_job *job, struct session_scope_state *scope);
int job_scope_thaw(struct session_job *job, struct session_scope_state *scope);
/* Who is alive now: job->alive, new victims, new scopes. */
int job_look(struct session_job *job);
bool job_in_frozen_scope(const struct session_job *job, const struct process *process);
/* Tells of the victims that are gone since the last time. */
void job_report_ended(struct session_job *job);

#endif
