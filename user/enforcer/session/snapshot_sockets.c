/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets by inode, as /proc/PID/net of a process in the same network namespace lists them.
 *
 * The text is the kernel's (Documentation/networking/proc_net_tcp.rst): addresses are words of 32
 * bits in the host's byte order, ports are numbers. A table is read once per namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "enforcer/session/snapshot.h"

#define TABLE_MAX (8U << 20) /* bytes of one file of /proc/PID/net */
#define INODE_FIELD 9 /* of a line, counted from 0 */

/* The next blank-separated field; its length, 0 at the end of the line. */
static size_t field(const char **at, const char *end)
{
	const char *from;

	while (*at < end && **at == ' ')
		(*at)++;
	from = *at;
	while (*at < end && **at != ' ')
		(*at)++;
	return (size_t)(*at - from);
}

static bool hex(const char *text, size_t digits, uint32_t *ret)
{
	uint32_t value = 0;

	for (size_t i = 0; i < digits; i++) {
		static const char all[] = "0123456789ABCDEF";
		const char *digit = text[i] ? strchr(all, text[i]) : NULL;

		if (!digit)
			return false;
		value = value << 4 | (uint32_t)(digit - all);
	}
	*ret = value;
	return true;
}

/* "0100007F:0016" */
static bool endpoint(const char *text, size_t len, int family, uint8_t addr[16], uint16_t *port)
{
	size_t words = family == AF_INET ? 1 : 4;
	uint32_t word;

	if (len != words * 8 + 5 || text[words * 8] != ':')
		return false;
	for (size_t i = 0; i < words; i++) {
		if (!hex(text + 8 * i, 8, &word))
			return false;
		memcpy(addr + 4 * i, &word, 4);
	}
	if (!hex(text + words * 8 + 1, 4, &word))
		return false;
	*port = (uint16_t)word;
	return true;
}

static bool parse_line(const char *at, const char *end, int family, struct snapshot_socket *ret)
{
	struct snapshot_socket socket = { .family = (uint8_t)family };
	uint32_t state;

	for (int i = 0; i <= INODE_FIELD; i++) {
		size_t len = field(&at, end);
		const char *text = at - len;

		if (!len)
			return false;
		if ((i == 1 && !endpoint(text, len, family, socket.local, &socket.local_port)) ||
		    (i == 2 && !endpoint(text, len, family, socket.peer, &socket.peer_port)) ||
		    (i == 3 && (len != 2 || !hex(text, 2, &state))))
			return false;
		if (i == 3)
			socket.state = (uint8_t)state;
		for (size_t k = 0; i == INODE_FIELD && k < len; k++) {
			if (text[k] < '0' || text[k] > '9')
				return false;
			socket.inode = socket.inode * 10 + (uint64_t)(text[k] - '0');
		}
	}
	*ret = socket;
	return true;
}

int snapshot_sockets_parse(struct snapshot_sockets *sockets, const char *text, size_t len,
			   int family, bool tcp)
{
	const char *end = text + len;
	bool head = true;

	for (const char *line = text; line < end;) {
		const char *eol = memchr(line, '\n', (size_t)(end - line));
		struct snapshot_socket socket;
		const char *stop = eol ? eol : end;

		/* 0: of a connection that is over, and of nobody's. */
		if (!head && parse_line(line, stop, family, &socket) && socket.inode) {
			if (sockets->count == SNAPSHOT_SOCKETS_MAX) {
				sockets->cut = true;
				return 0;
			}
			if (sockets->count == sockets->size) {
				uint32_t size = sockets->size ? sockets->size * 2 : 64;
				struct snapshot_socket *more = reallocarray(
					sockets->socket, size, sizeof(*sockets->socket));

				if (!more)
					return -ENOMEM;
				sockets->socket = more;
				sockets->size = size;
			}
			socket.tcp = tcp;
			sockets->socket[sockets->count++] = socket;
		}
		head = false;
		line = stop + 1;
	}
	return 0;
}

void snapshot_sockets_done(struct snapshot_sockets *sockets)
{
	free(sockets->socket);
	*sockets = (struct snapshot_sockets){};
}

static void read_tables(struct snapshot_sockets *sockets, int proc_fd)
{
	static const struct {
		const char *name;
		int family;
		bool tcp;
	} tables[] = {
		{ "net/tcp", AF_INET, true },
		{ "net/tcp6", AF_INET6, true },
		{ "net/udp", AF_INET, false },
		{ "net/udp6", AF_INET6, false },
	};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		_cleanup_close_ int fd = openat(proc_fd, tables[i].name, O_RDONLY | O_CLOEXEC);
		_cleanup_free_ char *text = NULL;
		size_t len;

		if (fd < 0)
			continue;
		if (file_read_fd(fd, TABLE_MAX, &text, &len) < 0 ||
		    snapshot_sockets_parse(sockets, text, len, tables[i].family, tables[i].tcp) < 0)
			sockets->cut = true;
	}
}

const struct snapshot_socket *snapshot_socket(struct snapshot *snapshot, int proc_fd,
					      uint64_t inode)
{
	struct snapshot_sockets *sockets = NULL;
	struct stat st;

	if (fstatat(proc_fd, "ns/net", &st, 0) < 0)
		return NULL;
	for (uint32_t i = 0; i < snapshot->netns_count && !sockets; i++)
		if (snapshot->netns[i].netns == st.st_ino)
			sockets = &snapshot->netns[i];
	if (!sockets) {
		if (snapshot->netns_count == SNAPSHOT_NETNS_MAX) {
			snapshot->cut = true;
			return NULL;
		}
		if (!snapshot->netns)
			snapshot->netns = calloc(SNAPSHOT_NETNS_MAX, sizeof(*snapshot->netns));
		if (!snapshot->netns)
			return NULL;
		sockets = &snapshot->netns[snapshot->netns_count++];
		sockets->netns = st.st_ino;
		read_tables(sockets, proc_fd);
		snapshot->cut |= sockets->cut;
	}
	for (uint32_t i = 0; i < sockets->count; i++)
		if (sockets->socket[i].inode == inode)
			return &sockets->socket[i];
	return NULL;
}
