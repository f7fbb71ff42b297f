/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lockouts: what the analyst decides and what an operator asks, checked, applied, ended.
 *
 * Every decision has exactly one outcome, and every lockout that was applied exactly one end.
 */
#include "enforcer/lockouts/lockouts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "enforcer/hooks/hooks.h"
#include "enforcer/session/cgroups.h"

/* ---- opening ---- */

void lockouts_conf(struct lockouts *lockouts, const struct conf *conf)
{
	limits_conf(&lockouts->limits, conf);
	lockouts->ladder = conf->session_ladder;
	lockouts->snapshot = conf->snapshot;
	lockouts->snapshot_max_bytes = conf->snapshot_max_bytes;
	lockouts->next_step_ns = conf->session_next_s * NSEC_PER_SEC;
	lockouts->operator_seconds = conf->operator_lockout_s;
	if (conf->mode == MODE_ENFORCE && lockouts->hooks_dry)
		log_warning("enforcing takes a restart: the lockout programs are not loaded");
	lockouts->mode = lockouts->hooks_dry ? MODE_OBSERVE : conf->mode;
	memset(lockouts->service, 0, sizeof(lockouts->service));
	for (size_t i = 0; i < conf->services && i < CONF_SERVICES_MAX; i++)
		text_copy(lockouts->service[i + 1], IPC_NAME_MAX, conf->service[i].name);
}

