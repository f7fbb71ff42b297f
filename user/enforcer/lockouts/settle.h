/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Settling what a bailiffd that does not come back has left frozen. Private to lockouts/settle.c,
 * agent_settle.c and their tests.
 */
#ifndef ENFORCER_SETTLE_H
#define ENFORCER_SETTLE_H

#include "enforcer/lockouts/lockouts.h"

#define SETTLE_SESSIONS_MAX 256 /* in the file; LOCKOUTS_JOBS_MAX of them were held at once */

struct settle_session {
	uint64_t tag;
	bool locked; /* still, says the file */
	uint64_t until_boot_ns;
	uint32_t action; /* enum action */
	uint32_t auid;
	uint32_t audit_session;
	char scope[SESSION_SCOPES_MAX][PROCESS_CGROUP_MAX]; /* frozen */
	uint32_t scopes;
};

struct settle {
	struct settle_session session[SETTLE_SESSIONS_MAX];
	size_t sessions;
	uint32_t refused;
};

enum settle_what {
	SETTLE_WAIT = 1,
	SETTLE_THAW,
	SETTLE_TERMINATE,
};

typedef uint64_t (*settle_clock_fn)(void); /* CLOCK_BOOTTIME */

/* Fills settle; an absent file, or one of another boot, is an empty one. */
int settle_read(struct settle *settle, const char *state_dir);
/* A state_fn; arg is a struct settle. */
int settle_record(const struct state_record *record, uint32_t number, void *arg);
enum settle_what settle_decide(const struct settle_session *session, enum on_failure policy,
			       uint64_t now_boot_ns);
/* Does what is due. ret_next: when something will be, UINT64_MAX: nothing is left. Negative: some
 * of it failed, and was logged. */
int settle_step(struct settle *settle, enum on_failure policy, int root_fd, settle_clock_fn clock,
		uint64_t *ret_next_boot_ns);

#endif
