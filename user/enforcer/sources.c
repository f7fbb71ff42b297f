/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log files: found, opened, followed through rotation and handed to the analyst as descriptors.
 *
 * Rotation. logrotate renames the file, makes a new one, and only then tells the writer, which goes
 * on writing into the renamed one until it hears. So the new file is handed over when it has its
 * first byte: then its writer has left the old one, whose rest the analyst reads first.
 * copytruncate changes no inode: the analyst sees a file shorter than what it has read.
 */
#include "enforcer/sources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "base/log.h"
#include "enforcer/slot.h"
#include "enforcer/source_open.h"

#define JOURNAL_OVERLAP_NS 1000000000ULL

#define RETIRED_MAX 64

/* A file that was read and then left. Its inode may be used again, but not at once at that size. */
struct retired {
	dev_t dev;
	ino_t ino;
	uint64_t size;
};

struct sources {
	const struct conf *conf;
	source_switch_fn fn;
	void *arg;
	struct slot slot[SOURCES_FILES_MAX];
	uint32_t count;
	int notify_fd; /* IN_MODIFY of the files; the analyst reads it */
	int folder_fd; /* of their folders; ours */
	int empty_fd;
	bool running; /* an analyst has been told of all */
	bool was_set_up; /* a path not seen before appeared while we looked */
	bool crowded;
	struct retired retired[RETIRED_MAX]; /* the oldest is overwritten */
	unsigned int retirements;
	struct positions known; /* where files stood when an analyst or bailiffd ended */
	uint64_t seen_wall_ns, read_wall_ns;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(TAKE_FD(*fd));
}

static int make_empty(int *ret)
{
	_cleanup_close_ int fd = memfd_create("bailiff-empty", MFD_CLOEXEC);
	char self[64];
	int again;

	if (fd < 0)
		return -errno;
	/* Opened again, so that whoever gets it cannot write to it. */
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	again = open(self, O_RDONLY | O_CLOEXEC);
	if (again < 0)
		return -errno;
	*ret = again;
	return 0;
}

int sources_new(struct sources **ret, const struct conf *conf, source_switch_fn fn, void *arg)
{
	_cleanup_(sources_freep) struct sources *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->conf = conf;
	s->fn = fn;
	s->arg = arg;
	s->notify_fd = s->empty_fd = -1;
	s->folder_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->folder_fd < 0)
		return -errno;
	r = make_empty(&s->empty_fd);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

static void drop_slots(struct sources *s)
{
	for (uint32_t i = 0; i < s->count; i++) {
		close_fd(&s->slot[i].fd);
		close_fd(&s->slot[i].waiting_fd);
	}
	s->count = 0;
}

struct sources *sources_free(struct sources *s)
{
	if (!s)
		return NULL;
	drop_slots(s);
	close_fd(&s->notify_fd);
	close_fd(&s->folder_fd);
	close_fd(&s->empty_fd);
	free(s);
	return NULL;
}

/* ---- one file ---- */

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

static void judge_slot(const struct sources *s, struct slot *slot, const struct stat *st)
{
	const struct conf_source *source = &s->conf->source[slot->conf];
	char why[512];

	slot->attested = false;
	if (!source->service[0])
		return;
	slot->attested = source_attested(slot->path, st, source->owner_uid, why, sizeof(why));
	if (!slot->attested)
		log_warning("source %s: its lines are only claims: %s", source->name, why);
}

static void take_file(struct sources *s, struct slot *slot, int fd, const struct stat *st,
		      uint64_t offset)
{
	close_fd(&slot->fd);
	slot->fd = fd;
	slot->dev = st->st_dev;
	slot->ino = st->st_ino;
	slot->offset = offset;
	slot->size_seen = slot->size_read = offset;
	(void)lseek(fd, (off_t)offset, SEEK_SET);
	judge_slot(s, slot, st);
	watch_slot(s, slot);
}

