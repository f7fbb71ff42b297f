/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Questions and answers over socket pairs and sockets: every end that an answer can have.
 */
#include "helpers.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "ctl/client.h"

static char out[65536], err[65536];

struct seen {
	unsigned int count;
	int refused;
	struct control_reply last;
	char object[256];
};

static int see_reply(const struct control_reply *reply, int refused, void *arg)
{
	struct seen *seen = arg;

	seen->count++;
	seen->refused = refused;
	seen->last = *reply;
	return CTL_OK;
}

static int see_object(const char *object, size_t len, void *arg)
{
	struct seen *seen = arg;

	seen->count++;
	assert_int_equal(strlen(object), len);
	(void)snprintf(seen->object, sizeof(seen->object), "%s", object);
	return CTL_OK;
}

static void pair(int fd[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
}

/* The answer waits in the socket before the question is asked. */
static int ask_control(const struct control_reply *replies, size_t count, size_t len,
		       struct seen *seen)
{
	struct control_request request = { .op = CONTROL_LIST }, got;
	struct caught caught;
	int fd[2], r;

	pair(fd);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(send(fd[1], &replies[i], len, 0), len);
	assert_int_equal(shutdown(fd[1], SHUT_WR), 0);
	memset(seen, 0, sizeof(*seen));
	catch_begin(&caught);
	r = control_ask_fd(fd[0], &request, see_reply, seen);
	catch_end(&caught, out, err);
	assert_int_equal(recv(fd[1], &got, sizeof(got), 0), sizeof(got));
	assert_int_equal(got.version, CONTROL_VERSION);
	assert_int_equal(got.op, CONTROL_LIST);
	close(fd[1]);
	return r;
}

static void test_control(void **state)
{
	struct control_reply replies[3] = {
		{ .version = CONTROL_VERSION, .more = 1 },
		{ .version = CONTROL_VERSION, .more = 1 },
		{ .version = CONTROL_VERSION },
	};
	struct seen seen;

	(void)state;
	/* Strings that never end are ended. */
	memset(replies[2].lockout.reason, 'a', sizeof(replies[2].lockout.reason));
	memset(replies[2].text, 'b', sizeof(replies[2].text));
	assert_int_equal(ask_control(replies, 3, sizeof(replies[0]), &seen), CTL_OK);
	assert_int_equal(seen.count, 3);
	assert_int_equal(strlen(seen.last.lockout.reason), IPC_TEXT_MAX - 1);
	assert_int_equal(strlen(seen.last.text), IPC_TEXT_MAX - 1);
	assert_string_equal(err, "");

	assert_int_equal(ask_control(replies, 2, sizeof(replies[0]), &seen), CTL_UNREACHABLE);
	assert_non_null(strstr(err, "before its end"));
	assert_int_equal(ask_control(replies, 1, sizeof(replies[0]) - 8, &seen), CTL_FAILED);
	assert_non_null(strstr(err, "of the same release"));
	replies[0].version = 9;
	assert_int_equal(ask_control(replies, 1, sizeof(replies[0]), &seen), CTL_FAILED);
	assert_int_equal(seen.count, 0);
}

static void test_exit_codes(void **state)
{
	static const struct {
		int error;
		uint32_t result;
		int exit;
	} cases[] = {
		{ 0, 0, CTL_OK },
		{ 0, OUTCOME_APPLIED, CTL_OK },
		{ 0, OUTCOME_RELEASED, CTL_OK },
		{ 0, OUTCOME_OBSERVED, CTL_REFUSED },
		{ 0, OUTCOME_EXEMPT, CTL_REFUSED },
		{ 0, OUTCOME_LAST_WAY_IN, CTL_REFUSED },
		{ 0, OUTCOME_LIMIT, CTL_REFUSED },
		{ 0, OUTCOME_FAILED, CTL_REFUSED },
		{ -ENOENT, 0, CTL_NOT_FOUND },
		{ -ESRCH, 0, CTL_NOT_FOUND },
		{ -EPERM, OUTCOME_APPLIED, CTL_REFUSED },
		{ -EINVAL, 0, CTL_REFUSED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct control_reply reply = { .error = cases[i].error, .result = cases[i].result };

		assert_int_equal(control_exit(&reply), cases[i].exit);
	}
}

/* Refused before the request was read: the sentence arrives all the same. */
static void test_refused_unread(void **state)
{
	struct control_request request = { .op = CONTROL_STATUS };
	struct control_reply reply = { .version = CONTROL_VERSION,
				       .error = -EPERM,
				       .text = "only root may ask this" };
	struct seen seen = { 0 };
	struct caught caught;
	pid_t pid;
	int fd[2], r, status;

	(void)state;
	pair(fd);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* Ends, with the request unread in its queue. */
		close(fd[0]);
		(void)send(fd[1], &reply, sizeof(reply), MSG_NOSIGNAL);
		(void)usleep(100000);
		_exit(0);
	}
	close(fd[1]);
	(void)usleep(20000);
	assert_true(send(fd[0], "", 0, MSG_NOSIGNAL) >= 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	catch_begin(&caught);
	r = control_ask_fd(fd[0], &request, see_reply, &seen);
	catch_end(&caught, out, err);
	assert_int_equal(r, CTL_OK);
	assert_int_equal(seen.refused, CTL_REFUSED);
	assert_string_equal(seen.last.text, "only root may ask this");
}

/* The one answer of a request for a pipe, with so many descriptors. */
static int ask_pipe(const struct control_reply *reply, int fds, int *ret_pipe)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	struct control_request request = { .op = CONTROL_RECORD };
	struct control_reply copy = *reply;
	struct iovec part = { .iov_base = &copy, .iov_len = sizeof(copy) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	struct caught caught;
	int fd[2], end[2], r;

	pair(fd);
	assert_int_equal(pipe(end), 0);
	if (fds) {
		struct cmsghdr *c = &control.align;

		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE((size_t)fds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)fds * sizeof(int));
		memcpy(CMSG_DATA(c), end, (size_t)fds * sizeof(int));
	}
	assert_int_equal(sendmsg(fd[1], &message, 0), sizeof(copy));
	catch_begin(&caught);
	r = control_ask_pipe_fd(fd[0], &request, ret_pipe);
	catch_end(&caught, out, err);
	assert_int_equal(write(end[1], "x", 1), 1);
	close(end[0]);
	close(end[1]);
	close(fd[1]);
	return r;
}

static void test_pipe(void **state)
{
	struct control_reply reply = { .version = CONTROL_VERSION };
	int from = -1;
	char bytes[4];

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(ask_pipe(&reply, 1, &from), CTL_OK);
	assert_true(from >= 0);
	assert_true(fcntl(from, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(read(from, bytes, sizeof(bytes)), 1);
	close(from);
	from = -1;
	assert_int_equal(ask_pipe(&reply, 0, &from), CTL_FAILED);
	assert_non_null(strstr(err, "no pipe"));
	reply.error = -EAGAIN;
	(void)snprintf(reply.text, sizeof(reply.text), "try again\033[2J");
	assert_int_equal(ask_pipe(&reply, 0, &from), CTL_REFUSED);
	assert_string_equal(err, "bailiffctl: try again\\x1b[2J\n");
	/* What comes with a refusal is not kept open. */
	assert_int_equal(ask_pipe(&reply, 1, &from), CTL_REFUSED);
	reply.version++;
	assert_int_equal(ask_pipe(&reply, 1, &from), CTL_FAILED);
	assert_int_equal(from, -1);
}

static void test_status(void **state)
{
	struct status_request request = { .op = STATUS_WHY };
	struct seen seen = { 0 };
	struct caught caught;
	static char large[STATUS_JSON_MAX + 1];
	int fd[2];

	(void)state;
	pair(fd);
	assert_int_equal(send(fd[1], "{\"a\":1}", 7, 0), 7);
	assert_int_equal(send(fd[1], "{\"a\":2}", 7, 0), 7);
	assert_int_equal(shutdown(fd[1], SHUT_WR), 0);
	assert_int_equal(status_ask_fd(fd[0], &request, see_object, &seen), CTL_OK);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.object, "{\"a\":2}");
	close(fd[1]);

	memset(large, 'x', sizeof(large));
	pair(fd);
	assert_int_equal(send(fd[1], large, sizeof(large), 0), sizeof(large));
	catch_begin(&caught);
	assert_int_equal(status_ask_fd(fd[0], &request, see_object, &seen), CTL_FAILED);
	catch_end(&caught, out, err);
	assert_int_equal(seen.count, 2);
	close(fd[1]);
}

static void test_unreachable(void **state)
{
	char folder[] = "/tmp/bailiffctl-client-XXXXXX", path[128], longer[200];
	struct ctl_args args = { .socket = path };
	struct control_request request = { .op = CONTROL_STATUS };
	struct status_request status = { .op = STATUS_WATCH };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct seen seen = { 0 };
	struct caught caught;
	bool absent = false;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/control", folder);
	catch_begin(&caught);
	assert_int_equal(control_ask(&args, &request, NULL, see_reply, &seen), CTL_UNREACHABLE);
	catch_end(&caught, out, err);
	assert_non_null(strstr(err, "bailiffd is not running"));
	assert_non_null(strstr(err, "systemctl start bailiffd\n"));
	catch_begin(&caught);
	assert_int_equal(control_ask(&args, &request, &absent, see_reply, &seen), CTL_UNREACHABLE);
	catch_end(&caught, out, err);
	assert_true(absent);
	assert_string_equal(err, "");
	catch_begin(&caught);
	assert_int_equal(status_ask(&args, &status, see_object, &seen), CTL_UNREACHABLE);
	catch_end(&caught, out, err);
	assert_non_null(strstr(err, "bailiffd is not running"));

	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	args.socket = longer;
	catch_begin(&caught);
	assert_int_equal(control_ask(&args, &request, NULL, see_reply, &seen), CTL_UNREACHABLE);
	catch_end(&caught, out, err);
	assert_true(strlen(err) > 10);
	args.socket = path;

	/* There, but not for us. */
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(chmod(folder, 0755), 0);
	if (geteuid() == 0) {
		pid_t pid = fork();
		int code;

		assert_true(pid >= 0);
		if (pid == 0) {
			if (setresgid(65534, 65534, 65534) < 0 ||
			    setresuid(65534, 65534, 65534) < 0)
				_exit(99);
			catch_begin(&caught);
			code = status_ask(&args, &status, see_object, &seen);
			catch_end(&caught, out, err);
			_exit(code == CTL_UNREACHABLE && strstr(err, "group adm") ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &code, 0), pid);
		assert_int_equal(code, 0);
	}
	close(fd);
	(void)unlink(path);
	(void)rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_control),	       cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_refused_unread), cmocka_unit_test(test_status),
		cmocka_unit_test(test_unreachable),    cmocka_unit_test(test_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
