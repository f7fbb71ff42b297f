/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to bailiffctl record: lines of a pipe into a file.
 */
#ifndef CTL_RECORD_H
#define CTL_RECORD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* As long as the pipe that bailiffd makes: what stands in it when a signal comes is still taken. */
#define RECORD_LAST_MAX (1024 * 1024)
#define RECORD_LINE_MAX (64 * 1024) /* what replay reads at most */

enum record_end {
	RECORD_STOPPED = 1, /* by a signal */
	RECORD_ENDED, /* the other end of the pipe is gone */
};

struct record_count {
	uint64_t events;
	uint64_t lost; /* that the last line tells of */
};

/* Copies whole lines until the pipe ends or one of the signals comes, which must be blocked. What
 * is left of a line at the end is not written. An enum record_end, or -errno; -EBADMSG: too long
 * a line; -EIO with ret_writing set and others: as the system said it. */
int record_copy(int pipe_fd, int out_fd, const sigset_t *signals, struct record_count *ret,
		bool *ret_writing);

/* "-" is standard output. force: a regular file that is there is removed first. An enum ctl_exit,
 * with a sentence said. */
int record_check(const char *path, bool force);
int record_open(const char *path, bool force, int *ret_fd);

#endif
