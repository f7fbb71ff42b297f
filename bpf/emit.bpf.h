/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records: reserved, written in place, submitted. Every refusal by a ring is counted exactly once.
 *
 * A record is not zeroed by the kernel; whoever reserves one writes every field, and strings up to
 * their NUL. Wake-ups are never left to the kernel: a flags=0 record behind an unread NO_WAKEUP
 * record wakes nobody, because the kernel wakes only a reader that had caught up to this record.
 */
#ifndef EMIT_BPF_H
#define EMIT_BPF_H

#include "core.bpf.h"
#include "maps.bpf.h"

/* Unread bytes per CPU after which bl_events' reader is woken before its time. */
#define EMIT_WAKE_BYTES (64U << 10)

static __always_inline void emit_refused(const bool urgent)
{
	struct bl_state *s = state();

	if (s)
		__sync_fetch_and_add(&s->lost, 1);
	count(urgent ? BL_COUNT_LOST_URGENT : BL_COUNT_LOST_EVENTS);
}

static __always_inline void emit_head(struct bl_event_head *head, __u16 kind, __u16 flags,
				      __u32 len)
{
	struct bl_state *s = state();

	head->kind = kind;
	head->flags = flags;
	head->len = len;
	head->boot_ns = bpf_ktime_get_boot_ns();
	head->lost = s ? *(volatile __u64 *)&s->lost : 0;
}

/* len must be a constant. NULL: refused, and counted. */
static __always_inline void *emit_reserve(const bool urgent, const __u64 len)
{
	void *record = urgent ? bpf_ringbuf_reserve(&bl_urgent, len, 0)
			      : bpf_ringbuf_reserve(&bl_events, len, 0);

	if (!record)
		emit_refused(urgent);
	return record;
}

static __always_inline void emit_submit_urgent(void *record)
{
	count(BL_COUNT_URGENT);
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
}

/* A racing program on the same CPU can at worst move a wake-up by some records. */
static __always_inline void emit_submit_bulk(void *record, __u32 len)
{
	__u64 flags = BPF_RB_NO_WAKEUP;
	__u32 zero = 0;
	__u64 *unread = bpf_map_lookup_elem(&bl_unread, &zero);

	if (unread) {
		*unread += len;
		if (*unread >= EMIT_WAKE_BYTES) {
			*unread = 0;
			flags = BPF_RB_FORCE_WAKEUP;
		}
	}
	count(BL_COUNT_EVENTS);
	bpf_ringbuf_submit(record, flags);
}

#endif
