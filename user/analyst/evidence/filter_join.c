/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines of one connection: <F-MLFID> marks a key that they share. A line may bring the address, the
 * user or the failure; what was said before under the key completes it.
 *
 * Keys are outsiders' text, so they are kept as keyed hashes of fixed size in a bounded table: two
 * texts never meet in one entry, and nobody can choose which entry goes first. Where the transport
 * tells which user wrote a line, no other user's line joins it, whatever key it shows: an address
 * that anybody wrote would count as root's word.
 */
#include <string.h>

#include "analyst/evidence/filter.h"

struct join_key {
	uint64_t hash[2];
	uint32_t source;
	uint16_t filter;
	uint8_t trusted, has_uid;
	uint32_t uid;
	uint32_t pad;
};

struct joined {
	uint64_t touched_ns;
	bool pending; /* a failure without an address so far */
	bool users_many;
	bool user_seen;
	uint64_t user_hash;
	struct said said;
};

int filter_join_prepare(struct filter_set *set)
{
	return table_new(&set->joined, sizeof(struct join_key), sizeof(struct joined), JOINED_MAX,
			 set->seed);
}

static void key_make(const struct filter_set *set, uint16_t filter, const struct log_record *record,
		     const char *text, size_t len, struct join_key *ret)
{
	const uint64_t second[2] = { ~set->seed[0], ~set->seed[1] };

	memset(ret, 0, sizeof(*ret));
	ret->hash[0] = table_hash(set->seed, text, len);
	ret->hash[1] = table_hash(second, text, len);
	ret->source = record->source;
	ret->filter = filter;
	ret->trusted = record->origin.trusted;
	ret->has_uid = record->origin.has_uid;
	ret->uid = record->origin.uid;
}

static void joined_expire(struct filter_set *set, uint64_t now_ns)
{
	const void *key;
	void *value;

	while (table_oldest(set->joined, &key, &value)) {
		const struct joined *joined = value;

		if (now_ns < joined->touched_ns || now_ns - joined->touched_ns <= JOINED_NS)
			break;
		(void)table_delete(set->joined, key);
	}
}

static void user_add(struct filter_set *set, struct joined *joined, const struct said *said)
{
	uint64_t hash;

	if (!said->user[0])
		return;
	hash = table_hash(set->seed, said->user, strlen(said->user));
	if (joined->user_seen && joined->user_hash != hash)
		joined->users_many = true;
	joined->user_seen = true;
	joined->user_hash = hash;
}

/* What the line itself says wins over what was said before. */
static void said_merge(struct said *stored, struct said *said)
{
	if (said->has_id) {
		stored->has_id = true;
		stored->addr = said->addr;
	}
	if (said->port)
		stored->port = said->port;
	if (said->user[0])
		memcpy(stored->user, said->user, sizeof(stored->user));
	stored->nofail = said->nofail;
	stored->gained = said->gained;
	stored->forget = said->forget;
	stored->count = said->count;
	*said = *stored;
}

bool filter_join(struct filter_set *set, uint16_t filter, const struct log_record *record,
		 const char *key, size_t key_len, struct said *said)
{
	struct join_key join_key;
	struct joined *joined;
	bool pending = false, redeemed = false;
	void *value;

	joined_expire(set, record->arrived_ns);
	key_make(set, filter, record, key, key_len, &join_key);
	joined = table_get(set->joined, &join_key);
	if (joined) {
		user_add(set, joined, said);
		if (said->gained)
			joined->pending = false;
		said_merge(&joined->said, said);
		redeemed = joined->pending || joined->users_many;
		joined->pending = false;
	} else if (!said->forget) {
		(void)table_put(set->joined, &join_key, &value);
		joined = value;
		user_add(set, joined, said);
		joined->said = *said;
	}
	if (joined)
		joined->touched_ns = record->arrived_ns;
	if (redeemed)
		said->nofail = said->gained = false;
	if (!said->nofail && !said->gained && !said->has_id) {
		pending = true;
		if (joined)
			joined->pending = true;
	}
	if (joined && said->forget)
		(void)table_delete(set->joined, &join_key);
	return pending;
}
