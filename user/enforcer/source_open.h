/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opening a log file as root, whoever can write in its folder. Private to sources*.c.
 */
#ifndef ENFORCER_SOURCE_OPEN_H
#define ENFORCER_SOURCE_OPEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * Read-only, regular files only. A symbolic link as the last part is followed only if root owns it
 * (-ELOOP else): a folder's owner must not choose which file root opens. Devices, FIFOs and sockets
 * are never opened, not even for a moment: -EINVAL.
 */
int source_open(const char *path, int *ret_fd, struct stat *ret_st);

/*
 * May only root, or owner, write this file? Looks at the file's and every folder's owner and mode
 * (an ACL that grants writing shows in the group bits of the mode). If not, why gets a sentence.
 */
bool source_attested(const char *path, const struct stat *st, uid_t owner, char *why, size_t size);

#endif
