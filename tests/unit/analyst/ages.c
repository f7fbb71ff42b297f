/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Old lines: what was written while nobody read counts as of when it was written, or not at all.
 * What is read as it is written counts as now, whatever its stamp says.
 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "analyst/pipeline.h"
#include "base/buf.h"
#include "base/clock.h"

#define NOW_NS (100ULL * 3600 * NSEC_PER_SEC) /* boot */
#define WALL "2026-11-25T01:00:00Z"
#define MINUTE_NS (60ULL * NSEC_PER_SEC)

static const char filter_text[] = "[Definition]\nfailregex = ^\\s*app: denied <ADDR>$\n";
static const char rule_text[] =
	"[rule]\nid = test\nservice = app\nfailures = 3\nwindow = 10m\n"
	"subject = address\naction = lock\nlockout = 1h\ntrust = attested\n";

struct scene {
	struct pipeline *pipeline;
	unsigned int attempts, decisions;
	uint64_t at_ns; /* of the last attempt */
};

static void on_decision(const struct decision *decision, void *arg)
{
	(void)decision;
	((struct scene *)arg)->decisions++;
}

static void on_record(const struct ipc_record *record, void *arg)
{
	struct scene *scene = arg;

	if (record->kind != RECORD_ATTEMPT)
		return;
	scene->attempts += record->count;
	scene->at_ns = record->time_boot_ns;
}

static void on_error(const char *text, void *arg)
{
	(void)arg;
	fail_msg("%s", text);
}

static int setup(void **state)
{
	static const uint64_t seed[2] = { 1, 2 };
	struct scene *scene = calloc(1, sizeof(*scene));
	const struct pipeline_sink sink = {
		.decision = on_decision,
		.record = on_record,
		.arg = scene,
	};
	const struct ipc_service service = { .id = 1, .name = "app", .max_tries = 10 };
	struct ipc_source source = { .id = 1, .kind = IPC_SOURCE_FILE, .attested = true };
	char error[RULES_ERROR_MAX];
	uint64_t wall_ns;

	assert_non_null(scene);
	assert_int_equal(pipeline_new(&scene->pipeline, &sink, seed), 0);
	assert_int_equal(clock_parse(WALL, strlen(WALL), &wall_ns), 0);
	pipeline_clock(scene->pipeline, (int64_t)(wall_ns - NOW_NS));
	assert_int_equal(filter_set_add_file(pipeline_filters(scene->pipeline), "app.conf",
					     filter_text, strlen(filter_text)),
			 0);
	assert_int_equal(pipeline_add_service(scene->pipeline, &service), 0);
	assert_int_equal(pipeline_add_rule(scene->pipeline, "test.conf", rule_text,
					   strlen(rule_text), error),
			 0);
	source.filters = 1;
	text_copy(source.filter[0], sizeof(source.filter[0]), "app");
	text_copy(source.path, sizeof(source.path), "/var/log/app.log");
	assert_int_equal(pipeline_add_source(scene->pipeline, &source, on_error, NULL), 0);
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	pipeline_free(scene->pipeline);
	free(scene);
	return 0;
}

static void line(struct scene *scene, enum log_age age, const char *stamp)
{
	char text[128];
	struct log_record record = { .source = 1, .arrived_ns = NOW_NS, .age = age };

	(void)snprintf(text, sizeof(text), "%s app: denied 203.0.113.9", stamp);
	record.text = text;
	record.len = strlen(text);
	pipeline_log_record(scene->pipeline, &record);
}

static uint64_t stale(const struct scene *scene)
{
	struct ipc_heartbeat stats = { .head = { 0 } };

	pipeline_stats(scene->pipeline, &stats);
	return stats.stale;
}

