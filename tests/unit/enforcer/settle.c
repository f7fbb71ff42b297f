/* SPDX-License-Identifier: GPL-2.0-only */
/* What a bailiffd that does not come back has left frozen, from its file, and what becomes of
 * it. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "enforcer/lockouts/settle.h"
#include "enforcer/session/cgroups.h"

static char dir[64];
static struct settle settle;

static int setup(void **unused)
{
	(void)unused;
	(void)snprintf(dir, sizeof(dir), "/tmp/unit-settle-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int teardown(void **unused)
{
	char command[128];

	(void)unused;
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static void append(struct state *state, enum state_kind kind, uint64_t tag, uint32_t action,
		   uint64_t until, const char *reason)
{
	struct state_record record = {
		.kind = kind,
		.action = action,
		.until_boot_ns = until,
		.subject.kind = SUBJECT_SESSION,
		.subject.id = tag,
		.auid = 1000 + (uint32_t)tag,
		.audit_session = (uint32_t)tag,
	};
	uint32_t number;

	(void)snprintf(record.reason, sizeof(record.reason), "%s", reason);
	assert_int_equal(state_append(state, &record, &number), 0);
}

static struct state *file_of(bool this_boot)
{
	uint8_t boot_id[STATE_BOOT_ID];
	char message[IPC_TEXT_MAX];
	struct state *state;

	assert_int_equal(lockouts_boot_id(boot_id), 0);
	boot_id[0] ^= !this_boot;
	assert_int_equal(state_open(&state, dir, boot_id, message), STATE_NEW);
	return state;
}

static const struct settle_session *session_of(uint64_t tag)
{
	for (size_t i = 0; i < settle.sessions; i++)
		if (settle.session[i].tag == tag)
			return &settle.session[i];
	return NULL;
}

static void what_the_file_says(void **unused)
{
	struct state *state = file_of(true);
	const struct settle_session *s;

	(void)unused;
	append(state, STATE_FROZEN, 1, 0, 0, "/user.slice/session-1.scope");
	append(state, STATE_LOCKED, 1, ACTION_FREEZE, 500, "why");
	append(state, STATE_FROZEN, 1, 0, 0, "/user.slice/x.scope");
	append(state, STATE_THAWED, 1, 0, 0, "/user.slice/x.scope");
	/* Released. */
	append(state, STATE_FROZEN, 2, 0, 0, "/user.slice/session-2.scope");
	append(state, STATE_LOCKED, 2, ACTION_FREEZE, 500, "why");
	append(state, STATE_THAWED, 2, 0, 0, "/user.slice/session-2.scope");
	append(state, STATE_GONE, 2, ACTION_FREEZE, 500, "");
	/* Frozen, and the end came before the lockout was written. */
	append(state, STATE_FROZEN, 3, 0, 0, "/user.slice/session-3.scope");
	/* Being ended. */
	append(state, STATE_LOCKED, 4, ACTION_TERMINATE, 500, "why");
	/* In quarantine; that, and frozen at the moment of the end. */
	append(state, STATE_LOCKED, 5, ACTION_QUARANTINE, 500, "why");
	append(state, STATE_LOCKED, 6, ACTION_QUARANTINE, 500, "why");
	append(state, STATE_FROZEN, 6, 0, 0, "/user.slice/session-6.scope");
	state_free(state);

	assert_int_equal(settle_read(&settle, dir), 0);
	assert_int_equal(settle.sessions, 4);
	s = session_of(1);
	assert_non_null(s);
	assert_true(s && s->locked && s->scopes == 1 && s->auid == 1001);
	assert_string_equal(s ? s->scope[0] : "", "/user.slice/session-1.scope");
	assert_int_equal(settle_decide(s, ON_FAILURE_KEEP, 499), SETTLE_WAIT);
	assert_int_equal(settle_decide(s, ON_FAILURE_KEEP, 500), SETTLE_THAW);
	assert_int_equal(settle_decide(s, ON_FAILURE_THAW, 499), SETTLE_THAW);
	assert_int_equal(settle_decide(s, ON_FAILURE_TERMINATE, 499), SETTLE_TERMINATE);
	/* What is over is not ended for it. */
	assert_int_equal(settle_decide(s, ON_FAILURE_TERMINATE, 500), SETTLE_THAW);
	assert_null(session_of(2));
	assert_int_equal(settle_decide(session_of(3), ON_FAILURE_KEEP, 1), SETTLE_THAW);
	assert_int_equal(settle_decide(session_of(3), ON_FAILURE_TERMINATE, 1), SETTLE_THAW);
	assert_int_equal(settle_decide(session_of(4), ON_FAILURE_KEEP, 1), SETTLE_TERMINATE);
	assert_int_equal(settle_decide(session_of(4), ON_FAILURE_THAW, 1), SETTLE_TERMINATE);
	assert_null(session_of(5));
	assert_int_equal(settle_decide(session_of(6), ON_FAILURE_TERMINATE, 1), SETTLE_THAW);
}

static void another_boot_froze_nothing_here(void **unused)
{
	struct state *state = file_of(false);

	(void)unused;
	append(state, STATE_FROZEN, 1, 0, 0, "/user.slice/session-1.scope");
	append(state, STATE_LOCKED, 1, ACTION_FREEZE, UINT64_MAX, "why");
	state_free(state);
	assert_int_equal(settle_read(&settle, dir), 0);
	assert_int_equal(settle.sessions, 0);
	assert_int_equal(settle_read(&settle, "/nowhere/at/all"), 0);
	assert_int_equal(settle.sessions, 0);
}

static void more_sessions_than_fit_are_counted(void **unused)
{
	struct state_record record = { .kind = STATE_LOCKED, .subject.kind = SUBJECT_SESSION };

	(void)unused;
	settle = (struct settle){};
	for (uint64_t i = 0; i < SETTLE_SESSIONS_MAX + 5; i++) {
		record.subject.id = i + 1;
		assert_int_equal(settle_record(&record, 0, &settle), 0);
	}
	assert_int_equal(settle.sessions, SETTLE_SESSIONS_MAX);
	assert_int_equal(settle.refused, 5);
	record.kind = STATE_FROZEN;
	for (int i = 0; i < 2 * SESSION_SCOPES_MAX; i++) {
		record.subject.id = 1;
		(void)snprintf(record.reason, sizeof(record.reason), "/scope-%d", i);
		assert_int_equal(settle_record(&record, 0, &settle), 0);
	}
	assert_int_equal(settle.session[0].scopes, SESSION_SCOPES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_the_file_says, setup, teardown),
		cmocka_unit_test_setup_teardown(another_boot_froze_nothing_here, setup, teardown),
		cmocka_unit_test(more_sessions_than_fit_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
