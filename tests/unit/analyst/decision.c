/* SPDX-License-Identifier: GPL-2.0-only */
/* Rules as text, exact counting, escalation, exemption. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "unit.h"

#include "analyst/decision/decision.h"
#include "base/buf.h"
#include "base/clock.h"

#define SECOND NSEC_PER_SEC
#define MINUTE (60 * SECOND)

static const uint64_t seed[2] = { 3, 4 };

static const char guessing[] = "[rule]\n"
			       "id = ssh-guessing\n"
			       "title = Guessing\n"
			       "service = sshd\n"
			       "failures = 5\n"
			       "window = 10m\n"
			       "lockout = 1h\n"
			       "factor = 2\n"
			       "longest = 6h\n";

struct scene {
	struct rule_set rules;
	struct correlation *correlation;
	struct decider *decider;
	struct match match[16];
	unsigned int matches;
};

static void on_match(const struct match *match, void *arg)
{
	struct scene *scene = arg;

	assert_true(scene->matches < ARRAY_SIZE(scene->match));
	scene->match[scene->matches++] = *match;
}

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	char error[RULES_ERROR_MAX];

	assert_non_null(scene);
	assert_int_equal(rules_add(&scene->rules, "guessing", guessing, strlen(guessing), error),
			 0);
	assert_int_equal(correlation_new(&scene->correlation, &scene->rules, seed), 0);
	assert_int_equal(decider_new(&scene->decider, seed), 0);
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	decider_free(scene->decider);
	correlation_free(scene->correlation);
	free(scene);
	return 0;
}

static void attempt(struct scene *scene, const char *text, uint32_t tries, enum trust trust,
		    uint64_t at_ns)
{
	struct attempt attempt = { .at_ns = at_ns, .trust = trust, .tries = tries };
	struct addr addr;

	assert_int_equal(addr_parse(text, strlen(text), &addr), 0);
	attempt.subject.kind = SUBJECT_ADDRESS;
	attempt.subject.family = addr.family;
	attempt.subject.prefix = addr.prefix;
	memcpy(attempt.subject.addr, addr.bytes, 16);
	text_copy(attempt.service_name, sizeof(attempt.service_name), "sshd");
	correlation_attempt(scene->correlation, &attempt, on_match, scene);
}

static void fifth_try_within_the_window_matches(void **state)
{
	struct scene *scene = *state;

	for (int i = 0; i < 4; i++)
		attempt(scene, "203.0.113.9", 1, TRUST_WITNESSED, 100 * MINUTE + i * MINUTE);
	assert_int_equal(scene->matches, 0);
	attempt(scene, "203.0.113.9", 1, TRUST_WITNESSED, 104 * MINUTE);
	assert_int_equal(scene->matches, 1);
	assert_int_equal(scene->match[0].tries, 5);
	attempt(scene, "203.0.113.9", 1, TRUST_WITNESSED, 104 * MINUTE);
	assert_int_equal(scene->matches, 1);
}

static void window_is_exact(void **state)
{
	struct scene *scene = *state;

	attempt(scene, "203.0.113.9", 1, TRUST_WITNESSED, 100 * MINUTE);
	for (int i = 0; i < 3; i++)
		attempt(scene, "203.0.113.9", 1, TRUST_WITNESSED, 105 * MINUTE);
	/* The first is 10 minutes and a second old: four are left. */
	attempt(scene, "203.0.113.9", 1, TRUST_WITNESSED, 110 * MINUTE + SECOND);
	assert_int_equal(scene->matches, 0);
	attempt(scene, "203.0.113.9", 1, TRUST_WITNESSED, 110 * MINUTE + 2 * SECOND);
	assert_int_equal(scene->matches, 1);
}

static void text_does_not_count(void **state)
{
	struct scene *scene = *state;

	attempt(scene, "203.0.113.9", 30, TRUST_CLAIMED, MINUTE);
	attempt(scene, "203.0.113.9", 30, TRUST_ATTESTED, MINUTE);
	attempt(scene, "203.0.113.9", 30, TRUST_FORGED, MINUTE);
	assert_int_equal(scene->matches, 0);
}

static void slash_64_is_one_subject(void **state)
{
	struct scene *scene = *state;
	char text[32];

	for (int i = 1; i <= 5; i++) {
		(void)snprintf(text, sizeof(text), "2001:db8:0:1::%d", i);
		attempt(scene, text, 1, TRUST_WITNESSED, MINUTE);
	}
	assert_int_equal(scene->matches, 1);
	assert_int_equal(scene->match[0].subject.prefix, 64);
	attempt(scene, "2001:db8:0:2::1", 4, TRUST_WITNESSED, MINUTE);
	assert_int_equal(scene->matches, 1);
}

static bool decide(struct scene *scene, uint64_t at_ns, struct decision *ret)
{
	scene->matches = 0;
	attempt(scene, "203.0.113.9", 5, TRUST_WITNESSED, at_ns);
	assert_int_equal(scene->matches, 1);
	return decider_decide(scene->decider, &scene->match[0], false, at_ns, ret);
}

static void lockouts_grow_up_to_the_longest(void **state)
{
	static const uint64_t hours[] = { 1, 2, 4, 6, 6 };
	struct scene *scene = *state;
	struct decision decision;
	uint64_t at_ns = MINUTE;

	for (size_t i = 0; i < ARRAY_SIZE(hours); i++) {
		assert_true(decide(scene, at_ns, &decision));
		assert_int_equal(decision.action, ACTION_LOCK);
		assert_int_equal(decision.seconds, hours[i] * 3600);
		/* In force: nothing more is decided. */
		assert_false(decide(scene, at_ns + MINUTE, &decision));
		at_ns += decision.seconds * SECOND + MINUTE + hours[i] * 3600 * SECOND;
	}
}

