/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON reader and writer. Whatever parses is read through every accessor and written again by the
 * writer; what the writer wrote must parse, and a string must come back as it went in.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"

#define TEXT_MAX 65536

static struct json_doc doc, again;
static char text[TEXT_MAX], back[TEXT_MAX];

/* A string that was read, written as {"k":…} and read once more. */
static void check_round_trip(const char *value, size_t len)
{
	static struct buf out = BUF_INIT(8 * TEXT_MAX);
	struct json_writer w;
	int member, got;

	buf_clear(&out);
	json_begin(&w, &out);
	json_object(&w, NULL);
	json_string_len(&w, "k", value, len);
	json_end_object(&w);
	assert(!out.cut);
	assert(json_parse(&again, out.data, out.len, NULL) == 0);
	member = json_member(&again, 0, "k");
	assert(member > 0);
	got = json_get_string(&again, (uint32_t)member, back, sizeof(back));
	assert(got >= 0 && (size_t)got == len && memcmp(back, value, len) == 0);
}

static void use_token(uint32_t index)
{
	const struct json_token *token = &doc.token[index];
	uint64_t number;
	int64_t integer;
	bool truth;
	int len;

	assert(token->next > index && token->next <= doc.tokens);
	assert(token->kind >= JSON_NULL && token->kind < JSON_KIND_MAX);
	assert(token->key <= index);
	(void)json_get_u64(&doc, index, &number);
	(void)json_get_i64(&doc, index, &integer);
	(void)json_get_bool(&doc, index, &truth);
	(void)json_member(&doc, index, "k");
	len = json_get_string(&doc, index, text, sizeof(text));
	if (len >= 0)
		check_round_trip(text, (size_t)len);
	(void)json_get_string(&doc, index, text, 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0;

	if (size > 8192)
		return 0;
	if (json_parse(&doc, (const char *)data, size, &at) < 0) {
		assert(at <= size && doc.tokens == 0);
		return 0;
	}
	assert(doc.tokens > 0 && doc.token[0].next == doc.tokens);
	for (uint32_t i = 0; i < doc.tokens; i++)
		use_token(i);
	return 0;
}
