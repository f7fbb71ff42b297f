/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lockouts written down: fixed records, a checksum each, appended; replaced as a whole by rename.
 *
 * Order on disk is not relied upon: each record stands for itself, so a crash costs at most the
 * records since the last state_sync, and a hole costs the records in it.
 */
#include "enforcer/lockouts/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "enforcer/lockouts/state_record.h"

#define AHEAD_RECORDS 128U
#define AHEAD_STEP 8U /* gaps up to this are still going onward */
#define CLOCK_PERIOD_NS (300 * NSEC_PER_SEC) /* the header's clock is at most this old */

off_t state_place(uint32_t number)
{
	return (off_t)sizeof(struct state_record) * ((off_t)number + 1);
}

/* All of it or -errno: a short write to a file is a full disk. */
int state_write_at(int fd, const void *bytes, size_t len, off_t at)
{
	const char *from = bytes;

	while (len > 0) {
		ssize_t n = pwrite(fd, from, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENOSPC;
		from += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Bytes read, short only at the end of the file. */
ssize_t state_read_at(int fd, void *bytes, size_t len, off_t at)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (char *)bytes + done, len - done, at + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int state_header_write(struct state *state, int fd)
{
	state->header.sum = state_header_sum(&state->header);
	return state_write_at(fd, &state->header, sizeof(state->header), 0);
}

/* Boot times of two boots must not meet in one file: its header names one boot. */
bool state_of_this_boot(const struct state *state)
{
	return !memcmp(state->header.clock.boot_id, state->boot_id, STATE_BOOT_ID);
}

static int scan_chunk(struct state_scan *scan, const struct state_record *records, uint32_t count,
		      uint32_t first)
{
	int r;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t number = first + i;

		if (!state_record_valid(&records[i], number))
			continue;
		scan->bad += number - scan->last;
		scan->last = number + 1;
		if (scan->fn) {
			r = scan->fn(&records[i], number, scan->arg);
			if (r)
				return r;
		}
	}
	return 0;
}

int state_scan_file(struct state *state, uint32_t records, struct state_scan *scan)
{
	_cleanup_free_ struct state_record *chunk = malloc(STATE_CHUNK * sizeof(*chunk));
	uint32_t count;
	int r;

	if (!chunk)
		return -ENOMEM;
	for (uint32_t first = 0; first < records; first += count) {
		ssize_t n = state_read_at(state->fd, chunk, STATE_CHUNK * sizeof(*chunk),
					  state_place(first));

		if (n < 0)
			return (int)n;
		count = (uint32_t)((size_t)n / sizeof(*chunk));
		if (count == 0)
			break;
		if (count > records - first)
			count = records - first;
		r = scan_chunk(scan, chunk, count, first);
		if (r)
			return r;
	}
	return 0;
}

struct state *state_free(struct state *state)
{
	if (!state)
		return NULL;
	base_closep(&state->fd);
	base_closep(&state->dir_fd);
	free(state->ahead);
	free(state);
	return NULL;
}

int state_each(struct state *state, state_fn fn, void *arg)
{
	struct state_scan scan = { .fn = fn, .arg = arg };

	return state_scan_file(state, state->records, &scan);
}

struct state_clock state_clock_read(const struct state *state)
{
	return state->header.clock;
}

uint32_t state_records(const struct state *state)
{
	return state->records;
}

int state_append(struct state *state, const struct state_record *record, uint32_t *ret_number)
{
	struct state_record sealed = *record;
	int r;

	if (!state_of_this_boot(state))
		return -ESTALE;
	if (state->records >= STATE_RECORDS_MAX)
		return -EFBIG;
	state_record_seal(&sealed, state->records);
	r = state_write_at(state->fd, &sealed, sizeof(sealed), state_place(state->records));
	if (r < 0) {
		/* A part that was written would be a damaged tail at the next start. */
		(void)!ftruncate(state->fd, state_place(state->records));
		return r;
	}
	state->dirty = true;
	state->ahead_count = 0;
	*ret_number = state->records++;
	return 0;
}

static int read_ahead(struct state *state, uint32_t number)
{
	ssize_t n;

	if (!state->ahead)
		state->ahead = malloc(AHEAD_RECORDS * sizeof(*state->ahead));
	if (!state->ahead)
		return -ENOMEM;
	state->ahead_count = 0;
	n = state_read_at(state->fd, state->ahead, AHEAD_RECORDS * sizeof(*state->ahead),
			  state_place(number));
	if (n < 0)
		return (int)n;
	state->ahead_first = number;
	state->ahead_count = (uint32_t)((size_t)n / sizeof(*state->ahead));
	return state->ahead_count ? 0 : -EBADMSG;
}

int state_read(struct state *state, uint32_t number, struct state_record *ret)
{
	bool onward = number - state->last_read <= AHEAD_STEP && number != state->last_read;
	const struct state_record *record;
	struct state_record alone;
	int r;

	if (number >= state->records)
		return -ENOENT;
	if (onward && number - state->ahead_first >= state->ahead_count) {
		r = read_ahead(state, number);
		if (r < 0)
			return r;
	}
	state->last_read = number;
	if (number - state->ahead_first < state->ahead_count) {
		record = &state->ahead[number - state->ahead_first];
	} else {
		ssize_t n = state_read_at(state->fd, &alone, sizeof(alone), state_place(number));

		if (n != (ssize_t)sizeof(alone))
			return n < 0 ? (int)n : -EBADMSG;
		record = &alone;
	}
	if (!state_record_valid(record, number))
		return -EBADMSG;
	*ret = *record;
	return 0;
}

int state_sync(struct state *state, uint64_t now_boot_ns, bool always)
{
	int r;

	if (!state_of_this_boot(state))
		return -ESTALE;
	if (!state->dirty && !always &&
	    (state->records == 0 ||
	     now_boot_ns < state->header.clock.last_boot_ns + CLOCK_PERIOD_NS))
		return 0;
	state->header.clock.last_boot_ns = now_boot_ns;
	r = state_header_write(state, state->fd);
	if (r < 0)
		return r;
	if (state->dir_fd >= 0 && fdatasync(state->fd) < 0)
		return -errno;
	state->dirty = false;
	return 0;
}

/* Writes all that next gives into fd; the number of records. */
static int fill(int fd, state_next_fn next, void *arg, uint32_t *ret_records)
{
	_cleanup_free_ struct state_record *chunk = malloc(STATE_CHUNK * sizeof(*chunk));
	uint32_t records = 0, used = 0;
	int r;

	if (!chunk)
		return -ENOMEM;
	do {
		memset(&chunk[used], 0, sizeof(chunk[used]));
		r = next(&chunk[used], records, arg);
		if (r < 0)
			return r;
		if (r > 0)
			state_record_seal(&chunk[used++], records++);
		if (used == STATE_CHUNK || (r == 0 && used > 0)) {
			int w = state_write_at(fd, chunk, used * sizeof(*chunk),
					       state_place(records - used));

			if (w < 0)
				return w;
			used = 0;
		}
	} while (r > 0 && records < STATE_RECORDS_MAX);
	*ret_records = records;
	return 0;
}

int state_replace(struct state *state, state_next_fn next, void *arg, uint64_t now_boot_ns)
{
	static const char new_name[] = STATE_FILE ".new";
	struct state_header old = state->header;
	_cleanup_close_ int fd = -1;
	uint32_t records;
	int r;

	if (state->dir_fd < 0)
		fd = memfd_create("bailiff-lockouts", MFD_CLOEXEC);
	else
		fd = openat(state->dir_fd, new_name,
			    O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fill(fd, next, arg, &records);
	if (r < 0)
		goto undo;
	memcpy(state->header.clock.boot_id, state->boot_id, STATE_BOOT_ID);
	state->header.clock.last_boot_ns = now_boot_ns;
	r = state_header_write(state, fd);
	if (r < 0)
		goto undo;
	if (state->dir_fd >= 0) {
		if (fsync(fd) < 0 ||
		    renameat(state->dir_fd, new_name, state->dir_fd, STATE_FILE) < 0) {
			r = -errno;
			goto undo;
		}
		/* From here on the new file is the one; a crash may still show the old one. */
		(void)fsync(state->dir_fd);
	}
	(void)close(state->fd);
	state->fd = TAKE_FD(fd);
	state->records = records;
	state->ahead_count = 0;
	state->dirty = false;
	return 0;
undo:
	state->header = old;
	if (state->dir_fd >= 0)
		(void)unlinkat(state->dir_fd, new_name, 0);
	return r;
}

int state_remove(const char *dir)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (unlinkat(fd, STATE_FILE, 0) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}
