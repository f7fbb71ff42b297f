/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opening a log file as root, whoever can write in its folder.
 *
 * O_PATH first: it touches nothing, and what it holds cannot be exchanged afterwards. Only when
 * that is a regular file is it opened for reading, through /proc/self/fd.
 */
#include "enforcer/sources/open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define LINKS_MAX 8

/* The text of the link that fd (O_PATH) holds, put in the place of path's last part. */
static int follow_link(int fd, char path[PATH_MAX])
{
	char text[PATH_MAX], next[PATH_MAX];
	ssize_t len = readlinkat(fd, "", text, sizeof(text) - 1);
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash - path + 1) : 0;
	int n;

	if (len < 0)
		return -errno;
	text[len] = '\0';
	n = snprintf(next, sizeof(next), "%.*s%s", text[0] == '/' ? 0 : folder, path, text);
	if (n < 0 || (size_t)n >= sizeof(next))
		return -ENAMETOOLONG;
	memcpy(path, next, (size_t)n + 1);
	return 0;
}

int source_open(const char *path, int *ret_fd, struct stat *ret_st)
{
	char at[PATH_MAX], self[64];

	if (strlen(path) >= sizeof(at))
		return -ENAMETOOLONG;
	text_copy(at, sizeof(at), path);
	for (int links = 0; links <= LINKS_MAX; links++) {
		_cleanup_close_ int fd = open(at, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		_cleanup_close_ int file = -1;
		struct stat st;
		int r;

		if (fd < 0 || fstat(fd, &st) < 0)
			return -errno;
		if (S_ISLNK(st.st_mode)) {
			if (st.st_uid != 0)
				return -ELOOP;
			r = follow_link(fd, at);
			if (r < 0)
				return r;
			continue;
		}
		if (!S_ISREG(st.st_mode))
			return -EINVAL;
		(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
		file = open(self, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (file < 0)
			return -errno;
		*ret_st = st;
		*ret_fd = TAKE_FD(file);
		return 0;
	}
	return -ELOOP;
}

static bool only_by(const struct stat *st, uid_t owner)
{
	return (st->st_uid == 0 || st->st_uid == owner) && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* A link's mode says nothing; who may exchange it is a matter of its folder, which is asked
 * next. */
static bool folder_only_by(const char *folder, uid_t owner)
{
	struct stat st;

	if (lstat(folder, &st) < 0)
		return false;
	if (S_ISLNK(st.st_mode))
		return st.st_uid == 0 || st.st_uid == owner;
	return S_ISDIR(st.st_mode) && only_by(&st, owner);
}

bool source_attested(const char *path, const struct stat *st, uid_t owner, char *why, size_t size)
{
	char folder[PATH_MAX];
	char *slash;

	if (!only_by(st, owner)) {
		(void)snprintf(why, size,
			       "%s belongs to uid %u with mode %04o, so others can write it", path,
			       st->st_uid, st->st_mode & 07777);
		return false;
	}
	text_copy(folder, sizeof(folder), path);
	while ((slash = strrchr(folder, '/'))) {
		slash[slash == folder] = '\0';
		if (!folder_only_by(folder, owner)) {
			(void)snprintf(why, size,
				       "%s is no folder that only root or the service can write",
				       folder);
			return false;
		}
		if (!folder[1])
			break;
	}
	return true;
}

/* Magic numbers of linux/magic.h and of the file systems' own sources: the writers are
 * elsewhere. */
static bool others_write_past_the_mode(int fd)
{
	static const uint32_t magics[] = {
		0x6969, /* nfs */
		0x517b, /* smb */
		0xff534d42, /* cifs */
		0xfe534d42, /* smb2 */
		0x65735546, /* fuse */
		0x01021997, /* 9p */
		0x5346414f, /* afs */
		0x6b414653, /* kafs */
		0x00c36400, /* ceph */
		0x73757245, /* coda */
		0x786f4256, /* vboxsf */
	};
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if ((uint32_t)fs.f_type == magics[i])
			return true;
	return false;
}

bool source_vouched(const char *path, int fd, uid_t owner, char *why, size_t size)
{
	char link[64], path_now[PATH_MAX];
	struct stat st;
	ssize_t len;

	if (path[0] != '/') {
		(void)snprintf(why, size, "it has no path any more");
		return false;
	}
	if (fstat(fd, &st) < 0) {
		(void)snprintf(why, size, "%s: %s", path, strerror(errno));
		return false;
	}
	if (others_write_past_the_mode(fd)) {
		(void)snprintf(why, size,
			       "%s is on a file system whose modes do not bind everybody who can "
			       "write it",
			       path);
		return false;
	}
	if (!source_attested(path, &st, owner, why, size))
		return false;
	/* A deleted file has no folder any more; it is read to its end under the name it had. */
	if (!st.st_nlink)
		return true;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path_now, sizeof(path_now) - 1);
	if (len < 0 || path_now[0] != '/') {
		(void)snprintf(why, size, "where %s really is cannot be found out", path);
		return false;
	}
	path_now[len] = '\0';
	return source_attested(path_now, &st, owner, why, size);
}
