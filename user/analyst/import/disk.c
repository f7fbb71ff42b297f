/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an import reads of the host: the folder, bailiff's own filters and rules, who owns a log
 * file, and which files the syslog daemon writes.
 */
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <netdb.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyst/import/import.h"
#include "analyst/offline.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mention.h"

#define LOOK_MAX 64 /* files of one pattern that are looked at */

/* ---- folders ---- */

struct reading {
	struct filter_files *files;
	struct import_notes *notes; /* NULL: a file that cannot be read is an error */
	const char *shown; /* "filter.d/" */
	char *error;
};

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len > end_len && !strcmp(text + len - end_len, end);
}

static int file_take(struct reading *reading, const char *path, const char *name)
{
	_cleanup_free_ char *text = NULL;
	struct config_place place;
	char shown[IPC_PATH_MAX];
	size_t len;
	int r;

	r = file_read(path, CONFIG_FILE_MAX, &text, &len);
	if (!r)
		r = import_files_add(reading->files, name, text, len);
	if (r >= 0 || r == -ENOMEM)
		return r;
	if (!reading->notes) {
		(void)snprintf(reading->error, IMPORT_TEXT_MAX, "%.300s: %s", path, strerror(-r));
		return r;
	}
	(void)snprintf(shown, sizeof(shown), "%s%s", reading->shown, name);
	place = (struct config_place){ .file = shown };
	if (r == -EFBIG)
		import_note(reading->notes, NOTE_REFUSED, &place,
			    "the file is left out: larger than %d KiB", CONFIG_FILE_MAX / 1024);
	else
		import_note(reading->notes, NOTE_REFUSED, &place, "the file is left out: %s",
			    strerror(-r));
	return 0;
}

/* inside: where the names of the files begin, "jail.d/". below: folders in it, that end in .d,
 * too */
