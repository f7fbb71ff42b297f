/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Locking an address out, and ending any lockout.
 *
 * The table entry comes first, then the connections are cut: the other way round one that was
 * just being made would slip in between.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "enforcer/lockouts/lockouts.h"

struct way_in {
	const struct limits *limits;
	const struct addr *net;
	uint64_t tag;
};

static int is_way_in(uint64_t tag, const struct bl_session *session, void *arg)
{
	struct way_in *way = arg;

	if (!limits_is_way_in(way->limits, session, way->net))
		return 0;
	way->tag = tag;
	return 1;
}

int lockouts_check_address(struct lockouts *lockouts, const struct lockout_wish *wish,
			   char text[IPC_TEXT_MAX])
{
	struct addr net = limits_net(&wish->subject);
	struct way_in way = { .limits = &lockouts->limits, .net = &net };
	int r;

	r = limits_address(&lockouts->limits, &net, wish->force, text);
	if (r || wish->force)
		return r;
	r = lockouts->backend.sessions(is_way_in, &way, lockouts->backend.arg);
	if (r < 0) {
		/* Not knowing who is logged in is no reason to lock root out. */
		(void)snprintf(text, IPC_TEXT_MAX,
			       "could not be checked against root's logins (%s)", strerror(-r));
		return OUTCOME_FAILED;
	}
	if (r == 0)
		return 0;
	(void)snprintf(text, IPC_TEXT_MAX,
		       "is the peer of session %llu, an active login of root or an exempt account",
		       (unsigned long long)way.tag);
	return OUTCOME_LAST_WAY_IN;
}

/* 0, or the limit that stands against one more. */
static int check_room(struct lockouts *lockouts, const struct lockout_wish *wish,
		      const struct ledger_entry *entry, uint64_t now, char text[IPC_TEXT_MAX])
{
	if (!entry && ledger_count(lockouts->ledger, SUBJECT_ADDRESS) >= lockouts->limits.max) {
		(void)snprintf(text, IPC_TEXT_MAX,
			       "would be one more than the %u addresses that may be locked out at "
			       "once (max_lockouts)",
			       lockouts->limits.max);
		return OUTCOME_LIMIT;
	}
	if (!wish->by_operator && !limits_rate(&lockouts->limits, now)) {
		text_copy(text, IPC_TEXT_MAX,
			  "would be one more than may be locked out in a minute "
			  "(lockouts_per_minute)");
		return OUTCOME_LIMIT;
	}
	return 0;
}

static int cut_all(struct lockouts *lockouts, uint64_t now, uint32_t *ret_cut)
{
	struct lockout_backend *backend = &lockouts->backend;
	int r;

	r = backend->cut(lockouts->to_cut, lockouts->to_cut_count, ret_cut, backend->arg);
	lockouts->to_cut_count = 0;
	lockouts->cut_boot_ns = now;
	return r;
}

uint64_t lockouts_cut_waiting(struct lockouts *lockouts, uint64_t now_boot_ns)
{
	uint64_t due = lockouts->cut_boot_ns + LOCKOUTS_CUT_NS;
	uint32_t cut = 0;
	int r;

	if (lockouts->to_cut_count == 0)
		return UINT64_MAX;
	if (now_boot_ns < due)
		return due;
	r = cut_all(lockouts, now_boot_ns, &cut);
	if (r < 0)
		log_error_errno(r, "connections of locked addresses could not be cut");
	else if (cut > 0)
		log_info("%u connections of locked addresses cut", cut);
	return UINT64_MAX;
}

/* Cuts the connections now, or puts it off; the outcome's text. */
static void cut_connections(struct lockouts *lockouts, const struct lockout_wish *wish,
			    uint64_t now, char text[IPC_TEXT_MAX])
{
	bool quiet = lockouts->to_cut_count == 0 && now >= lockouts->cut_boot_ns + LOCKOUTS_CUT_NS;
	uint32_t cut = 0;
	int r;

	lockouts->to_cut[lockouts->to_cut_count++] = limits_net(&wish->subject);
	if (!quiet && lockouts->to_cut_count < LOCKOUTS_CUT_MAX) {
		text_copy(text, IPC_TEXT_MAX, wish->reason);
		return;
	}
	r = cut_all(lockouts, now, &cut);
	if (r < 0)
		(void)snprintf(text, IPC_TEXT_MAX, "%.160s; its connections could not be cut: %s",
			       wish->reason, strerror(-r));
	else if (quiet && cut > 0)
		(void)snprintf(text, IPC_TEXT_MAX, "%.200s; %u of its connections cut",
			       wish->reason, cut);
	else
		text_copy(text, IPC_TEXT_MAX, wish->reason);
}

