/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel saw PAM answer, as a claim: it then goes the way of every claim, and a log line
 * of the same process about the same try counts with it once.
 *
 * The process is the kernel's word. Service, user and host are the process's own, so only one that
 * root started is believed: a set-user-ID program's caller may have chosen what it asks.
 */
#include <string.h>

#include "analyst/evidence/evidence.h"
#include "base/buf.h"

/* libpam's codes for "this try was refused"; the others tell of broken set-ups and lost clients. */
enum {
	PERM_DENIED = 6,
	AUTH_ERR = 7,
	USER_UNKNOWN = 10,
	MAXTRIES = 11,
};

static bool refused(uint32_t result)
{
	return result == PERM_DENIED || result == AUTH_ERR || result == USER_UNKNOWN ||
	       result == MAXTRIES;
}

bool claim_from_auth(const struct bl_event_auth *auth, const struct session_table *sessions,
		     struct claim *ret)
{
	const struct connection *connection = NULL;
	const struct process *process;

	if (!refused(auth->result) || auth->task.uid != 0 || auth->task.euid != 0 ||
	    !auth->pam_service[0])
		return false;
	process = session_process(sessions, auth->task.pid, auth->head.boot_ns);
	memset(ret, 0, sizeof(*ret));
	ret->result = CLAIM_FAILURE;
	ret->pid = auth->task.pid;
	ret->pid_trusted = true;
	ret->count = 1;
	ret->filter = CLAIM_FILTER_PAM;
	ret->arrived_ns = auth->head.boot_ns;
	ret->origin = (struct log_origin){
		.trusted = true,
		.pid = auth->task.pid,
		.has_uid = true,
	};
	if (process) {
		text_copy(ret->origin.exe, sizeof(ret->origin.exe), process->exe);
		connection = session_connection_by_number(sessions, process->connection);
	}
	/* For keyboard-interactive, sshd asks in a child of the process that serves the
	 * connection. */
	if (connection && connection->pid)
		ret->pid = connection->pid;
	/* A name is not looked up: whoever owns the address decides what it resolves to. */
	if (!(auth->head.flags & BL_AUTH_RHOST_CUT) && auth->rhost[0])
		(void)addr_parse(auth->rhost, strlen(auth->rhost), &ret->addr);
	text_copy(ret->user, sizeof(ret->user), auth->user);
	return true;
}
