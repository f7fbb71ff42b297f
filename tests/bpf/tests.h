/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The groups of checks. Each but lockout's and ring's takes loaded and attached sensors.
 */
#ifndef TESTS_BPF_TESTS_H
#define TESTS_BPF_TESTS_H

#include "child.h"
#include "events.h"
#include "load.h"
#include "tap.h"

struct fixture {
	struct sensors sensors;
	struct events events;
	struct sensor_options options;
};

/* False, with a failed check, if the sensors do not load or the rings cannot be read. */
bool fixture_open(struct fixture *f, const struct sensor_options *options);
void fixture_close(struct fixture *f);

#define LONGEST_WAIT_MS 10000

/* The nth birth, or end, from 0. */
const struct bl_event_session *session_nth(const struct fixture *f, bool end, unsigned int nth);
unsigned int sessions_count(const struct fixture *f, bool end);
/* Until n ends are told. Where the kernel skipped an exit hook that takes a grace period. */
void wait_ends(struct fixture *f, unsigned int n);
unsigned int table_entries(const struct fixture *f, const char *name);
/* Waits until the process has written login uid 1000. */
bool wait_loginuid(pid_t pid);

void test_exec(struct fixture *f);
void test_exec_files(struct fixture *f);
void test_processes(struct fixture *f);
void test_sessions(struct fixture *f);
void test_late_sessions(bool task_storage);
void test_tables_full(bool task_storage);
void test_net(struct fixture *f);
void test_peer(struct fixture *f);
/* After test_peer, whose service it uses. */
void test_dial(struct fixture *f);
/* After test_peer, whose service it uses. */
void test_pam(struct fixture *f);
/* quiet: nothing else runs on this machine, so exact counts may be asked for. */
void test_ring(bool task_storage, bool quiet);
void test_signals(bool task_storage);
void test_lockout(void);
void test_verdict(bool task_storage);
/* wanted: this kernel is known to run LSM programs. */
void test_guard(bool wanted);

#endif