/* A slot's file at the set-up of an analyst. */
static void open_slot(struct sources *s, struct slot *slot)
{
	struct stat st;
	uint64_t offset;
	int fd;
	int r = slot_find(slot->path, &s->known, s->was_set_up, &fd, &st, &offset);

	if (!r)
		take_file(s, slot, fd, &st, offset);
	else if (r != -ENOENT)
		log_error_errno(r, "source %s: %s is not read", s->conf->source[slot->conf].name,
				slot->path);
}

/* ---- which files ---- */

static struct slot *add_slot(struct sources *s, size_t conf, const char *path)
{
	struct slot *slot;

	if (s->count == SOURCES_FILES_MAX) {
		s->crowded = true;
		return NULL;
	}
	slot = &s->slot[s->count++];
	memset(slot, 0, sizeof(*slot));
	slot->conf = conf;
	slot->fd = slot->waiting_fd = slot->watch = -1;
	text_copy(slot->path, sizeof(slot->path), path);
	return slot;
}

static bool has_glob(const char *path)
{
	return strpbrk(path, "*?[") != NULL;
}

typedef void (*match_fn)(struct sources *s, size_t conf, const char *path);

static void each_match(struct sources *s, size_t conf, match_fn fn)
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

/* "app*" matches app.log and, rotated, app.log.1: one file is read once, under whatever name. */
static bool was_followed(const struct sources *s, const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return false;
	for (uint32_t i = 0; i < s->count; i++)
		if (s->slot[i].fd >= 0 && s->slot[i].dev == st.st_dev &&
		    s->slot[i].ino == st.st_ino)
			return true;
	for (size_t i = 0; i < RETIRED_MAX; i++)
		if (s->retired[i].ino == st.st_ino && s->retired[i].dev == st.st_dev &&
		    s->retired[i].size <= (uint64_t)st.st_size)
			return true;
	return false;
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

static void match_at_setup(struct sources *s, size_t conf, const char *path)
{
	struct slot *slot;

	if (was_followed(s, path))
		return;
	slot = add_slot(s, conf, path);
	if (slot)
		open_slot(s, slot);
}

static void watch_folder(struct sources *s, const char *path)
{
	char folder[IPC_PATH_MAX];
	const char *slash = strrchr(path, '/');

	text_copy_len(folder, sizeof(folder), path, slash == path ? 1 : (size_t)(slash - path));
	/* Not there yet: looked for again by the next scan. Same folder twice: same watch. */
	(void)inotify_add_watch(s->folder_fd, folder,
				IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR);
}

int sources_conf(struct sources *s, const struct conf *conf)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->slot[i].path[0])
			slot_remember(&s->known, &s->slot[i]);
	drop_slots(s);
	s->running = false;
	s->conf = conf;
	return 0;
}

int sources_setup(struct sources *s, source_each_fn fn, void *arg)
{
	int r;

	(void)sources_conf(s, s->conf);
	close_fd(&s->notify_fd);
	s->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->notify_fd < 0)
		return -errno;
	s->crowded = false;
	for (size_t i = 0; i < s->conf->sources; i++) {
		const struct conf_source *source = &s->conf->source[i];

		if (source->journal)
			continue;
		watch_folder(s, source->path);
		if (!has_glob(source->path)) {
			struct slot *slot = add_slot(s, i, source->path);

			if (slot)
				open_slot(s, slot);
			continue;
		}
		each_match(s, i, match_at_setup);
		for (int spare = 0; spare < SOURCES_SPARE; spare++)
			(void)add_slot(s, i, "");
	}
	if (s->crowded)
		log_warning("more than %d log files; the rest is not read", SOURCES_FILES_MAX);
	s->crowded = false;
	s->was_set_up = true;

	for (uint32_t i = 0; i < s->count; i++) {
		const struct slot *slot = &s->slot[i];
		const struct conf_source *source = &s->conf->source[slot->conf];
		struct ipc_source message = {
			.id = i + 1,
			.kind = IPC_SOURCE_FILE,
			.offset = slot->offset,
			.attested = slot->attested,
			.filters = source->filters,
		};

		text_copy(message.path, sizeof(message.path),
			  slot->path[0] ? slot->path : source->path);
		memcpy(message.filter, source->filter, sizeof(message.filter));
		r = fn(&message, slot->fd >= 0 ? slot->fd : s->empty_fd, arg);
		if (r)
			return r;
	}
	return 0;
}

