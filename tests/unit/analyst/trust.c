/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a line is believed, through the whole pipeline: by whom it was written, in which file, and
 * by what the configuration says of both.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/pipeline.h"
#include "base/buf.h"
#include "base/clock.h"
#include "story.h"

#define NOW_NS (1000ULL * NSEC_PER_SEC)
#define WRITER 990
#define SOURCE_OWN 1
#define SOURCE_BARE 2
#define SOURCE_JOURNAL 3
#define SOURCE_REMOTE 4
#define SOURCE_FTP 5

struct scene {
	struct pipeline *pipeline;
	struct ipc_record last;
	struct decision decision[8];
	unsigned int decisions, asked;
	uint64_t now_ns;
};

static void on_decision(const struct decision *decision, void *arg)
{
	struct scene *scene = arg;

	assert_true(scene->decisions < ARRAY_SIZE(scene->decision));
	scene->decision[scene->decisions++] = *decision;
}

static void on_record(const struct ipc_record *record, void *arg)
{
	if (record->kind == RECORD_ATTEMPT || record->kind == RECORD_CLAIM)
		((struct scene *)arg)->last = *record;
}

static void on_account(uint32_t uid, void *arg)
{
	assert_int_equal(uid, 1000);
	((struct scene *)arg)->asked++;
}

static void on_error(const char *text, void *arg)
{
	(void)arg;
	assert_non_null(strstr(text, "missing"));
}

static void source_add(struct scene *scene, struct ipc_source source, const char *name,
		       const char *first, const char *second)
{
	text_copy(source.name, sizeof(source.name), name);
	text_copy(source.path, sizeof(source.path), "/var/log/x.log");
	text_copy(source.filter[0], sizeof(source.filter[0]), first);
	text_copy(source.filter[1], sizeof(source.filter[1]), second);
	source.filters = 2;
	(void)pipeline_add_source(scene->pipeline, &source, on_error, NULL);
}

static void filter_add(struct scene *scene, const char *name, const char *word)
{
	char text[256];

	(void)snprintf(text, sizeof(text),
		       "[Definition]\nfailregex = ^%s <ADDR>(?: user <F-USER>\\S+</F-USER>)?$\n",
		       word);
	assert_int_equal(
		filter_set_add_file(pipeline_filters(scene->pipeline), name, text, strlen(text)),
		0);
}

static void rule_add(struct scene *scene, const char *text)
{
	char error[RULES_ERROR_MAX];

	if (pipeline_add_rule(scene->pipeline, "t.conf", text, strlen(text), error) < 0)
		fail_msg("%s", error);
}

