/* SPDX-License-Identifier: GPL-2.0-only */
/* bailiffctl import fail2ban: folders that are read, files that are written. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyst/import/import.h"
#include "base/file.h"

struct place {
	char folder[64];
};

static void put(const struct place *place, const char *name, const void *bytes, size_t len)
{
	char path[PATH_MAX];

	for (const char *slash = name; (slash = strchr(slash, '/')); slash++) {
		(void)snprintf(path, sizeof(path), "%s/%.*s", place->folder, (int)(slash - name),
			       name);
		assert_true(!mkdir(path, 0755) || errno == EEXIST);
	}
	(void)snprintf(path, sizeof(path), "%s/%s", place->folder, name);
	assert_int_equal(file_write_atomic(path, bytes, len, 0644), 0);
}

static void put_text(const struct place *place, const char *name, const char *text)
{
	put(place, name, text, strlen(text));
}

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	text_copy(place->folder, sizeof(place->folder), "/tmp/bailiff-import.XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	*state = place;
	return 0;
}

static int remove_all(const char *folder)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command); /* NOLINT(cert-env33-c): a name that mkdtemp made */
}

static int tear_down(void **state)
{
	struct place *place = *state;
	int r = remove_all(place->folder);

	free(place);
	return r;
}

static const struct import_note *note_of(const struct import_notes *notes, const char *file)
{
	for (unsigned int i = 0; i < notes->count; i++)
		if (!strcmp(notes->note[i].file, file))
			return &notes->note[i];
	return NULL;
}

static void test_reading(void **state)
{
	const struct place *place = *state;
	struct import_files files = { 0 };
	struct import_notes notes = { 0 };
	char error[IMPORT_TEXT_MAX] = "", path[PATH_MAX];
	char *large = calloc(1, 1024 * 1024);

	assert_non_null(large);
	memset(large, '\n', 1024 * 1024);
	put_text(place, "jail.conf", "[a]\nenabled = true\n");
	put_text(place, "jail.d/x.conf", "");
	put_text(place, "jail.d/readme.txt", "no configuration");
	put_text(place, "filter.d/a.conf", "[Definition]\n");
	put_text(place, "filter.d/a.d/more.conf", "[Definition]\n");
	put_text(place, "filter.d/other/x.conf", "[Definition]\n");
	put(place, "jail.d/large.conf", large, 1024 * 1024);
	free(large);
	(void)snprintf(path, sizeof(path), "%s/jail.d/fifo.conf", place->folder);
	assert_int_equal(mkfifo(path, 0600), 0);

	assert_int_equal(import_files_read(&files, place->folder, &notes, error), 0);
	assert_int_equal(files.jails.count, 2);
	assert_non_null(filter_file_find(&files.jails, "jail.d/x.conf"));
	assert_int_equal(files.filters.count, 2);
	assert_non_null(filter_file_find(&files.filters, "a.d/more.conf"));
	assert_int_equal(notes.count, 1);
	assert_non_null(note_of(&notes, "jail.d/large.conf"));
	import_notes_done(&notes);
	import_files_done(&files);
}

static void test_no_configuration(void **state)
{
	const struct place *place = *state;
	struct import_files files = { 0 };
	struct import_notes notes = { 0 };
	char error[IMPORT_TEXT_MAX] = "", path[PATH_MAX];

	put_text(place, "fail2ban.conf", "[Definition]\n");
	assert_int_equal(import_files_read(&files, place->folder, &notes, error), -ENOENT);
	assert_non_null(strstr(error, "no configuration of fail2ban"));
	import_files_done(&files);
	(void)snprintf(path, sizeof(path), "%s/none", place->folder);
	assert_int_equal(import_files_read(&files, path, &notes, error), -ENOENT);
	import_files_done(&files);
	import_notes_done(&notes);
}

static void test_syslog(void **state)
{
	const struct place *place = *state;
	struct import_syslog *syslog = NULL;
	struct import_host host;
	struct import_look seen;

	put_text(place, "etc/rsyslog.conf",
		 "# *.* /var/log/comment.log\n"
		 "mail.*\t-/var/log/post.log\n"
		 "*.* /var/log/everything.log.old\n");
	put_text(place, "etc/rsyslog.d/49-proxy.conf",
		 "if $programname == 'proxy' then action(type=\"omfile\" "
		 "file=\"/var/log/proxy.log\")\n");
	assert_int_equal(import_syslog_new(&syslog, place->folder), 0);
	import_host_here(&host, syslog);
	host.look("/var/log/post.log", &seen, host.arg);
	assert_string_equal(seen.written_by, "/etc/rsyslog.conf:2");
	host.look("/var/log/proxy.log", &seen, host.arg);
	assert_string_equal(seen.written_by, "/etc/rsyslog.d/49-proxy.conf:1");
	host.look("/var/log/comment.log", &seen, host.arg);
	assert_string_equal(seen.written_by, "");
	host.look("/var/log/everything.log", &seen, host.arg);
	assert_string_equal(seen.written_by, "");
	import_syslog_free(syslog);
}