static void refused_lockout_is_decided_again(void **state)
{
	struct scene *scene = *state;
	struct decision decision;
	struct ipc_outcome outcome = { .result = OUTCOME_LIMIT, .action = ACTION_LOCK };

	assert_true(decide(scene, MINUTE, &decision));
	outcome.subject = decision.subject;
	outcome.decision = decision.number;
	decider_outcome(scene->decider, &outcome);
	assert_true(decide(scene, 2 * MINUTE, &decision));
	assert_int_equal(decision.seconds, 3600);
}

static void release_lets_it_begin_anew(void **state)
{
	struct scene *scene = *state;
	struct decision decision;
	struct ipc_outcome outcome = { .result = OUTCOME_RELEASED, .action = ACTION_RELEASE };

	assert_true(decide(scene, MINUTE, &decision));
	outcome.subject = decision.subject;
	decider_outcome(scene->decider, &outcome);
	assert_true(decide(scene, 2 * MINUTE, &decision));
	assert_int_equal(decision.seconds, 3600);
}

static void exempt_address_is_only_observed(void **state)
{
	struct scene *scene = *state;
	struct decision decision;
	struct addr net;

	assert_int_equal(addr_parse_net("203.0.113.0/24", 14, &net), 0);
	assert_int_equal(decider_exempt(scene->decider, &net, EXEMPT_CONFIGURED), 0);
	assert_true(decide(scene, MINUTE, &decision));
	assert_int_equal(decision.action, ACTION_OBSERVE);
	assert_int_equal(decision.seconds, 0);
	assert_non_null(strstr(decision.reason, "exempt by configuration"));
}

static void exempt_host_keeps_its_slash_64(void **state)
{
	struct scene *scene = *state;
	struct decision decision;
	struct addr net;

	assert_int_equal(addr_parse_net("2001:db8:0:1::5", 15, &net), 0);
	assert_int_equal(decider_exempt(scene->decider, &net, EXEMPT_OWN), 0);
	attempt(scene, "2001:db8:0:1::99", 5, TRUST_WITNESSED, MINUTE);
	assert_int_equal(scene->matches, 1);
	assert_true(decider_decide(scene->decider, &scene->match[0], false, MINUTE, &decision));
	assert_int_equal(decision.action, ACTION_OBSERVE);
}

static void decision_reads_as_promised(void **state)
{
	struct scene *scene = *state;
	struct buf out = BUF_INIT(4096);
	struct decision decision;

	assert_true(decide(scene, MINUTE, &decision));
	decision.partial = true;
	decision_to_json(&decision, 0, &out);
	assert_string_equal(
		out.data, "{\"@timestamp\":\"1970-01-01T00:01:00.000000000Z\",\"action\":\"lock\","
			  "\"subject\":{\"kind\":\"address\",\"value\":\"203.0.113.9\"},"
			  "\"until\":\"1970-01-01T01:01:00.000000000Z\",\"rule\":\"ssh-guessing\","
			  "\"score\":null,\"trust\":\"witnessed\",\"partial\":true,\"reasons\":["
			  "\"5 failed tries within 0s, witnessed (rule ssh-guessing)\"]}");
	buf_done(&out);
}

static void bad_rules_are_refused_whole(void **state)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
		{ "", "bad: no [rule] section" },
		{ "[rule]\nid = x\n", "bad: service is missing" },
		{ "[rule]\nid = a b\n", "bad:2: id wants" },
		{ "[rule]\nid = x\nfailures = 0\n", "bad:3: failures wants a number from 1 to" },
		{ "[rule]\nid = x\nfailures = 99999999999999999999\n", "bad:3: failures wants" },
		{ "[rule]\nwindow = soon\n", "bad:2: window wants a length of time" },
		{ "[rule]\naction = explode\n", "bad:2: action is not one of observe lock" },
		{ "[rule]\nfailure = 3\n", "bad:2: unknown key failure" },
		{ "[other]\nid = x\n", "bad:2: unknown section [other]" },
		{ "[rule]\nid = x\nservice = s\nfailures = 3\nwindow = 1m\naction = terminate\n"
		  "lockout = 1h\n",
		  "bad: action terminate goes with subject session only" },
	};
	struct scene *scene = *state;
	char error[RULES_ERROR_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct rule_set before = scene->rules;

		assert_true(rules_add(&scene->rules, "bad", bad[i].text, strlen(bad[i].text),
				      error) < 0);
		if (!strstr(error, bad[i].error))
			fail_msg("\"%s\" should say \"%s\"", error, bad[i].error);
		assert_memory_equal(&before, &scene->rules, sizeof(before));
	}
}

static void later_rule_of_that_id_replaces(void **state)
{
	static const char stricter[] = "[rule]\nid = ssh-guessing\nservice = sshd\nfailures = 2\n"
				       "window = 1h\nlockout = 5m\n";
	struct scene *scene = *state;
	char error[RULES_ERROR_MAX];

	assert_int_equal(rules_add(&scene->rules, "etc", stricter, strlen(stricter), error), 0);
	assert_int_equal(scene->rules.count, 1);
	assert_int_equal(scene->rules.rule[0].failures, 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(fifth_try_within_the_window_matches),
		T(window_is_exact),
		T(text_does_not_count),
		T(slash_64_is_one_subject),
		T(lockouts_grow_up_to_the_longest),
		T(refused_lockout_is_decided_again),
		T(release_lets_it_begin_anew),
		T(exempt_address_is_only_observed),
		T(exempt_host_keeps_its_slash_64),
		T(decision_reads_as_promised),
		T(bad_rules_are_refused_whole),
		T(later_rule_of_that_id_replaces),
	};

	return cmocka_run_group_tests_name("analyst/decision", tests, NULL, NULL);
}
