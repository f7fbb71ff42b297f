/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SHA-256 (FIPS 180-4), a piece at a time. For naming files, not for secrets.
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32
#define SHA256_TEXT_MAX (2 * SHA256_SIZE + 1)

struct sha256 {
	uint32_t state[8];
	uint64_t len; /* bytes so far */
	uint8_t block[64];
};

void sha256_init(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *bytes, size_t len);
/* Lower case hexadecimal digits. sha must be initialised anew afterwards. */
void sha256_text(struct sha256 *sha, char ret[SHA256_TEXT_MAX]);

#endif
