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

static inline void closedirp(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len > end_len && !strcmp(text + len - end_len, end);
}

/* inside: "" or "NAME.d/", the path below filter.d */
static int folder_add(struct filter_set *set, const char *folder, const char *inside)
{
	_cleanup_(closedirp) DIR *dir = opendir(folder);
	struct dirent *entry;
	struct stat st;
	int r;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		_cleanup_free_ char *path = NULL, *name = NULL, *text = NULL;
		size_t len;

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
		if (S_ISDIR(st.st_mode) && !inside[0] && ends_with(name, ".d")) {
			_cleanup_free_ char *below = NULL;

			if (asprintf(&below, "%s/", name) < 0) {
				below = NULL;
				return -ENOMEM;
			}
			r = folder_add(set, path, below);
			if (r < 0)
				return r;
			continue;
		}
		if (!S_ISREG(st.st_mode) ||
		    (!ends_with(name, ".conf") && !ends_with(name, ".local")))
			continue;
		r = file_read(path, FILE_MAX, &text, &len);
		if (!r)
			r = filter_set_add_file(set, name, text, len);
		if (r < 0)
			return r;
	}
	return 0;
}

int filter_folder_add(struct filter_set *set, const char *folder)
{
	return folder_add(set, folder, "");
}
