/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Findings: a small list with the newest word per name.
 *
 * Names come from bailiffd itself, never from outside, so FINDINGS_MAX is a bound on the code.
 */
#include "enforcer/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

void findings_put(struct findings *findings, enum finding_state state, const char *name,
		  const char *format, ...)
{
	struct control_finding *finding = NULL;
	va_list args;

	for (uint32_t i = 0; i < findings->count && !finding; i++)
		if (!strcmp(findings->finding[i].name, name))
			finding = &findings->finding[i];
	if (!finding) {
		if (findings->count == FINDINGS_MAX)
			return;
		finding = &findings->finding[findings->count++];
	}
	memset(finding, 0, sizeof(*finding));
	finding->state = state;
	text_copy(finding->name, sizeof(finding->name), name);
	va_start(args, format);
	(void)vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
}

uint32_t findings_degraded(const struct findings *findings)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < findings->count; i++)
		count += findings->finding[i].state != FINDING_OK;
	return count;
}
