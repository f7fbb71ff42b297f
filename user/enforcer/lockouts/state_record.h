/* SPDX-License-Identifier: GPL-2.0-only */
/* The file of lockouts as bytes; private to state.c and state_record.c. */
#ifndef ENFORCER_STATE_RECORD_H
#define ENFORCER_STATE_RECORD_H

#include <stdbool.h>
#include <sys/types.h>

#include "enforcer/lockouts/state.h"

#define STATE_MAGIC 0x316b636f6c6c6962ULL /* also tells a file of the other byte order */

/* Fills the place of one record. */
struct state_header {
	uint64_t magic;
	uint32_t version;
	uint32_t record_size;
	struct state_clock clock;
	uint64_t sum;
	uint8_t pad[384 - 48];
};
_Static_assert(sizeof(struct state_header) == sizeof(struct state_record), "header is one place");

void state_header_init(struct state_header *header, const uint8_t boot_id[STATE_BOOT_ID]);
uint64_t state_header_sum(const struct state_header *header);
bool state_header_valid(const struct state_header *header);

bool state_record_valid(const struct state_record *record, uint32_t number);
/* Zeroes what stands behind the texts and sets the checksum. */
void state_record_seal(struct state_record *record, uint32_t number);

/* ---- the open file (state.c, state_open.c) ---- */

#define STATE_CHUNK 1024U /* 384 KiB read or written at a time */

struct state {
	int dir_fd; /* -1: in memory */
	int fd;
	uint32_t records;
	bool dirty;
	uint8_t boot_id[STATE_BOOT_ID]; /* of now; the header's may be of an earlier boot */
	struct state_header header;
	/* Records that were read ahead, for a reader that goes from front to back. */
	struct state_record *ahead;
	uint32_t ahead_first, ahead_count, last_read;
};

off_t state_place(uint32_t number);
/* All of it or -errno: a short write to a file is a full disk. */
int state_write_at(int fd, const void *bytes, size_t len, off_t at);
/* Bytes read, short only at the end of the file. */
ssize_t state_read_at(int fd, void *bytes, size_t len, off_t at);
int state_header_write(struct state *state, int fd);
/* Boot times of two boots must not meet in one file: its header names one boot. */
bool state_of_this_boot(const struct state *state);

struct state_scan {
	uint32_t last; /* one past the last valid record */
	uint32_t bad; /* records that do not check, before that one */
	state_fn fn;
	void *arg;
};

int state_scan_file(struct state *state, uint32_t records, struct state_scan *scan);

#endif
