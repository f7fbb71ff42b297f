/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel behind lockouts: two maps, sock_diag, the sessions' map, the clocks.
 *
 * Every value carries its own end, which the program checks, so nothing here has to happen in
 * time for a lockout to end in time.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "enforcer/hooks/hooks.h"
#include "enforcer/lockouts/lockouts.h"
#include "enforcer/sockets/sockets.h"

/* The keys are the first bytes of the address as subjects hold it: 4 of IPv4, 8 of IPv6. */
_Static_assert(sizeof(struct bl_key4) == 4 && sizeof(struct bl_key6) == 8, "keys are prefixes");

static int map_of(const struct hooks *hooks, int family)
{
	int fd = hooks_map(hooks, family == AF_INET ? "bl_lock4" : "bl_lock6");

	return fd < 0 ? -EOPNOTSUPP : fd;
}

static int kernel_put(const struct lockout_item *item, void *arg)
{
	int fd = map_of(arg, item->subject.family);

	if (fd < 0)
		return fd;
	/* Without the program that reads it an entry would be a lockout on paper. */
	if (!hooks_works(arg, "lockout, incoming"))
		return -EOPNOTSUPP;
	return bpf_map_update_elem(fd, item->subject.addr, &item->lock, BPF_ANY) < 0 ? -errno : 0;
}

static int kernel_put_many(const struct lockout_item *item, size_t count, void *arg)
{
	int family = count ? item[0].subject.family : AF_INET;
	size_t width = family == AF_INET ? sizeof(struct bl_key4) : sizeof(struct bl_key6);
	_cleanup_free_ unsigned char *key = calloc(count ? count : 1, width);
	_cleanup_free_ struct bl_lock *lock = calloc(count ? count : 1, sizeof(*lock));
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t done = (uint32_t)count;
	int fd = map_of(arg, family), r;

	if (fd < 0)
		return fd;
	if (!key || !lock)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		memcpy(key + i * width, item[i].subject.addr, width);
		lock[i] = item[i].lock;
	}
	/* Five times cheaper than one by one (5.6, aa2e93b8e58e). */
	if (bpf_map_update_batch(fd, key, lock, &done, &opts) == 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		r = kernel_put(&item[i], arg);
		if (r < 0)
			return r;
	}
	return 0;
}

static int kernel_get(const struct ipc_subject *subject, struct bl_lock *ret, void *arg)
{
	int fd = map_of(arg, subject->family);

	if (fd < 0)
		return fd;
	return bpf_map_lookup_elem(fd, subject->addr, ret) < 0 ? -errno : 0;
}

static int kernel_remove(const struct ipc_subject *subject, void *arg)
{
	int fd = map_of(arg, subject->family);

	if (fd < 0)
		return fd;
	return bpf_map_delete_elem(fd, subject->addr) < 0 && errno != ENOENT ? -errno : 0;
}

static int kernel_some(int family, struct lockout_cursor *cursor, lockout_item_fn fn, void *fn_arg,
		       void *arg)
{
	size_t width = family == AF_INET ? sizeof(struct bl_key4) : sizeof(struct bl_key6);
	_cleanup_free_ unsigned char *key = calloc(LOCKOUTS_BATCH, width);
	_cleanup_free_ struct bl_lock *lock = calloc(LOCKOUTS_BATCH, sizeof(*lock));
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t count = LOCKOUTS_BATCH, next = 0;
	int fd = map_of(arg, family), r;

	if (fd < 0)
		return fd;
	if (!key || !lock)
		return -ENOMEM;
	r = bpf_map_lookup_batch(fd, cursor->begun ? &cursor->token : NULL, &next, key, lock,
				 &count, &opts);
	/* -ENOENT: this is the last batch. */
	if (r < 0 && errno != ENOENT)
		return -errno;
	for (uint32_t i = 0; i < count; i++) {
		struct lockout_item item = {
			.subject.kind = SUBJECT_ADDRESS,
			.subject.family = (uint8_t)family,
			.subject.prefix = family == AF_INET ? 32 : 64,
			.lock = lock[i],
		};
		int s;

		memcpy(item.subject.addr, key + i * width, width);
		s = fn(&item, fn_arg);
		if (s < 0)
			return s;
	}
	*cursor = (struct lockout_cursor){ .token = next, .begun = r == 0 };
	return r == 0;
}

static int kernel_each(lockout_item_fn fn, void *fn_arg, void *arg)
{
	static const int families[] = { AF_INET, AF_INET6 };

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct lockout_cursor cursor = {};
		int r;

		do {
			r = kernel_some(families[i], &cursor, fn, fn_arg, arg);
		} while (r > 0);
		if (r < 0 && r != -EOPNOTSUPP)
			return r;
	}
	return 0;
}

static int kernel_cut(const struct addr *nets, size_t count, uint32_t *ret_cut, void *arg)
{
	(void)arg;
	return sockets_cut(nets, count, ret_cut);
}

static int kernel_session(uint64_t tag, struct bl_session *ret, void *arg)
{
	return hooks_session(arg, tag, ret);
}

