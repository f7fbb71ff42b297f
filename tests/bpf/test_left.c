/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Jobs that a session leaves for at and cron: what these start later is joined to it, within one
 * account, for as long as nobody else has written them.
 */
#include "lockout.h"
#include "signals.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char atjobs[300], crontabs[300], cron_cgroup[64];

/* Lives until the sixteenth call after. */
static char *in(const char *folder, const char *name)
{
	static char paths[16][400];
	static unsigned int next;
	char *path = paths[next++ % 16];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static int write_as_user(void *arg)
{
	return become_user() || write_child(arg);
}

static int write_as_root(void *arg)
{
	return write_child(arg);
}

/* As crontab does. */
static int install(void *arg)
{
	const char *table = arg;

	return write_child(in(crontabs, "tmp")) || rename(in(crontabs, "tmp"), table);
}

static int install_as_user(void *arg)
{
	return become_user() || install(arg);
}

/* root's, for the user's account */
static int install_for_user(void *arg)
{
	return write_child(in(crontabs, "tmp")) || chown(in(crontabs, "tmp"), 1000, 1000) ||
	       rename(in(crontabs, "tmp"), arg);
}

struct job {
	unsigned int uid; /* whose it is */
	const char *file; /* as atd has it open; NULL: none */
	const char *cgroup; /* NULL: where the tests run */
};

static int run_job(void *arg)
{
	const struct job *job = arg;

	if (job->cgroup && cgroup_move(job->cgroup))
		return 1;
	/* The tests' own descriptors are more than a daemon has. */
	if (job->file && dup2(open(job->file, O_RDONLY | O_CLOEXEC), 5) != 5)
		return 2;
	return loginuid_write(job->uid) ? 3 : 0;
}

/* The tag of the session that did it last; 0 if there was none. */
static uint64_t done_by(struct fixture *f, pid_t pid)
{
	const struct event *ev;

	events_drain(&f->events);
	ev = events_find(&f->events, BL_EVENT_SESSION, pid, 0);
	return ev ? ev->e->session.session : 0;
}

/* From the birth of the session that a daemon makes for the job. */
static bool joined(struct fixture *f, const struct job *job, uint64_t tag, uint16_t edge)
{
	const struct event *ev;
	pid_t pid;

	events_forget(&f->events);
	pid = spawn_fn(run_job, (void *)(uintptr_t)job);
	if (!check(exited(wait_for(pid), 0), "left: the job ran"))
		return false;
	events_drain(&f->events);
	ev = events_find(&f->events, BL_EVENT_SESSION, pid, 0);
	if (!ev)
		return false;
	if (ev->e->session.parent_session != tag ||
	    (ev->e->head.flags & BL_SESSION_EDGES) != edge) {
		note("parent %llu, flags %x", (unsigned long long)ev->e->session.parent_session,
		     ev->e->head.flags);
		return false;
	}
	return true;
}

static void test_at(struct fixture *f)
{
	struct job job = { .uid = 1000, .file = in(atjobs, "job") };
	struct job other = { .uid = 1000, .file = work_path("other") };
	char *path = in(atjobs, "job");
	uint64_t tag, later;

	tag = done_by(f, do_in_session(f, write_as_user, path));
	check(tag && joined(f, &job, tag, BL_SESSION_AT),
	      "left: a job of at is joined to the session that wrote it");
	check(write_child(other.file) == 0 && joined(f, &other, 0, 0),
	      "left: one with another file open is not");
	job.uid = 1001;
	check(joined(f, &job, 0, 0), "left: nor one of another account");
	job.uid = 1000;
	later = done_by(f, do_in_session(f, write_as_user, path));
	check(later != tag && joined(f, &job, later, BL_SESSION_AT),
	      "left: it is the last writer's");
	check(write_child(path) == 0 && joined(f, &job, 0, 0),
	      "left: or nobody's, when that was in no session");
	(void)do_in_session(f, write_as_user, path);
	(void)do_in_session(f, write_as_root, path);
	check(joined(f, &job, 0, 0), "left: nor who acted as root");
}

static void test_cron(struct fixture *f)
{
	struct job job = { .uid = 1000, .cgroup = cron_cgroup };
	struct job elsewhere = { .uid = 1000 };
	char *table = in(crontabs, "user");
	uint64_t tag;

	tag = done_by(f, do_in_session(f, install_as_user, table));
	check(tag && joined(f, &job, tag, BL_SESSION_CRON),
	      "left: cron's job is joined to the session that wrote the crontab");
	check(joined(f, &job, tag, BL_SESSION_CRON), "left: and the next one as well");
	check(joined(f, &elsewhere, 0, 0), "left: another daemon's is not");
	job.uid = 1001;
	check(joined(f, &job, 0, 0), "left: nor cron's for another account");
	job.uid = 1000;
	(void)do_in_session(f, write_as_user, in(crontabs, "draft"));
	check(joined(f, &job, tag, BL_SESSION_CRON), "left: a draft is no crontab");
	check(install_for_user(table) == 0 && joined(f, &job, 0, 0),
	      "left: nor is it the session's once root wrote another one");
	(void)do_in_session(f, install, in(crontabs, "root"));
	check(joined(f, &job, 0, 0), "left: root's crontab is not that of who became root");
}

/* In the record of its end. */
static bool marked(struct fixture *f, child_fn fn, void *arg)
{
	pid_t pid = do_in_session(f, fn, arg);
	const struct event *ev;

	events_drain(&f->events);
	ev = events_find(&f->events, BL_EVENT_SESSION, pid, 1);
	return ev && ev->e->head.flags & BL_SESSION_END && ev->e->head.flags & BL_SESSION_LEFT;
}

void test_left(struct fixture *f)
{
	(void)snprintf(atjobs, sizeof(atjobs), "%s", work_path("atjobs"));
	(void)snprintf(crontabs, sizeof(crontabs), "%s", work_path("crontabs"));
	(void)snprintf(cron_cgroup, sizeof(cron_cgroup), "/sys/fs/cgroup/cron.service");
	(void)mkdir(atjobs, 0777);
	(void)mkdir(crontabs, 0777);
	(void)chmod(work_dir, 0755);
	if (!check(!chmod(atjobs, 0777) && !chmod(crontabs, 0777) &&
			   signals_watch(f, atjobs, "", BL_SIGNAL_STARTUP_FILE | BL_WATCH_AT) &&
			   signals_watch(f, crontabs, "", BL_SIGNAL_STARTUP_FILE | BL_WATCH_CRON),
		   "left: watched"))
		return;
	(void)unlink(in(atjobs, "job"));
	test_at(f);
	check(marked(f, write_as_user, in(atjobs, "more")),
	      "left: a session that left something says so at its end");
	check(!marked(f, write_as_user, in("/tmp", "bailiff-left")), "left: and no other does");
	check(!marked(f, write_as_user, in(atjobs, ".SEQ")) &&
		      !signals_told(f, BL_SIGNAL_STARTUP_FILE),
	      "left: nor who only lets at count its jobs");
	(void)unlink(in("/tmp", "bailiff-left"));
	if (mkdir(cron_cgroup, 0755)) {
		skip("left: cron", "no cgroup can be made at /sys/fs/cgroup");
		return;
	}
	test_cron(f);
	(void)rmdir(cron_cgroup);
}
