/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Birth of login sessions, those that were there before, and what PAM answered.
 *
 * Hook: the return of audit_set_loginuid(), where a task has its login uid and its new audit
 * session: pam_loginuid's write to /proc/self/loginuid ends there, whether audit is enabled or not.
 * Entry would be too early, the session number is drawn inside. Two variants, of which the loader
 * keeps the first that attaches: fexit (from 6.1; before, trampolines refuse the struct argument
 * kuid_t), kretprobe. Where neither is allowed, sensor_exec notices the session at the task's next
 * fork or exec.
 *
 * bl_seed, a task iterator, is run once after all programs are attached: it gives the tasks of
 * sessions that were there before a tag (BL_SESSION_INFERRED, one event each). bl_tell tells of
 * every session in the table again, for a reader that was started anew.
 *
 * bl_pam_begin and bl_pam_end sit on libpam's pam_authenticate(), wherever that file is mapped.
 * Only processes whose effective user is root are told of: what another one asks of PAM, in whose
 * name and from which host, is its own invention.
 *
 * Missed: logins of services without pam_loginuid, whose tasks have no login uid. Of PAM:
 * statically linked programs, other copies of the library (containers), and public keys, which
 * never reach it.
 */
#include "core.bpf.h"

#include "session.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("fexit/audit_set_loginuid")
int BPF_PROG(bl_login, __u32 loginuid, int ret)
{
	cpu_hold();
	if (!ret)
		session_of(bpf_get_current_task_btf(), 0, true);
	cpu_release();
	return 0;
}

SEC("kretprobe/audit_set_loginuid")
int bl_login_k(struct pt_regs *regs)
{
	/* A kprobe's handler is not preempted. */
	if (!RETURN_VALUE(regs))
		session_of((struct task_struct *)bpf_get_current_task(), 0, false);
	return 0;
}

SEC("iter/task")
int bl_seed(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u64 session;

	/* Also dead ones that nobody has waited for are iterated over. */
	if (!task || task->flags & PF_EXITING)
		return 0;
	cpu_hold();
	session = session_of(task, BL_SESSION_INFERRED, true);
	/* It may have died since, before or after its tag was there for the exit hook to see. */
	if (session && *(volatile unsigned int *)&task->flags & PF_EXITING && tag_take(task))
		session_leave(session, task);
	cpu_release();
	return 0;
}

SEC("iter/bpf_map_elem")
int bl_tell(struct bpf_iter__bpf_map_elem *ctx)
{
	const struct bl_session *s = ctx->value;
	const __u64 *tag = ctx->key;

	cpu_hold();
	if (s && tag)
		session_tell(s, *tag);
	cpu_release();
	return 0;
}

/* ---- PAM ------------------------------------------------------------------------------------- */

/*
 * struct pam_handle is libpam's own. These places are the same in 1.4.0, 1.5.2 and 1.7.0, on 64
 * bits (seen in pam_get_item() of Debian 11, 12 and 13). Were they to move, texts would be empty or
 * odd, and nothing is believed of an odd one; the result does not depend on them.
 */
#define PAM_HANDLE_SERVICE 0x28
#define PAM_HANDLE_USER 0x30
#define PAM_HANDLE_RHOST 0x38
#define PAM_HANDLE_TTY 0x48

/* Threads inside pam_authenticate(); an entry is left behind by one that was killed there. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u64);
} bl_pam SEC(".maps");

/* True: the text is longer. */
static __always_inline bool pam_text(char *out, const __u32 size, __u64 handle, const __u32 place)
{
	const char *text = NULL;
	long n = 0;

	out[0] = 0;
	if (!bpf_probe_read_user(&text, sizeof(text), (const void *)(handle + place)) && text)
		n = bpf_probe_read_user_str(out, size, text);
	if (n < 0)
		out[0] = 0;
	return n == size;
}

static __always_inline void auth_fill(struct bl_event_auth *e, const struct task_struct *task,
				      const struct bl_conn *conn, __u64 handle, int result)
{
	struct bl_tag *tag = tag_get((struct task_struct *)task, false);
	__u16 flags = 0;

	task_fill(&e->task, task, tag ? tag->session : 0, false);
	e->result = result;
	e->service = conn->service;
	e->role = conn->role;
	e->end = conn->end;
	(void)pam_text(e->pam_service, sizeof(e->pam_service), handle, PAM_HANDLE_SERVICE);
	if (pam_text(e->user, sizeof(e->user), handle, PAM_HANDLE_USER))
		flags |= BL_AUTH_USER_CUT;
	if (pam_text(e->rhost, sizeof(e->rhost), handle, PAM_HANDLE_RHOST))
		flags |= BL_AUTH_RHOST_CUT;
	(void)pam_text(e->tty, sizeof(e->tty), handle, PAM_HANDLE_TTY);
	emit_head(&e->head, BL_EVENT_AUTH, flags, sizeof(*e));
}

SEC("uprobe")
int bl_pam_begin(struct pt_regs *regs)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 thread = bpf_get_current_pid_tgid(), handle = FIRST_ARGUMENT(regs);

	if (BPF_CORE_READ(task, cred, euid.val) == 0)
		bpf_map_update_elem(&bl_pam, &thread, &handle, BPF_ANY);
	return 0;
}

static __always_inline void auth_tell(int result)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 thread = bpf_get_current_pid_tgid();
	__u64 *kept = bpf_map_lookup_elem(&bl_pam, &thread), handle;
	struct bl_conn nothing = {}, *conn;
	struct bl_event_auth *e;
	struct bl_conn_key key;

	if (!kept)
		return;
	handle = *kept;
	bpf_map_delete_elem(&bl_pam, &thread);
	task_key(&key, task, false);
	conn = bpf_map_lookup_elem(&bl_conns, &key);
	if (!conn)
		conn = &nothing;
	if (conn->urgent) {
		e = emit_reserve(true, sizeof(*e));
		if (!e)
			return;
		auth_fill(e, task, conn, handle, result);
		emit_submit_urgent(e);
	} else {
		e = emit_reserve(false, sizeof(*e));
		if (!e)
			return;
		auth_fill(e, task, conn, handle, result);
		emit_submit_bulk(e, sizeof(*e));
	}
}

SEC("uretprobe")
int bl_pam_end(struct pt_regs *regs)
{
	cpu_hold();
	auth_tell(RETURN_VALUE(regs));
	cpu_release();
	return 0;
}
