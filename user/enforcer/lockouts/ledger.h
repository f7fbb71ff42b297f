/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lockouts in force: found by subject, and by which ends first.
 *
 * The kernel's maps decide what is refused; this is what bailiffd must know to end a lockout, to
 * list it and to tell how many there are. Texts stay in the state file. Bounded at ledger_new;
 * memory is touched as it fills (about 120 bytes an entry).
 */
#ifndef ENFORCER_LEDGER_H
#define ENFORCER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bailiff/ipc.h>

#include "base/cleanup.h"

struct ledger_entry {
	struct ipc_subject subject;
	uint64_t locked_boot_ns;
	uint64_t until_boot_ns; /* change it through ledger_until only */
	uint32_t decision;
	uint32_t action;
	uint32_t record; /* of the state file */
	uint32_t place; /* in the heap */
	bool in_kernel; /* the kernel's table holds it */
	bool held; /* of a session: an operator holds it at its step */
	uint64_t step_boot_ns; /* of a session: when its step (action) was taken */
};

struct ledger;

int ledger_new(struct ledger **ret, uint32_t max, const uint64_t seed[2]);
struct ledger *ledger_free(struct ledger *ledger);
DEFINE_CLEANUP(ledger_free, struct ledger *)

struct ledger_entry *ledger_get(struct ledger *ledger, const struct ipc_subject *subject);
/* A new entry; the subject must not be there. -ENOSPC: the bound is reached. */
int ledger_add(struct ledger *ledger, const struct ipc_subject *subject, uint64_t until_boot_ns,
	       struct ledger_entry **ret);
void ledger_until(struct ledger *ledger, struct ledger_entry *entry, uint64_t until_boot_ns);
void ledger_remove(struct ledger *ledger, struct ledger_entry *entry);

/* The one that ends first, or NULL. */
struct ledger_entry *ledger_first(struct ledger *ledger);
uint32_t ledger_count(const struct ledger *ledger, enum subject_kind kind);
uint32_t ledger_total(const struct ledger *ledger);
/* The index-th in no particular order, for walks that change nothing but the entries. */
struct ledger_entry *ledger_at(struct ledger *ledger, uint32_t index);

#endif
