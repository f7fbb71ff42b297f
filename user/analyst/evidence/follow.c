/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Follows one open file. Its reader sees each byte once and in order; a file that shrank is read
 * from its beginning. Rotation by rename is the caller's: it hands over another descriptor.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyst/evidence/evidence.h"

#define PIECE 65536

static int check_truncation(struct log_follower *follower, struct log_reader *reader)
{
	struct stat st;

	if (fstat(follower->fd, &st) < 0)
		return -errno;
	if (st.st_size >= 0 && (uint64_t)st.st_size < follower->offset) {
		follower->offset = 0;
		follower->truncations++;
		follower->old_until = (uint64_t)st.st_size;
		follower->old_age = LOG_NEW_FILE;
		log_reader_restart(reader);
	}
	return 0;
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
		done += (size_t)n;
		r = log_reader_feed(reader, piece, (size_t)n, now_ns, fn, arg);
		if (r)
			return r < 0 ? r : -ECANCELED;
	}
	return (int)done;
}
