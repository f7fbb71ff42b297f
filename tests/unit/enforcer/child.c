/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A child that behaves, one that ends, one that says what it may not, one that does not end.
 *
 * The children are this program again, which privsep_spawn executes with one argument.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "enforcer/child.h"
#include "privsep/privsep.h"

static const char *self;

static struct world {
	struct loop *loop;
	struct child *child;
	unsigned int setups, ended, lines, errors;
	char last[512];
	const char *wanted;
	unsigned int wanted_seen;
} w;

/* ---- the children ---- */

static int say(uint32_t kind, void *message, size_t len)
{
	struct ipc_head head = { .kind = kind, .len = (uint32_t)len };

	memcpy(message, &head, sizeof(head));
	return send(PRIVSEP_FD, message, len, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static int wait_for_end(void)
{
	char bytes[IPC_MESSAGE_MAX];

	while (recv(PRIVSEP_FD, bytes, sizeof(bytes), 0) > 0)
		;
	return 0;
}

static int be_child(const char *how)
{
	struct ipc_ready ready = { 0 };
	struct ipc_decision decision = { 0 };
	struct ipc_log line = { .level = LOG_INFO, .text = "hello" };

	if (!strcmp(how, "exits"))
		return 3;
	(void)say(IPC_READY, &ready, sizeof(ready));
	if (!strcmp(how, "garbage"))
		(void)send(PRIVSEP_FD, "xyz", 3, MSG_NOSIGNAL);
	if (!strcmp(how, "twice"))
		(void)say(IPC_READY, &ready, sizeof(ready));
	if (!strcmp(how, "forbidden"))
		(void)say(IPC_DECISION, &decision, sizeof(decision));
	if (!strcmp(how, "endless"))
		memset(line.text, 'x', sizeof(line.text));
	if (!strcmp(how, "chatty") || !strcmp(how, "endless"))
		for (int i = 0; i < 2 * CHILD_LINES_BURST; i++)
			(void)say(IPC_LOG, &line, sizeof(line));
	if (!strcmp(how, "stubborn")) {
		(void)signal(SIGTERM, SIG_IGN);
		for (;;)
			(void)pause();
	}
	return wait_for_end();
}

/* ---- our side ---- */

static int setup_child(void *arg)
{
	struct ipc_plain message = { .head = { 0 } };

	(void)arg;
	w.setups++;
	return child_send(w.child, IPC_START, &message, sizeof(message), -1) ? 0 : -EPIPE;
}

static void on_ended(void *arg)
{
	(void)arg;
	w.ended++;
}

static int on_ready(void *arg, const void *message, int fd)
{
	(void)arg;
	(void)message;
	(void)fd;
	child_is_ready(w.child);
	return 0;
}

static int on_log(void *arg, const void *message, int fd)
{
	(void)arg;
	(void)fd;
	return child_log(w.child, message);
}

static const struct channel_rule rules[] = {
	{ IPC_READY, sizeof(struct ipc_ready), CHANNEL_ONCE, on_ready },
	{ IPC_LOG, sizeof(struct ipc_log), 0, on_log },
	{ .kind = 0 },
};

static void sink(void *arg, int level, const char *text)
{
	(void)arg;
	if (strstr(text, "hello"))
		w.lines++;
	if (level <= LOG_ERR)
		w.errors++;
	if (w.wanted && strstr(text, w.wanted))
		w.wanted_seen++;
	text_copy(w.last, sizeof(w.last), text);
}

static int setup(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	log_set_sink(sink, NULL);
	return loop_new(&w.loop);
}

static int teardown(void **state)
{
	(void)state;
	w.child = child_free(w.child);
	w.loop = loop_free(w.loop);
	log_set_sink(NULL, NULL);
	return 0;
}

static void begin(const char *how)
{
	struct child_spec spec = {
		.name = "bailiff-test",
		.argv = { self, how },
		.rules = rules,
		.setup = setup_child,
		.ended = on_ended,
	};

	assert_int_equal(child_new(&w.child, w.loop, &spec), 0);
	child_start(w.child);
}

static int stop(struct loop_source *source, uint64_t now, void *arg)
{
	(void)source;
	(void)now;
	(void)arg;
	loop_stop(w.loop, 0);
	return 0;
}

static void turn(void)
{
	assert_int_equal(loop_add_timer(w.loop, 10 * NSEC_PER_MSEC, 0, stop, NULL, NULL), 0);
	assert_int_equal(loop_run(w.loop), 0);
}

/* Runs the loop until it holds, at most ten seconds. */
#define until(condition)                                                         \
	do {                                                                     \
		int turns_ = 0;                                                  \
		while (!(condition) && turns_++ < 1000)                          \
			turn();                                                  \
		if (!(condition))                                                \
			fail_msg("never: %s; last log: %s", #condition, w.last); \
	} while (0)

static void test_ready_then_stopped(void **state)
{
	(void)state;
	begin("waits");
	assert_true(child_running(w.child));
	assert_false(child_ready(w.child));
	until(child_ready(w.child));
	child_stop(w.child);
	until(!child_running(w.child));
	assert_int_equal(w.setups, 1);
	assert_int_equal(w.ended, 1);
	assert_int_equal(child_restarts(w.child), 0);
	assert_int_equal(w.errors, 0);
	child_tick(w.child, clock_boot_ns() + 3600 * NSEC_PER_SEC);
	assert_false(child_running(w.child));
}

static void test_early_ends_are_paused_longer_and_longer(void **state)
{
	uint64_t now = clock_boot_ns();

	(void)state;
	begin("exits");
	/* The first restart is at once, the second after a second. */
	until(w.ended == 2);
	turn();
	assert_int_equal(w.setups, 2);
	assert_non_null(strstr(w.last, "again in 1 s"));
	child_tick(w.child, now);
	assert_false(child_running(w.child));
	child_tick(w.child, clock_boot_ns() + 1100 * NSEC_PER_MSEC);
	assert_true(child_running(w.child));
	until(w.ended == 3);
	assert_non_null(strstr(w.last, "again in 2 s"));
	assert_int_equal(child_restarts(w.child), 3);
}

static void test_pauses(void **state)
{
	const unsigned int wanted[] = { 0, 1, 2, 4, 8, 16, 30, 30, 30 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(wanted); i++)
		assert_int_equal(child_pause_s(i + 1), wanted[i]);
	assert_int_equal(child_pause_s(UINT32_MAX), 30);
}

static void test_replaced_is_not_counted(void **state)
{
	(void)state;
	begin("waits");
	until(child_ready(w.child));
	child_replace(w.child);
	until(w.setups == 2 && child_ready(w.child));
	assert_int_equal(child_restarts(w.child), 0);
	assert_int_equal(w.errors, 0);
}

static void killed_for(const char *how, const char *why)
{
	w.wanted = why;
	begin(how);
	until(w.setups >= 2);
	assert_true(w.wanted_seen > 0);
	assert_true(child_restarts(w.child) >= 1);
}

static void test_what_it_may_not_say_ends_it(void **state)
{
	static const char *const cases[][2] = {
		{ "garbage", "sent 3 bytes, less than a head; it is killed" },
		{ "twice", "a second time; it is killed" },
		{ "forbidden", "which it may not send; it is killed" },
		{ "endless", "it is killed" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		killed_for(cases[i][0], cases[i][1]);
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

static void test_one_that_does_not_end_is_killed(void **state)
{
	(void)state;
	begin("stubborn");
	until(child_ready(w.child));
	child_stop(w.child);
	turn();
	assert_true(child_running(w.child));
	child_tick(w.child, clock_boot_ns() + (CHILD_END_S + 1) * NSEC_PER_SEC);
	until(!child_running(w.child));
}

static void test_never_ready(void **state)
{
	(void)state;
	begin("waits");
	child_tick(w.child, clock_boot_ns() + (CHILD_READY_S + 1) * NSEC_PER_SEC);
	until(w.ended >= 1);
	assert_true(w.errors >= 1);
}

static void test_log_lines_are_bounded(void **state)
{
	(void)state;
	begin("chatty");
	until(w.lines == CHILD_LINES_BURST);
	for (int i = 0; i < 20; i++)
		turn();
	assert_int_equal(w.lines, CHILD_LINES_BURST);
	for (int i = 0; i < CHILD_LINES_BURST; i++)
		child_tick(w.child, clock_boot_ns());
	assert_non_null(strstr(w.last, "200 more lines"));
}

static void test_a_program_that_is_not_there(void **state)
{
	struct child_spec spec = {
		.name = "bailiff-test",
		.argv = { "/nonexistent/program" },
		.rules = rules,
		.setup = setup_child,
	};

	(void)state;
	assert_int_equal(child_new(&w.child, w.loop, &spec), 0);
	child_start(w.child);
	assert_false(child_running(w.child));
	assert_int_equal(w.setups, 0);
	assert_int_equal(w.errors, 1);
	child_tick(w.child, clock_boot_ns() + 2 * NSEC_PER_SEC);
	assert_int_equal(w.errors, 2);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_ready_then_stopped),
		TEST(test_early_ends_are_paused_longer_and_longer),
		TEST(test_pauses),
		TEST(test_replaced_is_not_counted),
		TEST(test_what_it_may_not_say_ends_it),
		TEST(test_one_that_does_not_end_is_killed),
		TEST(test_never_ready),
		TEST(test_log_lines_are_bounded),
		TEST(test_a_program_that_is_not_there),
	};

	if (argc == 2)
		return be_child(argv[1]);
	self = argv[0];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
