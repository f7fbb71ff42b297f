/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is never locked out: what is configured, loopback, this host's own addresses, its gateways.
 */
#include "enforcer/lockouts/exempt.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"

#define DUMP_MS 2000 /* a dump comes from the kernel's memory: never so late */
#define DATAGRAM_MAX 65536

struct exempt {
	const struct conf *conf;
	int fd; /* subscribed to changes */
	struct exempt_net net[EXEMPT_MAX];
	size_t count;
	bool full;
	char datagram[DATAGRAM_MAX];
};

static int open_netlink(uint32_t groups, int *ret)
{
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	struct sockaddr_nl name = { .nl_family = AF_NETLINK, .nl_groups = groups };

	if (fd < 0 || bind(fd, (const struct sockaddr *)&name, sizeof(name)) < 0)
		return -errno;
	*ret = TAKE_FD(fd);
	return 0;
}

int exempt_new(struct exempt **ret, const struct conf *conf)
{
	_cleanup_(exempt_freep) struct exempt *exempt = calloc(1, sizeof(*exempt));
	int r;

	if (!exempt)
		return -ENOMEM;
	exempt->conf = conf;
	exempt->fd = -1;
	r = open_netlink(RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
				 RTMGRP_IPV6_ROUTE,
			 &exempt->fd);
	if (r < 0)
		return r;
	r = exempt_refresh(exempt);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(exempt);
	return 0;
}

struct exempt *exempt_free(struct exempt *exempt)
{
	if (!exempt)
		return NULL;
	if (exempt->fd >= 0)
		(void)close(exempt->fd);
	free(exempt);
	return NULL;
}

void exempt_conf(struct exempt *exempt, const struct conf *conf)
{
	exempt->conf = conf;
}

int exempt_fd(const struct exempt *exempt)
{
	return exempt->fd;
}

const struct exempt_net *exempt_list(const struct exempt *exempt, size_t *ret_count)
{
	*ret_count = exempt->count;
	return exempt->net;
}

/* ---- the list ---- */

static void add(struct exempt *exempt, const struct addr *net, enum exempt_why why)
{
	for (size_t i = 0; i < exempt->count; i++)
		if (addr_equal(&exempt->net[i].net, net))
			return;
	if (exempt->count == EXEMPT_MAX) {
		if (!exempt->full)
			log_error("more than %d exempt nets and own addresses; the rest can be "
				  "locked out",
				  EXEMPT_MAX);
		exempt->full = true;
		return;
	}
	exempt->net[exempt->count++] = (struct exempt_net){ .net = *net, .why = why };
}

static void add_text(struct exempt *exempt, const char *text, enum exempt_why why)
{
	struct addr net;

	if (!addr_parse_net(text, strlen(text), &net))
		add(exempt, &net, why);
}

static void add_bytes(struct exempt *exempt, int family, const void *bytes, size_t len,
		      enum exempt_why why)
{
	static const uint8_t zeros[16];
	struct addr net;

	if (len != (family == AF_INET ? 4U : 16U) || !memcmp(bytes, zeros, len))
		return;
	if (!addr_from_bytes(family, bytes, &net))
		add(exempt, &net, why);
}

/* ---- rtnetlink ---- */

/* Bytes that are still to be looked at. The kernel's macros for this cast const away. */
struct span {
	const uint8_t *at;
	size_t len;
};

/* Takes a part of len bytes, padded to four, off the front; false if it is not all there. */
static bool take(struct span *span, size_t len, struct span *ret_part)
{
	size_t padded = NLMSG_ALIGN(len);

	if (len > span->len)
		return false;
	*ret_part = (struct span){ span->at, len };
	/* The last part may lack its padding. */
	if (padded > span->len)
		padded = span->len;
	span->at += padded;
	span->len -= padded;
	return true;
}

