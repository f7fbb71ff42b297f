/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The boundary between the processes: how a child is started, what it gives up, what it may say.
 *
 * spawn -> the child inherits one socket as fd 3, an empty environment but for what is named, no
 * other fd; it is executed anew, so nothing of bailiffd's memory is in it. drop -> it gives up uid,
 * capabilities, new privileges. sandbox -> it installs its seccomp allow-list (policy.c: all lists
 * side by side, a reason per line), after it has compiled what needs executable memory.
 */
#ifndef PRIVSEP_PRIVSEP_H
#define PRIVSEP_PRIVSEP_H

#include <stdbool.h>
#include <sys/types.h>

#include "privsep/channel.h"

#define PRIVSEP_FD 3 /* the child's end of its channel to bailiffd */

struct privsep_child {
	pid_t pid;
	int pidfd; /* for exact signals and to be told of its end */
	int channel_fd; /* our end */
};

/*
 * argv[0] is the path of the program; NULL-terminated. The child gets PR_SET_PDEATHSIG SIGTERM, a
 * process group of its own, stdin and stdout on /dev/null. A failed exec is this call's error.
 */
int privsep_spawn(const char *const argv[], struct privsep_child *ret);

/*
 * Changes to user's uid and gid with no supplementary groups ("" or NULL: stays who it is, for
 * runs without root), clears every capability set and the bounding set, PR_SET_NO_NEW_PRIVS,
 * PR_SET_DUMPABLE 0. Then proves that neither uid 0 nor a capability can be got back: -EPERM.
 * With a user it needs CAP_SETUID, CAP_SETGID and CAP_SETPCAP. -ESRCH: no such user.
 * A number (not 0) that is no account's name is taken as uid and gid.
 */
int privsep_drop(const char *user);

/* Keeps only the capabilities named (libcap's cap_value_t), permitted, effective and bounding, for
 * bailiffd; inheritable and ambient become empty. Children executed as uid 0 start with the
 * same. */
int privsep_keep_caps(const int *caps, size_t count);
/* It can be kept: it is permitted now. */
bool privsep_has_cap(int cap);

enum privsep_role {
	/* No file is opened, no socket made, nothing executed, no memory writable and
	 * executable. */
	PRIVSEP_ANALYST = 1,
	/* Files below its own folder only: openat is let through, Landlock walls it. */
	PRIVSEP_RECORDER,
	/* Wide, but no ptrace, no module load, no mount, no new namespaces but by plan. */
	PRIVSEP_ENFORCER,
	PRIVSEP_ROLE_MAX,
};

/*
 * Installs the role's filter. folder (recorder only) is the one that Landlock leaves writable
 * (kernel 5.13; skipped with a log line where there is none). Violations kill the process
 * (SIGSYS), which the audit log and bailiffd's message name. With BAILIFF_SANDBOX=log in a debug
 * build the filter logs instead. Not under ASan: *ret_active tells.
 *
 * The analyst's compiled patterns lose their write permission here: it must never free one
 * afterwards, and ends by _exit.
 */
int privsep_sandbox(enum privsep_role role, const char *folder, bool *ret_active);

#endif
