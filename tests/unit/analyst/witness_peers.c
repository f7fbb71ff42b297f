/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Services without a sensor: an address that a line names must have been connected, wherever the
 * kernel would have told.
 */
#include <stdio.h>
#include <string.h>

#include "unit.h"

#include "analyst/evidence/evidence.h"
#include "base/buf.h"
#include "story.h"

#define SECOND NSEC_PER_SEC
#define FTP 2
#define MAIL 3
#define OTHER_FTP 4
#define PEER "203.0.113.9"
#define VICTIM "198.51.100.77"
#define VISITOR "192.0.2.5"

struct scene {
	struct session_table *sessions;
	struct witness *witness;
	struct attempt last;
	char text[IPC_TEXT_MAX];
	unsigned int attempts;
	uint64_t lost; /* events so far */
};

static void on_attempt(const struct attempt *attempt, void *arg)
{
	struct scene *scene = arg;

	attempt_text(attempt, scene->text);
	scene->last = *attempt;
	scene->attempts++;
}

static int setup(void **state)
{
	static const uint64_t seed[2] = { 1, 2 };
	const struct witness_service services[] = {
		{ .id = STORY_SSHD,
		  .max_tries = 6,
		  .ports = { 22 },
		  .sensed = true,
		  .name = "sshd" },
		{ .id = FTP, .max_tries = 3, .ports = { 21, 990 }, .name = "ftp" },
		{ .id = OTHER_FTP, .max_tries = 3, .ports = { 2121, 990 }, .name = "other-ftp" },
		{ .id = MAIL, .max_tries = 3, .ports = { 25 }, .proxied = true, .name = "mail" },
	};
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	assert_int_equal(session_table_new(&scene->sessions, seed), 0);
	assert_int_equal(witness_new(&scene->witness, seed), 0);
	for (size_t i = 0; i < ARRAY_SIZE(services); i++)
		assert_int_equal(witness_add_service(scene->witness, &services[i]), 0);
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	witness_free(scene->witness);
	session_table_free(scene->sessions);
	free(scene);
	return 0;
}

static void happens(struct scene *scene, const union bl_event *event)
{
	struct session_change change;

	witness_connection(scene->witness, scene->sessions, &event->connection, on_attempt, scene);
	session_event(scene->sessions, event, &change);
	if (change.kind != SESSION_NOTHING)
		witness_change(scene->witness, scene->sessions, &change, event->head.boot_ns,
			       on_attempt, scene);
}

static void connects(struct scene *scene, const char *addr, uint16_t local_port,
		     enum bl_connection_state state, uint64_t at_ns)
{
	union bl_event event;

	story_connection(&event, addr, 40001, state, at_ns);
	event.connection.end.local_port = local_port;
	event.head.lost = scene->lost;
	happens(scene, &event);
}

/* The sensor has been at work for long, and knows of a visitor. */
static void begin_long_ago(struct scene *scene, uint64_t at_ns)
{
	witness_all_were_told(scene->witness, SECOND);
	connects(scene, VISITOR, 21, BL_CONNECTION_OPEN, 2 * SECOND);
	connects(scene, VISITOR, 21, BL_CONNECTION_CLOSED, 3 * SECOND);
	assert_true(at_ns > SECOND + WITNESS_CLOSED_NS);
}

static void says(struct scene *scene, const char *addr, enum trust trust, uint64_t at_ns)
{
	struct claim claim = {
		.result = CLAIM_FAILURE, .count = 1, .source = 1, .arrived_ns = at_ns
	};

	assert_int_equal(addr_parse(addr, strlen(addr), &claim.addr), 0);
	(void)snprintf(claim.line, sizeof(claim.line), "FAIL LOGIN: Client %s", addr);
	witness_claim(scene->witness, scene->sessions, &claim, FTP, "ftp", trust, at_ns, on_attempt,
		      scene);
}

static void tick(struct scene *scene, uint64_t at_ns)
{
	witness_tick(scene->witness, scene->sessions, at_ns, on_attempt, scene);
}

