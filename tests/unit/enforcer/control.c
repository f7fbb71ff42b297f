/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control socket: who is answered, what is refused, long answers and slow readers.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/clock.h"
#include "enforcer/control.h"

#define PARTS 5000 /* more than a socket buffer holds */

static struct world {
	struct loop *loop;
	struct control *control;
	int listen_fd;
	struct sockaddr_un name;
	socklen_t name_len;
	unsigned int answered;
	struct control_request seen;
	char who[IPC_USER_MAX];
	pid_t peer;
	bool no_record;
	int pipe; /* number that it had here */
} w;

static void answer(const struct control_request *request, const char *who, pid_t peer_pid,
		   struct control_reply *reply, void *arg)
{
	(void)arg;
	w.answered++;
	w.seen = *request;
	w.peer = peer_pid;
	(void)snprintf(w.who, sizeof(w.who), "%s", who);
	reply->count = 7;
}

static int list(const struct control_request *request, control_send_fn fn, void *send_arg,
		void *arg)
{
	struct control_reply reply = { 0 };

	(void)arg;
	if (request->op == CONTROL_SESSIONS)
		return -EIO;
	for (uint64_t i = 0; i < PARTS; i++) {
		int r;

		reply.count = i;
		r = fn(&reply, send_arg);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A pipe with something in it, or no: as reply->text says it. */
static int record(const char *who, struct control_reply *reply, void *arg)
{
	int end[2];

	(void)arg;
	w.answered++;
	(void)snprintf(w.who, sizeof(w.who), "%s", who);
	if (w.no_record) {
		reply->error = -EAGAIN;
		(void)strcpy(reply->text, "not now");
		return -1;
	}
	if (pipe2(end, O_CLOEXEC) < 0 || write(end[1], "line\n", 5) != 5)
		return -1;
	(void)close(end[1]);
	w.pipe = end[0];
	return end[0];
}

static const struct control_ops ops = { .answer = answer, .list = list, .record = record };

static int stop(struct loop_source *source, uint64_t now, void *arg)
{
	(void)source;
	control_tick(w.control, now);
	loop_stop(arg, 0);
	return 0;
}

/* Lets bailiffd's side do what it has to do now. */
static void turn(void)
{
	assert_int_equal(loop_add_timer(w.loop, 20 * NSEC_PER_MSEC, 0, stop, w.loop, NULL), 0);
	assert_int_equal(loop_run(w.loop), 0);
}

static int setup_as(uid_t uid)
{
	memset(&w, 0, sizeof(w));
	w.name.sun_family = AF_UNIX;
	w.listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Autobind: an abstract name that nobody else has. */
	if (w.listen_fd < 0 ||
	    bind(w.listen_fd, (const struct sockaddr *)&w.name, sizeof(w.name.sun_family)) < 0 ||
	    listen(w.listen_fd, 64) < 0)
		return -1;
	w.name_len = sizeof(w.name);
	if (getsockname(w.listen_fd, (struct sockaddr *)&w.name, &w.name_len) < 0)
		return -1;
	if (loop_new(&w.loop) < 0)
		return -1;
	return control_new(&w.control, w.loop, w.listen_fd, &ops, uid, NULL);
}

static int setup(void **state)
{
	(void)state;
	return setup_as(geteuid());
}

static int setup_root_only(void **state)
{
	(void)state;
	return setup_as((uid_t)-1);
}

static int teardown(void **state)
{
	(void)state;
	w.control = control_free(w.control);
	w.loop = loop_free(w.loop);
	return close(w.listen_fd);
}

static int dial(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&w.name, w.name_len), 0);
	return fd;
}

static struct control_request request_of(enum control_op op)
{
	return (struct control_request){ .version = CONTROL_VERSION, .op = op };
}

static int receive(int fd, struct control_reply *reply)
{
	return (int)recv(fd, reply, sizeof(*reply), MSG_DONTWAIT);
}

