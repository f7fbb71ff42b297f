/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which files a source stands for now, and when one of them is another one than before.
 *
 * Rotation. logrotate renames the file, makes a new one, and only then tells the writer, which goes
 * on writing into the renamed one until it hears. So the new file is handed over when it has its
 * first byte: then its writer has left the old one, whose rest the analyst reads first.
 * copytruncate changes no inode: the analyst sees a file shorter than what it has read.
 */
#include "enforcer/sources/inside.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "enforcer/sources/open.h"

void sources_close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(TAKE_FD(*fd));
}

bool sources_has_glob(const char *path)
{
	return strpbrk(path, "*?[") != NULL;
}

void sources_each_match(struct sources *s, size_t conf, source_match_fn fn)
{
	const char *pattern = s->conf->source[conf].path;
	const char *last = strrchr(pattern, '/') + 1;
	char folder[IPC_PATH_MAX], path[IPC_PATH_MAX];
	const struct dirent *entry;
	unsigned int matches = 0;
	DIR *dir;

	text_copy_len(folder, sizeof(folder), pattern, (size_t)(last - pattern));
	dir = opendir(folder);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		int n;

		if (fnmatch(last, entry->d_name, FNM_PERIOD))
			continue;
		if (matches++ == SOURCES_GLOB_MAX) {
			log_warning(
				"source %s: %s matches more than %d files; the rest is not read",
				s->conf->source[conf].name, pattern, SOURCES_GLOB_MAX);
			break;
		}
		n = snprintf(path, sizeof(path), "%s%s", folder, entry->d_name);
		if (n > 0 && (size_t)n < sizeof(path))
			fn(s, conf, path);
	}
	(void)closedir(dir);
}

static bool was_retired(const struct sources *s, const struct stat *st)
{
	for (size_t i = 0; i < RETIRED_MAX; i++)
		if (s->retired[i].ino == st->st_ino && s->retired[i].dev == st->st_dev &&
		    s->retired[i].size <= (uint64_t)st->st_size)
			return true;
	return false;
}

/* "app*" matches app.log and, rotated, app.log.1: one file is read once, under whatever name. */
bool sources_was_followed(const struct sources *s, const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return false;
	for (uint32_t i = 0; i < s->count; i++)
		if (s->slot[i].fd >= 0 && s->slot[i].dev == st.st_dev &&
		    s->slot[i].ino == st.st_ino)
			return true;
	return was_retired(s, &st);
}

static void retire(struct sources *s, const struct slot *slot)
{
	struct stat st;

	/* An empty one may come back as a new file. */
	if (slot->fd < 0 || fstat(slot->fd, &st) < 0 || !st.st_size)
		return;
	s->retired[s->retirements++ % RETIRED_MAX] =
		(struct retired){ st.st_dev, st.st_ino, (uint64_t)st.st_size };
}

void sources_watch_folder(struct sources *s, const char *path)
{
	char folder[IPC_PATH_MAX];
	const char *slash = strrchr(path, '/');

	text_copy_len(folder, sizeof(folder), path, slash == path ? 1 : (size_t)(slash - path));
	/* Not there yet: looked for again by the next scan. Same folder twice: same watch. */
	(void)inotify_add_watch(s->folder_fd, folder,
				IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR);
}

static void watch_slot(struct sources *s, struct slot *slot)
{
	char self[64];

	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", slot->fd);
	slot->watch = inotify_add_watch(s->notify_fd, self, IN_MODIFY);
	if (slot->watch < 0)
		log_warning_errno(-errno, "%s: cannot be watched, is read once a second",
				  slot->path);
}

static void unwatch_slot(struct sources *s, const struct slot *slot)
{
	/* One watch per inode: two sources that read the same file share it. */
	for (uint32_t i = 0; i < s->count; i++)
		if (&s->slot[i] != slot && s->slot[i].watch == slot->watch)
			return;
	if (slot->watch >= 0)
		(void)inotify_rm_watch(s->notify_fd, slot->watch);
}

