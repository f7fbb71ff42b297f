/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kind of login a session is.
 *
 * Where each kind lives (Debian 11 to 13, systemd 247 to 257): cron's and at's jobs stay in their
 * daemon's unit, the user manager is user@UID.service and lies in its init.scope, a console's login
 * is the leader of its session-N.scope.
 */
#include "enforcer/session/type.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "enforcer/session/session.h"

#define PROC_TICK_NS (10 * NSEC_PER_MSEC) /* start times in /proc are cut to this */

static const char *const folders[] = {
	"/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/", "/usr/lib/", "/lib/", "/usr/libexec/",
};

static const struct {
	const char *name;
	enum session_type type;
} programs[] = {
	{ "login", SESSION_TYPE_CONSOLE },   { "gdm-session-worker", SESSION_TYPE_CONSOLE },
	{ "lightdm", SESSION_TYPE_CONSOLE }, { "sddm-helper", SESSION_TYPE_CONSOLE },
	{ "su", SESSION_TYPE_SU },	     { "runuser", SESSION_TYPE_SU },
};

static const struct {
	const char *unit;
	enum session_type type;
} units[] = {
	{ "/system.slice/cron.service", SESSION_TYPE_CRON },
	{ "/system.slice/crond.service", SESSION_TYPE_CRON },
	{ "/system.slice/atd.service", SESSION_TYPE_AT },
};

static bool is_below(const char *cgroup, const char *unit)
{
	size_t len = strlen(unit);

	return !strncmp(cgroup, unit, len) && (cgroup[len] == '\0' || cgroup[len] == '/');
}

static bool is_manager(const struct bl_session *session, const char *cgroup)
{
	char unit[128];

	(void)snprintf(unit, sizeof(unit), "/user.slice/user-%u.slice/user@%u.service/init.scope",
		       session->auid, session->auid);
	return is_below(cgroup, unit);
}

static enum session_type program_type(const char *exe)
{
	const char *name = strrchr(exe, '/');
	bool system = false;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		system |= !strncmp(exe, folders[i], strlen(folders[i]));
	if (!name || !system)
		return SESSION_TYPE_UNKNOWN;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (!strcmp(name + 1, programs[i].name))
			return programs[i].type;
	return SESSION_TYPE_UNKNOWN;
}

enum session_type session_type_of(const struct bl_session *session, const struct process *leader,
				  const char *exe)
{
	/* Of an inferred session the peer was found, but not by which program it is served. */
	if (session->service || session->end.family)
		return SESSION_TYPE_REMOTE;
	/* A pid that went to somebody else says nothing of the session. */
	if (!leader || leader->start_ns / PROC_TICK_NS != session->leader_start_ns / PROC_TICK_NS)
		return SESSION_TYPE_UNKNOWN;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (is_below(leader->cgroup, units[i].unit))
			return units[i].type;
	if (is_manager(session, leader->cgroup))
		return SESSION_TYPE_MANAGER;
	return program_type(exe);
}

enum session_type session_type_look(const struct bl_session *session)
{
	struct process leader;
	char exe[SESSION_EXE_MAX];

	if (!session->leader_pid || process_read((pid_t)session->leader_pid, &leader) < 0)
		return session_type_of(session, NULL, "");
	process_exe(&leader, exe, sizeof(exe));
	return session_type_of(session, &leader, exe);
}
