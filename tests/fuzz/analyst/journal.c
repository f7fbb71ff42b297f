/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal's export form. The first byte chooses how it is cut into reads: that changes nothing.
 * Once the stream was malformed, nothing it says is taken for a fact.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/evidence/evidence.h"
#include "base/table.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct pass {
	uint64_t sum;
	struct log_reader *reader;
};

static int on_record(const struct log_record *record, void *arg)
{
	static const uint64_t seed[2] = { 1, 2 };
	struct pass *pass = arg;
	struct log_reader_stats stats;

	if (!record->len || record->len > EVIDENCE_LINE_MAX ||
	    !utf8_valid(record->text, record->len) || memchr(record->text, '\0', record->len) ||
	    memchr(record->text, '\n', record->len))
		abort();
	log_reader_stats(pass->reader, &stats);
	if (record->origin.trusted &&
	    (stats.malformed || !record->origin.pid || !record->origin.has_uid))
		abort();
	if (!memchr(record->origin.exe, '\0', sizeof(record->origin.exe)) ||
	    !memchr(record->origin.unit, '\0', sizeof(record->origin.unit)))
		abort();
	pass->sum = pass->sum * 31 + table_hash(seed, record->text, record->len);
	pass->sum =
		pass->sum * 31 + record->origin.pid + record->origin.uid + record->origin.trusted;
	return 0;
}

static uint64_t run(const uint8_t *data, size_t size, size_t piece)
{
	struct pass pass = { 0 };

	if (log_reader_new(&pass.reader, 1, LOG_JOURNAL_EXPORT))
		abort();
	while (size) {
		size_t len = size < piece ? size : piece;

		if (log_reader_feed(pass.reader, data, len, 1, on_record, &pass))
			abort();
		data += len;
		size -= len;
	}
	log_reader_free(pass.reader);
	return pass.sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (run(data + 1, size - 1, SIZE_MAX) != run(data + 1, size - 1, 1U + data[0]))
		abort();
	return 0;
}
