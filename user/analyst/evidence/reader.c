/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes to lines. One line is one record, however the bytes come: in pieces, without end, with NULs
 * or broken UTF-8; memory is two lines, whatever the source sends.
 */
#include "analyst/evidence/reader.h"

#include <errno.h>
#include <string.h>

#define NUMBERS_SHIFT 40 /* records of one reader; a million of them a second is 12 days */

/*
 * Where a reader's numbers begin. A rotated file and the new one have a reader each, one source and
 * one buffer: their numbers must differ, or a line is taken for the other file's.
 */
static uint64_t numbers_begin(void)
{
	static uint64_t readers;

	return ++readers << NUMBERS_SHIFT;
}

int log_reader_new(struct log_reader **ret, uint32_t source, enum log_format format)
{
	_cleanup_(log_reader_freep) struct log_reader *reader = NULL;
	int r;

	reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->source = source;
	reader->format = format;
	reader->number = numbers_begin();
	if (format == LOG_JOURNAL_EXPORT) {
		r = journal_new(&reader->journal);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(reader);
	return 0;
}

struct log_reader *log_reader_free(struct log_reader *reader)
{
	if (reader)
		journal_free(reader->journal);
	free(reader);
	return NULL;
}

int log_reader_emit(struct log_reader *reader, const struct feed *feed, struct log_record *record)
{
	record->source = reader->source;
	record->number = ++reader->number;
	if (reader->format == LOG_LINES)
		record->age = reader->age;
	/* What vouches for no writer vouches for no time either. */
	else if (record->origin.trusted && record->said_wall_ns)
		record->age = LOG_STAMPED;
	record->arrived_ns = feed->now_ns;
	reader->stats.records++;
	return feed->fn(record, feed->arg);
}

/* cut: bytes of the line are missing already. */
static int line_emit(struct log_reader *reader, const struct feed *feed, const char *line,
		     size_t len, bool cut)
{
	struct text_out out = { .data = reader->clean, .size = sizeof(reader->clean) };
	struct log_record record = { 0 };

	if (!cut && len && line[len - 1] == '\r')
		len--;
	if (!len)
		return 0;
	if (cut || len > EVIDENCE_LINE_MAX) {
		len = text_cut_at(line, len, EVIDENCE_LINE_MAX);
		cut = true;
	}
	record.text = line;
	record.len = len;
	record.ascii = text_is_plain(line, len);
	if (!record.ascii) {
		text_append(&out, line, len);
		if (out.cut) {
			out.len = text_cut_at(out.data, out.len, out.len);
			cut = true;
		}
		reader->stats.replaced += out.replaced;
		record.text = out.data;
		record.len = out.len;
	}
	reader->stats.cut += cut;
	return log_reader_emit(reader, feed, &record);
}

static void rest_add(struct log_reader *reader, const char *bytes, size_t len)
{
	size_t room = sizeof(reader->rest) - reader->rest_len;

	if (len > room) {
		len = room;
		reader->rest_cut = true;
	}
	memcpy(reader->rest + reader->rest_len, bytes, len);
	reader->rest_len += len;
}

static int lines_feed(struct log_reader *reader, const char *bytes, size_t len,
		      const struct feed *feed)
{
	const char *end = bytes + len;
	const char *newline;
	size_t rest_len;
	bool rest_cut;
	int r;

	while (bytes < end) {
		newline = memchr(bytes, '\n', (size_t)(end - bytes));
		if (!newline) {
			rest_add(reader, bytes, (size_t)(end - bytes));
			return 0;
		}
		if (reader->rest_len) {
			rest_add(reader, bytes, (size_t)(newline - bytes));
			rest_len = reader->rest_len;
			rest_cut = reader->rest_cut;
			reader->rest_len = 0;
			reader->rest_cut = false;
			r = line_emit(reader, feed, reader->rest, rest_len, rest_cut);
		} else {
			r = line_emit(reader, feed, bytes, (size_t)(newline - bytes), false);
		}
		if (r)
			return r;
		bytes = newline + 1;
	}
	return 0;
}

int log_reader_feed(struct log_reader *reader, const void *bytes, size_t len, uint64_t now_ns,
		    log_record_fn fn, void *arg)
{
	const struct feed feed = { .now_ns = now_ns, .fn = fn, .arg = arg };

	reader->stats.bytes += len;
	switch (reader->format) {
	case LOG_LINES:
		return lines_feed(reader, bytes, len, &feed);
	case LOG_JOURNAL_EXPORT:
		return journal_feed(reader, bytes, len, &feed);
	case LOG_DATAGRAMS:
		break;
	}
	return -EINVAL;
}

int log_reader_finish(struct log_reader *reader, uint64_t now_ns, log_record_fn fn, void *arg)
{
	const struct feed feed = { .now_ns = now_ns, .fn = fn, .arg = arg };
	size_t len = reader->rest_len;
	bool cut = reader->rest_cut;

	if (reader->format != LOG_LINES || !len)
		return 0;
	reader->rest_len = 0;
	reader->rest_cut = false;
	return line_emit(reader, &feed, reader->rest, len, cut);
}

void log_reader_restart(struct log_reader *reader)
{
	bool dropped = reader->rest_len > 0;

	if (reader->journal)
		dropped = journal_restart(reader->journal);
	reader->stats.cut += dropped;
	reader->rest_len = 0;
	reader->rest_cut = false;
}

void log_reader_age(struct log_reader *reader, enum log_age age)
{
	reader->age = age;
}

void log_reader_stats(const struct log_reader *reader, struct log_reader_stats *ret)
{
	*ret = reader->stats;
}
