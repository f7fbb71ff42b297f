/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control socket: what root may ask of the running bailiffd.
 */
#include "enforcer/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

struct client {
	struct control *control; /* NULL = free */
	int fd;
	struct loop_source *watch;
	uint64_t until_ns;
	pid_t writer; /* the copy that writes a long answer, 0 = none */
	pid_t pid;
	uid_t uid;
};

struct control {
	struct loop *loop;
	const struct control_ops *ops;
	void *arg;
	uid_t uid;
	struct loop_source *watch;
	struct client client[CONTROL_CLIENTS_MAX];
};

static void client_end(struct client *client)
{
	client->watch = loop_remove(client->watch);
	if (client->writer > 0) {
		/* Ours and not reaped: the number cannot be another's. */
		(void)kill(client->writer, SIGKILL);
		(void)waitpid(client->writer, NULL, 0);
	}
	(void)close(client->fd);
	*client = (struct client){ .fd = -1 };
}

struct control *control_free(struct control *control)
{
	if (!control)
		return NULL;
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (control->client[i].control)
			client_end(&control->client[i]);
	(void)loop_remove(control->watch);
	free(control);
	return NULL;
}

/* ---- who asks ---- */

static uint32_t login_uid(pid_t pid)
{
	char path[64];
	_cleanup_free_ char *text = NULL;

	(void)snprintf(path, sizeof(path), "/proc/%d/loginuid", pid);
	if (file_read(path, 32, &text, NULL) < 0)
		return BL_UNSET;
	return (uint32_t)strtoul(text, NULL, 10);
}

/* From /etc/passwd alone: a name service over the network would hold up the loop. */
static void user_name(uint32_t uid, char *to, size_t size)
{
	_cleanup_fclose_ FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *user;

	(void)snprintf(to, size, "uid %u", uid);
	while (file && (user = fgetpwent(file)))
		if (user->pw_uid == uid) {
			text_copy(to, size, user->pw_name);
			return;
		}
}

void control_who(pid_t pid, uid_t uid, char *to, size_t size)
{
	uint32_t login = login_uid(pid);
	char name[IPC_USER_MAX];

	if (login == BL_UNSET || login == uid) {
		user_name(uid, to, size);
		return;
	}
	user_name(login, name, sizeof(name));
	(void)snprintf(to, size, "%s (uid %u, now uid %u)", name, login, uid);
}

/* ---- requests ---- */

const char *control_check(const void *bytes, size_t len)
{
	struct control_request request;

	if (len != sizeof(request))
		return "the request has another length: bailiffctl and bailiffd are of different "
		       "versions";
	memcpy(&request, bytes, sizeof(request));
	if (request.version != CONTROL_VERSION)
		return "the request is of another version than bailiffd";
	if (request.op < CONTROL_STATUS || request.op >= CONTROL_OP_MAX)
		return "there is no such operation";
	if (!memchr(request.reason, '\0', sizeof(request.reason)))
		return "the reason has no end";
	if (request.subject.kind >= SUBJECT_MAX)
		return "there is no such kind of subject";
	if (request.force > 1)
		return "force is 0 or 1";
	return NULL;
}

