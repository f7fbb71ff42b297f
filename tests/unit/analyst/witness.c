/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which lines count, and how often: the tests of the promise that text alone locks nobody out.
 */
#include <stdio.h>

#include "unit.h"

#include "analyst/evidence/evidence.h"
#include "base/buf.h"
#include "story.h"

#define SECOND NSEC_PER_SEC
#define SOURCE_FILE 1
#define SOURCE_JOURNAL 2
#define PROXY "192.0.2.80"
#define PROXY6 "2001:db8:80::1"
#define PROXY6_NEIGHBOUR "2001:db8:80::2"

enum { FORM_INVALID, FORM_PAM, FORM_PASSWORD, FORM_ACCEPTED };

struct scene {
	struct session_table *sessions;
	struct witness *witness;
	struct attempt attempt[64]; /* what it borrows is gone: */
	char text[64][IPC_TEXT_MAX];
	uint32_t tries[64][TRUST_MAX]; /* new to a rule that wants so much */
	uint32_t tries_of_filter[64];
	unsigned int attempts;
};

/* As correlation does it: what told of the try before counts first, if it counts. */
static uint32_t tries_new(const struct attempt *a, enum trust least, uint16_t filter)
{
	for (uint32_t i = 0; i < a->told_count; i++)
		if (a->told[i].trust >= least && (!filter || a->told[i].filter == filter))
			return a->tries;
	return a->tries + a->again;
}

static void on_attempt(const struct attempt *attempt, void *arg)
{
	struct scene *scene = arg;

	assert_true(scene->attempts < ARRAY_SIZE(scene->attempt));
	for (int least = 0; least < TRUST_MAX; least++)
		scene->tries[scene->attempts][least] = tries_new(attempt, (enum trust)least, 0);
	scene->tries_of_filter[scene->attempts] =
		tries_new(attempt, TRUST_ATTESTED, attempt->filter);
	attempt_text(attempt, scene->text[scene->attempts]);
	scene->attempt[scene->attempts++] = *attempt;
}

