/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stage 5, correlation: counts attempts per subject and rule within a window, exactly: a ring of
 * the newest times, no decay, no scaling.
 *
 * Bounded: CORRELATION_SUBJECTS_MAX (rule, subject) pairs, the least recently used makes room;
 * one with more than one try that still counts is spared once for each further one.
 */
#ifndef ANALYST_CORRELATION_H
#define ANALYST_CORRELATION_H

#include <stdint.h>

#include "analyst/evidence/evidence.h"
#include "analyst/rules/rules.h"
#include "analyst/signal/signal.h"
#include "base/cleanup.h"

#define CORRELATION_SUBJECTS_MAX 65536
#define CORRELATION_SPARES_MAX 256

/* A rule whose threshold this attempt reached. */
struct match {
	const struct rule *rule;
	struct ipc_subject
		subject; /* as the rule counts: address with its locking prefix (32, 64) */
	uint64_t at_ns;
	uint32_t tries; /* within the window, this one included */
	uint64_t first_ns; /* oldest of them */
	enum trust trust; /* weakest of them */
	bool accepted; /* it is less than the rule wants: accepted as configured */
	const char *user; /* subject USER: the account's name; borrowed for the call */
	const char
		*signal; /* the last one's text where signals were counted, else NULL; the same */
};

/* An earlier line about the same try. */
struct told_names {
	const char *source, *filter, *service;
	enum trust trust;
	bool accepted;
};

/* What the ids in an attempt stand for. */
struct attempt_names {
	struct told_names told[ATTEMPT_TOLD_MAX]; /* attempt.told_count of them */
	const char *source; /* [source NAME]; "" = there is no line */
	const char *filter; /* the same */
	bool has_uid; /* its user has, or had, a login session here */
	uint32_t uid;
};

struct correlation;
int correlation_new(struct correlation **ret, const struct rule_set *rules, const uint64_t seed[2]);
struct correlation *correlation_free(struct correlation *correlation);
DEFINE_CLEANUP(correlation_free, struct correlation *)

typedef void (*match_fn)(const struct match *match, void *arg);
/*
 * A try that several lines tell of counts once per rule: by the first of them that the rule takes.
 * A reached threshold clears that pair's ring, so that the next match needs new tries.
 *
 * A rule's source and filter are asked of lines; what the kernel alone saw has neither and counts
 * for every rule of its service.
 * An account counts only where it has sessions, and where the line was written about somebody who
 * has logged in (attempt.guessed is false): a name alone is what anybody may guess.
 */
void correlation_attempt(struct correlation *correlation, const struct attempt *attempt,
			 const struct attempt_names *names, match_fn fn, void *arg);
/* Rules about this signal count it once, for its session or for the host. */
void correlation_signal(struct correlation *correlation, const struct signal *signal, match_fn fn,
			void *arg);
/* Forgets the subject in all rules: it was released, or its lockout is over. */
void correlation_forget(struct correlation *correlation, const struct ipc_subject *subject);
/* From history at start: so many tries, all at that time. Below the threshold at most. */
void correlation_restore(struct correlation *correlation, const struct ipc_subject *subject,
			 uint32_t tries, uint64_t at_ns);

struct correlation_stats {
	uint32_t subjects;
	uint64_t refused;
};
void correlation_stats(const struct correlation *correlation, struct correlation_stats *ret);

#endif
