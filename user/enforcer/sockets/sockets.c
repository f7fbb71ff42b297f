/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Established TCP connections of an address, by sock_diag netlink.
 *
 * A connection is always destroyed by the id and cookie that the dump gave, never by a tuple made
 * here: one that ended in between, and whose ports are in use again, has another cookie and is
 * left alone.
 */
#include "enforcer/sockets/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

#define REPLY_SIZE 32768
#define REPLY_TIMEOUT_S 2 /* the kernel answers in the sending call; this only bounds a bug */

static int diag_open(void)
{
	struct timeval limit = { .tv_sec = REPLY_TIMEOUT_S };
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

typedef int (*diag_fn)(const struct inet_diag_msg *message, void *arg);

/* Walks one received packet. 1 = the dump has ended, 0 = more packets come. */
static int diag_packet(struct nlmsghdr *head, size_t len, uint32_t sequence, diag_fn fn, void *arg)
{
	int r;

	for (; NLMSG_OK(head, len); head = NLMSG_NEXT(head, len)) {
		if (head->nlmsg_seq != sequence)
			continue;
		if (head->nlmsg_type == NLMSG_DONE)
			return 1;
		if (head->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *error = NLMSG_DATA(head);

			if (head->nlmsg_len < NLMSG_LENGTH(sizeof(*error)))
				return -EPROTO;
			return error->error < 0 ? error->error : 1;
		}
		if (head->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
		    head->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
			continue;
		r = fn(NLMSG_DATA(head), arg);
		if (r)
			return r < 0 ? r : 1;
	}
	return 0;
}

static int diag_dump(int family, const struct addr *nets, size_t count, diag_fn fn, void *arg)
{
	static uint32_t sequence;
	unsigned char request[SOCKETS_REQUEST_MAX];
	_cleanup_free_ void *reply = malloc(REPLY_SIZE);
	_cleanup_close_ int fd = diag_open();
	size_t len;
	int r;

	if (!reply)
		return -ENOMEM;
	if (fd < 0)
		return fd;
	len = sockets_request(family, nets, count, ++sequence, request);
	if (send(fd, request, len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t n = recv(fd, reply, REPLY_SIZE, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EPROTO;
		r = diag_packet(reply, (size_t)n, sequence, fn, arg);
		if (r)
			return r < 0 ? r : 0;
	}
}

struct victims {
	uint32_t count;
	struct {
		uint8_t family;
		struct inet_diag_sockid id;
	} socket[SOCKETS_BATCH_MAX];
};

static int victim_add(const struct inet_diag_msg *message, void *arg)
{
	struct victims *victims = arg;

	victims->socket[victims->count].family = message->idiag_family;
	victims->socket[victims->count].id = message->id;
	return ++victims->count == SOCKETS_BATCH_MAX;
}

static int diag_destroy(int fd, uint8_t family, const struct inet_diag_sockid *id)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 request;
	} message = {
		.head.nlmsg_len = sizeof(message),
		.head.nlmsg_type = SOCK_DESTROY,
		.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		.request.sdiag_family = family,
		.request.sdiag_protocol = IPPROTO_TCP,
		.request.idiag_states = ~0U,
		.request.id = *id,
	};
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		unsigned char rest[256];
	} reply;
	ssize_t n;

	if (send(fd, &message, sizeof(message), 0) < 0)
		return -errno;
	do
		n = recv(fd, &reply, sizeof(reply), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n < sizeof(reply.head) + sizeof(reply.error) ||
	    reply.head.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return reply.error.error;
}

static int cut_batch(const struct victims *victims, uint32_t *cut)
{
	_cleanup_close_ int fd = diag_open();
	int r;

	if (fd < 0)
		return fd;
	for (uint32_t i = 0; i < victims->count; i++) {
		r = diag_destroy(fd, victims->socket[i].family, &victims->socket[i].id);
		/* -ENOENT: it ended by itself in between. */
		if (r < 0 && r != -ENOENT)
			return r;
		*cut += r == 0;
	}
	return 0;
}

int sockets_cut(const struct addr *nets, size_t count, uint32_t *ret_cut)
{
	_cleanup_free_ struct victims *victims = malloc(sizeof(*victims));
	uint32_t cut = 0;
	bool v4 = false;
	int r;

	if (!victims)
		return -ENOMEM;
	if (count == 0 || count > SOCKETS_NETS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < count; i++)
		v4 |= nets[i].family == AF_INET;
	for (int round = 0; round < SOCKETS_ROUNDS_MAX; round++) {
		victims->count = 0;
		if (v4) {
			r = diag_dump(AF_INET, nets, count, victim_add, victims);
			if (r < 0)
				return r;
		}
		if (victims->count < SOCKETS_BATCH_MAX) {
			r = diag_dump(AF_INET6, nets, count, victim_add, victims);
			/* -ENOENT: no IPv6 on this host, so no such connection. */
			if (r < 0 && r != -ENOENT)
				return r;
		}
		r = cut_batch(victims, &cut);
		if (r < 0)
			return r;
		if (victims->count < SOCKETS_BATCH_MAX)
			break;
	}
	*ret_cut = cut;
	return 0;
}

struct each {
	socket_fn fn;
	void *arg;
	int result;
};

static void endpoint_address(uint8_t *to, int family, const __be32 *from, bool mapped)
{
	if (family == AF_INET)
		memcpy(to, from, 4);
	else if (mapped)
		memcpy(to, from + 3, 4);
	else
		memcpy(to, from, 16);
}

static int each_one(const struct inet_diag_msg *message, void *arg)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };
	struct each *each = arg;
	bool mapped = message->idiag_family == AF_INET6 &&
		      !memcmp(message->id.idiag_dst, prefix, sizeof(prefix));
	struct socket_found found = {
		.inode = message->idiag_inode,
		.uid = message->idiag_uid,
		.end.family = mapped ? AF_INET : message->idiag_family,
		.end.peer_port = ntohs(message->id.idiag_dport),
		.end.local_port = ntohs(message->id.idiag_sport),
	};

	if (message->idiag_state != TCP_ESTABLISHED)
		return 0;
	endpoint_address(found.end.peer, message->idiag_family, message->id.idiag_dst, mapped);
	endpoint_address(found.end.local, message->idiag_family, message->id.idiag_src, mapped);
	each->result = each->fn(&found, each->arg);
	return each->result ? 1 : 0;
}

