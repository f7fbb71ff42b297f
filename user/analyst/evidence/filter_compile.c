/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a filter's options to compiled expressions. What cannot be evaluated is refused with the
 * place it was written at; nothing is skipped in silence.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/evidence/filter.h"

struct compile {
	struct filter *filter;
	struct config *config;
	struct date_pool *dates;
	char *error;
	unsigned long lines; /* maxlines */
	bool spans; /* an expression does */
};

static int refuse(const struct compile *c, const struct config_place *place, const char *option,
		  const char *what)
{
	(void)snprintf(c->error, EVIDENCE_ERROR_MAX, "%.70s:%u: %.20s: %.140s",
		       place->file ? place->file : c->config->spec->name, place->line, option,
		       what);
	return -EINVAL;
}

static void warn(const struct compile *c, const struct expression *e, const char *option,
		 const char *what)
{
	char text[EVIDENCE_ERROR_MAX];

	if (!c->config->warn)
		return;
	(void)snprintf(text, sizeof(text), "%.70s:%u: %.20s: %.140s",
		       e->file ? e->file : c->config->spec->name, e->line, option, what);
	c->config->warn(text, c->config->warn_arg);
}

static int maxlines_read(struct compile *c)
{
	struct buf text = BUF_INIT(CONFIG_VALUE_MAX), plain = BUF_INIT(64);
	struct config_place place = { 0 };
	char *end;
	int r;

	c->lines = 1;
	r = config_expand(c->config, "maxlines", &text, c->error);
	if (r > 0 && text.data) {
		config_place(c->config, text.data, &place);
		config_strip(text.data, text.len, &plain);
	}
	if (r > 0 && plain.len) {
		errno = 0;
		c->lines = strtoul(plain.data, &end, 10);
		if (plain.cut || errno || *end || plain.data[0] < '0' || plain.data[0] > '9' ||
		    !c->lines || c->lines > WINDOW_LINES_MAX)
			r = refuse(c, &place, "maxlines", "is a number from 1 to 50");
	}
	buf_done(&text);
	buf_done(&plain);
	return r < 0 ? r : 0;
}

/* <SKIPLINES>, or a newline that is not part of a class such as [^\n]. */
static bool spans_lines(const char *text)
{
	bool class = false;

	if (strstr(text, "<SKIPLINES>"))
		return true;
	for (; *text; text++) {
		if (text[0] == '\\' && text[1]) {
			if (!class && text[1] == 'n')
				return true;
			text++;
		} else if (*text == '[') {
			class = true;
		} else if (*text == ']') {
			class = false;
		}
	}
	return false;
}

/* One line of an option. 1: compiled, 0: the line is empty. */
static int expression_compile(struct compile *c, const char *option, const char *line, size_t len,
			      struct expression *ret)
{
	struct buf text = BUF_INIT(REGEX_MAX);
	struct config_place place = { 0 };
	char why[REGEX_ERROR_MAX];
	bool lines;
	int r;

	config_place(c->config, line, &place);
	config_strip(line, len, &text);
	if (!text.data || !text.data[strspn(text.data, " \t")]) {
		buf_done(&text);
		return 0;
	}
	ret->file = place.file;
	ret->line = place.line;
	lines = c->lines > 1 && !strcmp(option, "failregex") && spans_lines(text.data);
	c->spans = c->spans || lines;
	if (text.cut)
		r = -E2BIG;
	else if (!strcmp(option, "prefregex"))
		r = regex_compile_prefix(&ret->regex, text.data, why);
	else
		r = regex_compile(&ret->regex, text.data, lines, why);
	if (r == -E2BIG)
		(void)snprintf(why, sizeof(why), "expression is too long");
	buf_done(&text);
	if (r < 0)
		return refuse(c, &place, option, why);
	return 1;
}

