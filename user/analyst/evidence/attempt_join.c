/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Joins lines of one try. See attempt_join.h for the rule.
 *
 * What earlier lines of the try were goes along with a line that joins them, because rules differ
 * in what they take: one that did not count the unvouched copy of a file counts the journal's.
 */
#include "analyst/evidence/attempt_join.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

struct join_key {
	struct ipc_subject subject; /* SUBJECT_NONE: user or pid instead */
	uint64_t user; /* hash, 0 = none */
	uint32_t pid;
	uint32_t pad;
};

struct
try {
	uint64_t began_ns;
	uint64_t user; /* hash, 0 = no line named one */
	uint32_t count; /* so many at once: "message repeated N times" */
	uint16_t lines;
	uint16_t form[ATTEMPT_TOLD_MAX];
	struct attempt_told told[ATTEMPT_TOLD_MAX];
};

struct tries {
	struct try try[ATTEMPT_JOIN_TRIES]; /* began_ns 0 = free */
	uint32_t next; /* the oldest */
	uint32_t pad;
};

struct attempt_join {
	struct table *keys;
	uint64_t seed[2];
	uint64_t now_ns; /* of the line being counted */
	uint64_t crowded;
};

/* Room was made by what a line could still have joined. */
static void on_evict(const void *key, void *value, void *arg)
{
	const struct tries *tries = value;
	struct attempt_join *join = arg;

	(void)key;
	for (uint32_t i = 0; i < ATTEMPT_JOIN_TRIES; i++) {
		if (!tries->try[i].began_ns ||
		    tries->try[i].began_ns + ATTEMPT_JOIN_NS < join->now_ns)
			continue;
		join->crowded++;
		return;
	}
}

int attempt_join_new(struct attempt_join **ret, const uint64_t seed[2])
{
	_cleanup_(attempt_join_freep) struct attempt_join *join = calloc(1, sizeof(*join));
	int r;

	if (!join)
		return -ENOMEM;
	memcpy(join->seed, seed, sizeof(join->seed));
	r = table_new(&join->keys, sizeof(struct join_key), sizeof(struct tries),
		      ATTEMPT_JOIN_KEYS_MAX, seed);
	if (r < 0)
		return r;
	table_on_evict(join->keys, on_evict, join);
	*ret = TAKE_PTR(join);
	return 0;
}

struct attempt_join *attempt_join_free(struct attempt_join *join)
{
	if (join)
		table_free(join->keys);
	free(join);
	return NULL;
}

static uint64_t user_hash(const struct attempt_join *join, const struct claim *claim)
{
	uint64_t hash;

	if (!claim->user[0])
		return 0;
	hash = table_hash(join->seed, claim->user, strlen(claim->user));
	return hash ? hash : 1;
}

static bool was_told_by(const struct try *try, const struct claim *claim)
{
	for (uint16_t i = 0; i < try->lines; i++)
		if (try->told[i].source == claim->source && try->told[i].filter == claim->filter &&
		    try->form[i] == claim->form)
			return true;
	return false;
}

/* A line may have been held for its witness, and comes after one that was read later. */
static bool fits(const struct try *try, const struct claim *claim, uint64_t user)
{
	uint64_t at_ns = claim->arrived_ns;

	if (!try->began_ns || at_ns > try->began_ns + ATTEMPT_JOIN_NS ||
	    at_ns + ATTEMPT_JOIN_NS < try->began_ns)
		return false;
	if (user && try->user && user != try->user)
		return false;
	return try->lines < ATTEMPT_TOLD_MAX && !was_told_by(try, claim);
}

static void tell(struct try *try, const struct claim *claim, uint64_t user,
		 const struct attempt *attempt)
{
	if (user)
		try->user = user;
	try->form[try->lines] = claim->form;
	try->told[try->lines++] = (struct attempt_told){
		.source = claim->source,
		.filter = claim->filter,
		.service = attempt->service,
		.trust = attempt->trust,
		.accepted = attempt->accepted,
	};
}

static struct tries *tries_of(struct attempt_join *join, const struct claim *claim, uint64_t user,
			      const struct attempt *attempt)
{
	struct join_key key = { .pid = 0 };
	void *value;

	if (attempt->subject.kind == SUBJECT_ADDRESS)
		key.subject = attempt->subject;
	else if (user)
		key.user = user;
	else
		key.pid = claim->pid;
	(void)table_put(join->keys, &key, &value);
	return value;
}

void attempt_join_count(struct attempt_join *join, const struct claim *claim,
			struct attempt *attempt)
{
	uint64_t user = user_hash(join, claim);
	uint32_t count = claim->count ? claim->count : 1;
	struct tries *tries;
	struct try *try;

	join->now_ns = claim->arrived_ns;
	tries = tries_of(join, claim, user, attempt);
	for (uint32_t i = 0; i < ATTEMPT_JOIN_TRIES; i++) {
		try = &tries->try[(tries->next + i) % ATTEMPT_JOIN_TRIES];
		if (!fits(try, claim, user))
			continue;
		attempt->told = try->told;
		attempt->told_count = try->lines;
		attempt->again = count < try->count ? count : try->count;
		attempt->tries = count - attempt->again;
		if (count > try->count)
			try->count = count;
		tell(try, claim, user, attempt);
		return;
	}
	try = &tries->try[tries->next];
	tries->next = (tries->next + 1) % ATTEMPT_JOIN_TRIES;
	*try = (struct try){ .began_ns = claim->arrived_ns ? claim->arrived_ns : 1,
			     .count = count };
	tell(try, claim, user, attempt);
	attempt->told = NULL;
	attempt->told_count = 0;
	attempt->again = 0;
	attempt->tries = count;
}

uint64_t attempt_join_crowded(const struct attempt_join *join)
{
	return join->crowded;
}
