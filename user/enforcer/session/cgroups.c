/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control groups of the v2 hierarchy.
 *
 * The effect of a write to cgroup.freeze or cgroup.kill is immediate (some 50 us to the last user
 * instruction); the notification in cgroup.events is limited to one per 10 ms and file. So nothing
 * here waits for it, but for cgroup_wait_frozen, which reads the file again and again.
 */
#include "enforcer/session/cgroups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"

#define MOUNTINFO_MAX (1024 * 1024)
#define WAIT_FROZEN_US 50000 /* reported after 0.3 ms, on an emulator after some 10 */
#define WAIT_PAUSE_US 250
#define DEPTH_MAX 8 /* of cgroups below a session's; deeper ones are not searched */

/* Fields of a mountinfo line: id parent maj:min root MOUNTPOINT options [tags] - TYPE source
 * opts */
static bool mount_line(const char *line, size_t len, char *ret_path, size_t size)
{
	const char *end = line + len, *dash, *at = line, *next;

	dash = memmem(line, len, " - ", 3);
	if (!dash || (size_t)(end - dash) < 3 + 8 || memcmp(dash + 3, "cgroup2 ", 8))
		return false;
	for (int field = 0; field < 4; field++) {
		at = memchr(at, ' ', (size_t)(dash - at));
		if (!at)
			return false;
		at++;
	}
	next = memchr(at, ' ', (size_t)(dash - at));
	/* A blank or backslash in the path would be written as \ooo: such a mount is not used. */
	if (!next || (size_t)(next - at) >= size || memchr(at, '\\', (size_t)(next - at)))
		return false;
	text_copy_len(ret_path, size, at, (size_t)(next - at));
	return true;
}

int cgroup_mount_parse(const char *text, size_t len, char *ret_path, size_t size)
{
	const char *end = text + len;

	for (const char *line = text; line < end;) {
		const char *eol = memchr(line, '\n', (size_t)(end - line));

		if (!eol)
			eol = end;
		if (mount_line(line, (size_t)(eol - line), ret_path, size))
			return 0;
		line = eol + 1;
	}
	return -ENOENT;
}

int cgroup_mount(char *ret_path, size_t size)
{
	_cleanup_close_ int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	if (fd < 0)
		return -errno;
	r = file_read_fd(fd, MOUNTINFO_MAX, &text, &len);
	if (r < 0)
		return r;
	return cgroup_mount_parse(text, len, ret_path, size);
}

