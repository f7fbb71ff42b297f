/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl completion bash: a script made from the table.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/output.h"

static void put_names(void)
{
	for (const struct ctl_command *command = ctl_commands; command->name; command++)
		printf("%s%s", command == ctl_commands ? "" : " ", command->name);
}

/* What may follow the command's name: its first words and its options. */
static void put_command(const struct ctl_command *command)
{
	printf("\t%s) words=\"%s", command->name, command->completes ? command->completes : "");
	for (int i = 0; i < OPTION_MAX; i++)
		if (command->options & OPTION_BIT(i))
			printf(" --%s", ctl_options[i].name);
	printf("\"%s ;;\n",
	       command->completes_files ? "; COMPREPLY=($(compgen -f -- \"$cur\"))" : "");
}

/* Values of the options that have a fixed set of them, and files for those that name one. */
static void put_values(void)
{
	for (int i = 0; i < OPTION_MAX; i++) {
		const struct ctl_option_text *option = &ctl_options[i];

		if (!option->argument)
			continue;
		if (option->completes)
			printf("\t--%s) COMPREPLY=($(compgen -W \"%s\" -- \"$cur\")); return ;;\n",
			       option->name, option->completes);
		else if (strcmp(option->argument, "PATH") == 0)
			printf("\t--%s) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n",
			       option->name);
		else
			printf("\t--%s) return ;;\n", option->name);
	}
}

int completion_main(const struct ctl_args *args)
{
	if (strcmp(args->word[0], "bash") != 0) {
		output_error("completion is there for bash only");
		return CTL_USAGE;
	}
	printf("# bash completion for bailiffctl, made by: bailiffctl completion bash\n"
	       "_bailiffctl()\n{\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\n"
	       "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"");
	put_names();
	printf("\" -- \"$cur\"))\n\t\treturn\n\tfi\n\tcase $prev in\n");
	put_values();
	printf("\tesac\n\tcase ${COMP_WORDS[1]} in\n");
	for (const struct ctl_command *command = ctl_commands; command->name; command++)
		if (command->run && command->run != help_main)
			put_command(command);
	printf("\thelp) words=\"");
	put_names();
	printf("\" ;;\n\tfilter|rules|replay) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
	       "\timport) COMPREPLY=($(compgen -f -- \"$cur\"))\n"
	       "\t\twords=\"fail2ban --output --force --all --json\" ;;\n\tesac\n"
	       "\tif [ -n \"$words\" ]; then\n"
	       "\t\tCOMPREPLY+=($(compgen -W \"$words\" -- \"$cur\"))\n\tfi\n"
	       "}\ncomplete -o filenames -F _bailiffctl bailiffctl\n");
	return CTL_OK;
}
