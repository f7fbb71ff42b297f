/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starting a child: what it inherits (this program starts itself with a word that says what to
 * report), and that it does not outlive its parent.
 */
#include "privsep/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "privsep/privsep.h"
#include "unit.h"

/* ---- the child's side
 * -------------------------------------------------------------------------- */

static void report_fds(struct buf *out)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char target[128] = "", path[300];

		if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(dir))
			continue;
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
		if (readlink(path, target, sizeof(target) - 1) < 0)
			continue;
		buf_printf(out, "%s=%.7s ", entry->d_name, target);
	}
	if (dir)
		(void)closedir(dir);
}

static void report_environment(struct buf *out)
{
	for (char **variable = environ; *variable; variable++)
		buf_printf(out, "%s ", *variable);
}

static void report_signals(struct buf *out)
{
	sigset_t mask;
	int death = 0, ignored = 0, masked = 0;

	(void)sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int i = 1; i < NSIG; i++) {
		struct sigaction action = { .sa_handler = SIG_DFL };

		masked += sigismember(&mask, i) == 1;
		if (sigaction(i, NULL, &action) == 0)
			ignored += action.sa_handler == SIG_IGN;
	}
	(void)prctl(PR_GET_PDEATHSIG, &death);
	buf_printf(out, "masked=%d ignored=%d death=%d group=%d", masked, ignored, death,
		   getpgrp() == getpid());
}

static int child(const char *what)
{
	static const struct channel_rule none[] = { { 0 } };
	_cleanup_(channel_freep) struct channel *channel = NULL;
	_cleanup_(buf_done) struct buf out = BUF_INIT(IPC_LINE_MAX - 1);
	struct ipc_log message = { 0 };

	buf_puts(&out, "");
	if (strcmp(what, "linger-dropped") == 0 && privsep_drop("nobody") < 0)
		return 3;
	if (strcmp(what, "fds") == 0)
		report_fds(&out);
	if (strcmp(what, "environment") == 0)
		report_environment(&out);
	if (strcmp(what, "signals") == 0)
		report_signals(&out);
	text_copy(message.text, sizeof(message.text), out.data);
	if (channel_new(&channel, PRIVSEP_FD, "parent", none, NULL) < 0 ||
	    channel_send(channel, IPC_LOG, &message, sizeof(message), -1) < 0)
		return 2;
	if (strncmp(what, "linger", 6) == 0)
		(void)poll(NULL, 0, 20000);
	return 0;
}

/* ---- the parent's side
 * ------------------------------------------------------------------------- */

static char said[IPC_LINE_MAX];

static int handle_log(void *arg, const void *message, int fd)
{
	const struct ipc_log *log = message;

	(void)arg;
	assert_int_equal(fd, -1);
	text_copy(said, sizeof(said), log->text);
	return 0;
}

static const struct channel_rule rules[] = {
	{ IPC_LOG, sizeof(struct ipc_log), 0, handle_log },
	{ 0 },
};

static void start(const char *what, struct privsep_child *ret)
{
	const char *const argv[] = { "/proc/self/exe", what, NULL };

	assert_int_equal(privsep_spawn(argv, ret), 0);
	assert_true(ret->pid > 0 && ret->pidfd >= 0 && ret->channel_fd >= 0);
}

static bool becomes_readable(int fd, int milliseconds)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, milliseconds) == 1;
}

/* What the child said before it ended. */
static const char *ask(const char *what)
{
	_cleanup_(channel_freep) struct channel *channel = NULL;
	struct privsep_child one;
	int status;

	said[0] = '\0';
	start(what, &one);
	assert_int_equal(channel_new(&channel, one.channel_fd, "child", rules, NULL), 0);
	assert_true(becomes_readable(one.pidfd, 20000));
	assert_int_equal(waitpid(one.pid, &status, 0), one.pid);
	assert_int_equal(status, 0);
	assert_int_equal(channel_receive(channel), CHANNEL_CLOSED);
	assert_int_equal(close(one.pidfd), 0);
	return said;
}

static void it_inherits_four_descriptors(void **state)
{
	int leak[3];

	(void)state;
	/* Not close-on-exec, in the way of fd 3, and far up. */
	for (int i = 0; i < 3; i++)
		leak[i] = open("/dev/zero", O_RDONLY);
	assert_true(leak[0] >= 0 && leak[2] >= 0);
	assert_int_equal(dup2(leak[0], 900), 900);
	(void)ask("fds");
	/* stderr is whatever the test's is. */
	assert_memory_equal(said, "0=/dev/nu 1=/dev/nu 2=", 22);
	assert_non_null(strstr(said, " 3=socket: "));
	assert_int_equal(strlen(strstr(said, " 3=socket: ")), strlen(" 3=socket: "));
	for (int i = 0; i < 3; i++)
		assert_int_equal(close(leak[i]), 0);
	assert_int_equal(close(900), 0);
}

