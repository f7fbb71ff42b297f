/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which part of a line an expression took for what, for whoever explains a filter. Nothing of it is
 * done unless somebody asks.
 */
#include "analyst/evidence/filter.h"
#include "base/cleanup.h"

static const struct {
	enum role role;
	enum filter_part_kind kind;
} parts[] = {
	{ ROLE_MLFID, FILTER_PART_KEY },   { ROLE_ID, FILTER_PART_ID },
	{ ROLE_IP4, FILTER_PART_ADDR },	   { ROLE_IP6, FILTER_PART_ADDR },
	{ ROLE_DNS, FILTER_PART_ADDR },	   { ROLE_PORT, FILTER_PART_PORT },
	{ ROLE_USER, FILTER_PART_USER },   { ROLE_COUNT, FILTER_PART_COUNT },
	{ ROLE_NOFAIL, FILTER_PART_MARK }, { ROLE_FORGET, FILTER_PART_MARK },
	{ ROLE_GAINED, FILTER_PART_MARK },
};

void filter_trace_begin(struct filter_trace *trace, const char *text, size_t len)
{
	*trace = (struct filter_trace){ .text = text, .len = len, .form = -1, .ignore = -1 };
}

static void part_add(struct filter_trace *trace, enum filter_part_kind kind, size_t base,
		     const PCRE2_SIZE *at)
{
	if (!at || at[0] == at[1] || trace->parts == FILTER_PARTS_MAX)
		return;
	trace->part[trace->parts++] = (struct filter_part){
		.kind = kind,
		.begin = base + at[0],
		.end = base + at[1] < trace->len ? base + at[1] : trace->len,
	};
}

/* part: of a compound, else alternatives. */
static void alts_add(struct filter_trace *trace, const struct hit *hit, enum role role, bool part,
		     enum filter_part_kind kind)
{
	const struct regex *own = hit->regex, *prefix = hit->prefix;

	for (unsigned int i = 0; i < own->alts; i++)
		if (own->alt[i].role == role && own->alt[i].part == part)
			part_add(trace, kind, hit->content,
				 group_at(own, own->alt[i].group, hit->at));
	for (unsigned int i = 0; prefix && i < prefix->alts; i++)
		if (prefix->alt[i].role == role && prefix->alt[i].part == part)
			part_add(trace, kind, 0,
				 group_at(prefix, prefix->alt[i].group, hit->prefix_at));
}

void filter_trace_hit(struct filter_trace *trace, const struct hit *hit)
{
	trace->begin = hit->content + hit->at[0];
	trace->end = hit->content + hit->at[1];
	/* The newline at the end of the text is not shown. */
	if (trace->end > trace->len)
		trace->end = trace->len;
	if (trace->begin > trace->end)
		trace->begin = trace->end;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const enum role role = parts[i].role;
		const PCRE2_SIZE *own = group_at(hit->regex, hit->regex->group[role], hit->at);
		const unsigned int before = trace->parts;

		if (own)
			part_add(trace, parts[i].kind, hit->content, own);
		else if (hit->prefix)
			part_add(trace, parts[i].kind, 0,
				 group_at(hit->prefix, hit->prefix->group[role], hit->prefix_at));
		if (trace->parts == before)
			alts_add(trace, hit, role, false, parts[i].kind);
		alts_add(trace, hit, role, true, parts[i].kind);
	}
}