void sources_started(struct sources *s)
{
	s->running = true;
	sources_scan(s);
}

void sources_stopped(struct sources *s)
{
	s->running = false;
}

/* ---- rotation ---- */

/* The waiting file has a byte, or there is nothing to leave behind: the analyst may go there. */
static void switch_slot(struct sources *s, struct slot *slot)
{
	struct stat st;

	if (slot->waiting_fd < 0 || fstat(slot->waiting_fd, &st) < 0 || !st.st_size)
		return;
	unwatch_slot(s, slot);
	retire(s, slot);
	take_file(s, slot, TAKE_FD(slot->waiting_fd), &st, 0);
	s->fn((uint32_t)(slot - s->slot) + 1, slot->fd, s->arg);
}

static void scan_slot(struct sources *s, struct slot *slot)
{
	struct stat st;
	int fd;

	if (stat(slot->path, &st) < 0) {
		/* A plain path is waited for. A glob's number becomes free for the next match; the
		 * analyst reads the old file to its end before it takes that. */
		if (errno == ENOENT && has_glob(s->conf->source[slot->conf].path))
			slot->path[0] = '\0';
		return;
	}
	if (slot->fd >= 0 && slot->dev == st.st_dev && slot->ino == st.st_ino)
		return;
	if (slot->waiting_fd < 0 || slot->waiting_dev != st.st_dev ||
	    slot->waiting_ino != st.st_ino) {
		char self[64];

		close_fd(&slot->waiting_fd);
		if (source_open(slot->path, &fd, &st) < 0)
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
	if (was_followed(s, path))
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
	for (uint32_t i = 0; i < s->count; i++)
		if (s->slot[i].path[0])
			scan_slot(s, &s->slot[i]);
	for (size_t i = 0; i < s->conf->sources; i++) {
		if (s->conf->source[i].journal)
			continue;
		watch_folder(s, s->conf->source[i].path);
		if (has_glob(s->conf->source[i].path))
			each_match(s, i, match_later);
	}
}

bool sources_crowded(const struct sources *s)
{
	return s->crowded;
}

int sources_fd(const struct sources *s)
{
	return s->folder_fd;
}

int sources_notify_fd(const struct sources *s)
{
	return s->notify_fd;
}

uint32_t sources_files(const struct sources *s)
{
	return s->count;
}

/* ---- positions ---- */

void sources_heartbeat(struct sources *s, uint64_t now_wall_ns)
{
	struct stat st;

	for (uint32_t i = 0; i < s->count; i++) {
		struct slot *slot = &s->slot[i];

		if (slot->fd < 0 || fstat(slot->fd, &st) < 0)
			continue;
		slot->size_read = slot->size_seen;
		slot->size_seen = (uint64_t)st.st_size;
	}
	s->read_wall_ns = s->seen_wall_ns;
	s->seen_wall_ns = now_wall_ns;
}

uint64_t sources_read_wall_ns(const struct sources *s)
{
	return s->read_wall_ns > JOURNAL_OVERLAP_NS ? s->read_wall_ns - JOURNAL_OVERLAP_NS : 0;
}

int sources_restore(struct sources *s, const char *state_dir)
{
	char path[PATH_MAX];
	int r;

	(void)snprintf(path, sizeof(path), "%s/" POSITIONS_FILE, state_dir);
	r = positions_load(path, &s->known);
	if (r < 0)
		return r;
	s->read_wall_ns = s->seen_wall_ns = s->known.saved_wall_ns;
	return 0;
}

int sources_save(const struct sources *s, const char *state_dir)
{
	_cleanup_free_ struct positions *positions = calloc(1, sizeof(*positions));
	char path[PATH_MAX];

	if (!positions)
		return -ENOMEM;
	positions->saved_wall_ns = s->read_wall_ns;
	for (uint32_t i = 0; i < s->count; i++)
		if (s->slot[i].path[0])
			slot_remember(positions, &s->slot[i]);
	(void)snprintf(path, sizeof(path), "%s/" POSITIONS_FILE, state_dir);
	return positions_save(path, positions);
}
