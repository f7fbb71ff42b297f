/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON: an append-only writer (the one place that escapes untrusted text for programs) and a
 * reader over one bounded text.
 *
 * Reader: parses the whole text into a caller-owned array of tokens, no allocation. Depth, number
 * of tokens and every string are bounded; duplicate keys: the first wins.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Writer: commas are put by the writer. Invalid UTF-8 becomes U+FFFD. key NULL inside arrays. */
struct json_writer {
	struct buf *out;
	bool comma;
};

void json_begin(struct json_writer *w, struct buf *out);
void json_object(struct json_writer *w, const char *key);
void json_array(struct json_writer *w, const char *key);
void json_end_object(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_string(struct json_writer *w, const char *key, const char *value);
void json_string_len(struct json_writer *w, const char *key, const char *value, size_t len);
void json_u64(struct json_writer *w, const char *key, uint64_t value);
void json_i64(struct json_writer *w, const char *key, int64_t value);
void json_double(struct json_writer *w, const char *key, double value); /* 3 digits; NaN: null */
void json_bool(struct json_writer *w, const char *key, bool value);
void json_null(struct json_writer *w, const char *key);

#define JSON_DEPTH_MAX 16
#define JSON_TOKENS_MAX 1024

enum json_kind {
	JSON_NULL = 1,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
	JSON_KIND_MAX,
};

struct json_token {
	enum json_kind kind;
	uint32_t start; /* text of the value, without quotes for a string */
	uint32_t len;
	uint32_t count; /* members of an object, elements of an array */
	uint32_t next; /* index of the token after this value and all it holds */
	uint32_t key; /* in an object: index + 1 of the key's token, else 0 */
};

struct json_doc {
	const char *text;
	uint32_t tokens;
	struct json_token token[JSON_TOKENS_MAX]; /* token[0] is the whole value */
};

/* 0, -EINVAL (not JSON; ret_at says where), -E2BIG (too deep, too many tokens). Borrows text. */
int json_parse(struct json_doc *doc, const char *text, size_t len, size_t *ret_at);

/* Index of a member's value by key, or -ENOENT; -EINVAL if object is none. */
int json_member(const struct json_doc *doc, uint32_t object, const char *key);

/* Unescapes into to (NUL-terminated); returns the length, -ENOBUFS if it does not fit (to then
 * holds the part that fits), -EINVAL if it is no string. An escaped NUL is kept in the length. */
int json_get_string(const struct json_doc *doc, uint32_t index, char *to, size_t size);
int json_get_u64(const struct json_doc *doc, uint32_t index, uint64_t *ret); /* -EINVAL, -ERANGE */
int json_get_i64(const struct json_doc *doc, uint32_t index, int64_t *ret);
int json_get_bool(const struct json_doc *doc, uint32_t index, bool *ret);

#endif
