/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl replay, filter, rules, import: the analyst's own offline commands, with all arguments
 * as they stand. It parses hostile text; this program, which is often run as root, does not.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/ctl.h"
#include "ctl/handover.h"
#include "ctl/output.h"

int analyst_hand_over(char **argv)
{
	static const char *const folders[] = { BAILIFF_LIBEXECDIR };
	static char program[] = "bailiff-analyst";
	_cleanup_free_ char **args = NULL;
	size_t count = 0;

	while (argv[count])
		count++;
	args = calloc(count + 2, sizeof(*args));
	if (!args) {
		output_error("%s", strerror(ENOMEM));
		return CTL_FAILED;
	}
	args[0] = program;
	memcpy(args + 1, argv, count * sizeof(*args));
	return handover_exec(program, folders, ARRAY_SIZE(folders), args);
}
