/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Turns a match into a decision, or into silence.
 *
 * What is remembered of a subject: until when it is locked out (decided here, corrected by what
 * bailiffd reports) and how often it was. bailiffd checks exemption again: this check gives the
 * administrator the reason, that one gives the guarantee.
 */
#include "analyst/decision/decision.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bailiff/words.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/table.h"

struct exemption {
	struct addr net;
	enum exempt_why why;
};

struct lockout_memory {
	uint64_t until_ns;
	uint32_t lockouts;
	uint32_t last; /* decision number */
};

struct decider {
	struct exemption exempt[DECISION_EXEMPT_MAX];
	unsigned int exempts;
	struct table *subjects;
	uint32_t number;
};

static const char *const exempt_why_names[] = {
	[EXEMPT_CONFIGURED] = "exempt by configuration",
	[EXEMPT_LOOPBACK] = "loopback",
	[EXEMPT_OWN] = "this host's own address",
	[EXEMPT_GATEWAY] = "the gateway",
};
_Static_assert(sizeof(exempt_why_names) / sizeof(exempt_why_names[0]) == EXEMPT_WHY_MAX, "names");

int decider_new(struct decider **ret, const uint64_t seed[2])
{
	_cleanup_(decider_freep) struct decider *d = NULL;
	int r;

	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	r = table_new(&d->subjects, sizeof(struct ipc_subject), sizeof(struct lockout_memory),
		      DECISION_SUBJECTS_MAX, seed);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(d);
	return 0;
}

struct decider *decider_free(struct decider *d)
{
	if (!d)
		return NULL;
	table_free(d->subjects);
	free(d);
	return NULL;
}

int decider_exempt(struct decider *d, const struct addr *net, enum exempt_why why)
{
	for (unsigned int i = 0; i < d->exempts; i++)
		if (addr_equal(&d->exempt[i].net, net))
			return 0;
	if (d->exempts == DECISION_EXEMPT_MAX)
		return -E2BIG;
	d->exempt[d->exempts++] = (struct exemption){ .net = *net, .why = why };
	return 0;
}

void decider_restore(struct decider *d, const struct ipc_subject *subject, uint32_t lockouts)
{
	struct lockout_memory *memory;
	void *value;

	(void)table_put(d->subjects, subject, &value);
	memory = value;
	memory->lockouts = lockouts;
}

/* Overlap, not containment: a /64 that holds one exempt address must not be locked out either. */
static const struct exemption *exempt_find(const struct decider *d,
					   const struct ipc_subject *subject)
{
	struct addr net = { .family = subject->family, .prefix = subject->prefix };

	memcpy(net.bytes, subject->addr, sizeof(net.bytes));
	for (unsigned int i = 0; i < d->exempts; i++) {
		const struct exemption *e = &d->exempt[i];
		uint8_t prefix = e->net.prefix < net.prefix ? e->net.prefix : net.prefix;
		struct addr a, b;

		if (e->net.family != net.family)
			continue;
		a = addr_mask(&e->net, prefix);
		b = addr_mask(&net, prefix);
		if (!memcmp(a.bytes, b.bytes, sizeof(a.bytes)))
			return e;
	}
	return NULL;
}

static uint64_t lockout_length(const struct rule *rule, uint32_t lockouts)
{
	uint64_t seconds = rule->lockout_s;

	for (uint32_t i = 0; i < lockouts && seconds < rule->longest_s && rule->factor > 1; i++)
		seconds *= rule->factor;
	return seconds < rule->longest_s ? seconds : rule->longest_s;
}

/* Behind len bytes of it; cut where it ends. Returns its new length. */
static size_t reason_add(struct decision *decision, size_t len, const char *text)
{
	const size_t room = sizeof(decision->reason) - 1 - len, wanted = strlen(text);
	const size_t taken = wanted < room ? wanted : room;

	memcpy(decision->reason + len, text, taken);
	decision->reason[len + taken] = '\0';
	return len + taken;
}

static void reason_write(struct decision *decision, const struct match *match,
			 const struct exemption *exempt)
{
	char within[CLOCK_TEXT_MAX], net[ADDR_TEXT_MAX], because[ADDR_TEXT_MAX + 64] = "";
	char whose[IPC_USER_MAX + 16] = "";
	const char *shortcoming = rule_shortcoming(match->rule);
	size_t len;

	duration_format((match->at_ns - match->first_ns) / NSEC_PER_SEC, within);
	if (exempt) {
		addr_format(&exempt->net, net);
		(void)snprintf(because, sizeof(because), "; not locked out: %s (%s)",
			       exempt_why_names[exempt->why], net);
	} else if (shortcoming) {
		(void)snprintf(because, sizeof(because), "; %s", shortcoming);
	}
	if (match->subject.kind == SUBJECT_USER)
		(void)snprintf(whose, sizeof(whose), " of user %s", match->user);
	if (match->signal) {
		(void)snprintf(decision->reason, sizeof(decision->reason),
			       "%.150s%s%s (rule %.60s)%s", match->signal,
			       match->tries > 1 ? "; the last of several within " : "",
			       match->tries > 1 ? within : "", match->rule->id, because);
		return;
	}
	len = (size_t)snprintf(decision->reason, sizeof(decision->reason), "%u", match->tries);
	/* Piece by piece: a long format takes longer than all the rest of the decision. */
	len = reason_add(decision, len, match->tries == 1 ? " failed try" : " failed tries");
	len = reason_add(decision, len, whose);
	len = reason_add(decision, len, " within ");
	len = reason_add(decision, len, within);
	len = reason_add(decision, len, ", ");
	len = reason_add(decision, len, bl_word_trust(match->trust));
	if (match->accepted)
		len = reason_add(decision, len, ", accepted as configured, no witness");
	len = reason_add(decision, len, " (rule ");
	len = reason_add(decision, len, match->rule->id);
	len = reason_add(decision, len, ")");
	(void)reason_add(decision, len, because);
}

