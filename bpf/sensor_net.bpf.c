/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections to watched local ports: opened, closed. They are the witness for claims about a peer.
 * And connections to such ports that a login session of this machine makes: what logs in there is
 * joined to that session.
 *
 * Hook: the raw tracepoint inet_sock_set_state. A passive connection goes SYN_RECV -> ESTABLISHED
 * once its peer has answered from the address it claims, so a spoofed source never gets this far;
 * and every socket ends in CLOSE, whoever ended it. The hook often runs in a soft interrupt: the
 * current task means nothing there and is not read. The one exception is SYN_SENT, which only
 * connect() and sendmsg() set, in the task that asked (tcp_v4_connect, tcp_v6_connect); the port
 * that the socket gets is known only later, so the socket's address stands for it until it is
 * established.
 *
 * Missed: connections whose handshake fails (port scans with SYN only), UDP, and AF_UNIX.
 */
#include "core.bpf.h"

#include "compat.bpf.h"
#include "emit.bpf.h"
#include "maps.bpf.h"
#include "sock.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/*
 * Sockets told as opened, by their address in the kernel, which is only compared. It tells passive
 * connections from outgoing ones that happen to have a watched port. What it evicts (16384 open at
 * once) is not told as closed.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u8);
} bl_socks SEC(".maps");

/* Outgoing sockets to watched ports, by their address in the kernel -> tag of the session. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, __u64);
} bl_dials SEC(".maps");

static __always_inline bool dials_watched_port(const struct sock *sk)
{
	__u16 port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));

	return BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP &&
	       bpf_map_lookup_elem(&bl_ports, &port);
}

/*
 * By the kernel's session number and not by the tag: io_uring's workers, which connect where that
 * has to wait, are made without the tracepoint of a fork (create_io_thread) and have no tag.
 */
static __always_inline void dial_begin(const struct sock *sk)
{
	const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();
	__u32 audit = task_audit_session(task, false);
	__u64 id = (__u64)sk, *tag;

	if (!dials_watched_port(sk))
		return;
	tag = audit == BL_UNSET ? NULL : bpf_map_lookup_elem(&bl_audit, &audit);
	if (tag)
		bpf_map_update_elem(&bl_dials, &id, tag, BPF_ANY);
	else
		bpf_map_delete_elem(&bl_dials, &id);
}

/* The same ends may have been somebody else's before. */
static __always_inline void dial_done(const struct sock *sk)
{
	struct bl_dialed_key key = {};
	struct bl_endpoint end = {};
	__u64 id = (__u64)sk, *tag;

	if (!dials_watched_port(sk))
		return;
	endpoint_fill(&end, sk);
	key.netns = net_id(BPF_CORE_READ(sk, __sk_common.skc_net.net));
	key.family = end.family;
	key.server_port = end.peer_port;
	key.client_port = end.local_port;
	__builtin_memcpy(key.server, end.peer, sizeof(key.server));
	__builtin_memcpy(key.client, end.local, sizeof(key.client));
	tag = bpf_map_lookup_elem(&bl_dials, &id);
	if (tag)
		bpf_map_update_elem(&bl_dialed, &key, tag, BPF_ANY);
	else
		bpf_map_delete_elem(&bl_dialed, &key);
	bpf_map_delete_elem(&bl_dials, &id);
}

static __always_inline void state_tell(const struct sock *sk, int oldstate, int newstate)
{
	struct bl_event_connection *e;
	__u64 id = (__u64)sk;
	__u8 one = 1;
	__u32 state;
	__u16 port;

	if (oldstate == TCP_SYN_RECV && newstate == TCP_ESTABLISHED)
		state = BL_CONNECTION_OPEN;
	else if (newstate == TCP_CLOSE && oldstate != TCP_LISTEN && oldstate != TCP_SYN_SENT)
		state = BL_CONNECTION_CLOSED;
	else
		return;
	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return;
	if (state == BL_CONNECTION_OPEN) {
		port = sock_local_port(sk);
		if (!bpf_map_lookup_elem(&bl_ports, &port))
			return;
		bpf_map_update_elem(&bl_socks, &id, &one, BPF_ANY);
	} else if (bpf_map_delete_elem(&bl_socks, &id)) {
		return;
	}

	e = emit_reserve(true, sizeof(*e));
	if (!e)
		return;
	emit_head(&e->head, BL_EVENT_CONNECTION, 0, sizeof(*e));
	__builtin_memset(&e->end, 0, sizeof(e->end));
	endpoint_fill(&e->end, sk);
	e->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	e->state = state;
	emit_submit_urgent(e);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(bl_sock_state, const struct sock *sk, int oldstate, int newstate)
{
	cpu_hold();
	if (newstate == TCP_SYN_SENT)
		dial_begin(sk);
	else if (oldstate == TCP_SYN_SENT && newstate == TCP_ESTABLISHED)
		dial_done(sk);
	else
		state_tell(sk, oldstate, newstate);
	cpu_release();
	return 0;
}