static void test_answers_once_and_closes(void **state)
{
	struct control_request request = request_of(CONTROL_LOCK);
	struct control_reply reply;
	int fd = dial();

	(void)state;
	(void)strcpy(request.reason, "because");
	assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
	turn();
	assert_int_equal(receive(fd, &reply), sizeof(reply));
	assert_int_equal(send(fd, &request, sizeof(request), MSG_NOSIGNAL), -1);
	turn();
	assert_int_equal(reply.version, CONTROL_VERSION);
	assert_int_equal(reply.error, 0);
	assert_int_equal(reply.more, 0);
	assert_int_equal(reply.count, 7);
	assert_int_equal(w.answered, 1);
	assert_string_equal(w.seen.reason, "because");
	assert_int_equal(w.peer, getpid());
	assert_true(w.who[0] != '\0');
	assert_int_equal(receive(fd, &reply), 0);
	assert_int_equal(close(fd), 0);
}

static void refused(const void *bytes, size_t len, int error)
{
	struct control_reply reply;
	int fd = dial();

	assert_int_equal(send(fd, bytes, len, 0), len);
	turn();
	assert_int_equal(receive(fd, &reply), sizeof(reply));
	assert_int_equal(reply.error, error);
	assert_true(reply.text[0] != '\0');
	assert_int_equal(receive(fd, &reply), 0);
	assert_int_equal(close(fd), 0);
}

static void test_malformed_requests(void **state)
{
	struct control_request request = request_of(CONTROL_STATUS), wrong;
	char bytes[sizeof(request) + 100] = { 0 };

	(void)state;
	memcpy(bytes, &request, sizeof(request));
	refused(bytes, 1, -EINVAL);
	refused(bytes, sizeof(request) - 1, -EINVAL);
	refused(bytes, sizeof(request) + 1, -EINVAL);
	refused(bytes, sizeof(bytes), -EINVAL);
	wrong = request;
	wrong.version++;
	refused(&wrong, sizeof(wrong), -EINVAL);
	wrong = request;
	wrong.op = 0;
	refused(&wrong, sizeof(wrong), -EINVAL);
	wrong.op = CONTROL_OP_MAX;
	refused(&wrong, sizeof(wrong), -EINVAL);
	wrong = request;
	memset(wrong.reason, 'x', sizeof(wrong.reason));
	refused(&wrong, sizeof(wrong), -EINVAL);
	wrong = request;
	wrong.subject.kind = SUBJECT_MAX;
	refused(&wrong, sizeof(wrong), -EINVAL);
	wrong = request;
	wrong.force = 2;
	refused(&wrong, sizeof(wrong), -EINVAL);
	assert_int_equal(w.answered, 0);
}

/* The packet, and the descriptor that came with it or -1. */
static int receive_fd(int fd, struct control_reply *reply)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec part = { .iov_base = reply, .iov_len = sizeof(*reply) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	const struct cmsghdr *c;
	int passed = -1;

	assert_int_equal(recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC), sizeof(*reply));
	c = CMSG_FIRSTHDR(&message);
	if (!c)
		return -1;
	assert_int_equal(c->cmsg_type, SCM_RIGHTS);
	assert_int_equal(c->cmsg_len, CMSG_LEN(sizeof(int)));
	memcpy(&passed, CMSG_DATA(c), sizeof(passed));
	return passed;
}

static void test_record_hands_a_pipe_out(void **state)
{
	struct control_request request = request_of(CONTROL_RECORD);
	struct control_reply reply;
	char line[16];
	int fd = dial(), passed;

	(void)state;
	assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
	turn();
	/* bailiffd keeps none of it. */
	assert_int_equal(fcntl(w.pipe, F_GETFD), -1);
	passed = receive_fd(fd, &reply);
	assert_int_equal(reply.error, 0);
	assert_int_equal(reply.more, 0);
	assert_true(passed >= 0);
	assert_int_equal(read(passed, line, sizeof(line)), 5);
	assert_int_equal(read(passed, line, sizeof(line)), 0);
	assert_int_equal(close(passed), 0);
	assert_true(w.who[0] != '\0');
	assert_int_equal(receive(fd, &reply), 0);
	assert_int_equal(close(fd), 0);

	w.no_record = true;
	fd = dial();
	assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
	turn();
	assert_int_equal(receive_fd(fd, &reply), -1);
	assert_int_equal(reply.error, -EAGAIN);
	assert_string_equal(reply.text, "not now");
	assert_int_equal(close(fd), 0);
}

