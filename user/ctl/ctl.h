/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl: one table of commands, one file per command.
 *
 * The table (commands.c) is all there is to know about a command: dispatch, help, completion and a
 * test of the manual page read it. What comes from bailiffd or the recorder may hold text of an
 * attacker: it reaches a terminal only through buf_put_safe.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bailiff/control.h>

/* Exit codes; in the manual page. Commands that another program answers exit as it does. */
enum ctl_exit {
	CTL_OK = 0,
	CTL_USAGE = 1,
	CTL_UNREACHABLE = 2, /* bailiffd or the recorder: not running, or no right to ask */
	CTL_REFUSED = 3, /* bailiffd said no, or only observes */
	CTL_NOT_FOUND = 4, /* no such lockout, session or account */
	CTL_FAILED = 5, /* anything else */
	CTL_EXIT_MAX,
};

enum ctl_option {
	OPTION_JSON,
	OPTION_SOCKET,
	OPTION_FOR,
	OPTION_REASON,
	OPTION_FORCE,
	OPTION_ACTION,
	OPTION_LIMIT,
	OPTION_SINCE,
	OPTION_DIR,
	OPTION_HELP,
	OPTION_MAX,
};
#define OPTION_BIT(option) (1U << (option))

struct ctl_args {
	bool json;
	bool force;
	bool help;
	const char *socket; /* NULL: the usual path */
	uint64_t seconds; /* --for, 0 = not given */
	uint64_t since_seconds; /* --since: so long ago, 0 = not given */
	uint32_t limit; /* 0 = not given */
	uint32_t action; /* enum action, 0 = not given */
	const char *reason;
	const char *dir; /* --dir: bailiffd's state folder; NULL = the usual one */
	int words; /* what is neither option nor the command's name */
	char **word;
};

struct ctl_command {
	const char *name;
	const char *synopsis; /* after the name */
	const char *summary;
	const char *completes; /* first words that completion offers, or NULL */
	bool completes_files;
	unsigned int options; /* OPTION_BIT each */
	int words_min;
	int words_max;
	int (*run)(const struct ctl_args *args);
	/* Instead of run: another program gets all arguments, the command's name first. */
	int (*hand_over)(char **argv);
};

struct ctl_option_text {
	const char *name; /* "--" name */
	const char *argument; /* NULL: takes none */
	const char *summary;
	const char *completes; /* values, or NULL */
};

extern const struct ctl_command ctl_commands[]; /* ends with name NULL */
extern const struct ctl_option_text ctl_options[OPTION_MAX];

const struct ctl_command *command_find(const char *name);

/* argv[0] is the command's name. 0, or -EINVAL with a sentence in error. Permutes argv. */
#define ARGS_ERROR_MAX 256
int args_parse(const struct ctl_command *command, int argc, char **argv, struct ctl_args *ret,
	       char error[ARGS_ERROR_MAX]);

/* What a subject named on the command line is for: an IPv6 address is locked out as its /64, and
 * asked about as itself. */
enum subject_use {
	SUBJECT_TO_LOCK = 1,
	SUBJECT_TO_ASK,
};
/* "ADDRESS", "session ID", "user NAME", "all" (SUBJECT_NONE; to lock only as release's word).
 * -EINVAL, -ENOENT (no such account), with a sentence in error. */
int subject_parse(int words, char **word, enum subject_use use, struct ipc_subject *ret,
		  char error[ARGS_ERROR_MAX]);

/* One function per command, each in a file of its own. Return an exit code. */
int status_main(const struct ctl_args *args);
int watch_main(const struct ctl_args *args);
int record_main(const struct ctl_args *args);
int list_main(const struct ctl_args *args);
int sessions_main(const struct ctl_args *args);
int lock_main(const struct ctl_args *args);
int release_main(const struct ctl_args *args);
int snapshot_main(const struct ctl_args *args);
int hold_main(const struct ctl_args *args);
int thaw_main(const struct ctl_args *args);
int terminate_main(const struct ctl_args *args);
int why_main(const struct ctl_args *args);
int doctor_main(const struct ctl_args *args);
int completion_main(const struct ctl_args *args);
int help_main(const struct ctl_args *args);
int analyst_hand_over(char **argv);

/* Usage and options of one command on standard output. */
int help_command(const struct ctl_command *command);

#endif
