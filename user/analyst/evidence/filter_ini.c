/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One filter file as Python's configparser reads it, with fail2ban's settings: options are
 * lower-cased, a deeper indented line goes on with the value, '#' or ';' begin a comment line, and
 * a blank followed by ';' begins a comment anywhere, even inside an expression.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyst/evidence/filter_config.h"
#include "base/utf8.h"

struct parser {
	struct config *config;
	const struct filter_file *file;
	config_option_fn fn;
	void *arg;
	char *error;
	unsigned int line;
	char section[CONFIG_NAME_MAX];
	char option[CONFIG_NAME_MAX]; /* "" = none under way */
	unsigned int option_line;
	size_t option_indent;
	unsigned int empty; /* lines in the value, waiting for a further one */
	struct buf value;
};

static int refuse(const struct parser *p, unsigned int line, const char *what, const char *about)
{
	(void)snprintf(p->error, EVIDENCE_ERROR_MAX, "%.100s:%u: %s%.60s", p->file->name, line,
		       what, about);
	return -EINVAL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* The line without its comment; true if it had one. */
static bool comment_cut(const char *line, size_t *len)
{
	size_t first = 0;

	while (first < *len && is_blank(line[first]))
		first++;
	if (first < *len && (line[first] == '#' || line[first] == ';')) {
		*len = 0;
		return true;
	}
	for (size_t i = 1; i < *len; i++) {
		if (line[i] == ';' && is_blank(line[i - 1])) {
			*len = i;
			return true;
		}
	}
	return false;
}

static int value_line(struct parser *p, const char *text, size_t len)
{
	int r = 0;

	for (; p->empty; p->empty--)
		buf_putc(&p->value, '\n');
	if (len)
		r = config_mark(p->config, p->file->name, p->line, &p->value);
	buf_add(&p->value, text, len);
	if (r == -E2BIG || p->value.cut)
		return refuse(p, p->line, "value is too long", "");
	return r;
}

static int option_end(struct parser *p)
{
	int r;

	if (!p->option[0])
		return 0;
	r = p->fn(p->section, p->option, p->value.data ? p->value.data : "", p->option_line, p->arg,
		  p->error);
	p->option[0] = '\0';
	p->empty = 0;
	buf_clear(&p->value);
	return r;
}

static int section_line(struct parser *p, const char *text, size_t len)
{
	const char *close = memchr(text, ']', len);
	size_t name_len;

	if (!close || close == text + 1)
		return refuse(p, p->line, "a section is [NAME]", "");
	name_len = (size_t)(close - text) - 1;
	if (name_len >= sizeof(p->section))
		return refuse(p, p->line, "section name is too long", "");
	memcpy(p->section, text + 1, name_len);
	p->section[name_len] = '\0';
	return p->fn(p->section, "", "", p->line, p->arg, p->error);
}

static int option_line(struct parser *p, const char *text, size_t len)
{
	size_t name_len = 0, start;

	while (name_len < len && text[name_len] != '=' && text[name_len] != ':')
		name_len++;
	if (name_len == len)
		return refuse(p, p->line, "neither a section nor NAME = VALUE", "");
	start = name_len + 1;
	while (name_len && is_blank(text[name_len - 1]))
		name_len--;
	if (!name_len)
		return refuse(p, p->line, "option without a name", "");
	if (name_len >= sizeof(p->option))
		return refuse(p, p->line, "option name is too long", "");
	for (size_t i = 0; i < name_len; i++)
		p->option[i] = (char)tolower((unsigned char)text[i]);
	p->option[name_len] = '\0';
	p->option_line = p->line;
	while (start < len && is_blank(text[start]))
		start++;
	return value_line(p, text + start, len - start);
}

static int parse_line(struct parser *p, const char *line, size_t len)
{
	bool comment = comment_cut(line, &len);
	size_t indent = 0;
	int r;

	while (len && is_blank(line[len - 1]))
		len--;
	while (indent < len && is_blank(line[indent]))
		indent++;
	if (indent == len) {
		if (!comment && p->option[0])
			p->empty++;
		return 0;
	}
	if (p->option[0] && indent > p->option_indent) {
		p->empty++;
		return value_line(p, line + indent, len - indent);
	}
	r = option_end(p);
	if (r < 0)
		return r;
	p->option_indent = indent;
	if (line[indent] == '[')
		return section_line(p, line + indent, len - indent);
	if (!p->section[0])
		return refuse(p, p->line, "an option before the first [section]", "");
	return option_line(p, line + indent, len - indent);
}

/* Marks are control characters, so no other control character may come through. */
static int check_text(const struct parser *p, const char *line, size_t len)
{
	if (!utf8_valid(line, len))
		return refuse(p, p->line, "not UTF-8", "");
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' && !is_blank(line[i]))
			return refuse(p, p->line, "control character", "");
	return 0;
}

int config_parse(struct config *config, const struct filter_file *file, config_option_fn fn,
		 void *arg, char error[EVIDENCE_ERROR_MAX])
{
	struct parser p = {
		.config = config,
		.file = file,
		.fn = fn,
		.arg = arg,
		.error = error,
		.value = BUF_INIT(CONFIG_VALUE_MAX),
	};
	const char *at = file->text, *end = file->text + file->len;
	int r = 0;

	if (file->len >= 3 && !memcmp(at, "\xef\xbb\xbf", 3))
		at += 3;
	while (at < end && !r) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = newline ? (size_t)(newline - at) : (size_t)(end - at);

		p.line++;
		r = check_text(&p, at, len);
		if (!r)
			r = parse_line(&p, at, len);
		at += len + 1;
	}
	if (!r)
		r = option_end(&p);
	buf_done(&p.value);
	return r;
}
