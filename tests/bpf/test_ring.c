/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rings: what is refused is counted exactly and told with the next record; who is woken when.
 */
#include "net.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define CHILDREN 200

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static int short_sleep(void *arg)
{
	(void)arg;
	usleep(150000);
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void run_children(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		wait_for(spawn_fn(nothing, NULL));
}

static void test_full(bool task_storage, bool quiet)
{
	struct sensor_options options = { .task_storage = task_storage, .events_size = 4096 };
	uint64_t written, lost, received;
	const struct event *ev;
	struct fixture f;
	int counters;
	pid_t pid;

	if (!fixture_open(&f, &options))
		return;
	counters = sensors_map(&f.sensors, "bl_counters");
	run_children(CHILDREN);
	events_drain(&f.events);
	received = f.events.n;
	lost = counter_read(counters, BL_COUNT_LOST_EVENTS);
	pid = spawn_fn(nothing, NULL);
	wait_for(pid);
	while (f.sensors.n_links > 0)
		bpf_link__destroy(f.sensors.links[--f.sensors.n_links]);
	events_drain(&f.events);
	written = counter_read(counters, BL_COUNT_EVENTS) + counter_read(counters, BL_COUNT_URGENT);
	check(lost > 0 && received > 0, "ring of 4096 bytes: %llu came, %llu were refused",
	      (unsigned long long)received, (unsigned long long)lost);
	check(written == f.events.n, "ring: what was counted as written came (%llu of %llu)",
	      (unsigned long long)f.events.n, (unsigned long long)written);
	ev = events_find(&f.events, BL_EVENT_FORK, pid, 0);
	if (!quiet) {
		skip("ring: exact count of refusals", "other processes run on this machine");
	} else {
		/* The kernel's own workers come and go, too, in a guest that is up for minutes. */
		check(received + lost >= 2 * CHILDREN && received + lost < 2 * CHILDREN + 20,
		      "ring: %d forks and exits = those that came + those counted as refused",
		      CHILDREN);
		check(ev && ev->e->head.lost == lost,
		      "ring: the next record tells how many were refused before it (%llu)",
		      ev ? (unsigned long long)ev->e->head.lost : 0ULL);
	}
	check(f.events.malformed == 0, "ring: every record was whole");
	fixture_close(&f);
}

static void test_urgent_apart(bool task_storage)
{
	struct sensor_options options = { .task_storage = task_storage, .events_size = 4096 };
	char *argv[] = { "child:exit:0", NULL };
	struct fixture f;
	pid_t pid;

	if (!fixture_open(&f, &options))
		return;
	check(service_add(&f, work_path("prog"), 3, BL_ROLE_CHECK) == 0, "ring: service's file");
	run_children(CHILDREN);
	pid = spawn(work_path("prog"), argv);
	wait_for(pid);
	events_drain(&f.events);
	check(events_find(&f.events, BL_EVENT_EXEC, pid, 0) &&
		      events_find(&f.events, BL_EVENT_EXIT, pid, 0),
	      "ring: a flood of processes keeps no service's record out");
	check(counter_read(sensors_map(&f.sensors, "bl_counters"), BL_COUNT_LOST_URGENT) == 0 &&
		      counter_read(sensors_map(&f.sensors, "bl_counters"), BL_COUNT_LOST_EVENTS) >
			      0,
	      "ring: counted apart");
	fixture_close(&f);
}

static int exec_soon(void *arg)
{
	(void)arg;
	usleep(150000);
	return 0;
}

static void test_wake(bool task_storage, bool quiet)
{
	struct sensor_options options = { .task_storage = task_storage };
	char *argv[] = { "child:exit:0", NULL };
	struct fixture f;
	int64_t start;
	pid_t pid;
	int n;

	if (!fixture_open(&f, &options))
		return;
	check(service_add(&f, work_path("prog"), 3, BL_ROLE_CHECK) == 0, "wake: service's file");
	pid = spawn_fn(short_sleep, NULL);
	events_drain(&f.events);
	(void)events_poll(&f.events, 0);
	n = events_poll(&f.events, 600);
	wait_for(pid);
	if (quiet)
		check(n == 0, "wake: an ordinary exit wakes nobody (%d)", n);
	else
		skip("wake: an ordinary exit wakes nobody", "other processes run on this machine");
	events_drain(&f.events);
	check(events_find(&f.events, BL_EVENT_EXIT, pid, 0) != NULL, "wake: but it is there");

	pid = spawn_after(work_path("prog"), argv, exec_soon, NULL);
	events_drain(&f.events);
	(void)events_poll(&f.events, 0);
	start = now_ms();
	n = events_poll(&f.events, 20000);
	check(n > 0 && now_ms() - start < 15000, "wake: a service's exec wakes the reader");
	wait_for(pid);

	/* From a child, so that the reader sleeps while it is written. */
	events_forget(&f.events);
	pid = fork();
	if (pid == 0) {
		usleep(150000);
		run_children(1600); /* 208 bytes each on each of a few CPUs */
		_exit(0);
	}
	events_drain(&f.events);
	(void)events_poll(&f.events, 0);
	start = now_ms();
	/* Woken while the record at the front is still being written by a CPU that its emulator has
	 * stopped: none can be read yet, the next wake-up comes with more. */
	do {
		n = events_poll(&f.events, 60000);
	} while (n == 0 && now_ms() - start < 50000);
	check(n > 100 && now_ms() - start < 50000,
	      "wake: many ordinary records wake the reader (%d at once)", n);
	wait_for(pid);
	fixture_close(&f);
}

void test_ring(bool task_storage, bool quiet)
{
	test_full(task_storage, quiet);
	test_urgent_apart(task_storage);
	test_wake(task_storage, quiet);
}
