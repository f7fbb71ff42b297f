/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a log source is called silent, and when behind.
 */
#include "analyst/live/source_watch.h"

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

uint64_t source_watch_usual(const struct source_watch *w)
{
	if (w->pauses < WATCH_PAUSES_MIN || w->last_ns - w->first_ns < WATCH_LEARN_NS)
		return 0;
	return larger(w->longest_ns, w->longest_before_ns);
}

static void add_pause(struct source_watch *w, uint64_t now_ns)
{
	if (now_ns - w->period_ns >= WATCH_PERIOD_NS) {
		/* Nothing is left of a period in which it never spoke. */
		w->longest_before_ns =
			now_ns - w->period_ns < 2 * WATCH_PERIOD_NS ? w->longest_ns : 0;
		w->longest_ns = 0;
		w->period_ns = now_ns;
	}
	w->longest_ns = larger(w->longest_ns, now_ns - w->last_ns);
	w->pauses++;
}

void source_watch_look(struct source_watch *w, bool spoke, uint64_t waiting, uint64_t now_ns)
{
	uint64_t usual;

	if (waiting <= WATCH_BEHIND_BYTES)
		w->full_ns = 0;
	else if (!w->full_ns)
		w->full_ns = now_ns;
	w->behind = w->full_ns && now_ns - w->full_ns >= WATCH_BEHIND_NS;
	if (spoke) {
		if (!w->last_ns)
			w->first_ns = w->period_ns = now_ns;
		else
			add_pause(w, now_ns);
		w->last_ns = now_ns;
		w->silent = false;
		return;
	}
	usual = source_watch_usual(w);
	w->silent = usual &&
		    now_ns - w->last_ns > larger(WATCH_SILENT_TIMES * usual, WATCH_SILENT_LEAST_NS);
}
