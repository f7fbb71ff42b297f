/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to the correlation stage: which rules are about an attempt. */
#ifndef ANALYST_CORRELATION_ABOUT_H
#define ANALYST_CORRELATION_ABOUT_H

#include <stdint.h>

#include "analyst/rules/rules.h"

#define ABOUT_KINDS 16 /* remembered at once */

/* What a line was about and who said so: "" where there is none. */
struct about_names {
	const char *service, *source, *filter;
};

/* Rules about tries, in their order. */
struct about {
	unsigned int count;
	uint8_t rule[RULES_MAX];
};
_Static_assert(RULES_MAX <= UINT8_MAX + 1, "a rule's place fits");

struct about_memo {
	unsigned int changes; /* of the rules that all this was made of */
	struct about_kind {
		char service[IPC_NAME_MAX], source[IPC_NAME_MAX], filter[IPC_NAME_MAX];
		bool known;
		struct about about;
	} kind[ABOUT_KINDS];
	struct about once; /* of one whose names are too long to remember */
};

bool rule_is_about(const struct rule *rule, const struct about_names *names);
/*
 * The same for all rules about tries. There may be 256, a cache line or more each, and attempts of
 * very few kinds: what was found for one is remembered, at place modulo ABOUT_KINDS. Valid until
 * the next call.
 */
const struct about *about_find(struct about_memo *memo, const struct rule_set *rules,
			       unsigned int place, const struct about_names *names);

#endif
