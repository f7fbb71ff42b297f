/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * UTF-8: decoder, encoder, and the list of characters that must not reach a terminal as they are.
 */
#include "base/utf8.h"

#include <errno.h>

#include "base/cleanup.h"

int utf8_decode(const char *text, size_t len, uint32_t *ret_point)
{
	const unsigned char *bytes = (const unsigned char *)text;
	uint32_t point, least;
	int size;

	if (len == 0)
		return -EILSEQ;
	if (bytes[0] < 0x80) {
		*ret_point = bytes[0];
		return 1;
	}
	if ((bytes[0] & 0xe0) == 0xc0) {
		size = 2;
		point = bytes[0] & 0x1fU;
		least = 0x80;
	} else if ((bytes[0] & 0xf0) == 0xe0) {
		size = 3;
		point = bytes[0] & 0x0fU;
		least = 0x800;
	} else if ((bytes[0] & 0xf8) == 0xf0) {
		size = 4;
		point = bytes[0] & 0x07U;
		least = 0x10000;
	} else {
		return -EILSEQ;
	}
	if (len < (size_t)size)
		return -EILSEQ;
	for (int i = 1; i < size; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return -EILSEQ;
		point = point << 6 | (bytes[i] & 0x3fU);
	}
	if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return -EILSEQ;
	*ret_point = point;
	return size;
}

size_t utf8_encode(uint32_t point, char ret_bytes[UTF8_LEN_MAX])
{
	if (point < 0x80) {
		ret_bytes[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		ret_bytes[0] = (char)(0xc0 | point >> 6);
		ret_bytes[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		ret_bytes[0] = (char)(0xe0 | point >> 12);
		ret_bytes[1] = (char)(0x80 | (point >> 6 & 0x3f));
		ret_bytes[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	ret_bytes[0] = (char)(0xf0 | point >> 18);
	ret_bytes[1] = (char)(0x80 | (point >> 12 & 0x3f));
	ret_bytes[2] = (char)(0x80 | (point >> 6 & 0x3f));
	ret_bytes[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}

bool utf8_valid(const char *text, size_t len)
{
	uint32_t point;
	size_t at = 0;
	int r;

	while (at < len) {
		r = utf8_decode(text + at, len - at, &point);
		if (r < 0)
			return false;
		at += (size_t)r;
	}
	return true;
}

/*
 * From Unicode's Default_Ignorable_Code_Point, plus controls, separators, interlinear annotation
 * and the two noncharacters that end the basic plane.
 */
static const struct {
	uint32_t first, last;
} hidden[] = {
	{ 0x0000, 0x001f }, /* C0 controls: ESC begins a terminal sequence */
	{ 0x007f, 0x009f }, /* DEL, C1 controls: U+009B is CSI for some terminals */
	{ 0x00ad, 0x00ad }, /* soft hyphen */
	{ 0x034f, 0x034f }, /* combining grapheme joiner */
	{ 0x061c, 0x061c }, /* Arabic letter mark */
	{ 0x115f, 0x1160 }, /* Hangul fillers */
	{ 0x17b4, 0x17b5 }, /* Khmer inherent vowels */
	{ 0x180b, 0x180f }, /* Mongolian selectors and separator */
	{ 0x200b, 0x200f }, /* zero-width ones, left-to-right and right-to-left marks */
	{ 0x2028, 0x202e }, /* line and paragraph separators, embeddings, overrides */
	{ 0x2060, 0x206f }, /* word joiner, invisible operators, isolates */
	{ 0x3164, 0x3164 }, /* Hangul filler */
	{ 0xfe00, 0xfe0f }, /* variation selectors */
	{ 0xfeff, 0xfeff }, /* zero-width no-break space, byte order mark */
	{ 0xffa0, 0xffa0 }, /* half-width Hangul filler */
	{ 0xfff0, 0xfffb }, /* unassigned ignorables, interlinear annotation */
	{ 0xfffe, 0xffff }, /* noncharacters */
	{ 0x1bca0, 0x1bca3 }, /* shorthand format controls */
	{ 0x1d173, 0x1d17a }, /* musical format controls */
	{ 0xe0000, 0xe0fff }, /* tags, supplementary variation selectors */
};

bool utf8_is_hidden(uint32_t point)
{
	size_t low = 0, high = ARRAY_SIZE(hidden);

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (point < hidden[middle].first)
			high = middle;
		else if (point > hidden[middle].last)
			low = middle + 1;
		else
			return true;
	}
	return false;
}
