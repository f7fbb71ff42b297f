/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines out of bytes: however a file is cut into reads, the same records come out, within bounds.
 */
#include "filters.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/utf8.h"

#define SEEN_MAX 64

struct seen {
	unsigned int count;
	uint64_t last;
	struct buf text; /* records, each followed by a newline */
};

static int on_record(const struct log_record *record, void *arg)
{
	struct seen *seen = arg;

	assert_int_equal(record->source, 7);
	assert_int_equal(record->arrived_ns, 99);
	assert_true(record->number > seen->last);
	assert_true(record->len > 0 && record->len <= EVIDENCE_LINE_MAX);
	assert_true(utf8_valid(record->text, record->len));
	assert_null(memchr(record->text, '\0', record->len));
	assert_null(memchr(record->text, '\n', record->len));
	assert_false(record->origin.trusted);
	seen->last = record->number;
	seen->count++;
	buf_add(&seen->text, record->text, record->len);
	buf_putc(&seen->text, '\n');
	return 0;
}

static struct log_reader *reader_new(void)
{
	struct log_reader *reader;

	assert_int_equal(log_reader_new(&reader, 7, LOG_LINES), 0);
	return reader;
}

static void feed(struct log_reader *reader, const void *bytes, size_t len, struct seen *seen)
{
	assert_int_equal(log_reader_feed(reader, bytes, len, 99, on_record, seen), 0);
}

#define FFFD "\xef\xbf\xbd"

static void test_lines(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *records;
	} rows[] = {
		{ "a\nb\n", 4, "a\nb\n" },
		{ "a\n\n\r\nb\n", 7, "a\nb\n" },
		{ "a\r\nb\r\r\n", 7, "a\nb\r\n" },
		{ "\ra\n", 3, "\ra\n" },
		{ "a\0b\n", 4, "a" FFFD "b\n" },
		{ "\xff\xfe\n", 3, FFFD FFFD "\n" },
		{ "caf\xc3\xa9\n", 6, "caf\xc3\xa9\n" },
		{ "\xc3\n", 2, FFFD "\n" },
		{ "\xc0\xaf\n", 3, FFFD FFFD "\n" }, /* overlong '/' */
		{ "\xed\xa0\x80\n", 4, FFFD FFFD FFFD "\n" }, /* surrogate */
		{ "\xf4\x90\x80\x80\n", 5, FFFD FFFD FFFD FFFD "\n" }, /* past U+10FFFF */
		{ "rest", 4, "" },
		{ "", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		/* In one piece, byte by byte, and in two pieces at every place. */
		for (size_t cut = 0; cut <= rows[i].len + 1; cut++) {
			struct seen seen = { .text = BUF_INIT(4096) };
			struct log_reader *reader = reader_new();

			if (cut <= rows[i].len) {
				feed(reader, rows[i].bytes, cut, &seen);
				feed(reader, rows[i].bytes + cut, rows[i].len - cut, &seen);
			} else {
				for (size_t at = 0; at < rows[i].len; at++)
					feed(reader, rows[i].bytes + at, 1, &seen);
			}
			assert_row(!strcmp(seen.text.data ? seen.text.data : "", rows[i].records),
				   rows[i].records);
			buf_done(&seen.text);
			log_reader_free(reader);
		}
	}
}

