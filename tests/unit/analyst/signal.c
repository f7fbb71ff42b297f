/* SPDX-License-Identifier: GPL-2.0-only */
/* Signals: which exec is one, how many are told, and what they say. */
#include <stdio.h>

#include <bailiff/lockout.h>

#include "analyst/signal/signal.h"
#include "story.h"
#include "unit.h"

static const uint64_t seed[2] = { 1, 2 };

static void exec_of(union bl_event *e, const char *exe, uint64_t session, uint32_t uid,
		    uint16_t flags, uint64_t at_ns)
{
	story_head(e, BL_EVENT_EXEC, BL_EXEC_SMALL_LEN, at_ns);
	story_task(&e->exec.task, 600, 500);
	e->exec.task.session = session;
	e->exec.task.auid = session ? 1000 : BL_UNSET;
	e->exec.task.uid = uid;
	e->head.flags = flags;
	(void)snprintf(e->exec.exe, sizeof(e->exec.exe), "%s", exe);
}

static void kinds_of_exec(void **state)
{
	_cleanup_(signals_freep) struct signals *signals = NULL;
	struct signal told[SIGNAL_PER_EVENT];
	union bl_event e;

	(void)state;
	assert_int_equal(signals_new(&signals, seed), 0);
	exec_of(&e, "/usr/bin/ls", 7, 1000, BL_EXEC_SETUID | BL_EXEC_SCRIPT, 10);
	assert_int_equal(signals_of(signals, &e, told), 0);
	exec_of(&e, "/dev/shm/x", 7, 1000, BL_EXEC_DELETED | BL_EXEC_WRITABLE_DIR | BL_EXEC_TMPFS,
		11);
	assert_int_equal(signals_of(signals, &e, told), 3);
	assert_int_equal(told[0].what, BL_SIGNAL_EXEC_DELETED);
	assert_int_equal(told[1].what, BL_SIGNAL_EXEC_WRITABLE);
	assert_int_equal(told[2].what, BL_SIGNAL_EXEC_TMPFS);
	assert_int_equal(told[2].session, 7);
	assert_int_equal(told[2].at_ns, 11);
	assert_string_equal(told[2].text, "exec-tmpfs: /dev/shm/x lies on a tmpfs");
	/* Outside of sessions it is some service's own matter. */
	exec_of(&e, "/dev/shm/x", 0, 1000, BL_EXEC_TMPFS, 12);
	assert_int_equal(signals_of(signals, &e, told), 0);
	signals_want(signals, SIGNALS_ALL & ~(1U << BL_SIGNAL_EXEC_TMPFS));
	exec_of(&e, "/dev/shm/x", 7, 1000, BL_EXEC_WRITABLE_DIR | BL_EXEC_TMPFS, 13);
	assert_int_equal(signals_of(signals, &e, told), 1);
	assert_int_equal(told[0].what, BL_SIGNAL_EXEC_WRITABLE);
}

static unsigned int shell(struct signals *signals, const char *exe, uint32_t uid, uint32_t ppid)
{
	struct signal told[SIGNAL_PER_EVENT];
	union bl_event e;

	exec_of(&e, exe, 0, uid, 0, 10);
	e.exec.task.ppid = ppid;
	return signals_of(signals, &e, told);
}

static void service_shells(void **state)
{
	_cleanup_(signals_freep) struct signals *signals = NULL;
	struct signal told[SIGNAL_PER_EVENT];
	union bl_event e;

	(void)state;
	assert_int_equal(signals_new(&signals, seed), 0);
	assert_int_equal(shell(signals, "/usr/bin/dash", 33, 800), 1);
	assert_int_equal(shell(signals, "/bin/busybox", 999, 800), 1);
	assert_int_equal(shell(signals, "/usr/bin/bash", 65534, 800), 1);
	assert_int_equal(shell(signals, "/usr/bin/bash", 61184, 800), 1);
	assert_int_equal(shell(signals, "/usr/bin/dashboard", 33, 800), 0);
	assert_int_equal(shell(signals, "/usr/bin/bash", 0, 800), 0);
	assert_int_equal(shell(signals, "/usr/bin/bash", 1000, 800), 0);
	assert_int_equal(shell(signals, "/usr/bin/bash", 33, 1), 0);
	/* cron's: it has a login uid. */
	exec_of(&e, "/usr/bin/bash", 0, 33, 0, 10);
	e.exec.task.ppid = 800;
	e.exec.task.auid = 33;
	assert_int_equal(signals_of(signals, &e, told), 0);
}

