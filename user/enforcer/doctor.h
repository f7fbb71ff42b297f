/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to doctor*.c. */
#ifndef ENFORCER_DOCTOR_H
#define ENFORCER_DOCTOR_H

#include "enforcer/conf/conf.h"
#include "enforcer/findings.h"

/* Facts about the host that can be read. */
void doctor_host(const struct conf *conf, struct findings *findings);
/* What its kernel runs, tried out in a child with a network namespace and a cgroup of its own. */
int doctor_programs(const struct conf *conf, struct findings *findings);

#endif
