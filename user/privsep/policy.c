/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which system calls each process may make. The analyst and the recorder read what strangers
 * wrote: they get a list, and anything else kills. bailiffd reads no stranger's text, calls
 * libraries with wide needs and starts other programs, which inherit its filter: from it is taken
 * what none of them ever needs.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "privsep/privsep.h"
#include "privsep/sandbox.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum answer {
	LET = 0,
	KILL,
	REFUSE, /* EPERM */
	NOT_THERE, /* ENOSYS: libc then takes its older way */
	NO_TERMINAL, /* ENOTTY */
};

/* One line of a policy. Several lines of one call are alternatives. */
struct line {
	int call;
	enum answer answer;
	bool checks;
	struct scmp_arg_cmp arg;
};

#define CALL(name) .call = SCMP_SYS(name)
#define IF(number, op, a, b) .checks = true, .arg = { number, SCMP_CMP_##op, a, b }

/* Tables: the comments stand in a column of their own. */
/* clang-format off */

/* What both sandboxed processes need: their loop, their channel, their memory. */
static const struct line common[] = {
	{ CALL(read) },			/* timers, signals, pipes, files that were handed over */
	{ CALL(write) },		/* stderr, files that were handed over */
	{ CALL(readv) },
	{ CALL(writev) },		/* glibc's last words before abort() */
	{ CALL(pread64) },		/* log files at a place; rule files; the database */
	{ CALL(lseek) },
	{ CALL(close) },
	{ CALL(recvmsg) },		/* channels */
	{ CALL(sendmsg) },
	{ CALL(getsockopt) },		/* channel_new: is it SEQPACKET; SO_PEERCRED */
	{ CALL(epoll_create1) },	/* the loop */
	{ CALL(epoll_ctl) },
	{ CALL(epoll_wait) },
	{ CALL(epoll_pwait) },		/* what epoll_wait is on arm64 */
	{ CALL(poll) },			/* channel_send_wait, and the end of a peer */
	{ CALL(ppoll) },		/* what poll is on arm64 */
	{ CALL(timerfd_create) },	/* loop_add_timer */
	{ CALL(timerfd_settime) },
	{ CALL(timerfd_gettime) },
	{ CALL(clock_gettime) },	/* where the vDSO cannot answer: no stable TSC */
	{ CALL(clock_getres) },
	{ CALL(gettimeofday) },
	{ CALL(time) },
	{ CALL(mmap), IF(2, MASKED_EQ, PROT_EXEC, 0) },	/* malloc; rings; database pages */
	{ CALL(mprotect), IF(2, MASKED_EQ, PROT_EXEC, 0) },	/* malloc */
	{ CALL(munmap) },
	{ CALL(mremap) },		/* realloc of large blocks; changes no protection */
	{ CALL(madvise) },		/* free */
	{ CALL(brk) },			/* malloc */
	{ CALL(futex) },		/* locks within libc */
	{ CALL(fcntl), IF(1, EQ, F_GETFL, 0) },	/* channel_new */
	{ CALL(fcntl), IF(1, EQ, F_SETFL, 0) },
	{ CALL(fcntl), IF(1, EQ, F_GETFD, 0) },
	{ CALL(fcntl), IF(1, EQ, F_SETFD, 0) },
	{ CALL(fcntl), IF(1, EQ, F_DUPFD_CLOEXEC, 0) },	/* an fd that waits in a channel's queue */
	{ CALL(fstat) },		/* sizes of log files: truncation */
	{ CALL(rt_sigaction) },		/* signals: loop, abort() */
	{ CALL(rt_sigprocmask) },
	{ CALL(rt_sigreturn) },
	{ CALL(sigaltstack) },
	{ CALL(restart_syscall) },	/* the kernel's own, after a stop */
	{ CALL(getpid) },
	{ CALL(gettid) },
	{ CALL(getppid) },		/* is bailiffd still there */
	{ CALL(getuid) },
	{ CALL(geteuid) },		/* SQLite asks before it would chown */
	{ CALL(getgid) },
	{ CALL(getegid) },
	{ CALL(getrandom) },		/* malloc's and the tables' seeds */
	{ CALL(getrusage) },		/* own use, for the heartbeat */
	{ CALL(ioctl), NO_TERMINAL },	/* stdio asks whether stderr is a terminal */
	{ CALL(exit) },
	{ CALL(exit_group) },
};

/* The analyst: common plus nothing but this. No path, no socket, no process. */
static const struct line analyst[] = {
	/* How fstat is made in glibc 2.33 to 2.38. The flag allows a path, too, and seccomp cannot
	 * look at it: owner, size and times of files that "nobody" could see stay visible. */
	{ CALL(newfstatat), IF(3, MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH) },
};

