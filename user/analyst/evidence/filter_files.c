/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files of one filter laid over each other: NAME.conf, NAME.d/X.conf, NAME.local,
 * NAME.d/X.local, each with what it includes. A later file changes option by option; what an
 * option was before stays reachable as known/.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/evidence/filter_config.h"

#define DEPTH_MAX 16 /* of includes */
#define READS_MAX 64 /* files of one filter, each include counted */
#define SECTIONS_MAX 512 /* of one file: jail.conf has a hundred */

struct reading {
	struct config *config;
	const struct filter_files *files;
	unsigned int reads;
	const char *path[DEPTH_MAX]; /* from the filter's own file to the one being read */
	unsigned int depth;
	char *error;
};

/* One file's own options, before they are laid over the others. */
struct own {
	struct config config;
	const struct filter_file *file;
	char section[SECTIONS_MAX][CONFIG_NAME_MAX];
	unsigned int sections;
};

const struct filter_file *filter_file_find(const struct filter_files *files, const char *name)
{
	for (unsigned int i = 0; i < files->count; i++)
		if (!strcmp(files->file[i].name, name))
			return &files->file[i];
	return NULL;
}

static int own_option(const char *section, const char *name, const char *text, unsigned int line,
		      void *arg, char error[EVIDENCE_ERROR_MAX])
{
	struct own *own = arg;
	struct config_value *value;
	int r;

	if (!name[0]) {
		for (unsigned int i = 0; i < own->sections; i++) {
			if (strcmp(own->section[i], section))
				continue;
			(void)snprintf(error, EVIDENCE_ERROR_MAX,
				       "%.100s:%u: section [%.60s] is there twice", own->file->name,
				       line, section);
			return -EINVAL;
		}
		if (own->sections == SECTIONS_MAX) {
			(void)snprintf(error, EVIDENCE_ERROR_MAX, "%.100s:%u: too many sections",
				       own->file->name, line);
			return -E2BIG;
		}
		text_copy(own->section[own->sections++], CONFIG_NAME_MAX, section);
		return 0;
	}
	if (config_find(&own->config, section, name)) {
		(void)snprintf(error, EVIDENCE_ERROR_MAX,
			       "%.100s:%u: option %.60s is in [%.60s] twice", own->file->name, line,
			       name, section);
		return -EINVAL;
	}
	value = calloc(1, sizeof(*value));
	if (!value)
		return -ENOMEM;
	value->text = strdup(text);
	r = value->text ? config_add(&own->config, section, name, value) : -ENOMEM;
	if (r < 0) {
		config_value_free(value);
		(void)snprintf(error, EVIDENCE_ERROR_MAX, "%.100s:%u: %s", own->file->name, line,
			       r == -E2BIG ? "too many options" : "out of memory");
	}
	return r;
}

/* Lays the file's options over what was read before. The values move. */
static int own_merge(struct own *own, struct config *config)
{
	int r;

	for (unsigned int i = 0; i < own->config.options; i++) {
		struct config_option *from = &own->config.option[i];
		bool found = false;

		for (unsigned int j = 0; j < config->options && !found; j++) {
			struct config_option *to = &config->option[j];

			if (strcmp(to->name, from->name) || strcmp(to->section, from->section))
				continue;
			from->value->known = to->value;
			to->value = from->value;
			found = true;
		}
		if (!found) {
			r = config_add(config, from->section, from->name, from->value);
			if (r < 0)
				return r;
		}
		from->value = NULL;
	}
	return 0;
}

static int file_read(struct reading *reading, const char *name);

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len > end_len && !strcmp(text + len - end_len, end);
}

/* X.conf, then X.local. */
static int file_read_with_local(struct reading *reading, const char *name)
{
	char local[IPC_PATH_MAX];
	int r;

	r = file_read(reading, name);
	if (r < 0 || !ends_with(name, ".conf") || strlen(name) + 2 > sizeof(local))
		return r;
	(void)snprintf(local, sizeof(local), "%.*s.local", (int)strlen(name) - 5, name);
	return file_read(reading, local);
}

/* Relative to the folder of the including file; files outside of filter.d are not known here. */
static int include_read(struct reading *reading, const char *from, const char *entry, size_t len)
{
	const char *slash = strrchr(from, '/');
	size_t folder = slash ? (size_t)(slash - from) + 1 : 0;
	char name[IPC_PATH_MAX];

	while (len > 2 && entry[0] == '.' && entry[1] == '/') {
		entry += 2;
		len -= 2;
	}
	if (!len || folder + len >= sizeof(name))
		return 0;
	memcpy(name, from, folder);
	memcpy(name + folder, entry, len);
	name[folder + len] = '\0';
	for (unsigned int i = 0; i < reading->depth; i++)
		if (!strcmp(reading->path[i], name))
			return 0;
	return file_read_with_local(reading, name);
}

