/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Filter and rule files: found and opened here, read by the analyst.
 */
#ifndef ENFORCER_FILES_H
#define ENFORCER_FILES_H

#include <limits.h>
#include <stdint.h>

#define FILES_MAX 1024 /* of one kind, both folders together */
#define FILES_DEPTH_MAX 4

/* name: the path below its folder; path: the whole. fd is borrowed. Nonzero ends. */
typedef int (*file_fn)(const char *name, const char *path, int fd, void *arg);

/*
 * Calls fn for each regular file whose name ends in .conf, .local, .yml or .yaml, in order of name,
 * first folder first; one that has a namesake in the second folder is left out (a link to /dev/null
 * there masks it). Names that begin with a dot are skipped. -E2BIG past FILES_MAX.
 */
int files_each(const char dirs[2][PATH_MAX], file_fn fn, void *arg);

#endif
