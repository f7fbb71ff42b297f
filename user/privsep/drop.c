/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Giving up privilege, and proving that it is gone: what is only believed to be dropped is the
 * classic hole, so every step is read back and the way back is tried.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "privsep/privsep.h"

static void free_caps(cap_t *caps)
{
	if (*caps)
		(void)cap_free(*caps);
}

/* A number stands for an account that need not exist; its group has the same number. */
static int number_of(const char *user, uid_t *ret_uid, gid_t *ret_gid)
{
	unsigned long number;

	if (strlen(user) > 9 || strspn(user, "0123456789") != strlen(user))
		return -ESRCH;
	number = strtoul(user, NULL, 10);
	if (!number)
		return -ESRCH;
	*ret_uid = (uid_t)number;
	*ret_gid = (gid_t)number;
	return 0;
}

static int find_user(const char *user, uid_t *ret_uid, gid_t *ret_gid)
{
	_cleanup_free_ char *buffer = NULL;
	struct passwd entry, *found = NULL;
	const size_t size = 65536; /* of one entry; the longest line is a few hundred bytes */
	int r;

	buffer = malloc(size);
	if (!buffer)
		return -ENOMEM;
	r = getpwnam_r(user, &entry, buffer, size, &found);
	if (r)
		return -r;
	if (!found)
		return number_of(user, ret_uid, ret_gid);
	*ret_uid = entry.pw_uid;
	*ret_gid = entry.pw_gid;
	return 0;
}

static bool is_kept(int cap, const int *keep, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (keep[i] == cap)
			return true;
	}
	return false;
}

/* The bounding set, which limits what an exec as uid 0 gives. Needs CAP_SETPCAP. */
static int bound_caps(const int *keep, size_t count)
{
	for (int cap = 0; cap < cap_max_bits(); cap++) {
		if (is_kept(cap, keep, count) || prctl(PR_CAPBSET_READ, cap) <= 0)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap) < 0)
			return -errno;
	}
	return 0;
}

/* Permitted and effective become exactly keep, inheritable and ambient become empty. */
static int set_caps(const int *keep, size_t count)
{
	_cleanup_(free_caps) cap_t caps = cap_init();

	if (!caps)
		return -ENOMEM;
	if (count && (cap_set_flag(caps, CAP_PERMITTED, (int)count, keep, CAP_SET) < 0 ||
		      cap_set_flag(caps, CAP_EFFECTIVE, (int)count, keep, CAP_SET) < 0))
		return -errno;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	return cap_set_proc(caps) < 0 ? -errno : 0;
}

static int check_caps(const int *keep, size_t count, bool bounding)
{
	_cleanup_(free_caps) cap_t caps = cap_get_proc();

	if (!caps)
		return -errno;
	for (int cap = 0; cap < cap_max_bits(); cap++) {
		bool kept = is_kept(cap, keep, count);

		for (int flag = CAP_EFFECTIVE; flag <= CAP_INHERITABLE; flag++) {
			cap_flag_value_t value = CAP_CLEAR;
			bool wanted = kept && flag != CAP_INHERITABLE;

			if (cap_get_flag(caps, cap, (cap_flag_t)flag, &value) < 0)
				return -errno;
			if ((value == CAP_SET) != wanted)
				return -EPERM;
		}
		if (bounding && !kept && prctl(PR_CAPBSET_READ, cap) != 0)
			return -EPERM;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) != 0)
			return -EPERM;
	}
	return 0;
}

bool privsep_has_cap(int cap)
{
	_cleanup_(free_caps) cap_t caps = cap_get_proc();
	cap_flag_value_t value = CAP_CLEAR;

	return caps && cap_get_flag(caps, cap, CAP_PERMITTED, &value) == 0 && value == CAP_SET;
}

int privsep_keep_caps(const int *caps, size_t count)
{
	int r;

	r = bound_caps(caps, count);
	if (r < 0)
		return r;
	r = set_caps(caps, count);
	if (r < 0)
		return r;
	return check_caps(caps, count, true);
}

static int change_user(uid_t uid, gid_t gid)
{
	int signal = 0;
	pid_t parent = getppid();

	if (prctl(PR_GET_PDEATHSIG, &signal) < 0)
		return -errno;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	/* The kernel forgets the parent-death signal when credentials change (commit_creds). */
	if (signal && prctl(PR_SET_PDEATHSIG, signal) < 0)
		return -errno;
	return signal && getppid() != parent ? -ESRCH : 0;
}

/* Every way back must be refused; one that works is worse than a drop that failed. */
static int try_way_back(void)
{
	_cleanup_(free_caps) cap_t caps = cap_init();
	const cap_value_t wanted[] = { CAP_SETUID, CAP_SYS_ADMIN, CAP_DAC_OVERRIDE };

	if (!caps)
		return -ENOMEM;
	if (setuid(0) == 0 || setreuid(0, 0) == 0 || setresuid(0, 0, 0) == 0)
		return -EPERM;
	if (getgid() != 0 && (setgid(0) == 0 || setresgid(0, 0, 0) == 0))
		return -EPERM;
	if (setgroups(0, NULL) == 0)
		return -EPERM;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (cap_set_flag(caps, CAP_PERMITTED, 1, &wanted[i], CAP_SET) < 0)
			return -errno;
		if (cap_set_proc(caps) == 0 || cap_clear(caps) < 0)
			return -EPERM;
	}
	return 0;
}

static int check_ids(uid_t uid, gid_t gid, bool no_groups)
{
	uid_t real_uid, effective_uid, saved_uid;
	gid_t real_gid, effective_gid, saved_gid;

	if (getresuid(&real_uid, &effective_uid, &saved_uid) < 0 ||
	    getresgid(&real_gid, &effective_gid, &saved_gid) < 0)
		return -errno;
	if (uid == 0 || real_uid != uid || effective_uid != uid || saved_uid != uid)
		return -EPERM;
	if (real_gid != gid || effective_gid != gid || saved_gid != gid)
		return -EPERM;
	if (no_groups && getgroups(0, NULL) != 0)
		return -EPERM;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -EPERM;
}

int privsep_drop(const char *user)
{
	bool change = user && *user;
	uid_t uid = getuid();
	gid_t gid = getgid();
	int r;

	if (change) {
		r = find_user(user, &uid, &gid);
		if (r < 0)
			return r;
	}
	if (uid == 0)
		return -EPERM;
	/* Without root nobody may touch the bounding set, and no_new_privs makes it moot. */
	r = bound_caps(NULL, 0);
	if (r < 0 && change)
		return r;
	if (change) {
		r = change_user(uid, gid);
		if (r < 0)
			return r;
	}
	r = set_caps(NULL, 0);
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	r = check_ids(uid, gid, change);
	if (r < 0)
		return r;
	r = check_caps(NULL, 0, change);
	if (r < 0)
		return r;
	return try_way_back();
}
