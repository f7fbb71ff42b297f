/* SPDX-License-Identifier: GPL-2.0-only */
/* bailiffctl rules check: which rule files load, and why others do not. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/offline.h"
#include "base/file.h"
#include "base/json.h"

static const char usage[] =
	"Usage: bailiffctl rules check [--json] DIR...\n"
	"Exit status: 0 all load, 1 bad usage, 2 one does not, or cannot be read.\n";

struct check {
	struct rule_set *set;
	bool json;
	bool failed;
};

/* "PATH:LINE: reason" to its parts; the path is known. */
static const char *error_split(const char *path, const char *error, unsigned long *ret_line)
{
	size_t len = strlen(path);
	char *end;

	*ret_line = 0;
	if (strncmp(error, path, len) != 0 || error[len] != ':')
		return error;
	*ret_line = strtoul(error + len + 1, &end, 10);
	if (end == error + len + 1)
		return error + len + 1 + strspn(error + len + 1, " ");
	return end + strspn(end, ": ");
}

static void result_put(const struct check *check, const char *path, const char *error,
		       const char *warning)
{
	struct buf out = BUF_INIT(16384);
	struct json_writer w;
	unsigned long line;
	const char *why;

	if (check->json) {
		json_begin(&w, &out);
		json_object(&w, NULL);
		json_string(&w, "path", path);
		json_string(&w, "result", error ? "rejected" : "loaded");
		if (warning)
			json_string(&w, "warning", warning);
		if (error) {
			why = error_split(path, error, &line);
			json_string(&w, "why", why);
			if (line)
				json_u64(&w, "line", line);
		}
		json_end_object(&w);
	} else if (error) {
		buf_puts(&out, "rejected  ");
		buf_put_safe(&out, error, strlen(error));
	} else {
		buf_puts(&out, "loaded    ");
		buf_put_safe(&out, path, strlen(path));
		if (warning)
			buf_printf(&out, " (warning: %s)", warning);
	}
	buf_putc(&out, '\n');
	(void)fwrite(out.data, 1, out.len, stdout);
	buf_done(&out);
}

static int rule_check(const char *path, void *arg)
{
	struct check *check = arg;
	_cleanup_free_ char *text = NULL;
	char error[RULES_ERROR_MAX];
	const char *warning = NULL;
	size_t len;
	int r;

	r = file_read(path, OFFLINE_FILE_SIZE_MAX, &text, &len);
	if (r < 0)
		(void)snprintf(error, sizeof(error), "%.200s: %s", path, strerror(-r));
	else
		r = rules_add(check->set, path, text, len, error);
	if (r >= 0)
		warning = rule_shortcoming(&check->set->rule[check->set->last]);
	check->failed = check->failed || r < 0;
	result_put(check, path, r < 0 ? error : NULL, warning);
	return 0;
}

int rules_check_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	_cleanup_free_ struct rule_set *set = calloc(1, sizeof(*set));
	struct check check = { .set = set };
	int c, r;

	if (!set)
		return OFFLINE_INPUT;
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) >= 0) {
		if (c == 'j') {
			check.json = true;
			continue;
		}
		(void)fputs(usage, c == 'h' ? stdout : stderr);
		return c == 'h' ? OFFLINE_OK : OFFLINE_USAGE;
	}
	if (optind == argc) {
		(void)fputs(usage, stderr);
		return OFFLINE_USAGE;
	}
	for (; optind < argc; optind++) {
		r = offline_files(argv[optind], ".conf", rule_check, &check);
		if (r < 0)
			return offline_error("%s: %s", argv[optind], strerror(-r));
	}
	return check.failed ? OFFLINE_INPUT : OFFLINE_OK;
}