static void test_long_line(void **state)
{
	const size_t size = 1024 * 1024;
	struct seen seen = { .text = BUF_INIT((size_t)EVIDENCE_LINE_MAX * 4) };
	struct log_reader *reader = reader_new();
	struct log_reader_stats stats;
	char *line = malloc(size);

	(void)state;
	assert_non_null(line);
	memset(line, 'x', size);
	line[EVIDENCE_LINE_MAX - 5] = ' ';
	line[size - 1] = '\n';
	/* In pieces, as it comes from a file; then at once. */
	for (size_t at = 0; at < size; at += 4096)
		feed(reader, line + at, 4096, &seen);
	assert_int_equal(seen.count, 1);
	/* The word at the end is not left half. */
	assert_int_equal(seen.text.len, EVIDENCE_LINE_MAX - 5 + 1);
	feed(reader, line, size, &seen);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.text.len, 2 * (EVIDENCE_LINE_MAX - 5 + 1));
	feed(reader, "next\n", 5, &seen);
	assert_int_equal(seen.count, 3);
	log_reader_stats(reader, &stats);
	assert_int_equal(stats.cut, 2);
	assert_int_equal(stats.records, 3);
	assert_int_equal(stats.bytes, 2 * size + 5);

	/* Nothing but NULs, and one word without a blank: cut between characters. */
	memset(line, 0, size - 1);
	feed(reader, line, size, &seen);
	log_reader_stats(reader, &stats);
	assert_int_equal(stats.cut, 3);
	assert_int_equal(stats.replaced, 1);
	memset(line, 'x', size - 1);
	memcpy(line + EVIDENCE_LINE_MAX - 1, "\xc3\xa9", 2);
	buf_clear(&seen.text);
	feed(reader, line, size, &seen);
	assert_int_equal(seen.text.len, EVIDENCE_LINE_MAX - 1 + 1);

	/* Exactly the bound is not cut, with \r behind it neither. */
	memset(line, 'x', size);
	memcpy(line + EVIDENCE_LINE_MAX, "\r\n", 2);
	log_reader_stats(reader, &stats);
	assert_int_equal(stats.cut, 4);
	feed(reader, line, 100, &seen);
	feed(reader, line + 100, EVIDENCE_LINE_MAX - 100 + 2, &seen);
	log_reader_stats(reader, &stats);
	assert_int_equal(stats.cut, 4);
	free(line);
	buf_done(&seen.text);
	log_reader_free(reader);
}

static int on_record_stop(const struct log_record *record, void *arg)
{
	(void)record;
	(void)arg;
	return -ECANCELED;
}

static void test_stop_and_restart(void **state)
{
	struct seen seen = { .text = BUF_INIT(4096) };
	struct log_reader *reader = reader_new();
	struct log_reader_stats stats;

	(void)state;
	assert_int_equal(log_reader_feed(reader, "a\nb\n", 4, 0, on_record_stop, NULL), -ECANCELED);
	feed(reader, "half of a li", 12, &seen);
	log_reader_restart(reader);
	feed(reader, "new\n", 4, &seen);
	assert_string_equal(seen.text.data, "new\n");
	log_reader_restart(reader);
	log_reader_stats(reader, &stats);
	assert_int_equal(stats.cut, 1);
	buf_done(&seen.text);
	log_reader_free(reader);
}

static int temporary(void)
{
	char path[] = "/tmp/bailiff-reader-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	return fd;
}

