/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections to watched ports, and the peer of a service's session process.
 */
#include "tests.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

int service_add(const struct fixture *f, const char *path, uint16_t service, enum bl_role role)
{
	struct bl_file_role value = { .service = service, .role = (uint16_t)role };
	struct bl_file_key key = { 0 };
	struct stat st;

	if (stat(path, &st))
		return -errno;
	key.ino = st.st_ino;
	key.dev = (uint32_t)(major(st.st_dev) << 20 | minor(st.st_dev));
	return bpf_map_update_elem(sensors_map(&f->sensors, "bl_services"), &key, &value, BPF_ANY);
}

int port_add(const struct fixture *f, uint16_t port, uint16_t service)
{
	return bpf_map_update_elem(sensors_map(&f->sensors, "bl_ports"), &port, &service, BPF_ANY);
}

static socklen_t address(struct sockaddr_storage *ret, int family, const char *text, uint16_t port)
{
	struct sockaddr_in6 *in6 = (void *)ret;
	struct sockaddr_in *in = (void *)ret;

	memset(ret, 0, sizeof(*ret));
	ret->ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		in->sin_port = htons(port);
		return inet_pton(family, text, &in->sin_addr) == 1 ? sizeof(*in) : 0;
	}
	in6->sin6_port = htons(port);
	return inet_pton(family, text, &in6->sin6_addr) == 1 ? sizeof(*in6) : 0;
}

uint16_t sock_port(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len))
		return 0;
	/* At the same place in both families. */
	return ntohs(((struct sockaddr_in *)&sa)->sin_port);
}

int tcp_listen(int family, const char *addr, uint16_t *ret_port)
{
	struct sockaddr_storage sa;
	socklen_t len = address(&sa, family, addr, 0);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), off = 0;

	if (fd >= 0 && family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, len) || listen(fd, 8)) {
		if (fd >= 0)
			close(fd);
		return -errno;
	}
	*ret_port = sock_port(fd);
	return fd;
}

int tcp_connect(int family, const char *from, const char *to, uint16_t port)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), r;
	struct sockaddr_storage sa;
	socklen_t len;

	if (fd < 0)
		return -errno;
	len = address(&sa, family, from, 0);
	if (bind(fd, (struct sockaddr *)&sa, len))
		goto fail;
	len = address(&sa, family, to, port);
	if (connect(fd, (struct sockaddr *)&sa, len))
		goto fail;
	return fd;
fail:
	r = -errno;
	close(fd);
	return r;
}

static const struct bl_event_connection *connection_nth(const struct fixture *f, uint32_t state,
							unsigned int nth)
{
	const struct event *ev;

	for (unsigned int i = 0; (ev = events_find(&f->events, BL_EVENT_CONNECTION, 0, i)); i++)
		if (ev->e->connection.state == state && nth-- == 0)
			return &ev->e->connection;
	return NULL;
}

static bool end_is(const struct bl_endpoint *end, int family, const char *peer, const char *local,
		   uint16_t peer_port, uint16_t local_port)
{
	uint8_t p[16] = { 0 }, l[16] = { 0 };

	if (inet_pton(family, peer, p) != 1 || inet_pton(family, local, l) != 1)
		return false;
	return end->family == family && end->peer_port == peer_port &&
	       end->local_port == local_port && !end->pad && memcmp(end->peer, p, 16) == 0 &&
	       memcmp(end->local, l, 16) == 0;
}

struct way {
	const char *name;
	int listen_family;
	const char *listen;
	int connect_family;
	const char *from, *to;	/* as typed by the client, and as told */
};

