/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl snapshot: what locked sessions' processes were, from the files that bailiffd keeps.
 *
 * The files are read, not asked for: they are there for whoever is root, also when bailiffd is not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "ctl/ctl.h"
#include "ctl/output.h"
#include "ctl/snapshot_text.h"

#define DEFAULT_DIR "/var/lib/bailiff"
#define FILE_MAX (64U << 20)
#define LIST_MAX 1024

struct one {
	uint64_t tag, wall_s, bytes;
	char name[64];
};

static int by_time(const void *a, const void *b)
{
	const struct one *left = a, *right = b;

	return left->wall_s < right->wall_s ? -1 : left->wall_s > right->wall_s;
}

static bool take_name(const char *name, struct one *ret)
{
	int used = 0;

	*ret = (struct one){};
	if (strlen(name) >= sizeof(ret->name) || name[0] < '0' || name[0] > '9' ||
	    sscanf(name, "%" SCNu64 "-%" SCNu64 ".jsonl%n", &ret->tag, &ret->wall_s, &used) != 2 ||
	    !used || name[used])
		return false;
	memcpy(ret->name, name, strlen(name) + 1);
	return true;
}

/* Oldest first. */
static int read_folder(const char *path, struct one *list, size_t *ret_count)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	const struct dirent *entry;
	size_t count = 0;
	struct stat st;

	if (!dir)
		return -errno;
	while (count < LIST_MAX && (entry = readdir(dir))) {
		if (!take_name(entry->d_name, &list[count]) ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		list[count++].bytes = (uint64_t)st.st_size;
	}
	qsort(list, count, sizeof(*list), by_time);
	*ret_count = count;
	return 0;
}

static int put_list(const struct one *list, size_t count, bool json)
{
	static const char *const head[] = { "SESSION", "TAKEN", "BYTES", "FILE" };
	struct buf out = BUF_INIT(1 << 20);
	struct grid grid;
	int r;

	grid_begin(&grid, &out, output_wants_colour(), head, ARRAY_SIZE(head));
	for (size_t i = 0; i < count; i++) {
		char tag[24], taken[OUTPUT_TIME_MAX], bytes[24];
		const char *cells[] = { tag, taken, bytes, list[i].name };

		(void)snprintf(tag, sizeof(tag), "%" PRIu64, list[i].tag);
		(void)snprintf(bytes, sizeof(bytes), "%" PRIu64, list[i].bytes);
		output_time(list[i].wall_s * NSEC_PER_SEC, taken);
		if (json)
			buf_printf(&out,
				   "{\"session\":\"%s\",\"taken_wall_s\":%" PRIu64
				   ",\"bytes\":%s,\"file\":\"%s\"}\n",
				   tag, list[i].wall_s, bytes, list[i].name);
		else
			grid_row(&grid, cells);
	}
	grid_end(&grid);
	if (!json && !count)
		buf_puts(&out, "there is no snapshot\n");
	r = output_flush(&out);
	buf_done(&out);
	return r;
}

static int put_one(const char *folder, const struct one *one, bool json)
{
	_cleanup_free_ char *text = NULL;
	struct buf out = BUF_INIT(FILE_MAX * 4ULL);
	char path[4096];
	size_t len;
	int r;

	(void)snprintf(path, sizeof(path), "%.3900s/%s", folder, one->name);
	r = file_read(path, FILE_MAX, &text, &len);
	if (r < 0) {
		output_error("%s: %s", path, strerror(-r));
		return CTL_FAILED;
	}
	if (json) {
		buf_add(&out, text, len);
	} else if (snapshot_put_text(&out, text, len) < 0) {
		output_error("%s: is no snapshot", path);
		buf_done(&out);
		return CTL_FAILED;
	}
	r = output_flush(&out);
	buf_done(&out);
	return r;
}

int snapshot_main(const struct ctl_args *args)
{
	_cleanup_free_ struct one *list = calloc(LIST_MAX, sizeof(*list));
	static char kind[] = "session";
	char error[ARGS_ERROR_MAX], folder[4096];
	struct ipc_subject subject;
	size_t count = 0;
	int r;

	(void)snprintf(folder, sizeof(folder), "%.3900s/snapshots",
		       args->dir ? args->dir : DEFAULT_DIR);
	if (args->words) {
		char *word[] = { kind, args->word[0] };

		if (subject_parse(2, word, SUBJECT_TO_LOCK, &subject, error) < 0) {
			output_error("%s", error);
			return CTL_USAGE;
		}
	}
	r = list ? read_folder(folder, list, &count) : -ENOMEM;
	/* It is made with the first snapshot. */
	if (r == -ENOENT) {
		r = 0;
		count = 0;
	}
	if (r < 0) {
		output_error("%s: %s", folder, strerror(-r));
		return r == -EACCES ? CTL_UNREACHABLE : CTL_FAILED;
	}
	if (!args->words)
		return put_list(list, count, args->json);
	for (size_t i = count; i-- > 0;)
		if (list[i].tag == subject.id)
			return put_one(folder, &list[i], args->json);
	output_error("there is no snapshot of session %" PRIu64, (uint64_t)subject.id);
	return CTL_NOT_FOUND;
}
