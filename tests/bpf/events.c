/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events of both rings, kept for looking up.
 *
 * Each is checked here for what its reader relies on: known kind, exact length, terminated strings,
 * args_kept within the record.
 */
#include "events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const size_t lengths[BL_EVENT_MAX] = {
	[BL_EVENT_FORK] = sizeof(struct bl_event_fork),
	[BL_EVENT_EXIT] = sizeof(struct bl_event_exit),
	[BL_EVENT_SESSION] = sizeof(struct bl_event_session),
	[BL_EVENT_CONNECTION] = sizeof(struct bl_event_connection),
	[BL_EVENT_AUTH] = sizeof(struct bl_event_auth),
	[BL_EVENT_SIGNAL] = sizeof(struct bl_event_signal),
};

static bool exec_sound(const struct bl_event_exec *e, size_t len)
{
	size_t args = len - offsetof(struct bl_event_exec, args);

	return (len == BL_EXEC_SMALL_LEN || len == sizeof(*e)) && e->args_kept <= args &&
	       e->args_kept <= e->args_len && memchr(e->exe, 0, sizeof(e->exe)) &&
	       memchr(e->file, 0, sizeof(e->file)) && memchr(e->cwd, 0, sizeof(e->cwd)) &&
	       memchr(e->tty, 0, sizeof(e->tty)) && memchr(e->comm, 0, sizeof(e->comm));
}

static bool event_sound(const union bl_event *e, size_t len)
{
	if (len < sizeof(e->head) || e->head.len != len || e->head.kind == 0 ||
	    e->head.kind >= BL_EVENT_MAX)
		return false;
	if (e->head.kind == BL_EVENT_EXEC)
		return exec_sound(&e->exec, len);
	return len == lengths[e->head.kind];
}

static int keep(struct events *ev, enum ring ring, const void *data, size_t len)
{
	struct event *list;
	void *copy;

	if (!event_sound(data, len)) {
		ev->malformed++;
		return 0;
	}
	if (ev->n == ev->room) {
		list = realloc(ev->list, (ev->room + 1024) * sizeof(*list));
		if (!list)
			return -ENOMEM;
		ev->list = list;
		ev->room += 1024;
	}
	copy = malloc(len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, len);
	ev->list[ev->n++] = (struct event){ .ring = ring, .e = copy };
	return 0;
}

static int keep_urgent(void *ev, void *data, size_t len)
{
	return keep(ev, RING_URGENT, data, len);
}

static int keep_events(void *ev, void *data, size_t len)
{
	return keep(ev, RING_EVENTS, data, len);
}

int events_open(struct events *ev, const struct sensors *s)
{
	memset(ev, 0, sizeof(*ev));
	ev->rb = ring_buffer__new(sensors_map(s, "bl_urgent"), keep_urgent, ev, NULL);
	if (!ev->rb)
		return -errno;
	return ring_buffer__add(ev->rb, sensors_map(s, "bl_events"), keep_events, ev);
}

static void clear(struct events *ev)
{
	while (ev->n > 0)
		free((void *)(uintptr_t)ev->list[--ev->n].e);
}

void events_close(struct events *ev)
{
	clear(ev);
	free(ev->list);
	ring_buffer__free(ev->rb);
	memset(ev, 0, sizeof(*ev));
}

void events_drain(struct events *ev)
{
	(void)ring_buffer__consume(ev->rb);
}

void events_forget(struct events *ev)
{
	events_drain(ev);
	clear(ev);
}

int events_poll(struct events *ev, int timeout_ms)
{
	return ring_buffer__poll(ev->rb, timeout_ms);
}

static pid_t event_pid(const union bl_event *e)
{
	return e->head.kind == BL_EVENT_CONNECTION ? 0 : (pid_t)e->fork.task.pid;
}

const struct event *events_find(const struct events *ev, enum bl_event_kind kind, pid_t pid,
				unsigned int nth)
{
	for (size_t i = 0; i < ev->n; i++) {
		const union bl_event *e = ev->list[i].e;

		if (e->head.kind == kind && (!pid || event_pid(e) == pid) && nth-- == 0)
			return &ev->list[i];
	}
	return NULL;
}

unsigned int events_count(const struct events *ev, enum bl_event_kind kind, pid_t pid)
{
	unsigned int n = 0;

	while (events_find(ev, kind, pid, n))
		n++;
	return n;
}
