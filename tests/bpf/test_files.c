/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exec events of files that are not plain: scripts, memfd, deleted, set-user-ID, deep paths.
 */
#include "tests.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char *const quit[] = { "child:exit:0", NULL };

static const struct bl_event_exec *run(struct fixture *f, const char *path, char *const argv[],
				       child_fn before, void *arg)
{
	const struct event *ev;
	pid_t pid;
	int status;

	events_forget(&f->events);
	pid = spawn_after(path, argv, before, arg);
	status = wait_for(pid);
	if (!exited(status, 0))
		note("%s ended with status %x", path, (unsigned int)status);
	events_drain(&f->events);
	ev = events_find(&f->events, BL_EVENT_EXEC, pid, 0);
	return ev ? &ev->e->exec : NULL;
}

static void test_script(struct fixture *f)
{
	char *argv[] = { "ignored", "arg", NULL };
	const struct bl_event_exec *e;
	FILE *script = fopen(work_path("script"), "we");

	if (!check(script != NULL, "script: can be written"))
		return;
	fprintf(script, "#!%s child:exit:0\n", work_path("prog"));
	fclose(script);
	chmod(work_path("script"), 0755);
	e = run(f, work_path("script"), argv, NULL, NULL);
	check(e && e->head.flags & BL_EXEC_SCRIPT, "script: flagged");
	check(e && strcmp(e->exe, work_path("prog")) == 0, "script: exe is the interpreter");
	check(e && strcmp(e->file, work_path("script")) == 0, "script: file is the script");
}

/* A descriptor to run; the child inherits it. */
static pid_t spawn_fd(int fd)
{
	static char *const env[] = { NULL };
	pid_t pid = fork();

	if (pid == 0) {
		fexecve(fd, quit, env);
		_exit(127);
	}
	return pid;
}

static const struct bl_event_exec *run_fd(struct fixture *f, int fd)
{
	const struct event *ev;
	pid_t pid;

	events_forget(&f->events);
	pid = spawn_fd(fd);
	if (!exited(wait_for(pid), 0))
		note("program by descriptor did not run");
	events_drain(&f->events);
	ev = events_find(&f->events, BL_EVENT_EXEC, pid, 0);
	return ev ? &ev->e->exec : NULL;
}

static void test_memfd(struct fixture *f)
{
	int fd = memfd_create("payload", 0), in = open(work_path("prog"), O_RDONLY | O_CLOEXEC);
	const struct bl_event_exec *e;
	char buf[65536];
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(fd, buf, (size_t)n) != n)
			break;
	close(in);
	e = run_fd(f, fd);
	close(fd);
	check(e && (e->head.flags & (BL_EXEC_MEMFD | BL_EXEC_DELETED | BL_EXEC_TMPFS)) ==
			      BL_EXEC_MEMFD,
	      "memfd: flagged, and as that alone");
	check(e && strcmp(e->exe, "/memfd:payload") == 0, "memfd: name (%s)", e ? e->exe : "-");
}

static void test_deleted(struct fixture *f)
{
	const struct bl_event_exec *e;
	int fd;

	copy_self(work_path("memfd:fake"), 0755);
	fd = open(work_path("memfd:fake"), O_RDONLY);
	unlink(work_path("memfd:fake"));
	e = run_fd(f, fd);
	close(fd);
	check(e && (e->head.flags & (BL_EXEC_MEMFD | BL_EXEC_DELETED)) == BL_EXEC_DELETED,
	      "deleted: flagged, even if named like a memfd");
	check(e && strcmp(e->exe, work_path("memfd:fake")) == 0, "deleted: its last path");
}

static int as_user(void *arg)
{
	(void)arg;
	return setgid(1000) || setuid(1000);
}

static void test_setuid(struct fixture *f)
{
	const struct bl_event_exec *e;

	e = run(f, work_path("prog"), quit, as_user, NULL);
	check(e && e->task.uid == 1000 && e->task.euid == 1000 && e->task.gid == 1000 &&
		      !(e->head.flags & BL_EXEC_SETUID),
	      "setuid: a plain program run by a user is not flagged");
	copy_self(work_path("suid"), 04755);
	e = run(f, work_path("suid"), quit, as_user, NULL);
	check(e && e->task.uid == 1000 && e->task.euid == 0 && e->head.flags & BL_EXEC_SETUID,
	      "setuid: uid stays, euid changes, flagged");
}

