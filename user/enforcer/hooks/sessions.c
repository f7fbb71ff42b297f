/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions as the kernel's maps hold them, and those that were there before the sensors.
 *
 * The seed (a task iterator in the kernel) tags every task that has a login uid; so it sees start
 * times and threads exactly, which /proc does not give. What it cannot know is the peer of a
 * connection that was made before: that is found here, from the sockets that the session's
 * processes hold, and kept here only (the kernel's entry counts tasks by itself and must not be
 * written from two sides).
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "enforcer/hooks/hooks.h"
#include "enforcer/session/processes.h"
#include "enforcer/sockets/sockets.h"

#define PEERS_MAX 1024 /* connections to watched ports that are remembered at start */
#define FDS_MAX 1024 /* descriptors of a process that are looked at */
#define PROC_TICK_NS (10 * NSEC_PER_MSEC) /* start times in /proc are cut to this */

/* ---- walking bl_sessions ---- */

int hooks_session(const struct hooks *hooks, uint64_t tag, struct bl_session *ret)
{
	int fd = hooks_map(hooks, "bl_sessions");
	struct bl_session session;

	if (fd < 0)
		return -ENOENT;
	if (bpf_map_lookup_elem(fd, &tag, &session) < 0)
		return -errno;
	for (size_t i = 0; session.end.family == 0 && i < hooks->peers; i++)
		if (hooks->peer[i].audit_session == session.audit_session &&
		    hooks->peer[i].auid == session.auid)
			session.end = hooks->peer[i].end;
	*ret = session;
	return 0;
}

/* Keys first, then values: a walk by "next key" begins anew when its key is deleted meanwhile. */
static int session_tags(int fd, uint64_t **ret, size_t *ret_count)
{
	_cleanup_free_ uint64_t *tag = NULL;
	uint64_t key, next;
	size_t count = 0, size = 0;
	bool first = true;

	while (bpf_map_get_next_key(fd, first ? NULL : &key, &next) == 0) {
		if (count == (size_t)BL_SESSIONS_MAX * 2)
			break;
		if (count == size) {
			uint64_t *more;

			size = size ? size * 2 : 64;
			more = reallocarray(tag, size, sizeof(*tag));
			if (!more)
				return -ENOMEM;
			tag = more;
		}
		tag[count++] = key = next;
		first = false;
	}
	*ret = TAKE_PTR(tag);
	*ret_count = count;
	return 0;
}

static int compare_tags(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int hooks_sessions(const struct hooks *hooks, hook_session_fn fn, void *arg)
{
	int fd = hooks_map(hooks, "bl_sessions");
	_cleanup_free_ uint64_t *tag = NULL;
	size_t count;
	int r;

	if (fd < 0)
		return 0;
	r = session_tags(fd, &tag, &count);
	if (r < 0 || count == 0)
		return r;
	qsort(tag, count, sizeof(*tag), compare_tags);
	for (size_t i = 0; i < count; i++) {
		struct bl_session session;

		/* Twice, if the walk began anew. */
		if ((i > 0 && tag[i] == tag[i - 1]) || hooks_session(hooks, tag[i], &session) < 0)
			continue;
		r = fn(tag[i], &session, arg);
		if (r)
			return r;
	}
	return 0;
}

/* ---- what an earlier life left ---- */

struct live {
	uint32_t *audit_session;
	size_t count, size;
};

static int live_add(const struct process *process, void *arg)
{
	struct live *live = arg;

	if (process->audit_session == BL_UNSET)
		return 0;
	if (live->count == live->size) {
		size_t size = live->size ? live->size * 2 : 256;
		uint32_t *more = reallocarray(live->audit_session, size, sizeof(*more));

		if (!more)
			return -ENOMEM;
		live->audit_session = more;
		live->size = size;
	}
	live->audit_session[live->count++] = process->audit_session;
	return 0;
}

struct reconcile {
	const struct hooks *hooks;
	const struct live *live;
};

static int reconcile_one(uint64_t tag, const struct bl_session *session, void *arg)
{
	const struct reconcile *ctx = arg;
	struct bl_session fresh = *session;

	for (size_t i = 0; i < ctx->live->count; i++) {
		if (ctx->live->audit_session[i] != session->audit_session)
			continue;
		fresh.tasks = 0;
		(void)bpf_map_update_elem(hooks_map(ctx->hooks, "bl_sessions"), &tag, &fresh,
					  BPF_EXIST);
		return 0;
	}
	(void)bpf_map_delete_elem(hooks_map(ctx->hooks, "bl_sessions"), &tag);
	(void)bpf_map_delete_elem(hooks_map(ctx->hooks, "bl_audit"), &session->audit_session);
	return 0;
}

static void reconcile_conns(int fd)
{
	struct bl_conn_key key, next;
	bool first = true;
	int r;

	for (uint32_t i = 0; i < BL_CONNS_MAX * 2U; i++) {
		struct process process;

		r = bpf_map_get_next_key(fd, first ? NULL : &key, &next);
		if (!first && (process_read((pid_t)key.pid, &process) < 0 ||
			       process.start_ns / PROC_TICK_NS != key.start_ns / PROC_TICK_NS))
			(void)bpf_map_delete_elem(fd, &key);
		if (r < 0)
			break;
		key = next;
		first = false;
	}
}

/* Of tasks that ended while no sensor looked; with task storage they went with their task. */
static void reconcile_tasks(int fd)
{
	uint32_t tid = 0, next;
	bool first = true;
	int r;

	for (uint32_t i = 0; i < BL_TASKS_MAX * 2U; i++) {
		char path[64];

		r = bpf_map_get_next_key(fd, first ? NULL : &tid, &next);
		(void)snprintf(path, sizeof(path), "/proc/%u/stat", tid);
		/* One whose number another thread has now is no longer believed (tag_get). */
		if (!first && access(path, F_OK) < 0)
			(void)bpf_map_delete_elem(fd, &tid);
		if (r < 0)
			break;
		tid = next;
		first = false;
	}
}

void hooks_reconcile(struct hooks *hooks)
{
	struct live live = {};
	struct reconcile ctx = { hooks, &live };

	/* A list that is not complete would end sessions that live: then rather nothing. */
	if (hooks_map_adopted(hooks, "bl_sessions") && processes_each(false, live_add, &live) == 0)
		(void)hooks_sessions(hooks, reconcile_one, &ctx);
	free(live.audit_session);
	if (hooks_map_adopted(hooks, "bl_conns"))
		reconcile_conns(hooks_map(hooks, "bl_conns"));
	if (hooks_map_adopted(hooks, "bl_tasks"))
		reconcile_tasks(hooks_map(hooks, "bl_tasks"));
}

/* ---- peers of connections that were there before ---- */

struct sockets {
	struct hooks *hooks;
	size_t count;
	struct socket_found found[PEERS_MAX];
};

static int socket_keep(const struct socket_found *found, void *arg)
{
	struct sockets *sockets = arg;
	uint16_t service;

	if (bpf_map_lookup_elem(hooks_map(sockets->hooks, "bl_ports"), &found->end.local_port,
				&service) < 0)
		return 0;
	sockets->found[sockets->count++] = *found;
	return sockets->count == PEERS_MAX;
}

static const struct socket_found *socket_of(const struct sockets *sockets,
					    const struct process *process)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	char path[64], text[64];
	int looked = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)process->pid);
	dir = opendir(path);
	while (dir && looked++ < FDS_MAX && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, text, sizeof(text) - 1);
		unsigned int inode;

		if (n <= 0)
			continue;
		text[n] = '\0';
		if (sscanf(text, "socket:[%u]", &inode) != 1)
			continue;
		for (size_t i = 0; i < sockets->count; i++)
			if (sockets->found[i].inode == inode)
				return &sockets->found[i];
	}
	return NULL;
}

