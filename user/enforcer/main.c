/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffd: the one process with rights. It parses no log text, no rules and no packets; it opens,
 * hands over, and does what a checked message of fixed size asks for, within limits of its own.
 */
#include <stdio.h>

#include "base/log.h"
#include "enforcer/agent.h"

int main(int argc, char **argv)
{
	struct options options;
	int r = options_parse(argc, argv, &options);

	if (r)
		return r;
	log_open("bailiffd");
	switch (options.command) {
	case COMMAND_RUN:
		return agent_run(&options);
	case COMMAND_CHECK:
		return agent_check(&options);
	case COMMAND_DOCTOR:
		return agent_doctor(&options);
	case COMMAND_CLEAR:
		return agent_clear(&options);
	case COMMAND_SETTLE:
		return agent_settle(&options);
	case COMMAND_CANARY:
		return EXIT_ENDED;
	case COMMAND_HELP:
		options_help();
		return EXIT_ENDED;
	case COMMAND_VERSION:
		(void)puts("bailiffd " BAILIFF_VERSION);
		return EXIT_ENDED;
	case COMMAND_MAX:
		break;
	}
	return EXIT_USAGE;
}
