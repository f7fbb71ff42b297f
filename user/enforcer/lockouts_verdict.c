/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Verdicts: what the tasks of a session or an account may not do, as the kernel's programs read it.
 *
 * A verdict is written before anything else happens to its subject, because it is one write and all
 * else takes looks at /proc; and it is never longer than the lockout that explains it.
 */
#include <errno.h>

#include "enforcer/lockouts.h"

static bool may_have_one(const struct ipc_subject *subject)
{
	if (subject->kind == SUBJECT_SESSION)
		return subject->id != 0;
	/* Whatever went wrong before: never root, and no number that is no account. */
	return subject->kind == SUBJECT_USER && subject->id != 0 && subject->id < BL_UNSET;
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
