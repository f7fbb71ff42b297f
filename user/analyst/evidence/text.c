/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Untrusted bytes to text that every expression may be given: valid UTF-8, no NUL, no newline.
 */
#include "analyst/evidence/text.h"

#include <errno.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/utf8.h"

#define HIGH_BITS 0x8080808080808080ULL
#define LOW_BITS 0x0101010101010101ULL

bool text_is_plain(const char *text, size_t len)
{
	uint64_t word;

#ifdef __SSE2__
	/* As signed bytes, NUL and what is above 0x7f are not greater than nothing. */
	for (; len >= sizeof(__m128i); text += sizeof(__m128i), len -= sizeof(__m128i))
		if (_mm_movemask_epi8(
			    _mm_cmpgt_epi8(_mm_loadu_si128((const __m128i *)(const void *)text),
					   _mm_setzero_si128())) != 0xffff)
			return false;
#endif
	for (; len >= sizeof(word); text += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		/* The borrow of a zero byte sets its high bit; bytes above 0x80 are caught by
		 * word. */
		if (((word - LOW_BITS) | word) & HIGH_BITS)
			return false;
	}
	for (; len; text++, len--)
		if (*text <= 0)
			return false;
	return true;
}

static void put(struct text_out *out, const char *bytes, size_t len)
{
	if (out->cut || out->size - out->len < len) {
		out->cut = true;
		return;
	}
	memcpy(out->data + out->len, bytes, len);
	out->len += len;
}

void text_append(struct text_out *out, const char *text, size_t len)
{
	uint32_t point;
	size_t at = 0;
	int r;

	if (text_is_plain(text, len) && !memchr(text, '\n', len) && out->size - out->len >= len) {
		put(out, text, len);
		return;
	}
	while (at < len && !out->cut) {
		if (text[at] == '\n') {
			put(out, "\\n", 2);
			at++;
			continue;
		}
		r = utf8_decode(text + at, len - at, &point);
		if (r <= 0 || !point) {
			put(out, "\xef\xbf\xbd", 3);
			out->replaced = true;
			at++;
			continue;
		}
		put(out, text + at, (size_t)r);
		at += (size_t)r;
	}
}

size_t text_cut_at(const char *text, size_t len, size_t max)
{
	const char *blank;

	if (max > len)
		max = len;
	blank = memrchr(text, ' ', max);
	if (blank && blank > text)
		return (size_t)(blank - text);
	for (int i = 0; i < UTF8_LEN_MAX - 1 && max && max < len; i++) {
		if (((unsigned char)text[max] & 0xc0) != 0x80)
			break;
		max--;
	}
	return max;
}

int text_number(const char *text, size_t len, uint64_t most, uint64_t *ret)
{
	uint64_t value = 0;

	if (!len || len > 20)
		return -EINVAL;
	/* 19 digits cannot be too many. */
	for (size_t i = 0; i < len && i < 19; i++) {
		const unsigned int digit = (unsigned int)(unsigned char)text[i] - '0';

		if (digit > 9)
			return -EINVAL;
		value = value * 10 + digit;
	}
	if (len == 20) {
		const unsigned int digit = (unsigned int)(unsigned char)text[19] - '0';

		if (digit > 9 || __builtin_mul_overflow(value, 10U, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return -EINVAL;
	}
	if (value > most)
		return -EINVAL;
	*ret = value;
	return 0;
}
