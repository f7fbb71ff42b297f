/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The boundary: nothing but what the table names reaches a handler, no descriptor is left behind,
 * and what is queued arrives in order.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "privsep/channel.h"
#include "unit.h"

/* What handlers saw. */
static struct {
	unsigned int calls;
	uint32_t kind;
	int fd; /* as given; closed by the test */
	uint64_t last;
	int answer;
} seen;

static int handle(void *arg, const void *message, int fd)
{
	struct ipc_head head;

	assert_ptr_equal(arg, &seen);
	assert_int_equal((uintptr_t)message % 8, 0);
	memcpy(&head, message, sizeof(head));
	seen.calls++;
	seen.kind = head.kind;
	seen.fd = fd;
	return seen.answer;
}

static int handle_heartbeat(void *arg, const void *message, int fd)
{
	const struct ipc_heartbeat *beat = message;

	(void)handle(arg, message, fd);
	/* In order, none missing. */
	assert_int_equal(beat->events, seen.last + 1);
	seen.last = beat->events;
	return seen.answer;
}

static int handle_ring(void *arg, const void *message, int fd)
{
	struct stat st;

	(void)handle(arg, message, fd);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(close(fd), 0);
	return 0;
}

static const struct channel_rule rules[] = {
	{ IPC_READY, sizeof(struct ipc_ready), CHANNEL_ONCE, handle },
	{ IPC_HEARTBEAT, sizeof(struct ipc_heartbeat), 0, handle_heartbeat },
	{ IPC_RING, sizeof(struct ipc_ring), CHANNEL_FD, handle_ring },
	{ IPC_PEER, sizeof(struct ipc_plain), CHANNEL_FD | CHANNEL_ONCE, handle_ring },
	{ IPC_START, sizeof(struct ipc_plain), 0, handle },
	{ IPC_NOTIFY, sizeof(struct ipc_plain), CHANNEL_LAST, handle },
	{ 0 },
};

/* A channel and the peer's bare socket. */
struct pair {
	struct channel *channel;
	int peer;
	unsigned int fds; /* open before the test */
};

static unsigned int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	(void)closedir(dir);
	return count;
}

static int set_up(void **state)
{
	static struct pair pair;
	int fds[2];

	memset(&seen, 0, sizeof(seen));
	pair.fds = open_fds();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(channel_new(&pair.channel, fds[0], "the-peer", rules, &seen), 0);
	pair.peer = fds[1];
	*state = &pair;
	return 0;
}

/* Whatever the test did: everything is closed again. */
static int tear_down(void **state)
{
	struct pair *pair = *state;

	assert_null(channel_free(pair->channel));
	if (pair->peer >= 0)
		assert_int_equal(close(pair->peer), 0);
	assert_int_equal(open_fds(), pair->fds);
	return 0;
}

static void send_with_fds(int peer, const void *bytes, size_t len, unsigned int count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(16 * sizeof(int))];
	} control = { 0 };
	char copy[8192] = { 0 };
	struct iovec part = { .iov_base = copy, .iov_len = len };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(null >= 0 && len <= sizeof(copy) && count <= 16);
	memcpy(copy, bytes, len);
	if (count) {
		struct cmsghdr *c = &control.align;

		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		for (unsigned int i = 0; i < count; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &null, sizeof(null));
	}
	assert_int_equal(sendmsg(peer, &message, MSG_NOSIGNAL), len);
}

static void send_kind(int peer, uint32_t kind, uint32_t says, size_t len, unsigned int fds)
{
	char bytes[4096] = { 0 };
	struct ipc_head head = { .kind = kind, .len = says };

	memcpy(bytes, &head, sizeof(head));
	send_with_fds(peer, bytes, len, fds);
}

static void refused(struct pair *pair, const char *sentence)
{
	assert_int_equal(channel_receive(pair->channel), -EPROTO);
	assert_string_equal(channel_error(pair->channel), sentence);
	/* For ever, also for what would have been right. */
	send_kind(pair->peer, IPC_START, sizeof(struct ipc_plain), sizeof(struct ipc_plain), 0);
	assert_int_equal(channel_receive(pair->channel), -EPROTO);
	assert_int_equal(seen.calls, 0);
}

