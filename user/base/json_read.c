/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON reader, by RFC 8259 to the letter: no comments, no trailing commas, no bare words, text in
 * valid UTF-8. It never allocates, and its recursion ends at JSON_DEPTH_MAX.
 */
#include "base/json.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/utf8.h"

struct reader {
	struct json_doc *doc;
	const char *text;
	size_t len;
	size_t at;
	unsigned int depth; /* open arrays and objects */
};

static int read_value(struct reader *r, uint32_t key);

/* The next byte, or -1 at the end: no byte of JSON's grammar is negative. */
static int peek(const struct reader *r)
{
	return r->at < r->len ? (unsigned char)r->text[r->at] : -1;
}

static void skip_space(struct reader *r)
{
	while (r->at < r->len && memchr(" \t\n\r", r->text[r->at], 4))
		r->at++;
}

static int add_token(struct reader *r, enum json_kind kind, uint32_t key, uint32_t *ret_index)
{
	struct json_doc *doc = r->doc;

	if (doc->tokens == JSON_TOKENS_MAX)
		return -E2BIG;
	doc->token[doc->tokens] = (struct json_token){
		.kind = kind,
		.start = (uint32_t)r->at,
		.next = doc->tokens + 1,
		.key = key,
	};
	*ret_index = doc->tokens++;
	return 0;
}

/* Four hexadecimal digits, or -EINVAL. */
static int hex4(const char *text, size_t len)
{
	int value = 0;

	if (len < 4)
		return -EINVAL;
	for (int i = 0; i < 4; i++) {
		char c = text[i];

		if (c >= '0' && c <= '9')
			value = value * 16 + c - '0';
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			value = value * 16 + c - 'A' + 10;
		else
			return -EINVAL;
	}
	return value;
}

static int read_string(struct reader *r, uint32_t key, uint32_t *ret_index)
{
	uint32_t index, point = 0;
	int size;

	r->at++;
	size = add_token(r, JSON_STRING, key, &index);
	if (size < 0)
		return size;
	while (peek(r) != '"') {
		if (peek(r) < 0x20)
			return -EINVAL;
		if (peek(r) == '\\') {
			r->at++;
			if (peek(r) < 0 || !memchr("\"\\/bfnrtu", peek(r), 9))
				return -EINVAL;
			if (peek(r) == 'u') {
				if (hex4(r->text + r->at + 1, r->len - r->at - 1) < 0)
					return -EINVAL;
				r->at += 4;
			}
			r->at++;
			continue;
		}
		size = utf8_decode(r->text + r->at, r->len - r->at, &point);
		if (size < 0)
			return -EINVAL;
		r->at += (size_t)size;
	}
	r->doc->token[index].len = (uint32_t)r->at - r->doc->token[index].start;
	r->at++;
	*ret_index = index;
	return 0;
}

static size_t skip_digits(struct reader *r)
{
	size_t from = r->at;

	while (peek(r) >= '0' && peek(r) <= '9')
		r->at++;
	return r->at - from;
}

static int read_number(struct reader *r, uint32_t key)
{
	uint32_t index;
	int error = add_token(r, JSON_NUMBER, key, &index);

	if (error < 0)
		return error;
	if (peek(r) == '-')
		r->at++;
	if (peek(r) == '0')
		r->at++;
	else if (skip_digits(r) == 0)
		return -EINVAL;
	if (peek(r) == '.') {
		r->at++;
		if (skip_digits(r) == 0)
			return -EINVAL;
	}
	if (peek(r) == 'e' || peek(r) == 'E') {
		r->at++;
		if (peek(r) == '+' || peek(r) == '-')
			r->at++;
		if (skip_digits(r) == 0)
			return -EINVAL;
	}
	r->doc->token[index].len = (uint32_t)r->at - r->doc->token[index].start;
	return 0;
}

static int read_word(struct reader *r, uint32_t key, const char *word, enum json_kind kind)
{
	size_t len = strlen(word);
	uint32_t index;
	int error;

	if (r->len - r->at < len || memcmp(r->text + r->at, word, len) != 0)
		return -EINVAL;
	error = add_token(r, kind, key, &index);
	if (error < 0)
		return error;
	r->at += len;
	r->doc->token[index].len = (uint32_t)len;
	return 0;
}

static int read_member(struct reader *r)
{
	uint32_t key;
	int error;

	if (peek(r) != '"')
		return -EINVAL;
	error = read_string(r, 0, &key);
	if (error < 0)
		return error;
	skip_space(r);
	if (peek(r) != ':')
		return -EINVAL;
	r->at++;
	return read_value(r, key + 1);
}

/* An array or object: its elements up to end, with commas between. */
static int read_container(struct reader *r, uint32_t key, enum json_kind kind, char end)
{
	uint32_t index;
	int error;

	if (r->depth == JSON_DEPTH_MAX)
		return -E2BIG;
	error = add_token(r, kind, key, &index);
	if (error < 0)
		return error;
	r->depth++;
	r->at++;
	skip_space(r);
	while (peek(r) != end) {
		if (r->doc->token[index].count) {
			if (peek(r) != ',')
				return -EINVAL;
			r->at++;
			skip_space(r);
		}
		error = kind == JSON_OBJECT ? read_member(r) : read_value(r, 0);
		if (error < 0)
			return error;
		r->doc->token[index].count++;
		skip_space(r);
	}
	r->at++;
	r->depth--;
	r->doc->token[index].len = (uint32_t)r->at - r->doc->token[index].start;
	r->doc->token[index].next = r->doc->tokens;
	return 0;
}

