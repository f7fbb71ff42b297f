/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiff-recorder: keeps records, answers questions about them.
 *
 * Started by bailiffd with one socket as fd 3. Rights go first, then the files are opened, then
 * the sandbox closes: from there on nothing outside the state folder can be reached.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "privsep/privsep.h"
#include "recorder/recorder.h"

struct options {
	const char *user;
	const char *state;
};

static const char usage[] =
	"Usage: bailiff-recorder --state DIR [--user NAME]\n"
	"Started by bailiffd, with its socket as file descriptor 3; of no use alone.\n";

/* 0: go on; 1: done; -EINVAL. */
static int parse(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {
		{ "user", required_argument, NULL, 'u' },
		{ "state", required_argument, NULL, 's' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) >= 0) {
		switch (c) {
		case 'u':
			ret->user = optarg;
			break;
		case 's':
			ret->state = optarg;
			break;
		case 'v':
			puts("bailiff-recorder " BAILIFF_VERSION);
			return 1;
		case 'h':
			fputs(usage, stdout);
			return 1;
		default:
			return -EINVAL;
		}
	}
	if (optind < argc || !ret->state || !ret->state[0]) {
		fputs(usage, stderr);
		return -EINVAL;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	struct recorder recorder = { 0 };
	struct stat st;
	int r;

	log_open("bailiff-recorder");
	r = parse(argc, argv, &options);
	if (r != 0)
		return r < 0 ? 1 : 0;
	if (fstat(PRIVSEP_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		fputs("bailiff-recorder: no socket as file descriptor 3\n", stderr);
		fputs(usage, stderr);
		return 1;
	}
	(void)umask(0027);
	r = privsep_drop(options.user);
	if (r < 0) {
		(void)log_error_errno(r, "rights cannot be given up (user %s)",
				      options.user ? options.user : "unchanged");
		return 1;
	}
	r = recorder_init(&recorder, options.state, PRIVSEP_FD);
	if (r < 0)
		(void)log_error_errno(r, "start");
	else
		r = recorder_run(&recorder, options.state);
	recorder_done(&recorder);
	return r < 0 ? 1 : 0;
}
