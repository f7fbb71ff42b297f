/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of what happened: records and outcomes in an SQLite file.
 *
 * Never stands in the way: where the file cannot be written the rows are counted as lost and the
 * caller goes on. A damaged file is set aside and a new one begun. Bounded by rows, age and bytes;
 * outcomes have a bound of their own, so that a flood of records does not push out the lockouts.
 */
#ifndef RECORDER_STORE_H
#define RECORDER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bailiff/control.h>
#include <bailiff/ipc.h>

#include "base/cleanup.h"

#define STORE_FILE "bailiff.db"
#define STORE_RECORDS_MAX 900000
#define STORE_OUTCOMES_MAX 100000
#define STORE_AGE_DAYS 90
#define STORE_BYTES_MAX (1024ULL * 1024 * 1024)
#define STORE_BATCH_MAX 2000 /* rows of one transaction */
#define STORE_FIND_MAX 10000 /* rows that one question is answered with */
#define STORE_FIND_DEFAULT 1000
#define STORE_HISTORY_MAX 65536

struct store_limits {
	uint64_t records;
	uint64_t outcomes;
	uint64_t age_ns;
	uint64_t bytes;
};

struct store_stats {
	uint64_t written; /* rows, committed */
	uint64_t lost; /* rows that could not be written */
	uint64_t pruned;
	uint64_t set_aside; /* files */
};

struct store;

/* Opens nothing yet. limits NULL: the defaults above. */
int store_new(struct store **ret, const char *folder, const struct store_limits *limits);
struct store *store_free(struct store *store); /* commits */
DEFINE_CLEANUP(store_free, struct store *)

/* 0, or -errno with the reason logged; the store then counts losses until a later call works. */
int store_open(struct store *store);
/* Opens anew where the file could not be opened or written, or turned out to be damaged. Cheap
 * otherwise; to be called every few seconds. */
void store_mend(struct store *store);
bool store_writable(const struct store *store);

/* Rows become durable at store_commit, or by themselves after STORE_BATCH_MAX. */
void store_add_record(struct store *store, const struct ipc_record *record, uint64_t wall_ns);
void store_add_outcome(struct store *store, const struct ipc_outcome *outcome, uint64_t wall_ns,
		       uint64_t until_wall_ns);
bool store_pending(const struct store *store);
void store_commit(struct store *store);
/* Every few minutes, and sooner when store_prune_due. */
void store_prune(struct store *store, uint64_t now_wall_ns);
bool store_prune_due(const struct store *store);
void store_stats(const struct store *store, struct store_stats *ret);

/* A row that a question found; rows are fetched one by one as the client takes them. */
struct store_ref {
	int64_t id;
	bool outcome;
};

struct store_row {
	bool outcome;
	uint64_t wall_ns;
	uint64_t until_wall_ns; /* of an outcome, 0 = none */
	union {
		struct ipc_record record;
		struct ipc_outcome as_outcome;
	};
};

/* Oldest first, the newest request->limit of them. -EIO: cannot be read; -ETIME: too much to look
 * through. */
int store_find(struct store *store, const struct status_request *request,
	       struct store_ref **ret_refs, size_t *ret_count);
/* -ENOENT: pruned meanwhile. -EBADMSG: the row holds what no message may hold. */
int store_get(struct store *store, const struct store_ref *ref, struct store_row *ret);

/* Addresses and users that failed within a day or were locked out within 90, newest first; head is
 * left zero. */
int store_history(struct store *store, uint64_t now_wall_ns, struct ipc_history **ret,
		  size_t *ret_count);

#endif
