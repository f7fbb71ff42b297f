/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes: fork, exec, exit. Carries the session tag from parent to child.
 *
 * Hooks: the raw tracepoints sched_process_fork (the child exists and has not run yet),
 * sched_process_exec (the new image stands, none of its instructions has run; argv is the image's
 * own memory, so nobody can change it between check and use) and sched_process_exit (per thread).
 * They see every process of every namespace whatever system call made it, also 32-bit ones and
 * io_uring's.
 *
 * The kernel skips a run while the same program is active on that CPU, and counts that in the
 * program's recursion_misses. Where tracepoints may be preempted (seen on 7.3.4; not on 5.10 to
 * 6.12) that is not rare: who is preempted inside stays active until it runs again, and holding the
 * CPU (compat.bpf.h) only moves that to the program's last instructions. In an emulated crowd of 24
 * tasks on one CPU one exec in ten was skipped. So what must not get lost is made good.
 * bl_exec_again, behind bl_exec on the same tracepoint, runs it by a tail call, and is skipped
 * itself only if another task is preempted in it at that time. bl_free, an RCU grace period after
 * the end, tells what the exit hook did not of tagged tasks and of services' processes. A child
 * that missed its tag gets it at its own fork or exec, by its audit session.
 *
 * Missed: a script that a shell reads without exec (`. file`, `sh -s`), code loaded later (dlopen,
 * JIT), and arguments that a program overwrites after its start: argv is what it was given. A
 * thread that ends while its process lives on is not told. A fork or a plain process's exit whose
 * run was skipped, and an exec that was skipped twice: bailiffd adds them up (bailiffctl status,
 * doctor).
 *
 * Told twice: an exec whose task is preempted or moved between the two programs while others exec.
 */
#include "core.bpf.h"

#include "compat.bpf.h"
#include "emit.bpf.h"
#include "maps.bpf.h"
#include "path.bpf.h"
#include "session.bpf.h"
#include "sock.bpf.h"
#include "task.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/*
 * Processes told as gone that had threads. The exit hook runs per thread after it left
 * signal->live, so two last threads on two CPUs may both find 0 there.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct bl_conn_key);
	__type(value, __u8);
} bl_exited SEC(".maps");

/*
 * What the hook collected before the record was reserved: all that takes a typed pointer, because
 * what comes after is verified once for each size of a record (see session.bpf.h for what a typed
 * pointer costs).
 */
struct exec_facts {
	struct bl_task task;
	struct bl_conn conn;
	struct bl_file_key exe;
	const struct path *exe_path, *cwd;
	const char *tty; /* NULL: none */
	__u64 args_len;
	__u64 args_start;
	__u16 flags;
};

/* ---- fork ------------------------------------------------------------------------------------ */

/* A fork of a service's process runs that service's file until it execs. */
static __always_inline void conn_inherit(const struct bl_conn_key *from, struct task_struct *child)
{
	struct bl_conn *conn = bpf_map_lookup_elem(&bl_conns, from), copy;
	struct bl_conn_key key;

	if (!conn)
		return;
	copy = *conn;
	task_key(&key, child, true);
	if (bpf_map_update_elem(&bl_conns, &key, &copy, BPF_ANY))
		count(BL_COUNT_LOST_CONN);
}

static __always_inline void fork_tell(struct task_struct *parent, struct task_struct *child)
{
	__u64 session = session_of(parent, BL_SESSION_LATE, true);
	struct bl_conn_key from;
	struct bl_event_fork *e;

	if (session)
		session = session_join(child, session, true);
	if (child->pid != child->tgid)
		return;
	task_key(&from, parent, true);
	conn_inherit(&from, child);

	e = emit_reserve(false, sizeof(*e));
	if (!e)
		return;
	emit_head(&e->head, BL_EVENT_FORK, 0, sizeof(*e));
	task_fill(&e->task, child, session, true);
	/* Not real_parent: CLONE_PARENT gives the child to the forking process's parent. */
	e->task.ppid = from.pid;
	e->task.parent_start_ns = from.start_ns;
	emit_submit_bulk(e, sizeof(*e));
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(bl_fork, struct task_struct *parent, struct task_struct *child)
{
	cpu_hold();
	fork_tell(parent, child);
	cpu_release();
	return 0;
}

/* ---- exec ------------------------------------------------------------------------------------ */

/* fd 0 at exec: a service's session process gets its connection there before it runs. */
static __always_inline void fd0_endpoint(struct bl_endpoint *end, const struct task_struct *task)
{
	struct file **table = BPF_CORE_READ(task, files, fdt, fd), *file = NULL;
	struct socket *socket;
	struct inode *inode;

	bpf_probe_read_kernel(&file, sizeof(file), table);
	if (!file)
		return;
	inode = BPF_CORE_READ(file, f_inode);
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFSOCK ||
	    BPF_CORE_READ(inode, i_sb, s_magic) != SOCKFS_MAGIC)
		return;
	socket = BPF_CORE_READ(file, private_data);
	endpoint_fill(end, BPF_CORE_READ(socket, sk));
}

