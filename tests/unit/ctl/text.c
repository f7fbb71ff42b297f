/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What people and programs read: tables, status, sentences of lock and release, exactly.
 */
#include "helpers.h"

#include "ctl/lockout_text.h"
#include "ctl/operate.h"
#include "ctl/source_text.h"
#include "ctl/status_text.h"

static void test_grid(void **state)
{
	static const char *const head[] = { "A", "LONG" };
	static const char *const rows[][2] = {
		{ "xyz", "1" },
		{ "\xc3\xa4\xc3\xb6", "\033[2J" },
		{ "", "" },
	};
	struct buf out = BUF_INIT(65536);
	struct grid grid;

	(void)state;
	grid_begin(&grid, &out, false, head, 2);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		grid_row(&grid, rows[i]);
	grid_end(&grid);
	assert_string_equal(out.data, "A    LONG\n"
				      "xyz  1\n"
				      "\xc3\xa4\xc3\xb6   \\x1b[2J\n"
				      "     \n");
	buf_done(&out);
}

/* Cells are cut at a width, but the last; at characters, not bytes. */
static void test_grid_cut(void **state)
{
	static const char *const head[] = { "A", "B" };
	char wide[300], expected[512];
	const char *cells[] = { wide, wide };
	struct buf out = BUF_INIT(65536);
	struct grid grid;

	(void)state;
	for (size_t i = 0; i < 200; i += 2)
		memcpy(wide + i, "\xc3\xa4", 2);
	wide[200] = '\0';
	grid_begin(&grid, &out, false, head, 2);
	grid_row(&grid, cells);
	grid_end(&grid);
	(void)snprintf(expected, sizeof(expected), "%.128s  %s\n", wide, wide);
	assert_string_equal(strchr(out.data, '\n') + 1, expected);
	buf_done(&out);
}

static void test_lockout(void **state)
{
	struct control_lockout lockout = {
		.subject = address("192.0.2.1", 32),
		.locked_wall_ns = HELPER_WALL_NS,
		.until_wall_ns = HELPER_WALL_NS + 600 * NSEC_PER_SEC,
		.refused = 14,
		.decision = 4,
		.action = ACTION_LOCK,
		.rule = "ssh-guessing",
		.reason = "5 failures\nin 10m",
	};
	struct buf out = BUF_INIT(65536);
	struct grid grid;

	(void)state;
	lockout_begin(&grid, &out, false);
	lockout_put_row(&grid, &lockout, HELPER_WALL_NS + 60 * NSEC_PER_SEC);
	grid_end(&grid);
	assert_string_equal(
		out.data,
		"SUBJECT    UNTIL                LEFT  ACTION  RULE          REFUSED  BY       "
		"REASON\n"
		"192.0.2.1  2026-11-25 01:12:03  9m    lock    ssh-guessing  14       bailiff  "
		"5 failures\\nin 10m\n");
	buf_clear(&out);
	lockout.action = ACTION_QUARANTINE;
	lockout.next = ACTION_FREEZE;
	lockout.next_wall_ns = HELPER_WALL_NS + 120 * NSEC_PER_SEC;
	lockout_begin(&grid, &out, false);
	lockout_put_row(&grid, &lockout, HELPER_WALL_NS + 60 * NSEC_PER_SEC);
	grid_end(&grid);
	assert_non_null(strstr(out.data, "  quarantine, freeze in 1m  "));
	buf_clear(&out);
	lockout_put_json(&out, &lockout);
	assert_non_null(strstr(out.data, "\"action\":\"quarantine\",\"next\":\"freeze\","
					 "\"next_time\":\"2026-11-25T01:04:03.000000000Z\","));
	buf_clear(&out);
	lockout.held = 1;
	lockout.next_wall_ns = 0;
	lockout_put_json(&out, &lockout);
	assert_non_null(strstr(out.data, "\"action\":\"quarantine\",\"held\":true,\"locked\""));
	buf_clear(&out);
	lockout.held = 0;
	lockout.action = ACTION_LOCK;
	lockout_put_json(&out, &lockout);
	assert_string_equal(out.data,
			    "{\"subject\":{\"kind\":\"address\",\"value\":\"192.0.2.1\"},"
			    "\"action\":\"lock\",\"locked\":\"2026-11-25T01:02:03.000000000Z\","
			    "\"until\":\"2026-11-25T01:12:03.000000000Z\",\"refused\":14,"
			    "\"decision\":4,\"rule\":\"ssh-guessing\",\"who\":\"\","
			    "\"reason\":\"5 failures\\nin 10m\"}\n");
	buf_done(&out);
}

