/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the analyst says. Nothing here blocks: what a peer does not take is queued within a bound,
 * and what does not fit any more is lost and counted; a record that is lost costs an explanation,
 * a decision that is lost is taken back so that the next try leads to it again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "analyst/live/live.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

static void recorder_lost(struct live *live)
{
	if (!live->recorder.channel)
		return;
	peer_close(&live->recorder);
	pipeline_tell_execs(live->pipeline, false, 0);
	log_info("bailiff-recorder is gone; records are lost until bailiffd sends a new one");
}

/* bailiffd's end is the analyst's, whether it is met in reading or in writing. */
static bool parent_is_gone(struct live *live, int r)
{
	if (r != CHANNEL_CLOSED && r != -EPIPE && r != -ECONNRESET)
		return false;
	loop_stop(live->loop, 0);
	return true;
}

static int on_peer(struct loop_source *source, int fd, uint32_t events, void *arg)
{
	struct live *live = arg;
	bool parent = source == live->parent.io;
	struct peer *peer = parent ? &live->parent : &live->recorder;
	int r = 0;

	(void)fd;
	if (events & EPOLLOUT)
		r = channel_flush(peer->channel);
	if (r >= 0 && (events & ~(uint32_t)EPOLLOUT))
		r = channel_receive(peer->channel);
	/* A handler may have put another recorder in its place. */
	if (!parent && live->recorder.io != source)
		return peers_update(live);
	if (parent && parent_is_gone(live, r))
		return 0;
	if (r == -EPROTO && channel_error(peer->channel)[0])
		log_error("%s", channel_error(peer->channel));
	if (parent && r < 0)
		return r;
	if (!parent && (r < 0 || r == CHANNEL_CLOSED))
		recorder_lost(live);
	return peers_update(live);
}

int peer_open(struct live *live, struct peer *peer, int fd, const char *who,
	      const struct channel_rule *rules)
{
	int r;

	r = channel_new(&peer->channel, fd, who, rules, live);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	peer->events = EPOLLIN;
	r = loop_add_io(live->loop, fd, peer->events, on_peer, live, &peer->io);
	if (r < 0)
		peer->channel = channel_free(peer->channel);
	return r;
}

void peer_close(struct peer *peer)
{
	if (peer->io)
		peer->io = loop_remove(peer->io);
	peer->channel = channel_free(peer->channel);
}

static int peer_update(struct peer *peer)
{
	uint32_t events = EPOLLIN;
	int r;

	if (!peer->channel)
		return 0;
	if (channel_pending(peer->channel))
		events |= EPOLLOUT;
	if (events == peer->events)
		return 0;
	r = loop_set_events(peer->io, events);
	if (r >= 0)
		peer->events = events;
	return r;
}

int peers_update(struct live *live)
{
	int r = peer_update(&live->parent);

	return r < 0 ? r : peer_update(&live->recorder);
}

void live_ask_account(uint32_t uid, void *arg)
{
	struct live *live = arg;
	struct ipc_account message = { .uid = uid };

	/* Unasked, that account is not counted by rules about users: told by the lost message. */
	if (channel_send(live->parent.channel, IPC_ACCOUNT, &message, sizeof(message), -1) < 0)
		live->unsent_decisions++;
}

void live_send_decision(const struct decision *decision, void *arg)
{
	struct live *live = arg;
	struct ipc_decision message = {
		.subject = decision->subject,
		.action = decision->action,
		.trust = decision->trust,
		.seconds =
			decision->seconds < UINT32_MAX ? (uint32_t)decision->seconds : UINT32_MAX,
		.decision = decision->number,
		.partial = decision->partial,
		.attempts = decision->tries,
	};
	struct ipc_outcome failed = {
		.subject = decision->subject,
		.action = decision->action,
		.result = OUTCOME_FAILED,
		.decision = decision->number,
	};

	text_copy(message.rule, sizeof(message.rule), decision->rule);
	text_copy(message.reason, sizeof(message.reason), decision->reason);
	if (channel_send(live->parent.channel, IPC_DECISION, &message, sizeof(message), -1) >= 0)
		return;
	/* Not remembered as locked out: bailiffd never heard of it. */
	live->unsent_decisions++;
	pipeline_outcome(live->pipeline, &failed);
}

void live_send_record(const struct ipc_record *record, void *arg)
{
	struct live *live = arg;
	struct ipc_record message = *record;

	/* Whoever starts many programs must not fill the queue that decisions wait in. */
	if (record->kind == RECORD_EXEC && live->recorder.channel &&
	    channel_pending(live->recorder.channel)) {
		live->lost_execs++;
		return;
	}
	/* A broken channel is closed where epoll reports it: not under a handler's feet. */
	if (!live->recorder.channel ||
	    channel_send(live->recorder.channel, IPC_RECORD, &message, sizeof(message), -1) < 0)
		live->lost_records++;
}

void live_send_log(void *arg, int level, const char *text)
{
	struct live *live = arg;
	struct ipc_log message = { .level = (uint32_t)level };

	if (!live->parent.channel)
		return;
	text_copy(message.text, sizeof(message.text), text);
	(void)channel_send(live->parent.channel, IPC_LOG, &message, sizeof(message), -1);
}

int live_send_heartbeat(struct live *live)
{
	struct ipc_heartbeat message = { .canary = live->canary_seen };
	int r;

	pipeline_stats(live->pipeline, &message);
	if (live->rings)
		message.malformed = sensor_rings_malformed(live->rings);
	message.refused += live->unsent_decisions;
	message.clock_steps = live->clock_steps;
	message.clock_step_ns = live->clock_step_ns;
	message.clock_step_boot_ns = live->clock_step_boot_ns;
	r = channel_send(live->parent.channel, IPC_HEARTBEAT, &message, sizeof(message), -1);
	if (parent_is_gone(live, r))
		return 0;
	/* One that does not fit is late; the next one tells the same and more. */
	return r == -ENOBUFS ? 0 : r;
}

void live_tell_source(struct live *live, const struct live_source *source, const char *format, ...)
{
	struct ipc_record record = {
		.kind = RECORD_SOURCE,
		.trust = TRUST_ATTESTED, /* bailiff's own word */
		.time_boot_ns = clock_boot_ns(),
	};
	va_list args;

	va_start(args, format);
	(void)vsnprintf(record.text, sizeof(record.text), format, args);
	va_end(args);
	text_copy(record.source, sizeof(record.source), source->name);
	log_warning("%s: %s", source->name, record.text);
	live_send_record(&record, live);
}
