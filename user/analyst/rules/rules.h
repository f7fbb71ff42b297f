/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stage 4, rules: what to count and what follows, as data.
 *
 * One ini file per rule:
 *   [rule]
 *   id = ssh-brute-force		letters, digits, - ; a later file of that id replaces
 *   title = Password guessing over ssh
 *   service = sshd			an attempt of this service counts
 *   filter = NAME			beside or instead of it: whose line this filter recognised
 *   source = NAME			only lines of this source ([source NAME] of bailiff.conf)
 *   failures = 5			tries ...
 *   window = 10m			... within
 *   subject = address			address | session | user | host
 *   signal = NAME...			instead of service and filter: signals count, not tries
 *   count = 1				the same as failures, for signals
 *   action = lock			observe | lock | quarantine | freeze | terminate
 *   lockout = 1h			length of the first one
 *   factor = 2				each later one within 90 days is that much longer
 *   longest = 1w
 *   trust = witnessed			least that counts: witnessed | attested | claimed
 */
#ifndef ANALYST_RULES_H
#define ANALYST_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bailiff/ipc.h>

#define RULES_MAX 256
#define RULE_FAILURES_MAX 32
#define RULES_ERROR_MAX 256

struct rule {
	char id[IPC_RULE_MAX];
	char title[IPC_TEXT_MAX];
	char service[IPC_NAME_MAX]; /* "" = any */
	char filter[IPC_NAME_MAX]; /* "" = any */
	char source[IPC_NAME_MAX]; /* "" = any */
	uint32_t signals; /* bit = enum bl_signal; 0: the rule is about tries */
	uint32_t failures;
	uint64_t window_ns;
	enum subject_kind subject;
	enum action action;
	uint64_t lockout_s;
	uint64_t longest_s;
	uint32_t factor;
	enum trust trust;
};

struct rule_set {
	struct rule rule[RULES_MAX];
	unsigned int count;
	unsigned int last; /* added or replaced */
	unsigned int changes; /* how often that was done */
};

/* What a rule that loads does not do as it reads; NULL: it does. */
const char *rule_shortcoming(const struct rule *rule);

/* Adds one file's rule; a set is unchanged on failure, error holds "NAME:LINE: reason". */
int rules_add(struct rule_set *set, const char *name, const char *text, size_t len,
	      char error[RULES_ERROR_MAX]);

#endif
