/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line of bailiffd.
 */
#include "enforcer/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
	"Usage: bailiffd [OPTION]...\n"
	"Watches logins from inside the kernel and locks out what is about to do harm.\n"
	"\n"
	"  --config FILE    read this instead of " BAILIFF_SYSCONFDIR "/bailiff/bailiff.conf\n"
	"  --observe        enforce nothing, whatever the configuration says\n"
	"  --foreground     stay in the foreground (it always does)\n"
	"  --no-journal     read no journal\n"
	"  --stream         print a line for everything that is recorded\n"
	"  --libexec DIR    where bailiff-analyst and bailiff-recorder are\n"
	"  --rules DIR      only these rules\n"
	"  --filters DIR    only these filters\n"
	"\n"
	"  --check          tell whether the configuration is valid, and end\n"
	"  --doctor         tell what this kernel and this host offer, and end; with --json\n"
	"  --clear          end all lockouts and remove what is pinned in the kernel\n"
	"  --settle         do with frozen sessions as on_failure says; bailiffd does not run\n"
	"  --version\n"
	"  --help\n"
	"\n"
	"SIGHUP reads configuration, rules and filters again. See bailiffd(8), bailiff.conf(5).\n";

enum {
	OPTION_CONFIG = 256,
	OPTION_OBSERVE,
	OPTION_FOREGROUND,
	OPTION_NO_JOURNAL,
	OPTION_STREAM,
	OPTION_LIBEXEC,
	OPTION_RULES,
	OPTION_FILTERS,
	OPTION_CHECK,
	OPTION_DOCTOR,
	OPTION_JSON,
	OPTION_CLEAR,
	OPTION_SETTLE,
	OPTION_CANARY,
	OPTION_VERSION,
	OPTION_HELP,
};

static const struct option longs[] = {
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "observe", no_argument, NULL, OPTION_OBSERVE },
	{ "foreground", no_argument, NULL, OPTION_FOREGROUND },
	{ "no-journal", no_argument, NULL, OPTION_NO_JOURNAL },
	{ "stream", no_argument, NULL, OPTION_STREAM },
	{ "libexec", required_argument, NULL, OPTION_LIBEXEC },
	{ "rules", required_argument, NULL, OPTION_RULES },
	{ "filters", required_argument, NULL, OPTION_FILTERS },
	{ "check", no_argument, NULL, OPTION_CHECK },
	{ "doctor", no_argument, NULL, OPTION_DOCTOR },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "clear", no_argument, NULL, OPTION_CLEAR },
	{ "settle", no_argument, NULL, OPTION_SETTLE },
	{ "canary", no_argument, NULL, OPTION_CANARY }, /* bailiffd's own, see helper_canary */
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

void options_help(void)
{
	fputs(help, stdout);
}

static int wrong(const char *text, const char *what)
{
	(void)fprintf(stderr, "bailiffd: %s%s; bailiffd --help lists what there is\n", text, what);
	return EXIT_USAGE;
}

static int set_command(struct options *options, enum command command)
{
	if (options->command != COMMAND_RUN && options->command != command)
		return wrong("--check, --doctor, --clear and --settle exclude each other", "");
	options->command = command;
	return 0;
}

static int take(struct options *options, int option, const char *value)
{
	switch (option) {
	case OPTION_CONFIG:
		options->config = value;
		return 0;
	case OPTION_OBSERVE:
		options->observe = true;
		return 0;
	case OPTION_FOREGROUND:
		return 0;
	case OPTION_NO_JOURNAL:
		options->no_journal = true;
		return 0;
	case OPTION_STREAM:
		options->stream = true;
		return 0;
	case OPTION_LIBEXEC:
		options->libexec = value;
		return 0;
	case OPTION_RULES:
		options->rules = value;
		return 0;
	case OPTION_FILTERS:
		options->filters = value;
		return 0;
	case OPTION_CHECK:
		return set_command(options, COMMAND_CHECK);
	case OPTION_DOCTOR:
		return set_command(options, COMMAND_DOCTOR);
	case OPTION_JSON:
		options->json = true;
		return 0;
	case OPTION_CLEAR:
		return set_command(options, COMMAND_CLEAR);
	case OPTION_SETTLE:
		return set_command(options, COMMAND_SETTLE);
	case OPTION_CANARY:
		options->command = COMMAND_CANARY;
		return 0;
	case OPTION_VERSION:
		options->command = COMMAND_VERSION;
		return 0;
	case OPTION_HELP:
		options->command = COMMAND_HELP;
		return 0;
	}
	/* getopt has said what. */
	return EXIT_USAGE;
}

int options_parse(int argc, char **argv, struct options *ret)
{
	struct options options = { .command = COMMAND_RUN };
	int option, r;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
		r = take(&options, option, optarg);
		if (r)
			return r;
	}
	if (optind < argc)
		return wrong("there is no argument ", argv[optind]);
	if (options.json && options.command != COMMAND_DOCTOR)
		return wrong("--json goes with --doctor", "");
	*ret = options;
	return 0;
}
