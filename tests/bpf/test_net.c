/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections to watched ports.
 */
#include "net.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct bl_event_connection *connection_nth(const struct fixture *f, uint32_t state,
							unsigned int nth)
{
	const struct event *ev;

	for (unsigned int i = 0; (ev = events_find(&f->events, BL_EVENT_CONNECTION, 0, i)); i++)
		if (ev->e->connection.state == state && nth-- == 0)
			return &ev->e->connection;
	return NULL;
}

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
	for (size_t i = 0; i < WAYS; i++) {
		test_connection(f, &ways[i], false);
		test_connection(f, &ways[i], true);
	}
	test_unwatched(f);
	test_refused(f);
}
