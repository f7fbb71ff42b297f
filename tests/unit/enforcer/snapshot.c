/* SPDX-License-Identifier: GPL-2.0-only */
/* Snapshots: names, tables of sockets, what is kept, and one of processes of this test's own. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "enforcer/session/snapshot.h"

static char dir[64];

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/unit-snapshot-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static void names(void **state)
{
	static const char *const bad[] = { "",
					   "7",
					   "7-",
					   "7-8",
					   "7-8.json",
					   "-8.jsonl",
					   "7-8.jsonl.new",
					   "x-8.jsonl",
					   "7-8.jsonlx",
					   "../8.jsonl",
					   "7--8.jsonl",
					   "99999999999999999999999-8.jsonl" };
	uint64_t tag, wall;

	(void)state;
	assert_true(snapshot_name("4294967301-1795568523.jsonl", &tag, &wall));
	assert_true(tag == 4294967301 && wall == 1795568523);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(snapshot_name(bad[i], &tag, &wall));
}

static void tables(void **state)
{
	static const char text[] =
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt ...\n"
		"   0: 0100007F:0016 0200007F:A3F4 01 00000000:00000000 02:000A 00000000 0 0 20345 "
		"2\n"
		"   1: 0100007F:0016 0200007F:A3F4 06 00000000:00000000 03:000A 00000000 0 0 0 2\n"
		"   2: 0100007F:00 0200007F:A3F4 01 00000000:00000000 02:000A 00000000 0 0 4 2\n"
		"   3: 0100007F:0016 0200007F:A3F4 01 00000000:00000000 02:000A 00000000 0 0 4x 2\n"
		"   4: 0100007F:0016\n"
		"   5: 00000000:0050 00000000:0000 0A 0:0 00:0 0 0 0 7 1";
	static const uint8_t local[4] = { 127, 0, 0, 1 }, peer[4] = { 127, 0, 0, 2 };
	struct snapshot_sockets sockets = {};

	(void)state;
	assert_int_equal(snapshot_sockets_parse(&sockets, text, strlen(text), AF_INET, true), 0);
	assert_int_equal(sockets.count, 2);
	assert_int_equal(sockets.socket[0].inode, 20345);
	assert_memory_equal(sockets.socket[0].local, local, 4);
	assert_memory_equal(sockets.socket[0].peer, peer, 4);
	assert_int_equal(sockets.socket[0].local_port, 22);
	assert_int_equal(sockets.socket[0].peer_port, 0xa3f4);
	assert_int_equal(sockets.socket[0].state, 1);
	assert_int_equal(sockets.socket[1].inode, 7);
	snapshot_sockets_done(&sockets);
}

static void put(int fd, const char *name, size_t size)
{
	int file = openat(fd, name, O_WRONLY | O_CREAT | O_EXCL, 0400);

	assert_true(file >= 0);
	assert_int_equal(ftruncate(file, (off_t)size), 0);
	close(file);
}

static bool there(int fd, const char *name)
{
	return faccessat(fd, name, F_OK, 0) == 0;
}

static void oldest_goes(void **state)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	char name[64];

	(void)state;
	put(fd, "1-100.jsonl", 1000);
	put(fd, "2-300.jsonl", 1000);
	put(fd, "3-200.jsonl", 1000);
	put(fd, "other", 100000);
	assert_int_equal(snapshot_prune(fd, 3000), 0);
	assert_int_equal(snapshot_prune(fd, 2999), 1);
	assert_false(there(fd, "1-100.jsonl"));
	assert_int_equal(snapshot_prune(fd, 10), 1);
	/* The newest, whatever its size; what is no snapshot is none of its business. */
	assert_true(there(fd, "2-300.jsonl"));
	assert_true(there(fd, "other"));
	for (int i = 0; i < SNAPSHOT_FILES_MAX + 5; i++) {
		(void)snprintf(name, sizeof(name), "9-%d.jsonl", 1000 + i);
		put(fd, name, 1);
	}
	assert_int_equal(snapshot_prune(fd, 1 << 20), 6);
	assert_true(there(fd, "9-1005.jsonl"));
	assert_false(there(fd, "9-1004.jsonl"));
	close(fd);
}

