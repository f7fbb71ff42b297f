/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text that grows up to a bound. An append that would pass the bound cuts, and remembers it: no
 * caller checks each append, all check buf->cut once.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data; /* NUL-terminated after every append; NULL only before the first */
	size_t len;
	size_t size;
	size_t max; /* most bytes of text */
	bool cut; /* something did not fit, or memory ran out */
};

#define BUF_INIT(most)        \
	{                     \
		.max = (most) \
	}

void buf_done(struct buf *buf);
void buf_clear(struct buf *buf); /* keeps the memory */
void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_puts(struct buf *buf, const char *text);
void buf_putc(struct buf *buf, char c);
/* Where len more bytes may be written, of which as many as are taken then count. NULL: they do not
 * fit, or something was cut before. What was written and not taken is gone with the next append. */
char *buf_room(struct buf *buf, size_t len);
void buf_take(struct buf *buf, size_t len);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Untrusted text for a terminal: control characters, escape sequences, bidirectional and other
 * invisible format characters, and invalid UTF-8 become \n, \t, \xNN or \u{NNNN}; a backslash is
 * doubled.
 */
void buf_put_safe(struct buf *buf, const char *text, size_t len);

/* Copies text into a NUL-terminated array, cutting; the rest of the array is zeroed, so that a
 * message holds nothing of the sender's memory. */
void text_copy(char *to, size_t size, const char *from);
void text_copy_len(char *to, size_t size, const char *from, size_t len);
/* The first len bytes, NULs among them, with a NUL behind them; the caller frees it. NULL: no
 * memory. */
char *text_dup(const char *from, size_t len);

#endif
