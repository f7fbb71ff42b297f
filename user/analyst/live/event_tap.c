/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events as lines of a recording, into a pipe.
 */
#include "analyst/live/event_tap.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void event_tap_init(struct event_tap *tap)
{
	*tap = (struct event_tap){ .fd = -1, .line = BUF_INIT(EVENT_TAP_LINE_MAX) };
}

void event_tap_close(struct event_tap *tap)
{
	base_closep(&tap->fd);
	tap->fd = -1;
	buf_done(&tap->line);
	tap->written = 0;
}

void event_tap_open(struct event_tap *tap, int fd, int64_t boot_to_wall_ns)
{
	event_tap_close(tap);
	event_tap_init(tap);
	tap->fd = fd;
	tap->boot_to_wall_ns = boot_to_wall_ns;
}

/* A line that is out has no rest; the buffer keeps its memory. */
static int push(struct event_tap *tap)
{
	while (tap->written < tap->line.len) {
		ssize_t n =
			write(tap->fd, tap->line.data + tap->written, tap->line.len - tap->written);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		tap->written += (size_t)n;
	}
	buf_clear(&tap->line);
	tap->written = 0;
	return 0;
}

int event_tap_flush(struct event_tap *tap)
{
	int r = tap->fd >= 0 ? push(tap) : 0;

	return r == -EAGAIN ? 0 : r;
}

/* The kernel's count runs since the sensors were loaded: of a recording it is what came in it. The
 * two rings are merged, so that a record may carry a smaller count than the one before. */
static uint64_t lost_so_far(struct event_tap *tap, const union bl_event *event)
{
	if (!tap->begun) {
		tap->begun = true;
		tap->lost_before = event->head.lost;
	}
	return tap->lost +
	       (event->head.lost > tap->lost_before ? event->head.lost - tap->lost_before : 0);
}

int event_tap_put(struct event_tap *tap, const union bl_event *event,
		  const struct sensor_names *names)
{
	union bl_event told;
	int r;

	if (tap->fd < 0)
		return 0;
	r = push(tap);
	if (r == -EAGAIN)
		tap->lost++;
	if (r < 0)
		return r == -EAGAIN ? 0 : r;
	memcpy(&told, event, event->head.len);
	told.head.lost = lost_so_far(tap, event);
	sensor_to_json(&told, names, tap->boot_to_wall_ns, &tap->line);
	buf_putc(&tap->line, '\n');
	r = tap->line.cut ? -EAGAIN : push(tap);
	if (r < 0 && r != -EAGAIN)
		return r;
	if (r == -EAGAIN && !tap->written) {
		buf_clear(&tap->line);
		tap->lost++;
		return 0;
	}
	tap->events++;
	return 0;
}
