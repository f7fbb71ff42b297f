/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The program's own messages. To stderr with syslog priority marks where stderr is the journal
 * (JOURNAL_STREAM), plain otherwise; a sandboxed process sets a sink that sends IPC_LOG.
 * Process code logs; stages of the analyst return values and do not.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <syslog.h>

typedef void (*log_sink_fn)(void *arg, int level, const char *text);

void log_open(const char *program);
void log_set_level(int level); /* most verbose that is shown; default LOG_INFO */
void log_set_sink(log_sink_fn sink, void *arg);

/* Untrusted arguments are made safe by the writer (buf_put_safe). */
void log_write(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Logs "format: reason of error" and returns error, which is negative. */
int log_write_errno(int level, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(...) log_write(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
#define log_error_errno(error, ...) log_write_errno(LOG_ERR, (error), __VA_ARGS__)
#define log_warning_errno(error, ...) log_write_errno(LOG_WARNING, (error), __VA_ARGS__)

#endif
