/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bounded hash table with least-recently-used eviction, for whatever an outsider can grow.
 *
 * Keys and values are fixed-size and live in one block that is allocated at table_new: nothing
 * grows later. The hash is keyed (SipHash-1-3 with a seed from the caller), because outsiders
 * choose keys.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct table;

int table_new(struct table **ret, size_t key_size, size_t value_size, uint32_t max,
	      const uint64_t seed[2]);
struct table *table_free(struct table *table);
/* Of a new value only so many bytes are zeroed, what was there before stays in the rest: for values
 * of which a few bytes tell how much else holds, since to zero a cold entry costs more than to
 * find it. */
void table_zero_only(struct table *table, size_t size);
DEFINE_CLEANUP(table_free, struct table *)

/* Value of key, or NULL. Touching it makes it the most recently used. */
void *table_get(struct table *table, const void *key);
/* The same without touching. */
const void *table_peek(const struct table *table, const void *key);

enum table_put_result {
	TABLE_FOUND = 1, /* was there */
	TABLE_ADDED, /* new, value zeroed */
	TABLE_EVICTED, /* new; the least recently used entry made room, counted */
};
/* Never fails after table_new. *ret stays valid until the entry is deleted or evicted.
 * on_evict (may be NULL) sees the entry that makes room. */
typedef void (*table_evict_fn)(const void *key, void *value, void *arg);
enum table_put_result table_put(struct table *table, const void *key, void **ret);
void table_on_evict(struct table *table, table_evict_fn fn, void *arg);

bool table_delete(struct table *table, const void *key);
uint32_t table_count(const struct table *table);
uint64_t table_evicted(const struct table *table);

/* Least recently used entry, or false if empty; for expiry from the old end. */
bool table_oldest(struct table *table, const void **ret_key, void **ret_value);

/* Visits all entries, most recently used first; the visited one may be deleted. fn nonzero ends. */
typedef int (*table_each_fn)(const void *key, void *value, void *arg);
int table_each(struct table *table, table_each_fn fn, void *arg);

/* SipHash-2-4, for whatever is stored or stands for the bytes. */
uint64_t table_hash(const uint64_t seed[2], const void *bytes, size_t len);
/* SipHash-1-3, for places in memory. */
uint64_t table_place(const uint64_t seed[2], const void *bytes, size_t len);

#endif
