/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl filter check: which filter files of a folder load, in every mode that they name, and
 * why others do not.
 *
 * Each file is loaded into a set of its own, so that no file hides behind another and nothing of a
 * big folder adds up.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/filter_check.h"
#include "analyst/filter_test.h"
#include "analyst/offline.h"
#include "base/file.h"

static const char usage[] =
	"usage: bailiffctl filter check [--json] [--filter-dir DIR]... DIR\n"
	"Every NAME.conf of DIR is loaded, with its NAME.local and NAME.d, in each mode that it "
	"names.\n"
	"--filter-dir: files that those of DIR include, or are laid over, are in this folder.\n"
	"exit: 0 all load, 1 usage, 2 one does not, or cannot be read\n";

#define FOLDERS_MAX 8

struct file {
	char *path, *name, *text; /* text NULL: it could not be read */
	size_t len;
	int error;
	bool checked; /* of DIR itself */
};

struct check {
	struct file *file;
	unsigned int files;
	bool json, checked;
	unsigned int count[FILTER_CHECK_MAX], warned;
};

static void files_free(struct check *check)
{
	for (unsigned int i = 0; i < check->files; i++) {
		free(check->file[i].path);
		free(check->file[i].name);
		free(check->file[i].text);
	}
	free(check->file);
}

static int file_take(const char *path, const char *name, void *arg)
{
	struct check *check = arg;
	struct file *file;

	if (check->files == OFFLINE_FILES_MAX)
		return -E2BIG;
	file = reallocarray(check->file, check->files + 1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	check->file = file;
	file += check->files++;
	*file = (struct file){ .checked = check->checked,
			       .path = strdup(path),
			       .name = strdup(name) };
	if (!file->path || !file->name)
		return -ENOMEM;
	file->error = file_read(path, OFFLINE_FILE_SIZE_MAX, &file->text, &file->len);
	return file->error == -ENOMEM ? -ENOMEM : 0;
}

static int files_order(const void *a, const void *b)
{
	const struct file *one = a, *other = b;

	return strcmp(one->name, other->name);
}

/* What --filter-dir names lies beneath what DIR holds. */
static int set_fill(struct filter_set *set, const struct check *check)
{
	for (int checked = 0; checked <= 1; checked++) {
		for (unsigned int i = 0; i < check->files; i++) {
			const struct file *file = &check->file[i];
			int r = 0;

			if (file->checked == checked && file->text)
				r = filter_set_add_file(set, file->name, file->text, file->len);
			/* One that is too big is refused by name, and is not there for others. */
			if (r < 0 && r != -EFBIG)
				return r;
		}
	}
	return 0;
}

static int file_check(struct check *check, const struct file *file)
{
	_cleanup_(filter_set_freep) struct filter_set *set = NULL;
	struct filter_check result;
	int r;

	filter_check_init(&result, file->path, file->name);
	r = filter_set_new(&set);
	if (!r)
		r = set_fill(set, check);
	if (!r && file->error)
		filter_check_refuse(&result, strerror(-file->error));
	else if (!r)
		r = filter_check_run(&result, set);
	if (!r) {
		filter_check_put(&result, check->json);
		check->count[result.result]++;
		check->warned += result.warnings > 0;
	}
	filter_check_done(&result);
	return r;
}

static int run(struct check *check, const char *folder)
{
	int r;

	check->checked = true;
	r = filter_folder_each(folder, file_take, check);
	if (r < 0)
		return offline_error("%s: %s", folder, strerror(-r));
	qsort(check->file, check->files, sizeof(check->file[0]), files_order);
	for (unsigned int i = 0; i < check->files && !r; i++) {
		const struct file *file = &check->file[i];
		const size_t len = strlen(file->name);

		if (file->checked && !strchr(file->name, '/') && len > 5 &&
		    !strcmp(file->name + len - 5, ".conf"))
			r = file_check(check, file);
	}
	if (r < 0)
		return offline_error("%s: %s", folder, strerror(-r));
	if (!check->json)
		printf("%u filters: %u loaded (%u with warnings), %u refused; %u files are there "
		       "for "
		       "others to include\n",
		       check->count[FILTER_CHECK_LOADED] + check->count[FILTER_CHECK_REFUSED],
		       check->count[FILTER_CHECK_LOADED], check->warned,
		       check->count[FILTER_CHECK_REFUSED], check->count[FILTER_CHECK_INCLUDED]);
	if (fflush(stdout) || ferror(stdout))
		return offline_error("standard output: %s", strerror(errno));
	return check->count[FILTER_CHECK_REFUSED] ? OFFLINE_INPUT : OFFLINE_OK;
}

/* OFFLINE_OK: go on. */
static int options_read(struct check *check, int argc, char **argv, bool *ret_help)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "filter-dir", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned int folders = 0;
	int c, r;

	optind = 0;
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) >= 0) {
		switch (c) {
		case 'j':
			check->json = true;
			break;
		case 'd':
			if (++folders > FOLDERS_MAX)
				return OFFLINE_USAGE;
			r = filter_folder_each(optarg, file_take, check);
			if (r < 0)
				return offline_error("%s: %s", optarg, strerror(-r));
			break;
		case 'h':
			*ret_help = true;
			return OFFLINE_OK;
		default:
			return OFFLINE_USAGE;
		}
	}
	return optind + 1 == argc ? OFFLINE_OK : OFFLINE_USAGE;
}

int filter_check_main(int argc, char **argv)
{
	struct check check = { .file = NULL };
	bool help = false;
	int r;

	r = options_read(&check, argc, argv, &help);
	if (help || r == OFFLINE_USAGE)
		(void)fputs(usage, help ? stdout : stderr);
	else if (r == OFFLINE_OK)
		r = run(&check, argv[optind]);
	files_free(&check);
	return r;
}