static void expect(struct scene *scene, enum trust trust, uint32_t tries, const char *text)
{
	assert_int_equal(scene->attempts, 1);
	assert_int_equal(scene->last.trust, trust);
	assert_int_equal(scene->last.tries, tries);
	if (!strstr(scene->text, text))
		fail_msg("\"%s\" does not say \"%s\"", scene->text, text);
	scene->attempts = 0;
}

static void who_is_connected_is_witnessed(void **state)
{
	struct scene *scene = *state;

	begin_long_ago(scene, 100 * SECOND);
	connects(scene, PEER, 21, BL_CONNECTION_OPEN, 100 * SECOND);
	says(scene, PEER, TRUST_ATTESTED, 101 * SECOND);
	expect(scene, TRUST_WITNESSED, 1, "the kernel saw it connected to ftp then");
	/* Hours later, on the same connection. */
	says(scene, PEER, TRUST_ATTESTED, 7300 * SECOND);
	expect(scene, TRUST_WITNESSED, 1, "connected to ftp");
	/* The other port; v4-mapped is the same address. */
	connects(scene, PEER, 21, BL_CONNECTION_CLOSED, 7400 * SECOND);
	connects(scene, PEER, 990, BL_CONNECTION_OPEN, 7500 * SECOND);
	says(scene, "::ffff:" PEER, TRUST_ATTESTED, 7501 * SECOND);
	expect(scene, TRUST_WITNESSED, 1, "connected to ftp");
}

/* A connection says nothing for a line that anybody may have written. */
static void connection_makes_no_text_true(void **state)
{
	struct scene *scene = *state;

	begin_long_ago(scene, 100 * SECOND);
	connects(scene, PEER, 21, BL_CONNECTION_OPEN, 100 * SECOND);
	says(scene, PEER, TRUST_CLAIMED, 101 * SECOND);
	expect(scene, TRUST_CLAIMED, 1, "no witness for this line");
}

static void who_was_not_there_is_not_blamed(void **state)
{
	struct scene *scene = *state;
	struct witness_stats stats;

	begin_long_ago(scene, 100 * SECOND);
	connects(scene, PEER, 21, BL_CONNECTION_OPEN, 100 * SECOND);
	says(scene, VICTIM, TRUST_ATTESTED, 101 * SECOND);
	assert_int_equal(scene->attempts, 0);
	tick(scene, 101 * SECOND + WITNESS_HOLD_NS - 1);
	assert_int_equal(scene->attempts, 0);
	tick(scene, 101 * SECOND + WITNESS_HOLD_NS);
	expect(scene, TRUST_FORGED, 0, "the kernel saw no connection of this address to ftp then");
	witness_stats(scene->witness, &stats);
	assert_int_equal(stats.forged, 1);
	/* At another service: at sshd, or a web server. */
	connects(scene, VICTIM, 22, BL_CONNECTION_OPEN, 110 * SECOND);
	connects(scene, VICTIM, 80, BL_CONNECTION_OPEN, 110 * SECOND);
	says(scene, VICTIM, TRUST_ATTESTED, 111 * SECOND);
	tick(scene, 120 * SECOND);
	expect(scene, TRUST_FORGED, 0, "no connection");
}

static void late_event_is_waited_for(void **state)
{
	struct scene *scene = *state;

	begin_long_ago(scene, 100 * SECOND);
	says(scene, PEER, TRUST_ATTESTED, 100 * SECOND);
	says(scene, VICTIM, TRUST_ATTESTED, 100 * SECOND);
	assert_int_equal(scene->attempts, 0);
	connects(scene, PEER, 21, BL_CONNECTION_OPEN, 100 * SECOND + SECOND / 2);
	expect(scene, TRUST_WITNESSED, 1, "connected to ftp");
	assert_int_equal(scene->last.subject.addr[3], 9);
	tick(scene, 110 * SECOND);
	expect(scene, TRUST_FORGED, 0, "no connection");
	assert_int_equal(scene->last.subject.addr[3], 77);
}

