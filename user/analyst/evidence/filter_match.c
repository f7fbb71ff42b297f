/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One line through one filter, in fail2ban's order: ignoreregex (if there are few), prefregex,
 * the first failregex that matches, ignoreregex, joining, the address.
 */
#include <stdio.h>
#include <string.h>

#include "analyst/evidence/filter.h"

static void line_copy(char to[IPC_LINE_MAX], const struct log_record *record)
{
	if (record->len >= IPC_LINE_MAX) {
		text_copy_len(to, IPC_LINE_MAX, record->text, record->len);
		return;
	}
	memcpy(to, record->text, record->len);
	to[record->len] = '\0';
}

static void claim_fill(struct filter_set *set, uint16_t filter, uint16_t form,
		       const struct log_record *record, const struct said *said, struct claim *ret)
{
	const struct line *line = &set->line;
	uint64_t now_wall_ns = record->arrived_ns + (uint64_t)set->boot_to_wall_ns;

	/* The rest is written below; the line behind its end holds nothing, and is half of a
	 * claim. */
	memset(ret, 0, offsetof(struct claim, origin));
	ret->addr = said->addr;
	ret->port = said->port;
	ret->pid_trusted = record->origin.trusted && record->origin.pid;
	ret->pid = ret->pid_trusted ? record->origin.pid : line->pid;
	ret->count = said->count;
	ret->source = record->source;
	ret->filter = filter;
	ret->form = form;
	ret->arrived_ns = record->arrived_ns;
	ret->said_wall_ns = record->said_wall_ns;
	if (line->dated) {
		ret->said_wall_ns = date_resolve(&set->claim_clock, &line->date, now_wall_ns);
		ret->past_year = set->claim_clock.past_year;
	}
	ret->origin = record->origin;
	memcpy(ret->user, said->user, sizeof(ret->user));
	line_copy(ret->line, record);
}

static bool try(struct filter_set *set, struct expression *expression, const char *text, size_t len,
		pcre2_match_data *data)
{
	uint64_t begin, limit = expression->regex.limit;
	bool (*const match)(struct regex *, const struct regex_memory *, const char *, size_t,
			    pcre2_match_data *) =
		set->gates && set->line.ascii ? regex_match_ascii : regex_match;
	bool matched;

	if (set->timer) {
		begin = set->timer();
		matched = match(&expression->regex, &set->memory, text, len, data);
		expression->spent_ns += set->timer() - begin;
		expression->tried++;
	} else {
		matched = match(&expression->regex, &set->memory, text, len, data);
	}
	if (expression->regex.limit != limit)
		set->given_up = expression;
	return matched;
}

/* An expression that is too slow on somebody's lines: said once, the rest is counted. */
static void given_up(struct filter_set *set, struct filter *filter)
{
	const struct expression *e = set->given_up;
	char text[EVIDENCE_ERROR_MAX];

	set->given_up = NULL;
	set->stats.regex_limit++;
	filter->given_up = e;
	if (++filter->limit != LIMIT_TOLD || !set->warn)
		return;
	(void)snprintf(text, sizeof(text),
		       "%.80s:%u: filter %.60s was given up on %d lines, for it tries too many "
		       "ways: what it does not see is not counted",
		       e->file ? e->file : filter->name, e->line, filter->spec, LIMIT_TOLD);
	set->warn(text, set->warn_arg);
}

static bool ignored(struct filter_set *set, struct filter *filter, const char *text, size_t len)
{
	for (unsigned int i = 0; i < filter->ignores; i++) {
		if (!try(set, &filter->ignore[i], text, len, set->data))
			continue;
		filter->ignore[i].matches++;
		if (set->trace)
			set->trace->ignore = (int)i;
		return true;
	}
	return false;
}

/* failregex sees the content, and a newline behind it, in place of the line. */
static bool prefix_match(struct filter_set *set, struct filter *filter, struct hit *hit,
			 size_t *len)
{
	const PCRE2_SIZE *content;

	if (!try(set, &filter->prefix, hit->text, *len, set->prefix_data))
		return false;
	filter->prefix.matches++;
	hit->prefix = &filter->prefix.regex;
	hit->prefix_text = hit->text;
	hit->prefix_at = pcre2_get_ovector_pointer(set->prefix_data);
	if (set->trace)
		set->trace->prefixed = true;
	content = group_at(hit->prefix, hit->prefix->group[ROLE_CONTENT], hit->prefix_at);
	if (!content || content[0] == content[1])
		return true;
	hit->text = set->line.text + content[0];
	hit->content = content[0];
	*len = content[1] - content[0];
	if (content[1] == set->line.len) {
		(*len)++;
	} else if (hit->text[*len - 1] != '\n') {
		memcpy(set->content, hit->text, *len);
		set->content[(*len)++] = '\n';
		hit->text = set->content;
	}
	return true;
}

