/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lockout programs, attached to a network namespace and a control group made for this.
 */
#ifndef TESTS_BPF_LOCKOUT_H
#define TESTS_BPF_LOCKOUT_H

#include "tests.h"

struct lockout {
	struct bpf_object *obj;
	struct bpf_link *links[5];
	unsigned int n_links;
	char cgroup[256], parent[200];
	int lock4, lock6, counters;
};

/* This process goes into a new namespace for good, and into the control group until close. False,
 * with a failed check, if that or loading or attaching does not work. */
bool lockout_open(struct lockout *l);
void lockout_close(struct lockout *l);

/* 0 or -errno; "0" into cgroup.procs moves the caller. */
int cgroup_move(const char *dir);
uint64_t boot_ns(void);

#endif
