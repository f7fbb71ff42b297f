/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Maps of the sensors. Each sensor object declares them all; the loader creates them with the first
 * object and gives the others the same ones by name (bpf_map__reuse_fd).
 *
 * A loader that takes over bl_sessions and bl_audit from an earlier one sets `tasks` of every
 * session to 0 before it attaches, runs bl_seed after, and removes what then has no tasks. Sessions
 * keep their numbers that way. Tags that it takes over as well (bl_config.life tells them) are
 * counted anew.
 *
 * Hashes are preallocated: on 5.10 run-time allocation below a kprobe can deadlock (the kernel
 * warns "trace type BPF program uses run-time allocation"), and a full table shall be a counted
 * refusal, not a question of free memory.
 */
#ifndef MAPS_BPF_H
#define MAPS_BPF_H

#include "core.bpf.h"
#include "counters.bpf.h"

#define BL_EVENTS_SIZE (4U << 20)
#define BL_URGENT_SIZE (512U << 10)

/* Sizes: powers of two and multiples of the page; the loader may change them before load. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, BL_EVENTS_SIZE);
} bl_events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, BL_URGENT_SIZE);
} bl_urgent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bl_state);
} bl_state SEC(".maps");

/* Bytes put into bl_events by this CPU since it last woke the reader. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} bl_unread SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BL_SERVICES_MAX);
	__type(key, struct bl_file_key);
	__type(value, struct bl_file_role);
} bl_services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BL_PORTS_MAX);
	__type(key, __u16);
	__type(value, __u16);
} bl_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BL_SESSIONS_MAX);
	__type(key, __u64);
	__type(value, struct bl_session);
} bl_sessions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BL_SESSIONS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} bl_audit SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BL_CONNS_MAX);
	__type(key, struct bl_conn_key);
	__type(value, struct bl_conn);
} bl_conns SEC(".maps");

/*
 * Connections to watched ports that a login session of this machine made: ends -> its tag. Least
 * recently used ones go; a session would have to make thousands between another one's connect and
 * the login there.
 */
struct bl_dialed_key {
	__u64 netns; /* net_id(); what a user's own namespace says of addresses is his word */
	__u16 family;
	__u16 server_port;
	__u16 client_port;
	__u16 pad;
	__u8 server[16];
	__u8 client[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct bl_dialed_key);
	__type(value, __u64);
} bl_dialed SEC(".maps");

/* Pinned: a crontab is written long before it runs. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, BL_LEFT_MAX);
	__type(key, struct bl_left_key);
	__type(value, struct bl_left);
} bl_left SEC(".maps");

/* What a thread carries. audit_session tells whether it left for another session unseen. */
struct bl_tag {
	__u64 session;
	__u64 start_ns; /* the thread's start_boottime: proof against a reused pid */
	__u32 audit_session;
	__u32 life; /* bl_config.life of who counted this task in its session; 0: nobody did */
};

/* The two backings of the tag, only one of which exists (struct bl_config). */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct bl_tag);
} bl_tags SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BL_TASKS_MAX);
	__type(key, __u32);
	__type(value, struct bl_tag);
} bl_tasks SEC(".maps");

const volatile struct bl_config bl_config SEC(".rodata.bl");

static __always_inline struct bl_state *state(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&bl_state, &zero);
}

#endif
