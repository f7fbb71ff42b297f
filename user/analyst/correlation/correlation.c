/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The last times per (rule, subject). The count is exact within the window, to 17 ms: times are
 * kept in units of 2^24 ns since the first one seen, so that 32 of them cost 128 bytes and a full
 * table of 65,536 pairs 16 MB.
 */
#include "analyst/correlation/correlation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "analyst/correlation/about.h"
#include "base/table.h"

#define TICK_SHIFT 24

struct pair_key {
	struct ipc_subject subject;
	uint32_t rule;
	uint32_t pad;
};

struct pair {
	/* First, for they lie in the same cache line as the key. */
	uint8_t count;
	uint8_t trust; /* weakest since there was no time */
	uint16_t spared; /* times that it was not evicted since its last try */
	/* Ticks since base, the oldest first. They are moved up, not round in a ring: nearly all
	 * pairs have one or two, and those then lie in that cache line too. */
	uint32_t time[RULE_FAILURES_MAX];
};

struct correlation {
	const struct rule_set *rules;
	struct about_memo about;
	struct table *pairs;
	uint64_t base_ns;
	uint32_t spares; /* pairs that may be spared now */
	bool begun;
	bool counted[RULES_MAX]; /* by this rule something was: there may be pairs of it */
};

_Static_assert(RULE_FAILURES_MAX <= UINT8_MAX && TRUST_MAX <= UINT8_MAX, "count and trust hold it");

