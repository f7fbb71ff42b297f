/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files that a log was rotated to, found again.
 */
#include "enforcer/sources/rotated.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/table.h"
#include "enforcer/sources/open.h"

#define ENTRIES_MAX 16384 /* of a folder, looked at */
#define PRINT_SURE 64 /* bytes alike that are no accident, in a file with another inode */

/* ---- fingerprints ---- */

static uint64_t print_of(int fd, uint64_t end, size_t len)
{
	static const uint64_t seed[2] = { 3, 4 };
	char bytes[POSITION_PRINT_MAX];

	if (pread(fd, bytes, len, (off_t)(end - len)) != (ssize_t)len)
		return 0;
	return table_hash(seed, bytes, len);
}

void rotated_fingerprint(struct position *position, int fd)
{
	size_t len = position->offset < POSITION_PRINT_MAX ? (size_t)position->offset
							   : POSITION_PRINT_MAX;

	position->print_len = (uint32_t)len;
	position->print = len ? print_of(fd, position->offset, len) : 0;
}

bool rotated_continues(const struct position *position, int fd, const struct stat *st)
{
	uint32_t len = position->print_len;

	if (st->st_size < 0 || (uint64_t)st->st_size < position->offset)
		return false;
	if (!len)
		return true;
	return len <= POSITION_PRINT_MAX && len <= position->offset &&
	       print_of(fd, position->offset, len) == position->print;
}

/* ---- the folder ---- */

struct folder {
	DIR *dir;
	const char *last; /* part of the path */
	char name[IPC_PATH_MAX]; /* of the folder, with the slash */
	char path[IPC_PATH_MAX + NAME_MAX + 1]; /* of the entry */
	unsigned int entries;
};

static bool folder_open(struct folder *folder, const char *path)
{
	folder->last = strrchr(path, '/') + 1;
	folder->entries = 0;
	text_copy_len(folder->name, sizeof(folder->name), path, (size_t)(folder->last - path));
	folder->dir = opendir(folder->name);
	return folder->dir != NULL;
}

/* The next entry that may be a rotated file; NULL: no more. */
static const struct dirent *folder_next(struct folder *folder)
{
	size_t len = strlen(folder->last);
	const struct dirent *entry;

	while (folder->entries++ < ENTRIES_MAX && (entry = readdir(folder->dir))) {
		if (strncmp(entry->d_name, folder->last, len) != 0 || !entry->d_name[len] ||
		    !strchr(".-_~", entry->d_name[len]))
			continue;
		(void)snprintf(folder->path, sizeof(folder->path), "%s%s", folder->name,
			       entry->d_name);
		return entry;
	}
	return NULL;
}

static bool is_compressed(const char *name)
{
	static const char *const ends[] = { ".gz", ".xz", ".bz2", ".zst", ".lz4", ".lzma", ".Z" };
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		size_t end = strlen(ends[i]);

		if (len > end && !strcmp(name + len - end, ends[i]))
			return true;
	}
	return false;
}

static bool is_it(const struct position *position, int fd, const struct stat *st)
{
	bool same = position->dev == st->st_dev && position->ino == st->st_ino;

	return (same || position->print_len >= PRINT_SURE) && rotated_continues(position, fd, st);
}

int rotated_find(const char *path, const struct position *position, struct stat *ret_st)
{
	struct folder folder;
	const struct dirent *entry;
	int found = -1;

	if (!folder_open(&folder, path))
		return -1;
	while (found < 0 && (entry = folder_next(&folder))) {
		_cleanup_close_ int fd = -1;
		struct stat st;

		if (is_compressed(entry->d_name) || source_open(folder.path, &fd, &st) < 0 ||
		    !is_it(position, fd, &st))
			continue;
		*ret_st = st;
		found = TAKE_FD(fd);
	}
	(void)closedir(folder.dir);
	return found;
}

static int64_t compare(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? (int64_t)a->tv_sec - b->tv_sec
				      : (int64_t)a->tv_nsec - b->tv_nsec;
}

static uint32_t compressed_between(const char *path, const struct timespec *since,
				   const struct timespec *until)
{
	struct folder folder;
	const struct dirent *entry;
	uint32_t count = 0;
	struct stat st;

	if (!folder_open(&folder, path))
		return 0;
	while ((entry = folder_next(&folder)))
		count += is_compressed(entry->d_name) && lstat(folder.path, &st) == 0 &&
			 S_ISREG(st.st_mode) && st.st_size && compare(&st.st_mtim, since) > 0 &&
			 (!until || compare(&st.st_mtim, until) < 0);
	(void)closedir(folder.dir);
	return count;
}

int rotated_next(const char *path, const struct timespec *since, ino_t but, ino_t nor,
		 struct stat *ret_st, uint32_t *ret_gaps)
{
	struct folder folder;
	const struct dirent *entry;
	struct stat best;
	int found = -1;

	if (!folder_open(&folder, path))
		return -1;
	while ((entry = folder_next(&folder))) {
		_cleanup_close_ int fd = -1;
		struct stat st;

		if (is_compressed(entry->d_name) || entry->d_ino == but || entry->d_ino == nor ||
		    source_open(folder.path, &fd, &st) < 0 || !st.st_size || st.st_ino == but ||
		    st.st_ino == nor || compare(&st.st_mtim, since) <= 0 ||
		    (found >= 0 && compare(&st.st_mtim, &best.st_mtim) >= 0))
			continue;
		if (found >= 0)
			(void)close(found);
		best = st;
		found = TAKE_FD(fd);
	}
	(void)closedir(folder.dir);
	*ret_gaps = compressed_between(path, since, found >= 0 ? &best.st_mtim : NULL);
	if (found >= 0)
		*ret_st = best;
	return found;
}
