/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON reader: the grammar to the letter, and its bounds.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "unit.h"

static struct json_doc doc;

static int parse(const char *text)
{
	return json_parse(&doc, text, strlen(text), NULL);
}

static uint32_t member(uint32_t object, const char *key)
{
	int r = json_member(&doc, object, key);

	assert_true(r > 0);
	return (uint32_t)r;
}

static void good_texts(void **state)
{
	static const char *const rows[] = {
		"null",
		"true",
		"false",
		"0",
		"-0",
		"12",
		"-1.5",
		"1e5",
		"1E+5",
		"1e-5",
		"0.0e0",
		"\"\"",
		"[]",
		"{}",
		" [ ] ",
		"\t{\n}\r",
		"[1,2]",
		"[[],[],{}]",
		"{\"a\":1,\"b\":[{}]}",
		"{\"\":0}",
		"\"\\u0000\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		"\"\\ud800\"",
		"\"\x7f\"",
		"\"\xf4\x8f\xbf\xbf\"",
		"{\"a\":1,\"a\":2}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_row(parse(rows[i]) == 0, rows[i]);
		assert_row(doc.tokens > 0 && doc.token[0].next == doc.tokens, rows[i]);
	}
}

static void bad_texts(void **state)
{
	static const struct {
		const char *text;
		size_t at;
	} rows[] = {
		{ "", 0 },
		{ " ", 1 },
		{ "nul", 0 },
		{ "nulll", 4 },
		{ "True", 0 },
		{ "01", 1 },
		{ "-", 1 },
		{ "+1", 0 },
		{ ".5", 0 },
		{ "1.", 2 },
		{ "1e", 2 },
		{ "1e+", 3 },
		{ "0x10", 1 },
		{ "NaN", 0 },
		{ "[", 1 },
		{ "[1", 2 },
		{ "[1,", 3 },
		{ "[1,]", 3 },
		{ "[,1]", 1 },
		{ "[1 2]", 3 },
		{ "[1}", 2 },
		{ "{", 1 },
		{ "{1:2}", 1 },
		{ "{\"a\"}", 4 },
		{ "{\"a\":}", 5 },
		{ "{\"a\":1,}", 7 },
		{ "{\"a\":1 \"b\":2}", 7 },
		{ "{,}", 1 },
		{ "\"", 1 },
		{ "\"a", 2 },
		{ "\"\\", 2 },
		{ "\"\\x\"", 2 },
		{ "\"\\u12g4\"", 2 },
		{ "\"\\u12", 2 },
		{ "\"\n\"", 1 },
		{ "\"\t\"", 1 },
		{ "'a'", 0 },
		{ "// c\n1", 0 },
		{ "1 1", 2 },
		{ "[1]]", 3 },
		{ "\"\xff\"", 1 },
		{ "\"\xc0\x80\"", 1 },
		{ "\"\xed\xa0\x80\"", 1 },
		{ "\"a\xe2\x82\"", 2 },
		{ "\xef\xbb\xbf{}", 0 },
		{ "\v1", 0 },
		{ "\x80", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t at = 999;

		assert_row(json_parse(&doc, rows[i].text, strlen(rows[i].text), &at) == -EINVAL,
			   rows[i].text);
		assert_row(at == rows[i].at, rows[i].text);
		assert_int_equal(doc.tokens, 0);
	}
	/* NUL is no space and no character of a string. */
	assert_int_equal(json_parse(&doc, "1\0", 2, NULL), -EINVAL);
	assert_int_equal(json_parse(&doc, "\"a\0b\"", 5, NULL), -EINVAL);
}

static void length_counts(void **state)
{
	(void)state;
	assert_int_equal(json_parse(&doc, "123456", 3, NULL), 0);
	assert_int_equal(doc.token[0].len, 3);
	assert_int_equal(json_parse(&doc, "true", 3, NULL), -EINVAL);
	assert_int_equal(json_parse(&doc, "\"\\u0041\"", 6, NULL), -EINVAL);
	assert_int_equal(json_parse(&doc, "1", (size_t)INT32_MAX + 1, NULL), -E2BIG);
}

static void depth_is_bounded(void **state)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(1000);

	(void)state;
	for (int depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX + 1; depth++) {
		buf_clear(&text);
		for (int i = 0; i < depth; i++)
			buf_puts(&text, i % 2 ? "{\"k\":" : "[");
		buf_putc(&text, '1');
		for (int i = depth; i-- > 0;)
			buf_putc(&text, i % 2 ? '}' : ']');
		assert_int_equal(parse(text.data), depth <= JSON_DEPTH_MAX ? 0 : -E2BIG);
	}
}

