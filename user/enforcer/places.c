/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the other programs, the filters and the rules are.
 */
#include "enforcer/places.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

#define CONFIG_DIR BAILIFF_SYSCONFDIR "/bailiff"

static bool join(char to[PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(to, PATH_MAX, "%s/%s", dir, name);

	return n > 0 && n < PATH_MAX;
}

static bool is_program(char to[PATH_MAX], const char *dir, const char *name)
{
	struct stat st;

	return join(to, dir, name) && !stat(to, &st) && S_ISREG(st.st_mode) && !access(to, X_OK);
}

static bool is_folder(char to[PATH_MAX], const char *dir, const char *name)
{
	struct stat st;

	return join(to, dir, name) && !stat(to, &st) && S_ISDIR(st.st_mode);
}

/* The folder of this program; "/" if /proc does not tell. */
static void own_folder(char to[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", to, PATH_MAX - 1);
	char *slash;

	to[len < 0 ? 0 : len] = '\0';
	slash = strrchr(to, '/');
	if (slash)
		slash[slash == to] = '\0';
	else
		text_copy(to, PATH_MAX, "/");
}

static int find_programs(struct places *places, const char *own, const struct options *options,
			 char *error, size_t size)
{
	const char *tried[] = { options->libexec ? options->libexec : own, BAILIFF_LIBEXECDIR };
	size_t count = options->libexec ? 1 : 2;

	for (size_t i = 0; i < count; i++)
		if (is_program(places->analyst, tried[i], "bailiff-analyst") &&
		    is_program(places->recorder, tried[i], "bailiff-recorder"))
			return 0;
	(void)snprintf(error, size, "bailiff-analyst and bailiff-recorder are not in %s%s%s",
		       tried[0], count > 1 ? " nor in " : "", count > 1 ? tried[1] : "");
	return -ENOENT;
}

static void clear_if_not(bool found, char text[PATH_MAX])
{
	if (!found)
		text[0] = '\0';
}

/* Both kinds of files: installed ones under those of the administrator, else the tree's own. */
static void find_files(char to[2][PATH_MAX], const char *own, const char *given,
		       const char *installed, const char *tree)
{
	to[0][0] = to[1][0] = '\0';
	if (given) {
		clear_if_not(is_folder(to[0], given, "."), to[0]);
		return;
	}
	if (!is_folder(to[0], own, tree) && !is_folder(to[0], BAILIFF_LIBEXECDIR, installed))
		to[0][0] = '\0';
	clear_if_not(is_folder(to[1], CONFIG_DIR, installed), to[1]);
}

int places_find(struct places *places, const struct options *options, char *error, size_t size)
{
	char own[PATH_MAX];
	int r;

	memset(places, 0, sizeof(*places));
	own_folder(own);
	r = find_programs(places, own, options, error, size);
	if (r < 0)
		return r;
	if (!is_program(places->ctl, own, "bailiffctl") &&
	    !is_program(places->ctl, own, "../bin/bailiffctl"))
		places->ctl[0] = '\0';
	find_files(places->filters, own, options->filters, "filter.d", "../user/analyst/filters");
	find_files(places->rules, own, options->rules, "rules.d", "../user/analyst/rules.d");
	if (!places->filters[0][0] && !places->filters[1][0]) {
		(void)snprintf(error, size, "there is no folder of filters (%s)",
			       options->filters ? options->filters
						: BAILIFF_LIBEXECDIR "/filter.d");
		return -ENOENT;
	}
	if (!places->rules[0][0] && !places->rules[1][0]) {
		(void)snprintf(error, size, "there is no folder of rules (%s)",
			       options->rules ? options->rules : BAILIFF_LIBEXECDIR "/rules.d");
		return -ENOENT;
	}
	return 0;
}
