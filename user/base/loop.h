/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An epoll loop: fds, timers, signals. No threads. Callbacks return 0 or -errno; an error ends
 * loop_run with that value.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <signal.h>
#include <stdint.h>
#include <sys/signalfd.h>

#include "base/cleanup.h"

struct loop;
struct loop_source;

/* events: EPOLLIN, EPOLLOUT, EPOLLHUP… as epoll gave them. A source may be removed in its own
 * callback or in another's. */
typedef int (*loop_io_fn)(struct loop_source *source, int fd, uint32_t events, void *arg);
typedef int (*loop_timer_fn)(struct loop_source *source, uint64_t now_boot_ns, void *arg);
typedef int (*loop_signal_fn)(struct loop_source *source, const struct signalfd_siginfo *info,
			      void *arg);

int loop_new(struct loop **ret);
struct loop *loop_free(struct loop *loop); /* frees all sources; does not close callers' fds */
DEFINE_CLEANUP(loop_free, struct loop *)

int loop_add_io(struct loop *loop, int fd, uint32_t events, loop_io_fn fn, void *arg,
		struct loop_source **ret);
/* Other events for an io source, e.g. EPOLLOUT while a channel has something to send. */
int loop_set_events(struct loop_source *source, uint32_t events);
/* First after first_ns, then every period_ns (0: once). CLOCK_BOOTTIME. */
int loop_add_timer(struct loop *loop, uint64_t first_ns, uint64_t period_ns, loop_timer_fn fn,
		   void *arg, struct loop_source **ret);
/* Masks the signals in the set for the process and reads them from one signalfd. */
int loop_add_signals(struct loop *loop, const sigset_t *set, loop_signal_fn fn, void *arg,
		     struct loop_source **ret);
struct loop_source *loop_remove(struct loop_source *source);

int loop_run(struct loop *loop); /* until loop_stop: its value; or a callback's error */
void loop_stop(struct loop *loop, int value);

#endif
