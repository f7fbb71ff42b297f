/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text for the terminal.
 */
#include "ctl/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "ctl/ctl.h"

static const char *const escapes[] = {
	[COLOUR_PLAIN] = "",	      [COLOUR_BOLD] = "\033[1m",   [COLOUR_RED] = "\033[1;31m",
	[COLOUR_YELLOW] = "\033[33m", [COLOUR_GREEN] = "\033[32m", [COLOUR_DIM] = "\033[2m",
};
_Static_assert(ARRAY_SIZE(escapes) == COLOUR_MAX, "colours");

bool output_wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) == 1 && (!no_color || !no_color[0]) && term && term[0] &&
	       strcmp(term, "dumb") != 0;
}

/* Characters, not bytes: continuation bytes do not count. */
static size_t count_characters(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

void output_put(struct buf *out, bool on, enum colour colour, const char *text, size_t width)
{
	size_t begin, used = 0;

	if (on)
		buf_puts(out, escapes[colour]);
	begin = out->len;
	buf_put_safe(out, text, strlen(text));
	if (width && out->data)
		used = count_characters(out->data + begin);
	if (on && escapes[colour][0])
		buf_puts(out, "\033[0m");
	for (; used < width; used++)
		buf_putc(out, ' ');
}

int output_flush(struct buf *out)
{
	bool failed = out->cut;

	if (out->len && fwrite(out->data, 1, out->len, stdout) != out->len)
		failed = true;
	if (fflush(stdout) != 0)
		failed = true;
	buf_clear(out);
	out->cut = false;
	if (failed)
		output_error("the output could not be written");
	return failed ? CTL_FAILED : CTL_OK;
}

void output_error(const char *format, ...)
{
	struct buf out = BUF_INIT(16384);
	char text[2048];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buf_put_safe(&out, text, strlen(text));
	(void)fprintf(stderr, "bailiffctl: %s\n", out.data ? out.data : "");
	buf_done(&out);
}

void output_time(uint64_t wall_ns, char ret_text[OUTPUT_TIME_MAX])
{
	time_t seconds = (time_t)(wall_ns / NSEC_PER_SEC);
	struct tm tm;

	if (!localtime_r(&seconds, &tm) ||
	    strftime(ret_text, OUTPUT_TIME_MAX, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		(void)snprintf(ret_text, OUTPUT_TIME_MAX, "-");
}

static void subject_value(const struct ipc_subject *subject, char text[OUTPUT_SUBJECT_MAX])
{
	struct addr addr = { .family = subject->family, .prefix = subject->prefix };

	text[0] = '\0';
	if (subject->kind == SUBJECT_ADDRESS) {
		memcpy(addr.bytes, subject->addr, sizeof(addr.bytes));
		addr_format(&addr, text);
	} else if (subject->kind == SUBJECT_SESSION || subject->kind == SUBJECT_USER) {
		(void)snprintf(text, OUTPUT_SUBJECT_MAX, "%" PRIu64, (uint64_t)subject->id);
	}
}

static const char *const subject_names[] = {
	[SUBJECT_NONE] = "none", [SUBJECT_ADDRESS] = "address", [SUBJECT_SESSION] = "session",
	[SUBJECT_USER] = "user", [SUBJECT_HOST] = "host",
};
_Static_assert(ARRAY_SIZE(subject_names) == SUBJECT_MAX, "subject names");

void output_subject(const struct ipc_subject *subject, char ret_text[OUTPUT_SUBJECT_MAX])
{
	char value[OUTPUT_SUBJECT_MAX];

	subject_value(subject, value);
	if (subject->kind == SUBJECT_NONE || subject->kind >= SUBJECT_MAX)
		(void)snprintf(ret_text, OUTPUT_SUBJECT_MAX, "everything");
	else if (subject->kind == SUBJECT_ADDRESS)
		(void)snprintf(ret_text, OUTPUT_SUBJECT_MAX, "%s", value);
	else
		(void)snprintf(ret_text, OUTPUT_SUBJECT_MAX, "%s%s%.60s",
			       subject_names[subject->kind], value[0] ? " " : "", value);
}

void output_json_subject(struct json_writer *w, const struct ipc_subject *subject)
{
	char value[OUTPUT_SUBJECT_MAX];

	subject_value(subject, value);
	json_object(w, "subject");
	json_string(w, "kind",
		    subject->kind < SUBJECT_MAX ? subject_names[subject->kind] : "unknown");
	if (value[0])
		json_string(w, "value", value);
	json_end_object(w);
}

void output_json_time(struct json_writer *w, const char *key, uint64_t wall_ns)
{
	char text[CLOCK_TEXT_MAX];

	if (!wall_ns) {
		json_null(w, key);
		return;
	}
	clock_format(wall_ns, text);
	json_string(w, key, text);
}
