/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The JSON form, byte by byte: it is an interface.
 */
#include "samples.h"

#include "base/json.h"
#include "recorder/check.h"
#include "recorder/ecs.h"

static void test_record(void **state)
{
	struct buf out = BUF_INIT(STATUS_JSON_MAX);
	struct ipc_record record = sample_attempt("192.0.2.1");

	(void)state;
	ecs_record(&out, "gate", &record, SAMPLE_WALL_NS);
	assert_string_equal(
		out.data,
		"{\"@timestamp\":\"2026-11-25T01:02:03.000000004Z\",\"ecs\":{\"version\":\"8.11."
		"0\"},"
		"\"event\":{\"kind\":\"event\",\"category\":[\"authentication\"],"
		"\"type\":[\"start\"],\"action\":\"attempt\",\"module\":\"bailiff\","
		"\"outcome\":\"failure\",\"provider\":\"journal\",\"original\":\"sshd[812]: Failed "
		"password for root from 192.0.2.1 port 40022 ssh2\"},"
		"\"message\":\"the kernel saw process 812 serve this connection\","
		"\"host\":{\"name\":\"gate\"},\"source\":{\"ip\":\"192.0.2.1\",\"port\":40022},"
		"\"destination\":{\"port\":22},\"service\":{\"name\":\"sshd\"},"
		"\"user\":{\"name\":\"root\"},\"process\":{\"pid\":812},"
		"\"bailiff\":{\"form\":\"record\",\"subject\":{\"kind\":\"address\","
		"\"value\":\"192.0.2.1\"},\"trust\":\"witnessed\",\"result\":\"failure\","
		"\"count\":1}}");
	buf_done(&out);
}

static void test_decision(void **state)
{
	struct buf out = BUF_INIT(STATUS_JSON_MAX);
	struct ipc_record record = {
		.subject = sample_address("2001:db8::", 64),
		.kind = RECORD_DECISION,
		.trust = TRUST_ATTESTED,
		.action = ACTION_LOCK,
		.count = 5,
		.decision = 7,
		.partial = 1,
		.session = UINT64_MAX,
		.seconds = 600,
		.rule = "ssh-guessing",
		.text = "5 failures in 10m",
	};

	(void)state;
	ecs_record(&out, "", &record, SAMPLE_WALL_NS);
	/* source.ip is one address: a /64 is not there. */
	assert_string_equal(
		out.data, "{\"@timestamp\":\"2026-11-25T01:02:03.000000004Z\",\"ecs\":{\"version\":"
			  "\"8.11.0\"},"
			  "\"event\":{\"kind\":\"event\",\"category\":[\"intrusion_detection\"],"
			  "\"type\":[\"info\"],\"action\":\"decision\",\"module\":\"bailiff\"},"
			  "\"message\":\"5 failures in 10m\",\"rule\":{\"name\":\"ssh-guessing\"},"
			  "\"bailiff\":{\"form\":\"record\",\"subject\":{\"kind\":\"address\","
			  "\"value\":\"2001:db8::/64\"},\"trust\":\"attested\",\"action\":\"lock\","
			  "\"seconds\":600,\"count\":5,\"decision\":7,"
			  "\"session\":\"18446744073709551615\",\"partial\":true}}");
	buf_done(&out);
}

static void test_outcome(void **state)
{
	struct buf out = BUF_INIT(STATUS_JSON_MAX);
	struct ipc_outcome outcome = sample_lockout("192.0.2.1");

	(void)state;
	ecs_outcome(&out, "gate", &outcome, SAMPLE_WALL_NS, SAMPLE_WALL_NS + 600 * NSEC_PER_SEC);
	assert_string_equal(
		out.data,
		"{\"@timestamp\":\"2026-11-25T01:02:03.000000004Z\",\"ecs\":{\"version\":\"8.11."
		"0\"},"
		"\"event\":{\"kind\":\"event\",\"category\":[\"intrusion_detection\"],"
		"\"type\":[\"denied\"],\"action\":\"lock\",\"module\":\"bailiff\","
		"\"outcome\":\"success\"},\"message\":\"5 failures in 10m\","
		"\"host\":{\"name\":\"gate\"},\"source\":{\"ip\":\"192.0.2.1\"},"
		"\"rule\":{\"name\":\"ssh-guessing\"},\"bailiff\":{\"form\":\"outcome\","
		"\"subject\":{\"kind\":\"address\",\"value\":\"192.0.2.1\"},\"action\":\"lock\","
		"\"result\":\"applied\",\"until\":\"2026-11-25T01:12:03.000000004Z\","
		"\"decision\":4}}");
	buf_done(&out);
}