static void test_ages(void **state)
{
	static const struct {
		const char *stamp;
		enum log_age age;
		uint64_t ago_ns; /* UINT64_MAX: does not count */
	} rows[] = {
		/* Read as it is written: clocks may be wrong, in any direction. */
		{ "2026-11-25T01:00:00Z", LOG_FRESH, 0 },
		{ "2026-11-24T23:00:00Z", LOG_FRESH, 0 },
		{ "2026-11-25T03:00:00Z", LOG_FRESH, 0 },
		{ "1999-01-01T00:00:00Z", LOG_FRESH, 0 },
		{ "Dec 31 23:59:59", LOG_FRESH, 0 },
		{ "", LOG_FRESH, 0 },
		/* It was there before anybody read. */
		{ "2026-11-25T00:59:30Z", LOG_BACKLOG, 0 },
		{ "2026-11-25T00:55:00Z", LOG_BACKLOG, 5 * MINUTE_NS },
		{ "Nov 25 00:50:00", LOG_BACKLOG, 10 * MINUTE_NS },
		{ "2026-11-25T00:49:59Z", LOG_BACKLOG, UINT64_MAX },
		{ "2026-11-24T23:00:00Z", LOG_BACKLOG, UINT64_MAX },
		{ "Nov 25 00:00:00", LOG_BACKLOG, UINT64_MAX },
		{ "Dec 31 23:59:59", LOG_BACKLOG, UINT64_MAX },
		{ "2026-02-30T00:00:00Z", LOG_BACKLOG, UINT64_MAX },
		{ "", LOG_BACKLOG, UINT64_MAX },
		/* Ahead, it has not been long. */
		{ "2026-11-25T03:00:00Z", LOG_BACKLOG, 0 },
		/* A file that was just found: a new one, or an old one that came back. */
		{ "2026-11-25T00:55:00Z", LOG_NEW_FILE, 5 * MINUTE_NS },
		{ "2026-11-25T00:40:00Z", LOG_NEW_FILE, UINT64_MAX },
		{ "", LOG_NEW_FILE, 0 },
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned int attempts = scene->attempts;
		uint64_t before = stale(scene);
		bool counts = rows[i].ago_ns != UINT64_MAX;

		line(scene, rows[i].age, rows[i].stamp);
		assert_row(scene->attempts == attempts + counts, rows[i].stamp);
		assert_row(stale(scene) == before + !counts, rows[i].stamp);
		if (counts)
			assert_row(scene->at_ns == NOW_NS - rows[i].ago_ns, rows[i].stamp);
	}
}

/* A log from last week, however many failures it tells of, locks nobody out. */
static void test_old_log(void **state)
{
	struct scene *scene = *state;

	for (int i = 0; i < 100; i++)
		line(scene, LOG_BACKLOG, "2026-11-18T01:00:00Z");
	assert_int_equal(scene->attempts, 0);
	assert_int_equal(scene->decisions, 0);
	assert_int_equal(stale(scene), 100);
	for (int i = 0; i < 3; i++)
		line(scene, LOG_BACKLOG, "2026-11-25T00:55:00Z");
	assert_int_equal(scene->decisions, 1);
}

/* The wall clock is set while all goes on: nothing that is read as it is written is lost. */
static void test_clock_is_set(void **state)
{
	struct scene *scene = *state;
	uint64_t wall_ns;

	line(scene, LOG_FRESH, "2026-11-25T01:00:00Z");
	assert_int_equal(clock_parse("2026-11-25T03:00:00Z", 20, &wall_ns), 0);
	pipeline_clock(scene->pipeline, (int64_t)(wall_ns - NOW_NS));
	line(scene, LOG_FRESH, "2026-11-25T01:00:01Z");
	line(scene, LOG_FRESH, "2026-11-25T03:00:02Z");
	assert_int_equal(scene->attempts, 3);
	assert_int_equal(scene->decisions, 1);
	line(scene, LOG_BACKLOG, "2026-11-25T02:58:00Z");
	assert_int_equal(scene->attempts, 4);
}

/* What stood in a file or a journal when the clock was set is as old as it was by the clock
 * before. */
static void test_clock_steps_keep_ages(void **state)
{
	static const struct {
		const char *before,
			*after; /* what the clock showed at NOW_NS - 4 min, until then and then */
		const char *stamp;
		uint64_t ago_ns; /* UINT64_MAX: does not count */
	} rows[] = {
		/* Forward. 01:00 is when it was set, by the clock before. */
		{ "2026-11-25T01:00:00Z", "2026-12-31T23:59:00Z", "2026-11-25T00:57:00Z",
		  7 * MINUTE_NS },
		{ "2026-11-25T01:00:00Z", "2026-12-31T23:59:00Z", "2026-11-25T00:40:00Z",
		  UINT64_MAX },
		{ "2026-11-25T01:00:00Z", "2026-12-31T23:59:00Z", "2027-01-01T00:01:00Z",
		  2 * MINUTE_NS },
		{ "2026-11-25T01:00:00Z", "2026-12-31T23:59:00Z", "2026-12-01T00:00:00Z",
		  4 * MINUTE_NS },
		/* Back. 00:02 may be either, and is taken for the newer. */
		{ "2026-11-25T01:00:00Z", "2026-11-25T00:00:00Z", "2026-11-24T23:59:00Z",
		  UINT64_MAX },
		{ "2026-11-25T01:00:00Z", "2026-11-25T00:00:00Z", "2026-11-25T00:02:00Z",
		  2 * MINUTE_NS },
		/* By the new clock it is yet to come. */
		{ "2026-11-25T01:00:00Z", "2026-11-25T00:00:00Z", "2026-11-25T00:59:00Z", 0 },
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const uint64_t at_ns = NOW_NS - 4 * MINUTE_NS;
		unsigned int attempts = scene->attempts;
		bool counts = rows[i].ago_ns != UINT64_MAX;
		uint64_t before_ns, after_ns;

		assert_int_equal(clock_parse(rows[i].before, strlen(rows[i].before), &before_ns),
				 0);
		assert_int_equal(clock_parse(rows[i].after, strlen(rows[i].after), &after_ns), 0);
		pipeline_clock_step(scene->pipeline, at_ns, (int64_t)(before_ns - at_ns));
		pipeline_clock(scene->pipeline, (int64_t)(after_ns - at_ns));
		line(scene, LOG_BACKLOG, rows[i].stamp);
		assert_row(scene->attempts == attempts + counts, rows[i].stamp);
		if (counts)
			assert_row(scene->at_ns == NOW_NS - rows[i].ago_ns, rows[i].stamp);
	}
}

