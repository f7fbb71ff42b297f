/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A sock_diag dump request with the addresses to look for as the kernel's own filter code, so that
 * only what is to be cut is copied to user space.
 */
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "enforcer/sockets/sockets.h"

/* Bits of inet_diag_req_v2.idiag_states: all that have a peer, but for TIME_WAIT, which holds no
 * process and carries no data. TCP_NEW_SYN_RECV (12) are half-open requests. */
#define STATES_CONNECTED                                                          \
	((1U << TCP_ESTABLISHED) | (1U << TCP_SYN_SENT) | (1U << TCP_SYN_RECV) |  \
	 (1U << TCP_FIN_WAIT1) | (1U << TCP_FIN_WAIT2) | (1U << TCP_CLOSE_WAIT) | \
	 (1U << TCP_LAST_ACK) | (1U << TCP_CLOSING) | (1U << 12))

/* One condition, and the way to the next: what matches jumps from here to the end. */
static size_t put_condition(unsigned char *to, const struct addr *net, size_t after)
{
	size_t width = net->family == AF_INET ? 4 : 16;
	size_t len = sizeof(struct inet_diag_bc_op) + sizeof(struct inet_diag_hostcond) + width;
	/* No match: to the next condition, over the jump; behind the last one that is four bytes
	 * past the end, the kernel's mark for "no match at all". */
	struct inet_diag_bc_op op = {
		.code = INET_DIAG_BC_D_COND,
		.yes = (unsigned char)len,
		.no = (unsigned short)(len + sizeof(op)),
	};
	/* An AF_INET condition also matches v4-mapped peers of AF_INET6 sockets
	 * (inet_diag_bc_run). */
	struct inet_diag_hostcond cond = {
		.family = net->family,
		.prefix_len = net->prefix,
		.port = -1,
	};

	memcpy(to, &op, sizeof(op));
	memcpy(to + sizeof(op), &cond, sizeof(cond));
	memcpy(to + sizeof(op) + sizeof(cond), net->bytes, width);
	if (after) {
		struct inet_diag_bc_op jump = {
			.code = INET_DIAG_BC_JMP,
			.yes = sizeof(jump),
			.no = (unsigned short)(sizeof(jump) + after),
		};

		memcpy(to + len, &jump, sizeof(jump));
		len += sizeof(jump);
	}
	return len;
}

static size_t condition_len(const struct addr *net, bool last)
{
	return sizeof(struct inet_diag_bc_op) + sizeof(struct inet_diag_hostcond) +
	       (net->family == AF_INET ? 4 : 16) + (last ? 0 : sizeof(struct inet_diag_bc_op));
}

size_t sockets_request(int family, const struct addr *nets, size_t count, uint32_t sequence,
		       unsigned char ret_message[SOCKETS_REQUEST_MAX])
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 request;
	} fixed = {
		.head.nlmsg_type = SOCK_DIAG_BY_FAMILY,
		.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		.head.nlmsg_seq = sequence,
		.request.sdiag_family = (__u8)family,
		.request.sdiag_protocol = IPPROTO_TCP,
		.request.idiag_states = STATES_CONNECTED,
	};
	struct rtattr attr = { .rta_type = INET_DIAG_REQ_BYTECODE };
	size_t len = sizeof(fixed), code = 0;

	if (count > SOCKETS_NETS_MAX)
		count = SOCKETS_NETS_MAX;
	for (size_t i = 0; i < count; i++)
		code += condition_len(&nets[i], i + 1 == count);
	if (count > 0) {
		attr.rta_len = (unsigned short)RTA_LENGTH(code);
		memcpy(ret_message + len, &attr, sizeof(attr));
		len += RTA_LENGTH(0);
	}
	for (size_t i = 0; i < count; i++) {
		code -= condition_len(&nets[i], i + 1 == count);
		len += put_condition(ret_message + len, &nets[i], code);
	}
	fixed.head.nlmsg_len = (uint32_t)len;
	memcpy(ret_message, &fixed, sizeof(fixed));
	return len;
}
