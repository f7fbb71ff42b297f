/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the recorder's JSON to the chain that a person reads.
 */
#include "helpers.h"

#include "ctl/why.h"

#define AT(time) "{\"@timestamp\":\"2026-11-25T" time "Z\","
#define ADDRESS "\"subject\":{\"kind\":\"address\",\"value\":\"192.0.2.1\"}"

static const char attempt[] =
	AT("01:02:03.5") "\"event\":{\"action\":\"attempt\",\"outcome\":\"failure\","
			 "\"provider\":\"journal\",\"original\":\"sshd[812]: Failed password for "
			 "root from 192.0.2.1 port 40022 ssh2\"},\"message\":\"the kernel saw "
			 "process 812 serve this connection\",\"source\":{\"ip\":\"192.0.2.1\","
			 "\"port\":40022},\"service\":{\"name\":\"sshd\"},\"user\":{\"name\":"
			 "\"root\"},"
			 "\"process\":{\"pid\":812},\"bailiff\":{\"form\":\"record\"," ADDRESS
			 ",\"trust\":\"witnessed\",\"result\":\"failure\",\"count\":1}}";
static const char forged[] =
	AT("01:02:04") "\"event\":{\"action\":\"claim\",\"provider\":\"auth.log\","
		       "\"original\":\"sshd[1]: Failed password for root from 192.0.2.1\"},"
		       "\"message\":\"process 1 is systemd and serves no connection\","
		       "\"service\":{\"name\":\"sshd\"},\"bailiff\":{\"form\":\"record\"," ADDRESS
		       ",\"trust\":\"forged\",\"result\":\"failure\"}}";
static const char claimed[] =
	AT("01:02:05") "\"event\":{\"action\":\"claim\",\"provider\":\"auth.log\","
		       "\"original\":\"x\"},\"message\":\"no connection was seen\","
		       "\"bailiff\":{\"form\":\"record\"," ADDRESS
		       ",\"trust\":\"claimed\",\"result\":\"failure\"}}";
static const char decision[] =
	AT("01:02:10") "\"event\":{\"action\":\"decision\"},\"message\":\"5 failures in "
		       "10m\",\"rule\":{\"name\":\"ssh-guessing\"},\"bailiff\":{\"form\":"
		       "\"record\"," ADDRESS
		       ",\"trust\":\"witnessed\",\"action\":\"lock\",\"seconds\":600,\"count\":5,"
		       "\"decision\":4}}";
static const char applied[] =
	AT("01:02:10") "\"event\":{\"action\":\"lock\",\"outcome\":\"success\"},"
		       "\"message\":\"5 failures in 10m\",\"rule\":{\"name\":\"ssh-guessing\"},"
		       "\"bailiff\":{\"form\":\"outcome\"," ADDRESS ",\"action\":\"lock\","
		       "\"result\":\"applied\",\"until\":\"2026-11-25T01:12:10Z\",\"decision\":4}}";
static const char released[] =
	AT("01:05:00") "\"event\":{\"action\":\"release\"},\"message\":\"wrong key\","
		       "\"bailiff\":{\"form\":\"outcome\"," ADDRESS ",\"action\":\"release\","
		       "\"result\":\"released\",\"refused\":14,\"who\":\"alice (uid 1000)\"}}";

static void tell(const char *const *objects, size_t count, uint64_t now_ns, struct buf *out)
{
	struct ipc_subject subject = address("192.0.2.1", 32);
	struct why why = { 0 };

	for (size_t i = 0; i < count; i++)
		assert_int_equal(why_add(&why, objects[i], strlen(objects[i])), 0);
	assert_int_equal(why.count, count);
	buf_clear(out);
	why_tell(&why, &subject, 1000, false, now_ns, out);
	assert_false(out->cut);
	why_done(&why);
}

static void test_chain(void **state)
{
	const char *const objects[] = { attempt, forged, claimed, decision, applied };
	struct buf out = BUF_INIT(65536);

	(void)state;
	/* 01:03:10 */
	tell(objects, ARRAY_SIZE(objects), HELPER_WALL_NS + 67 * NSEC_PER_SEC, &out);
	assert_string_equal(
		out.data,
		"192.0.2.1 is locked out until 2026-11-25 01:12:10 (9m left) by rule ssh-guessing\n"
		"\n"
		"2026-11-25 01:02:03  attempt     witnessed    sshd, user root, from port 40022, 1 "
		"try\n"
		"                     witness: the kernel saw process 812 serve this connection\n"
		"                     log (journal): sshd[812]: Failed password for root from "
		"192.0.2.1 "
		"port 40022 ssh2\n"
		"2026-11-25 01:02:04  claim       FORGED       sshd, not counted\n"
		"                     but: process 1 is systemd and serves no connection\n"
		"                     log (auth.log): sshd[1]: Failed password for root from "
		"192.0.2.1\n"
		"2026-11-25 01:02:05  claim       UNWITNESSED  not counted\n"
		"                     no witness: no connection was seen\n"
		"                     log (auth.log): x\n"
		"2026-11-25 01:02:10  decision    lock for 10m by rule ssh-guessing, 5 tries: 5 "
		"failures "
		"in 10m\n"
		"2026-11-25 01:02:10  outcome     locked out until 2026-11-25 01:12:10, rule "
		"ssh-guessing: 5 failures in 10m\n");
	buf_done(&out);
}

