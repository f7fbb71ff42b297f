/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions after a restart: each locked one has a job again, each frozen scope an owner or is
 * thawed.
 *
 * A scope is written down before it is frozen and after it was thawed (lockouts/session.c), so the
 * file knows every one that may stand still.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "enforcer/lockouts/lockouts.h"
#include "enforcer/session/cgroups.h"

struct scopes {
	size_t count;
	struct {
		uint64_t tag;
		char path[PROCESS_CGROUP_MAX];
		bool frozen;
	} scope[LOCKOUTS_JOBS_MAX * SESSION_SCOPES_MAX];
};

static int scope_record(const struct state_record *record, uint32_t number, void *arg)
{
	struct scopes *scopes = arg;
	size_t i;

	(void)number;
	if (record->kind != STATE_FROZEN && record->kind != STATE_THAWED)
		return 0;
	for (i = 0; i < scopes->count; i++)
		if (!strcmp(scopes->scope[i].path, record->reason))
			break;
	if (i == ARRAY_SIZE(scopes->scope))
		return 0;
	if (i == scopes->count) {
		text_copy(scopes->scope[i].path, PROCESS_CGROUP_MAX, record->reason);
		scopes->count++;
	}
	scopes->scope[i].tag = record->subject.id;
	scopes->scope[i].frozen = record->kind == STATE_FROZEN;
	return 0;
}

/* The session of a restored lockout, if it is the same: numbers begin anew when the maps do. */
static bool same_session(struct lockouts *lockouts, const struct ledger_entry *entry)
{
	struct lockout_backend *backend = &lockouts->backend;
	struct bl_session session;

	return backend->session(entry->subject.id, &session, backend->arg) == 0 &&
	       session.born_boot_ns <= entry->locked_boot_ns;
}

static void restore_one(struct lockouts *lockouts, struct ledger_entry *entry,
			struct scopes *scopes)
{
	struct session_ids ids = { .tag = entry->subject.id };
	struct session_job *job;
	bool known = same_session(lockouts, entry), frozen = false;

	for (size_t i = 0; i < scopes->count; i++)
		frozen |= scopes->scope[i].frozen && scopes->scope[i].tag == ids.tag;
	if (known && lockouts_session_ids(lockouts, ids.tag, &ids) < 0)
		known = false;
	/* We died between the freeze and the record of that step: it was taken. */
	if (frozen && entry->action == ACTION_QUARANTINE) {
		entry->action = ACTION_FREEZE;
		entry->step_boot_ns = lockouts->backend.boot_ns(lockouts->backend.arg);
	}
	/* A scope that is still frozen is enough to go on with what is in it. */
	if ((!known && !frozen) ||
	    lockouts_job_start(lockouts, &ids, (enum action)entry->action, &job) < 0) {
		ledger_remove(lockouts->ledger, entry);
		return;
	}
	for (size_t i = 0; i < scopes->count; i++) {
		if (!scopes->scope[i].frozen || scopes->scope[i].tag != ids.tag ||
		    session_job_adopt(job, scopes->scope[i].path) < 0)
			continue;
		scopes->scope[i].frozen = false; /* it has an owner again */
	}
}

void lockouts_restore_sessions(struct lockouts *lockouts)
{
	_cleanup_free_ struct scopes *scopes = calloc(1, sizeof(*scopes));
	uint32_t i = 0;

	if (!scopes || state_each(lockouts->state, scope_record, scopes) < 0) {
		log_error("scopes that may be frozen could not be looked up");
		return;
	}
	while (i < ledger_total(lockouts->ledger)) {
		struct ledger_entry *entry = ledger_at(lockouts->ledger, i);
		uint32_t total = ledger_total(lockouts->ledger);

		if (entry->subject.kind == SUBJECT_SESSION)
			restore_one(lockouts, entry, scopes);
		/* An entry that was removed leaves another one in its place. */
		if (ledger_total(lockouts->ledger) == total)
			i++;
		else
			i = 0;
	}
	for (size_t k = 0; k < scopes->count; k++) {
		if (!scopes->scope[k].frozen)
			continue;
		log_warning("%s had been left frozen and is thawed", scopes->scope[k].path);
		(void)cgroup_freeze(lockouts->cgroup_fd, scopes->scope[k].path, false);
	}
}
