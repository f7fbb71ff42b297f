/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shipped filters on sample lines: what daemons write, what outsiders make them write, and what
 * local users write in their name. Files: tests/unit/analyst/samples (run from the tree's root).
 */
#include "filters.h"

#include <stdio.h>
#include <stdlib.h>

#include "analyst/evidence/filter.h"
#include "analyst/filter_test.h"
#include "base/buf.h"
#include "base/cleanup.h"

#define SAMPLES "tests/unit/analyst/samples/"
#define BYSTANDER "198.51.100.77"
#define COLUMNS 7

enum { RESULT, ADDR, PORT, USER, PID, COUNT, LINE };

static const char *const results[] = {
	[FILTER_NOMATCH] = "nomatch", [FILTER_IGNORED] = "ignored", [FILTER_NOFAIL] = "nofail",
	[FILTER_FAILURE] = "failure", [FILTER_SUCCESS] = "success",
};

/* Every sample file. */
static const char *const sample_files[] = {
	"sshd",
	"pam",
	"sudo",
	"su",
	"attacks",
	"hostile-names",
	"login",
	"systemd-logind",
	"dropbear",
	"cockpit",
	"vsftpd",
	"proftpd",
	"pure-ftpd",
	"postfix",
	"postfix-more",
	"dovecot",
	"dovecot-aggressive",
	"exim",
	"exim-aggressive",
	"nginx-http-auth",
	"nginx-limit-req",
	"nginx-aggressive",
	"apache-auth",
	"apache-auth-aggressive",
};

/* Every shipped filter, in every mode that means something of its own. */
static const char *const specs[] = {
	"sshd",
	"sshd[mode=aggressive]",
	"sshd[mode=ddos]",
	"sshd[mode=extra]",
	"sshd[publickey=any]",
	"sshd[publickey=invalid]",
	"sshd[publickey=ignore]",
	"pam",
	"sudo",
	"su",
	"login",
	"systemd-logind",
	"dropbear",
	"dropbear[mode=aggressive]",
	"cockpit",
	"vsftpd",
	"proftpd",
	"pure-ftpd",
	"postfix",
	"postfix[mode=aggressive]",
	"postfix[mode=rbl]",
	"dovecot",
	"dovecot[mode=aggressive]",
	"exim",
	"exim[mode=aggressive]",
	"nginx-http-auth",
	"nginx-http-auth[mode=aggressive]",
	"nginx-limit-req",
	"apache-auth",
	"apache-auth[mode=aggressive]",
};

static struct filter_set *shipped(void)
{
	static const uint64_t seed[2] = { 1, 2 };
	struct filter_set *set;

	assert_int_equal(filter_set_new(&set), 0);
	filter_set_seed(set, seed);
	assert_int_equal(filter_folder_add(set, "user/analyst/filters"), 0);
	return set;
}

typedef void (*sample_fn)(char *column[COLUMNS], void *arg);

/* Rows of a sample file; returns their number. */
static unsigned int samples(const char *name, sample_fn fn, void *arg)
{
	char path[256], text[16384], *at, *column[COLUMNS];
	unsigned int rows = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), SAMPLES "%s.tsv", name);
	file = fopen(path, "r");
	if (!file)
		print_message("# %s: cannot be read\n", path);
	assert_non_null(file);
	while (fgets(text, sizeof(text), file)) {
		if (text[0] == '#')
			continue;
		text[strcspn(text, "\n")] = '\0';
		at = text;
		for (int i = 0; i < COLUMNS; i++) {
			column[i] = i < LINE ? strsep(&at, "\t") : at;
			assert_row(column[i], path);
		}
		fn(column, arg);
		rows++;
	}
	(void)fclose(file);
	return rows;
}

struct check {
	struct filter_set *set;
	uint16_t filter;
	unsigned int count[FILTER_SUCCESS + 1];
};

