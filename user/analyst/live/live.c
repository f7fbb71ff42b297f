/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The live process: give up rights, take the set-up, compile, close the sandbox, then loop.
 */
#include "analyst/live/live.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "privsep/privsep.h"

#define TICK_NS (100 * NSEC_PER_MSEC)
#define TICKS_PER_S 10

static const char usage[] =
	"Usage: bailiff-analyst [--user NAME]\n"
	"       bailiff-analyst replay|filter|rules|record-check ...\n"
	"The first form is started by bailiffd, with its socket as file descriptor 3.\n";

static int on_event(const union bl_event *event, void *arg)
{
	struct live *live = arg;
	const struct sensor_names names = { live->service, LIVE_SERVICES_MAX + 1 };
	int r;

	if (event->head.kind == BL_EVENT_EXEC) {
		uint32_t pid = event->exec.task.pid;

		live->exec_pid[live->execs++ % LIVE_EXECS_MAX] = pid;
		if (pid == live->canary_wanted)
			live->canary_seen = pid;
	}
	r = event_tap_put(&live->recording, event, &names);
	if (r < 0)
		live_end_recording(live, r);
	pipeline_event(live->pipeline, event, clock_boot_ns());
	return 0;
}

/* error: why, or 0. */
void live_end_recording(struct live *live, int error)
{
	if (live->recording.fd < 0)
		return;
	event_tap_close(&live->recording);
	log_info("a recording has ended after %llu events; %llu were lost: its reader was too slow",
		 (unsigned long long)live->recording.events,
		 (unsigned long long)live->recording.lost);
	if (error < 0 && error != -EPIPE)
		log_warning_errno(error, "the recording could not be written");
}

static int more_set(struct live *live)
{
	uint64_t one = 1;

	if (live->more)
		return 0;
	if (write(live->more_fd, &one, sizeof(one)) != sizeof(one))
		return -errno;
	live->more = true;
	return 0;
}

int live_turn(struct live *live)
{
	bool more = false;
	int r;

	if (live->rings &&
	    sensor_rings_read(live->rings, LIVE_EVENTS_TURN, on_event, live) == LIVE_EVENTS_TURN)
		more = true;
	if (live->files_waiting) {
		live->files_waiting = live_sources_follow(live, clock_boot_ns());
		more = more || live->files_waiting;
	}
	if (more) {
		r = more_set(live);
		if (r < 0)
			return r;
	}
	return peers_update(live);
}

static int on_ring(struct loop_source *source, int fd, uint32_t events, void *arg)
{
	(void)source;
	(void)fd;
	(void)events;
	return live_turn(arg);
}

static int on_more(struct loop_source *source, int fd, uint32_t events, void *arg)
{
	struct live *live = arg;
	uint64_t count;

	(void)source;
	(void)events;
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return -errno;
	live->more = false;
	return live_turn(live);
}

/* What changed is not asked for: every file is looked at, that costs two system calls each. */
static int on_notify(struct loop_source *source, int fd, uint32_t events, void *arg)
{
	struct live *live = arg;
	char drained[4096];

	(void)events;
	for (int i = 0; i < 16; i++) {
		ssize_t n = read(fd, drained, sizeof(drained));

		if (n > 0)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		log_warning("changes of log files are not told any more, they are looked for "
			    "each second");
		loop_remove(source);
		break;
	}
	live->files_waiting = true;
	return live_turn(live);
}

static void lost_records_tell(struct live *live)
{
	if (live->ticks % (60 * TICKS_PER_S))
		return;
	if (live->lost_records)
		log_warning("%llu records were lost: bailiff-recorder did not take them",
			    (unsigned long long)live->lost_records);
	if (live->lost_execs)
		log_info("%llu program starts were not shown to those who watch: too many at once",
			 (unsigned long long)live->lost_execs);
	live->lost_records = live->lost_execs = 0;
}

static int on_tick(struct loop_source *source, uint64_t now_ns, void *arg)
{
	struct live *live = arg;
	int r;

	(void)source;
	live->ticks++;
	r = event_tap_flush(&live->recording);
	if (r < 0)
		live_end_recording(live, r);
	/* A safety net below the notifications, and what ends the old file of a rotation. */
	if (live->ticks % TICKS_PER_S == 0)
		live->files_waiting = true;
	live_look_at_clock(live);
	r = live_turn(live);
	if (r < 0)
		return r;
	pipeline_tick(live->pipeline, now_ns);
	if (live->ticks % TICKS_PER_S == 0) {
		live_sources_report(live);
		lost_records_tell(live);
		r = live_send_heartbeat(live);
		if (r < 0)
			return r;
	}
	return peers_update(live);
}

static int ring_watch(struct live *live, enum ipc_ring_which which, uint32_t events)
{
	struct loop_source *source;
	int r = loop_add_io(live->loop, live->ring_fd[which], events, on_ring, live, &source);

	/* What cannot be waited for is looked at with each tick: a plain file in a ring's place. */
	return r == -EPERM ? 0 : r;
}

static int rings_add(struct live *live)
{
	int r;

	if (live->ring_fd[IPC_RING_URGENT] < 0)
		return 0;
	r = sensor_rings_new(&live->rings, live->ring_fd[IPC_RING_URGENT],
			     live->ring_size[IPC_RING_URGENT], live->ring_fd[IPC_RING_EVENTS],
			     live->ring_size[IPC_RING_EVENTS]);
	if (r < 0)
		return log_error_errno(r, "the rings cannot be mapped");
	r = ring_watch(live, IPC_RING_URGENT, EPOLLIN);
	/* Only its wake-ups: level-triggered, each single NO_WAKEUP record would end the sleep. */
	return r < 0 ? r : ring_watch(live, IPC_RING_EVENTS, EPOLLIN | EPOLLET);
}