static void append(int fd, const char *text)
{
	assert_true(lseek(fd, 0, SEEK_END) >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void test_follow(void **state)
{
	struct seen seen = { .text = BUF_INIT(4096) };
	struct log_reader *reader = reader_new();
	struct log_follower follower = { .fd = temporary() };

	(void)state;
	append(follower.fd, "one\ntw");
	assert_int_equal(log_follow(&follower, reader, 1 << 20, 99, on_record, &seen), 6);
	assert_int_equal(log_follow(&follower, reader, 1 << 20, 99, on_record, &seen), 0);
	append(follower.fd, "o\nthree\n");
	/* At most so many bytes a call. */
	assert_int_equal(log_follow(&follower, reader, 3, 99, on_record, &seen), 3);
	assert_int_equal(log_follow(&follower, reader, 1 << 20, 99, on_record, &seen), 5);
	assert_string_equal(seen.text.data, "one\ntwo\nthree\n");

	/* Copied away and truncated in the middle of a line: the new begin is no end of the old. */
	append(follower.fd, "fo");
	assert_int_equal(log_follow(&follower, reader, 1 << 20, 99, on_record, &seen), 2);
	assert_int_equal(ftruncate(follower.fd, 0), 0);
	append(follower.fd, "ur\n");
	buf_clear(&seen.text);
	assert_int_equal(log_follow(&follower, reader, 1 << 20, 99, on_record, &seen), 3);
	assert_string_equal(seen.text.data, "ur\n");
	assert_int_equal(follower.truncations, 1);
	assert_int_equal(follower.offset, 3);

	assert_int_equal(close(follower.fd), 0);
	assert_int_equal(log_follow(&follower, reader, 1 << 20, 99, on_record, &seen), -EBADF);
	buf_done(&seen.text);
	log_reader_free(reader);
}

/* Copied away and emptied between two looks, and by the second one longer than it was. */
static void test_grown_again(void **state)
{
	struct seen seen = { .text = BUF_INIT(4096) };
	struct log_reader *reader = reader_new();
	struct log_follower follower = { .fd = temporary() };
	char line[64];

	(void)state;
	append(follower.fd, "one\nhalf a");
	assert_int_equal(log_follow(&follower, reader, 1 << 20, 99, on_record, &seen), 10);
	assert_int_equal(ftruncate(follower.fd, 0), 0);
	append(follower.fd, "two\nthree\nfour\n");
	assert_int_equal(log_follow(&follower, reader, 1 << 20, 99, on_record, &seen), 15);
	assert_string_equal(seen.text.data, "one\ntwo\nthree\nfour\n");
	assert_int_equal(follower.truncations, 1);
	assert_int_equal(follower.old_until, 15);
	assert_int_equal(follower.old_age, LOG_NEW_FILE);

	/* To the very same length: seen when it grows. */
	assert_int_equal(ftruncate(follower.fd, 0), 0);
	append(follower.fd, "TWO\nTHREE\nFOUR\n");
	assert_int_equal(log_follow(&follower, reader, 1 << 20, 99, on_record, &seen), 0);
	append(follower.fd, "five\n");
	buf_clear(&seen.text);
	assert_int_equal(log_follow(&follower, reader, 1 << 20, 99, on_record, &seen), 20);
	assert_string_equal(seen.text.data, "TWO\nTHREE\nFOUR\nfive\n");
	assert_int_equal(follower.truncations, 2);

	/* Pieces of any size leave the same memory. */
	buf_clear(&seen.text);
	for (int i = 0; i < 50; i++) {
		(void)snprintf(line, sizeof(line), "%0*d\n", i % 40 + 1, i);
		append(follower.fd, line);
		assert_int_equal(log_follow(&follower, reader, 1 << 20, 99, on_record, &seen),
				 strlen(line));
	}
	while (log_follow(&follower, reader, 7, 99, on_record, &seen) > 0)
		;
	assert_int_equal(follower.truncations, 2);
	assert_int_equal(follower.tail_len, LOG_TAIL_MAX);

	/* By a writer that goes on at its own place: what it writes is read, the hole before is
	 * not. */
	assert_int_equal(ftruncate(follower.fd, 0), 0);
	assert_int_equal(pwrite(follower.fd, "six\n", 4, (off_t)follower.offset), 4);
	buf_clear(&seen.text);
	assert_int_equal(log_follow(&follower, reader, 1 << 20, 99, on_record, &seen), 4);
	assert_string_equal(seen.text.data, "six\n");
	assert_int_equal(follower.truncations, 3);
	append(follower.fd, "seven\n");
	assert_int_equal(log_follow(&follower, reader, 1 << 20, 99, on_record, &seen), 6);
	assert_int_equal(follower.truncations, 3);

	assert_int_equal(close(follower.fd), 0);
	buf_done(&seen.text);
	log_reader_free(reader);
}

struct matching {
	struct filter_set *set;
	uint16_t filter;
	struct claim claim;
};

static int on_line_match(const struct log_record *record, void *arg)
{
	struct matching *m = arg;

	assert_int_equal(filter_match(m->set, m->filter, record, &m->claim), FILTER_FAILURE);
	return 0;
}

/* After a rotation: same source, same buffer, same length, the first record of each reader. */
static void test_new_file_is_read_anew(void **state)
{
	static const struct file files[] = {
		{ "door.conf", "[Definition]\nfailregex = ^knock from <ADDR>$\n" },
	};
	static const char *const lines[] = { "knock from 192.0.2.1\n", "knock from 192.0.2.2\n" };
	struct matching m = { .set = set_of(files, ARRAY_SIZE(files)) };
	struct log_reader *readers[ARRAY_SIZE(lines)];

	(void)state;
	m.filter = load(m.set, "door");
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct log_follower follower = { .fd = temporary() };
		const int len = (int)strlen(lines[i]);

		readers[i] = reader_new();
		append(follower.fd, lines[i]);
		assert_int_equal(log_follow(&follower, readers[i], 4096, 99, on_line_match, &m),
				 len);
		assert_true(addr_is(&m.claim.addr, i ? "192.0.2.2" : "192.0.2.1"));
		assert_int_equal(close(follower.fd), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		log_reader_free(readers[i]);
	filter_set_free(m.set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_stop_and_restart),
		cmocka_unit_test(test_follow),
		cmocka_unit_test(test_grown_again),
		cmocka_unit_test(test_new_file_is_read_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