/* Which failregex, from i on, may begin as text does; filter->fails: none. */
static unsigned int fail_next(const struct filter *filter, const char *text, unsigned int i)
{
	const uint64_t *words = filter->begins + (unsigned char)text[0] * filter->begin_words;

	for (unsigned int word = i / 64; word < filter->begin_words; word++) {
		uint64_t bits = words[word] & (word == i / 64 ? UINT64_MAX << i % 64 : UINT64_MAX);

		if (bits)
			return word * 64 + (unsigned int)__builtin_ctzll(bits);
	}
	return filter->fails;
}

/* What begins with no known text is cheaper searched for the text it needs than asked. */
static bool form_may_match(const struct regex *regex, const char *text, size_t len)
{
	return regex_may_match(regex, text, len) &&
	       (regex->prefix.len || literals_found(&regex->needs, text, len));
}

/* The number of the failregex, or -1. window: what those over several lines see, or NULL. */
static int fail_match(struct filter_set *set, struct filter *filter, struct hit *hit, size_t len,
		      const struct window *window)
{
	const bool by_begin = filter->begins && set->gates;

	for (unsigned int i = 0; i < filter->fails; i++) {
		struct expression *form;
		const char *text = hit->text;
		size_t text_len = len;
		bool lines;

		if (by_begin)
			i = fail_next(filter, text, i);
		if (i == filter->fails)
			break;
		form = &filter->fail[i];
		lines = window && form->regex.lines;
		if (lines) {
			text = window->text;
			text_len = window->len;
		}
		if (!form_may_match(&form->regex, text, text_len) ||
		    !try(set, form, text, text_len, set->data))
			continue;
		form->matches++;
		hit->text = text;
		hit->regex = &form->regex;
		hit->roles = form->regex.roles | (hit->prefix ? hit->prefix->roles : 0);
		hit->compound = form->regex.compound | (hit->prefix ? hit->prefix->compound : 0);
		hit->at = pcre2_get_ovector_pointer(set->data);
		if (set->trace && lines)
			filter_trace_begin(set->trace, text, text_len - 1);
		if (set->trace)
			set->trace->form = (int)i;
		return (int)i;
	}
	return -1;
}

static enum filter_outcome line_match(struct filter_set *set, uint16_t index,
				      const struct log_record *record, struct claim *ret)
{
	struct filter *filter = set->filter[index];
	/* The newline at the end is part of the text, as it is for fail2ban. */
	size_t len = set->line.len + 1, key_len = 0;
	struct hit hit = { .text = set->line.text };
	struct window *window = NULL;
	char room[COMPOUND_MAX];
	struct said said;
	const char *key;
	bool pending = false;
	int form;

	if (filter->windows)
		window = window_push(filter->windows, record, &set->line);
	if (filter->ignores_first && ignored(set, filter, hit.text, len))
		return FILTER_IGNORED;
	if (filter->has_prefix && !prefix_match(set, filter, &hit, &len))
		return FILTER_NOMATCH;
	form = fail_match(set, filter, &hit, len, window);
	if (form < 0)
		return FILTER_NOMATCH;
	if (set->trace)
		filter_trace_hit(set->trace, &hit);
	hit_said(&hit, &set->line, &said);
	key = hit_key(&hit, room, &key_len);
	if (window)
		window_use(window, &hit, &hit.text, &len);
	if (!filter->ignores_first && ignored(set, filter, hit.text, len))
		return FILTER_IGNORED;
	if (key && key_len)
		pending = filter_join(set, index, record, key, key_len, &said);
	claim_fill(set, index, (uint16_t)form, record, &said, ret);
	if (said.gained) {
		ret->result = CLAIM_SUCCESS;
		return FILTER_SUCCESS;
	}
	if (said.nofail || pending || !said.has_id) {
		ret->result = CLAIM_NOFAIL;
		return FILTER_NOFAIL;
	}
	ret->result = CLAIM_FAILURE;
	return FILTER_FAILURE;
}

enum filter_outcome filter_match(struct filter_set *set, uint16_t index,
				 const struct log_record *record, struct claim *ret)
{
	enum filter_outcome outcome;

	if (index >= set->filters)
		return FILTER_NOMATCH;
	set->stats.records++;
	line_prepare(&set->line, record, set->filter[index]->dates);
	if (set->trace)
		filter_trace_begin(set->trace, set->line.text, set->line.len);
	if (set->gates && !literals_found(&set->filter[index]->gate, set->line.text, set->line.len))
		return FILTER_NOMATCH;
	outcome = line_match(set, index, record, ret);
	if (set->given_up)
		given_up(set, set->filter[index]);
	switch (outcome) {
	case FILTER_NOMATCH:
		break;
	case FILTER_IGNORED:
		set->stats.ignored++;
		break;
	case FILTER_NOFAIL:
	case FILTER_FAILURE:
	case FILTER_SUCCESS:
		set->stats.matches++;
		break;
	}
	return outcome;
}
