/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exec events: what was started, with which arguments, from where, by whom.
 */
#include "tests.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct bl_event_exec *exec_of(struct fixture *f, pid_t pid)
{
	const struct event *ev;

	events_drain(&f->events);
	ev = events_find(&f->events, BL_EVENT_EXEC, pid, 0);
	return ev ? &ev->e->exec : NULL;
}

static const struct bl_event_exec *run(struct fixture *f, const char *path, char *const argv[],
				       child_fn before, void *arg)
{
	pid_t pid;
	int status;

	events_forget(&f->events);
	pid = spawn_after(path, argv, before, arg);
	status = wait_for(pid);
	if (!exited(status, 0))
		note("%s ended with status %x", path, (unsigned int)status);
	return exec_of(f, pid);
}

static int go_to_usr(void *arg)
{
	return chdir(arg);
}

static void test_fields(struct fixture *f)
{
	char *argv[] = { "child:exit:0", "a b", "", "c", NULL };
	static const char args[] = "child:exit:0\0a b\0\0c";
	const struct bl_event_exec *e;
	const char *typed;
	struct stat st, cg;
	pid_t pid;
	struct gate hold;
	int in;

	typed = work_path("link");
	(void)unlink(typed);
	if (!check(symlink("prog", typed) == 0 && stat(typed, &st) == 0, "files are there"))
		return;
	(void)mkdir(work_path("cwd"), 0755);
	e = run(f, typed, argv, go_to_usr, (void *)(uintptr_t)work_path("cwd"));
	if (!check(e != NULL, "exec: the event is there"))
		return;
	check(strcmp(e->exe, work_path("prog")) == 0, "exec: exe is the file behind the link");
	check(strcmp(e->file, typed) == 0, "exec: file is what was typed");
	check(strcmp(e->cwd, work_path("cwd")) == 0, "exec: cwd");
	check(strcmp(e->comm, "link") == 0, "exec: comm is of the new program");
	check(e->args_len == sizeof(args) && e->args_kept == sizeof(args) &&
		      memcmp(e->args, args, sizeof(args)) == 0,
	      "exec: arguments with an empty one in the middle");
	check(e->head.len == BL_EXEC_SMALL_LEN, "exec: small record for short arguments");
	check((e->head.flags & ~(BL_EXEC_WRITABLE_DIR | BL_EXEC_TMPFS)) == 0,
	      "exec: no flag for a plain program (%x)", e->head.flags);
	check(e->exe_ino == st.st_ino, "exec: inode");
	check(e->exe_dev == (unsigned int)(major(st.st_dev) << 20 | minor(st.st_dev)),
	      "exec: device in the kernel's form");
	check(e->task.ppid == (uint32_t)getpid() && e->task.tid == e->task.pid, "exec: parent");
	check(e->task.uid == 0 && e->task.euid == 0 && e->task.gid == 0, "exec: ids");
	check(e->service == 0 && e->role == BL_ROLE_NONE && e->end.family == 0,
	      "exec: no service's file");

	/* Start time and control group, of a process that still is there. */
	gate_make(&hold);
	argv[0] = "child:wait";
	events_forget(&f->events);
	pid = fork();
	if (pid == 0) {
		dup2(hold.fd[0], 0);
		close(hold.fd[1]);
		execv(work_path("prog"), argv);
		_exit(127);
	}
	for (in = 0; in < 500 && !exec_of(f, pid); in++)
		usleep(10000);
	e = exec_of(f, pid);
	check(e && e->task.start_ns / 10000000 == proc_start_ticks(pid),
	      "exec: start time is that of /proc");
	check(e && e->task.parent_start_ns / 10000000 == proc_start_ticks(getpid()),
	      "exec: the parent's start time too");
	if (stat("/sys/fs/cgroup/cgroup.procs", &cg) == 0 && stat("/sys/fs/cgroup", &cg) == 0)
		check(e && e->task.cgroup == cg.st_ino, "exec: control group is the root's");
	else
		skip("exec: control group", "no cgroup2 at /sys/fs/cgroup");
	gate_open(&hold);
	wait_for(pid);
}

/* len bytes in all with the program's own name and the NULs. */
static const struct bl_event_exec *run_long(struct fixture *f, size_t len)
{
	char *argv[] = { "child:exit:0", NULL, NULL };
	const struct bl_event_exec *e;
	size_t rest = len - sizeof("child:exit:0") - 1;

	argv[1] = malloc(rest + 1);
	for (size_t i = 0; i < rest; i++)
		argv[1][i] = (char)('a' + i % 23);
	argv[1][rest] = '\0';
	e = run(f, work_path("prog"), argv, NULL, NULL);
	if (e && memcmp(e->args + sizeof("child:exit:0"), argv[1],
			e->args_kept - sizeof("child:exit:0")) != 0)
		e = NULL;
	free(argv[1]);
	return e;
}

