/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a source names: NAME[param=value, param="a,b"][param=value]. Quotes protect commas and
 * brackets. Nothing is guessed: whatever does not fit is refused.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyst/evidence/filter_config.h"
#include "base/utf8.h"

static int refuse(const char *text, const char *at, const char *what,
		  char error[EVIDENCE_ERROR_MAX])
{
	(void)snprintf(error, EVIDENCE_ERROR_MAX, "filter \"%.100s\", character %zu: %s", text,
		       (size_t)(at - text) + 1, what);
	return -EINVAL;
}

static bool name_char(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.';
}

static const char *skip_blanks(const char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

static int read_name(const char **at, char to[CONFIG_NAME_MAX])
{
	size_t len = 0;

	while (name_char((*at)[len]))
		len++;
	if (!len || len >= CONFIG_NAME_MAX)
		return -EINVAL;
	memcpy(to, *at, len);
	to[len] = '\0';
	*at += len;
	return 0;
}

/* "a,b", 'a,b' or everything up to , or ] */
static int read_value(const char **at, char *to, size_t size)
{
	const char *start = *at;
	size_t len;

	if (*start == '"' || *start == '\'') {
		const char *close = strchr(start + 1, *start);

		if (!close)
			return -EINVAL;
		start++;
		len = (size_t)(close - start);
		*at = close + 1;
	} else {
		len = strcspn(start, ",]");
		*at = start + len;
		while (len && (start[len - 1] == ' ' || start[len - 1] == '\t'))
			len--;
	}
	if (len >= size)
		return -E2BIG;
	memcpy(to, start, len);
	to[len] = '\0';
	return 0;
}

static int read_params(const char *text, const char **at, struct filter_spec *spec,
		       char error[EVIDENCE_ERROR_MAX])
{
	for (;;) {
		char *name = spec->param[spec->params].name;

		*at = skip_blanks(*at);
		if (**at == ']') {
			(*at)++;
			return 0;
		}
		if (spec->params == CONFIG_PARAMS_MAX)
			return refuse(text, *at, "too many parameters", error);
		if (read_name(at, name) < 0)
			return refuse(text, *at, "a parameter's name is expected", error);
		for (char *c = name; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		*at = skip_blanks(*at);
		if (**at != '=')
			return refuse(text, *at, "'=' is expected", error);
		*at = skip_blanks(*at + 1);
		if (read_value(at, spec->param[spec->params].value, sizeof(spec->param[0].value)) <
		    0)
			return refuse(text, *at, "a value is too long or its quote does not end",
				      error);
		spec->params++;
		*at = skip_blanks(*at);
		if (**at == ',')
			(*at)++;
		else if (**at != ']')
			return refuse(text, *at, "',' or ']' is expected", error);
	}
}

int filter_spec_parse(const char *text, struct filter_spec *ret, char error[EVIDENCE_ERROR_MAX])
{
	const char *at = skip_blanks(text);
	int r;

	memset(ret, 0, sizeof(*ret));
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' && *c != '\t')
			return refuse(text, c, "control character", error);
	if (!utf8_valid(text, strlen(text)))
		return refuse(text, text, "not UTF-8", error);
	if (read_name(&at, ret->name) < 0 || ret->name[0] == '.')
		return refuse(text, at, "a filter's name is expected", error);
	at = skip_blanks(at);
	while (*at == '[') {
		at++;
		r = read_params(text, &at, ret, error);
		if (r < 0)
			return r;
		at = skip_blanks(at);
	}
	if (*at)
		return refuse(text, at, "'[' or the end is expected", error);
	return 0;
}

const char *filter_spec_param(const struct filter_spec *spec, const char *name)
{
	/* Given twice, the last counts. */
	for (unsigned int i = spec->params; i; i--)
		if (!strcmp(spec->param[i - 1].name, name))
			return spec->param[i - 1].value;
	return NULL;
}
