/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What goes to the terminal: safe text, colour where it is wanted, tables.
 */
#ifndef CTL_OUTPUT_H
#define CTL_OUTPUT_H

#include <bailiff/control.h>

#include "base/buf.h"
#include "base/json.h"

enum colour {
	COLOUR_PLAIN,
	COLOUR_BOLD,
	COLOUR_RED,
	COLOUR_YELLOW,
	COLOUR_GREEN,
	COLOUR_DIM,
	COLOUR_MAX,
};

/* Standard output is a terminal, TERM is not "dumb", NO_COLOR is not set (or empty). */
bool output_wants_colour(void);

/* Puts text, made safe, in that colour (if on), padded to width characters (0: not padded). */
void output_put(struct buf *out, bool on, enum colour colour, const char *text, size_t width);

/* Writes and empties out. CTL_OK or CTL_FAILED. */
int output_flush(struct buf *out);

/* "bailiffctl: sentence" on standard error; the sentence is made safe. */
void output_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Local time: 2026-11-25 01:02:03 */
#define OUTPUT_TIME_MAX 32
void output_time(uint64_t wall_ns, char ret_text[OUTPUT_TIME_MAX]);

/* "192.0.2.1", "2001:db8::/64", "session 7", "user 1000", "everything". */
#define OUTPUT_SUBJECT_MAX 96
void output_subject(const struct ipc_subject *subject, char ret_text[OUTPUT_SUBJECT_MAX]);
/* The member "subject" as everywhere in bailiff's JSON: kind and value. */
void output_json_subject(struct json_writer *w, const struct ipc_subject *subject);
void output_json_time(struct json_writer *w, const char *key, uint64_t wall_ns);

/*
 * A table whose columns are as wide as they need be. Rows are kept until GRID_ROWS are there, then
 * written; columns never become narrower, so a list of a million rows needs no memory.
 */
#define GRID_COLUMNS_MAX 9
#define GRID_ROWS 256
#define GRID_CELL_MAX 64 /* characters of a cell but the last, more is cut */

struct grid {
	struct buf *out;
	bool colour;
	bool headed;
	size_t columns;
	const char *head[GRID_COLUMNS_MAX];
	size_t width[GRID_COLUMNS_MAX];
	size_t rows;
	char *cell[GRID_ROWS][GRID_COLUMNS_MAX];
};

void grid_begin(struct grid *grid, struct buf *out, bool colour, const char *const *head,
		size_t columns);
/* cells are columns many; copied, made safe. */
void grid_row(struct grid *grid, const char *const *cells);
void grid_end(struct grid *grid);

#endif