static int setup(void **state)
{
	static const uint64_t seed[2] = { 1, 2 };
	struct witness_service sshd = {
		.id = STORY_SSHD, .max_tries = 6, .ports = { 22 }, .sensed = true, .name = "sshd"
	};
	struct witness_service ftp = { .id = 2, .max_tries = 3, .ports = { 21 }, .name = "ftp" };
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	assert_int_equal(session_table_new(&scene->sessions, seed), 0);
	assert_int_equal(witness_new(&scene->witness, seed), 0);
	assert_int_equal(witness_add_service(scene->witness, &sshd), 0);
	assert_int_equal(witness_add_service(scene->witness, &ftp), 0);
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

static void happen(struct scene *scene, const union bl_event *event)
{
	struct session_change change;

	session_event(scene->sessions, event, &change);
	witness_change(scene->witness, scene->sessions, &change, event->head.boot_ns, on_attempt,
		       scene);
}

static void tick(struct scene *scene, uint64_t at_ns)
{
	witness_tick(scene->witness, scene->sessions, at_ns, on_attempt, scene);
}

static struct claim claim_make(const char *addr, uint16_t port, uint32_t pid, uint16_t form,
			       uint64_t at_ns)
{
	struct claim claim = {
		.result = form == FORM_ACCEPTED ? CLAIM_SUCCESS : CLAIM_FAILURE,
		.port = port,
		.pid = pid,
		.count = 1,
		.source = SOURCE_FILE,
		.form = form,
		.arrived_ns = at_ns,
	};

	if (addr)
		assert_int_equal(addr_parse(addr, strlen(addr), &claim.addr), 0);
	text_copy(claim.user, sizeof(claim.user), "root");
	(void)snprintf(claim.line, sizeof(claim.line), "sshd[%u]: form %u about %s port %u", pid,
		       form, addr ? addr : "nobody", port);
	return claim;
}

static void say(struct scene *scene, const struct claim *claim)
{
	witness_claim(scene->witness, scene->sessions, claim, STORY_SSHD, "sshd", TRUST_CLAIMED,
		      claim->arrived_ns, on_attempt, scene);
}

static void say_by_journal(struct scene *scene, struct claim claim, uint32_t writer, uint32_t uid)
{
	claim.source = SOURCE_JOURNAL;
	claim.pid = writer;
	claim.pid_trusted = true;
	claim.origin =
		(struct log_origin){ .trusted = true, .pid = writer, .uid = uid, .has_uid = true };
	text_copy(claim.origin.exe, sizeof(claim.origin.exe),
		  uid ? "/usr/bin/logger" : "/usr/lib/openssh/sshd-session");
	witness_claim(scene->witness, scene->sessions, &claim, STORY_SSHD, "sshd",
		      uid ? TRUST_CLAIMED : TRUST_ATTESTED, claim.arrived_ns, on_attempt, scene);
}

/* Tries that count with at least this trust, about this address. */
static uint32_t tries(const struct scene *scene, const char *addr, enum trust least)
{
	struct addr wanted;
	uint32_t sum = 0;

	assert_int_equal(addr_parse(addr, strlen(addr), &wanted), 0);
	for (unsigned int i = 0; i < scene->attempts; i++) {
		const struct attempt *a = &scene->attempt[i];

		if (a->subject.kind == SUBJECT_ADDRESS && a->subject.family == wanted.family &&
		    !memcmp(a->subject.addr, wanted.bytes, 16) && a->trust >= least)
			sum += scene->tries[i][least];
	}
	return sum;
}

static void connection_begins(struct scene *scene, uint32_t pid, const char *peer, uint16_t port,
			      uint64_t at_ns)
{
	union bl_event event;

	story_connection(&event, peer, port, BL_CONNECTION_OPEN, at_ns);
	happen(scene, &event);
	story_session_process(&event, pid, peer, port, at_ns + 1000);
	happen(scene, &event);
	story_preauth(&event, pid + 1, pid, peer, port, at_ns + 2000);
	happen(scene, &event);
}

static void connection_fails(struct scene *scene, uint32_t pid, uint64_t at_ns)
{
	union bl_event event;

	story_exit(&event, pid + 1, pid, BL_ROLE_PREAUTH, 255, at_ns);
	happen(scene, &event);
	story_exit(&event, pid, 500, BL_ROLE_SESSION, 5, at_ns + 1000);
	happen(scene, &event);
}

static void connection_logs_in(struct scene *scene, uint32_t pid, const char *peer, uint16_t port,
			       uint64_t at_ns)
{
	union bl_event event;

	story_exit(&event, pid + 1, pid, BL_ROLE_PREAUTH, 0, at_ns);
	happen(scene, &event);
	story_birth(&event, 7, pid, 1000, peer, port, at_ns + 1000);
	happen(scene, &event);
}

#define PEER "203.0.113.9"
#define VICTIM "198.51.100.77"

static void failure_without_a_line_is_one_try(void **state)
{
	struct scene *scene = *state;

	connection_begins(scene, 4001, PEER, 40001, SECOND);
	connection_fails(scene, 4001, 3 * SECOND);
	assert_int_equal(tries(scene, PEER, TRUST_WITNESSED), 1);
	assert_non_null(strstr(scene->text[0], "no log line"));
}

static void lines_of_one_try_count_once(void **state)
{
	struct scene *scene = *state;
	struct claim claim;

	connection_begins(scene, 4001, PEER, 40001, SECOND);
	claim = claim_make(PEER, 40001, 4001, FORM_INVALID, 2 * SECOND);
	say(scene, &claim);
	claim = claim_make(PEER, 0, 4001, FORM_PAM, 2 * SECOND);
	say(scene, &claim);
	claim = claim_make(PEER, 40001, 4001, FORM_PASSWORD, 2 * SECOND);
	say(scene, &claim);
	assert_int_equal(tries(scene, PEER, TRUST_CLAIMED), 0);
	connection_fails(scene, 4001, 3 * SECOND);
	assert_int_equal(tries(scene, PEER, TRUST_WITNESSED), 1);
}

static void tries_of_a_connection_add_up_to_the_limit(void **state)
{
	struct scene *scene = *state;
	struct claim claim = claim_make(PEER, 40001, 4001, FORM_PASSWORD, 2 * SECOND);

	connection_begins(scene, 4001, PEER, 40001, SECOND);
	say(scene, &claim);
	say(scene, &claim);
	say(scene, &claim);
	connection_fails(scene, 4001, 3 * SECOND);
	assert_int_equal(tries(scene, PEER, TRUST_WITNESSED), 3);
	for (int i = 0; i < 20; i++)
		say(scene, &claim);
	assert_int_equal(tries(scene, PEER, TRUST_WITNESSED), 6);
}

static void repeated_line_counts_as_often_as_it_says(void **state)
{
	struct scene *scene = *state;
	struct claim claim = claim_make(PEER, 40001, 4001, FORM_PASSWORD, 2 * SECOND);

	connection_begins(scene, 4001, PEER, 40001, SECOND);
	claim.count = 4;
	say(scene, &claim);
	connection_fails(scene, 4001, 3 * SECOND);
	assert_int_equal(tries(scene, PEER, TRUST_WITNESSED), 4);
}

static void late_line_adds_nothing_twice(void **state)
{
	struct scene *scene = *state;
	struct claim claim = claim_make(PEER, 40001, 4001, FORM_PASSWORD, 4 * SECOND);

	connection_begins(scene, 4001, PEER, 40001, SECOND);
	connection_fails(scene, 4001, 3 * SECOND);
	say(scene, &claim);
	assert_int_equal(tries(scene, PEER, TRUST_WITNESSED), 1);
	say(scene, &claim);
	assert_int_equal(tries(scene, PEER, TRUST_WITNESSED), 2);
}

static void early_line_waits_for_its_connection(void **state)
{
	struct scene *scene = *state;
	struct claim claim = claim_make(PEER, 40001, 4001, FORM_PASSWORD, SECOND);

	say(scene, &claim);
	say(scene, &claim);
	connection_begins(scene, 4001, PEER, 40001, SECOND + 500);
	connection_fails(scene, 4001, 3 * SECOND);
	tick(scene, 20 * SECOND);
	assert_int_equal(tries(scene, PEER, TRUST_WITNESSED), 2);
	assert_int_equal(tries(scene, PEER, TRUST_CLAIMED), 2);
}

static void success_counts_nothing(void **state)
{
	struct scene *scene = *state;
	struct claim claim = claim_make(PEER, 40001, 4001, FORM_PASSWORD, 2 * SECOND);
	bool told = false;

	connection_begins(scene, 4001, PEER, 40001, SECOND);
	say(scene, &claim);
	say(scene, &claim);
	connection_logs_in(scene, 4001, PEER, 40001, 3 * SECOND);
	for (int i = 0; i < 10; i++)
		say(scene, &claim);
	connection_fails(scene, 4001, 9 * SECOND); /* exit 255 of a session's end means nothing */
	tick(scene, 20 * SECOND);
	assert_int_equal(tries(scene, PEER, TRUST_CLAIMED), 0);
	for (unsigned int i = 0; i < scene->attempts; i++)
		told |= scene->attempt[i].success;
	assert_true(told);
}

static void birth_alone_tells_of_a_login_once(void **state)
{
	struct scene *scene = *state;
	union bl_event event;

	connection_begins(scene, 4001, PEER, 40001, SECOND);
	story_birth(&event, 7, 4001, 1000, PEER, 40001, 2 * SECOND);
	happen(scene, &event);
	happen(scene, &event);
	assert_int_equal(scene->attempts, 1);
	assert_true(scene->attempt[0].success);
}

static void text_without_connection_is_only_text(void **state)
{
	struct scene *scene = *state;

	for (uint32_t i = 0; i < 10; i++) {
		struct claim claim = claim_make(VICTIM, 22, 9000 + i, FORM_PASSWORD, SECOND + i);
		say(scene, &claim);
	}
	assert_int_equal(scene->attempts, 0);
	tick(scene, SECOND + WITNESS_HOLD_NS + 10);
	assert_int_equal(scene->attempts, 10);
	assert_int_equal(tries(scene, VICTIM, TRUST_ATTESTED), 0);
	assert_int_equal(tries(scene, VICTIM, TRUST_CLAIMED), 10);
	assert_non_null(strstr(scene->text[0], "no witness"));
}

/* The pid is a true sshd's, of somebody else's connection. */
static void other_peer_on_that_process_is_forged(void **state)
{
	struct scene *scene = *state;
	struct claim claim = claim_make(VICTIM, 22, 4001, FORM_PASSWORD, 2 * SECOND);

	connection_begins(scene, 4001, PEER, 40001, SECOND);
	say(scene, &claim);
	connection_fails(scene, 4001, 3 * SECOND);
	tick(scene, 20 * SECOND);
	assert_int_equal(tries(scene, VICTIM, TRUST_CLAIMED), 0);
	assert_int_equal(tries(scene, PEER, TRUST_WITNESSED), 1);
	assert_int_equal(scene->attempt[scene->attempts - 1].trust, TRUST_FORGED);
}

/* Address and port are a true connection's, the process is not. */
static void other_process_on_that_connection_is_forged(void **state)
{
	struct scene *scene = *state;
	struct claim claim = claim_make(VICTIM, 40001, 9999, FORM_PASSWORD, 2 * SECOND);

	connection_begins(scene, 4001, VICTIM, 40001, SECOND);
	for (int i = 0; i < 5; i++)
		say(scene, &claim);
	connection_fails(scene, 4001, 3 * SECOND);
	tick(scene, 20 * SECOND);
	assert_int_equal(tries(scene, VICTIM, TRUST_CLAIMED), 1);
}

/* Perfect lines about a connection that fails by itself: the forger saw pid and port in ss. */
static void journal_leaves_the_forger_nothing(void **state)
{
	struct scene *scene = *state;
	struct claim claim = claim_make(VICTIM, 40001, 4001, FORM_PASSWORD, 2 * SECOND);

	witness_expect_writers(scene->witness);
	connection_begins(scene, 4001, VICTIM, 40001, SECOND);
	for (int i = 0; i < 6; i++) {
		say(scene, &claim); /* in a file */
		say_by_journal(scene, claim, 31337, 1001); /* the journal knows who wrote it */
	}
	connection_fails(scene, 4001, 3 * SECOND);
	tick(scene, 20 * SECOND);
	assert_int_equal(tries(scene, VICTIM, TRUST_CLAIMED), 1);
}

static void journal_of_the_true_process_counts(void **state)
{
	struct scene *scene = *state;
	struct claim claim = claim_make(PEER, 40001, 0, FORM_PASSWORD, 2 * SECOND);

	witness_expect_writers(scene->witness);
	connection_begins(scene, 4001, PEER, 40001, SECOND);
	say_by_journal(scene, claim, 4001, 0);
	say_by_journal(scene, claim, 4001, 0);
	connection_fails(scene, 4001, 3 * SECOND);
	assert_int_equal(tries(scene, PEER, TRUST_WITNESSED), 2);
}

static void same_line_from_two_sources_is_one_try(void **state)
{
	struct scene *scene = *state;
	struct claim claim = claim_make(PEER, 40001, 4001, FORM_PASSWORD, 2 * SECOND);

	connection_begins(scene, 4001, PEER, 40001, SECOND);
	say(scene, &claim);
	say_by_journal(scene, claim, 4001, 0);
	connection_fails(scene, 4001, 3 * SECOND);
	assert_int_equal(tries(scene, PEER, TRUST_WITNESSED), 1);
}

/* Two tries, each told of by the file, the journal, and twice by audit (USER_AUTH, USER_LOGIN). */
static void file_journal_and_audit_are_one_try(void **state)
{
	struct scene *scene = *state;
	struct claim claim = claim_make(PEER, 40001, 4001, FORM_PASSWORD, 2 * SECOND);
	struct claim audit = claim_make(PEER, 0, 4001, 1100, 2 * SECOND);

	audit.source = SOURCE_JOURNAL + 1;
	audit.filter = UINT16_MAX;
	audit.pid_trusted = true;
	audit.origin = (struct log_origin){ .trusted = true, .pid = 4001, .has_uid = true };
	connection_begins(scene, 4001, PEER, 40001, SECOND);
	for (int i = 0; i < 2; i++) {
		say(scene, &claim);
		say_by_journal(scene, claim, 4001, 0);
		audit.form = 1100;
		say(scene, &audit);
		audit.form = 1112;
		say(scene, &audit);
	}
	connection_fails(scene, 4001, 3 * SECOND);
	assert_int_equal(tries(scene, PEER, TRUST_WITNESSED), 2);
}

static void unsensed_service_needs_attestation(void **state)
{
	struct scene *scene = *state;
	struct claim claim = claim_make(PEER, 0, 77, FORM_PASSWORD, SECOND);

	witness_claim(scene->witness, scene->sessions, &claim, 2, "ftp", TRUST_ATTESTED, SECOND,
		      on_attempt, scene);
	claim = claim_make(VICTIM, 0, 78, FORM_PASSWORD, SECOND);
	witness_claim(scene->witness, scene->sessions, &claim, 2, "ftp", TRUST_CLAIMED, SECOND,
		      on_attempt, scene);
	assert_int_equal(tries(scene, PEER, TRUST_ATTESTED), 1);
	assert_int_equal(tries(scene, VICTIM, TRUST_ATTESTED), 0);
	assert_int_equal(tries(scene, VICTIM, TRUST_CLAIMED), 1);
}

static void say_about_ftp(struct scene *scene, struct claim claim, uint16_t filter,
			  enum trust trust)
{
	claim.filter = filter;
	witness_claim(scene->witness, scene->sessions, &claim, 2, "ftp", trust, claim.arrived_ns,
		      on_attempt, scene);
}

/* PAM's line, by syslog, comes before the server's own log tells of the same try. */
static void lesser_text_uses_up_no_try(void **state)
{
	struct scene *scene = *state;

	for (uint32_t i = 0; i < 3; i++) {
		struct claim pam = claim_make(PEER, 0, 0, FORM_PAM, (1 + i) * SECOND);
		struct claim own = claim_make(PEER, 0, 0, FORM_PASSWORD, (1 + i) * SECOND);

		say_about_ftp(scene, pam, 1, TRUST_CLAIMED);
		say_about_ftp(scene, own, 2, TRUST_ATTESTED);
	}
	assert_int_equal(tries(scene, PEER, TRUST_ATTESTED), 3);
	assert_int_equal(tries(scene, PEER, TRUST_CLAIMED), 3);
}

/* And PAM's line by the journal, where a filter without a service reads it, vouched for as well. */
static void text_of_other_service_uses_up_no_try(void **state)
{
	uint32_t by_filter[3] = { 0 };
	struct scene *scene = *state;

	for (uint32_t i = 0; i < 3; i++) {
		struct claim claim = claim_make(PEER, 0, 423, FORM_PAM, (1 + i) * SECOND);

		claim.filter = 1;
		witness_claim(scene->witness, scene->sessions, &claim, 0, "pam", TRUST_ATTESTED,
			      claim.arrived_ns, on_attempt, scene);
		tick(scene, claim.arrived_ns + WITNESS_HOLD_NS);
		say_about_ftp(scene, claim, 2, TRUST_ATTESTED);
	}
	/* Three tries; and three by each filter, because rules count by service. */
	assert_int_equal(tries(scene, PEER, TRUST_ATTESTED), 3);
	for (unsigned int i = 0; i < scene->attempts; i++)
		by_filter[scene->attempt[i].filter] += scene->tries_of_filter[i];
	assert_int_equal(by_filter[1], 3);
	assert_int_equal(by_filter[2], 3);
}

static void ftp_line(struct scene *scene, uint32_t source, uint16_t filter, const char *user,
		     enum trust trust, uint64_t at_ns)
{
	struct claim claim = claim_make(PEER, 0, 0, FORM_PASSWORD, at_ns);

	claim.source = source;
	text_copy(claim.user, sizeof(claim.user), user);
	say_about_ftp(scene, claim, filter, trust);
}

/* PAM's line and the server's own, each in a file and in the journal: one try for any rule. */
static void four_lines_of_a_try_count_once(void **state)
{
	struct scene *scene = *state;

	for (uint64_t i = 0; i < 5; i++) {
		uint64_t at = (10 + i) * SECOND;

		ftp_line(scene, SOURCE_FILE, 1, "", TRUST_CLAIMED, at);
		ftp_line(scene, SOURCE_JOURNAL, 2, "alice", TRUST_ATTESTED, at + SECOND / 4);
		ftp_line(scene, SOURCE_FILE, 2, "alice", TRUST_CLAIMED, at + SECOND / 3);
		ftp_line(scene, SOURCE_JOURNAL, 1, "alice", TRUST_ATTESTED, at + SECOND / 2);
	}
	assert_int_equal(scene->attempts, 20);
	assert_int_equal(tries(scene, PEER, TRUST_CLAIMED), 5);
	assert_int_equal(tries(scene, PEER, TRUST_ATTESTED), 5);
}

static void other_tries_are_not_joined(void **state)
{
	struct scene *scene = *state;

	/* Another user, the same kind of line, and too late: three more. */
	ftp_line(scene, SOURCE_FILE, 1, "alice", TRUST_ATTESTED, 10 * SECOND);
	ftp_line(scene, SOURCE_FILE, 2, "bob", TRUST_ATTESTED, 10 * SECOND);
	ftp_line(scene, SOURCE_FILE, 1, "alice", TRUST_ATTESTED, 11 * SECOND);
	assert_int_equal(tries(scene, PEER, TRUST_ATTESTED), 3);
	ftp_line(scene, SOURCE_JOURNAL, 1, "bob", TRUST_ATTESTED, 15 * SECOND);
	assert_int_equal(tries(scene, PEER, TRUST_ATTESTED), 4);
	/* Within four seconds of alice's second one. */
	ftp_line(scene, SOURCE_JOURNAL, 2, "alice", TRUST_ATTESTED, 15 * SECOND);
	assert_int_equal(tries(scene, PEER, TRUST_ATTESTED), 4);
}

static void repeated_line_joins_as_often_as_it_says(void **state)
{
	struct scene *scene = *state;
	struct claim claim = claim_make(PEER, 0, 0, FORM_PAM, 10 * SECOND);

	say_about_ftp(scene, claim, 1, TRUST_ATTESTED);
	claim.count = 5;
	say_about_ftp(scene, claim, 2, TRUST_ATTESTED);
	assert_int_equal(tries(scene, PEER, TRUST_ATTESTED), 5);
}

/* More addresses within the time of a try than are remembered: counted, and bounded. */
static void crowd_of_addresses_is_bounded(void **state)
{
	struct witness_stats stats;
	struct scene *scene = *state;
	char addr[ADDR_TEXT_MAX];

	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 3000; i++) {
			(void)snprintf(addr, sizeof(addr), "10.%u.%u.%u", round, i / 250,
				       i % 250 + 1);
			scene->attempts = 0;
			say_about_ftp(scene,
				      claim_make(addr, 0, 0, FORM_PAM, (1 + 100 * round) * SECOND),
				      1, TRUST_ATTESTED);
			assert_int_equal(scene->attempt[0].tries, 1);
		}
		/* 952 went too soon; in the next round first 2048 whose time was over. */
		witness_stats(scene->witness, &stats);
		assert_int_equal(stats.refused, (round + 1) * 952);
	}
}

