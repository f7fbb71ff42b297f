/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arguments of a command: options by the table, then its words.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/ctl.h"

/* Values that getopt_long returns for our options: past every character. */
#define OPTION_BASE 256

static size_t list_options(const struct ctl_command *command, struct option longs[OPTION_MAX + 1])
{
	size_t count = 0;

	for (int i = 0; i < OPTION_MAX; i++) {
		if (i != OPTION_HELP && !(command->options & OPTION_BIT(i)))
			continue;
		longs[count++] = (struct option){
			.name = ctl_options[i].name,
			.has_arg = ctl_options[i].argument ? required_argument : no_argument,
			.val = OPTION_BASE + i,
		};
	}
	longs[count] = (struct option){ .name = NULL };
	return count;
}

static int take_duration(const char *name, const char *text, uint64_t *ret, char *error)
{
	int r = duration_parse(text, ret);

	if (r < 0 || *ret == 0) {
		(void)snprintf(error, ARGS_ERROR_MAX,
			       "--%s wants a time such as 90 (seconds), 10m, 1h or 2d, at most ten "
			       "years",
			       name);
		return -EINVAL;
	}
	return 0;
}

static int take_limit(const char *text, uint32_t *ret, char *error)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || value == 0 || value > 10000) {
		(void)snprintf(error, ARGS_ERROR_MAX, "--limit wants a number from 1 to 10000");
		return -EINVAL;
	}
	*ret = (uint32_t)value;
	return 0;
}

static int take_action(const char *text, uint32_t *ret, char *error)
{
	if (strcmp(text, "quarantine") == 0) {
		*ret = ACTION_QUARANTINE;
	} else if (strcmp(text, "freeze") == 0) {
		*ret = ACTION_FREEZE;
	} else if (strcmp(text, "terminate") == 0) {
		*ret = ACTION_TERMINATE;
	} else {
		(void)snprintf(error, ARGS_ERROR_MAX,
			       "--action is quarantine, freeze or terminate");
		return -EINVAL;
	}
	return 0;
}

static int take_option(enum ctl_option option, const char *value, struct ctl_args *args,
		       char *error)
{
	switch (option) {
	case OPTION_JSON:
		args->json = true;
		return 0;
	case OPTION_SOCKET:
		args->socket = value;
		return 0;
	case OPTION_FOR:
		return take_duration("for", value, &args->seconds, error);
	case OPTION_REASON:
		if (strlen(value) >= IPC_TEXT_MAX) {
			(void)snprintf(error, ARGS_ERROR_MAX, "--reason is longer than %d bytes",
				       IPC_TEXT_MAX - 1);
			return -EINVAL;
		}
		args->reason = value;
		return 0;
	case OPTION_FORCE:
		args->force = true;
		return 0;
	case OPTION_ACTION:
		return take_action(value, &args->action, error);
	case OPTION_LIMIT:
		return take_limit(value, &args->limit, error);
	case OPTION_SINCE:
		return take_duration("since", value, &args->since_seconds, error);
	case OPTION_DIR:
		args->dir = value;
		return 0;
	case OPTION_HELP:
		args->help = true;
		return 0;
	case OPTION_MAX:
		break;
	}
	return -EINVAL;
}

int args_parse(const struct ctl_command *command, int argc, char **argv, struct ctl_args *ret,
	       char error[ARGS_ERROR_MAX])
{
	struct option longs[OPTION_MAX + 1];
	struct ctl_args args = { 0 };
	int c, r;

	(void)list_options(command, longs);
	opterr = 0;
	optind = 0;
	/* The leading colon tells a missing value from an unknown option. */
	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) >= 0) {
		if (c == '?') {
			(void)snprintf(error, ARGS_ERROR_MAX, "%.100s takes no option %.60s",
				       command->name, argv[optind - 1]);
			return -EINVAL;
		}
		if (c == ':') {
			(void)snprintf(error, ARGS_ERROR_MAX, "%.60s wants a value",
				       argv[optind - 1]);
			return -EINVAL;
		}
		r = take_option(c == 'h' ? OPTION_HELP : (enum ctl_option)(c - OPTION_BASE), optarg,
				&args, error);
		if (r < 0)
			return r;
	}
	args.words = argc - optind;
	args.word = argv + optind;
	if (!args.help && (args.words < command->words_min || args.words > command->words_max)) {
		(void)snprintf(error, ARGS_ERROR_MAX, "usage: bailiffctl %s %s", command->name,
			       command->synopsis);
		return -EINVAL;
	}
	*ret = args;
	return 0;
}
