/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signals: deeds that no log tells of and that an honest login session seldom does.
 *
 * Hooks: fentry on functions that are global in every kernel from 5.10 to 7.3 and take pointers and
 * numbers only, which trampolines of 5.10 accept; and the raw tracepoint module_load. The security_
 * functions are entered after the kernel's own checks of permission and before a security module's,
 * so a signal says that somebody was about to, and by ids and modes could.
 *
 * What counts is decided here, so that an ordinary host sends next to none: bl_commit sees every
 * exec and leaves after a comparison, bl_file_open sees every open and leaves unless it is for
 * writing and below a watched folder. Each kind has a limit per session (BL_SIGNAL_BURST), so
 * nobody can fill a ring with them.
 *
 * Who writes a job for at or cron is kept beside (bl_left), for the session that is born to run it.
 *
 * Missed: credentials that are written into memory without commit_creds(), or lent by
 * override_creds(); a module that hides from its tracepoint; a file's capabilities (setxattr), and
 * set-ID bits given at creation instead of by chmod; a watched file that is written through another
 * hard link; what root's services do of themselves, for files and traces.
 */
#include "core.bpf.h"

#include "compat.bpf.h"
#include "emit.bpf.h"
#include "maps.bpf.h"
#include "task.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* include/linux/fs.h and include/linux/ptrace.h, the same from 5.10 to 7.3 */
#define FMODE_WRITE 0x2
#define PTRACE_MODE_ATTACH 0x02
#define CAP_FOWNER 3
#define CAP_SETUID 7

struct signal_key {
	__u64 session;
	__u32 uid; /* 0 within a session */
	__u32 what;
};

struct signal_rate {
	__u64 since_ns;
	__u64 count;
};

/* Who is not evicted is limited; 4096 sessions or users at work within a window are many. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct signal_key);
	__type(value, struct signal_rate);
} bl_signaled SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BL_WATCHED_MAX);
	__type(key, struct bl_watch_key);
	__type(value, __u32);
} bl_watched SEC(".maps");

/* Who does it. */
struct actor {
	struct task_struct *task;
	const struct cred *cred; /* as it acts */
	__u64 session;
	__u32 uid;
	__u32 auid;
};

static __always_inline void actor_fill(struct actor *a)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	const struct cred *cred = BPF_CORE_READ(task, cred);
	struct bl_tag *tag = tag_get(task, false);

	/* By locals: of a member's own struct the kernel knows nothing to relocate. */
	a->task = task;
	a->cred = cred;
	a->uid = BPF_CORE_READ(cred, uid.val);
	a->auid = task_loginuid(task, false);
	a->session = tag ? tag->session : 0;
}

/* Services of root's own do much of this all day; nobody logged in for that. */
static __always_inline bool actor_counts(const struct actor *a)
{
	return a->session || a->auid != BL_UNSET || a->uid;
}

static __always_inline bool rate_allows(const struct actor *a, __u32 what)
{
	struct signal_key key = { .session = a->session, .what = what };
	struct signal_rate *rate, first = { .count = 1 };
	__u64 now = bpf_ktime_get_boot_ns();

	if (!a->session)
		key.uid = a->uid;
	rate = bpf_map_lookup_elem(&bl_signaled, &key);
	if (!rate || now - rate->since_ns >= BL_SIGNAL_WINDOW_NS) {
		first.since_ns = now;
		bpf_map_update_elem(&bl_signaled, &key, &first, BPF_ANY);
		return true;
	}
	__sync_fetch_and_add(&rate->count, 1);
	if (*(volatile __u64 *)&rate->count <= BL_SIGNAL_BURST)
		return true;
	count(BL_COUNT_LOST_SIGNAL);
	return false;
}

/* NULL: too many, or no room; counted. What the caller does not fill in is empty. */
static __always_inline struct bl_event_signal *signal_begin(const struct actor *a, const __u32 what,
							    const bool urgent)
{
	struct bl_event_signal *e;

	if (!rate_allows(a, what))
		return NULL;
	e = emit_reserve(urgent, sizeof(*e));
	if (!e)
		return NULL;
	emit_head(&e->head, BL_EVENT_SIGNAL, 0, sizeof(*e));
	task_fill(&e->task, a->task, a->session, false);
	e->what = what;
	e->detail = 0;
	e->ino = 0;
	e->dev = 0;
	e->other_pid = 0;
	e->other_uid = BL_UNSET;
	e->pad = 0;
	e->other_start_ns = 0;
	e->other_session = 0;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	e->name[0] = 0;
	e->folder[0] = 0;
	e->above[0] = 0;
	return e;
}

