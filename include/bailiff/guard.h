/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guard's programs and bailiffd share: whose objects are guarded, and which.
 */
#ifndef BAILIFF_GUARD_H
#define BAILIFF_GUARD_H

#include <bailiff/event.h>

#define BL_GUARD_OBJECTS_MAX 4096 /* maps, and links: one in each network namespace */
#define BL_GUARD_FOLDERS_MAX 8

/* bl_guard: array of one. */
struct bl_guard {
	__u32 tgid; /* bailiffd; its children are guarded as well. 0: nothing is guarded yet */
	__u32 pad;
	__u64 refused;
};

enum bl_guard_kind {
	BL_GUARD_MAP = 1,
	BL_GUARD_LINK,
};

/* bl_guard_ids: (kind, the kernel's number) -> __u8. Numbers are not used again in a boot. */
struct bl_guard_key {
	__u32 kind; /* enum bl_guard_kind */
	__u32 id;
};

/* bl_guard_dirs: struct bl_file_key of a folder of pins -> __u8 */

_Static_assert(sizeof(struct bl_guard) == 16, "guard");
_Static_assert(sizeof(struct bl_guard_key) == 8, "guard key");

#endif
