/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a log source does, in words and as JSON.
 */
#ifndef CTL_SOURCE_TEXT_H
#define CTL_SOURCE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include <bailiff/ipc.h>

#include "base/buf.h"
#include "base/json.h"

/* Two lines: what it is and how it does; where there is trouble or a loss, which. */
void source_put_text(struct buf *out, bool colour, const struct ipc_source_status *source,
		     uint64_t now_boot_ns);
/* A member of an array. */
void source_put_json(struct json_writer *w, const struct ipc_source_status *source,
		     uint64_t now_boot_ns, uint64_t now_wall_ns);
/* A filter with expressions that are given up. */
void filter_put_text(struct buf *out, bool colour, const struct ipc_filter_status *filter);
void filter_put_json(struct json_writer *w, const struct ipc_filter_status *filter);

#endif