static int list_compile(struct compile *c, const char *option, struct expression **ret,
			unsigned int *ret_count)
{
	struct buf text = BUF_INIT(CONFIG_VALUE_MAX);
	struct expression *list;
	const char *line;
	int r;

	r = config_expand(c->config, option, &text, c->error);
	for (line = text.data; r > 0 && line && *line;) {
		size_t len = strcspn(line, "\n");

		if (*ret_count == EXPRESSIONS_MAX) {
			r = refuse(c, &(struct config_place){ 0 }, option, "too many expressions");
			break;
		}
		list = reallocarray(*ret, *ret_count + 1, sizeof(*list));
		if (!list) {
			r = -ENOMEM;
			break;
		}
		*ret = list;
		memset(&list[*ret_count], 0, sizeof(*list));
		r = expression_compile(c, option, line, len, &list[*ret_count]);
		if (r > 0)
			(*ret_count)++;
		else if (!r)
			r = 1;
		line += len;
		line += *line == '\n';
	}
	buf_done(&text);
	return r < 0 ? r : 0;
}

static int prefix_compile(struct compile *c)
{
	struct buf text = BUF_INIT(CONFIG_VALUE_MAX);
	int r;

	r = config_expand(c->config, "prefregex", &text, c->error);
	if (r > 0 && text.data) {
		r = expression_compile(c, "prefregex", text.data, text.len, &c->filter->prefix);
		c->filter->has_prefix = r > 0;
	}
	buf_done(&text);
	return r < 0 ? r : 0;
}

/* One pattern a line; without any, the built-in layouts. */
static int dates_read(const struct compile *c)
{
	struct buf text = BUF_INIT(CONFIG_VALUE_MAX), plain = BUF_INIT(CONFIG_VALUE_MAX);
	struct config_place place = { 0 };
	char why[REGEX_ERROR_MAX];
	unsigned int line = 0;
	const char *at;
	int r;

	r = config_expand(c->config, "datepattern", &text, c->error);
	if (r >= 0) {
		if (text.data)
			config_strip(text.data, text.len, &plain);
		r = plain.cut ? -ENOMEM
			      : date_pool_get(c->dates, plain.data ? plain.data : "",
					      filter_spec_param(c->config->spec, "logtimezone"),
					      &c->filter->dates, &line, why);
		if (r < 0 && line == UINT32_MAX) {
			r = refuse(c, &place, "logtimezone", why);
		} else if (r < 0) {
			for (at = text.data; at && line; line--) {
				at = strchr(at, '\n');
				at += at != NULL;
			}
			if (at)
				config_place(c->config, at, &place);
			r = refuse(c, &place, "datepattern", why);
		}
	}
	buf_done(&text);
	buf_done(&plain);
	return r;
}

/* Kept as text; one that cannot be expanded is as good as none, for nothing depends on it yet. */
static char *keep(const struct compile *c, const char *option)
{
	struct buf text = BUF_INIT(CONFIG_VALUE_MAX), plain = BUF_INIT(CONFIG_VALUE_MAX);
	char why[EVIDENCE_ERROR_MAX];
	int r;

	r = config_expand(c->config, option, &text, why);
	if (r > 0 && text.data)
		config_strip(text.data, text.len, &plain);
	buf_done(&text);
	if (plain.data && !plain.data[strspn(plain.data, " \n")])
		buf_done(&plain);
	return plain.data;
}

static bool regex_has_id(const struct regex *regex)
{
	static const enum role ids[] = { ROLE_ID, ROLE_IP4, ROLE_IP6, ROLE_DNS, ROLE_MLFID };

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		if (regex->group[ids[i]])
			return true;
		for (unsigned int a = 0; a < regex->alts; a++)
			if (regex->alt[a].role == ids[i] && !regex->alt[a].part)
				return true;
	}
	return false;
}

static int ids_check(const struct compile *c)
{
	const struct filter *filter = c->filter;

	if (filter->has_prefix && regex_has_id(&filter->prefix.regex))
		return 0;
	for (unsigned int i = 0; i < filter->fails; i++) {
		const struct expression *e = &filter->fail[i];
		const struct config_place place = { .file = e->file, .line = e->line };

		if (!regex_has_id(&e->regex))
			return refuse(c, &place, "failregex",
				      "names nobody: <ADDR>, <F-ID> or <F-MLFID> is needed");
	}
	return 0;
}

