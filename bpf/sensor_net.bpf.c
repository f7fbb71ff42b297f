/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections to watched local ports: opened, closed. They are the witness for claims about a peer.
 *
 * Hook: the raw tracepoint inet_sock_set_state. A passive connection goes SYN_RECV -> ESTABLISHED
 * once its peer has answered from the address it claims, so a spoofed source never gets this far; and
 * every socket ends in CLOSE, whoever ended it. The hook often runs in a soft interrupt: the current
 * task means nothing here and is not read.
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
	state_tell(sk, oldstate, newstate);
	cpu_release();
	return 0;
}