static int folder_take(struct reading *reading, const char *folder, const char *inside, bool below)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort);
	int r = 0;

	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		const char *entry = entries[i]->d_name;
		char path[PATH_MAX], name[IPC_PATH_MAX];
		struct stat st;
		int n = snprintf(path, sizeof(path), "%s/%s", folder, entry);
		int m = snprintf(name, sizeof(name), "%s%s", inside, entry);

		if (!r && entry[0] != '.' && n > 0 && (size_t)n < sizeof(path) && m > 0 &&
		    (size_t)m + 2 < sizeof(name) && !stat(path, &st)) {
			if (S_ISDIR(st.st_mode) && below && ends_with(entry, ".d")) {
				text_copy(name + m, sizeof(name) - (size_t)m, "/");
				r = folder_take(reading, path, name, false);
			} else if (S_ISREG(st.st_mode) &&
				   (ends_with(entry, ".conf") || ends_with(entry, ".local"))) {
				r = file_take(reading, path, name);
			}
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

int import_files_read(struct import_files *files, const char *folder, struct import_notes *notes,
		      char error[IMPORT_TEXT_MAX])
{
	struct reading jails = { &files->jails, notes, "", error };
	struct reading filters = { &files->filters, notes, "filter.d/", error };
	char path[PATH_MAX];
	int r;

	r = folder_take(&jails, folder, "", false);
	if (r < 0) {
		(void)snprintf(error, IMPORT_TEXT_MAX, "%.300s: %s", folder, strerror(-r));
		return r;
	}
	(void)snprintf(path, sizeof(path), "%s/jail.d", folder);
	r = folder_take(&jails, path, "jail.d/", false);
	if (r < 0 && r != -ENOENT)
		goto fail;
	(void)snprintf(path, sizeof(path), "%s/filter.d", folder);
	r = folder_take(&filters, path, "", true);
	if (r < 0 && r != -ENOENT)
		goto fail;
	for (unsigned int i = 0; i < files->jails.count; i++)
		if (!strncmp(files->jails.file[i].name, "jail.", 5))
			return 0;
	(void)snprintf(
		error, IMPORT_TEXT_MAX,
		"%.300s: no configuration of fail2ban: neither jail.conf, jail.local nor jail.d",
		folder);
	return -ENOENT;
fail:
	(void)snprintf(error, IMPORT_TEXT_MAX, "%.300s: %s", path, strerror(-r));
	return r;
}

struct rules_reading {
	struct rule_set *rules;
	char *error;
};

static int rule_take(const char *path, void *arg)
{
	struct rules_reading *reading = arg;
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	r = file_read(path, OFFLINE_FILE_SIZE_MAX, &text, &len);
	if (r < 0)
		(void)snprintf(reading->error, IMPORT_TEXT_MAX, "%.300s: %s", path, strerror(-r));
	else
		r = rules_add(reading->rules, path, text, len, reading->error);
	return r;
}

int import_shipped_read(struct import_files *files, struct rule_set *rules,
			char error[IMPORT_TEXT_MAX])
{
	_cleanup_free_ char *filters = offline_folder(BAILIFF_LIBEXECDIR "/filter.d", "filters");
	_cleanup_free_ char *rule_folder = offline_folder(BAILIFF_LIBEXECDIR "/rules.d", "rules.d");
	struct reading reading = { &files->shipped, NULL, "", error };
	struct rules_reading rules_reading = { rules, error };
	int r;

	if (!filters || !rule_folder) {
		(void)snprintf(error, IMPORT_TEXT_MAX,
			       "bailiff's own filters or rules are not there (%s)",
			       BAILIFF_LIBEXECDIR);
		return -ENOENT;
	}
	r = folder_take(&reading, filters, "", true);
	if (!r)
		r = offline_files(rule_folder, ".conf", rule_take, &rules_reading);
	if (r < 0 && !error[0])
		(void)snprintf(error, IMPORT_TEXT_MAX, "%.300s: %s", filters, strerror(-r));
	return r;
}

/* ---- syslog ---- */

struct import_syslog {
	struct filter_files files;
};

static int syslog_folder(struct import_syslog *syslog, const char *root, const char *folder)
{
	struct import_notes notes = { 0 };
	struct reading reading = { &syslog->files, &notes, "", NULL };
	char path[PATH_MAX], inside[IPC_PATH_MAX];
	int r;

	(void)snprintf(path, sizeof(path), "%s%s", root, folder);
	(void)snprintf(inside, sizeof(inside), "%s/", folder);
	r = folder_take(&reading, path, inside, false);
	import_notes_done(&notes);
	return r == -ENOMEM ? r : 0;
}

static int syslog_file(struct import_syslog *syslog, const char *root, const char *file)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	size_t len;

	(void)snprintf(path, sizeof(path), "%s%s", root, file);
	if (file_read(path, CONFIG_FILE_MAX, &text, &len) < 0)
		return 0;
	return import_files_add(&syslog->files, file, text, len);
}

int import_syslog_new(struct import_syslog **ret, const char *root)
{
	_cleanup_(import_syslog_freep) struct import_syslog *syslog = calloc(1, sizeof(*syslog));
	int r;

	if (!syslog)
		return -ENOMEM;
	r = syslog_file(syslog, root, "/etc/rsyslog.conf");
	if (!r)
		r = syslog_folder(syslog, root, "/etc/rsyslog.d");
	if (!r)
		r = syslog_file(syslog, root, "/etc/syslog.conf");
	if (!r)
		r = syslog_folder(syslog, root, "/etc/syslog-ng");
	if (!r)
		r = syslog_folder(syslog, root, "/etc/syslog-ng/conf.d");
	if (r < 0)
		return r;
	*ret = TAKE_PTR(syslog);
	return 0;
}

struct import_syslog *import_syslog_free(struct import_syslog *syslog)
{
	struct import_files files = { 0 };

	if (!syslog)
		return NULL;
	files.jails = syslog->files;
	import_files_done(&files);
	free(syslog);
	return NULL;
}

/* Which line of which file names it. */
static bool syslog_find(const struct import_syslog *syslog, const char *path,
			struct import_look *ret)
{
	for (unsigned int i = 0; i < syslog->files.count; i++) {
		const struct filter_file *file = &syslog->files.file[i];
		unsigned int line;

		if (!mention_find(file->text, file->len, path, &line))
			continue;
		(void)snprintf(ret->written_by, sizeof(ret->written_by), "%s:%u", file->name, line);
		return true;
	}
	return false;
}

