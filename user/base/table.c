/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bounded hash table: chains of slot numbers, and a list by use. Everything is in one zeroed block
 * whose pages the kernel gives on first touch, so a table costs what is in it, not its bound.
 * Keys compare by memcmp: their padding must be zero.
 *
 * The links are apart from keys and values: to look through a chain and to keep the order of use
 * touches 16 bytes an entry, which stay in the cache where the entries do not.
 */
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN_TO 8U
#define LINE 64U /* of the cache: slots of such a size lie in as few lines as they can */
#define BUCKETS_FIRST 256U
#define SLOTS_MAX (1U << 30)
#define BYTES_MAX (1ULL << 36)

/* Slot numbers count from 1; 0 is none, so that zeroed memory is an empty table. */
struct link {
	uint32_t chain; /* next of the same bucket, or next free slot */
	uint32_t newer, older;
	uint32_t hash; /* of the key */
};

struct table {
	uint64_t seed[2];
	uint32_t max;
	uint32_t mask; /* buckets - 1; they grow with what is in the table, up to max */
	uint32_t count;
	uint32_t touched; /* slots that were ever used; those above are still zero */
	uint32_t free;
	uint32_t newest, oldest;
	size_t key_size, value_size, value_at, slot_size;
	size_t zeroed; /* bytes of a new value */
	uint64_t evicted;
	table_evict_fn on_evict;
	void *evict_arg;
	uint32_t *bucket;
	struct link *link;
	char *slots; /* each a key, then a value, both padded to ALIGN_TO */
};

static size_t padded(size_t size)
{
	return (size + ALIGN_TO - 1) & ~(size_t)(ALIGN_TO - 1);
}

static struct link *link_at(const struct table *table, uint32_t number)
{
	return &table->link[number - 1];
}

static void *key_at(const struct table *table, uint32_t number)
{
	return table->slots + (size_t)(number - 1) * table->slot_size;
}

static void *value_at(const struct table *table, uint32_t number)
{
	return (char *)key_at(table, number) + table->value_at;
}

int table_new(struct table **ret, size_t key_size, size_t value_size, uint32_t max,
	      const uint64_t seed[2])
{
	size_t slot_size, slots_size, buckets_size, links_size, size;
	struct table *table;
	uint32_t buckets = 1;

	if (key_size == 0 || key_size > UINT16_MAX || value_size > INT32_MAX || max == 0 ||
	    max > SLOTS_MAX)
		return -EINVAL;
	while (buckets < max)
		buckets *= 2;
	slot_size = padded(key_size) + padded(value_size);
	buckets_size = padded(buckets * sizeof(uint32_t));
	links_size = (size_t)max * sizeof(struct link);
	if (__builtin_mul_overflow(slot_size, max, &slots_size) ||
	    __builtin_add_overflow(
		    slots_size, padded(sizeof(*table)) + buckets_size + links_size + LINE, &size))
		return -ENOMEM;
	if (size > BYTES_MAX)
		return -ENOMEM;
	table = calloc(1, size);
	if (!table)
		return -ENOMEM;
	memcpy(table->seed, seed, sizeof(table->seed));
	table->max = max;
	table->mask = (buckets < BUCKETS_FIRST ? buckets : BUCKETS_FIRST) - 1;
	table->key_size = key_size;
	table->value_size = value_size;
	table->zeroed = value_size;
	table->value_at = padded(key_size);
	table->slot_size = slot_size;
	table->bucket = (uint32_t *)(void *)((char *)table + padded(sizeof(*table)));
	table->link = (struct link *)(void *)((char *)table->bucket + buckets_size);
	table->slots = (char *)table->link + links_size;
	table->slots += -(uintptr_t)table->slots % LINE;
	*ret = table;
	return 0;
}

struct table *table_free(struct table *table)
{
	free(table);
	return NULL;
}

void table_zero_only(struct table *table, size_t size)
{
	table->zeroed = size < table->value_size ? size : table->value_size;
}

static uint32_t hash_of(const struct table *table, const void *key)
{
	return (uint32_t)table_place(table->seed, key, table->key_size);
}

static uint32_t find(const struct table *table, uint32_t hash, const void *key)
{
	uint32_t number = table->bucket[hash & table->mask];

	while (number) {
		const struct link *link = link_at(table, number);

		if (link->hash == hash) {
			/* The value is wanted next, and most often lies in the next line. */
			__builtin_prefetch(value_at(table, number));
			if (!memcmp(key_at(table, number), key, table->key_size))
				return number;
		}
		number = link->chain;
	}
	return 0;
}

/* An empty table is asked often, and not worth a hash. */
static uint32_t find_if_any(const struct table *table, const void *key)
{
	return table->count ? find(table, hash_of(table, key), key) : 0;
}

