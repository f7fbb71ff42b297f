/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to bailiff-analyst: one file of filter check. */
#ifndef ANALYST_FILTER_CHECK_H
#define ANALYST_FILTER_CHECK_H

#include <stdbool.h>

#include "analyst/evidence/evidence.h"
#include "base/buf.h"

enum filter_check_result {
	FILTER_CHECK_LOADED,
	FILTER_CHECK_INCLUDED, /* no filter by itself, but there for others to include */
	FILTER_CHECK_REFUSED,
	FILTER_CHECK_MAX,
};

#define FILTER_CHECK_WARNINGS_MAX 64 /* told of one file */
#define FILTER_CHECK_VARIANTS_MAX 128

struct filter_check {
	const char *path, *file; /* borrowed */
	enum filter_check_result result;
	char error[EVIDENCE_ERROR_MAX];
	char variant[256]; /* in which it is refused, "" = by itself */
	struct filter_about about;
	struct buf journalmatch, datepattern;
	unsigned int variants;
	struct filter_check_variant {
		char param[64], value[64];
		unsigned int expressions;
	} variant_of[FILTER_CHECK_VARIANTS_MAX];
	unsigned int warnings, warnings_cut;
	char *warning[FILTER_CHECK_WARNINGS_MAX];
	unsigned int includers;
	char includer[256];
};

void filter_check_init(struct filter_check *check, const char *path, const char *file);
void filter_check_done(struct filter_check *check);
void filter_check_refuse(struct filter_check *check, const char *why);
/* Loads it by itself and in each variant. set holds all files, and no filter. 0 or -ENOMEM. */
int filter_check_run(struct filter_check *check, struct filter_set *set);

/* ---- filter_check_put.c ---- */

void filter_check_put(const struct filter_check *check, bool json);

#endif
