/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The output into a folder. A file that is there and differs is somebody's work: nothing is written
 * at all then, unless forced. bailiff.conf.d comes last, so whoever reads the folder meanwhile
 * finds no source whose filter is not there yet.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analyst/import/import.h"
#include "analyst/offline.h"
#include "base/file.h"

static int path_of(const char *folder, const char *name, char ret[PATH_MAX])
{
	int n = snprintf(ret, PATH_MAX, "%s/%s", folder, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* enum import_written, or -errno */
static int file_state(const struct import_output *output, const char *path, bool force)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t len;
	int r;

	if (lstat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? WRITTEN_NEW : -errno;
	if (!S_ISREG(st.st_mode))
		return force ? -EEXIST : WRITTEN_KEPT;
	r = file_read(path, output->len, &text, &len);
	if (r < 0 && r != -EFBIG)
		return r;
	if (!r && len == output->len && !memcmp(text, output->text, len))
		return WRITTEN_SAME;
	return force ? WRITTEN_CHANGED : WRITTEN_KEPT;
}

/* The folders above a file, from below the output folder on. */
static int folders_make(const char *folder, const char *name)
{
	const char *slash = name;
	char path[PATH_MAX];
	int r;

	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		return -errno;
	while ((slash = strchr(slash, '/'))) {
		r = path_of(folder, name, path);
		if (r < 0)
			return r;
		path[strlen(folder) + 1 + (size_t)(slash - name)] = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -errno;
		slash++;
	}
	return 0;
}

static int fail(char error[IMPORT_TEXT_MAX], const char *path, int r)
{
	(void)snprintf(error, IMPORT_TEXT_MAX, "%.300s: %s", path, strerror(-r));
	return r;
}

int import_write(const struct import *import, const char *folder, bool force, import_written_fn fn,
		 void *arg, char error[IMPORT_TEXT_MAX])
{
	char path[PATH_MAX];
	bool kept = false;
	int r, state;

	for (unsigned int i = 0; i < import->outputs; i++) {
		r = path_of(folder, import->output[i].name, path);
		state = r < 0 ? r : file_state(&import->output[i], path, force);
		if (state < 0)
			return fail(error, path, state);
		if (state == WRITTEN_KEPT) {
			fn(path, WRITTEN_KEPT, arg);
			kept = true;
		}
	}
	if (kept) {
		(void)snprintf(error, IMPORT_TEXT_MAX,
			       "nothing is written: these files are there and differ (--force "
			       "replaces them)");
		return -EEXIST;
	}
	for (unsigned int i = 0; i < import->outputs; i++) {
		const struct import_output *output = &import->output[i];

		r = path_of(folder, output->name, path);
		state = r < 0 ? r : file_state(output, path, force);
		if (state < 0)
			return fail(error, path, state);
		if (state == WRITTEN_NEW || state == WRITTEN_CHANGED) {
			r = folders_make(folder, output->name);
			if (!r)
				r = file_write_atomic(path, output->text, output->len, 0644);
			if (r < 0)
				return fail(error, path, r);
		}
		fn(path, (enum import_written)state, arg);
	}
	return 0;
}

struct there {
	struct import *import;
	struct rule_set *rules;
	size_t skip; /* length of the folder's name and a slash */
};

static bool is_output(const struct import *import, const char *name)
{
	for (unsigned int i = 0; i < import->outputs; i++)
		if (!strcmp(import->output[i].name, name))
			return true;
	return false;
}

static int rule_there(const char *path, void *arg)
{
	struct there *there = arg;
	struct import *import = there->import;
	const char *name = path + there->skip;
	struct config_place place = { .file = name };
	_cleanup_free_ char *text = NULL;
	char error[RULES_ERROR_MAX];
	size_t len;

	if (is_output(import, name))
		return 0;
	if (!strncmp(name, "rules.d/fail2ban-", 17)) {
		import_note(
			&import->notes, NOTE_DECIDE, &place,
			"it is from an earlier import, and its jail is not taken over any more: "
			"remove it, and what belongs to it in filter.d");
		return 0;
	}
	there->rules->count = 0;
	if (file_read(path, OFFLINE_FILE_SIZE_MAX, &text, &len) < 0 ||
	    rules_add(there->rules, name, text, len, error) < 0)
		return 0; /* bailiffctl rules check tells of it */
	for (unsigned int i = 0; i < import->jails; i++)
		if (!strcmp(import->jail[i].rule, there->rules->rule[0].id))
			import_note(
				&import->notes, NOTE_DECIDE, &place,
				"it has the id of the rule for jail %.60s; the later one in order "
				"of name counts",
				import->jail[i].name);
	return 0;
}

int import_look_there(struct import *import, const char *folder)
{
	_cleanup_free_ struct rule_set *rules = calloc(1, sizeof(*rules));
	struct there there = { import, rules, strlen(folder) + 1 };
	char path[PATH_MAX];
	int r;

	if (!rules)
		return -ENOMEM;
	r = path_of(folder, "rules.d", path);
	if (r < 0)
		return r;
	r = offline_files(path, ".conf", rule_there, &there);
	return r == -ENOENT || r == -ENOTDIR ? 0 : r;
}
