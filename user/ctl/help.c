/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl help: the table, for people.
 */
#include <stdio.h>

#include "ctl/ctl.h"
#include "ctl/output.h"

int help_command(const struct ctl_command *command)
{
	printf("Usage: bailiffctl %s %s\n\n%s\n", command->name, command->synopsis,
	       command->summary);
	if (command->options)
		printf("\nOptions:\n");
	for (int i = 0; i < OPTION_MAX; i++) {
		const struct ctl_option_text *option = &ctl_options[i];
		char left[40];

		if (!(command->options & OPTION_BIT(i)))
			continue;
		(void)snprintf(left, sizeof(left), "--%s%s%s", option->name,
			       option->argument ? " " : "",
			       option->argument ? option->argument : "");
		printf("  %-20s %s\n", left, option->summary);
	}
	return CTL_OK;
}

int help_main(const struct ctl_args *args)
{
	const struct ctl_command *command;

	if (args->words == 1) {
		command = command_find(args->word[0]);
		if (command)
			return help_command(command);
		output_error("there is no command \"%s\"; bailiffctl help lists them",
			     args->word[0]);
		return CTL_USAGE;
	}
	printf("Usage: bailiffctl COMMAND [ARGUMENTS]\n\n");
	for (command = ctl_commands; command->name; command++)
		printf("  %-11s %s\n", command->name, command->summary);
	printf("\nbailiffctl help COMMAND shows its options; the manual page is bailiffctl(1).\n"
	       "Exit codes: 0 done, 1 wrong usage, 2 bailiffd cannot be reached, 3 refused,\n"
	       "4 not found, 5 anything else.\n");
	return CTL_OK;
}
