/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two substitution steps of a filter file: %(x)s inside a section, then <x> over the options.
 *
 * Both stop at a depth and a size, so a file that refers to itself is an error, never a loop.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyst/evidence/filter_config.h"

#define PERCENT_DEPTH_MAX 10 /* configparser's own limit */
#define TAG_DEPTH_MAX 32
#define STEPS_MAX 50000 /* replacements of both kinds in one value */

struct expand {
	struct config *config;
	const char *option; /* being expanded */
	struct config_place place; /* last mark seen */
	unsigned int steps;
	struct buf *out;
	char *error;
};

static int refuse(const struct expand *e, const char *what, const char *about, size_t about_len)
{
	(void)snprintf(e->error, EVIDENCE_ERROR_MAX, "%.80s:%u: %.40s: %s%.*s",
		       e->place.file ? e->place.file : e->config->spec->name, e->place.line,
		       e->option, what, (int)(about_len < 60 ? about_len : 60), about);
	return -EINVAL;
}

static void lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

static const struct config_option *option_of(const struct config *config, const char *section,
					     const char *name)
{
	const struct config_option *option = config_find(config, section, name);

	return option ? option : config_find(config, "DEFAULT", name);
}

/* ---- step 1: %(x)s ---- */

static int percent_expand(struct expand *e, const char *section, const char *name,
			  const struct config_value *value, bool params, unsigned int depth,
			  struct buf *out);

/* x, known/x or SECTION/x, as it stands between the parentheses. */
static int percent_name(struct expand *e, const char *section, const char *within,
			const struct config_value *value, const char *text, size_t len, bool params,
			unsigned int depth, struct buf *out)
{
	const struct config_option *option = NULL;
	const char *slash = memchr(text, '/', len);
	char name[CONFIG_NAME_MAX], place[CONFIG_NAME_MAX];
	const struct config_value *known = NULL;
	const char *param;

	if (!len || len >= sizeof(name))
		return refuse(e, "unknown option ", text, len);
	text_copy_len(place, sizeof(place), slash ? text : "", slash ? (size_t)(slash - text) : 0);
	if (slash)
		text_copy_len(name, sizeof(name), slash + 1, len - (size_t)(slash + 1 - text));
	else
		text_copy_len(name, sizeof(name), text, len);
	lower(name);
	if (!strcmp(place, "known")) {
		/* Inside an older value of the same option, known/ is the one before that. */
		option = config_find(e->config, section, name);
		known = !strcmp(name, within) ? value->known : option ? option->value->known : NULL;
		if (!known) {
			option = config_find(e->config, "DEFAULT", name);
			known = option ? option->value : NULL;
		}
		if (!known)
			return refuse(e, "nothing was known before of ", name, strlen(name));
		return percent_expand(e, section, name, known, params, depth + 1, out);
	}
	if (!place[0] && params) {
		param = filter_spec_param(e->config->spec, name);
		if (param) {
			buf_puts(out, param);
			return 0;
		}
	}
	option = option_of(e->config, place[0] ? place : section, name);
	if (!option && !place[0] && !strcmp(name, "__name__")) {
		buf_puts(out, section);
		return 0;
	}
	if (!option)
		return refuse(e, "unknown option ", text, len);
	return percent_expand(e, place[0] ? place : section, name, option->value, params, depth + 1,
			      out);
}

static int percent_expand(struct expand *e, const char *section, const char *name,
			  const struct config_value *value, bool params, unsigned int depth,
			  struct buf *out)
{
	const char *at = value->text, *close;
	struct config_place place = e->place;
	int r;

