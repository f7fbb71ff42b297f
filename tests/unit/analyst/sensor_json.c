/* SPDX-License-Identifier: GPL-2.0-only */
/* Recordings: what is written is read back the same; what people type wrong is named. */
#include <errno.h>

#include "analyst/sensor/sensor.h"
#include "story.h"
#include "unit.h"

#define WALL 1795568523000000000LL /* 2026-11-25T01:02:03Z */

static const char *const services[] = { NULL, "sshd", NULL, "dovecot" };
static const struct sensor_names names = { .service = services, .services = 4 };

static int from(const char *line, union bl_event *event, uint64_t *wall_ns,
		char error[SENSOR_ERROR_MAX])
{
	return sensor_from_json(line, strlen(line), &names, event, wall_ns, error);
}

static void round_trip(const union bl_event *event)
{
	struct buf out = BUF_INIT(65536);
	union bl_event in = { 0 }, back = { 0 };
	uint64_t wall_ns = 0;
	char error[SENSOR_ERROR_MAX] = "";

	assert_int_equal(sensor_decode(event, event->head.len, &in), 0);
	sensor_to_json(&in, &names, WALL, &out);
	assert_false(out.cut);
	assert_null(memchr(out.data, '\n', out.len));
	if (sensor_from_json(out.data, out.len, &names, &back, &wall_ns, error))
		fail_msg("%s: %s", error, out.data);
	assert_int_equal(wall_ns, in.head.boot_ns + (uint64_t)WALL);
	/* A recording knows one length of exec record. */
	if (in.head.kind == BL_EVENT_EXEC)
		in.head.len = sizeof(in.exec);
	assert_memory_equal(&in, &back, sizeof(in));
	buf_done(&out);
}

static void exec_in(union bl_event *e, const char *args, uint32_t kept, uint32_t len)
{
	story_session_process(e, 70, "203.0.113.9", 4000, 123456789012345ULL);
	e->exec.task.session = UINT64_MAX;
	e->exec.task.cgroup = 7777;
	e->exec.task.gid = 5;
	e->exec.task.tid = 71;
	e->exec.task.auid = 1000;
	e->exec.task.audit_session = 12;
	e->exec.exe_ino = UINT64_MAX - 1;
	e->exec.exe_dev = 0xfd00001;
	e->exec.end.local[0] = 192;
	strcpy(e->exec.tty, "pts3");
	strcpy(e->exec.file, "./x \"quoted\" \\ \t\x01");
	strcpy(e->exec.cwd, "/h\xc3\xb6me");
	memcpy(e->exec.args, args, kept);
	e->exec.args_kept = kept;
	e->exec.args_len = len;
	e->head.lost = 3;
	if (len > kept)
		e->head.flags |= BL_EXEC_ARGS_CUT;
}

static void execs(void **state)
{
	union bl_event e;

	(void)state;
	exec_in(&e, "sshd\0-R\0", 8, 8);
	round_trip(&e);
	exec_in(&e, "", 0, 0);
	round_trip(&e);
	exec_in(&e, "\0\0", 2, 2);
	round_trip(&e);
	exec_in(&e, "renamed", 7, 7);
	round_trip(&e);
	exec_in(&e, "a\0b\0", 4, 100);
	round_trip(&e);
	exec_in(&e, "a\0b", 3, 100);
	round_trip(&e);
	exec_in(&e, "", 0, 100);
	round_trip(&e);
	exec_in(&e, "a\0b\0", 4, 4);
	e.head.flags |= BL_EXEC_ARGS_CUT;
	round_trip(&e);
	exec_in(&e, "a\0b", 3, 3);
	e.head.flags = BL_EXEC_SETUID | BL_EXEC_MEMFD | BL_EXEC_DELETED | BL_EXEC_SCRIPT |
		       BL_EXEC_WRITABLE_DIR | BL_EXEC_EXE_CUT | BL_EXEC_CWD_CUT | BL_EXEC_FILE_CUT;
	round_trip(&e);
	exec_in(&e, "a\0", 2, 2);
	e.exec.end = (struct bl_endpoint){ .family = 1 };
	e.exec.service = 3;
	e.exec.role = 0;
	strcpy(e.exec.exe, "/usr/bin/doveadm");
	round_trip(&e);
}

static void many_args(void **state)
{
	struct buf out = BUF_INIT(65536);
	union bl_event e, back;
	char error[SENSOR_ERROR_MAX] = "";
	uint64_t wall_ns;

	(void)state;
	story_session_process(&e, 70, "203.0.113.9", 4000, 5);
	e.head.len = sizeof(e.exec);
	memset(e.exec.args, 'x', 1800);
	for (uint32_t i = 1; i < 1800; i += 2)
		e.exec.args[i] = '\0';
	e.exec.args_kept = e.exec.args_len = 1800;
	round_trip(&e);
	memset(e.exec.args, 0, sizeof(e.exec.args));
	e.exec.args_kept = e.exec.args_len = 3000;
	sensor_to_json(&e, &names, 0, &out);
	if (sensor_from_json(out.data, out.len, &names, &back, &wall_ns, error))
		fail_msg("%s", error);
	assert_true(back.head.flags & BL_EXEC_ARGS_CUT);
	assert_int_equal(back.exec.args_len, 3000);
	assert_int_equal(back.exec.args_kept, 899);
	buf_done(&out);
}