static __always_inline void signal_file(struct bl_event_signal *e, const struct dentry *dentry)
{
	const struct dentry *folder = BPF_CORE_READ(dentry, d_parent);
	const struct dentry *above = BPF_CORE_READ(folder, d_parent);
	const struct inode *inode = BPF_CORE_READ(dentry, d_inode);

	if (inode) {
		e->ino = BPF_CORE_READ(inode, i_ino);
		e->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	}
	bpf_probe_read_kernel_str(e->name, sizeof(e->name), BPF_CORE_READ(dentry, d_name.name));
	bpf_probe_read_kernel_str(e->folder, sizeof(e->folder), BPF_CORE_READ(folder, d_name.name));
	bpf_probe_read_kernel_str(e->above, sizeof(e->above), BPF_CORE_READ(above, d_name.name));
}

/* ---- kernel code ----------------------------------------------------------------------------- */

static __always_inline void module_tell(struct module *module)
{
	struct bl_event_signal *e;
	struct actor a;

	actor_fill(&a);
	e = signal_begin(&a, BL_SIGNAL_MODULE, true);
	if (!e)
		return;
	bpf_probe_read_kernel_str(e->name, sizeof(module->name), module->name);
	emit_submit_urgent(e);
}

SEC("tp_btf/module_load")
int BPF_PROG(bl_module, struct module *module)
{
	cpu_hold();
	module_tell(module);
	cpu_release();
	return 0;
}

static __always_inline void prog_tell(const struct bpf_prog *prog)
{
	struct bl_event_signal *e;
	struct actor a;

	if (bl_config.own_pid && bpf_get_current_pid_tgid() >> 32 == bl_config.own_pid)
		return;
	actor_fill(&a);
	e = signal_begin(&a, BL_SIGNAL_BPF, false);
	if (!e)
		return;
	e->detail = prog->type;
	bpf_probe_read_kernel_str(e->name, sizeof(prog->aux->name), prog->aux->name);
	emit_submit_bulk(e, sizeof(*e));
}

/*
 * The program has passed the verifier and got its id before it is entered here; its parts, which
 * are entered as well, have none, nor have the classic filters of sockets.
 */
SEC("fentry/bpf_prog_kallsyms_add")
int BPF_PROG(bl_prog, const struct bpf_prog *prog)
{
	if (!prog->aux->id)
		return 0;
	cpu_hold();
	prog_tell(prog);
	cpu_release();
	return 0;
}

static __always_inline void kexec_tell(void)
{
	struct bl_event_signal *e;
	struct actor a;

	actor_fill(&a);
	e = signal_begin(&a, BL_SIGNAL_KEXEC, true);
	if (e)
		emit_submit_urgent(e);
}

/* Both system calls come by here with what they were handed, after the check of the capability. */
SEC("fentry/sanity_check_segment_list")
int BPF_PROG(bl_kexec)
{
	cpu_hold();
	kexec_tell();
	cpu_release();
	return 0;
}

/* ---- credentials ----------------------------------------------------------------------------- */

static __always_inline __u64 caps_of(const struct cred *cred, const __u32 place)
{
	__u64 caps = 0;

	bpf_probe_read_kernel(&caps, sizeof(caps), (const char *)cred + place);
	return caps;
}

static __always_inline __u64 caps_effective(const struct cred *cred)
{
	return caps_of(cred, bpf_core_field_offset(struct cred, cap_effective));
}

/*
 * Root's id that is none of the ids before, without CAP_SETUID over the whole host (within a user
 * namespace it allows the namespace's own ids only, and whoever made one of them root's gave root
 * away); or an effective capability that was not permitted before, except over a child user
 * namespace, where it is no power over the host.
 */
static __always_inline __u32 gain_of(const struct cred *new, const struct cred *old)
{
	bool was_root, is_root;
	bool host = BPF_CORE_READ(old, user_ns, level) == 0;
	__u32 gain = 0;

	is_root = !new->uid.val || !new->euid.val || !new->suid.val || !new->fsuid.val;
	if (is_root) {
		was_root = !BPF_CORE_READ(old, uid.val) || !BPF_CORE_READ(old, euid.val) ||
			   !BPF_CORE_READ(old, suid.val) || !BPF_CORE_READ(old, fsuid.val);
		if (!was_root && !(host && caps_effective(old) & 1ULL << CAP_SETUID))
			gain |= BL_GAIN_UID;
	}
	if (new->user_ns->level == 0 &&
	    caps_effective(new) & ~caps_of(old, bpf_core_field_offset(struct cred, cap_permitted)))
		gain |= BL_GAIN_CAPS;
	return gain;
}

