/* SPDX-License-Identifier: GPL-2.0-only */
/* A snapshot of any bytes: shown without a control character, in bounded depth. */
#include <assert.h>
#include <stdint.h>

#include "base/utf8.h"
#include "ctl/snapshot_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out = BUF_INIT(1 << 24);
	size_t at = 0;

	(void)snapshot_put_text(&out, (const char *)data, size);
	while (at < out.len && !out.cut) {
		uint32_t point = 0;
		int n = utf8_decode(out.data + at, out.len - at, &point);

		assert(n > 0);
		assert(point == '\n' || !utf8_is_hidden(point));
		at += (size_t)n;
	}
	buf_done(&out);
	return 0;
}
