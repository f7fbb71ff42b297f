/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to bailiff-analyst's own files: the live process. The stages know nothing of it.
 *
 * It is fed by descriptors that bailiffd hands over, and opens nothing itself. Each wake-up does a
 * bounded amount of work on every source in turn, so that a flooded log does not keep the rings
 * from being read, nor the other way round; what is left over wakes it again (more_fd).
 */
#ifndef ANALYST_LIVE_H
#define ANALYST_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include <bailiff/ipc.h>

#include "analyst/live/event_tap.h"
#include "analyst/live/source_watch.h"
#include "analyst/pipeline.h"
#include "base/clock.h"
#include "base/loop.h"
#include "privsep/channel.h"

#define LIVE_SOURCES_MAX 384 /* log files and journal readers that bailiffd may have */
#define LIVE_FILES_MAX 1024 /* filter and rule files */
#define LIVE_FILE_SIZE_MAX (1024 * 1024)
#define LIVE_HISTORY_MAX 65536 /* per recorder's life, as ipc.h says */
#define LIVE_EVENTS_TURN 2048 /* about 2 ms */
#define LIVE_FILE_PIECE (16 * 1024) /* bytes, after which the time is looked at */
#define LIVE_FILE_TURN (256 * 1024) /* bytes, about as much */
#define LIVE_PIPE_TURN (64 * 1024)
#define LIVE_FILE_NS (10 * NSEC_PER_MSEC) /* of one file, whatever its lines cost */
#define LIVE_FILES_NS (20 * NSEC_PER_MSEC) /* of all files together */
#define LIVE_LAST_TURNS 16 /* for what was rotated again before it was read */
#define LIVE_DATAGRAMS_TURN 128
#define LIVE_TELL_NS (10 * NSEC_PER_SEC) /* a source's state is told at most that often */
/* A writer keeps a renamed file open until it is told of it: logrotate signals after renaming. */
#define LIVE_OLD_FILE_NS (10ULL * 1000000000)
#define LIVE_SERVICES_MAX 128 /* as many as the pipeline takes; ids past it have no name */
#define LIVE_EXECS_MAX 4096 /* newest pids, for a canary whose exec came before its message */

/* A channel in the loop. */
struct peer {
	struct channel *channel;
	struct loop_source *io;
	uint32_t events;
};

/* One file or pipe that is being read. */
struct tap {
	struct log_reader *reader;
	struct log_follower follower; /* fd -1: none */
};

struct live_source {
	struct live *live;
	uint32_t id;
	uint32_t kind; /* enum ipc_source_kind */
	char name[IPC_NAME_MAX];
	struct tap tap;
	struct tap old; /* the file before the last rotation, until LIVE_OLD_FILE_NS later */
	uint64_t old_until_ns;
	struct loop_source *io; /* pipe */
	uint64_t truncations; /* told so far */
	uint64_t cut; /* told so far */
	uint64_t malformed; /* seen so far */
	bool malformed_told;
	bool failing; /* told, until a read succeeds */
	bool full; /* pipe, socket: its last turn ended before there was no more */
	char path[IPC_PATH_MAX];
	struct source_watch watch;
	struct log_reader_stats past; /* of readers that are gone */
	uint64_t looked_records; /* of all readers, at the last look */
	uint64_t dropped, skipped, rotations, past_truncations, gaps, floods;
	uint64_t last_ns; /* of the last record */
	uint32_t given; /* enum ipc_source_state from bailiffd */
	char given_text[IPC_TEXT_MAX];
	uint32_t told; /* enum ipc_source_state that was told of last */
	uint64_t told_ns;
	uint64_t sent; /* hash of the figures that bailiffd knows */
};

