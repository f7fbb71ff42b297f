/* SPDX-License-Identifier: GPL-2.0-only */
/* A snapshot as a tree, and files that are none. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/snapshot_text.h"

#define HEAD                                                                                 \
	"{\"kind\":\"snapshot\",\"session\":\"7\",\"auid\":1000,\"processes\":2,\"origin\":" \
	"\"root\"}\n"
#define PROCESS(pid, parent)                                                                    \
	"{\"kind\":\"process\",\"process\":{\"pid\":" #pid ",\"parent\":{\"pid\":" #parent "}," \
	"\"name\":\"n" #pid "\",\"args\":[\"a\\u001b\"],\"executable\":\"/x\"}}\n"

static const char *show(const char *text, int want)
{
	static char ret[65536];
	struct buf out = BUF_INIT(sizeof(ret) - 1);

	assert_int_equal(snapshot_put_text(&out, text, strlen(text)), want);
	assert_false(out.cut);
	(void)snprintf(ret, sizeof(ret), "%s", out.data ? out.data : "");
	buf_done(&out);
	return ret;
}

static void tree(void **state)
{
	const char *text = show(
		HEAD PROCESS(11, 10) PROCESS(
			10,
			1) "{\"kind\":\"file\",\"pid\":10,\"fd\":\"0\",\"path\":\"/dev/\\u001b\"}\n"
			   "{\"kind\":\"end\",\"cut\":false}\n",
		0);

	(void)state;
	/* Children below their parents, in whatever order they were found. */
	assert_non_null(strstr(text, "\n10 n10: a\\x1b\n"));
	assert_non_null(strstr(text, "\n    open /dev/\\x1b\n  11 n11: a\\x1b\n"));
	assert_null(strstr(text, "not all of it"));
	assert_null(strchr(text, '\x1b'));
}

static void damaged(void **state)
{
	(void)state;
	(void)show("", -EINVAL);
	(void)show("{\"kind\":\"end\"}\n", -EINVAL);
	(void)show("\x01\n", -EINVAL);
	/* Each its own ancestor: both are shown, once. */
	const char *text = show(HEAD PROCESS(10, 11) PROCESS(11, 10) "nonsense\n", 0);

	assert_non_null(strstr(text, "10 n10:"));
	assert_non_null(strstr(text, "11 n11:"));
	assert_non_null(strstr(text, "1 lines cannot be shown"));
	assert_non_null(strstr(text, "its end is missing"));
	assert_non_null(strstr(show(HEAD PROCESS(10, 10), 0), "\n10 n10:"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree),
		cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
