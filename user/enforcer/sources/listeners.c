/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log sources that are sockets: made here with rights, read by the analyst without any.
 */
#include "enforcer/sources/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/log.h"
#include "enforcer/sources/audit.h"

/* A datagram of net.core.wmem_default (212992) and its overhead fit several times. */
#define RECEIVE_BYTES (4 * 1024 * 1024)

struct listener {
	char path[CONF_SOCKET_MAX + 1]; /* "" = audit */
	char trouble[IPC_TEXT_MAX]; /* why there is, or will be, nothing to read; "" = none known */
	uint32_t id; /* of the last set-up, 0 = none */
	bool named; /* by the configuration */
	int fd; /* -1: it could not be made */
};

struct listeners {
	struct listener at[CONF_SOURCES_MAX];
	uint32_t count;
	uint32_t given;
	int empty_fd; /* in the place of what could not be made */
};

int listeners_new(struct listeners **ret)
{
	_cleanup_(listeners_freep) struct listeners *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->empty_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (l->empty_fd < 0)
		return -errno;
	*ret = TAKE_PTR(l);
	return 0;
}

struct listeners *listeners_free(struct listeners *l)
{
	if (!l)
		return NULL;
	for (uint32_t i = 0; i < l->count; i++)
		base_closep(&l->at[i].fd);
	base_closep(&l->empty_fd);
	free(l);
	return NULL;
}

/* Whoever can write in the folder could put a socket of his own in its place. */
static int check_folder(const char *path, char *why, size_t size)
{
	char folder[CONF_SOCKET_MAX + 1];
	const char *slash = strrchr(path, '/');
	struct stat st;

	text_copy_len(folder, sizeof(folder), path, slash == path ? 1 : (size_t)(slash - path));
	if (lstat(folder, &st) < 0) {
		(void)snprintf(why, size, "%s: %s", folder, strerror(errno));
		return -errno;
	}
	if (S_ISDIR(st.st_mode) && st.st_uid == 0 && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	(void)snprintf(why, size, "%s is not a folder that only root can write", folder);
	return -EPERM;
}

/* As /dev/log: everybody may write into it, the kernel says who did. */
static int bind_at(int fd, const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct stat st;

	memcpy(at.sun_path, path, strlen(path));
	if (lstat(path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode))
			return -EEXIST;
		if (unlink(path) < 0)
			return -errno;
	}
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || chmod(path, 0666) < 0)
		return -errno;
	return 0;
}

static int open_socket(const char *path, int *ret_fd, char *why, size_t size)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, bytes = RECEIVE_BYTES;
	int r;

	r = check_folder(path, why, size);
	if (r < 0)
		return r;
	/* Before bind: no datagram may come without its sender's credentials. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) < 0)
		r = -errno;
	else
		r = bind_at(fd, path);
	if (r < 0) {
		(void)snprintf(why, size, "%s cannot be made: %s", path,
			       r == -EEXIST ? "it is there and no socket" : strerror(-r));
		return r;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static struct listener *find(struct listeners *l, const char *path)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (!strcmp(l->at[i].path, path))
			return &l->at[i];
	return NULL;
}

static void open_listener(struct listener *listener, const char *name)
{
	int r;

	listener->trouble[0] = '\0';
	if (listener->path[0]) {
		r = open_socket(listener->path, &listener->fd, listener->trouble,
				sizeof(listener->trouble));
	} else {
		r = audit_open(&listener->fd);
		audit_trouble(r, audit_enabled(), listener->trouble, sizeof(listener->trouble));
	}
	if (listener->trouble[0])
		log_warning("source %s: %s", name, listener->trouble);
}

static void name_listener(struct listeners *l, const struct conf_source *source)
{
	const char *path = source->audit ? "" : source->syslog;
	struct listener *listener = find(l, path);

	if (!listener) {
		if (l->count == CONF_SOURCES_MAX)
			return;
		listener = &l->at[l->count++];
		*listener = (struct listener){ .fd = -1 };
		text_copy(listener->path, sizeof(listener->path), path);
	}
	listener->named = true;
	if (listener->fd < 0)
		open_listener(listener, source->name);
}

static void drop_unnamed(struct listeners *l)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < l->count; i++) {
		struct listener *listener = &l->at[i];

		if (listener->named) {
			l->at[kept++] = *listener;
			continue;
		}
		if (listener->fd >= 0 && listener->path[0])
			(void)unlink(listener->path);
		base_closep(&listener->fd);
	}
	l->count = kept;
}

void listeners_conf(struct listeners *l, const struct conf *conf)
{
	for (uint32_t i = 0; i < l->count; i++)
		l->at[i].named = false;
	for (size_t i = 0; i < conf->sources; i++)
		if (conf->source[i].audit || conf->source[i].syslog)
			name_listener(l, &conf->source[i]);
	drop_unnamed(l);
}

int listeners_setup(struct listeners *l, const struct conf *conf, uint32_t first_id,
		    int (*fn)(const struct ipc_source *source, int fd, void *arg), void *arg)
{
	l->given = 0;
	for (uint32_t i = 0; i < l->count; i++)
		l->at[i].id = 0;
	for (size_t i = 0; i < conf->sources; i++) {
		const struct conf_source *source = &conf->source[i];
		struct ipc_source message = {
			.id = first_id + l->given,
			.kind = source->audit ? IPC_SOURCE_AUDIT : IPC_SOURCE_SYSLOG,
			.filters = source->filters,
			.relay_uid = source->owner_uid,
		};
		struct listener *listener;
		int r;

		if (!source->audit && !source->syslog)
			continue;
		listener = find(l, source->audit ? "" : source->syslog);
		/* The same socket twice: its datagrams could go to one of them only. */
		if (!listener || listener->id) {
			log_warning("source %s: another source reads the same", source->name);
			continue;
		}
		listener->id = message.id;
		l->given++;
		text_copy(message.path, sizeof(message.path),
			  source->audit ? "audit" : source->syslog);
		memcpy(message.filter, source->filter, sizeof(message.filter));
		r = fn(&message, listener->fd >= 0 ? listener->fd : l->empty_fd, arg);
		if (r)
			return r;
	}
	return 0;
}

uint32_t listeners_count(const struct listeners *l)
{
	return l->given;
}

void listeners_states(const struct listeners *l,
		      void (*fn)(uint32_t id, enum ipc_source_state state, const char *text,
				 void *arg),
		      void *arg)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (l->at[i].id && l->at[i].trouble[0])
			fn(l->at[i].id, SOURCE_REFUSED, l->at[i].trouble, arg);
}
