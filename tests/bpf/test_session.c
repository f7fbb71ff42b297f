/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions: born at the login uid, carried by every descendant, over with the last of them.
 */
#include "tests.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONGEST_WAIT_MS 10000

static char *const quit[] = { "child:exit:0", NULL };

static const struct bl_event_session *session_nth(const struct fixture *f, bool end, unsigned int nth)
{
	const struct event *ev;

	for (unsigned int i = 0; (ev = events_find(&f->events, BL_EVENT_SESSION, 0, i)); i++)
		if (!(ev->e->head.flags & BL_SESSION_END) == !end && nth-- == 0)
			return &ev->e->session;
	return NULL;
}

static unsigned int sessions_count(const struct fixture *f, bool end)
{
	unsigned int n = 0;

	while (session_nth(f, end, n))
		n++;
	return n;
}

static unsigned int table_entries(const struct fixture *f, const char *name)
{
	char key[64], next[64];
	unsigned int n = 0;
	int fd = sensors_map(&f->sensors, name);

	if (bpf_map_get_next_key(fd, NULL, next))
		return 0;
	do {
		n++;
		memcpy(key, next, sizeof(key));
	} while (bpf_map_get_next_key(fd, key, next) == 0);
	return n;
}

/* What the login process and its descendants tell the test. */
struct shared {
	unsigned int audit_session;
	pid_t fork, thread, setsid, daemon, daemon_program;
	struct gate daemon_gate;
};

static void *thread_that_execs_a_child(void *arg)
{
	struct shared *sh = arg;

	sh->thread = spawn(work_path("prog"), quit);
	wait_for(sh->thread);
	return NULL;
}

static int session_leader_child(void *arg)
{
	struct shared *sh = arg;

	(void)setsid();
	sh->setsid = getpid();
	execv(work_path("prog"), quit);
	return 126;
}

static int daemon_child(void *arg)
{
	struct shared *sh = arg;
	pid_t pid;

	(void)setsid();
	pid = fork();
	if (pid != 0) {
		sh->daemon = pid;
		return pid < 0;
	}
	gate_pass(&sh->daemon_gate);
	sh->daemon_program = spawn(work_path("prog"), quit);
	wait_for(sh->daemon_program);
	_exit(0);
}

static int login(void *arg)
{
	struct shared *sh = arg;
	pthread_t thread;

	if (loginuid_write(1000))
		return 1;
	sh->audit_session = proc_number("/proc/self/sessionid");
	sh->fork = spawn(work_path("prog"), quit);
	wait_for(sh->fork);
	if (pthread_create(&thread, NULL, thread_that_execs_a_child, sh) ||
	    pthread_join(thread, NULL))
		return 1;
	wait_for(spawn_fn(session_leader_child, sh));
	wait_for(spawn_fn(daemon_child, sh));
	return 0;
}

static bool exec_has(const struct fixture *f, pid_t pid, uint64_t session)
{
	const struct event *ev = events_find(&f->events, BL_EVENT_EXEC, pid, 0);

	return ev && session && ev->e->exec.task.session == session;
}

static void check_birth(const struct fixture *f, const struct shared *sh, pid_t pid,
			const struct bl_event_session *born)
{
	uint16_t want = f->sensors.birth == BIRTH_NONE ? BL_SESSION_LATE : 0;
	struct bl_session s;
	uint64_t tag;

	check(born->task.pid == (uint32_t)pid && born->task.auid == 1000 &&
		      born->task.audit_session == sh->audit_session && sh->audit_session,
	      "session: born by the process that wrote the login uid");
	check(born->head.flags == want, "session: flags %x", born->head.flags);
	check(born->session && born->session == born->task.session && born->parent_session == 0 &&
		      born->session < 1000,
	      "session: its tag is a small number (%llu)", (unsigned long long)born->session);
	check(born->end.family == 0 && born->service == 0, "session: serves no connection");
	tag = born->session;
	if (!check(bpf_map_lookup_elem(sensors_map(&f->sensors, "bl_sessions"), &tag, &s) == 0,
		   "session: is in the table while a daemon of it lives"))
		return;
	check(s.tasks == 1 && s.auid == 1000 && s.audit_session == sh->audit_session &&
		      s.leader_pid == (uint32_t)pid && s.leader_start_ns == born->task.start_ns,
	      "session: the table has one task and its leader");
}