static void fd_3_may_be_in_use(void **state)
{
	int saved = fcntl(3, F_DUPFD_CLOEXEC, 100), zero;

	(void)state;
	zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	assert_true(zero >= 0);
	if (zero != 3)
		assert_int_equal(dup2(zero, 3), 3);
	(void)ask("fds");
	assert_non_null(strstr(said, " 3=socket: "));
	if (zero != 3)
		assert_int_equal(close(zero), 0);
	assert_int_equal(close(3), 0);
	if (saved >= 0) {
		assert_int_equal(dup2(saved, 3), 3);
		assert_int_equal(close(saved), 0);
	}
}

static void its_environment_is_named(void **state)
{
	(void)state;
	assert_int_equal(setenv("LD_PRELOAD", "", 1), 0);
	assert_int_equal(setenv("SECRET", "x", 1), 0);
	assert_int_equal(setenv("JOURNAL_STREAM", "8:9", 1), 0);
	assert_int_equal(unsetenv("TZ"), 0);
	assert_int_equal(unsetenv("ASAN_OPTIONS"), 0);
	assert_int_equal(unsetenv("UBSAN_OPTIONS"), 0);
	assert_string_equal(ask("environment"), "TZ=:/etc/localtime JOURNAL_STREAM=8:9 ");
	assert_int_equal(setenv("TZ", "UTC", 1), 0);
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
	assert_string_equal(ask("environment"), "TZ=UTC ");
	assert_int_equal(unsetenv("TZ"), 0);
	assert_int_equal(unsetenv("LD_PRELOAD"), 0);
}

static void its_signals_are_fresh(void **state)
{
	sigset_t all, old;

	(void)state;
	(void)sigfillset(&all);
	assert_int_equal(sigprocmask(SIG_SETMASK, &all, &old), 0);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)ask("signals");
	(void)signal(SIGPIPE, SIG_DFL);
	assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
	assert_string_equal(said, "masked=0 ignored=0 death=15 group=1");
}

static void a_failed_exec_is_told(void **state)
{
	struct privsep_child one = { .pid = -7, .pidfd = -7, .channel_fd = -7 };
	const char *const missing[] = { "/nonexistent/program", NULL };
	const char *const no_program[] = { "/etc/passwd", NULL };

	(void)state;
	assert_int_equal(privsep_spawn(missing, &one), -ENOENT);
	assert_int_equal(privsep_spawn(no_program, &one), -EACCES);
	assert_int_equal(one.pid, -7);
	/* No zombie stays. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void closing_by_hand(void **state)
{
	(void)state;
	for (int by_hand = 0; by_hand < 2; by_hand++) {
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			int low = fcntl(0, F_DUPFD, 20), high = fcntl(0, F_DUPFD, 800);

			if (low < 0 || high < 0 || spawn_close_from(low + 1, by_hand) < 0)
				_exit(1);
			/* The one below stays, those above are gone. */
			if (fcntl(low, F_GETFD) < 0 || fcntl(high, F_GETFD) >= 0 || errno != EBADF)
				_exit(2);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

/* A process between: it starts a lingering child, says its pid, and is killed. */
static void dies_with_its_parent(const char *what)
{
	struct privsep_child lingering;
	_cleanup_close_ int pidfd = -1;
	int pipes[2], status;
	pid_t middle, pid = 0;

	/* Orphans come to us, so that nothing else reaps this one before it was seen to end. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	middle = fork();
	assert_true(middle >= 0);
	if (middle == 0) {
		const char *const argv[] = { "/proc/self/exe", what, NULL };

		if (privsep_spawn(argv, &lingering) < 0 ||
		    /* It has come as far as its message. */
		    !becomes_readable(lingering.channel_fd, 20000) ||
		    write(pipes[1], &lingering.pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
		(void)poll(NULL, 0, 20000);
		_exit(2);
	}
	assert_int_equal(close(pipes[1]), 0);
	assert_int_equal(read(pipes[0], &pid, sizeof(pid)), sizeof(pid));
	assert_int_equal(close(pipes[0]), 0);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	assert_true(pidfd >= 0);
	assert_false(becomes_readable(pidfd, 0));
	assert_int_equal(kill(middle, SIGKILL), 0);
	assert_int_equal(waitpid(middle, NULL, 0), middle);
	assert_true(becomes_readable(pidfd, 10000));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

static void it_dies_with_its_parent(void **state)
{
	(void)state;
	dies_with_its_parent("linger");
}

static void it_dies_with_its_parent_after_a_drop(void **state)
{
	(void)state;
	if (getuid() != 0)
		skip();
	dies_with_its_parent("linger-dropped");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_inherits_four_descriptors),
		cmocka_unit_test(fd_3_may_be_in_use),
		cmocka_unit_test(its_environment_is_named),
		cmocka_unit_test(its_signals_are_fresh),
		cmocka_unit_test(a_failed_exec_is_told),
		cmocka_unit_test(closing_by_hand),
		cmocka_unit_test(it_dies_with_its_parent),
		cmocka_unit_test(it_dies_with_its_parent_after_a_drop),
	};

	if (argc > 1)
		return child(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
