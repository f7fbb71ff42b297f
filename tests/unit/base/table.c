/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Table: bounded, oldest out first, and the same as a naive model over a long random run.
 */
#include <errno.h>
#include <string.h>

#include "base/table.h"
#include "unit.h"

static const uint64_t seed[2] = { 0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL };

/* From the appendix of the SipHash paper's reference code: inputs 00, 00 01, … of these lengths. */
static void siphash_vectors(void **state)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} rows[] = {
		{ 0, 0x726fdb47dd0e0e31ULL },  { 1, 0x74f839c593dc67fdULL },
		{ 2, 0x0d6c8009d9a94f5aULL },  { 3, 0x85676696d7fb7e2dULL },
		{ 7, 0xab0200f58b01d137ULL },  { 8, 0x93f5f5799a932462ULL },
		{ 9, 0x9e0082df0ba9e4b0ULL },  { 15, 0xa129ca6149be45e5ULL },
		{ 16, 0x3f2acc7f57c29bdbULL }, { 63, 0x958a324ceb064572ULL },
	};
	uint8_t bytes[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(table_hash(seed, bytes, rows[i].len) == rows[i].hash);
}

/* What CPython 3.11 has for hash() of the bytes 00, 01, ... with PYTHONHASHSEED=0, and what Rust's
 * own tests have for the key 00 to 0f (little-endian there). */