struct live {
	struct loop *loop;
	struct peer parent;
	struct peer recorder;
	struct pipeline *pipeline;
	struct sensor_rings *rings;
	int ring_fd[IPC_RING_WHICH_MAX];
	size_t ring_size[IPC_RING_WHICH_MAX];
	int notify_fd;
	int more_fd; /* eventfd */
	bool more; /* it has been written */
	bool files_waiting; /* look at the files in the next turn */
	struct live_source source[LIVE_SOURCES_MAX];
	unsigned int sources;
	unsigned int next_source; /* whose turn it is when LIVE_FILES_TURN is used up */
	int64_t clock_ns; /* boot to wall at the last look */
	unsigned int files;
	unsigned int refused; /* filters and rules that do not work */
	int64_t boot_to_wall_ns;
	uint64_t clock_steps, clock_step_boot_ns;
	int64_t clock_step_ns; /* the last one's size */
	uint64_t limits_sent[IPC_FILTERS_MAX]; /* that bailiffd knows, by filter */
	bool hello;
	bool started;
	bool sandboxed;
	unsigned int ticks;
	uint32_t history;
	uint64_t unsent_decisions;
	uint64_t lost_records; /* no recorder, or its queue was full; since the last notice */
	uint64_t lost_execs; /* the same of RECORD_EXEC, which must not fill the queue */
	struct event_tap recording;
	char service_name[LIVE_SERVICES_MAX + 1][IPC_NAME_MAX];
	const char *service[LIVE_SERVICES_MAX + 1]; /* [id], NULL where unused */
	uint32_t canary_wanted, canary_seen;
	uint32_t exec_pid[LIVE_EXECS_MAX];
	unsigned int execs;
};

/* ---- live.c ---- */

int live_main(int argc, char **argv);
void live_end_recording(struct live *live, int error);
/* Does some of what waits everywhere. -errno ends the process. */
int live_turn(struct live *live);

/* ---- live/peers.c: what is said to whom ---- */

int peer_open(struct live *live, struct peer *peer, int fd, const char *who,
	      const struct channel_rule *rules);
void peer_close(struct peer *peer);
/* EPOLLOUT is waited for while something is queued. After whatever may have sent. */
int peers_update(struct live *live);
void live_ask_account(uint32_t uid, void *arg);
void live_send_decision(const struct decision *decision, void *arg);
void live_send_record(const struct ipc_record *record, void *arg);
void live_send_log(void *arg, int level, const char *text);
int live_send_heartbeat(struct live *live);
/* A RECORD_SOURCE, and the same to the log. */
void live_tell_source(struct live *live, const struct live_source *source, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- live/setup.c: what bailiffd and the recorder may say ---- */

extern const struct channel_rule live_parent_rules[];
extern const struct channel_rule live_recorder_rules[];
int live_check_setup(struct live *live);
/* What filters say of themselves goes to the log. */
void live_watch_filters(struct live *live);
void live_count_ready(struct live *live, struct ipc_ready *ret);

/* ---- live/sources.c: log sources ---- */

int live_source_add(struct live *live, const struct ipc_source *message, int fd);
int live_source_switch(struct live *live, const struct ipc_source_fd *message, int fd);
int live_sources_start(struct live *live);
/* Reads on; true: something was left for the next turn. */
bool live_sources_follow(struct live *live, uint64_t now_ns);
int live_source_on_record(const struct log_record *record, void *arg);
void live_source_end(struct live_source *source, const char *what, const char *why);

/* ---- live/sockets.c: syslog datagrams, audit records ---- */

int live_socket_start(struct live_source *source);

/* ---- live/status.c: how they do, once a second ---- */

int live_source_state(struct live *live, const struct ipc_source_state_change *message);
/* What a reader counted stays when it goes. */
void live_source_keep(struct live_source *source, const struct tap *tap);
/* Counted, and told if there are any. */
void live_source_gaps(struct live_source *source, uint32_t gaps);
/* With each tick: was the wall clock set? */
void live_look_at_clock(struct live *live);
void live_sources_report(struct live *live);
void live_sources_done(struct live *live);

#endif
