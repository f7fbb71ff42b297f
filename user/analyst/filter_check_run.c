/* SPDX-License-Identifier: GPL-2.0-only */
/* One file of filter check: loaded by itself, then with each value of each parameter that it
 * names. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/filter_check.h"
#include "base/cleanup.h"

void filter_check_init(struct filter_check *check, const char *path, const char *file)
{
	memset(check, 0, sizeof(*check));
	check->path = path;
	check->file = file;
	check->journalmatch = (struct buf)BUF_INIT(4096);
	check->datepattern = (struct buf)BUF_INIT(4096);
}

void filter_check_done(struct filter_check *check)
{
	for (unsigned int i = 0; i < check->warnings; i++)
		free(check->warning[i]);
	buf_done(&check->journalmatch);
	buf_done(&check->datepattern);
}

void filter_check_refuse(struct filter_check *check, const char *why)
{
	check->result = FILTER_CHECK_REFUSED;
	(void)snprintf(check->error, sizeof(check->error), "%.100s: %.140s", check->file, why);
}

/* The same expression is there in several modes: told once. */
static void on_warning(const char *text, void *arg)
{
	struct filter_check *check = arg;

	for (unsigned int i = 0; i < check->warnings; i++)
		if (!strcmp(check->warning[i], text))
			return;
	if (check->warnings == FILTER_CHECK_WARNINGS_MAX) {
		check->warnings_cut++;
		return;
	}
	check->warning[check->warnings] = strdup(text);
	if (check->warning[check->warnings])
		check->warnings++;
}

static int on_variant(const char *param, const char *value, void *arg)
{
	struct filter_check *check = arg;
	struct filter_check_variant *variant;

	if (check->variants == FILTER_CHECK_VARIANTS_MAX)
		return 0;
	variant = &check->variant_of[check->variants++];
	text_copy(variant->param, sizeof(variant->param), param);
	text_copy(variant->value, sizeof(variant->value), value);
	return 0;
}

static int variants_load(struct filter_check *check, struct filter_set *set, const char *name)
{
	char spec[512];
	uint16_t index;
	int r = 0;

	for (unsigned int i = 0; i < check->variants && !r; i++) {
		struct filter_check_variant *variant = &check->variant_of[i];

		(void)snprintf(spec, sizeof(spec), "%s[%s=%s]", name, variant->param,
			       variant->value);
		r = filter_set_load(set, spec, &index, check->error);
		if (!r)
			variant->expressions = filter_expressions(set, index);
		else
			text_copy(check->variant, sizeof(check->variant), spec);
	}
	return r;
}

static int load(struct filter_check *check, struct filter_set *set, const char *name)
{
	uint16_t index;
	int r;

	r = filter_set_load(set, name, &index, check->error);
	if (r < 0)
		return r;
	(void)filter_about(set, index, &check->about);
	buf_puts(&check->journalmatch, check->about.journalmatch ? check->about.journalmatch : "");
	buf_puts(&check->datepattern, check->about.datepattern ? check->about.datepattern : "");
	/* Borrowed of the set, which does not stay. */
	check->about.journalmatch = check->about.datepattern = NULL;
	r = filter_set_variants(set, name, on_variant, check, check->error);
	return r < 0 ? r : variants_load(check, set, name);
}

int filter_check_run(struct filter_check *check, struct filter_set *set)
{
	const char *first = NULL;
	char name[256];
	int r;

	(void)snprintf(name, sizeof(name), "%.*s", (int)(strlen(check->file) - strlen(".conf")),
		       check->file);
	filter_set_on_warning(set, on_warning, check);
	r = load(check, set, name);
	if (r == -ENOMEM)
		return r;
	check->includers = filter_set_includers(set, check->file, &first);
	if (first)
		text_copy(check->includer, sizeof(check->includer), first);
	if (r >= 0)
		check->result = FILTER_CHECK_LOADED;
	else if (check->includers || (r == -ENODATA && !check->variant[0]))
		check->result = FILTER_CHECK_INCLUDED;
	else
		check->result = FILTER_CHECK_REFUSED;
	return 0;
}
