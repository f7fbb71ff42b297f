/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bounded text, and what untrusted text looks like on a terminal.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "unit.h"

static void text_grows_to_its_bound(void **state)
{
	_cleanup_(buf_done) struct buf buf = BUF_INIT(1000);

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_putc(&buf, 'a');
	assert_false(buf.cut);
	assert_int_equal(buf.len, 1000);
	assert_int_equal(strlen(buf.data), 1000);
	buf_putc(&buf, 'b');
	assert_true(buf.cut);
	assert_int_equal(buf.len, 1000);
	assert_null(strchr(buf.data, 'b'));
	assert_true(buf.size <= 1001);
}

static void what_is_cut_is_a_prefix(void **state)
{
	_cleanup_(buf_done) struct buf buf = BUF_INIT(5);

	(void)state;
	buf_puts(&buf, "abc");
	buf_puts(&buf, "defg");
	assert_true(buf.cut);
	assert_string_equal(buf.data, "abcde");
	buf_clear(&buf);
	assert_false(buf.cut);
	assert_string_equal(buf.data, "");
	/* An append that would fit does not come after one that was cut. */
	buf_put_safe(&buf, "abc\x1b", 4);
	buf_putc(&buf, 'x');
	assert_true(buf.cut);
	assert_string_equal(buf.data, "abc");
}

static void empty_appends(void **state)
{
	_cleanup_(buf_done) struct buf none = BUF_INIT(0);
	_cleanup_(buf_done) struct buf buf = BUF_INIT(8);

	(void)state;
	assert_null(buf.data);
	buf_add(&buf, NULL, 0);
	assert_non_null(buf.data);
	assert_string_equal(buf.data, "");
	buf_puts(&none, "");
	assert_false(none.cut);
	buf_puts(&none, "a");
	assert_true(none.cut);
	assert_int_equal(none.len, 0);
	assert_string_equal(none.data, "");
}

static void unbounded_is_still_terminated(void **state)
{
	_cleanup_(buf_done) struct buf buf = BUF_INIT(SIZE_MAX);

	(void)state;
	buf_puts(&buf, "x");
	assert_false(buf.cut);
	assert_string_equal(buf.data, "x");
}

static void formatted(void **state)
{
	_cleanup_(buf_done) struct buf buf = BUF_INIT(2000);
	_cleanup_free_ char *text = calloc(1, 1001);

	(void)state;
	assert_non_null(text);
	memset(text, 'y', 1000);
	buf_printf(&buf, "%d %s", -7, "x");
	assert_string_equal(buf.data, "-7 x");
	buf_clear(&buf);
	/* 255 and 256 bytes: around the size that needs no memory of its own. */
	for (int len = 254; len < 259; len++) {
		buf_clear(&buf);
		buf_printf(&buf, "%.*s", len, text);
		assert_int_equal(buf.len, len);
		assert_int_equal(strspn(buf.data, "y"), len);
	}
	buf_clear(&buf);
	buf_printf(&buf, "%s%s%s", text, text, text);
	assert_true(buf.cut);
	assert_int_equal(buf.len, 2000);
}

