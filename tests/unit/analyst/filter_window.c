/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Expressions over several lines: what they see, which lines a match uses up, and that no writer's
 * lines meet another's.
 */
#include "filters.h"

#include <stdio.h>

#include "analyst/evidence/filter.h"

#define D "[Definition]\n"

static enum filter_outcome from(struct filter_set *set, uint32_t source, uint32_t pid,
				const char *line, struct claim *ret)
{
	const struct log_record record = {
		.source = source,
		.arrived_ns = 1,
		.origin = { .trusted = true, .pid = pid, .has_uid = true },
		.text = line,
		.len = strlen(line),
	};

	return filter_match(set, 0, &record, ret);
}

/* One line after the other; at the end of the row's lines the outcome of each. */
static void test_lines(void **state)
{
	static const struct {
		const char *filter, *lines[10], *outcomes; /* F failure, N nofail, I ignored, - */
		const char *addr; /* of the last failure */
	} rows[] = {
		/* Two lines in a row; a match uses them up. */
		{ D "failregex = ^WHEN .*\\nWHO <ADDR>$\nmaxlines = 2\n",
		  { "WHEN a", "WHO 192.0.2.1", "WHO 192.0.2.2", "WHEN b", "x", "WHO 192.0.2.3",
		    "WHEN c", "WHO 192.0.2.4" },
		  "-F-----F",
		  "192.0.2.4" },
		/* Lines between are passed over, and stay for the next match. */
		{ D "failregex = ^c=(?P<c>\\d+) <ADDR><SKIPLINES>c=(?P=c) bad$\nmaxlines = 9\n",
		  { "c=1 192.0.2.1", "c=2 192.0.2.2", "other", "c=1 bad", "c=2 bad", "c=1 bad" },
		  "---FF-",
		  "192.0.2.2" },
		{ D "failregex = ^c=(?P<c>\\d+) <ADDR><SKIPLINES>c=(?P=c) bad$\nmaxlines = 9\n",
		  { "c=1 192.0.2.1", "c=1 bad" },
		  "-F",
		  "192.0.2.1" },
		/* No further back than maxlines. */
		{ D "failregex = ^a <ADDR><SKIPLINES>b$\nmaxlines = 3\n",
		  { "a 192.0.2.1", "x", "x", "b", "a 192.0.2.2", "x", "b" },
		  "------F",
		  "192.0.2.2" },
		/* An expression of one line sees the newest only, and uses it up. */
		{ D "failregex = ^one <ADDR>$\n  ^x <ADDR>\\ny$\nmaxlines = 5\n",
		  { "x 192.0.2.1", "one 192.0.2.2", "y", "one 192.0.2.3" },
		  "-FFF",
		  "192.0.2.3" },
		/* ^ and $ are those of the lines within. */
		{ D "failregex = ^a$\\n^b <ADDR>$\nmaxlines = 5\n",
		  { "a b", "b 192.0.2.1", "a", "b 192.0.2.1" },
		  "---F",
		  "192.0.2.1" },
		/* ignoreregex is asked about the lines of the match. */
		{ D "failregex = ^a .*\\nb <ADDR>$\nignoreregex = ^a me$\n  me\nmaxlines = 3\n",
		  { "me", "a you", "b 192.0.2.1", "a me", "b 192.0.2.1", "b 192.0.2.1" },
		  "--F-I-",
		  "192.0.2.1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct filter_set *set = set_of(&(struct file){ "a.conf", rows[i].filter }, 1);
		uint16_t filter = load(set, "a");
		char outcomes[16] = "", addr[ADDR_TEXT_MAX] = "";
		struct claim claim;

		for (size_t l = 0; l < 10 && rows[i].lines[l]; l++) {
			enum filter_outcome outcome = match(set, filter, rows[i].lines[l], &claim);

			outcomes[l] = outcome == FILTER_FAILURE	  ? 'F'
				      : outcome == FILTER_NOFAIL  ? 'N'
				      : outcome == FILTER_IGNORED ? 'I'
								  : '-';
			if (outcome == FILTER_FAILURE)
				addr_format(&claim.addr, addr);
		}
		if (strcmp(outcomes, rows[i].outcomes))
			print_message("# got: %s\n", outcomes);
		assert_row(!strcmp(outcomes, rows[i].outcomes), rows[i].filter);
		assert_row(!strcmp(addr, rows[i].addr), rows[i].filter);
		filter_set_free(set);
	}
}

static const struct file two = { "a.conf",
				 D "failregex = ^a <ADDR><SKIPLINES>b$\nmaxlines = 50\n" };

/* What one process wrote never completes another's message, nor a file's another file's. */
static void test_writers(void **state)
{
	struct filter_set *set = set_of(&two, 1);
	struct claim claim;

	(void)state;
	(void)load(set, "a");
	assert_int_equal(from(set, 1, 10, "a 198.51.100.7", &claim), FILTER_NOMATCH);
	assert_int_equal(from(set, 1, 11, "b", &claim), FILTER_NOMATCH);
	assert_int_equal(from(set, 2, 10, "b", &claim), FILTER_NOMATCH);
	assert_int_equal(match(set, 0, "b", &claim), FILTER_NOMATCH);
	assert_int_equal(from(set, 1, 10, "b", &claim), FILTER_FAILURE);
	assert_true(addr_is(&claim.addr, "198.51.100.7"));
	filter_set_free(set);
}

/* More writers than windows: the one that was silent longest is forgotten. */
static void test_many_writers(void **state)
{
	struct filter_set *set = set_of(&two, 1);
	struct claim claim;

	(void)state;
	(void)load(set, "a");
	for (uint32_t pid = 1; pid <= WINDOWS_MAX + 1; pid++)
		assert_int_equal(from(set, 1, pid, "a 192.0.2.1", &claim), FILTER_NOMATCH);
	assert_int_equal(from(set, 1, 2, "b", &claim), FILTER_FAILURE);
	assert_int_equal(from(set, 1, 1, "b", &claim), FILTER_NOMATCH);
	filter_set_free(set);
}

/* Long lines push out old ones before maxlines does. */
static void test_bytes(void **state)
{
	static char filler[EVIDENCE_LINE_MAX + 1];
	struct filter_set *set = set_of(&two, 1);
	struct claim claim;

	(void)state;
	(void)load(set, "a");
	memset(filler, 'x', EVIDENCE_LINE_MAX);
	assert_int_equal(match(set, 0, "a 192.0.2.1", &claim), FILTER_NOMATCH);
	assert_int_equal(match(set, 0, filler, &claim), FILTER_NOMATCH);
	assert_int_equal(match(set, 0, "b", &claim), FILTER_FAILURE);
	assert_int_equal(match(set, 0, "a 192.0.2.1", &claim), FILTER_NOMATCH);
	assert_int_equal(match(set, 0, filler, &claim), FILTER_NOMATCH);
	assert_int_equal(match(set, 0, filler, &claim), FILTER_NOMATCH);
	assert_int_equal(match(set, 0, "b", &claim), FILTER_NOMATCH);
	/* And nothing else happens to it, however many come. */
	for (int i = 0; i < 200; i++) {
		filler[(size_t)i * 40] = '\0';
		assert_int_equal(match(set, 0, filler, &claim), FILTER_NOMATCH);
		filler[(size_t)i * 40] = 'x';
	}
	filter_set_free(set);
}

/*
 * A server that many talk to at once, with the structured data that rsyslog writes: no line is
 * given up on, and each failure whose connection is in the window is found.
 */
static void test_crowded(void **state)
{
	static const struct file ldap = {
		"a.conf", D "head = \\s*\\S+ ldapd \\d+ \\S+ "
			    "(?:[^\\[\\]\\s]+|(?:\\[(?:[^\\]\"]*|\"[^\"]*\")*\\])+)\\s+\n"
			    "failregex = ^(?P<h>%(head)s)c=(?P<c>\\d+) from <ADDR>:\\d+ "
			    "\\(\\S+\\)\\s*<SKIPLINES>"
			    "(?P=h)c=(?P=c) result(?:\\s(?!err)\\S+=\\S*)* err=49 text=[\\w\\s]*$\n"
			    "maxlines = 20\n"
	};
	static const char head[] = "host ldapd 812 - [timeQuality tzKnown=\"1\" isSynced=\"1\" "
				   "syncAccuracy=\"334000\"] ";
	struct filter_set *set = set_of(&ldap, 1);
	uint16_t filter = load(set, "a");
	struct filter_stats stats;
	unsigned int failures = 0;
	struct claim claim;
	char line[256];

	(void)state;
	/* Eight at a time: all come, then all ask, then all are refused. */
	for (unsigned int c = 0; c < 8 * 40; c++) {
		for (unsigned int i = 0; c % 8 == 7 && i < 24; i++) {
			unsigned int who = c - 7 + i % 8;

			(void)snprintf(line, sizeof(line),
				       i < 8	? "%sc=%u from 192.0.2.%u:40000 (ip=::)"
				       : i < 16 ? "%sc=%u bind dn=\"cn=%u\""
						: "%sc=%u result tag=%u err=49 text=",
				       head, who, who % 256);
			if (match(set, filter, line, &claim) == FILTER_FAILURE)
				failures++;
		}
	}
	filter_stats(set, &stats);
	assert_int_equal(stats.regex_limit, 0);
	assert_int_equal(failures, 8 * 40);
	filter_set_free(set);
}

/* What filter test shows of it: all lines, and the parts in their places. */
static void test_trace(void **state)
{
	struct filter_set *set = set_of(&two, 1);
	struct filter_trace trace;
	struct claim claim;

	(void)state;
	(void)load(set, "a");
	filter_set_trace(set, &trace);
	assert_int_equal(match(set, 0, "a 192.0.2.1", &claim), FILTER_NOMATCH);
	assert_int_equal(trace.len, strlen("a 192.0.2.1"));
	assert_int_equal(trace.form, -1);
	assert_int_equal(match(set, 0, "x", &claim), FILTER_NOMATCH);
	assert_int_equal(match(set, 0, "b", &claim), FILTER_FAILURE);
	assert_int_equal(trace.len, strlen("a 192.0.2.1\nx\nb"));
	assert_memory_equal(trace.text, "a 192.0.2.1\nx\nb", trace.len);
	assert_int_equal(trace.parts, 1);
	assert_memory_equal(trace.text + trace.part[0].begin, "192.0.2.1", 9);
	assert_int_equal(trace.begin, 0);
	assert_int_equal(trace.end, trace.len);
	filter_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),	     cmocka_unit_test(test_writers),
		cmocka_unit_test(test_many_writers), cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_trace),	     cmocka_unit_test(test_crowded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
