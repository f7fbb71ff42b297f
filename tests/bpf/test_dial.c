/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A login over a connection that another session of this machine made is joined to that session.
 */
#include "net.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum dialer {
	DIALER_LOGIN, /* has a login uid when it connects */
	DIALER_NONE, /* has none */
	DIALER_LATER, /* gets one once it is connected: the connection was not the session's */
	DIALER_MAX,
};

struct dial {
	const struct way *way;
	uint16_t port;
	enum dialer dialer;
	struct gate gate; /* the login is over */
};

static int dial(void *arg)
{
	struct dial *d = arg;
	int fd;

	if (d->dialer == DIALER_LOGIN && loginuid_write(1000))
		return 1;
	fd = tcp_connect(d->way->connect_family, d->way->from, d->way->to, d->port);
	if (fd < 0 || (d->dialer == DIALER_LATER && loginuid_write(1000)))
		return 1;
	gate_pass(&d->gate);
	close(fd);
	return 0;
}

static int put_fd0(void *arg)
{
	return dup2(*(const int *)arg, 0) != 0;
}

/* The login's birth; NULL if it was not told. */
static const struct bl_event_session *login_over(struct fixture *f, int server)
{
	char *argv[] = { "child:login", NULL };
	const struct event *ev;
	pid_t pid;

	pid = spawn_after(work_path("session-program"), argv, put_fd0, &server);
	wait_for(pid);
	events_drain(&f->events);
	ev = events_find(&f->events, BL_EVENT_SESSION, pid, 0);
	return ev ? &ev->e->session : NULL;
}

static void test_dialed(struct fixture *f, const struct way *way, enum dialer dialer)
{
	static const char *const names[] = {
		[DIALER_LOGIN] = "a session's",
		[DIALER_NONE] = "nobody's",
		[DIALER_LATER] = "not yet a session's",
	};
	struct dial d = { .way = way, .dialer = dialer };
	const struct bl_event_session *born;
	const struct event *own;
	int listener, server;
	uint64_t tag = 0;
	pid_t pid;

	_Static_assert(sizeof(names) / sizeof(names[0]) == DIALER_MAX, "dialers");
	listener = tcp_listen(way->listen_family, way->listen, &d.port);
	if (listener < 0 || gate_make(&d.gate)) {
		skip(way->name, "cannot listen there");
		return;
	}
	port_add(f, d.port, 9);
	events_forget(&f->events);
	pid = spawn_fn(dial, &d);
	server = accept(listener, NULL, NULL);
	if (dialer == DIALER_LATER)
		(void)wait_loginuid(pid);
	events_drain(&f->events);
	own = events_find(&f->events, BL_EVENT_SESSION, pid, 0);
	if (own)
		tag = own->e->session.session;
	born = login_over(f, server);
	if (dialer == DIALER_LOGIN)
		check(tag && born && born->parent_session == tag &&
			      (born->head.flags & BL_SESSION_JOINED) && born->end.family,
		      "dial, %s: a login over it is joined to the session that connected",
		      way->name);
	else
		check(born && born->parent_session == 0 && !(born->head.flags & BL_SESSION_JOINED),
		      "dial, %s: a login over %s connection is joined to none", way->name,
		      names[dialer]);
	gate_open(&d.gate);
	check(wait_for(pid) == 0, "dial, %s: the client is done", way->name);
	close(server);
	close(listener);
	bpf_map_delete_elem(sensors_map(&f->sensors, "bl_ports"), &d.port);
}

void test_dial(struct fixture *f)
{
	if (f->sensors.birth == BIRTH_NONE) {
		/* The connecting task, which neither forks nor execs, is then no session yet. */
		return;
	}
	for (size_t i = 0; i < WAYS; i++)
		for (int dialer = 0; dialer < DIALER_MAX; dialer++)
			test_dialed(f, &ways[i], (enum dialer)dialer);
}