static void check_row(char *column[COLUMNS], void *arg)
{
	struct check *check = arg;
	struct claim claim = { 0 };
	char numbers[64], expected[64];
	enum filter_outcome outcome = match(check->set, check->filter, column[LINE], &claim);

	check->count[outcome]++;
	if (strcmp(results[outcome], column[RESULT]))
		print_message("# got: %s\n", results[outcome]);
	assert_row(!strcmp(results[outcome], column[RESULT]), column[LINE]);
	if (outcome == FILTER_NOMATCH)
		return;
	assert_row(addr_is(&claim.addr, column[ADDR]), column[LINE]);
	assert_row(!strcmp(claim.user[0] ? claim.user : "-", column[USER]), column[LINE]);
	(void)snprintf(numbers, sizeof(numbers), "%u %u %u", claim.port, claim.pid, claim.count);
	(void)snprintf(expected, sizeof(expected), "%s %s %s", column[PORT], column[PID],
		       column[COUNT]);
	assert_row(!strcmp(numbers, expected), column[LINE]);
	assert_row(!strcmp(claim.line, column[LINE]), column[LINE]);
	assert_false(claim.pid_trusted);
}

static void test_samples(void **state)
{
	/* The numbers keep a file that lost its rows from passing. */
	static const struct {
		const char *file, *filter;
		unsigned int rows, failures;
	} files[] = {
		{ "sshd", "sshd", 84, 41 },
		{ "pam", "pam", 18, 10 },
		{ "sudo", "sudo", 14, 7 },
		{ "su", "su", 14, 9 },
		{ "attacks", "sshd", 21, 15 },
		{ "hostile-names", "sshd", 22, 20 },
		{ "login", "login", 39, 24 },
		{ "systemd-logind", "systemd-logind", 13, 0 },
		{ "dropbear", "dropbear", 28, 17 },
		{ "cockpit", "cockpit", 18, 7 },
		{ "vsftpd", "vsftpd", 31, 14 },
		{ "proftpd", "proftpd", 35, 20 },
		{ "pure-ftpd", "pure-ftpd", 30, 17 },
		{ "postfix", "postfix", 26, 13 },
		{ "postfix-more", "postfix[mode=aggressive]", 12, 8 },
		{ "dovecot", "dovecot", 40, 22 },
		{ "dovecot-aggressive", "dovecot[mode=aggressive]", 4, 4 },
		{ "exim", "exim", 28, 17 },
		{ "exim-aggressive", "exim[mode=aggressive]", 8, 6 },
		{ "nginx-http-auth", "nginx-http-auth", 27, 17 },
		{ "nginx-limit-req", "nginx-limit-req", 8, 4 },
		{ "nginx-aggressive", "nginx-http-auth[mode=aggressive]", 4, 4 },
		{ "apache-auth", "apache-auth", 35, 24 },
		{ "apache-auth-aggressive", "apache-auth[mode=aggressive]", 6, 6 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct check check = { .set = shipped() };
		unsigned int rows;

		check.filter = load(check.set, files[i].filter);
		rows = samples(files[i].file, check_row, &check);
		if (rows != files[i].rows || check.count[FILTER_FAILURE] != files[i].failures)
			print_message("# %s: %u rows, %u failures\n", files[i].file, rows,
				      check.count[FILTER_FAILURE]);
		assert_int_equal(rows, files[i].rows);
		assert_int_equal(check.count[FILTER_FAILURE], files[i].failures);
		filter_set_free(check.set);
	}
}

/* No filter, in no mode, takes the bystander for a peer (but the one line that only its writer
 * tells from a true one). */
static void blame_row(char *column[COLUMNS], void *arg)
{
	struct check *check = arg;
	struct claim claim;
	enum filter_outcome outcome;

	if (strstr(column[LINE], "sshd[9999]: ") && !strstr(column[LINE], "alice"))
		return;
	outcome = match(check->set, check->filter, column[LINE], &claim);
	if (outcome != FILTER_NOMATCH)
		assert_row(!addr_is(&claim.addr, BYSTANDER), column[LINE]);
	check->count[outcome]++;
}

static void test_bystander(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct check check = { .set = shipped() };

		check.filter = load(check.set, specs[i]);
		for (size_t f = 0; f < ARRAY_SIZE(sample_files); f++)
			(void)samples(sample_files[f], blame_row, &check);
		assert_row(check.count[FILTER_FAILURE] + check.count[FILTER_SUCCESS] > 0, specs[i]);
		filter_set_free(check.set);
	}
}

/* One try of a line gives no claim in two filters: pam leaves out whom the others have. */
static void overlap_row(char *column[COLUMNS], void *arg)
{
	struct filter_set *set = arg;
	unsigned int failures = 0;
	struct claim claim;

	for (uint16_t filter = 0; filter < 4; filter++)
		failures += match(set, filter, column[LINE], &claim) == FILTER_FAILURE;
	assert_row(failures <= 1, column[LINE]);
}

