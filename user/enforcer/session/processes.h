/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes as /proc shows them, and signals that reach only the process that was meant.
 *
 * /proc says what is now, so each fact may be old when it is used: whoever acts on a process opens
 * its pidfd first and then looks again (process_open).
 */
#ifndef ENFORCER_PROCESSES_H
#define ENFORCER_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <bailiff/event.h>

#define PROCESS_CGROUP_MAX \
	224 /* with the NUL; a longer path is cut to the cgroup above it that fits */
#define PROCESS_STAT_MAX 1024 /* of /proc/PID/stat: comm and 22 numbers fit well */

struct process {
	pid_t pid;
	pid_t parent;
	uint64_t start_ns; /* CLOCK_BOOTTIME, cut to /proc's 10 ms */
	uint32_t auid; /* BL_UNSET if none, also where the kernel has no audit */
	uint32_t audit_session;
	uint32_t threads;
	char state; /* R S D T t Z X I */
	char comm[BL_COMM_MAX];
	char cgroup[PROCESS_CGROUP_MAX]; /* on the v2 hierarchy, begins with '/' */
};

/* For tests: "PID (comm) S PPID …" -> pid, comm, state, parent, start_ns. -EINVAL. */
int process_parse_stat(const char *text, size_t len, uint64_t ticks_per_second,
		       struct process *ret);
/* The "0::PATH" line; empty if there is none, or the cgroup was removed. */
void process_parse_cgroup(const char *text, size_t len, char ret_path[PROCESS_CGROUP_MAX]);

/* -ESRCH: gone. */
int process_read(pid_t pid, struct process *ret);
/* Every process that has a login uid or an audit session (all: every process). Nonzero ends. */
typedef int (*process_fn)(const struct process *process, void *arg);
int processes_each(bool all, process_fn fn, void *arg);

/* A pidfd of exactly that process (same start); -ESRCH: it is gone. */
int process_open(const struct process *process);
int process_signal(const struct process *process, int signal);
/* false: all its threads are gone. */
bool process_runs(const struct process *process);
bool process_ended(const struct process *process);

/* Path of the executable, or "[comm]" where it may not be read (no CAP_SYS_PTRACE). */
void process_exe(const struct process *process, char *ret, size_t size);

#endif