static void line_after_the_end_counts_for_a_while(void **state)
{
	struct scene *scene = *state;
	const uint64_t closed_ns = 101 * SECOND;

	begin_long_ago(scene, 100 * SECOND);
	connects(scene, PEER, 21, BL_CONNECTION_OPEN, 100 * SECOND);
	connects(scene, PEER, 21, BL_CONNECTION_OPEN, 100 * SECOND + 1);
	connects(scene, PEER, 21, BL_CONNECTION_CLOSED, 100 * SECOND + 2);
	connects(scene, PEER, 21, BL_CONNECTION_CLOSED, closed_ns);
	says(scene, PEER, TRUST_ATTESTED, closed_ns + WITNESS_CLOSED_NS);
	expect(scene, TRUST_WITNESSED, 1, "connected to ftp");
	says(scene, PEER, TRUST_ATTESTED, closed_ns + WITNESS_CLOSED_NS + 1);
	tick(scene, 200 * SECOND);
	expect(scene, TRUST_FORGED, 0, "no connection");
	/* A line of long before the connection, read now, is not about it. */
	connects(scene, PEER, 21, BL_CONNECTION_OPEN, 400 * SECOND);
	says(scene, PEER, TRUST_ATTESTED, 300 * SECOND);
	tick(scene, 401 * SECOND);
	expect(scene, TRUST_FORGED, 0, "no connection");
}

static void older_than_the_sensor_is_not_forged(void **state)
{
	struct scene *scene = *state;
	struct bl_endpoint end = story_end(PEER, 40001);

	/* Nobody told what was there before. */
	connects(scene, VISITOR, 21, BL_CONNECTION_OPEN, 100 * SECOND);
	says(scene, PEER, TRUST_ATTESTED, 100 * SECOND + WITNESS_OLDER_NS - 1);
	expect(scene, TRUST_ATTESTED, 1, "known in part only");
	says(scene, PEER, TRUST_ATTESTED, 100 * SECOND + WITNESS_OLDER_NS);
	tick(scene, 200 * SECOND + WITNESS_OLDER_NS);
	expect(scene, TRUST_FORGED, 0, "no connection");
	/* Read now, written before. */
	says(scene, PEER, TRUST_ATTESTED, 50 * SECOND);
	expect(scene, TRUST_ATTESTED, 1, "known in part only");

	/* Somebody did. */
	teardown(state);
	setup(state);
	scene = *state;
	end.local_port = 21;
	witness_was_there(scene->witness, &end, 100 * SECOND);
	witness_all_were_told(scene->witness, 100 * SECOND);
	says(scene, PEER, TRUST_ATTESTED, 101 * SECOND);
	expect(scene, TRUST_WITNESSED, 1, "connected to ftp");
	/* It may have closed right before that. */
	says(scene, VICTIM, TRUST_ATTESTED, 101 * SECOND);
	expect(scene, TRUST_ATTESTED, 1, "known in part only");
	says(scene, VICTIM, TRUST_ATTESTED, 100 * SECOND + WITNESS_CLOSED_NS);
	tick(scene, 140 * SECOND);
	expect(scene, TRUST_FORGED, 0, "no connection");
	says(scene, PEER, TRUST_ATTESTED, 100 * SECOND + WITNESS_OLDER_NS);
	expect(scene, TRUST_WITNESSED, 1, "connected to ftp");

	/* Nobody will tell of its end: it may go on, and what is said of it is no forgery. */
	says(scene, PEER, TRUST_ATTESTED, 200 * SECOND + WITNESS_OLDER_NS);
	expect(scene, TRUST_ATTESTED, 1, "known in part only");
	says(scene, VICTIM, TRUST_ATTESTED, 200 * SECOND + WITNESS_OLDER_NS);
	tick(scene, 220 * SECOND + WITNESS_OLDER_NS);
	expect(scene, TRUST_FORGED, 0, "no connection");
	/* A later one of its peer's, which is told, changes nothing about the earlier one. */
	connects(scene, PEER, 21, BL_CONNECTION_OPEN, 1000 * SECOND);
	connects(scene, PEER, 21, BL_CONNECTION_CLOSED, 1001 * SECOND);
	says(scene, PEER, TRUST_ATTESTED, 1001 * SECOND);
	expect(scene, TRUST_WITNESSED, 1, "connected to ftp");
	says(scene, PEER, TRUST_ATTESTED, 2000 * SECOND);
	expect(scene, TRUST_ATTESTED, 1, "known in part only");
	/* Not for ever. */
	says(scene, PEER, TRUST_ATTESTED, (100 + 86400) * SECOND);
	tick(scene, (200 + 86400) * SECOND);
	expect(scene, TRUST_FORGED, 0, "no connection");
}

