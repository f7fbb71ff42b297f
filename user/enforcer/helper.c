/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs that are not ours, run as nobody in particular: journalctl, bailiffctl watch.
 *
 * Between fork and exec only calls that are safe there: one thread, but the rule costs nothing.
 */
#include "enforcer/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/log.h"

int helper_account(const char *name, uint32_t fallback, struct helper_ids *ret)
{
	const struct passwd *user = getpwnam(name);

	*ret = (struct helper_ids){ .uid = fallback, .gid = fallback, .group = (gid_t)-1 };
	if (!user)
		return 1;
	ret->uid = user->pw_uid;
	ret->gid = user->pw_gid;
	return 0;
}

int helper_group(const char *name, gid_t *ret)
{
	const struct group *group = getgrnam(name);

	if (!group)
		return -ENOENT;
	*ret = group->gr_gid;
	return 0;
}

static void close_rest(void)
{
	/* FIXME: the loop shall be removed once 5.9 is the oldest kernel (close_range,
	 * 278a5fbaed89). */
	if (syscall(SYS_close_range, 3U, ~0U, 0U) < 0)
		for (int fd = 3; fd < 4096; fd++)
			(void)close(fd);
}

static int become(const struct helper_ids *ids)
{
	if (geteuid() != 0)
		return 0;
	if (setgroups(ids->group == (gid_t)-1 ? 0 : 1, &ids->group) < 0 ||
	    setresgid(ids->gid, ids->gid, ids->gid) < 0 ||
	    setresuid(ids->uid, ids->uid, ids->uid) < 0)
		return -1;
	/* setresuid from 0 clears all capabilities but the bounding set, which no_new_privs makes
	 * worthless. It also cleared the parent-death signal (commit_creds). */
	return setuid(0) == 0 ? -1 : 0;
}

static void run(const char *const argv[], const struct helper_ids *ids, int out, pid_t parent)
{
	/* SYSTEMD_… and LC_ALL: no pager, no colour, no translation. */
	static char path[] = "PATH=/usr/bin:/bin",
		    pager[] = "SYSTEMD_PAGER=", locale[] = "LC_ALL=C.UTF-8";
	char *environment[] = { path, pager, locale, NULL };
	char *const *args;
	sigset_t none;

	(void)sigemptyset(&none);
	for (int signo = 1; signo < NSIG; signo++)
		(void)signal(signo, SIG_DFL);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		_exit(126);
	if (dup2(out, STDOUT_FILENO) < 0)
		_exit(126);
	(void)close(STDIN_FILENO);
	if (open("/dev/null", O_RDONLY) != STDIN_FILENO)
		_exit(126);
	close_rest();
	if (setpgid(0, 0) < 0 || become(ids) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
		_exit(126);
	memcpy(&args, &argv, sizeof(args));
	(void)execve(argv[0], args, environment);
	_exit(127);
}

int helper_spawn(const char *const argv[], const struct helper_ids *ids, int out,
		 struct helper *ret)
{
	pid_t parent = getpid(), pid = fork();
	int pidfd;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		run(argv, ids, out, parent);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		int r = -errno;

		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return r;
	}
	*ret = (struct helper){ .pid = pid, .pidfd = pidfd };
	return 0;
}

int helper_end(struct helper *helper)
{
	int status = 0;

	if (helper->pid <= 0)
		return -ESRCH;
	/* Not reaped yet, so the number is still its own. */
	(void)kill(helper->pid, SIGKILL);
	while (waitpid(helper->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (helper->pidfd >= 0)
		(void)close(helper->pidfd);
	*helper = (struct helper){ .pid = 0, .pidfd = -1 };
	return status;
}

int helper_reap(pid_t pid, int *ret_status)
{
	int status;
	pid_t got = waitpid(pid, &status, WNOHANG);

	if (got < 0)
		return -errno;
	if (got == 0)
		return 0;
	*ret_status = status;
	return 1;
}

int helper_canary(pid_t *ret_pid)
{
	static char self[] = "/proc/self/exe", name[] = "bailiffd", option[] = "--canary";
	char *args[] = { name, option, NULL }, *environment[] = { NULL };
	int r = posix_spawn(ret_pid, self, NULL, NULL, args, environment);

	return -r;
}
