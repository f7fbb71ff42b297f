/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Verdicts: what the tasks of a session or an account may not do, as the kernel's programs read it.
 *
 * A verdict is written before anything else happens to its subject, because it is one write and all
 * else takes looks at /proc; and it is never longer than the lockout that explains it.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "enforcer/lockouts/lockouts.h"

static bool may_have_one(const struct ipc_subject *subject)
{
	if (subject->kind == SUBJECT_SESSION)
		return subject->id != 0;
	/* Whatever went wrong before: never root, and no number that is no account. */
	return subject->kind == SUBJECT_USER && subject->id != 0 && subject->id < BL_UNSET;
}

uint32_t lockouts_verdict_flags(enum action action)
{
	return action == ACTION_FREEZE || action == ACTION_QUARANTINE
		       ? BL_VERDICT_ALL & ~(uint32_t)BL_VERDICT_FORK
		       : BL_VERDICT_ALL;
}

uint32_t lockouts_account_flags(const struct lockouts *lockouts)
{
	return lockouts_verdict_flags(lockouts->ladder == LADDER_TERMINATE ? ACTION_TERMINATE
									   : ACTION_FREEZE);
}

int lockouts_contain(struct lockouts *lockouts, const struct ipc_subject *subject, uint32_t flags,
		     uint64_t until_boot_ns, uint32_t decision)
{
	struct lockout_backend *backend = &lockouts->backend;
	struct bl_verdict verdict = {}, before;

	if (!may_have_one(subject) || flags & ~(uint32_t)BL_VERDICT_ALL)
		return -EINVAL;
	if (!backend->verdict_put)
		return -EOPNOTSUPP;
	verdict.locked_boot_ns = backend->boot_ns(backend->arg);
	/* What was refused so far goes on counting. */
	if (backend->verdict_get(subject, &before, backend->arg) == 0) {
		verdict.locked_boot_ns = before.locked_boot_ns;
		verdict.refused = before.refused;
	}
	verdict.expires_boot_ns = until_boot_ns;
	verdict.decision = decision;
	verdict.flags = flags;
	return backend->verdict_put(subject, &verdict, backend->arg);
}

int lockouts_uncontain(struct lockouts *lockouts, const struct ipc_subject *subject,
		       uint64_t *ret_refused)
{
	struct lockout_backend *backend = &lockouts->backend;
	struct bl_verdict verdict;

	if (!backend->verdict_put || !may_have_one(subject) ||
	    backend->verdict_get(subject, &verdict, backend->arg) < 0)
		return 0;
	if (ret_refused)
		*ret_refused = verdict.refused;
	return backend->verdict_remove(subject, backend->arg);
}

int lockouts_contained(struct lockouts *lockouts, const struct ipc_subject *subject,
		       struct bl_verdict *ret)
{
	struct lockout_backend *backend = &lockouts->backend;
	struct bl_verdict verdict;

	if (!backend->verdict_put || !may_have_one(subject) ||
	    backend->verdict_get(subject, &verdict, backend->arg) < 0 ||
	    verdict.expires_boot_ns <= backend->boot_ns(backend->arg))
		return -ENOENT;
	*ret = verdict;
	return 0;
}

/* ---- after a restart ---- */

struct unexplained {
	struct lockouts *lockouts;
	struct ipc_subject *subject;
	size_t count, size;
};

static int find_unexplained(const struct ipc_subject *subject, const struct bl_verdict *verdict,
			    void *arg)
{
	struct unexplained *found = arg;

	(void)verdict;
	if (ledger_get(found->lockouts->ledger, subject))
		return 0;
	if (found->count == found->size) {
		size_t size = found->size ? found->size * 2 : 64;
		struct ipc_subject *more = reallocarray(found->subject, size, sizeof(*more));

		if (!more)
			return -ENOMEM;
		found->subject = more;
		found->size = size;
	}
	found->subject[found->count++] = *subject;
	return 0;
}

void lockouts_restore_verdicts(struct lockouts *lockouts)
{
	struct lockout_backend *backend = &lockouts->backend;
	struct unexplained found = { .lockouts = lockouts };
	int r;

	if (!backend->verdict_each)
		return;
	r = backend->verdict_each(find_unexplained, &found, backend->arg);
	if (r < 0)
		log_warning_errno(r, "the kernel's table of verdicts could not be read");
	for (size_t i = 0; i < found.count; i++)
		(void)backend->verdict_remove(&found.subject[i], backend->arg);
	free(found.subject);
	for (uint32_t i = 0; i < ledger_total(lockouts->ledger); i++) {
		const struct ledger_entry *entry = ledger_at(lockouts->ledger, i);
		bool session = entry->subject.kind == SUBJECT_SESSION;
		uint32_t flags = session ? lockouts_verdict_flags((enum action)entry->action)
					 : lockouts_account_flags(lockouts);
		struct bl_verdict verdict;

		/* A session's says another step than the file if we died between the two; an
		 * account's is right, also if session_ladder is another one now. */
		if (entry->subject.kind == SUBJECT_ADDRESS ||
		    (lockouts_contained(lockouts, &entry->subject, &verdict) == 0 &&
		     (!session || verdict.flags == flags)))
			continue;
		r = lockouts_contain(lockouts, &entry->subject, flags, entry->until_boot_ns,
				     entry->decision);
		if (r < 0 && r != -EOPNOTSUPP)
			log_error_errno(r, "a lockout could not be put into force again");
	}
}
