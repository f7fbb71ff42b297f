/* SPDX-License-Identifier: GPL-2.0-only */
/* A line of a recording: what is read is written and read again, and from then on stays the
 * same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/sensor/sensor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const services[] = { NULL, "sshd", NULL, "dovecot" };
	static const struct sensor_names names = { .service = services, .services = 4 };
	static union bl_event first, second;
	struct buf out = BUF_INIT(1024 * 1024), again = BUF_INIT(1024 * 1024);
	char error[SENSOR_ERROR_MAX] = "";
	uint64_t wall_ns, again_ns;

	if (sensor_from_json((const char *)data, size, &names, &first, &wall_ns, error)) {
		if (!error[0] || !memchr(error, '\0', sizeof(error)))
			abort();
		return 0;
	}
	sensor_to_json(&first, &names, (int64_t)(wall_ns - first.head.boot_ns), &out);
	if (out.cut || sensor_from_json(out.data, out.len, &names, &second, &again_ns, error) ||
	    again_ns != wall_ns)
		abort();
	/* More arguments than a line may hold are cut by the first writing only. */
	sensor_to_json(&second, &names, (int64_t)(again_ns - second.head.boot_ns), &again);
	if (first.head.flags == second.head.flags &&
	    (out.len != again.len || memcmp(out.data, again.data, out.len) != 0))
		abort();
	buf_done(&again);
	buf_done(&out);
	return 0;
}
