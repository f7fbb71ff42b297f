/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fence around bailiffd: its maps, links, pins and processes against other processes of root's.
 *
 * Hooks: bpf_map (a new descriptor for a map: refused if it could write), bpf (detaching a link, or
 * giving it another program), inode_unlink and inode_rename in the folders of pins, task_kill and
 * ptrace_access_check. Another module's refusal always stands. Only objects named in bl_guard_ids
 * and bl_guard_dirs are guarded, never anybody else's. PID 1 may signal, so that systemctl can
 * always stop, kill and restart the service; so may anybody with signals that end it in order. The
 * programs end with bailiffd: its successor, and bailiffd --clear, meet no guard.
 *
 * It stops mistakes, scripts and tools, not an attacker who has all rights and time. Missed: a BPF
 * program that is loaded with a descriptor for reading may still write the map; a descriptor
 * exchanged by another thread between this look and the kernel's own; bpffs mounted over or
 * unmounted; the service's cgroup frozen or killed; a kernel module.
 */
#include "core.bpf.h"

#include <bailiff/guard.h>

#define EPERM 1
#define MAX_ERRNO 4095

/* include/linux/fs.h, include/linux/ptrace.h: the same from 5.10 to 7.3. */
#define FMODE_WRITE 2
#define PTRACE_MODE_ATTACH 2

/* User API: enum bpf_cmd, and the signals that end in order or do nothing. */
#define BPF_LINK_UPDATE 29
#define BPF_LINK_DETACH 34
#define SIGNAL(n) (1ULL << (n))
#define ALLOWED                                                                          \
	(SIGNAL(0) | SIGNAL(1 /* HUP */) | SIGNAL(2 /* INT */) | SIGNAL(15 /* TERM */) | \
	 SIGNAL(17 /* CHLD */) | SIGNAL(18 /* CONT */) | SIGNAL(23 /* URG */) |          \
	 SIGNAL(28 /* WINCH */))

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bpf_map {
	__u32 id;
};

struct bpf_link {
	__u32 id;
};

#pragma clang attribute pop

/* User API, and what link_update and link_detach begin with. */
union bpf_attr {
	__u32 link_fd;
};

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bl_guard);
} bl_guard SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BL_GUARD_OBJECTS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct bl_guard_key);
	__type(value, __u8);
} bl_guard_ids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BL_GUARD_FOLDERS_MAX);
	__type(key, struct bl_file_key);
	__type(value, __u8);
} bl_guard_dirs SEC(".maps");

/* From 6.12 on the verifier wants to see that an LSM program returns an errno (5d99e198be27). */
static __always_inline int earlier(int ret)
{
	return ret < 0 && ret >= -MAX_ERRNO ? ret : -EPERM;
}

static __always_inline struct bl_guard *guard_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&bl_guard, &zero);
}

static __always_inline bool own(const struct bl_guard *guard)
{
	return !guard || !guard->tgid || bpf_get_current_pid_tgid() >> 32 == guard->tgid;
}

static __always_inline int refuse(struct bl_guard *guard)
{
	__sync_fetch_and_add(&guard->refused, 1);
	return -EPERM;
}

static __always_inline bool guarded(__u32 kind, __u32 id)
{
	struct bl_guard_key key = { .kind = kind, .id = id };

	return bpf_map_lookup_elem(&bl_guard_ids, &key) != NULL;
}

SEC("lsm/bpf_map")
int BPF_PROG(bl_guard_map, struct bpf_map *map, unsigned int fmode, int ret)
{
	struct bl_guard *guard = guard_get();

	if (ret)
		return earlier(ret);
	if (!(fmode & FMODE_WRITE) || own(guard) || !guarded(BL_GUARD_MAP, map->id))
		return 0;
	return guard ? refuse(guard) : 0;
}

/* The link behind a descriptor of this process. Of a file that is no link whatever stands there is
 * read; then the kernel refuses the command in any case. */
