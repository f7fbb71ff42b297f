/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines of one connection, joined by <F-MLFID>: a door with a lock, and what comes out of its log.
 */
#include "filters.h"

#include <stdio.h>

#include "base/clock.h"

static const struct file door[] = {
	{ "door-common.conf", "[DEFAULT]\n"
			      "_daemon = \\S+\n"
			      "_head = \\s*(?:\\S+\\s+)?<_daemon>\\[\\d+\\]:\\s+\n" },
	{ "door.conf", "[INCLUDES]\n"
		       "before = door-common.conf\n"
		       "[Definition]\n"
		       "_daemon = doord\n"
		       "prefregex = ^<F-MLFID>%(_head)s</F-MLFID><F-CONTENT>.+</F-CONTENT>$\n"
		       "_tail = (?: port \\d{1,5})?\\s*$\n"
		       "_base = ^bad code for <F-USER>.*</F-USER> from <ADDR>%(_tail)s\n"
		       "        ^<F-NOFAIL>guest from</F-NOFAIL> <ADDR>%(_tail)s\n"
		       "        ^wrong code$\n"
		       "        ^<F-MLFFORGET><F-MLFGAINED>opened</F-MLFGAINED></F-MLFFORGET> for "
		       "<F-USER>\\S+</F-USER>$\n"
		       "        ^<F-NOFAIL><F-MLFFORGET>left</F-MLFFORGET></F-NOFAIL>$\n"
		       "_more-normal =\n"
		       "_more-strict = ^knock from <ADDR>%(_tail)s\n"
		       "failregex = %(_base)s\n"
		       "            <_more-<mode>>\n"
		       "mode = normal\n"
		       "datepattern = {^LN-BEG}%%Y-%%m-%%d %%H:%%M:%%S\n" },
};

struct step {
	const char *line;
	enum filter_outcome outcome;
	const char *addr, *user;
};

static void run(struct filter_set *set, uint16_t filter, const struct step *steps, size_t count)
{
	struct claim claim;

	for (size_t i = 0; i < count; i++) {
		enum filter_outcome outcome = match(set, filter, steps[i].line, &claim);

		assert_row(outcome == steps[i].outcome, steps[i].line);
		if (steps[i].outcome == FILTER_NOMATCH)
			continue;
		assert_row(addr_is(&claim.addr, steps[i].addr), steps[i].line);
		assert_row(!strcmp(claim.user, steps[i].user), steps[i].line);
	}
}

static void test_table(void **state)
{
	static const struct step steps[] = {
		{ "doord[7]: guest from 203.0.113.9 port 4001", FILTER_NOFAIL, "203.0.113.9", "" },
		{ "doord[7]: wrong code", FILTER_FAILURE, "203.0.113.9", "" },
		{ "doord[7]: wrong code", FILTER_FAILURE, "203.0.113.9", "" },
		{ "doord[7]: left", FILTER_NOFAIL, "203.0.113.9", "" },
		{ "doord[7]: wrong code", FILTER_NOFAIL, "-", "" },
		/* A failure that waits for its address; the line that brings it counts. */
		{ "doord[8]: wrong code", FILTER_NOFAIL, "-", "" },
		{ "doord[8]: guest from 203.0.113.10 port 4001", FILTER_FAILURE, "203.0.113.10",
		  "" },
		{ "doord[8]: guest from 203.0.113.10 port 4001", FILTER_NOFAIL, "203.0.113.10",
		  "" },
		/* In, and forgotten. */
		{ "doord[9]: guest from 203.0.113.11", FILTER_NOFAIL, "203.0.113.11", "" },
		{ "doord[9]: opened for alice", FILTER_SUCCESS, "203.0.113.11", "alice" },
		{ "doord[9]: wrong code", FILTER_NOFAIL, "-", "" },
		{ "doord[10]: bad code for x from 198.51.100.77 port 1 from 203.0.113.12 port 5",
		  FILTER_FAILURE, "203.0.113.12", "x from 198.51.100.77 port 1" },
		{ "doord[11]: knock from 203.0.113.13", FILTER_NOMATCH, "", "" },
		{ "doord[12]: bad code for bob from 203.0.113.14", FILTER_FAILURE, "203.0.113.14",
		  "bob" },
		{ "doord[12]: opened for bob", FILTER_SUCCESS, "203.0.113.14", "bob" },
		/* Another name than before: the success is one more guess. */
		{ "doord[13]: bad code for bob from 203.0.113.15", FILTER_FAILURE, "203.0.113.15",
		  "bob" },
		{ "doord[13]: opened for carol", FILTER_FAILURE, "203.0.113.15", "carol" },
		/* Other hosts, other keys. */
		{ "a doord[14]: guest from 203.0.113.16", FILTER_NOFAIL, "203.0.113.16", "" },
		{ "b doord[14]: wrong code", FILTER_NOFAIL, "-", "" },
		{ "a doord[14]: wrong code", FILTER_FAILURE, "203.0.113.16", "" },
		{ "other[7]: wrong code", FILTER_NOMATCH, "", "" },
	};
	struct filter_set *set = set_of(door, ARRAY_SIZE(door));

	(void)state;
	run(set, load(set, "door"), steps, ARRAY_SIZE(steps));
	filter_set_free(set);
}

