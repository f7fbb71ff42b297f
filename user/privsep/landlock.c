/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Landlock by raw system call: Debian 12's libc has no wrapper, its kernel header stops at ABI 2.
 */
#include "privsep/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/cleanup.h"

/* Rights by the ABI that brought them: 2 in 5.19, 3 in 6.2, 5 in 6.10. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif

#define ABI_1_RIGHTS ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

/* What the recorder does in its folder: the database with its -wal and -shm, the log and its
 * rotation. No devices, sockets, links; nothing is executed. */
#define FOLDER_RIGHTS                                                     \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |     \
	 LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	 LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_DIR |    \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE)

static uint64_t rights_of(int abi)
{
	uint64_t rights = ABI_1_RIGHTS;

	if (abi >= 2)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi >= 5)
		rights |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	return rights;
}

static int let_through(int ruleset, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights };
	_cleanup_close_ int fd = -1;

	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rule.parent_fd = fd;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U) < 0)
		return -errno;
	return 0;
}

int sandbox_wall(const char *folder)
{
	struct landlock_ruleset_attr all = { 0 };
	_cleanup_close_ int ruleset = -1;
	int abi, r;

	abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0UL, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
	all.handled_access_fs = rights_of(abi);
	/* The first member only: kernels before 6.7 know no other. */
	ruleset =
		(int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all.handled_access_fs), 0U);
	if (ruleset < 0)
		return -errno;
	r = let_through(ruleset, folder, FOLDER_RIGHTS & rights_of(abi));
	if (r < 0)
		return r;
	/* Without it SQLite takes the time for randomness; a host without it is odd, not broken. */
	r = let_through(ruleset, "/dev/urandom", LANDLOCK_ACCESS_FS_READ_FILE);
	if (r < 0 && r != -ENOENT)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, ruleset, 0U) < 0)
		return -errno;
	return 1;
}
