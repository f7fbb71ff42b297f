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

void status_put_text(struct buf *out, bool colour, const struct ipc_status *status,
		     uint64_t now_boot_ns);
void status_put_json(struct buf *out, const struct ipc_status *status, uint64_t now_boot_ns,
		     uint64_t now_wall_ns);

#endif
