/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an import is made from and what comes out of it: texts by name, all in memory. Owns both.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/import/import.h"
#include "base/buf.h"

int import_files_add(struct filter_files *files, const char *name, const char *text, size_t len)
{
	_cleanup_free_ char *copy = NULL, *name_copy = NULL;
	struct filter_file *file;

	if (len > CONFIG_FILE_MAX)
		return -EFBIG;
	if (files->count == CONFIG_FILES_MAX)
		return -E2BIG;
	if (!(files->count & (files->count - 1))) {
		file = reallocarray(files->file, files->count ? files->count * 2 : 1,
				    sizeof(*file));
		if (!file)
			return -ENOMEM;
		files->file = file;
	}
	copy = text_dup(text, len);
	name_copy = strdup(name);
	if (!copy || !name_copy)
		return -ENOMEM;
	files->file[files->count++] = (struct filter_file){
		.name = TAKE_PTR(name_copy),
		.text = TAKE_PTR(copy),
		.len = len,
	};
	return 0;
}

static void files_done(struct filter_files *files)
{
	for (unsigned int i = 0; i < files->count; i++) {
		free(files->file[i].name);
		free(files->file[i].text);
	}
	free(files->file);
	*files = (struct filter_files){ 0 };
}

void import_files_done(struct import_files *files)
{
	files_done(&files->jails);
	files_done(&files->filters);
	files_done(&files->shipped);
}

int import_new(struct import **ret, const struct import_files *files,
	       const struct import_host *host)
{
	static const struct filter_spec spec = { .name = "jail.conf" };
	static const uint64_t seed[2] = { 1, 2 }; /* no line is read */
	_cleanup_(import_freep) struct import *import = calloc(1, sizeof(*import));
	int r;

	if (!import)
		return -ENOMEM;
	import->files = files;
	import->host = host;
	import->folder = "/etc/fail2ban";
	import->config.spec = &spec;
	r = filter_set_new(&import->set);
	if (r < 0)
		return r;
	filter_set_seed(import->set, seed);
	for (unsigned int i = 0; i < files->shipped.count; i++) {
		const struct filter_file *file = &files->shipped.file[i];

		r = filter_set_add_file(import->set, file->name, file->text, file->len);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(import);
	return 0;
}

struct import *import_free(struct import *import)
{
	if (!import)
		return NULL;
	for (unsigned int i = 0; i < import->jails; i++)
		import_notes_done(&import->jail[i].notes);
	free(import->jail);
	import_notes_done(&import->notes);
	config_done(&import->config);
	filter_set_free(import->set);
	import_output_cut(import, 0);
	for (unsigned int i = 0; i < import->lists; i++)
		free(import->list[i]);
	free(import);
	return NULL;
}

void import_output_cut(struct import *import, unsigned int count)
{
	while (import->outputs > count) {
		import->outputs--;
		free(import->output[import->outputs].name);
		free(import->output[import->outputs].text);
	}
}

int import_output_add(struct import *import, const char *name, const char *text, size_t len)
{
	_cleanup_free_ char *copy = NULL, *name_copy = NULL;

	for (unsigned int i = 0; i < import->outputs; i++)
		if (!strcmp(import->output[i].name, name))
			return -EEXIST;
	if (import->outputs == IMPORT_FILES_MAX)
		return -E2BIG;
	copy = text_dup(text, len);
	name_copy = strdup(name);
	if (!copy || !name_copy)
		return -ENOMEM;
	import->output[import->outputs++] = (struct import_output){
		.name = TAKE_PTR(name_copy),
		.text = TAKE_PTR(copy),
		.len = len,
	};
	return 0;
}
