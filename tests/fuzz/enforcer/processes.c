/* SPDX-License-Identifier: GPL-2.0-only */
/* What /proc and mountinfo say, from arbitrary bytes: every process chooses its own name. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "enforcer/session/cgroups.h"
#include "enforcer/session/processes.h"
#include "enforcer/session/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	char path[PROCESS_CGROUP_MAX], scope[PROCESS_CGROUP_MAX], id[32];
	struct process process;

	if (process_parse_stat(text, size, 100, &process) == 0 &&
	    (process.pid <= 0 || !memchr(process.comm, 0, sizeof(process.comm))))
		abort();
	process_parse_cgroup(text, size, path);
	if (path[0] != '\0' && path[0] != '/')
		abort();
	if (session_scope(path, scope) && strncmp(scope, path, strlen(scope)) != 0)
		abort();
	if (path[0] && session_scope(path, scope))
		(void)session_logind_id(scope, id, sizeof(id));
	if (cgroup_mount_parse(text, size, path, sizeof(path)) == 0 && strlen(path) >= sizeof(path))
		abort();
	return 0;
}
