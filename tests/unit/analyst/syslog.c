/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Syslog datagrams and audit records: what of them is a fact, and what is only somebody's text.
 */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/evidence/audit.h"
#include "analyst/evidence/syslog.h"
#include "analyst/live/source_watch.h"

#define NOW_WALL_NS 1795568523000000000ULL /* 2026-11-25 01:02:03 UTC */

static void part_is(struct syslog_part part, const char *text)
{
	assert_int_equal(part.len, strlen(text));
	assert_memory_equal(part.text, text, part.len);
}

static void forms_of_a_datagram(void **state)
{
	static const struct {
		const char *bytes;
		int r;
		const char *host, *program, *message;
		uint32_t pid;
	} cases[] = {
		{ "<86>Nov 25 01:02:03 sshd[42]: hello", 0, "", "sshd", "hello", 42 },
		{ "<86>Nov 25 01:02:03 box sshd[42]: hello\n", 0, "box", "sshd", "hello", 42 },
		{ "<86>2026-11-25T01:02:03+00:00 box su: x", 0, "box", "su", "x", 0 },
		{ "<13>sshd-session[7]: x", 0, "", "sshd-session", "x", 7 },
		{ "<13>no tag here", 0, "", "", "no tag here", 0 },
		{ "<13>a[99999999999]: x", 0, "", "", "a[99999999999]: x", 0 },
		{ "<13>a[1b]: x", 0, "", "", "a[1b]: x", 0 },
		{ "<13>[1]: x", 0, "", "", "[1]: x", 0 },
		{ "<34>1 2026-11-25T01:02:03Z box su 77 ID47 - \xef\xbb\xbfhello", 0, "box", "su",
		  "hello", 77 },
		{ "<34>1 - - app - - [a b=\"c\\\"] d\"][e] hi there", 0, "", "app", "hi there", 0 },
		{ "<34>1 - - app - - [a b=\"c", -EBADMSG, "", "", "<34>1 - - app - - [a b=\"c", 0 },
		{ "<34>1 - -", -EBADMSG, "", "", "<34>1 - -", 0 },
		{ "<192>x", -EBADMSG, "", "", "<192>x", 0 },
		{ "<>x", -EBADMSG, "", "", "<>x", 0 },
		{ "plain", -EBADMSG, "", "", "plain", 0 },
		{ "", -EBADMSG, "", "", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct syslog_line line;

		assert_int_equal(
			syslog_parse(cases[i].bytes, strlen(cases[i].bytes), NOW_WALL_NS, &line),
			cases[i].r);
		part_is(line.host, cases[i].host);
		part_is(line.program, cases[i].program);
		part_is(line.message, cases[i].message);
		assert_int_equal(line.pid, cases[i].pid);
	}
}

static struct log_origin origin_of(const char *bytes, uint32_t pid, uint32_t uid, const char *exe,
				   uint32_t relay)
{
	struct log_origin origin;
	struct syslog_line line;

	assert_int_equal(syslog_parse(bytes, strlen(bytes), NOW_WALL_NS, &line), 0);
	syslog_origin(&line, pid, uid, exe, relay, &origin);
	return origin;
}

static void whose_words(void **state)
{
	struct log_origin o;

	(void)state;
	/* The service itself. */
	o = origin_of("<86>sshd[42]: x", 42, 0, "/usr/sbin/sshd", 0);
	assert_true(o.trusted && o.pid == 42 && o.has_uid && !o.uid);
	assert_string_equal(o.exe, "/usr/sbin/sshd");
	o = origin_of("<86>postfix/smtpd[42]: x", 42, 105, "/usr/lib/postfix/sbin/smtpd", 0);
	assert_true(o.trusted && o.exe[0]);
	/* root's rsyslog and logger, and what nobody saw start: text. */
	assert_false(origin_of("<86>sshd[42]: x", 9, 0, "/usr/sbin/rsyslogd", 0).trusted);
	assert_false(origin_of("<86>sshd[42]: x", 42, 0, "/usr/bin/logger", 0).trusted);
	assert_false(origin_of("<86>sshd[42]: x", 42, 0, "", 0).trusted);
	/* The right program, another pid: a line about another. */
	assert_false(origin_of("<86>sshd[41]: x", 42, 0, "/usr/sbin/sshd", 0).trusted);
	/* The relay's account may; anybody else speaks for himself, and is no known program. */
	assert_false(origin_of("<86>sshd[42]: x", 9, 104, "/usr/sbin/rsyslogd", 104).trusted);
	o = origin_of("<86>sshd[42]: x", 9, 1000, "/usr/bin/logger", 104);
	assert_true(o.trusted && o.pid == 9 && o.uid == 1000);
	assert_string_equal(o.exe, "");
	/* Without credentials. */
	assert_false(origin_of("<86>sshd[42]: x", 0, UINT32_MAX, "", 0).trusted);
}

/* ---- audit ---- */

#define HEAD "audit(1795568523.123:456): pid=812 uid=0 auid=4294967295 ses=4294967295"
#define FAILED                                                                            \
	HEAD " subj=unconfined msg='op=PAM:authentication grantors=? acct=\"root\" "      \
	     "exe=\"/usr/sbin/sshd\" hostname=203.0.113.9 addr=203.0.113.9 terminal=ssh " \
	     "res=failed'"

static void records_of_audit(void **state)
{
	struct audit_record a;
	char addr[ADDR_TEXT_MAX];

	(void)state;
	assert_int_equal(audit_parse(1100, FAILED, strlen(FAILED), &a), 0);
	assert_int_equal(a.pid, 812);
	assert_int_equal(a.uid, 0);
	assert_int_equal(a.auid, UINT32_MAX);
	assert_int_equal(a.said_wall_ns, 1795568523123000000ULL);
	assert_int_equal(a.result, AUDIT_FAILED);
	assert_string_equal(a.user, "root");
	assert_string_equal(a.exe, "/usr/sbin/sshd");
	addr_format(&a.addr, addr);
	assert_string_equal(addr, "203.0.113.9");
	assert_int_equal(audit_parse(1300, FAILED, strlen(FAILED), &a), -ENOMSG);
}

/* A name in hexadecimal, one that looks like more members, an address that a name stands for. */
static void hostile_audit(void **state)
{
	static const char *const no_addr[] = {
		HEAD " msg='op=x acct=\"a\" exe=\"/x\" hostname=evil.example addr=198.51.100.77 "
		     "terminal=ssh res=failed'",
		HEAD " msg='op=x acct=\"a\" exe=\"/x\" hostname=203.0.113.9 addr=198.51.100.77 "
		     "terminal=ssh res=failed'",
		HEAD " msg='op=x acct=\"a\" exe=\"/x\" hostname=? addr=? terminal=ssh res=failed'",
		HEAD
		" msg='op=x acct=\"a\" exe=\"/x\" hostname=? addr=1.2.3 terminal=ssh res=failed'",
	};
	static const char *const bad[] = {
		"",
		"audit(",
		"audit(1.2:3): uid=0 pid=1 auid=0 ses=0 msg='res=failed'",
		HEAD,
		HEAD " msg='op=x",
		HEAD " msg='op=x res=failed",
		HEAD " msg='op=x res=maybe'",
		HEAD " msg='op=x res=failed more'",
		"audit(1.2:3): pid=99999999999 uid=0 auid=0 ses=0 msg='op=x res=failed'",
	};
	static const char forged[] =
		"audit(1.1:1): pid=5 uid=1000 auid=1000 ses=2 msg='op=x acct=\"a\" pid=1 uid=0 "
		"exe=\"/x\" hostname=? addr=203.0.113.9 msg='audit(2.2:2): pid=1 uid=0 res=failed'";
	static const char hex[] =
		HEAD " msg='op=x acct=6120616464723D312E322E332E34 exe=\"/x\" hostname=? "
		     "addr=203.0.113.9 terminal=? res=failed'";
	struct audit_record a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(no_addr); i++) {
		assert_int_equal(audit_parse(1100, no_addr[i], strlen(no_addr[i]), &a), 0);
		assert_int_equal(a.addr.family, 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(audit_parse(1100, bad[i], strlen(bad[i]), &a), -EBADMSG);
	/* The kernel's members come first, whatever the text has. */
	assert_int_equal(audit_parse(1100, forged, strlen(forged), &a), 0);
	assert_int_equal(a.pid, 5);
	assert_int_equal(a.uid, 1000);
	assert_int_equal(audit_parse(1100, hex, strlen(hex), &a), 0);
	assert_string_equal(a.user, "a addr=1.2.3.4");
	assert_int_equal(a.addr.bytes[0], 203);
}

static int keep_claim(const struct log_record *record, void *arg)
{
	struct claim *claim = arg;

	(void)audit_claim(record, claim);
	return 0;
}

static void claims_of_audit(void **state)
{
	struct log_reader *reader;
	struct log_reader_stats stats;
	struct claim claim = { .pid = 0 };

	(void)state;
	assert_int_equal(log_reader_new(&reader, 3, LOG_DATAGRAMS), 0);
	assert_int_equal(
		log_reader_audit(reader, 1100, FAILED, strlen(FAILED), 7, keep_claim, &claim), 0);
	assert_int_equal(claim.result, CLAIM_FAILURE);
	assert_int_equal(claim.pid, 812);
	assert_true(claim.pid_trusted && claim.origin.trusted);
	assert_string_equal(claim.origin.exe, "");
	assert_string_equal(claim.user, "root");
	assert_int_equal(claim.source, 3);
	/* A broken one is counted, another type is not looked at. */
	assert_int_equal(log_reader_audit(reader, 1100, "x", 1, 7, keep_claim, &claim), 0);
	assert_int_equal(log_reader_audit(reader, 1300, "x", 1, 7, keep_claim, &claim), 0);
	log_reader_stats(reader, &stats);
	assert_int_equal(stats.records, 1);
	assert_int_equal(stats.malformed, 1);
	log_reader_free(reader);
}

/* ---- silence and floods ---- */

static void silence_needs_a_habit(void **state)
{
	struct source_watch w = { .pauses = 0 };
	uint64_t now = 1000 * NSEC_PER_SEC, last;

	(void)state;
	/* Quiet from the beginning, or hardly ever speaking: never silent. */
	source_watch_look(&w, false, 0, now);
	assert_false(w.silent);
	source_watch_look(&w, true, 0, now);
	source_watch_look(&w, false, 0, now + 30 * 24 * 3600 * NSEC_PER_SEC);
	assert_false(w.silent);
	/* Each five minutes for two hours: silent after more than four times that. */
	w = (struct source_watch){ .pauses = 0 };
	for (int i = 0; i < 25; i++) {
		source_watch_look(&w, true, 0, now);
		last = now;
		now += 300 * NSEC_PER_SEC;
	}
	assert_int_equal(source_watch_usual(&w), 300 * NSEC_PER_SEC);
	source_watch_look(&w, false, 0, last + 1200 * NSEC_PER_SEC);
	assert_false(w.silent);
	source_watch_look(&w, false, 0, last + 1201 * NSEC_PER_SEC);
	assert_true(w.silent);
	source_watch_look(&w, true, 0, last + 1300 * NSEC_PER_SEC);
	assert_false(w.silent);
	/* That pause is a habit now. */
	assert_int_equal(source_watch_usual(&w), 1300 * NSEC_PER_SEC);
}

static void behind_is_more_than_a_burst(void **state)
{
	struct source_watch w = { .pauses = 0 };
	uint64_t now = 1000 * NSEC_PER_SEC;

	(void)state;
	for (int i = 0; i < 5; i++)
		source_watch_look(&w, true, WATCH_BEHIND_BYTES + 1, now += NSEC_PER_SEC);
	assert_false(w.behind);
	source_watch_look(&w, true, WATCH_BEHIND_BYTES + 1, now += NSEC_PER_SEC);
	assert_true(w.behind);
	source_watch_look(&w, true, WATCH_BEHIND_BYTES, now += NSEC_PER_SEC);
	assert_false(w.behind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_of_a_datagram),
		cmocka_unit_test(whose_words),
		cmocka_unit_test(records_of_audit),
		cmocka_unit_test(hostile_audit),
		cmocka_unit_test(claims_of_audit),
		cmocka_unit_test(silence_needs_a_habit),
		cmocka_unit_test(behind_is_more_than_a_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
