/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs that the tests start, and how they are started and awaited.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

char work_dir[256];

static void *exec_in_thread(void *arg)
{
	char *argv[] = { "child:exit:7", NULL };

	execv("/proc/self/exe", argv);
	_exit(126);
	return arg;
}

static void *sleep_in_thread(void *arg)
{
	pause();
	return arg;
}

static int threads_run(unsigned int n, void *(*fn)(void *))
{
	pthread_t thread;

	for (unsigned int i = 0; i < n; i++)
		if (pthread_create(&thread, NULL, fn, NULL))
			return 125;
	if (fn == exec_in_thread)
		pause();
	return 5;
}

/* A service's session process without a program of its own before authentication. */
static int fork_exit(int first, int own)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(first);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 125;
	return own;
}

bool child_main(int argc, char **argv, int *ret_code)
{
	const char *mode = NULL;

	for (int i = 0; i < argc && i < 2; i++)
		if (!mode && strncmp(argv[i], "child:", 6) == 0)
			mode = argv[i] + 6;
	if (!mode)
		return false;
	if (strncmp(mode, "exit:", 5) == 0)
		*ret_code = atoi(mode + 5);
	else if (strcmp(mode, "threads") == 0)
		*ret_code = threads_run(16, sleep_in_thread);
	else if (strcmp(mode, "thread-exec") == 0)
		*ret_code = threads_run(1, exec_in_thread);
	else if (strcmp(mode, "fork-exit") == 0)
		*ret_code = fork_exit(0, 255);
	else if (strcmp(mode, "pam") == 0)
		*ret_code = pam_child();
	else if (strcmp(mode, "write") == 0)
		*ret_code = write_child(argc > 1 ? argv[1] : "");
	else if (strcmp(mode, "login") == 0)
		*ret_code = loginuid_write(1000) ? 125 : 0;
	else if (strcmp(mode, "wait") == 0)
		*ret_code = read(0, (char[1]){ 0 }, 1) < 0;
	else
		*ret_code = 124;
	return true;
}

int copy_self(const char *path, unsigned int mode)
{
	static char buf[65536];
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), out;
	ssize_t n;

	out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	if (in < 0 || out < 0)
		return -errno;
	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			return -EIO;
	/* After the write, which takes set-ID bits away. */
	if (n < 0 || fchmod(out, mode))
		return -EIO;
	close(in);
	close(out);
	return 0;
}

int work_open(void)
{
	(void)snprintf(work_dir, sizeof(work_dir), "/tmp/bpf-test.XXXXXX");
	if (!mkdtemp(work_dir) || chmod(work_dir, 0755))
		return -errno;
	return copy_self(work_path("prog"), 0755);
}

static void remove_tree(const char *path)
{
	char *argv[] = { "rm", "-rf", (char *)(uintptr_t)path, NULL };
	pid_t pid = fork();

	if (pid == 0) {
		execvp("rm", argv);
		_exit(127);
	}
	(void)wait_for(pid);
}

void work_close(void)
{
	if (work_dir[0])
		remove_tree(work_dir);
}

const char *work_path(const char *name)
{
	static char paths[4][1024];
	static unsigned int next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", work_dir, name);
	return path;
}

pid_t spawn_fn(child_fn fn, void *arg)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn(arg));
	return pid;
}

pid_t spawn_after(const char *path, char *const argv[], child_fn before, void *arg)
{
	static char *const env[] = { NULL };
	pid_t pid = fork();

	if (pid == 0) {
		if (before && before(arg))
			_exit(125);
		execve(path, argv, env);
		_exit(127);
	}
	return pid;
}

pid_t spawn(const char *path, char *const argv[])
{
	return spawn_after(path, argv, NULL, NULL);
}

int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			return -1;
	return status;
}

bool exited(int status, int code)
{
	return status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == code;
}

int loginuid_write(unsigned int uid)
{
	int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC), r = 0;
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", uid);

	if (fd < 0)
		return -errno;
	if (write(fd, text, (size_t)n) != n)
		r = -errno;
	close(fd);
	return r;
}

unsigned int proc_number(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned int n = 0;

	if (!f || fscanf(f, "%u", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n;
}

uint64_t proc_start_ticks(pid_t pid)
{
	unsigned long long ticks = 0;
	char path[64];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f ||
	    fscanf(f,
		   "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
		   "%*d %*d %*d %llu",
		   &ticks) != 1)
		ticks = 0;
	if (f)
		fclose(f);
	return ticks;
}

int gate_make(struct gate *g)
{
	return pipe2(g->fd, O_CLOEXEC) ? -errno : 0;
}

void gate_open(struct gate *g)
{
	close(g->fd[1]);
	close(g->fd[0]);
}

void gate_pass(struct gate *g)
{
	char c;

	close(g->fd[1]);
	(void)!read(g->fd[0], &c, 1);
	close(g->fd[0]);
}
