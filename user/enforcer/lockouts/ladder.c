/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ladder of a locked session: quarantine, freeze, terminate.
 *
 * A rule, or time, takes a session up and never down; an operator can hold it where it is, and thaw
 * it, which holds it too, since the next step would only freeze it again. What an operator holds
 * moves only if an operator says so. Every step is written down and told as an outcome of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "enforcer/lockouts/lockouts.h"

_Static_assert(ACTION_QUARANTINE < ACTION_FREEZE && ACTION_FREEZE < ACTION_TERMINATE,
	       "steps are in order");

uint32_t lockouts_step_pack(const struct ledger_entry *entry)
{
	uint64_t seconds = 0;

	if (entry->subject.kind != SUBJECT_SESSION)
		return 0;
	if (entry->step_boot_ns > entry->locked_boot_ns)
		seconds = (entry->step_boot_ns - entry->locked_boot_ns) / NSEC_PER_SEC;
	if (seconds >= STATE_HELD)
		seconds = STATE_HELD - 1;
	return (uint32_t)seconds | (entry->held ? STATE_HELD : 0);
}

void lockouts_step_unpack(struct ledger_entry *entry, uint32_t step)
{
	entry->held = step & STATE_HELD;
	entry->step_boot_ns = entry->locked_boot_ns + (uint64_t)(step & ~STATE_HELD) * NSEC_PER_SEC;
}

uint64_t lockouts_next_step(const struct lockouts *lockouts, const struct ledger_entry *entry,
			    enum action *ret_step)
{
	if (entry->subject.kind != SUBJECT_SESSION || !lockouts->next_step_ns || entry->held ||
	    (entry->action != ACTION_QUARANTINE && entry->action != ACTION_FREEZE))
		return 0;
	*ret_step = entry->action == ACTION_QUARANTINE ? ACTION_FREEZE : ACTION_TERMINATE;
	return entry->step_boot_ns + lockouts->next_step_ns;
}

enum action lockouts_step_taken(const struct lockouts *lockouts, const struct lockout_wish *wish)
{
	const struct ledger_entry *entry = ledger_get(lockouts->ledger, &wish->subject);

	if (wish->subject.kind != SUBJECT_SESSION || wish->action == ACTION_LOCK || !entry)
		return wish->action;
	return (enum action)entry->action;
}

/* Written down with the words of the lockout itself, and told with those of the step. */
static void note(struct lockouts *lockouts, struct ledger_entry *entry, const char *who,
		 enum outcome_result result, const char *text)
{
	struct ipc_outcome outcome = {
		.subject = entry->subject,
		.action = entry->action,
		.result = result,
		.decision = entry->decision,
		.until_boot_ns = entry->until_boot_ns,
	};
	struct state_record record;

	if (state_read(lockouts->state, entry->record, &record) < 0)
		record = (struct state_record){};
	if (entry->decision)
		text_copy(outcome.rule, sizeof(outcome.rule), record.origin);
	text_copy(outcome.who, sizeof(outcome.who), who);
	text_copy(outcome.text, sizeof(outcome.text), text);
	entry->record = lockouts_write(lockouts, entry, STATE_LOCKED, record.origin, record.reason);
	lockouts_tell(lockouts, &outcome);
}