static void first_line(const char *const *objects, size_t count, uint64_t now_ns,
		       const char *expected)
{
	struct buf out = BUF_INIT(65536);

	tell(objects, count, now_ns, &out);
	*strchr(out.data, '\n') = '\0';
	assert_string_equal(out.data, expected);
	buf_done(&out);
}

static void test_standing(void **state)
{
	static const char observed[] =
		AT("01:02:10") "\"event\":{\"action\":\"lock\"},\"rule\":{\"name\":\"r\"},"
			       "\"bailiff\":{\"form\":\"outcome\"," ADDRESS
			       ",\"action\":\"lock\",\"result\":\"observed\"}}";
	static const char exempt[] =
		AT("01:02:10") "\"event\":{\"action\":\"lock\"},\"message\":\"configured in "
			       "bailiff.conf\",\"bailiff\":{\"form\":\"outcome\"," ADDRESS
			       ",\"action\":\"lock\",\"result\":\"exempt\"}}";
	static const char expired[] =
		AT("01:12:10") "\"event\":{\"action\":\"expire\"},\"bailiff\":{\"form\":"
			       "\"outcome\"," ADDRESS
			       ",\"action\":\"expire\",\"result\":\"expired\",\"refused\":3}}";
	const uint64_t later = HELPER_WALL_NS + 3600 * NSEC_PER_SEC;

	(void)state;
	first_line(NULL, 0, later, "192.0.2.1 is not locked out, and was not");
	first_line((const char *[]){ attempt }, 1, later,
		   "192.0.2.1 is not locked out, and was not");
	first_line((const char *[]){ applied, released }, 2, HELPER_WALL_NS + 300 * NSEC_PER_SEC,
		   "192.0.2.1 is not locked out: the last lockout was released at 2026-11-25 "
		   "01:05:00 by alice (uid 1000)");
	first_line((const char *[]){ applied, expired }, 2, later,
		   "192.0.2.1 is not locked out: the last lockout expired at 2026-11-25 01:12:10");
	/* Nobody was there to say that it expired. */
	first_line((const char *[]){ applied }, 1, later,
		   "192.0.2.1 is not locked out: the lockout ran out at 2026-11-25 01:12:10");
	first_line((const char *[]){ observed }, 1, later,
		   "192.0.2.1 is not locked out: bailiffd only observes; it would have been at "
		   "2026-11-25 01:02:10 by rule r");
	first_line(
		(const char *[]){ decision, exempt }, 2, later,
		"192.0.2.1 is not locked out, and was not: not locked out: exempt: configured in "
		"bailiff.conf");
	/* Locked out again after a release. */
	first_line((const char *[]){ released, applied }, 2, HELPER_WALL_NS + 67 * NSEC_PER_SEC,
		   "192.0.2.1 is locked out until 2026-11-25 01:12:10 (9m left) by rule "
		   "ssh-guessing");
}

/* Nothing of an attacker's text reaches the terminal as it is, in no field. */
static void test_hostile(void **state)
{
	static const char object[] = AT(
		"01:02:03") "\"event\":{\"action\":\"attempt\\u001b[2J\",\"provider\":"
			    "\"a\\u001b[2J\",\"original\":\"l\\u001b[2J\\nl\"},\"message\":"
			    "\"m\\u001b[2J\",\"service\":{\"name\":\"s\\u001b[2J\"},\"rule\":"
			    "{\"name\":\"r\\u001b[2J\"},\"user\":{\"name\":\"u\\u001b[2J\\u202e"
			    "\\ud800\"},\"process\":{\"executable\":\"e\\u001b[2J\"},\"bailiff\":"
			    "{\"form\":\"record\",\"subject\":{\"kind\":\"k\\u001b[2J\",\"value\":"
			    "\"v\\u001b[2J\"},\"session\":\"7\\u001b[2J\",\"trust\":\"t\\u001b["
			    "2J\","
			    "\"action\":\"a\\u001b[2J\",\"result\":\"x\\u001b[2J\",\"who\":"
			    "\"w\\u001b[2J\"}}";
	static const char *const forms[] = { "record", "outcome" };
	struct ipc_subject subject = address("192.0.2.1", 32);
	char text[2048];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct buf out = BUF_INIT(65536);
		struct why why = { 0 };
		char *form;

		(void)snprintf(text, sizeof(text), "%s", object);
		form = strstr(text, "\"record\"");
		assert_non_null(form);
		if (i == 1) {
			char rest[2048];

			(void)snprintf(rest, sizeof(rest), "%s", form + strlen("\"record\""));
			(void)snprintf(form, sizeof(text) - (size_t)(form - text), "\"%s\"%s",
				       forms[i], rest);
		}
		assert_int_equal(why_add(&why, text, strlen(text)), 0);
		why_tell(&why, &subject, 0, false, HELPER_WALL_NS, &out);
		step_put_line(&out, false, &why.step[0]);
		assert_null(strchr(out.data, '\033'));
		assert_null(strstr(out.data, "\xe2\x80\xae"));
		assert_non_null(strstr(out.data, "\\x1b[2J"));
		buf_done(&out);
		why_done(&why);
	}
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"{}",
		"null",
		"{\"bailiff\":{}}",
		"{\"bailiff\":7}",
		"{\"bailiff\":{\"form\":\"other\"}}",
		"{\"bailiff\":{\"form\":\"record\"}} x",
		"{\"bailiff\":{\"form\":\"\"}}",
	};
	static const char types[] =
		"{\"bailiff\":{\"form\":\"record\",\"count\":\"x\",\"subject\":[]},"
		"\"event\":7,\"user\":null,\"@timestamp\":1}";
	struct step step = { .count = 77 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(step_parse(bad[i], strlen(bad[i]), &step), -EINVAL);
		assert_int_equal(step.count, 77);
	}
	/* Wrong types of members are missing members. */
	assert_int_equal(step_parse(types, strlen(types) - 1, &step), -EINVAL);
	assert_int_equal(step_parse(types, strlen(types), &step), 0);
	assert_int_equal(step.form, STEP_RECORD);
	assert_int_equal(step.count, 0);
	assert_int_equal(step.wall_ns, 0);
	assert_int_equal(step_parse("{\"error\":\"too many clients\"}", 28, &step), 0);
	assert_int_equal(step.form, STEP_ERROR);
	assert_string_equal(step.text, "too many clients");
}