static void test_inheritance(struct fixture *f)
{
	struct shared *sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const struct bl_event_session *born, *over;
	uint64_t tag;
	pid_t pid;

	if (!check(sh != MAP_FAILED && gate_make(&sh->daemon_gate) == 0, "session: set-up"))
		return;
	events_forget(&f->events);
	pid = spawn_fn(login, sh);
	if (!check(exited(wait_for(pid), 0), "session: a process can set its login uid"))
		return;
	events_drain(&f->events);
	born = session_nth(f, false, 0);
	if (!check(born && sessions_count(f, false) == 1, "session: one birth"))
		return;
	tag = born->session;
	check_birth(f, sh, pid, born);
	check(exec_has(f, sh->fork, tag), "session: carried by a fork");
	check(exec_has(f, sh->thread, tag), "session: carried by a thread's fork");
	check(exec_has(f, sh->setsid, tag), "session: carried through setsid");
	check(sessions_count(f, true) == 0, "session: not over while a daemon of it lives");

	/* The daemon is ours now (PR_SET_CHILD_SUBREAPER). */
	gate_open(&sh->daemon_gate);
	wait_for(sh->daemon);
	events_drain(&f->events);
	check(exec_has(f, sh->daemon_program, tag), "session: carried by a double fork");
	over = session_nth(f, true, 0);
	check(over && sessions_count(f, true) == 1 && over->session == tag &&
		      over->task.pid == (uint32_t)sh->daemon,
	      "session: over, once, with its last process");
	check(table_entries(f, "bl_sessions") == 0 && table_entries(f, "bl_audit") == 0,
	      "session: gone from the tables");
	if (!f->options.task_storage)
		check(table_entries(f, "bl_tasks") == 0, "session: no tag is left behind");
	munmap(sh, sizeof(*sh));
}

static int login_then_thread_exec(void *arg)
{
	char *argv[] = { "child:thread-exec", NULL };

	(void)arg;
	if (loginuid_write(1000))
		return 1;
	execv(work_path("prog"), argv);
	return 126;
}

static void test_thread_exec(struct fixture *f)
{
	const struct bl_event_session *born;
	const struct event *last;
	pid_t pid;

	events_forget(&f->events);
	pid = spawn_fn(login_then_thread_exec, NULL);
	check(exited(wait_for(pid), 7), "session, exec by a thread: ran");
	events_drain(&f->events);
	born = session_nth(f, false, 0);
	last = events_find(&f->events, BL_EVENT_EXEC, pid, 1);
	check(born && last && last->e->exec.task.session == born->session,
	      "session, exec by a thread: still carried");
	check(sessions_count(f, false) == 1 && sessions_count(f, true) == 1 &&
		      table_entries(f, "bl_sessions") == 0,
	      "session, exec by a thread: born once, over once");
	if (!f->options.task_storage)
		check(table_entries(f, "bl_tasks") == 0,
		      "session, exec by a thread: no tag is left behind");
}

/* Where the kernel skipped an exit hook, the end is told when the task is freed. */
static void wait_end(struct fixture *f)
{
	for (int i = 0; i < LONGEST_WAIT_MS / 10 && sessions_count(f, true) == 0; i++) {
		usleep(10000);
		events_drain(&f->events);
	}
}

static int threads_in_session(void *arg)
{
	char *argv[] = { "child:threads", NULL };

	(void)arg;
	if (loginuid_write(1000))
		return 1;
	execv(work_path("prog"), argv);
	return 126;
}

static void test_threads(struct fixture *f, unsigned int rounds)
{
	unsigned int good = 0, late = 0;

	for (unsigned int i = 0; i < rounds; i++) {
		events_forget(&f->events);
		wait_for(spawn_fn(threads_in_session, NULL));
		events_drain(&f->events);
		if (sessions_count(f, true) == 0) {
			late++;
			wait_end(f);
		}
		good += sessions_count(f, false) == 1 && sessions_count(f, true) == 1;
	}
	check(good == rounds && table_entries(f, "bl_sessions") == 0,
	      "session of 17 threads that leave together: over once (%u of %u)", good, rounds);
	check(late <= sensors_misses(&f->sensors),
	      "it is over a grace period late (%u times) only if the kernel skipped a hook (%llu times)",
	      late, (unsigned long long)sensors_misses(&f->sensors));
}

/* A login within a session: its own session, which knows where it came from. */
static int nested(void *arg)
{
	(void)arg;
	if (loginuid_write(1000))
		return 1;
	wait_for(spawn(work_path("prog"), quit));
	char *argv[] = { "child:login", NULL };

	return !exited(wait_for(spawn(work_path("prog"), argv)), 0);
}

static void test_nested(struct fixture *f)
{
	const struct bl_event_session *outer, *inner;
	bool late = f->sensors.birth == BIRTH_NONE;

	events_forget(&f->events);
	check(exited(wait_for(spawn_fn(nested, NULL)), 0), "nested login: ran");
	events_drain(&f->events);
	outer = session_nth(f, false, 0);
	inner = session_nth(f, false, 1);
	/* Without a hook the inner one, which neither forks nor execs again, goes unnoticed. */
	if (late)
		check(outer && !inner, "nested login: unseen without the hook, as documented");
	else
		check(outer && inner && inner->session != outer->session &&
			      inner->parent_session == outer->session &&
			      inner->task.audit_session != outer->task.audit_session,
		      "nested login: a session of its own that names the one it came from");
	check(sessions_count(f, true) == (late ? 1U : 2U) && table_entries(f, "bl_sessions") == 0,
	      "nested login: both are over");
}

