/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes as /proc shows them.
 *
 * A process names itself (comm may hold brackets, blanks, newlines), so the numbers of its stat
 * line are counted from the LAST closing bracket.
 */
#include "enforcer/session/processes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* A line per mounted v1 hierarchy comes before the one that counts. */
#define CGROUP_FILE_MAX 8192

/* Of /proc/PID/stat, counted from 1 (proc(5)). */
#define FIELD_PARENT 4
#define FIELD_THREADS 20
#define FIELD_START 22

static int number(const char **at, const char *end, uint64_t *ret)
{
	uint64_t value = 0;
	const char *p = *at;

	if (p < end && *p == '-')
		p++;
	if (p == end || *p < '0' || *p > '9')
		return -EINVAL;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (uint64_t)(*p - '0');
	*at = p;
	*ret = value;
	return 0;
}

int process_parse_stat(const char *text, size_t len, uint64_t ticks_per_second, struct process *ret)
{
	const char *end = text + len, *at = text, *open, *close;
	struct process process = {};
	uint64_t value;
	int r;

	r = number(&at, end, &value);
	if (r < 0 || value == 0 || value > INT32_MAX || ticks_per_second == 0)
		return -EINVAL;
	process.pid = (pid_t)value;
	open = memchr(at, '(', (size_t)(end - at));
	close = memrchr(at, ')', (size_t)(end - at));
	if (!open || !close || close < open || end - close < 4 || close[1] != ' ' ||
	    close[3] != ' ')
		return -EINVAL;
	text_copy_len(process.comm, sizeof(process.comm), open + 1, (size_t)(close - open - 1));
	process.state = close[2];
	at = close + 4;
	for (int field = FIELD_PARENT; field <= FIELD_START; field++) {
		r = number(&at, end, &value);
		if (r < 0)
			return r;
		if (field == FIELD_PARENT)
			process.parent = (pid_t)value;
		if (field == FIELD_THREADS)
			process.threads = (uint32_t)value;
		if (at < end)
			at++;
	}
	process.start_ns = value * (NSEC_PER_SEC / ticks_per_second);
	process.auid = BL_UNSET;
	process.audit_session = BL_UNSET;
	*ret = process;
	return 0;
}

void process_parse_cgroup(const char *text, size_t len, char ret_path[PROCESS_CGROUP_MAX])
{
	static const char deleted[] = " (deleted)";
	const char *end = text + len;

	ret_path[0] = '\0';
	for (const char *line = text; line < end;) {
		const char *eol = memchr(line, '\n', (size_t)(end - line));
		size_t n = (size_t)((eol ? eol : end) - line);

		if (n > 3 && !memcmp(line, "0::/", 4)) {
			size_t whole = n - 3;

			line += 3;
			n = whole;
			if (n >= sizeof(deleted) - 1 &&
			    !memcmp(line + n - (sizeof(deleted) - 1), deleted, sizeof(deleted) - 1))
				return;
			/* Users name cgroups below their manager's; a long name must not hide where
			 * a process is. */
			while (n >= PROCESS_CGROUP_MAX || (n < whole && n > 1 && line[n] != '/'))
				n--;
			text_copy_len(ret_path, PROCESS_CGROUP_MAX, line, n);
			return;
		}
		line += n + 1;
	}
}

/* A file of /proc/PID into text, cut at size; its length or -errno. */
static ssize_t read_part(int dir_fd, const char *name, char *text, size_t size)
{
	_cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return n;
}

static uint32_t read_id(int dir_fd, const char *name)
{
	char text[32];
	ssize_t n = read_part(dir_fd, name, text, sizeof(text));
	const char *at = text;
	uint64_t value;

	if (n <= 0 || number(&at, text + n, &value) < 0)
		return BL_UNSET;
	return (uint32_t)value;
}

static int read_process(int dir_fd, bool all, struct process *ret)
{
	static long ticks;
	char text[PROCESS_STAT_MAX], cgroup[CGROUP_FILE_MAX];
	uint32_t auid = read_id(dir_fd, "loginuid");
	uint32_t audit_session = read_id(dir_fd, "sessionid");
	ssize_t n;
	int r;

	if (!ticks)
		ticks = sysconf(_SC_CLK_TCK);
	if (!all && auid == BL_UNSET && audit_session == BL_UNSET)
		return -ENODATA;
	n = read_part(dir_fd, "stat", text, sizeof(text));
	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	r = process_parse_stat(text, (size_t)n, (uint64_t)ticks, ret);
	if (r < 0)
		return r;
	n = read_part(dir_fd, "cgroup", cgroup, sizeof(cgroup));
	process_parse_cgroup(cgroup, n > 0 ? (size_t)n : 0, ret->cgroup);
	ret->auid = auid;
	ret->audit_session = audit_session;
	return 0;
}

int process_read(pid_t pid, struct process *ret)
{
	_cleanup_close_ int fd = -1;
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return read_process(fd, true, ret);
}

int processes_each(bool all, process_fn fn, void *arg)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	const struct dirent *entry;
	int r;

	if (!dir)
		return -errno;
	for (;;) {
		_cleanup_close_ int fd = -1;
		struct process process;

		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return -errno;
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		/* Processes end while one looks; those are no error. */
		if (fd < 0 || read_process(fd, all, &process) < 0)
			continue;
		r = fn(&process, arg);
		if (r)
			return r;
	}
}

int process_open(const struct process *process)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	struct process now;
	int r;

	if (fd < 0)
		return -errno;
	/* The pidfd holds whoever has the pid; only after that a look at /proc proves who. */
	r = process_read(process->pid, &now);
	if (r < 0)
		return r;
	if (now.start_ns != process->start_ns)
		return -ESRCH;
	return TAKE_FD(fd);
}

int process_signal(const struct process *process, int signal)
{
	_cleanup_close_ int fd = process_open(process);

	if (fd < 0)
		return fd;
	return syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) < 0 ? -errno : 0;
}

bool process_runs(const struct process *process)
{
	/* A zombie runs nothing any more, its parent has only not asked for its status yet. But
	 * a leader that has left its other threads running looks the same except for them. */
	return (process->state != 'Z' && process->state != 'X') || process->threads > 1;
}

bool process_ended(const struct process *process)
{
	struct process now;

	return process_read(process->pid, &now) < 0 || now.start_ns != process->start_ns ||
	       !process_runs(&now);
}

void process_exe(const struct process *process, char *ret, size_t size)
{
	char path[48];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)process->pid);
	n = readlink(path, ret, size - 1);
	if (n > 0)
		ret[n] = '\0';
	else
		(void)snprintf(ret, size, "[%s]", process->comm);
}