	if (depth > PERCENT_DEPTH_MAX || ++e->steps > STEPS_MAX)
		return refuse(e, "refers to itself, or too deep, in ", name, strlen(name));
	while (*at) {
		size_t len = strcspn(at, "%\x01");

		buf_add(out, at, len);
		at += len;
		if (*at == MARK) {
			config_place(e->config, at, &e->place);
			buf_add(out, at, MARK_LEN);
			at += MARK_LEN;
		} else if (at[0] == '%' && at[1] == '%') {
			buf_putc(out, '%');
			at += 2;
		} else if (at[0] == '%' && at[1] == '(') {
			close = strchr(at, ')');
			if (!close || close[1] != 's')
				return refuse(e, "%( without )s", "", 0);
			r = percent_name(e, section, name, value, at + 2, (size_t)(close - at) - 2,
					 params, depth, out);
			if (r < 0)
				return r;
			at = close + 2;
		} else if (*at) {
			return refuse(e, "a single % (write %%)", "", 0);
		}
		if (out->cut)
			return refuse(e, "value is too long", "", 0);
	}
	e->place = place;
	return 0;
}

/* ---- step 2: <x> ---- */

/* 1: value holds what name stands for; 0: it stands for itself. */
static int tag_value(struct expand *e, const char *text, struct buf *value)
{
	const struct config_option *option = NULL;
	char name[CONFIG_NAME_MAX], section[CONFIG_NAME_MAX];
	const char *slash = strchr(text, '/');
	const char *context = "Definition";
	const char *param;
	int r;

	text_copy(name, sizeof(name), slash ? slash + 1 : text);
	lower(name);
	if (slash) {
		if (slash == text)
			return 0;
		text_copy_len(section, sizeof(section), text, (size_t)(slash - text));
		context = !strcmp(section, "known") ? "Init" : section;
		option = option_of(e->config, context, name);
	} else {
		param = filter_spec_param(e->config->spec, name);
		if (param) {
			buf_puts(value, param);
			return 1;
		}
		option = config_find(e->config, "Init", name);
		if (option)
			context = "Init";
		else
			option = option_of(e->config, "Definition", name);
	}
	if (!option)
		return 0;
	if (!slash && !strcmp(name, e->option))
		return refuse(e, "refers to itself", "", 0);
	r = percent_expand(e, context, name, option->value, false, 0, value);
	return r < 0 ? r : 1;
}

/* Where in out the tag begins that a '>' now would end; -1: nowhere. */
static ssize_t tag_begin(const struct buf *out)
{
	for (size_t i = out->len; i; i--) {
		switch (out->data[i - 1]) {
		case '<':
			return i == out->len ? -1 : (ssize_t)(i - 1);
		case '>':
		case ' ':
		case '\t':
		case '\n':
			return -1;
		}
		if (out->len - i > CONFIG_NAME_MAX * 2)
			break;
	}
	return -1;
}

static void buf_shorten(struct buf *buf, size_t len)
{
	buf->len = len;
	buf->data[len] = '\0';
}

static int tags_expand(struct expand *e, const char *text, unsigned int depth);

/* A '>' was read. */
static int tag_end(struct expand *e, unsigned int depth)
{
	struct buf value = BUF_INIT(CONFIG_VALUE_MAX), name = BUF_INIT(CONFIG_NAME_MAX - 1);
	ssize_t begin = tag_begin(e->out);
	int r = 0;

	if (begin >= 0) {
		config_strip(e->out->data + begin + 1, e->out->len - (size_t)begin - 1, &name);
		if (!name.cut && name.len)
			r = tag_value(e, name.data, &value);
	}
	if (r > 0 && depth >= TAG_DEPTH_MAX)
		r = refuse(e, "refers to itself, or too deep, in ", name.data, name.len);
	if (r > 0) {
		buf_shorten(e->out, (size_t)begin);
		r = value.data ? tags_expand(e, value.data, depth + 1) : 0;
	} else if (!r) {
		buf_putc(e->out, '>');
	}
	buf_done(&value);
	buf_done(&name);
	return r;
}

/* Innermost first: what a tag becomes is read as input again, behind an outer tag's begin. */
static int tags_expand(struct expand *e, const char *text, unsigned int depth)
{
	int r;

	while (*text) {
		size_t len = strcspn(text, ">\x01");

		buf_add(e->out, text, len);
		text += len;
		if (*text == MARK) {
			config_place(e->config, text, &e->place);
			buf_add(e->out, text, MARK_LEN);
			text += MARK_LEN;
		} else if (*text == '>') {
			text++;
			r = tag_end(e, depth);
			if (r < 0)
				return r;
		}
		if (e->out->cut)
			return refuse(e, "value is too long", "", 0);
	}
	return 0;
}