static void siphash13_vectors(void **state)
{
	static const uint64_t zero[2] = { 0, 0 };
	static const struct {
		size_t len;
		uint64_t hash;
	} rows[] = {
		{ 1, 0x68a914128e01e473ULL },  { 2, 0x010bac45c41e3669ULL },
		{ 7, 0x2f098ab0c751325aULL },  { 8, 0xead411e67ebe2eeaULL },
		{ 9, 0x75927f9d95124362ULL },  { 15, 0xf30eb725bb91c9eaULL },
		{ 16, 0x8972188433a5c5b7ULL }, { 40, 0x95bc321ab41d8206ULL },
		{ 48, 0xfe1f2445ba50237fULL }, { 63, 0x385d3e39e5f37359ULL },
	};
	uint8_t bytes[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(table_place(zero, bytes, rows[i].len) == rows[i].hash);
	assert_true(table_place(seed, bytes, 0) == 0xabac0158050fc4dcULL);
}

static struct table *new_table(uint32_t max)
{
	struct table *table = NULL;

	assert_int_equal(table_new(&table, sizeof(uint32_t), sizeof(uint64_t), max, seed), 0);
	return table;
}

static enum table_put_result put(struct table *table, uint32_t key, uint64_t value)
{
	void *at = NULL;
	enum table_put_result result = table_put(table, &key, &at);

	assert_non_null(at);
	if (result != TABLE_FOUND)
		assert_int_equal(*(uint64_t *)at, 0);
	*(uint64_t *)at = value;
	return result;
}

/* The rest of a new value holds what the slot held before, and no byte more is zeroed. */
static void zeroes_the_head_only(void **state)
{
	_cleanup_(table_freep) struct table *table = NULL;
	uint8_t value[24] = { 0 };
	void *at;

	(void)state;
	assert_int_equal(table_new(&table, sizeof(uint32_t), sizeof(value), 1, seed), 0);
	table_zero_only(table, 10);
	for (uint32_t key = 0; key < 3; key++) {
		assert_int_equal(table_put(table, &key, &at), key ? TABLE_EVICTED : TABLE_ADDED);
		assert_memory_equal(at, value, sizeof(value));
		memset(at, 0xaa, sizeof(value));
		memset(value + 10, 0xaa, sizeof(value) - 10);
	}
	/* More than a value has is all of it. */
	table_zero_only(table, sizeof(value) + 1);
	assert_int_equal(table_put(table, &(uint32_t){ 9 }, &at), TABLE_EVICTED);
	memset(value, 0, sizeof(value));
	assert_memory_equal(at, value, sizeof(value));
}

static void put_get_delete(void **state)
{
	_cleanup_(table_freep) struct table *table = new_table(4);
	uint32_t key = 1;

	(void)state;
	assert_null(table_get(table, &key));
	assert_false(table_delete(table, &key));
	assert_int_equal(put(table, 1, 10), TABLE_ADDED);
	assert_int_equal(put(table, 1, 11), TABLE_FOUND);
	assert_int_equal(*(uint64_t *)table_get(table, &key), 11);
	assert_int_equal(*(const uint64_t *)table_peek(table, &key), 11);
	assert_int_equal(table_count(table), 1);
	assert_true(table_delete(table, &key));
	assert_null(table_get(table, &key));
	assert_int_equal(table_count(table), 0);
	/* A slot that is used again gives a zeroed value (put checks). */
	assert_int_equal(put(table, 2, 20), TABLE_ADDED);
	assert_int_equal(table_evicted(table), 0);
}

struct evicted {
	uint32_t key[16];
	uint64_t value[16];
	unsigned int count;
};

static void on_evict(const void *key, void *value, void *arg)
{
	struct evicted *evicted = arg;

	assert_true(evicted->count < 16);
	memcpy(&evicted->key[evicted->count], key, sizeof(uint32_t));
	memcpy(&evicted->value[evicted->count], value, sizeof(uint64_t));
	evicted->count++;
}

static void the_least_recently_used_goes_first(void **state)
{
	_cleanup_(table_freep) struct table *table = new_table(3);
	struct evicted evicted = { 0 };
	uint32_t one = 1, two = 2;

	(void)state;
	table_on_evict(table, on_evict, &evicted);
	for (uint32_t i = 1; i <= 3; i++)
		assert_int_equal(put(table, i, i * 10), TABLE_ADDED);
	/* 1 is touched by get; 2 is only looked at; 3 is the newest. */
	assert_non_null(table_get(table, &one));
	assert_non_null(table_peek(table, &two));
	assert_int_equal(put(table, 4, 40), TABLE_EVICTED);
	assert_int_equal(evicted.count, 1);
	assert_int_equal(evicted.key[0], 2);
	assert_int_equal(evicted.value[0], 20);
	/* 3 is touched by put. */
	assert_int_equal(put(table, 3, 30), TABLE_FOUND);
	assert_int_equal(put(table, 5, 50), TABLE_EVICTED);
	assert_int_equal(put(table, 6, 60), TABLE_EVICTED);
	assert_int_equal(put(table, 7, 70), TABLE_EVICTED);
	assert_int_equal(evicted.count, 4);
	assert_int_equal(evicted.key[1], 1);
	assert_int_equal(evicted.key[2], 4);
	assert_int_equal(evicted.key[3], 3);
	assert_int_equal(table_evicted(table), 4);
	assert_int_equal(table_count(table), 3);
}

static void a_table_of_one(void **state)
{
	_cleanup_(table_freep) struct table *table = new_table(1);
	const void *key;
	void *value;

	(void)state;
	assert_false(table_oldest(table, &key, &value));
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(put(table, i, i), i ? TABLE_EVICTED : TABLE_ADDED);
	assert_true(table_oldest(table, &key, &value));
	assert_int_equal(*(const uint32_t *)key, 99);
	assert_int_equal(table_count(table), 1);
}

static void expiry_from_the_old_end(void **state)
{
	_cleanup_(table_freep) struct table *table = new_table(8);
	uint32_t expected = 0;
	const void *key;
	void *value;

	(void)state;
	for (uint32_t i = 0; i < 8; i++)
		(void)put(table, i, i);
	while (table_oldest(table, &key, &value)) {
		uint32_t copy = *(const uint32_t *)key;

		assert_int_equal(copy, expected++);
		assert_true(table_delete(table, &copy));
	}
	assert_int_equal(expected, 8);
}

struct visit {
	struct table *table;
	uint32_t seen[8];
	unsigned int count;
};

static int delete_even(const void *key, void *value, void *arg)
{
	struct visit *visit = arg;
	uint32_t copy = *(const uint32_t *)key;

	(void)value;
	visit->seen[visit->count++] = copy;
	if (copy % 2 == 0)
		assert_true(table_delete(visit->table, &copy));
	return copy == 1 ? 77 : 0;
}

static void visiting(void **state)
{
	_cleanup_(table_freep) struct table *table = new_table(8);
	struct visit visit = { .table = table };

	(void)state;
	for (uint32_t i = 0; i < 6; i++)
		(void)put(table, i, i);
	assert_int_equal(table_each(table, delete_even, &visit), 77);
	/* Newest first, until the function says stop. */
	assert_int_equal(visit.count, 5);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(visit.seen[i], 5 - i);
	assert_int_equal(table_count(table), 4);
}

static void impossible_sizes(void **state)
{
	struct table *table = NULL;

	(void)state;
	assert_int_equal(table_new(&table, 0, 8, 8, seed), -EINVAL);
	assert_int_equal(table_new(&table, 8, 8, 0, seed), -EINVAL);
	assert_int_equal(table_new(&table, 8, 8, UINT32_MAX, seed), -EINVAL);
	assert_int_equal(table_new(&table, SIZE_MAX, 8, 8, seed), -EINVAL);
	assert_int_equal(table_new(&table, 8, SIZE_MAX, 8, seed), -EINVAL);
	assert_int_equal(table_new(&table, 8, INT32_MAX, 1U << 30, seed), -ENOMEM);
	assert_null(table);
	assert_null(table_free(NULL));
}

/* Keys of odd size, no value: a set. */
static void a_set(void **state)
{
	_cleanup_(table_freep) struct table *table = NULL;
	uint8_t key[17] = { 1 };
	void *at;

	(void)state;
	assert_int_equal(table_new(&table, sizeof(key), 0, 100, seed), 0);
	assert_int_equal(table_put(table, key, &at), TABLE_ADDED);
	key[16] = 1;
	assert_null(table_peek(table, key));
	key[16] = 0;
	assert_non_null(table_peek(table, key));
	assert_int_equal((uintptr_t)at % 8, 0);
}

/* ---- against a naive model
 * --------------------------------------------------------------------- */

#define MODEL_MAX 13

struct model {
	uint32_t key[MODEL_MAX]; /* most recently used first */
	uint64_t value[MODEL_MAX];
	unsigned int count;
};

static int model_find(const struct model *model, uint32_t key)
{
	for (unsigned int i = 0; i < model->count; i++) {
		if (model->key[i] == key)
			return (int)i;
	}
	return -1;
}

static void model_remove(struct model *model, unsigned int at)
{
	model->count--;
	memmove(&model->key[at], &model->key[at + 1], (model->count - at) * sizeof(uint32_t));
	memmove(&model->value[at], &model->value[at + 1], (model->count - at) * sizeof(uint64_t));
}

static void model_push(struct model *model, uint32_t key, uint64_t value)
{
	memmove(&model->key[1], &model->key[0], model->count * sizeof(uint32_t));
	memmove(&model->value[1], &model->value[0], model->count * sizeof(uint64_t));
	model->key[0] = key;
	model->value[0] = value;
	model->count++;
}

static int compare_next(const void *key, void *value, void *arg)
{
	struct model *rest = arg;

	assert_true(rest->count > 0);
	assert_int_equal(*(const uint32_t *)key, rest->key[0]);
	assert_true(*(uint64_t *)value == rest->value[0]);
	model_remove(rest, 0);
	return 0;
}

/* Buckets grow while entries come; none gets lost, and the order of use stays. */
static void many_of_them(void **state)
{
	const uint32_t max = 3000;
	struct table *table;
	void *value;

	(void)state;
	assert_int_equal(table_new(&table, sizeof(uint32_t), sizeof(uint32_t), max, seed), 0);
	for (uint32_t i = 0; i < 2 * max; i++) {
		assert_true(table_put(table, &i, &value) != TABLE_FOUND);
		*(uint32_t *)value = ~i;
		/* Those of a third are gone before the others. */
		if (i % 3 == 0 && i < max / 2)
			assert_true(table_delete(table, &i));
		for (uint32_t back = i > 40 ? i - 40 : 0; back <= i; back++) {
			const uint32_t *there = table_peek(table, &back);

			assert_true(back % 3 == 0 && back < max / 2 ? !there
								    : there && *there == ~back);
		}
	}
	assert_int_equal(table_count(table), max);
	for (uint32_t i = 0; i < 2 * max; i++)
		assert_int_equal(table_peek(table, &i) != NULL, i >= max);
	table_free(table);
}

static void same_as_a_naive_model(void **state)
{
	_cleanup_(table_freep) struct table *table = new_table(MODEL_MAX);
	struct model model = { 0 };
	uint64_t random = 88172645463325252ULL;

	(void)state;
	for (int step = 0; step < 200000; step++) {
		struct model rest;
		uint32_t key;
		int at;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		key = (uint32_t)(random >> 32) % 40;
		at = model_find(&model, key);
		switch (random % 4) {
		case 0:
		case 1: {
			enum table_put_result expected = at >= 0		    ? TABLE_FOUND
							 : model.count == MODEL_MAX ? TABLE_EVICTED
										    : TABLE_ADDED;

			if (at >= 0)
				model_remove(&model, (unsigned int)at);
			else if (model.count == MODEL_MAX)
				model.count--;
			model_push(&model, key, random);
			assert_int_equal(put(table, key, random), expected);
			break;
		}
		case 2: {
			uint64_t *value = table_get(table, &key);

			assert_int_equal(value != NULL, at >= 0);
			if (at >= 0) {
				uint64_t kept = model.value[at];

				assert_true(*value == kept);
				model_remove(&model, (unsigned int)at);
				model_push(&model, key, kept);
			}
			break;
		}
		case 3:
			assert_int_equal(table_delete(table, &key), at >= 0);
			if (at >= 0)
				model_remove(&model, (unsigned int)at);
			break;
		}
		assert_int_equal(table_count(table), model.count);
		if (step % 16)
			continue;
		rest = model;
		assert_int_equal(table_each(table, compare_next, &rest), 0);
		assert_int_equal(rest.count, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_vectors),
		cmocka_unit_test(siphash13_vectors),
		cmocka_unit_test(zeroes_the_head_only),
		cmocka_unit_test(put_get_delete),
		cmocka_unit_test(the_least_recently_used_goes_first),
		cmocka_unit_test(a_table_of_one),
		cmocka_unit_test(expiry_from_the_old_end),
		cmocka_unit_test(visiting),
		cmocka_unit_test(impossible_sizes),
		cmocka_unit_test(a_set),
		cmocka_unit_test(many_of_them),
		cmocka_unit_test(same_as_a_naive_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