static void accepted_text_says_so(void **state)
{
	struct scene *scene = *state;
	struct claim claim = claim_make(PEER, 0, 0, FORM_PASSWORD, SECOND);
	union bl_event event;

	claim.accepted = true;
	say_about_ftp(scene, claim, 2, TRUST_CLAIMED);
	assert_true(scene->attempt[0].accepted);
	assert_int_equal(scene->attempt[0].trust, TRUST_CLAIMED);
	assert_int_equal(scene->attempt[0].tries, 1);
	assert_non_null(strstr(scene->text[0], "accepted as configured, no witness"));
	/* Vouched for, it needs nobody's leave; contradicted, it has none. */
	claim.arrived_ns = 20 * SECOND;
	say_about_ftp(scene, claim, 2, TRUST_ATTESTED);
	assert_false(scene->attempt[1].accepted);
	story_session_process(&event, 4001, VICTIM, 40001, 20 * SECOND);
	happen(scene, &event);
	claim.pid = 4001;
	claim.arrived_ns = 21 * SECOND;
	say_about_ftp(scene, claim, 2, TRUST_CLAIMED);
	assert_int_equal(scene->attempt[2].trust, TRUST_FORGED);
	assert_false(scene->attempt[2].accepted);
	assert_int_equal(scene->attempt[2].tries, 0);
}