static void tokens_are_bounded(void **state)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(100000);

	(void)state;
	/* The array is one token, its elements are the rest. */
	for (int extra = 0; extra < 2; extra++) {
		buf_clear(&text);
		for (int i = 1; i < JSON_TOKENS_MAX + extra; i++)
			buf_puts(&text, i == 1 ? "[1" : ",1");
		buf_puts(&text, "]");
		assert_int_equal(json_parse(&doc, text.data, text.len, NULL), extra ? -E2BIG : 0);
	}
	assert_int_equal(doc.tokens, 0);
}

static void tokens_tell_the_structure(void **state)
{
	uint32_t b;

	(void)state;
	assert_int_equal(parse("{\"a\":[1,\"x\"],\"b\":{\"c\":null},\"d\":true}"), 0);
	assert_int_equal(doc.token[0].kind, JSON_OBJECT);
	assert_int_equal(doc.token[0].count, 3);
	/* 0 {, 1 a, 2 [, 3 1, 4 x, 5 b, 6 {, 7 c, 8 null, 9 d, 10 true */
	assert_int_equal(doc.tokens, 11);
	assert_int_equal(member(0, "a"), 2);
	assert_int_equal(doc.token[2].next, 5);
	assert_int_equal(doc.token[2].count, 2);
	assert_int_equal(doc.token[2].key, 1 + 1);
	assert_int_equal(doc.token[3].key, 0);
	b = member(0, "b");
	assert_int_equal(b, 6);
	assert_int_equal(member(b, "c"), 8);
	assert_int_equal(doc.token[8].kind, JSON_NULL);
	assert_int_equal(member(0, "d"), 10);
	assert_int_equal(json_member(&doc, 0, "c"), -ENOENT);
	assert_int_equal(json_member(&doc, 0, ""), -ENOENT);
	assert_int_equal(json_member(&doc, 2, "a"), -EINVAL);
	assert_int_equal(json_member(&doc, 99, "a"), -EINVAL);
}

static void keys(void **state)
{
	uint64_t value;

	(void)state;
	assert_int_equal(parse("{\"a\":1,\"a\":2,\"\\u0062\\n\":3,\"ab\":4,\"c\\u0000\":5,\"\":6}"),
			 0);
	assert_int_equal(json_get_u64(&doc, member(0, "a"), &value), 0);
	assert_int_equal(value, 1);
	assert_int_equal(json_get_u64(&doc, member(0, "b\n"), &value), 0);
	assert_int_equal(value, 3);
	assert_int_equal(json_get_u64(&doc, member(0, "ab"), &value), 0);
	assert_int_equal(value, 4);
	assert_int_equal(json_member(&doc, 0, "c"), -ENOENT);
	assert_int_equal(json_get_u64(&doc, member(0, ""), &value), 0);
	assert_int_equal(value, 6);
}

