/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal's export form: what is taken for a fact, and that no message can pass for one.
 */
#include "unit.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/evidence/evidence.h"
#include "base/buf.h"

#define RECORDS_MAX 16

struct seen {
	unsigned int count;
	struct log_record record[RECORDS_MAX];
	char text[RECORDS_MAX][512];
};

static int on_record(const struct log_record *record, void *arg)
{
	struct seen *seen = arg;

	assert_true(seen->count < RECORDS_MAX);
	seen->record[seen->count] = *record;
	text_copy_len(seen->text[seen->count], sizeof(seen->text[0]), record->text, record->len);
	seen->count++;
	return 0;
}

static void add_binary(struct buf *out, const char *name, const char *value, size_t len)
{
	uint64_t size = htole64(len);

	buf_puts(out, name);
	buf_putc(out, '\n');
	buf_add(out, &size, sizeof(size));
	buf_add(out, value, len);
	buf_putc(out, '\n');
}

/* A true line of sshd, its message in between. */
#define HEAD                                                                            \
	"__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1764000000000002\n_TRANSPORT=syslog\n"  \
	"_HOSTNAME=web01\n_UID=0\n_PID=4001\nSYSLOG_IDENTIFIER=sshd\nSYSLOG_PID=4001\n" \
	"_EXE=/usr/sbin/sshd\n_SYSTEMD_UNIT=ssh.service\n_COMM=sshd\n"                  \
	"_SOURCE_REALTIME_TIMESTAMP=1764000000000001\n"

static void run(const struct buf *bytes, size_t piece, struct seen *seen,
		struct log_reader_stats *ret)
{
	struct log_reader *reader;

	memset(seen, 0, sizeof(*seen));
	assert_int_equal(log_reader_new(&reader, 1, LOG_JOURNAL_EXPORT), 0);
	for (size_t at = 0; at < bytes->len; at += piece) {
		size_t len = bytes->len - at < piece ? bytes->len - at : piece;

		assert_int_equal(log_reader_feed(reader, bytes->data + at, len, 5, on_record, seen),
				 0);
	}
	log_reader_stats(reader, ret);
	log_reader_free(reader);
}

static void test_entry(void **state)
{
	struct buf bytes = BUF_INIT(8192);
	struct log_reader_stats stats;
	struct seen seen;

	(void)state;
	buf_puts(&bytes, HEAD);
	/* The form that tears readers apart: a value with a newline, and one with a blank line. */
	add_binary(&bytes, "_SELINUX_CONTEXT", "unconfined\n", 11);
	add_binary(&bytes, "OTHER", "\n\n__CURSOR=x\n_UID=77\nMESSAGE=lie\n\n", 34);
	buf_puts(&bytes, "MESSAGE=Failed password for root from 203.0.113.9 port 1 ssh2\n\n");
	for (size_t piece = 1; piece <= bytes.len; piece = piece < 8 ? piece + 1 : piece * 2) {
		run(&bytes, piece, &seen, &stats);
		assert_int_equal(seen.count, 1);
		assert_string_equal(seen.text[0], "web01 sshd[4001]: Failed password for root from "
						  "203.0.113.9 port 1 ssh2");
		assert_true(seen.record[0].origin.trusted);
		assert_int_equal(seen.record[0].origin.pid, 4001);
		assert_true(seen.record[0].origin.has_uid);
		assert_int_equal(seen.record[0].origin.uid, 0);
		assert_string_equal(seen.record[0].origin.exe, "/usr/sbin/sshd");
		assert_string_equal(seen.record[0].origin.unit, "ssh.service");
		assert_int_equal(seen.record[0].said_wall_ns, 1764000000000001000ULL);
		assert_int_equal(seen.record[0].arrived_ns, 5);
		assert_int_equal(stats.malformed, 0);
	}
	buf_done(&bytes);
}

static void one(const char *text, struct seen *seen)
{
	struct buf bytes = BUF_INIT(8192);
	struct log_reader_stats stats;

	buf_puts(&bytes, text);
	run(&bytes, bytes.len, seen, &stats);
	assert_int_equal(stats.malformed, 0);
	assert_int_equal(seen->count, 1);
	buf_done(&bytes);
}

