/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log files: found, opened, followed through rotation and handed to the analyst as descriptors.
 *
 * A source has a fixed number for an analyst's life, because filters are compiled per source before
 * the analyst's sandbox closes. So a path that does not exist yet is handed over as an empty file,
 * and a glob gets SOURCES_SPARE empty ones more than it matches now; a file that appears later
 * takes one of them by IPC_SOURCE_FD. Private to bailiffd; no descriptor of a loop in here: the
 * caller polls sources_fd and calls sources_scan.
 */
#ifndef ENFORCER_SOURCES_H
#define ENFORCER_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bailiff/ipc.h>

#include "base/cleanup.h"
#include "enforcer/conf/conf.h"

#define SOURCES_FILES_MAX 256 /* followed at once, spare ones included */
#define SOURCES_GLOB_MAX 64 /* files of one glob */
#define SOURCES_SPARE 4
#define SOURCES_CATCHUP_MAX (64U * 1024 * 1024) /* bytes read after a time without bailiffd */
#define SOURCES_TROUBLE_NS (30ULL * 1000000000) /* a path has no file: longer than a rotation */

struct sources;

/* A new descriptor (borrowed) for source to->id, while the analyst runs; or, IPC_ROTATED_NOT, the
 * one that it has, because the file is attested now and was not, or the other way round. */
typedef void (*source_switch_fn)(const struct ipc_source_fd *to, int fd, void *arg);
/* What of it only bailiffd sees; text is why, "" where state says it. */
typedef void (*source_state_fn)(uint32_t id, enum ipc_source_state state, const char *text,
				void *arg);
/* For the set-up of a new analyst: fd is borrowed. Nonzero ends. */
typedef int (*source_each_fn)(const struct ipc_source *source, int fd, void *arg);

int sources_new(struct sources **ret, const struct conf *conf, source_switch_fn fn, void *arg);
struct sources *sources_free(struct sources *sources);
DEFINE_CLEANUP(sources_free, struct sources *)

/* A new configuration: files that stay keep their positions. Before the next sources_setup. */
int sources_conf(struct sources *sources, const struct conf *conf);

/* New numbers, a fresh notify descriptor, every file found anew and given to fn from where the last
 * analyst stood. Then sources_started sends what changed meanwhile. */
int sources_setup(struct sources *sources, source_each_fn fn, void *arg);
void sources_started(struct sources *sources);
void sources_stopped(struct sources *sources);
/* Each second: a path that has no file for SOURCES_TROUBLE_NS, or one that cannot be opened, is
 * told of once, and so is its end. At the start of an analyst (at_start) without waiting. */
void sources_states(struct sources *sources, bool at_start, uint64_t now_boot_ns,
		    source_state_fn fn, void *arg);
int sources_notify_fd(const struct sources *sources); /* for IPC_NOTIFY */
uint32_t sources_files(const struct sources *sources); /* numbers given out: the journal's follow */

/* inotify of the folders; readable: something was made, moved or deleted in one. */
int sources_fd(const struct sources *sources);
/* Drains it and looks at every path again. Also each 10 s, for folders that appear. */
void sources_scan(struct sources *sources);
/* Files between the one that was read and the path's own are being read: sources_scan each
 * second. */
bool sources_in_between(const struct sources *sources);
/* A glob matched more files than there are numbers for: a new analyst would have room. */
bool sources_crowded(const struct sources *sources);

/* Each file that a source declares to be its service's own; why: "" = attested. Nonzero ends. */
typedef int (*source_vouched_fn)(const char *source, const char *path, const char *why, void *arg);
int sources_each_own(const struct sources *sources, source_vouched_fn fn, void *arg);

/* The analyst is alive: what was in the files at the last call has been read by now. */
void sources_heartbeat(struct sources *sources, uint64_t now_wall_ns);
/* Wall time up to which the journal was surely read; 0 = never. */
uint64_t sources_read_wall_ns(const struct sources *sources);
/* Positions from and to STATE_DIR/positions; -ENOENT at the very first start. */
int sources_restore(struct sources *sources, const char *state_dir);
int sources_save(const struct sources *sources, const char *state_dir);

#endif