static void strings(void **state)
{
#define ROW(in, out)                               \
	{                                          \
		"\"" in "\"", out, sizeof(out) - 1 \
	}
	static const struct {
		const char *in, *out;
		size_t len;
	} rows[] = {
		ROW("", ""),
		ROW("abc", "abc"),
		ROW("\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"),
		ROW("\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac"),
		ROW("\\ud83d\\ude00", "\xf0\x9f\x98\x80"),
		ROW("\\uDBFF\\uDFFF", "\xf4\x8f\xbf\xbf"),
		ROW("a\\u0000b", "a\0b"),
		/* Halves of pairs, in every order. */
		ROW("\\ud800", "\xef\xbf\xbd"),
		ROW("\\ud800x", "\xef\xbf\xbdx"),
		ROW("\\udc00", "\xef\xbf\xbd"),
		ROW("\\udc00\\ud800", "\xef\xbf\xbd\xef\xbf\xbd"),
		ROW("\\ud800\\ud800\\udc00", "\xef\xbf\xbd\xf0\x90\x80\x80"),
		ROW("\\ud800\\n", "\xef\xbf\xbd\n"),
		ROW("\\ud800\\u0041", "\xef\xbf\xbd"
				      "A"),
		ROW("\xe2\x82\xac", "\xe2\x82\xac"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char to[64];

		assert_row(parse(rows[i].in) == 0, rows[i].in);
		memset(to, 'x', sizeof(to));
		assert_row(json_get_string(&doc, 0, to, sizeof(to)) == (int)rows[i].len,
			   rows[i].in);
		assert_memory_equal(to, rows[i].out, rows[i].len + 1);
	}
}

static void strings_that_do_not_fit(void **state)
{
	char to[8];

	(void)state;
	assert_int_equal(parse("\"abc\xe2\x82\xac\""), 0);
	assert_int_equal(json_get_string(&doc, 0, to, 7), 6);
	assert_int_equal(json_get_string(&doc, 0, to, 6), -ENOBUFS);
	assert_string_equal(to, "abc");
	assert_int_equal(json_get_string(&doc, 0, to, 4), -ENOBUFS);
	assert_string_equal(to, "abc");
	assert_int_equal(json_get_string(&doc, 0, to, 3), -ENOBUFS);
	assert_string_equal(to, "ab");
	assert_int_equal(json_get_string(&doc, 0, to, 1), -ENOBUFS);
	assert_string_equal(to, "");
	assert_int_equal(json_get_string(&doc, 0, to, 0), -EINVAL);
	assert_int_equal(parse("1"), 0);
	assert_int_equal(json_get_string(&doc, 0, to, sizeof(to)), -EINVAL);
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		int u64;
		uint64_t u;
		int i64;
		int64_t i;
	} rows[] = {
		{ "0", 0, 0, 0, 0 },
		{ "-0", 0, 0, 0, 0 },
		{ "42", 0, 42, 0, 42 },
		{ "-1", -ERANGE, 0, 0, -1 },
		{ "9223372036854775807", 0, INT64_MAX, 0, INT64_MAX },
		{ "9223372036854775808", 0, 9223372036854775808ULL, -ERANGE, 0 },
		{ "-9223372036854775808", -ERANGE, 0, 0, INT64_MIN },
		{ "-9223372036854775809", -ERANGE, 0, -ERANGE, 0 },
		{ "18446744073709551615", 0, UINT64_MAX, -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0, -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0, -ERANGE, 0 },
		{ "1.0", -EINVAL, 0, -EINVAL, 0 },
		{ "1e3", -EINVAL, 0, -EINVAL, 0 },
		{ "99999999999999999999999e1", -EINVAL, 0, -EINVAL, 0 },
		{ "\"1\"", -EINVAL, 0, -EINVAL, 0 },
		{ "true", -EINVAL, 0, -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t u = 77;
		int64_t n = 77;

		assert_row(parse(rows[i].text) == 0, rows[i].text);
		assert_row(json_get_u64(&doc, 0, &u) == rows[i].u64, rows[i].text);
		assert_row(u == (rows[i].u64 == 0 ? rows[i].u : 77), rows[i].text);
		assert_row(json_get_i64(&doc, 0, &n) == rows[i].i64, rows[i].text);
		assert_row(n == (rows[i].i64 == 0 ? rows[i].i : 77), rows[i].text);
	}
}

static void truth(void **state)
{
	bool value = false;

	(void)state;
	assert_int_equal(parse("[true,false,null,1]"), 0);
	assert_int_equal(json_get_bool(&doc, 1, &value), 0);
	assert_true(value);
	assert_int_equal(json_get_bool(&doc, 2, &value), 0);
	assert_false(value);
	assert_int_equal(json_get_bool(&doc, 3, &value), -EINVAL);
	assert_int_equal(json_get_bool(&doc, 4, &value), -EINVAL);
	assert_int_equal(json_get_bool(&doc, 5, &value), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_texts),
		cmocka_unit_test(bad_texts),
		cmocka_unit_test(length_counts),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(tokens_are_bounded),
		cmocka_unit_test(tokens_tell_the_structure),
		cmocka_unit_test(keys),
		cmocka_unit_test(strings),
		cmocka_unit_test(strings_that_do_not_fit),
		cmocka_unit_test(numbers),
		cmocka_unit_test(truth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
