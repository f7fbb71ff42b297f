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

static char *const quit[] = { "child:exit:0", NULL };

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
	struct shared *sh =
		mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
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
	wait_ends(f, 1);
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
	wait_ends(f, 1);
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
			wait_ends(f, 1);
		}
		good += sessions_count(f, false) == 1 && sessions_count(f, true) == 1;
	}
	check(good == rounds && table_entries(f, "bl_sessions") == 0,
	      "session of 17 threads that leave together: over once (%u of %u)", good, rounds);
	check(late <= sensors_misses(&f->sensors),
	      "it is over a grace period late (%u times) only if the kernel skipped a hook (%llu "
	      "times)",
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
	wait_ends(f, late ? 1 : 2);
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
