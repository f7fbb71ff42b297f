/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starts a program of another trust domain. Executed anew, with nothing inherited but stderr, one
 * socket and the few variables named here.
 */
#include "privsep/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "privsep/privsep.h"

#define REPORT_FD 4 /* close-on-exec pipe on which a failed exec tells its errno */
#define HIGH_FD 16 /* fds are moved above this before the low ones are filled */

/* Variables that go on, if set. */
static const char *const passed[] = {
	"JOURNAL_STREAM", /* log.c: is stderr the journal */
#ifdef BAILIFF_DEBUG
	"BAILIFF_SANDBOX",
#endif
#if defined(BAILIFF_DEBUG) || defined(__SANITIZE_ADDRESS__)
	"ASAN_OPTIONS",
	"UBSAN_OPTIONS",
#endif
};

static int close_listed(int first)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		char *end;
		long fd = strtol(entry->d_name, &end, 10);

		if (*end == '\0' && end != entry->d_name && fd >= first && fd != dirfd(dir))
			(void)close((int)fd);
	}
	(void)closedir(dir);
	return 0;
}

static void close_counted(int first)
{
	struct rlimit limit;
	int last = 65536;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < (rlim_t)last)
		last = (int)limit.rlim_max;
	for (int fd = first; fd < last; fd++)
		(void)close(fd);
}

int spawn_close_from(int first, bool by_hand)
{
	/* FIXME: by hand only until 5.9 is the oldest kernel (close_range, 278a5fbaed89). */
	if (!by_hand && syscall(SYS_close_range, (unsigned int)first, UINT_MAX, 0U) == 0)
		return 0;
	if (!by_hand && errno != ENOSYS && errno != EPERM)
		return -errno;
	/* A limit may have been lowered after a higher fd was opened: the list is better. */
	if (close_listed(first) < 0)
		close_counted(first);
	return 0;
}

static int move_high(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);
}

/* fds 0 and 1: nothing; 2: stderr as it is; 3: the channel; 4: REPORT_FD. */
static int arrange_fds(int channel_fd, int report_fd)
{
	int null;

	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return -errno;
	null = move_high(null);
	channel_fd = move_high(channel_fd);
	report_fd = move_high(report_fd);
	if (null < 0 || channel_fd < 0 || report_fd < 0)
		return -errno;
	if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(channel_fd, PRIVSEP_FD) < 0 || dup3(report_fd, REPORT_FD, O_CLOEXEC) < 0)
		return -errno;
	return spawn_close_from(REPORT_FD + 1, false);
}

static int reset_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	(void)sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? -errno : 0;
}

static int die_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
		return -errno;
	/* The parent may have died before that. */
	return getppid() == parent ? 0 : -ESRCH;
}

static int execute(const char *const argv[])
{
	char zone[256], variable[ARRAY_SIZE(passed)][256];
	char *environment[ARRAY_SIZE(passed) + 2];
	const char *tz = getenv("TZ");
	char *const *args;
	size_t count = 0;

	/*
	 * With TZ unset glibc looks at /etc/localtime again at every mktime(), which a process
	 * without a file system cannot do; named explicitly, it is read once.
	 */
	(void)snprintf(zone, sizeof(zone), "TZ=%s", tz && *tz ? tz : ":/etc/localtime");
	environment[count++] = zone;
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++) {
		const char *value = getenv(passed[i]);
		int len;

		if (!value)
			continue;
		len = snprintf(variable[i], sizeof(variable[i]), "%s=%s", passed[i], value);
		if (len > 0 && (size_t)len < sizeof(variable[i]))
			environment[count++] = variable[i];
	}
	environment[count] = NULL;
	/* execve takes no const for historical reasons; it writes nothing. */
	memcpy(&args, &argv, sizeof(args));
	(void)execve(argv[0], args, environment);
	return -errno;
}

static void run_child(const char *const argv[], pid_t parent, int channel_fd, int report_fd)
{
	int r;

	r = arrange_fds(channel_fd, report_fd);
	if (r == 0)
		r = reset_signals();
	/* A group of its own: Ctrl-C at bailiffd's terminal is for bailiffd, which ends us. */
	if (r == 0 && setpgid(0, 0) < 0)
		r = -errno;
	if (r == 0)
		r = die_with(parent);
	if (r == 0)
		r = execute(argv);
	if (write(REPORT_FD, &r, sizeof(r)) < 0)
		_exit(126);
	_exit(127);
}

/* 0 when exec succeeded: the pipe closed without a word. */
static int read_report(int fd)
{
	ssize_t got;
	int r = 0;

	do {
		got = read(fd, &r, sizeof(r));
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	if (got == 0)
		return 0;
	return r < 0 ? r : -EIO;
}

int privsep_spawn(const char *const argv[], struct privsep_child *ret)
{
	_cleanup_close_ int ours = -1, theirs = -1, report_read = -1, report_write = -1;
	int pair[2], report[2], pidfd, r;
	pid_t parent = getpid(), pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	report_read = report[0];
	report_write = report[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		run_child(argv, parent, theirs, report_write);
	(void)close(TAKE_FD(report_write));
	(void)close(TAKE_FD(theirs));
	r = read_report(report_read);
	/* Not reaped yet, so the pid is still this child's. */
	pidfd = r < 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	if (r == 0 && pidfd < 0)
		r = -errno;
	if (r < 0) {
		(void)kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			continue;
		return r;
	}
	*ret = (struct privsep_child){ .pid = pid, .pidfd = pidfd, .channel_fd = TAKE_FD(ours) };
	return 0;
}
