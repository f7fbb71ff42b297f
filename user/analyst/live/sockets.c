/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log sources that are sockets: syslog datagrams with their senders' credentials, audit records.
 *
 * One message is one record. What the kernel threw away, because it came faster than it was read,
 * is counted; senders of datagrams wait instead.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "analyst/live/live.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

/* EVIDENCE_LINE_MAX of text and what stands before it; an audit message has 8970 bytes at most
 * (MAX_AUDIT_MESSAGE_LENGTH). */
#define MESSAGE_MAX (16 * 1024)

struct message {
	union {
		struct nlmsghdr head; /* for its alignment */
		char bytes[MESSAGE_MAX];
	};
	size_t len;
	bool cut;
	struct ucred sender;
	bool from_kernel;
};

/* 1, 0: nothing there, -errno. */
static int receive(int fd, struct message *message)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int) * 16)];
	} control;
	struct sockaddr_nl from = { .nl_family = 0 };
	struct iovec part = { .iov_base = message->bytes, .iov_len = sizeof(message->bytes) };
	struct msghdr head = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	message->len = (size_t)n;
	message->cut = head.msg_flags & MSG_TRUNC;
	message->sender = (struct ucred){ .uid = (uid_t)-1 };
	message->from_kernel = from.nl_family == AF_NETLINK && !from.nl_pid;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&head); c; c = CMSG_NXTHDR(&head, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS &&
		    c->cmsg_len >= CMSG_LEN(sizeof(struct ucred)))
			memcpy(&message->sender, CMSG_DATA(c), sizeof(message->sender));
		/* Nobody asked for descriptors; they must not pile up. */
		if (c->cmsg_type == SCM_RIGHTS)
			for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= c->cmsg_len;
			     at += sizeof(int)) {
				int passed;

				memcpy(&passed, CMSG_DATA(c) + at, sizeof(passed));
				(void)close(passed);
			}
	}
	return 1;
}

static void take_datagram(struct live_source *source, const struct message *message,
			  uint64_t now_ns)
{
	const struct log_datagram datagram = {
		.bytes = message->bytes,
		.len = message->len,
		.cut = message->cut,
		.pid = message->sender.pid > 0 ? (uint32_t)message->sender.pid : 0,
		.uid = message->sender.uid,
		.near_wall_ns = now_ns + (uint64_t)source->live->boot_to_wall_ns,
	};

	(void)log_reader_datagram(source->tap.reader, &datagram, now_ns, live_source_on_record,
				  source->live);
}

/* The kernel alone can send to the group; another process could send to the socket's own
 * address. */
static void take_audit(struct live_source *source, const struct message *message, uint64_t now_ns)
{
	const struct nlmsghdr *head = &message->head;
	size_t len = message->len;

	if (!message->from_kernel || len < sizeof(*head))
		return;
	/* In audit messages nlmsg_len leaves the header out (audit_make_reply does not, kauditd
	 * does; lib/audit of user space reads to the end of the datagram, too). */
	(void)log_reader_audit(source->tap.reader, head->nlmsg_type, message->bytes + NLMSG_HDRLEN,
			       len - NLMSG_HDRLEN, now_ns, live_source_on_record, source->live);
}

static void count_dropped(struct live_source *source, int fd)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t size = sizeof(info);

	/* 4.12; the counter wraps at 32 bits. */
	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) == 0 && size == sizeof(info))
		source->dropped += (uint32_t)(info[SK_MEMINFO_DROPS] - (uint32_t)source->dropped);
}

static int on_socket(struct loop_source *io, int fd, uint32_t events, void *arg)
{
	struct live_source *source = arg;
	struct message message;
	int count = 0, r = 1;

	(void)io;
	(void)events;
	for (; count < LIVE_DATAGRAMS_TURN && r > 0; count++) {
		uint64_t now_ns = clock_boot_ns();

		r = receive(fd, &message);
		/* ENOBUFS tells of losses once and clears itself. */
		if (r == -ENOBUFS)
			r = 1;
		else if (r > 0 && source->kind == IPC_SOURCE_SYSLOG)
			take_datagram(source, &message, now_ns);
		else if (r > 0)
			take_audit(source, &message, now_ns);
	}
	source->full = count == LIVE_DATAGRAMS_TURN;
	if (source->kind == IPC_SOURCE_AUDIT)
		count_dropped(source, fd);
	if (r < 0)
		live_source_end(source, "its socket cannot be read", strerror(-r));
	return peers_update(source->live);
}

int live_socket_start(struct live_source *source)
{
	int type;
	socklen_t len = sizeof(type);

	/* It could not be made; bailiffd says why. */
	if (getsockopt(source->tap.follower.fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return 0;
	return loop_add_io(source->live->loop, source->tap.follower.fd, EPOLLIN, on_socket, source,
			   &source->io);
}