static __always_inline void gain_tell(__u32 gain)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct bl_event_signal *e;
	struct actor a;

	/* Set-ID files and file capabilities take effect here; the exec's own record tells of
	 * them. */
	if (BPF_CORE_READ_BITFIELD_PROBED(task, in_execve))
		return;
	/* A helper that the kernel starts becomes root's before its exec. */
	if (!BPF_CORE_READ(task, mm))
		return;
	actor_fill(&a);
	e = signal_begin(&a, BL_SIGNAL_GAIN, true);
	if (!e)
		return;
	e->detail = gain;
	emit_submit_urgent(e);
}

SEC("fentry/commit_creds")
int BPF_PROG(bl_commit, const struct cred *new)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u32 gain;

	/* By most execs and by all who give up rights. */
	if (new->euid.val &&new->uid.val &&new->suid.val &&new->fsuid.val && !caps_effective(new))
		return 0;
	gain = gain_of(new, BPF_CORE_READ(task, real_cred));
	if (!gain)
		return 0;
	cpu_hold();
	gain_tell(gain);
	cpu_release();
	return 0;
}

static __always_inline void setid_tell(const struct path *path, __u32 mode)
{
	const struct dentry *dentry = path->dentry;
	const struct inode *inode = dentry->d_inode;
	struct bl_event_signal *e;
	const struct cred *cred;
	struct actor a;
	__u32 owner;

	if ((inode->i_mode & S_IFMT) != S_IFREG || inode->i_mode & S_ISUID)
		return;
	actor_fill(&a);
	owner = inode->i_uid.val;
	cred = a.cred;
	/* Others are refused after this hook. */
	if (!actor_counts(&a) || (BPF_CORE_READ(cred, fsuid.val) != owner &&
				  !(caps_effective(cred) & 1ULL << CAP_FOWNER)))
		return;
	e = signal_begin(&a, BL_SIGNAL_SETID, false);
	if (!e)
		return;
	e->detail = mode;
	e->other_uid = owner;
	signal_file(e, dentry);
	emit_submit_bulk(e, sizeof(*e));
}

/* chmod, fchmod, fchmodat and fchmodat2. A chown takes the bit away instead of keeping it. */
SEC("fentry/security_path_chmod")
int BPF_PROG(bl_chmod, const struct path *path, unsigned short mode)
{
	if (!(mode & S_ISUID))
		return 0;
	cpu_hold();
	setid_tell(path, mode);
	cpu_release();
	return 0;
}

/* ---- other processes ------------------------------------------------------------------------- */

static __always_inline void trace_tell(struct task_struct *child, __u32 mode)
{
	struct bl_event_signal *e;
	struct bl_tag *tag;
	struct actor a;
	__u64 session;
	__u32 uid;

	actor_fill(&a);
	if (!actor_counts(&a))
		return;
	uid = child->real_cred->euid.val;
	tag = tag_get(child, true);
	session = tag ? tag->session : 0;
	/* One's own, or within root's own session. */
	if (uid == a.uid && (uid || session == a.session))
		return;
	e = signal_begin(&a, BL_SIGNAL_TRACE, false);
	if (!e)
		return;
	e->detail = mode;
	e->other_pid = child->tgid;
	e->other_uid = uid;
	e->other_start_ns = child->group_leader->start_boottime;
	e->other_session = session;
	bpf_probe_read_kernel_str(e->name, sizeof(child->comm), child->comm);
	emit_submit_bulk(e, sizeof(*e));
}

/* ptrace, process_vm_readv and _writev, pidfd_getfd, /proc/PID/mem: all ask for the mode
 * "attach". */
