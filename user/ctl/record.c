/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl record: the analyst's events, from a pipe that bailiffd hands out, into a file.
 */
#include "ctl/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/client.h"
#include "ctl/output.h"

int record_check(const char *path, bool force)
{
	struct stat st;

	if (strcmp(path, "-") == 0 || (lstat(path, &st) < 0 && errno == ENOENT))
		return CTL_OK;
	if (lstat(path, &st) < 0) {
		output_error("%s: %s", path, strerror(errno));
		return CTL_FAILED;
	}
	if (!S_ISREG(st.st_mode)) {
		output_error("%s is there and no regular file", path);
		return CTL_FAILED;
	}
	if (!force) {
		output_error("%s is there already; --force replaces it", path);
		return CTL_FAILED;
	}
	return CTL_OK;
}

/*
 * Always a file of our own making: one that is there may be open elsewhere, or readable by others,
 * and a recording holds every program's arguments.
 */
int record_open(const char *path, bool force, int *ret_fd)
{
	int fd = -1, r;

	if (strcmp(path, "-") == 0) {
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	} else {
		r = record_check(path, force);
		if (r != CTL_OK)
			return r;
		if (force && unlink(path) < 0 && errno != ENOENT) {
			output_error("%s: %s", path, strerror(errno));
			return CTL_FAILED;
		}
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	if (fd < 0) {
		output_error("%s: %s", path, strerror(errno));
		return CTL_FAILED;
	}
	*ret_fd = fd;
	return CTL_OK;
}

static int say_end(const char *path, const struct record_count *count, int end, bool writing)
{
	(void)fprintf(stderr, "%" PRIu64 " event%s recorded, %" PRIu64 " lost\n", count->events,
		      count->events == 1 ? "" : "s", count->lost);
	if (end == RECORD_STOPPED)
		return CTL_OK;
	if (end == RECORD_ENDED) {
		output_error("bailiffd ended the recording: it or bailiff-analyst has ended, or "
			     "somebody else records now");
		return CTL_UNREACHABLE;
	}
	if (end == -EBADMSG)
		output_error("bailiff-analyst sent a line of more than %d bytes", RECORD_LINE_MAX);
	else
		output_error("%s: %s", writing ? path : "the events cannot be read",
			     strerror(-end));
	return CTL_FAILED;
}

/* What ends a recording well; not SIGHUP where nohup had it ignored. */
static void end_signals(sigset_t *ret)
{
	struct sigaction hangup;

	(void)sigemptyset(ret);
	(void)sigaddset(ret, SIGINT);
	(void)sigaddset(ret, SIGTERM);
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		(void)sigaddset(ret, SIGHUP);
}

int record_main(const struct ctl_args *args)
{
	struct control_request request = { .op = CONTROL_RECORD };
	struct record_count count = { 0 };
	_cleanup_close_ int from = -1, to = -1;
	const char *path = args->word[0];
	bool writing = false;
	sigset_t signals;
	int r;

	end_signals(&signals);
	/* Before bailiffd is asked: asking ends the recording of somebody else. */
	r = record_check(path, args->force);
	if (r != CTL_OK)
		return r;
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0) {
		output_error("signals: %s", strerror(errno));
		return CTL_FAILED;
	}
	r = control_ask_pipe(args, &request, &from);
	if (r == CTL_OK)
		r = record_open(path, args->force, &to);
	if (r != CTL_OK)
		return r;
	r = record_copy(from, to, &signals, &count, &writing);
	return say_end(path, &count, r, writing);
}
