/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walls beside the system-call lists: the recorder's folder, and memory that can be both written
 * and executed. Private to privsep.
 */
#ifndef PRIVSEP_SANDBOX_H
#define PRIVSEP_SANDBOX_H

/*
 * Landlock: from now on files are reached below folder only (and /dev/urandom, which SQLite
 * reads). 1: walled; 0: this kernel has no Landlock (before 5.13, or not in lsm=); -errno.
 */
int sandbox_wall(const char *folder);

/* Takes the write permission from every mapping that has write and execute. */
int sandbox_seal_memory(void);

#endif
