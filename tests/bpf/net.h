/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets and registered files and ports for the checks of connections.
 */
#ifndef TESTS_BPF_NET_H
#define TESTS_BPF_NET_H

#include <sys/socket.h>

#include "tests.h"

/* How a client may come: what it types, and what the sensors are to tell. */
struct way {
	const char *name;
	int listen_family;
	const char *listen;
	int connect_family;
	const char *from, *to;
};

#define WAYS 3
extern const struct way ways[WAYS];

/* Registers a file as a service's. */
int service_add(const struct fixture *f, const char *path, uint16_t service, enum bl_role role);
int port_add(const struct fixture *f, uint16_t port, uint16_t service);

/* A listening TCP socket on a loopback address; port is what it got. */
int tcp_listen(int family, const char *addr, uint16_t *ret_port);
/* A socket, or -errno. */
int tcp_connect(int family, const char *from, const char *to, uint16_t port);
uint16_t sock_port(int fd);
socklen_t address(struct sockaddr_storage *ret, int family, const char *text, uint16_t port);

/* Ports in host order; pad and unused bytes must be zero. */
bool end_is(const struct bl_endpoint *end, int family, const char *peer, const char *local,
	    uint16_t peer_port, uint16_t local_port);

#endif
