/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stage 3, beside evidence: from events to signals, deeds that are told one by one and that rules
 * count.
 *
 * Most have a record of their own. Those from BL_SIGNAL_DERIVED on are made of exec events, within
 * the same limit that the kernel side keeps to for its own: SIGNAL burst and window of lockout.h.
 */
#ifndef ANALYST_SIGNAL_H
#define ANALYST_SIGNAL_H

#include <stdint.h>

#include <bailiff/event.h>
#include <bailiff/ipc.h>

#include "base/cleanup.h"

#define SIGNAL_PER_EVENT 4 /* an exec may be several */
#define SIGNAL_RATES_MAX 4096 /* sessions and users whose derived signals are being counted */
#define SIGNALS_ALL ((1U << BL_SIGNAL_MAX) - 2U) /* bit = enum bl_signal */

struct signal {
	enum bl_signal what;
	uint64_t at_ns;
	uint64_t session; /* 0 = none */
	uint32_t pid;
	uint32_t uid;
	char text[IPC_TEXT_MAX]; /* "module-load: dummy, by modprobe" */
};

struct signals;

int signals_new(struct signals **ret, const uint64_t seed[2]);
struct signals *signals_free(struct signals *signals);
DEFINE_CLEANUP(signals_free, struct signals *)

/* Which are made of exec events; all in the beginning. */
void signals_want(struct signals *signals, uint32_t wanted);
/* How many were written into ret. */
unsigned int signals_of(struct signals *signals, const union bl_event *event,
			struct signal ret[SIGNAL_PER_EVENT]);
/* Not told because there were too many of their kind, and entries evicted. */
uint64_t signals_refused(const struct signals *signals);

#endif
