/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's tables of locked addresses against the ledger: what others took out, changed, put
 * in.
 *
 * Only bailiffd writes these tables, so a difference is somebody else's doing. A table is walked in
 * parts, one a call; to pass its million buckets costs some milliseconds even when it is empty, so
 * the caller begins seldom. Where it holds less than the ledger, each entry of the ledger is asked
 * for. An entry is put back, or removed, by what the ledger says at that moment.
 */
#include <errno.h>
#include <sys/socket.h>

#include "enforcer/lockouts/lockouts.h"

struct comparison {
	struct lockouts *lockouts;
	struct tamper *tamper;
	uint64_t now;
};

static void put_right(const struct comparison *c, enum tamper_what what, int r)
{
	c->tamper->seen[what]++;
	if (r < 0) {
		c->tamper->failed++;
		c->tamper->error = r;
	}
}

static struct lockout_item item_of(const struct ledger_entry *entry, uint64_t refused)
{
	return (struct lockout_item){
		.subject = entry->subject,
		.lock.expires_boot_ns = entry->until_boot_ns,
		.lock.locked_boot_ns = entry->locked_boot_ns,
		.lock.decision = entry->decision,
		.lock.refused = refused,
	};
}

static int compare_item(const struct lockout_item *item, void *arg)
{
	const struct comparison *c = arg;
	const struct lockout_backend *backend = &c->lockouts->backend;
	const struct ledger_entry *entry = ledger_get(c->lockouts->ledger, &item->subject);
	struct lockout_item own;
	int r;

	if (!entry) {
		/* One that lapsed and could not be removed then: it refuses nothing. */
		bool lapsed = item->lock.expires_boot_ns <= c->now;

		r = backend->remove(&item->subject, backend->arg);
		if (!lapsed)
			put_right(c, TAMPER_ADDED, r);
		return 0;
	}
	c->lockouts->compare.matched++;
	if (item->lock.expires_boot_ns == entry->until_boot_ns &&
	    item->lock.locked_boot_ns == entry->locked_boot_ns)
		return 0;
	own = item_of(entry, item->lock.refused);
	put_right(c, TAMPER_CHANGED, backend->put(&own, backend->arg));
	return 0;
}

/* Has it been taken out? The end of one that has lapsed is the next tick's. */
static void compare_entry(const struct comparison *c, const struct ledger_entry *entry)
{
	const struct lockout_backend *backend = &c->lockouts->backend;
	struct lockout_item own;
	struct bl_lock lock;

	if (entry->subject.kind != SUBJECT_ADDRESS || entry->until_boot_ns <= c->now ||
	    backend->get(&entry->subject, &lock, backend->arg) != -ENOENT)
		return;
	own = item_of(entry, 0);
	put_right(c, TAMPER_GONE, backend->put(&own, backend->arg));
}

/* A part of the ledger; true: that was the last. */
static bool compare_ledger(const struct comparison *c)
{
	struct ledger *ledger = c->lockouts->ledger;
	uint32_t *place = &c->lockouts->compare.place;

	for (int i = 0; i < LOCKOUTS_COMPARE_MAX && *place < ledger_total(ledger); i++)
		compare_entry(c, ledger_at(ledger, (*place)++));
	return *place >= ledger_total(ledger);
}

/* A part of a family's table; true: that was the last. Negative: it cannot be read. */
static int compare_table(struct comparison *c, int family)
{
	const struct lockout_backend *backend = &c->lockouts->backend;
	int r = 1;

	for (int i = 0; r > 0 && i < LOCKOUTS_COMPARE_MAX / LOCKOUTS_BATCH; i++)
		r = backend->some(family, &c->lockouts->compare.cursor, compare_item, c,
				  backend->arg);
	return r < 0 ? r : r == 0;
}

bool lockouts_tamper(struct lockouts *lockouts, uint64_t now_boot_ns, struct tamper *tamper)
{
	struct comparison c = { .lockouts = lockouts, .tamper = tamper, .now = now_boot_ns };
	int r;

	if (lockouts->hooks_dry || !lockouts->backend.some)
		return false;
	if (lockouts->compare.family == 0) {
		if (!compare_ledger(&c))
			return true;
		lockouts->compare.family = AF_INET;
		lockouts->compare.matched = 0;
		lockouts->compare.cursor = (struct lockout_cursor){};
	}
	while (lockouts->compare.family) {
		r = compare_table(&c, lockouts->compare.family);
		if (r == 0)
			return true;
		if (r == -EOPNOTSUPP) /* there is no such table here */
			lockouts->compare.matched = ledger_total(lockouts->ledger);
		lockouts->compare.cursor = (struct lockout_cursor){};
		lockouts->compare.family = lockouts->compare.family == AF_INET ? AF_INET6 : 0;
	}
	/* Nothing to ask for one by one where the tables hold as many. */
	lockouts->compare.place =
		lockouts->compare.matched >= ledger_count(lockouts->ledger, SUBJECT_ADDRESS)
			? ledger_total(lockouts->ledger)
			: 0;
	return lockouts->compare.place < ledger_total(lockouts->ledger);
}
