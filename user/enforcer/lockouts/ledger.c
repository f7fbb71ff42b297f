/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lockouts in force: a bounded table by subject and a binary heap by end.
 *
 * Entries do not move (base/table keeps a value in its place until it is deleted), so the heap
 * holds pointers, and each entry knows its place in it.
 */
#include "enforcer/lockouts/ledger.h"

#include <errno.h>
#include <stdlib.h>

#include "base/table.h"

struct ledger {
	struct table *table;
	struct ledger_entry **heap;
	uint32_t count;
	uint32_t size; /* places allocated */
	uint32_t max;
	uint32_t kind_count[SUBJECT_MAX];
};

int ledger_new(struct ledger **ret, uint32_t max, const uint64_t seed[2])
{
	_cleanup_(ledger_freep) struct ledger *ledger = calloc(1, sizeof(*ledger));
	int r;

	if (!ledger)
		return -ENOMEM;
	ledger->max = max;
	r = table_new(&ledger->table, sizeof(struct ipc_subject), sizeof(struct ledger_entry), max,
		      seed);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(ledger);
	return 0;
}

struct ledger *ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return NULL;
	table_free(ledger->table);
	free(ledger->heap);
	free(ledger);
	return NULL;
}

static void put(struct ledger *ledger, uint32_t place, struct ledger_entry *entry)
{
	ledger->heap[place] = entry;
	entry->place = place;
}

static void sift_up(struct ledger *ledger, struct ledger_entry *entry)
{
	uint32_t at = entry->place;

	while (at > 0) {
		uint32_t parent = (at - 1) / 2;

		if (ledger->heap[parent]->until_boot_ns <= entry->until_boot_ns)
			break;
		put(ledger, at, ledger->heap[parent]);
		at = parent;
	}
	put(ledger, at, entry);
}

static void sift_down(struct ledger *ledger, struct ledger_entry *entry)
{
	uint32_t at = entry->place;

	for (;;) {
		uint32_t child = at * 2 + 1;

		if (child >= ledger->count)
			break;
		if (child + 1 < ledger->count &&
		    ledger->heap[child + 1]->until_boot_ns < ledger->heap[child]->until_boot_ns)
			child++;
		if (ledger->heap[child]->until_boot_ns >= entry->until_boot_ns)
			break;
		put(ledger, at, ledger->heap[child]);
		at = child;
	}
	put(ledger, at, entry);
}

struct ledger_entry *ledger_get(struct ledger *ledger, const struct ipc_subject *subject)
{
	return table_get(ledger->table, subject);
}

static int heap_room(struct ledger *ledger)
{
	uint32_t size = ledger->size ? ledger->size * 2 : 64;
	struct ledger_entry **heap;

	if (ledger->count < ledger->size)
		return 0;
	heap = reallocarray(ledger->heap, size, sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	ledger->heap = heap;
	ledger->size = size;
	return 0;
}

int ledger_add(struct ledger *ledger, const struct ipc_subject *subject, uint64_t until_boot_ns,
	       struct ledger_entry **ret)
{
	struct ledger_entry *entry;
	void *value;
	int r;

	if (subject->kind >= SUBJECT_MAX)
		return -EINVAL;
	/* Checked here: table_put would make room by forgetting the least recently used. */
	if (ledger->count >= ledger->max)
		return -ENOSPC;
	r = heap_room(ledger);
	if (r < 0)
		return r;
	if (table_put(ledger->table, subject, &value) == TABLE_FOUND)
		return -EEXIST;
	entry = value;
	entry->subject = *subject;
	entry->until_boot_ns = until_boot_ns;
	entry->record = UINT32_MAX;
	entry->place = ledger->count++;
	ledger->kind_count[subject->kind]++;
	sift_up(ledger, entry);
	*ret = entry;
	return 0;
}

void ledger_until(struct ledger *ledger, struct ledger_entry *entry, uint64_t until_boot_ns)
{
	entry->until_boot_ns = until_boot_ns;
	sift_up(ledger, entry);
	sift_down(ledger, entry);
}

void ledger_remove(struct ledger *ledger, struct ledger_entry *entry)
{
	struct ipc_subject subject = entry->subject;
	struct ledger_entry *last = ledger->heap[--ledger->count];

	if (last != entry) {
		put(ledger, entry->place, last);
		sift_up(ledger, last);
		sift_down(ledger, last);
	}
	ledger->kind_count[subject.kind]--;
	table_delete(ledger->table, &subject);
}

struct ledger_entry *ledger_first(struct ledger *ledger)
{
	return ledger->count ? ledger->heap[0] : NULL;
}

uint32_t ledger_count(const struct ledger *ledger, enum subject_kind kind)
{
	return ledger->kind_count[kind];
}

uint32_t ledger_total(const struct ledger *ledger)
{
	return ledger->count;
}

struct ledger_entry *ledger_at(struct ledger *ledger, uint32_t index)
{
	return index < ledger->count ? ledger->heap[index] : NULL;
}
