/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Contains sessions and accounts: what a verdict names is refused before it happens, or, where only
 * a tracepoint is left, an exec is killed before the new program's first instruction.
 *
 * Every refusal exists as an LSM program and as an fmod_ret program on the function that calls the
 * LSM hooks (the verifier takes any security_ function, 6ba43b761c41, 5.7); exec also as SIGKILL in
 * sched_process_exec, which acts before the task returns to user mode. The loader keeps of each the
 * first that refused something in its test: an LSM program attaches, and is never called, on a
 * kernel whose lsm= does not name bpf.
 *
 * Whose verdict: the session whose tag the task carries, and those it was born inside of unless it
 * has a network peer of its own; then the task's uid and login uid. A task without a tag is known
 * by its audit session, so a full table of tags opens nothing. bl_keep hands the tag on at fork
 * when no sensor does (bailiffd is not running); such a tag counts in no session.
 *
 * These links are pinned. While bl_any is 0 each program reads that and returns.
 *
 * Missed: what goes on inside a process that runs (its code, its open files and connections),
 * sendto() on a UDP socket that exists, kernel threads of io_uring on 5.10. fmod_ret and tracepoint
 * programs are skipped by the kernel when a task was preempted inside the same program on that CPU
 * (seen on 7.3.4); LSM programs are not.
 */
#include "core.bpf.h"

#include "compat.bpf.h"
#include "counters.bpf.h"
#include "maps.bpf.h"
#include "task.bpf.h"

#define EPERM 1
#define SIGKILL 9
#define PTRACE_MODE_ATTACH 0x02 /* include/linux/ptrace.h, the same from 5.10 to 7.3 */
#define SESSION_DEPTH 4 /* sessions within sessions that are looked through */

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BL_SESSIONS_MAX);
	__type(key, __u64);
	__type(value, struct bl_verdict);
} bl_verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BL_UIDS_MAX);
	__type(key, __u32);
	__type(value, struct bl_verdict);
} bl_uids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bl_any);
} bl_any SEC(".maps");

static __always_inline bool quiet(void)
{
	__u32 zero = 0;
	const struct bl_any *any = bpf_map_lookup_elem(&bl_any, &zero);

	return !any || !any->verdicts;
}

static __always_inline bool in_force(const struct bl_verdict *verdict, __u32 flag)
{
	if (!verdict || !(verdict->flags & flag) ||
	    bpf_ktime_get_boot_ns() >= verdict->expires_boot_ns)
		return false;
	return !(verdict->flags & BL_VERDICT_PROOF) || verdict->decision == bl_config.life;
}

/* ---- who ------------------------------------------------------------------------------------- */

/*
 * The current task's own tag, else its process's: io_uring's workers are threads that no fork hook
 * sees (create_io_thread, 5.12). Else what its audit session is known as.
 */
static __always_inline __u64 current_session(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct bl_tag *tag = tag_get(task, false);
	__u64 *known;
	__u32 audit;

	if (!tag && bl_config.task_storage)
		tag = bpf_task_storage_get(&bl_tags, bpf_get_current_task_btf()->group_leader, NULL,
					   0);
	if (tag)
		return tag->session;
	audit = task_audit_session(task, false);
	if (audit == BL_UNSET)
		return 0;
	known = bpf_map_lookup_elem(&bl_audit, &audit);
	return known ? *known : 0;
}

static __always_inline struct bl_verdict *session_verdict(__u64 tag, __u32 flag)
{
	struct bl_verdict *verdict;
	struct bl_session *s, *parent;

	for (int i = 0; i < SESSION_DEPTH; i++) {
		if (!tag)
			return NULL;
		verdict = bpf_map_lookup_elem(&bl_verdicts, &tag);
		if (in_force(verdict, flag))
			return verdict;
		s = bpf_map_lookup_elem(&bl_sessions, &tag);
		if (!s || (s->end.family && !(s->flags & BL_SESSION_JOINED)))
			return NULL;
		tag = s->parent_session;
		/* Which accounts are exempt is not known here: only the same one is followed. */
		if (s->flags & BL_SESSION_EDGES && s->auid == 0)
			return NULL;
		if (!(s->flags & BL_SESSION_JOINED))
			continue;
		parent = bpf_map_lookup_elem(&bl_sessions, &tag);
		if (!parent || parent->auid != s->auid)
			return NULL;
	}
	return NULL;
}

static __always_inline struct bl_verdict *account_verdict(__u32 uid, __u32 flag)
{
	struct bl_verdict *verdict;

	if (uid == 0 || uid == BL_UNSET)
		return NULL;
	verdict = bpf_map_lookup_elem(&bl_uids, &uid);
	return in_force(verdict, flag) ? verdict : NULL;
}

static __always_inline int refuse(struct bl_verdict *verdict)
{
	if (!verdict)
		return 0;
	__sync_fetch_and_add(&verdict->refused, 1);
	count(BL_COUNT_REFUSED_TASK);
	return -EPERM;
}

