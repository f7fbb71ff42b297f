/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signals about files: what is watched is told however it is written, and nothing else is.
 */
#include "signals.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static char etc[300], startup[300];

bool signals_watch(struct fixture *f, const char *folder, const char *name, uint32_t what)
{
	struct bl_watch_key key = { 0 };
	struct stat st;

	if (stat(folder, &st))
		return false;
	key.ino = st.st_ino;
	key.dev = (uint32_t)(major(st.st_dev) << 20 | minor(st.st_dev));
	(void)snprintf(key.name, sizeof(key.name), "%s", name);
	return bpf_map_update_elem(sensors_map(&f->sensors, "bl_watched"), &key, &what, BPF_ANY) ==
	       0;
}

/* Lives until the sixteenth call after. */
static char *in(const char *folder, const char *name)
{
	static char paths[16][400];
	static unsigned int next;
	char *path = paths[next++ % 16];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

int write_child(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

	return fd < 0 || write(fd, "x\n", 2) != 2;
}

static int write_it(void *arg)
{
	return write_child(arg);
}

static int read_it(void *arg)
{
	return open(arg, O_RDONLY | O_CLOEXEC) < 0;
}

struct two {
	const char *from, *to;
};

static int rename_it(void *arg)
{
	const struct two *two = arg;

	return write_child(two->from) || rename(two->from, two->to);
}

static int link_it(void *arg)
{
	const struct two *two = arg;

	return write_child(two->from) || link(two->from, two->to);
}

static int symlink_it(void *arg)
{
	const struct two *two = arg;

	return symlink(two->from, two->to);
}

/* As passwd does: a user runs it, root's file is written. */
static int by_setid(void *arg)
{
	if (become_user())
		return 98;
	execv(work_path("setid"), (char *[]){ "child:write", arg, NULL });
	return 127;
}

static bool told(struct fixture *f, child_fn fn, void *arg, enum bl_signal what, enum bl_write how,
		 const char *name)
{
	const struct bl_event_signal *e = signal_of(f, what, do_in_session(f, fn, arg));

	return e && e->task.session && e->detail == how && strcmp(e->name, name) == 0 &&
	       strcmp(e->folder, what == BL_SIGNAL_LOGIN_FILE ? "etc" : "startup") == 0;
}

static bool silent(struct fixture *f, child_fn fn, void *arg)
{
	(void)do_in_session(f, fn, arg);
	return !signals_told(f, BL_SIGNAL_LOGIN_FILE) && !signals_told(f, BL_SIGNAL_STARTUP_FILE);
}

static void test_login_files(struct fixture *f)
{
	struct two over = { in(etc, "shadow+"), in(etc, "shadow") };
	struct two other = { in(etc, "other+"), in(etc, "other") };

	check(told(f, write_it, in(etc, "shadow"), BL_SIGNAL_LOGIN_FILE, BL_WRITE_OPEN, "shadow"),
	      "files: a watched file is opened for writing, that was not there");
	check(told(f, rename_it, &over, BL_SIGNAL_LOGIN_FILE, BL_WRITE_RENAME, "shadow"),
	      "files: another one is put in its place");
	check(told(f, write_it, in(etc, "shadow"), BL_SIGNAL_LOGIN_FILE, BL_WRITE_OPEN, "shadow"),
	      "files: and that is watched as well");
	check(silent(f, read_it, in(etc, "shadow")), "files: reading is none");
	check(silent(f, write_it, in(etc, "unwatched")), "files: nor is another file beside it");
	check(silent(f, rename_it, &other), "files: nor one that is renamed there");
	check(silent(f, by_setid, in(etc, "shadow")),
	      "files: nor what a set-user-ID program writes");
	events_forget(&f->events);
	check(write_child(in(etc, "shadow")) == 0 && !signals_told(f, BL_SIGNAL_LOGIN_FILE),
	      "files: nor what root does outside of sessions");
}

static void test_startup_files(struct fixture *f)
{
	struct two hard = { in(work_dir, "job"), in(startup, "hard") };
	struct two soft = { "/nowhere", in(startup, "soft") };

	check(told(f, write_it, in(startup, "new"), BL_SIGNAL_STARTUP_FILE, BL_WRITE_OPEN, "new"),
	      "files: a new one in a watched folder");
	check(told(f, link_it, &hard, BL_SIGNAL_STARTUP_FILE, BL_WRITE_LINK, "hard"),
	      "files: a link in a watched folder");
	check(told(f, symlink_it, &soft, BL_SIGNAL_STARTUP_FILE, BL_WRITE_SYMLINK, "soft"),
	      "files: a symbolic link in a watched folder");
	check(told(f, by_setid, in(startup, "new"), BL_SIGNAL_STARTUP_FILE, BL_WRITE_OPEN, "new"),
	      "files: by a set-user-ID program as well (crontab)");
	check(silent(f, write_it, in(work_dir, "job")),
	      "files: not in a folder that is not watched");
}

void test_signal_files(struct fixture *f)
{
	(void)snprintf(etc, sizeof(etc), "%s", work_path("etc"));
	(void)snprintf(startup, sizeof(startup), "%s", work_path("startup"));
	(void)mkdir(etc, 0755);
	(void)mkdir(startup, 0755);
	(void)unlink(in(etc, "shadow"));
	(void)unlink(in(startup, "hard"));
	(void)unlink(in(startup, "soft"));
	if (!check(signals_watch(f, etc, "", 0) &&
			   signals_watch(f, etc, "shadow", BL_SIGNAL_LOGIN_FILE) &&
			   signals_watch(f, startup, "", BL_SIGNAL_STARTUP_FILE),
		   "files: watched"))
		return;
	test_login_files(f);
	test_startup_files(f);
}