static void test_connection(struct fixture *f, const struct way *way, bool server_closes_first)
{
	const struct bl_event_connection *open, *closed;
	uint16_t port, from;
	int listener = tcp_listen(way->listen_family, way->listen, &port), client, server;
	struct stat ns;

	if (listener < 0) {
		skip(way->name, strerror(-listener));
		return;
	}
	port_add(f, port, 9);
	events_forget(&f->events);
	client = tcp_connect(way->connect_family, way->from, way->to, port);
	if (!check(client >= 0, "%s: connects", way->name))
		return;
	from = sock_port(client);
	server = accept(listener, NULL, NULL);
	events_drain(&f->events);
	open = connection_nth(f, BL_CONNECTION_OPEN, 0);
	check(open && end_is(&open->end, way->connect_family, way->from, way->to, from, port),
	      "%s: opened, with both ends", way->name);
	check(open && stat("/proc/self/ns/net", &ns) == 0 && open->netns == ns.st_ino,
	      "%s: in this network namespace", way->name);
	check(!connection_nth(f, BL_CONNECTION_CLOSED, 0), "%s: not closed yet", way->name);
	close(server_closes_first ? server : client);
	close(server_closes_first ? client : server);
	/* Closing is done by soft interrupts. */
	for (int i = 0; i < 500; i++) {
		events_drain(&f->events);
		if (connection_nth(f, BL_CONNECTION_CLOSED, 0))
			break;
		usleep(10000);
	}
	closed = connection_nth(f, BL_CONNECTION_CLOSED, 0);
	check(closed && end_is(&closed->end, way->connect_family, way->from, way->to, from, port),
	      "%s: closed by the %s, the local port still known", way->name,
	      server_closes_first ? "server" : "client");
	close(listener);
	usleep(20000);
	events_drain(&f->events);
	check(events_count(&f->events, BL_EVENT_CONNECTION, 0) == 2,
	      "%s: two events, none of the client's side or the listener", way->name);
	bpf_map_delete_elem(sensors_map(&f->sensors, "bl_ports"), &port);
}

static void test_unwatched(struct fixture *f)
{
	uint16_t port;
	int listener = tcp_listen(AF_INET, "127.0.0.1", &port), client, server, outgoing;
	uint16_t from;

	events_forget(&f->events);
	client = tcp_connect(AF_INET, "127.0.0.1", "127.0.0.1", port);
	server = accept(listener, NULL, NULL);
	close(client);
	close(server);
	usleep(20000);
	events_drain(&f->events);
	check(client >= 0 && events_count(&f->events, BL_EVENT_CONNECTION, 0) == 0,
	      "another port: not told");

	/* The port of an outgoing connection is watched: still nobody connected to us. */
	outgoing = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage sa;
	socklen_t len = address(&sa, AF_INET, "127.0.0.1", 0);

	if (bind(outgoing, (struct sockaddr *)&sa, len))
		return;
	from = sock_port(outgoing);
	port_add(f, from, 9);
	len = address(&sa, AF_INET, "127.0.0.1", port);
	check(connect(outgoing, (struct sockaddr *)&sa, len) == 0, "outgoing: connects");
	server = accept(listener, NULL, NULL);
	events_drain(&f->events);
	check(!connection_nth(f, BL_CONNECTION_OPEN, 0),
	      "outgoing: from a watched port is not told as opened");
	close(outgoing);
	close(server);
	usleep(20000);
	events_drain(&f->events);
	check(!connection_nth(f, BL_CONNECTION_CLOSED, 0), "outgoing: nor as closed");
	bpf_map_delete_elem(sensors_map(&f->sensors, "bl_ports"), &from);
	close(listener);
}

static void test_refused(struct fixture *f)
{
	uint16_t port;
	int listener = tcp_listen(AF_INET, "127.0.0.1", &port), client;

	port_add(f, port, 9);
	close(listener);
	events_forget(&f->events);
	client = tcp_connect(AF_INET, "127.0.0.1", "127.0.0.1", port);
	events_drain(&f->events);
	check(client == -ECONNREFUSED && events_count(&f->events, BL_EVENT_CONNECTION, 0) == 0,
	      "refused connection: not told");
	bpf_map_delete_elem(sensors_map(&f->sensors, "bl_ports"), &port);
}

