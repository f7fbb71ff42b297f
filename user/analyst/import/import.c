/* SPDX-License-Identifier: GPL-2.0-only */
/* bailiffctl import fail2ban: options, and what is said when all is done. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/import/import.h"
#include "analyst/offline.h"

#define SHOW_MAX (16 * 1024 * 1024)
#define DEFAULT_FOLDER "/etc/fail2ban"

static const char usage[] =
	"Usage: bailiffctl import fail2ban [--output DIR] [--force] [--all] [--json] [DIR]\n"
	"Shows what the jails in DIR (" DEFAULT_FOLDER ") become in bailiff, and what does not.\n"
	"  --output DIR  write it: DIR/bailiff.conf.d, DIR/rules.d, DIR/filter.d. Use "
	"/etc/bailiff\n"
	"                for this host. Files that are there and differ are left alone.\n"
	"  --force       replace those too\n"
	"  --all         show disabled jails as well\n"
	"  --json        one JSON object a line\n"
	"Exit status: 0 all enabled jails are taken over, 1 bad usage, 2 one is not, or a file\n"
	"cannot be read or written.\n";

struct options {
	struct import_show show;
	const char *folder;
	const char *output;
	bool force;
};

struct written {
	unsigned int count[WRITTEN_MAX];
};

static void on_written(const char *path, enum import_written what, void *arg)
{
	struct written *written = arg;

	written->count[what]++;
	if (what == WRITTEN_KEPT)
		(void)offline_error("%s is there and differs", path);
}

/* -1: go on; else the code to exit with. */
static int options_read(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {
		{ "output", required_argument, NULL, 'o' }, { "force", no_argument, NULL, 'f' },
		{ "all", no_argument, NULL, 'a' },	    { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },	    { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) >= 0) {
		switch (c) {
		case 'o':
			ret->output = optarg;
			break;
		case 'f':
			ret->force = true;
			break;
		case 'a':
			ret->show.all = true;
			break;
		case 'j':
			ret->show.json = true;
			break;
		default:
			(void)fputs(usage, c == 'h' ? stdout : stderr);
			return c == 'h' ? OFFLINE_OK : OFFLINE_USAGE;
		}
	}
	if (argc - optind > 1 || (ret->force && !ret->output)) {
		(void)fputs(usage, stderr);
		return OFFLINE_USAGE;
	}
	ret->folder = optind < argc ? argv[optind] : DEFAULT_FOLDER;
	return -1;
}

static bool all_taken(const struct import *import)
{
	for (unsigned int i = 0; i < import->jails; i++)
		if (import->jail[i].refused)
			return false;
	for (unsigned int i = 0; i < import->notes.count; i++)
		if (import->notes.note[i].kind == NOTE_REFUSED)
			return false;
	return true;
}

static int write_out(const struct import *import, const struct options *options)
{
	struct written written = { 0 };
	char error[IMPORT_TEXT_MAX] = "";
	int r;

	r = import_write(import, options->output, options->force, on_written, &written, error);
	if (r < 0)
		return offline_error("%s", error);
	if (options->show.json)
		return OFFLINE_OK;
	printf("\nWritten to %s: %u files, %u replaced, %u were there already.\n"
	       "Next:\n"
	       "  bailiffd --check\n"
	       "  bailiffctl rules check %s/rules.d\n"
	       "  systemctl reload bailiffd      (mode = observe tells, and locks nobody out)\n"
	       "  bailiffctl watch               until it shows what you expect; then mode = "
	       "enforce\n"
	       "  systemctl disable --now fail2ban\n",
	       options->output, written.count[WRITTEN_NEW] + written.count[WRITTEN_CHANGED],
	       written.count[WRITTEN_CHANGED], written.count[WRITTEN_SAME], options->output);
	return OFFLINE_OK;
}

static int run(const struct options *options, struct import *import)
{
	struct buf out = BUF_INIT(SHOW_MAX);
	int r, code = OFFLINE_OK;

	r = import_read(import);
	if (!r)
		r = import_plan(import);
	if (!r)
		r = import_texts(import);
	if (!r && options->output)
		r = import_look_there(import, options->output);
	if (r < 0)
		return offline_error("%s: %s", options->folder, strerror(-r));
	import_show(import, &options->show, &out);
	if (out.data)
		(void)fwrite(out.data, 1, out.len, stdout);
	buf_done(&out);
	if (options->output)
		code = write_out(import, options);
	else if (!options->show.json)
		printf("\nNothing is written; --output /etc/bailiff does that (%u files).\n",
		       import->outputs);
	return code ? code : all_taken(import) ? OFFLINE_OK : OFFLINE_INPUT;
}

int import_main(int argc, char **argv)
{
	_cleanup_(import_freep) struct import *import = NULL;
	_cleanup_(import_syslog_freep) struct import_syslog *syslog = NULL;
	_cleanup_(import_files_done) struct import_files files = { 0 };
	_cleanup_free_ struct rule_set *rules = calloc(1, sizeof(*rules));
	struct import_notes notes = { 0 };
	char error[IMPORT_TEXT_MAX] = "";
	struct import_host host;
	struct options options = { 0 };
	int r;

	r = options_read(argc, argv, &options);
	if (r >= 0)
		return r;
	if (!rules)
		return offline_error("%s", strerror(ENOMEM));
	r = import_files_read(&files, options.folder, &notes, error);
	if (!r)
		r = import_shipped_read(&files, rules, error);
	if (!r)
		r = import_syslog_new(&syslog, "");
	import_host_here(&host, syslog);
	if (!r)
		r = import_new(&import, &files, &host);
	if (r < 0 || !import) {
		import_notes_done(&notes);
		return offline_error("%s", error[0] ? error : strerror(-r));
	}
	import->notes = notes;
	import->shipped_rules = rules;
	import->folder = options.folder;
	return run(&options, import);
}
