/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log sources that are sockets: made here with rights, read by the analyst without any.
 *
 * They outlive an analyst: what comes while a new one starts waits in the kernel's queue. Nothing
 * is ever received here.
 */
#ifndef ENFORCER_LISTENERS_H
#define ENFORCER_LISTENERS_H

#include <stdint.h>

#include <bailiff/ipc.h>

#include "base/cleanup.h"
#include "enforcer/conf/conf.h"

struct listeners;

int listeners_new(struct listeners **ret);
/* The sockets' names stay until the next start: a sender then waits, or is told that nobody
 * reads. */
struct listeners *listeners_free(struct listeners *listeners);
DEFINE_CLEANUP(listeners_free, struct listeners *)

/* Makes what conf names and is not there, closes and removes what it does not name any more. What
 * fails is logged and told to the analyst (listeners_states). */
void listeners_conf(struct listeners *listeners, const struct conf *conf);

/* For the set-up of a new analyst; ids count from first_id. fd is borrowed. Nonzero from fn
 * ends. */
int listeners_setup(struct listeners *listeners, const struct conf *conf, uint32_t first_id,
		    int (*fn)(const struct ipc_source *source, int fd, void *arg), void *arg);
uint32_t listeners_count(const struct listeners *listeners);
/* After its start: which of them have a reason not to speak. */
void listeners_states(const struct listeners *listeners,
		      void (*fn)(uint32_t id, enum ipc_source_state state, const char *text,
				 void *arg),
		      void *arg);

#endif