/* Another host's sshd[4001] is not ours, nor is its connection. */
static void relayed_line_is_not_held_against_this_kernel(void **state)
{
	struct scene *scene = *state;
	struct claim claim = claim_make(VICTIM, 40001, 4001, FORM_PASSWORD, 2 * SECOND);

	connection_begins(scene, 4001, PEER, 40001, SECOND);
	claim.relayed = true;
	say(scene, &claim);
	assert_int_equal(scene->attempts, 1);
	assert_int_equal(scene->attempt[0].trust, TRUST_CLAIMED);
	assert_non_null(strstr(scene->text[0], "of another host"));
	/* A true coincidence is no witness either. */
	claim = claim_make(PEER, 40001, 4001, FORM_PASSWORD, 2 * SECOND);
	claim.relayed = true;
	say(scene, &claim);
	assert_int_equal(scene->attempt[1].trust, TRUST_CLAIMED);
	connection_fails(scene, 4001, 3 * SECOND);
	assert_int_equal(tries(scene, PEER, TRUST_WITNESSED), 1);
}

static void proxy_is_never_counted(void **state)
{
	struct witness_service web = {
		.id = 3, .max_tries = 3, .ports = { 80 }, .proxied = true, .name = "web"
	};
	struct scene *scene = *state;
	struct claim claim = claim_make(PEER, 0, 0, FORM_PASSWORD, 2 * SECOND);
	union bl_event event;

	assert_int_equal(witness_add_service(scene->witness, &web), 0);
	story_connection(&event, PROXY, 40001, BL_CONNECTION_OPEN, SECOND);
	event.connection.end.local_port = 80;
	happen(scene, &event);
	witness_claim(scene->witness, scene->sessions, &claim, 3, "web", TRUST_ATTESTED, 2 * SECOND,
		      on_attempt, scene);
	assert_int_equal(tries(scene, PEER, TRUST_ATTESTED), 1);
	assert_string_equal(scene->text[0],
			    "address as web's proxy told it; only the service can write its log");
	claim = claim_make(PROXY, 40001, 0, FORM_PASSWORD, 2 * SECOND);
	witness_claim(scene->witness, scene->sessions, &claim, 3, "web", TRUST_ATTESTED, 2 * SECOND,
		      on_attempt, scene);
	assert_int_equal(scene->attempts, 2);
	assert_int_equal(tries(scene, PROXY, TRUST_CLAIMED), 0);
	assert_non_null(strstr(scene->text[1], "this is a proxy itself"));
	/* PAM tells what the service told it, and is no service. */
	claim = claim_make(PROXY, 0, 0, FORM_PAM, 2 * SECOND);
	witness_claim(scene->witness, scene->sessions, &claim, 0, "pam", TRUST_ATTESTED, 2 * SECOND,
		      on_attempt, scene);
	assert_int_equal(scene->attempts, 3);
	assert_int_equal(tries(scene, PROXY, TRUST_CLAIMED), 0);
	/* Its neighbour in the same /64 would be locked out with it. */
	claim = claim_make(PROXY6_NEIGHBOUR, 0, 0, FORM_PASSWORD, 2 * SECOND);
	story_connection(&event, PROXY6, 40001, BL_CONNECTION_OPEN, SECOND);
	event.connection.end.local_port = 80;
	happen(scene, &event);
	witness_claim(scene->witness, scene->sessions, &claim, 3, "web", TRUST_ATTESTED, 2 * SECOND,
		      on_attempt, scene);
	assert_int_equal(tries(scene, PROXY6_NEIGHBOUR, TRUST_CLAIMED), 0);
}

