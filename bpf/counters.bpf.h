/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bl_counters: what every program counts, in one map that all objects share.
 *
 * Atomic although the slots are per CPU: a program may be preempted by another one on its CPU
 * (since 5.11 programs run under migrate_disable only), and counts of losses must be exact.
 */
#ifndef COUNTERS_BPF_H
#define COUNTERS_BPF_H

#include "core.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BL_COUNT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} bl_counters SEC(".maps");

static __always_inline void count(__u32 counter)
{
	__u64 *slot = bpf_map_lookup_elem(&bl_counters, &counter);

	if (slot)
		__sync_fetch_and_add(slot, 1);
}

#endif
