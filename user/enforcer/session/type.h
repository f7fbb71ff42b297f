/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kind of login a session is, told from its first process.
 *
 * A label for people: nothing is decided by it. What the kernel or root's own processes wrote comes
 * first (the connection it was born from, the cgroup that PID 1 made); a program's name counts only
 * where the file lies in a folder of the system's, since a user names his own files as he likes.
 */
#ifndef ENFORCER_SESSION_TYPE_H
#define ENFORCER_SESSION_TYPE_H

#include <bailiff/control.h>
#include <bailiff/lockout.h>

#include "enforcer/session/processes.h"

/* leader: who has the leader's pid now, NULL if nobody. exe as process_exe tells it. */
enum session_type session_type_of(const struct bl_session *session, const struct process *leader,
				  const char *exe);
/* Looks at /proc for the leader. */
enum session_type session_type_look(const struct bl_session *session);

#endif
