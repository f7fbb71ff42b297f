/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log files in a temporary folder: rotation in each form, files that come late, restarts, and what
 * is not opened at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "enforcer/sources/open.h"
#include "enforcer/sources/positions.h"
#include "enforcer/sources/sources.h"

#define IDS_MAX 16

static struct world {
	char dir[64];
	struct conf *conf;
	struct sources *sources;
	/* What an analyst would hold, by source id: descriptors are its own (dup). */
	struct ipc_source told[IDS_MAX];
	int fd[IDS_MAX];
	unsigned int switches[IDS_MAX];
	unsigned int judgements[IDS_MAX];
	uint32_t count;
} w;

static const char *path_of(const char *name)
{
	static char path[4][256];
	static unsigned int turn;
	char *p = path[turn++ % 4];

	(void)snprintf(p, sizeof(path[0]), "%s/%s", w.dir, name);
	return p;
}

static void add(const char *name, const char *text)
{
	int fd = open(path_of(name), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

/* Its last change is so many seconds from now. */
static void changed(const char *name, time_t seconds)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
					   { .tv_sec = time(NULL) + seconds } };

	assert_int_equal(utimensat(AT_FDCWD, path_of(name), times, 0), 0);
}

static void move(const char *from, const char *to)
{
	assert_int_equal(rename(path_of(from), path_of(to)), 0);
}

static void on_switch(const struct ipc_source_fd *to, int fd, void *arg)
{
	const uint32_t id = to->id;

	(void)arg;
	assert_in_range(id, 1, w.count);
	w.told[id - 1].attested = to->attested;
	if (to->how == IPC_ROTATED_NOT) {
		w.judgements[id - 1]++;
		return;
	}
	if (w.fd[id - 1] >= 0)
		assert_int_equal(close(w.fd[id - 1]), 0);
	w.fd[id - 1] = dup(fd);
	w.told[id - 1].offset = to->offset;
	w.told[id - 1].skipped = to->skipped;
	w.told[id - 1].gaps = to->gaps;
	w.switches[id - 1]++;
}

static int on_each(const struct ipc_source *source, int fd, void *arg)
{
	(void)arg;
	assert_int_equal(source->id, w.count + 1);
	assert_true(w.count < IDS_MAX);
	w.told[w.count] = *source;
	w.fd[w.count++] = dup(fd);
	return 0;
}

static void analyst_ends(void)
{
	for (uint32_t i = 0; i < w.count; i++)
		if (w.fd[i] >= 0)
			assert_int_equal(close(w.fd[i]), 0);
	memset(w.switches, 0, sizeof(w.switches));
	w.count = 0;
	sources_stopped(w.sources);
}

static void analyst_starts(void)
{
	assert_int_equal(sources_setup(w.sources, on_each, NULL), 0);
	sources_started(w.sources);
}

/* The first source's text from where it was told to begin. */
static const char *rest(uint32_t id)
{
	static char text[4096];
	ssize_t got = pread(w.fd[id - 1], text, sizeof(text) - 1, (off_t)w.told[id - 1].offset);

	assert_true(got >= 0);
	text[got] = '\0';
	return text;
}

static void read_conf(const char *pattern, const char *more)
{
	_cleanup_(conf_freep) struct conf *conf = NULL;
	char text[1024], error[INI_ERROR_MAX] = "";

	(void)snprintf(text, sizeof(text),
		       "[source auth-log]\nenabled=no\n[source journal]\nenabled=no\n"
		       "[source t]\nfile=%s/%s\nfilters=sshd\n%s",
		       w.dir, pattern, more);
	assert_int_equal(conf_new(&conf), 0);
	if (conf_add_text(conf, "t", text, strlen(text), error) || conf_finish(conf, error))
		fail_msg("%s", error);
	w.conf = TAKE_PTR(conf);
}

