/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Established TCP connections of an address, by sock_diag netlink: found, and cut.
 *
 * The kernel compares the addresses (a bytecode filter goes with the dump), so what comes back is
 * what is to be cut. One network namespace: that of the calling process. Connections inside
 * containers' namespaces are seen by sockets_each_space alone.
 */
#ifndef ENFORCER_SOCKETS_H
#define ENFORCER_SOCKETS_H

#include <stddef.h>
#include <stdint.h>

#include <bailiff/event.h>

#include "base/addr.h"

#define SOCKETS_BATCH_MAX 1024 /* connections cut per dump; dumps repeat until one is empty */
#define SOCKETS_ROUNDS_MAX 64 /* so at most 65,536 connections per call */
#define SOCKETS_NETS_MAX 64
#define SOCKETS_REQUEST_MAX 4096

struct socket_found {
	struct bl_endpoint end;
	uint32_t inode;
	uint32_t uid;
};

/* A dump request for TCP sockets of family whose peer lies in one of count nets (0: any peer; at
 * most SOCKETS_NETS_MAX). Returns its length in bytes. */
size_t sockets_request(int family, const struct addr *nets, size_t count, uint32_t sequence,
		       unsigned char ret_message[SOCKETS_REQUEST_MAX]);

/*
 * Cuts every connection whose peer lies in one of the nets: the peer gets a reset, the local side
 * ECONNABORTED. The kernel walks its whole table of connections for that, twice (about 4 ns a
 * bucket: 2 ms where it has 262,144), however many nets are asked for at once.
 * -EOPNOTSUPP: the kernel has no SOCK_DESTROY (CONFIG_INET_DIAG_DESTROY).
 */
int sockets_cut(const struct addr *nets, size_t count, uint32_t *ret_cut);

/* Established TCP connections of this network namespace; nonzero from fn ends. */
typedef int (*socket_fn)(const struct socket_found *found, void *arg);
int sockets_each(socket_fn fn, void *arg);

#define SOCKETS_SPACES_MAX 1024 /* namespaces that are looked into */
#define SOCKETS_SPACES_LINES_MAX 65536 /* sockets of any state in all of them together */

/*
 * The same of the other namespaces that have a process (sockets/spaces.c). proc_fd: /proc. 1: there
 * may be more than were told. A process that keeps a socket of a namespace which it left is not
 * found.
 */
int sockets_each_space(int proc_fd, socket_fn fn, void *arg);
/* A line of /proc/net/tcp or tcp6. 1: it is established, 0: it is not, -EINVAL: it is no such
 * line. */
int sockets_parse_line(const char *line, int family, struct socket_found *ret);

/* 0 if SOCK_DESTROY is there, proven on a connection of its own over loopback. */
int sockets_probe_destroy(void);

#endif