static void lost_events_make_unsure(void **state)
{
	struct scene *scene = *state;

	begin_long_ago(scene, 100 * SECOND);
	scene->lost = 3;
	connects(scene, VISITOR, 21, BL_CONNECTION_OPEN, 100 * SECOND);
	says(scene, PEER, TRUST_ATTESTED, 101 * SECOND);
	expect(scene, TRUST_ATTESTED, 1, "known in part only");
	says(scene, PEER, TRUST_ATTESTED, 100 * SECOND + WITNESS_OLDER_NS);
	tick(scene, 200 * SECOND + WITNESS_OLDER_NS);
	expect(scene, TRUST_FORGED, 0, "no connection");
}

/* No sensor, or the service listens elsewhere: then nobody can tell. */
static void never_visited_service_is_not_asked(void **state)
{
	struct scene *scene = *state;

	witness_all_were_told(scene->witness, SECOND);
	connects(scene, PEER, 22, BL_CONNECTION_OPEN, 99 * SECOND);
	connects(scene, PEER, 25, BL_CONNECTION_OPEN, 99 * SECOND);
	says(scene, PEER, TRUST_ATTESTED, 100 * SECOND);
	expect(scene, TRUST_ATTESTED, 1, "no sensor for this service");
}

static void accepting_claims_does_not_help_the_forger(void **state)
{
	struct scene *scene = *state;
	struct claim claim = { .result = CLAIM_FAILURE,
			       .count = 1,
			       .source = 1,
			       .accepted = true,
			       .arrived_ns = 100 * SECOND };

	begin_long_ago(scene, 100 * SECOND);
	assert_int_equal(addr_parse(VICTIM, strlen(VICTIM), &claim.addr), 0);
	witness_claim(scene->witness, scene->sessions, &claim, FTP, "ftp", TRUST_CLAIMED,
		      claim.arrived_ns, on_attempt, scene);
	tick(scene, 110 * SECOND);
	expect(scene, TRUST_FORGED, 0, "no connection");
	/* Another host's connections are not this kernel's. */
	claim.relayed = true;
	witness_claim(scene->witness, scene->sessions, &claim, FTP, "ftp", TRUST_CLAIMED,
		      claim.arrived_ns, on_attempt, scene);
	expect(scene, TRUST_CLAIMED, 1, "another host");
}

static void connects_number(struct scene *scene, uint32_t number, enum bl_connection_state state,
			    uint64_t at_ns)
{
	char text[ADDR_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "10.%u.%u.%u", number >> 16 & 255, number >> 8 & 255,
		       number & 255);
	connects(scene, text, 21, state, at_ns);
}

static void crowd_that_left_makes_nobody_unsure(void **state)
{
	struct scene *scene = *state;
	struct witness_stats stats;
	const uint64_t crowd_ns = 100 * SECOND, later_ns = crowd_ns + 2 * WITNESS_CLOSED_NS;

	begin_long_ago(scene, crowd_ns);
	connects(scene, PEER, 21, BL_CONNECTION_OPEN, crowd_ns);
	for (uint32_t i = 0; i < WITNESS_PEERS_MAX - 1; i++) {
		connects_number(scene, i, BL_CONNECTION_OPEN, crowd_ns + i);
		connects_number(scene, i, BL_CONNECTION_CLOSED, crowd_ns + i + 1);
	}
	for (uint32_t i = 0; i < 1000; i++)
		connects_number(scene, WITNESS_PEERS_MAX + i, BL_CONNECTION_OPEN, later_ns + i);
	witness_stats(scene->witness, &stats);
	assert_int_equal(stats.refused, 0);
	says(scene, PEER, TRUST_ATTESTED, later_ns + SECOND);
	expect(scene, TRUST_WITNESSED, 1, "connected to ftp");
	says(scene, VICTIM, TRUST_ATTESTED, later_ns + SECOND);
	tick(scene, later_ns + 10 * SECOND);
	expect(scene, TRUST_FORGED, 0, "no connection");
}

