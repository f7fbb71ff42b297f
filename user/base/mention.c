/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which line of a syslog daemon's configuration has it write a file.
 */
#include "base/mention.h"

#include <string.h>

static bool path_char(char c)
{
	return c == '/' || c == '.' || c == '-' || c == '_' || (c >= '0' && c <= '9') ||
	       (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Where it stands as a word; NULL: nowhere. A '-' before it asks rsyslog not to sync. */
static const char *word_in(const char *line, size_t len, const char *path)
{
	const char *at = line, *end = line + len;
	size_t path_len = strlen(path);

	while (path_len && (at = memmem(at, (size_t)(end - at), path, path_len))) {
		bool begins = at == line || at[-1] == '-' || !path_char(at[-1]);

		if (begins && (at + path_len == end || !path_char(at[path_len])))
			return at;
		at++;
	}
	return NULL;
}

static bool begins_with(const char *text, size_t len, const char *word)
{
	size_t word_len = strlen(word);

	return len >= word_len && !strncmp(text, word, word_len);
}

/* What the lines so far have opened and not closed. */
struct inside {
	bool input; /* rsyslog's input( */
	bool source; /* syslog-ng's source NAME { */
};

static void inside_line(struct inside *inside, const char *line, size_t len)
{
	for (const char *end = line + len; line < end; line++) {
		len = (size_t)(end - line);
		if (begins_with(line, len, "input("))
			inside->input = true;
		else if (*line == ')')
			inside->input = false;
		else if (begins_with(line, len, "};"))
			inside->source = false;
	}
}

static bool reads(struct inside inside, const char *line, const char *at)
{
	inside_line(&inside, line, (size_t)(at - line));
	return inside.input || inside.source ||
	       begins_with(line, (size_t)(at - line), "$InputFile");
}

bool mention_find(const char *text, size_t len, const char *path, unsigned int *ret_line)
{
	const char *at = text, *end = text + len;
	struct inside inside = { false };

	for (unsigned int number = 1; at < end; number++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *next = newline ? newline + 1 : end;
		const char *line_end = newline ? newline : end, *word;

		while (at < line_end && (*at == ' ' || *at == '\t'))
			at++;
		if (at < line_end && *at != '#') {
			if (begins_with(at, (size_t)(line_end - at), "source "))
				inside.source = true;
			word = word_in(at, (size_t)(line_end - at), path);
			if (word && !reads(inside, at, word)) {
				*ret_line = number;
				return true;
			}
			inside_line(&inside, at, (size_t)(line_end - at));
		}
		at = next;
	}
	return false;
}
