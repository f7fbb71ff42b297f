/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log files: what an analyst is told when it starts, and where the next one goes on.
 */
#include "enforcer/sources/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "base/log.h"

#define JOURNAL_OVERLAP_NS 1000000000ULL

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
		sources_close_fd(&s->slot[i].fd);
		sources_close_fd(&s->slot[i].waiting_fd);
	}
	s->count = 0;
}

struct sources *sources_free(struct sources *s)
{
	if (!s)
		return NULL;
	drop_slots(s);
	sources_close_fd(&s->notify_fd);
	sources_close_fd(&s->folder_fd);
	sources_close_fd(&s->empty_fd);
	syslogd_free(s->syslogd);
	free(s);
	return NULL;
}

/* A slot's file at the set-up of an analyst. */
static void open_slot(struct sources *s, struct slot *slot)
{
	struct slot_place place;
	int r = slot_find(slot->path, &s->known, s->was_set_up, &place);

	slot->trouble = r;
	if (!r) {
		sources_take_file(s, slot, &place);
	} else if (r != -ENOENT) {
		log_error_errno(r, "source %s: %s is not read", s->conf->source[slot->conf].name,
				slot->path);
	}
}

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

static void match_at_setup(struct sources *s, size_t conf, const char *path)
{
	struct slot *slot;

	if (sources_was_followed(s, path))
		return;
	slot = add_slot(s, conf, path);
	if (slot)
		open_slot(s, slot);
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
	sources_close_fd(&s->notify_fd);
	s->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->notify_fd < 0)
		return -errno;
	s->crowded = false;
	sources_look_at_syslogd(s);
	for (size_t i = 0; i < s->conf->sources; i++) {
		const struct conf_source *source = &s->conf->source[i];

		if (!source->path)
			continue;
		sources_watch_folder(s, source->path);
		if (!sources_has_glob(source->path)) {
			struct slot *slot = add_slot(s, i, source->path);

			if (slot)
				open_slot(s, slot);
			continue;
		}
		sources_each_match(s, i, match_at_setup);
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
			.skipped = slot->skipped,
			.gaps = slot->gaps,
			.attested = slot->attested,
			.filters = source->filters,
			.accepted = source->accepted,
			.relayed = source->relayed,
			.service = source->service_id,
		};

		text_copy(message.path, sizeof(message.path),
			  slot->path[0] ? slot->path : source->path);
		text_copy(message.name, sizeof(message.name), source->name);
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

bool sources_crowded(const struct sources *s)
{
	return s->crowded;
}

bool sources_in_between(const struct sources *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->slot[i].between)
			return true;
	return false;
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

/* ---- what the analyst cannot see ---- */

static void tell_slot(struct sources *s, struct slot *slot, source_state_fn fn, void *arg)
{
	uint32_t id = (uint32_t)(slot - s->slot) + 1;
	char text[IPC_TEXT_MAX] = "";

	slot->told = slot->trouble;
	slot->since_ns = 0;
	if (!slot->trouble) {
		fn(id, SOURCE_OK, "", arg);
	} else if (slot->trouble == -ENOENT) {
		fn(id, slot->fd < 0 ? SOURCE_WAITING : SOURCE_VANISHED,
		   "there is no such file (yet)", arg);
	} else {
		(void)snprintf(text, sizeof(text), "cannot be opened: %s",
			       slot->trouble == -EINVAL	 ? "it is no regular file"
			       : slot->trouble == -ELOOP ? "it is a link that is not root's"
							 : strerror(-slot->trouble));
		fn(id, SOURCE_REFUSED, text, arg);
	}
}

void sources_states(struct sources *s, bool at_start, uint64_t now_boot_ns, source_state_fn fn,
		    void *arg)
{
	for (uint32_t i = 0; i < s->count; i++) {
		struct slot *slot = &s->slot[i];

		if (at_start)
			slot->told = 0;
		if (slot->trouble == slot->told) {
			slot->since_ns = 0;
			continue;
		}
		if (!slot->since_ns)
			slot->since_ns = now_boot_ns;
		if (at_start || !slot->trouble ||
		    now_boot_ns - slot->since_ns >= SOURCES_TROUBLE_NS)
			tell_slot(s, slot, fn, arg);
	}
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
	_cleanup_free_ struct positions *positions = NULL;
	char path[PATH_MAX];

	/* Before the first analyst, or between two: what is on disk is better. */
	if (!s->count)
		return 0;
	positions = calloc(1, sizeof(*positions));
	if (!positions)
		return -ENOMEM;
	positions->saved_wall_ns = s->read_wall_ns;
	for (uint32_t i = 0; i < s->count; i++)
		if (s->slot[i].path[0])
			slot_remember(positions, &s->slot[i]);
	(void)snprintf(path, sizeof(path), "%s/" POSITIONS_FILE, state_dir);
	return positions_save(path, positions);
}
