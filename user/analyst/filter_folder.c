/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Filter files from a folder, for the offline commands. The live process gets them as descriptors.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "analyst/evidence/evidence.h"
#include "analyst/filter_test.h"
#include "base/cleanup.h"
#include "base/file.h"

#define FILE_MAX (1024 * 1024)

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len > end_len && !strcmp(text + len - end_len, end);
}

/* inside: "" or "NAME.d/", the path below filter.d */
static int folder_each(const char *folder, const char *inside, filter_file_fn fn, void *arg)
{
	_cleanup_closedir_ DIR *dir = opendir(folder);
	struct dirent *entry;
	struct stat st;
	int r;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		_cleanup_free_ char *path = NULL, *name = NULL, *below = NULL;

		if (entry->d_name[0] == '.')
			continue;
		if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		if (asprintf(&name, "%s%s", inside, entry->d_name) < 0) {
			name = NULL;
			return -ENOMEM;
		}
		if (stat(path, &st) < 0)
			continue;
		r = 0;
		if (S_ISDIR(st.st_mode) && !inside[0] && ends_with(name, ".d")) {
			if (asprintf(&below, "%s/", name) < 0) {
				below = NULL;
				return -ENOMEM;
			}
			r = folder_each(path, below, fn, arg);
		} else if (S_ISREG(st.st_mode) &&
			   (ends_with(name, ".conf") || ends_with(name, ".local"))) {
			r = fn(path, name, arg);
		}
		if (r)
			return r;
	}
	return 0;
}

int filter_folder_each(const char *folder, filter_file_fn fn, void *arg)
{
	return folder_each(folder, "", fn, arg);
}

static int file_add(const char *path, const char *name, void *arg)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	r = file_read(path, FILE_MAX, &text, &len);
	return r < 0 ? r : filter_set_add_file(arg, name, text, len);
}

int filter_folder_add(struct filter_set *set, const char *folder)
{
	return filter_folder_each(folder, file_add, set);
}
