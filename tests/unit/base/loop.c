/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The loop: sources that come and go while it runs, errors, timers, signals.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/loop.h"
#include "unit.h"

static int ready_fd(void)
{
	int fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);

	assert_true(fd >= 0);
	return fd;
}

static int stop_with(struct loop_source *source, uint64_t now, void *arg)
{
	(void)source;
	(void)now;
	loop_stop(arg, 42);
	return 0;
}

static void it_stops_with_a_value_and_runs_again(void **state)
{
	_cleanup_(loop_freep) struct loop *loop = NULL;

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(loop_add_timer(loop, 0, 0, stop_with, loop, NULL), 0);
	assert_int_equal(loop_run(loop), 42);
	assert_int_equal(loop_add_timer(loop, NSEC_PER_MSEC, 0, stop_with, loop, NULL), 0);
	assert_int_equal(loop_run(loop), 42);
	/* Stopped before it runs. */
	loop_stop(loop, 7);
	assert_int_equal(loop_run(loop), 7);
}

static int fails(struct loop_source *source, int fd, uint32_t events, void *arg)
{
	(void)source;
	(void)fd;
	assert_true(events & EPOLLIN);
	++*(int *)arg;
	return -EDOM;
}

static void an_error_ends_it(void **state)
{
	_cleanup_(loop_freep) struct loop *loop = NULL;
	_cleanup_close_ int fd = ready_fd();
	int calls = 0;

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(loop_add_io(loop, fd, EPOLLIN, fails, &calls, NULL), 0);
	assert_int_equal(loop_run(loop), -EDOM);
	assert_int_equal(calls, 1);
}

/* Two ready sources; whichever comes first removes both. The other must not be called. */
struct pair {
	struct loop *loop;
	struct loop_source *source[2];
	int calls;
};

static int remove_both(struct loop_source *source, int fd, uint32_t events, void *arg)
{
	struct pair *pair = arg;

	(void)source;
	(void)fd;
	(void)events;
	pair->calls++;
	for (int i = 0; i < 2; i++)
		pair->source[i] = loop_remove(pair->source[i]);
	return loop_add_timer(pair->loop, 20 * NSEC_PER_MSEC, 0, stop_with, pair->loop, NULL);
}

static void a_source_removes_itself_and_another(void **state)
{
	_cleanup_(loop_freep) struct loop *loop = NULL;
	_cleanup_close_ int one = ready_fd(), two = ready_fd();
	struct pair pair = { 0 };

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	pair.loop = loop;
	assert_int_equal(loop_add_io(loop, one, EPOLLIN, remove_both, &pair, &pair.source[0]), 0);
	assert_int_equal(loop_add_io(loop, two, EPOLLIN, remove_both, &pair, &pair.source[1]), 0);
	assert_int_equal(loop_run(loop), 42);
	assert_int_equal(pair.calls, 1);
	assert_null(pair.source[0]);
}

/* The slot of the removed source is taken by a new one in the same batch: the event that still
 * waits for the old one must not reach the new one, which is not ready. */
struct swap {
	struct loop *loop;
	struct loop_source *source[2];
	int calls, wrong;
	int quiet[2]; /* never readable */
};

static int not_ready(struct loop_source *source, int fd, uint32_t events, void *arg)
{
	struct swap *swap = arg;

	(void)source;
	(void)fd;
	(void)events;
	swap->wrong++;
	return 0;
}

