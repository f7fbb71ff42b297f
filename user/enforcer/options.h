/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line of bailiffd.
 */
#ifndef ENFORCER_OPTIONS_H
#define ENFORCER_OPTIONS_H

#include <stdbool.h>

/* Exit codes, as bailiffd(8) tells them. */
enum exit_code {
	EXIT_ENDED, /* on request, or the thing asked for is done */
	EXIT_USAGE,
	EXIT_CONFIGURATION,
	EXIT_RIGHTS, /* not root */
	EXIT_RUNNING, /* another bailiffd runs */
	EXIT_KERNEL, /* not even exec events can be had from this kernel */
	EXIT_TROUBLE, /* anything else; the message tells */
	EXIT_INCOMPLETE, /* --doctor: something does not work or works in part */
	EXIT_CODE_MAX,
};

enum command {
	COMMAND_RUN = 1,
	COMMAND_CHECK,
	COMMAND_DOCTOR,
	COMMAND_CLEAR,
	COMMAND_SETTLE,
	COMMAND_CANARY,
	COMMAND_HELP,
	COMMAND_VERSION,
	COMMAND_MAX,
};

struct options {
	enum command command;
	const char *config; /* NULL: the default path, which may be absent */
	const char *libexec; /* NULL: found */
	const char *rules; /* NULL: found */
	const char *filters;
	bool observe;
	bool no_journal;
	bool stream;
	bool json;
};

/* 0, or EXIT_USAGE after a sentence on stderr. */
int options_parse(int argc, char **argv, struct options *ret);
void options_help(void);

#endif
