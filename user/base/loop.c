/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An epoll loop. epoll is told a source's number and generation, not its address: an event that
 * arrives after its source went (removed by an earlier callback of the same batch, or an fd that
 * somebody else still holds open) finds no source, instead of freed memory.
 */
#include "base/loop.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>

#include "base/clock.h"

#define BATCH 32

enum source_kind {
	SOURCE_IO = 1,
	SOURCE_TIMER,
	SOURCE_SIGNALS,
};

struct loop_source {
	struct loop *loop;
	enum source_kind kind;
	uint32_t number; /* index in loop->slot */
	int fd; /* timers and signals: ours, closed with the source */
	union {
		loop_io_fn io;
		loop_timer_fn timer;
		loop_signal_fn signals;
	};
	void *arg;
	bool removed;
	struct loop_source *next_removed;
};

struct slot {
	struct loop_source *source; /* NULL: free */
	uint32_t generation;
};

struct loop {
	int epoll_fd;
	struct slot *slot;
	uint32_t slots;
	struct loop_source *removed; /* freed after the callback that removed them */
	bool dispatching;
	bool stop;
	int value;
};

int loop_new(struct loop **ret)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		int r = -errno;

		free(loop);
		return r;
	}
	*ret = loop;
	return 0;
}

static void free_removed(struct loop *loop)
{
	while (loop->removed) {
		struct loop_source *source = loop->removed;

		loop->removed = source->next_removed;
		free(source);
	}
}

struct loop *loop_free(struct loop *loop)
{
	if (!loop)
		return NULL;
	for (uint32_t i = 0; i < loop->slots; i++)
		(void)loop_remove(loop->slot[i].source);
	free_removed(loop);
	(void)close(loop->epoll_fd);
	free(loop->slot);
	free(loop);
	return NULL;
}

static int find_slot(struct loop *loop, uint32_t *ret)
{
	struct slot *more;
	uint32_t slots = loop->slots ? loop->slots * 2 : 16;

	for (uint32_t i = 0; i < loop->slots; i++) {
		if (!loop->slot[i].source) {
			*ret = i;
			return 0;
		}
	}
	more = reallocarray(loop->slot, slots, sizeof(*more));
	if (!more)
		return -ENOMEM;
	for (uint32_t i = loop->slots; i < slots; i++)
		more[i] = (struct slot){ 0 };
	loop->slot = more;
	*ret = loop->slots;
	loop->slots = slots;
	return 0;
}

static struct epoll_event event_of(const struct loop_source *source, uint32_t events)
{
	uint64_t generation = source->loop->slot[source->number].generation;

	return (struct epoll_event){ .events = events,
				     .data.u64 = generation << 32 | source->number };
}

static int add(struct loop *loop, const struct loop_source *like, uint32_t events,
	       struct loop_source **ret)
{
	_cleanup_free_ struct loop_source *source = NULL;
	struct epoll_event event;
	uint32_t number;
	int r;

	source = malloc(sizeof(*source));
	if (!source)
		return -ENOMEM;
	r = find_slot(loop, &number);
	if (r < 0)
		return r;
	*source = *like;
	source->loop = loop;
	source->number = number;
	loop->slot[number].generation++;
	event = event_of(source, events);
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) < 0)
		return -errno;
	loop->slot[number].source = source;
	if (ret)
		*ret = source;
	(void)TAKE_PTR(source);
	return 0;
}

int loop_add_io(struct loop *loop, int fd, uint32_t events, loop_io_fn fn, void *arg,
		struct loop_source **ret)
{
	struct loop_source like = { .kind = SOURCE_IO, .fd = fd, .io = fn, .arg = arg };

	return add(loop, &like, events, ret);
}

int loop_set_events(struct loop_source *source, uint32_t events)
{
	struct epoll_event event = event_of(source, events);

	if (epoll_ctl(source->loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event) < 0)
		return -errno;
	return 0;
}

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = (time_t)(ns / NSEC_PER_SEC),
		.tv_nsec = (long)(ns % NSEC_PER_SEC),
	};
}

