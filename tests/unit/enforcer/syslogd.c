/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the configuration in a folder has syslog write.
 */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "enforcer/sources/syslogd.h"

static char root[64];

static void put(const char *name, const char *text)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s%s", root, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static int setup(void **state)
{
	static const char *const folders[] = { "/etc", "/etc/rsyslog.d" };
	char path[128];

	(void)state;
	(void)snprintf(root, sizeof(root), "/tmp/bailiff-syslogd-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", root, folders[i]);
		if (mkdir(path, 0755) < 0)
			return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static void test_files_that_syslog_writes(void **state)
{
	_cleanup_(syslogd_freep) struct syslogd *syslogd = NULL;
	char where[64] = "";

	(void)state;
	put("/etc/rsyslog.conf",
	    "$IncludeConfig /etc/rsyslog.d/*.conf\nauth.* /var/log/auth.log\n");
	put("/etc/rsyslog.d/20-app.conf", "# the application\n\nlocal0.* -/var/log/app.log\n");
	put("/etc/rsyslog.d/20-old.conf.dpkg-old", "local0.* -/var/log/old.log\n");
	assert_int_equal(syslogd_new(&syslogd, root), 0);
	assert_true(syslogd_writes(syslogd, "/var/log/app.log", where, sizeof(where)));
	assert_string_equal(where, "/etc/rsyslog.d/20-app.conf:3");
	assert_true(syslogd_writes(syslogd, "/var/log/auth.log", where, sizeof(where)));
	assert_string_equal(where, "/etc/rsyslog.conf:2");
	assert_false(syslogd_writes(syslogd, "/var/log/old.log", where, sizeof(where)));
	assert_false(syslogd_writes(syslogd, "/var/log/nginx/error.log", where, sizeof(where)));
	assert_false(syslogd_writes(syslogd, "", where, sizeof(where)));
}

static void test_no_syslog_here(void **state)
{
	_cleanup_(syslogd_freep) struct syslogd *syslogd = NULL;
	char where[64];

	(void)state;
	assert_int_equal(syslogd_new(&syslogd, root), 0);
	assert_false(syslogd_writes(syslogd, "/var/log/app.log", where, sizeof(where)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_files_that_syslog_writes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_syslog_here, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
