/* SPDX-License-Identifier: GPL-2.0-only */
/* Rules as text, exact counting, escalation, exemption. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "unit.h"

#include "analyst/correlation/about.h"
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
	attempt.service_name = "sshd";
	correlation_attempt(scene->correlation, &attempt,
			    &(const struct attempt_names){ .source = "", .filter = "" }, on_match,
			    scene);
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

struct crowd {
	uint32_t strangers; /* so far */
	uint32_t found[100]; /* matches of 203.0.113.N */
};

static void on_crowd_match(const struct match *match, void *arg)
{
	struct crowd *crowd = arg;

	assert_int_equal(match->subject.addr[0], 203);
	crowd->found[match->subject.addr[3]]++;
}

static void tries_of(struct scene *scene, struct crowd *crowd, const uint8_t addr[4],
		     unsigned int tries)
{
	struct attempt attempt = {
		.at_ns = MINUTE,
		.trust = TRUST_WITNESSED,
		.tries = tries,
		.service_name = "sshd",
		.subject = { .kind = SUBJECT_ADDRESS, .family = AF_INET, .prefix = 32 }
	};

	memcpy(attempt.subject.addr, addr, 4);
	correlation_attempt(scene->correlation, &attempt,
			    &(const struct attempt_names){ .source = "", .filter = "" },
			    on_crowd_match, crowd);
}

static void strangers(struct scene *scene, struct crowd *crowd, uint32_t count, unsigned int tries)
{
	for (uint32_t end = crowd->strangers + count; crowd->strangers < end; crowd->strangers++) {
		const uint8_t addr[4] = { 10, (uint8_t)(crowd->strangers >> 16),
					  (uint8_t)(crowd->strangers >> 8),
					  (uint8_t)crowd->strangers };

		tries_of(scene, crowd, addr, tries);
	}
}

static void attackers(struct scene *scene, struct crowd *crowd, unsigned int tries)
{
	for (unsigned int i = 0; i < 100; i++)
		tries_of(scene, crowd, (const uint8_t[4]){ 203, 0, 113, (uint8_t)i }, tries);
}

/* A million of one try each, and each of a hundred tries once among ten thousand of them. */
static void crowd_does_not_hide_who_comes_again(void **state)
{
	struct crowd crowd = { 0 };

	for (int i = 0; i < 100; i++) {
		attackers(*state, &crowd, 1);
		strangers(*state, &crowd, 10000, 1);
	}
	for (int i = 0; i < 100; i++)
		assert_int_equal(crowd.found[i], 20);
}

/* Three tries outlive twice as many strangers as there is room for. */
static void more_tries_are_remembered_longer(void **state)
{
	struct crowd crowd = { 0 };

	attackers(*state, &crowd, 3);
	strangers(*state, &crowd, 2 * CORRELATION_SUBJECTS_MAX, 1);
	attackers(*state, &crowd, 2);
	for (int i = 0; i < 100; i++)
		assert_int_equal(crowd.found[i], 1);
	/* Not for ever, and not again for what was counted. */
	attackers(*state, &crowd, 3);
	strangers(*state, &crowd, 4 * CORRELATION_SUBJECTS_MAX, 1);
	attackers(*state, &crowd, 2);
	for (int i = 0; i < 100; i++)
		assert_int_equal(crowd.found[i], 1);
}

