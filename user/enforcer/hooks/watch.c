/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which files and folders are watched for writing: bl_watched.
 *
 * Found anew every minute, because users come and folders are made. A folder of a user's is walked
 * to without following a symbolic link of his, and counts only if it is his own, so that nobody has
 * another's folder watched. Homes on the network are left out: asking for them may hang.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/log.h"
#include "enforcer/hooks/hooks.h"

#define LOGIN BL_SIGNAL_LOGIN_FILE
#define STARTUP BL_SIGNAL_STARTUP_FILE
#define CRON (STARTUP | BL_WATCH_CRON)
#define AT (STARTUP | BL_WATCH_AT)
#define USERS_MAX 4096 /* accounts whose homes are looked at */
#define DEPTH_MAX 3
#define TURNS 6 /* of hooks_services(): each minute; a thousand homes take some ten milliseconds */

struct watched {
	const char *folder; /* of a user: below the home, "" = the home */
	const char *name; /* "" = whatever is in it */
	uint32_t what; /* enum bl_signal, with BL_WATCH_ flags */
};

/* Who may log in or become whom, and what PAM and sshd read. */
static const struct watched system_files[] = {
	{ "/etc", "passwd", LOGIN },
	{ "/etc", "shadow", LOGIN },
	{ "/etc", "group", LOGIN },
	{ "/etc", "gshadow", LOGIN },
	{ "/etc", "subuid", LOGIN },
	{ "/etc", "subgid", LOGIN },
	{ "/etc", "sudoers", LOGIN },
	{ "/etc", "sudoers.d", LOGIN },
	{ "/etc", "doas.conf", LOGIN },
	{ "/etc", "login.defs", LOGIN },
	{ "/etc", "nsswitch.conf", LOGIN },
	{ "/etc", "pam.conf", LOGIN },
	{ "/etc", "pam.d", LOGIN },
	{ "/etc", "security", LOGIN },
	{ "/etc", "ssh", LOGIN },
	{ "/etc/sudoers.d", "", LOGIN },
	{ "/etc/pam.d", "", LOGIN },
	{ "/etc/security", "", LOGIN },
	{ "/etc/ssh", "", LOGIN },
	{ "/etc/ssh/sshd_config.d", "", LOGIN },
	{ "/etc/polkit-1/rules.d", "", LOGIN },
	{ "/usr/share/polkit-1/rules.d", "", LOGIN },
	{ "/usr/lib/x86_64-linux-gnu/security", "", LOGIN },
	{ "/usr/lib/aarch64-linux-gnu/security", "", LOGIN },
	{ "/usr/lib64/security", "", LOGIN },
	{ "/etc", "ld.so.preload", STARTUP },
	{ "/etc", "crontab", STARTUP },
	{ "/etc", "anacrontab", STARTUP },
	{ "/etc", "rc.local", STARTUP },
	{ "/etc", "profile", STARTUP },
	{ "/etc", "bash.bashrc", STARTUP },
	{ "/etc", "bashrc", STARTUP },
	{ "/etc", "environment", STARTUP },
	{ "/etc/profile.d", "", STARTUP },
	{ "/etc/init.d", "", STARTUP },
	{ "/etc/cron.d", "", STARTUP },
	{ "/etc/cron.hourly", "", STARTUP },
	{ "/etc/cron.daily", "", STARTUP },
	{ "/etc/cron.weekly", "", STARTUP },
	{ "/etc/cron.monthly", "", STARTUP },
	{ "/var/spool/cron", "", CRON },
	{ "/var/spool/cron/crontabs", "", CRON },
	{ "/var/spool/cron/atjobs", "", AT },
	{ "/var/spool/at", "", AT },
	{ "/etc/systemd/system", "", STARTUP },
	{ "/etc/systemd/user", "", STARTUP },
	{ "/usr/lib/systemd/system", "", STARTUP },
	{ "/usr/local/lib/systemd/system", "", STARTUP },
	{ "/etc/udev/rules.d", "", STARTUP },
	{ "/etc/modules-load.d", "", STARTUP },
	{ "/etc/update-motd.d", "", STARTUP },
	{ "/etc/xdg/autostart", "", STARTUP },
};

