/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Configuration in systemd's ini style: [section name], key = value, # or ; first in a line is a
 * comment, a line that ends in \ goes on in the next. A key may come several times; an empty value
 * clears what came before (the reader of the entries decides). Bounded: lines, entries, depth 0.
 */
#ifndef BASE_INI_H
#define BASE_INI_H

#include <stddef.h>

#define INI_SIZE_MAX (1024 * 1024)
#define INI_LINE_MAX 8192 /* bytes, continuation lines together */
#define INI_ENTRIES_MAX 65536
#define INI_ERROR_MAX 256

struct ini_entry {
	const char *section; /* "bailiff", "service sshd"; "" before the first */
	const char *key;
	const char *value;
	unsigned int line;
};

/* Called per entry in order; nonzero ends the parse and is returned. May fill error with what is
 * wrong; name and line are put before it. */
typedef int (*ini_entry_fn)(const struct ini_entry *entry, void *arg, char error[INI_ERROR_MAX]);

/* On failure error holds "NAME:LINE: what is wrong". -EINVAL, -E2BIG, or what fn returned. */
int ini_parse(const char *name, const char *text, size_t len, ini_entry_fn fn, void *arg,
	      char error[INI_ERROR_MAX]);

/* Reads at most INI_SIZE_MAX bytes of an open file from its beginning (pread) and parses. */
int ini_parse_fd(const char *name, int fd, ini_entry_fn fn, void *arg, char error[INI_ERROR_MAX]);

#endif
