/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The programs, and what a host loses that cannot run them.
 *
 * Rows that share a finding stand together. Where they are alternatives the first that attaches
 * is kept; where they are parts, all are needed.
 */
#include "enforcer/hooks.h"

const struct hook hook_table[] = {
	{ "bl_exec", HOOK_SENSOR_EXEC, HOOK_AT_SECTION, "exec events", false, FINDING_MISSING,
	  "every program start is seen",
	  "program starts are not seen: no connection's outcome, no session, no rule on "
	  "processes" },
	{ "bl_exec_again", HOOK_SENSOR_EXEC, HOOK_AT_SECTION, "skipped execs", false,
	  FINDING_DEGRADED, "a program start that the kernel kept from its sensor is made up for",
	  "a program start that the kernel keeps from its sensor (rare, by preemption) is lost" },
	{ "bl_fork", HOOK_SENSOR_EXEC, HOOK_AT_SECTION, "fork events", false, FINDING_MISSING,
	  "children carry their session's tag from birth",
	  "a child's session is only known from its login uid" },
	{ "bl_exit", HOOK_SENSOR_EXEC, HOOK_AT_SECTION, "exit events", false, FINDING_MISSING,
	  "how a connection's process ended is seen",
	  "failed logins are only known from logs, ended sessions stay listed" },
	{ "bl_free", HOOK_SENSOR_EXEC, HOOK_AT_SECTION, "skipped exits", false, FINDING_DEGRADED,
	  "an exit that the kernel kept from its sensor is made up for",
	  "an exit that the kernel keeps from its sensor (rare, by preemption) is lost" },
	{ "bl_login", HOOK_SENSOR_AUTH, HOOK_AT_SECTION, "session birth", false, FINDING_DEGRADED,
	  "seen in the kernel when the login uid is set",
	  "a new session is noticed at its next program start or fork, not at the login itself" },
	{ "bl_login_k", HOOK_SENSOR_AUTH, HOOK_AT_SECTION, "session birth", false, FINDING_DEGRADED,
	  "seen in the kernel when the login uid is set (by kprobe)",
	  "a new session is noticed at its next program start or fork, not at the login itself" },
	{ "bl_seed", HOOK_SENSOR_AUTH, HOOK_AT_ITERATOR, "earlier sessions", false,
	  FINDING_DEGRADED, "sessions from before the start are taken over",
	  "a session from before the start is known once it starts a program" },
	{ "bl_tell", HOOK_SENSOR_AUTH, HOOK_AT_ITERATOR, "sessions told again", false,
	  FINDING_DEGRADED, "a restarted analyst learns the sessions that exist",
	  "a restarted analyst knows a session again once it starts a program" },
	{ "bl_pam_begin", HOOK_SENSOR_AUTH, HOOK_AT_PAM, "PAM results", true, FINDING_DEGRADED,
	  "what PAM answers a service is seen",
	  "tries at services without a sensor of their own are known from their logs only" },
	{ "bl_pam_end", HOOK_SENSOR_AUTH, HOOK_AT_PAM_RETURN, "PAM results", true, FINDING_DEGRADED,
	  "what PAM answers a service is seen",
	  "tries at services without a sensor of their own are known from their logs only" },
	{ "bl_sock_state", HOOK_SENSOR_NET, HOOK_AT_SECTION, "connection witness", false,
	  FINDING_MISSING, "connections to watched services are seen",
	  "what a log says of an address has no witness, so nothing is locked out by it" },
	{ "bl_lookup", HOOK_LOCKOUT, HOOK_AT_NETNS, "lockout, incoming", false, FINDING_MISSING,
	  "new connections from a locked address are refused",
	  "new connections from a locked address are not refused" },
	{ "bl_ingress", HOOK_LOCKOUT, HOOK_AT_STYLE, "lockout, silent", false, FINDING_DEGRADED,
	  "packets of a locked address are dropped without an answer",
	  "a locked address is told that nobody listens" },
	{ "bl_connect4", HOOK_LOCKOUT, HOOK_AT_CGROUP, "lockout, outgoing", true, FINDING_DEGRADED,
	  "connecting out to a locked address is refused",
	  "connecting out to a locked address is not refused" },
	{ "bl_connect6", HOOK_LOCKOUT, HOOK_AT_CGROUP, "lockout, outgoing", true, FINDING_DEGRADED,
	  "connecting out to a locked address is refused",
	  "connecting out to a locked address is not refused" },
	{ "bl_sendmsg4", HOOK_LOCKOUT, HOOK_AT_CGROUP, "lockout, outgoing", true, FINDING_DEGRADED,
	  "connecting out to a locked address is refused",
	  "datagrams to a locked address are not refused" },
	{ "bl_sendmsg6", HOOK_LOCKOUT, HOOK_AT_CGROUP, "lockout, outgoing", true, FINDING_DEGRADED,
	  "connecting out to a locked address is refused",
	  "datagrams to a locked address are not refused" },
};

const size_t hook_count = sizeof(hook_table) / sizeof(hook_table[0]);
_Static_assert(sizeof(hook_table) / sizeof(hook_table[0]) <= HOOKS_MAX, "HOOKS_MAX");