static const struct watched user_files[] = {
	{ ".ssh", "authorized_keys", LOGIN },
	{ ".ssh", "authorized_keys2", LOGIN },
	{ ".ssh", "environment", LOGIN },
	{ ".ssh", "rc", STARTUP },
	{ "", ".profile", STARTUP },
	{ "", ".bashrc", STARTUP },
	{ "", ".bash_profile", STARTUP },
	{ "", ".bash_login", STARTUP },
	{ "", ".bash_logout", STARTUP },
	{ "", ".zshenv", STARTUP },
	{ "", ".zprofile", STARTUP },
	{ "", ".zshrc", STARTUP },
	{ "", ".zlogin", STARTUP },
	{ "", ".cshrc", STARTUP },
	{ "", ".xprofile", STARTUP },
	{ "", ".ssh", LOGIN },
	{ ".config/systemd/user", "", STARTUP },
	{ ".config/autostart", "", STARTUP },
};

struct entry {
	struct bl_watch_key key;
	uint32_t what;
};

struct search {
	const char *mountinfo;
	struct entry *entry; /* BL_WATCHED_MAX */
	size_t count;
	size_t refused;
	struct bl_watch_key
		last; /* folder that was entered last: most rows follow their folder's */
};

static void put(struct search *s, const struct bl_watch_key *folder, const char *name,
		uint32_t what)
{
	struct entry *e = &s->entry[s->count];

	if (s->count == BL_WATCHED_MAX) {
		s->refused++;
		return;
	}
	e->key = *folder;
	text_copy(e->key.name, sizeof(e->key.name), name);
	e->what = what;
	s->count++;
}

/* A row of the tables for a folder that is there: its own entry first, see lockout.h. */
static void put_row(struct search *s, const struct bl_watch_key *folder, const struct watched *w)
{
	if (!w->name[0]) {
		put(s, folder, "", w->what);
		return;
	}
	if (memcmp(&s->last, folder, sizeof(*folder)) != 0)
		put(s, folder, "", 0);
	s->last = *folder;
	put(s, folder, w->name, w->what);
}

static int folder_key(const struct search *s, int fd, uid_t owner, struct bl_watch_key *ret)
{
	struct bl_watch_key key = {};
	struct statx st;
	int r;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &st) < 0)
		return -errno;
	if (owner != (uid_t)-1 && st.stx_uid != owner)
		return -EPERM;
	r = hook_file_device(s->mountinfo, &st, &key.dev);
	if (r < 0)
		return r;
	key.ino = st.stx_ino;
	*ret = key;
	return 0;
}

static void search_system(struct search *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(system_files); i++) {
		_cleanup_close_ int fd =
			open(system_files[i].folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
		struct bl_watch_key key;

		if (fd >= 0 && folder_key(s, fd, (uid_t)-1, &key) == 0)
			put_row(s, &key, &system_files[i]);
	}
}

/* ---- homes ---- */

/* "… MOUNTPOINT OPTIONS … - TYPE SOURCE": the type at the longest mount point above path. */
static bool on_network(const char *mountinfo, const char *path)
{
	static const char *const types[] = { "nfs",    "nfs4",	    "cifs",    "smb3",
					     "afs",    "ceph",	    "9p",      "autofs",
					     "lustre", "glusterfs", "virtiofs" };
	char type[32] = "";
	size_t longest = 0;

	for (const char *line = mountinfo; *line; line = strchr(line, '\n') + 1) {
		char point[512], at_type[32];
		const char *dash = strstr(line, " - ");
		const char *eol = strchr(line, '\n');
		size_t len;

		if (!eol)
			break;
		if (!dash || dash > eol || sscanf(line, "%*u %*u %*s %*s %511s", point) != 1 ||
		    sscanf(dash, " - %31s", at_type) != 1)
			continue;
		len = strlen(point);
		if (strncmp(point, path, len) != 0 ||
		    (len > 1 && path[len] != '/' && path[len] != '\0') || len < longest)
			continue;
		longest = len;
		text_copy(type, sizeof(type), at_type);
	}
	if (!strncmp(type, "fuse", 4))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i], type))
			return true;
	return false;
}