void lockouts_climb(struct lockouts *lockouts, uint64_t now_boot_ns)
{
	struct ipc_subject due[LOCKOUTS_JOBS_MAX];
	char text[IPC_TEXT_MAX], time[CLOCK_TEXT_MAX];
	size_t count = 0;

	if (!lockouts->next_step_ns)
		return;
	/* First all that are due: a step replaces jobs. Each locked session has one. */
	for (size_t i = 0; i < lockouts->jobs; i++) {
		struct ipc_subject subject = { .kind = SUBJECT_SESSION };
		const struct ledger_entry *entry;
		enum action step;
		uint64_t at;

		subject.id = session_job_tag(lockouts->job[i]);
		entry = ledger_get(lockouts->ledger, &subject);
		at = entry ? lockouts_next_step(lockouts, entry, &step) : 0;
		/* Over at the same time: then it is over. */
		if (at && at <= now_boot_ns && entry->until_boot_ns > now_boot_ns)
			due[count++] = subject;
	}
	duration_format(lockouts->next_step_ns / NSEC_PER_SEC, time);
	for (size_t i = 0; i < count; i++) {
		struct ledger_entry *entry = ledger_get(lockouts->ledger, &due[i]);
		enum action step;
		int r;

		if (!entry || !lockouts_next_step(lockouts, entry, &step))
			continue;
		r = lockouts_step_session(lockouts, entry, step);
		if (r < 0) {
			/* Tried again after as long a time. */
			entry->step_boot_ns = now_boot_ns;
			log_warning_errno(r, "session %llu: its next step could not be taken",
					  (unsigned long long)due[i].id);
			continue;
		}
		(void)snprintf(text, sizeof(text), "next step after %s (session_next)", time);
		note(lockouts, entry, "", OUTCOME_APPLIED, text);
	}
}

int lockouts_hold(struct lockouts *lockouts, struct ledger_entry *entry, const char *who,
		  char text[IPC_TEXT_MAX])
{
	uint64_t now = lockouts->backend.boot_ns(lockouts->backend.arg);
	uint64_t until = now + lockouts->limits.longest_ns;
	struct bl_verdict verdict;
	char time[CLOCK_TEXT_MAX];
	int r;

	if (entry->action == ACTION_TERMINATE) {
		text_copy(text, IPC_TEXT_MAX, "is being ended; that cannot be held");
		return -EBUSY;
	}
	if (until < entry->until_boot_ns)
		until = entry->until_boot_ns;
	/* Not let go by the clock either, as far as a lockout may last at all. */
	if (entry->action == ACTION_QUARANTINE ||
	    lockouts_contained(lockouts, &entry->subject, &verdict) == 0) {
		r = lockouts_contain(lockouts, &entry->subject,
				     lockouts_verdict_flags((enum action)entry->action), until,
				     entry->decision);
		if (r < 0) {
			(void)snprintf(text, IPC_TEXT_MAX, "cannot be held: the kernel's table: %s",
				       strerror(-r));
			return r;
		}
	}
	ledger_until(lockouts->ledger, entry, until);
	entry->held = true;
	duration_format((until - now) / NSEC_PER_SEC, time);
	(void)snprintf(text, IPC_TEXT_MAX, "is held in %s, at most for %s",
		       entry->action == ACTION_FREEZE ? "the freezer" : "quarantine", time);
	note(lockouts, entry, who, OUTCOME_APPLIED, text);
	return 0;
}

int lockouts_thaw(struct lockouts *lockouts, struct ledger_entry *entry, const char *who,
		  char text[IPC_TEXT_MAX])
{
	int r;

	if (entry->action != ACTION_FREEZE) {
		(void)snprintf(text, IPC_TEXT_MAX, "is not frozen: it %s",
			       entry->action == ACTION_TERMINATE ? "is being ended"
								 : "is in quarantine");
		return -EINVAL;
	}
	r = lockouts_step_session(lockouts, entry, ACTION_QUARANTINE);
	if (r == -EOPNOTSUPP) {
		text_copy(text, IPC_TEXT_MAX,
			  "stays frozen, as this kernel cannot keep it in quarantine; release lets "
			  "it go");
		return r;
	}
	if (r < 0) {
		(void)snprintf(text, IPC_TEXT_MAX,
			       "stays frozen, as it could not be thawed into quarantine: %s",
			       strerror(-r));
		return r;
	}
	entry->held = true;
	text_copy(text, IPC_TEXT_MAX, "is thawed and held in quarantine");
	note(lockouts, entry, who, OUTCOME_APPLIED, text);
	return 0;
}
