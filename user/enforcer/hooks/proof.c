/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the verdict programs refuse here, tried out.
 *
 * A child takes an account that nobody has, does everything once to see that it can, gets a verdict
 * on that account, does everything again. Only what was possible before and is EPERM (or, of an
 * exec, SIGKILL) after counts as refused. Nobody else can have that account: it is above what
 * systemd and shadow give out, and below -1.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "enforcer/hooks/hooks.h"

#define PROOF_UID 0xfffffff0U
#define PROOF_OTHER_UID 0xfffffff1U
#define PROOF_LIMIT_S 60 /* it takes milliseconds, on a slow emulator a second */

static int wait_child(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

/* Each: true if it was possible; else errno tells. */

static bool can_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0 && wait_child(pid) == 0;
}

static bool can_make_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	(void)close(fd);
	return true;
}

/* Nobody is there: refused by the network, or before. */
static bool can_connect(int fd)
{
	static const char name[] = "\0bailiff-nobody-listens-here";
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	memcpy(to.sun_path, name, sizeof(name));
	return connect(fd, (struct sockaddr *)&to,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(name))) == 0 ||
	       errno == ECONNREFUSED;
}

static bool can_change_uid(void)
{
	uid_t to = geteuid() == PROOF_UID ? PROOF_OTHER_UID : PROOF_UID;

	return setresuid((uid_t)-1, to, (uid_t)-1) == 0;
}

static bool can_read(pid_t pid, const void *at)
{
	char byte;
	struct iovec to = { .iov_base = &byte, .iov_len = 1 };
	struct iovec from = { .iov_base = (void *)(uintptr_t)at, .iov_len = 1 };

	return process_vm_readv(pid, &to, 1, &from, 1, 0) == 1;
}

static void start_program(int self, int nothing)
{
	static char name[] = "bailiffd", option[] = "--version";
	char *argv[] = { name, option, NULL }, *envp[] = { NULL };

	(void)dup2(nothing, STDOUT_FILENO);
	(void)dup2(nothing, STDERR_FILENO);
	(void)fexecve(self, argv, envp);
}

static bool can_exec(int self, int nothing)
{
	pid_t pid = fork();

	if (pid == 0) {
		start_program(self, nothing);
		_exit(127);
	}
	return pid > 0 && wait_child(pid) == 0;
}

struct tried {
	int self, nothing, unix_socket;
	pid_t other; /* a process of the same account */
};

static uint32_t possible(const struct tried *tried)
{
	uint32_t can = 0;

	can |= can_fork() ? PROOF_FORK : 0;
	can |= can_make_socket() ? PROOF_SOCKET : 0;
	can |= can_connect(tried->unix_socket) ? PROOF_CONNECT : 0;
	can |= can_change_uid() ? PROOF_CRED : 0;
	can |= can_read(tried->other, tried) ? PROOF_PTRACE : 0;
	can |= can_exec(tried->self, tried->nothing) ? PROOF_EXEC : 0;
	return can;
}

static uint32_t refused(const struct tried *tried, uint32_t can)
{
	uint32_t no = 0;

	no |= !can_fork() && errno == EPERM ? PROOF_FORK : 0;
	no |= !can_make_socket() && errno == EPERM ? PROOF_SOCKET : 0;
	no |= !can_connect(tried->unix_socket) && errno == EPERM ? PROOF_CONNECT : 0;
	no |= !can_change_uid() && errno == EPERM ? PROOF_CRED : 0;
	no |= !can_read(tried->other, tried) && errno == EPERM ? PROOF_PTRACE : 0;
	return no & can;
}

/* It shall be readable: a child is, for yama; all its ids must be the reader's, and after a change
 * of account its memory is protected until it says otherwise. */
static pid_t start_other(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (setresuid(PROOF_UID, PROOF_UID, PROOF_UID) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
			_exit(1);
		for (;;)
			(void)pause();
	}
	return pid;
}

static _Noreturn void child(int to, int self, int nothing)
{
	struct tried tried = { .self = self, .nothing = nothing };
	uint32_t can, no;
	char go;

	(void)alarm(PROOF_LIMIT_S);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	tried.unix_socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (tried.unix_socket < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(PROOF_UID, PROOF_UID, PROOF_UID) < 0 ||
	    setresuid(PROOF_UID, PROOF_UID, PROOF_OTHER_UID) < 0)
		_exit(1);
	tried.other = start_other();
	/* Until it has said that it may be read. */
	for (int i = 0; i < 1000 && tried.other > 0 && !can_read(tried.other, &tried); i++)
		(void)usleep(1000);
	can = possible(&tried);
	if (write(to, &can, sizeof(can)) != (ssize_t)sizeof(can) || read(to, &go, 1) != 1)
		_exit(1);
	no = refused(&tried, can);
	(void)kill(tried.other, SIGKILL);
	if (write(to, &no, sizeof(no)) != (ssize_t)sizeof(no))
		_exit(1);
	if (can & PROOF_EXEC)
		start_program(self, nothing);
	_exit(errno == EPERM ? 3 : 4);
}

static int put_verdict(int uids_fd, int any_fd, uint32_t life)
{
	struct bl_verdict verdict = {
		.expires_boot_ns = clock_boot_ns() + PROOF_LIMIT_S * NSEC_PER_SEC,
		.flags = BL_VERDICT_ALL | BL_VERDICT_PROOF,
		.decision = life,
	};
	uint32_t uid = PROOF_UID;
	int r = hooks_count_verdicts(any_fd, 1);

	if (r < 0)
		return r;
	return bpf_map_update_elem(uids_fd, &uid, &verdict, BPF_ANY) < 0 ? -errno : 0;
}

static void remove_verdict(int uids_fd, int any_fd)
{
	uint32_t uid = PROOF_UID;

	(void)bpf_map_delete_elem(uids_fd, &uid);
	(void)hooks_count_verdicts(any_fd, -1);
}

/* The parent's side; status of the child when it has ended. */
static int watch(int from, pid_t pid, int uids_fd, int any_fd, uint32_t life)
{
	uint32_t can = 0, no = 0;
	bool told;
	int status, r;

	if (read(from, &can, sizeof(can)) != (ssize_t)sizeof(can)) {
		(void)kill(pid, SIGKILL);
		(void)wait_child(pid);
		return -EIO;
	}
	r = put_verdict(uids_fd, any_fd, life);
	told = r == 0 && write(from, "g", 1) == 1 &&
	       read(from, &no, sizeof(no)) == (ssize_t)sizeof(no);
	if (!told)
		(void)kill(pid, SIGKILL);
	status = wait_child(pid);
	remove_verdict(uids_fd, any_fd);
	if (r < 0 || !told)
		return r < 0 ? r : -EIO;
	if (can & PROOF_EXEC && ((WIFEXITED(status) && WEXITSTATUS(status) == 3) ||
				 (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)))
		no |= PROOF_EXEC;
	return (int)no;
}

int hooks_prove(int uids_fd, int any_fd, uint32_t life)
{
	_cleanup_close_ int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	_cleanup_close_ int ours = -1, theirs = -1;
	int pair[2];
	pid_t pid;

	if (self < 0 || nothing < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child(theirs, self, nothing);
	base_closep(&theirs);
	theirs = -1;
	return watch(ours, pid, uids_fd, any_fd, life);
}
