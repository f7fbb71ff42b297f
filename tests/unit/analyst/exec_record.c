/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Program starts for those who watch: the text of one, and which ones the pipeline tells.
 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "analyst/exec_record.h"
#include "analyst/pipeline.h"
#include "story.h"

static void exec_event(union bl_event *event, const char *exe, const char *args, size_t args_len)
{
	story_head(event, BL_EVENT_EXEC, sizeof(event->exec), 5000);
	story_task(&event->exec.task, 812, 800);
	event->exec.task.session = 7;
	event->exec.task.uid = 1000;
	(void)snprintf(event->exec.exe, sizeof(event->exec.exe), "%s", exe);
	memcpy(event->exec.args, args, args_len);
	event->exec.args_len = event->exec.args_kept = (uint32_t)args_len;
}

static void test_text(void **state)
{
	static const struct {
		const char *exe, *args;
		size_t len;
		const char *text;
	} cases[] = {
		{ "/usr/bin/ls", "ls\0-l\0/root\0", 12, "/usr/bin/ls -l /root" },
		{ "/usr/bin/ls", "ls\0-l", 5, "/usr/bin/ls -l" },
		{ "/usr/bin/ls", "ls\0", 3, "/usr/bin/ls" },
		{ "/usr/bin/ls", "", 0, "/usr/bin/ls" },
		{ "/usr/bin/echo", "echo\0\0x\0", 8, "/usr/bin/echo  x" },
		{ "", "a\0b\0", 4, " b" },
	};
	union bl_event event;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ipc_record record = { .kind = RECORD_EXEC };

		exec_event(&event, cases[i].exe, cases[i].args, cases[i].len);
		exec_record(&event.exec, &record);
		assert_string_equal(record.text, cases[i].text);
		assert_string_equal(record.user, "1000");
		assert_int_equal(record.pid, 812);
		assert_int_equal(record.session, 7);
		assert_int_equal(record.subject.kind, SUBJECT_SESSION);
		assert_int_equal(record.subject.id, 7);
	}
}

static void check_cut(const union bl_event *event, size_t least)
{
	struct ipc_record record = { .kind = RECORD_EXEC };
	size_t len;

	exec_record(&event->exec, &record);
	len = strnlen(record.text, sizeof(record.text));
	assert_in_range(len, least, sizeof(record.text) - 1);
	assert_string_equal(record.text + len - 3, "...");
}

static void test_cut(void **state)
{
	char args[BL_ARGS_LARGE];
	union bl_event event;

	(void)state;
	memset(args, 'x', sizeof(args));
	for (size_t i = 9; i < sizeof(args); i += 10)
		args[i] = '\0';
	exec_event(&event, "/bin/sh", args, sizeof(args));
	check_cut(&event, 250);
	memset(args, 'y', sizeof(args));
	memcpy(args, "sh", 3);
	exec_event(&event, "/bin/sh", args, sizeof(args));
	check_cut(&event, 250);
	/* The sensor's own cut. */
	exec_event(&event, "/bin/sh", "sh\0-c", 5);
	event.exec.args_len = 4000;
	check_cut(&event, 10);
	memset(args, 'z', 255);
	args[0] = '/';
	args[255] = '\0';
	exec_event(&event, args, "z\0", 2);
	check_cut(&event, 250);
	/* A character is not cut in its middle. */
	for (size_t i = 0; i + 2 < sizeof(args); i += 2)
		memcpy(args + i, "\xc3\xa4", 2);
	memcpy(args, "sh", 3);
	args[3] = 'a';
	exec_event(&event, "/bin/sh", args, sizeof(args));
	check_cut(&event, 249);
}

struct seen {
	unsigned int execs, others;
	struct ipc_record last;
};

static void see_decision(const struct decision *decision, void *arg)
{
	(void)decision;
	(void)arg;
}

static void see_record(const struct ipc_record *record, void *arg)
{
	struct seen *seen = arg;

	if (record->kind != RECORD_EXEC) {
		seen->others++;
		return;
	}
	seen->execs++;
	seen->last = *record;
}

static void test_only_when_asked(void **state)
{
	static const uint64_t seed[2] = { 1, 2 };
	struct seen seen = { 0 };
	const struct pipeline_sink sink = { see_decision, see_record, NULL, &seen };
	struct pipeline *pipeline = NULL;
	union bl_event event;

	(void)state;
	assert_int_equal(pipeline_new(&pipeline, &sink, seed), 0);
	exec_event(&event, "/usr/bin/id", "id\0", 3);
	pipeline_event(pipeline, &event, 6000);
	assert_int_equal(seen.execs, 0);
	pipeline_tell_execs(pipeline, true, 4711);
	pipeline_event(pipeline, &event, 7000);
	assert_int_equal(seen.execs, 1);
	assert_string_equal(seen.last.text, "/usr/bin/id");
	assert_string_equal(seen.last.source, "kernel");
	assert_int_equal(seen.last.time_boot_ns, 5000);
	/* No session, a child of the one that is left out, another event. */
	event.exec.task.session = 0;
	pipeline_event(pipeline, &event, 8000);
	event.exec.task.session = 7;
	event.exec.task.ppid = 4711;
	pipeline_event(pipeline, &event, 9000);
	story_head(&event, BL_EVENT_FORK, sizeof(event.fork), 9000);
	story_task(&event.fork.task, 900, 812);
	event.fork.task.session = 7;
	pipeline_event(pipeline, &event, 10000);
	assert_int_equal(seen.execs, 1);
	pipeline_tell_execs(pipeline, false, 0);
	exec_event(&event, "/usr/bin/id", "id\0", 3);
	pipeline_event(pipeline, &event, 11000);
	assert_int_equal(seen.execs, 1);
	assert_int_equal(seen.others, 0);
	pipeline_free(pipeline);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_only_when_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
