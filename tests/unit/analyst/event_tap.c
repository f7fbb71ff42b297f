/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recording's pipe: whole lines whatever the reader does, and what was lost is told.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "analyst/live/event_tap.h"
#include "story.h"

#define SMALLEST_PIPE 4096

static const char *const services[] = { NULL, "sshd" };
static const struct sensor_names names = { services, 2 };

struct scene {
	struct event_tap tap;
	int from;
	size_t len;
	char text[1 << 20];
};

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	int end[2];

	assert_non_null(scene);
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(end, O_CLOEXEC | O_NONBLOCK), 0);
	assert_true(fcntl(end[1], F_SETPIPE_SZ, SMALLEST_PIPE) >= SMALLEST_PIPE);
	scene->from = end[0];
	event_tap_init(&scene->tap);
	event_tap_open(&scene->tap, end[1], 1000);
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	event_tap_close(&scene->tap);
	if (scene->from >= 0)
		(void)close(scene->from);
	free(scene);
	return 0;
}

/* Takes what stands in the pipe. */
static void take(struct scene *scene)
{
	ssize_t n;

	while ((n = read(scene->from, scene->text + scene->len, sizeof(scene->text) - scene->len)) >
	       0)
		scene->len += (size_t)n;
	assert_true(n == 0 || errno == EAGAIN);
}

/* The next whole line as an event; its wall time, or 0 at the end. */
static uint64_t next(struct scene *scene, union bl_event *ret)
{
	char error[SENSOR_ERROR_MAX] = "";
	char *end = memchr(scene->text, '\n', scene->len);
	uint64_t wall_ns;

	if (!end)
		return 0;
	if (sensor_from_json(scene->text, (size_t)(end - scene->text), &names, ret, &wall_ns,
			     error) < 0)
		fail_msg("%s: %.*s", error, (int)(end - scene->text), scene->text);
	scene->len -= (size_t)(end + 1 - scene->text);
	memmove(scene->text, end + 1, scene->len);
	return wall_ns;
}

static void small_event(union bl_event *event, uint32_t pid)
{
	story_head(event, BL_EVENT_FORK, sizeof(event->fork), 100 + pid);
	story_task(&event->fork.task, pid, 1);
}

/* A line of far more than PIPE_BUF bytes: every byte of its arguments is escaped. */
static void large_event(union bl_event *event, uint32_t pid)
{
	story_head(event, BL_EVENT_EXEC, sizeof(event->exec), 100 + pid);
	story_task(&event->exec.task, pid, 1);
	strcpy(event->exec.exe, "/bin/echo");
	memset(event->exec.args, '\001', BL_ARGS_LARGE - 1);
	event->exec.args_len = event->exec.args_kept = BL_ARGS_LARGE;
}

static void test_lines_read_back(void **state)
{
	struct scene *scene = *state;
	union bl_event event, got;

	story_session_process(&event, 700, "203.0.113.9", 4000, 5000);
	assert_int_equal(event_tap_put(&scene->tap, &event, &names), 0);
	small_event(&event, 701);
	assert_int_equal(event_tap_put(&scene->tap, &event, &names), 0);
	take(scene);
	assert_int_equal(next(scene, &got), 6000);
	assert_int_equal(got.head.kind, BL_EVENT_EXEC);
	assert_int_equal(got.head.boot_ns, 5000);
	assert_int_equal(got.exec.task.pid, 700);
	assert_int_equal(got.exec.service, STORY_SSHD);
	assert_int_equal(got.exec.end.peer_port, 4000);
	assert_int_equal(next(scene, &got), 1801);
	assert_int_equal(got.fork.task.pid, 701);
	assert_int_equal(next(scene, &got), 0);
	assert_int_equal(scene->len, 0);
	assert_int_equal(scene->tap.events, 2);
}

