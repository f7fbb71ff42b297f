/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ends of a connection, read from a socket in any state.
 *
 * The local port is taken from inet_sport, which stays; skc_num is 0 once the socket is unhashed
 * (inet_put_port()), which at TCP_CLOSE it already is.
 */
#ifndef SOCK_BPF_H
#define SOCK_BPF_H

#include "compat.bpf.h"
#include "core.bpf.h"

static __always_inline __u16 sock_local_port(const struct sock *sk)
{
	return __builtin_bswap16(BPF_CORE_READ((const struct inet_sock *)sk, inet_sport));
}

static __always_inline bool addr_is_mapped(const __u32 addr[4])
{
	return addr[0] == 0 && addr[1] == 0 && addr[2] == __builtin_bswap32(0xffff);
}

static __always_inline void endpoint_fill_v6(struct bl_endpoint *end, const struct sock *sk)
{
	__u32 peer[4] = {}, local[4] = {};

	BPF_CORE_READ_INTO(&peer, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
	BPF_CORE_READ_INTO(&local, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
	if (addr_is_mapped(peer)) {
		end->family = AF_INET;
		__builtin_memcpy(end->peer, &peer[3], 4);
		__builtin_memcpy(end->local, &local[3], 4);
		return;
	}
	end->family = AF_INET6;
	__builtin_memcpy(end->peer, peer, 16);
	__builtin_memcpy(end->local, local, 16);
}

/* end must be zeroed; it stays so for families other than these three. */
static __always_inline void endpoint_fill(struct bl_endpoint *end, const struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	__u32 addr;

	if (family == AF_UNIX) {
		end->family = AF_UNIX;
		return;
	}
	if (family == AF_INET) {
		end->family = AF_INET;
		addr = BPF_CORE_READ(sk, __sk_common.skc_daddr);
		__builtin_memcpy(end->peer, &addr, 4);
		addr = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		__builtin_memcpy(end->local, &addr, 4);
	} else if (family == AF_INET6 && sock_has_v6()) {
		endpoint_fill_v6(end, sk);
	} else {
		return;
	}
	end->peer_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	end->local_port = sock_local_port(sk);
}

#endif
