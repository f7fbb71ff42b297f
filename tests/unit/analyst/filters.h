/* SPDX-License-Identifier: GPL-2.0-only */
/* What the filter tests share: a set made of texts, lines as records. */
#ifndef TEST_FILTERS_H
#define TEST_FILTERS_H

#include "unit.h"

#include <string.h>

#include "analyst/evidence/evidence.h"

struct file {
	const char *name;
	const char *text;
};

static inline struct filter_set *set_of(const struct file *files, size_t count)
{
	static const uint64_t seed[2] = { 11, 12 };
	struct filter_set *set;

	assert_int_equal(filter_set_new(&set), 0);
	filter_set_seed(set, seed);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(filter_set_add_file(set, files[i].name, files[i].text,
						     strlen(files[i].text)),
				 0);
	return set;
}

static inline uint16_t load(struct filter_set *set, const char *spec)
{
	char error[EVIDENCE_ERROR_MAX] = "";
	uint16_t index = UINT16_MAX;
	int r = filter_set_load(set, spec, &index, error);

	if (r < 0)
		print_message("# %s: %s\n", spec, error);
	assert_int_equal(r, 0);
	return index;
}

static inline enum filter_outcome match_at(struct filter_set *set, uint16_t filter,
					   const char *line, uint64_t now_ns, struct claim *ret)
{
	const struct log_record record = {
		.source = 1,
		.arrived_ns = now_ns,
		.text = line,
		.len = strlen(line),
	};

	return filter_match(set, filter, &record, ret);
}

static inline enum filter_outcome match(struct filter_set *set, uint16_t filter, const char *line,
					struct claim *ret)
{
	return match_at(set, filter, line, 1, ret);
}

static inline bool addr_is(const struct addr *addr, const char *text)
{
	char is[ADDR_TEXT_MAX] = "-";

	if (addr->family)
		addr_format(addr, is);
	return !strcmp(is, text);
}

static inline bool claim_equal(const struct claim *a, const struct claim *b)
{
	return a->result == b->result && addr_equal(&a->addr, &b->addr) && a->port == b->port &&
	       a->pid == b->pid && a->count == b->count && a->form == b->form &&
	       a->said_wall_ns == b->said_wall_ns && !strcmp(a->user, b->user) &&
	       !strcmp(a->line, b->line);
}

#endif
