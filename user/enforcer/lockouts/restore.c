/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What survives: the file, the kernel's tables, and the ledger brought to one opinion at start.
 *
 * The kernel's table wins over the file for what it holds (it is what refuses), the file gives
 * what the kernel has not (after a reboot: everything) and the words. Then the file is rewritten,
 * so that it names this boot's clock and nothing that is over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/log.h"
#include "enforcer/lockouts/lockouts.h"

#define CLOCK_SLACK_NS ((int64_t)(60 * NSEC_PER_SEC))
#define SLACK_RECORDS 4096U /* a rewrite is worth it beyond twice what is in force and this */
#define FOUND_REASON "found in the kernel's table, the reason is not known"

uint32_t lockouts_write(struct lockouts *lockouts, const struct ledger_entry *entry,
			enum state_kind kind, const char *origin, const char *reason)
{
	struct lockout_backend *backend = &lockouts->backend;
	uint64_t now = backend->boot_ns(backend->arg), wall = backend->wall_ns(backend->arg);
	struct state_record record = {
		.kind = kind,
		.decision = entry->decision,
		.locked_boot_ns = entry->locked_boot_ns,
		.until_boot_ns = entry->until_boot_ns,
		.locked_wall_ns = wall - (now - entry->locked_boot_ns),
		.until_wall_ns = wall + (entry->until_boot_ns - now),
		.subject = entry->subject,
		.action = entry->action,
		.step = lockouts_step_pack(entry),
	};
	struct bl_session session;
	uint32_t number;
	int r;

	if (entry->subject.kind == SUBJECT_SESSION &&
	    backend->session(entry->subject.id, &session, backend->arg) == 0) {
		record.auid = session.auid;
		record.audit_session = session.audit_session;
	}
	text_copy(record.origin, sizeof(record.origin), origin);
	text_copy(record.reason, sizeof(record.reason), reason);
	r = state_append(lockouts->state, &record, &number);
	if (r < 0) {
		if (lockouts->state_failures++ == 0)
			log_error_errno(r, "a lockout could not be written down; it ends with a "
					   "reboot");
		return STATE_NONE;
	}
	return number;
}

/* Clocks drift; a minute of a lockout's end does not matter. */
static bool differ(int64_t a, int64_t b)
{
	return a - b > CLOCK_SLACK_NS || b - a > CLOCK_SLACK_NS;
}

/* ---- start ---- */

struct restore {
	struct lockouts *lockouts;
	struct state_clock clock;
	bool same_boot;
	bool clock_set; /* since a record was written */
	uint64_t now, wall;
	uint32_t refused; /* did not fit, or are no subjects */
};

static int from_kernel(const struct lockout_item *item, void *arg)
{
	struct restore *restore = arg;
	struct lockouts *lockouts = restore->lockouts;
	struct ledger_entry *entry;

	/* Also one that ended while nobody looked: the first tick tells of its end. */
	if (ledger_add(lockouts->ledger, &item->subject, item->lock.expires_boot_ns, &entry) < 0) {
		restore->refused++;
		return 0;
	}
	entry->locked_boot_ns = item->lock.locked_boot_ns;
	entry->decision = item->lock.decision;
	entry->action = ACTION_LOCK;
	entry->in_kernel = true;
	return 0;
}

static void locked_record(struct restore *restore, const struct state_record *record,
			  uint32_t number)
{
	struct lockouts *lockouts = restore->lockouts;
	struct ledger_entry *entry;
	struct ipc_subject subject;
	uint64_t until;

	if (limits_subject(&record->subject, &subject) < 0)
		return;
	if (restore->same_boot && differ((int64_t)(record->until_wall_ns - record->until_boot_ns),
					 (int64_t)(restore->wall - restore->now)))
		restore->clock_set = true;
	/* Sessions and their numbers end with the boot. */
	if (subject.kind == SUBJECT_SESSION && !restore->same_boot)
		return;
	entry = ledger_get(lockouts->ledger, &subject);
	until = state_until(record, &restore->clock, restore->same_boot, restore->now,
			    restore->wall, lockouts->limits.longest_ns);
	if (entry && entry->in_kernel) {
		entry->record = number;
		return;
	}
	if (until <= restore->now)
		return;
	if (!entry && ledger_add(lockouts->ledger, &subject, until, &entry) < 0) {
		restore->refused++;
		return;
	}
	entry->locked_boot_ns = restore->same_boot ? record->locked_boot_ns : restore->now;
	entry->decision = record->decision;
	entry->action = record->action;
	lockouts_step_unpack(entry, record->step);
	entry->record = number;
	ledger_until(lockouts->ledger, entry, until);
}

