/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether the host's syslog daemon writes a file, as far as its configuration tells.
 */
#include "enforcer/sources/syslogd.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mention.h"

#define FILES_MAX 128
#define FILE_SIZE_MAX (64 * 1024)
#define ENTRIES_MAX 1024 /* of a folder, looked at */

struct syslogd {
	size_t root_len; /* of each path, not shown */
	unsigned int files;
	struct {
		char *path, *text;
		size_t len;
	} file[FILES_MAX];
};

static int add_file(struct syslogd *syslogd, const char *path)
{
	_cleanup_free_ char *text = NULL, *copy = NULL;
	size_t len;
	int r;

	if (syslogd->files == FILES_MAX)
		return 0;
	r = file_read(path, FILE_SIZE_MAX, &text, &len);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	syslogd->file[syslogd->files].path = TAKE_PTR(copy);
	syslogd->file[syslogd->files].text = TAKE_PTR(text);
	syslogd->file[syslogd->files++].len = len;
	return 0;
}

static int add_folder(struct syslogd *syslogd, const char *folder)
{
	const struct dirent *entry;
	DIR *dir = opendir(folder);
	int r = 0;

	if (!dir)
		return 0;
	for (unsigned int i = 0; !r && i < ENTRIES_MAX && (entry = readdir(dir)); i++) {
		const char *end = strrchr(entry->d_name, '.');
		char path[PATH_MAX];
		int n;

		if (entry->d_name[0] == '.' || !end || strcmp(end, ".conf") != 0)
			continue;
		n = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (n > 0 && (size_t)n < sizeof(path))
			r = add_file(syslogd, path);
	}
	(void)closedir(dir);
	return r;
}

int syslogd_new(struct syslogd **ret, const char *root)
{
	static const char *const places[] = { "/etc/rsyslog.conf", "/etc/rsyslog.d",
					      "/etc/syslog.conf", "/etc/syslog-ng",
					      "/etc/syslog-ng/conf.d" };
	_cleanup_(syslogd_freep) struct syslogd *syslogd = calloc(1, sizeof(*syslogd));

	if (!syslogd)
		return -ENOMEM;
	syslogd->root_len = strlen(root);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const char *end = strrchr(places[i], '.');
		char path[PATH_MAX];
		int r;

		(void)snprintf(path, sizeof(path), "%s%s", root, places[i]);
		r = end && !strcmp(end, ".conf") ? add_file(syslogd, path)
						 : add_folder(syslogd, path);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(syslogd);
	return 0;
}

struct syslogd *syslogd_free(struct syslogd *syslogd)
{
	if (!syslogd)
		return NULL;
	for (unsigned int i = 0; i < syslogd->files; i++) {
		free(syslogd->file[i].path);
		free(syslogd->file[i].text);
	}
	free(syslogd);
	return NULL;
}

bool syslogd_writes(const struct syslogd *syslogd, const char *path, char *where, size_t size)
{
	for (unsigned int i = 0; i < syslogd->files; i++) {
		unsigned int line;

		if (!mention_find(syslogd->file[i].text, syslogd->file[i].len, path, &line))
			continue;
		(void)snprintf(where, size, "%s:%u", syslogd->file[i].path + syslogd->root_len,
			       line);
		return true;
	}
	return false;
}