/* A watched service behind a proxy: its connections fail, by its own and by PAM's word. */
static void proxied_connections_count_nothing(void **state)
{
	struct witness_service sshd = { .id = STORY_SSHD,
					.max_tries = 6,
					.ports = { 22 },
					.sensed = true,
					.forks = true,
					.proxied = true,
					.name = "sshd" };
	static const uint64_t seed[2] = { 1, 2 };
	struct scene *scene = *state;
	struct claim claim = claim_make(PROXY, 40001, 4001, FORM_PAM, 2 * SECOND);

	witness_free(scene->witness);
	assert_int_equal(witness_new(&scene->witness, seed), 0);
	assert_int_equal(witness_add_service(scene->witness, &sshd), 0);
	connection_begins(scene, 4001, PROXY, 40001, SECOND);
	say(scene, &claim);
	witness_claim(scene->witness, scene->sessions, &claim, 0, "pam", TRUST_ATTESTED, 2 * SECOND,
		      on_attempt, scene);
	connection_fails(scene, 4001, 3 * SECOND);
	witness_claim(scene->witness, scene->sessions, &claim, 0, "pam", TRUST_ATTESTED, 4 * SECOND,
		      on_attempt, scene);
	tick(scene, 20 * SECOND);
	assert_int_equal(scene->attempts, 3);
	assert_int_equal(tries(scene, PROXY, TRUST_CLAIMED), 0);
}

