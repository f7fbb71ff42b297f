/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One child process for as long as bailiffd lives: started, listened to, ended if it says what it
 * may not or says nothing, started again.
 *
 * The first restart is at once, later ones after 1, 2, 4 … 30 s; a life of a minute is forgiven.
 * Nothing here waits: a child that does not end when told so is killed two seconds later.
 */
#ifndef ENFORCER_CHILD_H
#define ENFORCER_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include <bailiff/ipc.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "privsep/channel.h"

#define CHILD_READY_S 120 /* for compiling expressions on a slow machine */
#define CHILD_SILENT_S 30 /* a child with heartbeats that sends none */
#define CHILD_END_S 2
#define CHILD_PAUSE_MAX_S 30
#define CHILD_STEADY_S 60
#define CHILD_LINES_BURST 200 /* log lines passed on at once ... */
#define CHILD_LINES_PER_S 10 /* ... and then a second; the rest is counted */

struct child_spec {
	const char *name;
	const char *argv[8]; /* NULL-terminated; borrowed */
	const struct channel_rule *rules;
	/* Sends what the child needs first; the channel is there. A failure ends this life. */
	int (*setup)(void *arg);
	void (*ended)(void *arg); /* may be NULL */
	bool heartbeats;
	void *arg; /* also the handlers' */
};

struct child;

int child_new(struct child **ret, struct loop *loop, const struct child_spec *spec);
struct child *child_free(struct child *child); /* kills at once */
DEFINE_CLEANUP(child_free, struct child *)

void child_start(struct child *child);
/* Ends it and starts it anew, uncounted: for a reload. */
void child_replace(struct child *child);
/* Ends it for good; child_running tells when it is gone. */
void child_stop(struct child *child);
/* Each second. */
void child_tick(struct child *child, uint64_t now_boot_ns);

/* A child that is not there, or whose queue is full (which ends it), gets nothing: false. */
bool child_send(struct child *child, uint32_t kind, void *message, size_t len, int fd);

/* For handlers of IPC_READY, IPC_HEARTBEAT, IPC_LOG. child_log: -EPROTO for text without an end. */
void child_is_ready(struct child *child);
void child_is_alive(struct child *child);
int child_log(struct child *child, const struct ipc_log *message);

bool child_running(const struct child *child);
bool child_ready(const struct child *child);
uint32_t child_restarts(const struct child *child);

/* Seconds until the restart after the nth early end in a row, n from 1. */
unsigned int child_pause_s(unsigned int failures);

#endif