static void list_remove(struct table *table, uint32_t number)
{
	const struct link *link = link_at(table, number);

	if (link->newer)
		link_at(table, link->newer)->older = link->older;
	else
		table->newest = link->older;
	if (link->older)
		link_at(table, link->older)->newer = link->newer;
	else
		table->oldest = link->newer;
}

static void list_add(struct table *table, uint32_t number)
{
	struct link *link = link_at(table, number);

	link->newer = 0;
	link->older = table->newest;
	if (table->newest)
		link_at(table, table->newest)->newer = number;
	else
		table->oldest = number;
	table->newest = number;
}

static void touch(struct table *table, uint32_t number)
{
	if (table->newest == number)
		return;
	list_remove(table, number);
	list_add(table, number);
}

/* Takes a slot out of its chain and the list; its key and value stay until it is used again. */
static void unlink_slot(struct table *table, uint32_t number)
{
	const struct link *link = link_at(table, number);
	uint32_t *before = &table->bucket[link->hash & table->mask];

	while (*before != number)
		before = &link_at(table, *before)->chain;
	*before = link->chain;
	list_remove(table, number);
	table->count--;
}

void *table_get(struct table *table, const void *key)
{
	uint32_t number = find_if_any(table, key);

	if (!number)
		return NULL;
	touch(table, number);
	return value_at(table, number);
}

const void *table_peek(const struct table *table, const void *key)
{
	uint32_t number = find_if_any(table, key);

	return number ? value_at(table, number) : NULL;
}

/*
 * As many buckets as entries: few entries then take few cache lines and pages, whatever the bound.
 * All chains are made anew; a full table of 65,536 has done so five times, at a few ns an entry.
 */
static void buckets_grow(struct table *table)
{
	uint32_t buckets = (table->mask + 1) * 4;

	while (buckets / 2 >= table->max)
		buckets /= 2;
	table->mask = buckets - 1;
	memset(table->bucket, 0, buckets * sizeof(*table->bucket));
	for (uint32_t number = table->oldest; number; number = link_at(table, number)->newer) {
		struct link *link = link_at(table, number);

		link->chain = table->bucket[link->hash & table->mask];
		table->bucket[link->hash & table->mask] = number;
	}
}

/* A slot that is in no list: a freed one, an untouched one, or the oldest entry's. */
static uint32_t take_slot(struct table *table, bool *ret_evicted)
{
	uint32_t number = table->free;

	*ret_evicted = false;
	if (number) {
		table->free = link_at(table, number)->chain;
		return number;
	}
	if (table->touched < table->max)
		return ++table->touched;
	number = table->oldest;
	unlink_slot(table, number);
	table->evicted++;
	*ret_evicted = true;
	if (table->on_evict)
		table->on_evict(key_at(table, number), value_at(table, number), table->evict_arg);
	return number;
}

enum table_put_result table_put(struct table *table, const void *key, void **ret)
{
	uint32_t hash = hash_of(table, key), *bucket;
	uint32_t number = find(table, hash, key);
	struct link *link;
	bool evicted;

	if (number) {
		touch(table, number);
		*ret = value_at(table, number);
		return TABLE_FOUND;
	}
	number = take_slot(table, &evicted);
	if (table->count > table->mask && table->mask + 1 < table->max)
		buckets_grow(table);
	bucket = &table->bucket[hash & table->mask];
	link = link_at(table, number);
	memcpy(key_at(table, number), key, table->key_size);
	memset(value_at(table, number), 0, table->zeroed);
	link->hash = hash;
	link->chain = *bucket;
	*bucket = number;
	list_add(table, number);
	table->count++;
	*ret = value_at(table, number);
	return evicted ? TABLE_EVICTED : TABLE_ADDED;
}

void table_on_evict(struct table *table, table_evict_fn fn, void *arg)
{
	table->on_evict = fn;
	table->evict_arg = arg;
}

bool table_delete(struct table *table, const void *key)
{
	uint32_t number = find_if_any(table, key);

	if (!number)
		return false;
	unlink_slot(table, number);
	link_at(table, number)->chain = table->free;
	table->free = number;
	return true;
}

uint32_t table_count(const struct table *table)
{
	return table->count;
}

uint64_t table_evicted(const struct table *table)
{
	return table->evicted;
}

bool table_oldest(struct table *table, const void **ret_key, void **ret_value)
{
	if (!table->oldest)
		return false;
	*ret_key = key_at(table, table->oldest);
	*ret_value = value_at(table, table->oldest);
	return true;
}

int table_each(struct table *table, table_each_fn fn, void *arg)
{
	uint32_t number = table->newest;

	while (number) {
		uint32_t older = link_at(table, number)->older;
		int r = fn(key_at(table, number), value_at(table, number), arg);

		if (r != 0)
			return r;
		number = older;
	}
	return 0;
}