static int wrong_login(void *arg)
{
	(void)arg;
	/* Refused: without CAP_AUDIT_CONTROL only an unset login uid can be set. */
	if (setgid(1000) || setuid(1000))
		return 1;
	return loginuid_write(1000) ? 0 : 2;
}

static void test_refused(struct fixture *f)
{
	int status;

	events_forget(&f->events);
	status = wait_for(spawn_fn(wrong_login, NULL));
	events_drain(&f->events);
	if (exited(status, 2))
		skip("refused login uid", "this kernel let an unset login uid be set by a user");
	else
		check(exited(status, 0) && sessions_count(f, false) == 0,
		      "login uid that the kernel refused: no session");
}

void test_sessions(struct fixture *f)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	test_inheritance(f);
	test_thread_exec(f);
	test_threads(f, 20);
	test_nested(f);
	test_refused(f);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* ---- sessions that were there before ---------------------------------------------------------- */

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

/* Two processes of one session, both there before the sensors. */
static int login_two(void *arg)
{
	pid_t other;

	if (loginuid_write(1000))
		return 1;
	other = spawn_fn(hold_and_run, arg);
	(void)hold_and_run(arg);
	wait_for(other);
	return 0;
}

static bool wait_loginuid(pid_t pid)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/loginuid", pid);
	for (int i = 0; i < LONGEST_WAIT_MS / 10; i++) {
		if (proc_number(path) == 1000)
			return true;
		usleep(10000);
	}
	return false;
}

static void test_seeded(bool task_storage)
{
	struct sensor_options options = { .task_storage = task_storage };
	const struct bl_event_session *born;
	const struct event *ev;
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
	events_drain(&f.events);
	ev = events_find(&f.events, BL_EVENT_EXEC, 0, 0);
	check(ev && tag && ev->e->exec.task.session == tag, "inferred: carried by a fork");
	check(sessions_count(&f, true) == 1 && table_entries(&f, "bl_sessions") == 0,
	      "inferred: over with its last process");
	wait_for(dead);
	fixture_close(&f);
}

static void test_unseeded(bool task_storage)
{
	struct sensor_options options = { .task_storage = task_storage, .birth = BIRTH_NONE };
	struct gate hold;
	const struct bl_event_session *born;
	unsigned int same = 0, execs = 0;
	const struct event *ev;
	struct fixture f;
	pid_t pid;

	gate_make(&hold);
	pid = spawn_fn(login_two, &hold);
	check(wait_loginuid(pid), "late: a session is there before the sensors");
	if (!fixture_open(&f, &options)) {
		gate_open(&hold);
		wait_for(pid);
		return;
	}
	gate_open(&hold);
	wait_for(pid);
	events_drain(&f.events);
	born = session_nth(&f, false, 0);
	check(born && born->head.flags == BL_SESSION_LATE && born->task.auid == 1000,
	      "late: noticed at a fork");
	while ((ev = events_find(&f.events, BL_EVENT_EXEC, 0, execs))) {
		execs++;
		same += born && ev->e->exec.task.session == born->session;
	}
	check(sessions_count(&f, false) == 1 && execs == 2 && same == 2,
	      "late: both processes of one audit session are one session");
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
	const struct event *ev;
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
		events_drain(&new.events);
		ev = events_find(&new.events, BL_EVENT_EXEC, 0, 0);
		check(ev && ev->e->exec.task.session == tag, "replaced: the tag is the same");
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

/* ---- full tables ------------------------------------------------------------------------------ */

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
	struct sensor_options options = { .task_storage = task_storage, .sessions_max = 4,
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
	events_forget(&f.events);
	check(table_entries(&f, "bl_sessions") == 0, "full: empty again");

	check(exited(wait_for(spawn_fn(fork_crowd, &crowd)), 0), "full: 21 processes of a session");
	events_drain(&f.events);
	lost = counter_read(counters, BL_COUNT_LOST_TAG);
	if (task_storage)
		check(lost == 0, "full: task storage has no such limit");
	else
		check(lost == 21 - 8, "full: 13 of 21 tags refused by a table of 8, counted (%llu)",
		      (unsigned long long)lost);
	check(sessions_count(&f, true) == 1 && table_entries(&f, "bl_sessions") == 0,
	      "full: the session is over all the same, once");
	fixture_close(&f);
}
