/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Follows one open file. Its reader sees each byte once and in order; a file that was emptied is
 * read from its beginning, also where it has grown past the old end by now (copytruncate of a busy
 * log). Rotation by rename is the caller's: it hands over another descriptor.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyst/evidence/evidence.h"

#define PIECE 65536

static void emptied(struct log_follower *follower, struct log_reader *reader, const struct stat *st)
{
	follower->truncations++;
	follower->tail_len = 0;
	follower->old_until = (uint64_t)st->st_size;
	follower->old_age = LOG_NEW_FILE;
	log_reader_restart(reader);
}

static bool is_hole(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i])
			return false;
	return true;
}

/* A file that was emptied may have grown past the offset by the next look. */
static int check_tail(struct log_follower *follower, struct log_reader *reader,
		      const struct stat *st)
{
	const size_t len = follower->tail_len;
	char bytes[LOG_TAIL_MAX];
	ssize_t n;

	do
		n = pread(follower->fd, bytes, len, (off_t)(follower->offset - len));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n == len && !memcmp(bytes, follower->tail, len))
		return 0;
	/* Who writes at a place of his own instead of the end goes on behind a hole, not at the
	 * begin. */
	if ((size_t)n < len || !is_hole(bytes, len))
		follower->offset = 0;
	emptied(follower, reader, st);
	return 0;
}

static int check_truncation(struct log_follower *follower, struct log_reader *reader)
{
	struct stat st;

	if (fstat(follower->fd, &st) < 0)
		return -errno;
	if (st.st_size < 0 || (uint64_t)st.st_size == follower->offset)
		return 0;
	if ((uint64_t)st.st_size < follower->offset) {
		follower->offset = 0;
		emptied(follower, reader, &st);
		return 0;
	}
	return follower->tail_len ? check_tail(follower, reader, &st) : 0;
}

static void tail_keep(struct log_follower *follower, const char *piece, size_t len)
{
	size_t kept = len < LOG_TAIL_MAX ? LOG_TAIL_MAX - len : 0;

	if (kept > follower->tail_len)
		kept = follower->tail_len;
	memmove(follower->tail, follower->tail + follower->tail_len - kept, kept);
	if (len > LOG_TAIL_MAX) {
		piece += len - LOG_TAIL_MAX;
		len = LOG_TAIL_MAX;
	}
	memcpy(follower->tail + kept, piece, len);
	follower->tail_len = kept + len;
}

/* Bytes to read at once: of one age. */
static size_t turn(const struct log_follower *follower, size_t most)
{
	uint64_t old = follower->old_until - follower->offset;

	if (most > PIECE)
		most = PIECE;
	return follower->offset < follower->old_until && old < most ? (size_t)old : most;
}

int log_follow(struct log_follower *follower, struct log_reader *reader, size_t max,
	       uint64_t now_ns, log_record_fn fn, void *arg)
{
	char piece[PIECE];
	size_t done = 0;
	ssize_t n;
	int r;

	if (max > INT32_MAX)
		max = INT32_MAX;
	r = check_truncation(follower, reader);
	if (r < 0)
		return r;
	while (done < max) {
		n = pread(follower->fd, piece, turn(follower, max - done), (off_t)follower->offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		log_reader_age(reader, follower->offset < follower->old_until ? follower->old_age
									      : LOG_FRESH);
		follower->offset += (uint64_t)n;
		tail_keep(follower, piece, (size_t)n);
		done += (size_t)n;
		r = log_reader_feed(reader, piece, (size_t)n, now_ns, fn, arg);
		if (r)
			return r < 0 ? r : -ECANCELED;
	}
	return (int)done;
}
