/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Filter and rule files: found and opened here, read by the analyst.
 */
#include "enforcer/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"

struct walk {
	const char *dir;
	const char *over; /* the folder whose files take precedence, or "" */
	file_fn fn;
	void *arg;
	unsigned int files;
};

static bool has_suffix(const char *name)
{
	static const char *const suffixes[] = { ".conf", ".local", ".yml", ".yaml" };
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		size_t s = strlen(suffixes[i]);

		if (len > s && !strcmp(name + len - s, suffixes[i]))
			return true;
	}
	return false;
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* By bytes: scandir's alphasort follows the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool exists(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	return n > 0 && (size_t)n < sizeof(path) && !lstat(path, &st);
}

static int take_file(struct walk *walk, const char *name, const char *path)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (!has_suffix(name) || (walk->over[0] && exists(walk->over, name)))
		return 0;
	/* Not blocking: a FIFO under that name is seen, and not waited for. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0) {
		(void)log_error_errno(-errno, "%s is not read", path);
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		return 0;
	if (walk->files++ == FILES_MAX) {
		log_error("%s: more than %d files", walk->dir, FILES_MAX);
		return -E2BIG;
	}
	return walk->fn(name, path, fd, walk->arg);
}

static int walk_folder(struct walk *walk, const char *below, int depth);

static int take_entry(struct walk *walk, const char *below, const char *entry, int depth)
{
	char name[PATH_MAX], path[PATH_MAX];
	struct stat st;
	int n;

	n = snprintf(name, sizeof(name), "%s%s%s", below, below[0] ? "/" : "", entry);
	if (n < 0 || (size_t)n >= sizeof(name))
		return 0;
	n = snprintf(path, sizeof(path), "%s/%s", walk->dir, name);
	if (n < 0 || (size_t)n >= sizeof(path) || stat(path, &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return depth < FILES_DEPTH_MAX ? walk_folder(walk, name, depth + 1) : 0;
	return take_file(walk, name, path);
}

static int walk_folder(struct walk *walk, const char *below, int depth)
{
	char path[PATH_MAX];
	struct dirent **entry = NULL;
	int n = snprintf(path, sizeof(path), "%s/%s", walk->dir, below);
	int count, r = 0;

	if (n < 0 || (size_t)n >= sizeof(path))
		return 0;
	count = scandir(path, &entry, not_hidden, by_name);
	if (count < 0) {
		(void)log_error_errno(-errno, "%s is not read", path);
		return 0;
	}
	for (int i = 0; i < count; i++) {
		if (!r)
			r = take_entry(walk, below, entry[i]->d_name, depth);
		free(entry[i]);
	}
	free(entry);
	return r;
}

int files_each(const char dirs[2][PATH_MAX], file_fn fn, void *arg)
{
	struct walk walk = { .fn = fn, .arg = arg };

	for (int i = 0; i < 2; i++) {
		int r;

		if (!dirs[i][0])
			continue;
		walk.dir = dirs[i];
		walk.over = i == 0 ? dirs[1] : "";
		r = walk_folder(&walk, "", 0);
		if (r)
			return r;
	}
	return 0;
}