int cgroup_open_root(void)
{
	char path[256];
	int fd, r;

	r = cgroup_mount(path, sizeof(path));
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool path_safe(const char *path)
{
	return path[0] == '/' && path[1] != '\0' && !strstr(path, "/../") &&
	       (strlen(path) < 3 || strcmp(path + strlen(path) - 3, "/..") != 0);
}

/* The cgroup's folder; never the root itself, which cannot be frozen and must not be killed. */
static int cgroup_open(int root_fd, const char *path)
{
	int fd;

	if (!path_safe(path))
		return -EINVAL;
	fd = openat(root_fd, path + 1, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int write_one(int root_fd, const char *path, const char *name, const char *value)
{
	_cleanup_close_ int dir = cgroup_open(root_fd, path);
	_cleanup_close_ int fd = -1;

	if (dir < 0)
		return dir;
	fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* ENODEV: removed between the open and the write. */
	if (write(fd, value, 1) < 0)
		return errno == ENODEV ? -ENOENT : -errno;
	return 0;
}

int cgroup_freeze(int root_fd, const char *path, bool frozen)
{
	return write_one(root_fd, path, "cgroup.freeze", frozen ? "1" : "0");
}

int cgroup_is_frozen(int root_fd, const char *path, bool *ret)
{
	_cleanup_close_ int dir = cgroup_open(root_fd, path);
	_cleanup_close_ int fd = -1;
	char value;
	ssize_t n;

	if (dir < 0)
		return dir;
	fd = openat(dir, "cgroup.freeze", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, &value, 1);
	if (n < 0)
		return errno == ENODEV ? -ENOENT : -errno;
	*ret = n == 1 && value == '1';
	return 0;
}

bool cgroup_may_freeze(int root_fd, const char *path)
{
	_cleanup_close_ int dir = cgroup_open(root_fd, path);
	_cleanup_close_ int fd = -1;

	if (dir < 0)
		return false;
	fd = openat(dir, "cgroup.freeze", O_WRONLY | O_CLOEXEC);
	return fd >= 0;
}

static int read_event(int root_fd, const char *path, const char *event, bool *ret)
{
	_cleanup_close_ int dir = cgroup_open(root_fd, path);
	_cleanup_close_ int fd = -1;
	char text[128];
	ssize_t n;

	if (dir < 0)
		return dir;
	fd = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return errno == ENODEV ? -ENOENT : -errno;
	text[n] = '\0';
	*ret = strstr(text, event) != NULL;
	return 0;
}

int cgroup_at_rest(int root_fd, const char *path, bool *ret)
{
	return read_event(root_fd, path, "frozen 1", ret);
}

int cgroup_is_populated(int root_fd, const char *path, bool *ret)
{
	return read_event(root_fd, path, "populated 1", ret);
}

void cgroup_wait_frozen(int root_fd, const char *path)
{
	const struct timespec pause = { .tv_nsec = WAIT_PAUSE_US * 1000 };
	bool frozen = false;

	for (int us = 0; us < WAIT_FROZEN_US; us += WAIT_PAUSE_US) {
		if (cgroup_at_rest(root_fd, path, &frozen) < 0 || frozen)
			return;
		(void)nanosleep(&pause, NULL);
	}
}

int cgroup_kill(int root_fd, const char *path)
{
	_cleanup_close_ int dir = cgroup_open(root_fd, path);

	if (dir < 0)
		return dir;
	if (faccessat(dir, "cgroup.kill", F_OK, 0) < 0)
		return errno == ENOENT ? -EOPNOTSUPP : -errno;
	return write_one(root_fd, path, "cgroup.kill", "1");
}

static int pids_here(int dir, cgroup_pid_fn fn, void *arg)
{
	_cleanup_close_ int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	_cleanup_fclose_ FILE *file = NULL;
	char line[32];
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	file = fdopen(fd, "r");
	if (!file)
		return -errno;
	(void)TAKE_FD(fd);
	while (fgets(line, sizeof(line), file)) {
		long pid = strtol(line, NULL, 10);

		/* 0: a process that this pid namespace does not show. */
		if (pid <= 0)
			continue;
		r = fn((pid_t)pid, arg);
		if (r)
			return r;
	}
	return 0;
}

static int pids_below(int dir_fd, int depth, cgroup_pid_fn fn, void *arg)
{
	_cleanup_closedir_ DIR *dir = NULL;
	_cleanup_close_ int own = -1;
	const struct dirent *entry;
	int r;

	r = pids_here(dir_fd, fn, arg);
	if (r)
		return r;
	/* A folder that cannot be searched to its end must not look like an empty one. */
	if (depth >= DEPTH_MAX)
		return -ELOOP;
	own = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (own < 0)
		return errno == ENOENT ? 0 : -errno;
	dir = fdopendir(own);
	if (!dir)
		return -errno;
	(void)TAKE_FD(own);
	while ((entry = readdir(dir))) {
		_cleanup_close_ int below = -1;

		if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") ||
		    !strcmp(entry->d_name, ".."))
			continue;
		below = openat(dirfd(dir), entry->d_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below < 0)
			continue;
		r = pids_below(below, depth + 1, fn, arg);
		if (r)
			return r;
	}
	return 0;
}

int cgroup_pids(int root_fd, const char *path, cgroup_pid_fn fn, void *arg)
{
	_cleanup_close_ int dir = cgroup_open(root_fd, path);

	if (dir < 0)
		return dir;
	return pids_below(dir, 0, fn, arg);
}
