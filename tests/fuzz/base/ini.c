/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ini reader. Entries keep their promises (a key, no control characters, ascending lines), and a
 * failure says where.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/ini.h"
#include "base/utf8.h"

struct seen {
	unsigned int line, entries;
};

static int check_entry(const struct ini_entry *entry, void *arg, char error[INI_ERROR_MAX])
{
	struct seen *seen = arg;

	assert(entry->key[0] && !strchr(entry->key, '=') && strlen(entry->key) <= INI_LINE_MAX);
	assert(strlen(entry->value) <= INI_LINE_MAX && !strchr(entry->value, '\n'));
	assert(utf8_valid(entry->value, strlen(entry->value)));
	assert(utf8_valid(entry->section, strlen(entry->section)));
	assert(entry->line > seen->line);
	seen->line = entry->line;
	seen->entries++;
	assert(seen->entries <= INI_ENTRIES_MAX);
	if (strcmp(entry->key, "refuse") != 0)
		return 0;
	/* As long as a handler can make it. */
	memset(error, 'x', INI_ERROR_MAX);
	return -ERANGE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[INI_ERROR_MAX];
	struct seen seen = { 0 };
	int r;

	r = ini_parse("name.conf", (const char *)data, size, check_entry, &seen, error);
	assert(r == 0 || r == -EINVAL || r == -E2BIG || r == -ERANGE);
	assert(memchr(error, '\0', sizeof(error)));
	assert((r == 0) == (error[0] == '\0'));
	if (r < 0)
		assert(strncmp(error, "name.conf:", 10) == 0 && utf8_valid(error, strlen(error)));
	return 0;
}