static void expressions_warn(const struct compile *c)
{
	const struct filter *filter = c->filter;

	for (unsigned int i = 0; i < filter->fails; i++) {
		const struct expression *e = &filter->fail[i];

		if (!e->regex.at_line)
			warn(c, e, "failregex",
			     "is not anchored with ^: text from outside can stand where it looks");
		if (e->regex.group[ROLE_DNS] && !e->regex.group[ROLE_IP4])
			warn(c, e, "failregex", "names are not resolved: <DNS> gives no address");
		if (e->regex.compound >> ROLE_ID & 1)
			warn(c, e, "failregex",
			     "tries are counted by address, not by all that <F-TUPLE_ID> joins");
	}
}

/* prefregex's literals, or those of all failregex together: what fits none of them comes to
 * nothing. */
static void gate_make(struct filter *filter)
{
	/* Of several lines, each matters. */
	if (filter->ignores_first || filter->windows)
		return;
	if (filter->has_prefix && filter->prefix.regex.needs.count) {
		filter->gate = filter->prefix.regex.needs;
		return;
	}
	for (unsigned int i = 0; i < filter->fails; i++) {
		const struct literals *needs = &filter->fail[i].regex.needs;

		if (!needs->count || !literals_join(&filter->gate, needs)) {
			filter->gate.count = 0;
			return;
		}
	}
}

/* Most failregex begin with a word of their own: on nearly every line a byte tells which to ask. */
static int begins_make(struct filter *filter)
{
	/* Those over several lines see another text than the rest. */
	if (filter->windows)
		return 0;
	filter->begin_words = (filter->fails + 63) / 64;
	filter->begins = calloc((size_t)256 * filter->begin_words, sizeof(*filter->begins));
	if (!filter->begins)
		return -ENOMEM;
	for (unsigned int i = 0; i < filter->fails; i++) {
		const struct literal *prefix = &filter->fail[i].regex.prefix;

		for (unsigned int byte = 0; byte < 256; byte++)
			if (!prefix->len || (unsigned char)prefix->text[0] == byte)
				filter->begins[byte * filter->begin_words + i / 64] |= UINT64_C(1)
										       << i % 64;
	}
	return 0;
}

static int windows_make(struct compile *c)
{
	if (c->filter->has_prefix) {
		const struct expression *e = &c->filter->prefix;

		return refuse(c, &(struct config_place){ .file = e->file, .line = e->line },
			      "prefregex",
			      "does not go together with a failregex over several lines");
	}
	c->filter->windows = calloc(1, sizeof(*c->filter->windows));
	if (!c->filter->windows)
		return -ENOMEM;
	c->filter->windows->lines = (unsigned int)c->lines;
	return 0;
}

int filter_compile(struct filter *filter, struct config *config, struct date_pool *dates,
		   char error[EVIDENCE_ERROR_MAX])
{
	struct compile c = { .filter = filter, .config = config, .dates = dates, .error = error };
	int r;

	r = maxlines_read(&c);
	if (!r)
		r = prefix_compile(&c);
	if (!r)
		r = list_compile(&c, "failregex", &filter->fail, &filter->fails);
	if (!r)
		r = list_compile(&c, "ignoreregex", &filter->ignore, &filter->ignores);
	if (!r && c.spans)
		r = windows_make(&c);
	if (!r && !filter->fails)
		r = refuse(&c, &(struct config_place){ 0 }, "failregex", "there is none") < 0
			    ? -ENODATA
			    : 0;
	if (!r)
		r = ids_check(&c);
	if (!r)
		r = dates_read(&c);
	if (!r)
		r = begins_make(filter);
	if (r < 0)
		return r;
	filter->ignores_first = filter->ignores && filter->ignores + 2 < filter->fails;
	gate_make(filter);
	filter->journalmatch = keep(&c, "journalmatch");
	filter->datepattern = keep(&c, "datepattern");
	expressions_warn(&c);
	return 0;
}

static void expressions_free(struct expression *list, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		regex_done(&list[i].regex);
	free(list);
}

struct filter *filter_free(struct filter *filter)
{
	if (!filter)
		return NULL;
	regex_done(&filter->prefix.regex);
	expressions_free(filter->fail, filter->fails);
	expressions_free(filter->ignore, filter->ignores);
	free(filter->begins);
	free(filter->windows);
	free(filter->journalmatch);
	free(filter->datepattern);
	free(filter->spec);
	free(filter);
	return NULL;
}