static int from_file(const struct state_record *record, uint32_t number, void *arg)
{
	struct restore *restore = arg;
	struct ledger_entry *entry;

	switch ((enum state_kind)record->kind) {
	case STATE_LOCKED:
		locked_record(restore, record, number);
		break;
	case STATE_GONE:
		/* The kernel's table outlived this record only if the removal failed. */
		entry = ledger_get(restore->lockouts->ledger, &record->subject);
		if (entry && !entry->in_kernel)
			ledger_remove(restore->lockouts->ledger, entry);
		break;
	case STATE_FROZEN:
	case STATE_THAWED:
	case STATE_KIND_MAX:
		break;
	}
	return 0;
}

/* Everything that the kernel does not hold yet, in batches of one family. */
static int to_kernel(struct lockouts *lockouts, int family)
{
	struct lockout_backend *backend = &lockouts->backend;
	_cleanup_free_ struct lockout_item *item = calloc(LOCKOUTS_BATCH, sizeof(*item));
	uint32_t total = ledger_total(lockouts->ledger);
	size_t count = 0;
	int r;

	if (!item)
		return -ENOMEM;
	for (uint32_t i = 0; i < total; i++) {
		struct ledger_entry *entry = ledger_at(lockouts->ledger, i);

		if (entry->subject.kind == SUBJECT_ADDRESS && entry->subject.family == family &&
		    !entry->in_kernel) {
			item[count++] = (struct lockout_item){
				.subject = entry->subject,
				.lock.expires_boot_ns = entry->until_boot_ns,
				.lock.locked_boot_ns = entry->locked_boot_ns,
				.lock.decision = entry->decision,
			};
			entry->in_kernel = true;
		}
		if (count == LOCKOUTS_BATCH || (count > 0 && i + 1 == total)) {
			r = backend->put_many(item, count, backend->arg);
			if (r < 0)
				return r;
			count = 0;
		}
	}
	return 0;
}

/* ---- rewriting ---- */

struct rewrite {
	struct lockouts *lockouts;
	/* Entries by their record in the old file, which is thus read from front to back; then
	 * those that have none. */
	struct ledger_entry **entry;
	size_t count;
	size_t next;
	size_t job; /* then the scopes that are frozen now */
	uint32_t scope;
	uint64_t now, wall;
};

static int next_frozen(struct state_record *ret, struct rewrite *rewrite)
{
	const struct lockouts *lockouts = rewrite->lockouts;

	for (; rewrite->job < lockouts->jobs; rewrite->job++, rewrite->scope = 0) {
		const struct session_job *job = lockouts->job[rewrite->job];
		const char *path;

		while (session_job_scope(job, rewrite->scope++, &path)) {
			if (!path)
				continue;
			*ret = (struct state_record){
				.kind = STATE_FROZEN,
				.locked_boot_ns = rewrite->now,
				.locked_wall_ns = rewrite->wall,
				.subject.kind = SUBJECT_SESSION,
				.subject.id = session_job_tag(job),
			};
			text_copy(ret->reason, sizeof(ret->reason), path);
			return 1;
		}
	}
	return 0;
}

static int next_record(struct state_record *ret, uint32_t number, void *arg)
{
	struct rewrite *rewrite = arg;
	const struct ledger_entry *entry;
	struct state_record old;

	(void)number;
	if (rewrite->next == rewrite->count)
		return next_frozen(ret, rewrite);
	entry = rewrite->entry[rewrite->next++];
	*ret = (struct state_record){
		.kind = STATE_LOCKED,
		.decision = entry->decision,
		.locked_boot_ns = entry->locked_boot_ns,
		.until_boot_ns = entry->until_boot_ns,
		.locked_wall_ns = rewrite->wall - (rewrite->now - entry->locked_boot_ns),
		.until_wall_ns = rewrite->wall + (entry->until_boot_ns - rewrite->now),
		.subject = entry->subject,
		.action = entry->action,
		.step = lockouts_step_pack(entry),
	};
	if (state_read(rewrite->lockouts->state, entry->record, &old) == 0) {
		memcpy(ret->origin, old.origin, sizeof(ret->origin));
		memcpy(ret->reason, old.reason, sizeof(ret->reason));
		ret->auid = old.auid;
		ret->audit_session = old.audit_session;
	} else {
		text_copy(ret->reason, sizeof(ret->reason), FOUND_REASON);
	}
	return 1;
}

static int order_entries(struct rewrite *rewrite)
{
	struct ledger *ledger = rewrite->lockouts->ledger;
	uint32_t records = state_records(rewrite->lockouts->state), total = ledger_total(ledger);
	struct ledger_entry **entry =
		calloc((size_t)records + total + 1, sizeof(struct ledger_entry *));
	size_t end = records, used = 0;

	if (!entry)
		return -ENOMEM;
	for (uint32_t i = 0; i < total; i++) {
		struct ledger_entry *one = ledger_at(ledger, i);
		size_t place = one->record < records ? one->record : end;

		/* Two that claim one record cannot be; if they were, neither may be lost. */
		if (entry[place])
			place = end;
		end += place == end;
		entry[place] = one;
	}
	for (size_t i = 0; i < end; i++)
		if (entry[i])
			entry[used++] = entry[i];
	rewrite->entry = entry;
	rewrite->count = used;
	return 0;
}

