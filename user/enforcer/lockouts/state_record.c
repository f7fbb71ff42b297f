/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One record of the file of lockouts: does it check, and when does what it tells of end.
 *
 * The checksum is against damage, not against people: only root writes the folder. It covers the
 * record's place, so that a block that the disk returned for another one does not pass.
 */
#include "enforcer/lockouts/state_record.h"

#include <string.h>

#include "base/buf.h"

static uint64_t checksum(const void *bytes, size_t len, uint64_t seed)
{
	const unsigned char *at = bytes;
	uint64_t sum = (seed + 1) * 0x9e3779b97f4a7c15ULL;

	for (; len >= 8; at += 8, len -= 8) {
		uint64_t word;

		memcpy(&word, at, 8);
		sum = (sum ^ word) * 0xff51afd7ed558ccdULL;
		sum ^= sum >> 32;
	}
	return sum;
}

static uint64_t record_sum(const struct state_record *record, uint32_t number)
{
	return checksum((const unsigned char *)record + sizeof(record->sum),
			sizeof(*record) - sizeof(record->sum), number);
}

uint64_t state_header_sum(const struct state_header *header)
{
	return checksum(header, offsetof(struct state_header, sum), STATE_VERSION);
}

bool state_record_valid(const struct state_record *record, uint32_t number)
{
	return record->sum == record_sum(record, number) && record->kind >= STATE_LOCKED &&
	       record->kind < STATE_KIND_MAX && record->subject.kind < SUBJECT_MAX &&
	       record->action < ACTION_MAX && memchr(record->origin, 0, sizeof(record->origin)) &&
	       memchr(record->reason, 0, sizeof(record->reason));
}

void state_header_init(struct state_header *header, const uint8_t boot_id[STATE_BOOT_ID])
{
	*header = (struct state_header){
		.magic = STATE_MAGIC,
		.version = STATE_VERSION,
		.record_size = sizeof(struct state_record),
	};
	memcpy(header->clock.boot_id, boot_id, STATE_BOOT_ID);
}

bool state_header_valid(const struct state_header *header)
{
	return header->magic == STATE_MAGIC && header->version == STATE_VERSION &&
	       header->record_size == sizeof(struct state_record) &&
	       header->sum == state_header_sum(header);
}

void state_record_seal(struct state_record *record, uint32_t number)
{
	char text[STATE_REASON_MAX];

	/* Nothing behind the NUL: neither memory of ours nor a part of a longer text. */
	text_copy_len(text, STATE_ORIGIN_MAX, record->origin,
		      strnlen(record->origin, STATE_ORIGIN_MAX - 1));
	memcpy(record->origin, text, STATE_ORIGIN_MAX);
	text_copy_len(text, STATE_REASON_MAX, record->reason,
		      strnlen(record->reason, STATE_REASON_MAX - 1));
	memcpy(record->reason, text, STATE_REASON_MAX);
	record->sum = record_sum(record, number);
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

uint64_t state_until(const struct state_record *record, const struct state_clock *clock,
		     bool same_boot, uint64_t now_boot_ns, uint64_t now_wall_ns,
		     uint64_t longest_ns)
{
	uint64_t left;

	if (same_boot) {
		left = less(record->until_boot_ns, now_boot_ns);
	} else {
		/* What was left in that boot when the file was last written. A record younger
		 * than the header (a crash came before the next state_sync) had all of it. */
		uint64_t last = clock->last_boot_ns > record->locked_boot_ns
					? clock->last_boot_ns
					: record->locked_boot_ns;
		uint64_t left_wall = less(record->until_wall_ns, now_wall_ns);

		left = less(record->until_boot_ns, last);
		if (left_wall < left)
			left = left_wall;
	}
	if (left > longest_ns)
		left = longest_ns;
	return now_boot_ns + left;
}
