/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Clocks. CLOCK_BOOTTIME is the agent's time: it counts through suspend, never jumps, and is
 * what start_boottime and bpf_ktime_get_boot_ns use. Wall time is for people and logs only.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define NSEC_PER_SEC 1000000000ULL
#define NSEC_PER_MSEC 1000000ULL

#define CLOCK_TEXT_MAX 40

uint64_t clock_boot_ns(void);
uint64_t clock_wall_ns(void);

/* CLOCK_REALTIME - CLOCK_BOOTTIME now; may be negative in theory, hence int64_t. */
int64_t clock_boot_to_wall_ns(void);

/* RFC 3339 in UTC with nanoseconds: 2026-11-25T01:02:03.000000004Z */
void clock_format(uint64_t wall_ns, char ret_text[CLOCK_TEXT_MAX]);

/* RFC 3339 with zone (Z or +hh:mm), 0 to 9 digits of fraction; -EINVAL otherwise. */
int clock_parse(const char *text, size_t len, uint64_t *ret_wall_ns);

/* "90", "10m", "1h 30m", "1w": units s m h d w mo y, sums allowed, a bare number is seconds, at
 * most ten years. -EINVAL, -ERANGE. */
int duration_parse(const char *text, uint64_t *ret_seconds);

/* "1h 30m": for people, at most two units. */
void duration_format(uint64_t seconds, char ret_text[CLOCK_TEXT_MAX]);

#endif
