/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions: born when a task gets a login uid, joined by fork, over when the last tagged task is
 * gone.
 *
 * The count of tagged tasks is exact as long as every tagged task is counted before it can exit:
 * the forking task, itself counted, counts its child before the child runs. So zero is reached
 * once, and whoever deletes the table's entry tells of the end; a second one finds it gone.
 *
 * A session whose birth no hook showed (no fexit and no kprobe allowed, or begun before the
 * sensors) is noticed when one of its tasks forks or execs: the task's audit session is not its
 * tag's. All tasks of one audit session get the same tag, by way of bl_audit.
 *
 * A birth or an end is rare, but every fork and exec may find one, so the verifier walks these
 * functions again and again. Since 6.3 it searches the kernel's whole BTF by name for each typed
 * pointer that a plain load yields (btf_nested_type_is_trusted; 0.4 ms each on 6.18), so they read
 * by helper calls always.
 */
#ifndef SESSION_BPF_H
#define SESSION_BPF_H

#include "core.bpf.h"
#include "emit.bpf.h"
#include "maps.bpf.h"
#include "task.bpf.h"

/* Tags tried when two births on two CPUs read the same number. */
#define SESSION_TRIES 4

static __always_inline void session_emit(const struct bl_session *s, __u64 tag,
					 const struct task_struct *task, __u16 flags)
{
	struct bl_event_session *e = emit_reserve(true, sizeof(*e));

	if (!e)
		return;
	emit_head(&e->head, BL_EVENT_SESSION, flags, sizeof(*e));
	task_fill(&e->task, task, tag, false);
	e->end = s->end;
	e->session = tag;
	e->parent_session = s->parent_session;
	e->service = s->service;
	e->pad16 = 0;
	e->pad32 = 0;
	emit_submit_urgent(e);
}

/*
 * Tells of a session that is in the table, from there alone: its first process may be long gone, so
 * of the task only what the session keeps is filled in.
 */
static __always_inline void session_tell(const struct bl_session *s, __u64 tag)
{
	struct bl_event_session *e = emit_reserve(true, sizeof(*e));

	if (!e)
		return;
	emit_head(&e->head, BL_EVENT_SESSION, BL_SESSION_INFERRED | s->flags, sizeof(*e));
	__builtin_memset(&e->task, 0, sizeof(e->task));
	e->task.pid = s->leader_pid;
	e->task.tid = s->leader_pid;
	e->task.uid = BL_UNSET;
	e->task.euid = BL_UNSET;
	e->task.gid = BL_UNSET;
	e->task.auid = s->auid;
	e->task.audit_session = s->audit_session;
	e->task.start_ns = s->leader_start_ns;
	e->task.session = tag;
	e->end = s->end;
	e->session = tag;
	e->parent_session = s->parent_session;
	e->service = s->service;
	e->pad16 = 0;
	e->pad32 = 0;
	emit_submit_urgent(e);
}

/* One task less carries the tag. */
static __always_inline void session_leave(__u64 tag, const struct task_struct *task)
{
	struct bl_session *s = bpf_map_lookup_elem(&bl_sessions, &tag);
	struct bl_session ended;
	__u64 *known;

	if (!s)
		return;
	__sync_fetch_and_add(&s->tasks, -1);
	if (*(volatile __u64 *)&s->tasks)
		return;
	ended = *s;
	if (bpf_map_delete_elem(&bl_sessions, &tag))
		return;
	known = bpf_map_lookup_elem(&bl_audit, &ended.audit_session);
	if (known && *known == tag)
		bpf_map_delete_elem(&bl_audit, &ended.audit_session);
	session_emit(&ended, tag, task, BL_SESSION_END | ended.flags);
}

/* Adds the task to an existing session; 0 if that is not there. */
static __always_inline __u64 session_join(struct task_struct *task, __u64 tag, const bool direct)
{
	struct bl_session *s = bpf_map_lookup_elem(&bl_sessions, &tag);

	if (!s)
		return 0;
	__sync_fetch_and_add(&s->tasks, 1);
	if (!tag_set(task, tag, direct)) {
		__sync_fetch_and_add(&s->tasks, -1);
		count(BL_COUNT_LOST_TAG);
		return 0;
	}
	return tag;
}

/*
 * Gives out the next tag. Adding before reading makes the number at least as high as any that was
 * read before; only those who read at the same time can get the same one, and of them the table
 * takes the first. (An atomic that returns the number came with 5.12, 5ffa25502b5a.)
 */
static __always_inline __u64 session_enter(const struct bl_session *s)
{
	struct bl_state *st = state();
	__u64 tag;
	int r;

	if (!st)
		return 0;
	for (int i = 0; i < SESSION_TRIES; i++) {
		__sync_fetch_and_add(&st->last_session, 1);
		tag = *(volatile __u64 *)&st->last_session;
		r = map_result(bpf_map_update_elem(&bl_sessions, &tag, s, BPF_NOEXIST));
		if (!r)
			return tag;
		if (r != -EEXIST)
			break;
	}
	return 0;
}

/* The session that made the connection which a process of a service serves, 0 if none did. */
static __always_inline __u64 session_dialed(const struct task_struct *task,
					    const struct bl_endpoint *end)
{
	struct bl_dialed_key key = {
		.netns = net_id(BPF_CORE_READ(task, nsproxy, net_ns)),
		.family = end->family,
		.server_port = end->local_port,
		.client_port = end->peer_port,
	};
	__u64 *tag;

	__builtin_memcpy(key.server, end->local, sizeof(key.server));
	__builtin_memcpy(key.client, end->peer, sizeof(key.client));
	tag = bpf_map_lookup_elem(&bl_dialed, &key);
	return tag ? *tag : 0;
}

