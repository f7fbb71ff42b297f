/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes of the ring, through decode and the session stage. What decode lets through has to be
 * sound: it is written down as a recording, read back, and has to be the same event.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/sensor/sensor.h"
#include "analyst/session/session.h"
#include "base/clock.h"

#define RUNS_A_TABLE 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const services[] = { NULL, "sshd" };
static const struct sensor_names names = { .service = services, .services = 2 };

/* Invalid UTF-8 and over-many arguments are not said exactly; ids and ends always are. */
static void recording_check(const union bl_event *event)
{
	static union bl_event back;
	struct buf out = BUF_INIT(1024 * 1024);
	char error[SENSOR_ERROR_MAX];
	uint64_t wall_ns;

	sensor_to_json(event, &names, 0, &out);
	if (out.cut || memchr(out.data, '\n', out.len))
		abort();
	if (event->head.boot_ns < INT64_MAX / 2) {
		if (sensor_from_json(out.data, out.len, &names, &back, &wall_ns, error))
			abort();
		if (back.head.kind != event->head.kind ||
		    back.head.boot_ns != event->head.boot_ns || back.head.lost != event->head.lost)
			abort();
		if (event->head.kind == BL_EVENT_CONNECTION &&
		    memcmp(&back.connection.end.peer, &event->connection.end.peer, 16) != 0)
			abort();
	}
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t seed[2] = { 1, 2 };
	static union bl_event event;
	struct session_change change;
	static struct session_table *sessions;
	static unsigned int runs;

	/* A table costs a thousand times what an input does; so one serves for several of them.
	 * What is found then may take the inputs before it, too. */
	if (++runs % RUNS_A_TABLE == 0)
		sessions = session_table_free(sessions);
	/* Several records a run, each with its length in front, as the ring has them. */
	while (size > 2) {
		size_t len = (size_t)data[0] | (size_t)data[1] << 8;

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		if (!sensor_decode(data, len, &event)) {
			if (event.head.kind == BL_EVENT_EXEC &&
			    (event.exec.args_kept > BL_ARGS_LARGE ||
			     strlen(event.exec.exe) >= BL_PATH_MAX))
				abort();
			recording_check(&event);
			if (!sessions && session_table_new(&sessions, seed) < 0)
				abort();
			session_event(sessions, &event, &change);
			if ((change.kind == SESSION_FAILED ||
			     change.kind == SESSION_AUTHENTICATED ||
			     change.kind == SESSION_OPENED) &&
			    !change.connection)
				abort();
			if ((change.kind == SESSION_BORN || change.kind == SESSION_ENDED) &&
			    !change.session)
				abort();
			session_expire(sessions, event.head.boot_ns, NSEC_PER_SEC);
		}
		data += len;
		size -= len;
	}
	return 0;
}
