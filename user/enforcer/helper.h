/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs that are not ours, run as nobody in particular: journalctl, bailiffctl watch.
 *
 * No capability, no way to get one, no descriptor but the three standard ones, an empty
 * environment.
 */
#ifndef ENFORCER_HELPER_H
#define ENFORCER_HELPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct helper_ids {
	uid_t uid;
	gid_t gid;
	gid_t group; /* the only supplementary one; (gid_t)-1 = none */
};

/* Ids of an account, or fallback for both if it does not exist: 1, with a word to the log once. */
int helper_account(const char *name, uint32_t fallback, struct helper_ids *ret);
/* -ENOENT: no such group. */
int helper_group(const char *name, gid_t *ret);

struct helper {
	pid_t pid;
	int pidfd; /* readable when it has ended */
};

/* out becomes its stdout (borrowed). It gets SIGTERM when bailiffd dies. Where we are not root it
 * runs as who we are. */
int helper_spawn(const char *const argv[], const struct helper_ids *ids, int out,
		 struct helper *ret);
/* SIGKILL, if it still runs, and reaps. Returns the wait status, or -errno. */
int helper_end(struct helper *helper);

/* The canary: this program, executed anew to end at once. The caller reaps pid. */
int helper_canary(pid_t *ret_pid);

/* Both ends without a handler: 1 = has ended and was reaped, status as by waitpid. */
int helper_reap(pid_t pid, int *ret_status);

#endif