static void others(void **state)
{
	union bl_event e;

	(void)state;
	story_head(&e, BL_EVENT_FORK, sizeof(e.fork), 9);
	story_task(&e.fork.task, 71, 70);
	round_trip(&e);
	story_exit(&e, 71, 70, BL_ROLE_PREAUTH, 255, 9);
	round_trip(&e);
	e.exit.exit_code = 9 | 0x80;
	round_trip(&e);
	e.exit.exit_code = BL_UNSET;
	round_trip(&e);
	story_birth(&e, 9, 70, 1000, "2001:db8::9", 4000, 9);
	round_trip(&e);
	e.session.task.session = 0;
	e.session.parent_session = 4;
	e.head.flags = BL_SESSION_END | BL_SESSION_INFERRED | BL_SESSION_LATE;
	round_trip(&e);
	e.head.flags = BL_SESSION_EDGES | BL_SESSION_LEFT;
	round_trip(&e);
	story_connection(&e, "2001:db8::9", 4000, BL_CONNECTION_OPEN, 9);
	e.connection.netns = 4026531840U;
	round_trip(&e);
	e.connection.state = BL_CONNECTION_CLOSED;
	round_trip(&e);
	story_auth(&e, 71, "vsftpd", "root", "203.0.113.9", 7, 9);
	round_trip(&e);
	strcpy(e.auth.tty, "ftp");
	e.auth.service = 3;
	e.auth.role = BL_ROLE_SESSION;
	e.auth.end = story_end("203.0.113.9", 4000);
	e.head.flags = BL_AUTH_USER_CUT | BL_AUTH_RHOST_CUT;
	e.auth.result = 0;
	round_trip(&e);
}

static void signals(void **state)
{
	union bl_event e;

	(void)state;
	for (enum bl_signal what = BL_SIGNAL_MODULE; what < BL_SIGNAL_DERIVED; what++) {
		story_signal(&e, what, 9, 12);
		round_trip(&e);
	}
	e.signal.detail = UINT32_MAX;
	e.signal.ino = UINT64_MAX;
	e.signal.dev = 0xfd00001;
	e.signal.other_pid = 1;
	e.signal.other_uid = 0;
	e.signal.other_start_ns = 5;
	e.signal.other_session = UINT64_MAX;
	strcpy(e.signal.name, "authorized_keys \"\\\t\x01");
	strcpy(e.signal.folder, ".ssh");
	memset(e.signal.above, 'u', sizeof(e.signal.above) - 1);
	round_trip(&e);
}

/* Bytes that are no text cannot be said in JSON, but do no harm. */
static void invalid_text(void **state)
{
	struct buf out = BUF_INIT(65536);
	union bl_event e, back;
	char error[SENSOR_ERROR_MAX];
	uint64_t wall_ns;

	(void)state;
	exec_in(&e, "\xff\xfe\0\xc3", 4, 4);
	memset(e.exec.exe, 0xff, sizeof(e.exec.exe) - 1);
	memset(e.exec.cwd, 0xff, sizeof(e.exec.cwd) - 1);
	sensor_to_json(&e, &names, WALL, &out);
	assert_int_equal(sensor_from_json(out.data, out.len, &names, &back, &wall_ns, error), 0);
	assert_true(back.head.flags & BL_EXEC_EXE_CUT);
	assert_true(back.head.flags & BL_EXEC_CWD_CUT);
	buf_done(&out);
}

/* What others write by hand, with no more than the interface promises. */
static void bare_lines(void **state)
{
	union bl_event e;
	uint64_t wall_ns;
	char error[SENSOR_ERROR_MAX];

	(void)state;
	assert_int_equal(
		from("{\"@timestamp\":\"2026-11-25T01:02:03.5Z\",\"type\":\"exec\","
		     "\"pid\":70,\"exe\":\"/usr/lib/openssh/sshd-auth\",\"service\":\"sshd\","
		     "\"peer\":{\"addr\":\"::ffff:203.0.113.9\",\"port\":4000},"
		     "\"args\":[\"sshd-auth\"],\"later\":{\"x\":[1]},\"auid\":null}",
		     &e, &wall_ns, error),
		0);
	assert_int_equal(wall_ns, WALL + 500000000);
	assert_int_equal(e.exec.task.auid, BL_UNSET);
	assert_int_equal(e.exec.task.uid, BL_UNSET);
	assert_int_equal(e.exec.task.tid, 70);
	assert_int_equal(e.exec.role, BL_ROLE_PREAUTH);
	assert_int_equal(e.exec.end.family, 2);
	assert_int_equal(e.exec.args_kept, 10);
	assert_int_equal(from("{\"@timestamp\":\"2026-11-25T01:02:03Z\",\"type\":\"exit\","
			      "\"pid\":70,\"service\":\"unknown\"}",
			      &e, &wall_ns, error),
			 0);
	assert_int_equal(e.exit.exit_code, BL_UNSET);
	assert_int_equal(e.exit.service, 0);
}