static void begin(const char *pattern)
{
	read_conf(pattern, "");
	assert_int_equal(sources_new(&w.sources, w.conf, on_switch, NULL), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	text_copy(w.dir, sizeof(w.dir), "/tmp/bailiff-sources-XXXXXX");
	return mkdtemp(w.dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	if (w.sources)
		analyst_ends();
	w.sources = sources_free(w.sources);
	w.conf = conf_free(w.conf);
	(void)snprintf(command, sizeof(command), "rm -rf %s", w.dir);
	return system(command);
}

static void test_old_text_is_not_read_at_the_first_start(void **state)
{
	(void)state;
	add("log", "old\n");
	begin("log");
	assert_int_equal(sources_restore(w.sources, w.dir), -ENOENT);
	analyst_starts();
	assert_int_equal(w.count, 1);
	assert_string_equal(w.told[0].path, path_of("log"));
	assert_string_equal(w.told[0].filter[0], "sshd");
	add("log", "new\n");
	assert_string_equal(rest(1), "new\n");
}

static void test_rotation_waits_for_the_new_files_first_byte(void **state)
{
	(void)state;
	add("log", "a\n");
	begin("log");
	analyst_starts();
	move("log", "log.1");
	add("log", "");
	sources_scan(w.sources);
	assert_int_equal(w.switches[0], 0);
	/* The writer has not heard of it yet. */
	add("log.1", "late\n");
	sources_scan(w.sources);
	assert_int_equal(w.switches[0], 0);
	assert_string_equal(rest(1), "late\n");
	add("log", "first\n");
	sources_scan(w.sources);
	assert_int_equal(w.switches[0], 1);
	assert_string_equal(rest(1), "first\n");
	sources_scan(w.sources);
	assert_int_equal(w.switches[0], 1);
}

static void test_rotation_wakes_the_folder_descriptor(void **state)
{
	char byte[4096];

	(void)state;
	add("log", "a\n");
	begin("log");
	analyst_starts();
	sources_scan(w.sources);
	assert_true(read(sources_fd(w.sources), byte, sizeof(byte)) < 0);
	move("log", "log.1");
	add("log", "");
	sources_scan(w.sources);
	add("log", "x\n");
	assert_true(read(sources_fd(w.sources), byte, sizeof(byte)) > 0);
}

static void test_notify_tells_of_text(void **state)
{
	char byte[4096];

	(void)state;
	add("log", "a\n");
	begin("log");
	analyst_starts();
	assert_true(read(sources_notify_fd(w.sources), byte, sizeof(byte)) < 0);
	add("log", "b\n");
	assert_true(read(sources_notify_fd(w.sources), byte, sizeof(byte)) > 0);
	move("log", "log.1");
	add("log", "c\n");
	sources_scan(w.sources);
	while (read(sources_notify_fd(w.sources), byte, sizeof(byte)) > 0)
		;
	add("log", "d\n");
	assert_true(read(sources_notify_fd(w.sources), byte, sizeof(byte)) > 0);
}

static void test_copytruncate_needs_nothing(void **state)
{
	(void)state;
	add("log", "a\n");
	begin("log");
	analyst_starts();
	assert_int_equal(truncate(path_of("log"), 0), 0);
	sources_scan(w.sources);
	assert_int_equal(w.switches[0], 0);
}

static void test_file_that_comes_later(void **state)
{
	struct stat st;

	(void)state;
	begin("log");
	analyst_starts();
	assert_int_equal(w.count, 1);
	assert_int_equal(fstat(w.fd[0], &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_size, 0);
	assert_int_equal(fcntl(w.fd[0], F_GETFL) & O_ACCMODE, O_RDONLY);
	add("log", "first\n");
	sources_scan(w.sources);
	assert_int_equal(w.switches[0], 1);
	assert_string_equal(rest(1), "first\n");
}

static void test_deletion_then_a_new_file(void **state)
{
	(void)state;
	add("log", "a\n");
	begin("log");
	analyst_starts();
	assert_int_equal(unlink(path_of("log")), 0);
	sources_scan(w.sources);
	assert_int_equal(w.switches[0], 0);
	add("log", "b\n");
	sources_scan(w.sources);
	assert_int_equal(w.switches[0], 1);
	assert_string_equal(rest(1), "b\n");
}

static void test_glob_uses_spare_numbers_then_is_crowded(void **state)
{
	char name[32];

	(void)state;
	add("a.log", "x\n");
	add("other", "x\n");
	begin("*.log");
	analyst_starts();
	assert_int_equal(w.count, 1 + SOURCES_SPARE);
	for (int i = 0; i < SOURCES_SPARE; i++) {
		(void)snprintf(name, sizeof(name), "n%d.log", i);
		add(name, "y\n");
	}
	sources_scan(w.sources);
	assert_false(sources_crowded(w.sources));
	for (uint32_t i = 1; i <= SOURCES_SPARE; i++)
		assert_int_equal(w.switches[i], 1);
	add("more.log", "z\n");
	sources_scan(w.sources);
	assert_true(sources_crowded(w.sources));
	analyst_ends();
	analyst_starts();
	assert_false(sources_crowded(w.sources));
	assert_int_equal(w.count, 2 + 2 * SOURCES_SPARE);
}

static void test_glob_number_is_free_after_deletion(void **state)
{
	(void)state;
	add("a.log", "x\n");
	begin("*.log");
	analyst_starts();
	assert_int_equal(unlink(path_of("a.log")), 0);
	sources_scan(w.sources);
	for (int i = 0; i <= SOURCES_SPARE; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "n%d.log", i);
		add(name, "y\n");
	}
	sources_scan(w.sources);
	assert_false(sources_crowded(w.sources));
	assert_int_equal(w.switches[0], 1);
}

static void test_glob_follows_a_rotated_file_once(void **state)
{
	(void)state;
	add("app", "x\n");
	begin("app*");
	analyst_starts();
	move("app", "app.1");
	sources_scan(w.sources);
	for (uint32_t i = 0; i < w.count; i++)
		assert_int_equal(w.switches[i], 0);
	add("app", "new\n");
	sources_scan(w.sources);
	assert_int_equal(w.switches[0] + w.switches[1], 1);
	/* And once more, with an analyst that restarts in between. */
	move("app.1", "app.2");
	move("app", "app.1");
	add("app", "third\n");
	sources_scan(w.sources);
	assert_int_equal(w.switches[0] + w.switches[1], 2);
	analyst_ends();
	analyst_starts();
	assert_int_equal(w.count, 1 + SOURCES_SPARE);
	assert_string_equal(w.told[0].path, path_of("app"));
}

static void test_analyst_restart_goes_on_where_it_noted(void **state)
{
	(void)state;
	add("log", "old\n");
	begin("log");
	analyst_starts();
	add("log", "one\ntwo\n");
	/* The place is in the open file that both share. */
	assert_int_equal(lseek(w.fd[0], 8, SEEK_SET), 8);
	analyst_ends();
	analyst_starts();
	assert_string_equal(rest(1), "two\n");
}

static void test_analyst_restart_goes_on_a_heartbeat_ago(void **state)
{
	(void)state;
	add("log", "old\n");
	begin("log");
	analyst_starts();
	add("log", "one\n");
	sources_heartbeat(w.sources, 1);
	add("log", "two\n");
	sources_heartbeat(w.sources, 2);
	add("log", "three\n");
	analyst_ends();
	analyst_starts();
	assert_string_equal(rest(1), "two\nthree\n");
}

/* bailiffd ends and starts again. */
static void restart(void)
{
	assert_int_equal(sources_save(w.sources, w.dir), 0);
	analyst_ends();
	w.sources = sources_free(w.sources);
	assert_int_equal(sources_new(&w.sources, w.conf, on_switch, NULL), 0);
}

static void again(void)
{
	assert_int_equal(sources_restore(w.sources, w.dir), 0);
	analyst_starts();
}

static void test_restart_reads_what_came_meanwhile(void **state)
{
	(void)state;
	add("log", "old\n");
	begin("log");
	analyst_starts();
	sources_heartbeat(w.sources, 5000000000);
	sources_heartbeat(w.sources, 6000000000);
	restart();
	add("log", "meanwhile\n");
	again();
	assert_string_equal(rest(1), "meanwhile\n");
	assert_int_equal(sources_read_wall_ns(w.sources), 4000000000);
}

/* It ended before it had an analyst: what the one before it noted still holds. */
static void test_restart_twice_in_a_row(void **state)
{
	(void)state;
	add("log", "old\n");
	begin("log");
	analyst_starts();
	restart();
	add("log", "meanwhile\n");
	assert_int_equal(sources_restore(w.sources, w.dir), 0);
	restart();
	again();
	assert_string_equal(rest(1), "meanwhile\n");
}

static void test_restart_after_rotation_reads_both(void **state)
{
	(void)state;
	add("log", "old\n");
	begin("log");
	analyst_starts();
	restart();
	add("log", "tail\n");
	move("log", "log.1");
	add("log", "head\n");
	assert_int_equal(sources_restore(w.sources, w.dir), 0);
	assert_int_equal(sources_setup(w.sources, on_each, NULL), 0);
	assert_string_equal(rest(1), "tail\n");
	sources_started(w.sources);
	assert_int_equal(w.switches[0], 1);
	assert_string_equal(rest(1), "head\n");
}

/* logrotate's dateext, or any other name that begins with the file's. */
static void test_restart_finds_a_rotated_file_by_its_inode(void **state)
{
	(void)state;
	add("log", "old\n");
	begin("log");
	analyst_starts();
	restart();
	add("log", "tail\n");
	add("log-20261123", "an older one\n");
	changed("log-20261123", -86400);
	move("log", "log-20261124");
	add("log", "head\n");
	assert_int_equal(sources_restore(w.sources, w.dir), 0);
	assert_int_equal(sources_setup(w.sources, on_each, NULL), 0);
	assert_string_equal(rest(1), "tail\n");
	sources_started(w.sources);
	assert_string_equal(rest(1), "head\n");
}

/* What the analyst has read, it notes in the descriptor that both hold. */
static void read_all(uint32_t id)
{
	assert_true(lseek(w.fd[id - 1], 0, SEEK_END) >= 0);
}

static void setup_again(void)
{
	assert_int_equal(sources_restore(w.sources, w.dir), 0);
	assert_int_equal(sources_setup(w.sources, on_each, NULL), 0);
}

static void begin_and_end(const char *text)
{
	add("log", text);
	begin("log");
	analyst_starts();
	sources_heartbeat(w.sources, (uint64_t)(time(NULL) - 3600) * 1000000000);
	sources_heartbeat(w.sources, (uint64_t)(time(NULL) - 3600) * 1000000000);
	restart();
}

static void test_two_rotations_while_nobody_reads(void **state)
{
	(void)state;
	begin_and_end("old\n");
	add("log", "tail\n");
	move("log", "log.2");
	changed("log.2", -300);
	add("log.1", "middle\n");
	changed("log.1", -200);
	add("log", "head\n");
	add("log.3", "read long ago\n");
	changed("log.3", -9000);
	setup_again();
	assert_string_equal(rest(1), "tail\n");
	assert_int_equal(w.told[0].gaps, 0);
	sources_started(w.sources);
	assert_string_equal(rest(1), "middle\n");
	assert_true(sources_in_between(w.sources));
	/* The analyst reads the one before beside it: a third one has to wait. */
	sources_scan(w.sources);
	assert_int_equal(w.switches[0], 1);
	read_all(1);
	sources_scan(w.sources);
	assert_int_equal(w.switches[0], 2);
	assert_string_equal(rest(1), "head\n");
	assert_int_equal(w.told[0].gaps, 0);
	assert_false(sources_in_between(w.sources));
	add("log.3", "");
	changed("log.3", 0);
	sources_scan(w.sources);
	assert_int_equal(w.switches[0], 2);
}

static void test_two_rotations_while_somebody_reads(void **state)
{
	(void)state;
	add("log", "a\n");
	begin("log");
	analyst_starts();
	move("log", "log.2");
	changed("log.2", -3);
	add("log.1", "b\n");
	changed("log.1", -2);
	add("log", "c\n");
	sources_scan(w.sources);
	assert_string_equal(rest(1), "b\n");
	read_all(1);
	sources_scan(w.sources);
	assert_string_equal(rest(1), "c\n");
	assert_int_equal(w.told[0].gaps, 0);
}

/* delaycompress: what was read last is compressed by now, what came after it is not. */
static void test_compressed_before_it_was_read(void **state)
{
	(void)state;
	begin_and_end("old\n");
	move("log", "log.2.gz");
	changed("log.2.gz", -300);
	add("log.1", "middle\n");
	changed("log.1", -200);
	add("log", "head\n");
	setup_again();
	assert_int_equal(w.told[0].gaps, 1);
	assert_string_equal(rest(1), "middle\n");
	sources_started(w.sources);
	assert_string_equal(rest(1), "head\n");
	assert_int_equal(w.told[0].gaps, 0);
}

static void test_compressed_in_between(void **state)
{
	(void)state;
	begin_and_end("old\n");
	add("log", "tail\n");
	move("log", "log.3");
	changed("log.3", -300);
	add("log.2.gz", "packed\n");
	changed("log.2.gz", -200);
	add("log.1.gz", "packed\n");
	changed("log.1.gz", -100);
	add("log", "head\n");
	setup_again();
	assert_string_equal(rest(1), "tail\n");
	assert_int_equal(w.told[0].gaps, 0);
	sources_started(w.sources);
	assert_string_equal(rest(1), "head\n");
	assert_int_equal(w.told[0].gaps, 2);
}

static void test_deleted_while_nobody_reads(void **state)
{
	(void)state;
	begin_and_end("old\n");
	move("log", "elsewhere");
	add("log", "head\n");
	setup_again();
	assert_int_equal(w.told[0].gaps, 1);
	assert_string_equal(rest(1), "head\n");
}

static const char long_text[] = "0123456789012345678901234567890123456789\n"
				"0123456789012345678901234567890123456789\n";

static void copy(const char *from, const char *to)
{
	char text[4096] = "";
	int fd = open(path_of(from), O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	assert_int_equal(close(fd), 0);
	add(to, text);
}

/* copytruncate: the copy has what nobody had read. */
static void test_copied_and_emptied_while_nobody_reads(void **state)
{
	(void)state;
	begin_and_end(long_text);
	add("log", "tail\n");
	copy("log", "log.1");
	assert_int_equal(truncate(path_of("log"), 0), 0);
	add("log", "head\n");
	setup_again();
	assert_string_equal(rest(1), "tail\n");
	assert_int_equal(w.told[0].gaps, 0);
	sources_started(w.sources);
	assert_string_equal(rest(1), "head\n");
}

/* Nobody kept it; and by the time of the next look it is longer than it was. */
static void test_emptied_while_nobody_reads(void **state)
{
	(void)state;
	begin_and_end(long_text);
	assert_int_equal(truncate(path_of("log"), 0), 0);
	add("log", "head\n");
	setup_again();
	assert_int_equal(w.told[0].gaps, 1);
	assert_string_equal(rest(1), "head\n");
	read_all(1);
	restart();
	assert_int_equal(truncate(path_of("log"), 0), 0);
	for (int i = 0; i < 4; i++)
		add("log", "another line of the same length, or thereabouts\n");
	setup_again();
	assert_int_equal(w.told[0].gaps, 1);
	assert_int_equal(w.told[0].offset, 0);
}

static void test_nothing_is_lost_where_it_goes_on(void **state)
{
	(void)state;
	begin_and_end(long_text);
	add("log", "more\n");
	setup_again();
	assert_int_equal(w.told[0].gaps, 0);
	assert_string_equal(rest(1), "more\n");
}

static struct {
	unsigned int calls;
	enum ipc_source_state state;
} told;

static void on_state(uint32_t id, enum ipc_source_state state, const char *text, void *arg)
{
	(void)arg;
	assert_int_equal(id, 1);
	assert_true(state != SOURCE_REFUSED || text[0]);
	told.calls++;
	told.state = state;
}

static void test_vanished_file_is_told_once(void **state)
{
	uint64_t now = 1000000000;

	(void)state;
	memset(&told, 0, sizeof(told));
	add("log", "a\n");
	begin("log");
	analyst_starts();
	sources_states(w.sources, true, now, on_state, NULL);
	assert_int_equal(told.calls, 0);
	/* A rotation takes less than SOURCES_TROUBLE_NS. */
	assert_int_equal(unlink(path_of("log")), 0);
	sources_scan(w.sources);
	sources_states(w.sources, false, now, on_state, NULL);
	sources_states(w.sources, false, now + SOURCES_TROUBLE_NS - 1, on_state, NULL);
	assert_int_equal(told.calls, 0);
	for (int i = 0; i < 3; i++)
		sources_states(w.sources, false, now + SOURCES_TROUBLE_NS + i, on_state, NULL);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.state, SOURCE_VANISHED);
	add("log", "b\n");
	sources_scan(w.sources);
	sources_states(w.sources, false, now + SOURCES_TROUBLE_NS + 9, on_state, NULL);
	assert_int_equal(told.calls, 2);
	assert_int_equal(told.state, SOURCE_OK);
}

static void test_missing_and_unreadable_are_told_at_start(void **state)
{
	(void)state;
	memset(&told, 0, sizeof(told));
	begin("log");
	analyst_starts();
	sources_states(w.sources, true, 1, on_state, NULL);
	assert_int_equal(told.state, SOURCE_WAITING);
	analyst_ends();
	assert_int_equal(mkdir(path_of("log"), 0755), 0);
	analyst_starts();
	sources_states(w.sources, true, 2, on_state, NULL);
	assert_int_equal(told.state, SOURCE_REFUSED);
	assert_int_equal(told.calls, 2);
	assert_int_equal(rmdir(path_of("log")), 0);
}

static void test_restart_after_truncation_or_replacement(void **state)
{
	(void)state;
	add("log", "a long old line\n");
	begin("log");
	analyst_starts();
	restart();
	assert_int_equal(truncate(path_of("log"), 0), 0);
	add("log", "short\n");
	again();
	assert_string_equal(rest(1), "short\n");
	restart();
	assert_int_equal(unlink(path_of("log")), 0);
	add("log", "other\n");
	again();
	assert_string_equal(rest(1), "other\n");
}

static void test_restart_knows_that_a_file_was_missing(void **state)
{
	(void)state;
	begin("log");
	analyst_starts();
	restart();
	add("log", "all of it\n");
	again();
	assert_string_equal(rest(1), "all of it\n");
}

static void test_catch_up_is_bounded_and_begins_with_a_line(void **state)
{
	char line[1001];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[999] = '\n';
	line[1000] = '\0';
	add("log", "");
	begin("log");
	analyst_starts();
	restart();
	for (unsigned int i = 0; i < SOURCES_CATCHUP_MAX / 1000 + 1000; i++)
		add("log", line);
	again();
	assert_int_equal(w.told[0].offset % 1000, 0);
	assert_true(w.told[0].offset > 0);
	/* It began with nothing read: all before is what nobody will read, and is told. */
	assert_int_equal(w.told[0].skipped, w.told[0].offset);
}

static void test_damaged_positions_are_not_used(void **state)
{
	int fd;

	(void)state;
	add("log", "old\n");
	begin("log");
	analyst_starts();
	restart();
	fd = open(path_of(POSITIONS_FILE), O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "\xff", 1, 60), 1);
	assert_int_equal(close(fd), 0);
	assert_int_equal(sources_restore(w.sources, w.dir), -EBADMSG);
	assert_int_equal(truncate(path_of(POSITIONS_FILE), 20), 0);
	assert_int_equal(sources_restore(w.sources, w.dir), -EBADMSG);
	analyst_starts();
	assert_string_equal(rest(1), "");
}

static void test_what_is_not_opened(void **state)
{
	struct stat st;
	int fd = -1;

	(void)state;
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	assert_int_equal(source_open(path_of("fifo"), &fd, &st), -EINVAL);
	assert_int_equal(source_open("/dev/null", &fd, &st), -EINVAL);
	assert_int_equal(source_open(w.dir, &fd, &st), -EINVAL);
	assert_int_equal(source_open(path_of("none"), &fd, &st), -ENOENT);
	add("real", "text\n");
	assert_int_equal(symlink("real", path_of("link")), 0);
	if (geteuid() == 0) {
		assert_int_equal(source_open(path_of("link"), &fd, &st), 0);
		assert_int_equal(st.st_size, 5);
		assert_int_equal(close(fd), 0);
		assert_int_equal(lchown(path_of("link"), 12345, 12345), 0);
	}
	assert_int_equal(source_open(path_of("link"), &fd, &st), -ELOOP);
	assert_int_equal(unlink(path_of("link")), 0);
	assert_int_equal(symlink("link", path_of("link")), 0);
	assert_int_equal(source_open(path_of("link"), &fd, &st), -ELOOP);
}

static void test_attested_only_where_nobody_else_writes(void **state)
{
	char folder[64], why[512] = "";
	struct stat st = { 0 };

	(void)state;
	/* /usr is root's on every host; nothing is written there. */
	st.st_mode = S_IFREG | 0640;
	assert_true(source_attested("/usr/bin/log", &st, 0, why, sizeof(why)));
	st.st_uid = 12345;
	assert_true(source_attested("/usr/bin/log", &st, 12345, why, sizeof(why)));
	assert_false(source_attested("/usr/bin/log", &st, 0, why, sizeof(why)));
	assert_non_null(strstr(why, "uid 12345"));
	st.st_uid = 0;
	st.st_mode = S_IFREG | 0660;
	assert_false(source_attested("/usr/bin/log", &st, 0, why, sizeof(why)));
	st.st_mode = S_IFREG | 0602;
	assert_false(source_attested("/usr/bin/log", &st, 0, why, sizeof(why)));
	/* /tmp is everybody's, whatever the folder in it is. */
	st.st_mode = S_IFREG | 0600;
	text_copy(folder, sizeof(folder), path_of("log"));
	assert_false(source_attested(folder, &st, getuid(), why, sizeof(why)));
	assert_non_null(strstr(why, "/tmp is no folder"));
}

/* /usr is root's on every host; nothing is written there. A folder of one's own below /tmp is
 * not. */
static void test_vouched_by_the_file_itself(void **state)
{
	static const char path[] = "/usr/bin/env";
	char why[512] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	if (!source_vouched(path, fd, 0, why, sizeof(why)))
		fail_msg("%s", why);
	assert_false(source_vouched("", fd, 0, why, sizeof(why)));
	/* A path that nobody else can change leads to a file that others can: the file decides. */
	assert_int_equal(close(fd), 0);
	add("log", "x\n");
	fd = open(path_of("log"), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_false(source_vouched(path, fd, getuid(), why, sizeof(why)));
	assert_non_null(strstr(why, "/tmp is no folder"));
	assert_int_equal(close(fd), 0);
}

/* In a mount namespace of its own, where "/" is a tmpfs of root's: every folder above is as strict
 * as the test makes it. 77: not allowed here. */
static int in_strict_folder(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("none", "/mnt", "tmpfs", 0, "mode=755") < 0)
			_exit(77);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define EXPECT(what)                               \
	do {                                       \
		if (!(what))                       \
			_exit(__LINE__ % 200 + 1); \
	} while (0)

static bool vouched(const char *path, uid_t owner, const char *because)
{
	char why[512] = "";
	struct stat st;
	int fd, r = source_open(path, &fd, &st);
	bool yes;

	if (r < 0)
		return false;
	yes = source_vouched(path, fd, owner, why, sizeof(why));
	(void)close(fd);
	return because ? !yes && strstr(why, because) : yes;
}

static void strict_cases(void)
{
	static const char acl[] = {
		2,  0, 0, 0, /* version */
		1,  0, 6, 0, -1,   -1,	 -1, -1, /* owner rw */
		2,  0, 6, 0, 0x39, 0x30, 0,  0, /* user 12345 rw */
		4,  0, 4, 0, -1,   -1,	 -1, -1, /* group r */
		16, 0, 6, 0, -1,   -1,	 -1, -1, /* mask rw */
		32, 0, 0, 0, -1,   -1,	 -1, -1, /* other */
	};

	(void)umask(022);
	EXPECT(mkdir("/mnt/app", 0755) == 0 && mkdir("/mnt/other", 0777) == 0);
	EXPECT(chmod("/mnt/other", 0777) == 0);
	EXPECT(close(open("/mnt/app/log", O_CREAT | O_WRONLY, 0644)) == 0);
	EXPECT(vouched("/mnt/app/log", 0, NULL));
	/* A service's own folder and file. */
	EXPECT(chown("/mnt/app", 12345, 0) == 0 && chown("/mnt/app/log", 12345, 0) == 0);
	EXPECT(vouched("/mnt/app/log", 12345, NULL));
	EXPECT(vouched("/mnt/app/log", 0, "uid 12345"));
	/* By an ACL somebody else may write: tmpfs has them since 2.6.24. */
	EXPECT(setxattr("/mnt/app/log", "system.posix_acl_access", acl, sizeof(acl), 0) == 0);
	EXPECT(vouched("/mnt/app/log", 12345, "others can write"));
	EXPECT(removexattr("/mnt/app/log", "system.posix_acl_access") == 0);
	EXPECT(chmod("/mnt/app/log", 0644) == 0 && vouched("/mnt/app/log", 12345, NULL));
	/* Another name of it gives no right; a name in a folder that others write is no name to
	 * trust. */
	EXPECT(link("/mnt/app/log", "/mnt/other/log") == 0);
	EXPECT(vouched("/mnt/app/log", 12345, NULL));
	EXPECT(vouched("/mnt/other/log", 12345, "/mnt/other is no folder"));
	/* Root's link from a strict folder into one that is not, as the last part and before it. */
	EXPECT(symlink("/mnt/other/log", "/mnt/link") == 0);
	EXPECT(vouched("/mnt/link", 12345, "/mnt/other is no folder"));
	EXPECT(symlink("/mnt/other", "/mnt/folder") == 0);
	EXPECT(vouched("/mnt/folder/log", 12345, "/mnt/other is no folder"));
	EXPECT(symlink("/mnt/app", "/mnt/fine") == 0 && vouched("/mnt/fine/log", 12345, NULL));
	EXPECT(lchown("/mnt/fine", 54321, 0) == 0);
	EXPECT(vouched("/mnt/fine/log", 12345, "/mnt/fine is no folder"));
	/* A strict tree over a folder that others write: what is mounted is what counts. */
	EXPECT(mount("none", "/mnt/other", "tmpfs", 0, "mode=755") == 0);
	EXPECT(close(open("/mnt/other/log", O_CREAT | O_WRONLY, 0644)) == 0);
	EXPECT(vouched("/mnt/other/log", 0, NULL));
	EXPECT(mkdir("/mnt/other/in", 0755) == 0 && chmod("/mnt/other", 0775) == 0);
	EXPECT(vouched("/mnt/other/log", 0, "/mnt/other is no folder"));
}

static void test_vouched_only_where_nobody_else_writes(void **state)
{
	int r;

	(void)state;
	if (geteuid() != 0)
		skip();
	r = in_strict_folder(strict_cases);
	if (r == 77)
		skip();
	if (r)
		fail_msg("the case at line %d (of 200 each)", r - 1);
}

/* While the analyst reads it, the mode changes, and changes back; then a rotation. */
static void strict_changes(void)
{
	(void)umask(022);
	text_copy(w.dir, sizeof(w.dir), "/mnt");
	add("log", "x\n");
	read_conf("log", "service=sshd\n");
	EXPECT(sources_new(&w.sources, w.conf, on_switch, NULL) == 0);
	analyst_starts();
	EXPECT(w.told[0].attested == 1);
	sources_scan(w.sources);
	EXPECT(w.judgements[0] == 0);
	EXPECT(chmod("/mnt/log", 0666) == 0);
	sources_scan(w.sources);
	sources_scan(w.sources);
	EXPECT(w.told[0].attested == 0 && w.judgements[0] == 1 && w.switches[0] == 0);
	EXPECT(chmod("/mnt/log", 0644) == 0);
	sources_scan(w.sources);
	EXPECT(w.told[0].attested == 1 && w.judgements[0] == 2);
	move("log", "log.1");
	add("log", "y\n");
	EXPECT(chmod("/mnt/log", 0622) == 0);
	sources_scan(w.sources);
	EXPECT(w.switches[0] == 1 && w.told[0].attested == 0 && w.judgements[0] == 2);
}

static void test_attestation_follows_the_file(void **state)
{
	int r;

	(void)state;
	if (geteuid() != 0)
		skip();
	r = in_strict_folder(strict_changes);
	if (r == 77)
		skip();
	if (r)
		fail_msg("the case at line %d (of 200 each)", r - 1);
}

static void test_attested_only_where_declared(void **state)
{
	(void)state;
	add("log", "x\n");
	read_conf("log", "service=sshd\n");
	assert_int_equal(sources_new(&w.sources, w.conf, on_switch, NULL), 0);
	analyst_starts();
	assert_int_equal(w.told[0].attested, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_old_text_is_not_read_at_the_first_start),
		TEST(test_rotation_waits_for_the_new_files_first_byte),
		TEST(test_rotation_wakes_the_folder_descriptor),
		TEST(test_notify_tells_of_text),
		TEST(test_copytruncate_needs_nothing),
		TEST(test_file_that_comes_later),
		TEST(test_deletion_then_a_new_file),
		TEST(test_glob_uses_spare_numbers_then_is_crowded),
		TEST(test_glob_number_is_free_after_deletion),
		TEST(test_glob_follows_a_rotated_file_once),
		TEST(test_analyst_restart_goes_on_where_it_noted),
		TEST(test_analyst_restart_goes_on_a_heartbeat_ago),
		TEST(test_restart_reads_what_came_meanwhile),
		TEST(test_restart_twice_in_a_row),
		TEST(test_restart_after_rotation_reads_both),
		TEST(test_restart_finds_a_rotated_file_by_its_inode),
		TEST(test_vanished_file_is_told_once),
		TEST(test_missing_and_unreadable_are_told_at_start),
		TEST(test_restart_after_truncation_or_replacement),
		TEST(test_restart_knows_that_a_file_was_missing),
		TEST(test_catch_up_is_bounded_and_begins_with_a_line),
		TEST(test_damaged_positions_are_not_used),
		TEST(test_two_rotations_while_nobody_reads),
		TEST(test_two_rotations_while_somebody_reads),
		TEST(test_compressed_before_it_was_read),
		TEST(test_compressed_in_between),
		TEST(test_deleted_while_nobody_reads),
		TEST(test_copied_and_emptied_while_nobody_reads),
		TEST(test_emptied_while_nobody_reads),
		TEST(test_nothing_is_lost_where_it_goes_on),
		TEST(test_what_is_not_opened),
		TEST(test_attested_only_where_nobody_else_writes),
		TEST(test_vouched_by_the_file_itself),
		TEST(test_vouched_only_where_nobody_else_writes),
		TEST(test_attestation_follows_the_file),
		TEST(test_attested_only_where_declared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
