/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which rules are about an attempt, by the names of its service, its source and its filter. What is
 * remembered is compared by all three names: no pointer of a caller is kept.
 */
#include "analyst/correlation/about.h"

#include <string.h>

#include "base/buf.h"

bool rule_is_about(const struct rule *rule, const struct about_names *names)
{
	/* Filters are named after what they read, whatever the source says that its service is. */
	const char *filter = names->filter[0] ? names->filter : names->service;

	if (rule->service[0] && strcmp(rule->service, names->service) != 0 &&
	    strcmp(rule->service, filter) != 0)
		return false;
	if (rule->filter[0] && strcmp(rule->filter, filter) != 0)
		return false;
	return !rule->source[0] || !names->source[0] || !strcmp(rule->source, names->source);
}

static void about_make(struct about *about, const struct rule_set *rules,
		       const struct about_names *names)
{
	about->count = 0;
	for (unsigned int i = 0; i < rules->count; i++)
		if (!rules->rule[i].signals && rule_is_about(&rules->rule[i], names))
			about->rule[about->count++] = (uint8_t)i;
}

static bool kind_is(const struct about_kind *kind, const struct about_names *names)
{
	return kind->known && !strcmp(kind->filter, names->filter) &&
	       !strcmp(kind->service, names->service) && !strcmp(kind->source, names->source);
}

static bool fits(const char *name)
{
	return strlen(name) < IPC_NAME_MAX;
}

const struct about *about_find(struct about_memo *memo, const struct rule_set *rules,
			       unsigned int place, const struct about_names *names)
{
	struct about_kind *kind = &memo->kind[place % ABOUT_KINDS];

	if (memo->changes != rules->changes) {
		memset(memo, 0, sizeof(*memo));
		memo->changes = rules->changes;
	}
	if (kind_is(kind, names))
		return &kind->about;
	if (!fits(names->service) || !fits(names->source) || !fits(names->filter)) {
		about_make(&memo->once, rules, names);
		return &memo->once;
	}
	kind->known = true;
	text_copy(kind->service, sizeof(kind->service), names->service);
	text_copy(kind->source, sizeof(kind->source), names->source);
	text_copy(kind->filter, sizeof(kind->filter), names->filter);
	about_make(&kind->about, rules, names);
	return &kind->about;
}