/* One file a line. */
static int includes_read(struct reading *reading, const char *from, const char *list)
{
	int r;

	while (list && *list) {
		size_t len = strcspn(list, "\n");

		r = include_read(reading, from, list, len);
		if (r < 0)
			return r;
		list += len;
		list += *list == '\n';
	}
	return 0;
}

static void includes_copy(const struct own *own, const char *which, struct buf *list)
{
	const struct config_option *option = config_find(&own->config, "INCLUDES", which);

	if (option)
		config_strip(option->value->text, strlen(option->value->text), list);
}

static int file_lay(struct reading *reading, struct own *own, struct buf *before, struct buf *after)
{
	int r;

	r = config_parse(reading->config, own->file, own_option, own, reading->error);
	if (r < 0)
		return r;
	/* Laying the options over the others moves their texts. */
	includes_copy(own, "before", before);
	includes_copy(own, "after", after);
	r = includes_read(reading, own->file->name, before->data);
	if (r < 0)
		return r;
	r = own_merge(own, reading->config);
	if (r < 0) {
		(void)snprintf(reading->error, EVIDENCE_ERROR_MAX, "%.100s: %s", own->file->name,
			       r == -E2BIG ? "too many options" : "out of memory");
		return r;
	}
	return includes_read(reading, own->file->name, after->data);
}

static int file_read(struct reading *reading, const char *name)
{
	const struct filter_file *file = filter_file_find(reading->files, name);
	struct buf before = BUF_INIT(CONFIG_VALUE_MAX), after = BUF_INIT(CONFIG_VALUE_MAX);
	struct own *own;
	int r;

	if (!file)
		return 0;
	if (reading->depth == DEPTH_MAX || reading->reads == READS_MAX) {
		(void)snprintf(reading->error, EVIDENCE_ERROR_MAX,
			       "%.100s: includes are too deep or too many", name);
		return -E2BIG;
	}
	own = calloc(1, sizeof(*own));
	if (!own)
		return -ENOMEM;
	own->file = file;
	reading->reads++;
	reading->path[reading->depth++] = file->name;
	r = file_lay(reading, own, &before, &after);
	reading->depth--;
	buf_done(&before);
	buf_done(&after);
	config_done(&own->config);
	free(own);
	return r;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* NAME.d/X.conf or NAME.d/X.local, sorted. */
static int folder_read(struct reading *reading, const char *folder, const char *end)
{
	const char *name[READS_MAX];
	unsigned int count = 0;
	int r = 0;

	for (unsigned int i = 0; i < reading->files->count && count < READS_MAX; i++) {
		const char *file = reading->files->file[i].name;

		if (!strncmp(file, folder, strlen(folder)) && ends_with(file, end) &&
		    !strchr(file + strlen(folder), '/'))
			name[count++] = file;
	}
	qsort(name, count, sizeof(name[0]), compare_names);
	for (unsigned int i = 0; i < count && !r; i++)
		r = file_read(reading, name[i]);
	return r;
}

int config_read_file(struct config *config, const struct filter_files *files, const char *name,
		     char error[EVIDENCE_ERROR_MAX])
{
	struct reading reading = { .config = config, .files = files, .error = error };

	return file_read(&reading, name);
}

int config_read(struct config *config, const struct filter_files *files,
		char error[EVIDENCE_ERROR_MAX])
{
	struct reading reading = { .config = config, .files = files, .error = error };
	static const char *const ends[] = { ".conf", ".local" };
	char name[CONFIG_NAME_MAX + 8], folder[CONFIG_NAME_MAX + 8];
	int r;

	(void)snprintf(folder, sizeof(folder), "%s.d/", config->spec->name);
	for (unsigned int i = 0; i < ARRAY_SIZE(ends); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", config->spec->name, ends[i]);
		r = file_read(&reading, name);
		if (r < 0)
			return r;
		r = folder_read(&reading, folder, ends[i]);
		if (r < 0)
			return r;
	}
	if (!reading.reads) {
		(void)snprintf(error, EVIDENCE_ERROR_MAX, "%.100s: there is no such filter",
			       config->spec->name);
		return -ENOENT;
	}
	return 0;
}
