/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Recording: what becomes of a pipe's lines, by every end there is, and which files are made.
 */
#include "helpers.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "ctl/record.h"

static char out[65536], err[65536];

struct scene {
	char folder[64];
	char path[96];
	int pipe[2];
	int out_fd;
	sigset_t signals, before;
	struct record_count count;
	bool writing;
};

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	if (!scene)
		return -1;
	(void)snprintf(scene->folder, sizeof(scene->folder), "/tmp/bailiffctl-record-XXXXXX");
	if (!mkdtemp(scene->folder) || pipe2(scene->pipe, O_CLOEXEC) < 0)
		return -1;
	(void)snprintf(scene->path, sizeof(scene->path), "%s/out.jsonl", scene->folder);
	scene->out_fd = -1;
	(void)sigemptyset(&scene->signals);
	(void)sigaddset(&scene->signals, SIGTERM);
	(void)sigaddset(&scene->signals, SIGINT);
	*state = scene;
	return sigprocmask(SIG_BLOCK, &scene->signals, &scene->before);
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	close_end(&scene->pipe[0]);
	close_end(&scene->pipe[1]);
	close_end(&scene->out_fd);
	(void)unlink(scene->path);
	(void)rmdir(scene->folder);
	(void)sigprocmask(SIG_SETMASK, &scene->before, NULL);
	free(scene);
	return 0;
}

static void put(struct scene *scene, const char *text)
{
	assert_int_equal(write(scene->pipe[1], text, strlen(text)), strlen(text));
}

static int copy(struct scene *scene)
{
	int r;

	if (scene->out_fd < 0)
		assert_int_equal(record_open(scene->path, false, &scene->out_fd), CTL_OK);
	r = record_copy(scene->pipe[0], scene->out_fd, &scene->signals, &scene->count,
			&scene->writing);
	return r;
}

static void expect_file(const struct scene *scene, const char *wanted)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	assert_int_equal(file_read(scene->path, 1 << 22, &text, &len), 0);
	assert_string_equal(text, wanted);
}

/* bailiffd ends in the midst of a line: that is not written, and what was lost is known. */
static void test_ended(void **state)
{
	struct scene *scene = *state;

	put(scene, "{\"a\":1}\n{\"a\":2,\"lost\":3}\n{\"a\":3,\"lost\":17}\n{\"a\":");
	close_end(&scene->pipe[1]);
	assert_int_equal(copy(scene), RECORD_ENDED);
	assert_int_equal(scene->count.events, 3);
	assert_int_equal(scene->count.lost, 17);
	assert_false(scene->writing);
	expect_file(scene, "{\"a\":1}\n{\"a\":2,\"lost\":3}\n{\"a\":3,\"lost\":17}\n");
}

/* The signal waits already: what stands in the pipe is taken all the same. */
static void test_stopped(void **state)
{
	struct scene *scene = *state;

	put(scene, "{\"a\":1}\n{\"a\":2}\n{");
	assert_int_equal(raise(SIGTERM), 0);
	assert_int_equal(copy(scene), RECORD_STOPPED);
	assert_int_equal(scene->count.events, 2);
	assert_int_equal(scene->count.lost, 0);
	expect_file(scene, "{\"a\":1}\n{\"a\":2}\n");
	/* Taken, not left for the rest of the program. */
	assert_int_equal(sigtimedwait(&scene->signals, NULL, &(struct timespec){ 0 }), -1);
}

/* Nothing comes for a while, then the signal. */
static void test_stopped_while_waiting(void **state)
{
	struct scene *scene = *state;
	pid_t self = getpid(), pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)usleep(200000);
		if (write(scene->pipe[1], "{}\n", 3) != 3)
			_exit(1);
		(void)usleep(200000);
		_exit(kill(self, SIGINT) < 0);
	}
	assert_int_equal(copy(scene), RECORD_STOPPED);
	assert_int_equal(scene->count.events, 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* An output that takes nothing does not keep the signal waiting. */
static void test_stopped_while_writing(void **state)
{
	struct scene *scene = *state;
	pid_t self = getpid(), pid;
	char line[2049];
	int end[2], status;

	memset(line, 'x', sizeof(line));
	line[2047] = '\n';
	line[2048] = '\0';
	assert_int_equal(pipe2(end, O_CLOEXEC), 0);
	assert_true(fcntl(end[1], F_SETPIPE_SZ, 4096) >= 4096);
	scene->out_fd = end[1];
	for (int i = 0; i < 20; i++)
		put(scene, line);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)usleep(300000);
		_exit(kill(self, SIGINT) < 0);
	}
	assert_int_equal(copy(scene), RECORD_STOPPED);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(scene->count.events < 20);
	close(end[0]);
}

/* Lines longer than a read, up to the longest; in pieces, as a pipe gives them. */
static void test_long_lines(void **state)
{
	enum { LINES = 50 };
	struct scene *scene = *state;
	_cleanup_free_ char *text = NULL;
	size_t len = RECORD_LINE_MAX - 1, got;
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		static char line[RECORD_LINE_MAX];

		memset(line, 'x', sizeof(line));
		line[len - 1] = '\n';
		for (int i = 0; i < LINES; i++)
			for (size_t at = 0; at < len;) {
				ssize_t n = write(scene->pipe[1], line + at,
						  len - at < 777 ? len - at : 777);

				if (n <= 0)
					_exit(1);
				at += (size_t)n;
			}
		_exit(0);
	}
	close_end(&scene->pipe[1]);
	assert_int_equal(copy(scene), RECORD_ENDED);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(scene->count.events, LINES);
	assert_int_equal(file_read(scene->path, 1 << 23, &text, &got), 0);
	assert_int_equal(got, LINES * len);
	for (size_t i = 0; i < got; i++)
		assert_int_equal(text[i], i % len == len - 1 ? '\n' : 'x');
}

