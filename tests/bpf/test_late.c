/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions that began before the sensors, or whose birth no hook showed.
 */
#include "tests.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *const quit[] = { "child:exit:0", NULL };

/* Execs of the tests' own program, and how many of them carry the tag. */
static unsigned int execs_of(const struct fixture *f, uint64_t tag, unsigned int *ret_tagged)
{
	unsigned int n = 0, tagged = 0;
	const struct event *ev;

	for (unsigned int i = 0; (ev = events_find(&f->events, BL_EVENT_EXEC, 0, i)); i++) {
		if (strcmp(ev->e->exec.exe, work_path("prog")) != 0)
			continue;
		n++;
		tagged += tag && ev->e->exec.task.session == tag;
	}
	*ret_tagged = tagged;
	return n;
}

static int hold_and_run(void *arg)
{
	gate_pass(arg);
	wait_for(spawn(work_path("prog"), quit));
	return 0;
}

static int login_and_hold(void *arg)
{
	return loginuid_write(1000) ? 1 : hold_and_run(arg);
}

/* A dead process that nobody has waited for yet is in no session. */
static int login_and_end(void *arg)
{
	(void)arg;
	return loginuid_write(1000) != 0;
}

struct two {
	struct gate hold, both_ran;
};

/* Were it gone before the first one forks, its end would be the session's. */
static int run_and_stay(void *arg)
{
	struct two *two = arg;

	(void)hold_and_run(&two->hold);
	gate_pass(&two->both_ran);
	return 0;
}

/* Two processes of one session, both there before the sensors. */
static int login_two(void *arg)
{
	struct two *two = arg;
	pid_t other;

	if (loginuid_write(1000) || gate_make(&two->both_ran))
		return 1;
	other = spawn_fn(run_and_stay, two);
	(void)hold_and_run(&two->hold);
	gate_open(&two->both_ran);
	wait_for(other);
	return 0;
}

static void test_seeded(bool task_storage)
{
	struct sensor_options options = { .task_storage = task_storage };
	const struct bl_event_session *born;
	unsigned int tagged;
	struct fixture f;
	pid_t pid, dead;
	struct gate hold;
	siginfo_t info;
	uint64_t tag;

	dead = spawn_fn(login_and_end, NULL);
	waitid(P_PID, (id_t)dead, &info, WEXITED | WNOWAIT);
	gate_make(&hold);
	pid = spawn_fn(login_and_hold, &hold);
	check(wait_loginuid(pid), "inferred: a session is there before the sensors");
	if (!fixture_open(&f, &options)) {
		gate_open(&hold);
		wait_for(pid);
		wait_for(dead);
		return;
	}
	check(sensors_seed(&f.sensors) == 0, "inferred: the iterator ran");
	events_drain(&f.events);
	born = session_nth(&f, false, 0);
	check(born && born->task.pid == (uint32_t)pid && born->head.flags == BL_SESSION_INFERRED &&
		      born->task.auid == 1000,
	      "inferred: told as such");
	tag = born ? born->session : 0;
	check(sensors_seed(&f.sensors) == 0, "inferred: the iterator ran again");
	events_drain(&f.events);
	check(sessions_count(&f, false) == 1, "inferred: told once, and no dead process's");
	check(sensors_tell(&f.sensors) == 0, "inferred: told again on demand");
	events_drain(&f.events);
	born = session_nth(&f, false, 1);
	check(born && born->session == tag && born->task.pid == (uint32_t)pid &&
		      born->head.flags & BL_SESSION_INFERRED,
	      "inferred: with what the table knows");
	gate_open(&hold);
	wait_for(pid);
	wait_ends(&f, 1);
	check(execs_of(&f, tag, &tagged) == 1 && tagged == 1, "inferred: carried by a fork");
	check(sessions_count(&f, true) == 1 && table_entries(&f, "bl_sessions") == 0,
	      "inferred: over with its last process");
	wait_for(dead);
	fixture_close(&f);
}