void sources_look_at_syslogd(struct sources *s)
{
	bool matters = false;
	int r = 0;

	for (size_t i = 0; i < s->conf->sources; i++)
		matters = matters || (s->conf->source[i].path && s->conf->source[i].service[0]);
	s->syslogd = syslogd_free(s->syslogd);
	if (matters)
		r = syslogd_new(&s->syslogd, "");
	if (r < 0)
		log_warning_errno(r, "what syslog writes is not known");
}

/* By owner and mode, and by what syslog is told to write: anybody can have it write a line. */
static bool vouched(const struct sources *s, const struct slot *slot, char *why, size_t size)
{
	const struct conf_source *source = &s->conf->source[slot->conf];
	char link[64], path_now[PATH_MAX], where[IPC_PATH_MAX];
	ssize_t len;

	if (!source_vouched(slot->path, slot->fd, source->owner_uid, why, size))
		return false;
	if (!strcmp(source->owner, "syslog")) {
		(void)snprintf(why, size,
			       "its owner is syslog, and anybody can have it write a line");
		return false;
	}
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", slot->fd);
	len = readlink(link, path_now, sizeof(path_now) - 1);
	path_now[len > 0 ? len : 0] = '\0';
	if (!s->syslogd || (!syslogd_writes(s->syslogd, slot->path, where, sizeof(where)) &&
			    !syslogd_writes(s->syslogd, path_now, where, sizeof(where))))
		return true;
	(void)snprintf(why, size, "syslog writes %s (%s), and anybody can have it write a line",
		       slot->path, where);
	return false;
}

/* Told once per change, not at each look. */
static void judge_slot(const struct sources *s, struct slot *slot)
{
	const struct conf_source *source = &s->conf->source[slot->conf];
	bool before = slot->attested;
	char why[512];

	slot->attested = false;
	if (!source->service[0])
		return;
	slot->attested = vouched(s, slot, why, sizeof(why));
	if (!slot->attested && (before || !slot->judged))
		log_warning("source %s: its lines are only claims: %s", source->name, why);
	else if (slot->attested && !before && slot->judged)
		log_info("source %s: its lines are attested again: only %s can write %s",
			 source->name, source->service, slot->path);
	slot->judged = true;
}

static void tell_switch(const struct sources *s, const struct slot *slot, enum ipc_rotation how)
{
	struct ipc_source_fd to = {
		.id = (uint32_t)(slot - s->slot) + 1,
		.how = how,
		.attested = slot->attested,
	};

	if (how == IPC_ROTATED_RENAMED) {
		to.offset = slot->offset;
		to.skipped = slot->skipped;
		to.gaps = slot->gaps;
	}
	text_copy(to.path, sizeof(to.path), slot->path);
	s->fn(&to, slot->fd, s->arg);
}

/* Somebody may have changed the mode of the file, or of a folder above it, since. */
static void judge_again(struct sources *s, struct slot *slot)
{
	bool before = slot->attested;

	/* A glob's file that is gone is read to its end as what it was. */
	if (slot->fd < 0 || !slot->path[0])
		return;
	judge_slot(s, slot);
	if (slot->attested != before)
		tell_switch(s, slot, IPC_ROTATED_NOT);
}

void sources_take_file(struct sources *s, struct slot *slot, const struct slot_place *place)
{
	sources_close_fd(&slot->fd);
	slot->fd = place->fd;
	slot->dev = place->st.st_dev;
	slot->ino = place->st.st_ino;
	slot->offset = place->offset;
	slot->skipped = place->skipped;
	slot->gaps = place->gaps;
	slot->between = false;
	slot->size_seen = slot->size_read = place->offset;
	(void)lseek(slot->fd, (off_t)place->offset, SEEK_SET);
	judge_slot(s, slot);
	watch_slot(s, slot);
}