/* A table full of those who deserve to be spared, and more of them all the time. */
static void nobody_fills_the_table_for_good(void **state)
{
	struct crowd crowd = { 0 };

	strangers(*state, &crowd, 3 * CORRELATION_SUBJECTS_MAX, 4);
	for (int i = 0; i < 5; i++) {
		attackers(*state, &crowd, 1);
		strangers(*state, &crowd, 25000, 4);
	}
	for (int i = 0; i < 100; i++)
		assert_int_equal(crowd.found[i], 1);
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

static void rule_take(struct scene *scene, const char *text)
{
	char error[RULES_ERROR_MAX];

	scene->rules.count = 0;
	if (rules_add(&scene->rules, "t", text, strlen(text), error) < 0)
		fail_msg("%s", error);
}

static struct attempt app_attempt(enum trust trust)
{
	struct attempt attempt = {
		.at_ns = 100 * MINUTE, .trust = trust, .tries = 1, .user = "alice"
	};

	attempt.subject = (struct ipc_subject){
		.kind = SUBJECT_ADDRESS, .family = AF_INET, .prefix = 32, .addr = { 203, 0, 113, 9 }
	};
	attempt.service_name = "app";
	return attempt;
}

#define APP_RULE "[rule]\nid = app\nservice = app\nfailures = 1\nwindow = 1m\nlockout = 1h\n"

static void accepted_claims_stand_for_attested_ones_only(void **state)
{
	const struct attempt_names names = { .source = "own", .filter = "app" };
	struct attempt bare = app_attempt(TRUST_CLAIMED), accepted = bare;
	struct scene *scene = *state;
	struct decision decision;

	accepted.accepted = true;
	rule_take(scene, APP_RULE "trust = attested\n");
	correlation_attempt(scene->correlation, &bare, &names, on_match, scene);
	assert_int_equal(scene->matches, 0);
	correlation_attempt(scene->correlation, &accepted, &names, on_match, scene);
	assert_int_equal(scene->matches, 1);
	assert_int_equal(scene->match[0].trust, TRUST_CLAIMED);
	assert_true(decider_decide(scene->decider, &scene->match[0], false, MINUTE, &decision));
	assert_int_equal(decision.trust, TRUST_CLAIMED);
	assert_string_equal(decision.reason, "1 failed try within 0s, claimed, accepted as "
					     "configured, no witness (rule app)");
	/* A rule that wants the kernel's word does not take the administrator's. */
	rule_take(scene, APP_RULE "trust = witnessed\n");
	correlation_attempt(scene->correlation, &accepted, &names, on_match, scene);
	assert_int_equal(scene->matches, 1);
}

static void source_and_filter_narrow_a_rule(void **state)
{
	static const struct {
		const char *more, *source, *filter;
		bool counts;
	} cases[] = {
		{ "", "own", "app", true },
		{ "source = own\n", "own", "app", true },
		{ "source = own\n", "other", "app", false },
		/* What the kernel alone saw is of no source. */
		{ "source = own\n", "", "", true },
		{ "filter = app\n", "own", "app", true },
		{ "filter = web\n", "own", "app", false },
		/* The service's name by its own filter is enough, whoever the source says writes
		 * it. */
		{ "filter = app\n", "own", "other", false },
	};
	const struct attempt attempt = app_attempt(TRUST_WITNESSED);
	struct scene *scene = *state;
	char text[512];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct attempt_names names = { .source = cases[i].source,
						     .filter = cases[i].filter };

		scene->matches = 0;
		(void)snprintf(text, sizeof(text), "%s%s", APP_RULE, cases[i].more);
		rule_take(scene, text);
		correlation_attempt(scene->correlation, &attempt, &names, on_match, scene);
		if (scene->matches != cases[i].counts)
			fail_msg("case %zu counts %u", i, scene->matches);
	}
}

static void try_counts_once_per_rule(void **state)
{
	static const char rules[][256] = {
		APP_RULE "trust = attested\n",
		APP_RULE "trust = claimed\n",
		"[rule]\nid = pam\nservice = pam\nfailures = 1\nwindow = 1m\nlockout = 1h\n"
		"trust = claimed\n",
		APP_RULE "trust = claimed\nsource = journal\n",
	};
	/* Of one try: PAM's line by syslog, the application's by syslog, the same by the
	 * journal. */
	static const unsigned int counts[ARRAY_SIZE(rules)][3] = {
		{ 0, 0, 1 }, { 0, 1, 0 }, { 1, 0, 0 }, { 0, 0, 1 }
	};
	static const struct told_names line[3] = {
		{ "file", "pam", "pam", TRUST_CLAIMED, false },
		{ "file", "app", "app", TRUST_CLAIMED, false },
		{ "journal", "app", "app", TRUST_ATTESTED, false },
	};
	struct scene *scene = *state;

	for (size_t r = 0; r < ARRAY_SIZE(rules); r++) {
		rule_take(scene, rules[r]);
		for (uint32_t i = 0; i < 3; i++) {
			struct attempt_names names = { .source = line[i].source,
						       .filter = line[i].filter };
			struct attempt attempt = app_attempt(line[i].trust);

			attempt.service_name = line[i].service;
			memcpy(names.told, line, i * sizeof(line[0]));
			attempt.told_count = i;
			attempt.tries = i == 0;
			attempt.again = i != 0;
			scene->matches = 0;
			correlation_attempt(scene->correlation, &attempt, &names, on_match, scene);
			if (scene->matches != counts[r][i])
				fail_msg("rule %zu, line %u: %u", r, i, scene->matches);
		}
	}
}