void test_net(struct fixture *f)
{
	static const struct way ways[] = {
		{ "v4", AF_INET, "127.0.0.1", AF_INET, "127.0.0.2", "127.0.0.1" },
		{ "v6", AF_INET6, "::1", AF_INET6, "::1", "::1" },
		{ "v4 to a v6 listener", AF_INET6, "::", AF_INET, "127.0.0.3", "127.0.0.1" },
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		test_connection(f, &ways[i], false);
		test_connection(f, &ways[i], true);
	}
	test_unwatched(f);
	test_refused(f);
}

/* ---- peers of session processes --------------------------------------------------------------- */

struct on_fd0 {
	int fd;
	bool as_user;
};

static int put_fd0(void *arg)
{
	const struct on_fd0 *put = arg;

	if (dup2(put->fd, 0) != 0 || dup2(put->fd, 1) != 1)
		return 1;
	return put->as_user && (setgid(1000) || setuid(1000));
}

static const struct event *run_service(struct fixture *f, const char *path, char *mode, int fd,
				       bool as_user, pid_t *ret_pid)
{
	struct on_fd0 put = { .fd = fd, .as_user = as_user };
	char *argv[] = { mode, NULL };
	pid_t pid;

	events_forget(&f->events);
	pid = spawn_after(path, argv, put_fd0, &put);
	wait_for(pid);
	events_drain(&f->events);
	*ret_pid = pid;
	return events_find(&f->events, BL_EVENT_EXEC, pid, 0);
}

static void test_peer_of(struct fixture *f, const struct way *way)
{
	uint16_t port, from;
	int listener = tcp_listen(way->listen_family, way->listen, &port), client, server;
	const struct event *ev, *gone;
	pid_t pid;

	if (listener < 0) {
		skip(way->name, strerror(-listener));
		return;
	}
	client = tcp_connect(way->connect_family, way->from, way->to, port);
	from = client >= 0 ? sock_port(client) : 0;
	server = accept(listener, NULL, NULL);
	ev = run_service(f, work_path("session-program"), "child:exit:5", server, false, &pid);
	check(ev && ev->e->exec.service == 9 && ev->e->exec.role == BL_ROLE_SESSION &&
		      end_is(&ev->e->exec.end, way->connect_family, way->from, way->to, from, port),
	      "peer, %s: of the session process at its exec", way->name);
	check(ev && ev->ring == RING_URGENT && ev->e->head.len == BL_EXEC_SMALL_LEN,
	      "peer, %s: in the urgent ring", way->name);
	gone = events_find(&f->events, BL_EVENT_EXIT, pid, 0);
	check(gone && gone->ring == RING_URGENT && gone->e->exit.service == 9 &&
		      gone->e->exit.role == BL_ROLE_SESSION && gone->e->exit.exit_code == 5 << 8,
	      "peer, %s: its exit tells service and status, urgently", way->name);
	close(client);
	/* The peer is gone, and with it the socket's place in the tables. */
	usleep(20000);
	ev = run_service(f, work_path("session-program"), "child:exit:5", server, false, &pid);
	check(ev && end_is(&ev->e->exec.end, way->connect_family, way->from, way->to, from, port),
	      "peer, %s: also of one that hung up before", way->name);
	close(server);
	close(listener);
}

static void test_peer_fork(struct fixture *f, int server)
{
	const struct event *ev, *child;
	pid_t pid;

	ev = run_service(f, work_path("session-program"), "child:fork-exit", server, false, &pid);
	child = NULL;
	for (unsigned int i = 0; (ev = events_find(&f->events, BL_EVENT_EXIT, 0, i)); i++)
		if (ev->e->exit.task.ppid == (uint32_t)pid)
			child = ev;
	check(child && child->ring == RING_URGENT && child->e->exit.exit_code == 0 &&
		      child->e->exit.service == 9 && child->e->exit.role == BL_ROLE_SESSION,
	      "peer: a fork without exec (a pre-authentication child) is told as its parent's kind");
	ev = events_find(&f->events, BL_EVENT_EXIT, pid, 0);
	check(ev && ev->e->exit.exit_code == 255 << 8, "peer: its parent ends with 255");
}