static void test_process_ended(void **state)
{
	struct buf out = BUF_INIT(STATUS_JSON_MAX);
	struct ipc_outcome outcome = {
		.subject = { .kind = SUBJECT_SESSION, .id = 7 },
		.action = ACTION_TERMINATE,
		.result = OUTCOME_PROCESS_ENDED,
		.pid = 4711,
		.who = "alice (uid 1000)",
		.text = "/usr/bin/tmux",
	};

	(void)state;
	ecs_outcome(&out, "", &outcome, SAMPLE_WALL_NS, 0);
	assert_string_equal(
		out.data,
		"{\"@timestamp\":\"2026-11-25T01:02:03.000000004Z\",\"ecs\":{\"version\":\"8.11."
		"0\"},"
		"\"event\":{\"kind\":\"event\",\"category\":[\"process\"],\"type\":[\"end\"],"
		"\"action\":\"terminate\",\"module\":\"bailiff\",\"outcome\":\"success\"},"
		"\"process\":{\"pid\":4711,\"executable\":\"/usr/bin/tmux\"},"
		"\"bailiff\":{\"form\":\"outcome\",\"subject\":{\"kind\":\"session\","
		"\"value\":\"7\"},\"action\":\"terminate\",\"result\":\"process_ended\","
		"\"who\":\"alice (uid 1000)\"}}");
	buf_done(&out);
}

static void test_status(void **state)
{
	struct buf out = BUF_INIT(STATUS_JSON_MAX);
	struct ipc_status status = { .mode = MODE_ENFORCE,
				     .restarts_analyst = 1,
				     .lockouts_address = 12,
				     .events = 9,
				     .skipped = 2,
				     .analyst = { .records = 3, .subjects = 2 } };

	(void)state;
	ecs_status(&out, "gate", &status, SAMPLE_WALL_NS, SAMPLE_WALL_NS);
	assert_string_equal(
		out.data,
		"{\"@timestamp\":\"2026-11-25T01:02:03.000000004Z\",\"ecs\":{\"version\":\"8.11."
		"0\"},"
		"\"event\":{\"kind\":\"metric\",\"category\":[\"host\"],\"type\":[\"info\"],"
		"\"action\":\"status\",\"module\":\"bailiff\"},\"host\":{\"name\":\"gate\"},"
		"\"bailiff\":{\"form\":\"status\",\"mode\":\"enforce\","
		"\"started\":\"2026-11-25T01:02:03.000000004Z\",\"restarts_analyst\":1,"
		"\"restarts_recorder\":0,\"lockouts_address\":12,\"lockouts_session\":0,"
		"\"lockouts_user\":0,\"degraded\":0,\"canary_late\":0,\"events\":9,\"lost\":0,"
		"\"skipped\":2,"
		"\"refused_inbound\":0,\"refused_outbound\":0,\"refused_limit\":0,"
		"\"analyst\":{\"events\":0,\"lost\":0,\"malformed\":0,\"records\":3,\"claims\":0,"
		"\"attempts\":0,\"decisions\":0,\"refused\":0,\"stale\":0,\"regex_limit\":0,"
		"\"sessions\":0,"
		"\"connections\":0,\"subjects\":2}}}");
	buf_done(&out);
}

