/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which plain texts must be in a line for an expression to match at all. Most lines of a log are
 * about other programs; looking for "sshd" costs a tenth of what asking the expression costs.
 *
 * Everything here errs on one side: where the notation is not understood, nothing is required. A
 * literal that were required wrongly would hide attacks.
 */
#include <ctype.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "analyst/evidence/filter_regex.h"

#define DEPTH_MAX 64

struct scan {
	const char *at;
	bool lost; /* flags, or notation that is not understood */
	bool anchored; /* begins with ^ */
	bool prefix_done;
	struct literal prefix;
};

/* The sequence being read: the run of plain characters, and the best that was found so far. */
struct run {
	struct literal now;
	struct literals best;
};

/* Longer is rarer; several alternatives cost several searches. */
static int worth(const struct literals *set)
{
	unsigned int least = 8;

	for (unsigned int i = 0; i < set->count; i++)
		if (set->literal[i].len < least)
			least = set->literal[i].len;
	return set->count ? (int)(least * 10 - set->count) : 0;
}

static void offer(struct run *run, const struct literals *set)
{
	if (worth(set) > worth(&run->best))
		run->best = *set;
}

static void run_end(struct scan *s, struct run *run, unsigned int depth)
{
	struct literals set = { .count = 1 };

	if (!depth && !s->prefix_done) {
		s->prefix = run->now;
		s->prefix_done = true;
	}
	if (run->now.len) {
		set.literal[0] = run->now;
		offer(run, &set);
	}
	run->now.len = 0;
}

static void run_add(struct scan *s, struct run *run, char c, unsigned int depth)
{
	if (run->now.len == LITERAL_MAX)
		run_end(s, run, depth);
	run->now.text[run->now.len++] = c;
}

bool literals_join(struct literals *set, const struct literals *other)
{
	for (unsigned int i = 0; i < other->count; i++) {
		const struct literal *one = &other->literal[i];
		bool there = false;

		for (unsigned int j = 0; j < set->count && !there; j++)
			there = set->literal[j].len == one->len &&
				!memcmp(set->literal[j].text, one->text, one->len);
		if (there)
			continue;
		if (set->count == LITERALS_MAX)
			return false;
		set->literal[set->count++] = *one;
	}
	return true;
}

static const char *class_end(const char *at)
{
	at++;
	if (*at == '^')
		at++;
	if (*at == ']')
		at++;
	while (*at && *at != ']')
		at += *at == '\\' && at[1] ? 2 : 1;
	return *at ? at + 1 : at;
}

/* Past the ')' of the group that begins here; tells of a '|' of its own. */
static const char *group_end(const char *at, bool *ret_alternation)
{
	unsigned int depth = 0;

	*ret_alternation = false;
	while (*at) {
		if (*at == '\\' && at[1]) {
			at += 2;
			continue;
		}
		if (*at == '[') {
			at = class_end(at);
			continue;
		}
		if (*at == '(')
			depth++;
		else if (*at == '|' && depth == 1)
			*ret_alternation = true;
		else if (*at == ')' && --depth == 0)
			return at + 1;
		at++;
	}
	return at;
}

/* One of * + ? {n,m}; *ret_zero: it may match nothing. false: none is here. */
static bool quantifier_one(const char **at, bool *ret_zero)
{
	size_t len;

	switch (**at) {
	case '*':
	case '?':
		*ret_zero = true;
		(*at)++;
		break;
	case '+':
		(*at)++;
		break;
	case '{':
		len = strspn(*at + 1, "0123456789, ");
		if (!len || (*at)[1 + len] != '}')
			return false;
		if (!isdigit((unsigned char)(*at)[1]) || (*at)[1] == '0')
			*ret_zero = true;
		*at += len + 2;
		break;
	default:
		return false;
	}
	if (**at == '?' || **at == '+')
		(*at)++;
	return true;
}

