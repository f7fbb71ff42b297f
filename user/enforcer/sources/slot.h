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

#include "enforcer/sources/positions.h"

#define SLOT_STALL_NS (10ULL * 1000000000)

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
	uint32_t gaps; /* before this file: pieces that nobody will read */
	bool between; /* fd is neither the path's file nor what the analyst reads beside it */
	off_t noted; /* between: how far the analyst was */
	uint64_t noted_ns; /* and since when, boot */
	int trouble; /* of the last look at the path: 0, or -errno; -ENOENT: it is not there */
	int told; /* trouble that the analyst knows of */
	uint64_t since_ns; /* boot: trouble is not what was told since then; 0 = it is */
};

void slot_remember(struct positions *to, const struct slot *slot);

/* Where reading a log goes on. */
struct slot_place {
	int fd;
	struct stat st;
	uint64_t offset, skipped; /* skipped: bytes that are too many to catch up with */
	uint32_t gaps; /* pieces before it that nobody can read any more */
};

/*
 * The same file where it was left; the file that was read last, if it stands in the same folder
 * under a name that begins with path's, or the copy of it, if it was emptied; else the first of the
 * files that the log was rotated to since; else the path's file from its beginning. A path that is
 * not in known is read from its end (it was there before us), unless appeared. -ENOENT and
 * source_open's other errors.
 */
int slot_find(const char *path, const struct positions *known, bool appeared,
	      struct slot_place *ret);
/*
 * The slot's file is not the path's (whose inode is now) any more: is there one between the two?
 * false: none; ret->gaps is set all the same.
 */
bool slot_next(const struct slot *slot, ino_t now, struct slot_place *ret);
/* The analyst has read the slot's file to its end, or has not gone on for SLOT_STALL_NS. */
bool slot_drained(struct slot *slot, uint64_t now_boot_ns);

#endif
