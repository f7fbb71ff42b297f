/* SPDX-License-Identifier: GPL-2.0-only */
/* Who could still get in and become root. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "enforcer/lockouts/accounts.h"

static char dir[64];
static uint32_t exempt_uid, locked_uid;

static void put_file(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void make_folder(const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static int setup(void **unused)
{
	(void)unused;
	exempt_uid = locked_uid = UINT32_MAX;
	(void)snprintf(dir, sizeof(dir), "/tmp/unit-accounts-XXXXXX");
	assert_non_null(mkdtemp(dir));
	make_folder("etc");
	make_folder("home");
	make_folder("home/carol");
	make_folder("home/carol/.ssh");
	put_file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"
			       "alice:x:1000:1000::/home/alice:/bin/bash\n"
			       "bob:x:1001:27::/home/bob:/bin/bash\n"
			       "carol:x:1002:1002::/home/carol:/bin/bash\n"
			       "dave:x:1003:1003::/home/dave:/usr/sbin/nologin\n"
			       "eve:x:1004:1004::/home/eve:/bin/bash\n");
	put_file("etc/group",
		 "root:x:0:\nsudo:x:27:alice,dave\nwheel:x:10:carol\nusers:x:100:eve\n");
	/* Only alice has a password; dave has one and no shell, eve has one and is no
	 * administrator. */
	put_file("etc/shadow", "root:*:1::::::\nalice:$6$x:1::::::\nbob:!$6$x:1::::::\n"
			       "carol:!:1::::::\ndave:$6$x:1::::::\neve:$6$x:1::::::\n");
	return 0;
}

static int teardown(void **unused)
{
	char command[96];

	(void)unused;
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static bool is_exempt(uint32_t uid, void *arg)
{
	(void)arg;
	return uid == exempt_uid;
}

static bool is_locked(uint32_t uid, void *arg)
{
	(void)arg;
	return uid == locked_uid;
}

static int ask(uint32_t uid)
{
	_cleanup_close_ int root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct accounts_ask question = {
		.root_fd = root, .uid = uid, .exempt = is_exempt, .locked = is_locked
	};

	return accounts_other_admin(&question);
}

static void last_one(void **unused)
{
	(void)unused;
	assert_int_equal(ask(1000), 0);
	/* Who is no administrator takes no way in away. */
	assert_int_equal(ask(1004), 1);
	assert_int_equal(ask(4242), 1);
	/* An administrator without a way in, while alice has one. */
	assert_int_equal(ask(1001), 1);
	assert_int_equal(ask(1002), 1);
}

static void other_ways_in(void **unused)
{
	(void)unused;
	put_file("home/carol/.ssh/authorized_keys", "");
	assert_int_equal(ask(1000), 0);
	put_file("home/carol/.ssh/authorized_keys", "ssh-ed25519 AAAA carol\n");
	assert_int_equal(ask(1000), 1);
	locked_uid = 1002;
	assert_int_equal(ask(1000), 0);
	/* By primary group. */
	put_file("etc/shadow", "bob:$6$x:1::::::\nalice:$6$x:1::::::\n");
	assert_int_equal(ask(1000), 1);
}

static void root_and_exempt_ones(void **unused)
{
	(void)unused;
	exempt_uid = 1004;
	assert_int_equal(ask(1000), 1);
	exempt_uid = UINT32_MAX;
	assert_int_equal(ask(1000), 0);
	put_file("etc/shadow", "root:$6$x:1::::::\nalice:$6$x:1::::::\n");
	assert_int_equal(ask(1000), 1);
}

static void what_cannot_be_read(void **unused)
{
	char path[128];

	(void)unused;
	/* An empty password lets nobody in by sshd; a line that is none is skipped. */
	put_file("etc/shadow", "root::1::::::\nnonsense\nalice:$6$x:1::::::\n");
	assert_int_equal(ask(1000), 0);
	(void)snprintf(path, sizeof(path), "%s/etc/shadow", dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(ask(1000), 0);
	(void)snprintf(path, sizeof(path), "%s/etc/group", dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(ask(1000), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(last_one, setup, teardown),
		cmocka_unit_test_setup_teardown(other_ways_in, setup, teardown),
		cmocka_unit_test_setup_teardown(root_and_exempt_ones, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_read, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
