/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Refuses addresses that are locked out.
 *
 * Hooks: sk_lookup on network namespaces, which runs when a packet looks for a listening or an
 * unconnected UDP socket, so an established connection pays nothing; to the peer it looks as if
 * nobody listened. cgroup connect and sendmsg on the root cgroup, which refuse connecting out
 * (EPERM). Where silence is asked for, cgroup_skb on the root cgroup in the place of sk_lookup: it
 * drops what any socket would receive, in every namespace, and every received packet pays for the
 * look. An entry is in force until its time is over, by this program's own look at the clock:
 * nobody has to be alive to end a lockout.
 *
 * Missed by sk_lookup: connections established before (user space cuts them), forwarded packets,
 * ICMP, raw and packet sockets, UDP sockets connected before, network namespaces where bl_lookup is
 * not attached. Missed by cgroup_skb: what no socket receives (the kernel's own echo replies,
 * forwarded packets) and packet sockets.
 */
#include "core.bpf.h"

#include "counters.bpf.h"

/* Where the source address stands in the header. */
#define IPV4_SOURCE 12
#define IPV6_SOURCE 8

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BL_LOCK_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct bl_key4);
	__type(value, struct bl_lock);
} bl_lock4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BL_LOCK_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct bl_key6);
	__type(value, struct bl_lock);
} bl_lock6 SEC(".maps");

/* 1: BL_STYLE_SILENT. Set only while bl_ingress is attached, so that one of the two always
 * refuses. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bl_style SEC(".maps");

static __always_inline bool is_silent(void)
{
	__u32 zero = 0, *style = bpf_map_lookup_elem(&bl_style, &zero);

	return style && *style == BL_STYLE_SILENT;
}

static __always_inline bool lock_in_force(struct bl_lock *lock, __u32 counter)
{
	if (!lock || bpf_ktime_get_boot_ns() >= lock->expires_boot_ns)
		return false;
	__sync_fetch_and_add(&lock->refused, 1);
	count(counter);
	return true;
}

/* Network order, as everywhere here. */
static __always_inline bool locked4(__u32 addr, __u32 counter)
{
	struct bl_key4 key;

	__builtin_memcpy(key.addr, &addr, sizeof(addr));
	return lock_in_force(bpf_map_lookup_elem(&bl_lock4, &key), counter);
}

/* A v4-mapped address is the v4 one. */
static __always_inline bool locked6(__u32 a0, __u32 a1, __u32 a2, __u32 a3, __u32 counter)
{
	struct bl_key6 key;

	if (a0 == 0 && a1 == 0 && a2 == __builtin_bswap32(0xffff))
		return locked4(a3, counter);
	__builtin_memcpy(key.prefix, &a0, 4);
	__builtin_memcpy(key.prefix + 4, &a1, 4);
	return lock_in_force(bpf_map_lookup_elem(&bl_lock6, &key), counter);
}

SEC("sk_lookup")
int bl_lookup(struct bpf_sk_lookup *ctx)
{
	bool locked = false;

	/* The answer "nobody listens" would be one. */
	if (is_silent())
		return SK_PASS;
	if (ctx->family == AF_INET)
		locked = locked4(ctx->remote_ip4, BL_COUNT_REFUSED_INBOUND);
	else if (ctx->family == AF_INET6)
		locked = locked6(ctx->remote_ip6[0], ctx->remote_ip6[1], ctx->remote_ip6[2],
				 ctx->remote_ip6[3], BL_COUNT_REFUSED_INBOUND);
	return locked ? SK_DROP : SK_PASS;
}

/*
 * The packet begins with its network header here, whatever the device:
 * __cgroup_bpf_run_filter_skb() pushes it back there before it runs the program.
 */
SEC("cgroup_skb/ingress")
int bl_ingress(struct __sk_buff *skb)
{
	bool locked = false;
	__u32 source[4];

	if (skb->protocol == __builtin_bswap16(ETH_P_IP) &&
	    !bpf_skb_load_bytes(skb, IPV4_SOURCE, source, 4))
		locked = locked4(source[0], BL_COUNT_REFUSED_INBOUND);
	else if (skb->protocol == __builtin_bswap16(ETH_P_IPV6) &&
		 !bpf_skb_load_bytes(skb, IPV6_SOURCE, source, 16))
		locked = locked6(source[0], source[1], source[2], source[3],
				 BL_COUNT_REFUSED_INBOUND);
	return locked ? SK_DROP : SK_PASS;
}

static __always_inline int outgoing4(struct bpf_sock_addr *ctx)
{
	return !locked4(ctx->user_ip4, BL_COUNT_REFUSED_OUTBOUND);
}

static __always_inline int outgoing6(struct bpf_sock_addr *ctx)
{
	return !locked6(ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3],
			BL_COUNT_REFUSED_OUTBOUND);
}

SEC("cgroup/connect4")
int bl_connect4(struct bpf_sock_addr *ctx)
{
	return outgoing4(ctx);
}

SEC("cgroup/connect6")
int bl_connect6(struct bpf_sock_addr *ctx)
{
	return outgoing6(ctx);
}

SEC("cgroup/sendmsg4")
int bl_sendmsg4(struct bpf_sock_addr *ctx)
{
	return outgoing4(ctx);
}

SEC("cgroup/sendmsg6")
int bl_sendmsg6(struct bpf_sock_addr *ctx)
{
	return outgoing6(ctx);
}