/* Which service's file runs now, if any; kept for the process's exit and for a session's birth. */
static __always_inline void conn_exec(struct exec_facts *facts, const struct task_struct *task)
{
	struct bl_file_role *role = bpf_map_lookup_elem(&bl_services, &facts->exe);
	struct bl_conn_key key = { .start_ns = facts->task.start_ns, .pid = facts->task.pid };
	struct bl_conn *conn = &facts->conn;

	if (!role) {
		if (bpf_map_lookup_elem(&bl_conns, &key))
			bpf_map_delete_elem(&bl_conns, &key);
		return;
	}
	conn->service = role->service;
	conn->role = role->role;
	/* By root only: whoever runs a service's file in a loop shall not fill the urgent ring. */
	conn->urgent = facts->task.uid == 0;
	if (role->role == BL_ROLE_SESSION || role->role == BL_ROLE_PREAUTH)
		fd0_endpoint(&conn->end, task);
	if (bpf_map_update_elem(&bl_conns, &key, conn, BPF_ANY))
		count(BL_COUNT_LOST_CONN);
}

/*
 * memfd: an inode without a link on an internal tmpfs or hugetlbfs, whose dentry is its own parent
 * and is named memfd:…; a deleted file of that name in /tmp still has its folder as parent.
 */
static __always_inline bool file_is_memfd(const struct dentry *dentry, __u64 magic)
{
	char name[8] = {};

	if (dentry->d_parent != dentry || (magic != TMPFS_MAGIC && magic != HUGETLBFS_MAGIC))
		return false;
	bpf_probe_read_kernel(name, 6, BPF_CORE_READ(dentry, d_name.name));
	return name[0] == 'm' && name[1] == 'e' && name[2] == 'm' && name[3] == 'f' &&
	       name[4] == 'd' && name[5] == ':';
}

static __always_inline __u16 exec_flags(const struct linux_binprm *bprm, const struct file *file,
					const struct inode *inode)
{
	const struct dentry *dentry = file->f_path.dentry, *parent;
	const struct inode *folder;
	__u16 flags = 0;

	if (bprm->per_clear)
		flags |= BL_EXEC_SETUID;
	if (bprm->interp != bprm->filename)
		flags |= BL_EXEC_SCRIPT;
	if (!dentry)
		return flags;
	parent = dentry->d_parent;
	if (inode->i_nlink == 0)
		flags |= file_is_memfd(dentry, inode->i_sb->s_magic) ? BL_EXEC_MEMFD
								     : BL_EXEC_DELETED;
	if (flags & BL_EXEC_MEMFD)
		return flags;
	if (inode->i_sb->s_magic == TMPFS_MAGIC)
		flags |= BL_EXEC_TMPFS;
	if (!parent)
		return flags;
	folder = parent->d_inode;
	if (folder && folder->i_mode & S_IWOTH)
		flags |= BL_EXEC_WRITABLE_DIR;
	return flags;
}

/* Everything but args and args_kept, which serve path_read() and must be written after this. */
static __always_inline void exec_fill(struct bl_event_exec *e, const struct linux_binprm *bprm,
				      const struct exec_facts *facts)
{
	__u16 flags = facts->flags;

	e->task = facts->task;
	e->end = facts->conn.end;
	e->service = facts->conn.service;
	e->role = facts->conn.role;
	e->exe_ino = facts->exe.ino;
	e->exe_dev = facts->exe.dev;
	e->args_len = facts->args_len;
	e->tty[0] = 0;
	if (facts->tty)
		bpf_probe_read_kernel_str(e->tty, sizeof(e->tty), facts->tty);
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	if (path_read(e, e->exe, facts->exe_path))
		flags |= BL_EXEC_EXE_CUT;
	if (path_read(e, e->cwd, facts->cwd))
		flags |= BL_EXEC_CWD_CUT;
	e->file[0] = 0;
	if (bpf_probe_read_kernel_str(e->file, sizeof(e->file), bprm->filename) == sizeof(e->file))
		flags |= BL_EXEC_FILE_CUT;
	emit_head(&e->head, BL_EVENT_EXEC, flags, 0);
}