static void test_unseeded(bool task_storage)
{
	struct sensor_options options = { .task_storage = task_storage, .birth = BIRTH_NONE };
	struct two two;
	const struct bl_event_session *born;
	unsigned int same, execs;
	unsigned long long skipped;
	struct fixture f;
	pid_t pid;

	gate_make(&two.hold);
	pid = spawn_fn(login_two, &two);
	check(wait_loginuid(pid), "late: a session is there before the sensors");
	if (!fixture_open(&f, &options)) {
		gate_open(&two.hold);
		wait_for(pid);
		return;
	}
	gate_open(&two.hold);
	wait_for(pid);
	wait_ends(&f, 1);
	born = session_nth(&f, false, 0);
	check(born && born->head.flags == BL_SESSION_LATE && born->task.auid == 1000,
	      "late: noticed at a fork");
	execs = execs_of(&f, born ? born->session : 0, &same);
	/* The two run at once, so that the kernel may skip bl_exec for one of them. */
	skipped = sensors_misses_of(&f.sensors, "bl_exec_again");
	check(sessions_count(&f, false) == 1 && same == execs && execs <= 2 && execs + skipped >= 2,
	      "late: both processes of one audit session are one session (%u born, %u execs, %u of "
	      "them in it, %llu runs skipped)",
	      sessions_count(&f, false), execs, same, skipped);
	check(sessions_count(&f, true) == 1 && table_entries(&f, "bl_sessions") == 0,
	      "late: over once");
	fixture_close(&f);
}

/* Sensors replaced while a session lives: bl_sessions and bl_audit are kept, tags are not. */
static void test_replaced(bool task_storage)
{
	struct sensor_options options = { .task_storage = task_storage };
	const struct bl_event_session *born;
	struct fixture old, new;
	struct bl_session s;
	unsigned int tagged;
	struct gate hold;
	uint64_t tag;
	pid_t pid;

	/* First the process: one forked later would hold the old links' descriptors open. */
	gate_make(&hold);
	pid = spawn_fn(login_and_hold, &hold);
	check(wait_loginuid(pid), "replaced: a session is there");
	if (!fixture_open(&old, &options)) {
		gate_open(&hold);
		wait_for(pid);
		return;
	}
	sensors_seed(&old.sensors);
	events_drain(&old.events);
	born = session_nth(&old, false, 0);
	tag = born ? born->session : 0;
	options.sessions_fd = sensors_map(&old.sensors, "bl_sessions");
	options.audit_fd = sensors_map(&old.sensors, "bl_audit");
	while (old.sensors.n_links > 0)
		bpf_link__destroy(old.sensors.links[--old.sensors.n_links]);
	check(tag && bpf_map_lookup_elem(options.sessions_fd, &tag, &s) == 0,
	      "replaced: the session is in the table");
	s.tasks = 0;
	bpf_map_update_elem(options.sessions_fd, &tag, &s, BPF_ANY);
	if (fixture_open(&new, &options)) {
		check(sensors_seed(&new.sensors) == 0, "replaced: the iterator ran");
		check(bpf_map_lookup_elem(options.sessions_fd, &tag, &s) == 0 && s.tasks == 1,
		      "replaced: its tasks are counted anew");
		gate_open(&hold);
		wait_for(pid);
		wait_ends(&new, 1);
		check(execs_of(&new, tag, &tagged) == 1 && tagged == 1,
		      "replaced: the tag is the same");
		check(sessions_count(&new, false) == 0 && sessions_count(&new, true) == 1,
		      "replaced: not born again (%u), over once (%u)", sessions_count(&new, false),
		      sessions_count(&new, true));
		fixture_close(&new);
	} else {
		gate_open(&hold);
		wait_for(pid);
	}
	fixture_close(&old);
}

void test_late_sessions(bool task_storage)
{
	test_seeded(task_storage);
	test_unseeded(task_storage);
	test_replaced(task_storage);
}
