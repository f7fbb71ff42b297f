/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How far each log file was read, kept across restarts of bailiffd. Private to sources*.c.
 *
 * A file is known by device and inode, and by what stands before the position, for a file may be
 * emptied, and inode numbers are used again; its path is only for looking it up. The state file is
 * one block of fixed-size entries with a checksum; one that does not check is not used.
 */
#ifndef ENFORCER_POSITIONS_H
#define ENFORCER_POSITIONS_H

#include <stddef.h>
#include <stdint.h>

#include <bailiff/ipc.h>

#define POSITIONS_FILE "positions"
#define POSITIONS_MAX 256
#define POSITION_PRINT_MAX 256 /* bytes */

struct position {
	uint64_t dev;
	uint64_t ino;
	uint64_t offset;
	uint64_t print; /* of the print_len bytes before offset */
	uint32_t print_len; /* 0: nothing is known of them */
	uint32_t pad;
	char path[IPC_PATH_MAX];
};

struct positions {
	uint64_t saved_wall_ns; /* the journal is read from here on */
	size_t count;
	struct position position[POSITIONS_MAX];
};

/* -ENOENT: none yet; -EBADMSG: damaged or of another version. */
int positions_load(const char *path, struct positions *ret);
int positions_save(const char *path, const struct positions *positions);
const struct position *positions_find(const struct positions *positions, const char *path);

#endif
