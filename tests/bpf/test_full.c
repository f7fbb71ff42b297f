/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Full tables: what does not fit is counted, and what fits still ends as it should.
 */
#include "tests.h"

#include <sys/wait.h>
#include <unistd.h>

static int login_hold(void *arg)
{
	if (loginuid_write(1000))
		return 1;
	gate_pass(arg);
	return 0;
}

static int fork_crowd(void *arg)
{
	unsigned int n = *(const unsigned int *)arg;
	struct gate hold;

	if (loginuid_write(1000) || gate_make(&hold))
		return 1;
	for (unsigned int i = 0; i < n; i++) {
		if (fork() == 0) {
			gate_pass(&hold);
			_exit(0);
		}
	}
	gate_open(&hold);
	for (unsigned int i = 0; i < n; i++)
		(void)wait(NULL);
	return 0;
}

void test_tables_full(bool task_storage)
{
	struct sensor_options options = { .task_storage = task_storage,
					  .sessions_max = 4,
					  .tasks_max = 8 };
	struct fixture f;
	struct gate hold;
	unsigned int crowd = 20;
	pid_t pids[6];
	uint64_t lost;
	int counters;

	if (!fixture_open(&f, &options))
		return;
	counters = sensors_map(&f.sensors, "bl_counters");
	gate_make(&hold);
	for (unsigned int i = 0; i < 6; i++) {
		pids[i] = spawn_fn(login_hold, &hold);
		wait_loginuid(pids[i]);
		events_drain(&f.events);
	}
	/* A birth that only a later fork would show has not been tried. */
	if (f.sensors.birth == BIRTH_NONE) {
		skip("full: sessions", "no hook at the login uid");
	} else {
		check(sessions_count(&f, false) == 4, "full: 4 of 6 sessions fit");
		check(counter_read(counters, BL_COUNT_LOST_SESSION) == 2,
		      "full: 2 refused sessions are counted");
	}
	gate_open(&hold);
	for (unsigned int i = 0; i < 6; i++)
		wait_for(pids[i]);
	wait_ends(&f, f.sensors.birth == BIRTH_NONE ? 0 : 4);
	events_forget(&f.events);
	check(table_entries(&f, "bl_sessions") == 0, "full: empty again");

	check(exited(wait_for(spawn_fn(fork_crowd, &crowd)), 0), "full: 21 processes of a session");
	wait_ends(&f, 1);
	lost = counter_read(counters, BL_COUNT_LOST_TAG);
	if (task_storage)
		check(lost == 0, "full: task storage has no such limit");
	else
		/* A fork hook that the kernel skipped did not ask the table. */
		check(lost <= 21 - 8 && lost + sensors_misses(&f.sensors) >= 21 - 8,
		      "full: 13 of 21 tags refused by a table of 8, counted (%llu)",
		      (unsigned long long)lost);
	check(sessions_count(&f, true) == 1 && table_entries(&f, "bl_sessions") == 0,
	      "full: the session is over all the same, once");
	fixture_close(&f);
}
