/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A rule file: taken whole and within its bounds, or refused with a sentence that names it, and
 * then the set is as it was.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "analyst/rules/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int same_bytes(const void *a, const void *b, size_t len)
{
	return !memcmp(a, b, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rule_set set, before;
	char error[RULES_ERROR_MAX] = "";
	const struct rule *rule;

	/* Some files find others there already, the last one a full set. */
	if (set.count == RULES_MAX || (size && data[0] == '#'))
		memset(&set, 0, sizeof(set));
	before = set;
	if (rules_add(&set, "t.conf", (const char *)data, size, error) < 0) {
		assert(same_bytes(&set, &before, sizeof(set)));
		assert(memchr(error, '\0', sizeof(error)));
		assert(!strncmp(error, "t.conf", 6));
		return 0;
	}
	assert(set.count >= before.count && set.count <= RULES_MAX && set.last < set.count);
	rule = &set.rule[set.last];
	assert(rule->id[0] && memchr(rule->id, '\0', sizeof(rule->id)));
	assert(memchr(rule->title, '\0', sizeof(rule->title)));
	assert(memchr(rule->service, '\0', sizeof(rule->service)));
	assert(memchr(rule->filter, '\0', sizeof(rule->filter)));
	assert(memchr(rule->source, '\0', sizeof(rule->source)));
	/* About attempts at a service, or about signals, never both or neither. */
	assert(!rule->signals == (rule->service[0] || rule->filter[0]));
	assert(!rule->signals || rule->subject == SUBJECT_SESSION || rule->subject == SUBJECT_HOST);
	assert(rule->failures >= 1 && rule->failures <= RULE_FAILURES_MAX && rule->window_ns);
	assert(rule->action == ACTION_OBSERVE || rule->lockout_s);
	assert(rule->longest_s >= rule->lockout_s && rule->factor >= 1);
	assert(rule->trust > TRUST_FORGED && rule->trust < TRUST_MAX);
	/* A name is believed of nobody whom no one vouches for. */
	assert(rule->subject != SUBJECT_USER || rule->trust >= TRUST_ATTESTED);
	(void)rule_shortcoming(rule);
	return 0;
}
