/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Questions over the sockets.
 */
#include "ctl/client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "ctl/output.h"

static int unreachable(int error, const char *path, const char *who, const char *needs)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		output_error("%s is not running (nobody listens at %s); start it with: systemctl "
			     "start bailiffd",
			     who, path);
		break;
	case EACCES:
	case EPERM:
		output_error("no permission to ask %s at %s: this %s", who, path, needs);
		break;
	default:
		output_error("%s at %s: %s", who, path, strerror(error));
		break;
	}
	return CTL_UNREACHABLE;
}

/* 0, or -errno. wait_seconds 0: for ever. */
static int open_socket(const char *path, int wait_seconds, int *ret)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = wait_seconds };
	_cleanup_close_ int fd = -1;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (wait_seconds && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret = TAKE_FD(fd);
	return 0;
}

/*
 * A server that refuses before it read our request leaves its answer in our queue and a
 * ECONNRESET before it, which the kernel tells once (__skb_try_recv_datagram asks for the error
 * first).
 */
static ssize_t receive(int fd, struct msghdr *message)
{
	bool reset = false;
	ssize_t n;

	for (;;) {
		n = recvmsg(fd, message, MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == ECONNRESET && !reset)
			reset = true;
		else if (n >= 0 || errno != EINTR)
			return n;
	}
}

static ssize_t receive_bytes(int fd, void *to, size_t size)
{
	struct iovec part = { .iov_base = to, .iov_len = size };
	/* Without room for descriptors the kernel closes those that come. */
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	return receive(fd, &message);
}

/* ret_passed: the descriptor that came with it, or -1. */
static ssize_t receive_with_fd(int fd, void *to, size_t size, int *ret_passed)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { .iov_base = to, .iov_len = size };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = receive(fd, &message);
	const struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&message);

	*ret_passed = -1;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_passed, CMSG_DATA(c), sizeof(int));
	return n;
}

/* false: the server is gone and there is no answer to wait for. */
static bool ask(int fd, const void *request, size_t len)
{
	return send(fd, request, len, MSG_NOSIGNAL) >= 0 || errno == EPIPE || errno == ECONNRESET;
}

static int lost(const char *who)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		output_error("%s does not answer", who);
	else
		output_error("%s: %s", who, strerror(errno));
	return CTL_UNREACHABLE;
}

/* ---- control --------------------------------------------------------------------------------- */

#define TERMINATE(array) ((array)[sizeof(array) - 1] = '\0')

/* bailiffd is trusted, its strings are not: they may be an attacker's, cut anywhere. */
static void terminate_strings(struct control_reply *reply, uint32_t op)
{
	TERMINATE(reply->text);
	if (op == CONTROL_LIST) {
		TERMINATE(reply->lockout.rule);
		TERMINATE(reply->lockout.who);
		TERMINATE(reply->lockout.reason);
	} else if (op == CONTROL_SESSIONS) {
		TERMINATE(reply->session.user);
		TERMINATE(reply->session.service);
	} else if (op == CONTROL_FINDINGS) {
		TERMINATE(reply->finding.name);
		TERMINATE(reply->finding.text);
	} else if (op == CONTROL_SOURCES) {
		TERMINATE(reply->source.path);
		TERMINATE(reply->source.text);
	} else if (op == CONTROL_FILTERS) {
		TERMINATE(reply->filter.filter);
		TERMINATE(reply->filter.file);
	}
}

int control_exit(const struct control_reply *reply)
{
	if (reply->error == -ENOENT || reply->error == -ESRCH)
		return CTL_NOT_FOUND;
	if (reply->error < 0)
		return CTL_REFUSED;
	switch (reply->result) {
	case OUTCOME_OBSERVED:
	case OUTCOME_EXEMPT:
	case OUTCOME_LAST_WAY_IN:
	case OUTCOME_LIMIT:
	case OUTCOME_FAILED:
		return CTL_REFUSED;
	default:
		return CTL_OK;
	}
}

/* n: what receiving it gave. */
static int check_reply(struct control_reply *reply, ssize_t n, uint32_t op)
{
	if (n < 0)
		return lost("bailiffd");
	if (n == 0) {
		output_error("bailiffd ended the answer before its end");
		return CTL_UNREACHABLE;
	}
	if ((size_t)n != sizeof(*reply) || reply->version != CONTROL_VERSION) {
		output_error("bailiffd answers in another version: bailiffctl and bailiffd "
			     "must be of the same release");
		return CTL_FAILED;
	}
	terminate_strings(reply, op);
	return CTL_OK;
}

