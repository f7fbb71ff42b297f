/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the groups of a match say: failregex's own, else prefregex's; where both are unset or empty,
 * the alternatives (<F-ALT_X>); compounds of several parts (<F-TUPLE_X>).
 *
 * Who is told of is an address that addr_parse takes whole, or nobody.
 */
#include <string.h>

#include "analyst/evidence/filter.h"
#include "analyst/evidence/text.h"

static inline bool hit_has(const struct hit *hit, enum role role)
{
	return hit->roles >> role & 1;
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

/* One expression's <F-TUPLE_X>: what it has of the role itself, then the parts in order of their
 * names. Its length; more than COMPOUND_MAX: it does not fit. */
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

	if (!(hit->compound >> role & 1))
		return hit_get_or_alt(hit, role, ret_len);
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
	const char *text;
	uint64_t value;
	size_t len;

	if (!hit_has(hit, role))
		return 0;
	text = hit_get_or_alt(hit, role, &len);
	return text && text_number(text, len, most, &value) == 0 ? value : 0;
}

void hit_said(const struct hit *hit, const struct line *line, struct said *ret)
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

const char *hit_key(const struct hit *hit, char room[COMPOUND_MAX], size_t *ret_len)
{
	return hit_get_compound(hit, ROLE_MLFID, room, ret_len);
}
