/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Birth of login sessions, and those that were there before.
 *
 * Hook: the return of audit_set_loginuid(), where a task has its login uid and its new audit session:
 * pam_loginuid's write to /proc/self/loginuid ends there, whether audit is enabled or not. Entry would
 * be too early, the session number is drawn inside. Two variants, of which the loader keeps the first
 * that attaches: fexit (from 6.1; before, trampolines refuse the struct argument kuid_t), kretprobe.
 * Where neither is allowed, sensor_exec notices the session at the task's next fork or exec.
 *
 * bl_seed, a task iterator, is run once after all programs are attached: it gives the tasks of
 * sessions that were there before a tag (BL_SESSION_INFERRED, one event each). bl_tell tells of every
 * session in the table again, for a reader that was started anew.
 *
 * Missed: logins of services without pam_loginuid, whose tasks have no login uid.
 */
#include "core.bpf.h"

#include "session.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("fexit/audit_set_loginuid")
int BPF_PROG(bl_login, __u32 loginuid, int ret)
{
	if (!ret)
		session_of(bpf_get_current_task_btf(), 0, true);
	return 0;
}

SEC("kretprobe/audit_set_loginuid")
int bl_login_k(struct pt_regs *regs)
{
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
	session = session_of(task, BL_SESSION_INFERRED, true);
	/* It may have died since, before or after its tag was there for the exit hook to see. */
	if (session && *(volatile unsigned int *)&task->flags & PF_EXITING && tag_take(task))
		session_leave(session, task, true);
	return 0;
}

SEC("iter/bpf_map_elem")
int bl_tell(struct bpf_iter__bpf_map_elem *ctx)
{
	const struct bl_session *s = ctx->value;
	const __u64 *tag = ctx->key;

	if (s && tag)
		session_tell(s, *tag);
	return 0;
}
