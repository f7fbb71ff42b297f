/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events of both rings, kept for looking up.
 *
 * A child's events are in the rings when wait() has returned it, because all hooks run before a
 * process can be waited for. So tests drain the rings after a wait and need no sleep.
 */
#ifndef TESTS_BPF_EVENTS_H
#define TESTS_BPF_EVENTS_H

#include <stddef.h>
#include <sys/types.h>

#include "load.h"

enum ring {
	RING_URGENT,
	RING_EVENTS,
	RING_MAX,
};

struct event {
	enum ring ring;
	const union bl_event *e; /* exactly e->head.len bytes, of which strings are checked */
};

struct events {
	struct ring_buffer *rb;
	struct event *list;
	size_t n, room;
	unsigned int malformed;
};

int events_open(struct events *ev, const struct sensors *s);
void events_close(struct events *ev);
/* Takes over what is in the rings now. */
void events_drain(struct events *ev);
/* Reads and forgets. */
void events_forget(struct events *ev);
/* Waits for the rings' own wake-up; the number of records that came with it, 0 at the time
 * limit. */
int events_poll(struct events *ev, int timeout_ms);

/* pid 0: any. NULL if there is no nth (from 0). */
const struct event *events_find(const struct events *ev, enum bl_event_kind kind, pid_t pid,
				unsigned int nth);
unsigned int events_count(const struct events *ev, enum bl_event_kind kind, pid_t pid);

#endif