int lockouts_lock_address(struct lockouts *lockouts, const struct lockout_wish *wish,
			  uint64_t *ret_until, char text[IPC_TEXT_MAX])
{
	struct lockout_backend *backend = &lockouts->backend;
	struct ledger_entry *entry = ledger_get(lockouts->ledger, &wish->subject);
	uint64_t now = backend->boot_ns(backend->arg);
	uint64_t until = now + limits_length(&lockouts->limits, wish->seconds);
	struct lockout_item item = { .subject = wish->subject };
	int r;

	if (entry && entry->until_boot_ns >= until) {
		*ret_until = entry->until_boot_ns;
		(void)snprintf(text, IPC_TEXT_MAX, "%.200s; is locked out for longer already",
			       wish->reason);
		return OUTCOME_APPLIED;
	}
	r = check_room(lockouts, wish, entry, now, text);
	if (r)
		return r;
	/* What was refused so far goes on counting: it is the same lockout, made longer. */
	if (entry)
		(void)backend->get(&wish->subject, &item.lock, backend->arg);
	item.lock.expires_boot_ns = until;
	item.lock.locked_boot_ns = entry ? entry->locked_boot_ns : now;
	item.lock.decision = wish->decision;
	r = backend->put(&item, backend->arg);
	if (r >= 0 && !entry) {
		r = ledger_add(lockouts->ledger, &wish->subject, until, &entry);
		if (r < 0)
			(void)backend->remove(&wish->subject, backend->arg);
	}
	if (r < 0) {
		(void)snprintf(text, IPC_TEXT_MAX,
			       "could not be entered into the kernel's table: %s", strerror(-r));
		return OUTCOME_FAILED;
	}
	entry->locked_boot_ns = item.lock.locked_boot_ns;
	entry->decision = wish->decision;
	entry->action = ACTION_LOCK;
	ledger_until(lockouts->ledger, entry, until);
	entry->record = lockouts_write(lockouts, entry, STATE_LOCKED, wish->origin, wish->reason);
	cut_connections(lockouts, wish, now, text);
	*ret_until = until;
	return OUTCOME_APPLIED;
}

void lockouts_tell(struct lockouts *lockouts, const struct ipc_outcome *outcome)
{
	if (lockouts->fn)
		lockouts->fn(outcome, lockouts->arg);
}

int lockouts_end(struct lockouts *lockouts, struct ledger_entry *entry, enum outcome_result result,
		 const char *who, const char *text)
{
	struct lockout_backend *backend = &lockouts->backend;
	struct ipc_outcome outcome = {
		.subject = entry->subject,
		.action = result == OUTCOME_RELEASED ? ACTION_RELEASE : ACTION_EXPIRE,
		.result = result,
		.decision = entry->decision,
	};
	struct state_record record = {};
	struct bl_lock lock = {};
	uint64_t refused = 0;
	int r;

	if (entry->subject.kind == SUBJECT_ADDRESS) {
		if (backend->get(&entry->subject, &lock, backend->arg) == 0)
			outcome.refused = lock.refused;
		r = backend->remove(&entry->subject, backend->arg);
		if (r < 0 && result == OUTCOME_RELEASED)
			return r;
		/* A lapsed entry that stays in the kernel refuses nothing. */
		if (r < 0)
			log_warning_errno(r, "a lapsed lockout stays in the kernel's table");
	} else {
		r = lockouts_uncontain(lockouts, &entry->subject, &refused);
		outcome.refused = refused;
		if (r < 0 && result == OUTCOME_RELEASED)
			return r;
		if (r < 0)
			log_warning_errno(r, "a lapsed verdict stays in the kernel's table");
		if (entry->subject.kind == SUBJECT_SESSION)
			lockouts_end_session(lockouts, entry->subject.id);
	}
	if (state_read(lockouts->state, entry->record, &record) == 0) {
		if (entry->decision)
			text_copy(outcome.rule, sizeof(outcome.rule), record.origin);
		text_copy(outcome.text, sizeof(outcome.text), record.reason);
	}
	if (text)
		text_copy(outcome.text, sizeof(outcome.text), text);
	text_copy(outcome.who, sizeof(outcome.who), who ? who : "");
	/* An expiry is in the record of the lockout itself; the end of a session is not. */
	if (result == OUTCOME_RELEASED || entry->subject.kind == SUBJECT_SESSION)
		(void)lockouts_write(lockouts, entry, STATE_GONE, outcome.who, outcome.text);
	ledger_remove(lockouts->ledger, entry);
	lockouts_tell(lockouts, &outcome);
	return 0;
}
