/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON writer. What it puts between quotes is valid UTF-8 without controls or invisible
 * characters, so that a line of it can neither break a parser nor play tricks on a terminal.
 */
#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/utf8.h"

/* Characters outside the basic plane are written as a pair of surrogates. */
static void put_escape(struct buf *out, uint32_t point)
{
	if (point >= 0x10000)
		buf_printf(out, "\\u%04x\\u%04x", 0xd800 + ((point - 0x10000) >> 10),
			   0xdc00 + ((point - 0x10000) & 0x3ff));
	else
		buf_printf(out, "\\u%04x", point);
}

#define BYTES(c) (0x0101010101010101ULL * (c))

/* Eight bytes of which none needs a look: a borrow that sets a high bit begins in one that does. */
static bool is_plain(uint64_t word)
{
	return !((word | (word - BYTES(' ')) | ((word ^ BYTES('"')) - BYTES(1)) |
		  ((word ^ BYTES('\\')) - BYTES(1)) | ((word ^ BYTES(0x7f)) - BYTES(1))) &
		 BYTES(0x80));
}

static bool byte_is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Nearly all texts, and all keys, need no escape: those are written in one go. false: this one
 * is not. */
static bool put_plain(struct buf *out, const char *text, size_t len)
{
	char *to = buf_room(out, len + 2);
	uint64_t word;
	size_t at = 0;

	if (!to)
		return false;
	for (; len - at >= 8; at += 8) {
		memcpy(&word, text + at, 8);
		if (!is_plain(word))
			return false;
	}
	word = BYTES(' ');
	memcpy(&word, text + at, len - at);
	if (!is_plain(word))
		return false;
	memcpy(to + 1, text, len);
	to[0] = '"';
	to[1 + len] = '"';
	buf_take(out, len + 2);
	return true;
}

static void put_quoted(struct buf *out, const char *text, size_t len)
{
	size_t at = 0, plain = 0;

	if (put_plain(out, text, len))
		return;
	buf_putc(out, '"');
	while (at < len) {
		const char *escape = NULL;
		uint64_t word;
		uint32_t point;
		int size;

		if (len - at >= sizeof(word)) {
			memcpy(&word, text + at, sizeof(word));
			if (is_plain(word)) {
				at += sizeof(word);
				continue;
			}
		}
		if (byte_is_plain(text[at])) {
			at++;
			continue;
		}
		size = utf8_decode(text + at, len - at, &point);
		if (size > 1 && !utf8_is_hidden(point)) {
			at += (size_t)size;
			continue;
		}
		buf_add(out, text + plain, at - plain);
		if (size < 0) {
			escape = "\xef\xbf\xbd";
			size = 1;
		} else if (point == '"') {
			escape = "\\\"";
		} else if (point == '\\') {
			escape = "\\\\";
		} else if (point == '\n') {
			escape = "\\n";
		} else if (point == '\r') {
			escape = "\\r";
		} else if (point == '\t') {
			escape = "\\t";
		}
		if (escape)
			buf_puts(out, escape);
		else
			put_escape(out, point);
		at += (size_t)size;
		plain = at;
	}
	buf_add(out, text + plain, at - plain);
	buf_putc(out, '"');
}

static void begin_value(struct json_writer *w, const char *key)
{
	if (w->comma)
		buf_putc(w->out, ',');
	w->comma = true;
	if (!key)
		return;
	put_quoted(w->out, key, strlen(key));
	buf_putc(w->out, ':');
}

void json_begin(struct json_writer *w, struct buf *out)
{
	w->out = out;
	w->comma = false;
}

void json_object(struct json_writer *w, const char *key)
{
	begin_value(w, key);
	buf_putc(w->out, '{');
	w->comma = false;
}

void json_array(struct json_writer *w, const char *key)
{
	begin_value(w, key);
	buf_putc(w->out, '[');
	w->comma = false;
}

void json_end_object(struct json_writer *w)
{
	buf_putc(w->out, '}');
	w->comma = true;
}

void json_end_array(struct json_writer *w)
{
	buf_putc(w->out, ']');
	w->comma = true;
}

void json_string(struct json_writer *w, const char *key, const char *value)
{
	if (!value) {
		json_null(w, key);
		return;
	}
	json_string_len(w, key, value, strlen(value));
}

void json_string_len(struct json_writer *w, const char *key, const char *value, size_t len)
{
	begin_value(w, key);
	put_quoted(w->out, value, len);
}

void json_u64(struct json_writer *w, const char *key, uint64_t value)
{
	begin_value(w, key);
	buf_printf(w->out, "%" PRIu64, value);
}

void json_i64(struct json_writer *w, const char *key, int64_t value)
{
	begin_value(w, key);
	buf_printf(w->out, "%" PRId64, value);
}

void json_double(struct json_writer *w, const char *key, double value)
{
	if (!isfinite(value)) {
		json_null(w, key);
		return;
	}
	begin_value(w, key);
	buf_printf(w->out, "%.3f", value);
}

void json_bool(struct json_writer *w, const char *key, bool value)
{
	begin_value(w, key);
	buf_puts(w->out, value ? "true" : "false");
}

void json_null(struct json_writer *w, const char *key)
{
	begin_value(w, key);
	buf_puts(w->out, "null");
}
