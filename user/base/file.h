/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whole small files: read with a bound, write atomically (temporary beside it, fsync, rename,
 * fsync of the folder).
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <sys/types.h>

/* From the beginning, by pread, NUL-terminated (not counted). -EFBIG past max. */
int file_read_fd(int fd, size_t max, char **ret_text, size_t *ret_len);
int file_read(const char *path, size_t max, char **ret_text, size_t *ret_len);
int file_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode);

#endif
