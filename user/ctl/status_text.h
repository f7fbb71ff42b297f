/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A status message in words and as JSON; the member names are those of bailiff.* in events.jsonl.
 */
#ifndef CTL_STATUS_TEXT_H
#define CTL_STATUS_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include <bailiff/ipc.h>

#include "base/buf.h"

#define STATUS_ACCEPTED_MAX 64
#define STATUS_SOURCES_MAX 512 /* bailiffd has at most 384 */

/* Filters that accept_claims lets through, each in a sentence of bailiffd's. */
struct status_accepted {
	unsigned int count, more; /* more: did not fit */
	char text[STATUS_ACCEPTED_MAX][IPC_TEXT_MAX];
};

/* What status asks for beside the status message. */
struct status_sources {
	const struct ipc_source_status *source;
	size_t sources;
	const struct ipc_filter_status *filter; /* those with expressions that are given up */
	size_t filters;
};

void status_put_text(struct buf *out, bool colour, const struct ipc_status *status,
		     const struct status_accepted *accepted, uint64_t now_boot_ns);
void status_put_json(struct buf *out, const struct ipc_status *status,
		     const struct status_accepted *accepted, const struct status_sources *sources,
		     uint64_t now_boot_ns, uint64_t now_wall_ns);

#endif
