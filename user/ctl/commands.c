/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of commands and options.
 */
#include <string.h>

#include "base/cleanup.h"
#include "ctl/ctl.h"

#define JSON OPTION_BIT(OPTION_JSON)
#define SOCKET OPTION_BIT(OPTION_SOCKET)
#define LOCKING                                                                          \
	(OPTION_BIT(OPTION_FOR) | OPTION_BIT(OPTION_REASON) | OPTION_BIT(OPTION_FORCE) | \
	 OPTION_BIT(OPTION_ACTION))

const struct ctl_command ctl_commands[] = {
	{
		.name = "status",
		.synopsis = "[--json]",
		.summary = "what bailiffd does: mode, sensors, lockouts, losses",
		.options = JSON | SOCKET,
		.run = status_main,
	},
	{
		.name = "watch",
		.synopsis = "[--json]",
		.summary = "a line per record and outcome, as they happen",
		.options = JSON | SOCKET,
		.run = watch_main,
	},
	{
		.name = "record",
		.synopsis = "FILE.jsonl|- [--force]",
		.summary = "every event as it happens, in the form that replay reads",
		.completes_files = true,
		.options = SOCKET | OPTION_BIT(OPTION_FORCE),
		.words_min = 1,
		.words_max = 1,
		.run = record_main,
	},
	{
		.name = "list",
		.synopsis = "[addresses|sessions] [--json]",
		.summary = "lockouts in force",
		.completes = "addresses sessions",
		.options = JSON | SOCKET,
		.words_max = 1,
		.run = list_main,
	},
	{
		.name = "sessions",
		.synopsis = "[--json]",
		.summary = "login sessions that exist now",
		.options = JSON | SOCKET,
		.run = sessions_main,
	},
	{
		.name = "lock",
		.synopsis = "ADDRESS|session ID|user NAME [--for TIME] [--reason TEXT] "
			    "[--action quarantine|freeze|terminate] [--force] [--json]",
		.summary = "lock out an address, a session or a user",
		.completes = "session user",
		.options = JSON | SOCKET | LOCKING,
		.words_min = 1,
		.words_max = 2,
		.run = lock_main,
	},
	{
		.name = "release",
		.synopsis = "ADDRESS|session ID|user NAME|all [--reason TEXT] [--json]",
		.summary = "end a lockout, or all",
		.completes = "session user all",
		.options = JSON | SOCKET | OPTION_BIT(OPTION_REASON),
		.words_min = 1,
		.words_max = 2,
		.run = release_main,
	},
	{
		.name = "hold",
		.synopsis = "ID [--json]",
		.summary = "keep a locked session at its step of the ladder",
		.options = JSON | SOCKET,
		.words_min = 1,
		.words_max = 1,
		.run = hold_main,
	},
	{
		.name = "thaw",
		.synopsis = "ID [--json]",
		.summary = "take a frozen session back to quarantine, and keep it there",
		.options = JSON | SOCKET,
		.words_min = 1,
		.words_max = 1,
		.run = thaw_main,
	},
	{
		.name = "terminate",
		.synopsis = "ID [--reason TEXT] [--force] [--json]",
		.summary = "end a session's processes, whatever its step",
		.options = JSON | SOCKET | OPTION_BIT(OPTION_REASON) | OPTION_BIT(OPTION_FORCE),
		.words_min = 1,
		.words_max = 1,
		.run = terminate_main,
	},
	{
		.name = "snapshot",
		.synopsis = "[ID] [--dir PATH] [--json]",
		.summary = "what a locked session's processes were",
		.options = JSON | OPTION_BIT(OPTION_DIR),
		.words_max = 1,
		.run = snapshot_main,
	},
	{
		.name = "why",
		.synopsis = "ADDRESS|session ID|user NAME [--since TIME] [--limit N] [--json]",
		.summary = "what is known of it: claims, witnesses, decisions, lockouts",
		.completes = "session user",
		.options = JSON | SOCKET | OPTION_BIT(OPTION_LIMIT) | OPTION_BIT(OPTION_SINCE),
		.words_min = 1,
		.words_max = 2,
		.run = why_main,
	},
	{
		.name = "doctor",
		.synopsis = "[--json]",
		.summary = "which kernel hooks work here, and what a missing one costs",
		.options = JSON | SOCKET,
		.run = doctor_main,
	},
	{
		.name = "replay",
		.synopsis = "[--log FILE]... [--events FILE.jsonl] [--json] ...",
		.summary = "recorded logs and events through the whole pipeline, offline",
		.hand_over = analyst_hand_over,
	},
	{
		.name = "filter",
		.synopsis = "test|check [--json] ... LOG|DIR",
		.summary = "what a filter makes of a log; which filters of a folder load",
		.completes = "test check",
		.hand_over = analyst_hand_over,
	},
	{
		.name = "rules",
		.synopsis = "check [--json] DIR...",
		.summary = "which rule files load, and why others do not",
		.completes = "check",
		.hand_over = analyst_hand_over,
	},
	{
		.name = "import",
		.synopsis = "fail2ban [--output DIR [--force]] [--all] [--json] [DIR]",
		.summary = "what the jails of a fail2ban configuration become here",
		.completes = "fail2ban",
		.hand_over = analyst_hand_over,
	},
	{
		.name = "completion",
		.synopsis = "bash",
		.summary = "print a completion script for the shell",
		.completes = "bash",
		.words_min = 1,
		.words_max = 1,
		.run = completion_main,
	},
	{
		.name = "help",
		.synopsis = "[COMMAND]",
		.summary = "this list, or one command's options",
		.words_max = 1,
		.run = help_main,
	},
	{ .name = NULL },
};

const struct ctl_option_text ctl_options[] = {
	[OPTION_JSON] = { "json", NULL, "one JSON object a line", NULL },
	[OPTION_SOCKET] = { "socket", "PATH", "ask at this socket", NULL },
	[OPTION_FOR] = { "for", "TIME", "how long: 90, 10m, 1h 30m, 2d", NULL },
	[OPTION_REASON] = { "reason", "TEXT", "why, for the record", NULL },
	[OPTION_FORCE] = { "force", NULL, "also what is exempt by default; over an existing FILE",
			   NULL },
	[OPTION_ACTION] = { "action", "ACTION", "of a session: quarantine, freeze or terminate",
			    "quarantine freeze terminate" },
	[OPTION_LIMIT] = { "limit", "N", "the newest N records, at most 10000", NULL },
	[OPTION_SINCE] = { "since", "TIME", "not older than: 1h, 2d", NULL },
	[OPTION_DIR] = { "dir", "PATH", "bailiffd's state_dir, if it is another", NULL },
	[OPTION_HELP] = { "help", NULL, "this command's options", NULL },
};
_Static_assert(ARRAY_SIZE(ctl_options) == OPTION_MAX, "option texts");

const struct ctl_command *command_find(const char *name)
{
	for (const struct ctl_command *command = ctl_commands; command->name; command++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}
