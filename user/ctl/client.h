/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Questions over the two sockets of include/bailiff/control.h. Every failure ends in a sentence on
 * standard error that says what to do, and in an exit code.
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <bailiff/control.h>

#include "ctl/ctl.h"

#define CLIENT_WAIT_SECONDS 30 /* for an answer; ending a session may take bailiffd some */

/* Per reply, strings terminated; nonzero ends and is the exit code. Also called for the reply of a
 * refusal, whose error is set, with its exit code as refused. */
typedef int (*control_fn)(const struct control_reply *reply, int refused, void *arg);

/* Sends and takes replies until the last. request->version is filled in. Where nobody listens at
 * the socket and ret_absent is given, it is set instead of a sentence being said. */
int control_ask(const struct ctl_args *args, struct control_request *request, bool *ret_absent,
		control_fn fn, void *arg);

/* The same for a request whose one reply carries a descriptor. */
int control_ask_pipe(const struct ctl_args *args, struct control_request *request, int *ret_pipe);

/* Exit code of a reply: refused, not found, or CTL_OK. */
int control_exit(const struct control_reply *reply);

/* Per JSON object, NUL-terminated (not counted). Nonzero ends and is the exit code. */
typedef int (*object_fn)(const char *object, size_t len, void *arg);

int status_ask(const struct ctl_args *args, struct status_request *request, object_fn fn,
	       void *arg);
/* The part after connecting, for tests; takes fd. */
int status_ask_fd(int fd, struct status_request *request, object_fn fn, void *arg);
int control_ask_fd(int fd, struct control_request *request, control_fn fn, void *arg);
int control_ask_pipe_fd(int fd, struct control_request *request, int *ret_pipe);

#endif
