/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The session ladder on real processes: sessions of the test's own (a login uid that no account
 * has), in a cgroup of the test's own. Needs root, cgroup v2 and a kernel with login uids: 77.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "enforcer/session/cgroups.h"
#include "enforcer/session/session.h"

#define AUID (64000U) /* of nobody in particular */
#define SPINNERS 6

static char mounted[128], top[160], top_name[64];
static int root_fd = -1;

/* Counters that spinning processes raise: who still runs, raises. */
static volatile uint64_t *spin;

struct login {
	pid_t leader;
	uint32_t audit_session;
	char scope[PROCESS_CGROUP_MAX]; /* below the root of the hierarchy */
};

static void must(bool ok, const char *what)
{
	if (!ok)
		print_message("# %s: %s\n", what, strerror(errno));
	assert_true(ok);
}

static void make(const char *path)
{
	must(mkdir(path, 0755) == 0 || errno == EEXIST, path);
}

static void move(pid_t pid, const char *cgroup)
{
	char path[512], text[32];
	int fd;

	(void)snprintf(path, sizeof(path), "%s%s/cgroup.procs", mounted, cgroup);
	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	fd = open(path, O_WRONLY);
	must(fd >= 0, path);
	must(write(fd, text, strlen(text)) > 0, path);
	(void)close(fd);
}

static _Noreturn void spinner(int n)
{
	for (;;) {
		spin[n]++;
		(void)usleep(1000);
	}
}

/* Forks and goes away for ever: each child forks the next. */
static _Noreturn void hopper(int n)
{
	for (;;) {
		pid_t pid = fork();

		if (pid > 0)
			_exit(0);
		(void)setsid();
		spin[n]++;
		(void)usleep(2000);
	}
}

static _Noreturn void leader(int ready, int go)
{
	char text[16];
	int fd = open("/proc/self/loginuid", O_WRONLY);
	ssize_t n;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)snprintf(text, sizeof(text), "%u", AUID);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(1);
	(void)close(fd);
	(void)!write(ready, "r", 1);
	n = read(go, text, 1); /* the test has moved us into the scope */
	if (n != 1)
		_exit(1);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	if (fork() == 0)
		spinner(0);
	if (fork() == 0) {
		(void)setsid();
		spinner(1);
	}
	if (fork() == 0) { /* double fork */
		if (fork() == 0) {
			(void)setsid();
			spinner(2);
		}
		_exit(0);
	}
	if (fork() == 0) { /* other credentials, as with sudo */
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(1);
		spinner(3);
	}
	if (fork() == 0)
		hopper(4);
	spinner(5);
}

/* A session with its processes, in a scope of its own. */
static struct login login(void)
{
	struct login l = {};
	int ready[2], go[2];
	struct process p;
	char byte;

	must(pipe(ready) == 0 && pipe(go) == 0, "pipe");
	for (int i = 0; i < SPINNERS; i++)
		spin[i] = 0;
	l.leader = fork();
	if (l.leader == 0) {
		(void)close(ready[0]);
		(void)close(go[1]);
		leader(ready[1], go[0]);
	}
	(void)close(ready[1]);
	(void)close(go[0]);
	must(read(ready[0], &byte, 1) == 1, "leader");
	assert_int_equal(process_read(l.leader, &p), 0);
	assert_int_equal(p.auid, AUID);
	l.audit_session = p.audit_session;
	(void)snprintf(l.scope, sizeof(l.scope), "/%s/user.slice/session-%u.scope", top_name,
		       l.audit_session);
	(void)snprintf(top, sizeof(top), "%s%s", mounted, l.scope);
	make(top);
	move(l.leader, l.scope);
	must(write(go[1], "g", 1) == 1, "go");
	(void)close(ready[0]);
	(void)close(go[1]);
	for (int i = 0; i < SPINNERS; i++)
		for (int wait = 0; spin[i] == 0; wait++) {
			must(wait < 1000, "a process of the session did not start");
			(void)usleep(10000);
		}
	return l;
}

static uint32_t moving(void)
{
	uint64_t before[SPINNERS];
	uint32_t count = 0;

	for (int i = 0; i < SPINNERS; i++)
		before[i] = spin[i];
	(void)usleep(200000);
	for (int i = 0; i < SPINNERS; i++)
		count += spin[i] != before[i];
	return count;
}

