/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which line of a syslog daemon's configuration has it write a file: rsyslog, sysklogd, syslog-ng.
 *
 * Not a parser: a path that stands as a word in a line is written, unless the line is a comment, or
 * stands in what reads files (input(type="imfile" ...), $InputFileName, syslog-ng's source blocks).
 * Paths that are made of templates or wildcards are not recognised.
 */
#ifndef BASE_MENTION_H
#define BASE_MENTION_H

#include <stdbool.h>
#include <stddef.h>

bool mention_find(const char *text, size_t len, const char *path, unsigned int *ret_line);

#endif
