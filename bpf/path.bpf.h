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

/* Names and mount crossings followed; as many names of ten bytes as BL_PATH_MAX holds. */
#define PATH_STEPS 24

_Static_assert((BL_PATH_MAX & (BL_PATH_MAX - 1)) == 0, "offsets are masked");
_Static_assert(2 * BL_PATH_MAX <= BL_ARGS_SMALL,
	       "a name may start at any byte of the scratch area");

/*
 * dst takes BL_PATH_MAX bytes. e->args is the scratch area, e->args_kept the place where the path
 * begins in it. That lies in memory, not in a local, because the verifier knows nothing of memory:
 * every round then begins in the same state and is verified once. (As a local its possible ranges
 * multiplied: 5.10 and 6.1 gave up at a million instructions. They also do when this is a function
 * of its own instead of inlined: with subprograms they prune far less.) Returns 1 if the front is
 * missing.
 */
static __always_inline int path_read(struct bl_event_exec *e, char *dst, const struct path *path)
{
	struct dentry *dentry = BPF_CORE_READ(path, dentry), *parent, *root;
	struct vfsmount *vfsmount = BPF_CORE_READ(path, mnt);
	volatile __u32 *at = &e->args_kept;
	struct mount *mount, *above;
	__u64 off, len;
	struct qstr name;
	int cut = 1;

	mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
	root = BPF_CORE_READ(vfsmount, mnt_root);
	*at = BL_PATH_MAX - 1;
	e->args[BL_PATH_MAX - 1] = 0;
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
		off = *at & (BL_PATH_MAX - 1);
		if (len >= off) {
			/* Only the end of this name fits. */
			bpf_probe_read_kernel(e->args, off, name.name + (len - off));
			*at = 0;
			break;
		}
		/* clang 19 leaves the mask out, knowing that len < off; 5.10 and 6.1 do not know
		 * it. */
		barrier_var(len);
		len &= BL_PATH_MAX - 1;
		off = (off - len - 1) & (BL_PATH_MAX - 1);
		*at = off;
		e->args[off] = '/';
		bpf_probe_read_kernel(e->args + off + 1, len, name.name);
		/* Files without a folder (memfd) are their own parent and no mount's root. */
		if (parent == dentry) {
			cut = 0;
			break;
		}
		dentry = parent;
	}
	if (*at == BL_PATH_MAX - 1 && !cut) {
		*at = BL_PATH_MAX - 2;
		e->args[BL_PATH_MAX - 2] = '/';
	}
	off = *at & (BL_PATH_MAX - 1);
	bpf_probe_read_kernel(dst, BL_PATH_MAX - off, e->args + off);
	return cut;
}

#endif