static void test_peer_session(struct fixture *f, int server, uint16_t from)
{
	const struct event *ev;
	pid_t pid;

	run_service(f, work_path("session-program"), "child:login", server, false, &pid);
	ev = events_find(&f->events, BL_EVENT_SESSION, pid, 0);
	if (f->sensors.birth == BIRTH_NONE) {
		check(!ev, "peer: a login without hook, fork and exec is not seen, as documented");
		return;
	}
	check(ev && ev->ring == RING_URGENT && ev->e->session.service == 9 &&
		      ev->e->session.end.family == AF_INET &&
		      ev->e->session.end.peer_port == from && ev->e->session.end.peer[3] == 2,
	      "peer: a session born there serves that connection");
}

static void test_peer_others(struct fixture *f, int server)
{
	const struct event *ev;
	int pair[2], pipes[2];
	pid_t pid;

	ev = run_service(f, work_path("session-program"), "child:exit:0", server, true, &pid);
	check(ev && ev->ring == RING_EVENTS && ev->e->exec.service == 9 &&
		      ev->e->exec.end.family == AF_INET,
	      "peer: run by a user it is told, but never in the urgent ring");
	ev = run_service(f, work_path("gain-program"), "child:exit:0", server, false, &pid);
	check(ev && ev->e->exec.role == BL_ROLE_GAIN && ev->e->exec.end.family == 0,
	      "peer: of a program that is no session process nobody asks");
	ev = run_service(f, work_path("prog"), "child:exit:0", server, false, &pid);
	check(ev && ev->e->exec.service == 0 && ev->e->exec.end.family == 0 &&
		      ev->ring == RING_EVENTS,
	      "peer: of another program neither");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0) {
		ev = run_service(f, work_path("session-program"), "child:exit:0", pair[0], false,
				 &pid);
		check(ev && ev->e->exec.end.family == AF_UNIX && ev->e->exec.end.peer_port == 0,
		      "peer: a local socket has a family and no address");
		close(pair[0]);
		close(pair[1]);
	}
	if (pipe(pipes) == 0) {
		ev = run_service(f, work_path("session-program"), "child:exit:0", pipes[0], false,
				 &pid);
		check(ev && ev->e->exec.service == 9 && ev->e->exec.end.family == 0,
		      "peer: a pipe is none");
		close(pipes[0]);
		close(pipes[1]);
	}
}

void test_peer(struct fixture *f)
{
	static const struct way ways[] = {
		{ "v4", AF_INET, "127.0.0.1", AF_INET, "127.0.0.2", "127.0.0.1" },
		{ "v6", AF_INET6, "::1", AF_INET6, "::1", "::1" },
		{ "v4 to a v6 listener", AF_INET6, "::", AF_INET, "127.0.0.3", "127.0.0.1" },
	};
	uint16_t port;
	int listener, client, server;
	char key[64];

	copy_self(work_path("session-program"), 0755);
	copy_self(work_path("gain-program"), 0755);
	check(service_add(f, work_path("session-program"), 9, BL_ROLE_SESSION) == 0 &&
		      service_add(f, work_path("gain-program"), 10, BL_ROLE_GAIN) == 0,
	      "peer: service's files registered");
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		test_peer_of(f, &ways[i]);
	listener = tcp_listen(AF_INET, "127.0.0.1", &port);
	client = tcp_connect(AF_INET, "127.0.0.2", "127.0.0.1", port);
	server = accept(listener, NULL, NULL);
	if (check(client >= 0 && server >= 0, "peer: connected")) {
		test_peer_fork(f, server);
		test_peer_session(f, server, sock_port(client));
		test_peer_others(f, server);
	}
	close(client);
	close(server);
	close(listener);
	check(bpf_map_get_next_key(sensors_map(&f->sensors, "bl_conns"), NULL, key) != 0,
	      "peer: nothing is left in bl_conns");
}