static void what_is_right_arrives(void **state)
{
	struct pair *pair = *state;

	assert_int_equal(channel_receive(pair->channel), CHANNEL_IDLE);
	send_kind(pair->peer, IPC_READY, sizeof(struct ipc_ready), sizeof(struct ipc_ready), 0);
	send_kind(pair->peer, IPC_RING, sizeof(struct ipc_ring), sizeof(struct ipc_ring), 1);
	send_kind(pair->peer, IPC_START, sizeof(struct ipc_plain), sizeof(struct ipc_plain), 0);
	assert_int_equal(channel_receive(pair->channel), CHANNEL_IDLE);
	assert_int_equal(seen.calls, 3);
	assert_int_equal(seen.kind, IPC_START);
	assert_int_equal(seen.fd, -1);
	assert_string_equal(channel_error(pair->channel), "");
}

static void wrong_sizes(void **state)
{
	struct pair *pair = *state;
	char what[128];

	(void)snprintf(what, sizeof(what),
		       "the-peer sent kind %d with %zu bytes that says %zu, not %zu", IPC_READY,
		       sizeof(struct ipc_ready) - 1, sizeof(struct ipc_ready),
		       sizeof(struct ipc_ready));
	send_kind(pair->peer, IPC_READY, sizeof(struct ipc_ready), sizeof(struct ipc_ready) - 1, 0);
	refused(pair, what);
}

static void one_byte_too_many(void **state)
{
	struct pair *pair = *state;
	uint32_t len = sizeof(struct ipc_plain) + 1;

	send_kind(pair->peer, IPC_START, len, len, 0);
	refused(pair, "the-peer sent kind 11 with 17 bytes that says 17, not 16");
}

static void a_length_that_lies(void **state)
{
	struct pair *pair = *state;

	send_kind(pair->peer, IPC_START, 15, sizeof(struct ipc_plain), 0);
	refused(pair, "the-peer sent kind 11 with 16 bytes that says 15, not 16");
}

static void less_than_a_head(void **state)
{
	struct pair *pair = *state;

	send_with_fds(pair->peer, "\x0b\0\0\0", 4, 0);
	refused(pair, "the-peer sent 4 bytes, less than a head");
}

static void an_empty_message(void **state)
{
	struct pair *pair = *state;

	assert_int_equal(send(pair->peer, "", 0, 0), 0);
	refused(pair, "the-peer sent 0 bytes, less than a head");
}

static void an_empty_message_with_a_descriptor(void **state)
{
	struct pair *pair = *state;

	send_with_fds(pair->peer, "", 0, 1);
	assert_int_equal(close(pair->peer), 0);
	pair->peer = -1;
	assert_int_equal(channel_receive(pair->channel), -EPROTO);
	assert_int_equal(seen.calls, 0);
}

static void longer_than_any(void **state)
{
	struct pair *pair = *state;
	char bytes[8192] = { 0 };

	send_with_fds(pair->peer, bytes, sizeof(bytes), 0);
	refused(pair, "the-peer sent a message of more than 2048 bytes");
}

static void an_unknown_kind(void **state)
{
	struct pair *pair = *state;

	send_kind(pair->peer, 4000000000U, sizeof(struct ipc_plain), sizeof(struct ipc_plain), 0);
	refused(pair, "the-peer sent kind 4000000000, which it may not send");
}

/* The end of the table is no kind. */
static void kind_zero(void **state)
{
	struct pair *pair = *state;

	send_kind(pair->peer, 0, 0, sizeof(struct ipc_plain), 0);
	refused(pair, "the-peer sent kind 0, which it may not send");
}