static void test_session(void **state)
{
	struct control_session session = {
		.session = UINT64_MAX,
		.born_wall_ns = HELPER_WALL_NS,
		.auid = 1000,
		.audit_session = 3,
		.leader_pid = 812,
		.processes = 4,
		.locked = ACTION_FREEZE,
		.flags = BL_SESSION_INFERRED,
		.type = SESSION_TYPE_REMOTE,
		.end = { .family = AF_INET, .peer_port = 40022, .peer = { 192, 0, 2, 1 } },
		.user = "alice",
		.service = "sshd",
	};
	struct buf out = BUF_INIT(65536);
	struct grid grid;

	(void)state;
	session_begin(&grid, &out, false);
	session_put_row(&grid, &session);
	grid_end(&grid);
	assert_string_equal(
		out.data,
		"SESSION               USER   TYPE    SERVICE  FROM       SINCE                "
		"PROCESSES  LEADER  STATE\n"
		"18446744073709551615  alice  remote  sshd     192.0.2.1  2026-11-25 01:02:03  "
		"4          812     freeze, older than bailiff\n");
	buf_clear(&out);
	session.flags |= BL_SESSION_JOINED;
	session.parent_session = 12;
	session_begin(&grid, &out, false);
	session_put_row(&grid, &session);
	grid_end(&grid);
	assert_non_null(strstr(out.data, "freeze, older than bailiff, joined to 12\n"));
	buf_clear(&out);
	session_put_json(&out, &session);
	assert_non_null(strstr(out.data, "\"parent\":\"12\",\"edge\":{\"reason\":\"connection\","
					 "\"strength\":\"certain\"},"));
	buf_clear(&out);
	session.flags = BL_SESSION_CRON | BL_SESSION_LEFT;
	session_begin(&grid, &out, false);
	session_put_row(&grid, &session);
	grid_end(&grid);
	assert_non_null(strstr(out.data, "freeze, crontab of 12, left files\n"));
	buf_clear(&out);
	session_put_json(&out, &session);
	assert_non_null(
		strstr(out.data, "\"edge\":{\"reason\":\"cron\",\"strength\":\"likely\"},"));
	assert_non_null(strstr(out.data, "\"left\":true}\n"));
	buf_clear(&out);
	session.flags = BL_SESSION_AT;
	session_put_json(&out, &session);
	assert_non_null(strstr(out.data, "\"edge\":{\"reason\":\"at\",\"strength\":\"certain\"},"));
	assert_non_null(strstr(out.data, "\"left\":false}\n"));
	session.flags = BL_SESSION_INFERRED;
	session.parent_session = 0;
	buf_clear(&out);
	session.end.family = 0;
	session_put_json(&out, &session);
	assert_string_equal(
		out.data,
		"{\"session\":\"18446744073709551615\",\"user\":\"alice\",\"auid\":1000,"
		"\"audit_session\":3,\"type\":\"remote\",\"service\":\"sshd\","
		"\"born\":\"2026-11-25T01:02:03.000000000Z\",\"leader_pid\":812,"
		"\"processes\":4,\"locked\":\"freeze\",\"inferred\":true,\"left\":false}\n");
	buf_done(&out);
}

static const struct status_sources none = { 0 };