static bool next_message(struct span *span, struct nlmsghdr *ret_head, struct span *ret_body)
{
	struct span message;

	if (span->len < sizeof(*ret_head))
		return false;
	memcpy(ret_head, span->at, sizeof(*ret_head));
	if (ret_head->nlmsg_len < NLMSG_HDRLEN || !take(span, ret_head->nlmsg_len, &message))
		return false;
	*ret_body = (struct span){ message.at + NLMSG_HDRLEN, message.len - NLMSG_HDRLEN };
	return true;
}

static bool next_attribute(struct span *span, unsigned int *ret_type, struct span *ret_payload)
{
	struct rtattr head;
	struct span attribute;

	if (span->len < sizeof(head))
		return false;
	memcpy(&head, span->at, sizeof(head));
	if (head.rta_len < sizeof(head) || !take(span, head.rta_len, &attribute))
		return false;
	*ret_type = head.rta_type;
	*ret_payload = (struct span){ attribute.at + sizeof(head), attribute.len - sizeof(head) };
	return true;
}

static void take_address(struct exempt *exempt, struct span body)
{
	struct ifaddrmsg fixed;
	struct span part, payload;
	unsigned int type;

	if (body.len < sizeof(fixed) || !take(&body, sizeof(fixed), &part))
		return;
	memcpy(&fixed, part.at, sizeof(fixed));
	if (fixed.ifa_family != AF_INET && fixed.ifa_family != AF_INET6)
		return;
	/* IFA_ADDRESS is the peer on a point-to-point link, IFA_LOCAL our end: neither is a
	 * stranger. */
	while (next_attribute(&body, &type, &payload))
		if (type == IFA_ADDRESS || type == IFA_LOCAL)
			add_bytes(exempt, fixed.ifa_family, payload.at, payload.len, EXEMPT_OWN);
}

static void take_nexthops(struct exempt *exempt, int family, struct span list)
{
	struct rtnexthop hop;
	struct span part, payload;
	unsigned int type;

	while (list.len >= sizeof(hop)) {
		memcpy(&hop, list.at, sizeof(hop));
		if (hop.rtnh_len < sizeof(hop) || !take(&list, hop.rtnh_len, &part))
			return;
		part.at += sizeof(hop);
		part.len -= sizeof(hop);
		while (next_attribute(&part, &type, &payload))
			if (type == RTA_GATEWAY)
				add_bytes(exempt, family, payload.at, payload.len, EXEMPT_GATEWAY);
	}
}

/* Of a default route the attributes; false for any other. */
static bool default_route(struct span *body, int *ret_family)
{
	struct rtmsg fixed;
	struct span part;

	if (body->len < sizeof(fixed) || !take(body, sizeof(fixed), &part))
		return false;
	memcpy(&fixed, part.at, sizeof(fixed));
	*ret_family = fixed.rtm_family;
	return !fixed.rtm_dst_len && (fixed.rtm_family == AF_INET || fixed.rtm_family == AF_INET6);
}

static void take_route(struct exempt *exempt, struct span body)
{
	struct span payload;
	unsigned int type;
	uint16_t via;
	int family;

	if (!default_route(&body, &family))
		return;
	while (next_attribute(&body, &type, &payload)) {
		if (type == RTA_GATEWAY) {
			add_bytes(exempt, family, payload.at, payload.len, EXEMPT_GATEWAY);
		} else if (type == RTA_MULTIPATH) {
			take_nexthops(exempt, family, payload);
		} else if (type == RTA_VIA && payload.len > sizeof(via)) {
			/* struct rtvia: an IPv4 route over an IPv6 gateway. */
			memcpy(&via, payload.at, sizeof(via));
			add_bytes(exempt, via, payload.at + sizeof(via), payload.len - sizeof(via),
				  EXEMPT_GATEWAY);
		}
	}
}

