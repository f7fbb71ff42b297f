/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signals: each is told when its deed is done in a login session, and not for what looks like it
 * and is honest.
 */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "signals.h"

const struct bl_event_signal *signal_of(struct fixture *f, enum bl_signal what, pid_t pid)
{
	events_drain(&f->events);
	for (unsigned int i = 0;; i++) {
		const struct event *ev = events_find(&f->events, BL_EVENT_SIGNAL, pid, i);

		if (!ev)
			return NULL;
		if (ev->e->signal.what == what)
			return &ev->e->signal;
	}
}

unsigned int signals_told(struct fixture *f, enum bl_signal what)
{
	unsigned int n = 0;

	events_drain(&f->events);
	for (size_t i = 0; i < f->events.n; i++) {
		const union bl_event *e = f->events.list[i].e;

		n += e->head.kind == BL_EVENT_SIGNAL && e->signal.what == what;
	}
	return n;
}

struct deed {
	child_fn fn;
	void *arg;
};

static int in_session(void *arg)
{
	const struct deed *deed = arg;

	if (loginuid_write(1000))
		return 99;
	return deed->fn(deed->arg);
}

pid_t do_in_session(struct fixture *f, child_fn fn, void *arg)
{
	struct deed deed = { fn, arg };
	pid_t pid;
	int status;

	events_forget(&f->events);
	pid = spawn_fn(in_session, &deed);
	status = wait_for(pid);
	if (!exited(status, 0))
		note("the deed ended with status %x", (unsigned int)status);
	check(exited(status, 0), "signals: the deed was done");
	return pid;
}

int become_user(void)
{
	return setgid(1000) || setuid(1000) ? 98 : 0;
}

static bool in_a_session(const struct bl_event_signal *e)
{
	return e && e->task.session && e->task.auid == 1000;
}

/* ---- kernel code ---- */

static int modprobe(void *arg)
{
	execlp("modprobe", "modprobe", arg, NULL);
	return 127;
}

static int unload(void *arg)
{
	execlp("rmmod", "rmmod", arg, NULL);
	return 127;
}

static void test_module(struct fixture *f)
{
	const struct bl_event_signal *e;
	pid_t pid;

	/* The other backing's turn may have loaded it. */
	(void)wait_for(spawn_fn(unload, (void *)(uintptr_t) "dummy"));
	pid = do_in_session(f, modprobe, (void *)(uintptr_t) "dummy");

	e = signal_of(f, BL_SIGNAL_MODULE, pid);
	check(in_a_session(e) && strcmp(e->name, "dummy") == 0 && strcmp(e->comm, "modprobe") == 0,
	      "module: loaded by a session");
	pid = do_in_session(f, modprobe, (void *)(uintptr_t) "dummy");
	check(!signal_of(f, BL_SIGNAL_MODULE, pid),
	      "module: one that is there is not loaded again");
}

static int load_program(void *arg)
{
	/* r0 = 0; exit */
	struct bpf_insn insns[] = { { .code = 0xb7 }, { .code = 0x95 } };

	(void)arg;
	return bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "intruder", "GPL", insns, 2, NULL) < 0;
}

static int look_at_programs(void *arg)
{
	uint32_t id = 0;

	(void)arg;
	return bpf_prog_get_next_id(0, &id) || bpf_prog_get_fd_by_id(id) < 0;
}

static void test_bpf(struct fixture *f)
{
	const struct bl_event_signal *e;
	pid_t pid = do_in_session(f, load_program, NULL);

	e = signal_of(f, BL_SIGNAL_BPF, pid);
	check(in_a_session(e) && strcmp(e->name, "intruder") == 0 &&
		      e->detail == BPF_PROG_TYPE_SOCKET_FILTER,
	      "bpf: a program loaded by a session");
	pid = do_in_session(f, look_at_programs, NULL);
	check(!signal_of(f, BL_SIGNAL_BPF, pid), "bpf: looking at those that are there is none");
	events_forget(&f->events);
	check(load_program(NULL) == 0 && !signal_of(f, BL_SIGNAL_BPF, 0),
	      "bpf: nor are the loader's own programs");
}

