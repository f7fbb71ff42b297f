/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line: what is understood, what is refused, and in which words.
 */
#include "helpers.h"

static char error[ARGS_ERROR_MAX];

/* Splits at spaces, so words here have none. */
static int parse(const char *line, struct ctl_args *ret)
{
	static char text[512], *argv[16];
	const struct ctl_command *command;
	int argc = 0;

	(void)snprintf(text, sizeof(text), "%s", line);
	for (char *word = strtok(text, " "); word && argc < 15; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	assert_non_null(argv[0]);
	command = command_find(argv[0]);
	assert_non_null(command);
	error[0] = '\0';
	return args_parse(command, argc, argv, ret, error);
}

static void test_good(void **state)
{
	struct ctl_args args;

	(void)state;
	assert_int_equal(parse("status", &args), 0);
	assert_false(args.json);
	assert_null(args.socket);
	assert_int_equal(parse("status --json --socket /run/x", &args), 0);
	assert_true(args.json);
	assert_string_equal(args.socket, "/run/x");
	assert_int_equal(parse("lock 192.0.2.1 --for 1h --reason because --force", &args), 0);
	assert_int_equal(args.words, 1);
	assert_string_equal(args.word[0], "192.0.2.1");
	assert_int_equal(args.seconds, 3600);
	assert_string_equal(args.reason, "because");
	assert_true(args.force);
	/* Options may stand before words. */
	assert_int_equal(parse("lock --action=freeze session 7", &args), 0);
	assert_int_equal(args.words, 2);
	assert_int_equal(args.action, ACTION_FREEZE);
	assert_int_equal(parse("lock session 7 --action terminate", &args), 0);
	assert_int_equal(args.action, ACTION_TERMINATE);
	assert_int_equal(parse("lock session 7 --action quarantine", &args), 0);
	assert_int_equal(args.action, ACTION_QUARANTINE);
	assert_int_equal(parse("why 192.0.2.1 --limit 10000 --since 2d", &args), 0);
	assert_int_equal(args.limit, 10000);
	assert_int_equal(args.since_seconds, 2 * 86400);
	assert_int_equal(parse("release all", &args), 0);
	/* Help needs no words. */
	assert_int_equal(parse("lock --help", &args), 0);
	assert_true(args.help);
	assert_int_equal(parse("lock -h", &args), 0);
	assert_true(args.help);
}

static void test_bad(void **state)
{
	static const struct {
		const char *line;
		const char *error;
	} cases[] = {
		{ "status extra", "usage: bailiffctl status [--json]" },
		{ "status --force", "status takes no option --force" },
		{ "status -x", "status takes no option -x" },
		{ "status --socket", "--socket wants a value" },
		{ "lock", "usage: bailiffctl lock" },
		{ "lock a b c", "usage: bailiffctl lock" },
		{ "lock a --for", "--for wants a value" },
		{ "lock a --for never", "--for wants a time" },
		{ "lock a --for 0", "--for wants a time" },
		{ "lock a --for 11y", "--for wants a time" },
		{ "lock a --for -5", "--for wants a time" },
		{ "lock a --action lock", "--action is quarantine, freeze or terminate" },
		{ "why a --limit 0", "--limit wants a number from 1 to 10000" },
		{ "why a --limit 10001", "--limit wants a number from 1 to 10000" },
		{ "why a --limit -1", "--limit wants a number from 1 to 10000" },
		{ "why a --limit 1x", "--limit wants a number from 1 to 10000" },
		{ "why a --limit 99999999999999999999", "--limit wants a number" },
	};
	struct ctl_args args, before;

	(void)state;
	memset(&args, 0x5a, sizeof(args));
	before = args;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(cases[i].line, &args), -EINVAL);
		assert_memory_equal(error, cases[i].error, strlen(cases[i].error));
		/* Untouched on failure. */
		assert_memory_equal(&args, &before, sizeof(args));
	}
}