/* max is a constant. Pages that were swapped out in between are not waited for: then kept is 0. */
static __always_inline void exec_args(struct bl_event_exec *e, const struct exec_facts *facts,
				      const __u64 max)
{
	__u64 len = facts->args_len;

	if (len > max)
		len = max;
	if (bpf_probe_read_user(e->args, len, (const void *)facts->args_start))
		len = 0;
	e->args_kept = len;
	if (len < facts->args_len)
		e->head.flags |= BL_EXEC_ARGS_CUT;
	e->head.len = __builtin_offsetof(struct bl_event_exec, args) + max;
}

static __always_inline void exec_look(struct exec_facts *facts, const struct task_struct *task,
				      const struct linux_binprm *bprm)
{
	const struct file *file = bprm->file;
	const struct inode *inode = file->f_inode;
	const struct tty_struct *tty = task->signal->tty;
	const struct mm_struct *mm = task->mm;

	task_fill(&facts->task, task, 0, true);
	facts->exe.ino = inode->i_ino;
	facts->exe.dev = inode->i_sb->s_dev;
	facts->exe_path = &file->f_path;
	facts->cwd = &task->fs->pwd;
	facts->tty = tty ? tty->name : NULL;
	if (mm) {
		facts->args_start = mm->arg_start;
		facts->args_len = mm->arg_end - mm->arg_start;
	}
	facts->flags = exec_flags(bprm, file, inode);
}

static __always_inline void exec_tell(struct task_struct *task, int old_pid,
				      struct linux_binprm *bprm)
{
	struct exec_facts facts = {};
	struct bl_event_exec *e;

	exec_look(&facts, task, bprm);
	tag_follow_exec(task, old_pid);
	facts.task.session = session_of(task, BL_SESSION_LATE, true);
	conn_exec(&facts, task);

	/* Urgent records are always small: their ring is. */
	if (facts.conn.urgent) {
		e = emit_reserve(true, BL_EXEC_SMALL_LEN);
		if (!e)
			return;
		exec_fill(e, bprm, &facts);
		exec_args(e, &facts, BL_ARGS_SMALL);
		emit_submit_urgent(e);
	} else if (facts.args_len <= BL_ARGS_SMALL) {
		e = emit_reserve(false, BL_EXEC_SMALL_LEN);
		if (!e)
			return;
		exec_fill(e, bprm, &facts);
		exec_args(e, &facts, BL_ARGS_SMALL);
		emit_submit_bulk(e, BL_EXEC_SMALL_LEN);
	} else {
		e = emit_reserve(false, sizeof(*e));
		if (!e)
			return;
		exec_fill(e, bprm, &facts);
		exec_args(e, &facts, BL_ARGS_LARGE);
		emit_submit_bulk(e, sizeof(*e));
	}
}

/* The exec that bl_exec told last on this CPU. A task's self_exec_id grows with each. */
struct exec_told {
	__u64 task;
	__u64 exec_id;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct exec_told);
} bl_told SEC(".maps");

SEC("tp_btf/sched_process_exec")
int BPF_PROG(bl_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct exec_told *told;
	__u32 zero = 0;

	cpu_hold();
	exec_tell(task, old_pid, bprm);
	told = bpf_map_lookup_elem(&bl_told, &zero);
	if (told) {
		told->task = (__u64)task;
		told->exec_id = task->self_exec_id;
	}
	cpu_release();
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} bl_again SEC(".maps") = { .values = { [0] = (void *)&bl_exec } };

/* Attached behind bl_exec. A tail call is no run of its own, so nothing can skip it. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(bl_exec_again, struct task_struct *task)
{
	struct exec_told *told;
	__u32 zero = 0;

	told = bpf_map_lookup_elem(&bl_told, &zero);
	if (told && told->task == (__u64)task && told->exec_id == task->self_exec_id)
		return 0;
	bpf_tail_call(ctx, &bl_again, 0);
	return 0;
}

/* ---- exit ------------------------------------------------------------------------------------ */

