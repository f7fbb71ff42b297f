/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One end of a message channel. Nothing that the peer sends is looked at by a handler before its
 * kind, its exact length and its fd were found in the table; after the first violation the channel
 * gives nothing any more.
 */
#include "privsep/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"

#define BATCH_MAX 64 /* messages per channel_receive: other sources want their turn */
#define RULES_MAX 64 /* bits of channel->seen */
#define FDS_MAX 4 /* room to see, and close, more fds than the one that may come */
#define SEND_WAIT_MAX_MS 30000 /* a child that reads nothing for so long at its start is lost */

struct packet {
	struct packet *next;
	size_t len;
	int fd; /* own duplicate, or -1 */
	char bytes[];
};

struct channel {
	int fd;
	const struct channel_rule *rules;
	void *arg;
	uint64_t seen; /* bit per rule, for CHANNEL_ONCE */
	bool broken;
	struct packet *first, **end;
	size_t queued; /* bytes, headers of the packets included */
	uint64_t refused;
	char who[64];
	char error[256];
};

static int check_socket(int fd)
{
	int type, r;
	socklen_t len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return -errno;
	if (type != SOCK_SEQPACKET)
		return -EPROTOTYPE;
	r = fcntl(fd, F_GETFL);
	if (r < 0 || fcntl(fd, F_SETFL, r | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

int channel_new(struct channel **ret, int fd, const char *who, const struct channel_rule *rules,
		void *arg)
{
	struct channel *channel;
	size_t count = 0;
	int r;

	while (rules[count].kind)
		count++;
	if (count > RULES_MAX)
		return -EINVAL;
	r = check_socket(fd);
	if (r < 0)
		return r;
	channel = calloc(1, sizeof(*channel));
	if (!channel)
		return -ENOMEM;
	channel->fd = fd;
	channel->rules = rules;
	channel->arg = arg;
	channel->end = &channel->first;
	text_copy(channel->who, sizeof(channel->who), who);
	*ret = channel;
	return 0;
}

static void drop_first(struct channel *channel)
{
	struct packet *packet = channel->first;

	channel->first = packet->next;
	if (!channel->first)
		channel->end = &channel->first;
	channel->queued -= sizeof(*packet) + packet->len;
	if (packet->fd >= 0)
		(void)close(packet->fd);
	free(packet);
}

struct channel *channel_free(struct channel *channel)
{
	if (!channel)
		return NULL;
	while (channel->first)
		drop_first(channel);
	(void)close(channel->fd);
	free(channel);
	return NULL;
}

int channel_fd(const struct channel *channel)
{
	return channel->fd;
}

const char *channel_error(const struct channel *channel)
{
	return channel->error;
}

uint64_t channel_refused(const struct channel *channel)
{
	return channel->refused;
}

int channel_pending(const struct channel *channel)
{
	return channel->first != NULL;
}

/* ---- receiving
 * --------------------------------------------------------------------------------- */

struct received {
	/* One byte more than any message, so that what is too long is seen. */
	_Alignas(8) char bytes[IPC_MESSAGE_MAX + 1];
	size_t len;
	int fd[FDS_MAX];
	size_t fds;
	int flags;
};

static void close_fds(struct received *in)
{
	for (size_t i = 0; i < in->fds; i++)
		(void)close(in->fd[i]);
	in->fds = 0;
}

static int violation(struct channel *channel, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static int violation(struct channel *channel, const char *format, ...)
{
	va_list args;
	int len;

	channel->broken = true;
	len = snprintf(channel->error, sizeof(channel->error), "%s ", channel->who);
	if (len < 0 || (size_t)len >= sizeof(channel->error))
		return -EPROTO;
	va_start(args, format);
	(void)vsnprintf(channel->error + len, sizeof(channel->error) - (size_t)len, format, args);
	va_end(args);
	return -EPROTO;
}

/* Takes over every fd that came, so that none of them stays open unseen. */
static void collect_fds(struct msghdr *message, struct received *in)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (in->fds < FDS_MAX)
				in->fd[in->fds++] = fd;
			else
				(void)close(fd);
		}
	}
}

/* 1: a packet; 0: nothing there; -errno. */
static int receive_packet(int fd, struct received *in)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct iovec part = { .iov_base = in->bytes, .iov_len = sizeof(in->bytes) };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got;

	in->fds = 0;
	do {
		got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? 0 : -errno;
	in->len = (size_t)got;
	in->flags = message.msg_flags;
	collect_fds(&message, in);
	return 1;
}

/* An empty packet and the end of the connection both read as 0 bytes. */
static bool peer_is_gone(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static int check_packet(struct channel *channel, const struct received *in,
			const struct channel_rule *rule)
{
	struct ipc_head head;
	uint64_t bit;

	memcpy(&head, in->bytes, sizeof(head));
	if (!rule->kind)
		return violation(channel, "sent kind %u, which it may not send", head.kind);
	if (in->len != rule->len || head.len != rule->len)
		return violation(channel, "sent kind %u with %zu bytes that says %u, not %u",
				 head.kind, in->len, head.len, rule->len);
	if (in->fds != (rule->flags & CHANNEL_FD ? 1 : 0))
		return violation(channel, "sent kind %u with %zu descriptors, not %d", head.kind,
				 in->fds, rule->flags & CHANNEL_FD ? 1 : 0);
	bit = 1ULL << (rule - channel->rules);
	if ((rule->flags & CHANNEL_ONCE) && (channel->seen & bit))
		return violation(channel, "sent kind %u a second time", head.kind);
	channel->seen |= bit;
	return 0;
}

static int check_head(struct channel *channel, const struct received *in)
{
	if (in->flags & MSG_TRUNC)
		return violation(channel, "sent a message of more than %d bytes", IPC_MESSAGE_MAX);
	if (in->flags & MSG_CTRUNC)
		return violation(channel, "sent more descriptors than can be taken");
	if (in->len < sizeof(struct ipc_head))
		return violation(channel, "sent %zu bytes, less than a head", in->len);
	return 0;
}

/* The rule of this kind, or the one that ends the table. */
static const struct channel_rule *find_rule(const struct channel *channel,
					    const struct received *in)
{
	const struct channel_rule *rule = channel->rules;
	struct ipc_head head;

	memcpy(&head, in->bytes, sizeof(head));
	while (rule->kind && rule->kind != head.kind)
		rule++;
	return rule;
}

int channel_receive(struct channel *channel)
{
	struct received in;
	const struct channel_rule *rule = channel->rules;
	int r;

	for (int i = 0; i < BATCH_MAX; i++) {
		if (channel->broken)
			return -EPROTO;
		r = receive_packet(channel->fd, &in);
		if (r == -ECONNRESET)
			return CHANNEL_CLOSED;
		if (r < 0)
			return r;
		if (r == 0)
			return CHANNEL_IDLE;
		if (in.len == 0 && in.fds == 0 && peer_is_gone(channel->fd))
			return CHANNEL_CLOSED;
		r = check_head(channel, &in);
		if (r == 0) {
			rule = find_rule(channel, &in);
			r = check_packet(channel, &in, rule);
		}
		if (r < 0) {
			close_fds(&in);
			return r;
		}
		r = rule->handle(channel->arg, in.bytes, in.fds ? in.fd[0] : -1);
		if (r < 0)
			return r;
		if (rule->flags & CHANNEL_LAST)
			break;
	}
	return CHANNEL_IDLE;
}

/* ---- sending
 * ----------------------------------------------------------------------------------- */

/* 1: sent; 0: the socket takes nothing now; -errno. */
static int send_packet(int fd, const void *bytes, size_t len, int pass_fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	/* sendmsg does not write there. */
	struct iovec part = { .iov_len = len };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t sent;

	memcpy(&part.iov_base, &bytes, sizeof(bytes));
	if (pass_fd >= 0) {
		struct cmsghdr *c;

		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass_fd, sizeof(int));
	}
	do {
		sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return errno == EAGAIN || errno == ENOBUFS ? 0 : -errno;
	return 1;
}

static int enqueue(struct channel *channel, const void *message, size_t len, int fd)
{
	_cleanup_free_ struct packet *packet = NULL;

	if (channel->queued + sizeof(*packet) + len > CHANNEL_QUEUE_MAX) {
		channel->refused++;
		return -ENOBUFS;
	}
	packet = malloc(sizeof(*packet) + len);
	if (!packet)
		return -ENOMEM;
	*packet = (struct packet){ .len = len, .fd = -1 };
	memcpy(packet->bytes, message, len);
	if (fd >= 0) {
		packet->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (packet->fd < 0)
			return -errno;
	}
	channel->queued += sizeof(*packet) + len;
	*channel->end = packet;
	channel->end = &packet->next;
	(void)TAKE_PTR(packet);
	return 0;
}

static int fill_head(uint32_t kind, void *message, size_t len)
{
	struct ipc_head head = { .kind = kind, .len = (uint32_t)len, .boot_ns = clock_boot_ns() };

	if (len < sizeof(head) || len > IPC_MESSAGE_MAX)
		return -EINVAL;
	memcpy(message, &head, sizeof(head));
	return 0;
}

int channel_send(struct channel *channel, uint32_t kind, void *message, size_t len, int fd)
{
	int r;

	r = fill_head(kind, message, len);
	if (r < 0)
		return r;
	/* What waits goes first. */
	r = channel_flush(channel);
	if (r < 0)
		return r;
	if (channel->first)
		return enqueue(channel, message, len, fd);
	r = send_packet(channel->fd, message, len, fd);
	if (r == 0)
		return enqueue(channel, message, len, fd);
	return r < 0 ? r : 0;
}

int channel_flush(struct channel *channel)
{
	while (channel->first) {
		struct packet *packet = channel->first;
		int r = send_packet(channel->fd, packet->bytes, packet->len, packet->fd);

		if (r <= 0)
			return r;
		drop_first(channel);
	}
	return 0;
}

int channel_send_wait(struct channel *channel, uint32_t kind, void *message, size_t len, int fd)
{
	uint64_t until = clock_boot_ns() + SEND_WAIT_MAX_MS * NSEC_PER_MSEC;
	int r;

	r = fill_head(kind, message, len);
	if (r < 0)
		return r;
	for (;;) {
		struct pollfd p = { .fd = channel->fd, .events = POLLOUT };
		uint64_t now = clock_boot_ns();

		r = channel_flush(channel);
		if (r < 0)
			return r;
		if (!channel->first) {
			r = send_packet(channel->fd, message, len, fd);
			if (r != 0)
				return r < 0 ? r : 0;
		}
		if (now >= until)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)((until - now) / NSEC_PER_MSEC) + 1) < 0 && errno != EINTR)
			return -errno;
	}
}
