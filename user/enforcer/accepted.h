/* SPDX-License-Identifier: GPL-2.0-only */
/* Filters whose bare claims count: accept_claims of [source NAME], in sentences. */
#ifndef ENFORCER_ACCEPTED_H
#define ENFORCER_ACCEPTED_H

#include "enforcer/enforcer.h"

/* One finding named CONTROL_ACCEPTED per source and filter. Nonzero from fn ends and is
 * returned. */
int accepted_each(const struct conf *conf, finding_fn fn, void *arg);
void accepted_log(const struct conf *conf);

#endif