/* atd opens the job before it logs in for it, cron's shell has none; the first few are enough. */
#define JOB_FDS 16 /* the smallest table has 64 (NR_OPEN_DEFAULT) */

static __always_inline const struct bl_left *job_of_at(const struct task_struct *task)
{
	struct file **table = BPF_CORE_READ(task, files, fdt, fd), *file;
	struct bl_left_key key = {};
	struct bl_left *left = NULL;
	struct inode *inode;

	for (int i = 0; i < JOB_FDS && !left; i++) {
		file = NULL;
		bpf_probe_read_kernel(&file, sizeof(file), table + i);
		if (!file)
			continue;
		inode = BPF_CORE_READ(file, f_inode);
		key.ino = BPF_CORE_READ(inode, i_ino);
		key.dev = BPF_CORE_READ(inode, i_sb, s_dev);
		if (key.ino)
			left = bpf_map_lookup_elem(&bl_left, &key);
	}
	return left;
}

/*
 * By the name of the cgroup that PID 1 makes for the unit: cron keeps no file open. Who takes such
 * a name for a cgroup of his own only has sessions that he makes there joined to those of the same
 * account.
 */
static __always_inline bool is_cron(const struct task_struct *task)
{
	const struct kernfs_node *kn = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	char name[16] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(kn, name));
	return name_is(name, "cron.service") || name_is(name, "crond.service") ||
	       name_is(name, "cronie.service");
}

/* The session of the same account that wrote what this one runs, and by which kind of job; or 0. */
static __always_inline __u64 session_job(const struct task_struct *task, __u32 auid,
					 __u16 *ret_edge)
{
	const struct bl_left *left = job_of_at(task);
	struct bl_left_key key = { .uid = auid };

	*ret_edge = BL_SESSION_AT;
	if (!left && is_cron(task)) {
		*ret_edge = BL_SESSION_CRON;
		left = bpf_map_lookup_elem(&bl_left, &key);
	}
	return left && left->auid == auid ? left->session : 0;
}

/*
 * The task becomes the first of a new session, unless another task of the same audit session was
 * quicker. parent is the tag it carried before, 0 if none.
 */
static __always_inline __u64 session_begin(struct task_struct *task, __u64 parent, __u16 flags,
					   const bool direct)
{
	struct bl_session s = {
		.born_boot_ns = bpf_ktime_get_boot_ns(),
		.leader_start_ns = BPF_CORE_READ(task, group_leader, start_boottime),
		.parent_session = parent,
		.tasks = 1,
		.leader_pid = BPF_CORE_READ(task, tgid),
		.auid = task_loginuid(task, false),
		.audit_session = task_audit_session(task, false),
		.flags = flags,
	};
	struct bl_conn_key key;
	struct bl_conn *conn;
	__u64 tag, other = 0, *first;
	__u16 edge = 0;
	int r;

	task_key(&key, task, false);
	conn = bpf_map_lookup_elem(&bl_conns, &key);
	if (conn) {
		s.service = conn->service;
		s.end = conn->end;
		edge = BL_SESSION_JOINED;
		other = session_dialed(task, &conn->end);
	} else if (!parent && !(flags & BL_SESSION_INFERRED)) {
		other = session_job(task, s.auid, &edge);
	}
	if (other) {
		s.parent_session = other;
		s.flags |= edge;
	}
	tag = session_enter(&s);
	if (!tag) {
		count(BL_COUNT_LOST_SESSION);
		return 0;
	}
	r = map_result(bpf_map_update_elem(&bl_audit, &s.audit_session, &tag, BPF_NOEXIST));
	if (r == -EEXIST) {
		bpf_map_delete_elem(&bl_sessions, &tag);
		first = bpf_map_lookup_elem(&bl_audit, &s.audit_session);
		return first ? session_join(task, *first, direct) : 0;
	}
	if (!tag_set(task, tag, direct)) {
		bpf_map_delete_elem(&bl_audit, &s.audit_session);
		bpf_map_delete_elem(&bl_sessions, &tag);
		count(BL_COUNT_LOST_TAG);
		return 0;
	}
	session_emit(&s, tag, task, s.flags);
	return tag;
}

/* The task has a login uid whose session it does not carry yet. Returns the session's tag or 0. */
static __always_inline __u64 session_change(struct task_struct *task, __u64 before, __u16 flags,
					    const bool direct)
{
	__u32 audit = task_audit_session(task, direct);
	__u64 *known = bpf_map_lookup_elem(&bl_audit, &audit);
	__u64 tag = 0;

	if (known)
		tag = session_join(task, *known, direct);
	else
		tag = session_begin(task, before, flags, direct);
	/* A task that could not be tagged anew keeps its old tag and stays counted there. */
	if (tag && before)
		session_leave(before, task);
	return tag ? tag : before;
}

/*
 * A task that unsets its login uid (which takes CAP_AUDIT_CONTROL) does not leave its session. A
 * tag that is not counted, because an earlier life or the fork hook of the lockouts gave it, is
 * counted now; if the task got another login uid meanwhile, that session was born inside this one.
 */
static __always_inline __u64 session_of(struct task_struct *task, __u16 flags, const bool direct)
{
	__u32 audit = task_audit_session(task, direct);
	struct bl_tag *tag = tag_get(task, direct);
	__u64 before = tag ? tag->session : 0;
	__u32 was;

	if (tag && !tag_counts(tag)) {
		was = tag->audit_session;
		if (session_join(task, before, direct) && was == audit)
			return before;
	} else if (tag && tag->audit_session == audit) {
		return before;
	}
	if (audit == BL_UNSET)
		return before;
	return session_change(task, before, flags, direct);
}

#endif
