/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whole small files. A reader of a file that is being written atomically sees the old or the new
 * text, also after a power cut.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define FIRST_READ 4096

int file_read_fd(int fd, size_t max, char **ret_text, size_t *ret_len)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0, len = 0;

	if (max > SIZE_MAX / 4)
		return -EINVAL;
	/* Sizes are not asked for: files of /proc and /sys say 0, others may grow meanwhile. */
	for (;;) {
		ssize_t got;

		if (size - len < 2) {
			char *more;

			size = size ? size * 2 : FIRST_READ;
			if (size > max + 2)
				size = max + 2;
			more = realloc(text, size);
			if (!more)
				return -ENOMEM;
			text = more;
		}
		got = pread(fd, text + len, size - len - 1, (off_t)len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		len += (size_t)got;
		if (len > max)
			return -EFBIG;
	}
	text[len] = '\0';
	*ret_text = TAKE_PTR(text);
	if (ret_len)
		*ret_len = len;
	return 0;
}

int file_read(const char *path, size_t max, char **ret_text, size_t *ret_len)
{
	_cleanup_close_ int fd = -1;

	/* Not blocking, so that a pipe under that name fails (ESPIPE) instead of waiting. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	return file_read_fd(fd, max, ret_text, ret_len);
}

static int write_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len) {
		ssize_t put = write(fd, at, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		at += put;
		len -= (size_t)put;
	}
	return 0;
}

static int sync_folder(const char *path)
{
	char folder[PATH_MAX];
	_cleanup_close_ int fd = -1;
	const char *slash = strrchr(path, '/');

	if (!slash)
		(void)snprintf(folder, sizeof(folder), ".");
	else
		(void)snprintf(folder, sizeof(folder), "%.*s",
			       slash == path ? 1 : (int)(slash - path), path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fsync(fd) < 0 ? -errno : 0;
}

static int fill(int fd, const void *bytes, size_t len, mode_t mode)
{
	int r;

	r = write_all(fd, bytes, len);
	if (r < 0)
		return r;
	/* After the text is in: before, only the owner may read the half-written file. */
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int file_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode)
{
	char temporary[PATH_MAX];
	_cleanup_close_ int fd = -1;
	int r;

	r = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	if (r < 0 || (size_t)r >= sizeof(temporary))
		return -ENAMETOOLONG;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fill(fd, bytes, len, mode);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlink(temporary);
		return r;
	}
	return sync_folder(path);
}