int control_ask_fd(int fd, struct control_request *request, control_fn fn, void *arg)
{
	_cleanup_close_ int owned = fd;
	struct control_reply reply;
	int r;

	request->version = CONTROL_VERSION;
	if (!ask(owned, request, sizeof(*request)))
		return lost("bailiffd");
	do {
		r = check_reply(&reply, receive_bytes(owned, &reply, sizeof(reply)), request->op);
		if (r != CTL_OK)
			return r;
		r = fn(&reply, control_exit(&reply), arg);
		if (r != CTL_OK)
			return r;
	} while (reply.more);
	return CTL_OK;
}

int control_ask(const struct ctl_args *args, struct control_request *request, bool *ret_absent,
		control_fn fn, void *arg)
{
	const char *path = args->socket ? args->socket : CONTROL_SOCKET;
	int fd = -1, r;

	r = open_socket(path, CLIENT_WAIT_SECONDS, &fd);
	if (r < 0) {
		if (ret_absent && (r == -ENOENT || r == -ECONNREFUSED)) {
			*ret_absent = true;
			return CTL_UNREACHABLE;
		}
		return unreachable(-r, path, "bailiffd", "needs root");
	}
	return control_ask_fd(fd, request, fn, arg);
}

int control_ask_pipe_fd(int fd, struct control_request *request, int *ret_pipe)
{
	_cleanup_close_ int owned = fd, passed = -1;
	struct control_reply reply;
	ssize_t n;
	int r;

	request->version = CONTROL_VERSION;
	if (!ask(owned, request, sizeof(*request)))
		return lost("bailiffd");
	n = receive_with_fd(owned, &reply, sizeof(reply), &passed);
	r = check_reply(&reply, n, request->op);
	if (r != CTL_OK)
		return r;
	r = control_exit(&reply);
	if (r != CTL_OK) {
		output_error("%s", reply.text[0] ? reply.text : "bailiffd refused");
		return r;
	}
	if (passed < 0) {
		output_error("bailiffd sent no pipe to read from");
		return CTL_FAILED;
	}
	*ret_pipe = TAKE_FD(passed);
	return CTL_OK;
}

int control_ask_pipe(const struct ctl_args *args, struct control_request *request, int *ret_pipe)
{
	const char *path = args->socket ? args->socket : CONTROL_SOCKET;
	int fd = -1, r;

	r = open_socket(path, CLIENT_WAIT_SECONDS, &fd);
	if (r < 0)
		return unreachable(-r, path, "bailiffd", "needs root");
	return control_ask_pipe_fd(fd, request, ret_pipe);
}

/* ---- status ---------------------------------------------------------------------------------- */

int status_ask_fd(int fd, struct status_request *request, object_fn fn, void *arg)
{
	_cleanup_close_ int owned = fd;
	char object[STATUS_JSON_MAX + 1];
	ssize_t n;
	int r;

	request->version = CONTROL_VERSION;
	if (!ask(owned, request, sizeof(*request)))
		return lost("bailiff-recorder");
	for (;;) {
		n = receive_bytes(owned, object, sizeof(object));
		if (n < 0)
			return lost("bailiff-recorder");
		if (n == 0)
			return CTL_OK;
		if ((size_t)n > STATUS_JSON_MAX) {
			output_error("bailiff-recorder sent more than %d bytes at once",
				     STATUS_JSON_MAX);
			return CTL_FAILED;
		}
		object[n] = '\0';
		r = fn(object, (size_t)n, arg);
		if (r != CTL_OK)
			return r;
	}
}

int status_ask(const struct ctl_args *args, struct status_request *request, object_fn fn, void *arg)
{
	const char *path = args->socket ? args->socket : STATUS_SOCKET;
	int fd = -1, r;

	r = open_socket(path, request->op == STATUS_WATCH ? 0 : CLIENT_WAIT_SECONDS, &fd);
	if (r < 0)
		return unreachable(-r, path, "bailiffd", "needs root, or membership in group adm");
	return status_ask_fd(fd, request, fn, arg);
}
