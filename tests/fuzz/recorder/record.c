/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A record or outcome of arbitrary bytes: what the checks let in becomes one line of JSON that
 * parses and fits, and comes out of the store as it went in. Input: one byte that chooses, then the
 * message.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bailiff/control.h>

#include "base/buf.h"
#include "base/json.h"
#include "recorder/check.h"
#include "recorder/ecs.h"
#include "recorder/store.h"

static struct store *store;
static char folder[] = "/tmp/bailiff-fuzz-XXXXXX";

static void clean_up(void)
{
	static const char *const names[] = { "", "-wal", "-shm", ".damaged", ".damaged-wal" };
	char path[128];

	store = store_free(store);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/" STORE_FILE "%s", folder, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct store_limits limits = {
		.records = 1000, .outcomes = 1000, .age_ns = UINT64_MAX, .bytes = 16 << 20
	};

	(void)argc;
	(void)argv;
	assert(mkdtemp(folder));
	assert(store_new(&store, folder, &limits) == 0);
	assert(store_open(store) == 0);
	(void)atexit(clean_up);
	return 0;
}

static void check_json(const struct buf *out)
{
	static struct json_doc doc;
	size_t at;

	assert(!out->cut);
	assert(json_parse(&doc, out->data, out->len, &at) == 0);
	for (size_t i = 0; i < out->len; i++)
		assert((unsigned char)out->data[i] >= 0x20 && out->data[i] != 0x7f);
}

/* The newest row about the subject is the one that was added. */
static void check_store(const struct ipc_subject *subject, struct store_row *ret)
{
	struct status_request request = { .op = STATUS_WHY, .subject = *subject, .limit = 1 };
	struct store_ref *refs = NULL;
	size_t count = 0;

	assert(store_find(store, &request, &refs, &count) == 0);
	assert(count == 1);
	assert(store_get(store, &refs[0], ret) == 0);
	free(refs);
}

static void try_record(const uint8_t *data, size_t size, uint64_t now)
{
	struct buf out = BUF_INIT(STATUS_JSON_MAX);
	struct ipc_record record = { 0 };
	struct store_row row;

	memcpy(&record, data, size < sizeof(record) ? size : sizeof(record));
	if (check_record(&record) < 0)
		return;
	ecs_record(&out, "host", &record, now);
	check_json(&out);
	buf_done(&out);
	if (record.subject.kind == SUBJECT_NONE)
		return;
	store_add_record(store, &record, now);
	check_store(&record.subject, &row);
	assert(!row.outcome && row.record.kind == record.kind);
	assert(memcmp(&row.record.subject, &record.subject, sizeof(record.subject)) == 0);
	assert(row.record.session == record.session && row.record.count == record.count);
	assert(strcmp(row.record.line, record.line) == 0);
	assert(strcmp(row.record.user, record.user) == 0);
}

static void try_outcome(const uint8_t *data, size_t size, uint64_t now)
{
	struct buf out = BUF_INIT(STATUS_JSON_MAX);
	struct ipc_outcome outcome = { 0 };
	struct store_row row;

	memcpy(&outcome, data, size < sizeof(outcome) ? size : sizeof(outcome));
	if (check_outcome(&outcome) < 0)
		return;
	ecs_outcome(&out, "host", &outcome, now, outcome.until_boot_ns);
	check_json(&out);
	buf_done(&out);
	if (outcome.subject.kind == SUBJECT_NONE)
		return;
	store_add_outcome(store, &outcome, now, outcome.until_boot_ns);
	check_store(&outcome.subject, &row);
	assert(row.outcome && row.as_outcome.result == outcome.result);
	assert(row.as_outcome.refused == outcome.refused);
	assert(strcmp(row.as_outcome.text, outcome.text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t now = 1795568523000000000ULL;

	if (size == 0)
		return 0;
	now++;
	if (data[0] & 1)
		try_record(data + 1, size - 1, now);
	else
		try_outcome(data + 1, size - 1, now);
	if (now % 512 == 0)
		store_prune(store, now);
	return 0;
}
