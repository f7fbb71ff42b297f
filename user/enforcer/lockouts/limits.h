/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hard limits: what bailiffd does not do, whoever asks.
 *
 * The analyst has applied the same limits, but the analyst reads attackers' text and may be
 * theirs one day; then these make it worth a bounded, expiring, recorded nuisance. Pure: sessions
 * and time come in as arguments. In order of strength:
 *   exempt by configuration        never, force or not
 *   root's account                 never
 *   exempt by nature               loopback, own addresses, gateway, no unicast address, root's
 *                                  sessions, the peer of an active root login, the account of the
 *                                  last administrator with a way in: an operator's force
 *   number, rate, length           number and rate refuse, a length is shortened
 * A root login is a session whose login uid is 0 or is listed in exempt_users: an administrator
 * who logs in under a name and uses sudo is protected by naming that account there.
 */
#ifndef ENFORCER_LIMITS_H
#define ENFORCER_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enforcer/enforcer.h"

struct limits {
	struct exempt_net *nets; /* owned */
	size_t count;
	uint32_t max; /* addresses locked out at once */
	uint64_t longest_ns;
	uint64_t cost_ns; /* credit that one lockout takes; 0 = none may be made */
	uint64_t credit_ns; /* at most one minute */
	uint64_t credited_boot_ns;
	uid_t exempt_uid[CONF_USERS_MAX];
	size_t exempt_uids;
};

void limits_conf(struct limits *limits, const struct conf *conf);
int limits_exempt(struct limits *limits, const struct exempt_net *nets, size_t count);
void limits_done(struct limits *limits);

/*
 * A subject as it came, made canonical: host bits and unused bytes zero, v4-mapped folded to IPv4,
 * an IPv6 address widened to its /64. -EINVAL: not something that can be locked.
 */
int limits_subject(const struct ipc_subject *subject, struct ipc_subject *ret);
struct addr limits_net(const struct ipc_subject *subject);

/* 0 = may be locked; else why not, with a sentence (no name in front, no full stop). */
int limits_address(const struct limits *limits, const struct addr *net, bool force,
		   char ret_text[IPC_TEXT_MAX]);
/* Is net the way in of this session, and is it root's? */
bool limits_is_way_in(const struct limits *limits, const struct bl_session *session,
		      const struct addr *net);
int limits_session(const struct limits *limits, const struct bl_session *session, bool force,
		   char ret_text[IPC_TEXT_MAX]);
/* other_admin: somebody else could still get in and become root (accounts.h). */
int limits_user(const struct limits *limits, uint64_t uid, bool other_admin, bool force,
		char ret_text[IPC_TEXT_MAX]);

/* Takes the price of one more lockout; false = too many in the last minute. */
bool limits_rate(struct limits *limits, uint64_t now_boot_ns);
uint64_t limits_length(const struct limits *limits, uint64_t seconds);

#endif
