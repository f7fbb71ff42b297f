/* SPDX-License-Identifier: GPL-2.0-only */
/* What test_signals.c and test_signal_files.c share. */
#ifndef TESTS_BPF_SIGNALS_H
#define TESTS_BPF_SIGNALS_H

#include "tests.h"

/* The first signal of that kind by that process (0: any); NULL. Drains the rings. */
const struct bl_event_signal *signal_of(struct fixture *f, enum bl_signal what, pid_t pid);
unsigned int signals_told(struct fixture *f, enum bl_signal what);
/* A child logs in as 1000, remains root, and does it; fn returns 0. Its pid, once it has ended. */
pid_t do_in_session(struct fixture *f, child_fn fn, void *arg);
int become_user(void);

/* name "": the folder itself; what as in bl_watched. */
bool signals_watch(struct fixture *f, const char *folder, const char *name, uint32_t what);

void test_signal_files(struct fixture *f);
/* After test_signal_files. */
void test_left(struct fixture *f);

#endif
