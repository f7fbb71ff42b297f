/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A filter's date patterns, in order, and which of them a line has.
 *
 * A pattern that is anchored wins where it matches; else the one that matches furthest left,
 * because a date further right is more likely to be somebody's text. The one that a source had last
 * is tried first: it settles what "05/06/2026" means, and is nearly always right.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyst/evidence/date.h"
#include "analyst/evidence/text.h"
#include "base/cleanup.h"

#define DATE "{DATE}"
#define LINE_BEGIN "{^LN-BEG}"

static struct date_list *list_free(struct date_list *list)
{
	if (!list)
		return NULL;
	for (unsigned int i = 0; i < list->forms; i++)
		date_form_done(&list->form[i]);
	pcre2_match_data_free(list->data);
	free(list->form);
	free(list->key);
	free(list);
	return NULL;
}
DEFINE_CLEANUP(list_free, struct date_list *)

/* ---- making ---- */

static int add_form(struct date_list *list, const char *pattern, bool built_in,
		    char error[REGEX_ERROR_MAX])
{
	struct date_form *form;
	int r;

	(void)snprintf(error, REGEX_ERROR_MAX, "more than %d expressions", DATE_FORMS_MAX);
	if (list->forms == DATE_FORMS_MAX)
		return -E2BIG;
	(void)snprintf(error, REGEX_ERROR_MAX, "out of memory");
	form = reallocarray(list->form, list->forms + 1, sizeof(*form));
	if (!form)
		return -ENOMEM;
	list->form = form;
	r = date_form_compile(&form[list->forms], pattern, built_in, error);
	if (r < 0)
		return r;
	list->forms++;
	list->built_in &= built_in;
	return 0;
}

static bool begins_anchored(const char *layout)
{
	return *layout == '^' || !strncmp(layout, LINE_BEGIN, strlen(LINE_BEGIN));
}

static const char *unanchored(const char *layout)
{
	return !strncmp(layout, LINE_BEGIN, strlen(LINE_BEGIN)) ? layout + strlen(LINE_BEGIN)
								: layout;
}

/* The layouts at a line's begin, then, if anywhere, everywhere. */
static int add_layouts(struct date_list *list, bool anywhere, char error[REGEX_ERROR_MAX])
{
	char pattern[DATE_PATTERN_MAX];
	int r = 0;

	list->fast |= !list->forms;
	for (int i = 0; i < DATE_LAYOUTS && !r; i++) {
		(void)snprintf(pattern, sizeof(pattern), "%s%s",
			       begins_anchored(date_layouts[i]) ? "" : LINE_BEGIN, date_layouts[i]);
		r = add_form(list, pattern, true, error);
	}
	for (int i = 0; anywhere && i < DATE_LAYOUTS && !r; i++)
		if (!begins_anchored(date_layouts[i]))
			r = add_form(list, date_layouts[i], true, error);
	return r;
}

/* Each layout in place of {DATE}. */
static int add_each(struct date_list *list, const char *pattern, char error[REGEX_ERROR_MAX])
{
	const char *date = strcasestr(pattern, DATE);
	size_t before = (size_t)(date - pattern);
	const char *after = date + strlen(DATE);
	bool alone = !*after && (!before || (before == 1 && *pattern == '^') ||
				 (before == strlen(LINE_BEGIN) && begins_anchored(pattern)));
	char text[DATE_PATTERN_MAX];
	int r = 0;

	for (int i = 0; i < DATE_LAYOUTS && !r; i++) {
		const char *layout = unanchored(date_layouts[i]);

		/* These are no expressions; only at a line's begin do they stand for one. */
		if (!strchr(layout, '%') && !alone)
			continue;
		(void)snprintf(error, REGEX_ERROR_MAX, "longer than %d bytes", DATE_PATTERN_MAX);
		if (snprintf(text, sizeof(text), "%.*s%s%s", (int)before, pattern, layout, after) >=
		    (int)sizeof(text))
			return -E2BIG;
		r = add_form(list, text, false, error);
	}
	return r;
}

static int add_pattern(struct date_list *list, const char *pattern, char error[REGEX_ERROR_MAX])
{
	const char *date = strcasestr(pattern, DATE);

	if (!strcasecmp(pattern, "{NONE}")) {
		/* Its lines have none: what looks like one is left in them. */
		list->built_in = false;
		return 0;
	}
	if (!strcasecmp(pattern, LINE_BEGIN) || !strcasecmp(pattern, "{DEFAULT}"))
		return add_layouts(list, pattern[1] != '^', error);
	if (date && (date == pattern || date[-1] != '\\'))
		return add_each(list, pattern, error);
	return add_form(list, pattern, false, error);
}

static int list_fill(struct date_list *list, const char *patterns, unsigned int *ret_line,
		     char error[REGEX_ERROR_MAX])
{
	char pattern[DATE_PATTERN_MAX];
	uint32_t most = 0;
	bool any = false;
	int r = 0;

	*ret_line = 0;
	for (const char *line = patterns; *line; (*ret_line)++) {
		size_t len = strcspn(line, "\n"), skip = strspn(line, " \t\r\f\v");
		const char *next = line + len + (line[len] == '\n');

		skip = skip < len ? skip : len;
		line += skip;
		len -= skip;
		while (len && strchr(" \t\r\f\v", line[len - 1]))
			len--;
		if (len >= sizeof(pattern)) {
			(void)snprintf(error, REGEX_ERROR_MAX, "longer than %d bytes",
				       DATE_PATTERN_MAX);
			return -E2BIG;
		}
		memcpy(pattern, line, len);
		pattern[len] = '\0';
		line = next;
		if (!len)
			continue;
		any = true;
		r = add_pattern(list, pattern, error);
		if (r < 0)
			return r;
	}
	*ret_line = 0;
	if (!any)
		r = add_layouts(list, true, error);
	for (unsigned int i = 0; i < list->forms; i++)
		if (list->form[i].regex.captures > most)
			most = list->form[i].regex.captures;
	if (r < 0)
		return r;
	list->data = pcre2_match_data_create(most + 1, NULL);
	return list->data ? 0 : -ENOMEM;
}