int sources_each_own(const struct sources *s, source_vouched_fn fn, void *arg)
{
	for (uint32_t i = 0; i < s->count; i++) {
		const struct slot *slot = &s->slot[i];
		const struct conf_source *source = &s->conf->source[slot->conf];
		char why[512] = "";
		int r;

		if (!source->service[0] || slot->fd < 0 || !slot->path[0])
			continue;
		if (vouched(s, slot, why, sizeof(why)))
			why[0] = '\0';
		r = fn(source->name, slot->path, why, arg);
		if (r)
			return r;
	}
	return 0;
}

/* The waiting file has a byte, or there is nothing to leave behind: the analyst may go there. */
static void switch_slot(struct sources *s, struct slot *slot)
{
	struct slot_place place = { .fd = -1 };
	struct stat st;
	bool between;

	if (slot->waiting_fd < 0 || fstat(slot->waiting_fd, &st) < 0 || !st.st_size)
		return;
	/* The analyst reads the file before beside it; it must have left both for a third one. */
	if (slot->between && !slot_drained(slot, clock_boot_ns()))
		return;
	/* It may have been rotated more than once. A glob finds such files by itself. */
	between = !sources_has_glob(s->conf->source[slot->conf].path) &&
		  slot_next(slot, st.st_ino, &place);
	/* An old one that was touched. */
	if (between && was_retired(s, &place.st)) {
		sources_close_fd(&place.fd);
		place = (struct slot_place){ .fd = -1 };
		between = false;
	}
	if (!between) {
		place.fd = TAKE_FD(slot->waiting_fd);
		place.st = st;
	}
	unwatch_slot(s, slot);
	retire(s, slot);
	sources_take_file(s, slot, &place);
	slot->between = between;
	slot->noted_ns = 0;
	tell_switch(s, slot, IPC_ROTATED_RENAMED);
}

static void scan_slot(struct sources *s, struct slot *slot)
{
	struct stat st;
	int fd;

	if (stat(slot->path, &st) < 0) {
		/* A plain path is waited for. A glob's number becomes free for the next match; the
		 * analyst reads the old file to its end before it takes that. */
		slot->trouble = -errno;
		if (errno == ENOENT && sources_has_glob(s->conf->source[slot->conf].path)) {
			slot->path[0] = '\0';
			slot->trouble = 0;
		}
		return;
	}
	if (slot->fd >= 0 && slot->dev == st.st_dev && slot->ino == st.st_ino) {
		slot->trouble = 0;
		return;
	}
	if (slot->waiting_fd < 0 || slot->waiting_dev != st.st_dev ||
	    slot->waiting_ino != st.st_ino) {
		char self[64];

		sources_close_fd(&slot->waiting_fd);
		slot->trouble = source_open(slot->path, &fd, &st);
		if (slot->trouble < 0)
			return;
		slot->waiting_fd = fd;
		slot->waiting_dev = st.st_dev;
		slot->waiting_ino = st.st_ino;
		(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
		(void)inotify_add_watch(s->folder_fd, self, IN_MODIFY | IN_ONESHOT);
	}
	switch_slot(s, slot);
}

static void match_later(struct sources *s, size_t conf, const char *path)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (!strcmp(s->slot[i].path, path))
			return;
	if (sources_was_followed(s, path))
		return;
	for (uint32_t i = 0; i < s->count; i++) {
		struct slot *slot = &s->slot[i];

		if (slot->conf != conf || slot->path[0])
			continue;
		text_copy(slot->path, sizeof(slot->path), path);
		scan_slot(s, slot);
		return;
	}
	s->crowded = true;
}

void sources_scan(struct sources *s)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	while (read(s->folder_fd, events, sizeof(events)) > 0)
		;
	if (!s->running)
		return;
	sources_look_at_syslogd(s);
	for (uint32_t i = 0; i < s->count; i++) {
		if (s->slot[i].path[0])
			scan_slot(s, &s->slot[i]);
		judge_again(s, &s->slot[i]);
	}
	for (size_t i = 0; i < s->conf->sources; i++) {
		if (!s->conf->source[i].path)
			continue;
		sources_watch_folder(s, s->conf->source[i].path);
		if (sources_has_glob(s->conf->source[i].path))
			sources_each_match(s, i, match_later);
	}
}
