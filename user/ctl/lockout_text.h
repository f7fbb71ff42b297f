/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lockouts and sessions as rows of a table and as JSON.
 */
#ifndef CTL_LOCKOUT_TEXT_H
#define CTL_LOCKOUT_TEXT_H

#include <bailiff/control.h>

#include "ctl/output.h"

void lockout_begin(struct grid *grid, struct buf *out, bool colour);
void lockout_put_row(struct grid *grid, const struct control_lockout *lockout,
		     uint64_t now_wall_ns);
void lockout_put_json(struct buf *out, const struct control_lockout *lockout);

void session_begin(struct grid *grid, struct buf *out, bool colour);
void session_put_row(struct grid *grid, const struct control_session *session);
void session_put_json(struct buf *out, const struct control_session *session);

#endif