static __always_inline __u32 link_of(__u32 fd)
{
	const struct task_struct *task = (void *)bpf_get_current_task();
	struct file **files = BPF_CORE_READ(task, files, fdt, fd);
	struct file *file = NULL;
	struct bpf_link *link;

	if (fd > 1U << 30 || bpf_probe_read_kernel(&file, sizeof(file), files + fd) || !file)
		return 0;
	link = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(link, id);
}

static __always_inline int guard_command(int cmd, const union bpf_attr *attr)
{
	struct bl_guard *guard;
	__u32 fd = 0, id;

	if (cmd != BPF_LINK_UPDATE && cmd != BPF_LINK_DETACH)
		return 0;
	guard = guard_get();
	if (own(guard) || bpf_probe_read_kernel(&fd, sizeof(fd), attr))
		return 0;
	id = link_of(fd);
	return guard && id && guarded(BL_GUARD_LINK, id) ? refuse(guard) : 0;
}

SEC("lsm/bpf")
int BPF_PROG(bl_guard_bpf, int cmd, union bpf_attr *attr, unsigned int size, int ret)
{
	return ret ? earlier(ret) : guard_command(cmd, attr);
}

/* The same where the hook has one argument more (082f1db02c80, 6.15). */
SEC("lsm/bpf")
int BPF_PROG(bl_guard_bpf4, int cmd, union bpf_attr *attr, unsigned int size, bool kernel, int ret)
{
	return ret ? earlier(ret) : guard_command(cmd, attr);
}

static __always_inline bool folder(const struct inode *inode)
{
	struct bl_file_key key = {};

	if (!inode)
		return false;
	key.ino = BPF_CORE_READ(inode, i_ino);
	key.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	return bpf_map_lookup_elem(&bl_guard_dirs, &key) != NULL;
}

SEC("lsm/inode_unlink")
int BPF_PROG(bl_guard_unlink, struct inode *dir, struct dentry *dentry, int ret)
{
	struct bl_guard *guard = guard_get();

	if (ret)
		return earlier(ret);
	return own(guard) || !folder(dir) || !guard ? 0 : refuse(guard);
}

/* Out of a folder, into one (over a pin), or the folder itself. */
SEC("lsm/inode_rename")
int BPF_PROG(bl_guard_rename, struct inode *old_dir, struct dentry *old_dentry,
	     struct inode *new_dir, struct dentry *new_dentry, int ret)
{
	struct bl_guard *guard = guard_get();

	if (ret)
		return earlier(ret);
	if (own(guard) || !guard)
		return 0;
	return folder(old_dir) || folder(new_dir) || folder(BPF_CORE_READ(old_dentry, d_inode))
		       ? refuse(guard)
		       : 0;
}

/* bailiffd, or a child of it. */
static __always_inline bool ours(const struct bl_guard *guard, const struct task_struct *task)
{
	return (__u32)BPF_CORE_READ(task, tgid) == guard->tgid ||
	       (__u32)BPF_CORE_READ(task, group_leader, real_parent, tgid) == guard->tgid;
}

SEC("lsm/task_kill")
int BPF_PROG(bl_guard_kill, struct task_struct *task, void *info, int sig, const struct cred *cred,
	     int ret)
{
	struct bl_guard *guard = guard_get();
	__u32 sender = bpf_get_current_pid_tgid() >> 32;

	if (ret)
		return earlier(ret);
	if (own(guard) || !guard || sender == 1 || sig < 0 || sig > 63 || SIGNAL(sig) & ALLOWED)
		return 0;
	/* abort() of a child comes by here as well. */
	return ours(guard, task) && sender != (__u32)BPF_CORE_READ(task, tgid) ? refuse(guard) : 0;
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(bl_guard_trace, struct task_struct *task, unsigned int mode, int ret)
{
	struct bl_guard *guard = guard_get();

	if (ret)
		return earlier(ret);
	if (!(mode & PTRACE_MODE_ATTACH) || own(guard) || !guard || !ours(guard, task))
		return 0;
	return refuse(guard);
}
