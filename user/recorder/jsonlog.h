/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * events.jsonl: every record, outcome and change of state, one JSON object a line.
 *
 * Holds whole lines only, also after a full disk; at most twice its bound on disk (the file and
 * its predecessor events.jsonl.1). Lines that cannot be written are counted, and nobody waits.
 */
#ifndef RECORDER_JSONLOG_H
#define RECORDER_JSONLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define JSONLOG_FILE "events.jsonl"
#define JSONLOG_BYTES_MAX (128ULL * 1024 * 1024)
#define JSONLOG_WAITING_MAX (1024 * 1024) /* bytes not yet written; more makes it write */

struct jsonlog_stats {
	uint64_t written; /* lines */
	uint64_t lost;
	uint64_t rotated;
};

struct jsonlog;

/* Opens nothing yet. max_bytes 0: the default above. */
int jsonlog_new(struct jsonlog **ret, const char *folder, uint64_t max_bytes);
struct jsonlog *jsonlog_free(struct jsonlog *jsonlog); /* writes what waits */
DEFINE_CLEANUP(jsonlog_free, struct jsonlog *)

void jsonlog_add(struct jsonlog *jsonlog, const char *object, size_t len);
bool jsonlog_waiting(const struct jsonlog *jsonlog);
void jsonlog_write(struct jsonlog *jsonlog);
void jsonlog_stats(const struct jsonlog *jsonlog, struct jsonlog_stats *ret);

#endif
