/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is let in: every field that can be wrong, wrong once.
 */
#include "samples.h"

#include "recorder/check.h"

static void test_record(void **state)
{
	struct ipc_record good = sample_attempt("192.0.2.1"), bad;

	(void)state;
	assert_int_equal(check_record(&good), 0);
#define WRONG(change) \
	bad = good;   \
	change;       \
	assert_int_equal(check_record(&bad), -EPROTO)
	WRONG(bad.kind = 0);
	WRONG(bad.kind = RECORD_KIND_MAX);
	WRONG(bad.result = RESULT_MAX);
	WRONG(bad.trust = TRUST_MAX);
	WRONG(bad.action = ACTION_MAX);
	WRONG(bad.partial = 2);
	WRONG(memset(bad.service, 'a', sizeof(bad.service)));
	WRONG(memset(bad.source, 'a', sizeof(bad.source)));
	WRONG(memset(bad.rule, 'a', sizeof(bad.rule)));
	WRONG(memset(bad.user, 'a', sizeof(bad.user)));
	WRONG(memset(bad.text, 'a', sizeof(bad.text)));
	WRONG(memset(bad.line, 'a', sizeof(bad.line)));
	WRONG(bad.subject.kind = SUBJECT_MAX);
#undef WRONG
}

static void test_subject(void **state)
{
	struct ipc_subject good = sample_address("192.0.2.1", 32), bad;
	struct ipc_subject net = sample_address("2001:db8::", 64);
	struct ipc_subject session = { .kind = SUBJECT_SESSION, .id = 7 };

	(void)state;
	assert_int_equal(check_subject(&good), 0);
	assert_int_equal(check_subject(&net), 0);
	assert_int_equal(check_subject(&session), 0);
#define WRONG(from, change) \
	bad = from;         \
	change;             \
	assert_int_equal(check_subject(&bad), -EPROTO)
	WRONG(good, bad.family = AF_UNIX);
	WRONG(good, bad.prefix = 0);
	WRONG(good, bad.prefix = 33);
	WRONG(good, bad.prefix = 24);
	WRONG(good, bad.prefix = 31);
	WRONG(good, bad.addr[4] = 1);
	WRONG(good, bad.id = 1);
	WRONG(good, bad.pad[4] = 1);
	WRONG(net, bad.addr[8] = 1);
	WRONG(net, bad.prefix = 129);
	WRONG(session, bad.prefix = 32);
	WRONG(session, bad.family = AF_INET);
	WRONG(session, bad.addr[15] = 1);
	WRONG(session, bad.kind = SUBJECT_HOST);
	WRONG(session, bad.kind = SUBJECT_NONE);
#undef WRONG
}

static void test_outcome(void **state)
{
	struct ipc_outcome good = sample_lockout("192.0.2.1"), bad;

	(void)state;
	assert_int_equal(check_outcome(&good), 0);
#define WRONG(change) \
	bad = good;   \
	change;       \
	assert_int_equal(check_outcome(&bad), -EPROTO)
	WRONG(bad.action = ACTION_MAX);
	WRONG(bad.result = 0);
	WRONG(bad.result = OUTCOME_RESULT_MAX);
	WRONG(memset(bad.rule, 'a', sizeof(bad.rule)));
	WRONG(memset(bad.who, 'a', sizeof(bad.who)));
	WRONG(memset(bad.text, 'a', sizeof(bad.text)));
	WRONG(bad.subject.prefix = 0);
#undef WRONG
}

static void test_request(void **state)
{
	struct status_request good = { .version = CONTROL_VERSION,
				       .op = STATUS_WHY,
				       .subject = sample_address("192.0.2.1", 32) };
	struct status_request bad, got;
	const char *error = NULL;

	(void)state;
	assert_int_equal(check_request(&good, sizeof(good), &got, &error), 0);
	assert_memory_equal(&got, &good, sizeof(good));
	assert_null(error);
#define WRONG(change, len)                                                 \
	bad = good;                                                        \
	change;                                                            \
	error = NULL;                                                      \
	assert_int_equal(check_request(&bad, len, &got, &error), -EPROTO); \
	assert_non_null(error)
	WRONG((void)0, sizeof(bad) - 1);
	WRONG((void)0, sizeof(bad) + 1);
	WRONG((void)0, 0);
	WRONG(bad.version = 0, sizeof(bad));
	WRONG(bad.op = 0, sizeof(bad));
	WRONG(bad.op = STATUS_OP_MAX, sizeof(bad));
	WRONG(bad.pad = 1, sizeof(bad));
	WRONG(bad.subject.prefix = 0, sizeof(bad));
	WRONG(memset(&bad.subject, 0, sizeof(bad.subject)), sizeof(bad));
#undef WRONG
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_subject),
		cmocka_unit_test(test_outcome),
		cmocka_unit_test(test_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
