/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "ctl/output.h"

#define GAP 2

void grid_begin(struct grid *grid, struct buf *out, bool colour, const char *const *head,
		size_t columns)
{
	*grid = (struct grid){ .out = out, .colour = colour, .columns = columns };
	for (size_t i = 0; i < columns && i < GRID_COLUMNS_MAX; i++) {
		grid->head[i] = head[i];
		grid->width[i] = strlen(head[i]);
	}
}

static void write_cell(struct grid *grid, size_t column, enum colour colour, const char *text,
		       size_t characters)
{
	if (grid->colour && colour != COLOUR_PLAIN)
		output_put(grid->out, true, colour, text, 0);
	else
		buf_puts(grid->out, text);
	if (column + 1 == grid->columns) {
		buf_putc(grid->out, '\n');
		return;
	}
	for (size_t i = characters; i < grid->width[column] + GAP; i++)
		buf_putc(grid->out, ' ');
}

/* Characters of safe text (valid UTF-8), and where to cut it so that it has at most most. */
static size_t measure(const char *text, size_t most, size_t *ret_bytes)
{
	size_t count = 0, at = 0, len = strlen(text);

	while (at < len && count < most) {
		uint32_t point;
		int size = utf8_decode(text + at, len - at, &point);

		at += size > 0 ? (size_t)size : 1;
		count++;
	}
	*ret_bytes = at;
	return count;
}

static void write_rows(struct grid *grid)
{
	size_t bytes;

	if (!grid->headed) {
		for (size_t i = 0; i < grid->columns; i++)
			write_cell(grid, i, COLOUR_BOLD, grid->head[i], strlen(grid->head[i]));
		grid->headed = true;
	}
	for (size_t row = 0; row < grid->rows; row++) {
		for (size_t i = 0; i < grid->columns; i++) {
			char *cell = grid->cell[row][i];

			write_cell(grid, i, COLOUR_PLAIN, cell ? cell : "",
				   measure(cell ? cell : "", SIZE_MAX, &bytes));
			free(cell);
			grid->cell[row][i] = NULL;
		}
	}
	grid->rows = 0;
}

void grid_row(struct grid *grid, const char *const *cells)
{
	for (size_t i = 0; i < grid->columns; i++) {
		struct buf safe = BUF_INIT(4096);
		size_t bytes, characters;

		buf_put_safe(&safe, cells[i], strlen(cells[i]));
		if (!safe.data)
			continue;
		characters = measure(safe.data, i + 1 < grid->columns ? GRID_CELL_MAX : SIZE_MAX,
				     &bytes);
		safe.data[bytes] = '\0';
		if (characters > grid->width[i])
			grid->width[i] = characters;
		grid->cell[grid->rows][i] = safe.data;
	}
	if (++grid->rows == GRID_ROWS) {
		write_rows(grid);
		(void)output_flush(grid->out);
	}
}

void grid_end(struct grid *grid)
{
	if (grid->rows)
		write_rows(grid);
}
