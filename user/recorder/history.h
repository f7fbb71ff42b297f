/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an analyst that begins is told of the past: one HISTORY message an address or user, then
 * HISTORY_END. Paced by the channel: at most HISTORY_TURN_MAX are queued at a time.
 */
#ifndef RECORDER_HISTORY_H
#define RECORDER_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "privsep/channel.h"
#include "recorder/store.h"

#define HISTORY_TURN_MAX 512

struct history {
	struct ipc_history *list;
	size_t count;
	size_t next;
	bool active;
};

/* Reads the store. Where it cannot be read the history is empty; the reason is returned. */
int history_begin(struct history *history, struct store *store, uint64_t now_wall_ns);
/* Sends until something is queued or all is sent. */
int history_send(struct history *history, struct channel *channel);
void history_end(struct history *history);

#endif