static bool quantifier(const char **at, bool *ret_zero)
{
	bool there = false;

	*ret_zero = false;
	while (quantifier_one(at, ret_zero)) {
		/* One upon another: rare enough to give up on. */
		if (there)
			*ret_zero = true;
		there = true;
	}
	return there;
}

static void scan_alternatives(struct scan *s, struct literals *ret, unsigned int depth);

/* Past "(?:", "(?P<name>", "(?>" or "(": false if it is another kind of group. */
static bool group_plain(const char **at)
{
	const char *p = *at;

	if (p[1] != '?') {
		*at = p + 1;
	} else if (p[2] == ':' || p[2] == '>') {
		*at = p + 3;
	} else if (p[2] == 'P' && p[3] == '<') {
		p = strchr(p, '>');
		if (!p)
			return false;
		*at = p + 1;
	} else {
		return false;
	}
	return true;
}

static void scan_group(struct scan *s, struct run *run, unsigned int *open, unsigned int depth)
{
	struct literals inner = { 0 };
	bool alternation, zero;
	const char *end = group_end(s->at, &alternation);
	const char *after = end, *begin = s->at;
	bool repeated = quantifier(&after, &zero);

	if (!group_plain(&s->at)) {
		/* Lookaround, condition, reference and comment say nothing; flags change
		 * everything. */
		if (begin[1] == '?' && !strchr("=!<(#P", begin[2]))
			s->lost = true;
		if (begin[1] == '?' && begin[2] == '#') {
			const char *close = strchr(begin, ')');

			after = close ? close + 1 : begin + strlen(begin);
		}
		run_end(s, run, depth);
		s->at = after;
		return;
	}
	if (!alternation && !repeated) {
		/* Its text stands in the row like any other. */
		(*open)++;
		return;
	}
	run_end(s, run, depth);
	scan_alternatives(s, &inner, depth + 1);
	if (!zero)
		offer(run, &inner);
	s->at = after;
}

/* Behind "\\x", "\\1" or such: past what belongs to it. */
static const char *escape_end(const char *at, char kind)
{
	size_t len;

	if (kind == 'x' && *at == '{') {
		len = strcspn(at, "}");
		return at + len + (at[len] == '}');
	}
	if (kind == 'x') {
		for (int i = 0; i < 2 && isxdigit((unsigned char)*at); i++)
			at++;
		return at;
	}
	return isdigit((unsigned char)kind) ? at + strspn(at, "0123456789") : at;
}

static void scan_escape(struct scan *s, struct run *run, unsigned int depth)
{
	char c = s->at[1];
	bool plain = ispunct((unsigned char)c) && (unsigned char)c < 0x80;
	bool zero, repeated;

	s->at += c ? 2 : 1;
	if (c && strchr("bBAzZ", c))
		return;
	if (!plain)
		s->at = escape_end(s->at, c);
	repeated = quantifier(&s->at, &zero);
	if (plain && !zero)
		run_add(s, run, c, depth);
	if (!plain || repeated)
		run_end(s, run, depth);
}

static void scan_plain(struct scan *s, struct run *run, unsigned int depth)
{
	char c = *s->at++;
	bool zero;

	if ((unsigned char)c >= 0x80) {
		/* A character of several bytes may be repeated as a whole: not worth the care. */
		while (((unsigned char)*s->at & 0xc0) == 0x80)
			s->at++;
		(void)quantifier(&s->at, &zero);
		run_end(s, run, depth);
		return;
	}
	if (!quantifier(&s->at, &zero)) {
		run_add(s, run, c, depth);
		return;
	}
	if (!zero)
		run_add(s, run, c, depth);
	run_end(s, run, depth);
}

