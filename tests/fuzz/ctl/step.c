/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Objects of a recorder that may be hijacked: whatever they say, what reaches the terminal is text
 * without controls. Input: objects, one a line.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "ctl/why.h"

static void check_text(const struct buf *out)
{
	size_t at = 0;

	while (at < out->len) {
		uint32_t point = 0;
		int size = utf8_decode(out->data + at, out->len - at, &point);

		assert(size > 0);
		assert(point == '\n' || !utf8_is_hidden(point));
		at += (size_t)size;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ipc_subject subject = { .kind = SUBJECT_SESSION, .id = 7 };
	struct buf out = BUF_INIT(1 << 20);
	const char *at = (const char *)data, *end = at + size;
	struct why why = { 0 };

	while (at < end) {
		const char *line = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((line ? line : end) - at);

		(void)why_add(&why, at, len);
		at += len + 1;
	}
	why_tell(&why, &subject, 3, false, 1795568523000000000ULL, &out);
	for (size_t i = 0; i < why.count; i++)
		step_put_line(&out, false, &why.step[i]);
	if (!out.cut)
		check_text(&out);
	buf_done(&out);
	why_done(&why);
	return 0;
}