static void test_only_root_is_answered(void **state)
{
	struct control_reply reply;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct pollfd p = { .events = POLLIN };

		if (setuid(12345) < 0)
			_exit(1);
		p.fd = dial();
		if (poll(&p, 1, 5000) != 1 || receive(p.fd, &reply) != sizeof(reply))
			_exit(2);
		_exit(reply.error == -EPERM ? 0 : 3);
	}
	for (int i = 0; i < 100; i++) {
		int status;

		turn();
		if (waitpid(pid, &status, WNOHANG) == pid) {
			assert_int_equal(status, 0);
			assert_int_equal(w.answered, 0);
			return;
		}
	}
	fail_msg("the client did not end");
}

static void test_long_answer_to_a_slow_reader(void **state)
{
	struct control_request request = request_of(CONTROL_LIST),
			       quick = request_of(CONTROL_STATUS);
	struct control_reply reply = { .more = 1 };
	int fd = dial(), other;
	uint64_t next = 0;

	(void)state;
	assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
	turn();
	/* Nothing of it is read yet; somebody else is answered all the same. */
	other = dial();
	assert_int_equal(send(other, &quick, sizeof(quick), 0), sizeof(quick));
	turn();
	assert_int_equal(receive(other, &reply), sizeof(reply));
	assert_int_equal(reply.count, 7);
	assert_int_equal(close(other), 0);
	do {
		assert_int_equal(recv(fd, &reply, sizeof(reply), 0), sizeof(reply));
		if (reply.more)
			assert_int_equal(reply.count, next++);
	} while (reply.more);
	assert_int_equal(reply.error, 0);
	assert_int_equal(next, PARTS);
	for (int i = 0; i < 50 && recv(fd, &reply, sizeof(reply), MSG_DONTWAIT) != 0; i++)
		turn();
	assert_int_equal(recv(fd, &reply, sizeof(reply), MSG_DONTWAIT), 0);
	assert_int_equal(close(fd), 0);
}

static void test_long_answer_that_fails(void **state)
{
	struct control_request request = request_of(CONTROL_SESSIONS);
	struct control_reply reply;
	int fd = dial();

	(void)state;
	assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
	turn();
	assert_int_equal(recv(fd, &reply, sizeof(reply), 0), sizeof(reply));
	assert_int_equal(reply.error, -EIO);
	assert_int_equal(reply.more, 0);
	assert_int_equal(close(fd), 0);
}

static void test_too_many_and_too_slow(void **state)
{
	struct control_reply reply;
	int fd[CONTROL_CLIENTS_MAX + 1];

	(void)state;
	for (size_t i = 0; i <= CONTROL_CLIENTS_MAX; i++)
		fd[i] = dial();
	turn();
	assert_int_equal(receive(fd[CONTROL_CLIENTS_MAX], &reply), sizeof(reply));
	assert_int_equal(reply.error, -EBUSY);
	assert_int_equal(receive(fd[0], &reply), -1);
	/* Nothing was asked in the time there is: all are ended, and there is room again. */
	control_tick(w.control, clock_boot_ns() + (CONTROL_SECONDS + 1) * NSEC_PER_SEC);
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		assert_int_equal(receive(fd[i], &reply), 0);
		assert_int_equal(close(fd[i]), 0);
	}
	assert_int_equal(close(fd[CONTROL_CLIENTS_MAX]), 0);
	test_answers_once_and_closes(state);
}

static void test_who(void **state)
{
	char who[IPC_USER_MAX];

	(void)state;
	/* init has no login; its uid is root's. */
	control_who(1, 0, who, sizeof(who));
	assert_string_equal(who, "root");
	control_who(1, 987654, who, sizeof(who));
	assert_string_equal(who, "uid 987654");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_answers_once_and_closes),
		TEST(test_malformed_requests),
		cmocka_unit_test_setup_teardown(test_only_root_is_answered, setup_root_only,
						teardown),
		TEST(test_long_answer_to_a_slow_reader),
		TEST(test_long_answer_that_fails),
		TEST(test_record_hands_a_pipe_out),
		TEST(test_too_many_and_too_slow),
		TEST(test_who),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