static int setup(void **state)
{
	static const uint64_t seed[2] = { 1, 2 };
	struct scene *scene = calloc(1, sizeof(*scene));
	const struct pipeline_sink sink = {
		.decision = on_decision,
		.record = on_record,
		.account = on_account,
		.arg = scene,
	};
	struct ipc_service app = {
		.id = 1, .name = "app", .max_tries = 1, .has_writer = 1, .writer_uid = WRITER
	};
	struct ipc_service web = { .id = 2, .name = "web", .max_tries = 1 };

	assert_non_null(scene);
	scene->now_ns = NOW_NS;
	assert_int_equal(pipeline_new(&scene->pipeline, &sink, seed), 0);
	filter_add(scene, "app.conf", "denied");
	filter_add(scene, "web.conf", "refused");
	assert_int_equal(pipeline_add_service(scene->pipeline, &app), 0);
	assert_int_equal(pipeline_add_service(scene->pipeline, &web), 0);
	source_add(scene,
		   (struct ipc_source){
			   .id = SOURCE_OWN, .kind = IPC_SOURCE_FILE, .attested = 1, .service = 1 },
		   "own", "app", "web");
	/* The first of its filters does not load; the bit is the second one's all the same. */
	source_add(scene,
		   (struct ipc_source){ .id = SOURCE_BARE, .kind = IPC_SOURCE_FILE, .accepted = 2 },
		   "bare", "missing", "web");
	source_add(scene, (struct ipc_source){ .id = SOURCE_JOURNAL, .kind = IPC_SOURCE_JOURNAL },
		   "journal", "app", "web");
	source_add(scene,
		   (struct ipc_source){
			   .id = SOURCE_REMOTE, .kind = IPC_SOURCE_JOURNAL, .relayed = 1 },
		   "remote", "app", "web");
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

static const struct ipc_record *say(struct scene *scene, uint32_t source, const char *text,
				    const struct log_origin *origin)
{
	struct log_record record = { .source = source, .text = text, .len = strlen(text) };

	/* Further apart than the lines of one try. */
	scene->now_ns += 20 * NSEC_PER_SEC;
	record.arrived_ns = scene->now_ns;
	if (origin)
		record.origin = *origin;
	memset(&scene->last, 0, sizeof(scene->last));
	pipeline_log_record(scene->pipeline, &record);
	pipeline_tick(scene->pipeline, scene->now_ns + WITNESS_HOLD_NS);
	assert_int_not_equal(scene->last.kind, 0);
	return &scene->last;
}

static enum trust by_journal(struct scene *scene, uint32_t source, const char *text, uint32_t uid,
			     const char *exe)
{
	struct log_origin origin = { .trusted = true, .pid = 77, .uid = uid, .has_uid = true };

	text_copy(origin.exe, sizeof(origin.exe), exe);
	return (enum trust)say(scene, source, text, &origin)->trust;
}

static void journal_vouches_for_root_and_the_writer(void **state)
{
	static const char app[] = "denied 203.0.113.9", web[] = "refused 203.0.113.9";
	struct scene *s = *state;

	assert_int_equal(by_journal(s, SOURCE_JOURNAL, app, 0, "/usr/bin/app"), TRUST_ATTESTED);
	assert_int_equal(by_journal(s, SOURCE_JOURNAL, app, WRITER, "/x"), TRUST_ATTESTED);
	assert_int_equal(by_journal(s, SOURCE_JOURNAL, app, WRITER + 1, "/x"), TRUST_CLAIMED);
	assert_int_equal(by_journal(s, SOURCE_JOURNAL, app, WRITER, ""), TRUST_CLAIMED);
	/* It is the writer of its own service's lines only. */
	assert_int_equal(by_journal(s, SOURCE_JOURNAL, web, WRITER, "/x"), TRUST_CLAIMED);
	/* Another host's root is nobody here. */
	assert_int_equal(by_journal(s, SOURCE_REMOTE, app, 0, "/usr/bin/app"), TRUST_CLAIMED);
	assert_non_null(strstr(s->last.text, "of another host"));
}

static void file_is_attested_as_long_as_bailiffd_says_so(void **state)
{
	static const char line[] = "denied 203.0.113.9";
	struct scene *s = *state;

	assert_int_equal(say(s, SOURCE_OWN, line, NULL)->trust, TRUST_ATTESTED);
	pipeline_source_attested(s->pipeline, SOURCE_OWN, false);
	assert_int_equal(say(s, SOURCE_OWN, line, NULL)->trust, TRUST_CLAIMED);
	pipeline_source_attested(s->pipeline, SOURCE_OWN, true);
	assert_int_equal(say(s, SOURCE_OWN, line, NULL)->trust, TRUST_ATTESTED);
}

static void record_says_where_connections_are_known_in_part(void **state)
{
	static const char line[] = "denied 203.0.113.9";
	struct ipc_service ftp = { .id = 3, .name = "ftp", .max_tries = 1, .ports = { 21 } };
	struct scene *s = *state;
	union bl_event event;

	filter_add(s, "ftp.conf", "denied");
	assert_int_equal(pipeline_add_service(s->pipeline, &ftp), 0);
	source_add(s,
		   (struct ipc_source){
			   .id = SOURCE_FTP, .kind = IPC_SOURCE_FILE, .attested = 1, .service = 3 },
		   "ftp", "ftp", "web");
	story_connection(&event, "192.0.2.5", 40001, BL_CONNECTION_OPEN, NOW_NS);
	event.connection.end.local_port = 21;
	pipeline_event(s->pipeline, &event, NOW_NS);
	assert_int_equal(say(s, SOURCE_FTP, line, NULL)->trust, TRUST_ATTESTED);
	assert_int_equal(s->last.partial, 1);
	assert_int_equal(say(s, SOURCE_OWN, line, NULL)->trust, TRUST_ATTESTED);
	assert_int_equal(s->last.partial, 0);
	assert_int_equal(say(s, SOURCE_FTP, "denied 192.0.2.5", NULL)->trust, TRUST_WITNESSED);
	assert_int_equal(s->last.partial, 0);
	s->now_ns = NOW_NS + WITNESS_OLDER_NS;
	assert_int_equal(say(s, SOURCE_FTP, line, NULL)->trust, TRUST_FORGED);
	assert_int_equal(s->last.partial, 0);
}

static void claims_count_where_they_are_accepted(void **state)
{
	struct scene *s = *state;

	rule_add(s, "[rule]\nid = web\nservice = web\nfailures = 1\nwindow = 1m\nlockout = 1h\n"
		    "trust = attested\n");
	(void)by_journal(s, SOURCE_JOURNAL, "refused 203.0.113.9", 1001, "/usr/bin/logger");
	assert_int_equal(s->decisions, 0);
	(void)say(s, SOURCE_BARE, "refused 203.0.113.9", NULL);
	assert_int_equal(s->decisions, 1);
	assert_int_equal(s->decision[0].trust, TRUST_CLAIMED);
	assert_non_null(strstr(s->last.text, "accepted as configured, no witness"));
}

static void rule_of_one_source_takes_no_other(void **state)
{
	struct scene *s = *state;

	rule_add(s, "[rule]\nid = web\nservice = web\nsource = own\nfailures = 1\nwindow = 1m\n"
		    "lockout = 1h\ntrust = attested\n");
	(void)by_journal(s, SOURCE_JOURNAL, "refused 203.0.113.9", 0, "/usr/sbin/web");
	assert_int_equal(s->decisions, 0);
	(void)say(s, SOURCE_OWN, "refused 203.0.113.9", NULL);
	assert_int_equal(s->decisions, 1);
}

static void users_are_those_who_logged_in(void **state)
{
	static const char alice[] = "denied 203.0.113.9 user alice";
	struct scene *s = *state;
	union bl_event event;

	/* Nobody is asked for while no rule is about users. */
	story_birth(&event, 7, 4000, 1000, "203.0.113.9", 40001, NOW_NS);
	pipeline_event(s->pipeline, &event, NOW_NS);
	assert_int_equal(s->asked, 0);
	rule_add(s, "[rule]\nid = u\nservice = app\nfailures = 2\nwindow = 10m\nlockout = 1h\n"
		    "trust = attested\nsubject = user\naction = terminate\n");
	story_birth(&event, 8, 4010, 1000, "203.0.113.9", 40002, NOW_NS);
	pipeline_event(s->pipeline, &event, NOW_NS);
	assert_int_equal(s->asked, 1);
	(void)say(s, SOURCE_OWN, alice, NULL);
	(void)say(s, SOURCE_OWN, alice, NULL);
	assert_int_equal(s->decisions, 0);
	/* No name, one that was cut, and another one. */
	pipeline_account(s->pipeline, 1000, "");
	pipeline_account(s->pipeline, 1001,
			 "a-name-of-sixty-three-bytes-which-is-as-much-as-a-claim-can-hold");
	pipeline_account(s->pipeline, 1002, "bob");
	(void)say(s, SOURCE_OWN, alice, NULL);
	assert_int_equal(s->decisions, 0);
	pipeline_account(s->pipeline, 1000, "alice");
	(void)say(s, SOURCE_OWN, alice, NULL);
	assert_int_equal(s->decisions, 0);
	(void)say(s, SOURCE_OWN, alice, NULL);
	assert_int_equal(s->decisions, 1);
	assert_int_equal(s->decision[0].subject.kind, SUBJECT_USER);
	assert_int_equal(s->decision[0].subject.id, 1000);
	assert_string_equal(s->decision[0].user, "alice");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(journal_vouches_for_root_and_the_writer),
		T(file_is_attested_as_long_as_bailiffd_says_so),
		T(record_says_where_connections_are_known_in_part),
		T(claims_count_where_they_are_accepted),
		T(rule_of_one_source_takes_no_other),
		T(users_are_those_who_logged_in),
	};

	return cmocka_run_group_tests_name("analyst/trust", tests, NULL, NULL);
}