static void test_modes(void **state)
{
	struct filter_set *set = set_of(door, ARRAY_SIZE(door));
	char error[EVIDENCE_ERROR_MAX];
	uint16_t strict = load(set, "door[mode=strict]"), normal = load(set, "door"), again;
	const char *line = "doord[11]: knock from 203.0.113.13";
	struct claim claim;

	(void)state;
	assert_int_not_equal(strict, normal);
	assert_int_equal(load(set, "door[mode=strict]"), strict);
	assert_int_equal(filter_expressions(set, normal), 5);
	assert_int_equal(filter_expressions(set, strict), 6);
	assert_int_equal(match(set, normal, line, &claim), FILTER_NOMATCH);
	assert_int_equal(match(set, strict, line, &claim), FILTER_FAILURE);
	assert_int_equal(claim.form, 5);
	assert_string_equal(filter_name(set, strict), "door");
	/* A mode that the filter does not have would match less in silence. */
	assert_true(filter_set_load(set, "door[mode=strickt]", &again, error) < 0);
	assert_non_null(strstr(error, "door.conf:15: failregex: the filter has no _more-strickt"));
	filter_set_free(set);
}

/* Each filter, each source has keys of its own. */
static void test_separate(void **state)
{
	struct filter_set *set = set_of(door, ARRAY_SIZE(door));
	uint16_t strict = load(set, "door[mode=strict]"), normal = load(set, "door");
	struct log_record record = { .source = 2, .arrived_ns = 1 };
	struct claim claim;

	(void)state;
	assert_int_equal(match(set, normal, "doord[7]: guest from 203.0.113.9", &claim),
			 FILTER_NOFAIL);
	assert_int_equal(match(set, strict, "doord[7]: wrong code", &claim), FILTER_NOFAIL);
	record.text = "doord[7]: wrong code";
	record.len = strlen(record.text);
	assert_int_equal(filter_match(set, normal, &record, &claim), FILTER_NOFAIL);
	assert_int_equal(match(set, normal, "doord[7]: wrong code", &claim), FILTER_FAILURE);
	filter_set_free(set);
}

static enum filter_outcome by_user(struct filter_set *set, uint32_t uid, const char *line,
				   struct claim *ret)
{
	const struct log_record record = {
		.source = 1,
		.arrived_ns = 1,
		.origin = { .trusted = true, .pid = 7, .has_uid = true, .uid = uid },
		.text = line,
		.len = strlen(line),
	};

	return filter_match(set, 0, &record, ret);
}

/* Whoever writes another service's key puts no address under it. */
static void test_writers(void **state)
{
	struct filter_set *set = set_of(door, ARRAY_SIZE(door));
	struct claim claim;

	(void)state;
	(void)load(set, "door");
	assert_int_equal(by_user(set, 1000, "doord[7]: guest from 198.51.100.77", &claim),
			 FILTER_NOFAIL);
	assert_int_equal(by_user(set, 0, "doord[7]: wrong code", &claim), FILTER_NOFAIL);
	assert_int_equal(by_user(set, 0, "doord[7]: guest from 203.0.113.9", &claim),
			 FILTER_FAILURE);
	assert_true(addr_is(&claim.addr, "203.0.113.9"));
	filter_set_free(set);
}

/* Old lines are forgotten, and too many push the oldest out, counted. */
static void test_bounds(void **state)
{
	struct filter_set *set = set_of(door, ARRAY_SIZE(door));
	uint16_t filter = load(set, "door");
	struct filter_stats stats;
	struct claim claim;
	char line[64];

	(void)state;
	assert_int_equal(match_at(set, filter, "doord[7]: guest from 203.0.113.9", 1, &claim),
			 FILTER_NOFAIL);
	assert_int_equal(match_at(set, filter, "doord[7]: wrong code", 299 * NSEC_PER_SEC, &claim),
			 FILTER_FAILURE);
	assert_int_equal(match_at(set, filter, "doord[7]: wrong code", 900 * NSEC_PER_SEC, &claim),
			 FILTER_NOFAIL);

	for (unsigned int i = 0; i < 10000; i++) {
		(void)snprintf(line, sizeof(line), "doord[%u]: guest from 203.0.113.9", 100000 + i);
		assert_int_equal(match_at(set, filter, line, 900 * NSEC_PER_SEC, &claim),
				 FILTER_NOFAIL);
	}
	assert_int_equal(
		match_at(set, filter, "doord[109999]: wrong code", 900 * NSEC_PER_SEC, &claim),
		FILTER_FAILURE);
	assert_int_equal(
		match_at(set, filter, "doord[100000]: wrong code", 900 * NSEC_PER_SEC, &claim),
		FILTER_NOFAIL);
	filter_stats(set, &stats);
	/* 10,001 keys at once and one more, room for 4,096. */
	assert_int_equal(stats.joined_refused, 10002 - 4096);
	filter_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	 cmocka_unit_test(test_modes),
		cmocka_unit_test(test_separate), cmocka_unit_test(test_writers),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
