/* SPDX-License-Identifier: GPL-2.0-only */
/* The file of lockouts: what is written is read, what is damaged is not, clocks do not prolong. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "enforcer/lockouts/state.h"

#define SEC NSEC_PER_SEC
#define RECORD ((off_t)sizeof(struct state_record))

static const uint8_t this_boot[STATE_BOOT_ID] = { 1 };
static const uint8_t other_boot[STATE_BOOT_ID] = { 2 };
static char dir[64], path[96], message[IPC_TEXT_MAX];

static int setup(void **unused)
{
	(void)unused;
	(void)snprintf(dir, sizeof(dir), "/tmp/unit-state-XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/%s", dir, STATE_FILE);
	return 0;
}

static int teardown(void **unused)
{
	char command[128];

	(void)unused;
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static struct state_record record(uint64_t n)
{
	struct state_record r = {
		.kind = STATE_LOCKED,
		.decision = (uint32_t)n,
		.locked_boot_ns = n * SEC,
		.until_boot_ns = (n + 600) * SEC,
		.subject = { .kind = SUBJECT_ADDRESS,
			     .family = 2,
			     .prefix = 32,
			     .addr = { 192, 0, 2, (uint8_t)n } },
		.action = ACTION_LOCK,
	};

	(void)snprintf(r.origin, sizeof(r.origin), "rule-%llu", (unsigned long long)n);
	(void)snprintf(r.reason, sizeof(r.reason), "reason %llu", (unsigned long long)n);
	return r;
}

static void fill(uint64_t count)
{
	_cleanup_(state_freep) struct state *state = NULL;
	uint32_t number;

	assert_int_equal(state_open(&state, dir, this_boot, message), STATE_NEW);
	for (uint64_t i = 0; i < count; i++) {
		struct state_record r = record(i + 1);

		assert_int_equal(state_append(state, &r, &number), 0);
		assert_int_equal(number, i);
	}
	assert_int_equal(state_sync(state, 5000 * SEC, false), 0);
}

struct seen {
	uint32_t count;
	uint64_t decisions; /* sum */
};

static int see(const struct state_record *r, uint32_t number, void *arg)
{
	struct seen *seen = arg;

	(void)number;
	seen->count++;
	seen->decisions += r->decision;
	return 0;
}

static struct seen reopen(int expected)
{
	_cleanup_(state_freep) struct state *state = NULL;
	struct seen seen = {};

	assert_int_equal(state_open(&state, dir, this_boot, message), expected);
	assert_int_equal(state_each(state, see, &seen), 0);
	return seen;
}

static void written_is_read(void **unused)
{
	_cleanup_(state_freep) struct state *state = NULL;
	struct state_record back, was = record(3);
	struct seen seen;

	(void)unused;
	fill(2000);
	seen = reopen(STATE_SAME_BOOT);
	assert_int_equal(seen.count, 2000);
	assert_int_equal(seen.decisions, 2000 * 2001 / 2);
	assert_string_equal(message, "");
	assert_int_equal(state_open(&state, dir, other_boot, message), STATE_OTHER_BOOT);
	assert_true(state_clock_read(state).last_boot_ns == 5000 * SEC);
	assert_int_equal(state_read(state, 2, &back), 0);
	assert_string_equal(back.reason, was.reason);
	assert_memory_equal(&back.subject, &was.subject, sizeof(was.subject));
	assert_int_equal(state_read(state, 2000, &back), -ENOENT);
	/* Times of two boots must not meet in one file. */
	assert_int_equal(state_append(state, &was, &(uint32_t){ 0 }), -ESTALE);
	assert_int_equal(state_sync(state, 1, false), -ESTALE);
}

static void flip(off_t at)
{
	int fd = open(path, O_RDWR);
	unsigned char byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	(void)close(fd);
}

