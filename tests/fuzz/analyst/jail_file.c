/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A tree of fail2ban files: jail.conf, then behind lines "--" jail.local, a filter a.conf, an
 * include of it, and an sshd.conf, of which bailiff has another; the last is also what any list of
 * ignoreip holds. Whatever they hold, the import ends; what it would write is taken by bailiff's
 * own readers, and none of it takes the place of bailiff's own; the filters load from what is
 * written; nothing that is shown can move a terminal.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/import/import.h"
#include "analyst/offline.h"
#include "base/json.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PARTS 5

static const char shipped[] = "[Definition]\n_daemon = sshd\nfailregex = ^no <ADDR>$\n";

static void look(const char *pattern, struct import_look *ret, void *arg)
{
	(void)arg;
	*ret = (struct import_look){ .files = strlen(pattern) & 1, .shared = pattern[1] == 's' };
	if (ret->files && pattern[1] == 'v')
		text_copy(ret->owner, sizeof(ret->owner), "www");
	if (strstr(pattern, "sys"))
		text_copy(ret->written_by, sizeof(ret->written_by), "/etc/rsyslog.conf:1");
}

static unsigned int expand(const char *pattern, char (*ret)[IPC_PATH_MAX], unsigned int most,
			   void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < most; i++)
		(void)snprintf(ret[i], IPC_PATH_MAX, "%.100s%u", pattern, i);
	return most + (strlen(pattern) & 1);
}

static bool account(const char *name, void *arg)
{
	(void)arg;
	return name[0] == 'p';
}

static int port(const char *name, uint16_t *ret, void *arg)
{
	long number;

	(void)arg;
	if (import_number(name, &number) < 0 || number < 1 || number > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)number;
	return 0;
}

/* The last part; there is a NUL behind it. */
static int list(const char *path, char **ret, size_t *ret_len, void *arg)
{
	const char *text = arg;

	if (path[0] != '/')
		abort();
	if (!text)
		return -ENOENT;
	*ret_len = strlen(text);
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static void add(struct filter_files *files, const char *name, const char *text, size_t len)
{
	if (import_files_add(files, name, text, len) && len <= CONFIG_FILE_MAX)
		abort();
}

static void filters_check(const struct import *import)
{
	char error[EVIDENCE_ERROR_MAX];
	struct filter_set *set;
	uint16_t index;

	if (filter_set_new(&set) ||
	    filter_set_add_file(set, "sshd.conf", shipped, sizeof(shipped) - 1))
		abort();
	for (unsigned int i = 0; i < import->outputs; i++) {
		const struct import_output *output = &import->output[i];

		if (!strncmp(output->name, "filter.d/", 9) &&
		    filter_set_add_file(set, output->name + 9, output->text, output->len))
			abort();
	}
	for (unsigned int i = 0; i < import->jails; i++)
		for (unsigned int j = 0; j < import->jail[i].sources; j++)
			if (filter_set_load(set, import->jail[i].source[j].filter, &index, error))
				abort();
	filter_set_free(set);
}

static void outputs_check(const struct import *import)
{
	static struct rule_set rules;
	static struct replay_conf conf;
	char error[INI_ERROR_MAX];

	memset(&rules, 0, sizeof(rules));
	replay_conf_init(&conf);
	for (unsigned int i = 0; i < import->outputs; i++) {
		const struct import_output *output = &import->output[i];
		int r = 0;

		/* Dots inside a jail's name are harmless, a component of dots alone is not. */
		if (output->name[0] == '/' || output->name[0] == '.' ||
		    strstr(output->name, "/.") || strstr(output->name, "//"))
			abort();
		if (!strcmp(output->name, "filter.d/sshd.conf"))
			abort();
		if (!strncmp(output->name, "rules.d/", 8))
			r = rules_add(&rules, output->name, output->text, output->len, error);
		else if (!strncmp(output->name, "bailiff.conf.d/", 15))
			r = replay_conf_add(&conf, output->name, output->text, output->len, error);
		if (r < 0 && r != -E2BIG)
			abort();
	}
}

static void show_check(const struct import *import)
{
	static struct json_doc doc;
	struct import_show show = { .all = true };
	struct buf out = BUF_INIT(16 * 1024 * 1024);
	size_t at;

	import_show(import, &show, &out);
	if (!utf8_valid(out.data, out.len))
		abort();
	for (size_t i = 0; i < out.len; i++)
		if ((unsigned char)out.data[i] < ' ' && out.data[i] != '\n')
			abort();
	buf_clear(&out);
	show.json = true;
	import_show(import, &show, &out);
	for (char *line = out.data; line && *line;) {
		size_t len = strcspn(line, "\n");
		int r = json_parse(&doc, line, len, &at);

		if (r && r != -E2BIG)
			abort();
		line += len + 1;
	}
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[PARTS] = { "jail.conf", "jail.local", "a.conf", "b.conf",
						  "sshd.conf" };
	struct import_host host = { .look = look,
				    .expand = expand,
				    .port = port,
				    .read = list,
				    .account = account,
				    .journal = size & 1 };
	const char *at = (const char *)data, *end = at + size;
	struct import_files files = { 0 };
	struct import *import = NULL;
	char *last = NULL;
	int r;

	add(&files.shipped, "sshd.conf", shipped, sizeof(shipped) - 1);
	for (int i = 0; i < PARTS && at < end; i++) {
		const char *next =
			i + 1 < PARTS ? memmem(at, (size_t)(end - at), "\n--\n", 4) : NULL;
		size_t len = next ? (size_t)(next - at) + 1 : (size_t)(end - at);

		add(i < 2 ? &files.jails : &files.filters, names[i], at, len);
		if (i == PARTS - 1)
			last = strndup(at, len);
		at = next ? next + 4 : end;
	}
	host.arg = last;
	if (import_new(&import, &files, &host))
		abort();
	r = import_read(import);
	if (!r)
		r = import_plan(import);
	if (!r)
		r = import_texts(import);
	if (!r) {
		outputs_check(import);
		filters_check(import);
		show_check(import);
	} else if (r != -E2BIG) {
		abort();
	}
	import_free(import);
	import_files_done(&files);
	free(last);
	return 0;
}
