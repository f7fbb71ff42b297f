/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The peer of a service's session process, and what is told of such processes.
 */
#include "net.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
	      "peer: a fork without exec (a pre-authentication child) is told as its parent's "
	      "kind");
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
	uint16_t port;
	int listener, client, server;
	char key[64];

	copy_self(work_path("session-program"), 0755);
	copy_self(work_path("gain-program"), 0755);
	check(service_add(f, work_path("session-program"), 9, BL_ROLE_SESSION) == 0 &&
		      service_add(f, work_path("gain-program"), 10, BL_ROLE_GAIN) == 0,
	      "peer: service's files registered");
	for (size_t i = 0; i < WAYS; i++)
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