static void safe_text(void **state)
{
#define ROW(in, out)                    \
	{                               \
		in, sizeof(in) - 1, out \
	}
	static const struct {
		const char *in;
		size_t len;
		const char *out;
	} rows[] = {
		ROW("plain ~", "plain ~"),
		ROW("a\nb\tc", "a\\nb\\tc"),
		ROW("back\\slash", "back\\\\slash"),
		ROW("\\n", "\\\\n"),
		ROW("\x1b[31mred", "\\x1b[31mred"),
		ROW("\r\x07\x7f", "\\x0d\\x07\\x7f"),
		ROW("nul\0nul", "nul\\x00nul"),
		ROW("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
		ROW("\xc2\x9b"
		    "31m",
		    "\\u{009B}31m"), /* C1 CSI */
		ROW("\xe2\x80\xae"
		    "gpj",
		    "\\u{202E}gpj"), /* override */
		ROW("\xe2\x81\xa6\xe2\x81\xa9", "\\u{2066}\\u{2069}"), /* isolates */
		ROW("\xd8\x9c", "\\u{061C}"), /* Arabic letter mark */
		ROW("a\xe2\x80\x8b"
		    "b",
		    "a\\u{200B}b"), /* zero width */
		ROW("\xef\xbb\xbf", "\\u{FEFF}"),
		ROW("\xe2\x80\xa8", "\\u{2028}"), /* line separator */
		ROW("\xf3\xa0\x81\x81", "\\u{E0041}"), /* tag A */
		ROW("\xc2\xad", "\\u{00AD}"),
		/* Invalid: lone continuation, lone lead, overlong, surrogate, past the end, cut. */
		ROW("\x80", "\\x80"),
		ROW("\xff\xfe", "\\xff\\xfe"),
		ROW("\xc3(", "\\xc3("),
		ROW("\xc0\x80", "\\xc0\\x80"),
		ROW("\xc1\xbf", "\\xc1\\xbf"),
		ROW("\xe0\x80\xaf", "\\xe0\\x80\\xaf"),
		ROW("\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"),
		ROW("\xed\xa0\x80", "\\xed\\xa0\\x80"),
		ROW("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"),
		ROW("\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80"),
		ROW("\xe2\x82", "\\xe2\\x82"),
		ROW("\xf0\x9f\x98", "\\xf0\\x9f\\x98"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(buf_done) struct buf buf = BUF_INIT(100);

		buf_put_safe(&buf, rows[i].in, rows[i].len);
		assert_string_equal(buf.data, rows[i].out);
		assert_false(buf.cut);
	}
}

/* Every byte, every pair: nothing but printable ASCII and whole visible characters comes out. */
static void safe_text_has_no_controls(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 65536; i++) {
		_cleanup_(buf_done) struct buf buf = BUF_INIT(32);
		const char pair[2] = { (char)(i >> 8), (char)i };

		buf_put_safe(&buf, pair, 2);
		assert_false(buf.cut);
		for (size_t at = 0; at < buf.len;) {
			uint32_t point = 0;
			int size = utf8_decode(buf.data + at, buf.len - at, &point);

			assert_true(size > 0);
			assert_false(utf8_is_hidden(point));
			at += (size_t)size;
		}
	}
}

static void escapes_are_not_halved(void **state)
{
	(void)state;
	for (size_t max = 0; max < 10; max++) {
		_cleanup_(buf_done) struct buf buf = BUF_INIT(max);

		buf_put_safe(&buf, "\xe2\x80\xae", 3);
		assert_int_equal(buf.len, max < 8 ? 0 : 8);
		assert_int_equal(buf.cut, max < 8);
	}
	for (size_t max = 0; max < 5; max++) {
		_cleanup_(buf_done) struct buf buf = BUF_INIT(max);

		buf_put_safe(&buf, "\xf0\x9f\x98\x80", 4);
		assert_int_equal(buf.len, max < 4 ? 0 : 4);
	}
}

static void utf8_all_points(void **state)
{
	(void)state;
	for (uint32_t point = 0; point <= 0x10ffff; point++) {
		char bytes[UTF8_LEN_MAX];
		uint32_t back = 0;
		size_t len;

		if (point >= 0xd800 && point <= 0xdfff)
			continue;
		len = utf8_encode(point, bytes);
		assert_int_equal(utf8_decode(bytes, len, &back), len);
		assert_int_equal(back, point);
		if (len > 1)
			assert_true(utf8_decode(bytes, len - 1, &back) < 0);
	}
	assert_true(utf8_valid("", 0));
	assert_true(utf8_valid("a\0b", 3));
	assert_false(utf8_valid("a\xed\xb0\x80", 4));
}

static void copies_are_cut_and_zeroed(void **state)
{
	char to[8];

	(void)state;
	memset(to, 'x', sizeof(to));
	text_copy(to, sizeof(to), "ab");
	assert_memory_equal(to, "ab\0\0\0\0\0\0", 8);
	text_copy(to, sizeof(to), "12345678");
	assert_memory_equal(to, "1234567\0", 8);
	text_copy(to, sizeof(to), "1234567");
	assert_memory_equal(to, "1234567\0", 8);
	memset(to, 'x', sizeof(to));
	text_copy(to, sizeof(to), NULL);
	assert_memory_equal(to, "\0\0\0\0\0\0\0\0", 8);
	/* Neither past its length nor past a NUL. */
	text_copy_len(to, sizeof(to), "abcdef", 3);
	assert_memory_equal(to, "abc\0\0\0\0\0", 8);
	text_copy_len(to, sizeof(to), "ab\0secret", 9);
	assert_memory_equal(to, "ab\0\0\0\0\0\0", 8);
	memset(to, 'x', sizeof(to));
	text_copy(to, 0, "abc");
	assert_memory_equal(to, "xxxxxxxx", 8);
	text_copy(to, 1, "abc");
	assert_memory_equal(to, "\0xxxxxxx", 8);
}

static void copies_keep_characters_whole(void **state)
{
	static const char euro[] = "aaaa\xe2\x82\xac", face[] = "aaaa\xf0\x9f\x98\x80";
	char to[16];

	(void)state;
	for (size_t size = 5; size <= 7; size++) {
		text_copy(to, size, euro);
		assert_string_equal(to, "aaaa");
	}
	text_copy(to, 8, euro);
	assert_string_equal(to, euro);
	for (size_t size = 5; size <= 8; size++) {
		text_copy(to, size, face);
		assert_string_equal(to, "aaaa");
	}
	text_copy(to, 9, face);
	assert_string_equal(to, face);
	/* Bytes that are no characters are cut where they are. */
	text_copy(to, 5, "\xff\xff\xff\xff\xff\xff");
	assert_string_equal(to, "\xff\xff\xff\xff");
	text_copy(to, 3, "\x80\x80\x80");
	assert_string_equal(to, "\x80\x80");
}

static void a_duplicate_ends_with_nul(void **state)
{
	_cleanup_free_ char *text = text_dup("a\0bc", 3), *empty = text_dup(NULL, 0);

	(void)state;
	assert_memory_equal(text, "a\0b", 4);
	assert_string_equal(empty, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_grows_to_its_bound),
		cmocka_unit_test(what_is_cut_is_a_prefix),
		cmocka_unit_test(empty_appends),
		cmocka_unit_test(unbounded_is_still_terminated),
		cmocka_unit_test(formatted),
		cmocka_unit_test(safe_text),
		cmocka_unit_test(safe_text_has_no_controls),
		cmocka_unit_test(escapes_are_not_halved),
		cmocka_unit_test(utf8_all_points),
		cmocka_unit_test(copies_are_cut_and_zeroed),
		cmocka_unit_test(copies_keep_characters_whole),
		cmocka_unit_test(a_duplicate_ends_with_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
