/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ini reader: lines become entries; what an entry means is the caller's business. Every error
 * names file and line, with untrusted text made safe.
 */
#include "base/ini.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/utf8.h"

#define NAME_SHOWN_MAX 120 /* of a long path its end is shown: INI_ERROR_MAX holds a sentence too */

struct reader {
	const char *name;
	const char *text;
	size_t len;
	size_t at;
	unsigned int next_line;
	unsigned int line; /* where the logical line's text began */
	unsigned int entries;
	char logical[INI_LINE_MAX + 1];
	size_t logical_len;
	char section[INI_LINE_MAX + 1];
	char *error;
};

static int fail(struct reader *r, unsigned int line, int error, const char *what)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(INI_ERROR_MAX - 1);
	size_t len = strlen(r->name);
	const char *shown = r->name;

	if (len > NAME_SHOWN_MAX) {
		shown += len - NAME_SHOWN_MAX;
		len = NAME_SHOWN_MAX;
		buf_puts(&text, "...");
	}
	buf_put_safe(&text, shown, len);
	buf_printf(&text, ":%u: ", line);
	buf_put_safe(&text, what, strlen(what));
	text_copy(r->error, INI_ERROR_MAX, text.data);
	return error;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Next physical line without its end; false at the end of the text. */
static bool next_physical(struct reader *r, const char **ret_line, size_t *ret_len)
{
	const char *line = r->text + r->at;
	const char *end;
	size_t len;

	if (r->at >= r->len)
		return false;
	end = memchr(line, '\n', r->len - r->at);
	len = end ? (size_t)(end - line) : r->len - r->at;
	r->at += len + (end ? 1 : 0);
	r->next_line++;
	if (len && line[len - 1] == '\r')
		len--;
	*ret_line = line;
	*ret_len = len;
	return true;
}

static int check_text(struct reader *r, const char *text, size_t len)
{
	if (!utf8_valid(text, len))
		return fail(r, r->next_line, -EINVAL, "not valid UTF-8");
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return fail(r, r->next_line, -EINVAL, "control character in the text");
	}
	return 0;
}

/*
 * Gathers a logical line into r->logical, trimmed at both ends: 1, or 0 at the end of the text.
 * A backslash at the end joins the next line with one blank; comments between are left out, as in
 * systemd.
 */
static int next_logical(struct reader *r)
{
	const char *line;
	size_t len;
	bool more = false;
	int error;

	r->logical_len = 0;
	while (next_physical(r, &line, &len)) {
		while (len && is_blank(*line)) {
			line++;
			len--;
		}
		if (len && (*line == '#' || *line == ';'))
			continue;
		error = check_text(r, line, len);
		if (error < 0)
			return error;
		if (!r->logical_len)
			r->line = r->next_line;
		more = len && line[len - 1] == '\\';
		if (more)
			len--;
		while (len && is_blank(line[len - 1]))
			len--;
		if (len + (r->logical_len ? 1 : 0) > INI_LINE_MAX - r->logical_len)
			return fail(r, r->line, -E2BIG, "line is too long");
		if (len && r->logical_len)
			r->logical[r->logical_len++] = ' ';
		memcpy(r->logical + r->logical_len, line, len);
		r->logical_len += len;
		if (!more && r->logical_len)
			break;
	}
	r->logical[r->logical_len] = '\0';
	return r->logical_len ? 1 : 0;
}

static int read_section(struct reader *r)
{
	char *name = r->logical + 1;
	size_t len = r->logical_len - 1;

	if (len == 0 || name[len - 1] != ']')
		return fail(r, r->line, -EINVAL, "section has no closing ]");
	len--;
	while (len && is_blank(*name)) {
		name++;
		len--;
	}
	while (len && is_blank(name[len - 1]))
		len--;
	if (len == 0)
		return fail(r, r->line, -EINVAL, "section has no name");
	if (memchr(name, '[', len) || memchr(name, ']', len))
		return fail(r, r->line, -EINVAL, "bracket within a section's name");
	memcpy(r->section, name, len);
	r->section[len] = '\0';
	return 0;
}

static int read_entry(struct reader *r, ini_entry_fn fn, void *arg)
{
	char *equals = strchr(r->logical, '=');
	char *value, *end = equals;
	struct ini_entry entry = { .section = r->section, .line = r->line };
	char what[INI_ERROR_MAX] = "";
	int error;

	if (!equals)
		return fail(r, r->line, -EINVAL, "neither [section] nor key = value");
	while (end > r->logical && is_blank(end[-1]))
		end--;
	if (end == r->logical)
		return fail(r, r->line, -EINVAL, "no key before =");
	*end = '\0';
	value = equals + 1;
	while (is_blank(*value))
		value++;
	if (r->entries++ == INI_ENTRIES_MAX)
		return fail(r, r->line, -E2BIG, "too many entries");
	entry.key = r->logical;
	entry.value = value;
	error = fn(&entry, arg, what);
	what[INI_ERROR_MAX - 1] = '\0';
	if (error < 0)
		return fail(r, r->line, error, what[0] ? what : strerror(-error));
	return error;
}

int ini_parse(const char *name, const char *text, size_t len, ini_entry_fn fn, void *arg,
	      char error[INI_ERROR_MAX])
{
	static const char mark[] = "\xef\xbb\xbf";
	_cleanup_free_ struct reader *r = NULL;
	int result;

	error[0] = '\0';
	r = calloc(1, sizeof(*r));
	if (!r) {
		text_copy(error, INI_ERROR_MAX, "out of memory");
		return -ENOMEM;
	}
	r->name = name;
	r->text = text;
	r->len = len;
	r->error = error;
	if (len > INI_SIZE_MAX)
		return fail(r, 1, -E2BIG, "file is too big");
	/* An editor's byte order mark is not part of the first key. */
	if (len >= strlen(mark) && memcmp(text, mark, strlen(mark)) == 0)
		r->at = strlen(mark);
	while ((result = next_logical(r)) > 0) {
		result = r->logical[0] == '[' ? read_section(r) : read_entry(r, fn, arg);
		if (result != 0)
			return result;
	}
	return result;
}

int ini_parse_fd(const char *name, int fd, ini_entry_fn fn, void *arg, char error[INI_ERROR_MAX])
{
	struct reader r = { .name = name, .error = error };
	_cleanup_free_ char *text = NULL;
	size_t len;
	int result;

	result = file_read_fd(fd, INI_SIZE_MAX, &text, &len);
	if (result == -EFBIG)
		return fail(&r, 1, -E2BIG, "file is too big");
	if (result < 0)
		return fail(&r, 1, result, strerror(-result));
	return ini_parse(name, text, len, fn, arg, error);
}