/*
 * True for one thread of each process: the last one, or one of those that left last together.
 *
 * Most processes never had a second thread and need no entry in bl_exited: nobody else holds their
 * signal_struct, and no released thread left its run time there. (A thread keeps its reference for
 * an RCU grace period after its release, so it shows even if it had run too shortly to count.)
 */
static __always_inline bool process_gone(const struct task_struct *task,
					 const struct bl_conn_key *key)
{
	const struct signal_struct *sig = task->signal;
	__u8 one = 1;

	if (sig->live.counter)
		return false;
	if (*(const volatile int *)&sig->sigcnt.refs.counter == 1 &&
	    *(const volatile unsigned long long *)&sig->sum_sched_runtime == 0)
		return true;
	return map_result(bpf_map_update_elem(&bl_exited, key, &one, BPF_NOEXIST)) != -EEXIST;
}

/* As exec_facts: looked at once, before the ways part. */
struct exit_facts {
	struct bl_task task;
	struct bl_conn_key key;
	__u32 exit_code;
};

static __always_inline void exit_look(struct exit_facts *facts, const struct task_struct *task)
{
	const struct signal_struct *sig = task->signal;

	task_fill(&facts->task, task, 0, true);
	facts->exit_code = sig->flags & SIGNAL_GROUP_EXIT ? sig->group_exit_code
							  : task->group_leader->exit_code;
}

static __always_inline void exit_fill(struct bl_event_exit *e, const struct task_struct *task,
				      const struct exit_facts *facts, const struct bl_conn *conn)
{
	emit_head(&e->head, BL_EVENT_EXIT, 0, sizeof(*e));
	e->task = facts->task;
	e->exit_code = facts->exit_code;
	e->service = conn ? conn->service : 0;
	e->role = conn ? conn->role : 0;
	bpf_probe_read_kernel(e->comm, sizeof(e->comm), task->comm);
}

static __always_inline void exit_process(const struct task_struct *task,
					 const struct exit_facts *facts)
{
	struct bl_conn *conn = bpf_map_lookup_elem(&bl_conns, &facts->key);
	struct bl_event_exit *e;

	if (conn && conn->urgent) {
		e = emit_reserve(true, sizeof(*e));
		if (e) {
			exit_fill(e, task, facts, conn);
			emit_submit_urgent(e);
		}
	} else {
		e = emit_reserve(false, sizeof(*e));
		if (e) {
			exit_fill(e, task, facts, conn);
			emit_submit_bulk(e, sizeof(*e));
		}
	}
	if (conn)
		bpf_map_delete_elem(&bl_conns, &facts->key);
}

static __always_inline void exit_tell(struct task_struct *task)
{
	struct exit_facts facts = {};
	struct bl_tag *tag;
	bool counts, gone;
	__u64 session;

	task_key(&facts.key, task, true);
	gone = process_gone(task, &facts.key);
	if (gone)
		exit_look(&facts, task);
	tag = tag_get(task, true);
	session = tag ? tag->session : 0;
	counts = tag_counts(tag);
	facts.task.session = session;
	if (gone)
		exit_process(task, &facts);
	if (session && tag_take(task) && counts)
		session_leave(session, task);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(bl_exit, struct task_struct *task)
{
	cpu_hold();
	exit_tell(task);
	cpu_release();
	return 0;
}

/*
 * The task's last reference is going, long after bl_exit took tag and entry; what is still there
 * was skipped. The parent may be gone too, but its memory is readable and, but for an unlikely
 * reuse, its own: it reaped this task a grace period ago.
 */
static __always_inline void free_tell(struct task_struct *task)
{
	struct exit_facts facts = {};
	struct bl_tag *tag;
	bool counts, told = true;
	__u64 session;

	if (task->pid == task->tgid) {
		task_key(&facts.key, task, true);
		told = !bpf_map_lookup_elem(&bl_conns, &facts.key);
		if (!told)
			exit_look(&facts, task);
	}
	tag = tag_get(task, true);
	session = tag ? tag->session : 0;
	counts = tag_counts(tag);
	facts.task.session = session;
	if (!told)
		exit_process(task, &facts);
	if (session && tag_take(task) && counts)
		session_leave(session, task);
}

SEC("tp_btf/sched_process_free")
int BPF_PROG(bl_free, struct task_struct *task)
{
	cpu_hold();
	free_tell(task);
	cpu_release();
	return 0;
}
