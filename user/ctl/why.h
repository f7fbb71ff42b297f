/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The chain from evidence to lockout, for one subject: gathered step by step, then told.
 */
#ifndef CTL_WHY_H
#define CTL_WHY_H

#include <bailiff/ipc.h>

#include "base/buf.h"
#include "ctl/step.h"

#define WHY_STEPS_MAX 10000 /* what the recorder answers at most */

struct why {
	struct step *step;
	size_t count;
	size_t size;
};

/* -EINVAL: no step; -E2BIG, -ENOMEM. Status and skipped objects are left out. */
int why_add(struct why *why, const char *object, size_t len);
void why_done(struct why *why);

/* limit: of the question, so that it can be said that there may be more; 0 = none. */
void why_tell(const struct why *why, const struct ipc_subject *subject, uint32_t limit, bool colour,
	      uint64_t now_wall_ns, struct buf *out);

#endif