/* One alternative, up to its '|' or ')'. */
static void scan_branch(struct scan *s, struct literals *ret, unsigned int depth)
{
	struct run run = { 0 };
	unsigned int open = 0;
	bool zero;

	while (*s->at && !s->lost) {
		switch (*s->at) {
		case '|':
			run_end(s, &run, depth);
			*ret = run.best;
			return;
		case ')':
			if (!open) {
				run_end(s, &run, depth);
				*ret = run.best;
				return;
			}
			open--;
			s->at++;
			break;
		case '(':
			scan_group(s, &run, &open, depth);
			break;
		case '[':
			s->at = class_end(s->at);
			(void)quantifier(&s->at, &zero);
			run_end(s, &run, depth);
			break;
		case '\\':
			scan_escape(s, &run, depth);
			break;
		case '^':
		case '$':
			s->at++;
			break;
		case '.':
			s->at++;
			(void)quantifier(&s->at, &zero);
			run_end(s, &run, depth);
			break;
		case '*':
		case '+':
		case '?':
		case '{':
			if (!quantifier(&s->at, &zero))
				s->at++;
			run_end(s, &run, depth);
			break;
		default:
			scan_plain(s, &run, depth);
		}
	}
	run_end(s, &run, depth);
	*ret = run.best;
}

static void scan_alternatives(struct scan *s, struct literals *ret, unsigned int depth)
{
	struct literals branch;
	bool known = depth < DEPTH_MAX;

	memset(ret, 0, sizeof(*ret));
	if (!known) {
		s->lost = true;
		return;
	}
	for (;;) {
		scan_branch(s, &branch, depth);
		known = known && branch.count && literals_join(ret, &branch);
		if (*s->at != '|' || s->lost)
			break;
		s->at++;
		if (!depth)
			s->anchored = false;
	}
	if (!known)
		ret->count = 0;
}

void regex_literals(const char *text, struct literals *ret, struct literal *ret_prefix)
{
	struct scan s = { .at = text, .anchored = text[0] == '^' };

	memset(ret_prefix, 0, sizeof(*ret_prefix));
	/* A comment may hold brackets that are none. */
	s.lost = strstr(text, "(?#");
	scan_alternatives(&s, ret, 0);
	if (s.lost)
		ret->count = 0;
	else if (s.anchored)
		*ret_prefix = s.prefix;
}

#ifdef __SSE2__
/* The literal begins in one of the 16 places from at on. */
static inline bool found_at(const struct literal *literal, const char *at, __m128i firsts,
			    __m128i lasts)
{
	const __m128i *a = (const __m128i *)(const void *)at;
	const __m128i *b = (const __m128i *)(const void *)(at + literal->len - 1);
	unsigned int hits = (unsigned int)_mm_movemask_epi8(
		_mm_and_si128(_mm_cmpeq_epi8(_mm_loadu_si128(a), firsts),
			      _mm_cmpeq_epi8(_mm_loadu_si128(b), lasts)));

	for (; hits; hits &= hits - 1)
		if (!memcmp(at + __builtin_ctz(hits), literal->text, literal->len))
			return true;
	return false;
}

/*
 * Compares 16 places at once by the literal's first and last byte: about four times as fast as
 * memmem on lines of a log, and every line passes here once per filter. The last places are looked
 * at together with some of those before them, a second time.
 */
static bool literal_found(const struct literal *literal, const char *text, size_t len)
{
	const __m128i firsts = _mm_set1_epi8(literal->text[0]);
	const __m128i lasts = _mm_set1_epi8(literal->text[literal->len - 1]);
	const char *at = text, *end;

	if (len < sizeof(firsts) + literal->len - 1U)
		return memmem(text, len, literal->text, literal->len);
	end = text + len - literal->len + 1 - sizeof(firsts);
	for (; at < end; at += sizeof(firsts))
		if (found_at(literal, at, firsts, lasts))
			return true;
	return found_at(literal, end, firsts, lasts);
}
#else
static bool literal_found(const struct literal *literal, const char *text, size_t len)
{
	return memmem(text, len, literal->text, literal->len);
}
#endif

bool literals_found(const struct literals *set, const char *text, size_t len)
{
	for (unsigned int i = 0; i < set->count; i++)
		if (literal_found(&set->literal[i], text, len))
			return true;
	return !set->count;
}