static void mistakes(void **state)
{
#define T "{\"@timestamp\":\"2026-11-25T01:02:03Z\","
	static const struct {
		const char *line;
		int r;
		const char *error;
	} wrong[] = {
		{ "", -EINVAL, "not JSON" },
		{ "{\"a\":", -EINVAL, "not JSON at column" },
		{ "[]", -EINVAL, "not a JSON object" },
		{ "{}", -EINVAL, "@timestamp wants" },
		{ "{\"@timestamp\":\"yesterday\"}", -EINVAL, "@timestamp wants" },
		{ T "\"type\":\"cred\"}", -ENOTSUP, "unknown type cred" },
		{ T "\"pid\":1}", -EINVAL, "type wants" },
		{ T "\"type\":\"exec\"}", -EINVAL, "pid wants" },
		{ T "\"type\":\"exec\",\"pid\":-1}", -EINVAL, "pid wants a number" },
		{ T "\"type\":\"exec\",\"pid\":4294967296}", -EINVAL, "pid wants a number" },
		{ T "\"type\":\"exec\",\"pid\":\"7\"}", -EINVAL, "pid wants a number" },
		{ T "\"type\":\"exec\",\"pid\":1,\"exe\":5}", -EINVAL, "exe wants a text" },
		{ T "\"type\":\"exec\",\"pid\":1,\"args\":\"x\"}", -EINVAL, "args wants a list" },
		{ T "\"type\":\"exec\",\"pid\":1,\"args\":[1]}", -EINVAL, "args wants a list" },
		{ T "\"type\":\"exec\",\"pid\":1,\"flags\":7}", -EINVAL, "flags wants a list" },
		{ T "\"type\":\"exec\",\"pid\":1,\"role\":\"king\"}", -EINVAL, "role wants" },
		{ T "\"type\":\"exec\",\"pid\":1,\"peer\":{\"addr\":\"host\"}}", -EINVAL,
		  "peer.addr wants a numeric address" },
		{ T "\"type\":\"exec\",\"pid\":1,\"peer\":\"1.2.3.4\"}", -EINVAL, "peer wants" },
		{ T "\"type\":\"exec\",\"pid\":1,\"peer\":{\"addr\":\"1.2.3.4\",\"port\":65536}}",
		  -EINVAL, "port wants a number" },
		{ T "\"type\":\"exec\",\"pid\":1,\"peer\":{\"addr\":\"1.2.3.4\",\"port\":1},"
		    "\"local\":\"::1\"}",
		  -EINVAL, "local wants" },
		{ T "\"type\":\"exit\",\"pid\":1,\"result\":\"bad\"}", -EINVAL, "result wants" },
		{ T "\"type\":\"exit\",\"pid\":1,\"result\":16777216}", -EINVAL, "result wants" },
		{ T "\"type\":\"session\",\"pid\":1}", -EINVAL, "session wants" },
		{ T "\"type\":\"session\",\"pid\":1,\"session\":2,\"result\":\"x\"}", -EINVAL,
		  "result wants begin or end" },
		{ T "\"type\":\"connection\",\"result\":\"open\"}", -EINVAL, "peer wants" },
		{ T "\"type\":\"auth\",\"pid\":1}", -EINVAL, "result wants" },
		{ T "\"type\":\"auth\",\"pid\":1,\"result\":\"success\",\"code\":7}", -EINVAL,
		  "code wants" },
		{ T "\"type\":\"signal\",\"signal\":\"trace\"}", -EINVAL, "pid wants" },
		{ T "\"type\":\"signal\",\"pid\":1}", -EINVAL, "signal wants" },
		{ T "\"type\":\"signal\",\"pid\":1,\"signal\":\"exec-memfd\"}", -EINVAL,
		  "signal wants" },
		{ T "\"type\":\"signal\",\"pid\":1,\"signal\":\"trace\",\"other_pid\":\"x\"}",
		  -EINVAL, "other_pid wants" },
		{ T "\"type\":\"connection\",\"peer\":{\"addr\":\"1.2.3.4\",\"port\":1}}", -EINVAL,
		  "result wants open or closed" },
	};
	union bl_event e;
	uint64_t wall_ns;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char error[SENSOR_ERROR_MAX] = "";
		int r = from(wrong[i].line, &e, &wall_ns, error);

		if (r != wrong[i].r || !strstr(error, wrong[i].error))
			fail_msg("%s: %d \"%s\", wanted \"%s\"", wrong[i].line, r, error,
				 wrong[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(execs),	cmocka_unit_test(many_args),
		cmocka_unit_test(others),	cmocka_unit_test(signals),
		cmocka_unit_test(invalid_text), cmocka_unit_test(bare_lines),
		cmocka_unit_test(mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
