/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Filters are written for Python's re. Nearly all of it means the same in PCRE2; what does not is
 * rewritten where there is an equal, and refused where there is none, because an expression that
 * quietly means something else is worse than one that does not load. One expression is rewritten
 * though both read it alike: see element().
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyst/evidence/filter_regex.h"

struct dialect {
	const char *at;
	struct buf *out;
	char *error;
};

static int refuse(struct dialect *d, const char *what, size_t len)
{
	(void)snprintf(d->error, REGEX_ERROR_MAX,
		       "%.*s is not Python's, or means something else here",
		       (int)(len < 40 ? len : 40), what);
	return -EINVAL;
}

static void take(struct dialect *d, size_t len)
{
	buf_add(d->out, d->at, len);
	d->at += len;
}

/* \uXXXX and \UXXXXXXXX to \x{...} */
static int code_point(struct dialect *d, int digits)
{
	for (int i = 0; i < digits; i++)
		if (!isxdigit((unsigned char)d->at[2 + i]))
			return refuse(d, d->at, 2);
	buf_printf(d->out, "\\x{%.*s}", digits, d->at + 2);
	d->at += 2 + digits;
	return 0;
}

static int escape(struct dialect *d, bool in_class)
{
	char c = d->at[1];

	if (c == 'u')
		return code_point(d, 4);
	if (c == 'U')
		return code_point(d, 8);
	if (!in_class && c == 'Z') {
		/* Python: the very end; PCRE2's \Z also allows a newline there. */
		buf_puts(d->out, "\\z");
		d->at += 2;
		return 0;
	}
	if (c == 'v') {
		buf_puts(d->out, "\\x0b");
		d->at += 2;
		return 0;
	}
	if (!c) {
		(void)snprintf(d->error, REGEX_ERROR_MAX, "ends in a backslash");
		return -EINVAL;
	}
	if (isalpha((unsigned char)c) &&
	    !strchr(in_class ? "abdDfnrsStwWx" : "abAbBdDfnrsStwWxz", c))
		return refuse(d, d->at, 2);
	take(d, 2);
	return 0;
}

/* [...]: a ] or ^] at its begin is a plain character. */
static int class(struct dialect *d)
{
	const char *begin = d->at;
	int r;

	take(d, 1);
	if (*d->at == '^')
		take(d, 1);
	if (*d->at == ']')
		take(d, 1);
	while (*d->at && *d->at != ']') {
		if (*d->at == '\\') {
			r = escape(d, true);
			if (r < 0)
				return r;
			continue;
		}
		/* To Python these are plain characters, to PCRE2 a named class. */
		if (d->at[0] == '[' && d->at[1] && strchr(":.=", d->at[1]))
			return refuse(d, d->at, 2);
		take(d, 1);
	}
	if (!*d->at) {
		(void)snprintf(d->error, REGEX_ERROR_MAX, "class without end: %.40s", begin);
		return -EINVAL;
	}
	take(d, 1);
	return 0;
}

/*
 * RFC 5424's structured data as fail2ban's common.conf writes it. A run inside a run takes 2^n ways
 * where a line does not match, n the letters before the first quote: 16 of "[timeQuality tz=" are
 * more than any limit allows. There is one way only: a quote begins a text that ends at the next,
 * and what is not a quote or a ] is taken up to one. So nothing needs to be given back before a ].
 */
static bool element(struct dialect *d)
{
	static const char written[] = "(?:[^\\]\"]*|\"[^\"]*\")*\\]";
	const size_t len = sizeof(written) - 1;

	if (strncmp(d->at, written, len) || (d->at[len] && strchr("?*+{", d->at[len])))
		return false;
	buf_puts(d->out, "(?:[^\\]\"]++|\"[^\"]*+\")*+\\]");
	d->at += len;
	return true;
}

/* (?...: what Python knows of it. Flags may hold u, which Python's text has anyway. */
static int group(struct dialect *d)
{
	const char *at = d->at + 2;
	size_t flags;

	if (d->at[1] == '*')
		return refuse(d, d->at, strcspn(d->at, ")"));
	if (d->at[1] != '?') {
		take(d, 1);
		return 0;
	}
	if (*at == '#') {
		/* A comment may hold anything up to its end. */
		take(d, strcspn(d->at, ")"));
		return 0;
	}
	if (*at == '(') {
		size_t name = strspn(at + 1, "abcdefghijklmnopqrstuvwxyz"
					     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

		if (!name || at[1 + name] != ')' || !strncmp(at + 1, "DEFINE", 6) || at[1] == 'R')
			return refuse(d, d->at, 4);
		take(d, 4 + name);
		return 0;
	}
	if (*at == 'P') {
		if (at[1] != '<' && at[1] != '=')
			return refuse(d, d->at, 4);
		take(d, 4);
		return 0;
	}
	if (*at && strchr(":=!>", *at)) {
		take(d, 3);
		return 0;
	}
	if (*at == '<') {
		if (at[1] != '=' && at[1] != '!')
			return refuse(d, d->at, 4);
		take(d, 4);
		return 0;
	}
	flags = strspn(at, "aiLmsux-");
	if (!flags || (at[flags] != ')' && at[flags] != ':') || memchr(at, 'a', flags) ||
	    memchr(at, 'L', flags))
		return refuse(d, d->at, 3 + flags);
	take(d, 2);
	for (size_t i = 0; i < flags; i++)
		if (at[i] != 'u')
			buf_putc(d->out, at[i]);
	d->at += flags;
	take(d, 1);
	return 0;
}

int regex_dialect(const char *text, struct buf *out, char error[REGEX_ERROR_MAX])
{
	struct dialect d = { .at = text, .out = out, .error = error };
	int r = 0;

	while (*d.at && !r) {
		switch (*d.at) {
		case '\\':
			r = escape(&d, false);
			break;
		case '[':
			r = class(&d);
			break;
		case '(':
			if (!element(&d))
				r = group(&d);
			break;
		case '{':
			/* Python: from 0 to n; PCRE2 before 10.43: plain text. */
			if (d.at[1] == ',' && isdigit((unsigned char)d.at[2]) &&
			    d.at[2 + strspn(d.at + 2, "0123456789")] == '}') {
				buf_puts(out, "{0");
				d.at++;
			} else {
				take(&d, 1);
			}
			break;
		default:
			take(&d, 1);
		}
	}
	if (!r && out->cut) {
		(void)snprintf(error, REGEX_ERROR_MAX, "longer than %d bytes", REGEX_MAX);
		r = -E2BIG;
	}
	return r;
}