static void a_right_kind_in_the_wrong_direction(void **state)
{
	struct pair *pair = *state;

	/* OUTCOME is what bailiffd tells others; nobody tells it to bailiffd. */
	send_kind(pair->peer, IPC_OUTCOME, sizeof(struct ipc_outcome), sizeof(struct ipc_outcome),
		  0);
	refused(pair, "the-peer sent kind 14, which it may not send");
}

static void once_is_once(void **state)
{
	struct pair *pair = *state;

	for (int i = 0; i < 2; i++)
		send_kind(pair->peer, IPC_READY, sizeof(struct ipc_ready), sizeof(struct ipc_ready),
			  0);
	assert_int_equal(channel_receive(pair->channel), -EPROTO);
	assert_int_equal(seen.calls, 1);
	assert_string_equal(channel_error(pair->channel), "the-peer sent kind 12 a second time");
}

static void once_with_a_descriptor(void **state)
{
	struct pair *pair = *state;

	for (int i = 0; i < 2; i++)
		send_kind(pair->peer, IPC_PEER, sizeof(struct ipc_plain), sizeof(struct ipc_plain),
			  1);
	assert_int_equal(channel_receive(pair->channel), -EPROTO);
	assert_int_equal(seen.calls, 1);
}

static void a_smuggled_descriptor(void **state)
{
	struct pair *pair = *state;

	send_kind(pair->peer, IPC_START, sizeof(struct ipc_plain), sizeof(struct ipc_plain), 1);
	refused(pair, "the-peer sent kind 11 with 1 descriptors, not 0");
}

static void a_missing_descriptor(void **state)
{
	struct pair *pair = *state;

	send_kind(pair->peer, IPC_RING, sizeof(struct ipc_ring), sizeof(struct ipc_ring), 0);
	refused(pair, "the-peer sent kind 7 with 0 descriptors, not 1");
}

static void two_for_one(void **state)
{
	struct pair *pair = *state;

	send_kind(pair->peer, IPC_RING, sizeof(struct ipc_ring), sizeof(struct ipc_ring), 2);
	refused(pair, "the-peer sent kind 7 with 2 descriptors, not 1");
}

/* More than there is room for: the kernel closes the rest and says MSG_CTRUNC. */
static void a_dozen_descriptors(void **state)
{
	struct pair *pair = *state;

	send_kind(pair->peer, IPC_RING, sizeof(struct ipc_ring), sizeof(struct ipc_ring), 12);
	refused(pair, "the-peer sent more descriptors than can be taken");
}

static void a_descriptor_on_garbage(void **state)
{
	struct pair *pair = *state;

	send_with_fds(pair->peer, "garbage", 7, 3);
	refused(pair, "the-peer sent 7 bytes, less than a head");
}

static void a_handler_ends_it(void **state)
{
	struct pair *pair = *state;

	seen.answer = -EDOM;
	for (int i = 0; i < 2; i++)
		send_kind(pair->peer, IPC_START, sizeof(struct ipc_plain), sizeof(struct ipc_plain),
			  0);
	assert_int_equal(channel_receive(pair->channel), -EDOM);
	assert_int_equal(seen.calls, 1);
}

static void one_turn_is_bounded(void **state)
{
	struct pair *pair = *state;

	for (int i = 0; i < 100; i++)
		send_kind(pair->peer, IPC_START, sizeof(struct ipc_plain), sizeof(struct ipc_plain),
			  0);
	assert_int_equal(channel_receive(pair->channel), CHANNEL_IDLE);
	assert_int_equal(seen.calls, 64);
	assert_int_equal(channel_receive(pair->channel), CHANNEL_IDLE);
	assert_int_equal(seen.calls, 100);
}

static void the_last_of_a_turn(void **state)
{
	struct pair *pair = *state;
	const size_t len = sizeof(struct ipc_plain);

	send_kind(pair->peer, IPC_START, len, len, 0);
	send_kind(pair->peer, IPC_NOTIFY, len, len, 0);
	send_kind(pair->peer, IPC_START, len, len, 0);
	assert_int_equal(channel_receive(pair->channel), CHANNEL_IDLE);
	assert_int_equal(seen.calls, 2);
	assert_int_equal(seen.kind, IPC_NOTIFY);
	assert_int_equal(channel_receive(pair->channel), CHANNEL_IDLE);
	assert_int_equal(seen.calls, 3);
}

