/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The layouts that are looked for where a filter says nothing of dates: those that fail2ban knows,
 * because filters are written for lines with such a date cut out. More would be no gain: a date
 * that it does not know stays in the line that a filter's expressions were written for.
 */
#include "analyst/evidence/date.h"

#define DAY_MONTH "(?:%a )?%b %d "
#define CLOCK "%H:%M:%S"
#define CLOCK_BLANK "%k:%M:%S"
#define DOT_FRACTION "(?:\\.%f)?"
#define FRACTION "(?:[.,]%f)?"
#define ZONE "(?:\\s*%z)?"
/* Not the begin of an address, as in "Nov 24 10:00:00 2001:db8::1". */
#define YEAR_BEHIND "(?: %ExY(?!:[0-9a-f:]))?"

const char *const date_layouts[DATE_LAYOUTS] = {
	/* 2026-11-24T10:00:00.123+01:00 */
	"%ExY(?P<between>[-/.])%m(?P=between)%d(?:T| {1,2})" CLOCK FRACTION ZONE,
	/* Tue Nov 24 10:00:00.123 2026 */
	DAY_MONTH CLOCK_BLANK DOT_FRACTION YEAR_BEHIND,
	/* Tue Nov 24 2026 10:00:00.123 */
	DAY_MONTH "%ExY " CLOCK_BLANK DOT_FRACTION,
	/* 24/11/2026 10:00:00, 24-11-26 10:00:00 */
	"%d(?P<between>[-/])%m(?P=between)(?:%ExY|%Exy) " CLOCK_BLANK,
	/* 24/Nov/2026:10:00:00 +0100 */
	"%d(?P<between>[-/])%b(?P=between)%ExY[ :]?" CLOCK DOT_FRACTION "(?: %z)?",
	/* 11/24/2026:10:00:00 */
	"%m/%d/%ExY:" CLOCK,
	/* 11-24-2026 10:00:00.123 */
	"%m-%d-%ExY " CLOCK_BLANK DOT_FRACTION,
	/* 1795514400.123, at the begin, in [] there, in audit(1795514400.123:45) */
	"EPOCH",
	/* 10:00:00 */
	"{^LN-BEG}" CLOCK,
	/* <11/24/26@10:00:00> */
	"^<%m/%d/%Exy@" CLOCK ">",
	/* 261124 10:00:00 */
	"%Exy%Exm%Exd {1,2}" CLOCK,
	/* Nov 24, 2026 10:00:00 AM */
	"%b %d, %ExY %I:%M:%S %p",
	/* Nov-24-26 10:00:00 */
	"^%b-%d-%Exy " CLOCK_BLANK,
	/* 20261124T100000.123+0100 */
	"%ExY%Exm%Exd(?:T| {1,2})%ExH%ExM%ExS" FRACTION ZONE,
	/* CET Tue Nov 24 10:00:00.123 2026 */
	"(?:%Z )?" DAY_MONTH CLOCK_BLANK DOT_FRACTION YEAR_BEHIND,
	/* +01:00 Tue Nov 24 10:00:00.123 2026 */
	"(?:%z )?" DAY_MONTH CLOCK_BLANK DOT_FRACTION YEAR_BEHIND,
	"TAI64N",
};