static void test_status(void **state)
{
	struct ipc_status status = {
		.mode = MODE_ENFORCE,
		.restarts_analyst = 1,
		.lockouts_address = 12,
		.lockouts_session = 1,
		.degraded = 2,
		.started_boot_ns = 100 * NSEC_PER_SEC,
		.events = 123456,
		.lost = 7,
		.skipped = 3,
		.analyst = { .records = 444, .claims = 20, .attempts = 1, .decisions = 3 },
	};
	struct status_accepted accepted = { .count = 0 };
	struct buf out = BUF_INIT(65536);

	(void)state;
	status_put_text(&out, false, &status, &accepted, 7300 * NSEC_PER_SEC);
	assert_string_equal(out.data,
			    "bailiffd    enforces, up 2h\n"
			    "sensors     123456 events, 7 lost, 3 skipped, 0 canaries late, "
			    "2 hooks missing (bailiffctl doctor)\n"
			    "lockouts    12 addresses, 1 session, 0 users\n"
			    "refused     0 inbound, 0 outbound; 0 decisions by hard limits\n"
			    "evidence    444 log records, 20 claims, 1 attempt, 3 decisions\n"
			    "tables      0 sessions, 0 connections, 0 subjects counted; 0 refused, "
			    "0 malformed, "
			    "0 regex limits\n"
			    "restarts    1 of the analyst, 0 of the recorder\n");
	buf_clear(&out);
	status.mode = MODE_OBSERVE;
	accepted.count = 2;
	accepted.more = 1;
	(void)snprintf(accepted.text[0], IPC_TEXT_MAX, "source a, filter b: lines");
	(void)snprintf(accepted.text[1], IPC_TEXT_MAX, "source c, filter d: lines");
	status_put_text(&out, false, &status, &accepted, 7300 * NSEC_PER_SEC);
	assert_non_null(strstr(out.data, "accepted    source a, filter b: lines\n"
					 "accepted    source c, filter d: lines\n"
					 "accepted    and 1 more (bailiffctl doctor)\n"));
	buf_clear(&out);
	status_put_text(&out, true, &status, &accepted, 7300 * NSEC_PER_SEC);
	assert_non_null(strstr(out.data, "\033[33mobserves only: nothing is locked out\033[0m"));
	assert_non_null(strstr(out.data, "\033[33m7 lost, \033[0m"));
	buf_clear(&out);
	status_put_json(&out, &status, &accepted, &none, 7300 * NSEC_PER_SEC,
			HELPER_WALL_NS + 7200 * NSEC_PER_SEC);
	assert_memory_equal(out.data,
			    "{\"mode\":\"observe\",\"started\":\"2026-11-25T01:02:03.000000000Z\","
			    "\"restarts_analyst\":1,",
			    82);
	assert_non_null(strstr(out.data, "\"lost\":7,\"skipped\":3,"));
	assert_non_null(strstr(out.data, "\"accepted_claims\":[\"source a, filter b: lines\","));
	buf_done(&out);
}

static void test_clock(void **state)
{
	struct ipc_status status = { .analyst = { .clock_steps = 2,
						  .clock_step_ns = -3600500000000,
						  .clock_step_boot_ns = 10 * NSEC_PER_SEC } };
	struct status_accepted accepted = { .count = 0 };
	struct buf out = BUF_INIT(65536);

	(void)state;
	status_put_text(&out, false, &status, &accepted, 70 * NSEC_PER_SEC);
	assert_non_null(
		strstr(out.data, "\nclock       set 2 times, last by -3600.500 s 1m ago\n"));
	buf_clear(&out);
	status_put_json(&out, &status, &accepted, &none, 70 * NSEC_PER_SEC,
			HELPER_WALL_NS + 60 * NSEC_PER_SEC);
	assert_non_null(strstr(out.data, "\"clock_steps\":2,\"clock_step_ns\":-3600500000000,"
					 "\"clock_step\":\"2026-11-25T01:02:03.000000000Z\","));
	buf_clear(&out);
	status.analyst = (struct ipc_heartbeat){ .clock_steps = 0 };
	status_put_text(&out, false, &status, &accepted, 70 * NSEC_PER_SEC);
	assert_null(strstr(out.data, "clock"));
	buf_done(&out);
}

