/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An account: each login session that it has now is held or ended as a session of its own would be,
 * with the same checks, so that one that may not be touched stays and the others do not.
 *
 * Nothing is in force about the account itself: who logs in later is not refused. So it is in no
 * table and has no end; its sessions have both. One that was born inside another one is done with
 * that one, unless somebody logged in there from elsewhere (struct session_ids decides).
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "enforcer/lockouts.h"

#define USER_SESSIONS_MAX LOCKOUTS_JOBS_MAX

struct found {
	uint32_t uid;
	size_t count;
	bool cut; /* more than can be handled at once */
	uint64_t tag[USER_SESSIONS_MAX];
};

struct tally {
	size_t applied, observed, refused;
	int result; /* of the last refusal */
	char text[IPC_TEXT_MAX];
};

static int find(uint64_t tag, const struct bl_session *session, void *arg)
{
	struct found *found = arg;

	if (session->auid != found->uid)
		return 0;
	if (found->count == USER_SESSIONS_MAX)
		found->cut = true;
	else
		found->tag[found->count++] = tag;
	return 0;
}

/* A session that another one of the list takes along. */
static bool is_inside(struct lockouts *lockouts, const struct found *found, uint64_t tag)
{
	for (size_t i = 0; i < found->count; i++) {
		struct session_ids ids;

		if (found->tag[i] == tag || lockouts_session_ids(lockouts, found->tag[i], &ids) < 0)
			continue;
		for (uint32_t k = 0; k < ids.count; k++)
			if (ids.id[k].tag == tag)
				return true;
	}
	return false;
}

static void lock_one(struct lockouts *lockouts, const struct lockout_wish *wish, uint64_t tag,
		     struct tally *tally)
{
	struct lockout_wish one = *wish;
	struct ipc_outcome outcome = {
		.subject = { .kind = SUBJECT_SESSION, .id = tag },
		.action = wish->action,
		.decision = wish->decision,
	};
	uint64_t until = 0;

	one.subject = outcome.subject;
	outcome.result = (uint32_t)lockouts_apply(lockouts, &one, &until, outcome.text);
	outcome.until_boot_ns = until;
	text_copy(wish->by_operator ? outcome.who : outcome.rule,
		  wish->by_operator ? sizeof(outcome.who) : sizeof(outcome.rule), wish->origin);
	lockouts_tell(lockouts, &outcome);
	if (outcome.result == OUTCOME_APPLIED) {
		tally->applied++;
	} else if (outcome.result == OUTCOME_OBSERVED) {
		tally->observed++;
	} else {
		tally->refused++;
		tally->result = (int)outcome.result;
		text_copy(tally->text, sizeof(tally->text), outcome.text);
	}
}

int lockouts_lock_user(struct lockouts *lockouts, const struct lockout_wish *wish,
		       char text[IPC_TEXT_MAX])
{
	struct found found = { .uid = (uint32_t)wish->subject.id };
	struct tally tally = { .result = OUTCOME_FAILED };

	if (wish->subject.id == 0) {
		text_copy(text, IPC_TEXT_MAX, "is root, who is never locked out");
		return OUTCOME_LAST_WAY_IN;
	}
	if (wish->subject.id >= BL_UNSET) {
		text_copy(text, IPC_TEXT_MAX, "is no account");
		return OUTCOME_FAILED;
	}
	if (lockouts->backend.sessions(find, &found, lockouts->backend.arg) < 0) {
		text_copy(text, IPC_TEXT_MAX, "has sessions that could not be looked up");
		return OUTCOME_FAILED;
	}
	for (size_t i = 0; i < found.count; i++)
		if (!is_inside(lockouts, &found, found.tag[i]))
			lock_one(lockouts, wish, found.tag[i], &tally);
	if (tally.applied) {
		(void)snprintf(text, IPC_TEXT_MAX, "%zu of its %zu login sessions%s%s%.150s",
			       tally.applied, tally.applied + tally.refused,
			       found.cut ? " (there are more)" : "",
			       tally.refused ? "; one of the others " : "", tally.text);
		return OUTCOME_APPLIED;
	}
	if (tally.observed) {
		text_copy(text, IPC_TEXT_MAX, wish->reason);
		return OUTCOME_OBSERVED;
	}
	if (!tally.refused) {
		text_copy(text, IPC_TEXT_MAX, "has no login session now");
		return OUTCOME_FAILED;
	}
	(void)snprintf(text, IPC_TEXT_MAX, "has a login session that %.200s", tally.text);
	return tally.result;
}