static int kernel_sessions(lockout_session_fn fn, void *fn_arg, void *arg)
{
	return hooks_sessions(arg, fn, fn_arg);
}

/* ---- verdicts ---- */

/* The key: a tag, or a uid, which is less wide. */
struct verdict_key {
	int fd;
	union {
		uint64_t tag;
		uint32_t uid;
	};
};

static int verdict_key(const struct hooks *hooks, const struct ipc_subject *subject,
		       struct verdict_key *ret)
{
	bool user = subject->kind == SUBJECT_USER;

	*ret = (struct verdict_key){ .fd = hooks_map(hooks, user ? "bl_uids" : "bl_verdicts") };
	if (ret->fd < 0)
		return -EOPNOTSUPP;
	if (user)
		ret->uid = (uint32_t)subject->id;
	else
		ret->tag = subject->id;
	return 0;
}

static int count_verdicts(const struct hooks *hooks, int64_t by)
{
	int fd = hooks_map(hooks, "bl_any");

	return fd < 0 ? -EOPNOTSUPP : hooks_count_verdicts(fd, by);
}

static int kernel_verdict_get(const struct ipc_subject *subject, struct bl_verdict *ret, void *arg)
{
	struct verdict_key key;
	int r = verdict_key(arg, subject, &key);

	if (r < 0)
		return r;
	return bpf_map_lookup_elem(key.fd, &key.tag, ret) < 0 ? -errno : 0;
}

static int kernel_verdict_put(const struct ipc_subject *subject, const struct bl_verdict *verdict,
			      void *arg)
{
	struct bl_verdict before;
	struct verdict_key key;
	bool new;
	int r = verdict_key(arg, subject, &key);

	if (r < 0)
		return r;
	if (!hooks_works(arg, "containment, exec"))
		return -EOPNOTSUPP;
	new = bpf_map_lookup_elem(key.fd, &key.tag, &before) < 0;
	r = new ? count_verdicts(arg, 1) : 0;
	if (r < 0)
		return r;
	if (bpf_map_update_elem(key.fd, &key.tag, verdict, BPF_ANY) == 0)
		return 0;
	r = errno == E2BIG ? -ENOSPC : -errno;
	if (new)
		(void)count_verdicts(arg, -1);
	return r;
}

static int kernel_verdict_remove(const struct ipc_subject *subject, void *arg)
{
	struct verdict_key key;
	int r = verdict_key(arg, subject, &key);

	if (r < 0)
		return r;
	if (bpf_map_delete_elem(key.fd, &key.tag) < 0)
		return errno == ENOENT ? 0 : -errno;
	return count_verdicts(arg, -1);
}

static int verdicts_of(int fd, enum subject_kind kind, lockout_verdict_fn fn, void *fn_arg)
{
	struct verdict_key key = {}, next = {};
	bool first = true;

	/* A walk begins anew where its key is gone meanwhile; nobody but us takes any away. */
	for (uint32_t i = 0; i < BL_SESSIONS_MAX * 2U; i++) {
		struct ipc_subject subject = { .kind = (uint8_t)kind };
		struct bl_verdict verdict;
		int r;

		if (bpf_map_get_next_key(fd, first ? NULL : &key.tag, &next.tag) < 0)
			return errno == ENOENT ? 0 : -errno;
		key = next;
		first = false;
		subject.id = kind == SUBJECT_USER ? key.uid : key.tag;
		if (bpf_map_lookup_elem(fd, &key.tag, &verdict) < 0)
			continue;
		r = fn(&subject, &verdict, fn_arg);
		if (r)
			return r;
	}
	return 0;
}

static int kernel_verdict_each(lockout_verdict_fn fn, void *fn_arg, void *arg)
{
	int sessions = hooks_map(arg, "bl_verdicts"), uids = hooks_map(arg, "bl_uids");
	int r = sessions < 0 ? 0 : verdicts_of(sessions, SUBJECT_SESSION, fn, fn_arg);

	return r || uids < 0 ? r : verdicts_of(uids, SUBJECT_USER, fn, fn_arg);
}

static uint64_t kernel_boot_ns(void *arg)
{
	(void)arg;
	return clock_boot_ns();
}

static uint64_t kernel_wall_ns(void *arg)
{
	(void)arg;
	return clock_wall_ns();
}

struct lockout_backend lockouts_kernel(struct hooks *hooks)
{
	return (struct lockout_backend){
		.put = kernel_put,
		.put_many = kernel_put_many,
		.get = kernel_get,
		.remove = kernel_remove,
		.each = kernel_each,
		.some = kernel_some,
		.cut = kernel_cut,
		.session = kernel_session,
		.sessions = kernel_sessions,
		.verdict_put = kernel_verdict_put,
		.verdict_get = kernel_verdict_get,
		.verdict_remove = kernel_verdict_remove,
		.verdict_each = kernel_verdict_each,
		.boot_ns = kernel_boot_ns,
		.wall_ns = kernel_wall_ns,
		.arg = hooks,
	};
}