/* What is remembered of one kind of attempt says nothing of another, nor of other rules. */
static void rules_about_an_attempt(void **state)
{
	static const char *const names[] = {
		"", "app", "pam", "other", "journal", "a-name-that-is-too-long-to-be-remembered",
	};
	static const char *const rules[] = {
		APP_RULE,
		"[rule]\nid = pam\nservice = pam\nfailures = 1\nwindow = 1m\nlockout = 1h\n",
		"[rule]\nid = journal\nfilter = app\nsource = journal\nfailures = 1\nwindow = 1m\n"
		"lockout = 1h\n",
		"[rule]\nid = both\nservice = other\nfilter = app\nfailures = 1\nwindow = 1m\n"
		"lockout = 1h\n",
		"[rule]\nid = signal\nsignal = module-load\ncount = 1\nwindow = 1m\n",
	};
	struct scene *scene = *state;
	struct about_memo *memo = calloc(1, sizeof(*memo));
	char error[RULES_ERROR_MAX];

	assert_non_null(memo);
	scene->rules.count = 0;
	for (size_t r = 0; r < ARRAY_SIZE(rules); r++) {
		if (rules_add(&scene->rules, "t", rules[r], strlen(rules[r]), error) < 0)
			fail_msg("%s", error);
		/* Twice each, at few places: found anew, remembered, and pushed out by others. */
		for (size_t n = 0;
		     n < 2 * ARRAY_SIZE(names) * ARRAY_SIZE(names) * ARRAY_SIZE(names); n++) {
			const struct about_names about = {
				.service = names[n / 2 % ARRAY_SIZE(names)],
				.source = names[n / 2 / ARRAY_SIZE(names) % ARRAY_SIZE(names)],
				.filter = names[n / 2 / ARRAY_SIZE(names) / ARRAY_SIZE(names)],
			};
			const struct about *found =
				about_find(memo, &scene->rules, (unsigned int)(n / 2 % 5), &about);
			unsigned int place = 0;

			for (unsigned int i = 0; i < scene->rules.count; i++) {
				const struct rule *rule = &scene->rules.rule[i];

				if (rule->signals || !rule_is_about(rule, &about))
					continue;
				assert_true(place < found->count);
				assert_int_equal(found->rule[place++], i);
			}
			assert_int_equal(place, found->count);
		}
	}
	free(memo);
}

static void user_counts_only_with_a_session_and_no_guess(void **state)
{
	const struct attempt_names known = {
		.source = "own", .filter = "app", .has_uid = true, .uid = 1001
	};
	const struct attempt_names unknown = { .source = "own", .filter = "app" };
	struct attempt attempt = app_attempt(TRUST_ATTESTED);
	struct scene *scene = *state;
	struct decision decision;

	rule_take(scene, APP_RULE "trust = attested\nsubject = user\naction = terminate\n");
	correlation_attempt(scene->correlation, &attempt, &unknown, on_match, scene);
	attempt.guessed = true;
	correlation_attempt(scene->correlation, &attempt, &known, on_match, scene);
	attempt.guessed = false;
	attempt.trust = TRUST_CLAIMED;
	correlation_attempt(scene->correlation, &attempt, &known, on_match, scene);
	assert_int_equal(scene->matches, 0);
	attempt.trust = TRUST_ATTESTED;
	correlation_attempt(scene->correlation, &attempt, &known, on_match, scene);
	assert_int_equal(scene->matches, 1);
	scene->match[0].user = "alice";
	assert_int_equal(scene->match[0].subject.kind, SUBJECT_USER);
	assert_int_equal(scene->match[0].subject.id, 1001);
	assert_true(decider_decide(scene->decider, &scene->match[0], false, MINUTE, &decision));
	assert_int_equal(decision.action, ACTION_TERMINATE);
	assert_int_equal(decision.seconds, 3600);
	assert_string_equal(decision.user, "alice");
	assert_non_null(strstr(decision.reason, "1 failed try of user alice within 0s, attested"));
	/* Said once in ten seconds; nothing of it stays in force that would silence it longer. */
	assert_false(decider_decide(scene->decider, &scene->match[0], false, MINUTE + 9 * SECOND,
				    &decision));
	assert_true(decider_decide(scene->decider, &scene->match[0], false, MINUTE + 10 * SECOND,
				   &decision));
	assert_int_equal(decision.seconds, 3600);
}

