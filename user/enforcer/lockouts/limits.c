/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hard limits.
 *
 * An address is compared with every exempt net in both directions: a /64 that merely contains an
 * exempt address is exempt as well.
 */
#include "enforcer/lockouts/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"

#define MINUTE_NS (60 * NSEC_PER_SEC)

void limits_conf(struct limits *limits, const struct conf *conf)
{
	limits->max = conf->max_lockouts < BL_LOCK_MAX ? conf->max_lockouts : BL_LOCK_MAX;
	limits->longest_ns = conf->longest_lockout_s * NSEC_PER_SEC;
	if (!limits->cost_ns)
		limits->credit_ns = MINUTE_NS;
	limits->cost_ns = conf->lockouts_per_minute ? MINUTE_NS / conf->lockouts_per_minute : 0;
	limits->exempt_uids = 0;
	for (size_t i = 0; i < conf->exempt_users && i < CONF_USERS_MAX; i++)
		if (conf->exempt_uid[i] != (uid_t)-1)
			limits->exempt_uid[limits->exempt_uids++] = conf->exempt_uid[i];
}

int limits_exempt(struct limits *limits, const struct exempt_net *nets, size_t count)
{
	struct exempt_net *copy = calloc(count ? count : 1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	if (count)
		memcpy(copy, nets, count * sizeof(*copy));
	free(limits->nets);
	limits->nets = copy;
	limits->count = count;
	return 0;
}

void limits_done(struct limits *limits)
{
	free(limits->nets);
	limits->nets = NULL;
	limits->count = 0;
}

struct addr limits_net(const struct ipc_subject *subject)
{
	struct addr net = { .family = subject->family, .prefix = subject->prefix };

	memcpy(net.bytes, subject->addr, sizeof(net.bytes));
	return net;
}

int limits_subject(const struct ipc_subject *subject, struct ipc_subject *ret)
{
	struct ipc_subject clean = { .kind = subject->kind };
	struct addr address;
	int r;

	switch ((enum subject_kind)subject->kind) {
	case SUBJECT_ADDRESS:
		if (subject->family != AF_INET && subject->family != AF_INET6)
			return -EINVAL;
		r = addr_from_bytes(subject->family, subject->addr, &address);
		if (r < 0)
			return r;
		/* Wider nets have no table yet; a narrower v6 prefix is widened to the /64 that
		 * one subscriber has. A folded address must have been a whole one. */
		if (address.family == AF_INET) {
			if (subject->prefix != (subject->family == AF_INET ? 32 : 128))
				return -EINVAL;
			clean.prefix = 32;
		} else {
			if (subject->prefix < 64 || subject->prefix > 128)
				return -EINVAL;
			clean.prefix = 64;
		}
		clean.family = address.family;
		address = addr_mask(&address, clean.prefix);
		memcpy(clean.addr, address.bytes, sizeof(clean.addr));
		break;
	case SUBJECT_SESSION:
		if (subject->id == 0)
			return -EINVAL;
		clean.id = subject->id;
		break;
	case SUBJECT_USER:
		clean.id = subject->id;
		break;
	case SUBJECT_HOST:
		break;
	case SUBJECT_NONE:
	case SUBJECT_MAX:
		return -EINVAL;
	}
	if (clean.kind == SUBJECT_NONE || clean.kind >= SUBJECT_MAX)
		return -EINVAL;
	*ret = clean;
	return 0;
}

static bool overlap(const struct addr *a, const struct addr *b)
{
	uint8_t prefix = a->prefix < b->prefix ? a->prefix : b->prefix;
	struct addr x, y;

	if (a->family != b->family)
		return false;
	x = addr_mask(a, prefix);
	y = addr_mask(b, prefix);
	return !memcmp(x.bytes, y.bytes, sizeof(x.bytes));
}

/* Addresses that stand for no single remote host, so that locking one would hit others. */
static const struct {
	struct addr net;
	const char *what;
} special[] = {
	{ { AF_INET, 8, { 127 } }, "is loopback" },
	{ { AF_INET, 8, { 0 } }, "is no host's address" },
	{ { AF_INET, 4, { 224 } }, "is a multicast address" },
	{ { AF_INET, 32, { 255, 255, 255, 255 } }, "is the broadcast address" },
	{ { AF_INET6, 64, { 0 } }, "contains loopback" },
	{ { AF_INET6, 8, { 0xff } }, "is a multicast address" },
	{ { AF_INET6, 10, { 0xfe, 0x80 } }, "is link-local: all neighbours share that net" },
};

static const char *const why_text[] = {
	[EXEMPT_CONFIGURED] = "is exempt (exempt = in bailiff.conf)",
	[EXEMPT_LOOPBACK] = "is loopback",
	[EXEMPT_OWN] = "is, or contains, an address of this host",
	[EXEMPT_GATEWAY] = "is, or contains, a gateway of this host",
};
_Static_assert(sizeof(why_text) / sizeof(why_text[0]) == EXEMPT_WHY_MAX, "a text per reason");

int limits_address(const struct limits *limits, const struct addr *net, bool force,
		   char ret_text[IPC_TEXT_MAX])
{
	/* What nobody may override is looked for first, so that its reason is the one told. */
	for (int pass = EXEMPT_CONFIGURED; pass < EXEMPT_WHY_MAX; pass++) {
		if (force && pass != EXEMPT_CONFIGURED)
			break;
		for (size_t i = 0; i < limits->count; i++) {
			if (limits->nets[i].why != (enum exempt_why)pass ||
			    !overlap(&limits->nets[i].net, net))
				continue;
			text_copy(ret_text, IPC_TEXT_MAX, why_text[pass]);
			return OUTCOME_EXEMPT;
		}
	}
	for (size_t i = 0; !force && i < ARRAY_SIZE(special); i++) {
		if (overlap(&special[i].net, net)) {
			text_copy(ret_text, IPC_TEXT_MAX, special[i].what);
			return OUTCOME_EXEMPT;
		}
	}
	return 0;
}

static bool exempt_uid(const struct limits *limits, uint32_t uid)
{
	for (size_t i = 0; i < limits->exempt_uids; i++)
		if (limits->exempt_uid[i] == uid)
			return true;
	return false;
}

bool limits_is_way_in(const struct limits *limits, const struct bl_session *session,
		      const struct addr *net)
{
	struct addr peer;

	if (session->auid != 0 && !exempt_uid(limits, session->auid))
		return false;
	if (session->end.family != AF_INET && session->end.family != AF_INET6)
		return false;
	return addr_from_bytes(session->end.family, session->end.peer, &peer) == 0 &&
	       overlap(&peer, net);
}

int limits_session(const struct limits *limits, const struct bl_session *session, bool force,
		   char ret_text[IPC_TEXT_MAX])
{
	if (exempt_uid(limits, session->auid)) {
		text_copy(ret_text, IPC_TEXT_MAX,
			  "belongs to an exempt account (exempt_users = in bailiff.conf)");
		return OUTCOME_EXEMPT;
	}
	if (session->auid == 0 && !force) {
		text_copy(ret_text, IPC_TEXT_MAX, "is a login of root");
		return OUTCOME_LAST_WAY_IN;
	}
	return 0;
}

int limits_user(const struct limits *limits, uint64_t uid, bool other_admin, bool force,
		char ret_text[IPC_TEXT_MAX])
{
	if (uid == 0) {
		text_copy(ret_text, IPC_TEXT_MAX, "is root, who is never locked out");
		return OUTCOME_LAST_WAY_IN;
	}
	if (uid >= BL_UNSET) {
		text_copy(ret_text, IPC_TEXT_MAX, "is no account");
		return OUTCOME_FAILED;
	}
	if (exempt_uid(limits, (uint32_t)uid)) {
		text_copy(ret_text, IPC_TEXT_MAX,
			  "is an exempt account (exempt_users = in bailiff.conf)");
		return OUTCOME_EXEMPT;
	}
	if (!other_admin && !force) {
		text_copy(ret_text, IPC_TEXT_MAX,
			  "is the last administrator with a way in: of root and the members of "
			  "sudo, wheel and admin no other has a password or an authorized key");
		return OUTCOME_LAST_WAY_IN;
	}
	return 0;
}

bool limits_rate(struct limits *limits, uint64_t now_boot_ns)
{
	uint64_t gained =
		now_boot_ns > limits->credited_boot_ns ? now_boot_ns - limits->credited_boot_ns : 0;

	limits->credit_ns += gained < MINUTE_NS ? gained : MINUTE_NS;
	if (limits->credit_ns > MINUTE_NS)
		limits->credit_ns = MINUTE_NS;
	limits->credited_boot_ns = now_boot_ns;
	if (!limits->cost_ns || limits->credit_ns < limits->cost_ns)
		return false;
	limits->credit_ns -= limits->cost_ns;
	return true;
}

uint64_t limits_length(const struct limits *limits, uint64_t seconds)
{
	if (seconds > limits->longest_ns / NSEC_PER_SEC)
		return limits->longest_ns;
	return seconds * NSEC_PER_SEC;
}