static void test_no_overlap(void **state)
{
	static const char *const files[] = { "sshd", "pam", "sudo", "su", "attacks" };
	struct filter_set *set = shipped();

	(void)state;
	assert_int_equal(load(set, "sshd"), 0);
	assert_int_equal(load(set, "pam"), 1);
	assert_int_equal(load(set, "sudo"), 2);
	assert_int_equal(load(set, "su"), 3);
	for (size_t f = 0; f < ARRAY_SIZE(files); f++)
		(void)samples(files[f], overlap_row, set);
	filter_set_free(set);
}

/* One connection's lines: each form at most once per try. */
static void test_one_form_per_try(void **state)
{
	static const char *const lines[] = {
		"Nov 24 10:00:00 h sshd[9]: Invalid user x from 203.0.113.9 port 4001",
		"Nov 24 10:00:01 h sshd[9]: pam_unix(sshd:auth): check pass; user unknown",
		"Nov 24 10:00:01 h sshd[9]: pam_unix(sshd:auth): authentication failure; logname= "
		"uid=0 "
		"euid=0 tty=ssh ruser= rhost=203.0.113.9 ",
		"Nov 24 10:00:03 h sshd[9]: Failed password for invalid user x from 203.0.113.9 "
		"port 4001 "
		"ssh2",
		"Nov 24 10:00:03 h sshd[9]: error: PAM: User not known to the underlying "
		"authentication "
		"module for illegal user x from 203.0.113.9",
		"Nov 24 10:00:04 h sshd[9]: Received disconnect from 203.0.113.9 port 4001:11: Bye "
		"[preauth]",
		"Nov 24 10:00:04 h sshd[9]: Disconnected from invalid user x 203.0.113.9 port 4001 "
		"[preauth]",
	};
	struct filter_set *set = shipped();
	uint16_t filter = load(set, "sshd");
	unsigned int seen[64] = { 0 };
	struct claim claim;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (match(set, filter, lines[i], &claim) != FILTER_FAILURE)
			continue;
		assert_true(claim.form < ARRAY_SIZE(seen));
		assert_row(!seen[claim.form], lines[i]);
		seen[claim.form]++;
	}
	filter_set_free(set);
}

/* An agent that offers three keys, then the password is right: no try has failed. */
static void test_keys_are_no_tries(void **state)
{
	static const char key[] =
		"h sshd[9]: Failed publickey for alice from 203.0.113.9 port 4001 "
		"ssh2: ED25519 SHA256:abc";
	struct filter_set *set = shipped();
	uint16_t normal = load(set, "sshd"), any = load(set, "sshd[publickey=any]"),
		 invalid = load(set, "sshd[publickey=invalid]");
	struct claim claim;

	(void)state;
	assert_int_equal(match(set, normal, key, &claim), FILTER_NOFAIL);
	assert_int_equal(match(set, invalid, key, &claim), FILTER_NOFAIL);
	assert_int_equal(match(set, any, key, &claim), FILTER_FAILURE);
	assert_int_equal(
		match(set, invalid,
		      "h sshd[9]: Failed publickey for invalid user x from 203.0.113.9 port "
		      "4001 ssh2: RSA SHA256:abc",
		      &claim),
		FILTER_FAILURE);
	assert_string_equal(claim.user, "x");
	filter_set_free(set);
}

/* With an origin, the pid is the writer's and not the text's; whoever it was stays with the
 * claim. */
static void test_origin(void **state)
{
	struct log_record record = {
		.source = 3,
		.arrived_ns = 77,
		.said_wall_ns = 88,
		.origin = { .trusted = true,
			    .pid = 1234,
			    .has_uid = true,
			    .uid = 1000,
			    .exe = "/usr/bin/logger",
			    .unit = "user@1000.service" },
		.text = "web01 sshd[9999]: Failed password for root from 198.51.100.77 port 22 "
			"ssh2",
	};
	struct filter_set *set = shipped();
	struct claim claim;

	(void)state;
	record.len = strlen(record.text);
	assert_int_equal(filter_match(set, load(set, "sshd"), &record, &claim), FILTER_FAILURE);
	assert_int_equal(claim.pid, 1234);
	assert_true(claim.pid_trusted);
	assert_true(claim.origin.has_uid);
	assert_int_equal(claim.origin.uid, 1000);
	assert_string_equal(claim.origin.exe, "/usr/bin/logger");
	assert_int_equal(claim.source, 3);
	assert_int_equal(claim.arrived_ns, 77);
	assert_int_equal(claim.said_wall_ns, 88);
	/* A journal record's text has no stamp; what looks like one is a name. */
	record.text = "Nov 24 10:00:00 h sshd[9]: Failed password for root from 198.51.100.77 port "
		      "22 ssh2";
	record.len = strlen(record.text);
	assert_int_equal(filter_match(set, 0, &record, &claim), FILTER_NOMATCH);
	filter_set_free(set);
}

