/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Others' hands in the kernel: looked for now and then, put right, told.
 *
 * Root can do anything to pins, links and maps. What it does by mistake or in passing (bpftool, a
 * script that clears bpffs, another program's cleaning up) is made good here, and never silently.
 */
#include "enforcer/agent.h"

#define PLACES_TICKS 4 /* pins and links: some 20 system calls */
#define TABLES_TICKS 30 /* of locked addresses: some milliseconds */

void agent_tamper(struct agent *agent, uint64_t now)
{
	struct tamper tamper = {};

	if (agent->comparing || agent->ticks % TABLES_TICKS == 0)
		agent->comparing = lockouts_tamper(agent->lockouts, now, &tamper);
	if (agent->ticks % PLACES_TICKS == 0)
		hooks_tamper(agent->hooks, &tamper);
	if (hooks_tampered(agent->hooks, &tamper))
		agent_send_status(agent);
}