static void test_slow_reader(void **state)
{
	struct scene *scene = *state;
	uint64_t got_events = 0, told = 0;
	union bl_event event, got;

	for (uint32_t pid = 1; pid <= 1000; pid++) {
		small_event(&event, pid);
		assert_int_equal(event_tap_put(&scene->tap, &event, &names), 0);
	}
	assert_true(scene->tap.lost > 900);
	assert_int_equal(scene->tap.events + scene->tap.lost, 1000);
	take(scene);
	while (next(scene, &got)) {
		got_events++;
		assert_int_equal(got.fork.task.pid, got_events);
		assert_int_equal(got.head.lost, 0);
	}
	assert_int_equal(got_events, scene->tap.events);
	assert_int_equal(scene->len, 0);
	/* The first one that gets through again tells of those before it. */
	small_event(&event, 1001);
	assert_int_equal(event_tap_put(&scene->tap, &event, &names), 0);
	take(scene);
	assert_true(next(scene, &got) > 0);
	told = got.head.lost;
	assert_int_equal(got.fork.task.pid, 1001);
	assert_int_equal(told, 1000 - got_events);
}

/* Of a long line the pipe takes a part; nothing comes into its middle, and all of it arrives. */
static void test_long_line_in_parts(void **state)
{
	struct scene *scene = *state;
	union bl_event event, got;

	large_event(&event, 1);
	assert_int_equal(event_tap_put(&scene->tap, &event, &names), 0);
	assert_true(scene->tap.written > 0);
	assert_true(scene->tap.line.len > 4L * PIPE_BUF);
	for (uint32_t pid = 2; pid <= 4; pid++) {
		small_event(&event, pid);
		assert_int_equal(event_tap_put(&scene->tap, &event, &names), 0);
	}
	assert_int_equal(scene->tap.lost, 3);
	for (int i = 0; i < 100 && scene->tap.line.len; i++) {
		take(scene);
		assert_int_equal(event_tap_flush(&scene->tap), 0);
	}
	take(scene);
	assert_true(next(scene, &got) > 0);
	assert_int_equal(got.exec.task.pid, 1);
	assert_int_equal(got.exec.args_kept, BL_ARGS_LARGE);
	assert_int_equal(got.exec.args[BL_ARGS_LARGE - 2], '\001');
	small_event(&event, 5);
	assert_int_equal(event_tap_put(&scene->tap, &event, &names), 0);
	take(scene);
	assert_true(next(scene, &got) > 0);
	assert_int_equal(got.fork.task.pid, 5);
	assert_int_equal(got.head.lost, 3);
}

/* What the kernel had lost before the recording began is not the recording's. */
static void test_kernel_losses(void **state)
{
	struct scene *scene = *state;
	static const uint64_t kernel[] = { 40, 40, 47, 45 }, told[] = { 0, 0, 7, 5 };
	union bl_event event, got;

	for (uint32_t i = 0; i < ARRAY_SIZE(kernel); i++) {
		small_event(&event, i + 1);
		event.head.lost = kernel[i];
		assert_int_equal(event_tap_put(&scene->tap, &event, &names), 0);
		take(scene);
		assert_true(next(scene, &got) > 0);
		assert_int_equal(got.head.lost, told[i]);
		/* The event itself is the pipeline's, and stays. */
		assert_int_equal(event.head.lost, kernel[i]);
	}
	event.head.lost = 3;
	assert_int_equal(event_tap_put(&scene->tap, &event, &names), 0);
	take(scene);
	assert_true(next(scene, &got) > 0);
	assert_int_equal(got.head.lost, 0);
}

static void test_reader_gone(void **state)
{
	struct scene *scene = *state;
	union bl_event event;
	int end[2];

	small_event(&event, 1);
	(void)close(scene->from);
	scene->from = -1;
	assert_int_equal(event_tap_put(&scene->tap, &event, &names), -EPIPE);
	event_tap_close(&scene->tap);
	assert_int_equal(event_tap_put(&scene->tap, &event, &names), 0);
	assert_int_equal(event_tap_flush(&scene->tap), 0);
	assert_int_equal(scene->tap.events, 0);
	/* The next reader begins anew, in the midst of a line of the one before. */
	assert_int_equal(pipe2(end, O_CLOEXEC | O_NONBLOCK), 0);
	scene->from = end[0];
	event_tap_open(&scene->tap, end[1], 0);
	assert_int_equal(event_tap_put(&scene->tap, &event, &names), 0);
	take(scene);
	assert_true(next(scene, &event) > 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_lines_read_back), TEST(test_slow_reader), TEST(test_long_line_in_parts),
		TEST(test_kernel_losses),   TEST(test_reader_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