static void test_watch_lines(void **state)
{
	static const struct {
		const char *object;
		const char *line;
	} cases[] = {
		{ attempt,
		  "2026-11-25 01:02:03  attempt     192.0.2.1  sshd, user root, from port 40022, "
		  "1 try [witnessed] the kernel saw process 812 serve this connection\n" },
		{ forged,
		  "2026-11-25 01:02:04  claim       192.0.2.1  sshd, not counted [FORGED] process "
		  "1 is systemd and serves no connection\n" },
		{ decision, "2026-11-25 01:02:10  decision    192.0.2.1  lock for 10m by rule "
			    "ssh-guessing, 5 tries: 5 failures in 10m\n" },
		{ released,
		  "2026-11-25 01:05:00  outcome     192.0.2.1  released; the lockout had refused "
		  "14, by alice (uid 1000): wrong key\n" },
		{ AT("01:02:10") "\"process\":{\"pid\":4711,\"executable\":\"/usr/bin/tmux\"},"
				 "\"bailiff\":{\"form\":\"outcome\",\"subject\":{\"kind\":"
				 "\"session\","
				 "\"value\":\"7\"},\"action\":\"terminate\",\"result\":"
				 "\"process_ended\"}}",
		  "2026-11-25 01:02:10  outcome     session 7  process 4711 ended: "
		  "/usr/bin/tmux\n" },
		{ AT("01:02:10") "\"event\":{\"action\":\"exec\",\"provider\":\"kernel\"},"
				 "\"message\":\"/usr/bin/ls -l /root\",\"user\":{\"id\":\"1000\"},"
				 "\"process\":{\"pid\":4711},\"bailiff\":{\"form\":\"record\","
				 "\"subject\":{\"kind\":\"session\",\"value\":\"7\"},"
				 "\"trust\":\"witnessed\",\"session\":\"7\"}}",
		  "2026-11-25 01:02:10  exec          session 7 uid 1000  /usr/bin/ls -l /root\n" },
		/* Whatever trust it carries: trouble with a source is nobody's claim. */
		{ AT("01:02:10") "\"event\":{\"action\":\"source\"},\"message\":\"auth.log "
				 "vanished\",\"bailiff\":{\"form\":\"record\",\"trust\":"
				 "\"forged\"}}",
		  "2026-11-25 01:02:10  source      auth.log vanished\n" },
		{ AT("01:02:10") "\"bailiff\":{\"form\":\"skipped\",\"count\":12}}",
		  "2026-11-25 01:02:10  12 records not shown: this terminal is too slow\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf out = BUF_INIT(65536);
		struct step step;

		assert_int_equal(step_parse(cases[i].object, strlen(cases[i].object), &step), 0);
		step_put_line(&out, false, &step);
		assert_string_equal(out.data, cases[i].line);
		buf_done(&out);
	}
}

static void test_bound(void **state)
{
	struct why why = { 0 };

	(void)state;
	for (unsigned int i = 0; i < WHY_STEPS_MAX; i++)
		assert_int_equal(why_add(&why, attempt, strlen(attempt)), 0);
	assert_int_equal(why_add(&why, attempt, strlen(attempt)), -E2BIG);
	why_done(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain),	    cmocka_unit_test(test_standing),
		cmocka_unit_test(test_hostile),	    cmocka_unit_test(test_refused),
		cmocka_unit_test(test_watch_lines), cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, utc, NULL);
}