int exempt_parse(struct exempt *exempt, const void *bytes, size_t len)
{
	struct span span = { bytes, len }, body;
	struct nlmsghdr head;
	int error;

	while (next_message(&span, &head, &body)) {
		switch (head.nlmsg_type) {
		case NLMSG_DONE:
			return 1;
		case NLMSG_ERROR:
			if (body.len < sizeof(error))
				return -EBADMSG;
			memcpy(&error, body.at, sizeof(error));
			return error < 0 ? error : -EBADMSG;
		case RTM_NEWADDR:
			take_address(exempt, body);
			break;
		case RTM_NEWROUTE:
			take_route(exempt, body);
			break;
		}
	}
	return 0;
}

static int dump(struct exempt *exempt, int fd, uint16_t type)
{
	struct {
		struct nlmsghdr head;
		struct rtgenmsg body;
	} request = {
		.head = { .nlmsg_len = sizeof(request),
			  .nlmsg_type = type,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .rtgen_family = AF_UNSPEC },
	};

	if (send(fd, &request, sizeof(request), MSG_NOSIGNAL) < 0)
		return -errno;
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t got;
		int r = poll(&p, 1, DUMP_MS);

		if (r <= 0)
			return r < 0 ? -errno : -ETIMEDOUT;
		got = recv(fd, exempt->datagram, sizeof(exempt->datagram), MSG_TRUNC);
		if (got < 0)
			return -errno;
		if ((size_t)got > sizeof(exempt->datagram))
			return -EMSGSIZE;
		r = exempt_parse(exempt, exempt->datagram, (size_t)got);
		if (r)
			return r < 0 ? r : 0;
	}
}

static bool same_nets(const struct exempt_net *a, const struct exempt_net *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (a[i].why != b[i].why || !addr_equal(&a[i].net, &b[i].net))
			return false;
	return true;
}

int exempt_refresh(struct exempt *exempt)
{
	_cleanup_free_ struct exempt_net *before = NULL;
	_cleanup_close_ int fd = -1;
	size_t count = exempt->count;
	int r;

	before = malloc(sizeof(exempt->net));
	if (!before)
		return -ENOMEM;
	memcpy(before, exempt->net, sizeof(exempt->net));
	memset(exempt->net, 0, sizeof(exempt->net));
	exempt->count = 0;
	exempt->full = false;
	for (size_t i = 0; i < exempt->conf->exempts; i++)
		add(exempt, &exempt->conf->exempt[i], EXEMPT_CONFIGURED);
	add_text(exempt, "127.0.0.0/8", EXEMPT_LOOPBACK);
	add_text(exempt, "::1", EXEMPT_LOOPBACK);
	/* A dump on the subscribed socket would mix with what it is told. */
	r = open_netlink(0, &fd);
	if (!r)
		r = dump(exempt, fd, RTM_GETADDR);
	if (!r)
		r = dump(exempt, fd, RTM_GETROUTE);
	if (r < 0) {
		memcpy(exempt->net, before, sizeof(exempt->net));
		exempt->count = count;
		return r;
	}
	return count != exempt->count || !same_nets(before, exempt->net, count);
}

static bool is_change(const struct nlmsghdr *head, struct span body)
{
	int family;

	switch (head->nlmsg_type) {
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return true;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		/* A router's table may change a thousand times a second, its default route does
		 * not. */
		return default_route(&body, &family);
	}
	return false;
}

int exempt_process(struct exempt *exempt)
{
	bool changed = false;

	for (;;) {
		ssize_t got = recv(exempt->fd, exempt->datagram, sizeof(exempt->datagram), 0);
		struct span span, body;
		struct nlmsghdr head;

		/* Changes were lost: look at all of it. */
		if (got < 0 && errno == ENOBUFS) {
			changed = true;
			continue;
		}
		if (got < 0)
			return errno == EAGAIN || errno == EINTR ? changed : -errno;
		span = (struct span){ (const uint8_t *)exempt->datagram, (size_t)got };
		while (next_message(&span, &head, &body))
			changed = changed || is_change(&head, body);
	}
}
