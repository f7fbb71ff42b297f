/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stage 7, decision: the only place that says "lock". Pure: the same match, state and time give
 * the same decision.
 *
 * Exempt subjects get a decision with action OBSERVE that says why. A subject whose lockout is in
 * force gets none. Lockout length: the rule's, times factor for each earlier lockout, capped.
 * A user's decision is about the sessions that are there now: nothing stays in force that the next
 * match would repeat, so it is merely not said again within DECISION_USER_AGAIN_NS. The host is
 * only recorded.
 */
#ifndef ANALYST_DECISION_H
#define ANALYST_DECISION_H

#include <stdbool.h>
#include <stdint.h>

#include <bailiff/ipc.h>

#include "analyst/correlation/correlation.h"
#include "base/addr.h"
#include "base/buf.h"
#include "base/cleanup.h"

#define DECISION_EXEMPT_MAX 1024
#define DECISION_USER_AGAIN_NS (10ULL * 1000000000)
#define DECISION_SUBJECTS_MAX 65536 /* remembered lockouts, for escalation and against repeating */

struct decision {
	uint32_t number;
	struct ipc_subject subject;
	enum action action;
	enum trust trust;
	uint64_t at_ns;
	uint64_t seconds;
	uint32_t tries;
	bool partial;
	char user[IPC_USER_MAX]; /* subject USER: the account */
	char rule[IPC_RULE_MAX];
	char reason[IPC_TEXT_MAX];
};

struct decider;
int decider_new(struct decider **ret, const uint64_t seed[2]);
struct decider *decider_free(struct decider *decider);
DEFINE_CLEANUP(decider_free, struct decider *)

int decider_exempt(struct decider *decider, const struct addr *net, enum exempt_why why);
/* From the recorder's snapshot: so many lockouts before. */
void decider_restore(struct decider *decider, const struct ipc_subject *subject, uint32_t lockouts);

/* true: *ret is a decision to act on or to record. lost: events were lost since the last call. */
bool decider_decide(struct decider *decider, const struct match *match, bool lost, uint64_t now_ns,
		    struct decision *ret);
/* What bailiffd did with it: in force until, refused, expired, released. */
void decider_outcome(struct decider *decider, const struct ipc_outcome *outcome);

/* The object of `bailiffctl replay`, one line without newline. */
void decision_to_json(const struct decision *decision, int64_t boot_to_wall_ns, struct buf *out);

#endif
