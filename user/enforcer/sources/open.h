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
 * May only root, or owner, write this file? If not, why gets a sentence.
 *
 * Asked of the open file and of every folder above it, on the path that the kernel has for it as
 * well as on the one that the configuration names (a link in that one must be root's or owner's).
 * - An ACL that lets somebody write shows in the group bits of the mode: they are the ACL's mask,
 *   which bounds every named user and group (acl(5)), so no ACL has to be read.
 * - A hard link gives no right that the mode does not give; what it may do is exchange the name,
 *   and that takes writing into a folder.
 * - On a network or user-mode file system others write past the mode: never vouched for.
 * - Whoever opened the file for writing while its mode let him keeps that until it is rotated.
 */
bool source_vouched(const char *path, int fd, uid_t owner, char *why, size_t size);
/* The part of it that looks at one path; st is the file's. */
bool source_attested(const char *path, const struct stat *st, uid_t owner, char *why, size_t size);

#endif