int correlation_new(struct correlation **ret, const struct rule_set *rules, const uint64_t seed[2])
{
	_cleanup_(correlation_freep) struct correlation *c = NULL;
	int r;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->rules = rules;
	r = table_new(&c->pairs, sizeof(struct pair_key), sizeof(struct pair),
		      CORRELATION_SUBJECTS_MAX, seed);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

struct correlation *correlation_free(struct correlation *c)
{
	if (!c)
		return NULL;
	table_free(c->pairs);
	free(c);
	return NULL;
}

/* What a rule counts is what a lockout would refuse: a whole IPv6 /64, which is one subscriber. */
static bool subject_counted(const struct rule *rule, const struct attempt *attempt,
			    const struct attempt_names *names, struct ipc_subject *ret)
{
	if (rule->subject == SUBJECT_HOST) {
		*ret = (struct ipc_subject){ .kind = SUBJECT_HOST };
		return true;
	}
	if (rule->subject == SUBJECT_USER) {
		if (!names->has_uid || attempt->guessed)
			return false;
		*ret = (struct ipc_subject){ .kind = SUBJECT_USER, .id = names->uid };
		return true;
	}
	if (rule->subject == SUBJECT_SESSION) {
		if (!attempt->session)
			return false;
		*ret = (struct ipc_subject){ .kind = SUBJECT_SESSION, .id = attempt->session };
		return true;
	}
	if (attempt->subject.kind != SUBJECT_ADDRESS)
		return false;
	*ret = attempt->subject;
	if (ret->family == AF_INET6) {
		ret->prefix = 64;
		memset(ret->addr + 8, 0, 8);
	}
	return true;
}

static uint32_t ticks_since_base(struct correlation *c, uint64_t at_ns)
{
	if (!c->begun) {
		c->begun = true;
		c->base_ns = at_ns;
	}
	if (at_ns < c->base_ns)
		return 0;
	at_ns = (at_ns - c->base_ns) >> TICK_SHIFT;
	return at_ns > UINT32_MAX ? UINT32_MAX : (uint32_t)at_ns;
}

static void pair_shift(struct pair *pair, unsigned int old)
{
	pair->count = (uint8_t)(pair->count - old);
	memmove(pair->time, pair->time + old, pair->count * sizeof(pair->time[0]));
}

static void pair_drop_old(struct pair *pair, uint32_t now, uint32_t window)
{
	unsigned int old = 0;

	while (old < pair->count && now > pair->time[old] && now - pair->time[old] > window)
		old++;
	if (old)
		pair_shift(pair, old);
}

static void pair_push(struct pair *pair, uint32_t now)
{
	if (pair->count == RULE_FAILURES_MAX)
		pair_shift(pair, 1);
	pair->time[pair->count++] = now;
}

static uint32_t window_ticks(const struct rule *rule)
{
	uint64_t window = rule->window_ns >> TICK_SHIFT;

	return window > UINT32_MAX ? UINT32_MAX : (uint32_t)window;
}

/* Worth more than a stranger's single try: once for each further one that still counts. */
static bool pair_deserves(const struct correlation *c, const struct pair_key *key,
			  const struct pair *pair, uint32_t now)
{
	uint32_t newest;

	if (pair->count < 2 || pair->spared >= pair->count - 1)
		return false;
	newest = pair->time[pair->count - 1];
	return now <= newest || now - newest <= window_ticks(&c->rules->rule[key->rule]);
}

/*
 * Before a pair may take the place of the least recently used one: who tries slowly, but again and
 * again, outlives a crowd of strangers with one try each. Each new pair earns one sparing and each
 * sparing costs one, so that a table full of those who deserve it still turns over, at half the
 * speed, and a newcomer has half its length to try again. CORRELATION_SPARES_MAX at once: those who
 * try at the same time lie side by side.
 */
static void room_make(struct correlation *c, uint32_t now)
{
	const void *oldest;
	void *value;

	if (table_count(c->pairs) < CORRELATION_SUBJECTS_MAX)
		return;
	while (c->spares && table_oldest(c->pairs, &oldest, &value)) {
		struct pair *pair = value;

		if (!pair_deserves(c, oldest, pair, now))
			return;
		pair->spared++;
		c->spares--;
		(void)table_get(c->pairs, oldest);
	}
}

static struct pair *pair_count(struct correlation *c, unsigned int rule,
			       const struct ipc_subject *subject, uint32_t tries, enum trust trust,
			       uint64_t at_ns)
{
	const struct rule *counted = &c->rules->rule[rule];
	struct pair_key key = { .subject = *subject, .rule = rule };
	uint32_t now = ticks_since_base(c, at_ns);
	struct pair *pair;
	void *value;

	c->counted[rule] = true;
	room_make(c, now);
	if (table_put(c->pairs, &key, &value) != TABLE_FOUND && c->spares < CORRELATION_SPARES_MAX)
		c->spares++;
	pair = value;
	pair->spared = 0;
	pair_drop_old(pair, now, window_ticks(counted));
	if (!pair->count || trust < pair->trust)
		pair->trust = (uint8_t)trust;
	for (uint32_t i = 0; i < tries && i < RULE_FAILURES_MAX; i++)
		pair_push(pair, now);
	return pair;
}

static void pair_match(const struct correlation *c, struct pair *pair, struct match *match,
		       match_fn fn, void *arg)
{
	if (pair->count < match->rule->failures)
		return;
	match->tries = pair->count;
	match->first_ns = c->base_ns + ((uint64_t)pair->time[0] << TICK_SHIFT);
	match->trust = (enum trust)pair->trust;
	match->accepted = match->trust < match->rule->trust;
	pair->count = 0;
	fn(match, arg);
}

/* An accepted claim stands where an attested one would; it is no witness. */
static bool trust_reaches(const struct rule *rule, enum trust trust, bool accepted)
{
	return trust >= rule->trust || (accepted && rule->trust <= TRUST_ATTESTED);
}

/* Of a rule that is about it; 0: it takes nothing of it. */
static uint32_t tries_for(const struct rule *rule, const struct attempt *attempt,
			  const struct attempt_names *names)
{
	if (!trust_reaches(rule, attempt->trust, attempt->accepted))
		return 0;
	for (uint32_t i = 0; i < attempt->told_count; i++) {
		const struct told_names *told = &names->told[i];
		const struct about_names about = { .service = told->service,
						   .source = told->source,
						   .filter = told->filter };

		if (trust_reaches(rule, told->trust, told->accepted) && rule_is_about(rule, &about))
			return attempt->tries;
	}
	return attempt->tries + attempt->again;
}

void correlation_attempt(struct correlation *c, const struct attempt *attempt,
			 const struct attempt_names *names, match_fn fn, void *arg)
{
	const struct about_names about = { .service = attempt->service_name,
					   .source = names->source,
					   .filter = names->filter };
	const struct about *rules;

	if (!attempt->tries && !attempt->again)
		return;
	rules = about_find(&c->about, c->rules, attempt->filter + attempt->source, &about);
	for (unsigned int n = 0; n < rules->count; n++) {
		const unsigned int i = rules->rule[n];
		const struct rule *rule = &c->rules->rule[i];
		const uint32_t tries = tries_for(rule, attempt, names);
		struct match match;
		struct pair *pair;

		if (!tries)
			continue;
		match = (struct match){ .rule = rule, .at_ns = attempt->at_ns };
		if (!subject_counted(rule, attempt, names, &match.subject))
			continue;
		pair = pair_count(c, i, &match.subject, tries, attempt->trust, attempt->at_ns);
		match.user = rule->subject == SUBJECT_USER ? attempt->user : "";
		pair_match(c, pair, &match, fn, arg);
	}
}

void correlation_signal(struct correlation *c, const struct signal *signal, match_fn fn, void *arg)
{
	for (unsigned int i = 0; i < c->rules->count; i++) {
		const struct rule *rule = &c->rules->rule[i];
		struct match match = {
			.rule = rule, .at_ns = signal->at_ns, .user = "", .signal = signal->text
		};
		struct pair *pair;

		if (!(rule->signals & 1U << signal->what) ||
		    (rule->subject == SUBJECT_SESSION && !signal->session))
			continue;
		match.subject.kind = (__u8)rule->subject;
		match.subject.id = rule->subject == SUBJECT_SESSION ? signal->session : 0;
		pair = pair_count(c, i, &match.subject, 1, TRUST_WITNESSED, signal->at_ns);
		pair_match(c, pair, &match, fn, arg);
	}
}

void correlation_forget(struct correlation *c, const struct ipc_subject *subject)
{
	struct pair_key key = { .subject = *subject };

	for (key.rule = 0; key.rule < c->rules->count; key.rule++)
		if (c->counted[key.rule])
			(void)table_delete(c->pairs, &key);
}

void correlation_restore(struct correlation *c, const struct ipc_subject *subject, uint32_t tries,
			 uint64_t at_ns)
{
	struct attempt attempt = { .subject = *subject };
	const struct attempt_names names = { .source = "", .filter = "" };

	for (unsigned int i = 0; i < c->rules->count; i++) {
		const struct rule *rule = &c->rules->rule[i];
		struct ipc_subject counted;
		uint32_t most = rule->failures - 1;

		if (rule->subject != SUBJECT_ADDRESS ||
		    !subject_counted(rule, &attempt, &names, &counted) || !most)
			continue;
		(void)pair_count(c, i, &counted, tries < most ? tries : most, TRUST_WITNESSED,
				 at_ns);
	}
}

void correlation_stats(const struct correlation *c, struct correlation_stats *ret)
{
	*ret = (struct correlation_stats){
		.subjects = table_count(c->pairs),
		.refused = table_evicted(c->pairs),
	};
}
