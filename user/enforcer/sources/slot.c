/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One log file: what it is known by, and where reading it goes on.
 */
#include "enforcer/sources/slot.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "enforcer/sources/open.h"
#include "enforcer/sources/rotated.h"
#include "enforcer/sources/sources.h"

#define LINE_SCAN_MAX 65536 /* how far the end of a line is looked for */

/*
 * The analyst may note its place in the open file that both hold (lseek); then that is exact. Else
 * what had been written a heartbeat ago: lines of the last second or two may come twice.
 */
static uint64_t slot_position(const struct slot *slot)
{
	struct stat st;
	off_t noted;

	if (slot->fd < 0 || fstat(slot->fd, &st) < 0)
		return slot->offset;
	noted = lseek(slot->fd, 0, SEEK_CUR);
	if (noted >= 0 && (uint64_t)noted != slot->offset)
		return noted <= st.st_size ? (uint64_t)noted : 0;
	if (slot->size_read > slot->offset)
		return slot->size_read <= (uint64_t)st.st_size ? slot->size_read : 0;
	return slot->offset <= (uint64_t)st.st_size ? slot->offset : 0;
}

void slot_remember(struct positions *to, const struct slot *slot)
{
	struct position *position = NULL;

	for (size_t i = 0; i < to->count && !position; i++)
		if (!strcmp(to->position[i].path, slot->path))
			position = &to->position[i];
	if (!position) {
		if (to->count == POSITIONS_MAX)
			return;
		position = &to->position[to->count++];
	}
	/* Zeros stand for a path without a file: one that appears is then read from its
	 * beginning. */
	memset(position, 0, sizeof(*position));
	text_copy(position->path, sizeof(position->path), slot->path);
	if (slot->fd >= 0) {
		position->dev = slot->dev;
		position->ino = slot->ino;
		position->offset = slot_position(slot);
		rotated_fingerprint(position, slot->fd);
	}
}

static uint64_t bounded(int fd, const char *path, uint64_t offset, uint64_t size)
{
	char bytes[4096];

	if (offset > size)
		return 0;
	if (size - offset <= SOURCES_CATCHUP_MAX)
		return offset;
	log_warning("%s: grew by %llu bytes unread; reading only the last %u", path,
		    (unsigned long long)(size - offset), SOURCES_CATCHUP_MAX);
	offset = size - SOURCES_CATCHUP_MAX;
	/* From the next whole line on, if there is an end of a line anywhere near. */
	for (uint64_t at = offset; at < offset + LINE_SCAN_MAX;) {
		ssize_t got = pread(fd, bytes, sizeof(bytes), (off_t)at);
		const char *end;

		if (got <= 0)
			break;
		end = memchr(bytes, '\n', (size_t)got);
		if (end)
			return at + (uint64_t)(end - bytes) + 1;
		at += (uint64_t)got;
	}
	return offset;
}

static void place_at(struct slot_place *place, const char *path, uint64_t offset)
{
	place->offset = bounded(place->fd, path, offset, (uint64_t)place->st.st_size);
	place->skipped = place->offset > offset ? place->offset - offset : 0;
}

/* What was read last is not to be found, or is not what it was. */
static void find_after(const char *path, const struct positions *known, struct slot_place *place)
{
	const struct timespec since = {
		.tv_sec = (time_t)(known->saved_wall_ns / NSEC_PER_SEC),
		.tv_nsec = (long)(known->saved_wall_ns % NSEC_PER_SEC),
	};
	struct stat st;
	uint32_t gaps = 0;
	int fd = known->saved_wall_ns ? rotated_next(path, &since, place->st.st_ino,
						     place->st.st_ino, &st, &gaps)
				      : -1;

	/* What it was rotated to may be one of the compressed ones. */
	place->gaps = gaps ? gaps : 1;
	log_warning("%s: lines are missing: the file that was read last is gone, or was emptied",
		    path);
	if (fd < 0)
		return;
	(void)close(place->fd);
	place->fd = fd;
	place->st = st;
}

int slot_find(const char *path, const struct positions *known, bool appeared,
	      struct slot_place *ret)
{
	const struct position *position = positions_find(known, path);
	struct slot_place place = { .fd = -1 };
	uint64_t offset = 0;
	struct stat rotated;
	int old, r = source_open(path, &place.fd, &place.st);

	if (r < 0)
		return r;
	if (!position) {
		offset = appeared ? 0 : (uint64_t)place.st.st_size;
	} else if (position->dev == place.st.st_dev && position->ino == place.st.st_ino &&
		   rotated_continues(position, place.fd, &place.st)) {
		offset = position->offset;
	} else if (position->ino) {
		old = rotated_find(path, position, &rotated);
		if (old >= 0) {
			(void)close(place.fd);
			place.fd = old;
			place.st = rotated;
			offset = position->offset;
		} else {
			find_after(path, known, &place);
		}
	}
	place_at(&place, path, offset);
	*ret = place;
	return 0;
}

bool slot_next(const struct slot *slot, ino_t now, struct slot_place *ret)
{
	struct slot_place place = { .fd = -1 };
	struct stat st;

	ret->gaps = 0;
	if (slot->fd < 0 || fstat(slot->fd, &st) < 0)
		return false;
	place.fd = rotated_next(slot->path, &st.st_mtim, st.st_ino, now, &place.st, &place.gaps);
	if (place.gaps)
		log_warning("%s: lines are missing: it was rotated and compressed before it was "
			    "read",
			    slot->path);
	if (place.fd >= 0)
		place_at(&place, slot->path, 0);
	*ret = place;
	return place.fd >= 0;
}

bool slot_drained(struct slot *slot, uint64_t now_boot_ns)
{
	off_t noted;
	struct stat st;

	if (slot->fd < 0 || fstat(slot->fd, &st) < 0)
		return true;
	noted = lseek(slot->fd, 0, SEEK_CUR);
	if (noted >= st.st_size)
		return true;
	if (noted != slot->noted || !slot->noted_ns) {
		slot->noted = noted;
		slot->noted_ns = now_boot_ns;
	}
	return now_boot_ns - slot->noted_ns >= SLOT_STALL_NS;
}
