/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control groups of the v2 hierarchy: freeze, thaw, kill, who is inside.
 *
 * Paths are as in /proc/PID/cgroup ("/user.slice/…") and are looked up below the hierarchy's root,
 * never through a link or "..". A frozen cgroup stays frozen when its freezer dies: whoever freezes
 * writes that down first (state.h).
 */
#ifndef ENFORCER_CGROUPS_H
#define ENFORCER_CGROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Where the v2 hierarchy is mounted: /sys/fs/cgroup, or /sys/fs/cgroup/unified beside v1. -ENOENT:
 * nowhere. The text is /proc/self/mountinfo's. */
int cgroup_mount(char *ret_path, size_t size);
/* The same from a text, for tests. */
int cgroup_mount_parse(const char *text, size_t len, char *ret_path, size_t size);

int cgroup_open_root(void);

/* -ENOENT: the cgroup is gone, which after a kill is success. */
int cgroup_freeze(int root_fd, const char *path, bool frozen);
int cgroup_is_frozen(int root_fd, const char *path, bool *ret);
/* A cgroup below a user's own manager has files that belong to that user, and root without
 * CAP_DAC_OVERRIDE may not write them. */
bool cgroup_may_freeze(int root_fd, const char *path);
/* After cgroup_freeze: until every task has come to rest, at most 50 ms. For a look that must miss
 * nobody; what is to be stopped only is stopped long before. */
void cgroup_wait_frozen(int root_fd, const char *path);
/* Has every task of it come to rest? Asked for is not at rest: a task stops on its way back to its
 * own instructions, and goes on inside the kernel until then. */
int cgroup_at_rest(int root_fd, const char *path, bool *ret);
/* Is any process alive in it or below? Zombies do not count. */
int cgroup_is_populated(int root_fd, const char *path, bool *ret);
/* Kernel 5.14 (661ee6280931); -EOPNOTSUPP before. Cannot be outrun by fork. */
int cgroup_kill(int root_fd, const char *path);

/* Every process inside, cgroups below included. Nonzero from fn ends. */
typedef int (*cgroup_pid_fn)(pid_t pid, void *arg);
int cgroup_pids(int root_fd, const char *path, cgroup_pid_fn fn, void *arg);

#endif