int loop_add_timer(struct loop *loop, uint64_t first_ns, uint64_t period_ns, loop_timer_fn fn,
		   void *arg, struct loop_source **ret)
{
	struct loop_source like = { .kind = SOURCE_TIMER, .timer = fn, .arg = arg };
	_cleanup_close_ int fd = -1;
	struct itimerspec when;
	int r;

	fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	/* Zero would disarm it. */
	when.it_value = timespec_of(first_ns ? first_ns : 1);
	when.it_interval = timespec_of(period_ns);
	if (timerfd_settime(fd, 0, &when, NULL) < 0)
		return -errno;
	like.fd = fd;
	r = add(loop, &like, EPOLLIN, ret);
	if (r < 0)
		return r;
	(void)TAKE_FD(fd);
	return 0;
}

int loop_add_signals(struct loop *loop, const sigset_t *set, loop_signal_fn fn, void *arg,
		     struct loop_source **ret)
{
	struct loop_source like = { .kind = SOURCE_SIGNALS, .signals = fn, .arg = arg };
	_cleanup_close_ int fd = -1;
	int r;

	if (sigprocmask(SIG_BLOCK, set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	like.fd = fd;
	r = add(loop, &like, EPOLLIN, ret);
	if (r < 0)
		return r;
	(void)TAKE_FD(fd);
	return 0;
}

struct loop_source *loop_remove(struct loop_source *source)
{
	struct loop *loop;

	if (!source || source->removed)
		return NULL;
	loop = source->loop;
	/* Fails with EBADF where the caller closed the fd first. */
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	if (source->kind != SOURCE_IO)
		(void)close(source->fd);
	loop->slot[source->number].source = NULL;
	source->removed = true;
	source->next_removed = loop->removed;
	loop->removed = source;
	if (!loop->dispatching)
		free_removed(loop);
	return NULL;
}

static int dispatch_timer(struct loop_source *source)
{
	uint64_t expirations;

	/* EAGAIN: the clock was set meanwhile, or an earlier callback armed it anew. */
	if (read(source->fd, &expirations, sizeof(expirations)) < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return source->timer(source, clock_boot_ns(), source->arg);
}

static int dispatch_signals(struct loop_source *source)
{
	struct signalfd_siginfo info;
	int r;

	while (!source->removed && !source->loop->stop) {
		ssize_t got = read(source->fd, &info, sizeof(info));

		if (got < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if ((size_t)got != sizeof(info))
			return -EIO;
		r = source->signals(source, &info, source->arg);
		if (r < 0)
			return r;
	}
	return 0;
}

static int dispatch(struct loop *loop, const struct epoll_event *event)
{
	uint32_t number = (uint32_t)event->data.u64;
	struct loop_source *source;

	if (number >= loop->slots || loop->slot[number].generation != event->data.u64 >> 32)
		return 0;
	source = loop->slot[number].source;
	if (!source)
		return 0;
	switch (source->kind) {
	case SOURCE_IO:
		return source->io(source, source->fd, event->events, source->arg);
	case SOURCE_TIMER:
		return dispatch_timer(source);
	case SOURCE_SIGNALS:
		return dispatch_signals(source);
	}
	return -EINVAL;
}

int loop_run(struct loop *loop)
{
	struct epoll_event events[BATCH];
	int count, r = 0;

	while (!loop->stop) {
		count = epoll_wait(loop->epoll_fd, events, BATCH, -1);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		for (int i = 0; i < count && !loop->stop; i++) {
			loop->dispatching = true;
			r = dispatch(loop, &events[i]);
			loop->dispatching = false;
			free_removed(loop);
			if (r < 0)
				return r;
		}
	}
	/* So that it can be run again. */
	loop->stop = false;
	return loop->value;
}

void loop_stop(struct loop *loop, int value)
{
	loop->stop = true;
	loop->value = value;
}
