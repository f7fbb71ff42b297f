/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One JSON object of the recorder, read into a struct: what watch prints as a line and why as a
 * paragraph. The recorder holds text of attackers; nothing in a step is safe for a terminal yet.
 */
#ifndef CTL_STEP_H
#define CTL_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum step_form {
	STEP_RECORD = 1,
	STEP_OUTCOME,
	STEP_STATUS,
	STEP_SKIPPED, /* count objects were not sent: this client was too slow */
	STEP_ERROR, /* text says what */
	STEP_FORM_MAX,
};

/* Texts are as long as the contract's, times three: an invalid byte has become U+FFFD. */
struct step {
	enum step_form form;
	uint64_t wall_ns;
	uint64_t until_wall_ns; /* 0 = none */
	uint64_t count;
	uint64_t seconds;
	uint64_t decision;
	uint64_t pid;
	uint64_t port;
	uint64_t refused;
	bool partial;
	char kind[16]; /* record: claim, attempt…; outcome: lock, release… */
	char result[16];
	char trust[16];
	char action[16];
	char subject_kind[16];
	char subject[64];
	char session[24];
	char service[96];
	char source[96];
	char rule[192];
	char user[192];
	char who[192];
	char text[768];
	char line[1536];
	char exe[768];
};

/* -EINVAL: not JSON, or not an object that the recorder writes. */
int step_parse(const char *object, size_t len, struct step *ret);

/* "192.0.2.1", "session 7", "user 1000", "host". */
void step_put_subject(struct buf *out, const struct step *step);

/* How far the claim is believed, in a word for people; forged and unwitnessed in capitals. */
const char *step_trust_word(const struct step *step);

/* What the action did or would do to the subject: "locked out", "frozen"… */
const char *step_done_word(const struct step *step);

/* The sentence of a decision or an outcome: "lock for 10m by rule ssh-guessing", "released by
 * …". */
void step_put_deed(struct buf *out, const struct step *step);

/* One line for watch, with newline. */
void step_put_line(struct buf *out, bool colour, const struct step *step);

#endif