/* More are connected than are remembered: nobody is called a forger then. */
static void crowd_that_stays_makes_unsure(void **state)
{
	struct scene *scene = *state;
	struct witness_stats stats;
	const uint64_t crowd_ns = 100 * SECOND;

	begin_long_ago(scene, crowd_ns);
	for (uint32_t i = 0; i < WITNESS_PEERS_MAX + 1; i++)
		connects_number(scene, i, BL_CONNECTION_OPEN, crowd_ns + i);
	witness_stats(scene->witness, &stats);
	assert_true(stats.refused > 0);
	says(scene, VICTIM, TRUST_ATTESTED, crowd_ns + SECOND);
	expect(scene, TRUST_ATTESTED, 1, "known in part only");
}

/* As many forged lines as can be held, and more: none of them counts. */
static void flood_of_forged_lines_counts_nothing(void **state)
{
	struct scene *scene = *state;
	struct witness_stats stats;

	begin_long_ago(scene, 100 * SECOND);
	for (uint32_t i = 0; i < WITNESS_CLAIMS_MAX + 500; i++) {
		says(scene, VICTIM, TRUST_ATTESTED, 100 * SECOND + i);
		assert_true(!scene->attempts || scene->last.trust == TRUST_FORGED);
	}
	tick(scene, 200 * SECOND);
	assert_int_equal(scene->attempts, WITNESS_CLAIMS_MAX + 500);
	assert_int_equal(scene->last.trust, TRUST_FORGED);
	witness_stats(scene->witness, &stats);
	assert_int_equal(stats.forged, WITNESS_CLAIMS_MAX + 500);
	assert_int_equal(stats.refused, 500);
}

/* Two services that a port leads to: a connection there is one of either. */
static void shared_port_speaks_for_both(void **state)
{
	struct scene *scene = *state;
	struct claim claim = { .result = CLAIM_FAILURE,
			       .count = 1,
			       .source = 1,
			       .form = 1,
			       .arrived_ns = 101 * SECOND };

	begin_long_ago(scene, 100 * SECOND);
	connects(scene, PEER, 990, BL_CONNECTION_OPEN, 100 * SECOND);
	says(scene, PEER, TRUST_ATTESTED, 101 * SECOND);
	expect(scene, TRUST_WITNESSED, 1, "connected to ftp");
	assert_int_equal(addr_parse(PEER, strlen(PEER), &claim.addr), 0);
	witness_claim(scene->witness, scene->sessions, &claim, OTHER_FTP, "other-ftp",
		      TRUST_ATTESTED, claim.arrived_ns, on_attempt, scene);
	expect(scene, TRUST_WITNESSED, 0, "connected to other-ftp"); /* the same try */
	/* The port of one alone is not the other's. */
	claim.arrived_ns = 111 * SECOND;
	assert_int_equal(addr_parse(VICTIM, strlen(VICTIM), &claim.addr), 0);
	connects(scene, VICTIM, 21, BL_CONNECTION_OPEN, 110 * SECOND);
	witness_claim(scene->witness, scene->sessions, &claim, OTHER_FTP, "other-ftp",
		      TRUST_ATTESTED, claim.arrived_ns, on_attempt, scene);
	tick(scene, 120 * SECOND);
	expect(scene, TRUST_FORGED, 0, "no connection");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(who_is_connected_is_witnessed),
		T(connection_makes_no_text_true),
		T(who_was_not_there_is_not_blamed),
		T(late_event_is_waited_for),
		T(line_after_the_end_counts_for_a_while),
		T(older_than_the_sensor_is_not_forged),
		T(lost_events_make_unsure),
		T(never_visited_service_is_not_asked),
		T(accepting_claims_does_not_help_the_forger),
		T(crowd_that_left_makes_nobody_unsure),
		T(crowd_that_stays_makes_unsure),
		T(shared_port_speaks_for_both),
		T(flood_of_forged_lines_counts_nothing),
	};

	return cmocka_run_group_tests_name("analyst/evidence/witness_peers", tests, NULL, NULL);
}
