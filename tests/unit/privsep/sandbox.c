/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Each policy is entered by a child of its own, which then makes one system call: what must die
 * dies by SIGSYS, what is meant to be refused is refused, and what is needed works.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/loop.h"
#include "privsep/privsep.h"
#include "privsep/sandbox.h"
#include "unit.h"

#define DIES (-1)
#define NOT_ACTIVE 250 /* exit codes of a child that came no further */
#define NOT_ENTERED 251

static char folder[] = "/tmp/bailiff-sandbox-XXXXXX";
static int folder_fd = -1, pipe_fd[2];

/* 0 when the call succeeded, its errno otherwise. */
static int result(long r)
{
	return r < 0 ? errno : 0;
}

/* ---- probes: each makes one call, harmless should it get through
 * ------------------------------- */

static int open_file(void)
{
	return result(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int open_by_number(void)
{
	return result(syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, 0));
}

static int open_2(void)
{
	struct {
		uint64_t flags, mode, resolve;
	} how = { .flags = O_RDONLY };

	return result(syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", &how, sizeof(how)));
}

static int make_socket(void)
{
	return result(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int make_pair(void)
{
	int fds[2];

	return result(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
}

static int connect_out(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	return result(connect(pipe_fd[0], (struct sockaddr *)&to, sizeof(to)));
}

static int execute(void)
{
	char *const none[] = { NULL };

	return result(execve("/nonexistent", none, none));
}

static int execute_fd(void)
{
	char *const none[] = { NULL };

	return result(syscall(SYS_execveat, -1, "", none, none, AT_EMPTY_PATH));
}

static int use_bpf(void)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	/* No such command. */
	return result(syscall(SYS_bpf, 9999, &attr, sizeof(attr)));
}

static int trace(void)
{
	return result(ptrace(PTRACE_PEEKDATA, getpid(), 0, 0));
}

static int read_others_memory(void)
{
	return result(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
}

static int make_process(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return result(pid);
}

static int make_process_3(void)
{
	return result(syscall(SYS_clone3, NULL, 0));
}

static int map_code(void)
{
	return result(
		(long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static int map_writable_code(void)
{
	return result((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static int make_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return result(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static int make_code_by_key(void)
{
	return result(syscall(SYS_pkey_mprotect, NULL, 0, PROT_READ | PROT_EXEC, -1));
}

static int attach_code(void)
{
	return result(syscall(SYS_shmat, -1, NULL, 0100000 /* SHM_EXEC */));
}

/* READ_IMPLIES_EXEC would make every later mapping executable. */
static int change_personality(void)
{
	return result(syscall(SYS_personality, 0x0400000));
}

static int memory_file(void)
{
	return result(syscall(SYS_memfd_create, "x", 0));
}

static int make_ring(void)
{
	return result(syscall(SYS_io_uring_setup, 0, NULL));
}

static int fault_handler(void)
{
	return result(syscall(SYS_userfaultfd, 0));
}

static int signal_parent(void)
{
	return result(kill(getppid(), 0));
}

static int signal_parents_thread(void)
{
	return result(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int signal_by_fd(void)
{
	return result(syscall(SYS_pidfd_send_signal, -1, 0, NULL, 0));
}

static int take_signals_of_fd(void)
{
	return result(fcntl(pipe_fd[0], F_SETOWN, getppid()));
}

static int become_root(void)
{
	return result(setuid(0));
}

static int change_self(void)
{
	return result(prctl(PR_SET_DUMPABLE, 1));
}

static int another_filter(void)
{
	return result(syscall(SYS_seccomp, 9999, 0, NULL));
}

static int remove_file(void)
{
	return result(unlink("/nonexistent/file"));
}

static int look_at_path(void)
{
	struct stat st;

	return result(fstatat(AT_FDCWD, "/etc/passwd", &st, 0));
}

static int change_folder(void)
{
	return result(chdir("/"));
}

static int control_device(void)
{
	return result(syscall(SYS_ioctl, pipe_fd[0], 0x5401 /* TCGETS */, NULL));
}

static int mount_something(void)
{
	return result(syscall(SYS_mount, NULL, NULL, NULL, 0, NULL));
}

static int load_module(void)
{
	return result(syscall(SYS_finit_module, -1, "", 0));
}

static int another_kernel(void)
{
	return result(syscall(SYS_kexec_load, 0, 0, NULL, 0xffffffffUL));
}

static int reboot_wrongly(void)
{
	return result(syscall(SYS_reboot, 0, 0, 0, NULL));
}

static int new_namespace(void)
{
	return result(syscall(SYS_unshare, 0));
}

static int process_in_namespace(int flag)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD | (unsigned long)flag, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return result(pid);
}

static int process_in_network_namespace(void)
{
	return process_in_namespace(CLONE_NEWNET);
}

static int process_in_user_namespace(void)
{
	return process_in_namespace(CLONE_NEWUSER);
}

static int enter_network_namespace(void)
{
	return result(setns(-1, CLONE_NEWNET));
}

static int enter_pid_namespace(void)
{
	return result(setns(-1, CLONE_NEWPID));
}

static int enter_any_namespace(void)
{
	return result(setns(-1, 0));
}

static int set_the_clock(void)
{
	return result(syscall(SYS_settimeofday, NULL, NULL));
}

static int use_keys(void)
{
	return result(syscall(SYS_keyctl, 9999, 0, 0, 0, 0));
}

#ifdef __x86_64__
/* Another numbering of the same calls, which a filter by number alone would misread. */
static int x32_call(void)
{
	return result(syscall(0x40000000L | SYS_getpid));
}

static int call_of_32_bits(void)
{
	long r;

	/* 20 is getpid there and writev here. */
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
	return r < 0 ? (int)-r : 0;
}
#endif

/* ---- things that must work
 * --------------------------------------------------------------------- */

static int stop_loop(struct loop_source *source, uint64_t now, void *arg)
{
	(void)source;
	(void)now;
	loop_stop(arg, 0);
	return 0;
}

static int run_a_loop(void)
{
	_cleanup_(loop_freep) struct loop *loop = NULL;

	if (loop_new(&loop) < 0 || loop_add_timer(loop, 1000, 0, stop_loop, loop, NULL) < 0)
		return 1;
	return loop_run(loop);
}

static int got_fd = -1;

static int take_fd(void *arg, const void *message, int fd)
{
	(void)arg;
	(void)message;
	got_fd = fd;
	return 0;
}

static int channel_ends[2];

static int use_a_channel(void)
{
	static const struct channel_rule rules[] = {
		{ IPC_RING, sizeof(struct ipc_ring), CHANNEL_FD, take_fd },
		{ 0 },
	};
	struct pollfd end = { .fd = channel_ends[1], .events = POLLIN };
	struct channel *one = NULL, *two = NULL;
	struct ipc_ring message = { 0 };
	char byte;

	if (channel_new(&one, channel_ends[0], "one", rules, NULL) < 0 ||
	    channel_new(&two, channel_ends[1], "two", rules, NULL) < 0)
		return 1;
	if (channel_send_wait(one, IPC_RING, &message, sizeof(message), pipe_fd[0]) < 0)
		return 2;
	while (!channel_pending(one)) {
		if (channel_send(one, IPC_RING, &message, sizeof(message), pipe_fd[0]) < 0)
			return 3;
		if (channel_receive(two) != CHANNEL_IDLE)
			return 4;
		if (got_fd < 0 || write(pipe_fd[1], "x", 1) != 1 || read(got_fd, &byte, 1) != 1)
			return 5;
		break;
	}
	channel_free(one);
	/* Whoever forked this process closes his copies a little later. */
	if (poll(&end, 1, 10000) != 1)
		return 6;
	return channel_receive(two) == CHANNEL_CLOSED ? 0 : 7;
}

static int use_memory(void)
{
	char *block = malloc(10 * 1024 * 1024);

	if (!block)
		return 1;
	memset(block, 1, 10 * 1024 * 1024);
	block = realloc(block, 80 * 1024 * 1024);
	if (!block)
		return 2;
	free(block);
	for (size_t size = 1; size < 1024 * 1024; size *= 2) {
		block = malloc(size);
		if (!block)
			return 3;
		block[0] = 1;
		free(block);
	}
	return 0;
}

static int use_file_that_is_open(void)
{
	char bytes[16];
	struct stat st;

	if (pread(folder_fd, bytes, sizeof(bytes), 0) >= 0 || errno != EISDIR)
		return 1;
	return fstat(folder_fd, &st) < 0 || !S_ISDIR(st.st_mode);
}

static int tell_the_time(void)
{
	time_t now = time(NULL);
	struct tm tm;

	/* As privsep_spawn sets it for children: read once, before the sandbox. */
	if (!localtime_r(&now, &tm) || mktime(&tm) == (time_t)-1 || !localtime(&now))
		return 1;
	return clock_boot_ns() == 0;
}

static int say_something(void)
{
	return fprintf(stderr, "%s", "") < 0 || dprintf(pipe_fd[1], "%d\n", 7) < 0;
}

static int aborts(void)
{
	abort();
}

static const char *in_folder(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int write_in_folder(void)
{
	char other[128];
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	int fd = open(in_folder("db"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *map;

	if (fd < 0 || pwrite(fd, "x", 1, 4095) != 1 || fcntl(fd, F_SETLK, &lock) < 0)
		return 1;
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED || fdatasync(fd) < 0 || ftruncate(fd, 10) < 0)
		return 2;
	if (fsync(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return 3;
	(void)snprintf(other, sizeof(other), "%s", in_folder("db.1"));
	if (rename(in_folder("db"), other) < 0 || access(other, F_OK) < 0 || unlink(other) < 0)
		return 4;
	if (mkdir(in_folder("sub"), 0700) < 0 || rmdir(in_folder("sub")) < 0)
		return 5;
	return open("/dev/urandom", O_RDONLY | O_CLOEXEC) < 0 ? 6 : 0;
}

static int link_out(void)
{
	return result(symlink("/etc/passwd", in_folder("link")));
}

static int write_outside(void)
{
	return result(open("/tmp/bailiff-outside", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

static int accept_somebody(void)
{
	return result(accept4(folder_fd, NULL, NULL, SOCK_CLOEXEC));
}

/* As a compiled pattern does: code in a page that is writable, too. */
static unsigned char *code;

static int run_code(void)
{
#ifdef __x86_64__
	int (*function)(void);

	memcpy(&function, &code, sizeof(function));
	return function() == 42 ? 0 : 1;
#else
	return 0;
#endif
}

static int write_code(void)
{
	*(volatile unsigned char *)code = 0xc3;
	return 0;
}

static void make_code_page(void)
{
	/* mov $42, %eax; ret */
	static const unsigned char bytes[] = { 0xb8, 42, 0, 0, 0, 0xc3 };

	code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	assert_ptr_not_equal(code, MAP_FAILED);
	memcpy(code, bytes, sizeof(bytes));
}

/* ---- running them
 * ------------------------------------------------------------------------------ */

struct probe {
	const char *name;
	int (*run)(void);
	int expected; /* DIES, 0 or an errno */
};

#define PROBE(run, expected)        \
	{                           \
#run, run, expected \
	}

/* Wait status of a child that entered role and ran the probe. */
static int run_probe(enum privsep_role role, int (*run)(void))
{
	bool active = false;
	int status;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel_ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* cmocka's handlers would go on with the tests in here. */
		for (int i = 1; i < NSIG; i++)
			(void)signal(i, SIG_DFL);
		(void)setenv("TZ", ":/etc/localtime", 1);
		tzset();
		if (privsep_sandbox(role, folder, &active) < 0)
			_exit(NOT_ENTERED);
		_exit(active ? run() : NOT_ACTIVE);
	}
	assert_int_equal(close(channel_ends[0]), 0);
	assert_int_equal(close(channel_ends[1]), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static bool sandbox_works(void)
{
	int status = run_probe(PRIVSEP_ANALYST, use_memory);

	return !WIFEXITED(status) || WEXITSTATUS(status) != NOT_ACTIVE;
}

static void check_probes(enum privsep_role role, const struct probe *probes, size_t count)
{
	unsigned int wrong = 0;

	if (!sandbox_works())
		skip();
	for (size_t i = 0; i < count; i++) {
		int status = run_probe(role, probes[i].run);
		bool right =
			probes[i].expected == DIES
				? WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS
				: WIFEXITED(status) && WEXITSTATUS(status) == probes[i].expected;

		if (right)
			continue;
		wrong++;
		print_message("# %s: wait status 0x%x, expected %s%d\n", probes[i].name, status,
			      probes[i].expected == DIES ? "SIGSYS, " : "exit ",
			      probes[i].expected);
	}
	assert_int_equal(wrong, 0);
}

/* For both who read strangers' text. */
static const struct probe strict[] = {
	PROBE(open_2, DIES),
	PROBE(make_socket, DIES),
	PROBE(make_pair, DIES),
	PROBE(connect_out, DIES),
	PROBE(execute, DIES),
	PROBE(execute_fd, DIES),
	PROBE(use_bpf, DIES),
	PROBE(trace, DIES),
	PROBE(read_others_memory, DIES),
	PROBE(make_process, DIES),
	PROBE(make_process_3, DIES),
	PROBE(map_code, DIES),
	PROBE(map_writable_code, DIES),
	PROBE(make_code, DIES),
	PROBE(make_code_by_key, DIES),
	PROBE(attach_code, DIES),
	PROBE(change_personality, DIES),
	PROBE(memory_file, DIES),
	PROBE(make_ring, DIES),
	PROBE(fault_handler, DIES),
	PROBE(signal_parent, DIES),
	PROBE(signal_parents_thread, DIES),
	PROBE(signal_by_fd, DIES),
	PROBE(take_signals_of_fd, DIES),
	PROBE(become_root, DIES),
	PROBE(change_self, DIES),
	PROBE(another_filter, DIES),
	PROBE(change_folder, DIES),
	PROBE(mount_something, DIES),
	PROBE(load_module, DIES),
	PROBE(new_namespace, DIES),
	PROBE(use_keys, DIES),
#ifdef __x86_64__
	PROBE(x32_call, DIES),
	PROBE(call_of_32_bits, DIES),
#endif
	PROBE(control_device, ENOTTY),
	PROBE(run_a_loop, 0),
	PROBE(use_a_channel, 0),
	PROBE(use_memory, 0),
	PROBE(use_file_that_is_open, 0),
	PROBE(tell_the_time, 0),
	PROBE(say_something, 0),
};

static const struct probe only_analyst[] = {
	PROBE(open_file, DIES),	   PROBE(open_by_number, DIES),	 PROBE(remove_file, DIES),
	PROBE(look_at_path, DIES), PROBE(write_in_folder, DIES), PROBE(accept_somebody, DIES),
};

static const struct probe only_recorder[] = {
	PROBE(write_in_folder, 0),
	PROBE(accept_somebody, ENOTSOCK),
	PROBE(look_at_path, 0),
	PROBE(link_out, DIES),
};

static const struct probe recorder_walls[] = {
	PROBE(open_file, EACCES),
	PROBE(open_by_number, EACCES),
	PROBE(write_outside, EACCES),
	PROBE(remove_file, ENOENT),
};

static const struct probe of_enforcer[] = {
	PROBE(trace, DIES),
	PROBE(read_others_memory, DIES),
	PROBE(mount_something, DIES),
	PROBE(load_module, DIES),
	PROBE(another_kernel, DIES),
	PROBE(reboot_wrongly, DIES),
	PROBE(new_namespace, DIES),
	PROBE(process_in_network_namespace, DIES),
	PROBE(process_in_user_namespace, DIES),
	PROBE(enter_pid_namespace, DIES),
	PROBE(enter_any_namespace, DIES),
	PROBE(fault_handler, DIES),
#ifdef __x86_64__
	PROBE(x32_call, DIES),
	PROBE(call_of_32_bits, DIES),
#endif
	PROBE(set_the_clock, EPERM),
	PROBE(use_keys, EPERM),
	PROBE(change_personality, EPERM),
	PROBE(make_process_3, ENOSYS),
	PROBE(make_ring, ENOSYS),
	/* Needed: by plan, by children, by libbpf. */
	PROBE(enter_network_namespace, EBADF),
	PROBE(open_file, 0),
	PROBE(make_socket, 0),
	PROBE(make_process, 0),
	PROBE(execute, ENOENT),
	PROBE(map_writable_code, 0),
	PROBE(signal_parent, 0),
	PROBE(run_a_loop, 0),
	PROBE(use_a_channel, 0),
	PROBE(use_memory, 0),
	PROBE(write_in_folder, 0),
};

static void the_analyst(void **state)
{
	(void)state;
	check_probes(PRIVSEP_ANALYST, strict, ARRAY_SIZE(strict));
	check_probes(PRIVSEP_ANALYST, only_analyst, ARRAY_SIZE(only_analyst));
}

static void the_recorder(void **state)
{
	(void)state;
	check_probes(PRIVSEP_RECORDER, strict, ARRAY_SIZE(strict));
	check_probes(PRIVSEP_RECORDER, only_recorder, ARRAY_SIZE(only_recorder));
}

/* Does the kernel have Landlock: asked in a child, because it cannot be undone. */
static bool landlock_works(void)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(sandbox_wall(folder) == 1 ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void the_recorders_walls(void **state)
{
	(void)state;
	if (!landlock_works())
		skip();
	check_probes(PRIVSEP_RECORDER, recorder_walls, ARRAY_SIZE(recorder_walls));
}

static void the_enforcer(void **state)
{
	(void)state;
	check_probes(PRIVSEP_ENFORCER, of_enforcer, ARRAY_SIZE(of_enforcer));
}

static void compiled_code_runs_and_is_not_written(void **state)
{
	int status;

	(void)state;
	if (!sandbox_works())
		skip();
	status = run_probe(PRIVSEP_ANALYST, run_code);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	status = run_probe(PRIVSEP_ANALYST, write_code);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
	/* Without the sandbox it could be written: that is what the sandbox took. */
	assert_int_equal(write_code(), 0);
	make_code_page();
}

/* abort() ends by its own signal, so that a failed check is told apart from a violation. */
static void abort_is_still_abort(void **state)
{
	int status;

	(void)state;
	if (!sandbox_works())
		skip();
	status = run_probe(PRIVSEP_ANALYST, aborts);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void impossible_roles(void **state)
{
	bool active = true;

	(void)state;
	assert_int_equal(privsep_sandbox(0, NULL, &active), -EINVAL);
	assert_int_equal(privsep_sandbox(PRIVSEP_ROLE_MAX, NULL, &active), -EINVAL);
	assert_true(active);
}

static int set_up(void **state)
{
	(void)state;
	make_code_page();
	if (!mkdtemp(folder) || pipe2(pipe_fd, O_CLOEXEC) < 0)
		return -1;
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_analyst),
		cmocka_unit_test(the_recorder),
		cmocka_unit_test(the_recorders_walls),
		cmocka_unit_test(the_enforcer),
		cmocka_unit_test(compiled_code_runs_and_is_not_written),
		cmocka_unit_test(abort_is_still_abort),
		cmocka_unit_test(impossible_roles),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
