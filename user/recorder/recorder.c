/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages in, and where they go. The two tables name all that either peer may say.
 */
#include "recorder/recorder.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "recorder/check.h"
#include "recorder/ecs.h"

static int on_flush(struct loop_source *source, uint64_t now_boot_ns, void *arg)
{
	struct recorder *recorder = arg;

	(void)now_boot_ns;
	recorder->flush_timer = loop_remove(source);
	store_commit(recorder->store);
	jsonlog_write(recorder->jsonlog);
	if (store_prune_due(recorder->store))
		store_prune(recorder->store, clock_wall_ns());
	return 0;
}

static int arm_flush(struct recorder *recorder)
{
	if (recorder->flush_timer ||
	    (!store_pending(recorder->store) && !jsonlog_waiting(recorder->jsonlog)))
		return 0;
	return loop_add_timer(recorder->loop, RECORDER_FLUSH_NS, 0, on_flush, recorder,
			      &recorder->flush_timer);
}

/*
 * What the analyst sends RECORD_EXEC for. A queue that is full now is tried again with the next
 * tick; only from none to some, and back, makes a difference.
 */
static void tell_watchers(struct recorder *recorder, uint32_t count)
{
	struct ipc_watchers message = { .count = count };

	if (!recorder->analyst.channel || !count == !recorder->told_watchers)
		return;
	if (channel_send(recorder->analyst.channel, IPC_WATCHERS, &message, sizeof(message), -1) <
	    0)
		return;
	recorder->told_watchers = count;
	(void)link_update(&recorder->analyst);
}

static void on_watchers(uint32_t count, void *arg)
{
	tell_watchers(arg, count);
}

static int on_tick(struct loop_source *source, uint64_t now_boot_ns, void *arg)
{
	struct recorder *recorder = arg;
	struct status_stats stats;

	(void)source;
	store_mend(recorder->store);
	status_tick(recorder->status, now_boot_ns);
	status_stats(recorder->status, &stats);
	tell_watchers(recorder, stats.watchers);
	if (++recorder->ticks % RECORDER_PRUNE_TICKS == 1)
		store_prune(recorder->store, clock_wall_ns());
	return 0;
}

/*
 * Boot time to wall time. Times that are said to lie in the future are taken as now: rows that
 * never grow old would never be pruned.
 *
 * An attempt and the decision that it led to carry the same boot time, and stay in the order in
 * which they came only if that becomes the same wall time. No two readings of the two clocks give
 * the same difference: a moment passes between one clock and the other, a long one where this
 * process is held up. So a reading is kept until the wall clock was set or has drifted away, and
 * a new one is never taken for a time that may have been given out already.
 */
static uint64_t wall_of(struct recorder *recorder, uint64_t boot_ns)
{
	uint64_t now_ns = clock_boot_ns();
	int64_t wall_ns;

	if (boot_ns > now_ns)
		boot_ns = now_ns;
	if (boot_ns > recorder->newest_ns) {
		int64_t fresh = clock_boot_to_wall_ns();
		int64_t moved = fresh - recorder->boot_to_wall_ns;

		recorder->newest_ns = boot_ns;
		if (moved > RECORDER_SLACK_NS || moved < -RECORDER_SLACK_NS)
			recorder->boot_to_wall_ns = fresh;
	}
	wall_ns = (int64_t)boot_ns + recorder->boot_to_wall_ns;
	return wall_ns > 0 ? (uint64_t)wall_ns : 0;
}

/* The end of a lockout lies ahead, at most ten years: what bailiffd's own limits allow at most. */
static uint64_t until_wall(struct recorder *recorder, uint64_t until_boot_ns)
{
	const uint64_t most = 3660ULL * 86400 * NSEC_PER_SEC;
	uint64_t boot_now = clock_boot_ns();
	uint64_t left;

	if (!until_boot_ns)
		return 0;
	if (until_boot_ns < boot_now)
		return wall_of(recorder, until_boot_ns);
	left = until_boot_ns - boot_now;
	return clock_wall_ns() + (left < most ? left : most);
}

