/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the other programs, the filters and the rules are: installed, or in the build tree that
 * this very program was started from.
 */
#ifndef ENFORCER_PLACES_H
#define ENFORCER_PLACES_H

#include <limits.h>
#include <stddef.h>

#include "enforcer/options.h"

struct places {
	char analyst[PATH_MAX];
	char recorder[PATH_MAX];
	char ctl[PATH_MAX]; /* "" = not found */
	/* In order; a file in the second takes the place of its namesake in the first. "" =
	 * none. */
	char filters[2][PATH_MAX];
	char rules[2][PATH_MAX];
};

/* -ENOENT, with a sentence in error: no program, or no filter, can be found. */
int places_find(struct places *places, const struct options *options, char *error, size_t size);

#endif