/* A busy machine gives each its turn late. */
static bool all_move(void)
{
	uint64_t before[SPINNERS];
	uint32_t count = 0;

	for (int i = 0; i < SPINNERS; i++)
		before[i] = spin[i];
	for (int wait = 0; wait < 1000 && count < SPINNERS; wait++) {
		(void)usleep(10000);
		count = 0;
		for (int i = 0; i < SPINNERS; i++)
			count += spin[i] != before[i];
	}
	return count == SPINNERS;
}

/* ---- what the job reports ---- */

static struct {
	int frozen, thawed, refuse, ended;
	char exe[SESSION_EXE_MAX];
} seen;

static int on_frozen(uint64_t tag, const char *scope, bool frozen, void *arg)
{
	(void)tag;
	(void)scope;
	(void)arg;
	if (seen.refuse)
		return -EIO;
	*(frozen ? &seen.frozen : &seen.thawed) += 1;
	return 0;
}

static void on_ended(uint64_t tag, const struct process *process, const char *exe, void *arg)
{
	(void)arg;
	assert_int_equal(tag, 7);
	assert_true(process->pid > 1);
	seen.ended++;
	(void)snprintf(seen.exe, sizeof(seen.exe), "%s", exe);
}

static const struct session_report report = { .frozen = on_frozen, .ended = on_ended };

static struct session_ids ids_of(const struct login *l)
{
	struct session_ids ids = { .tag = 7, .count = 1 };

	ids.id[0].tag = 7;
	ids.id[0].auid = AUID;
	ids.id[0].audit_session = l->audit_session;
	return ids;
}

static int run(struct session_job *job, uint64_t limit_ns)
{
	uint64_t end = clock_boot_ns() + limit_ns;
	int r;

	do {
		r = session_job_step(job, clock_boot_ns());
		if (r != SESSION_RUNNING)
			return r;
		(void)usleep(20000);
	} while (clock_boot_ns() < end);
	return r;
}

static void reap(const struct login *l)
{
	char path[512];

	(void)kill(l->leader, SIGKILL);
	(void)waitpid(l->leader, NULL, 0);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	(void)snprintf(path, sizeof(path), "%s%s", mounted, l->scope);
	for (int i = 0; rmdir(path) < 0 && i < 100; i++)
		(void)usleep(20000);
}

static int kill_one(pid_t pid, void *arg)
{
	(void)arg;
	(void)kill(pid, SIGKILL);
	return 0;
}

/* Whatever a test left, also one that failed: so that the next begins with nothing. */
static int nothing_left(void **unused)
{
	char path[PROCESS_CGROUP_MAX];

	(void)unused;
	(void)snprintf(path, sizeof(path), "/%s", top_name);
	(void)cgroup_freeze(root_fd, path, true);
	(void)usleep(100000);
	(void)cgroup_pids(root_fd, path, kill_one, NULL);
	(void)cgroup_freeze(root_fd, path, false);
	(void)usleep(100000);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return 0;
}

/* ---- tests ---- */

static void terminates_everything(void **unused)
{
	_cleanup_(session_job_freep) struct session_job *job = NULL;
	struct login l = login();
	struct session_ids ids = ids_of(&l);
	char elsewhere[200], path[512], text[IPC_TEXT_MAX];
	pid_t stranger = fork();
	bool frozen = true;

	(void)unused;
	if (stranger == 0) { /* no login uid, beside the scope */
		(void)pause();
		_exit(0);
	}
	/* One of the session's processes has left its scope. */
	(void)snprintf(elsewhere, sizeof(elsewhere), "/%s/elsewhere", top_name);
	(void)snprintf(path, sizeof(path), "%s%s", mounted, elsewhere);
	make(path);
	move(stranger, elsewhere);
	{
		pid_t moved = 0;
		char list[512];
		FILE *file;

		(void)snprintf(list, sizeof(list), "%s%s/cgroup.procs", mounted, l.scope);
		file = fopen(list, "r");
		must(file != NULL, list);
		while (fscanf(file, "%d", &moved) == 1 && moved == l.leader)
			;
		(void)fclose(file);
		must(moved > 0, "a second process");
		move(moved, elsewhere);
	}
	memset(&seen, 0, sizeof(seen));
	assert_true(all_move());
	assert_int_equal(session_job_new(&job, root_fd, &ids, ACTION_TERMINATE, &report), 0);
	assert_int_equal(run(job, 8 * NSEC_PER_SEC), SESSION_ENDED);
	assert_int_equal(moving(), 0);
	assert_true(seen.ended >= SPINNERS);
	/* The scope, and for a moment the cgroup outside. Every freeze has its thaw. */
	assert_true(seen.frozen > 1);
	assert_int_equal(seen.thawed, seen.frozen);
	assert_non_null(strstr(seen.exe, "session_root"));
	session_job_text(job, text);
	assert_non_null(strstr(text, ", 0 left"));
	assert_int_equal(cgroup_is_frozen(root_fd, l.scope, &frozen), 0);
	assert_false(frozen);
	assert_int_equal(kill(stranger, 0), 0);
	assert_int_equal(waitpid(stranger, NULL, WNOHANG), 0);
	(void)kill(stranger, SIGKILL);
	(void)waitpid(stranger, NULL, 0);
	reap(&l);
	(void)rmdir(path);
}

