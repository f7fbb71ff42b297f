/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spawns itself N times, R rounds, and prints median, least and most of the rounds in ns per
 * fork + exec + exit + wait. In a guest under -icount shift=0 a nanosecond is an instruction, of
 * everything that runs: this program, the kernel, and whoever watches.
 *
 * usage: spawn N R
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 101

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void spawn_once(const char *self)
{
	char *const argv[] = { (char *)(size_t)self, (char *)(size_t) "child", NULL };
	char *const envp[] = { NULL };
	int status;
	pid_t pid;

	if (posix_spawn(&pid, self, NULL, NULL, argv, envp) || waitpid(pid, &status, 0) != pid ||
	    status) {
		perror("spawn");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	double round[ROUNDS_MAX];
	int spawns, rounds;

	if (argc == 2 && !strcmp(argv[1], "child"))
		_exit(0);
	if (argc != 3) {
		(void)fprintf(stderr, "usage: spawn N R\n");
		return 2;
	}
	spawns = atoi(argv[1]);
	rounds = atoi(argv[2]);
	if (spawns < 1 || rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	for (int r = 0; r < rounds; r++) {
		double began = now_ns();

		for (int i = 0; i < spawns; i++)
			spawn_once("/proc/self/exe");
		round[r] = (now_ns() - began) / spawns;
	}
	qsort(round, (size_t)rounds, sizeof(round[0]), compare);
	printf("%.0f %.0f %.0f\n", round[rounds / 2], round[0], round[rounds - 1]);
	return 0;
}