static void test_source(void **state)
{
	struct ipc_source_status source = {
		.id = 3,
		.kind = IPC_SOURCE_FILE,
		.state = SOURCE_BEHIND,
		.records = 1,
		.bytes = 70,
		.behind = 5,
		.cut = 2,
		.gaps = 4,
		.floods = 6,
		.past_years = 7,
		.last_boot_ns = 10 * NSEC_PER_SEC,
		.path = "/var/log/\033a.log",
		.text = "it grows",
	};
	struct ipc_filter_status filter = {
		.id = 1, .line = 9, .limits = 3, .filter = "slow[a=\033]", .file = "slow.conf"
	};
	const struct status_sources sources = { &source, 1, &filter, 1 };
	struct ipc_status status = { .mode = MODE_OBSERVE };
	struct status_accepted accepted = { .count = 0 };
	struct buf out = BUF_INIT(65536);

	(void)state;
	source_put_text(&out, false, &source, 70 * NSEC_PER_SEC);
	assert_non_null(strstr(out.data, ": behind, 1 record, 70 bytes, last 1m ago, "
					 "5 bytes behind, 2 cut, 4 gaps of unknown size, 6 floods, "
					 "7 stamps of a past year\n            it grows\n"));
	assert_null(strchr(out.data, '\033'));
	buf_clear(&out);
	filter_put_text(&out, false, &filter);
	assert_string_equal(out.data, "filter      slow[a=\\x1b]: too slow, 3 lines given up on, "
				      "last at slow.conf:9\n");
	buf_clear(&out);
	status_put_json(&out, &status, &accepted, &sources, 70 * NSEC_PER_SEC, HELPER_WALL_NS);
	assert_non_null(strstr(out.data, "\"filters\":[{\"filter\":\"slow[a=\\u001b]\","
					 "\"regex_limit\":3,\"file\":\"slow.conf\",\"line\":9}]"));
	assert_non_null(strstr(out.data, "\"gaps\":4,\"floods\":6,\"past_years\":7,"));
	assert_non_null(strstr(out.data, "\"sources\":[{\"id\":3,\"kind\":\"file\","));
	assert_non_null(strstr(out.data, "\"state\":\"behind\",\"text\":\"it grows\",\"records\":1,"
					 "\"bytes\":70,\"behind\":5,\"cut\":2,"));
	buf_done(&out);
}

static void test_operation(void **state)
{
	struct control_request request = { .op = CONTROL_LOCK,
					   .subject = address("192.0.2.1", 32) };
	struct control_reply reply = { .result = OUTCOME_APPLIED, .count = 1 };
	struct buf out = BUF_INIT(65536);

	(void)state;
	operate_put_text(&out, &request, &reply);
	assert_string_equal(out.data, "192.0.2.1 is locked out");
	buf_clear(&out);
	reply.result = OUTCOME_LAST_WAY_IN;
	operate_put_text(&out, &request, &reply);
	assert_string_equal(out.data, "192.0.2.1 was not locked out: last_way_in");
	buf_clear(&out);
	/* bailiffd's own sentence goes before ours. */
	text_copy(reply.text, sizeof(reply.text), "peer of root's session\033[0m");
	operate_put_text(&out, &request, &reply);
	assert_string_equal(out.data, "peer of root's session\\x1b[0m");
	buf_clear(&out);
	operate_put_json(&out, &request, &reply);
	assert_string_equal(out.data, "{\"operation\":\"lock\",\"subject\":{\"kind\":\"address\","
				      "\"value\":\"192.0.2.1\"},\"result\":\"last_way_in\","
				      "\"error\":0,\"count\":1,\"text\":\"peer of root's "
				      "session\\u001b[0m\"}\n");
	buf_clear(&out);
	request = (struct control_request){ .op = CONTROL_RELEASE };
	reply = (struct control_reply){ .result = OUTCOME_RELEASED, .count = 3 };
	operate_put_text(&out, &request, &reply);
	assert_string_equal(out.data, "3 lockouts released");
	buf_clear(&out);
	request.subject = (struct ipc_subject){ .kind = SUBJECT_SESSION, .id = 7 };
	reply = (struct control_reply){ .error = -ENOENT };
	operate_put_text(&out, &request, &reply);
	assert_string_equal(out.data, "session 7: there is no such lockout or session");
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grid),	cmocka_unit_test(test_grid_cut),
		cmocka_unit_test(test_lockout), cmocka_unit_test(test_session),
		cmocka_unit_test(test_status),	cmocka_unit_test(test_source),
		cmocka_unit_test(test_clock),	cmocka_unit_test(test_operation),
	};

	return cmocka_run_group_tests(tests, utc, NULL);
}
