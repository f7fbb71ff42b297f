/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The program's own messages: one line each, whatever was in the arguments.
 */
#include "base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define TEXT_MAX 2048 /* of one message before escaping; the rest is cut */
#define SAFE_MAX (4 * TEXT_MAX)

static struct {
	const char *program;
	int level;
	bool journal;
	log_sink_fn sink;
	void *arg;
} logger = { .program = "bailiff", .level = LOG_INFO };

/* systemd sets JOURNAL_STREAM to "device:inode" of the stream; a shell that redirected stderr
 * still has the variable, hence the comparison. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char *end;
	unsigned long long device, inode;
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	errno = 0;
	device = strtoull(stream, &end, 10);
	if (errno || *end != ':')
		return false;
	inode = strtoull(end + 1, &end, 10);
	return !errno && !*end && device == st.st_dev && inode == st.st_ino;
}

void log_open(const char *program)
{
	logger.program = program;
	logger.journal = stderr_is_journal();
}

void log_set_level(int level)
{
	logger.level = level;
}

void log_set_sink(log_sink_fn sink, void *arg)
{
	logger.sink = sink;
	logger.arg = arg;
}

/* One write, so that lines of several processes do not mix; stderr may be a pipe that is gone. */
static void write_line(int level, const char *text, size_t len)
{
	_cleanup_(buf_done) struct buf line = BUF_INIT(SAFE_MAX + 256);
	ssize_t written;

	if (logger.journal)
		buf_printf(&line, "<%d>", level);
	else
		buf_printf(&line, "%s: ", logger.program);
	buf_add(&line, text, len);
	buf_putc(&line, '\n');
	if (!line.data)
		return;
	do {
		written = write(STDERR_FILENO, line.data, line.len);
	} while (written < 0 && errno == EINTR);
}

static void put(int level, int error, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));
static void put(int level, int error, const char *format, va_list args)
{
	_cleanup_(buf_done) struct buf safe = BUF_INIT(SAFE_MAX);
	char text[TEXT_MAX];
	int len;

	if (level > logger.level)
		return;
	len = vsnprintf(text, sizeof(text), format, args);
	if (len < 0)
		return;
	buf_put_safe(&safe, text, strlen(text));
	if ((size_t)len >= sizeof(text))
		buf_puts(&safe, " (cut)");
	if (error)
		buf_printf(&safe, ": %s", strerror(-error));
	if (!safe.data)
		return;
	if (logger.sink)
		logger.sink(logger.arg, level, safe.data);
	else
		write_line(level, safe.data, safe.len);
}

void log_write(int level, const char *format, ...)
{
	int saved = errno;
	va_list args;

	va_start(args, format);
	put(level, 0, format, args);
	va_end(args);
	errno = saved;
}

int log_write_errno(int level, int error, const char *format, ...)
{
	int saved = errno;
	va_list args;

	va_start(args, format);
	put(level, error, format, args);
	va_end(args);
	errno = saved;
	return error;
}