static int rewrite_file(struct lockouts *lockouts)
{
	struct lockout_backend *backend = &lockouts->backend;
	struct rewrite rewrite = {
		.lockouts = lockouts,
		.now = backend->boot_ns(backend->arg),
		.wall = backend->wall_ns(backend->arg),
	};
	int r;

	lockouts->wall_offset_ns = (int64_t)(rewrite.wall - rewrite.now);
	r = order_entries(&rewrite);
	if (r == 0)
		r = state_replace(lockouts->state, next_record, &rewrite, rewrite.now);
	for (size_t i = 0; r == 0 && i < rewrite.count; i++)
		rewrite.entry[i]->record = (uint32_t)i;
	free(rewrite.entry);
	return r;
}

static bool worth_a_rewrite(struct lockouts *lockouts)
{
	return state_records(lockouts->state) > 2 * ledger_total(lockouts->ledger) + SLACK_RECORDS;
}

static bool all_written(struct lockouts *lockouts)
{
	for (uint32_t i = 0; i < ledger_total(lockouts->ledger); i++)
		if (ledger_at(lockouts->ledger, i)->record == STATE_NONE)
			return false;
	return true;
}

static int open_file(struct lockouts *lockouts, const uint8_t boot_id[STATE_BOOT_ID])
{
	char message[IPC_TEXT_MAX];
	int r;

	r = state_open(&lockouts->state, lockouts->state_dir, boot_id, message);
	if (r < 0) {
		log_error_errno(r, "%s: lockouts are not written down and end with a reboot",
				lockouts->state_dir ? lockouts->state_dir : "memory");
		r = state_open(&lockouts->state, NULL, boot_id, message);
	}
	if (r >= 0 && message[0])
		log_warning("%s", message);
	return r;
}

int lockouts_restore(struct lockouts *lockouts, const uint8_t boot_id[STATE_BOOT_ID])
{
	struct lockout_backend *backend = &lockouts->backend;
	struct restore restore = {
		.lockouts = lockouts,
		.now = backend->boot_ns(backend->arg),
		.wall = backend->wall_ns(backend->arg),
	};
	static const int families[] = { AF_INET, AF_INET6 };
	int r;

	r = open_file(lockouts, boot_id);
	if (r < 0)
		return r;
	restore.same_boot = r == STATE_SAME_BOOT;
	restore.clock = state_clock_read(lockouts->state);
	r = backend->each(from_kernel, &restore, backend->arg);
	if (r < 0)
		log_warning_errno(r, "the kernel's table of lockouts could not be read");
	r = state_each(lockouts->state, from_file, &restore);
	if (r < 0)
		log_warning_errno(r, "the file of lockouts could not be read to its end");
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		r = to_kernel(lockouts, families[i]);
		if (r < 0)
			log_error_errno(r, "lockouts could not be put into force again");
	}
	if (restore.refused)
		log_warning("%u lockouts of the file are more than fit and were left out",
			    restore.refused);
	lockouts_restore_sessions(lockouts);
	lockouts_restore_verdicts(lockouts);
	lockouts->wall_offset_ns = (int64_t)(restore.wall - restore.now);
	if (restore.same_boot && !restore.clock_set && all_written(lockouts) &&
	    !worth_a_rewrite(lockouts))
		return 0;
	r = rewrite_file(lockouts);
	if (r < 0) {
		/* Records of two boots must not meet in one file: then rather in memory. */
		log_error_errno(r, "the file of lockouts could not be rewritten");
		if (!restore.same_boot) {
			lockouts->state = state_free(lockouts->state);
			r = state_open(&lockouts->state, NULL, boot_id, (char[IPC_TEXT_MAX]){});
			if (r < 0)
				return r;
			for (uint32_t i = 0; i < ledger_total(lockouts->ledger); i++)
				ledger_at(lockouts->ledger, i)->record = STATE_NONE;
		}
	}
	return 0;
}

void lockouts_save(struct lockouts *lockouts, uint64_t now_boot_ns)
{
	struct lockout_backend *backend = &lockouts->backend;
	int64_t offset_ns =
		(int64_t)(backend->wall_ns(backend->arg) - backend->boot_ns(backend->arg));
	int r;

	/* After a reboot only the wall clock tells how long it took: the ends are written in what
	 * it shows now, or a lockout would end by as much earlier as the clock was set ahead. */
	if ((worth_a_rewrite(lockouts) || differ(offset_ns, lockouts->wall_offset_ns)) &&
	    !lockouts->replacing) {
		r = rewrite_file(lockouts);
		/* Not again and again on a full disk: the next restart will. */
		lockouts->replacing = r < 0;
		if (r < 0)
			log_warning_errno(r, "the file of lockouts could not be rewritten");
	}
	r = state_sync(lockouts->state, now_boot_ns, false);
	if (r < 0 && lockouts->state_failures++ == 0)
		log_error_errno(r, "the file of lockouts could not be written");
}