static void test_long_args(struct fixture *f)
{
	const struct bl_event_exec *e;

	e = run_long(f, BL_ARGS_SMALL);
	check(e && e->args_len == BL_ARGS_SMALL && e->args_kept == BL_ARGS_SMALL &&
		      e->head.len == BL_EXEC_SMALL_LEN && !(e->head.flags & BL_EXEC_ARGS_CUT),
	      "args: %d bytes just fit the small record", BL_ARGS_SMALL);
	e = run_long(f, BL_ARGS_SMALL + 1);
	check(e && e->args_len == BL_ARGS_SMALL + 1 && e->args_kept == BL_ARGS_SMALL + 1 &&
		      e->head.len == sizeof(*e) && !(e->head.flags & BL_EXEC_ARGS_CUT),
	      "args: one more needs the large record");
	e = run_long(f, BL_ARGS_LARGE);
	check(e && e->args_kept == BL_ARGS_LARGE && !(e->head.flags & BL_EXEC_ARGS_CUT),
	      "args: %d bytes just fit the large record", BL_ARGS_LARGE);
	e = run_long(f, 100000);
	check(e && e->args_len == 100000 && e->args_kept == BL_ARGS_LARGE &&
		      e->head.flags & BL_EXEC_ARGS_CUT,
	      "args: 100000 bytes are cut, flagged, and their true length is told");
}

static void test_no_args(struct fixture *f)
{
	char *argv[] = { NULL };
	const struct bl_event_exec *e;
	pid_t pid;

	events_forget(&f->events);
	pid = spawn(work_path("prog"), argv);
	wait_for(pid);
	e = exec_of(f, pid);
	/* Since 5.18 (dcd46d897adb) the kernel puts an empty string there. */
	check(e && e->args_kept == e->args_len && e->args_len <= 1, "args: none at all");
	events_forget(&f->events);
	argv[0] = "x";
	pid = spawn(work_path("no-such-program"), argv);
	wait_for(pid);
	check(!exec_of(f, pid), "exec: one that failed is not told");
}

static int on_terminal(void *arg)
{
	(void)arg;
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	char *name;

	if (master < 0 || grantpt(master) || unlockpt(master))
		return 1;
	name = ptsname(master);
	if (!name || setsid() < 0)
		return 1;
	slave = open(name, O_RDWR); /* becomes the controlling terminal */
	return slave < 0;
}

static void test_terminal(struct fixture *f)
{
	char *argv[] = { "child:exit:0", NULL };
	const struct bl_event_exec *e = run(f, work_path("prog"), argv, NULL, NULL);
	const char *before = e && e->tty[0] ? "one" : "none";
	int probe = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (probe < 0 || access("/dev/pts", F_OK)) {
		skip("exec: terminal", "no devpts here");
		return;
	}
	close(probe);
	e = run(f, work_path("prog"), argv, on_terminal, NULL);
	check(e && strncmp(e->tty, "pts", 3) == 0, "exec: terminal is named (%s, before: %s)",
	      e ? e->tty : "no event", before);
}

#define CROWD 24
#define CROWD_ROUNDS 8

static int wait_and_exec(void *arg)
{
	gate_pass(arg);
	execv(work_path("prog"), (char *[]){ "child:exit:0", NULL });
	return 126;
}

/* On one CPU, so that one is preempted in the hook while another execs, unless the hook holds
 * the CPU. */
static int crowd(void *arg)
{
	cpu_set_t one;
	pid_t pid[CROWD];
	struct gate start;

	(void)arg;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return 1;
	for (int round = 0; round < CROWD_ROUNDS; round++) {
		gate_make(&start);
		for (int i = 0; i < CROWD; i++)
			pid[i] = spawn_fn(wait_and_exec, &start);
		gate_open(&start);
		for (int i = 0; i < CROWD; i++)
			if (!exited(wait_for(pid[i]), 0))
				return 2;
	}
	return 0;
}

static void test_crowd(struct fixture *f)
{
	uint64_t before = sensors_misses_of(&f->sensors, "bl_exec"), skipped;
	uint64_t lost = sensors_misses_of(&f->sensors, "bl_exec_again");
	unsigned int told, wanted = CROWD * CROWD_ROUNDS;

	events_forget(&f->events);
	check(exited(wait_for(spawn_fn(crowd, NULL)), 0), "crowd: %u programs start", wanted);
	events_drain(&f->events);
	told = events_count(&f->events, BL_EVENT_EXEC, 0);
	skipped = sensors_misses_of(&f->sensors, "bl_exec") - before;
	lost = sensors_misses_of(&f->sensors, "bl_exec_again") - lost;
	check(told + lost >= wanted && told <= wanted + skipped,
	      "crowd: each is told, though the kernel skipped the hook (%u told, %llu skipped, "
	      "%llu "
	      "of them for good)",
	      told, (unsigned long long)skipped, (unsigned long long)lost);
}

void test_exec(struct fixture *f)
{
	test_fields(f);
	test_long_args(f);
	test_no_args(f);
	test_terminal(f);
	test_crowd(f);
	check(f->events.malformed == 0, "exec: every record was sound");
}
