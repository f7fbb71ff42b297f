/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paths by a bounded walk from a file up to the root of its mount namespace.
 *
 * bpf_d_path is allowed in few hooks (5.10: not in sched_process_exec), so the walk is done here:
 * names are written from the end of a scratch area towards its front and then copied as a whole.
 * What is too long or too deep loses its front, so the end, which says what runs, stays.
 */
#ifndef PATH_BPF_H
#define PATH_BPF_H

#include "core.bpf.h"

/* Names and mount crossings followed. 32 keeps 5.10's verifier far below its million. */
#define PATH_STEPS 32
/* A name may start at any byte of the path, so this much must be writable. */
#define PATH_SCRATCH (2 * BL_PATH_MAX)

_Static_assert((BL_PATH_MAX & (BL_PATH_MAX - 1)) == 0, "offsets are masked");
_Static_assert(PATH_SCRATCH <= BL_ARGS_SMALL, "a record's args serve as scratch");

/* dst takes BL_PATH_MAX bytes, scratch PATH_SCRATCH. Returns 1 if the front is missing. */
static __noinline int path_read(char *dst, char *scratch, const struct path *path)
{
	struct dentry *dentry = BPF_CORE_READ(path, dentry), *parent, *root;
	struct vfsmount *vfsmount = BPF_CORE_READ(path, mnt);
	struct mount *mount, *above;
	__u64 off = BL_PATH_MAX - 1, len;
	struct qstr name;
	int cut = 1;

	mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
	root = BPF_CORE_READ(vfsmount, mnt_root);
	scratch[off] = 0;
	for (int i = 0; i < PATH_STEPS; i++) {
		if (dentry == root) {
			above = BPF_CORE_READ(mount, mnt_parent);
			if (above == mount) {
				cut = 0;
				break;
			}
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = above;
			root = BPF_CORE_READ(mount, mnt.mnt_root);
			continue;
		}
		parent = BPF_CORE_READ(dentry, d_parent);
		bpf_core_read(&name, sizeof(name), &dentry->d_name);
		len = name.len;
		if (len >= off) {
			/* Only the end of this name fits. */
			off &= BL_PATH_MAX - 1;
			bpf_probe_read_kernel(scratch, off, name.name + (len - off));
			off = 0;
			break;
		}
		off = (off - len - 1) & (BL_PATH_MAX - 1);
		len &= BL_PATH_MAX - 1;
		scratch[off] = '/';
		bpf_probe_read_kernel(scratch + off + 1, len, name.name);
		/* Files without a folder (memfd) are their own parent and no mount's root. */
		if (parent == dentry) {
			cut = 0;
			break;
		}
		dentry = parent;
	}
	if (off == BL_PATH_MAX - 1 && !cut) {
		off--;
		scratch[off] = '/';
	}
	off &= BL_PATH_MAX - 1;
	bpf_probe_read_kernel(dst, BL_PATH_MAX - off, scratch + off);
	return cut;
}

#endif