static void too_many(void **state)
{
	_cleanup_(signals_freep) struct signals *signals = NULL;
	struct signal told[SIGNAL_PER_EVENT];
	unsigned int count = 0;
	union bl_event e;

	(void)state;
	assert_int_equal(signals_new(&signals, seed), 0);
	for (unsigned int i = 0; i < 100; i++) {
		exec_of(&e, "/tmp/x", 7, 1000, BL_EXEC_WRITABLE_DIR, 1000 + i);
		count += signals_of(signals, &e, told);
	}
	assert_int_equal(count, BL_SIGNAL_BURST);
	assert_int_equal(signals_refused(signals), 100 - BL_SIGNAL_BURST);
	/* Another session has its own measure, another kind too, and time renews it. */
	exec_of(&e, "/tmp/x", 8, 1000, BL_EXEC_WRITABLE_DIR, 1100);
	assert_int_equal(signals_of(signals, &e, told), 1);
	exec_of(&e, "/tmp/x", 7, 1000, BL_EXEC_DELETED, 1100);
	assert_int_equal(signals_of(signals, &e, told), 1);
	exec_of(&e, "/tmp/x", 7, 1000, BL_EXEC_WRITABLE_DIR, 1000 + BL_SIGNAL_WINDOW_NS);
	assert_int_equal(signals_of(signals, &e, told), 1);
	/* An event that is older than the window's begin does not renew it. */
	exec_of(&e, "/tmp/x", 7, 1000, BL_EXEC_WRITABLE_DIR, 5);
	assert_int_equal(signals_of(signals, &e, told), 1);
}

static const char *text_of(struct signals *signals, const union bl_event *e,
			   struct signal told[SIGNAL_PER_EVENT])
{
	assert_int_equal(signals_of(signals, e, told), 1);
	assert_int_equal(told->what, e->signal.what);
	return told->text;
}

static void texts(void **state)
{
	_cleanup_(signals_freep) struct signals *signals = NULL;
	struct signal told[SIGNAL_PER_EVENT];
	union bl_event e;

	(void)state;
	assert_int_equal(signals_new(&signals, seed), 0);
	story_signal(&e, BL_SIGNAL_LOGIN_FILE, 7, 10);
	strcpy(e.signal.name, "passwd");
	strcpy(e.signal.folder, "/");
	strcpy(e.signal.above, "/");
	e.signal.detail = 77;
	assert_string_equal(text_of(signals, &e, told), "login-file: /passwd written, by evil");
	strcpy(e.signal.folder, "etc");
	e.signal.detail = BL_WRITE_RENAME;
	assert_string_equal(text_of(signals, &e, told),
			    "login-file: /etc/passwd replaced, by evil");
	strcpy(e.signal.above, "chroot");
	e.signal.detail = BL_WRITE_LINK;
	assert_string_equal(text_of(signals, &e, told),
			    "login-file: chroot/etc/passwd linked, by evil");
	story_signal(&e, BL_SIGNAL_BPF, 7, 10);
	assert_string_equal(text_of(signals, &e, told),
			    "bpf-load: without a name (type 0), by evil");
	story_signal(&e, BL_SIGNAL_GAIN, 7, 10);
	e.signal.detail = BL_GAIN_CAPS;
	assert_string_equal(text_of(signals, &e, told),
			    "privilege-gain: capabilities of root's without an exec, by evil");
	/* The longest of everything fits. */
	story_signal(&e, BL_SIGNAL_STARTUP_FILE, 7, 10);
	memset(e.signal.name, 'n', sizeof(e.signal.name) - 1);
	memset(e.signal.folder, 'f', sizeof(e.signal.folder) - 1);
	memset(e.signal.above, 'a', sizeof(e.signal.above) - 1);
	e.signal.detail = BL_WRITE_OPEN;
	assert_non_null(strstr(text_of(signals, &e, told), "opened for writing, by evil"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_of_exec),
		cmocka_unit_test(service_shells),
		cmocka_unit_test(too_many),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