static int spread(struct recorder *recorder)
{
	if (recorder->out.cut) {
		log_error("a record did not fit into %d bytes of JSON", STATUS_JSON_MAX);
		return 0;
	}
	jsonlog_add(recorder->jsonlog, recorder->out.data, recorder->out.len);
	status_publish(recorder->status, recorder->out.data, recorder->out.len);
	return arm_flush(recorder);
}

/* ---- from the analyst ------------------------------------------------------------------------ */

/* Program starts are for those who watch now: kept, they would push out what matters. */
static int show(struct recorder *recorder, const struct ipc_record *record, uint64_t wall_ns)
{
	buf_clear(&recorder->out);
	ecs_record(&recorder->out, recorder->host, record, wall_ns);
	if (!recorder->out.cut)
		status_publish(recorder->status, recorder->out.data, recorder->out.len);
	return 0;
}

static int on_record(void *arg, const void *message, int fd)
{
	struct recorder *recorder = arg;
	const struct ipc_record *record = message;
	uint64_t wall_ns;

	(void)fd;
	if (check_record(record) < 0)
		return -EPROTO;
	wall_ns = wall_of(recorder, record->time_boot_ns);
	if (record->kind == RECORD_EXEC)
		return show(recorder, record, wall_ns);
	store_add_record(recorder->store, record, wall_ns);
	buf_clear(&recorder->out);
	ecs_record(&recorder->out, recorder->host, record, wall_ns);
	return spread(recorder);
}

static const struct channel_rule analyst_rules[] = {
	{ IPC_RECORD, sizeof(struct ipc_record), 0, on_record },
	{ .kind = 0 },
};

static int on_analyst_end(void *arg, int error)
{
	struct recorder *recorder = arg;
	const char *reason = "";

	if (error == -EPROTO) {
		reason = channel_error(recorder->analyst.channel);
		recorder->malformed++;
		log_error("bailiff-analyst sent what is no record (%s): its channel is closed",
			  reason[0] ? reason : "a value out of range");
	} else if (error < 0) {
		(void)log_error_errno(error, "bailiff-analyst's channel is closed");
	}
	link_close(&recorder->analyst);
	history_end(&recorder->history);
	return 0;
}

static void on_analyst_drained(void *arg)
{
	struct recorder *recorder = arg;

	if (history_send(&recorder->history, recorder->analyst.channel) < 0)
		history_end(&recorder->history);
}

/* ---- from bailiffd --------------------------------------------------------------------------- */

static int on_hello(void *arg, const void *message, int fd)
{
	struct recorder *recorder = arg;
	const struct ipc_hello *hello = message;

	(void)fd;
	if (hello->version != IPC_VERSION || !memchr(hello->host, 0, sizeof(hello->host)))
		return -EPROTO;
	text_copy(recorder->host, sizeof(recorder->host), hello->host);
	status_set_host(recorder->status, recorder->host);
	return 0;
}

/* A new analyst: the old one's channel goes, and the new one is told of the past. */
static int on_peer(void *arg, const void *message, int fd)
{
	struct recorder *recorder = arg;
	struct status_stats stats;
	int r;

	(void)message;
	link_close(&recorder->analyst);
	store_commit(recorder->store);
	r = history_begin(&recorder->history, recorder->store, clock_wall_ns());
	if (r < 0)
		(void)log_warning_errno(r,
					"the past cannot be read; the analyst begins without it");
	r = link_open(&recorder->analyst, recorder->loop, fd, "bailiff-analyst", analyst_rules,
		      recorder);
	if (r < 0) {
		(void)log_error_errno(r, "no channel to bailiff-analyst");
		return 0;
	}
	recorder->told_watchers = 0;
	status_stats(recorder->status, &stats);
	tell_watchers(recorder, stats.watchers);
	on_analyst_drained(recorder);
	return link_update(&recorder->analyst);
}

static int on_listen(void *arg, const void *message, int fd)
{
	struct recorder *recorder = arg;

	(void)message;
	return status_listen(recorder->status, fd);
}

static int on_outcome(void *arg, const void *message, int fd)
{
	struct recorder *recorder = arg;
	const struct ipc_outcome *outcome = message;
	uint64_t wall_ns, until_ns;

	(void)fd;
	if (check_outcome(outcome) < 0)
		return -EPROTO;
	wall_ns = wall_of(recorder, outcome->head.boot_ns);
	until_ns = until_wall(recorder, outcome->until_boot_ns);
	store_add_outcome(recorder->store, outcome, wall_ns, until_ns);
	buf_clear(&recorder->out);
	ecs_outcome(&recorder->out, recorder->host, outcome, wall_ns, until_ns);
	return spread(recorder);
}