static int swap_sources(struct loop_source *source, int fd, uint32_t events, void *arg)
{
	struct swap *swap = arg;

	(void)source;
	(void)fd;
	(void)events;
	swap->calls++;
	for (int i = 0; i < 2; i++)
		swap->source[i] = loop_remove(swap->source[i]);
	/* First free slots: those of the two. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			loop_add_io(swap->loop, swap->quiet[i], EPOLLIN, not_ready, swap, NULL), 0);
	return loop_add_timer(swap->loop, 20 * NSEC_PER_MSEC, 0, stop_with, swap->loop, NULL);
}

static void an_old_event_does_not_reach_a_new_source(void **state)
{
	_cleanup_(loop_freep) struct loop *loop = NULL;
	_cleanup_close_ int one = ready_fd(), two = ready_fd();
	_cleanup_close_ int quiet = eventfd(0, EFD_CLOEXEC), still = eventfd(0, EFD_CLOEXEC);
	struct swap swap = { .quiet = { quiet, still } };

	(void)state;
	assert_true(quiet >= 0 && still >= 0);
	assert_int_equal(loop_new(&loop), 0);
	swap.loop = loop;
	assert_int_equal(loop_add_io(loop, one, EPOLLIN, swap_sources, &swap, &swap.source[0]), 0);
	assert_int_equal(loop_add_io(loop, two, EPOLLIN, swap_sources, &swap, &swap.source[1]), 0);
	assert_int_equal(loop_run(loop), 42);
	assert_int_equal(swap.calls, 1);
	assert_int_equal(swap.wrong, 0);
}

/* The fd was closed too early while a duplicate keeps its description alive: epoll goes on to tell
 * of it, for a source that is gone. */
static void a_forgotten_description_does_no_harm(void **state)
{
	_cleanup_(loop_freep) struct loop *loop = NULL;
	struct loop_source *source = NULL;
	_cleanup_close_ int kept = -1;
	int fd = ready_fd(), calls = 0;

	(void)state;
	kept = dup(fd);
	assert_true(kept >= 0);
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(loop_add_io(loop, fd, EPOLLIN, fails, &calls, &source), 0);
	assert_int_equal(close(fd), 0);
	assert_null(loop_remove(source));
	assert_int_equal(loop_add_timer(loop, 20 * NSEC_PER_MSEC, 0, stop_with, loop, NULL), 0);
	assert_int_equal(loop_run(loop), 42);
	assert_int_equal(calls, 0);
}

struct ticks {
	struct loop *loop;
	uint64_t last;
	int count;
};

static int tick(struct loop_source *source, uint64_t now, void *arg)
{
	struct ticks *ticks = arg;

	(void)source;
	assert_true(now >= ticks->last);
	ticks->last = now;
	if (++ticks->count == 3)
		loop_stop(ticks->loop, 0);
	return 0;
}

static void timers(void **state)
{
	_cleanup_(loop_freep) struct loop *loop = NULL;
	struct ticks once = { 0 }, often = { 0 };
	uint64_t begin = clock_boot_ns();

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	once.loop = often.loop = loop;
	assert_int_equal(loop_add_timer(loop, NSEC_PER_MSEC, 0, tick, &once, NULL), 0);
	assert_int_equal(
		loop_add_timer(loop, 10 * NSEC_PER_MSEC, 5 * NSEC_PER_MSEC, tick, &often, NULL), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(often.count, 3);
	assert_int_equal(once.count, 1);
	assert_true(clock_boot_ns() - begin >= 20 * NSEC_PER_MSEC);
}

static int remove_timer(struct loop_source *source, uint64_t now, void *arg)
{
	(void)now;
	++*(int *)arg;
	(void)loop_remove(source);
	return 0;
}

static void a_timer_removes_itself(void **state)
{
	_cleanup_(loop_freep) struct loop *loop = NULL;
	int calls = 0;

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(loop_add_timer(loop, 1, NSEC_PER_MSEC, remove_timer, &calls, NULL), 0);
	assert_int_equal(loop_add_timer(loop, 20 * NSEC_PER_MSEC, 0, stop_with, loop, NULL), 0);
	assert_int_equal(loop_run(loop), 42);
	assert_int_equal(calls, 1);
}

struct signals {
	struct loop *loop;
	int usr1, usr2;
};

static int on_signal(struct loop_source *source, const struct signalfd_siginfo *info, void *arg)
{
	struct signals *signals = arg;

	(void)source;
	assert_int_equal(info->ssi_pid, getpid());
	if (info->ssi_signo == SIGUSR1)
		signals->usr1++;
	if (info->ssi_signo == SIGUSR2)
		signals->usr2++;
	if (signals->usr1 && signals->usr2)
		loop_stop(signals->loop, 0);
	return 0;
}

static void signals_arrive(void **state)
{
	_cleanup_(loop_freep) struct loop *loop = NULL;
	struct signals signals = { 0 };
	sigset_t set;

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	signals.loop = loop;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigaddset(&set, SIGUSR2);
	assert_int_equal(loop_add_signals(loop, &set, on_signal, &signals, NULL), 0);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	assert_int_equal(kill(getpid(), SIGUSR2), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(signals.usr1, 1);
	assert_int_equal(signals.usr2, 1);
}

static int writable(struct loop_source *source, int fd, uint32_t events, void *arg)
{
	(void)source;
	(void)fd;
	assert_int_equal(events, EPOLLOUT);
	loop_stop(arg, 1);
	return 0;
}

static void events_can_be_changed(void **state)
{
	_cleanup_(loop_freep) struct loop *loop = NULL;
	_cleanup_close_ int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct loop_source *source = NULL;

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	/* Never readable; writable at once. */
	assert_int_equal(loop_add_io(loop, fd, EPOLLIN, writable, loop, &source), 0);
	assert_int_equal(loop_set_events(source, EPOLLIN | EPOLLOUT), 0);
	assert_int_equal(loop_run(loop), 1);
}

static void many_sources(void **state)
{
	_cleanup_(loop_freep) struct loop *loop = NULL;
	struct loop_source *source[100];
	int fd[100], calls = 0;

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	for (int i = 0; i < 100; i++) {
		fd[i] = eventfd(0, EFD_CLOEXEC);
		assert_true(fd[i] >= 0);
		assert_int_equal(loop_add_io(loop, fd[i], EPOLLIN, fails, &calls, &source[i]), 0);
	}
	for (int i = 0; i < 100; i += 2)
		source[i] = loop_remove(source[i]);
	/* Only one that is left, in the grown part, is ready. */
	assert_int_equal(eventfd_write(fd[77], 1), 0);
	assert_int_equal(eventfd_write(fd[50], 1), 0);
	assert_int_equal(loop_run(loop), -EDOM);
	assert_int_equal(calls, 1);
	for (int i = 0; i < 100; i++)
		assert_int_equal(close(fd[i]), 0);
}

static void what_epoll_refuses(void **state)
{
	_cleanup_(loop_freep) struct loop *loop = NULL;
	_cleanup_close_ int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct loop_source *source = NULL;

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(loop_add_io(loop, file, EPOLLIN, fails, NULL, &source), -EPERM);
	assert_int_equal(loop_add_io(loop, -1, EPOLLIN, fails, NULL, &source), -EBADF);
	assert_null(source);
	assert_null(loop_remove(NULL));
	assert_null(loop_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_stops_with_a_value_and_runs_again),
		cmocka_unit_test(an_error_ends_it),
		cmocka_unit_test(a_source_removes_itself_and_another),
		cmocka_unit_test(an_old_event_does_not_reach_a_new_source),
		cmocka_unit_test(a_forgotten_description_does_no_harm),
		cmocka_unit_test(timers),
		cmocka_unit_test(a_timer_removes_itself),
		cmocka_unit_test(signals_arrive),
		cmocka_unit_test(events_can_be_changed),
		cmocka_unit_test(many_sources),
		cmocka_unit_test(what_epoll_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
