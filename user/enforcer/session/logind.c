/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * logind's TerminateSession, without ever waiting for the bus.
 *
 * Sent when the session's processes are already dead: it only makes logind forget the session,
 * run its clean-up and close the user's manager in time. A bus that does not answer costs nothing
 * but that: the call has an end of its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>

#include "base/log.h"
#include "enforcer/session/session.h"

#define LOGIND_LIMIT_US (5 * 1000 * 1000)
#define STEPS_MAX 64 /* messages of the bus handled in one step */

struct logind_call {
	sd_bus *bus;
	bool done;
	int error;
};

static int on_reply(sd_bus_message *message, void *arg, sd_bus_error *error)
{
	struct logind_call *call = arg;

	(void)error;
	call->done = true;
	call->error = -sd_bus_message_get_errno(message);
	return 0;
}

int logind_terminate(struct logind_call **ret, const char *id)
{
	_cleanup_(logind_freep) struct logind_call *call = calloc(1, sizeof(*call));
	int r;

	if (!call)
		return -ENOMEM;
	r = sd_bus_new(&call->bus);
	if (r < 0)
		return r;
	r = sd_bus_set_address(call->bus, "unix:path=/run/dbus/system_bus_socket");
	if (r < 0)
		return r;
	r = sd_bus_set_bus_client(call->bus, 1);
	if (r < 0)
		return r;
	r = sd_bus_set_method_call_timeout(call->bus, LOGIND_LIMIT_US);
	if (r < 0)
		return r;
	/* Connects without blocking; what is sent before the bus has said hello is queued. */
	r = sd_bus_start(call->bus);
	if (r < 0)
		return r;
	r = sd_bus_call_method_async(call->bus, NULL, "org.freedesktop.login1",
				     "/org/freedesktop/login1", "org.freedesktop.login1.Manager",
				     "TerminateSession", on_reply, call, "s", id);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(call);
	return 0;
}

int logind_step(struct logind_call *call, int *ret_error)
{
	for (int i = 0; i < STEPS_MAX && !call->done; i++) {
		int r = sd_bus_process(call->bus, NULL);

		if (r < 0) {
			call->done = true;
			call->error = r;
		}
		if (r <= 0)
			break;
	}
	if (!call->done)
		return 0;
	*ret_error = call->error;
	return 1;
}

struct logind_call *logind_free(struct logind_call *call)
{
	if (!call)
		return NULL;
	/* Not the flushing variant, which waits. */
	sd_bus_close(call->bus);
	sd_bus_unref(call->bus);
	free(call);
	return NULL;
}
