/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Established TCP connections of the other network namespaces, as /proc/PID/net/tcp shows them: a
 * process of each namespace is enough, and nothing has to enter it, as sock_diag would have to.
 *
 * Whoever gets less than all is told so: namespaces and lines are limited, since containers and,
 * where user namespaces are open to all, anybody can make as many as they like.
 */
#include "enforcer/sockets/sockets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define LINE_MAX_BYTES 256 /* 150 are written; a longer one is cut */
#define STATE_ESTABLISHED 1 /* TCP_ESTABLISHED, net/tcp_states.h */

struct spaces {
	int proc_fd;
	ino_t own;
	ino_t known[SOCKETS_SPACES_MAX];
	size_t count;
	uint32_t lines;
	bool partial;
	socket_fn fn;
	void *arg;
	int result; /* fn's */
};

/* "0100007F", or four such words: each is printed as a number of this machine (tcp_ipv4.c,
 * tcp_ipv6.c). */
static bool words_read(const char *hex, size_t words, uint8_t *to)
{
	if (strlen(hex) != 8 * words)
		return false;
	for (size_t i = 0; i < words; i++) {
		char word[9] = "";
		uint32_t value;
		char *end;

		memcpy(word, hex + 8 * i, 8);
		value = (uint32_t)strtoul(word, &end, 16);
		if (*end)
			return false;
		memcpy(to + 4 * i, &value, sizeof(value));
	}
	return true;
}

int sockets_parse_line(const char *line, int family, struct socket_found *ret)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };
	const size_t words = family == AF_INET ? 1 : 4;
	char local[36], peer[36];
	unsigned int local_port, peer_port, state, uid, inode;
	uint8_t from[16] = { 0 }, to[16] = { 0 };
	bool mapped;

	if (sscanf(line,
		   " %*u: %35[0-9A-Fa-f]:%4x %35[0-9A-Fa-f]:%4x %2x %*x:%*x %*x:%*x %*x %u %*u %u",
		   local, &local_port, peer, &peer_port, &state, &uid, &inode) != 7)
		return -EINVAL;
	if (!words_read(local, words, to) || !words_read(peer, words, from))
		return -EINVAL;
	if (state != STATE_ESTABLISHED)
		return 0;
	mapped = family == AF_INET6 && !memcmp(from, prefix, sizeof(prefix));
	*ret = (struct socket_found){
		.inode = inode,
		.uid = uid,
		.end.family = mapped ? AF_INET : (uint16_t)family,
		.end.peer_port = (uint16_t)peer_port,
		.end.local_port = (uint16_t)local_port,
	};
	memcpy(ret->end.peer, mapped ? from + 12 : from, mapped ? 4 : 4 * words);
	memcpy(ret->end.local, mapped ? to + 12 : to, mapped ? 4 : 4 * words);
	return 1;
}

static int table_read(struct spaces *spaces, const char *pid, const char *name, int family)
{
	_cleanup_fclose_ FILE *file = NULL;
	char path[64], line[LINE_MAX_BYTES];
	bool head = true, begins = true;
	int fd, r = 0;

	(void)snprintf(path, sizeof(path), "%.12s/net/%s", pid, name);
	fd = openat(spaces->proc_fd, path, O_RDONLY | O_CLOEXEC);
	/* A kernel without IPv6. */
	if (fd < 0)
		return errno == ENOENT && family == AF_INET6 ? 0 : -errno;
	file = fdopen(fd, "r");
	if (!file) {
		(void)close(fd);
		return -ENOMEM;
	}
	while (!r && !spaces->result && fgets(line, sizeof(line), file)) {
		const bool whole = begins;
		struct socket_found found;

		begins = strchr(line, '\n') != NULL;
		if (!whole || head) {
			head = false;
			continue;
		}
		if (++spaces->lines > SOCKETS_SPACES_LINES_MAX)
			return -E2BIG;
		r = sockets_parse_line(line, family, &found);
		if (r > 0) {
			spaces->result = spaces->fn(&found, spaces->arg);
			r = 0;
		}
	}
	return !r && ferror(file) ? -EIO : r;
}

static bool is_over(int error)
{
	return error == -ENOENT || error == -ESRCH;
}

/* A process that is over does not matter: its namespace is over as well, or has others. */
static void look_at(struct spaces *spaces, const char *pid)
{
	char path[32];
	struct stat st;
	int r;

	(void)snprintf(path, sizeof(path), "%.12s/ns/net", pid);
	if (fstatat(spaces->proc_fd, path, &st, 0) < 0) {
		spaces->partial = spaces->partial || !is_over(-errno);
		return;
	}
	if (st.st_ino == spaces->own)
		return;
	for (size_t i = 0; i < spaces->count; i++)
		if (spaces->known[i] == st.st_ino)
			return;
	if (spaces->count == SOCKETS_SPACES_MAX) {
		spaces->partial = true;
		return;
	}
	r = table_read(spaces, pid, "tcp", AF_INET);
	if (is_over(r))
		return;
	spaces->known[spaces->count++] = st.st_ino;
	if (!r)
		r = table_read(spaces, pid, "tcp6", AF_INET6);
	spaces->partial = spaces->partial || r < 0;
}

int sockets_each_space(int proc_fd, socket_fn fn, void *arg)
{
	_cleanup_free_ struct spaces *spaces = calloc(1, sizeof(*spaces));
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	struct stat st;
	int fd;

	if (!spaces)
		return -ENOMEM;
	*spaces = (struct spaces){ .proc_fd = proc_fd, .fn = fn, .arg = arg };
	if (fstatat(proc_fd, "self/ns/net", &st, 0) < 0)
		return -errno;
	spaces->own = st.st_ino;
	fd = openat(proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return -ENOMEM;
	}
	while (!spaces->result && (entry = readdir(dir)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			look_at(spaces, entry->d_name);
	return spaces->result ? spaces->result : spaces->partial;
}
