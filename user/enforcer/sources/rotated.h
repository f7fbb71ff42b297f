/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files that a log was rotated to: PATH.1, PATH-20261124, PATH.old. Private to sources*.c,
 * slot.c.
 *
 * They stand in the log's own folder, and their names begin with its name and one of ". - _ ~".
 * Which is older is a matter of their last change, not of their names. One that was compressed
 * keeps that (gzip(1), xz(1), zstd(1)), and cannot be read.
 */
#ifndef ENFORCER_ROTATED_H
#define ENFORCER_ROTATED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "enforcer/sources/positions.h"

/*
 * Is what stands before the position what stood there then? false: the file was emptied and written
 * anew, or another one has its inode number now.
 */
bool rotated_continues(const struct position *position, int fd, const struct stat *st);
void rotated_fingerprint(struct position *position, int fd);

/* The file that was read last, wherever it is now; or, where it was copied and emptied, the copy.
 * -1: there is none. */
int rotated_find(const char *path, const struct position *position, struct stat *ret_st);

/*
 * Of those that were changed after since, the one that was changed first; never one of the two
 * inodes. -1: there is none. ret_gaps: how many compressed ones were changed between since and it.
 */
int rotated_next(const char *path, const struct timespec *since, ino_t but, ino_t nor,
		 struct stat *ret_st, uint32_t *ret_gaps);

#endif