/* pass_fd: goes with it, -1 = none. */
static void send_reply(int fd, const struct control_reply *reply, int pass_fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct control_reply copy = *reply;
	struct iovec part = { .iov_base = &copy, .iov_len = sizeof(copy) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (pass_fd >= 0) {
		struct cmsghdr *c = &control.align;

		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass_fd, sizeof(int));
	}
	/* One packet fits into an empty socket buffer; a client that closed is no news. */
	(void)sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void refuse(int fd, int error, const char *text)
{
	struct control_reply reply = { .version = CONTROL_VERSION, .error = error };

	text_copy(reply.text, sizeof(reply.text), text);
	send_reply(fd, &reply, -1);
}

/* ---- long answers ---- */

static int send_part(const struct control_reply *reply, void *arg)
{
	const int *fd = arg;
	struct control_reply part = *reply;

	part.version = CONTROL_VERSION;
	part.more = 1;
	return send(*fd, &part, sizeof(part), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* In the copy. It shares nothing that it could change but the socket and kernel maps, which it only
 * reads; it leaves by _exit, so no cleanup of bailiffd's runs twice. */
static void write_list(struct control *control, const struct client *client,
		       const struct control_request *request)
{
	struct control_reply last = { .version = CONTROL_VERSION };
	int fd = client->fd, r;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		_exit(1);
	(void)alarm(CONTROL_SECONDS * 10);
	(void)signal(SIGALRM, SIG_DFL);
	(void)fcntl(fd, F_SETFL, 0);
	r = control->ops->list(request, send_part, &fd, control->arg);
	if (r < 0) {
		last.error = r;
		text_copy(last.text, sizeof(last.text), strerror(-r));
	}
	(void)send(fd, &last, sizeof(last), MSG_NOSIGNAL);
	_exit(0);
}

static void start_list(struct client *client, const struct control_request *request)
{
	pid_t pid = fork();

	if (pid == 0)
		write_list(client->control, client, request);
	if (pid < 0) {
		refuse(client->fd, -errno, "bailiffd cannot start a writer for the answer");
		client_end(client);
		return;
	}
	client->writer = pid;
	client->until_ns = clock_boot_ns() + 10ULL * CONTROL_SECONDS * NSEC_PER_SEC;
	client->watch = loop_remove(client->watch);
}

static void answer(struct client *client, const struct control_request *request)
{
	struct control_reply reply = { .version = CONTROL_VERSION };
	struct control *control = client->control;
	_cleanup_close_ int pass_fd = -1;
	char who[IPC_USER_MAX];

	switch ((enum control_op)request->op) {
	case CONTROL_LIST:
	case CONTROL_SESSIONS:
	case CONTROL_FINDINGS:
	case CONTROL_SOURCES:
	case CONTROL_FILTERS:
		start_list(client, request);
		return;
	case CONTROL_STATUS:
	case CONTROL_LOCK:
	case CONTROL_RELEASE:
	case CONTROL_RELOAD:
	case CONTROL_RECORD:
	case CONTROL_HOLD:
	case CONTROL_THAW:
		break;
	case CONTROL_OP_MAX:
		return;
	}
	control_who(client->pid, client->uid, who, sizeof(who));
	if (request->op == CONTROL_RECORD)
		pass_fd = control->ops->record(who, &reply, control->arg);
	else
		control->ops->answer(request, who, client->pid, &reply, control->arg);
	reply.version = CONTROL_VERSION;
	reply.more = 0;
	send_reply(client->fd, &reply, pass_fd);
	client_end(client);
}

static int on_request(struct loop_source *watch, int fd, uint32_t events, void *arg)
{
	struct client *client = arg;
	struct control_request request;
	_Alignas(8) char bytes[sizeof(request) + 1];
	ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	const char *wrong;

	(void)watch;
	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0) {
		client_end(client);
		return 0;
	}
	wrong = control_check(bytes, (size_t)got);
	if (wrong) {
		refuse(fd, -EINVAL, wrong);
		client_end(client);
		return 0;
	}
	memcpy(&request, bytes, sizeof(request));
	answer(client, &request);
	return 0;
}

static int accept_client(struct control *control, int listen_fd)
{
	_cleanup_close_ int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct client *client = NULL;
	int r;

	if (fd < 0)
		return errno == EAGAIN || errno == EINTR || errno == ECONNABORTED ? 0 : -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return 0;
	/* The socket's mode says the same; a mode can be changed by mistake. */
	if (peer.uid != 0 && peer.uid != control->uid) {
		refuse(fd, -EPERM, "only root may ask this");
		return 0;
	}
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX && !client; i++)
		if (!control->client[i].control)
			client = &control->client[i];
	if (!client) {
		refuse(fd, -EBUSY, "too many requests at once; try again");
		return 0;
	}
	*client = (struct client){
		.control = control,
		.fd = fd,
		.until_ns = clock_boot_ns() + CONTROL_SECONDS * NSEC_PER_SEC,
		.pid = peer.pid,
		.uid = peer.uid,
	};
	r = loop_add_io(control->loop, fd, EPOLLIN, on_request, client, &client->watch);
	if (r < 0) {
		*client = (struct client){ .fd = -1 };
		return 0;
	}
	(void)TAKE_FD(fd);
	return 0;
}

static int on_connect(struct loop_source *watch, int fd, uint32_t events, void *arg)
{
	int r = accept_client(arg, fd);

	(void)watch;
	(void)events;
	/* Out of descriptors or memory: the next one may have more luck. */
	if (r < 0)
		log_warning_errno(r, "control socket");
	return 0;
}

void control_tick(struct control *control, uint64_t now_boot_ns)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &control->client[i];
		int status;

		if (!client->control)
			continue;
		if (client->writer > 0 &&
		    waitpid(client->writer, &status, WNOHANG) == client->writer) {
			client->writer = 0;
			client_end(client);
		} else if (client->until_ns <= now_boot_ns) {
			client_end(client);
		}
	}
}

int control_new(struct control **ret, struct loop *loop, int listen_fd,
		const struct control_ops *ops, uid_t uid, void *arg)
{
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return -ENOMEM;
	control->loop = loop;
	control->ops = ops;
	control->uid = uid;
	control->arg = arg;
	r = loop_add_io(loop, listen_fd, EPOLLIN, on_connect, control, &control->watch);
	if (r < 0) {
		free(control);
		return r;
	}
	*ret = control;
	return 0;
}