static void a_peer_that_is_killed(void **state)
{
	struct pair *pair = *state;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct ipc_plain message = { .head = { .kind = IPC_START,
						       .len = sizeof(message) } };

		for (int i = 0; i < 3; i++) {
			if (write(pair->peer, &message, sizeof(message)) < 0)
				_exit(1);
		}
		(void)raise(SIGKILL);
		_exit(2);
	}
	assert_int_equal(close(pair->peer), 0);
	pair->peer = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	/* What it had said still counts, then it is gone; again and again. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(channel_receive(pair->channel), CHANNEL_CLOSED);
	assert_int_equal(seen.calls, 3);
	assert_string_equal(channel_error(pair->channel), "");
}

static void sending_to_nobody(void **state)
{
	struct pair *pair = *state;
	struct ipc_plain message;

	assert_int_equal(close(pair->peer), 0);
	pair->peer = -1;
	assert_int_equal(channel_send(pair->channel, IPC_START, &message, sizeof(message), -1),
			 -EPIPE);
	assert_int_equal(channel_send_wait(pair->channel, IPC_START, &message, sizeof(message), -1),
			 -EPIPE);
}

static void sizes_of_the_sender(void **state)
{
	struct pair *pair = *state;
	char bytes[IPC_MESSAGE_MAX + 1] = { 0 };

	assert_int_equal(
		channel_send(pair->channel, IPC_START, bytes, sizeof(struct ipc_head) - 1, -1),
		-EINVAL);
	assert_int_equal(channel_send(pair->channel, IPC_START, bytes, sizeof(bytes), -1), -EINVAL);
	assert_int_equal(channel_send(pair->channel, IPC_START, bytes, IPC_MESSAGE_MAX, -1), 0);
	assert_int_equal(recv(pair->peer, bytes, sizeof(bytes), 0), IPC_MESSAGE_MAX);
}

/* Nobody reads: messages queue up to the bound; then somebody does, and all arrive in order. */
static void a_full_queue(void **state)
{
	struct pair *pair = *state;
	struct channel *reader = NULL;
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct ipc_heartbeat beat = { 0 };
	struct ipc_ring ring = { 0 };
	unsigned int before;
	int r;

	do {
		beat.events++;
		r = channel_send(pair->channel, IPC_HEARTBEAT, &beat, sizeof(beat), -1);
		assert_true(r == 0 || r == -ENOBUFS);
	} while (r == 0);
	assert_int_equal(channel_pending(pair->channel), 1);
	assert_int_equal(channel_refused(pair->channel), 1);
	assert_true(beat.events * sizeof(beat) > CHANNEL_QUEUE_MAX / 2);
	assert_true((beat.events - 1) * sizeof(beat) < CHANNEL_QUEUE_MAX + 4 * 1024 * 1024);
	/* A refused message with a descriptor duplicates nothing. */
	before = open_fds();
	for (int i = 0; i < 100; i++) {
		r = channel_send(pair->channel, IPC_RING, &ring, sizeof(ring), null);
		if (r == -ENOBUFS)
			break;
	}
	assert_int_equal(r, -ENOBUFS);
	assert_int_equal(channel_refused(pair->channel), 2);
	assert_true(open_fds() - before < 100);

	assert_int_equal(channel_new(&reader, pair->peer, "other", rules, &seen), 0);
	pair->peer = -1;
	while (channel_pending(pair->channel)) {
		assert_int_equal(channel_receive(reader), CHANNEL_IDLE);
		assert_int_equal(channel_flush(pair->channel), 0);
	}
	for (unsigned int calls = 0; calls != seen.calls;) {
		calls = seen.calls;
		assert_int_equal(channel_receive(reader), CHANNEL_IDLE);
	}
	/* The last beat was refused. */
	assert_int_equal(seen.last, beat.events - 1);
	/* And it works as before. */
	assert_int_equal(channel_send(pair->channel, IPC_HEARTBEAT, &beat, sizeof(beat), -1), 0);
	assert_int_equal(channel_pending(pair->channel), 0);
	assert_int_equal(channel_receive(reader), CHANNEL_IDLE);
	assert_int_equal(seen.last, beat.events);
	assert_null(channel_free(reader));
}

