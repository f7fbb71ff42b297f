/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tasks: who they are, and the tag that says which login session they belong to.
 *
 * Every thread carries the tag, not only leaders: a thread that calls exec takes over the process,
 * and with it its own task_struct survives, not the leader's (de_thread()). One accessor, two
 * backings; bl_config is read-only once loaded, so the verifier drops the branch of the other one,
 * whose map and helper the kernel may not have.
 */
#ifndef TASK_BPF_H
#define TASK_BPF_H

#include "compat.bpf.h"
#include "core.bpf.h"
#include "maps.bpf.h"

static __always_inline void task_fill(struct bl_task *out, const struct task_struct *task,
				      __u64 session, const bool direct)
{
	out->pid = TASK_READ(direct, task, tgid);
	out->tid = TASK_READ(direct, task, pid);
	out->ppid = TASK_READ(direct, task, real_parent, tgid);
	out->uid = TASK_READ(direct, task, cred, uid.val);
	out->euid = TASK_READ(direct, task, cred, euid.val);
	out->gid = TASK_READ(direct, task, cred, gid.val);
	out->auid = task_loginuid(task, direct);
	out->audit_session = task_audit_session(task, direct);
	out->start_ns = TASK_READ(direct, task, group_leader, start_boottime);
	out->parent_start_ns = TASK_READ(direct, task, real_parent, group_leader, start_boottime);
	out->session = session;
	out->cgroup = TASK_READ(direct, task, cgroups, dfl_cgrp, kn, id);
}

/* name holds 16 bytes at least. */
static __always_inline bool name_is(const char *name, const char *wanted)
{
	for (int i = 0; i < 16; i++) {
		if (name[i] != wanted[i])
			return false;
		if (!wanted[i])
			return true;
	}
	return false;
}

static __always_inline void task_key(struct bl_conn_key *key, const struct task_struct *task,
				     const bool direct)
{
	key->start_ns = TASK_READ(direct, task, group_leader, start_boottime);
	key->pid = TASK_READ(direct, task, tgid);
	key->pad = 0;
}

/* Without `direct` the task must be the current one. NULL: no tag. */
static __always_inline struct bl_tag *tag_get(struct task_struct *task, const bool direct)
{
	struct bl_tag *tag;
	__u32 pid;

	if (bl_config.task_storage) {
		if (!direct)
			task = bpf_get_current_task_btf();
		return bpf_task_storage_get(&bl_tags, task, NULL, 0);
	}
	pid = TASK_READ(direct, task, pid);
	tag = bpf_map_lookup_elem(&bl_tasks, &pid);
	if (tag && tag->start_ns != TASK_READ(direct, task, start_boottime))
		return NULL;
	return tag;
}

/* The task must be current, or not yet running. False: the table refused, the task has no tag. */
static __always_inline bool tag_put(struct task_struct *task, __u64 session, __u32 life,
				    const bool direct)
{
	struct bl_tag tag = {
		.session = session,
		.start_ns = TASK_READ(direct, task, start_boottime),
		.audit_session = task_audit_session(task, direct),
		.life = life,
	};
	struct bl_tag *own;
	__u32 pid;

	if (bl_config.task_storage) {
		if (!direct)
			task = bpf_get_current_task_btf();
		own = bpf_task_storage_get(&bl_tags, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (!own)
			return false;
		*own = tag;
		return true;
	}
	pid = TASK_READ(direct, task, pid);
	return bpf_map_update_elem(&bl_tasks, &pid, &tag, BPF_ANY) == 0;
}

/* Of a task that its session counts. */
static __always_inline bool tag_set(struct task_struct *task, __u64 session, const bool direct)
{
	return tag_put(task, session, bl_config.life, direct);
}

static __always_inline bool tag_counts(const struct bl_tag *tag)
{
	return tag && tag->life == bl_config.life;
}

/*
 * True: there was a tag and this call took it away. Who gets true counts the task out of its
 * session. A storage that is busy (-EBUSY: this CPU was interrupted in the middle of another
 * access) does hold a tag; it goes with the task.
 */
static __always_inline bool tag_take(struct task_struct *task)
{
	__u32 pid = task->pid;
	int r;

	if (bl_config.task_storage)
		r = map_result(bpf_task_storage_delete(&bl_tags, task));
	else
		r = map_result(bpf_map_delete_elem(&bl_tasks, &pid));
	return r != -ENOENT;
}

/*
 * A thread that execs gets the process's pid and the leader's start time (266b7a021f7d). The leader
 * is dead by then and took its own entry along; the thread's stands under its former pid.
 */
static __always_inline void tag_follow_exec(const struct task_struct *task, __u32 old_pid)
{
	__u32 pid = task->pid;
	struct bl_tag tag, *old;

	if (bl_config.task_storage || old_pid == pid)
		return;
	old = bpf_map_lookup_elem(&bl_tasks, &old_pid);
	if (!old)
		return;
	tag = *old;
	tag.start_ns = task->start_boottime;
	bpf_map_delete_elem(&bl_tasks, &old_pid);
	if (bpf_map_update_elem(&bl_tasks, &pid, &tag, BPF_ANY))
		count(BL_COUNT_LOST_TAG);
}

#endif