static void test_reason_length(void **state)
{
	char line[600] = "lock a --reason ";
	struct ctl_args args;

	(void)state;
	memset(line + 16, 'r', IPC_TEXT_MAX - 1);
	assert_int_equal(parse(line, &args), 0);
	line[16 + IPC_TEXT_MAX - 1] = 'r';
	assert_int_equal(parse(line, &args), -EINVAL);
	assert_string_equal(error, "--reason is longer than 255 bytes");
}

static int subject(const char *line, enum subject_use use, struct ipc_subject *ret)
{
	static char text[256], *word[8];
	int words = 0;

	(void)snprintf(text, sizeof(text), "%s", line);
	for (char *w = strtok(text, " "); w && words < 8; w = strtok(NULL, " "))
		word[words++] = w;
	error[0] = '\0';
	return subject_parse(words, word, use, ret, error);
}

static void test_subjects(void **state)
{
	struct ipc_subject got, want;

	(void)state;
	assert_int_equal(subject("192.0.2.1", SUBJECT_TO_LOCK, &got), 0);
	want = address("192.0.2.1", 32);
	assert_memory_equal(&got, &want, sizeof(want));
	assert_int_equal(subject("::ffff:192.0.2.1", SUBJECT_TO_LOCK, &got), 0);
	assert_memory_equal(&got, &want, sizeof(want));
	/* Locked out is the /64, asked about the address. */
	assert_int_equal(subject("2001:db8::1", SUBJECT_TO_LOCK, &got), 0);
	want = address("2001:db8::", 64);
	assert_memory_equal(&got, &want, sizeof(want));
	assert_int_equal(subject("2001:db8::/64", SUBJECT_TO_ASK, &got), 0);
	assert_memory_equal(&got, &want, sizeof(want));
	assert_int_equal(subject("2001:db8::1", SUBJECT_TO_ASK, &got), 0);
	want = address("2001:db8::1", 128);
	assert_memory_equal(&got, &want, sizeof(want));
	assert_int_equal(subject("session 18446744073709551615", SUBJECT_TO_LOCK, &got), 0);
	assert_int_equal(got.kind, SUBJECT_SESSION);
	assert_true(got.id == UINT64_MAX);
	assert_int_equal(subject("session 0x10", SUBJECT_TO_LOCK, &got), 0);
	assert_int_equal(got.id, 16);
	assert_int_equal(subject("user root", SUBJECT_TO_LOCK, &got), 0);
	assert_int_equal(got.kind, SUBJECT_USER);
	assert_int_equal(got.id, 0);
	assert_int_equal(subject("user 1000", SUBJECT_TO_LOCK, &got), 0);
	assert_int_equal(got.id, 1000);
	assert_int_equal(subject("all", SUBJECT_TO_LOCK, &got), 0);
	assert_int_equal(got.kind, SUBJECT_NONE);
}

static void test_bad_subjects(void **state)
{
	static const char *const bad[] = {
		"192.0.2.0/24",	   "192.0.2.1.",
		"192.0.2.256",	   "example.net",
		"2001:db8::/48",   "2001:db8::1/64",
		"session",	   "session 0",
		"session -1",	   "session 7x",
		"session x",	   "session 18446744073709551616",
		"host x",	   "user",
		"1.2.3.4 5.6.7.8", "",
		"session  ",	   "0x7f.1",
	};
	struct ipc_subject got = { .kind = 77 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(subject(bad[i], SUBJECT_TO_LOCK, &got), -EINVAL);
		assert_true(error[0] != '\0');
		assert_int_equal(got.kind, 77);
	}
	assert_int_equal(subject("user no-such-account-here", SUBJECT_TO_LOCK, &got), -ENOENT);
	assert_string_equal(error, "there is no account \"no-such-account-here\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	      cmocka_unit_test(test_bad),
		cmocka_unit_test(test_reason_length), cmocka_unit_test(test_subjects),
		cmocka_unit_test(test_bad_subjects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