static void host_is_only_recorded(void **state)
{
	const struct attempt_names names = { .source = "own", .filter = "app" };
	const struct attempt attempt = app_attempt(TRUST_ATTESTED);
	struct scene *scene = *state;
	struct decision decision;

	rule_take(scene, APP_RULE "trust = attested\nsubject = host\n");
	assert_string_equal(rule_shortcoming(&scene->rules.rule[0]),
			    "is only recorded: a lockdown of the host is not there yet");
	correlation_attempt(scene->correlation, &attempt, &names, on_match, scene);
	assert_int_equal(scene->matches, 1);
	assert_true(decider_decide(scene->decider, &scene->match[0], false, MINUTE, &decision));
	assert_int_equal(decision.subject.kind, SUBJECT_HOST);
	assert_int_equal(decision.action, ACTION_OBSERVE);
	assert_int_equal(decision.seconds, 0);
	assert_non_null(strstr(decision.reason, "not there yet"));
}

static void bad_rules_are_refused_whole(void **state)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
		{ "", "bad: no [rule] section" },
		{ "[rule]\nid = x\n", "bad: service is missing" },
		{ APP_RULE "subject = user\ntrust = claimed\n", "bad: subject user wants trust" },
		{ APP_RULE "subject = user\nfilter = su\n", "bad: subject user is not for" },
		{ APP_RULE "subject = user\nservice = sshd\n", "bad: subject user is not for" },
		{ APP_RULE "subject = user\nfactor = 2\n", "bad: factor does not go with" },
		{ APP_RULE "subject = host\naction = freeze\n",
		  "bad: actions quarantine, freeze and" },
		{ APP_RULE "source = a b\n", "bad:7: source wants" },
		{ "[rule]\nid = a b\n", "bad:2: id wants" },
		{ "[rule]\nsignal = trace tracing\n", "bad:2: 'tracing' is not a signal" },
		{ "[rule]\nsignal =\n", "bad:2: signal wants" },
		{ "[rule]\nid = x\nsignal = trace\n", "bad: count is missing" },
		{ "[rule]\nid = x\nsignal = trace\ncount = 1\n", "bad: window is missing" },
		{ "[rule]\nid = x\nsignal = trace\ncount = 1\nwindow = 1m\naction = lock\n",
		  "bad: lockout is missing" },
		{ "[rule]\nid = x\nsignal = trace\ncount = 1\nwindow = 1m\nservice = sshd\n",
		  "bad: signal does not go with service" },
		{ "[rule]\nid = x\nsignal = trace\ncount = 1\nwindow = 1m\nsubject = address\n",
		  "bad: signal goes with subject session or host" },
		{ "[rule]\nid = x\nfailures = 0\n", "bad:3: failures wants a number from 1 to" },
		{ "[rule]\nid = x\nfailures = 99999999999999999999\n", "bad:3: failures wants" },
		{ "[rule]\nwindow = soon\n", "bad:2: window wants a length of time" },
		{ "[rule]\naction = explode\n", "bad:2: action is not one of observe lock" },
		{ "[rule]\nfailure = 3\n", "bad:2: unknown key failure" },
		{ "[other]\nid = x\n", "bad:2: unknown section [other]" },
		{ "[rule]\nid = x\nservice = s\nfailures = 3\nwindow = 1m\naction = terminate\n"
		  "lockout = 1h\n",
		  "bad: actions quarantine, freeze and terminate go with subject session or user "
		  "only" },
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
		T(crowd_does_not_hide_who_comes_again),
		T(more_tries_are_remembered_longer),
		T(nobody_fills_the_table_for_good),
		T(slash_64_is_one_subject),
		T(lockouts_grow_up_to_the_longest),
		T(refused_lockout_is_decided_again),
		T(release_lets_it_begin_anew),
		T(exempt_address_is_only_observed),
		T(exempt_host_keeps_its_slash_64),
		T(decision_reads_as_promised),
		T(accepted_claims_stand_for_attested_ones_only),
		T(source_and_filter_narrow_a_rule),
		T(try_counts_once_per_rule),
		T(rules_about_an_attempt),
		T(user_counts_only_with_a_session_and_no_guess),
		T(host_is_only_recorded),
		T(bad_rules_are_refused_whole),
		T(later_rule_of_that_id_replaces),
	};

	return cmocka_run_group_tests_name("analyst/decision", tests, NULL, NULL);
}
