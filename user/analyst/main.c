/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiff-analyst: reads events and logs, decides. Started by bailiffd, or run by hand for its
 * offline commands (which bailiffctl passes on). This file only chooses.
 */
#include <string.h>

#include "analyst/filter_test.h"
#include "analyst/live/live.h"
#include "analyst/offline.h"
#include "base/cleanup.h"

static const struct command {
	const char *name;
	const char *second; /* word that has to follow, NULL = none */
	int (*run)(int argc, char **argv); /* argv[0] is the last word of the command */
} commands[] = {
	{ "replay", NULL, replay_main },
	{ "filter", "test", filter_test_main },
	{ "filter", "check", filter_check_main },
	{ "rules", "check", rules_check_main },
	{ "record-check", NULL, record_check_main },
	{ "import", "fail2ban", import_main },
};

int main(int argc, char **argv)
{
	bool known = false;

	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(commands); i++) {
		const struct command *c = &commands[i];
		int words = c->second ? 2 : 1;

		if (strcmp(argv[1], c->name) != 0)
			continue;
		known = true;
		if (!c->second || (argc > 2 && strcmp(argv[2], c->second) == 0))
			return c->run(argc - words, argv + words);
	}
	if (!known)
		return live_main(argc, argv);
	(void)fprintf(stderr, "bailiff-analyst: %s is followed by one of:", argv[1]);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].second && strcmp(argv[1], commands[i].name) == 0)
			(void)fprintf(stderr, " %s", commands[i].second);
	(void)fputc('\n', stderr);
	return OFFLINE_USAGE;
}