/* The longest record and the longest outcome, of bytes that escape worst, fit and parse. */
static void test_longest(void **state)
{
	struct json_doc *doc = test_malloc(sizeof(*doc));
	static const char fills[] = { '\001', '\xff', '"', 'a' };
	size_t at;

	(void)state;
	for (size_t i = 0; i < sizeof(fills); i++) {
		struct buf out = BUF_INIT(STATUS_JSON_MAX);
		struct ipc_record record = sample_attempt("2001:db8:1111:2222:3333:4444:5555:6666");
		struct ipc_outcome outcome = sample_lockout("192.0.2.1");
		char host[64], back[IPC_LINE_MAX * 3];
		int member;

		memset(host, fills[i], sizeof(host) - 1);
		host[sizeof(host) - 1] = '\0';
		memset(record.service, fills[i], sizeof(record.service) - 1);
		memset(record.source, fills[i], sizeof(record.source) - 1);
		memset(record.rule, fills[i], sizeof(record.rule) - 1);
		memset(record.user, fills[i], sizeof(record.user) - 1);
		memset(record.text, fills[i], sizeof(record.text) - 1);
		memset(record.line, fills[i], sizeof(record.line) - 1);
		record.session = record.time_boot_ns = UINT64_MAX;
		record.seconds = record.count = record.decision = record.pid = UINT32_MAX;
		record.partial = 1;
		record.action = ACTION_QUARANTINE;
		assert_int_equal(check_record(&record), 0);
		ecs_record(&out, host, &record, SAMPLE_WALL_NS);
		assert_false(out.cut);
		assert_int_equal(json_parse(doc, out.data, out.len, &at), 0);
		member = json_member(doc, (uint32_t)json_member(doc, 0, "event"), "original");
		assert_true(member > 0);
		assert_true(json_get_string(doc, (uint32_t)member, back, sizeof(back)) > 0);
		if (fills[i] != '\xff')
			assert_string_equal(back, record.line);

		memset(outcome.rule, fills[i], sizeof(outcome.rule) - 1);
		memset(outcome.who, fills[i], sizeof(outcome.who) - 1);
		memset(outcome.text, fills[i], sizeof(outcome.text) - 1);
		buf_clear(&out);
		ecs_outcome(&out, host, &outcome, SAMPLE_WALL_NS, SAMPLE_WALL_NS);
		assert_false(out.cut);
		assert_int_equal(json_parse(doc, out.data, out.len, &at), 0);
		buf_done(&out);
	}
	test_free(doc);
}

/* What an attacker chooses stays one string of one line. */
static void test_hostile(void **state)
{
	static const char *const hostile[] = {
		"root\",\"bailiff\":{\"trust\":\"witnessed\"}",
		"a\nb\r\n{}",
		"\033]0;title\a\033[2J",
		"\xe2\x80\xae gnp.exe",
		"\302\23331m",
	};
	struct json_doc *doc = test_malloc(sizeof(*doc));
	size_t at;

	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		struct buf out = BUF_INIT(STATUS_JSON_MAX);
		struct ipc_record record = sample_attempt("192.0.2.1");
		char back[256];
		int user;

		record.trust = TRUST_FORGED;
		text_copy(record.user, sizeof(record.user), hostile[i]);
		ecs_record(&out, "", &record, SAMPLE_WALL_NS);
		for (size_t k = 0; k < out.len; k++)
			assert_true((unsigned char)out.data[k] >= 0x20 && out.data[k] != 0x7f);
		assert_null(strstr(out.data, "\xe2\x80\xae"));
		assert_null(strstr(out.data, "\xc2\x9b"));
		assert_int_equal(json_parse(doc, out.data, out.len, &at), 0);
		user = json_member(doc, (uint32_t)json_member(doc, 0, "user"), "name");
		assert_true(user > 0);
		assert_true(json_get_string(doc, (uint32_t)user, back, sizeof(back)) > 0);
		assert_string_equal(back, hostile[i]);
		assert_non_null(strstr(out.data, "\"trust\":\"forged\""));
		buf_done(&out);
	}
	test_free(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record),	cmocka_unit_test(test_decision),
		cmocka_unit_test(test_outcome), cmocka_unit_test(test_process_ended),
		cmocka_unit_test(test_status),	cmocka_unit_test(test_longest),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