static int peer_keep(const struct process *process, void *arg)
{
	struct sockets *sockets = arg;
	struct hooks *hooks = sockets->hooks;
	const struct socket_found *found;

	if (process->auid == BL_UNSET || process->audit_session == BL_UNSET ||
	    hooks->peers == PEERS_MAX)
		return 0;
	for (size_t i = 0; i < hooks->peers; i++)
		if (hooks->peer[i].audit_session == process->audit_session)
			return 0;
	found = socket_of(sockets, process);
	if (!found)
		return 0;
	hooks->peer[hooks->peers++] = (struct hook_peer){
		.audit_session = process->audit_session,
		.auid = process->auid,
		.end = found->end,
	};
	return 0;
}

static void find_peers(struct hooks *hooks)
{
	_cleanup_free_ struct sockets *sockets = calloc(1, sizeof(*sockets));

	hooks->peer = calloc(PEERS_MAX, sizeof(*hooks->peer));
	if (!sockets || !hooks->peer || hooks_map(hooks, "bl_ports") < 0)
		return;
	sockets->hooks = hooks;
	if (sockets_each(socket_keep, sockets) >= 0 && sockets->count > 0)
		(void)processes_each(false, peer_keep, sockets);
}

/* ---- the kernel's own walks ---- */

static int run_iterator(const struct hooks *hooks, const char *name, int map_fd)
{
	struct bpf_object *object = hooks->object[HOOK_SENSOR_AUTH];
	union bpf_iter_link_info info = { .map.map_fd = (uint32_t)map_fd };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts);
	struct bpf_program *program;
	_cleanup_close_ int fd = -1;
	struct bpf_link *link;
	char text[256];
	ssize_t n;

	program = object ? bpf_object__find_program_by_name(object, name) : NULL;
	if (!program || bpf_program__fd(program) < 0)
		return -ENOENT;
	if (map_fd >= 0) {
		opts.link_info = &info;
		opts.link_info_len = sizeof(info);
	}
	link = bpf_program__attach_iter(program, &opts);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	(void)bpf_link__destroy(link);
	if (fd < 0)
		return fd;
	/* It prints nothing; reading is what drives it. -EAGAIN: it has more to do. */
	do
		n = read(fd, text, sizeof(text));
	while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
	return n < 0 ? -errno : 0;
}

static int count_one(uint64_t tag, const struct bl_session *session, void *arg)
{
	int *count = arg;

	(void)tag;
	(void)session;
	(*count)++;
	return 0;
}

int hooks_tell(struct hooks *hooks)
{
	return run_iterator(hooks, "bl_tell", hooks_map(hooks, "bl_sessions"));
}

int hooks_takeover(struct hooks *hooks)
{
	int count = 0, r;

	find_peers(hooks);
	if (hooks_map_adopted(hooks, "bl_sessions")) {
		r = hooks_tell(hooks);
		if (r < 0)
			findings_put(&hooks->findings, FINDING_DEGRADED, "sessions told again",
				     "a restarted analyst knows a session again once it starts a "
				     "program (bl_tell: %s)",
				     strerror(-r));
	}
	r = run_iterator(hooks, "bl_seed", -1);
	if (r < 0)
		findings_put(&hooks->findings, FINDING_DEGRADED, "earlier sessions",
			     "a session from before the start is known once it starts a program "
			     "(bl_seed: %s)",
			     strerror(-r));
	r = hooks_sessions(hooks, count_one, &count);
	return r < 0 ? r : count;
}
