/* SPDX-License-Identifier: GPL-2.0-only */
/* SHA-256 against the examples of FIPS 180-4, and pieces of every length. */
#include "unit.h"

#include <string.h>

#include "base/sha256.h"

static const char *hash(const char *text, size_t len, size_t piece)
{
	static char ret[SHA256_TEXT_MAX];
	struct sha256 sha;

	sha256_init(&sha);
	for (size_t at = 0; at < len; at += piece)
		sha256_add(&sha, text + at, len - at < piece ? len - at : piece);
	sha256_text(&sha, ret);
	return ret;
}

static void vectors(void **state)
{
	static const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	static char million[1000000];

	(void)state;
	assert_string_equal(hash("", 0, 1),
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_string_equal(hash("abc", 3, 3),
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_string_equal(hash(two, strlen(two), 64),
			    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	memset(million, 'a', sizeof(million));
	assert_string_equal(hash(million, sizeof(million), 4096),
			    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void pieces(void **state)
{
	char text[200], whole[SHA256_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7);
	for (size_t len = 1; len < sizeof(text); len++) {
		memcpy(whole, hash(text, len, len), sizeof(whole));
		for (size_t piece = 1; piece < 70; piece++)
			assert_string_equal(hash(text, len, piece), whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