int sockets_each(socket_fn fn, void *arg)
{
	struct each each = { .fn = fn, .arg = arg };
	int r;

	r = diag_dump(AF_INET, NULL, 0, each_one, &each);
	if (r < 0 || each.result)
		return r < 0 ? r : each.result;
	r = diag_dump(AF_INET6, NULL, 0, each_one, &each);
	if (r == -ENOENT)
		r = 0;
	return r < 0 ? r : each.result;
}

/* A connection from a socket to another of this process, both ends on loopback. */
static int pair_connect(int *ret_client, int *ret_server, struct sockaddr_in *ret_address)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	_cleanup_close_ int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_cleanup_close_ int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_cleanup_close_ int server = -1;

	if (listener < 0 || client < 0)
		return -errno;
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) < 0 ||
	    connect(client, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	len = sizeof(*ret_address);
	if (getsockname(client, (struct sockaddr *)ret_address, &len) < 0)
		return -errno;
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (server < 0)
		return -errno;
	*ret_client = TAKE_FD(client);
	*ret_server = TAKE_FD(server);
	return 0;
}

struct own {
	struct sockaddr_in client;
	struct inet_diag_sockid id;
	bool found;
};

static int own_find(const struct inet_diag_msg *message, void *arg)
{
	struct own *own = arg;

	if (message->id.idiag_sport != own->client.sin_port ||
	    message->id.idiag_src[0] != own->client.sin_addr.s_addr ||
	    message->idiag_state != TCP_ESTABLISHED)
		return 0;
	own->id = message->id;
	own->found = true;
	return 1;
}

int sockets_probe_destroy(void)
{
	_cleanup_close_ int client = -1, server = -1, fd = -1;
	struct own own = {};
	char byte;
	int r;

	r = pair_connect(&client, &server, &own.client);
	if (r < 0)
		return r;
	r = diag_dump(AF_INET, NULL, 0, own_find, &own);
	if (r < 0)
		return r;
	if (!own.found)
		return -ENOENT;
	fd = diag_open();
	if (fd < 0)
		return fd;
	r = diag_destroy(fd, AF_INET, &own.id);
	if (r < 0)
		return r;
	/* Believed only when the socket itself tells. */
	if (recv(client, &byte, 1, MSG_DONTWAIT) >= 0 || errno != ECONNABORTED)
		return -EIO;
	return 0;
}
