/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Results in TAP.
 */
#include "tap.h"

#include <stdarg.h>
#include <stdio.h>

static char group[128];
static unsigned int checks, failed, skipped;

void tap_group(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(group, sizeof(group), format, args);
	va_end(args);
}

bool check(bool ok, const char *format, ...)
{
	va_list args;

	checks++;
	failed += !ok;
	printf("%s %u - %s: ", ok ? "ok" : "not ok", checks, group);
	va_start(args, format);
	(void)vprintf(format, args);
	va_end(args);
	printf("\n");
	return ok;
}

void skip(const char *what, const char *reason)
{
	checks++;
	skipped++;
	printf("ok %u - %s: %s # SKIP %s\n", checks, group, what, reason);
}

void note(const char *format, ...)
{
	va_list args;

	printf("#   ");
	va_start(args, format);
	(void)vprintf(format, args);
	va_end(args);
	printf("\n");
}

int tap_end(void)
{
	printf("1..%u\n", checks);
	if (failed)
		return 1;
	return checks == skipped ? 77 : 0;
}