int lockouts_open_with(struct lockouts **ret, const struct conf *conf,
		       const struct lockout_backend *backend, bool dry, int cgroup_fd,
		       const uint8_t boot_id[STATE_BOOT_ID], outcome_fn fn, void *arg)
{
	_cleanup_(lockouts_freep) struct lockouts *lockouts = calloc(1, sizeof(*lockouts));
	uint64_t seed[2];
	int r;

	if (!lockouts)
		return -ENOMEM;
	lockouts->cgroup_fd = cgroup_fd < 0 ? -1 : fcntl(cgroup_fd, F_DUPFD_CLOEXEC, 3);
	lockouts->backend = *backend;
	lockouts->hooks_dry = dry;
	lockouts->fn = fn;
	lockouts->arg = arg;
	lockouts_conf(lockouts, conf);
	/* Nothing is in force in observe mode, so nothing is written down either. */
	lockouts->state_dir = dry ? NULL : strdup(conf->state_dir);
	if (!dry && !lockouts->state_dir)
		return -ENOMEM;
	if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		return -errno;
	r = ledger_new(&lockouts->ledger, BL_LOCK_MAX + BL_SESSIONS_MAX + BL_UIDS_MAX, seed);
	if (r < 0)
		return r;
	if (dry) {
		char message[IPC_TEXT_MAX];

		r = state_open(&lockouts->state, NULL, boot_id, message);
	} else {
		r = lockouts_restore(lockouts, boot_id);
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(lockouts);
	return 0;
}

/* "01234567-89ab-…" -> 16 bytes */
int lockouts_boot_id(uint8_t ret[STATE_BOOT_ID])
{
	_cleanup_free_ char *text = NULL;
	size_t len, digits = 0;
	int r;

	r = file_read("/proc/sys/kernel/random/boot_id", 64, &text, &len);
	if (r < 0)
		return r;
	memset(ret, 0, STATE_BOOT_ID);
	for (size_t i = 0; i < len && digits < 2 * STATE_BOOT_ID; i++) {
		static const char hex[] = "0123456789abcdef";
		const char *at = text[i] ? strchr(hex, text[i]) : NULL;

		if (!at)
			continue;
		ret[digits / 2] = (uint8_t)(ret[digits / 2] << 4 | (at - hex));
		digits++;
	}
	return digits == 2 * STATE_BOOT_ID ? 0 : -EINVAL;
}

int lockouts_open(struct lockouts **ret, const struct conf *conf, struct hooks *hooks,
		  outcome_fn fn, void *arg)
{
	struct lockout_backend backend = lockouts_kernel(hooks);
	_cleanup_close_ int cgroup = cgroup_open_root();
	uint8_t boot_id[STATE_BOOT_ID];
	int r;

	r = lockouts_boot_id(boot_id);
	if (r < 0)
		return r;
	return lockouts_open_with(ret, conf, &backend, !hooks || hooks->dry, cgroup, boot_id, fn,
				  arg);
}

struct lockouts *lockouts_free(struct lockouts *lockouts)
{
	if (!lockouts)
		return NULL;
	for (size_t i = 0; i < lockouts->jobs; i++)
		session_job_free(lockouts->job[i]);
	lockouts->jobs = 0;
	lockouts_reap_copies(lockouts);
	if (lockouts->state)
		(void)state_sync(lockouts->state, lockouts->backend.boot_ns(lockouts->backend.arg),
				 true);
	state_free(lockouts->state);
	ledger_free(lockouts->ledger);
	limits_done(&lockouts->limits);
	base_closep(&lockouts->cgroup_fd);
	free(lockouts->state_dir);
	free(lockouts);
	return NULL;
}

struct newly_exempt {
	struct ipc_subject subject[LOCKOUTS_EXPIRE_MAX];
	size_t count;
};

static void find_newly_exempt(struct lockouts *lockouts, struct newly_exempt *ret)
{
	ret->count = 0;
	for (uint32_t i = 0; i < ledger_total(lockouts->ledger); i++) {
		const struct ledger_entry *entry = ledger_at(lockouts->ledger, i);
		struct addr net = limits_net(&entry->subject);
		char text[IPC_TEXT_MAX];

		/* What an operator locked by force stays. */
		if (entry->subject.kind != SUBJECT_ADDRESS || !entry->decision ||
		    !limits_address(&lockouts->limits, &net, false, text))
			continue;
		ret->subject[ret->count++] = entry->subject;
		if (ret->count == ARRAY_SIZE(ret->subject))
			return;
	}
}

int lockouts_exempt(struct lockouts *lockouts, const struct exempt_net *nets, size_t count)
{
	_cleanup_free_ struct newly_exempt *found = malloc(sizeof(*found));
	int r = found ? limits_exempt(&lockouts->limits, nets, count) : -ENOMEM;
	bool all;

	if (r < 0)
		return r;
	/* Addresses that became this host's, a gateway's or exempt while they were locked out. */
	do {
		find_newly_exempt(lockouts, found);
		all = found->count < ARRAY_SIZE(found->subject);
		for (size_t i = 0; i < found->count; i++) {
			struct ledger_entry *entry =
				ledger_get(lockouts->ledger, &found->subject[i]);

			r = lockouts_end(lockouts, entry, OUTCOME_RELEASED, "bailiffd",
					 "is exempt now");
			if (r < 0)
				return r;
		}
	} while (!all);
	return 0;
}

/* ---- deciding ---- */

int lockouts_apply(struct lockouts *lockouts, const struct lockout_wish *wish, uint64_t *ret_until,
		   char text[IPC_TEXT_MAX])
{
	bool lock = wish->action == ACTION_LOCK;
	bool step = wish->action == ACTION_QUARANTINE || wish->action == ACTION_FREEZE ||
		    wish->action == ACTION_TERMINATE;
	int r;

	switch ((enum subject_kind)wish->subject.kind) {
	case SUBJECT_ADDRESS:
		if (!lock)
			break;
		r = lockouts_check_address(lockouts, wish, text);
		if (r)
			return r;
		if (lockouts->mode == MODE_OBSERVE)
			goto observed;
		return lockouts_lock_address(lockouts, wish, ret_until, text);
	case SUBJECT_SESSION:
		if (!lock && !step)
			break;
		r = lockouts_check_session(lockouts, wish, text);
		if (r)
			return r;
		if (lockouts->mode == MODE_OBSERVE)
			goto observed;
		return lockouts_lock_session(lockouts, wish, ret_until, text);
	case SUBJECT_USER:
		if (!lock && !step)
			break;
		return lockouts_lock_user(lockouts, wish, ret_until, text);
	case SUBJECT_HOST:
	case SUBJECT_NONE:
	case SUBJECT_MAX:
		break;
	}
	text_copy(text, IPC_TEXT_MAX, "cannot be done to this kind of subject in this version");
	return OUTCOME_FAILED;
observed:
	text_copy(text, IPC_TEXT_MAX, wish->reason);
	return OUTCOME_OBSERVED;
}

int lockouts_decide(struct lockouts *lockouts, const struct ipc_decision *decision,
		    struct ipc_outcome *ret)
{
	struct lockout_wish wish = {
		.action = decision->action,
		.seconds = decision->seconds,
		.decision = decision->decision,
	};
	struct ipc_outcome outcome = {
		.action = decision->action,
		.result = OUTCOME_FAILED,
		.decision = decision->decision,
	};
	uint64_t until = 0;

	/* Texts of a process that reads attackers' text: cut, ended, never a format. */
	text_copy_len(outcome.rule, sizeof(outcome.rule), decision->rule,
		      strnlen(decision->rule, sizeof(decision->rule)));
	text_copy_len(wish.reason, sizeof(wish.reason), decision->reason,
		      strnlen(decision->reason, sizeof(decision->reason)));
	text_copy(wish.origin, sizeof(wish.origin), outcome.rule);
	if (decision->action == 0 || decision->action >= ACTION_MAX ||
	    limits_subject(&decision->subject, &wish.subject) < 0) {
		outcome.action = ACTION_OBSERVE;
		text_copy(outcome.text, sizeof(outcome.text),
			  "the decision is malformed: no such action, or nothing that can be "
			  "locked out");
		*ret = outcome;
		return 0;
	}
	outcome.subject = wish.subject;
	if (decision->action == ACTION_OBSERVE) {
		outcome.result = OUTCOME_OBSERVED;
		text_copy(outcome.text, sizeof(outcome.text), wish.reason);
	} else if (decision->decision == 0 || decision->seconds == 0) {
		text_copy(outcome.text, sizeof(outcome.text),
			  "the decision is malformed: its number or its length is 0");
	} else {
		outcome.result = (uint32_t)lockouts_apply(lockouts, &wish, &until, outcome.text);
		outcome.until_boot_ns = until;
		if (outcome.result == OUTCOME_APPLIED)
			outcome.action = lockouts_step_taken(lockouts, &wish);
	}
	lockouts->refused_limit += outcome.result == OUTCOME_LIMIT ||
				   outcome.result == OUTCOME_EXEMPT ||
				   outcome.result == OUTCOME_LAST_WAY_IN;
	*ret = outcome;
	return 0;
}

/* ---- ticking ---- */

static uint64_t expire(struct lockouts *lockouts, uint64_t now)
{
	for (int i = 0; i < LOCKOUTS_EXPIRE_MAX; i++) {
		struct ledger_entry *entry = ledger_first(lockouts->ledger);

		if (!entry)
			return UINT64_MAX;
		if (entry->until_boot_ns > now)
			return entry->until_boot_ns;
		/* Ending a session takes its own time: what still runs is then let go. */
		(void)lockouts_end(lockouts, entry, OUTCOME_EXPIRED, NULL, NULL);
	}
	return now;
}

uint64_t lockouts_tick(struct lockouts *lockouts, uint64_t now_boot_ns)
{
	uint64_t sessions = lockouts_step_sessions(lockouts, now_boot_ns);
	uint64_t next = expire(lockouts, now_boot_ns);
	uint64_t cut = lockouts_cut_waiting(lockouts, now_boot_ns);

	lockouts_save(lockouts, now_boot_ns);
	if (cut < next)
		next = cut;
	return sessions < next ? sessions : next;
}

void lockouts_status(const struct lockouts *lockouts, struct ipc_status *status)
{
	status->lockouts_address = ledger_count(lockouts->ledger, SUBJECT_ADDRESS);
	status->lockouts_session = ledger_count(lockouts->ledger, SUBJECT_SESSION);
	status->lockouts_user = ledger_count(lockouts->ledger, SUBJECT_USER);
	status->refused_limit = lockouts->refused_limit;
}
