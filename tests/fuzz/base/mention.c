/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A syslog daemon's configuration: the line that is found exists, is no comment and holds the path.
 * Input: the path, a newline, the text.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/mention.h"

#define PATH_SIZE 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = memchr(data, '\n', size < PATH_SIZE ? size : PATH_SIZE);
	const char *line, *end, *newline;
	char path[PATH_SIZE + 1];
	unsigned int number;
	size_t len;

	if (!text)
		return 0;
	len = (size_t)(text - (const char *)data);
	memcpy(path, data, len);
	path[len] = '\0';
	line = ++text;
	end = (const char *)data + size;
	if (!mention_find(text, (size_t)(end - text), path, &number))
		return 0;
	assert(number > 0 && path[0]);
	while (--number) {
		line = memchr(line, '\n', (size_t)(end - line));
		assert(line);
		line++;
	}
	newline = memchr(line, '\n', (size_t)(end - line));
	while (*line == ' ' || *line == '\t')
		line++;
	assert(*line != '#');
	assert(memmem(line, (size_t)((newline ? newline : end) - line), path, strlen(path)));
	return 0;
}
