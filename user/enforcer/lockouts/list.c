/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lists: lockouts in force, sessions that exist.
 *
 * Made on demand from the kernel's tables and /proc, so what is shown is what is.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "enforcer/lockouts/lockouts.h"
#include "enforcer/session/type.h"

int lockouts_each(struct lockouts *lockouts, lockout_fn fn, void *arg)
{
	struct lockout_backend *backend = &lockouts->backend;
	uint64_t now = backend->boot_ns(backend->arg), wall = backend->wall_ns(backend->arg);

	for (uint32_t i = 0; i < ledger_total(lockouts->ledger); i++) {
		const struct ledger_entry *entry = ledger_at(lockouts->ledger, i);
		struct control_lockout lockout = {
			.subject = entry->subject,
			.locked_wall_ns = wall - (now - entry->locked_boot_ns),
			.until_wall_ns = wall + (entry->until_boot_ns - now),
			.decision = entry->decision,
			.action = entry->action,
		};
		struct state_record record;
		struct bl_verdict verdict;
		enum action next = ACTION_OBSERVE;
		struct bl_lock lock;
		uint64_t at;
		int r;

		if (entry->until_boot_ns <= now)
			continue;
		if (entry->subject.kind == SUBJECT_ADDRESS &&
		    backend->get(&entry->subject, &lock, backend->arg) == 0)
			lockout.refused = lock.refused;
		else if (lockouts_contained(lockouts, &entry->subject, &verdict) == 0)
			lockout.refused = verdict.refused;
		at = lockouts_next_step(lockouts, entry, &next);
		if (at) {
			lockout.next_wall_ns = wall + (at - now);
			lockout.next = next;
		}
		lockout.held = entry->held;
		if (state_read(lockouts->state, entry->record, &record) == 0) {
			if (entry->decision)
				text_copy(lockout.rule, sizeof(lockout.rule), record.origin);
			else
				text_copy(lockout.who, sizeof(lockout.who), record.origin);
			text_copy(lockout.reason, sizeof(lockout.reason), record.reason);
		}
		r = fn(&lockout, arg);
		if (r)
			return r;
	}
	return 0;
}

/* ---- sessions ---- */

struct list {
	struct lockouts *lockouts;
	uint64_t now, wall;
	struct control_session *listed;
	size_t count, size;
};

static int list_session(uint64_t tag, const struct bl_session *session, void *arg)
{
	struct list *list = arg;
	struct lockouts *lockouts = list->lockouts;
	struct ipc_subject subject = { .kind = SUBJECT_SESSION, .id = tag };
	const struct ledger_entry *entry = ledger_get(lockouts->ledger, &subject);
	struct control_session *to;

	if (list->count == list->size) {
		size_t size = list->size ? list->size * 2 : 64;
		struct control_session *more = reallocarray(list->listed, size, sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->listed = more;
		list->size = size;
	}
	to = &list->listed[list->count++];
	*to = (struct control_session){
		.session = tag,
		.born_wall_ns = list->wall - (list->now - session->born_boot_ns),
		.parent_session = session->parent_session,
		.auid = session->auid,
		.audit_session = session->audit_session,
		.leader_pid = session->leader_pid,
		.locked = entry ? entry->action : 0,
		.flags = session->flags,
		.type = session_type_look(session),
		.end = session->end,
	};
	if (session->service <= CONF_SERVICES_MAX)
		text_copy(to->service, sizeof(to->service), lockouts->service[session->service]);
	return 0;
}

static int count_process(const struct process *process, void *arg)
{
	struct list *list = arg;

	if (!process_runs(process) || process->audit_session == BL_UNSET)
		return 0;
	for (size_t i = 0; i < list->count; i++)
		if (list->listed[i].audit_session == process->audit_session &&
		    list->listed[i].auid == process->auid)
			list->listed[i].processes++;
	return 0;
}

bool lockouts_user_name(uint32_t uid, char *ret, size_t size)
{
	char buffer[4096];
	struct passwd entry, *found = NULL;

	if (getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) != 0 || !found ||
	    strlen(found->pw_name) >= size)
		return false;
	text_copy(ret, size, found->pw_name);
	return true;
}

int sessions_each(struct lockouts *lockouts, session_fn fn, void *arg)
{
	struct lockout_backend *backend = &lockouts->backend;
	struct list list = {
		.lockouts = lockouts,
		.now = backend->boot_ns(backend->arg),
		.wall = backend->wall_ns(backend->arg),
	};
	int r;

	r = backend->sessions(list_session, &list, backend->arg);
	if (r >= 0)
		r = processes_each(false, count_process, &list);
	for (size_t i = 0; r == 0 && i < list.count; i++) {
		struct control_session *session = &list.listed[i];

		if (!lockouts_user_name(session->auid, session->user, sizeof(session->user)))
			(void)snprintf(session->user, sizeof(session->user), "%u", session->auid);
		r = fn(session, arg);
	}
	free(list.listed);
	return r;
}
