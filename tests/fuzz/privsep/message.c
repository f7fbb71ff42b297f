/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every kind of message through channel_receive, with a table that lets all kinds in at their true
 * lengths. Input: packets, each { u16 length, u8 descriptors, bytes }. A handler only ever sees a
 * whole message of a kind it knows, with exactly the descriptor its rule names, and no descriptor
 * is left behind.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "privsep/channel.h"

#define PACKETS_MAX 16
#define PACKET_MAX (IPC_MESSAGE_MAX + 64)

static uint32_t length_of[IPC_KIND_MAX];
static unsigned int handled;
static int null = -1;

static int check(void *arg, const void *message, int fd)
{
	struct ipc_head head;

	(void)arg;
	memcpy(&head, message, sizeof(head));
	assert(head.kind >= IPC_HELLO && head.kind < IPC_KIND_MAX);
	assert(head.len == length_of[head.kind]);
	/* Sanitizers see whether all of it is there. */
	for (uint32_t i = 0; i < head.len; i++)
		handled += ((const volatile uint8_t *)message)[i] & 1;
	if (fd >= 0)
		assert(close(fd) == 0);
	return 0;
}

#define RULE(kind_, type, flags_)                         \
	{                                                 \
		kind_, sizeof(struct type), flags_, check \
	}
static const struct channel_rule rules[] = {
	RULE(IPC_HELLO, ipc_hello, CHANNEL_ONCE),
	RULE(IPC_EXEMPT, ipc_exempt, 0),
	RULE(IPC_SERVICE, ipc_service, 0),
	RULE(IPC_CONNECTIONS, ipc_connections, 0),
	RULE(IPC_FILE, ipc_file, CHANNEL_FD),
	RULE(IPC_SOURCE, ipc_source, CHANNEL_FD),
	RULE(IPC_SOURCE_FD, ipc_source_fd, CHANNEL_FD),
	RULE(IPC_RING, ipc_ring, CHANNEL_FD),
	RULE(IPC_NOTIFY, ipc_plain, CHANNEL_FD | CHANNEL_ONCE),
	RULE(IPC_PEER, ipc_plain, CHANNEL_FD),
	RULE(IPC_LISTEN, ipc_plain, CHANNEL_FD | CHANNEL_ONCE),
	RULE(IPC_START, ipc_plain, CHANNEL_ONCE),
	RULE(IPC_READY, ipc_ready, CHANNEL_ONCE),
	RULE(IPC_DECISION, ipc_decision, 0),
	RULE(IPC_OUTCOME, ipc_outcome, 0),
	RULE(IPC_HEARTBEAT, ipc_heartbeat, 0),
	RULE(IPC_CANARY, ipc_canary, 0),
	RULE(IPC_STATUS, ipc_status, 0),
	RULE(IPC_LOG, ipc_log, 0),
	RULE(IPC_RECORD, ipc_record, 0),
	RULE(IPC_HISTORY, ipc_history, 0),
	RULE(IPC_HISTORY_END, ipc_plain, CHANNEL_ONCE),
	RULE(IPC_TAP, ipc_plain, CHANNEL_FD),
	RULE(IPC_WATCHERS, ipc_watchers, 0),
	RULE(IPC_ACCOUNT, ipc_account, 0),
	RULE(IPC_SOURCE_STATE, ipc_source_state_change, 0),
	RULE(IPC_SOURCE_STATUS, ipc_source_status, 0),
	RULE(IPC_FILTER_STATUS, ipc_filter_status, 0),
	{ 0 },
};
_Static_assert(sizeof(rules) / sizeof(rules[0]) == IPC_KIND_MAX, "one rule per kind and the end");

static unsigned int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	assert(dir);
	while (readdir(dir))
		count++;
	(void)closedir(dir);
	return count;
}

static void send_raw(int fd, const uint8_t *bytes, size_t len, unsigned int fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(7 * sizeof(int))];
	} control;
	static uint8_t copy[PACKET_MAX];
	struct iovec part = { .iov_base = copy, .iov_len = len };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	memcpy(copy, bytes, len);
	memset(&control, 0, sizeof(control));
	if (fds) {
		struct cmsghdr *c = &control.align;

		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fds * sizeof(int));
		for (unsigned int i = 0; i < fds; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &null, sizeof(null));
	}
	(void)sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void send_packets(int fd, const uint8_t *data, size_t size)
{
	for (int i = 0; i < PACKETS_MAX && size > 3; i++) {
		size_t len = (size_t)data[0] | (size_t)data[1] << 8;
		unsigned int fds = data[2] % 8;

		data += 3;
		size -= 3;
		if (len > size)
			len = size;
		if (len > PACKET_MAX)
			len = PACKET_MAX;
		send_raw(fd, data, len, fds);
		data += len;
		size -= len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct channel *channel = NULL;
	static unsigned int before;
	int pair[2], r;

	if (null < 0)
		null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert(null >= 0);
	for (size_t i = 0; rules[i].kind; i++)
		length_of[rules[i].kind] = rules[i].len;
	assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	assert(channel_new(&channel, pair[0], "peer", rules, NULL) == 0);
	send_packets(pair[1], data, size);
	(void)close(pair[1]);
	r = channel_receive(channel);
	assert(r == CHANNEL_CLOSED || r == -EPROTO);
	assert((r == -EPROTO) == (channel_error(channel)[0] != '\0'));
	if (r == -EPROTO)
		assert(channel_receive(channel) == -EPROTO);
	channel_free(channel);
	if (!before)
		before = open_fds();
	assert(open_fds() == before);
	return 0;
}
