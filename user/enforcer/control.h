/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control socket: what root may ask of the running bailiffd (bailiff/control.h).
 *
 * One request a connection, at most CONTROL_CLIENTS_MAX at once, CONTROL_SECONDS each. Answers of
 * many parts are written by a short-lived copy of bailiffd, so that a slow reader, or a million
 * lockouts, never holds up the loop.
 */
#ifndef ENFORCER_CONTROL_H
#define ENFORCER_CONTROL_H

#include <stdint.h>
#include <sys/types.h>

#include <bailiff/control.h>

#include "base/cleanup.h"
#include "base/loop.h"

#define CONTROL_CLIENTS_MAX 16
#define CONTROL_SECONDS 10 /* for the request; ten times that for a long answer */

/* Sends one part of a long answer, waiting for the reader: -errno ends the answer. */
typedef int (*control_send_fn)(const struct control_reply *reply, void *arg);

struct control_ops {
	/* STATUS, LOCK, RELEASE, RELOAD: fills reply. who: "alice (uid 0)". */
	void (*answer)(const struct control_request *request, const char *who, pid_t peer_pid,
		       struct control_reply *reply, void *arg);
	/* LIST, SESSIONS, FINDINGS: in the copy. The last part is sent by control.c. */
	int (*list)(const struct control_request *request, control_send_fn send, void *send_arg,
		    void *arg);
	/* RECORD: the descriptor that goes with the reply, or -1 with reply's error and text. */
	int (*record)(const char *who, struct control_reply *reply, void *arg);
};

struct control;

/* listen_fd is borrowed. uid is whom it answers beside root: (uid_t)-1, or a test's own. */
int control_new(struct control **ret, struct loop *loop, int listen_fd,
		const struct control_ops *ops, uid_t uid, void *arg);
struct control *control_free(struct control *control);
DEFINE_CLEANUP(control_free, struct control *)

/* Each second: ends what took too long, reaps writers. */
void control_tick(struct control *control, uint64_t now_boot_ns);

/* Why a request is refused, or NULL. */
const char *control_check(const void *bytes, size_t len);

/* The login behind a process: "alice (uid 0)"; "uid 0" where it has none. Text, cut. */
void control_who(pid_t pid, uid_t uid, char *to, size_t size);

#endif
