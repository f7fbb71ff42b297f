/* SPDX-License-Identifier: GPL-2.0-only */
/* Files and errors of the offline commands. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyst/offline.h"
#include "base/buf.h"
#include "base/cleanup.h"

#define DEPTH_MAX 4

int offline_error(const char *format, ...)
{
	_cleanup_(buf_done) struct buf safe = BUF_INIT(8192);
	char text[2048];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buf_put_safe(&safe, text, strlen(text));
	(void)fprintf(stderr, "bailiff-analyst: %s\n", safe.data ? safe.data : "no memory");
	return OFFLINE_INPUT;
}

struct walk {
	const char *suffix;
	offline_file_fn fn;
	void *arg;
	unsigned int files;
};

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len > end_len && !strcmp(text + len - end_len, end);
}

static void entries_free(struct dirent **entries, int count)
{
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
}

static int folder_walk(struct walk *walk, const char *folder, int depth);

static int entry_walk(struct walk *walk, const char *folder, const char *name, int depth)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;

	if (name[0] == '.')
		return 0;
	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (stat(path, &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return depth < DEPTH_MAX ? folder_walk(walk, path, depth + 1) : 0;
	if (!S_ISREG(st.st_mode) || !ends_with(name, walk->suffix))
		return 0;
	if (++walk->files > OFFLINE_FILES_MAX)
		return -E2BIG;
	return walk->fn(path, walk->arg);
}

static int folder_walk(struct walk *walk, const char *folder, int depth)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort);
	int r = 0;

	if (count < 0)
		return -errno;
	for (int i = 0; i < count && !r; i++)
		r = entry_walk(walk, folder, entries[i]->d_name, depth);
	entries_free(entries, count);
	return r;
}

int offline_files(const char *folder, const char *suffix, offline_file_fn fn, void *arg)
{
	struct walk walk = { .suffix = suffix, .fn = fn, .arg = arg };

	return folder_walk(&walk, folder, 1);
}

char *offline_folder(const char *installed, const char *in_tree)
{
	char self[PATH_MAX];
	char *slash, *path;
	ssize_t len;

	if (!access(installed, R_OK | X_OK))
		return strdup(installed);
	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len <= 0)
		return NULL;
	self[len] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	if (asprintf(&path, "%s/../user/analyst/%s", self, in_tree) < 0)
		return NULL;
	if (!access(path, R_OK | X_OK))
		return path;
	free(path);
	return NULL;
}