/* One process that serves everybody, such as dovecot's auth. */
static void process_of_many_has_no_limit(void **state)
{
	struct scene *scene = *state;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < 200; i++) {
		struct claim claim =
			claim_make(i % 2 ? PEER : VICTIM, 0, 423, FORM_PASSWORD, SECOND + i);

		scene->attempts = 0;
		say_about_ftp(scene, claim, 2, TRUST_ATTESTED);
		sum += tries(scene, PEER, TRUST_ATTESTED);
	}
	assert_int_equal(sum, 100);
}

static void sudo_counts_on_its_session(void **state)
{
	struct scene *scene = *state;
	struct claim claim = claim_make(NULL, 0, 6001, FORM_PAM, 2 * SECOND);
	union bl_event event;

	connection_begins(scene, 4001, PEER, 40001, SECOND);
	connection_logs_in(scene, 4001, PEER, 40001, SECOND);
	story_sudo(&event, 6001, 7, SECOND);
	happen(scene, &event);
	scene->attempts = 0;
	witness_claim(scene->witness, scene->sessions, &claim, 0, "sudo", TRUST_CLAIMED, 2 * SECOND,
		      on_attempt, scene);
	assert_int_equal(scene->attempts, 1);
	assert_int_equal(scene->attempt[0].subject.kind, SUBJECT_SESSION);
	assert_int_equal(scene->attempt[0].subject.id, 7);
	assert_int_equal(scene->attempt[0].tries, 1);
	assert_int_equal(scene->attempt[0].trust, TRUST_WITNESSED);
	assert_string_equal(scene->attempt[0].service_name, "sudo");
}