static void test_no_line(void **state)
{
	struct scene *scene = *state;
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		char piece[4096];

		(void)signal(SIGPIPE, SIG_IGN);
		memset(piece, 'x', sizeof(piece));
		close_end(&scene->pipe[0]);
		for (int i = 0; i < 100; i++)
			if (write(scene->pipe[1], piece, sizeof(piece)) < 0)
				_exit(0);
		_exit(1);
	}
	close_end(&scene->pipe[1]);
	assert_int_equal(copy(scene), -EBADMSG);
	close_end(&scene->pipe[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	expect_file(scene, "");
}

static void test_full(void **state)
{
	struct scene *scene = *state;

	scene->out_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(scene->out_fd >= 0);
	put(scene, "{}\n");
	assert_int_equal(copy(scene), -ENOSPC);
	assert_true(scene->writing);
	assert_int_equal(scene->count.events, 0);
}

/* ---- files ---- */

static int quietly(int (*what)(const char *, bool, int *), const char *path, bool force, int *fd)
{
	struct caught caught;
	int r;

	catch_begin(&caught);
	r = what(path, force, fd);
	catch_end(&caught, out, err);
	return r;
}

static int check(const char *path, bool force, int *fd)
{
	(void)fd;
	return record_check(path, force);
}

static void test_overwriting(void **state)
{
	struct scene *scene = *state;
	char link[128], inside[128];
	struct stat st, old;
	int fd = -1, kept;

	assert_int_equal(check(scene->path, false, NULL), CTL_OK);
	(void)umask(0);
	assert_int_equal(record_open(scene->path, false, &fd), CTL_OK);
	(void)umask(022);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(write(fd, "old\n", 4), 4);
	close(fd);
	fd = -1;

	assert_int_equal(quietly(check, scene->path, false, NULL), CTL_FAILED);
	assert_non_null(strstr(err, "is there already; --force replaces it"));
	assert_int_equal(quietly(record_open, scene->path, false, &fd), CTL_FAILED);
	assert_int_equal(fd, -1);
	expect_file(scene, "old\n");

	/* Whoever has the old file open does not read the new one, and its mode does not stay. */
	assert_int_equal(chmod(scene->path, 0644), 0);
	kept = open(scene->path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(quietly(check, scene->path, true, NULL), CTL_OK);
	expect_file(scene, "old\n");
	assert_int_equal(quietly(record_open, scene->path, true, &fd), CTL_OK);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(fstat(kept, &old), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_not_equal(st.st_ino, old.st_ino);
	assert_int_equal(old.st_size, 4);
	close(fd);
	close(kept);

	/* What is no file of its own stays as it is. */
	(void)snprintf(link, sizeof(link), "%s/link", scene->folder);
	assert_int_equal(symlink(scene->path, link), 0);
	assert_int_equal(quietly(record_open, link, true, &fd), CTL_FAILED);
	assert_non_null(strstr(err, "no regular file"));
	assert_int_equal(quietly(check, "/dev/null", true, NULL), CTL_FAILED);
	assert_int_equal(quietly(check, scene->folder, true, NULL), CTL_FAILED);
	assert_int_equal(unlink(link), 0);
	(void)snprintf(inside, sizeof(inside), "%s/no/such", scene->folder);
	assert_int_equal(quietly(record_open, inside, false, &fd), CTL_FAILED);
	assert_int_equal(quietly(check, "-", false, NULL), CTL_OK);
}

/* Nobody to ask: no file is made, and the one that is there stays. */
static void test_nobody_there(void **state)
{
	struct scene *scene = *state;
	char socket[128], word[128];
	struct ctl_args args = { .socket = socket, .words = 1, .word = (char *[]){ word, NULL } };
	struct caught caught;
	int fd;

	(void)snprintf(socket, sizeof(socket), "%s/control", scene->folder);
	(void)snprintf(word, sizeof(word), "%s", scene->path);
	catch_begin(&caught);
	assert_int_equal(record_main(&args), CTL_UNREACHABLE);
	catch_end(&caught, out, err);
	assert_non_null(strstr(err, "bailiffd is not running"));
	assert_int_equal(access(scene->path, F_OK), -1);
	assert_int_equal(record_open(scene->path, false, &fd), CTL_OK);
	assert_int_equal(write(fd, "old\n", 4), 4);
	close(fd);
	args.force = true;
	catch_begin(&caught);
	assert_int_equal(record_main(&args), CTL_UNREACHABLE);
	catch_end(&caught, out, err);
	expect_file(scene, "old\n");
}

#define scene_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scene_test(test_ended),
		scene_test(test_stopped),
		scene_test(test_stopped_while_waiting),
		scene_test(test_stopped_while_writing),
		scene_test(test_long_lines),
		scene_test(test_no_line),
		scene_test(test_full),
		scene_test(test_overwriting),
		scene_test(test_nobody_there),
	};

	return cmocka_run_group_tests(tests, utc, NULL);
}
