/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who belongs to a session, and which cgroup is its own.
 *
 * Pure: both are answered from what the kernel said about a process or a session.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "enforcer/session/session.h"

static bool has_tag(const struct session_ids *ids, uint64_t tag)
{
	for (uint32_t i = 0; i < ids->count; i++)
		if (ids->id[i].tag == tag)
			return true;
	return false;
}

int session_ids_add(struct session_ids *ids, uint64_t tag, const struct bl_session *session)
{
	bool joined = (session->flags & BL_SESSION_EDGES) != 0;
	bool inside = session->parent_session != 0 && (joined || session->end.family == 0) &&
		      has_tag(ids, session->parent_session);

	if (has_tag(ids, tag) || (tag != ids->tag && !inside))
		return 0;
	if (ids->count == SESSION_IDS_MAX) {
		ids->cut = true;
		return 0;
	}
	ids->id[ids->count].tag = tag;
	ids->id[ids->count].audit_session = session->audit_session;
	ids->id[ids->count].auid = session->auid;
	ids->count++;
	return 1;
}

bool session_ids_match(const struct session_ids *ids, const struct process *process)
{
	/* "Not set" is what every daemon has; it must never make a member. */
	if (process->audit_session == BL_UNSET || process->auid == BL_UNSET)
		return false;
	for (uint32_t i = 0; i < ids->count; i++)
		if (ids->id[i].audit_session == process->audit_session &&
		    ids->id[i].auid == process->auid)
			return true;
	return false;
}

bool session_scope(const char *cgroup, char ret_scope[PROCESS_CGROUP_MAX])
{
	static const char slice[] = "/user.slice/", suffix[] = ".scope";
	const char *at = strstr(cgroup, slice);

	while (at) {
		const char *end = strchr(at + 1, '/');
		size_t len = end ? (size_t)(end - at) : strlen(at);

		if (len > sizeof(suffix) &&
		    !memcmp(at + len - (sizeof(suffix) - 1), suffix, sizeof(suffix) - 1)) {
			size_t whole = (size_t)(at - cgroup) + len;

			if (whole >= PROCESS_CGROUP_MAX)
				return false;
			text_copy_len(ret_scope, PROCESS_CGROUP_MAX, cgroup, whole);
			return true;
		}
		at = end;
	}
	return false;
}

bool session_logind_id(const char *scope, char *ret, size_t size)
{
	static const char prefix[] = "/session-", suffix[] = ".scope";
	const char *name = strrchr(scope, '/');
	size_t len = name ? strlen(name) : 0, id;

	if (len <= sizeof(prefix) - 1 + sizeof(suffix) - 1 ||
	    memcmp(name, prefix, sizeof(prefix) - 1) != 0 ||
	    memcmp(name + len - (sizeof(suffix) - 1), suffix, sizeof(suffix) - 1) != 0)
		return false;
	name += sizeof(prefix) - 1;
	id = len - (sizeof(prefix) - 1) - (sizeof(suffix) - 1);
	/* logind's ids are numbers, or c and a number (session_id_valid: letters and digits). */
	if (id >= size ||
	    strspn(name, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") < id)
		return false;
	text_copy_len(ret, size, name, id);
	return true;
}
