/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log sources: files that are followed by offset, pipes of journal readers.
 *
 * A rotated file is not dropped at once: its writer keeps it open until it is told of the rotation,
 * so it is read beside its successor for LIVE_OLD_FILE_NS, and first.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyst/live/live.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

int live_source_on_record(const struct log_record *record, void *arg)
{
	struct live *live = arg;

	pipeline_log_record(live->pipeline, record);
	return 0;
}

static void tap_close(struct tap *tap)
{
	tap->reader = log_reader_free(tap->reader);
	base_closep(&tap->follower.fd);
	tap->follower = (struct log_follower){ .fd = -1 };
}

/* What is in the file by now was not written just now. */
static void tap_is_old(struct tap *tap, enum log_age age)
{
	struct stat st;

	if (fstat(tap->follower.fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	tap->follower.old_until = st.st_size > 0 ? (uint64_t)st.st_size : 0;
	tap->follower.old_age = age;
}

/* A line that the file ended with, without a newline, is a line all the same. */
static void tap_finish(struct live_source *source, struct tap *tap)
{
	if (tap->reader)
		(void)log_reader_finish(tap->reader, clock_boot_ns(), live_source_on_record,
					source->live);
	live_source_keep(source, tap);
	tap_close(tap);
}

static void on_filter_error(const char *text, void *arg)
{
	(void)arg;
	log_error("%s", text);
}

static enum log_format format_of(uint32_t kind)
{
	if (kind == IPC_SOURCE_JOURNAL)
		return LOG_JOURNAL_EXPORT;
	return kind == IPC_SOURCE_FILE ? LOG_LINES : LOG_DATAGRAMS;
}

int live_source_add(struct live *live, const struct ipc_source *message, int fd)
{
	_cleanup_close_ int owned = fd;
	struct live_source *source;
	const char *slash = strrchr(message->path, '/');
	int r;

	if (live->sources == LIVE_SOURCES_MAX) {
		log_error("%s is not read: %d log sources are the most", message->path,
			  LIVE_SOURCES_MAX);
		return 0;
	}
	r = pipeline_add_source(live->pipeline, message, on_filter_error, NULL);
	if (r == -E2BIG) {
		log_error("%s is not read: too many log sources", message->path);
		return 0;
	}
	if (r < 0)
		return r;
	live->refused += (unsigned int)r;

	source = &live->source[live->sources];
	*source = (struct live_source){
		.live = live,
		.id = message->id,
		.kind = message->kind,
		.tap = { .follower = { .fd = -1, .offset = message->offset } },
		.old = { .follower = { .fd = -1 } },
		.skipped = message->skipped,
	};
	if (message->kind == IPC_SOURCE_JOURNAL)
		text_copy(source->name, sizeof(source->name), "journal");
	else
		text_copy(source->name, sizeof(source->name), slash ? slash + 1 : message->path);
	text_copy(source->path, sizeof(source->path), message->path);
	r = log_reader_new(&source->tap.reader, source->id, format_of(message->kind));
	if (r < 0)
		return r;
	source->tap.follower.fd = TAKE_FD(owned);
	tap_is_old(&source->tap, LOG_BACKLOG);
	live->sources++;
	live_source_gaps(source, message->gaps);
	return 0;
}

/* ---- pipes ---- */

void live_source_end(struct live_source *source, const char *what, const char *why)
{
	source->io = loop_remove(source->io);
	base_closep(&source->tap.follower.fd);
	source->tap.follower.fd = -1;
	log_reader_restart(source->tap.reader);
	live_tell_source(source->live, source, "%s (%s)", what, why);
}

/* Bytes read, 0 at the end, -errno. */
static ssize_t pipe_read(struct live_source *source)
{
	char bytes[LIVE_PIPE_TURN];
	ssize_t n;

	n = read(source->tap.follower.fd, bytes, sizeof(bytes));
	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	source->full = n == (ssize_t)sizeof(bytes);
	if (n > 0)
		(void)log_reader_feed(source->tap.reader, bytes, (size_t)n, clock_boot_ns(),
				      live_source_on_record, source->live);
	return n;
}

static int on_pipe(struct loop_source *io, int fd, uint32_t events, void *arg)
{
	struct live_source *source = arg;
	ssize_t n;

	(void)io;
	(void)fd;
	(void)events;
	n = pipe_read(source);
	if (n == 0)
		live_source_end(source, "the journal's reader ended", "end of file");
	else if (n < 0 && n != -EAGAIN)
		live_source_end(source, "the journal's reader ended", strerror((int)-n));
	return peers_update(source->live);
}

/* What the last reader wrote before it ended, at most a pipe's content. */
static void pipe_drain(struct live_source *source)
{
	struct pollfd p = { .fd = source->tap.follower.fd, .events = POLLIN };

	for (int i = 0; p.fd >= 0 && i < 16 && poll(&p, 1, 0) > 0 && p.revents & POLLIN; i++)
		if (pipe_read(source) <= 0)
			break;
}

static int pipe_start(struct live_source *source)
{
	return loop_add_io(source->live->loop, source->tap.follower.fd, EPOLLIN, on_pipe, source,
			   &source->io);
}

int live_sources_start(struct live *live)
{
	for (unsigned int i = 0; i < live->sources; i++) {
		struct live_source *source = &live->source[i];
		int r = 0;

		if (source->kind == IPC_SOURCE_JOURNAL)
			r = pipe_start(source);
		else if (source->kind != IPC_SOURCE_FILE)
			r = live_socket_start(source);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- switching ---- */

static struct live_source *source_find(struct live *live, uint32_t id)
{
	for (unsigned int i = 0; i < live->sources; i++)
		if (live->source[i].id == id)
			return &live->source[i];
	return NULL;
}

static int switch_pipe(struct live_source *source, int fd)
{
	pipe_drain(source);
	if (source->io)
		source->io = loop_remove(source->io);
	base_closep(&source->tap.follower.fd);
	log_reader_restart(source->tap.reader);
	source->tap.follower.fd = fd;
	source->malformed_told = false;
	source->rotations++;
	live_tell_source(source->live, source, "the journal is read by a new reader");
	return pipe_start(source);
}

/*
 * Reads at most LIVE_FILE_TURN bytes, for about budget_ns: whatever a line costs (its writer
 * chooses that), rings and timers are looked at again soon. true: there is more.
 */
static bool tap_follow(struct live_source *source, struct tap *tap, uint64_t now_ns,
		       uint64_t budget_ns)
{
	uint64_t begin_ns = clock_boot_ns();
	size_t done = 0;
	int n;

	if (!tap->reader || tap->follower.fd < 0)
		return false;
	do {
		n = log_follow(&tap->follower, tap->reader, LIVE_FILE_PIECE, now_ns,
			       live_source_on_record, source->live);
		done += n > 0 ? (size_t)n : 0;
	} while (n == LIVE_FILE_PIECE && done < LIVE_FILE_TURN &&
		 clock_boot_ns() - begin_ns < budget_ns);
	/* The position of the shared descriptor tells bailiffd from where a new analyst goes on. */
	if (done)
		(void)lseek(tap->follower.fd, (off_t)tap->follower.offset, SEEK_SET);
	if (n < 0 && !source->failing)
		live_tell_source(source->live, source, "cannot be read: %s", strerror(-n));
	source->failing = n < 0;
	return n == LIVE_FILE_PIECE;
}

static int switch_file(struct live_source *source, const struct ipc_source_fd *message, int fd)
{
	_cleanup_close_ int owned = fd;
	struct log_reader *reader;
	int r;

	r = log_reader_new(&reader, source->id, LOG_LINES);
	if (r < 0)
		return r;
	/* Rotated twice within LIVE_OLD_FILE_NS: one more look, then the oldest is let go. */
	if (source->old.reader) {
		for (int i = 0; i < LIVE_LAST_TURNS; i++)
			if (!tap_follow(source, &source->old, clock_boot_ns(), LIVE_FILE_NS))
				break;
		tap_finish(source, &source->old);
	}
	source->old = source->tap;
	source->old_until_ns = clock_boot_ns() + LIVE_OLD_FILE_NS;
	source->tap.reader = reader;
	source->tap.follower =
		(struct log_follower){ .fd = TAKE_FD(owned), .offset = message->offset };
	source->skipped += message->skipped;
	tap_is_old(&source->tap, LOG_NEW_FILE);
	source->past_truncations += source->truncations;
	source->truncations = source->cut = 0;
	source->rotations++;
	source->live->files_waiting = true;
	return live_turn(source->live);
}

int live_source_switch(struct live *live, const struct ipc_source_fd *message, int fd)
{
	struct live_source *source = source_find(live, message->id);

	/* One that was refused at set-up for want of room. */
	if (!source) {
		(void)close(fd);
		return 0;
	}
	pipeline_source_attested(live->pipeline, message->id, message->attested);
	if (message->how == IPC_ROTATED_NOT) {
		(void)close(fd);
		return 0;
	}
	if (source->kind == IPC_SOURCE_JOURNAL)
		return switch_pipe(source, fd);
	if (source->kind == IPC_SOURCE_FILE) {
		const char *slash = strrchr(message->path, '/');

		text_copy(source->path, sizeof(source->path), message->path);
		if (slash)
			text_copy(source->name, sizeof(source->name), slash + 1);
		live_source_gaps(source, message->gaps);
		return switch_file(source, message, fd);
	}
	log_error("bailiffd sent a file in the place of a socket");
	(void)close(fd);
	return -EPROTO;
}

/* ---- following ---- */

/* The file before a rotation comes first. true: there is more. */
static bool file_follow(struct live_source *source, uint64_t now_ns)
{
	if (source->old.reader) {
		if (tap_follow(source, &source->old, now_ns, LIVE_FILE_NS))
			return true;
		if (now_ns >= source->old_until_ns)
			tap_finish(source, &source->old);
	}
	return tap_follow(source, &source->tap, now_ns, LIVE_FILE_NS);
}

bool live_sources_follow(struct live *live, uint64_t now_ns)
{
	unsigned int first = live->next_source;
	uint64_t begin_ns = clock_boot_ns();
	bool any = false;

	for (unsigned int i = 0; i < live->sources; i++) {
		unsigned int at = (first + i) % live->sources;
		struct live_source *source = &live->source[at];

		if (source->kind != IPC_SOURCE_FILE)
			continue;
		/* The others' turn comes before this one's next. */
		if (clock_boot_ns() - begin_ns >= LIVE_FILES_NS) {
			live->next_source = at;
			return true;
		}
		any = file_follow(source, now_ns) || any;
	}
	return any;
}

void live_sources_done(struct live *live)
{
	for (unsigned int i = 0; i < live->sources; i++) {
		if (live->source[i].io)
			live->source[i].io = loop_remove(live->source[i].io);
		tap_close(&live->source[i].tap);
		tap_close(&live->source[i].old);
	}
}