static void damaged_record(void **unused)
{
	struct seen seen;

	(void)unused;
	fill(10);
	flip(RECORD * 4 + 100); /* header, then records 0 to 3: the 4th */
	seen = reopen(STATE_SAME_BOOT);
	assert_int_equal(seen.count, 9);
	assert_int_equal(seen.decisions, 55 - 4);
	assert_non_null(strstr(message, "9 records kept, 1 did not check, 0 bytes"));
}

static void damaged_tail(void **unused)
{
	struct stat st;
	struct seen seen;

	(void)unused;
	fill(10);
	assert_int_equal(truncate(path, RECORD * 11 - 100), 0);
	flip(RECORD * 9 + 5);
	seen = reopen(STATE_SAME_BOOT);
	assert_int_equal(seen.count, 8);
	assert_non_null(strstr(message, "cut off"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, RECORD * 9);
	/* What was cut is gone: nothing is told the second time. */
	seen = reopen(STATE_SAME_BOOT);
	assert_int_equal(seen.count, 8);
	assert_string_equal(message, "");
}

static void record_in_wrong_place(void **unused)
{
	unsigned char bytes[sizeof(struct state_record)];
	struct seen seen;
	int fd;

	(void)unused;
	fill(10);
	fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, bytes, sizeof(bytes), RECORD * 2), sizeof(bytes));
	assert_int_equal(pwrite(fd, bytes, sizeof(bytes), RECORD * 6), sizeof(bytes));
	(void)close(fd);
	seen = reopen(STATE_SAME_BOOT);
	assert_int_equal(seen.count, 9);
	assert_int_equal(seen.decisions, 55 - 6);
}

static void unusable_is_set_aside(void **unused)
{
	static const char *const what[] = { "header", "empty", "text", "folder" };
	char aside[128];
	struct seen seen;

	(void)unused;
	for (int i = 0; i < 4; i++) {
		struct stat st;
		int fd;

		(void)unlink(path);
		if (i == 0) {
			fill(3);
			flip(9); /* the version */
		} else if (i == 3) {
			assert_int_equal(mkdir(path, 0700), 0);
		} else {
			fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
			assert_int_equal(write(fd, "lockouts\n", i == 1 ? 0 : 9), i == 1 ? 0 : 9);
			(void)close(fd);
		}
		if (i == 3) {
			/* O_RDWR of a folder fails: the caller is told, nothing is moved. */
			_cleanup_(state_freep) struct state *state = NULL;

			assert_int_equal(state_open(&state, dir, this_boot, message), -EISDIR);
			assert_int_equal(rmdir(path), 0);
			break;
		}
		seen = reopen(STATE_NEW);
		assert_row(seen.count == 0, what[i]);
		assert_non_null(strstr(message, "could not be used"));
		(void)snprintf(aside, sizeof(aside), "%s.unusable-%d", path, i + 1);
		assert_row(stat(aside, &st) == 0, what[i]);
	}
}

static void link_is_not_followed(void **unused)
{
	_cleanup_(state_freep) struct state *state = NULL;

	(void)unused;
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(state_open(&state, dir, this_boot, message), -ELOOP);
}

struct source {
	uint64_t next, end;
	bool fail;
};

static int next_record(struct state_record *ret, uint32_t number, void *arg)
{
	struct source *source = arg;

	if (source->fail && source->next == 5)
		return -EIO;
	if (source->next == source->end)
		return 0;
	*ret = record(source->next++);
	assert_int_equal(number, source->next - 101);
	return 1;
}

static void replace(void **unused)
{
	_cleanup_(state_freep) struct state *state = NULL;
	struct source source = { .next = 100, .end = 1500 };
	uint32_t number;
	struct state_record r = record(7);
	struct seen seen;

	(void)unused;
	fill(10);
	assert_int_equal(state_open(&state, dir, other_boot, message), STATE_OTHER_BOOT);
	assert_int_equal(state_replace(state, next_record, &source, 9 * SEC), 0);
	assert_int_equal(state_records(state), 1400);
	/* It is of this boot now, and can be written again. */
	assert_int_equal(state_append(state, &r, &number), 0);
	assert_int_equal(number, 1400);
	state = state_free(state);
	assert_int_equal(state_open(&state, dir, other_boot, message), STATE_SAME_BOOT);
	seen = (struct seen){};
	assert_int_equal(state_each(state, see, &seen), 0);
	assert_int_equal(seen.count, 1401);
}

