/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines of a pipe into a file.
 *
 * Only whole lines are written, so that what was recorded can be replayed wherever it ended. The
 * signals are taken while waiting and nowhere else: neither a pipe without events nor an output
 * that takes nothing keeps them waiting.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/record.h"

struct copy {
	int from, to;
	sigset_t waiting; /* the mask while waiting: without those signals */
	size_t used;
	char bytes[2 * RECORD_LINE_MAX];
	size_t last; /* length of the line before, which stands in line */
	char line[RECORD_LINE_MAX];
	struct record_count count;
	bool writing;
};

static volatile sig_atomic_t stopped;

static void on_signal(int signal)
{
	(void)signal;
	stopped = 1;
}

/* 1: ready; 0: stopped, or (at_once) nothing there; -errno. */
static int wait_for(const struct copy *copy, int fd, short events, bool at_once)
{
	const struct timespec now = { 0 };
	struct pollfd p = { .fd = fd, .events = events };
	int r;

	for (;;) {
		if (stopped && !at_once)
			return 0;
		r = ppoll(&p, 1, at_once ? &now : NULL, &copy->waiting);
		if (r >= 0)
			return r;
		if (errno != EINTR)
			return -errno;
	}
}

/*
 * A pipe that poll calls writable takes PIPE_BUF bytes without waiting. Once stopped, the output
 * gets what it takes at once: only one that stands still ends within a line. 0: it stood still.
 */
static int write_all(struct copy *copy, const char *bytes, size_t len)
{
	while (len) {
		const bool last = stopped;
		int r = wait_for(copy, copy->to, POLLOUT, last);
		ssize_t n;

		if (r == 0 && !last)
			continue;
		if (r <= 0)
			return r;
		n = write(copy->to, bytes, len < PIPE_BUF ? len : PIPE_BUF);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 1;
}

static void keep_last(struct copy *copy, const char *bytes, size_t len)
{
	const char *before = len > 1 ? memrchr(bytes, '\n', len - 1) : NULL;
	const char *begin = before ? before + 1 : bytes;

	copy->last = len - (size_t)(begin - bytes);
	if (copy->last > sizeof(copy->line))
		copy->last = 0;
	memcpy(copy->line, begin, copy->last);
}

/* Writes the whole lines there are. 1; 0: stopped, and the output stands still; -errno. */
static int write_lines(struct copy *copy)
{
	const char *end = memrchr(copy->bytes, '\n', copy->used);
	size_t len = end ? (size_t)(end - copy->bytes) + 1 : 0;
	int r;

	if (copy->used - len >= RECORD_LINE_MAX)
		return -EBADMSG;
	r = write_all(copy, copy->bytes, len);
	if (r <= 0) {
		copy->writing = true;
		return r;
	}
	for (size_t i = 0; i < len; i++)
		copy->count.events += copy->bytes[i] == '\n';
	if (len)
		keep_last(copy, copy->bytes, len);
	copy->used -= len;
	memmove(copy->bytes, copy->bytes + len, copy->used);
	return 1;
}

/* The next piece. 1; 0: nothing more, or stopped; -EPIPE: the end. */
static int read_some(struct copy *copy, bool at_once, size_t *ret_len)
{
	int r = wait_for(copy, copy->from, POLLIN, at_once);
	ssize_t n;

	*ret_len = 0;
	if (r <= 0)
		return r;
	n = read(copy->from, copy->bytes + copy->used, sizeof(copy->bytes) - copy->used);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : -errno;
	if (n == 0)
		return -EPIPE;
	copy->used += (size_t)n;
	*ret_len = (size_t)n;
	return 1;
}

static int run(struct copy *copy)
{
	size_t len, taken = 0;
	int r;

	for (;;) {
		/* What the analyst had written by the time of the signal is still taken. */
		const bool last = stopped;

		r = read_some(copy, last, &len);
		if (r == 0 && !last)
			continue;
		if (r > 0)
			r = write_lines(copy);
		taken += last ? len : 0;
		if (r <= 0 || taken >= RECORD_LAST_MAX)
			break;
	}
	if (r == -EPIPE && !copy->writing)
		return RECORD_ENDED;
	return r < 0 ? r : RECORD_STOPPED;
}

static uint64_t lost_of(const char *line, size_t len)
{
	_cleanup_free_ struct json_doc *doc = malloc(sizeof(*doc));
	uint64_t lost = 0;
	size_t at;
	int member;

	if (!doc || !len || json_parse(doc, line, len, &at) < 0)
		return 0;
	member = json_member(doc, 0, "lost");
	if (member < 0 || json_get_u64(doc, (uint32_t)member, &lost) < 0)
		return 0;
	return lost;
}

static int take_signals(const sigset_t *signals, bool take)
{
	struct sigaction action = { .sa_handler = take ? on_signal : SIG_DFL };

	for (int signal = 1; signal < NSIG; signal++)
		if (sigismember(signals, signal) == 1 && sigaction(signal, &action, NULL) < 0)
			return -errno;
	return 0;
}

int record_copy(int pipe_fd, int out_fd, const sigset_t *signals, struct record_count *ret,
		bool *ret_writing)
{
	_cleanup_free_ struct copy *copy = calloc(1, sizeof(*copy));
	int r;

	if (!copy)
		return -ENOMEM;
	copy->from = pipe_fd;
	copy->to = out_fd;
	stopped = 0;
	if (sigprocmask(SIG_SETMASK, NULL, &copy->waiting) < 0)
		return -errno;
	for (int signal = 1; signal < NSIG; signal++)
		if (sigismember(signals, signal) == 1)
			(void)sigdelset(&copy->waiting, signal);
	r = take_signals(signals, true);
	if (r < 0)
		return r;
	r = run(copy);
	(void)take_signals(signals, false);
	copy->count.lost = lost_of(copy->line, copy->last);
	*ret = copy->count;
	*ret_writing = copy->writing;
	return r;
}
