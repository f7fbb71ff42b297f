/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files, and the filters that were loaded from them. All memory is taken at loading: matching
 * allocates nothing (the interpreter of PCRE2 aside, which stays within its heap limit).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/evidence/filter.h"
#include "base/buf.h"

int filter_set_new(struct filter_set **ret)
{
	_cleanup_(filter_set_freep) struct filter_set *set = NULL;
	int r;

	set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	set->gates = true;
	r = regex_memory_new(&set->memory);
	if (r < 0)
		return r;
	set->dates.memory = &set->memory;
	*ret = TAKE_PTR(set);
	return 0;
}

struct filter_set *filter_set_free(struct filter_set *set)
{
	if (!set)
		return NULL;
	for (unsigned int i = 0; i < set->filters; i++)
		filter_free(set->filter[i]);
	for (unsigned int i = 0; i < set->files.count; i++) {
		free(set->files.file[i].name);
		free(set->files.file[i].text);
	}
	free(set->files.file);
	date_pool_done(&set->dates);
	pcre2_match_data_free(set->prefix_data);
	pcre2_match_data_free(set->data);
	regex_memory_done(&set->memory);
	table_free(set->joined);
	free(set);
	return NULL;
}

void filter_set_seed(struct filter_set *set, const uint64_t seed[2])
{
	if (!set->joined)
		memcpy(set->seed, seed, sizeof(set->seed));
}

void filter_set_clock(struct filter_set *set, int64_t boot_to_wall_ns)
{
	set->boot_to_wall_ns = boot_to_wall_ns;
}

void filter_set_on_warning(struct filter_set *set, void (*fn)(const char *text, void *arg),
			   void *arg)
{
	set->warn = fn;
	set->warn_arg = arg;
}

void filter_set_timer(struct filter_set *set, uint64_t (*now_ns)(void))
{
	set->timer = now_ns;
}

void filter_set_trace(struct filter_set *set, struct filter_trace *trace)
{
	set->trace = trace;
}

int filter_set_add_file(struct filter_set *set, const char *name, const char *text, size_t len)
{
	_cleanup_free_ char *copy = NULL, *name_copy = NULL;
	struct filter_file *file;

	if (len > CONFIG_FILE_MAX)
		return -EFBIG;
	copy = text_dup(text, len);
	name_copy = strdup(name);
	if (!copy || !name_copy)
		return -ENOMEM;
	for (unsigned int i = 0; i < set->files.count; i++) {
		file = &set->files.file[i];
		if (strcmp(file->name, name))
			continue;
		/* Filters that are loaded already name their places by file->name: it stays. */
		free(file->text);
		file->text = TAKE_PTR(copy);
		file->len = len;
		return 0;
	}
	if (set->files.count == CONFIG_FILES_MAX)
		return -E2BIG;
	file = reallocarray(set->files.file, set->files.count + 1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	set->files.file = file;
	file[set->files.count++] = (struct filter_file){
		.name = TAKE_PTR(name_copy),
		.text = TAKE_PTR(copy),
		.len = len,
	};
	return 0;
}

static uint32_t captures_most(const struct filter *filter)
{
	uint32_t most = filter->has_prefix ? filter->prefix.regex.captures : 0;

	for (unsigned int i = 0; i < filter->fails; i++)
		if (filter->fail[i].regex.captures > most)
			most = filter->fail[i].regex.captures;
	for (unsigned int i = 0; i < filter->ignores; i++)
		if (filter->ignore[i].regex.captures > most)
			most = filter->ignore[i].regex.captures;
	return most;
}

/* Room for all groups of its expressions. */
static int match_data_grow(struct filter_set *set, uint32_t captures)
{
	pcre2_match_data *prefix_data, *data;

	if (set->data && captures <= set->captures)
		return 0;
	prefix_data = pcre2_match_data_create(captures + 1, NULL);
	data = pcre2_match_data_create(captures + 1, NULL);
	if (!prefix_data || !data) {
		pcre2_match_data_free(prefix_data);
		pcre2_match_data_free(data);
		return -ENOMEM;
	}
	pcre2_match_data_free(set->prefix_data);
	pcre2_match_data_free(set->data);
	set->prefix_data = prefix_data;
	set->data = data;
	set->captures = captures;
	return 0;
}

static bool joins(const struct filter *filter)
{
	if (filter->has_prefix && filter->prefix.regex.group[ROLE_MLFID])
		return true;
	for (unsigned int i = 0; i < filter->fails; i++)
		if (filter->fail[i].regex.group[ROLE_MLFID])
			return true;
	return false;
}

static unsigned int interpreted(const struct expression *list, unsigned int count)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < count; i++)
		found += !list[i].regex.jit;
	return found;
}

static int filter_add(struct filter_set *set, struct filter *filter)
{
	int r;

	r = match_data_grow(set, captures_most(filter));
	if (r < 0)
		return r;
	if (joins(filter) && !set->joined) {
		r = filter_join_prepare(set);
		if (r < 0)
			return r;
	}
	set->stats.interpreted += interpreted(filter->fail, filter->fails) +
				  interpreted(filter->ignore, filter->ignores) +
				  (filter->has_prefix && !filter->prefix.regex.jit);
	set->filter[set->filters++] = filter;
	return 0;
}

