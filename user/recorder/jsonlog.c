/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The JSON log.
 *
 * Lines gather until the caller's short timer writes them in one go. A write that the disk takes
 * only in part is cut back to the last whole line. The file is opened anew when it was moved away
 * (logrotate): before each write its inode is compared with the one at the path.
 */
#include "recorder/jsonlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/log.h"

struct jsonlog {
	char *path;
	char *old_path;
	uint64_t max_bytes;
	struct buf waiting;
	uint64_t waiting_lines;
	int fd;
	bool troubled; /* the last write failed, and that was logged */
	struct jsonlog_stats stats;
};

int jsonlog_new(struct jsonlog **ret, const char *folder, uint64_t max_bytes)
{
	_cleanup_(jsonlog_freep) struct jsonlog *jsonlog = calloc(1, sizeof(*jsonlog));

	if (!jsonlog)
		return -ENOMEM;
	jsonlog->fd = -1;
	jsonlog->max_bytes = max_bytes ? max_bytes : JSONLOG_BYTES_MAX;
	jsonlog->waiting.max = JSONLOG_WAITING_MAX;
	if (asprintf(&jsonlog->path, "%s/" JSONLOG_FILE, folder) < 0) {
		jsonlog->path = NULL;
		return -ENOMEM;
	}
	if (asprintf(&jsonlog->old_path, "%s.1", jsonlog->path) < 0) {
		jsonlog->old_path = NULL;
		return -ENOMEM;
	}
	*ret = TAKE_PTR(jsonlog);
	return 0;
}

struct jsonlog *jsonlog_free(struct jsonlog *jsonlog)
{
	if (!jsonlog)
		return NULL;
	if (jsonlog->path)
		jsonlog_write(jsonlog);
	if (jsonlog->fd >= 0)
		(void)close(jsonlog->fd);
	buf_done(&jsonlog->waiting);
	free(jsonlog->path);
	free(jsonlog->old_path);
	free(jsonlog);
	return NULL;
}

void jsonlog_add(struct jsonlog *jsonlog, const char *object, size_t len)
{
	if (jsonlog->waiting.len + len + 1 > jsonlog->waiting.max)
		jsonlog_write(jsonlog);
	buf_add(&jsonlog->waiting, object, len);
	buf_putc(&jsonlog->waiting, '\n');
	if (jsonlog->waiting.cut) {
		/* Out of memory in the middle of a line: what waits is not whole any more. */
		jsonlog->stats.lost += jsonlog->waiting_lines + 1;
		jsonlog->waiting_lines = 0;
		buf_clear(&jsonlog->waiting);
		return;
	}
	jsonlog->waiting_lines++;
}

bool jsonlog_waiting(const struct jsonlog *jsonlog)
{
	return jsonlog->waiting_lines > 0;
}

static void close_file(struct jsonlog *jsonlog)
{
	if (jsonlog->fd >= 0)
		(void)close(jsonlog->fd);
	jsonlog->fd = -1;
}

/* The path's file, open, with its size. */
static int open_file(struct jsonlog *jsonlog, uint64_t *ret_size)
{
	struct stat ours, theirs;

	if (jsonlog->fd >= 0 &&
	    (stat(jsonlog->path, &theirs) < 0 || fstat(jsonlog->fd, &ours) < 0 ||
	     ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev))
		close_file(jsonlog);
	if (jsonlog->fd < 0) {
		jsonlog->fd = open(
			jsonlog->path,
			O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
		if (jsonlog->fd < 0)
			return -errno;
	}
	if (fstat(jsonlog->fd, &ours) < 0)
		return -errno;
	if (!S_ISREG(ours.st_mode)) {
		close_file(jsonlog);
		return -EBADF;
	}
	*ret_size = (uint64_t)ours.st_size;
	return 0;
}

static int rotate(struct jsonlog *jsonlog, uint64_t *ret_size)
{
	if (rename(jsonlog->path, jsonlog->old_path) < 0)
		return -errno;
	close_file(jsonlog);
	jsonlog->stats.rotated++;
	return open_file(jsonlog, ret_size);
}

static int write_all(struct jsonlog *jsonlog, uint64_t size)
{
	size_t done = 0;

	while (done < jsonlog->waiting.len) {
		ssize_t n = write(jsonlog->fd, jsonlog->waiting.data + done,
				  jsonlog->waiting.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int r = n < 0 ? -errno : -EIO;

			/* Whole batches only: a later line must not begin inside this one. */
			if (done > 0 && ftruncate(jsonlog->fd, (off_t)size) < 0)
				close_file(jsonlog);
			return r;
		}
		done += (size_t)n;
	}
	return 0;
}

void jsonlog_write(struct jsonlog *jsonlog)
{
	uint64_t size = 0;
	int r;

	if (!jsonlog->waiting_lines)
		return;
	r = open_file(jsonlog, &size);
	if (!r && size > 0 && size + jsonlog->waiting.len > jsonlog->max_bytes)
		r = rotate(jsonlog, &size);
	if (!r)
		r = write_all(jsonlog, size);
	if (!r)
		jsonlog->stats.written += jsonlog->waiting_lines;
	else
		jsonlog->stats.lost += jsonlog->waiting_lines;
	if (r < 0 && !jsonlog->troubled)
		(void)log_error_errno(r, "%s cannot be written; lines are being lost",
				      jsonlog->path);
	if (!r && jsonlog->troubled)
		log_info("%s can be written again; %llu lines were lost", jsonlog->path,
			 (unsigned long long)jsonlog->stats.lost);
	jsonlog->troubled = r < 0;
	jsonlog->waiting_lines = 0;
	buf_clear(&jsonlog->waiting);
}

void jsonlog_stats(const struct jsonlog *jsonlog, struct jsonlog_stats *ret)
{
	*ret = jsonlog->stats;
}
