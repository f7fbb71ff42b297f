/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One log file: what it is known by, and where reading it goes on.
 */
#include "enforcer/slot.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "enforcer/source_open.h"
#include "enforcer/sources.h"

#define LINE_SCAN_MAX 65536 /* how far the end of a line is looked for */
#define ENTRIES_MAX 16384 /* of a folder, looked at for a rotated file */

/*
 * The analyst may note its place in the open file that both hold (lseek); then that is exact. Else
 * what had been written a heartbeat ago: lines of the last second or two may come twice.
 */
static uint64_t slot_position(const struct slot *slot)
{
	struct stat st;
	off_t noted;

	if (slot->fd < 0 || fstat(slot->fd, &st) < 0)
		return slot->offset;
	noted = lseek(slot->fd, 0, SEEK_CUR);
	if (noted >= 0 && (uint64_t)noted != slot->offset)
		return noted <= st.st_size ? (uint64_t)noted : 0;
	if (slot->size_read > slot->offset)
		return slot->size_read <= (uint64_t)st.st_size ? slot->size_read : 0;
	return slot->offset <= (uint64_t)st.st_size ? slot->offset : 0;
}

void slot_remember(struct positions *to, const struct slot *slot)
{
	struct position *position = NULL;

	for (size_t i = 0; i < to->count && !position; i++)
		if (!strcmp(to->position[i].path, slot->path))
			position = &to->position[i];
	if (!position) {
		if (to->count == POSITIONS_MAX)
			return;
		position = &to->position[to->count++];
	}
	/* Zeros stand for a path without a file: one that appears is then read from its beginning. */
	memset(position, 0, sizeof(*position));
	text_copy(position->path, sizeof(position->path), slot->path);
	if (slot->fd >= 0) {
		position->dev = slot->dev;
		position->ino = slot->ino;
		position->offset = slot_position(slot);
	}
}

static uint64_t bounded(int fd, const char *path, uint64_t offset, uint64_t size)
{
	char bytes[4096];

	if (offset > size)
		return 0;
	if (size - offset <= SOURCES_CATCHUP_MAX)
		return offset;
	log_warning("%s: grew by %llu bytes unread; reading only the last %u", path,
		    (unsigned long long)(size - offset), SOURCES_CATCHUP_MAX);
	offset = size - SOURCES_CATCHUP_MAX;
	/* From the next whole line on, if there is an end of a line anywhere near. */
	for (uint64_t at = offset; at < offset + LINE_SCAN_MAX;) {
		ssize_t got = pread(fd, bytes, sizeof(bytes), (off_t)at);
		const char *end;

		if (got <= 0)
			break;
		end = memchr(bytes, '\n', (size_t)got);
		if (end)
			return at + (uint64_t)(end - bytes) + 1;
		at += (uint64_t)got;
	}
	return offset;
}

static bool is_same(const struct position *position, const struct stat *st)
{
	return position->dev == st->st_dev && position->ino == st->st_ino;
}

/* The file that was read last, if it was renamed since: PATH.1, PATH-20261124, PATH.old. */
static int open_rotated(const char *path, const struct position *position, struct stat *ret_st)
{
	const char *last = strrchr(path, '/') + 1;
	char folder[IPC_PATH_MAX], rotated[IPC_PATH_MAX + NAME_MAX + 1];
	const struct dirent *entry;
	int fd = -1;
	DIR *dir;

	text_copy_len(folder, sizeof(folder), path, (size_t)(last - path));
	dir = opendir(folder);
	if (!dir)
		return -1;
	for (unsigned int i = 0; i < ENTRIES_MAX && fd < 0 && (entry = readdir(dir)); i++) {
		struct stat st;

		if (entry->d_ino != position->ino ||
		    strncmp(entry->d_name, last, strlen(last)) != 0)
			continue;
		(void)snprintf(rotated, sizeof(rotated), "%s%s", folder, entry->d_name);
		if (source_open(rotated, &fd, &st) < 0)
			continue;
		if (is_same(position, &st))
			*ret_st = st;
		else
			(void)close(TAKE_FD(fd));
	}
	(void)closedir(dir);
	return fd;
}

int slot_find(const char *path, const struct positions *known, bool appeared, int *ret_fd,
	      struct stat *ret_st, uint64_t *ret_offset, uint64_t *ret_skipped)
{
	const struct position *position = positions_find(known, path);
	struct stat st, rotated;
	uint64_t offset;
	int fd, old;
	int r = source_open(path, &fd, &st);

	if (r < 0)
		return r;
	if (!position) {
		offset = appeared ? 0 : (uint64_t)st.st_size;
	} else if (is_same(position, &st)) {
		offset = position->offset;
	} else if ((old = open_rotated(path, position, &rotated)) >= 0) {
		(void)close(fd);
		fd = old;
		st = rotated;
		offset = position->offset;
	} else {
		offset = 0;
	}
	*ret_offset = bounded(fd, path, offset, (uint64_t)st.st_size);
	*ret_skipped = *ret_offset > offset ? *ret_offset - offset : 0;
	*ret_st = st;
	*ret_fd = fd;
	return 0;
}
