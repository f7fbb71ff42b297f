/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel events of an sshd connection, one function per thing that happens, as OpenSSH 9.2 and
 * 10.0 make them. Tests of the stages after session tell their stories with these.
 */
#ifndef TESTS_STORY_H
#define TESTS_STORY_H

#include <arpa/inet.h>
#include <string.h>

#include <bailiff/event.h>

#include "base/addr.h"
#include "base/clock.h"

#define STORY_SSHD 1 /* service id */

static inline struct bl_endpoint story_end(const char *peer, uint16_t port)
{
	struct bl_endpoint end = { .peer_port = port, .local_port = 22 };
	struct addr addr;

	if (addr_parse(peer, strlen(peer), &addr) < 0)
		return end;
	end.family = addr.family;
	memcpy(end.peer, addr.bytes, sizeof(end.peer));
	return end;
}

static inline void story_head(union bl_event *event, enum bl_event_kind kind, size_t len,
			      uint64_t at_ns)
{
	memset(event, 0, sizeof(*event));
	event->head.kind = (__u16)kind;
	event->head.len = (uint32_t)len;
	event->head.boot_ns = at_ns;
}

static inline void story_task(struct bl_task *task, uint32_t pid, uint32_t ppid)
{
	task->pid = pid;
	task->tid = pid;
	task->ppid = ppid;
	task->auid = BL_UNSET;
	task->audit_session = BL_UNSET;
	task->start_ns = 1000 + pid;
	task->parent_start_ns = 1000 + ppid;
}

static inline void story_connection(union bl_event *event, const char *peer, uint16_t port,
				    enum bl_connection_state state, uint64_t at_ns)
{
	story_head(event, BL_EVENT_CONNECTION, sizeof(event->connection), at_ns);
	event->connection.end = story_end(peer, port);
	event->connection.state = state;
}

/* The session process begins: sshd -R or sshd-session with the connection as fd 0. */
static inline void story_session_process(union bl_event *event, uint32_t pid, const char *peer,
					 uint16_t port, uint64_t at_ns)
{
	story_head(event, BL_EVENT_EXEC, BL_EXEC_SMALL_LEN, at_ns);
	story_task(&event->exec.task, pid, 500);
	event->exec.end = story_end(peer, port);
	event->exec.service = STORY_SSHD;
	event->exec.role = BL_ROLE_SESSION;
	strcpy(event->exec.exe, "/usr/lib/openssh/sshd-session");
	strcpy(event->exec.comm, "sshd-session");
}

static inline void story_preauth(union bl_event *event, uint32_t pid, uint32_t parent,
				 const char *peer, uint16_t port, uint64_t at_ns)
{
	story_head(event, BL_EVENT_EXEC, BL_EXEC_SMALL_LEN, at_ns);
	story_task(&event->exec.task, pid, parent);
	event->exec.end = story_end(peer, port);
	event->exec.service = STORY_SSHD;
	event->exec.role = BL_ROLE_PREAUTH;
	strcpy(event->exec.exe, "/usr/lib/openssh/sshd-auth");
	strcpy(event->exec.comm, "sshd-auth");
}

static inline void story_exit(union bl_event *event, uint32_t pid, uint32_t parent, uint16_t role,
			      uint32_t status, uint64_t at_ns)
{
	story_head(event, BL_EVENT_EXIT, sizeof(event->exit), at_ns);
	story_task(&event->exit.task, pid, parent);
	event->exit.exit_code = status << 8;
	event->exit.service = role ? STORY_SSHD : 0;
	event->exit.role = role;
}

static inline void story_birth(union bl_event *event, uint64_t session, uint32_t pid, uint32_t auid,
			       const char *peer, uint16_t port, uint64_t at_ns)
{
	story_head(event, BL_EVENT_SESSION, sizeof(event->session), at_ns);
	story_task(&event->session.task, pid, 500);
	event->session.task.auid = auid;
	event->session.task.audit_session = (uint32_t)session;
	event->session.task.session = session;
	event->session.session = session;
	event->session.service = STORY_SSHD;
	event->session.end = story_end(peer, port);
}

static inline void story_sudo(union bl_event *event, uint32_t pid, uint64_t session, uint64_t at_ns)
{
	story_head(event, BL_EVENT_EXEC, BL_EXEC_SMALL_LEN, at_ns);
	story_task(&event->exec.task, pid, 600);
	event->exec.task.session = session;
	event->exec.task.uid = 1000;
	event->exec.role = BL_ROLE_GAIN;
	event->head.flags = BL_EXEC_SETUID;
	strcpy(event->exec.exe, "/usr/bin/sudo");
	strcpy(event->exec.comm, "sudo");
}

/* pam_authenticate() returned in a process of root's that serves nothing that is sensed. */
static inline void story_auth(union bl_event *event, uint32_t pid, const char *pam_service,
			      const char *user, const char *rhost, uint32_t result, uint64_t at_ns)
{
	story_head(event, BL_EVENT_AUTH, sizeof(event->auth), at_ns);
	story_task(&event->auth.task, pid, 1);
	event->auth.result = result;
	strncpy(event->auth.pam_service, pam_service, sizeof(event->auth.pam_service) - 1);
	strncpy(event->auth.user, user, sizeof(event->auth.user) - 1);
	strncpy(event->auth.rhost, rhost, sizeof(event->auth.rhost) - 1);
}

static inline void story_signal(union bl_event *event, enum bl_signal what, uint64_t session,
				uint64_t at_ns)
{
	story_head(event, BL_EVENT_SIGNAL, sizeof(event->signal), at_ns);
	story_task(&event->signal.task, 600, 500);
	event->signal.task.session = session;
	event->signal.what = what;
	event->signal.other_uid = BL_UNSET;
	strcpy(event->signal.comm, "evil");
}

#endif
