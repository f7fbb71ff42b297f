/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stage 1, sensor: from ring bytes, or from a line of a recording, to an event that is sound.
 *
 * Whatever comes out of here has a known kind, its exact length, NUL-terminated strings, args_kept
 * within the array and no byte beyond what the record held. Nothing here knows what events mean.
 */
#ifndef ANALYST_SENSOR_H
#define ANALYST_SENSOR_H

#include <stdint.h>

#include <bailiff/event.h>

#include "base/buf.h"
#include "base/cleanup.h"

/* -EINVAL: unknown kind, wrong length, lengths inside that contradict. Only the first head.len
 * bytes of *ret are written: clearing 4 KB for each fork would cost more than all that follows. */
int sensor_decode(const void *record, size_t len, union bl_event *ret);

extern const char *const sensor_signal_names[BL_SIGNAL_MAX]; /* [0] is NULL */

/*
 * The two rings, read in the order of boot_ns. The data pages are mapped read-only and the
 * consumer page writable; no bpf system call is made, so a process without any privilege can do
 * this on every kernel (libbpf's reader asks the kernel for the map's size, which was privileged
 * until 5.19, c8644cd0efe7).
 */
struct sensor_rings;

int sensor_rings_new(struct sensor_rings **ret, int urgent_fd, size_t urgent_size, int events_fd,
		     size_t events_size);
struct sensor_rings *sensor_rings_free(struct sensor_rings *rings);
DEFINE_CLEANUP(sensor_rings_free, struct sensor_rings *)

/* Calls fn for at most max events; returns their number. Undecodable ones are counted, not
 * passed. */
typedef int (*sensor_event_fn)(const union bl_event *event, void *arg);
int sensor_rings_read(struct sensor_rings *rings, unsigned int max, sensor_event_fn fn, void *arg);
uint64_t sensor_rings_malformed(const struct sensor_rings *rings);

/*
 * Recordings: one JSON object a line, the form of `bailiffctl record` and `replay --events`.
 * service names are looked up by the caller's table: name NULL-terminated list, index = id.
 * wall_ns is "@timestamp". -EINVAL with a sentence in error; unknown "type": -ENOTSUP.
 */
#define SENSOR_ERROR_MAX 160
struct sensor_names {
	const char *const *service; /* [id], NULL where unused; [0] is NULL */
	unsigned int services;
};
int sensor_from_json(const char *line, size_t len, const struct sensor_names *names,
		     union bl_event *ret, uint64_t *ret_wall_ns, char error[SENSOR_ERROR_MAX]);
void sensor_to_json(const union bl_event *event, const struct sensor_names *names,
		    int64_t boot_to_wall_ns, struct buf *out);

#endif
