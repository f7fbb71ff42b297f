/* SPDX-License-Identifier: GPL-2.0-only */
/* Ring records: what passes is sound, what is not does not pass. */
#include <errno.h>

#include "analyst/sensor/sensor.h"
#include "story.h"
#include "unit.h"

static union bl_event in, out;

static void exec_in(void)
{
	story_session_process(&in, 70, "203.0.113.9", 4000, 5);
	in.exec.args_len = in.exec.args_kept = 6;
	memcpy(in.exec.args, "sshd\0-", 6);
}

static int decode(void)
{
	return sensor_decode(&in, in.head.len, &out);
}

static void sound_ones_pass(void **state)
{
	(void)state;
	exec_in();
	assert_int_equal(decode(), 0);
	assert_memory_equal(&in, &out, BL_EXEC_SMALL_LEN);
	in.head.len = sizeof(in.exec);
	assert_int_equal(decode(), 0);
	story_exit(&in, 70, 500, BL_ROLE_PREAUTH, 255, 5);
	assert_int_equal(decode(), 0);
	story_birth(&in, 9, 70, 1000, "2001:db8::9", 4000, 5);
	assert_int_equal(decode(), 0);
	story_connection(&in, "2001:db8::9", 4000, BL_CONNECTION_OPEN, 5);
	assert_int_equal(decode(), 0);
	story_auth(&in, 71, "sshd", "root", "203.0.113.9", 7, 5);
	assert_int_equal(decode(), 0);
	story_signal(&in, BL_SIGNAL_STARTUP_FILE, 9, 5);
	assert_int_equal(decode(), 0);
	story_head(&in, BL_EVENT_FORK, sizeof(in.fork), 5);
	story_task(&in.fork.task, 71, 70);
	assert_int_equal(decode(), 0);
	assert_memory_equal(&in, &out, in.head.len);
}

/* What an older record left in the ring behind the kept bytes does not come out. */
static void nothing_beyond_the_record(void **state)
{
	(void)state;
	exec_in();
	memset(in.exec.args + 6, 'x', sizeof(in.exec.args) - 6);
	memset(&out, 'y', sizeof(out));
	assert_int_equal(decode(), 0);
	for (size_t i = 6; i < sizeof(out.exec.args); i++)
		assert_int_equal(out.exec.args[i], i < BL_ARGS_SMALL ? 0 : 'y');
	story_exit(&in, 70, 500, 0, 0, 5);
	memset(&out, 'y', sizeof(out));
	assert_int_equal(decode(), 0);
	for (size_t i = sizeof(out.exit); i < sizeof(out); i++)
		assert_int_equal(((const char *)&out)[i], 'y');
}

static void wrong_lengths(void **state)
{
	(void)state;
	exec_in();
	for (uint32_t len = 0; len <= sizeof(in) + 8; len++) {
		char record[sizeof(in) + 8] = { 0 };

		in.head.len = len;
		memcpy(record, &in, sizeof(in));
		assert_int_equal(sensor_decode(record, len, &out),
				 len == BL_EXEC_SMALL_LEN || len == sizeof(in.exec) ? 0 : -EINVAL);
	}
	exec_in();
	assert_int_equal(sensor_decode(&in, sizeof(in.exec), &out), -EINVAL);
	story_exit(&in, 70, 500, 0, 0, 5);
	in.head.len += 8;
	assert_int_equal(decode(), -EINVAL);
	for (unsigned int kind = 0; kind < 70000; kind += kind < 10 ? 1 : 4999) {
		story_exit(&in, 70, 500, 0, 0, 5);
		in.head.kind = (uint16_t)kind;
		assert_int_equal(decode(), in.head.kind == BL_EVENT_EXIT ? 0 : -EINVAL);
	}
}

#define REFUSES(change)                              \
	do {                                         \
		exec_in();                           \
		change;                              \
		assert_int_equal(decode(), -EINVAL); \
	} while (0)

static void contradictions(void **state)
{
	(void)state;
	REFUSES(in.exec.args_kept = BL_ARGS_SMALL + 1; in.exec.args_len = 4000;
		in.head.flags = BL_EXEC_ARGS_CUT);
	REFUSES(in.exec.args_kept = UINT32_MAX; in.exec.args_len = UINT32_MAX);
	REFUSES(in.exec.args_kept = 7);
	REFUSES(in.exec.args_len = 600);
	REFUSES(in.exec.role = BL_ROLE_MAX);
	REFUSES(in.exec.task.pid = 0);
	REFUSES(memset(in.exec.exe, 'x', sizeof(in.exec.exe)));
	REFUSES(memset(in.exec.file, 'x', sizeof(in.exec.file)));
	REFUSES(memset(in.exec.cwd, 'x', sizeof(in.exec.cwd)));
	REFUSES(memset(in.exec.tty, 'x', sizeof(in.exec.tty)));
	REFUSES(memset(in.exec.comm, 'x', sizeof(in.exec.comm)));
	REFUSES(in.exec.end.family = 3);
	REFUSES(in.exec.end.peer[4] = 1);
	REFUSES(in.exec.end.local[15] = 1);
	REFUSES(in.exec.end.family = 0);
	REFUSES(in.exec.end.family = 10; memset(in.exec.end.peer, 0, 10);
		memset(in.exec.end.peer + 10, 0xff, 2));

	exec_in();
	in.exec.args_len = 600;
	in.exec.args_kept = BL_ARGS_SMALL;
	in.head.flags = BL_EXEC_ARGS_CUT;
	assert_int_equal(decode(), 0);

	story_exit(&in, 70, 500, BL_ROLE_MAX, 0, 5);
	assert_int_equal(decode(), -EINVAL);
	story_birth(&in, 0, 70, 1000, "203.0.113.9", 4000, 5);
	assert_int_equal(decode(), -EINVAL);
	story_connection(&in, "203.0.113.9", 4000, 3, 5);
	assert_int_equal(decode(), -EINVAL);
	story_connection(&in, "203.0.113.9", 4000, BL_CONNECTION_OPEN, 5);
	in.connection.end.family = 1;
	assert_int_equal(decode(), -EINVAL);
	story_auth(&in, 0, "sshd", "root", "203.0.113.9", 7, 5);
	assert_int_equal(decode(), -EINVAL);
	story_auth(&in, 71, "sshd", "root", "203.0.113.9", 7, 5);
	memset(in.auth.user, 'x', sizeof(in.auth.user));
	assert_int_equal(decode(), -EINVAL);
	story_signal(&in, 0, 9, 5);
	assert_int_equal(decode(), -EINVAL);
	/* One that is made of exec records has none of its own. */
	story_signal(&in, BL_SIGNAL_DERIVED, 9, 5);
	assert_int_equal(decode(), -EINVAL);
	story_signal(&in, BL_SIGNAL_MODULE, 9, 5);
	memset(in.signal.above, 'x', sizeof(in.signal.above));
	assert_int_equal(decode(), -EINVAL);
	story_signal(&in, BL_SIGNAL_MODULE, 9, 5);
	in.signal.task.pid = 0;
	assert_int_equal(decode(), -EINVAL);
	story_signal(&in, BL_SIGNAL_MODULE, 9, 5);
	in.head.len--;
	assert_int_equal(decode(), -EINVAL);
	story_head(&in, BL_EVENT_FORK, sizeof(in.fork), 5);
	assert_int_equal(decode(), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_ones_pass),
		cmocka_unit_test(nothing_beyond_the_record),
		cmocka_unit_test(wrong_lengths),
		cmocka_unit_test(contradictions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
