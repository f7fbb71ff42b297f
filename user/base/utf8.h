/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * UTF-8 by RFC 3629: shortest form only, no surrogates, nothing past U+10FFFF. One decoder for
 * everybody who shows or checks untrusted text, so that no two of them disagree on what it says.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_LEN_MAX 4
#define UTF8_REPLACEMENT 0xfffdU

/* Bytes of the first character (1 to 4), -EILSEQ if it is none; len is at least 1. */
int utf8_decode(const char *text, size_t len, uint32_t *ret_point);

/* Bytes written; point is a valid one. */
size_t utf8_encode(uint32_t point, char ret_bytes[UTF8_LEN_MAX]);

bool utf8_valid(const char *text, size_t len);

/*
 * Characters that change how other text looks, or that nobody sees: controls (C0, DEL, C1), line
 * and paragraph separators, bidirectional controls, zero-width and other default-ignorable ones.
 */
bool utf8_is_hidden(uint32_t point);

#endif