/* What an operator should hear of at once; the counters that always move are not in it. */
static bool status_changed(const struct ipc_status *a, const struct ipc_status *b)
{
	return a->mode != b->mode || a->restarts_analyst != b->restarts_analyst ||
	       a->restarts_recorder != b->restarts_recorder || a->degraded != b->degraded ||
	       a->canary_late != b->canary_late || a->lost != b->lost || a->skipped != b->skipped ||
	       a->refused_limit != b->refused_limit ||
	       a->analyst.malformed != b->analyst.malformed ||
	       a->analyst.refused != b->analyst.refused;
}

static int on_status(void *arg, const void *message, int fd)
{
	struct recorder *recorder = arg;
	const struct ipc_status *status = message;
	uint64_t now_ns = clock_boot_ns();

	(void)fd;
	if (check_status(status) < 0)
		return -EPROTO;
	if (recorder->last_status_ns && !status_changed(&recorder->last_status, status) &&
	    now_ns - recorder->last_status_ns < RECORDER_STATUS_NS)
		return 0;
	recorder->last_status = *status;
	recorder->last_status_ns = now_ns;
	buf_clear(&recorder->out);
	ecs_status(&recorder->out, recorder->host, status, wall_of(recorder, status->head.boot_ns),
		   status->started_boot_ns ? wall_of(recorder, status->started_boot_ns) : 0);
	return spread(recorder);
}

static const struct channel_rule parent_rules[] = {
	{ IPC_HELLO, sizeof(struct ipc_hello), CHANNEL_ONCE, on_hello },
	{ IPC_PEER, sizeof(struct ipc_plain), CHANNEL_FD, on_peer },
	{ IPC_LISTEN, sizeof(struct ipc_plain), CHANNEL_FD | CHANNEL_ONCE, on_listen },
	{ IPC_OUTCOME, sizeof(struct ipc_outcome), 0, on_outcome },
	{ IPC_STATUS, sizeof(struct ipc_status), 0, on_status },
	{ .kind = 0 },
};

static int on_parent_end(void *arg, int error)
{
	struct recorder *recorder = arg;
	const char *reason = channel_error(recorder->parent.channel);

	if (error < 0)
		return log_error_errno(error, "bailiffd's channel: %s",
				       reason && reason[0] ? reason : "a value out of range");
	loop_stop(recorder->loop, 0);
	return 0;
}

int recorder_init(struct recorder *recorder, const char *folder, int fd)
{
	int r;

	*recorder = (struct recorder){ .out = BUF_INIT(STATUS_JSON_MAX),
				       .boot_to_wall_ns = clock_boot_to_wall_ns() };
	recorder->parent.on_end = on_parent_end;
	recorder->analyst.on_end = on_analyst_end;
	recorder->analyst.on_drained = on_analyst_drained;
	r = loop_new(&recorder->loop);
	if (!r)
		r = store_new(&recorder->store, folder, NULL);
	if (!r)
		r = jsonlog_new(&recorder->jsonlog, folder, 0);
	if (!r)
		r = status_new(&recorder->status, recorder->loop, recorder->store);
	if (!r)
		status_on_watchers(recorder->status, on_watchers, recorder);
	if (!r)
		r = link_open(&recorder->parent, recorder->loop, fd, "bailiffd", parent_rules,
			      recorder);
	if (!r)
		r = loop_add_timer(recorder->loop, RECORDER_TICK_NS, RECORDER_TICK_NS, on_tick,
				   recorder, &recorder->tick_timer);
	if (r < 0)
		return r;
	(void)store_open(recorder->store);
	return 0;
}

void recorder_done(struct recorder *recorder)
{
	link_close(&recorder->analyst);
	history_end(&recorder->history);
	recorder->status = status_free(recorder->status);
	recorder->jsonlog = jsonlog_free(recorder->jsonlog);
	recorder->store = store_free(recorder->store);
	link_close(&recorder->parent);
	recorder->loop = loop_free(recorder->loop);
	buf_done(&recorder->out);
}
