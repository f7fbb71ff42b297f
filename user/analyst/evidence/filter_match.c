/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One line through one filter, in fail2ban's order: ignoreregex (if there are few), prefregex,
 * the first failregex that matches, ignoreregex, joining, the address.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "analyst/evidence/filter.h"
#include "analyst/evidence/text.h"

/* Whether its expressions know the role at all; most know few. */
static inline bool hit_has(const struct hit *hit, enum role role)
{
	return (hit->regex->roles | (hit->prefix ? hit->prefix->roles : 0)) >> role & 1;
}

/* failregex's own group, else prefregex's. NULL: took no part. */
static const char *hit_get(const struct hit *hit, enum role role, size_t *ret_len)
{
	const PCRE2_SIZE *at = group_at(hit->regex, hit->regex->group[role], hit->at);
	const char *text = hit->text;

	if (!at && hit->prefix) {
		at = group_at(hit->prefix, hit->prefix->group[role], hit->prefix_at);
		text = hit->prefix_text;
	}
	if (!at)
		return NULL;
	*ret_len = at[1] - at[0];
	return text + at[0];
}

static const char *alts_get(const struct regex *regex, const PCRE2_SIZE *at, const char *text,
			    enum role role, size_t *ret_len)
{
	for (unsigned int i = 0; regex && i < regex->alts; i++) {
		const PCRE2_SIZE *alt = regex->alt[i].role == role && !regex->alt[i].part
						? group_at(regex, regex->alt[i].group, at)
						: NULL;

		if (alt && alt[1] > alt[0]) {
			*ret_len = alt[1] - alt[0];
			return text + alt[0];
		}
	}
	return NULL;
}

/* The same, and where that is unset or empty, the first alternative that is not. */
static const char *hit_get_or_alt(const struct hit *hit, enum role role, size_t *ret_len)
{
	const char *text, *alt = NULL;

	if (!hit_has(hit, role))
		return NULL;
	text = hit_get(hit, role, ret_len);
	if (text && *ret_len)
		return text;
	alt = alts_get(hit->regex, hit->at, hit->text, role, ret_len);
	if (!alt)
		alt = alts_get(hit->prefix, hit->prefix_at, hit->prefix_text, role, ret_len);
	if (!alt && text)
		*ret_len = 0;
	return alt ? alt : text;
}

/* One expression's <F-TUPLE_X>: what it has of the role itself, then the parts in order of their names.
 * Its length; more than COMPOUND_MAX: it does not fit. */
static size_t parts_join(const struct regex *regex, const PCRE2_SIZE *at, const char *text,
			 enum role role, char room[COMPOUND_MAX])
{
	/* No line holds a newline: a key's parts cannot be made to look like another's. */
	const char *const between = role == ROLE_MLFID ? "\n" : ", ";
	const PCRE2_SIZE *own = group_at(regex, regex->group[role], at);
	size_t len = 0;

	for (unsigned int i = 0; i <= regex->alts; i++) {
		const PCRE2_SIZE *part = own;
		size_t part_len, gap;
		const char *from;

		if (i)
			part = regex->alt[i - 1].role == role && regex->alt[i - 1].part
				       ? group_at(regex, regex->alt[i - 1].group, at)
				       : NULL;
		from = part ? text + part[0] : NULL;
		part_len = part ? part[1] - part[0] : 0;
		if (!i && !part_len)
			from = alts_get(regex, at, text, role, &part_len);
		if (!from || !part_len)
			continue;
		gap = len ? strlen(between) : 0;
		if (part_len + gap > COMPOUND_MAX - len)
			return COMPOUND_MAX + 1;
		memcpy(room + len, between, gap);
		memcpy(room + len + gap, from, part_len);
		len += gap + part_len;
	}
	return len;
}

/* The same where it may be made of several parts; room holds those. */
static const char *hit_get_compound(const struct hit *hit, enum role role, char room[COMPOUND_MAX],
				    size_t *ret_len)
{
	size_t len = 0;

	if (hit->regex->compound >> role & 1)
		len = parts_join(hit->regex, hit->at, hit->text, role, room);
	if (!len && hit->prefix && hit->prefix->compound >> role & 1)
		len = parts_join(hit->prefix, hit->prefix_at, hit->prefix_text, role, room);
	if (!len)
		return hit_get_or_alt(hit, role, ret_len);
	*ret_len = len;
	return len <= COMPOUND_MAX ? room : NULL;
}

static bool hit_marks(const struct hit *hit, enum role role)
{
	size_t len;

	return hit_has(hit, role) && hit_get(hit, role, &len) && len;
}

/* ip4, ip6 with what /CIDR may follow. */
static bool addr_read(const struct hit *hit, struct addr *ret)
{
	static const enum role kinds[] = { ROLE_IP4, ROLE_IP6 };
	char text[ADDR_TEXT_MAX + 4];
	const char *part, *cidr;
	size_t len, cidr_len;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		part = hit_get_or_alt(hit, kinds[i], &len);
		if (!part || !len)
			continue;
		cidr = hit_get(hit, ROLE_CIDR, &cidr_len);
		if (!cidr || !cidr_len)
			return addr_parse(part, len, ret) == 0;
		if (len + 1 + cidr_len > sizeof(text))
			return false;
		memcpy(text, part, len);
		text[len] = '/';
		memcpy(text + len + 1, cidr, cidr_len);
		return addr_parse_net(text, len + 1 + cidr_len, ret) == 0;
	}
	return false;
}

static uint64_t number_read(const struct hit *hit, enum role role, uint64_t most)
{
	uint64_t value;
	size_t len;
	const char *text = hit_get_or_alt(hit, role, &len);

	return text && text_number(text, len, most, &value) == 0 ? value : 0;
}

static void said_read(const struct hit *hit, const struct line *line, struct said *ret)
{
	char room[COMPOUND_MAX];
	const char *text;
	uint64_t count;
	size_t len;

	memset(ret, 0, sizeof(*ret));
	ret->nofail = hit_marks(hit, ROLE_NOFAIL);
	ret->gained = hit_marks(hit, ROLE_GAINED);
	ret->forget = hit_marks(hit, ROLE_FORGET);
	text = hit_get_compound(hit, ROLE_ID, room, &len);
	if (text && len) {
		ret->has_id = true;
		if (addr_parse(text, len, &ret->addr) < 0)
			(void)addr_read(hit, &ret->addr);
	} else {
		ret->has_id = addr_read(hit, &ret->addr);
	}
	ret->port = (uint16_t)number_read(hit, ROLE_PORT, UINT16_MAX);
	count = number_read(hit, ROLE_COUNT, LINE_REPEATED_MAX);
	ret->count = line->count > count ? line->count : (uint32_t)count;
	text = hit_get_compound(hit, ROLE_USER, room, &len);
	if (text)
		text_copy_len(ret->user, sizeof(ret->user), text, len);
}

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

	/* The rest is written below; the line behind its end holds nothing, and is half of a claim. */
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
	said_read(&hit, &set->line, &said);
	key = hit_get_compound(&hit, ROLE_MLFID, room, &key_len);
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