/* ---- log files ---- */

static bool others_write(const struct stat *st, uid_t owner)
{
	return (st->st_uid != 0 && st->st_uid != owner) || (st->st_mode & (S_IWGRP | S_IWOTH));
}

/* As bailiffd looks at it when it opens the file: that one decides. */
static bool is_shared(const char *path, const struct stat *file, uid_t owner)
{
	char folder[PATH_MAX];
	struct stat st;
	char *slash;

	if (others_write(file, owner))
		return true;
	text_copy(folder, sizeof(folder), path);
	while ((slash = strrchr(folder, '/'))) {
		slash[slash == folder] = '\0';
		if (lstat(folder, &st) < 0 || !S_ISDIR(st.st_mode) || others_write(&st, owner))
			return true;
		if (!folder[1])
			break;
	}
	return false;
}

/* "" where the account has no name: bailiff.conf knows accounts by name. */
static void owner_name(uid_t uid, char ret[IPC_USER_MAX])
{
	const struct passwd *account = getpwuid(uid);

	if (account && strlen(account->pw_name) < IPC_USER_MAX)
		text_copy(ret, IPC_USER_MAX, account->pw_name);
}

static void look_here(const char *pattern, struct import_look *ret, void *arg)
{
	const struct import_syslog *syslog = arg;
	uid_t owner = 0;
	glob_t found;
	struct stat st;

	*ret = (struct import_look){ 0 };
	(void)syslog_find(syslog, pattern, ret);
	if (glob(pattern, 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc && i < LOOK_MAX; i++) {
		if (!ret->written_by[0])
			(void)syslog_find(syslog, found.gl_pathv[i], ret);
		if (lstat(found.gl_pathv[i], &st) < 0)
			continue;
		if (!ret->files++) {
			owner = st.st_uid;
			if (owner)
				owner_name(owner, ret->owner);
		}
		ret->shared = ret->shared || (owner && !ret->owner[0]) ||
			      is_shared(found.gl_pathv[i], &st, owner);
	}
	globfree(&found);
}

static unsigned int expand_here(const char *pattern, char (*ret)[IPC_PATH_MAX], unsigned int most,
				void *arg)
{
	unsigned int count;
	glob_t found;

	(void)arg;
	if (glob(pattern, 0, NULL, &found))
		return 0;
	count = found.gl_pathc < UINT16_MAX ? (unsigned int)found.gl_pathc : UINT16_MAX;
	for (unsigned int i = 0; i < count && i < most; i++)
		text_copy(ret[i], IPC_PATH_MAX, found.gl_pathv[i]);
	globfree(&found);
	return count;
}

static int port_here(const char *name, uint16_t *ret, void *arg)
{
	const struct servent *service;
	long number;

	(void)arg;
	if (!import_number(name, &number)) {
		if (number < 1 || number > UINT16_MAX)
			return -EINVAL;
		*ret = (uint16_t)number;
		return 0;
	}
	service = getservbyname(name, "tcp");
	if (!service)
		service = getservbyname(name, "udp");
	if (!service)
		return -ENOENT;
	*ret = ntohs((uint16_t)service->s_port);
	return 0;
}

static bool account_here(const char *name, void *arg)
{
	(void)arg;
	return getpwnam(name) != NULL;
}

static int read_here(const char *path, char **ret, size_t *ret_len, void *arg)
{
	(void)arg;
	return file_read(path, CONFIG_FILE_MAX, ret, ret_len);
}

void import_host_here(struct import_host *ret, struct import_syslog *syslog)
{
	*ret = (struct import_host){
		.look = look_here,
		.expand = expand_here,
		.port = port_here,
		.read = read_here,
		.account = account_here,
		.arg = syslog,
		.journal = !access("/run/log/journal", F_OK) || !access("/var/log/journal", F_OK),
	};
}
