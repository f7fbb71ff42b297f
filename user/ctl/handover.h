/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Commands that another of bailiff's programs answers: found beside our own file, else where it is
 * installed, and executed in our place.
 */
#ifndef CTL_HANDOVER_H
#define CTL_HANDOVER_H

#include <stddef.h>

/* Path of program: beside the file self, else in one of the folders. -ENOENT. */
int handover_find(const char *self, const char *program, const char *const *folders, size_t count,
		  char **ret_path);

/* Returns only on failure: an exit code, with a sentence on standard error. argv[0] is replaced by
 * program. */
int handover_exec(const char *program, const char *const *folders, size_t count, char **argv);

#endif
