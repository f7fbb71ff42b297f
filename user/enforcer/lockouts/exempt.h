/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is never locked out: what is configured, loopback, this host's own addresses, its gateways.
 *
 * Addresses and routes come from rtnetlink and are followed: an address that the host gets at night
 * is exempt at once. Bounded; what did not fit is told.
 */
#ifndef ENFORCER_EXEMPT_H
#define ENFORCER_EXEMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "enforcer/enforcer.h"

#define EXEMPT_MAX 4096

struct exempt;

/* -errno: rtnetlink cannot be used; configured nets and loopback are then all there is, and the
 * caller must not go on to enforce. */
int exempt_new(struct exempt **ret, const struct conf *conf);
struct exempt *exempt_free(struct exempt *exempt);
DEFINE_CLEANUP(exempt_free, struct exempt *)

void exempt_conf(struct exempt *exempt, const struct conf *conf);
/* Readable: something changed, or may have. */
int exempt_fd(const struct exempt *exempt);
/* Reads what rtnetlink said: 1 = exempt_refresh is needed. */
int exempt_process(struct exempt *exempt);
/* Asks the kernel anew: 1 = the list is another one now, 0 = the same. On failure the list
 * stays. */
int exempt_refresh(struct exempt *exempt);

const struct exempt_net *exempt_list(const struct exempt *exempt, size_t *ret_count);

/* One netlink datagram's worth of messages (addresses, routes) onto the list: 1 = the dump is
 * complete, 0 = more follows, -errno. The kernel's bytes, checked all the same. */
int exempt_parse(struct exempt *exempt, const void *bytes, size_t len);

#endif