static void freezes_and_thaws(void **unused)
{
	_cleanup_(session_job_freep) struct session_job *job = NULL;
	struct login l = login();
	struct session_ids ids = ids_of(&l);
	bool frozen = false;

	(void)unused;
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(session_job_new(&job, root_fd, &ids, ACTION_FREEZE, &report), 0);
	assert_int_equal(session_job_step(job, clock_boot_ns()), SESSION_HELD);
	(void)usleep(100000);
	assert_int_equal(moving(), 0);
	assert_int_equal(cgroup_is_frozen(root_fd, l.scope, &frozen), 0);
	assert_true(frozen);
	/* Thawed by somebody else: the next look freezes again. */
	assert_int_equal(cgroup_freeze(root_fd, l.scope, false), 0);
	assert_int_equal(session_job_step(job, clock_boot_ns()), SESSION_HELD);
	(void)usleep(100000);
	assert_int_equal(moving(), 0);
	assert_int_equal(session_job_thaw(job), 0);
	assert_true(all_move());
	assert_int_equal(seen.ended, 0);
	/* From frozen to ended. */
	assert_int_equal(session_job_step(job, clock_boot_ns()), SESSION_HELD);
	session_job_terminate(job);
	assert_int_equal(run(job, 8 * NSEC_PER_SEC), SESSION_ENDED);
	assert_int_equal(moving(), 0);
	assert_int_equal(cgroup_is_frozen(root_fd, l.scope, &frozen), 0);
	assert_false(frozen);
	reap(&l);
}

static void strangers_in_the_scope_live(void **unused)
{
	_cleanup_(session_job_freep) struct session_job *job = NULL;
	struct login l = login();
	struct session_ids ids = ids_of(&l);
	int ready[2];
	pid_t stranger;
	bool frozen = true;
	char byte;

	(void)unused;
	must(pipe(ready) == 0, "pipe");
	stranger = fork();
	if (stranger == 0) { /* another login, moved into this scope by root */
		int fd = open("/proc/self/loginuid", O_WRONLY);

		if (fd < 0 || write(fd, "64001", 5) < 0)
			_exit(1);
		(void)!write(ready[1], "r", 1);
		for (;;) {
			spin[SPINNERS]++;
			(void)usleep(1000);
		}
	}
	must(read(ready[0], &byte, 1) == 1, "stranger");
	move(stranger, l.scope);
	memset(&seen, 0, sizeof(seen));
	/* Held: stopped one by one, the stranger runs on. */
	assert_int_equal(session_job_new(&job, root_fd, &ids, ACTION_FREEZE, &report), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(session_job_step(job, clock_boot_ns()), SESSION_HELD);
		(void)usleep(20000);
	}
	/* The scope is not theirs alone: frozen for moments only. */
	assert_int_equal(seen.frozen, seen.thawed);
	assert_int_equal(moving(), 0);
	{
		uint64_t before = spin[SPINNERS];

		(void)usleep(100000);
		assert_true(spin[SPINNERS] > before);
	}
	assert_int_equal(session_job_thaw(job), 0);
	assert_true(all_move());
	session_job_terminate(job);
	assert_int_equal(run(job, 8 * NSEC_PER_SEC), SESSION_ENDED);
	assert_int_equal(moving(), 0);
	assert_int_equal(waitpid(stranger, NULL, WNOHANG), 0);
	assert_int_equal(cgroup_is_frozen(root_fd, l.scope, &frozen), 0);
	assert_false(frozen);
	(void)kill(stranger, SIGKILL);
	(void)waitpid(stranger, NULL, 0);
	(void)close(ready[0]);
	(void)close(ready[1]);
	reap(&l);
}