/* ---- what was left over ---- */

/* A variant of a name that has others: a slip, such as a mode that does not exist. */
static bool looks_misspelt(const struct config *config, const char *name)
{
	const char *dash = strrchr(name, '-'), *slash = strchr(name, '/');
	size_t stem;

	/* SECTION/x; not a closing tag, nor <F-ID/> */
	if (slash)
		return slash != name && slash[1];
	for (; dash; dash = memrchr(name, '-', (size_t)(dash - name))) {
		stem = (size_t)(dash - name) + 1;
		for (unsigned int i = 0; stem > 2 && i < config->options; i++)
			if (!strncmp(config->option[i].name, name, stem))
				return true;
	}
	return false;
}

static int leftover_check(struct expand *e, const char *tag, size_t len)
{
	struct buf stripped = BUF_INIT(CONFIG_NAME_MAX - 1);
	char text[EVIDENCE_ERROR_MAX];
	int r = 0;

	config_strip(tag, len, &stripped);
	if (stripped.cut || !stripped.len) {
		buf_done(&stripped);
		return 0;
	}
	lower(stripped.data);
	if (looks_misspelt(e->config, stripped.data)) {
		for (unsigned int i = 0; i < e->config->spec->params && !r; i++)
			if (e->config->spec->param[i].value[0] &&
			    strstr(stripped.data, e->config->spec->param[i].value))
				r = refuse(e, "the filter has no ", stripped.data, stripped.len);
		if (!r && e->config->warn) {
			(void)snprintf(text, sizeof(text),
				       "%.80s:%u: %.40s: <%.60s> names nothing and stays as text",
				       e->place.file ? e->place.file : e->config->spec->name,
				       e->place.line, e->option, stripped.data);
			e->config->warn(text, e->config->warn_arg);
		}
	}
	buf_done(&stripped);
	return r;
}

static int leftovers_check(struct expand *e)
{
	const char *at = e->out->data, *open = NULL;
	struct config_place inside = { 0 };
	int r;

	for (; at && *at; at++) {
		if (*at == MARK) {
			/* A tag stands where it begins, not where a part of its name comes from. */
			config_place(e->config, at, open ? &inside : &e->place);
			at += MARK_LEN - 1;
		} else if (*at == '<') {
			open = at;
		} else if (*at == ' ' || *at == '\t' || *at == '\n') {
			open = NULL;
		} else if (*at == '>' && open) {
			r = leftover_check(e, open + 1, (size_t)(at - open) - 1);
			if (r < 0)
				return r;
			open = NULL;
		}
	}
	return 0;
}

int config_expand(struct config *config, const char *name, struct buf *out,
		  char error[EVIDENCE_ERROR_MAX])
{
	struct expand e = { .config = config, .option = name, .out = out, .error = error };
	struct buf first = BUF_INIT(CONFIG_VALUE_MAX);
	const struct config_option *option = config_find(config, "Init", name);
	const char *param = filter_spec_param(config->spec, name);
	const char *section = option ? "Init" : "Definition";
	int r = 0;

	if (!option)
		option = option_of(config, "Definition", name);
	if (!option && !param)
		return 0;
	if (param)
		buf_puts(&first, param);
	else
		r = percent_expand(&e, section, name, option->value, true, 0, &first);
	if (!r && first.data)
		r = tags_expand(&e, first.data, 0);
	if (!r)
		r = leftovers_check(&e);
	buf_done(&first);
	return r < 0 ? r : 1;
}

int config_percent(struct config *config, const char *section, const char *name, struct buf *out,
		   char error[EVIDENCE_ERROR_MAX])
{
	struct expand e = { .config = config, .option = name, .out = out, .error = error };
	const struct config_option *option = option_of(config, section, name);
	int r;

	if (!option)
		return 0;
	r = percent_expand(&e, section, name, option->value, false, 0, out);
	return r < 0 ? r : 1;
}
