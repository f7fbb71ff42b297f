/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where kernels differ: each shim asks the running kernel's BTF, never its version, and names what
 * makes it unnecessary.
 *
 * DIRECT. A task that comes as a typed pointer (tp_btf, fexit, iterator) is read by plain loads. A
 * kprobe has only bpf_get_current_task()'s number, so every read is a helper call there. Functions
 * that serve both take `direct` as a constant, and the compiler keeps one of the two.
 * Retired with 5.10: bpf_get_current_task_btf (5.11) gives kprobes a typed pointer.
 *
 * MAP ERRORS. The verifier puts calls of the map's own operations in the place of the helpers, and
 * those returned int before 6.4 ("bpf: return long from bpf_map_ops funcs"): the upper half is then
 * zero and -EEXIST is no negative number (seen on 5.10 and 6.1). So a result is taken as an int
 * before it is compared with an error. Retired with 6.1.
 */
#ifndef COMPAT_BPF_H
#define COMPAT_BPF_H

#include "core.bpf.h"

#define ENOENT 2
#define EEXIST 17

static __always_inline int map_result(long r)
{
	return (int)r;
}

/*
 * PREEMPTION. Tracepoints may run with preemption on (seen on 7.3.4 with PREEMPT_LAZY; not on 5.10
 * to 6.12). A task that is preempted between reserving and submitting a record keeps the ring's
 * reader from all that follows, for as long as it gets no CPU time, which its owner chooses. So
 * programs hold the CPU while they work. The kernels that need it have the means
 * (bpf_preempt_disable, 6.10); on others the call is not there and its branch goes. Not retired: it
 * is how 7.x wants it.
 */
extern void bpf_preempt_disable(void) __weak __ksym;
extern void bpf_preempt_enable(void) __weak __ksym;

static __always_inline void cpu_hold(void)
{
	if (bpf_preempt_disable)
		bpf_preempt_disable();
}

static __always_inline void cpu_release(void)
{
	if (bpf_preempt_enable)
		bpf_preempt_enable();
}

#define TASK_READ(direct, src, ...) \
	((direct) ? ___arrow(src, __VA_ARGS__) : BPF_CORE_READ(src, __VA_ARGS__))

/*
 * Without CONFIG_AUDIT a task has no loginuid: then there are no sessions but those that user space
 * enters. Retired when such kernels are no longer met (Debian, Ubuntu, Fedora, SUSE all set it).
 */
static __always_inline __u32 task_loginuid(const struct task_struct *task, const bool direct)
{
	if (!bpf_core_field_exists(task->loginuid))
		return BL_UNSET;
	return TASK_READ(direct, task, loginuid.val);
}

static __always_inline __u32 task_audit_session(const struct task_struct *task, const bool direct)
{
	if (!bpf_core_field_exists(task->sessionid))
		return BL_UNSET;
	return TASK_READ(direct, task, sessionid);
}

/*
 * Inodes of namespaces are given again at once to the next one made; the cookie never is, but
 * before 5.12 it is another type and there only for namespaces that somebody asked about.
 */
static __always_inline __u64 net_id(const struct net *net)
{
	if (bpf_core_field_exists(net->net_cookie))
		return BPF_CORE_READ(net, net_cookie);
	return BPF_CORE_READ(net, ns.inum);
}

/* Without CONFIG_IPV6 a socket has no such addresses, and no AF_INET6 either. */
static __always_inline bool sock_has_v6(void)
{
	return bpf_core_field_exists(struct sock_common, skc_v6_daddr);
}

#endif
