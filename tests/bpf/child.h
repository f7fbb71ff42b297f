/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs that the tests start: this very binary under other names, told by "child:MODE" as first
 * or second argument what to do. Nothing else is needed in the guest.
 */
#ifndef TESTS_BPF_CHILD_H
#define TESTS_BPF_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Folder of the tests' own files; holds prog, a copy of this binary, mode 755. */
extern char work_dir[256];

/* Calls what the probes of PAM are in (test_pam.c). */
int pam_child(void);
/* Writes into this file (test_signal_files.c). */
int write_child(const char *path);

/* False: argv is no child's. */
bool child_main(int argc, char **argv, int *ret_code);

int work_open(void);
void work_close(void);
int copy_self(const char *path, unsigned int mode);
/* dir/name below work_dir; the result lives until the fourth call after. */
const char *work_path(const char *name);

typedef int (*child_fn)(void *arg);
/* Forks; the child runs fn and exits with what it returns. */
pid_t spawn_fn(child_fn fn, void *arg);
/* Forks and execs; the child exits 127 if it cannot. argv ends with NULL. */
pid_t spawn(const char *path, char *const argv[]);
/* As spawn, after before(arg) in the child. */
pid_t spawn_after(const char *path, char *const argv[], child_fn before, void *arg);
/* wait status, or -1. */
int wait_for(pid_t pid);
bool exited(int status, int code);

/* 0 or -errno. */
int loginuid_write(unsigned int uid);
unsigned int proc_number(const char *path);
/* start_ns of a running process as /proc tells it, in ticks of 10 ms. */
uint64_t proc_start_ticks(pid_t pid);

struct gate {
	int fd[2];
};
/* A pipe on which one side waits until the other opens it. */
int gate_make(struct gate *g);
void gate_open(struct gate *g);
void gate_pass(struct gate *g);

#endif
