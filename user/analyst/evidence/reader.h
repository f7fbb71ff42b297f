/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to the evidence stage: what the two forms of a source share. */
#ifndef ANALYST_EVIDENCE_READER_H
#define ANALYST_EVIDENCE_READER_H

#include "analyst/evidence/evidence.h"
#include "analyst/evidence/text.h"

struct journal;

struct log_reader {
	uint32_t source;
	enum log_format format;
	uint64_t number; /* of the last record */
	enum log_age age; /* of LOG_LINES */
	struct log_reader_stats stats;
	size_t rest_len;
	bool rest_cut; /* the waiting line is longer than what is kept of it */
	struct journal *journal; /* LOG_JOURNAL_EXPORT only */
	char rest[EVIDENCE_LINE_MAX + 1]; /* one more, for the \r that does not count */
	char clean[EVIDENCE_LINE_MAX];
};

/* The caller of a feed, carried through its steps. */
struct feed {
	uint64_t now_ns;
	log_record_fn fn;
	void *arg;
};

/* Hands on a record whose text, source and origin are final. */
int log_reader_emit(struct log_reader *reader, const struct feed *feed, struct log_record *record);

int journal_new(struct journal **ret);
struct journal *journal_free(struct journal *journal);
DEFINE_CLEANUP(journal_free, struct journal *)
int journal_feed(struct log_reader *reader, const char *bytes, size_t len, const struct feed *feed);
/* true: an entry was under way. */
bool journal_restart(struct journal *journal);

#endif