struct kexec_segment {
	const void *buf;
	size_t bufsz;
	unsigned long mem;
	size_t memsz;
};

static int kexec(void *arg)
{
	static char page[4096];
	struct kexec_segment segment = { page, sizeof(page), 0x2000000, sizeof(page) };

	if (arg && become_user())
		return 98;
	if (syscall(SYS_kexec_load, segment.mem, 1UL, &segment, 0UL))
		return arg && errno == EPERM ? 0 : 1;
	/* And away with it. */
	return syscall(SYS_kexec_load, 0UL, 0UL, NULL, 0UL) != 0;
}

static void test_kexec(struct fixture *f)
{
	pid_t pid = do_in_session(f, kexec, NULL);

	check(in_a_session(signal_of(f, BL_SIGNAL_KEXEC, pid)), "kexec: handed in by a session");
	pid = do_in_session(f, kexec, f);
	check(!signal_of(f, BL_SIGNAL_KEXEC, pid), "kexec: refused to whoever may not");
}

/* ---- credentials ---- */

struct gain {
	struct gate ready, mapped;
};

/*
 * A user namespace in which somebody mapped root's id: the one way to become root without an exec
 * and without a hole in the kernel.
 */
static int become_root_inside(void *arg)
{
	struct gain *gain = arg;

	if (become_user() || prctl(PR_SET_DUMPABLE, 1) || unshare(CLONE_NEWUSER))
		return 1;
	gate_open(&gain->ready);
	gate_pass(&gain->mapped);
	return setresuid(1, 1, 1) ? 2 : 0;
}

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

static void test_gain(struct fixture *f)
{
	struct gain gain;
	struct deed deed = { become_root_inside, &gain };
	const struct bl_event_signal *e;
	char path[64];
	pid_t pid;

	gate_make(&gain.ready);
	gate_make(&gain.mapped);
	events_forget(&f->events);
	pid = spawn_fn(in_session, &deed);
	gate_pass(&gain.ready);
	events_drain(&f->events);
	check(!signal_of(f, BL_SIGNAL_GAIN, 0),
	      "gain: rights in one's own user namespace are none");
	(void)snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	check(write_text(path, "0 1000 1\n1 0 1\n"), "gain: root's id is mapped");
	gate_open(&gain.mapped);
	check(exited(wait_for(pid), 0), "gain: a user becomes root");
	e = signal_of(f, BL_SIGNAL_GAIN, pid);
	check(in_a_session(e) && e->detail == BL_GAIN_UID, "gain: that is told");
	check(e && e->task.uid == 1000, "gain: by its ids before");
}

static int exec_setid(void *arg)
{
	if (become_user())
		return 98;
	execv(arg, (char *[]){ "child:exit:0", NULL });
	return 127;
}

static int there_and_back(void *arg)
{
	(void)arg;
	return seteuid(1000) || seteuid(0) || setresuid(1000, 1000, 0) || setresuid(0, 0, 0);
}

static int with_the_capability(void *arg)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = 1U << CAP_SETUID, .permitted = 1U << CAP_SETUID },
	};

	(void)arg;
	return prctl(PR_SET_KEEPCAPS, 1) || setresuid(1000, 1000, 1000) ||
	       syscall(SYS_capset, &head, data) || setresuid(0, 0, 0);
}

static int drop_and_exec(void *arg)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .effective = 0 } };

	if (syscall(SYS_capset, &head, data))
		return 1;
	execv(arg, (char *[]){ "child:exit:0", NULL });
	return 127;
}