static int read_value(struct reader *r, uint32_t key)
{
	uint32_t index;

	skip_space(r);
	switch (peek(r)) {
	case '{':
		return read_container(r, key, JSON_OBJECT, '}');
	case '[':
		return read_container(r, key, JSON_ARRAY, ']');
	case '"':
		return read_string(r, key, &index);
	case 't':
		return read_word(r, key, "true", JSON_BOOL);
	case 'f':
		return read_word(r, key, "false", JSON_BOOL);
	case 'n':
		return read_word(r, key, "null", JSON_NULL);
	default:
		return read_number(r, key);
	}
}

int json_parse(struct json_doc *doc, const char *text, size_t len, size_t *ret_at)
{
	struct reader r = { .doc = doc, .text = text, .len = len };
	int error;

	doc->text = text;
	doc->tokens = 0;
	if (len > INT_MAX)
		return -E2BIG;
	error = read_value(&r, 0);
	if (error == 0) {
		skip_space(&r);
		if (r.at < r.len)
			error = -EINVAL;
	}
	if (error < 0) {
		/* Nobody who forgets to look at the result finds half a document. */
		doc->tokens = 0;
		if (ret_at)
			*ret_at = r.at;
	}
	return error;
}

/*
 * Next character of a string's raw text: bytes read, with its code point. A surrogate without its
 * other half, which JSON's grammar lets pass, becomes U+FFFD.
 */
static size_t next_point(const char *text, size_t len, uint32_t *ret_point)
{
	static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
	const char *name;
	int high, low, size;

	if (text[0] != '\\' || len < 2) {
		size = utf8_decode(text, len, ret_point);
		if (size > 0)
			return (size_t)size;
		*ret_point = UTF8_REPLACEMENT;
		return 1;
	}
	name = strchr(names, text[1]);
	if (text[1] != 'u') {
		*ret_point = (unsigned char)(name && *name ? values[name - names] : text[1]);
		return 2;
	}
	high = hex4(text + 2, len - 2);
	if (high < 0) {
		*ret_point = UTF8_REPLACEMENT;
		return len;
	}
	*ret_point = (uint32_t)high;
	if (high < 0xd800 || high > 0xdfff)
		return 6;
	low = high < 0xdc00 && len >= 12 && text[6] == '\\' && text[7] == 'u'
		      ? hex4(text + 8, len - 8)
		      : -EINVAL;
	if (low < 0xdc00 || low > 0xdfff) {
		*ret_point = UTF8_REPLACEMENT;
		return 6;
	}
	*ret_point = 0x10000 + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
	return 12;
}

static bool string_equals(const char *raw, size_t len, const char *text)
{
	size_t left = strlen(text), at = 0;

	while (at < len) {
		char bytes[UTF8_LEN_MAX];
		uint32_t point;
		size_t size;

		at += next_point(raw + at, len - at, &point);
		size = utf8_encode(point, bytes);
		if (size > left || memcmp(bytes, text, size) != 0)
			return false;
		text += size;
		left -= size;
	}
	return left == 0;
}

int json_member(const struct json_doc *doc, uint32_t object, const char *key)
{
	uint32_t at;

	if (object >= doc->tokens || doc->token[object].kind != JSON_OBJECT)
		return -EINVAL;
	at = object + 1;
	for (uint32_t i = 0; i < doc->token[object].count; i++) {
		const struct json_token *name = &doc->token[at];

		if (string_equals(doc->text + name->start, name->len, key))
			return (int)name->next;
		at = doc->token[name->next].next;
	}
	return -ENOENT;
}

int json_get_string(const struct json_doc *doc, uint32_t index, char *to, size_t size)
{
	const struct json_token *token;
	size_t at = 0, len = 0;

	if (index >= doc->tokens || doc->token[index].kind != JSON_STRING || size == 0)
		return -EINVAL;
	token = &doc->token[index];
	while (at < token->len) {
		char bytes[UTF8_LEN_MAX];
		uint32_t point;
		size_t one;

		at += next_point(doc->text + token->start + at, token->len - at, &point);
		one = utf8_encode(point, bytes);
		if (one >= size - len) {
			to[len] = '\0';
			return -ENOBUFS;
		}
		memcpy(to + len, bytes, one);
		len += one;
	}
	to[len] = '\0';
	return (int)len;
}

/* Sign and magnitude of an integer; fractions and exponents are none. */
static int get_integer(const struct json_doc *doc, uint32_t index, bool *ret_negative,
		       uint64_t *ret)
{
	const struct json_token *token;
	const char *text;
	uint64_t value = 0;
	bool negative;

	if (index >= doc->tokens || doc->token[index].kind != JSON_NUMBER)
		return -EINVAL;
	token = &doc->token[index];
	text = doc->text + token->start;
	negative = text[0] == '-';
	for (uint32_t i = negative; i < token->len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
	}
	for (uint32_t i = negative; i < token->len; i++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
			return -ERANGE;
	}
	*ret_negative = negative;
	*ret = value;
	return 0;
}

int json_get_u64(const struct json_doc *doc, uint32_t index, uint64_t *ret)
{
	uint64_t value;
	bool negative;
	int r;

	r = get_integer(doc, index, &negative, &value);
	if (r < 0)
		return r;
	if (negative && value)
		return -ERANGE;
	*ret = value;
	return 0;
}

int json_get_i64(const struct json_doc *doc, uint32_t index, int64_t *ret)
{
	uint64_t value;
	bool negative;
	int r;

	r = get_integer(doc, index, &negative, &value);
	if (r < 0)
		return r;
	if (value > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	*ret = negative ? (int64_t)(0 - value) : (int64_t)value;
	return 0;
}

int json_get_bool(const struct json_doc *doc, uint32_t index, bool *ret)
{
	if (index >= doc->tokens || doc->token[index].kind != JSON_BOOL)
		return -EINVAL;
	*ret = doc->token[index].len == 4; /* "true" */
	return 0;
}
