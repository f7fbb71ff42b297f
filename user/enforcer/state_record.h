/* SPDX-License-Identifier: GPL-2.0-only */
/* The file of lockouts as bytes; private to state.c and state_record.c. */
#ifndef ENFORCER_STATE_RECORD_H
#define ENFORCER_STATE_RECORD_H

#include <stdbool.h>

#include "enforcer/state.h"

#define STATE_MAGIC 0x316b636f6c6c6962ULL /* also tells a file of the other byte order */

/* Fills the place of one record. */
struct state_header {
	uint64_t magic;
	uint32_t version;
	uint32_t record_size;
	struct state_clock clock;
	uint64_t sum;
	uint8_t pad[384 - 48];
};
_Static_assert(sizeof(struct state_header) == sizeof(struct state_record), "header is one place");

void state_header_init(struct state_header *header, const uint8_t boot_id[STATE_BOOT_ID]);
uint64_t state_header_sum(const struct state_header *header);
bool state_header_valid(const struct state_header *header);

bool state_record_valid(const struct state_record *record, uint32_t number);
/* Zeroes what stands behind the texts and sets the checksum. */
void state_record_seal(struct state_record *record, uint32_t number);

#endif