static void test_no_gain(struct fixture *f)
{
	void *setid = (void *)(uintptr_t)work_path("setid");

	check(copy_self(setid, 04755) == 0, "gain: a set-user-ID program is there");
	(void)do_in_session(f, exec_setid, setid);
	check(!signal_of(f, BL_SIGNAL_GAIN, 0), "gain: not by a set-user-ID program");
	(void)do_in_session(f, there_and_back, NULL);
	check(!signal_of(f, BL_SIGNAL_GAIN, 0), "gain: not by going back to an id of one's own");
	(void)do_in_session(f, with_the_capability, NULL);
	check(!signal_of(f, BL_SIGNAL_GAIN, 0), "gain: not with CAP_SETUID");
	(void)do_in_session(f, drop_and_exec, setid);
	check(!signal_of(f, BL_SIGNAL_GAIN, 0), "gain: not by root's exec after dropping rights");
}

struct chmod_deed {
	const char *path;
	mode_t mode;
	bool user;
	int error;
};

static int change_mode(void *arg)
{
	const struct chmod_deed *deed = arg;

	if (deed->user && become_user())
		return 98;
	return (chmod(deed->path, deed->mode) ? errno : 0) != deed->error;
}

static void test_setid(struct fixture *f)
{
	struct chmod_deed deed = { .path = work_path("made"), .mode = 04755 };
	const struct bl_event_signal *e;
	struct stat st;
	pid_t pid;

	check(copy_self(deed.path, 0755) == 0 && stat(deed.path, &st) == 0, "setid: a file");
	pid = do_in_session(f, change_mode, &deed);
	e = signal_of(f, BL_SIGNAL_SETID, pid);
	check(in_a_session(e) && (e->detail & 07777) == 04755 && e->other_uid == 0 &&
		      strcmp(e->name, "made") == 0 && e->ino == st.st_ino &&
		      strcmp(e->above, "/") == 0,
	      "setid: made, with file, mode and owner");
	pid = do_in_session(f, change_mode, &deed);
	check(!signal_of(f, BL_SIGNAL_SETID, pid), "setid: one that is one already");
	deed.mode = 0755;
	pid = do_in_session(f, change_mode, &deed);
	check(!signal_of(f, BL_SIGNAL_SETID, pid), "setid: another mode is none");
	deed = (struct chmod_deed){ deed.path, 04755, true, EPERM };
	pid = do_in_session(f, change_mode, &deed);
	check(!signal_of(f, BL_SIGNAL_SETID, pid), "setid: refused for another's file");
	deed = (struct chmod_deed){ work_dir, 04755, false, 0 };
	pid = do_in_session(f, change_mode, &deed);
	check(!signal_of(f, BL_SIGNAL_SETID, pid), "setid: a folder is no program");
	(void)chmod(work_dir, 0755);
}

static int many_modes(void *arg)
{
	for (int i = 0; i < 40; i++)
		if (chmod(arg, 0755) || chmod(arg, 04755))
			return 1;
	return chmod(arg, 0755);
}

static void test_burst(struct fixture *f)
{
	int counters = sensors_map(&f->sensors, "bl_counters");
	uint64_t before = counter_read(counters, BL_COUNT_LOST_SIGNAL), lost;
	unsigned int told;

	(void)do_in_session(f, many_modes, (void *)(uintptr_t)work_path("made"));
	told = signals_told(f, BL_SIGNAL_SETID);
	lost = counter_read(counters, BL_COUNT_LOST_SIGNAL) - before;
	/* A guest that is held up may see a second window begin. */
	check(told >= BL_SIGNAL_BURST && told < 40 && told + lost == 40,
	      "burst: %u of 40 are told, %llu counted", told, (unsigned long long)lost);
}

/* ---- other processes ---- */

struct trace {
	pid_t pid;
	bool user;
};

static int attach(void *arg)
{
	const struct trace *trace = arg;
	int status;

	if (trace->user && become_user())
		return 98;
	if (ptrace(PTRACE_ATTACH, trace->pid, NULL, NULL))
		return 1;
	return waitpid(trace->pid, &status, __WALL) != trace->pid ||
	       ptrace(PTRACE_DETACH, trace->pid, NULL, NULL);
}

static char remote[8] = "secret";