/* The recorder: SQLite and a log below one folder (landlock.c), readers of the status socket. */
static const struct line recorder[] = {
	{ CALL(openat) },		/* walled by Landlock */
	{ CALL(newfstatat) },		/* SQLite looks before it opens */
	{ CALL(statx) },
	{ CALL(access) },		/* is there a journal */
	{ CALL(faccessat) },
	{ CALL(faccessat2) },
	{ CALL(readlink) },		/* SQLite resolves the database's path */
	{ CALL(readlinkat) },
	{ CALL(getcwd) },
	{ CALL(unlink) },		/* -wal and -shm at the end; old logs */
	{ CALL(unlinkat) },
	{ CALL(rename) },		/* rotation; a damaged database set aside */
	{ CALL(renameat) },
	{ CALL(renameat2) },
	{ CALL(mkdir) },
	{ CALL(mkdirat) },
	{ CALL(rmdir) },
	{ CALL(getdents64) },		/* old logs */
	{ CALL(pwrite64) },		/* database pages */
	{ CALL(ftruncate) },		/* -wal, -shm */
	{ CALL(fallocate) },
	{ CALL(fsync) },
	{ CALL(fdatasync) },
	{ CALL(fchmod) },		/* log readable by adm */
	{ CALL(fchown) },		/* SQLite gives -wal the database's owner */
	{ CALL(fstatfs) },		/* free space */
	{ CALL(statfs) },
	{ CALL(utimensat) },
	{ CALL(fcntl), IF(1, EQ, F_GETLK, 0) },	/* database locks */
	{ CALL(fcntl), IF(1, EQ, F_SETLK, 0) },
	{ CALL(fcntl), IF(1, EQ, F_SETLKW, 0) },
	{ CALL(fcntl), IF(1, EQ, F_OFD_GETLK, 0) },
	{ CALL(fcntl), IF(1, EQ, F_OFD_SETLK, 0) },
	{ CALL(fcntl), IF(1, EQ, F_OFD_SETLKW, 0) },
	{ CALL(accept4) },		/* on the listening socket that bailiffd made */
	{ CALL(recvfrom) },		/* requests of readers */
	{ CALL(sendto) },		/* answers */
	{ CALL(shutdown) },
	{ CALL(clock_nanosleep) },	/* SQLite waits for a lock */
	{ CALL(nanosleep) },
};

/*
 * bailiffd, and whatever it starts: analyst, recorder, journalctl. Killed is what only an attacker
 * would try; refused is what a library may try and can do without.
 */
static const struct line enforcer[] = {
	/* Other processes' memory and descriptors. */
	{ CALL(ptrace), KILL },
	{ CALL(process_vm_readv), KILL },
	{ CALL(process_vm_writev), KILL },
	{ CALL(pidfd_getfd), KILL },
	{ CALL(process_madvise), REFUSE },
	/* Another kernel, or more of it. */
	{ CALL(init_module), KILL },
	{ CALL(finit_module), KILL },
	{ CALL(delete_module), KILL },
	{ CALL(kexec_load), KILL },
	{ CALL(kexec_file_load), KILL },
	{ CALL(reboot), KILL },
	/* Another view of the file system. bpffs is mounted before the filter. */
	{ CALL(mount), KILL },
	{ CALL(umount2), KILL },
	{ CALL(pivot_root), KILL },
	{ CALL(chroot), KILL },
	{ CALL(move_mount), KILL },
	{ CALL(open_tree), KILL },
	{ CALL(fsopen), KILL },
	{ CALL(fsconfig), KILL },
	{ CALL(fsmount), KILL },
	{ CALL(fspick), KILL },
	{ CALL(mount_setattr), KILL },
	/* New namespaces: none. Entered are only network ones, to cut connections in containers. */
	{ CALL(unshare), KILL },
	{ CALL(setns), KILL, IF(1, NE, CLONE_NEWNET, 0) },
	{ CALL(clone), KILL, IF(0, MASKED_EQ, CLONE_NEWNS, CLONE_NEWNS) },
	{ CALL(clone), KILL, IF(0, MASKED_EQ, CLONE_NEWCGROUP, CLONE_NEWCGROUP) },
	{ CALL(clone), KILL, IF(0, MASKED_EQ, CLONE_NEWUTS, CLONE_NEWUTS) },
	{ CALL(clone), KILL, IF(0, MASKED_EQ, CLONE_NEWIPC, CLONE_NEWIPC) },
	{ CALL(clone), KILL, IF(0, MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER) },
	{ CALL(clone), KILL, IF(0, MASKED_EQ, CLONE_NEWPID, CLONE_NEWPID) },
	{ CALL(clone), KILL, IF(0, MASKED_EQ, CLONE_NEWNET, CLONE_NEWNET) },
	{ CALL(clone3), NOT_THERE },	/* its flags are in memory, where seccomp cannot look */
	/* Machine-wide settings. */
	{ CALL(swapon), KILL },
	{ CALL(swapoff), KILL },
	{ CALL(settimeofday), REFUSE },
	{ CALL(clock_settime), REFUSE },
	{ CALL(clock_adjtime), REFUSE },
	{ CALL(adjtimex), REFUSE },
	{ CALL(sethostname), REFUSE },
	{ CALL(setdomainname), REFUSE },
	{ CALL(acct), REFUSE },
	{ CALL(quotactl), REFUSE },
	{ CALL(syslog), REFUSE },
	{ CALL(vhangup), REFUSE },
	/* Ports, segments, and the entries that exploits like best. */
	{ CALL(iopl), KILL },
	{ CALL(ioperm), KILL },
	{ CALL(modify_ldt), KILL },
	{ CALL(userfaultfd), KILL },
	{ CALL(io_uring_setup), NOT_THERE },
	{ CALL(io_uring_enter), NOT_THERE },
	{ CALL(io_uring_register), NOT_THERE },
	{ CALL(fanotify_init), REFUSE },
	{ CALL(personality), REFUSE },
	{ CALL(uselib), KILL },
	{ CALL(add_key), REFUSE },
	{ CALL(request_key), REFUSE },
	{ CALL(keyctl), REFUSE },
};

