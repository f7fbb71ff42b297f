/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bounded growing text. Once something was cut, nothing is appended any more: what is there is
 * always a prefix of what was meant, never a text with a hole.
 */
#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define FIRST_SIZE 128

void buf_done(struct buf *buf)
{
	free(buf->data);
	buf->data = NULL;
	buf->len = 0;
	buf->size = 0;
	buf->cut = false;
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->cut = false;
	if (buf->data)
		buf->data[0] = '\0';
}

/* Makes room for len more bytes and the NUL; len has been checked against buf->max. */
static bool reserve(struct buf *buf, size_t len)
{
	size_t need = buf->len + len + 1;
	size_t size = buf->size ? buf->size : FIRST_SIZE;
	char *data;

	if (need <= buf->size)
		return true;
	while (size < need)
		size = size > SIZE_MAX / 2 ? need : size * 2;
	if (size > buf->max + 1)
		size = buf->max + 1;
	data = realloc(buf->data, size);
	if (!data)
		return false;
	buf->data = data;
	buf->size = size;
	return true;
}

void buf_add(struct buf *buf, const void *bytes, size_t len)
{
	size_t room, take;

	/* SIZE_MAX would leave no room for the NUL. */
	if (buf->max == SIZE_MAX)
		buf->max--;
	room = buf->max - buf->len;
	take = len < room ? len : room;
	if (buf->cut)
		return;
	if (!reserve(buf, take)) {
		buf->cut = true;
		return;
	}
	if (take)
		memcpy(buf->data + buf->len, bytes, take);
	buf->len += take;
	buf->data[buf->len] = '\0';
	buf->cut = take < len;
}

char *buf_room(struct buf *buf, size_t len)
{
	if (buf->cut || buf->max == SIZE_MAX || len > buf->max - buf->len || !reserve(buf, len))
		return NULL;
	return buf->data + buf->len;
}

void buf_take(struct buf *buf, size_t len)
{
	buf->len += len;
	buf->data[buf->len] = '\0';
}

/* All of it or nothing: for escapes, which mean something else when halved. */
static void add_whole(struct buf *buf, const char *bytes, size_t len)
{
	if (len > buf->max - buf->len)
		buf->cut = true;
	else
		buf_add(buf, bytes, len);
}

void buf_puts(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_putc(struct buf *buf, char c)
{
	/* Most often there is room. */
	if (!buf->cut && buf->len < buf->max && buf->len + 1 < buf->size) {
		buf->data[buf->len++] = c;
		buf->data[buf->len] = '\0';
		return;
	}
	buf_add(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	char small[256];
	char *text = small;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	if (len < 0) {
		buf->cut = true;
		return;
	}
	if ((size_t)len >= sizeof(small)) {
		text = malloc((size_t)len + 1);
		if (!text) {
			buf->cut = true;
			return;
		}
		va_start(args, format);
		(void)vsnprintf(text, (size_t)len + 1, format, args);
		va_end(args);
	}
	buf_add(buf, text, (size_t)len);
	if (text != small)
		free(text);
}

void buf_put_safe(struct buf *buf, const char *text, size_t len)
{
	size_t at = 0;

	while (at < len && !buf->cut) {
		char escape[16];
		uint32_t point = 0;
		int size = utf8_decode(text + at, len - at, &point);
		int escaped = 0;

		if (size < 0) {
			escaped = snprintf(escape, sizeof(escape), "\\x%02x",
					   (unsigned int)(unsigned char)text[at]);
			size = 1;
		} else if (point == '\n') {
			escaped = snprintf(escape, sizeof(escape), "\\n");
		} else if (point == '\t') {
			escaped = snprintf(escape, sizeof(escape), "\\t");
		} else if (point == '\\') {
			escaped = snprintf(escape, sizeof(escape), "\\\\");
		} else if (point < 0x80 && utf8_is_hidden(point)) {
			escaped = snprintf(escape, sizeof(escape), "\\x%02x", point);
		} else if (utf8_is_hidden(point)) {
			escaped = snprintf(escape, sizeof(escape), "\\u{%04X}", point);
		}
		if (escaped > 0)
			add_whole(buf, escape, (size_t)escaped);
		else
			add_whole(buf, text + at, (size_t)size);
		at += (size_t)size;
	}
}

void text_copy(char *to, size_t size, const char *from)
{
	text_copy_len(to, size, from, from ? strlen(from) : 0);
}

char *text_dup(const char *from, size_t len)
{
	char *text = malloc(len + 1);

	if (!text)
		return NULL;
	if (len)
		memcpy(text, from, len);
	text[len] = '\0';
	return text;
}

void text_copy_len(char *to, size_t size, const char *from, size_t len)
{
	if (size == 0)
		return;
	len = from ? strnlen(from, len) : 0;
	if (len >= size) {
		uint32_t point;
		size_t cut = size - 1;

		/* A character that is cut in its middle goes as a whole. */
		for (size_t back = 1; back < UTF8_LEN_MAX && back <= cut; back++) {
			int whole = utf8_decode(from + cut - back, len - (cut - back), &point);

			if (whole > (int)back) {
				cut -= back;
				break;
			}
		}
		len = cut;
	}
	if (len)
		memcpy(to, from, len);
	memset(to + len, 0, size - len);
}
