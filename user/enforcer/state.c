/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lockouts written down: fixed records, a checksum each, appended; replaced as a whole by rename.
 *
 * Order on disk is not relied upon: each record stands for itself, so a crash costs at most the
 * records since the last state_sync, and a hole costs the records in it.
 */
#include "enforcer/state.h"

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
#include "enforcer/state_record.h"

#define CHUNK_RECORDS 1024U /* 384 KiB read or written at a time */
#define CLOCK_PERIOD_NS (300 * NSEC_PER_SEC) /* the header's clock is at most this old */

struct state {
	int dir_fd; /* -1: in memory */
	int fd;
	uint32_t records;
	bool dirty;
	uint8_t boot_id[STATE_BOOT_ID]; /* of now; the header's may be of an earlier boot */
	struct state_header header;
};

static off_t place(uint32_t number)
{
	return (off_t)sizeof(struct state_record) * ((off_t)number + 1);
}

/* All of it or -errno: a short write to a file is a full disk. */
static int write_at(int fd, const void *bytes, size_t len, off_t at)
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
static ssize_t read_at(int fd, void *bytes, size_t len, off_t at)
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

static int header_write(struct state *state, int fd)
{
	state->header.sum = state_header_sum(&state->header);
	return write_at(fd, &state->header, sizeof(state->header), 0);
}

/* Boot times of two boots must not meet in one file: its header names one boot. */
static bool of_this_boot(const struct state *state)
{
	return !memcmp(state->header.clock.boot_id, state->boot_id, STATE_BOOT_ID);
}

struct scan {
	uint32_t last; /* one past the last valid record */
	uint32_t bad; /* records that do not check, before that one */
	state_fn fn;
	void *arg;
};