int date_pool_get(struct date_pool *pool, const char *patterns, const char *zone,
		  struct date_list **ret, unsigned int *ret_line, char error[REGEX_ERROR_MAX])
{
	_cleanup_(list_freep) struct date_list *list = NULL;
	_cleanup_free_ char *key = NULL;
	struct date_list **grown;
	int r;

	(void)snprintf(error, REGEX_ERROR_MAX, "out of memory");
	*ret_line = 0;
	if (asprintf(&key, "%s\n\n%s", zone ? zone : "", patterns) < 0) {
		key = NULL;
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < pool->lists; i++) {
		if (!strcmp(pool->list[i]->key, key)) {
			*ret = pool->list[i];
			return 0;
		}
	}
	list = calloc(1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	list->key = TAKE_PTR(key);
	list->memory = pool->memory;
	list->built_in = true;
	if (zone) {
		list->zoned = true;
		if (date_zone_parse(zone, strlen(zone), &list->zone_s) < 0) {
			*ret_line = UINT32_MAX;
			(void)snprintf(error, REGEX_ERROR_MAX,
				       "\"%.40s\" is no time zone: UTC, CET or +0100 are", zone);
			return -EINVAL;
		}
	}
	r = list_fill(list, patterns, ret_line, error);
	if (r < 0)
		return r;
	grown = reallocarray(pool->list, pool->lists + 1, sizeof(struct date_list *));
	if (!grown)
		return -ENOMEM;
	pool->list = grown;
	*ret = pool->list[pool->lists++] = TAKE_PTR(list);
	return 0;
}

void date_pool_done(struct date_pool *pool)
{
	for (unsigned int i = 0; i < pool->lists; i++)
		list_free(pool->list[i]);
	free(pool->list);
	*pool = (struct date_pool){ .memory = pool->memory };
}

/* ---- finding ---- */

struct search {
	struct date_list *list;
	const char *text;
	size_t len;
	size_t seen; /* bytes of it that built-in layouts look at */
};

static bool form_find(const struct search *s, unsigned int index, struct date_place *ret,
		      struct date *ret_date)
{
	struct date_form *form = &s->list->form[index];
	const PCRE2_SIZE *at;

	if (!regex_match(&form->regex, s->list->memory, s->text, form->built_in ? s->seen : s->len,
			 s->list->data))
		return false;
	at = pcre2_get_ovector_pointer(s->list->data);
	/* A date that is optional, and is not there. */
	if (!form->regex.captures || at[2] == PCRE2_UNSET || at[2] >= at[3])
		return false;
	*ret = (struct date_place){ .start = at[2], .end = at[3] };
	date_fields_read(form, s->text, at, ret_date);
	return true;
}

static unsigned int search_all(const struct search *s, struct date_place *ret,
			       struct date *ret_date)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < s->list->forms; i++) {
		struct date_place place;
		struct date date;

		if (!form_find(s, i, &place, &date) ||
		    (found && !s->list->form[i].anchored && place.start >= ret->start))
			continue;
		found = i + 1;
		*ret = place;
		*ret_date = date;
		if (s->list->form[i].anchored || !place.start)
			break;
	}
	return found;
}

static bool list_search(struct search *s, struct date_last *last, struct date_place *ret,
			struct date *ret_date)
{
	bool anchored = last->form && s->list->form[last->form - 1].anchored;
	size_t first = last->start;
	unsigned int found;

	if (anchored && form_find(s, last->form - 1, ret, ret_date))
		return true;
	if (s->list->built_in) {
		first = date_evidence(s->text, s->seen);
		if (first == s->seen)
			return false;
	}
	/* Where nothing left of it could be a date. */
	if (last->form && !anchored && form_find(s, last->form - 1, ret, ret_date) &&
	    (s->list->forms == 1 || ret->start <= first))
		return true;
	found = search_all(s, ret, ret_date);
	if (!found)
		return false;
	*last = (struct date_last){ .form = found, .start = ret->start };
	return true;
}

bool date_list_find(struct date_list *list, uint32_t source, const char *text, size_t len,
		    struct date_place *ret, struct date *ret_date)
{
	struct search s = { .list = list, .text = text, .len = len };
	struct date_place place = { 0 };

	if (!list->fast || !date_fast_again(&list->memo, text, len, &place, ret_date)) {
		s.seen = len > DATE_SEARCH_MAX ? text_cut_at(text, len, DATE_SEARCH_MAX) : len;
		if (!list_search(&s, &list->last[source % DATE_SOURCES], &place, ret_date))
			return false;
	}
	if (list->zoned && !ret_date->zoned) {
		ret_date->zoned = true;
		ret_date->zone_s = list->zone_s;
	}
	*ret = place;
	return true;
}

uint64_t date_list_limits(const struct date_list *list)
{
	uint64_t limits = 0;

	for (unsigned int i = 0; i < list->forms; i++)
		limits += list->form[i].regex.limit;
	return limits;
}

unsigned int date_list_interpreted(const struct date_list *list)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < list->forms; i++)
		found += !list->form[i].regex.jit;
	return found;
}
