/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs a command and tells what it and its children spent, by getrusage.
 *
 * ru_maxrss of a child begins with what its parent had at fork, so the parent must be small: this
 * is.
 *
 * usage: spend OUTPUT COMMAND [ARGUMENT]...   the command's standard output goes to the file OUTPUT
 * Prints "CPU_MS PEAK_KIB WALL_MS" and ends with the command's code.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static double in_ms(struct timeval tv)
{
	return (double)tv.tv_sec * 1e3 + (double)tv.tv_usec / 1e3;
}

static void become(char **argv)
{
	int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0)
		(void)execvp(argv[2], argv + 2);
	perror(fd < 0 ? argv[1] : argv[2]);
	_exit(127);
}

int main(int argc, char **argv)
{
	struct rusage usage;
	double began;
	int status;
	pid_t pid;

	if (argc < 3) {
		(void)fprintf(stderr, "usage: spend OUTPUT COMMAND [ARGUMENT]...\n");
		return 2;
	}
	began = now_ms();
	pid = fork();
	if (pid == 0)
		become(argv);
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) {
		perror("spend");
		return 2;
	}
	printf("%.1f %ld %.1f\n", in_ms(usage.ru_utime) + in_ms(usage.ru_stime), usage.ru_maxrss,
	       now_ms() - began);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
