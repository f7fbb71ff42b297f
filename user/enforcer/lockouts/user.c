/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An account. Each login session that it has now is held or ended as a session of its own would be,
 * with the same checks, so that one that may not be touched stays and the others do not. One that
 * was born inside another one is done with that one, unless somebody logged in there from elsewhere
 * (struct session_ids decides).
 *
 * Locked out, the account has a verdict in the kernel too, which contains whatever runs under its
 * uid or its login and refuses who logs in next; that is in force until its end, listed, and
 * written down. To freeze or terminate a user is about the sessions only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "enforcer/lockouts/accounts.h"
#include "enforcer/lockouts/lockouts.h"

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
	if (outcome.result == OUTCOME_APPLIED)
		outcome.action = lockouts_step_taken(lockouts, &one);
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

static bool is_exempt(uint32_t uid, void *arg)
{
	const struct lockouts *lockouts = arg;

	for (size_t i = 0; i < lockouts->limits.exempt_uids; i++)
		if (lockouts->limits.exempt_uid[i] == uid)
			return true;
	return false;
}

static bool is_locked(uint32_t uid, void *arg)
{
	const struct lockouts *lockouts = arg;
	const struct ipc_subject subject = { .kind = SUBJECT_USER, .id = uid };

	return ledger_get(lockouts->ledger, &subject) != NULL;
}

/* Why the account may not be locked out, or 0. */
static int check_account(struct lockouts *lockouts, const struct lockout_wish *wish,
			 char text[IPC_TEXT_MAX])
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct accounts_ask ask = {
		.root_fd = root,
		.uid = (uint32_t)wish->subject.id,
		.exempt = is_exempt,
		.locked = is_locked,
		.arg = lockouts,
	};
	struct process asking;
	int r;

	r = limits_user(&lockouts->limits, wish->subject.id, true, wish->force, text);
	if (r)
		return r;
	if (!wish->force && wish->peer_pid > 0 && process_read(wish->peer_pid, &asking) == 0 &&
	    asking.auid == wish->subject.id) {
		text_copy(text, IPC_TEXT_MAX, "is the one that you are logged in as");
		return OUTCOME_LAST_WAY_IN;
	}
	r = accounts_other_admin(&ask);
	if (r < 0)
		log_warning_errno(r, "administrators cannot be looked up");
	return limits_user(&lockouts->limits, wish->subject.id, r > 0, wish->force, text);
}

static int failed(int error, char text[IPC_TEXT_MAX])
{
	(void)snprintf(text, IPC_TEXT_MAX, "could not be entered into the kernel's table: %s",
		       strerror(-error));
	return error == -ENOSPC ? OUTCOME_LIMIT : OUTCOME_FAILED;
}

/* The account's own lockout. 0; -EOPNOTSUPP: this kernel cannot; an enum outcome_result with
 * text. */
static int lock_account(struct lockouts *lockouts, const struct lockout_wish *wish,
			uint64_t *ret_until, char text[IPC_TEXT_MAX])
{
	struct ledger_entry *entry = ledger_get(lockouts->ledger, &wish->subject);
	uint64_t now = lockouts->backend.boot_ns(lockouts->backend.arg);
	uint64_t until = now + limits_length(&lockouts->limits, wish->seconds);
	int r;

	if (!wish->by_operator && !limits_rate(&lockouts->limits, now)) {
		text_copy(text, IPC_TEXT_MAX,
			  "would be one more than may be locked out in a minute");
		return OUTCOME_LIMIT;
	}
	if (entry && entry->until_boot_ns > until)
		until = entry->until_boot_ns;
	r = lockouts_contain(lockouts, &wish->subject, lockouts_account_flags(lockouts), until,
			     wish->decision);
	if (r == -EOPNOTSUPP)
		return r;
	if (r < 0)
		return failed(r, text);
	if (!entry) {
		r = ledger_add(lockouts->ledger, &wish->subject, until, &entry);
		if (r < 0) {
			(void)lockouts_uncontain(lockouts, &wish->subject, NULL);
			return failed(r, text);
		}
		entry->locked_boot_ns = now;
	}
	entry->decision = wish->decision;
	entry->action = ACTION_LOCK;
	ledger_until(lockouts->ledger, entry, until);
	entry->record = lockouts_write(lockouts, entry, STATE_LOCKED, wish->origin, wish->reason);
	*ret_until = until;
	return 0;
}

/* What became of its sessions, where the account itself is locked out. */
static void sessions_text(const struct found *found, const struct tally *tally, const char *reason,
			  char text[IPC_TEXT_MAX])
{
	if (!tally->applied && !tally->refused) {
		(void)snprintf(text, IPC_TEXT_MAX, "%.150s%sit has no login session now", reason,
			       reason[0] ? "; " : "");
		return;
	}
	(void)snprintf(text, IPC_TEXT_MAX, "%.80s%s%zu of its %zu login sessions%s%s%.80s", reason,
		       reason[0] ? "; " : "", tally->applied, tally->applied + tally->refused,
		       found->cut ? " (there are more)" : "",
		       tally->refused ? "; one of the others " : "", tally->text);
}

int lockouts_lock_user(struct lockouts *lockouts, const struct lockout_wish *wish,
		       uint64_t *ret_until, char text[IPC_TEXT_MAX])
{
	struct found found = { .uid = (uint32_t)wish->subject.id };
	bool account = wish->action == ACTION_LOCK;
	struct tally tally = { .result = OUTCOME_FAILED };
	int r;

	/* Who is exempt is told of each session, where only those are meant. */
	if (account || wish->subject.id == 0 || wish->subject.id >= BL_UNSET) {
		r = check_account(lockouts, wish, text);
		if (r)
			return r;
	}
	if (account && lockouts->mode != MODE_OBSERVE) {
		r = lock_account(lockouts, wish, ret_until, text);
		if (r > 0)
			return r;
		account = r == 0;
	} else if (account) {
		text_copy(text, IPC_TEXT_MAX, wish->reason);
		return OUTCOME_OBSERVED;
	}
	if (lockouts->backend.sessions(find, &found, lockouts->backend.arg) < 0) {
		text_copy(text, IPC_TEXT_MAX, "has sessions that could not be looked up");
		return account ? OUTCOME_APPLIED : OUTCOME_FAILED;
	}
	for (size_t i = 0; i < found.count; i++)
		if (!is_inside(lockouts, &found, found.tag[i]))
			lock_one(lockouts, wish, found.tag[i], &tally);
	if (account) {
		sessions_text(&found, &tally, wish->reason, text);
		return OUTCOME_APPLIED;
	}
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

void lockouts_release_sessions(struct lockouts *lockouts, const struct ledger_entry *user,
			       const char *who)
{
	struct found found = { .uid = (uint32_t)user->subject.id };
	uint32_t decision = user->decision;

	if (lockouts->backend.sessions(find, &found, lockouts->backend.arg) < 0)
		return;
	for (size_t i = 0; i < found.count; i++) {
		struct ipc_subject subject = { .kind = SUBJECT_SESSION, .id = found.tag[i] };
		struct ledger_entry *entry = ledger_get(lockouts->ledger, &subject);

		/* What is being ended is past a release. */
		if (entry && entry->decision == decision && entry->action != ACTION_TERMINATE)
			(void)lockouts_end(lockouts, entry, OUTCOME_RELEASED, who, NULL);
	}
}