static void flood_of_lines_is_bounded(void **state)
{
	struct scene *scene = *state;
	struct witness_stats stats;

	for (uint32_t i = 0; i < WITNESS_CLAIMS_MAX + 1000; i++) {
		struct claim claim = claim_make(VICTIM, 22, 10000 + i, FORM_PASSWORD, SECOND + i);

		scene->attempts = 0;
		say(scene, &claim);
	}
	witness_stats(scene->witness, &stats);
	assert_int_equal(stats.refused, 1000);
	assert_int_equal(stats.claims, WITNESS_CLAIMS_MAX + 1000);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(failure_without_a_line_is_one_try),
		T(lines_of_one_try_count_once),
		T(tries_of_a_connection_add_up_to_the_limit),
		T(repeated_line_counts_as_often_as_it_says),
		T(late_line_adds_nothing_twice),
		T(early_line_waits_for_its_connection),
		T(success_counts_nothing),
		T(birth_alone_tells_of_a_login_once),
		T(text_without_connection_is_only_text),
		T(other_peer_on_that_process_is_forged),
		T(other_process_on_that_connection_is_forged),
		T(journal_leaves_the_forger_nothing),
		T(journal_of_the_true_process_counts),
		T(same_line_from_two_sources_is_one_try),
		T(file_journal_and_audit_are_one_try),
		T(unsensed_service_needs_attestation),
		T(lesser_text_uses_up_no_try),
		T(text_of_other_service_uses_up_no_try),
		T(four_lines_of_a_try_count_once),
		T(other_tries_are_not_joined),
		T(repeated_line_joins_as_often_as_it_says),
		T(crowd_of_addresses_is_bounded),
		T(accepted_text_says_so),
		T(relayed_line_is_not_held_against_this_kernel),
		T(proxy_is_never_counted),
		T(proxied_connections_count_nothing),
		T(process_of_many_has_no_limit),
		T(sudo_counts_on_its_session),
		T(flood_of_lines_is_bounded),
	};

	return cmocka_run_group_tests_name("analyst/evidence/witness", tests, NULL, NULL);
}
