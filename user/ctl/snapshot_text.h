/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A snapshot of a session's processes as a tree for people.
 *
 * Every string in it is of an attacker's choosing, and so are process numbers in a file that was
 * tampered with: nothing is printed but through buf_put_safe, and a loop of parents ends.
 */
#ifndef CTL_SNAPSHOT_TEXT_H
#define CTL_SNAPSHOT_TEXT_H

#include <stddef.h>

#include "base/buf.h"

#define SNAPSHOT_NODES_MAX 8192

/* Lines of JSON. -EINVAL: it does not begin as a snapshot does; -ENOMEM. What else does not parse
 * is counted, and told at the end. */
int snapshot_put_text(struct buf *out, const char *text, size_t len);

#endif