/* Step by step, so that no link of the user's leads elsewhere. */
static int open_below(int home, const char *folder)
{
	int fd = fcntl(home, F_DUPFD_CLOEXEC, 3);

	for (int i = 0; fd >= 0 && *folder && i < DEPTH_MAX; i++) {
		size_t len = strcspn(folder, "/");
		char part[32];
		int next;

		text_copy_len(part, sizeof(part), folder, len);
		next = openat(fd, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		(void)close(fd);
		fd = next;
		folder += len + (folder[len] == '/');
	}
	return fd;
}

static void search_home(struct search *s, const char *path, uid_t uid)
{
	_cleanup_close_ int home = -1;
	struct bl_watch_key key;
	bool there = false;

	if (path[0] != '/' || !path[1] || on_network(s->mountinfo, path))
		return;
	home = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (home < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(user_files); i++) {
		const char *folder = user_files[i].folder;

		if (i == 0 || strcmp(folder, user_files[i - 1].folder) != 0) {
			_cleanup_close_ int fd = open_below(home, folder);

			there = fd >= 0 && folder_key(s, fd, uid, &key) == 0;
		}
		if (there)
			put_row(s, &key, &user_files[i]);
	}
}

/* Of the file alone: other sources of accounts are asked over the network. */
static void search_homes(struct search *s)
{
	_cleanup_fclose_ FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *user;

	if (!file)
		return;
	for (int i = 0; i < USERS_MAX && (user = fgetpwent(file)); i++)
		if (user->pw_uid == 0 || (user->pw_uid >= 1000 && user->pw_uid < 60000))
			search_home(s, user->pw_dir, user->pw_uid);
}

/* ---- the map ---- */

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct bl_watch_key));
}

static int map_write(int fd, const struct search *s, const struct entry *old, size_t olds)
{
	for (size_t i = 0; i < s->count; i++)
		if (bpf_map_update_elem(fd, &s->entry[i].key, &s->entry[i].what, BPF_ANY) < 0)
			return -errno;
	for (size_t i = 0; i < olds; i++)
		if (!bsearch(&old[i], s->entry, s->count, sizeof(*old), compare))
			(void)bpf_map_delete_elem(fd, &old[i].key);
	return 0;
}

int hook_watch_refresh(struct hooks *hooks, const char *mountinfo)
{
	int fd = hooks_map(hooks, "bl_watched");
	_cleanup_free_ struct entry *entry = NULL;
	struct search s = { .mountinfo = mountinfo };
	int r;

	if (fd < 0 || !hooks_works(hooks, "signals, files") || hooks->watch_turn++ % TURNS)
		return 0;
	entry = calloc(BL_WATCHED_MAX, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	s.entry = entry;
	search_system(&s);
	search_homes(&s);
	/* By key, so that a lookup and a comparison with the last time are possible. */
	qsort(entry, s.count, sizeof(*entry), compare);
	if (s.refused != hooks->watched_refused)
		log_warning("%zu files and folders of users are not watched for signals: %d is the "
			    "most",
			    s.refused, BL_WATCHED_MAX);
	hooks->watched_refused = s.refused;
	if (s.count == hooks->watches &&
	    (!s.count || !memcmp(entry, hooks->watch, s.count * sizeof(*entry))))
		return 0;
	r = map_write(fd, &s, hooks->watch, hooks->watches);
	if (r < 0)
		return r;
	free(hooks->watch);
	hooks->watch = TAKE_PTR(entry);
	hooks->watches = s.count;
	return 1;
}