bool decider_decide(struct decider *d, const struct match *match, bool lost, uint64_t now_ns,
		    struct decision *ret)
{
	const struct exemption *exempt = NULL;
	struct lockout_memory *memory;
	struct decision decision = {
		.subject = match->subject,
		.action = match->rule->action,
		.trust = match->trust,
		.at_ns = now_ns,
		.tries = match->signal ? 0 : match->tries,
		.partial = lost,
	};
	void *value;

	(void)table_put(d->subjects, &match->subject, &value);
	memory = value;
	if (now_ns < memory->until_ns)
		return false;

	if (match->subject.kind == SUBJECT_ADDRESS)
		exempt = exempt_find(d, &match->subject);
	if (exempt || match->subject.kind == SUBJECT_HOST)
		decision.action = ACTION_OBSERVE;
	if (match->subject.kind == SUBJECT_USER) {
		memory->until_ns = now_ns + DECISION_USER_AGAIN_NS;
		text_copy(decision.user, sizeof(decision.user), match->user);
	}
	if (decision.action != ACTION_OBSERVE && match->subject.kind == SUBJECT_USER) {
		decision.seconds = match->rule->lockout_s;
	} else if (decision.action != ACTION_OBSERVE) {
		decision.seconds = lockout_length(match->rule, memory->lockouts);
		memory->until_ns = now_ns + decision.seconds * NSEC_PER_SEC;
		memory->lockouts++;
	}
	decision.number = ++d->number;
	memory->last = decision.number;
	text_copy(decision.rule, sizeof(decision.rule), match->rule->id);
	reason_write(&decision, match, exempt);
	*ret = decision;
	return true;
}

void decider_outcome(struct decider *d, const struct ipc_outcome *outcome)
{
	struct lockout_memory *memory = table_get(d->subjects, &outcome->subject);
	void *value;

	if (!memory) {
		if (outcome->result != OUTCOME_APPLIED || outcome->action == ACTION_RELEASE)
			return;
		(void)table_put(d->subjects, &outcome->subject, &value);
		memory = value;
	}
	switch ((enum outcome_result)outcome->result) {
	case OUTCOME_APPLIED:
		if (outcome->until_boot_ns)
			memory->until_ns = outcome->until_boot_ns;
		break;
	case OUTCOME_EXEMPT:
	case OUTCOME_LAST_WAY_IN:
	case OUTCOME_LIMIT:
	case OUTCOME_FAILED:
		/* It is not locked out: the next match decides anew, at the same length. */
		memory->until_ns = 0;
		if (memory->lockouts && outcome->decision == memory->last)
			memory->lockouts--;
		break;
	case OUTCOME_RELEASED:
		/* An operator said it was wrong: it does not lengthen the next one. */
		memory->until_ns = 0;
		if (memory->lockouts)
			memory->lockouts--;
		break;
	case OUTCOME_EXPIRED:
		memory->until_ns = 0;
		break;
	case OUTCOME_OBSERVED:
	case OUTCOME_PROCESS_ENDED:
	case OUTCOME_RESULT_MAX:
		break;
	}
}

static void subject_to_json(struct json_writer *w, const struct ipc_subject *subject)
{
	char text[ADDR_TEXT_MAX];

	json_object(w, "subject");
	switch ((enum subject_kind)subject->kind) {
	case SUBJECT_ADDRESS: {
		struct addr addr = { .family = subject->family, .prefix = subject->prefix };

		memcpy(addr.bytes, subject->addr, sizeof(addr.bytes));
		addr_format(&addr, text);
		json_string(w, "kind", "address");
		json_string(w, "value", text);
		break;
	}
	case SUBJECT_SESSION:
		(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)subject->id);
		json_string(w, "kind", "session");
		json_string(w, "value", text);
		break;
	case SUBJECT_USER:
		(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)subject->id);
		json_string(w, "kind", "user");
		json_string(w, "value", text);
		break;
	case SUBJECT_HOST:
	case SUBJECT_NONE:
	case SUBJECT_MAX:
		json_string(w, "kind", "host");
		json_string(w, "value", "");
		break;
	}
	json_end_object(w);
}

void decision_to_json(const struct decision *decision, int64_t boot_to_wall_ns, struct buf *out)
{
	uint64_t at = decision->at_ns + (uint64_t)boot_to_wall_ns;
	char text[CLOCK_TEXT_MAX];
	struct json_writer w;

	json_begin(&w, out);
	json_object(&w, NULL);
	clock_format(at, text);
	json_string(&w, "@timestamp", text);
	json_string(&w, "action", bl_word_action(decision->action));
	subject_to_json(&w, &decision->subject);
	if (decision->seconds) {
		clock_format(at + decision->seconds * NSEC_PER_SEC, text);
		json_string(&w, "until", text);
	} else {
		json_null(&w, "until");
	}
	json_string(&w, "rule", decision->rule);
	json_null(&w, "score");
	json_string(&w, "trust", bl_word_trust(decision->trust));
	json_bool(&w, "partial", decision->partial);
	json_array(&w, "reasons");
	json_string(&w, NULL, decision->reason);
	json_end_array(&w);
	json_end_object(&w);
}