/* However much one has, each of the others has its share. */
static void shares(void **state)
{
	struct snapshot snapshot = { .fd = open("/dev/null", O_WRONLY) };
	static char bytes[4096];
	struct buf line = BUF_INIT(sizeof(bytes));
	uint32_t lines = 0;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	buf_add(&line, bytes, sizeof(bytes));
	for (uint32_t left = 4096; left > 0; left--) {
		uint64_t before = snapshot.text_bytes;

		snapshot_share(&snapshot, left);
		lines = 0;
		while (snapshot_put_shared(&snapshot, &line))
			lines++;
		assert_true(snapshot.text_bytes - before <=
			    SNAPSHOT_SHARE_MIN + SNAPSHOT_TEXT_MAX / left);
		assert_true(lines > 0 || snapshot.text_bytes + sizeof(bytes) > SNAPSHOT_TEXT_MAX);
	}
	assert_true(snapshot.cut);
	assert_true(snapshot.text_bytes <= SNAPSHOT_TEXT_MAX);
	/* A single one has it all. */
	snapshot.text_bytes = snapshot.bytes = 0;
	snapshot_share(&snapshot, 1);
	for (lines = 0; snapshot_put_shared(&snapshot, &line);)
		lines++;
	assert_int_equal(lines, SNAPSHOT_TEXT_MAX / sizeof(bytes));
	buf_done(&line);
	close(snapshot.fd);
}

/* A process with an argument, a variable and a memfd, that tells when it is there. */
static pid_t start_child(int *ret_fd)
{
	int ready[2], input[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(input), 0);
	pid = fork();
	if (pid == 0) {
		int fd = memfd_create("hidden", 0);
		static char shell[] = "sh", flag[] = "-c", script[] = "echo; read x";
		static char argument[] = "an\x1b\xff-argument",
			    variable[] = "SECRET_NAME=secret-value";
		char *argv[] = { shell, flag, script, argument, NULL };
		char *envp[] = { variable, NULL };

		if (fd < 0 || write(fd, "held", 4) != 4)
			_exit(1);
		(void)dup2(ready[1], 1);
		(void)dup2(input[0], 0);
		execve("/bin/sh", argv, envp);
		_exit(1);
	}
	assert_true(pid > 0);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	close(input[0]);
	*ret_fd = input[1];
	return pid;
}

static void of_a_process(void **state)
{
	struct snapshot_about about = { .tag = 7, .max_bytes = 1 << 20, .reason = "why\n" };
	static struct json_doc doc;
	_cleanup_free_ char *text = NULL;
	struct process process[2] = {};
	char command[256], path[256] = "";
	size_t len, at, lines = 0;
	struct stat st;
	int status, fd;
	pid_t child, pid;
	FILE *found;

	(void)state;
	child = start_child(&fd);
	assert_int_equal(process_read(child, &process[0]), 0);
	/* The same number, another start: somebody else by now. */
	process[1] = process[0];
	process[1].start_ns -= 1000000000;
	assert_false(snapshot_have(dir, 7, 0));
	assert_int_equal(snapshot_start(dir, &about, process, 2, &pid), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), SNAPSHOT_WHOLE);
	assert_true(snapshot_have(dir, 7, 0));
	assert_false(snapshot_have(dir, 7, UINT64_MAX));
	assert_false(snapshot_have(dir, 8, 0));
	(void)snprintf(command, sizeof(command), "ls %s/snapshots/*", dir);
	found = popen(command, "r");
	assert_non_null(fgets(path, sizeof(path), found));
	assert_int_equal(pclose(found), 0);
	path[strcspn(path, "\n")] = '\0';
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	assert_int_equal(file_read(path, 1 << 20, &text, &len), 0);
	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		assert_int_equal(json_parse(&doc, line, strcspn(line, "\n"), &at), 0);
		lines++;
	}
	assert_true(lines >= 4);
	assert_non_null(strstr(text, "\"an\\u001b\xef\xbf\xbd-argument\""));
	assert_non_null(strstr(text, "\"env_names\":[\"SECRET_NAME\"]"));
	assert_null(strstr(text, "secret-value"));
	assert_non_null(strstr(text, "\"content_base64\":\"aGVsZA==\""));
	assert_non_null(strstr(text, "\"gone\":1"));
	assert_non_null(strstr(text, "\"reason\":\"why\\n\""));
	/* A folder that others may read is not used. */
	(void)snprintf(path, sizeof(path), "%s/snapshots", dir);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(snapshot_start(dir, &about, process, 1, &pid), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), SNAPSHOT_FAILED);
	close(fd);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(tables),
		cmocka_unit_test_setup_teardown(oldest_goes, setup, teardown),
		cmocka_unit_test(shares),
		cmocka_unit_test_setup_teardown(of_a_process, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
