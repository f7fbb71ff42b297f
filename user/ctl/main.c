/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl: finds the command in the table and runs it.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/output.h"

int main(int argc, char **argv)
{
	const struct ctl_command *command;
	char error[ARGS_ERROR_MAX];
	struct ctl_args args = { 0 };

	if (argc < 2) {
		(void)help_main(&args);
		return CTL_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("bailiffctl " BAILIFF_VERSION);
		return CTL_OK;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help_main(&args);
	command = command_find(argv[1]);
	if (!command) {
		output_error("there is no command \"%s\"; bailiffctl help lists them", argv[1]);
		return CTL_USAGE;
	}
	if (command->hand_over)
		return command->hand_over(argv + 1);
	if (args_parse(command, argc - 1, argv + 1, &args, error) < 0) {
		output_error("%s", error);
		return CTL_USAGE;
	}
	if (args.help)
		return help_command(command);
	return command->run(&args);
}