static void freeze_that_cannot_be_written_down(void **unused)
{
	_cleanup_(session_job_freep) struct session_job *job = NULL;
	struct login l = login();
	struct session_ids ids = ids_of(&l);
	char text[IPC_TEXT_MAX], path[512];
	bool frozen = true;
	int r;

	(void)unused;
	memset(&seen, 0, sizeof(seen));
	seen.refuse = 1;
	assert_int_equal(session_job_new(&job, root_fd, &ids, ACTION_TERMINATE, &report), 0);
	r = run(job, 12 * NSEC_PER_SEC);
	session_job_text(job, text);
	assert_non_null(strstr(text, "could not be frozen"));
	/* Before 5.14 what forks without end can then outrun the killing; but not unnoticed. */
	(void)snprintf(path, sizeof(path), "%s%s/cgroup.kill", mounted, l.scope);
	if (r == SESSION_STUCK && access(path, F_OK) < 0)
		assert_null(strstr(text, ", 0 left"));
	else
		assert_int_equal(r, SESSION_ENDED);
	assert_true(moving() == (r == SESSION_STUCK));
	assert_int_equal(cgroup_is_frozen(root_fd, l.scope, &frozen), 0);
	assert_false(frozen);
	reap(&l);
}

static void given_up_half_way_is_not_left_frozen(void **unused)
{
	struct session_job *job = NULL;
	struct login l = login();
	struct session_ids ids = ids_of(&l);
	bool frozen = true;

	(void)unused;
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(session_job_new(&job, root_fd, &ids, ACTION_TERMINATE, &report), 0);
	assert_int_equal(session_job_step(job, clock_boot_ns()), SESSION_RUNNING);
	session_job_free(job);
	assert_int_equal(cgroup_is_frozen(root_fd, l.scope, &frozen), 0);
	assert_false(frozen);
	reap(&l);
}

static void not_the_session_that_one_is_in(void **unused)
{
	pid_t pid = fork();
	int status;

	(void)unused;
	if (pid == 0) {
		struct session_job *job = NULL;
		struct process self;
		struct login l = {};
		struct session_ids ids;
		int fd = open("/proc/self/loginuid", O_WRONLY);

		if (fd < 0 || write(fd, "64000", 5) < 0 || process_read(getpid(), &self) < 0)
			_exit(1);
		l.audit_session = self.audit_session;
		ids = ids_of(&l);
		_exit(session_job_new(&job, root_fd, &ids, ACTION_TERMINATE, &report) == -EBUSY
			      ? 0
			      : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static bool can_log_in(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int fd = open("/proc/self/loginuid", O_WRONLY);

		_exit(fd < 0 || write(fd, "64000", 5) < 0);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(terminates_everything, nothing_left),
		cmocka_unit_test_teardown(freezes_and_thaws, nothing_left),
		cmocka_unit_test_teardown(strangers_in_the_scope_live, nothing_left),
		cmocka_unit_test_teardown(freeze_that_cannot_be_written_down, nothing_left),
		cmocka_unit_test_teardown(given_up_half_way_is_not_left_frozen, nothing_left),
		cmocka_unit_test_teardown(not_the_session_that_one_is_in, nothing_left),
	};
	char path[768];
	int r;

	if (geteuid() != 0 || !can_log_in() || cgroup_mount(mounted, sizeof(mounted)) < 0)
		return 77;
	(void)snprintf(top_name, sizeof(top_name), "bailiff-unit-%d", (int)getpid());
	(void)snprintf(path, sizeof(path), "%s/%s", mounted, top_name);
	if (mkdir(path, 0755) < 0)
		return 77;
	(void)snprintf(path, sizeof(path), "%s/%s/user.slice", mounted, top_name);
	if (mkdir(path, 0755) < 0)
		return 77;
	root_fd = cgroup_open_root();
	spin = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	/* Orphans of the double fork come here, so that they are reaped and none outlives us. */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	/* What a test that failed has left behind is in our own cgroup. */
	(void)snprintf(path, sizeof(path), "/%s", top_name);
	(void)cgroup_kill(root_fd, path);
	(void)usleep(100000);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	(void)snprintf(path, sizeof(path), "rmdir %s/%s/*/* %s/%s/* %s/%s 2>/dev/null", mounted,
		       top_name, mounted, top_name, mounted, top_name);
	(void)!system(path);
	return r;
}
