/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to the evidence stage: text that may be shown to expressions. */
#ifndef ANALYST_EVIDENCE_TEXT_H
#define ANALYST_EVIDENCE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ASCII without NUL: nothing to replace. */
bool text_is_plain(const char *text, size_t len);

struct text_out {
	char *data;
	size_t len, size;
	bool cut; /* something did not fit; no part of a character was written */
	bool replaced; /* NUL or invalid UTF-8 became U+FFFD */
};

/* Appends; newlines become the two characters \n. */
void text_append(struct text_out *out, const char *text, size_t len);

/*
 * Where to cut text down to max bytes or fewer: before a blank, so that no word (no address) is
 * left half; inside a word only where all of it is one, and then between characters.
 */
size_t text_cut_at(const char *text, size_t len, size_t max);

/* All of text is a decimal number up to most; -EINVAL. */
int text_number(const char *text, size_t len, uint64_t most, uint64_t *ret);

#endif