/* -EPERM if the current task may not do this. */
static __noinline int current_refused(__u32 flag)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct bl_verdict *verdict = session_verdict(current_session(), flag);

	if (!verdict)
		verdict = account_verdict((__u32)bpf_get_current_uid_gid(), flag);
	if (!verdict)
		verdict = account_verdict(task_loginuid(task, false), flag);
	return refuse(verdict);
}

/* ---- what ------------------------------------------------------------------------------------ */

static __always_inline int check_exec(void)
{
	return quiet() ? 0 : current_refused(BL_VERDICT_EXEC);
}

static __always_inline int check_fork(void)
{
	return quiet() ? 0 : current_refused(BL_VERDICT_FORK);
}

static __always_inline int check_connect(void)
{
	return quiet() ? 0 : current_refused(BL_VERDICT_CONNECT);
}

/* UNIX sockets are how a process logs and talks to its own parts. */
static __always_inline int check_socket(int family, int kern)
{
	return kern || family == AF_UNIX || quiet() ? 0 : current_refused(BL_VERDICT_CONNECT);
}

static __always_inline int check_cred(const struct cred *new, const struct cred *old)
{
	int r;

	if (quiet())
		return 0;
	if (new->uid.val != old->uid.val) {
		r = refuse(account_verdict(new->uid.val, BL_VERDICT_CRED));
		if (r)
			return r;
	}
	if (new->euid.val != old->euid.val) {
		r = refuse(account_verdict(new->euid.val, BL_VERDICT_CRED));
		if (r)
			return r;
	}
	return current_refused(BL_VERDICT_CRED);
}

static __always_inline int check_trace(unsigned int mode)
{
	return !(mode & PTRACE_MODE_ATTACH) || quiet() ? 0 : current_refused(BL_VERDICT_PTRACE);
}

/* ---- LSM: another module's refusal stands ---------------------------------------------------- */

SEC("lsm/bprm_check_security")
int BPF_PROG(bl_exec_lsm, struct linux_binprm *bprm, int ret)
{
	return ret ? ret : check_exec();
}

SEC("lsm/task_alloc")
int BPF_PROG(bl_fork_lsm, struct task_struct *task, unsigned long flags, int ret)
{
	return ret ? ret : check_fork();
}

SEC("lsm/socket_connect")
int BPF_PROG(bl_conn_lsm, struct socket *sock, struct sockaddr *address, int len, int ret)
{
	return ret ? ret : check_connect();
}

SEC("lsm/socket_create")
int BPF_PROG(bl_sock_lsm, int family, int type, int protocol, int kern, int ret)
{
	return ret ? ret : check_socket(family, kern);
}

SEC("lsm/task_fix_setuid")
int BPF_PROG(bl_cred_lsm, struct cred *new, const struct cred *old, int flags, int ret)
{
	return ret ? ret : check_cred(new, old);
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(bl_trace_lsm, struct task_struct *child, unsigned int mode, int ret)
{
	return ret ? ret : check_trace(mode);
}

#define HELD(check)            \
	({                     \
		int _r;        \
		cpu_hold();    \
		_r = (check);  \
		cpu_release(); \
		_r;            \
	})

/* ---- fmod_ret: runs before all modules, whose function is not called after a refusal
 * ---------- */

SEC("fmod_ret/security_bprm_check")
int BPF_PROG(bl_exec_mod, struct linux_binprm *bprm, int ret)
{
	return HELD(check_exec());
}

SEC("fmod_ret/security_task_alloc")
int BPF_PROG(bl_fork_mod, struct task_struct *task, unsigned long flags, int ret)
{
	return HELD(check_fork());
}

SEC("fmod_ret/security_socket_connect")
int BPF_PROG(bl_conn_mod, struct socket *sock, struct sockaddr *address, int len, int ret)
{
	return HELD(check_connect());
}

SEC("fmod_ret/security_socket_create")
int BPF_PROG(bl_sock_mod, int family, int type, int protocol, int kern, int ret)
{
	return HELD(check_socket(family, kern));
}

SEC("fmod_ret/security_task_fix_setuid")
int BPF_PROG(bl_cred_mod, struct cred *new, const struct cred *old, int flags, int ret)
{
	return HELD(check_cred(new, old));
}

SEC("fmod_ret/security_ptrace_access_check")
int BPF_PROG(bl_trace_mod, struct task_struct *child, unsigned int mode, int ret)
{
	return HELD(check_trace(mode));
}

/* ---- tracepoints ----------------------------------------------------------------------------- */

SEC("tp_btf/sched_process_exec")
int BPF_PROG(bl_exec_kill)
{
	cpu_hold();
	if (check_exec())
		bpf_send_signal(SIGKILL);
	cpu_release();
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(bl_keep, struct task_struct *parent, struct task_struct *child)
{
	struct bl_tag *tag;

	if (quiet())
		return 0;
	cpu_hold();
	tag = tag_get(parent, true);
	if (tag && !tag_get(child, true) && !tag_put(child, tag->session, 0, true))
		count(BL_COUNT_LOST_TAG);
	cpu_release();
	return 0;
}
