/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which line of a syslog daemon's configuration writes a file, in each daemon's own notation.
 */
#include "unit.h"

#include <string.h>

#include "base/mention.h"

static void test_mentions(void **state)
{
	static const struct {
		const char *text;
		unsigned int line; /* 0: it is not written */
	} rows[] = {
		{ "auth,authpriv.*\t\t/var/log/a.log\n", 1 },
		{ "*.*\n\n  cron.* -/var/log/a.log", 3 },
		{ "action(type=\"omfile\" file=\"/var/log/a.log\")\n", 1 },
		{ "action(type=\"omfile\"\n  file=\"/var/log/a.log\")\n", 2 },
		{ "input(type=\"imuxsock\")\nauth.* /var/log/a.log\n", 2 },
		{ "destination d { file(\"/var/log/a.log\"); };\n", 1 },
		{ "source s { system(); };\ndestination d {\n  file('/var/log/a.log');\n};\n", 3 },
		/* Read, not written. */
		{ "input(type=\"imfile\" File=\"/var/log/a.log\" Tag=\"a\")\n", 0 },
		{ "input(type=\"imfile\"\n\tFile=\"/var/log/a.log\")\n", 0 },
		{ "$InputFileName /var/log/a.log\n", 0 },
		{ "source s {\n  file(\"/var/log/a.log\");\n};\n", 0 },
		/* Both. */
		{ "$InputFileName /var/log/a.log\nlocal0.* /var/log/a.log\n", 2 },
		/* Another file, or none. */
		{ "auth.* /var/log/a.log.old\n", 0 },
		{ "auth.* /srv/var/log/a.log\n", 0 },
		{ "# auth.* /var/log/a.log\n", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned int line = 0;
		bool found =
			mention_find(rows[i].text, strlen(rows[i].text), "/var/log/a.log", &line);

		if (found != (rows[i].line > 0) || line != rows[i].line)
			fail_msg("line %u, wanted %u: %s", line, rows[i].line, rows[i].text);
	}
	assert_false(mention_find("auth.* /var/log/a.log\n", 22, "", &(unsigned int){ 0 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_mentions) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
