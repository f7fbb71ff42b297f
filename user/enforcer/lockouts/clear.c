/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * --clear: nothing that bailiff ever held is left behind.
 *
 * From the file alone, because the maps and the process that knew more are gone: scopes that were
 * frozen are thawed, processes that were stopped one by one go on.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "enforcer/lockouts/lockouts.h"
#include "enforcer/session/cgroups.h"

struct held {
	int cgroup;
	size_t count;
	struct {
		uint64_t tag;
		uint32_t auid;
		uint32_t audit_session;
	} session[LOCKOUTS_JOBS_MAX];
};

static void session_record(struct held *held, const struct state_record *record)
{
	size_t i = 0;

	while (i < held->count && held->session[i].tag != record->subject.id)
		i++;
	/* In quarantine what is stopped was stopped by its user. */
	if (record->kind == STATE_GONE ||
	    (record->kind == STATE_LOCKED && record->action == ACTION_QUARANTINE)) {
		if (i < held->count)
			held->session[i] = held->session[--held->count];
		return;
	}
	if (i == LOCKOUTS_JOBS_MAX)
		return;
	held->session[i].tag = record->subject.id;
	held->session[i].auid = record->auid;
	held->session[i].audit_session = record->audit_session;
	if (i == held->count)
		held->count++;
}

static int thaw_record(const struct state_record *record, uint32_t number, void *arg)
{
	struct held *held = arg;
	bool frozen;

	(void)number;
	/* More than are frozen now: a thaw of what is not frozen does nothing. */
	if (record->kind == STATE_FROZEN) {
		if (held->cgroup >= 0 &&
		    cgroup_is_frozen(held->cgroup, record->reason, &frozen) == 0 && frozen)
			(void)cgroup_freeze(held->cgroup, record->reason, false);
	} else if (record->subject.kind == SUBJECT_SESSION && record->kind != STATE_THAWED) {
		session_record(held, record);
	}
	return 0;
}

static int continue_process(const struct process *process, void *arg)
{
	const struct held *held = arg;

	if (process->state != 'T' || process->auid == BL_UNSET ||
	    process->audit_session == BL_UNSET)
		return 0;
	for (size_t i = 0; i < held->count; i++)
		if (held->session[i].audit_session == process->audit_session &&
		    held->session[i].auid == process->auid)
			(void)process_signal(process, SIGCONT);
	return 0;
}

int lockouts_clear(const struct conf *conf)
{
	_cleanup_close_ int cgroup = cgroup_open_root();
	_cleanup_(state_freep) struct state *state = NULL;
	struct held held = { .cgroup = cgroup };
	uint8_t boot_id[STATE_BOOT_ID];
	char message[IPC_TEXT_MAX];
	int r;

	if (access(conf->state_dir, F_OK) < 0)
		return errno == ENOENT ? 0 : -errno;
	r = lockouts_boot_id(boot_id);
	if (r < 0)
		return r;
	/* Of an earlier boot: then nothing of it is frozen, and its numbers mean others now. */
	r = state_open(&state, conf->state_dir, boot_id, message);
	if (r == STATE_SAME_BOOT && state_each(state, thaw_record, &held) == 0)
		(void)processes_each(false, continue_process, &held);
	return state_remove(conf->state_dir);
}
