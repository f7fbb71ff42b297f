/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to bailiff-analyst's own files: events as lines of a recording, into a pipe.
 *
 * Nothing here waits for the reader. It gets whole lines only: an event whose line the pipe does
 * not take is lost, and the next line that gets through counts it in "lost"; a line of which the
 * pipe took a part (it may, past PIPE_BUF bytes) is finished before anything else.
 */
#ifndef ANALYST_EVENT_TAP_H
#define ANALYST_EVENT_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include "analyst/sensor/sensor.h"

/* What replay reads at most. The longest exec, all of it escaped, is half as long. */
#define EVENT_TAP_LINE_MAX (64 * 1024 - 2)

struct event_tap {
	int fd; /* -1: closed */
	int64_t boot_to_wall_ns; /* as it was in the beginning: one scale for all of a recording */
	struct buf line;
	size_t written; /* bytes of line that the pipe took */
	bool begun;
	uint64_t lost_before; /* head.lost of the first event */
	uint64_t lost; /* events that the pipe did not take */
	uint64_t events; /* that it took, or takes the rest of */
};

void event_tap_init(struct event_tap *tap);
/* Takes fd, which must not block. A tap that is open is closed first. */
void event_tap_open(struct event_tap *tap, int fd, int64_t boot_to_wall_ns);
void event_tap_close(struct event_tap *tap); /* the counts stay until the next opening */

/* 0, also where the event is lost or the tap closed; -EPIPE and others: the reader is gone. */
int event_tap_put(struct event_tap *tap, const union bl_event *event,
		  const struct sensor_names *names);
/* Finishes a line, if one is begun; as above. */
int event_tap_flush(struct event_tap *tap);

#endif