static void test_file_systems(struct fixture *f)
{
	static const struct {
		const char *type;
		uint16_t flag;
	} all[] = { { "tmpfs", BL_EXEC_TMPFS }, { "ramfs", 0 } };
	const struct bl_event_exec *e;

	mkdir(work_path("fs"), 0755);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!check(mount("none", work_path("fs"), all[i].type, 0, "mode=755") == 0 &&
				   copy_self(work_path("fs/prog"), 0755) == 0,
			   "file systems: %s", all[i].type))
			return;
		e = run(f, work_path("fs/prog"), quit, NULL, NULL);
		check(e && (e->head.flags & BL_EXEC_TMPFS) == all[i].flag,
		      "file systems: %s is %sflagged", all[i].type, all[i].flag ? "" : "not ");
		umount(work_path("fs"));
	}
}

static void test_folders(struct fixture *f)
{
	const struct bl_event_exec *e;

	mkdir(work_path("open"), 0755);
	chmod(work_path("open"), 01777);
	copy_self(work_path("open/prog"), 0755);
	e = run(f, work_path("open/prog"), quit, NULL, NULL);
	check(e && e->head.flags & BL_EXEC_WRITABLE_DIR,
	      "folder: writable by everybody is flagged");
	e = run(f, work_path("prog"), quit, NULL, NULL);
	check(e && !(e->head.flags & BL_EXEC_WRITABLE_DIR), "folder: another is not");

	mkdir(work_path("mnt"), 0755);
	if (mount("none", work_path("mnt"), "tmpfs", 0, "mode=755")) {
		skip("folder: a path across a mount", "tmpfs cannot be mounted here");
		return;
	}
	mkdir(work_path("mnt/sub"), 0755);
	copy_self(work_path("mnt/sub/prog"), 0755);
	e = run(f, work_path("mnt/sub/prog"), quit, NULL, NULL);
	check(e && strcmp(e->exe, work_path("mnt/sub/prog")) == 0,
	      "folder: a path across a mount (%s)", e ? e->exe : "-");
	umount(work_path("mnt"));
}

static int go_to_root(void *arg)
{
	(void)arg;
	return chdir("/");
}

/* depth folders with names of len bytes each, then a program in the last; ret takes its path. */
static void deep(char *ret, size_t room, unsigned int depth, unsigned int len)
{
	size_t at = (size_t)snprintf(ret, room, "%s", work_dir);

	for (unsigned int i = 0; i < depth; i++) {
		ret[at++] = '/';
		memset(ret + at, (int)('a' + i % 26), len);
		at += len;
		ret[at] = '\0';
		mkdir(ret, 0755);
	}
	(void)snprintf(ret + at, room - at, "/prog");
	copy_self(ret, 0755);
}

static void test_deep_paths(struct fixture *f)
{
	static char path[4096];
	const struct bl_event_exec *e;
	size_t full;

	e = run(f, work_path("prog"), quit, go_to_root, NULL);
	check(e && strcmp(e->cwd, "/") == 0, "path: the root folder is /");

	deep(path, sizeof(path), 5, 60);
	full = strlen(path);
	e = run(f, path, quit, NULL, NULL);
	check(e && e->head.flags & BL_EXEC_EXE_CUT && strlen(e->exe) > 190 &&
		      strcmp(e->exe, path + full - strlen(e->exe)) == 0,
	      "path: a long one (%zu bytes) keeps its end and is flagged", full);
	check(e && e->head.flags & BL_EXEC_FILE_CUT && strlen(e->file) == BL_PATH_MAX - 1 &&
		      strncmp(e->file, path, BL_PATH_MAX - 1) == 0,
	      "path: as typed it keeps its beginning and is flagged");

	deep(path, sizeof(path), 40, 2);
	full = strlen(path);
	e = run(f, path, quit, NULL, NULL);
	check(e && e->head.flags & BL_EXEC_EXE_CUT && strlen(e->exe) > 3 * 20 &&
		      strcmp(e->exe, path + full - strlen(e->exe)) == 0,
	      "path: a deep one (42 folders) keeps its end and is flagged");

	(void)snprintf(path, sizeof(path), "%s/%0255d", work_dir, 7);
	copy_self(path, 0755);
	e = run(f, path, quit, NULL, NULL);
	check(e && e->head.flags & BL_EXEC_EXE_CUT && strlen(e->exe) == 255 &&
		      strcmp(e->exe, strrchr(path, '/') + 1) == 0,
	      "path: of the longest name all 255 bytes are kept");
}

void test_exec_files(struct fixture *f)
{
	test_script(f);
	test_memfd(f);
	test_deleted(f);
	test_setuid(f);
	test_file_systems(f);
	test_folders(f);
	test_deep_paths(f);
}