static void test_log_files(void **state)
{
	const struct place *place = *state;
	struct import_syslog *syslog = NULL;
	struct import_host host;
	struct import_look seen;
	char path[PATH_MAX], found[2][IPC_PATH_MAX];

	assert_int_equal(import_syslog_new(&syslog, place->folder), 0);
	import_host_here(&host, syslog);
	put_text(place, "one/a.log", "");
	put_text(place, "two/a.log", "");
	(void)snprintf(path, sizeof(path), "%s/*/a.log", place->folder);
	assert_int_equal(host.expand(path, found, 1, host.arg), 2);
	assert_non_null(strstr(found[0], "/one/a.log"));
	/* /tmp is everybody's. */
	(void)snprintf(path, sizeof(path), "%s/one/a.log", place->folder);
	host.look(path, &seen, host.arg);
	assert_int_equal(seen.files, 1);
	assert_true(seen.shared);
	(void)snprintf(path, sizeof(path), "%s/none", place->folder);
	host.look(path, &seen, host.arg);
	assert_int_equal(seen.files, 0);
	import_syslog_free(syslog);
}

struct told {
	unsigned int count[WRITTEN_MAX];
};

static void on_written(const char *path, enum import_written what, void *arg)
{
	struct told *told = arg;

	(void)path;
	told->count[what]++;
}

static struct import *import_of(struct import_files *files)
{
	static const struct import_host host = { 0 };
	struct import *import = NULL;

	assert_int_equal(import_new(&import, files, &host), 0);
	assert_int_equal(import_output_add(import, "filter.d/a.d/b.conf", "f", 1), 0);
	assert_int_equal(import_output_add(import, "rules.d/fail2ban-a.conf", "rule", 4), 0);
	assert_int_equal(import_output_add(import, "rules.d/fail2ban-a.conf", "x", 1), -EEXIST);
	return import;
}

static void test_writing(void **state)
{
	const struct place *place = *state;
	struct import_files files = { 0 };
	struct import *import = import_of(&files);
	char error[IMPORT_TEXT_MAX] = "", folder[PATH_MAX], path[PATH_MAX], link[PATH_MAX];
	struct told told = { 0 };
	char *text;
	size_t len;

	(void)snprintf(folder, sizeof(folder), "%s/out", place->folder);
	assert_int_equal(import_write(import, folder, false, on_written, &told, error), 0);
	assert_int_equal(told.count[WRITTEN_NEW], 2);
	told = (struct told){ 0 };
	assert_int_equal(import_write(import, folder, false, on_written, &told, error), 0);
	assert_int_equal(told.count[WRITTEN_SAME], 2);

	/* One that differs stops all, also those that would be new. */
	put_text(place, "out/filter.d/a.d/b.conf", "mine");
	(void)snprintf(path, sizeof(path), "%s/rules.d/fail2ban-a.conf", folder);
	assert_int_equal(unlink(path), 0);
	told = (struct told){ 0 };
	assert_int_equal(import_write(import, folder, false, on_written, &told, error), -EEXIST);
	assert_int_equal(told.count[WRITTEN_KEPT], 1);
	assert_int_equal(access(path, F_OK), -1);
	told = (struct told){ 0 };
	assert_int_equal(import_write(import, folder, true, on_written, &told, error), 0);
	assert_int_equal(told.count[WRITTEN_CHANGED], 1);
	assert_int_equal(told.count[WRITTEN_NEW], 1);
	assert_int_equal(file_read(path, 100, &text, &len), 0);
	assert_string_equal(text, "rule");
	free(text);

	/* A link is nobody's copy: not followed, not replaced. */
	(void)snprintf(link, sizeof(link), "%s/elsewhere", place->folder);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(link, path), 0);
	assert_int_equal(import_write(import, folder, false, on_written, &told, error), -EEXIST);
	assert_int_equal(import_write(import, folder, true, on_written, &told, error), -EEXIST);
	assert_int_equal(access(link, F_OK), -1);
	import_free(import);
}

static void test_what_is_there(void **state)
{
	static const char rule[] = "[rule]\nid = fail2ban-a\nservice = a\nfailures = 1\n"
				   "window = 1m\nlockout = 1m\n";
	const struct place *place = *state;
	struct import_files files = { 0 };
	struct import *import = import_of(&files);

	put_text(place, "rules.d/fail2ban-gone.conf", rule);
	put_text(place, "rules.d/mine.conf", rule);
	import->jail = calloc(1, sizeof(*import->jail));
	assert_non_null(import->jail);
	import->jails = 1;
	text_copy(import->jail[0].name, sizeof(import->jail[0].name), "a");
	text_copy(import->jail[0].rule, sizeof(import->jail[0].rule), "fail2ban-a");
	assert_int_equal(import_look_there(import, place->folder), 0);
	assert_non_null(strstr(note_of(&import->notes, "rules.d/fail2ban-gone.conf")->text,
			       "earlier import"));
	assert_non_null(strstr(note_of(&import->notes, "rules.d/mine.conf")->text, "for jail a"));
	assert_int_equal(import->notes.count, 2);
	import_free(import);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reading, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_configuration, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_syslog, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_log_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_writing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_there, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
