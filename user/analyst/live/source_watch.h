/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a log source is called silent, and when behind.
 *
 * Silent: it has been quiet for more than WATCH_SILENT_TIMES its longest pause, and for more than
 * WATCH_SILENT_LEAST_NS. The longest pause is that of the last one to two WATCH_PERIOD_NS (so a
 * night is in it), and is believed only after WATCH_PAUSES_MIN pauses over WATCH_LEARN_NS: a source
 * that hardly ever speaks is never silent.
 *
 * Behind: at each look for WATCH_BEHIND_NS more than WATCH_BEHIND_BYTES were waiting to be read.
 *
 * Time is CLOCK_BOOTTIME, so a step of the clock changes nothing here.
 */
#ifndef ANALYST_SOURCE_WATCH_H
#define ANALYST_SOURCE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define WATCH_SILENT_TIMES 4
#define WATCH_SILENT_LEAST_NS (600 * NSEC_PER_SEC)
#define WATCH_PAUSES_MIN 20
#define WATCH_LEARN_NS (3600 * NSEC_PER_SEC)
#define WATCH_PERIOD_NS (24 * 3600 * NSEC_PER_SEC)
#define WATCH_BEHIND_BYTES (1024 * 1024)
#define WATCH_BEHIND_NS (5 * NSEC_PER_SEC)

struct source_watch {
	uint64_t first_ns, last_ns; /* a record came; 0 = none yet */
	uint64_t pauses; /* seen so far */
	uint64_t longest_ns, longest_before_ns; /* of this period and the one before */
	uint64_t period_ns; /* this one's begin */
	uint64_t full_ns; /* more than WATCH_BEHIND_BYTES waited at every look since; 0 = not */
	bool silent, behind;
};

/* Each second, with whether records have come since the last call, and how many bytes wait. */
void source_watch_look(struct source_watch *watch, bool spoke, uint64_t waiting, uint64_t now_ns);
/* The longest pause that is believed, 0 = none yet. */
uint64_t source_watch_usual(const struct source_watch *watch);

#endif
