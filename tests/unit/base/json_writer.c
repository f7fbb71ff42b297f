/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON writer: commas, numbers, and strings that nobody can break out of.
 */
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/utf8.h"
#include "unit.h"

static void structure(void **state)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(1000);
	struct json_writer w;

	(void)state;
	json_begin(&w, &out);
	json_object(&w, NULL);
	json_array(&w, "empty");
	json_end_array(&w);
	json_object(&w, "none");
	json_end_object(&w);
	json_array(&w, "a");
	json_u64(&w, NULL, UINT64_MAX);
	json_i64(&w, NULL, INT64_MIN);
	json_object(&w, NULL);
	json_bool(&w, "t", true);
	json_bool(&w, "f", false);
	json_end_object(&w);
	json_array(&w, NULL);
	json_null(&w, NULL);
	json_end_array(&w);
	json_end_array(&w);
	json_string(&w, "s", "x");
	json_string(&w, "n", NULL);
	json_end_object(&w);
	assert_string_equal(out.data,
			    "{\"empty\":[],\"none\":{},\"a\":[18446744073709551615,"
			    "-9223372036854775808,{\"t\":true,\"f\":false},[null]],\"s\":\"x\","
			    "\"n\":null}");
}

static void doubles(void **state)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(1000);
	struct json_writer w;

	(void)state;
	json_begin(&w, &out);
	json_array(&w, NULL);
	json_double(&w, NULL, 0.5);
	json_double(&w, NULL, -1.0 / 3);
	json_double(&w, NULL, 1e15);
	json_double(&w, NULL, (double)NAN);
	json_double(&w, NULL, (double)INFINITY);
	json_double(&w, NULL, -(double)INFINITY);
	json_end_array(&w);
	assert_string_equal(out.data, "[0.500,-0.333,1000000000000000.000,null,null,null]");
}

static void strings(void **state)
{
#define ROW(in, out)                              \
	{                                         \
		in, sizeof(in) - 1, "\"" out "\"" \
	}
	static const struct {
		const char *in;
		size_t len;
		const char *out;
	} rows[] = {
		ROW("", ""),
		ROW("\"},{\"x\":\"", "\\\"},{\\\"x\\\":\\\""),
		ROW("\\", "\\\\"),
		ROW("\n\r\t", "\\n\\r\\t"),
		ROW("\b\f\x01\x1b\x7f", "\\u0008\\u000c\\u0001\\u001b\\u007f"),
		ROW("a\0b", "a\\u0000b"),
		ROW("\xc3\xa9\xf0\x9f\x98\x80", "\xc3\xa9\xf0\x9f\x98\x80"),
		ROW("\xc2\x9b", "\\u009b"),
		ROW("\xe2\x80\xae", "\\u202e"),
		ROW("\xe2\x80\xa8", "\\u2028"),
		ROW("\xf3\xa0\x81\x81", "\\udb40\\udc41"),
		ROW("a\xff"
		    "b",
		    "a\xef\xbf\xbd"
		    "b"),
		ROW("\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"),
		ROW("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"),
		ROW("\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"),
		ROW("</script>", "</script>"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(buf_done) struct buf out = BUF_INIT(1000);
		struct json_writer w;

		json_begin(&w, &out);
		json_string_len(&w, NULL, rows[i].in, rows[i].len);
		assert_string_equal(out.data, rows[i].out);
	}
}

static void keys_are_escaped(void **state)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(1000);
	struct json_writer w;

	(void)state;
	json_begin(&w, &out);
	json_object(&w, NULL);
	json_u64(&w, "a\"\n", 1);
	json_u64(&w, "", 2);
	json_end_object(&w);
	assert_string_equal(out.data, "{\"a\\\"\\n\":1,\"\":2}");
}

/* All pairs of bytes: what was written is read back as the same text, U+FFFD for bad bytes. */
static void every_pair_is_readable(void **state)
{
	static struct json_doc doc;

	(void)state;
	for (unsigned int i = 0; i < 65536; i++) {
		_cleanup_(buf_done) struct buf out = BUF_INIT(64);
		const char pair[2] = { (char)(i >> 8), (char)i };
		struct json_writer w;
		char back[16];
		int len;

		json_begin(&w, &out);
		json_string_len(&w, NULL, pair, 2);
		assert_int_equal(json_parse(&doc, out.data, out.len, NULL), 0);
		len = json_get_string(&doc, 0, back, sizeof(back));
		if (utf8_valid(pair, 2)) {
			assert_int_equal(len, 2);
			assert_memory_equal(back, pair, 2);
		} else {
			assert_true(len >= 3 && utf8_valid(back, (size_t)len));
		}
		for (size_t at = 0; at < out.len; at++)
			assert_true((unsigned char)out.data[at] >= 0x20 && out.data[at] != 0x7f);
	}
}

static void a_bound_is_told(void **state)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(8);
	struct json_writer w;

	(void)state;
	json_begin(&w, &out);
	json_string(&w, NULL, "123456");
	assert_false(out.cut);
	buf_clear(&out);
	json_begin(&w, &out);
	json_string(&w, NULL, "1234567");
	assert_true(out.cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structure),
		cmocka_unit_test(doubles),
		cmocka_unit_test(strings),
		cmocka_unit_test(keys_are_escaped),
		cmocka_unit_test(every_pair_is_readable),
		cmocka_unit_test(a_bound_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
