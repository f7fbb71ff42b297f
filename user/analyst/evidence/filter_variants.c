/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a filter may be loaded as, read from its own text: <mdre-<mode>> beside options mdre-normal
 * and mdre-ddos means that mode may be normal or ddos. And which files are there for others.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/evidence/filter.h"

#define NESTED_MAX 64 /* different <before<param>after> of one filter */
#define VARIANTS_MAX 128
#define PART_MAX 64
#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

struct variants {
	struct config config;
	unsigned int nested, count;
	struct {
		char before[PART_MAX], param[PART_MAX], after[PART_MAX];
		const char *within; /* option that says it */
	} nest[NESTED_MAX];
	struct {
		char param[PART_MAX], value[PART_MAX];
	} variant[VARIANTS_MAX];
};

static bool part_copy(char to[PART_MAX], const char *from, size_t len)
{
	if (len >= PART_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		to[i] = (char)tolower((unsigned char)from[i]);
	to[len] = '\0';
	return true;
}

static void nested_add(struct variants *v, const char *text, const char *within)
{
	/* text is at the outer '<'. */
	size_t before = strcspn(text + 1, "<> \t\n"), param, after;
	const char *inner = text + 1 + before, *rest;

	if (!before || *inner != '<')
		return;
	param = strspn(inner + 1, NAME_CHARS);
	rest = inner + 1 + param;
	if (!param || *rest != '>')
		return;
	after = strcspn(rest + 1, "<> \t\n");
	if (rest[1 + after] != '>' || v->nested == NESTED_MAX ||
	    !part_copy(v->nest[v->nested].before, text + 1, before) ||
	    !part_copy(v->nest[v->nested].param, inner + 1, param) ||
	    !part_copy(v->nest[v->nested].after, rest + 1, after))
		return;
	v->nest[v->nested].within = within;
	for (unsigned int i = 0; i < v->nested; i++)
		if (!strcmp(v->nest[i].before, v->nest[v->nested].before) &&
		    !strcmp(v->nest[i].param, v->nest[v->nested].param) &&
		    !strcmp(v->nest[i].after, v->nest[v->nested].after))
			return;
	v->nested++;
}

static void nested_find(struct variants *v)
{
	for (unsigned int i = 0; i < v->config.options; i++) {
		const char *text = v->config.option[i].value->text;
		struct buf plain = BUF_INIT(CONFIG_VALUE_MAX);

		config_strip(text, strlen(text), &plain);
		for (text = plain.data; text && (text = strchr(text, '<')); text++)
			nested_add(v, text, v->config.option[i].name);
		buf_done(&plain);
	}
}

static bool ends_with(const char *text, size_t len, const char *end)
{
	size_t end_len = strlen(end);

	return len > end_len && !memcmp(text + len - end_len, end, end_len);
}

/* The middle of <mdre-<mode>> is no mode where it is one of <mdre-<mode>-other>. */
static bool is_others(const struct variants *v, unsigned int nest, const char *value, size_t len)
{
	for (unsigned int i = 0; i < v->nested; i++)
		if (i != nest && v->nest[i].after[0] && !v->nest[nest].after[0] &&
		    !strcmp(v->nest[i].before, v->nest[nest].before) &&
		    ends_with(value, len, v->nest[i].after))
			return true;
	return false;
}

static void variant_add(struct variants *v, unsigned int nest, const char *value, size_t len)
{
	const char *param = v->nest[nest].param;

	if (!len || len >= PART_MAX || strspn(value, NAME_CHARS) < len ||
	    is_others(v, nest, value, len) || v->count == VARIANTS_MAX)
		return;
	for (unsigned int i = 0; i < v->count; i++)
		if (!strcmp(v->variant[i].param, param) &&
		    !strncmp(v->variant[i].value, value, len) && !v->variant[i].value[len])
			return;
	text_copy(v->variant[v->count].param, PART_MAX, param);
	text_copy_len(v->variant[v->count].value, PART_MAX, value, len);
	v->count++;
}

/* name as a tag may say it: an option's, or SECTION/OPTION. */
static void name_match(struct variants *v, const char *name)
{
	const size_t len = strlen(name);

	for (unsigned int i = 0; i < v->nested; i++) {
		const size_t before = strlen(v->nest[i].before), after = strlen(v->nest[i].after);

		if (len > before + after && strcmp(name, v->nest[i].within) != 0 &&
		    !strncasecmp(name, v->nest[i].before, before) &&
		    !strcasecmp(name + len - after, v->nest[i].after))
			variant_add(v, i, name + before, len - before - after);
	}
}

/* Whatever a value stands in is defined, so that it is not a mere building block. */
static bool is_whole(const struct variants *v, const char *param, const char *value)
{
	char name[3 * PART_MAX];

	for (unsigned int i = 0; i < v->nested; i++) {
		bool found = false;

		if (strcmp(v->nest[i].param, param) || strchr(v->nest[i].before, '/') ||
		    strchr(v->nest[i].after, '/'))
			continue;
		(void)snprintf(name, sizeof(name), "%s%s%s", v->nest[i].before, value,
			       v->nest[i].after);
		for (unsigned int o = 0; o < v->config.options && !found; o++)
			found = !strcmp(v->config.option[o].name, name);
		if (!found)
			return false;
	}
	return true;
}

static int variants_find(struct variants *v, const struct filter_files *files,
			 char error[EVIDENCE_ERROR_MAX])
{
	char name[2 * CONFIG_NAME_MAX];
	int r;

	r = config_read(&v->config, files, error);
	if (r < 0)
		return r;
	nested_find(v);
	for (unsigned int i = 0; i < v->config.options; i++) {
		const struct config_option *option = &v->config.option[i];

		name_match(v, option->name);
		(void)snprintf(name, sizeof(name), "%s/%s", option->section, option->name);
		name_match(v, name);
	}
	return 0;
}

int filter_set_variants(struct filter_set *set, const char *name, filter_variant_fn fn, void *arg,
			char error[EVIDENCE_ERROR_MAX])
{
	_cleanup_free_ struct filter_spec *spec = calloc(1, sizeof(*spec));
	_cleanup_free_ struct variants *v = calloc(1, sizeof(*v));
	int r;

	(void)snprintf(error, EVIDENCE_ERROR_MAX, "out of memory");
	if (!spec || !v)
		return -ENOMEM;
	r = filter_spec_parse(name, spec, error);
	if (r < 0)
		return r;
	v->config.spec = spec;
	r = variants_find(v, &set->files, error);
	for (unsigned int i = 0; i < v->count && !r; i++)
		r = is_whole(v, v->variant[i].param, v->variant[i].value)
			    ? fn(v->variant[i].param, v->variant[i].value, arg)
			    : 0;
	config_done(&v->config);
	return r;
}

/* ---- includes ---- */

struct includes {
	const char *file;
	bool found;
};

static int on_include(const char *section, const char *name, const char *value, unsigned int line,
		      void *arg, char error[EVIDENCE_ERROR_MAX])
{
	struct includes *includes = arg;
	struct buf plain = BUF_INIT(CONFIG_VALUE_MAX);

	(void)line;
	(void)error;
	if (strcmp(section, "INCLUDES") || (strcmp(name, "before") && strcmp(name, "after")))
		return 0;
	config_strip(value, strlen(value), &plain);
	for (const char *at = plain.data; at && *at;) {
		size_t len = strcspn(at, "\n");

		includes->found = includes->found || (len == strlen(includes->file) &&
						      !memcmp(at, includes->file, len));
		at += len;
		at += *at == '\n';
	}
	buf_done(&plain);
	return 0;
}

unsigned int filter_set_includers(struct filter_set *set, const char *file, const char **ret_first)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < set->files.count; i++) {
		struct includes includes = { .file = file };
		struct config config = { .spec = NULL };
		char error[EVIDENCE_ERROR_MAX];

		/* What is wrong with it is said when it is loaded itself. */
		(void)config_parse(&config, &set->files.file[i], on_include, &includes, error);
		config_done(&config);
		if (!includes.found || !strcmp(set->files.file[i].name, file))
			continue;
		if (!count++)
			*ret_first = set->files.file[i].name;
	}
	return count;
}