/* A year that the text does not tell: the last one before now, and that is counted. */
static void test_past_year(void **state)
{
	struct scene *scene = *state;
	uint64_t wall_ns;

	assert_int_equal(clock_parse("2027-01-01T00:01:00Z", 20, &wall_ns), 0);
	pipeline_clock(scene->pipeline, (int64_t)(wall_ns - NOW_NS));
	line(scene, LOG_BACKLOG, "Dec 31 23:58:00");
	assert_int_equal(scene->at_ns, NOW_NS - 3 * MINUTE_NS);
	assert_int_equal(pipeline_source_past_years(scene->pipeline, 1), 1);
	line(scene, LOG_BACKLOG, "Dec 31 23:58:01");
	assert_int_equal(pipeline_source_past_years(scene->pipeline, 1), 2);
	line(scene, LOG_BACKLOG, "2026-12-31T23:58:02Z");
	line(scene, LOG_BACKLOG, "Jan  1 00:00:30");
	line(scene, LOG_BACKLOG, "");
	assert_int_equal(pipeline_source_past_years(scene->pipeline, 1), 2);
	line(scene, LOG_BACKLOG, "Dec 31 23:58:03");
	assert_int_equal(pipeline_source_past_years(scene->pipeline, 1), 3);
}

struct seen {
	unsigned int count;
	enum log_age age[8];
};

static int on_line(const struct log_record *record, void *arg)
{
	struct seen *seen = arg;

	assert_true(seen->count < ARRAY_SIZE(seen->age));
	seen->age[seen->count++] = record->age;
	return 0;
}

static void test_follower_knows_ages(void **state)
{
	static const enum log_age wanted[] = { LOG_BACKLOG, LOG_BACKLOG,  LOG_FRESH,
					       LOG_FRESH,   LOG_NEW_FILE, LOG_FRESH };
	struct log_reader *reader;
	struct seen seen = { 0 };
	struct log_follower follower = { .old_until = 6, .old_age = LOG_BACKLOG };
	char path[] = "/tmp/bailiff-ages-XXXXXX";

	(void)state;
	follower.fd = mkstemp(path);
	assert_true(follower.fd >= 0);
	(void)unlink(path);
	assert_int_equal(log_reader_new(&reader, 1, LOG_LINES), 0);
	/* The third line ends behind what was there. */
	assert_int_equal(write(follower.fd, "a\nb\ncc\n", 7), 7);
	assert_int_equal(log_follow(&follower, reader, 4096, 1, on_line, &seen), 7);
	assert_int_equal(write(follower.fd, "d\n", 2), 2);
	assert_int_equal(log_follow(&follower, reader, 4096, 1, on_line, &seen), 2);
	/* Emptied, and by the time of the next look written to. */
	assert_int_equal(ftruncate(follower.fd, 0), 0);
	assert_int_equal(pwrite(follower.fd, "e\n", 2, 0), 2);
	assert_int_equal(log_follow(&follower, reader, 4096, 1, on_line, &seen), 2);
	assert_int_equal(pwrite(follower.fd, "f\n", 2, 2), 2);
	assert_int_equal(log_follow(&follower, reader, 4096, 1, on_line, &seen), 2);
	assert_int_equal(seen.count, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		assert_int_equal(seen.age[i], wanted[i]);
	log_reader_free(reader);
	(void)close(follower.fd);
}

/* An entry's stamp counts where its stream vouches for it. */
static void test_journal_is_stamped(void **state)
{
	static const char entry[] = "__CURSOR=1\n__REALTIME_TIMESTAMP=1795568400000000\n_PID=7\n"
				    "_UID=0\nMESSAGE=x\n\n";
	struct log_reader *reader;
	struct seen seen = { 0 };

	(void)state;
	assert_int_equal(log_reader_new(&reader, 1, LOG_JOURNAL_EXPORT), 0);
	assert_int_equal(log_reader_feed(reader, entry, strlen(entry), 1, on_line, &seen), 0);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.age[0], LOG_STAMPED);
	log_reader_free(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_log, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clock_is_set, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clock_steps_keep_ages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_past_year, setup, teardown),
		cmocka_unit_test(test_follower_knows_ages),
		cmocka_unit_test(test_journal_is_stamped),
	};

	(void)setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
