/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The recorder: what came in goes to the store, the JSON log and the watchers.
 *
 *   bailiffd: OUTCOME, STATUS ─┐
 *   bailiff-analyst: RECORD ───┴─> store, events.jsonl, watchers       status socket: why, history
 *
 * Two peers of unequal trust. bailiffd's messages are obeyed, and a malformed one is the end; the
 * analyst is believed nothing: a malformed one closes its channel, and the recorder goes on.
 */
#ifndef RECORDER_RECORDER_H
#define RECORDER_RECORDER_H

#include "base/buf.h"
#include "base/loop.h"
#include "recorder/history.h"
#include "recorder/jsonlog.h"
#include "recorder/link.h"
#include "recorder/status.h"
#include "recorder/store.h"

#define RECORDER_FLUSH_NS (200 * NSEC_PER_MSEC) /* a row waits at most this long */
#define RECORDER_TICK_NS (5 * NSEC_PER_SEC)
#define RECORDER_PRUNE_TICKS 60
#define RECORDER_SLACK_NS (int64_t)(50 * NSEC_PER_MSEC) /* between our wall times and the clock's */
#define RECORDER_STATUS_NS (3600 * NSEC_PER_SEC) /* an unchanged status is logged this often */

struct recorder {
	struct loop *loop;
	struct store *store;
	struct jsonlog *jsonlog;
	struct status *status;
	struct link parent; /* bailiffd */
	struct link analyst;
	struct history history;
	uint32_t told_watchers; /* what this analyst was told */
	struct loop_source *flush_timer; /* armed while something waits */
	struct loop_source *tick_timer;
	unsigned int ticks;
	struct buf out;
	char host[IPC_NAME_MAX * 2];
	struct ipc_status last_status;
	uint64_t last_status_ns; /* boot; 0: none yet */
	uint64_t newest_ns; /* boot; of all times that came */
	int64_t boot_to_wall_ns; /* what wall times are made with, to RECORDER_SLACK_NS */
	uint64_t malformed; /* channels of the analyst that were closed for it */
};

/* Opens the files below folder (a failure there is logged and lived with), then takes fd as the
 * channel to bailiffd. */
int recorder_init(struct recorder *recorder, const char *folder, int fd);
/* Closes the sandbox round folder, says READY, serves until bailiffd goes or SIGTERM comes. */
int recorder_run(struct recorder *recorder, const char *folder);
void recorder_done(struct recorder *recorder);

#endif