SEC("fentry/security_ptrace_access_check")
int BPF_PROG(bl_ptrace, struct task_struct *child, unsigned int mode)
{
	if (!(mode & PTRACE_MODE_ATTACH))
		return 0;
	cpu_hold();
	trace_tell(child, mode);
	cpu_release();
	return 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* enum bl_signal, with BL_WATCH_ flags; 0: not watched. */
static __always_inline __u32 watch_of(const struct dentry *dentry)
{
	struct bl_watch_key key = {};
	const struct inode *folder = BPF_CORE_READ(dentry, d_parent, d_inode);
	__u32 *what;

	if (!folder)
		return 0;
	key.ino = BPF_CORE_READ(folder, i_ino);
	key.dev = BPF_CORE_READ(folder, i_sb, s_dev);
	what = bpf_map_lookup_elem(&bl_watched, &key);
	if (!what || *what)
		return what ? *what : 0;
	bpf_probe_read_kernel_str(key.name, sizeof(key.name), BPF_CORE_READ(dentry, d_name.name));
	if (!key.name[0])
		return 0;
	what = bpf_map_lookup_elem(&bl_watched, &key);
	return what ? *what : 0;
}

/* passwd, chsh and their like: they let a user change what is his own. */
static __always_inline bool by_setid_program(const struct task_struct *task)
{
	const struct inode *exe = BPF_CORE_READ(task, mm, exe_file, f_inode);

	return exe && BPF_CORE_READ(exe, i_mode) & S_ISUID && !BPF_CORE_READ(exe, i_uid.val);
}

static __always_inline void file_emit(const struct actor *a, const struct dentry *dentry,
				      const __u32 what, __u32 how)
{
	struct bl_event_signal *e = signal_begin(a, what, false);

	if (!e)
		return;
	e->detail = how;
	signal_file(e, dentry);
	emit_submit_bulk(e, sizeof(*e));
}

/* at(1) counts its jobs in a file beside them. */
static __always_inline bool is_job_counter(const struct dentry *dentry)
{
	char name[16] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(dentry, d_name.name));
	return name_is(name, ".SEQ");
}

/*
 * Who wrote the job last; somebody outside of all sessions, or who acts for another account, takes
 * the earlier one's name off it. A crontab is new once it gets its name (crontab renames a draft),
 * a job of at is written where it stays, and atd's own links to it are no writing.
 */
static __always_inline void job_left(const struct actor *a, const struct inode *inode, __u32 watch,
				     __u32 how)
{
	struct bl_left left = { .session = a->session, .auid = a->auid };
	bool own = a->session && a->uid == a->auid;
	struct bl_left_key key = {};

	if (watch & BL_WATCH_AT && how == BL_WRITE_OPEN) {
		key.ino = BPF_CORE_READ(inode, i_ino);
		key.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	} else if (watch & BL_WATCH_CRON && how == BL_WRITE_RENAME) {
		key.uid = own ? a->auid : BPF_CORE_READ(inode, i_uid.val);
	} else {
		return;
	}
	if (own)
		bpf_map_update_elem(&bl_left, &key, &left, BPF_ANY);
	else
		bpf_map_delete_elem(&bl_left, &key);
}

static __always_inline void mark_left(__u64 session)
{
	struct bl_session *s = bpf_map_lookup_elem(&bl_sessions, &session);

	if (s && !(s->flags & BL_SESSION_LEFT))
		s->flags |= BL_SESSION_LEFT;
}

/* inode: of what is opened, or renamed to there. */
static __always_inline void file_tell(const struct dentry *dentry, const struct inode *inode,
				      const __u32 how)
{
	__u32 watch = watch_of(dentry);
	__u32 what = watch & BL_WATCH_SIGNAL;
	struct actor a;

	if (!watch || (watch & BL_WATCH_AT && is_job_counter(dentry)))
		return;
	cpu_hold();
	actor_fill(&a);
	if (inode && watch != what)
		job_left(&a, inode, watch, how);
	if (!actor_counts(&a) || (what != BL_SIGNAL_STARTUP_FILE && by_setid_program(a.task)))
		goto out;
	mark_left(a.session);
	if (what == BL_SIGNAL_STARTUP_FILE)
		file_emit(&a, dentry, BL_SIGNAL_STARTUP_FILE, how);
	else
		file_emit(&a, dentry, BL_SIGNAL_LOGIN_FILE, how);
out:
	cpu_release();
}

SEC("fentry/security_file_open")
int BPF_PROG(bl_file_open, const struct file *file)
{
	if (file->f_mode & FMODE_WRITE && (file->f_inode->i_mode & S_IFMT) == S_IFREG)
		file_tell(file->f_path.dentry, file->f_inode, BL_WRITE_OPEN);
	return 0;
}

SEC("fentry/security_inode_rename")
int BPF_PROG(bl_file_rename, const struct inode *old_dir, const struct dentry *old,
	     const struct inode *new_dir, const struct dentry *new)
{
	file_tell(new, old->d_inode, BL_WRITE_RENAME);
	return 0;
}

SEC("fentry/security_inode_link")
int BPF_PROG(bl_file_link, const struct dentry *old, const struct inode *dir,
	     const struct dentry *new)
{
	file_tell(new, NULL, BL_WRITE_LINK);
	return 0;
}

SEC("fentry/security_inode_symlink")
int BPF_PROG(bl_file_sym, const struct inode *dir, const struct dentry *dentry)
{
	file_tell(dentry, NULL, BL_WRITE_SYMLINK);
	return 0;
}
