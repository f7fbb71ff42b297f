/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file of lockouts from arbitrary bytes: opened, walked, its lockouts restored in time,
 * appended to, rewritten. The file is the input's; only its folder is ours.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "enforcer/lockouts/state_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64], path[128];

static void cleanup(void)
{
	(void)unlink(path);
	(void)rmdir(dir);
}

struct walk {
	struct state_clock clock;
	bool same_boot;
	uint32_t records;
};

static int walk_record(const struct state_record *record, uint32_t number, void *arg)
{
	const uint64_t now = 1000 * NSEC_PER_SEC, longest = 86400 * NSEC_PER_SEC;
	struct walk *walk = arg;
	uint64_t until = state_until(record, &walk->clock, walk->same_boot, now,
				     1700000000 * NSEC_PER_SEC, longest);

	if (until < now || until > now + longest || number < walk->records)
		abort();
	walk->records++;
	return 0;
}

static int next_record(struct state_record *ret, uint32_t number, void *arg)
{
	struct state *state = arg;
	uint32_t total = state_records(state);

	/* Those that check, and an end. */
	if (number >= total || number >= 64)
		return 0;
	if (state_read(state, number, ret) < 0)
		*ret = (struct state_record){ .kind = STATE_GONE };
	return 1;
}

/* An input of odd length gets a header and checksums that are right, so that what stands behind
 * them is reached as well. */
static void make_right(uint8_t *bytes, size_t size)
{
	static const uint8_t boot[STATE_BOOT_ID] = { 1 };
	struct state_header header;
	struct state_record record;

	if (size < sizeof(header))
		return;
	memcpy(&header, bytes, sizeof(header));
	state_header_init(&header, boot);
	memcpy(&header.clock, bytes + offsetof(struct state_header, clock), sizeof(header.clock));
	header.sum = state_header_sum(&header);
	memcpy(bytes, &header, sizeof(header));
	for (size_t at = sizeof(header); at + sizeof(record) <= size; at += sizeof(record)) {
		memcpy(&record, bytes + at, sizeof(record));
		state_record_seal(&record, (uint32_t)(at / sizeof(record)) - 1);
		memcpy(bytes + at, &record, sizeof(record));
	}
}

static int write_input(const uint8_t *data, size_t size)
{
	_cleanup_free_ uint8_t *bytes = malloc(size + 1);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600), r;

	if (!bytes || fd < 0)
		return -1;
	memcpy(bytes, data, size);
	if (size % 2)
		make_right(bytes, size);
	r = write(fd, bytes, size) == (ssize_t)size ? 0 : -1;
	(void)close(fd);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t boot[STATE_BOOT_ID] = { 1 };
	_cleanup_(state_freep) struct state *state = NULL;
	struct state_record record = { .kind = STATE_LOCKED };
	char message[IPC_TEXT_MAX], name[192];
	struct walk walk = {};
	uint32_t before, number;
	int r;

	if (!dir[0]) {
		(void)snprintf(dir, sizeof(dir), "/dev/shm/fuzz-state-XXXXXX");
		if (!mkdtemp(dir))
			abort();
		(void)snprintf(path, sizeof(path), "%s/%s", dir, STATE_FILE);
		(void)atexit(cleanup);
	}
	if (size == 0 || write_input(data, size) < 0)
		return -1;
	r = state_open(&state, dir, boot, message);
	if (r < 0)
		abort();
	walk.clock = state_clock_read(state);
	walk.same_boot = r == STATE_SAME_BOOT;
	if (state_each(state, walk_record, &walk) != 0 || walk.records > state_records(state))
		abort();
	if (state_replace(state, next_record, state, 1) < 0)
		abort();
	before = state_records(state);
	if (state_append(state, &record, &number) < 0 || number != before ||
	    state_read(state, number, &record) < 0)
		abort();
	/* Set aside once each: the folder must not fill. */
	for (int i = 1; i < 4; i++) {
		(void)snprintf(name, sizeof(name), "%s.unusable-%d", path, i);
		(void)unlink(name);
	}
	return 0;
}
