/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fork and exit events: one per process, none per thread.
 */
#include "tests.h"

#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct bl_event_exit *exit_of(const struct fixture *f, pid_t pid)
{
	const struct event *ev = events_find(&f->events, BL_EVENT_EXIT, pid, 0);

	return ev ? &ev->e->exit : NULL;
}

static const struct bl_event_fork *fork_of(const struct fixture *f, pid_t pid)
{
	const struct event *ev = events_find(&f->events, BL_EVENT_FORK, pid, 0);

	return ev ? &ev->e->fork : NULL;
}

static int quiet_exit(void *arg)
{
	return (int)(intptr_t)arg;
}

static int wait_to_die(void *arg)
{
	(void)arg;
	return pause();
}

static void test_fork_exit(struct fixture *f)
{
	const struct bl_event_fork *fork;
	const struct bl_event_exit *exit;
	pid_t pid;

	events_forget(&f->events);
	pid = spawn_fn(quiet_exit, (void *)3);
	wait_for(pid);
	events_drain(&f->events);
	fork = fork_of(f, pid);
	exit = exit_of(f, pid);
	check(fork && fork->task.ppid == (uint32_t)getpid() &&
		      fork->task.parent_start_ns / 10000000 == proc_start_ticks(getpid()),
	      "fork: child and parent");
	check(exit && exit->exit_code == 3 << 8, "exit: status 3");
	check(fork && exit && fork->task.start_ns == exit->task.start_ns && fork->task.start_ns,
	      "exit: names the process as fork did");
	check(events_count(&f->events, BL_EVENT_FORK, pid) == 1 &&
		      events_count(&f->events, BL_EVENT_EXIT, pid) == 1,
	      "fork, exit: once each");
	check(exit && strcmp(exit->comm, "bpf-test") == 0, "exit: comm");

	pid = spawn_fn(wait_to_die, NULL);
	kill(pid, SIGKILL);
	wait_for(pid);
	events_drain(&f->events);
	exit = exit_of(f, pid);
	check(exit && (exit->exit_code & 0x7f) == SIGKILL, "exit: killed by signal 9");
}

static int clone_sibling(void *arg)
{
	struct clone_args args = { .flags = CLONE_PARENT };
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	int fd = *(int *)arg;

	if (pid == 0)
		_exit(0);
	return pid < 0 || write(fd, &pid, sizeof(pid)) != sizeof(pid);
}

static void test_clone_parent(struct fixture *f)
{
	const struct bl_event_fork *fork;
	long sibling = 0;
	int fd[2];
	pid_t pid;

	if (pipe(fd))
		return;
	events_forget(&f->events);
	pid = spawn_fn(clone_sibling, &fd[1]);
	wait_for(pid);
	check(read(fd[0], &sibling, sizeof(sibling)) == sizeof(sibling), "fork: sibling was made");
	wait_for((pid_t)sibling);
	close(fd[0]);
	close(fd[1]);
	events_drain(&f->events);
	fork = fork_of(f, (pid_t)sibling);
	check(fork && fork->task.ppid == (uint32_t)pid,
	      "fork: with CLONE_PARENT the forking process is told, not the parent");
}

/* Threads leave together, on all CPUs: the last one is told, once. */
static void test_threads(struct fixture *f, unsigned int rounds)
{
	char *argv[] = { "child:threads", NULL };
	unsigned int once = 0, twice = 0, code = 0, forks = 0, n;
	const struct bl_event_exit *exit;
	uint64_t misses;
	pid_t pid;

	for (unsigned int i = 0; i < rounds; i++) {
		events_forget(&f->events);
		pid = spawn(work_path("prog"), argv);
		wait_for(pid);
		events_drain(&f->events);
		exit = exit_of(f, pid);
		n = events_count(&f->events, BL_EVENT_EXIT, pid);
		once += n == 1;
		twice += n > 1;
		code += exit && exit->exit_code == 5 << 8;
		forks += events_count(&f->events, BL_EVENT_FORK, pid);
	}
	/* A run that the kernel skipped is the only excuse; it says so (sensor_exec.bpf.c). */
	misses = sensors_misses(&f->sensors);
	check(once + misses >= rounds && twice == 0,
	      "threads: one exit per process of 17 threads (%u of %u, %llu runs skipped)", once,
	      rounds, (unsigned long long)misses);
	check(code == once, "threads: with the process's status");
	check(forks + misses >= rounds && forks <= rounds, "threads: no fork event for them");
}

static void test_thread_exec(struct fixture *f)
{
	char *argv[] = { "child:thread-exec", NULL };
	const struct event *first, *second;
	const struct bl_event_exit *exit;
	pid_t pid;
	int status;

	events_forget(&f->events);
	pid = spawn(work_path("prog"), argv);
	status = wait_for(pid);
	events_drain(&f->events);
	first = events_find(&f->events, BL_EVENT_EXEC, pid, 0);
	second = events_find(&f->events, BL_EVENT_EXEC, pid, 1);
	exit = exit_of(f, pid);
	check(exited(status, 7) && first && second &&
		      first->e->exec.task.start_ns == second->e->exec.task.start_ns,
	      "thread exec: the process stays the same");
	check(exit && exit->exit_code == 7 << 8 &&
		      events_count(&f->events, BL_EVENT_EXIT, pid) == 1 &&
		      exit->task.start_ns == first->e->exec.task.start_ns,
	      "thread exec: one exit, of the new image");
}

/* A process whose leader is gone before its last thread. */
static void *late_thread(void *arg)
{
	usleep(50000);
	syscall(SYS_exit, 9);
	return arg;
}

static int leader_first(void *arg)
{
	pthread_t thread;

	(void)arg;
	if (pthread_create(&thread, NULL, late_thread, NULL))
		return 1;
	syscall(SYS_exit, 4);
	return 1;
}

static void test_leader_first(struct fixture *f)
{
	const struct bl_event_exit *exit;
	int status;
	pid_t pid;

	events_forget(&f->events);
	pid = spawn_fn(leader_first, NULL);
	status = wait_for(pid);
	events_drain(&f->events);
	exit = exit_of(f, pid);
	/* Which thread's status that is, changed with 5.18; wait() tells the same. */
	check(exit && exit->task.tid != exit->task.pid && status > 0 &&
		      exit->exit_code == (uint32_t)status &&
		      events_count(&f->events, BL_EVENT_EXIT, pid) == 1,
	      "threads: the leader gone first, told at the last one's end with the process's "
	      "status");
}

void test_processes(struct fixture *f)
{
	test_fork_exit(f);
	test_clone_parent(f);
	test_threads(f, 40);
	test_thread_exec(f);
	test_leader_first(f);
}
