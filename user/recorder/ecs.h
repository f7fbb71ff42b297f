/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one JSON form of records, outcomes and status: in events.jsonl, in watch, in why.
 *
 * Names are those of the Elastic Common Schema 8.11 where it has one; everything of our own stands
 * below "bailiff". One object, no newline, at most STATUS_JSON_MAX bytes for any valid message:
 * escaping makes a byte at most six ("\u0001"), and the strings of a record are 992 bytes.
 */
#ifndef RECORDER_ECS_H
#define RECORDER_ECS_H

#include <stdint.h>

#include <bailiff/ipc.h>

#include "base/buf.h"

/* Appends to out. Times are wall-clock nanoseconds; 0 for until and started: not known. */
void ecs_record(struct buf *out, const char *host, const struct ipc_record *record,
		uint64_t wall_ns);
void ecs_outcome(struct buf *out, const char *host, const struct ipc_outcome *outcome,
		 uint64_t wall_ns, uint64_t until_wall_ns);
void ecs_status(struct buf *out, const char *host, const struct ipc_status *status,
		uint64_t wall_ns, uint64_t started_wall_ns);

/* A watcher was too slow: so many objects were not sent to it. */
void ecs_skipped(struct buf *out, const char *host, uint64_t count, uint64_t wall_ns);

/* "192.0.2.1", "2001:db8::/64", a session's or user's number, "" for none and host. */
#define ECS_SUBJECT_MAX 64
void ecs_subject(const struct ipc_subject *subject, char ret_text[ECS_SUBJECT_MAX]);

#endif
