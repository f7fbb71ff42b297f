/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to the evidence stage: stamps in log lines. */
#ifndef ANALYST_EVIDENCE_DATE_H
#define ANALYST_EVIDENCE_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct date {
	uint16_t year; /* 0: the text has none */
	uint8_t month, day; /* from 1 */
	uint8_t hour, minute, second;
	bool zoned; /* zone_s is known, else local time */
	int32_t zone_s; /* east of UTC */
	uint32_t ns;
};

/* The stamp at the line's begin (behind at most two characters such as "["): its place. */
bool date_find(const char *text, size_t len, size_t *ret_start, size_t *ret_end, struct date *ret);

/* Wall time; without a year in the year up to a day after near_wall_ns. 0: cannot be told. */
uint64_t date_resolve(const struct date *date, uint64_t near_wall_ns);

#endif