static int reach_into(void *arg)
{
	const struct trace *trace = arg;
	char mine[8] = "changed";
	struct iovec from = { mine, sizeof(mine) }, to = { remote, sizeof(remote) };

	return process_vm_writev(trace->pid, &from, 1, &to, 1, 0) != sizeof(mine);
}

static int open_mem(void *arg)
{
	const struct trace *trace = arg;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", trace->pid);
	return open(path, O_RDWR | O_CLOEXEC) < 0;
}

static int list_it(void *arg)
{
	const struct trace *trace = arg;
	char path[64], target[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", trace->pid);
	return readlink(path, target, sizeof(target)) <= 0;
}

static int trace_own_child(void *arg)
{
	struct trace own = { .user = false };
	int r;

	if (arg && become_user())
		return 98;
	/* A change of ids takes that away. */
	(void)prctl(PR_SET_DUMPABLE, 1);
	own.pid = fork();
	if (own.pid == 0) {
		pause();
		_exit(0);
	}
	r = attach(&own);
	(void)kill(own.pid, SIGKILL);
	(void)waitpid(own.pid, NULL, 0);
	return r;
}

static int wait_as_user(void *arg)
{
	if (become_user())
		return 98;
	gate_pass(arg);
	return 0;
}

static void test_trace(struct fixture *f)
{
	struct {
		child_fn fn;
		const char *name;
	} ways[] = {
		{ attach, "ptrace" },
		{ reach_into, "process_vm_writev" },
		{ open_mem, "/proc/PID/mem" },
	};
	struct trace trace = { .user = false };
	const struct bl_event_signal *e;
	struct gate hold;
	char path[64];
	struct stat st;

	gate_make(&hold);
	trace.pid = spawn_fn(wait_as_user, &hold);
	(void)snprintf(path, sizeof(path), "/proc/%d/task", trace.pid);
	for (int i = 0; i < 500 && (stat(path, &st) || st.st_uid != 1000); i++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/task", trace.pid);
		usleep(10000);
		if (i > 50)
			break; /* not dumpable: shown as root's */
	}
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		pid_t pid = do_in_session(f, ways[i].fn, &trace);

		e = signal_of(f, BL_SIGNAL_TRACE, pid);
		check(in_a_session(e) && e->other_pid == (uint32_t)trace.pid &&
			      e->other_uid == 1000 &&
			      e->other_start_ns / 10000000 == proc_start_ticks(trace.pid),
		      "trace: %s of another user's process", ways[i].name);
	}
	(void)do_in_session(f, list_it, &trace);
	check(!signal_of(f, BL_SIGNAL_TRACE, 0), "trace: looking at it is none");
	gate_open(&hold);
	wait_for(trace.pid);
	trace.pid = getpid();
	check(signal_of(f, BL_SIGNAL_TRACE, do_in_session(f, open_mem, &trace)) != NULL,
	      "trace: root's process, which is of no session, by root in one");
	(void)do_in_session(f, trace_own_child, NULL);
	check(!signal_of(f, BL_SIGNAL_TRACE, 0), "trace: root's child in the same session is none");
	(void)do_in_session(f, trace_own_child, f);
	check(!signal_of(f, BL_SIGNAL_TRACE, 0), "trace: nor is a user's own");
	events_forget(&f->events);
	check(trace_own_child(NULL) == 0 && !signal_of(f, BL_SIGNAL_TRACE, 0),
	      "trace: nor what root does outside of sessions");
}

void test_signals(bool task_storage)
{
	struct sensor_options options = { .task_storage = task_storage,
					  .signals = true,
					  .own_pid = (uint32_t)getpid() };
	struct fixture f = { .options = options };

	if (!fixture_open(&f, &options))
		return;
	test_module(&f);
	test_bpf(&f);
	test_kexec(&f);
	test_gain(&f);
	test_no_gain(&f);
	test_setid(&f);
	test_burst(&f);
	test_trace(&f);
	test_signal_files(&f);
	test_left(&f);
	check(f.events.malformed == 0, "signals: every record was sound");
	fixture_close(&f);
}