/* clang-format on */

static void free_filter(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

static bool only_logs(void)
{
#ifdef BAILIFF_DEBUG
	const char *wanted = getenv("BAILIFF_SANDBOX");

	return wanted && strcmp(wanted, "log") == 0;
#else
	return false;
#endif
}

static uint32_t kill_action(void)
{
	return only_logs() ? SCMP_ACT_LOG : SCMP_ACT_KILL_PROCESS;
}

static uint32_t action_of(enum answer answer)
{
	switch (answer) {
	case LET:
		return SCMP_ACT_ALLOW;
	case KILL:
		return kill_action();
	case REFUSE:
		return SCMP_ACT_ERRNO(EPERM);
	case NOT_THERE:
		return SCMP_ACT_ERRNO(ENOSYS);
	case NO_TERMINAL:
		return SCMP_ACT_ERRNO(ENOTTY);
	}
	return SCMP_ACT_KILL_PROCESS;
}

static int add_lines(scmp_filter_ctx filter, const struct line *lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int r = seccomp_rule_add_array(filter, action_of(lines[i].answer), lines[i].call,
					       lines[i].checks, &lines[i].arg);

		if (r < 0)
			return r;
	}
	return 0;
}

/* abort() signals its own thread; no other process can be meant. */
static int let_abort(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
}

static int fill(scmp_filter_ctx filter, enum privsep_role role)
{
	int r;

	r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r < 0)
		return r;
	switch (role) {
	case PRIVSEP_ENFORCER:
		return add_lines(filter, enforcer, ARRAY_SIZE(enforcer));
	case PRIVSEP_ANALYST:
		r = add_lines(filter, analyst, ARRAY_SIZE(analyst));
		break;
	case PRIVSEP_RECORDER:
		r = add_lines(filter, recorder, ARRAY_SIZE(recorder));
		break;
	case PRIVSEP_ROLE_MAX:
		return -EINVAL;
	}
	if (r == 0)
		r = add_lines(filter, common, ARRAY_SIZE(common));
	return r == 0 ? let_abort(filter) : r;
}

static int install(enum privsep_role role)
{
	_cleanup_(free_filter) scmp_filter_ctx filter = NULL;
	int r;

	filter = seccomp_init(role == PRIVSEP_ENFORCER ? SCMP_ACT_ALLOW : kill_action());
	if (!filter)
		return -ENOMEM;
	r = fill(filter, role);
	if (r < 0)
		return r;
	/* Sets no_new_privs, too, and covers every thread. */
	r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (r < 0)
		return r;
	return seccomp_load(filter);
}

int privsep_sandbox(enum privsep_role role, const char *folder, bool *ret_active)
{
	int r;

	if (role < PRIVSEP_ANALYST || role >= PRIVSEP_ROLE_MAX)
		return -EINVAL;
	/* ASan maps, writes and executes as it likes, and reads /proc when it reports. */
	if (SANITIZED) {
		*ret_active = false;
		return 0;
	}
	if (role == PRIVSEP_ANALYST) {
		r = sandbox_seal_memory();
		if (r < 0)
			return r;
	}
	if (role == PRIVSEP_RECORDER) {
		r = sandbox_wall(folder);
		if (r < 0)
			return r;
		if (r == 0)
			log_info("this kernel has no Landlock; files are walled by uid and mode "
				 "only");
	}
	r = install(role);
	if (r < 0)
		return r;
	*ret_active = !only_logs();
	return 0;
}
