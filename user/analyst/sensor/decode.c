/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks one ring record and copies it out.
 *
 * The ring belongs to the kernel, but what stands in it was computed from what any process can
 * choose (argv, paths, names) by programs that are built separately from this one. So nothing of a
 * record is believed before it was checked, and it is checked in the copy, not in the ring.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "analyst/sensor/sensor.h"

/* Behind its end stands what an older record left in the ring: it is cleared. */
static int terminated(char *array, size_t size)
{
	char *end = memchr(array, '\0', size);

	if (!end)
		return -EINVAL;
	memset(end, 0, size - (size_t)(end - array));
	return 0;
}

/* Tables compare addresses by all 16 bytes: what lies beyond an IPv4 address has to be zero. */
static int endpoint_check(const struct bl_endpoint *end)
{
	static const uint8_t zero[16];
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	size_t used;

	switch (end->family) {
	case AF_UNSPEC:
	case AF_UNIX:
		used = 0;
		break;
	case AF_INET:
		used = 4;
		break;
	case AF_INET6:
		/* The sensor folds v4-mapped addresses; unfolded, one peer would be two. */
		if (!memcmp(end->peer, mapped, sizeof(mapped)) ||
		    !memcmp(end->local, mapped, sizeof(mapped)))
			return -EINVAL;
		return 0;
	default:
		return -EINVAL;
	}
	if (memcmp(end->peer + used, zero, sizeof(end->peer) - used) ||
	    memcmp(end->local + used, zero, sizeof(end->local) - used))
		return -EINVAL;
	return 0;
}

static int exec_check(struct bl_event_exec *exec)
{
	size_t room = exec->head.len - offsetof(struct bl_event_exec, args);

	if (exec->role >= BL_ROLE_MAX || exec->args_kept > room || exec->args_kept > exec->args_len)
		return -EINVAL;
	if (exec->args_kept < exec->args_len && !(exec->head.flags & BL_EXEC_ARGS_CUT))
		return -EINVAL;
	if (terminated(exec->tty, sizeof(exec->tty)) ||
	    terminated(exec->comm, sizeof(exec->comm)) ||
	    terminated(exec->exe, sizeof(exec->exe)) ||
	    terminated(exec->file, sizeof(exec->file)) || terminated(exec->cwd, sizeof(exec->cwd)))
		return -EINVAL;
	return endpoint_check(&exec->end);
}

static int session_check(const struct bl_event_session *session)
{
	return session->session ? endpoint_check(&session->end) : -EINVAL;
}

static int connection_check(const struct bl_event_connection *connection)
{
	if (connection->state != BL_CONNECTION_OPEN && connection->state != BL_CONNECTION_CLOSED)
		return -EINVAL;
	if (connection->end.family != AF_INET && connection->end.family != AF_INET6)
		return -EINVAL;
	return endpoint_check(&connection->end);
}

static int auth_check(struct bl_event_auth *auth)
{
	if (auth->role >= BL_ROLE_MAX || !auth->task.pid ||
	    terminated(auth->pam_service, sizeof(auth->pam_service)) ||
	    terminated(auth->user, sizeof(auth->user)) ||
	    terminated(auth->rhost, sizeof(auth->rhost)) ||
	    terminated(auth->tty, sizeof(auth->tty)))
		return -EINVAL;
	return endpoint_check(&auth->end);
}

static int signal_check(struct bl_event_signal *signal)
{
	if (!signal->task.pid || !signal->what || signal->what >= BL_SIGNAL_DERIVED ||
	    terminated(signal->comm, sizeof(signal->comm)) ||
	    terminated(signal->name, sizeof(signal->name)) ||
	    terminated(signal->folder, sizeof(signal->folder)) ||
	    terminated(signal->above, sizeof(signal->above)))
		return -EINVAL;
	return 0;
}

static int length_check(uint16_t kind, size_t len)
{
	switch (kind) {
	case BL_EVENT_EXEC:
		return len == BL_EXEC_SMALL_LEN || len == sizeof(struct bl_event_exec) ? 0
										       : -EINVAL;
	case BL_EVENT_FORK:
		return len == sizeof(struct bl_event_fork) ? 0 : -EINVAL;
	case BL_EVENT_EXIT:
		return len == sizeof(struct bl_event_exit) ? 0 : -EINVAL;
	case BL_EVENT_SESSION:
		return len == sizeof(struct bl_event_session) ? 0 : -EINVAL;
	case BL_EVENT_CONNECTION:
		return len == sizeof(struct bl_event_connection) ? 0 : -EINVAL;
	case BL_EVENT_AUTH:
		return len == sizeof(struct bl_event_auth) ? 0 : -EINVAL;
	case BL_EVENT_SIGNAL:
		return len == sizeof(struct bl_event_signal) ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

static int event_check(union bl_event *event)
{
	switch ((enum bl_event_kind)event->head.kind) {
	case BL_EVENT_EXEC:
		return event->exec.task.pid ? exec_check(&event->exec) : -EINVAL;
	case BL_EVENT_FORK:
		return event->fork.task.pid ? 0 : -EINVAL;
	case BL_EVENT_EXIT:
		if (!event->exit.task.pid || event->exit.role >= BL_ROLE_MAX)
			return -EINVAL;
		return terminated(event->exit.comm, sizeof(event->exit.comm));
	case BL_EVENT_SESSION:
		return event->session.task.pid ? session_check(&event->session) : -EINVAL;
	case BL_EVENT_CONNECTION:
		return connection_check(&event->connection);
	case BL_EVENT_AUTH:
		return auth_check(&event->auth);
	case BL_EVENT_SIGNAL:
		return signal_check(&event->signal);
	case BL_EVENT_MAX:
		break;
	}
	return -EINVAL;
}

int sensor_decode(const void *record, size_t len, union bl_event *ret)
{
	struct bl_event_head head;

	if (len < sizeof(head) || len > sizeof(*ret))
		return -EINVAL;
	memcpy(&head, record, sizeof(head));
	if (head.len != len || length_check(head.kind, len) < 0)
		return -EINVAL;

	/* The one exception to "ret_ is untouched on failure": a second copy would cost more. */
	memcpy(ret, record, len);
	if (head.kind == BL_EVENT_EXEC) {
		/* Reserved ring memory is not cleared: past args_kept stands an older record. */
		size_t kept =
			ret->exec.args_kept < BL_ARGS_LARGE ? ret->exec.args_kept : BL_ARGS_LARGE;
		size_t end = offsetof(struct bl_event_exec, args) + kept;

		if (end > len)
			return -EINVAL;
		memset((char *)ret + end, 0, len - end);
	}
	return event_check(ret);
}
