/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's audit: whether it is on, and a socket that its records come to.
 */
#include "enforcer/sources/audit.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/cleanup.h"

/* A guessing attack writes some thousand records a second; a record counts as about 1 KiB. */
#define RECEIVE_BYTES (8 * 1024 * 1024)

int audit_enabled(void)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	struct nlmsghdr request = {
		.nlmsg_len = NLMSG_LENGTH(0),
		.nlmsg_type = AUDIT_GET,
		.nlmsg_flags = NLM_F_REQUEST,
	};
	struct timeval limit = { .tv_sec = 1 };
	struct {
		struct nlmsghdr head;
		union {
			struct nlmsgerr error;
			struct audit_status status;
			unsigned char rest[1024];
		};
	} reply = {};
	ssize_t n;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    send(fd, &request, request.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(fd, &reply, sizeof(reply), 0);
	if (n < 0)
		return -errno;
	if (reply.head.nlmsg_type == NLMSG_ERROR)
		return reply.error.error < 0 ? reply.error.error : -EPROTO;
	if (reply.head.nlmsg_type != AUDIT_GET ||
	    n < (ssize_t)(sizeof(reply.head) + 2 * sizeof(__u32)))
		return -EPROTO;
	return reply.status.enabled != 0;
}

int audit_open(int *ret_fd)
{
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_AUDIT);
	struct sockaddr_nl at = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1U << (AUDIT_NLGRP_READLOG - 1),
	};
	int bytes = RECEIVE_BYTES;

	if (fd < 0)
		return -errno;
	/* Without CAP_NET_ADMIN as much as net.core.rmem_max lets; what does not fit is counted. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

void audit_trouble(int opened, int enabled, char *to, size_t size)
{
	to[0] = '\0';
	if (opened == -EPROTONOSUPPORT)
		(void)snprintf(to, size, "this kernel has no audit (CONFIG_AUDIT)");
	else if (opened == -EPERM)
		(void)snprintf(to, size,
			       "the kernel does not let audit records be read: CAP_AUDIT_READ is "
			       "missing, or this is a container");
	else if (opened < 0)
		(void)snprintf(to, size, "audit records cannot be read: %s", strerror(-opened));
	else if (!enabled)
		(void)snprintf(to, size,
			       "audit is off, so there are no records; bailiff never switches it "
			       "on (auditctl -e 1, or audit=1 at boot, does)");
	else if (enabled == -ECONNREFUSED)
		(void)snprintf(to, size, "the kernel keeps audit from this container");
}