static int scan_chunk(struct scan *scan, const struct state_record *records, uint32_t count,
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

static int scan_file(struct state *state, uint32_t records, struct scan *scan)
{
	_cleanup_free_ struct state_record *chunk = malloc(CHUNK_RECORDS * sizeof(*chunk));
	uint32_t count;
	int r;

	if (!chunk)
		return -ENOMEM;
	for (uint32_t first = 0; first < records; first += count) {
		ssize_t n = read_at(state->fd, chunk, CHUNK_RECORDS * sizeof(*chunk), place(first));

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

/* Learns how many records there are and cuts off a damaged tail. */
static int tail_check(struct state *state, off_t size, char message[IPC_TEXT_MAX])
{
	uint32_t whole = (uint32_t)(size / (off_t)sizeof(struct state_record)) - 1;
	struct scan scan = {};
	off_t end;
	int r;

	r = scan_file(state, whole, &scan);
	if (r < 0)
		return r;
	state->records = scan.last;
	end = place(scan.last);
	if (end != size && ftruncate(state->fd, end) < 0)
		return -errno;
	if (scan.bad > 0 || end != size)
		(void)snprintf(message, IPC_TEXT_MAX,
			       "file of lockouts was damaged: %u records kept, %u did not check, "
			       "%lld bytes of its end cut off",
			       scan.last - scan.bad, scan.bad, (long long)(size - end));
	return 0;
}

static int set_aside(struct state *state, const char *why, char message[IPC_TEXT_MAX])
{
	char name[64];

	for (int i = 1; i < 100; i++) {
		(void)snprintf(name, sizeof(name), STATE_FILE ".unusable-%d", i);
		if (renameat2(state->dir_fd, STATE_FILE, state->dir_fd, name,
			      1 /* RENAME_NOREPLACE */) == 0) {
			(void)snprintf(message, IPC_TEXT_MAX,
				       "file of lockouts could not be used (%s) and is now %s", why,
				       name);
			return 0;
		}
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int file_new(struct state *state)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (state->dir_fd < 0)
		fd = memfd_create("bailiff-lockouts", MFD_CLOEXEC);
	else
		fd = openat(state->dir_fd, STATE_FILE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	state_header_init(&state->header, state->boot_id);
	r = header_write(state, fd);
	if (r < 0)
		return r;
	state->fd = TAKE_FD(fd);
	state->dirty = true;
	return STATE_NEW;
}

/* NULL: the file is fine so far. */
static const char *file_trouble(const struct stat *st, const struct state_header *header, ssize_t n)
{
	if (!S_ISREG(st->st_mode))
		return "not a regular file";
	if (st->st_size > place(STATE_RECORDS_MAX))
		return "too large";
	if (n < (ssize_t)sizeof(*header) || header->magic != STATE_MAGIC)
		return "not such a file, or its beginning is damaged";
	if (header->version != STATE_VERSION || header->record_size != sizeof(struct state_record))
		return "of another version";
	if (!state_header_valid(header))
		return "its header does not check";
	return NULL;
}

static int file_open(struct state *state, char message[IPC_TEXT_MAX])
{
	const char *trouble;
	struct stat st;
	ssize_t n = 0;
	int r;

	state->fd = openat(state->dir_fd, STATE_FILE, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (state->fd < 0)
		return errno == ENOENT ? file_new(state) : -errno;
	if (fstat(state->fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		n = read_at(state->fd, &state->header, sizeof(state->header), 0);
	if (n < 0)
		return (int)n;
	trouble = file_trouble(&st, &state->header, n);
	if (trouble) {
		(void)close(TAKE_FD(state->fd));
		r = set_aside(state, trouble, message);
		return r < 0 ? r : file_new(state);
	}
	r = tail_check(state, st.st_size, message);
	if (r < 0)
		return r;
	return of_this_boot(state) ? STATE_SAME_BOOT : STATE_OTHER_BOOT;
}

int state_open(struct state **ret, const char *dir, const uint8_t boot_id[STATE_BOOT_ID],
	       char message[IPC_TEXT_MAX])
{
	_cleanup_(state_freep) struct state *state = calloc(1, sizeof(*state));
	int r;

	if (!state)
		return -ENOMEM;
	message[0] = '\0';
	state->fd = -1;
	state->dir_fd = -1;
	memcpy(state->boot_id, boot_id, STATE_BOOT_ID);
	if (dir) {
		state->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (state->dir_fd < 0)
			return -errno;
	}
	r = dir ? file_open(state, message) : file_new(state);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(state);
	return r;
}

struct state *state_free(struct state *state)
{
	if (!state)
		return NULL;
	base_closep(&state->fd);
	base_closep(&state->dir_fd);
	free(state);
	return NULL;
}

int state_each(struct state *state, state_fn fn, void *arg)
{
	struct scan scan = { .fn = fn, .arg = arg };

	return scan_file(state, state->records, &scan);
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

	if (!of_this_boot(state))
		return -ESTALE;
	if (state->records >= STATE_RECORDS_MAX)
		return -EFBIG;
	state_record_seal(&sealed, state->records);
	r = write_at(state->fd, &sealed, sizeof(sealed), place(state->records));
	if (r < 0) {
		/* A part that was written would be a damaged tail at the next start. */
		(void)!ftruncate(state->fd, place(state->records));
		return r;
	}
	state->dirty = true;
	*ret_number = state->records++;
	return 0;
}

int state_read(struct state *state, uint32_t number, struct state_record *ret)
{
	struct state_record record;
	ssize_t n;

	if (number >= state->records)
		return -ENOENT;
	n = read_at(state->fd, &record, sizeof(record), place(number));
	if (n < 0)
		return (int)n;
	if (n != (ssize_t)sizeof(record) || !state_record_valid(&record, number))
		return -EBADMSG;
	*ret = record;
	return 0;
}

int state_sync(struct state *state, uint64_t now_boot_ns, bool always)
{
	int r;

	if (!of_this_boot(state))
		return -ESTALE;
	if (!state->dirty && !always &&
	    (state->records == 0 ||
	     now_boot_ns < state->header.clock.last_boot_ns + CLOCK_PERIOD_NS))
		return 0;
	state->header.clock.last_boot_ns = now_boot_ns;
	r = header_write(state, state->fd);
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
	_cleanup_free_ struct state_record *chunk = malloc(CHUNK_RECORDS * sizeof(*chunk));
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
		if (used == CHUNK_RECORDS || (r == 0 && used > 0)) {
			int w = write_at(fd, chunk, used * sizeof(*chunk), place(records - used));

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
	r = header_write(state, fd);
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
