/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Findings: what works here, what works another way, what does not, each in a sentence that tells
 * a person what it costs. Kept in the order in which they were made; a later one of the same name
 * replaces the earlier.
 */
#ifndef ENFORCER_FINDINGS_H
#define ENFORCER_FINDINGS_H

#include <stdint.h>

#include <bailiff/control.h>

#define FINDINGS_MAX 48

struct findings {
	uint32_t count;
	struct control_finding finding[FINDINGS_MAX];
};

void findings_put(struct findings *findings, enum finding_state state, const char *name,
		  const char *format, ...) __attribute__((format(printf, 4, 5)));
uint32_t findings_degraded(const struct findings *findings);

#endif
