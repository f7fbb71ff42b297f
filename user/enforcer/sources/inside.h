/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What sources.c (one analyst's life) and sources/scan.c (which files, rotation) share.
 */
#ifndef ENFORCER_SOURCES_INSIDE_H
#define ENFORCER_SOURCES_INSIDE_H

#include "enforcer/sources/slot.h"
#include "enforcer/sources/sources.h"
#include "enforcer/sources/syslogd.h"

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
	struct syslogd *syslogd; /* as it was at the last look; NULL: no source has a service */
};

typedef void (*source_match_fn)(struct sources *s, size_t conf, const char *path);

bool sources_has_glob(const char *path);
/* Calls fn for each file that the glob of source conf matches, at most SOURCES_GLOB_MAX. */
void sources_each_match(struct sources *s, size_t conf, source_match_fn fn);
/* Looks again at what the syslog daemon writes, if that matters. */
void sources_look_at_syslogd(struct sources *s);
/* The file at path is being read, or was read before it was renamed to that. */
bool sources_was_followed(const struct sources *s, const char *path);
/* inotify for the folder of path; what is there already stays as it is. */
void sources_watch_folder(struct sources *s, const char *path);
/* slot reads on there; place's descriptor is the slot's from now on. */
void sources_take_file(struct sources *s, struct slot *slot, const struct slot_place *place);
void sources_close_fd(int *fd);

#endif
