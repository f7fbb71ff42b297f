/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * No memory that can be written and executed. PCRE2's JIT leaves its code in such pages; once all
 * patterns are compiled nobody needs to write there: matching keeps its state on stacks elsewhere.
 * Freeing a compiled pattern does write there and would crash, so a sealed process never frees one.
 */
#include "privsep/sandbox.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/file.h"

#define MAPS_MAX (4 * 1024 * 1024) /* text of /proc/self/maps; the kernel allows 65,530 maps */

int sandbox_seal_memory(void)
{
	_cleanup_free_ char *maps = NULL;
	char *line, *rest;
	size_t len;
	int r;

	r = file_read("/proc/self/maps", MAPS_MAX, &maps, &len);
	if (r < 0)
		return r;
	for (line = strtok_r(maps, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		uintptr_t from, to;
		char rights[5];

		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &from, &to, rights) != 3)
			return -EIO;
		if (rights[1] != 'w' || rights[2] != 'x')
			continue;
		/* The kernel's own words for this address space. */
		if (mprotect((void *)from, to - from, PROT_READ | PROT_EXEC) < 0)
			return -errno;
	}
	return 0;
}