static int inputs_add(struct live *live)
{
	struct loop_source *source;
	int r;

	live->more_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (live->more_fd < 0)
		return -errno;
	r = loop_add_io(live->loop, live->more_fd, EPOLLIN, on_more, live, &source);
	if (r < 0)
		return r;
	r = rings_add(live);
	if (r < 0)
		return r;
	if (live->notify_fd >= 0) {
		r = loop_add_io(live->loop, live->notify_fd, EPOLLIN, on_notify, live, &source);
		if (r < 0)
			return r;
	}
	r = live_sources_start(live);
	if (r < 0)
		return r;
	return loop_add_timer(live->loop, TICK_NS, TICK_NS, on_tick, live, &source);
}

/* Until START; what it is made of is checked in live/setup.c. 1: bailiffd is gone. */
static int setup_receive(struct live *live)
{
	while (!live->started) {
		struct pollfd p = { .fd = channel_fd(live->parent.channel), .events = POLLIN };
		int r;

		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return -errno;
		r = channel_receive(live->parent.channel);
		if (r == CHANNEL_CLOSED)
			return 1;
		if (r == -EPROTO)
			log_error("%s", channel_error(live->parent.channel));
		if (r < 0)
			return r;
	}
	return live_check_setup(live);
}

static int live_new(struct live *live)
{
	struct pipeline_sink sink = {
		.decision = live_send_decision,
		.record = live_send_record,
		.account = live_ask_account,
		.arg = live,
	};
	uint64_t seed[2];
	int r;

	live->notify_fd = live->more_fd = -1;
	event_tap_init(&live->recording);
	for (int i = 0; i < IPC_RING_WHICH_MAX; i++)
		live->ring_fd[i] = -1;
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return -EIO;
	r = loop_new(&live->loop);
	if (r < 0)
		return r;
	r = pipeline_new(&live->pipeline, &sink, seed);
	if (r < 0)
		return r;
	live_watch_filters(live);
	return peer_open(live, &live->parent, PRIVSEP_FD, "bailiffd", live_parent_rules);
}

/*
 * Only where no sandbox closed: it made the compiled expressions' memory read-only, and freeing
 * them writes there. The process ends anyway.
 */
static void live_done(struct live *live)
{
	log_set_sink(NULL, NULL);
	live_sources_done(live);
	event_tap_close(&live->recording);
	sensor_rings_free(live->rings);
	peer_close(&live->parent);
	peer_close(&live->recorder);
	pipeline_free(live->pipeline);
	loop_free(live->loop);
	for (int i = 0; i < IPC_RING_WHICH_MAX; i++)
		base_closep(&live->ring_fd[i]);
	base_closep(&live->notify_fd);
	base_closep(&live->more_fd);
}

static int live_run(struct live *live)
{
	struct ipc_ready ready = { .head = { 0 } };
	int r;

	/* Stamps without a zone are local time; its file cannot be opened later. */
	/* With TZ unset glibc looks at the file again at each mktime (time/tzset.c,
	 * tzset_internal), and the sandbox kills whoever does. */
	(void)setenv("TZ", ":/etc/localtime", 0);
	tzset();
	r = live_new(live);
	if (r < 0)
		return log_error_errno(r, "start");
	log_set_sink(live_send_log, live);
	r = setup_receive(live);
	if (r != 0)
		return r < 0 ? r : 0;
	r = inputs_add(live);
	if (r < 0)
		return log_error_errno(r, "start");
	live_count_ready(live, &ready);
	r = privsep_sandbox(PRIVSEP_ANALYST, NULL, &live->sandboxed);
	if (r < 0)
		return log_error_errno(r, "the sandbox cannot be closed");
	r = channel_send(live->parent.channel, IPC_READY, &ready, sizeof(ready), -1);
	if (r < 0)
		return r;
	live->files_waiting = true;
	r = live_turn(live);
	return r < 0 ? r : loop_run(live->loop);
}

/* 0: go on; 1: done; -EINVAL. */
static int parse(int argc, char **argv, const char **ret_user)
{
	static const struct option longs[] = {
		{ "user", required_argument, NULL, 'u' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) >= 0) {
		switch (c) {
		case 'u':
			*ret_user = optarg;
			break;
		case 'v':
			puts("bailiff-analyst " BAILIFF_VERSION);
			return 1;
		case 'h':
			(void)fputs(usage, stdout);
			return 1;
		default:
			return -EINVAL;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "bailiff-analyst: there is no command %s\n%s", argv[optind],
			      usage);
		return -EINVAL;
	}
	return 0;
}

int live_main(int argc, char **argv)
{
	const char *user = NULL;
	struct live *live;
	struct stat st;
	int r;

	log_open("bailiff-analyst");
	r = parse(argc, argv, &user);
	if (r)
		return r < 0 ? 1 : 0;
	if (fstat(PRIVSEP_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		(void)fprintf(stderr, "bailiff-analyst: no socket as file descriptor 3\n%s", usage);
		return 1;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	r = privsep_drop(user);
	if (r < 0) {
		(void)log_error_errno(r, "rights cannot be given up (user %s)",
				      user ? user : "unchanged");
		return 1;
	}
	live = calloc(1, sizeof(*live));
	if (!live)
		return 1;
	r = live_run(live);
	if (r < 0)
		(void)log_error_errno(r, "ended");
	if (!live->sandboxed) {
		live_done(live);
		free(live);
	}
	return r < 0 ? 1 : 0;
}
