/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who could still get in and become root.
 *
 * Read from /etc/passwd, group and shadow at each question, which is asked when an operator or a
 * rule locks an account out, so seldom. What cannot be read is taken as no way in: then the answer
 * errs towards refusing, and an operator has his force.
 */
#include "enforcer/lockouts/accounts.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define LINE_MAX_BYTES 65536 /* a longer line of a group hides its members */
#define ADMINS_MAX 256 /* more than that is not the question */

struct admins {
	const struct accounts_ask *ask;
	gid_t gid[3];
	size_t gids;
	char *name[ADMINS_MAX];
	size_t names;
};

static FILE *open_file(int root_fd, const char *path)
{
	int fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

	if (!file && fd >= 0)
		(void)close(fd);
	return file;
}

static int read_groups(struct admins *admins)
{
	_cleanup_fclose_ FILE *file = open_file(admins->ask->root_fd, "etc/group");
	_cleanup_free_ char *buffer = malloc(LINE_MAX_BYTES);
	struct group group, *found;
	int r;

	if (!buffer)
		return -ENOMEM;
	if (!file)
		return -errno;
	while ((r = fgetgrent_r(file, &group, buffer, LINE_MAX_BYTES, &found)) == 0) {
		if (strcmp(group.gr_name, "sudo") != 0 && strcmp(group.gr_name, "wheel") != 0 &&
		    strcmp(group.gr_name, "admin") != 0)
			continue;
		if (admins->gids < ARRAY_SIZE(admins->gid))
			admins->gid[admins->gids++] = group.gr_gid;
		for (char **name = group.gr_mem; *name && admins->names < ADMINS_MAX; name++) {
			admins->name[admins->names] = strdup(*name);
			if (!admins->name[admins->names++])
				return -ENOMEM;
		}
	}
	return r == ENOENT ? 0 : -r;
}

static bool is_admin(const struct admins *admins, const struct passwd *account)
{
	const struct accounts_ask *ask = admins->ask;

	if (account->pw_uid == 0 || ask->exempt(account->pw_uid, ask->arg))
		return true;
	for (size_t i = 0; i < admins->gids; i++)
		if (account->pw_gid == admins->gid[i])
			return true;
	for (size_t i = 0; i < admins->names; i++)
		if (admins->name[i] && !strcmp(admins->name[i], account->pw_name))
			return true;
	return false;
}

/* "!", "*" and what begins with them is no password's hash; an empty one is none that sshd
 * takes. */
static bool has_password(int root_fd, const char *name)
{
	_cleanup_fclose_ FILE *file = open_file(root_fd, "etc/shadow");
	_cleanup_free_ char *buffer = malloc(LINE_MAX_BYTES);
	struct spwd shadow, *found;

	if (!file || !buffer)
		return false;
	while (fgetspent_r(file, &shadow, buffer, LINE_MAX_BYTES, &found) == 0)
		if (!strcmp(shadow.sp_namp, name))
			return shadow.sp_pwdp[0] != '\0' && shadow.sp_pwdp[0] != '!' &&
			       shadow.sp_pwdp[0] != '*';
	return false;
}

static bool has_key(int root_fd, const char *home)
{
	char path[512];
	struct stat st;
	int n;

	while (*home == '/')
		home++;
	n = snprintf(path, sizeof(path), "%s%s.ssh/authorized_keys", home, *home ? "/" : "");
	if (n < 0 || (size_t)n >= sizeof(path))
		return false;
	return fstatat(root_fd, path, &st, 0) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

static bool has_shell(const char *shell)
{
	const char *base = strrchr(shell, '/');

	base = base ? base + 1 : shell;
	return strcmp(base, "nologin") != 0 && strcmp(base, "false") != 0;
}

static bool has_way_in(const struct admins *admins, const struct passwd *account)
{
	const struct accounts_ask *ask = admins->ask;

	return has_shell(account->pw_shell) && !ask->locked(account->pw_uid, ask->arg) &&
	       (has_password(ask->root_fd, account->pw_name) ||
		has_key(ask->root_fd, account->pw_dir));
}

/* Is the account an administrator's, and is there another one with a way in? */
static int look(const struct admins *admins, bool *ret_is_admin, bool *ret_other)
{
	_cleanup_fclose_ FILE *file = open_file(admins->ask->root_fd, "etc/passwd");
	_cleanup_free_ char *buffer = malloc(LINE_MAX_BYTES);
	struct passwd account, *found;
	int r;

	if (!buffer)
		return -ENOMEM;
	if (!file)
		return -errno;
	while ((r = fgetpwent_r(file, &account, buffer, LINE_MAX_BYTES, &found)) == 0) {
		if (!is_admin(admins, &account))
			continue;
		if (account.pw_uid == admins->ask->uid)
			*ret_is_admin = true;
		else
			*ret_other |= has_way_in(admins, &account);
	}
	return r == ENOENT ? 0 : -r;
}

int accounts_other_admin(const struct accounts_ask *ask)
{
	struct admins admins = { .ask = ask };
	bool admin = false, other = false;
	int r = read_groups(&admins);

	if (r == 0)
		r = look(&admins, &admin, &other);
	for (size_t i = 0; i < admins.names; i++)
		free(admins.name[i]);
	return r < 0 ? r : !admin || other;
}