int filter_set_load(struct filter_set *set, const char *spec, uint16_t *ret_index,
		    char error[EVIDENCE_ERROR_MAX])
{
	_cleanup_(filter_freep) struct filter *filter = NULL;
	_cleanup_free_ struct filter_spec *parsed = NULL;
	struct config config = { .warn = set->warn, .warn_arg = set->warn_arg };
	int r;

	for (unsigned int i = 0; i < set->filters; i++) {
		if (!strcmp(set->filter[i]->spec, spec)) {
			*ret_index = (uint16_t)i;
			return 0;
		}
	}
	(void)snprintf(error, EVIDENCE_ERROR_MAX, "filter \"%.100s\": out of memory", spec);
	if (set->filters == FILTERS_MAX) {
		(void)snprintf(error, EVIDENCE_ERROR_MAX, "filter \"%.100s\": more than %d filters",
			       spec, FILTERS_MAX);
		return -E2BIG;
	}
	parsed = calloc(1, sizeof(*parsed));
	filter = calloc(1, sizeof(*filter));
	if (!parsed || !filter)
		return -ENOMEM;
	r = filter_spec_parse(spec, parsed, error);
	if (r < 0)
		return r;
	filter->spec = strdup(spec);
	if (!filter->spec)
		return -ENOMEM;
	memcpy(filter->name, parsed->name, sizeof(filter->name));
	config.spec = parsed;
	r = config_read(&config, &set->files, error);
	if (!r)
		r = filter_compile(filter, &config, &set->dates, error);
	config_done(&config);
	if (!r)
		r = filter_add(set, filter);
	if (r < 0)
		return r;
	filter = NULL;
	*ret_index = (uint16_t)(set->filters - 1);
	return 0;
}

uint64_t filter_stamp(struct filter_set *set, uint16_t index, const struct log_record *record,
		      uint64_t near_wall_ns, uint64_t last_wall_ns)
{
	if (record->said_wall_ns || index >= set->filters)
		return record->said_wall_ns;
	/* Kept for filter_match, which is likely to be asked about the same record next. */
	line_prepare(&set->line, record, set->filter[index]->dates);
	if (!set->line.dated)
		return 0;
	set->stamp_clock.last_ns = last_wall_ns;
	return date_resolve(&set->stamp_clock, &set->line.date, near_wall_ns);
}

const char *filter_name(const struct filter_set *set, uint16_t index)
{
	return index < set->filters ? set->filter[index]->name : "";
}

unsigned int filter_expressions(const struct filter_set *set, uint16_t index)
{
	return index < set->filters ? set->filter[index]->fails : 0;
}

int filter_expression(const struct filter_set *set, uint16_t index, enum filter_kind kind,
		      unsigned int n, struct filter_form *ret)
{
	const struct filter *filter;
	const struct expression *e = NULL;

	if (index >= set->filters)
		return -ENOENT;
	filter = set->filter[index];
	switch (kind) {
	case FILTER_FAILREGEX:
		e = n < filter->fails ? &filter->fail[n] : NULL;
		break;
	case FILTER_PREFREGEX:
		e = !n && filter->has_prefix ? &filter->prefix : NULL;
		break;
	case FILTER_IGNOREREGEX:
		e = n < filter->ignores ? &filter->ignore[n] : NULL;
		break;
	case FILTER_KIND_MAX:
		break;
	}
	if (!e)
		return -ENOENT;
	*ret = (struct filter_form){
		.file = e->file ? e->file : filter->name,
		.line = e->line,
		.text = e->regex.text,
		.anchored = e->regex.at_line,
		.jit = e->regex.jit,
		.matches = e->matches,
		.limit = e->regex.limit,
		.spent_ns = e->spent_ns,
		.tried = e->tried,
	};
	return 0;
}

int filter_about(const struct filter_set *set, uint16_t index, struct filter_about *ret)
{
	const struct filter *filter;

	if (index >= set->filters)
		return -ENOENT;
	filter = set->filter[index];
	*ret = (struct filter_about){
		.failregex = filter->fails,
		.ignoreregex = filter->ignores,
		.prefregex = filter->has_prefix,
		.joins = joins(filter),
		.journalmatch = filter->journalmatch,
		.datepattern = filter->datepattern,
	};
	return 0;
}

bool filter_limits(const struct filter_set *set, uint16_t index, struct filter_limits *ret)
{
	const struct filter *filter;

	if (index >= set->filters)
		return false;
	filter = set->filter[index];
	*ret = (struct filter_limits){ .lines = filter->limit, .spec = filter->spec, .file = "" };
	if (filter->given_up) {
		ret->file = filter->given_up->file ? filter->given_up->file : filter->name;
		ret->line = filter->given_up->line;
	}
	return true;
}

int filter_form(const struct filter_set *set, uint16_t index, uint16_t form,
		struct filter_form *ret)
{
	return filter_expression(set, index, FILTER_FAILREGEX, form, ret);
}

void filter_stats(const struct filter_set *set, struct filter_stats *ret)
{
	*ret = set->stats;
	ret->joined_refused = set->joined ? table_evicted(set->joined) : 0;
	for (unsigned int i = 0; i < set->dates.lists; i++) {
		ret->regex_limit += date_list_limits(set->dates.list[i]);
		ret->interpreted += date_list_interpreted(set->dates.list[i]);
	}
}