/* Literals only save work: without them everything is the same. */
static void literals_off(struct filter_set *set)
{
	set->gates = false;
	for (unsigned int i = 0; i < set->filters; i++) {
		struct filter *filter = set->filter[i];

		filter->prefix.regex.needs.count = filter->prefix.regex.prefix.len = 0;
		for (unsigned int f = 0; f < filter->fails; f++) {
			filter->fail[f].regex.needs.count = 0;
			filter->fail[f].regex.prefix.len = 0;
		}
	}
}

static void pair_row(char *column[COLUMNS], void *arg)
{
	struct filter_set **sets = arg;

	for (unsigned int filter = 0; filter < sets[0]->filters; filter++) {
		struct claim with = { 0 }, without = { 0 };
		enum filter_outcome a = match(sets[0], (uint16_t)filter, column[LINE], &with);
		enum filter_outcome b = match(sets[1], (uint16_t)filter, column[LINE], &without);

		assert_row(a == b, column[LINE]);
		assert_row(claim_equal(&with, &without), column[LINE]);
	}
}

static void test_literals_change_nothing(void **state)
{
	struct filter_set *sets[2] = { shipped(), shipped() };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		(void)load(sets[0], specs[i]);
		(void)load(sets[1], specs[i]);
		/* They are there at all. */
		assert_row(sets[0]->filter[i]->gate.count > 0, specs[i]);
	}
	literals_off(sets[1]);
	for (size_t f = 0; f < ARRAY_SIZE(sample_files); f++)
		(void)samples(sample_files[f], pair_row, sets);
	filter_set_free(sets[0]);
	filter_set_free(sets[1]);
}

/* No expression looks for a place to begin in somebody's text. */
static void test_anchored(void **state)
{
	struct filter_set *set = shipped();
	struct filter_form form;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		uint16_t filter = load(set, specs[i]);
		unsigned int forms = filter_expressions(set, filter);

		assert_row(forms > 0, specs[i]);
		for (unsigned int f = 0; f < forms; f++) {
			assert_int_equal(filter_form(set, filter, (uint16_t)f, &form), 0);
			assert_row(form.anchored, form.text);
			assert_row(form.jit, form.text);
		}
	}
	filter_set_free(set);
}

/* The same record given to several filters, and the next one that stands in the same memory. */
static void test_shared_line(void **state)
{
	char text[] = "h sshd[1]: Failed password for root from 203.0.113.1 port 1 ssh2";
	struct log_record record = { .source = 1, .number = 1, .arrived_ns = 1, .text = text };
	struct filter_set *set = shipped();
	uint16_t sshd = load(set, "sshd"), sudo = load(set, "sudo");
	struct claim claim;

	(void)state;
	record.len = strlen(text);
	assert_int_equal(filter_match(set, sudo, &record, &claim), FILTER_NOMATCH);
	assert_int_equal(filter_match(set, sshd, &record, &claim), FILTER_FAILURE);
	assert_true(addr_is(&claim.addr, "203.0.113.1"));
	text[strlen("h sshd[1]: Failed password for root from 203.0.113.")] = '2';
	record.number = 2;
	assert_int_equal(filter_match(set, sshd, &record, &claim), FILTER_FAILURE);
	assert_true(addr_is(&claim.addr, "203.0.113.2"));
	text[strlen("h sshd[1]: Failed password for root from 203.0.113.")] = '3';
	record.number = 0;
	assert_int_equal(filter_match(set, sshd, &record, &claim), FILTER_FAILURE);
	assert_true(addr_is(&claim.addr, "203.0.113.3"));
	filter_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_bystander),
		cmocka_unit_test(test_no_overlap),
		cmocka_unit_test(test_one_form_per_try),
		cmocka_unit_test(test_keys_are_no_tries),
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_literals_change_nothing),
		cmocka_unit_test(test_anchored),
		cmocka_unit_test(test_shared_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
