/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One log file: what it is known by, and where reading it goes on. Private to sources*.c.
 */
#ifndef ENFORCER_SLOT_H
#define ENFORCER_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <bailiff/ipc.h>

#include "enforcer/positions.h"

struct slot {
	size_t conf; /* index of its source */
	char path[IPC_PATH_MAX]; /* "" = spare */
	int fd; /* what the analyst reads; -1 = the empty file */
	int waiting_fd; /* the path's new file, still without a byte */
	dev_t dev, waiting_dev;
	ino_t ino, waiting_ino;
	uint64_t offset; /* where the analyst was told to begin */
	uint64_t size_seen; /* at the last heartbeat */
	uint64_t size_read; /* at the one before: read by now */
	bool attested;
	bool judged; /* whether it is attested was told */
	int watch; /* in notify_fd, -1 = none */
	uint64_t skipped; /* bytes before offset that nobody reads */
	int trouble; /* of the last look at the path: 0, or -errno; -ENOENT: it is not there */
	int told; /* trouble that the analyst knows of */
	uint64_t since_ns; /* boot: trouble is not what was told since then; 0 = it is */
};

void slot_remember(struct positions *to, const struct slot *slot);

/*
 * Opens path where reading goes on: the same file where it was left; the file that was read last,
 * if it stands in the same folder under a name that begins with path's (PATH.1, PATH-20261124);
 * else the new file from its beginning. A path that is not
 * in known is read from its end (it was there before us), unless appeared. ret_skipped: bytes that
 * are too many to catch up with. -ENOENT and source_open's other errors.
 */
int slot_find(const char *path, const struct positions *known, bool appeared, int *ret_fd,
	      struct stat *ret_st, uint64_t *ret_offset, uint64_t *ret_skipped);

#endif