static void test_forms(void **state)
{
	struct seen seen;

	(void)state;
	/* Who calls himself sshd[1] is known by what journald put there. */
	one("__CURSOR=1\n_TRANSPORT=syslog\n_HOSTNAME=h\n_UID=1000\n_PID=77\nSYSLOG_IDENTIFIER="
	    "sshd\n"
	    "SYSLOG_PID=1\nMESSAGE=Failed\n\n",
	    &seen);
	assert_string_equal(seen.text[0], "h sshd[1]: Failed");
	assert_true(seen.record[0].origin.trusted);
	assert_int_equal(seen.record[0].origin.pid, 77);
	assert_int_equal(seen.record[0].origin.uid, 1000);
	assert_string_equal(seen.record[0].origin.exe, "");

	/* No name but the program's; no pid but the writer's. */
	one("__CURSOR=1\n_TRANSPORT=stdout\n_HOSTNAME=h\n_UID=0\n_PID=77\n_COMM=app\nMESSAGE="
	    "m\r\n\n",
	    &seen);
	assert_string_equal(seen.text[0], "h app[77]: m");

	/* The kernel's lines may be anybody's through /dev/kmsg. */
	one("__CURSOR=1\n_TRANSPORT=kernel\n_HOSTNAME=h\nSYSLOG_IDENTIFIER=kernel\n"
	    "_SOURCE_MONOTONIC_TIMESTAMP=12345678\nMESSAGE=sshd[1]: Failed\n\n",
	    &seen);
	assert_string_equal(seen.text[0], "h kernel: [   12.345678] sshd[1]: Failed");
	assert_false(seen.record[0].origin.trusted);

	/* Without both, nothing is vouched for. */
	one("__CURSOR=1\n_TRANSPORT=syslog\n_PID=77\n_EXE=/usr/sbin/sshd\nMESSAGE=m\n\n", &seen);
	assert_false(seen.record[0].origin.trusted);
	assert_string_equal(seen.record[0].origin.exe, "");
	one("__CURSOR=1\n_TRANSPORT=syslog\n_PID=77x\n_UID=0\nMESSAGE=m\n\n", &seen);
	assert_false(seen.record[0].origin.trusted);
	one("__CURSOR=1\n_TRANSPORT=syslog\n_PID=77\n_UID=4294967296\nMESSAGE=m\n\n", &seen);
	assert_false(seen.record[0].origin.trusted);

	/* Given twice, the first counts. */
	one("__CURSOR=1\n_TRANSPORT=syslog\n_PID=77\n_UID=1000\n_UID=0\nMESSAGE=a\nMESSAGE=b\n\n",
	    &seen);
	assert_int_equal(seen.record[0].origin.uid, 1000);
	assert_string_equal(seen.text[0], "a");
}

static void test_values(void **state)
{
	struct buf bytes = BUF_INIT(64 * 1024);
	struct log_reader_stats stats;
	char message[20000], path[200];
	struct seen seen;

	(void)state;
	buf_puts(&bytes, HEAD);
	add_binary(&bytes, "MESSAGE", "a\nb\0c\xff", 6);
	buf_puts(&bytes, "\n");
	run(&bytes, 3, &seen, &stats);
	assert_string_equal(seen.text[0], "web01 sshd[4001]: a\\nb\xef\xbf\xbd"
					  "c\xef\xbf\xbd");
	assert_int_equal(stats.replaced, 1);

	/* Longer than a record may be. */
	memset(message, 'x', sizeof(message));
	buf_clear(&bytes);
	buf_puts(&bytes, HEAD);
	add_binary(&bytes, "MESSAGE", message, sizeof(message));
	buf_puts(&bytes, "\n");
	run(&bytes, 1000, &seen, &stats);
	assert_int_equal(seen.count, 1);
	assert_true(seen.record[0].len <= EVIDENCE_LINE_MAX);
	assert_int_equal(stats.cut, 1);

	/* A path that is cut could be another's: it is unknown. */
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	buf_clear(&bytes);
	buf_puts(&bytes, "__CURSOR=1\n_TRANSPORT=syslog\n_PID=77\n_UID=0\nMESSAGE=m\n_EXE=/");
	buf_puts(&bytes, path);
	buf_puts(&bytes, "\n\n");
	run(&bytes, 7, &seen, &stats);
	assert_string_equal(seen.record[0].origin.exe, "");
	assert_true(seen.record[0].origin.trusted);

	/* No message, no record. */
	buf_clear(&bytes);
	buf_puts(&bytes, "__CURSOR=1\n_PID=77\n\n\n\n__CURSOR=2\nMESSAGE=\n\n");
	run(&bytes, 7, &seen, &stats);
	assert_int_equal(seen.count, 0);
	buf_done(&bytes);
}

/* Whatever made the reader lose its place, it finds the next entry, and trusts nothing any more. */
static void test_garbage(void **state)
{
	static const char *const garbage[] = {
		"lower=1\n",
		"=x\n",
		"A-B=x\n",
		"-- Boot 1 --\n",
		"NAME_THAT_IS_LONGER_THAN_THE_SIXTY_FOUR_CHARACTERS_THAT_JOURNALD_ALLOWS=1\n",
		"MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xff",
		"MESSAGE\n\x01\0\0\0\0\0\0\0ab",
	};
	struct buf bytes = BUF_INIT(8192);
	struct log_reader_stats stats;
	struct log_reader *reader;
	struct seen seen;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(garbage); i++) {
		buf_clear(&bytes);
		buf_puts(&bytes, "__CURSOR=0\n");
		if (i == ARRAY_SIZE(garbage) - 1)
			buf_add(&bytes, garbage[i], 18);
		else
			buf_puts(&bytes, garbage[i]);
		buf_puts(&bytes, "\nMESSAGE=lost\n\n" HEAD "MESSAGE=found\n\n");
		for (size_t piece = 1; piece < 40; piece++) {
			run(&bytes, piece, &seen, &stats);
			assert_row(stats.malformed == 1, garbage[i]);
			assert_row(seen.count == 1, garbage[i]);
			assert_string_equal(seen.text[0], "web01 sshd[4001]: found");
			assert_false(seen.record[0].origin.trusted);
		}
	}

	/* A new stream is trusted again. */
	assert_int_equal(log_reader_new(&reader, 1, LOG_JOURNAL_EXPORT), 0);
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(log_reader_feed(reader, "?\n", 2, 5, on_record, &seen), 0);
	log_reader_restart(reader);
	assert_int_equal(log_reader_feed(reader, HEAD "MESSAGE=m\n\n", strlen(HEAD "MESSAGE=m\n\n"),
					 5, on_record, &seen),
			 0);
	assert_int_equal(seen.count, 1);
	assert_true(seen.record[0].origin.trusted);
	log_reader_free(reader);
	buf_done(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entry),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