static void a_queue_that_is_never_read(void **state)
{
	struct pair *pair = *state;
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct ipc_ring ring = { 0 };

	/* tear_down sees that every duplicate is closed. */
	for (int i = 0; i < 600 && !channel_pending(pair->channel); i++)
		assert_int_equal(channel_send(pair->channel, IPC_RING, &ring, sizeof(ring), null),
				 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(channel_send(pair->channel, IPC_RING, &ring, sizeof(ring), null),
				 0);
	assert_int_equal(channel_pending(pair->channel), 1);
}

static void a_blocking_send_waits(void **state)
{
	struct pair *pair = *state;
	struct ipc_heartbeat beat = { 0 };
	int status;
	pid_t pid;

	while (!channel_pending(pair->channel)) {
		beat.events++;
		assert_int_equal(
			channel_send(pair->channel, IPC_HEARTBEAT, &beat, sizeof(beat), -1), 0);
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char bytes[IPC_MESSAGE_MAX];
		struct ipc_heartbeat got;
		uint64_t last = 0;

		(void)usleep(100000);
		while (recv(pair->peer, bytes, sizeof(bytes), 0) == sizeof(got)) {
			memcpy(&got, bytes, sizeof(got));
			if (got.events != last + 1)
				_exit(1);
			last = got.events;
			if (got.attempts)
				_exit(0);
		}
		_exit(2);
	}
	beat.events++;
	beat.attempts = 1;
	assert_int_equal(channel_send_wait(pair->channel, IPC_HEARTBEAT, &beat, sizeof(beat), -1),
			 0);
	assert_int_equal(channel_pending(pair->channel), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void only_seqpacket(void **state)
{
	struct channel *channel = NULL;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(channel_new(&channel, fds[0], "x", rules, NULL), -EPROTOTYPE);
	assert_null(channel);
	/* The caller still owns it. */
	assert_int_equal(close(fds[0]), 0);
	assert_int_equal(close(fds[1]), 0);
	assert_int_equal(channel_new(&channel, -1, "x", rules, NULL), -EBADF);
	assert_null(channel_free(NULL));
}

#define BOUNDARY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOUNDARY(what_is_right_arrives),
		BOUNDARY(wrong_sizes),
		BOUNDARY(one_byte_too_many),
		BOUNDARY(a_length_that_lies),
		BOUNDARY(less_than_a_head),
		BOUNDARY(an_empty_message),
		BOUNDARY(an_empty_message_with_a_descriptor),
		BOUNDARY(longer_than_any),
		BOUNDARY(an_unknown_kind),
		BOUNDARY(kind_zero),
		BOUNDARY(a_right_kind_in_the_wrong_direction),
		BOUNDARY(once_is_once),
		BOUNDARY(once_with_a_descriptor),
		BOUNDARY(a_smuggled_descriptor),
		BOUNDARY(a_missing_descriptor),
		BOUNDARY(two_for_one),
		BOUNDARY(a_dozen_descriptors),
		BOUNDARY(a_descriptor_on_garbage),
		BOUNDARY(a_handler_ends_it),
		BOUNDARY(one_turn_is_bounded),
		BOUNDARY(the_last_of_a_turn),
		BOUNDARY(a_peer_that_is_killed),
		BOUNDARY(sending_to_nobody),
		BOUNDARY(sizes_of_the_sender),
		BOUNDARY(a_full_queue),
		BOUNDARY(a_queue_that_is_never_read),
		BOUNDARY(a_blocking_send_waits),
		cmocka_unit_test(only_seqpacket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