static void failed_replace_keeps_the_old(void **unused)
{
	_cleanup_(state_freep) struct state *state = NULL;
	struct source source = { .next = 5, .end = 9, .fail = true };
	struct state_record back;

	(void)unused;
	fill(10);
	assert_int_equal(state_open(&state, dir, this_boot, message), STATE_SAME_BOOT);
	assert_int_equal(state_replace(state, next_record, &source, 1), -EIO);
	assert_int_equal(state_records(state), 10);
	assert_int_equal(state_read(state, 9, &back), 0);
	assert_int_equal(reopen(STATE_SAME_BOOT).count, 10);
}

static void in_memory(void **unused)
{
	_cleanup_(state_freep) struct state *state = NULL;
	struct state_record r = record(1), back;
	uint32_t number;

	(void)unused;
	assert_int_equal(state_open(&state, NULL, this_boot, message), STATE_NEW);
	memset(r.reason, 'x', sizeof(r.reason)); /* no NUL: it is given one */
	assert_int_equal(state_append(state, &r, &number), 0);
	assert_int_equal(state_read(state, number, &back), 0);
	assert_int_equal(strlen(back.reason), sizeof(r.reason) - 1);
	assert_int_equal(state_sync(state, 1, false), 0);
}

static void clocks(void **unused)
{
	const uint64_t day = 86400 * SEC, wall = 1000000 * SEC, longest = 30 * day;
	/* Locked at boot time 100 s, wall 1,000,000 s, for a day. */
	struct state_record r = {
		.locked_boot_ns = 100 * SEC,
		.until_boot_ns = 100 * SEC + day,
		.locked_wall_ns = wall,
		.until_wall_ns = wall + day,
	};
	struct state_clock clock = { .last_boot_ns = 100 * SEC + day / 4 };

	(void)unused;
	/* The same boot: the boot clock alone counts, whatever wall time says. */
	assert_true(state_until(&r, &clock, true, 200 * SEC, 0, longest) == r.until_boot_ns);
	assert_true(state_until(&r, &clock, true, r.until_boot_ns + 1, 0, longest) <=
		    r.until_boot_ns + 1);
	/* Another boot, half of the time has passed on the wall. */
	assert_true(state_until(&r, &clock, false, 7 * SEC, wall + day / 2, longest) ==
		    7 * SEC + day / 2);
	/* The wall clock was set back to 1970: three quarters were left when last written. */
	assert_true(state_until(&r, &clock, false, 7 * SEC, 0, longest) == 7 * SEC + day - day / 4);
	/* It is past the end. */
	assert_true(state_until(&r, &clock, false, 7 * SEC, wall + 2 * day, longest) == 7 * SEC);
	/* A header older than the record: all of it. */
	clock.last_boot_ns = 0;
	assert_true(state_until(&r, &clock, false, 7 * SEC, 0, longest) == 7 * SEC + day);
	/* Never beyond what is configured, whatever the file says. */
	r.until_boot_ns = UINT64_MAX;
	r.until_wall_ns = UINT64_MAX;
	assert_true(state_until(&r, &clock, true, 7 * SEC, 0, longest) == 7 * SEC + longest);
	assert_true(state_until(&r, &clock, false, 7 * SEC, 0, longest) == 7 * SEC + longest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(written_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_record, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_tail, setup, teardown),
		cmocka_unit_test_setup_teardown(record_in_wrong_place, setup, teardown),
		cmocka_unit_test_setup_teardown(unusable_is_set_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(link_is_not_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(replace, setup, teardown),
		cmocka_unit_test_setup_teardown(failed_replace_keeps_the_old, setup, teardown),
		cmocka_unit_test(in_memory),
		cmocka_unit_test(clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
