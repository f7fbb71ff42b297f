/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Workers inside a login session that try what a verdict may refuse, and the programs that refuse
 * it.
 */
#ifndef TESTS_BPF_VERDICT_H
#define TESTS_BPF_VERDICT_H

#include "tests.h"

enum method {
	METHOD_LSM,
	METHOD_FMOD_RET,
	METHOD_KILL,
	METHOD_MAX,
};

enum try_what {
	TRY_EXEC, /* itself, n times, as long as that is refused */
	TRY_SPAWN, /* n children that exec */
	TRY_VFORK, /* the same with vfork */
	TRY_THREAD, /* a child whose second thread execs */
	TRY_DAEMON, /* double fork and setsid, then exec */
	TRY_NESTED, /* a child that logs in again, then execs */
	TRY_UNSET, /* a child that unsets its login uid, forks, and that one execs */
	TRY_FORK,
	TRY_MAKE_THREAD,
	TRY_CONNECT,
	TRY_SOCKET,
	TRY_UNIX_SOCKET,
	TRY_CRED,
	TRY_PTRACE,
	TRY_MAX,
};

/* Of TRY_EXEC to TRY_UNSET: how often what. Of the others: error is 0 or the errno. */
struct tried {
	unsigned int ran; /* the program's first instruction was executed: it traps */
	unsigned int refused; /* execve said EPERM */
	unsigned int killed; /* SIGKILL */
	unsigned int other;
	int error;
};

struct worker {
	pid_t pid;
	uint64_t tag;
	int to, from;
};

struct verdicts {
	struct bpf_object *obj;
	struct bpf_link *links[8];
	unsigned int n_links;
	int sessions, uids, any, counters;
};

/* 0 or -errno; reason in load_error. The sensors are loaded. */
int verdicts_load(struct verdicts *ret, const struct fixture *f, enum method method);
void verdicts_unload(struct verdicts *v);

/* A process with login uid 1000 and this uid, in a session of its own. */
bool worker_start(struct worker *ret, const struct fixture *f, uid_t uid);
struct tried worker_try(const struct worker *w, enum try_what what, unsigned int n);
void worker_stop(const struct worker *w);
/* work_dir/trap: a program whose first instruction traps (SIGILL). */
bool trap_make(void);

#endif
