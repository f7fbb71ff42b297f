/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where and how a locked address is refused: in silence, and in network namespaces that come and
 * go.
 */
#include <sys/wait.h>

#include "lockout_place.h"

/* A packet that nobody answers leaves connect() waiting; the time is for that alone. */
static int in_silence(const char *from, const char *to)
{
	struct sockaddr_in6 source = v6(from, 0), target = v6(to, PORT);
	struct timeval limit = { .tv_usec = 300000 };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), r = 0;

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&source, sizeof(source)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)), 0);
	if (connect(fd, (struct sockaddr *)&target, sizeof(target)) < 0)
		r = -errno;
	(void)close(fd);
	return r;
}

static void silence_and_back(void **unused)
{
	char path[160];
	struct stat st;

	(void)unused;
	(void)snprintf(path, sizeof(path), "%s/links/bl_ingress", pins);
	start();
	assert_int_equal(hooks_style_at(hooks, STYLE_SILENT, cgroup_fd), 0);
	assert_true(hooks_works(hooks, "lockout, silent"));
	assert_int_equal(try_from(V4A, V4L), 0);
	assert_int_equal(operate(CONTROL_LOCK, "127.0.0.2", 600).error, 0);
	assert_int_equal(operate(CONTROL_LOCK, "fd00:1::9", 600).error, 0);
	settle();
	assert_int_equal(in_silence(V4A, V4L), -EINPROGRESS);
	assert_int_equal(in_silence(V6A, V6L), -EINPROGRESS);
	assert_int_equal(try_from(V4B, V4L), 0);
	assert_int_equal(try_from(V6B, V6L), 0);
	stop();
	/* With nobody there, too. */
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(in_silence(V4A, V4L), -EINPROGRESS);
	start();
	assert_int_equal(hooks_style_at(hooks, STYLE_REFUSE, cgroup_fd), 0);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(try_from(V4A, V4L), -ECONNREFUSED);
	/* The kernel detaches a link that nobody holds from a work queue, a little later. */
	for (int i = 0; in_silence(V4A, V4L) == -EINPROGRESS && i < 50; i++)
		(void)usleep(10000);
	assert_int_equal(try_from(V6A, V6L), -ECONNREFUSED);
	assert_int_equal(operate(CONTROL_RELEASE, "127.0.0.2", 0).error, 0);
	assert_int_equal(operate(CONTROL_RELEASE, "fd00:1::", 0).error, 0);
	assert_int_equal(try_from(V4A, V4L), 0);
	stop();
}

/* Where there is no program for it, a locked address must not be let in. */
static void silence_that_cannot_be(void **unused)
{
	(void)unused;
	start();
	assert_int_equal(operate(CONTROL_LOCK, "127.0.0.2", 600).error, 0);
	assert_true(hooks_style_at(hooks, STYLE_SILENT, -1) < 0);
	assert_false(hooks_works(hooks, "lockout, silent"));
	assert_int_equal(try_from(V4A, V4L), -ECONNREFUSED);
	assert_int_equal(operate(CONTROL_RELEASE, "127.0.0.2", 0).error, 0);
	stop();
}

/* ---- another network namespace ---- */

struct elsewhere {
	pid_t pid;
	int ask[2], answer[2];
	char proc[128]; /* a folder like /proc with this process alone */
};

static void live_elsewhere(const struct elsewhere *e)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	int fd, result;
	char byte;

	(void)close(e->ask[1]);
	if (unshare(CLONE_NEWNET) < 0)
		_exit(1);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	(void)ioctl(fd, SIOCSIFFLAGS, &request);
	(void)close(listener);
	listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(listener, 8) < 0)
		_exit(1);
	result = 0;
	while (write(e->answer[1], &result, sizeof(result)) == sizeof(result) &&
	       read(e->ask[0], &byte, 1) == 1)
		result = try_from(V4A, V4L);
	_exit(0);
}

static int answer_from(const struct elsewhere *e)
{
	int result = -ENODATA;

	assert_int_equal(read(e->answer[0], &result, sizeof(result)), sizeof(result));
	return result;
}

static int try_elsewhere(const struct elsewhere *e)
{
	assert_int_equal(write(e->ask[1], "?", 1), 1);
	return answer_from(e);
}

static void go_elsewhere(struct elsewhere *e)
{
	char command[512];

	assert_int_equal(pipe2(e->ask, O_CLOEXEC), 0);
	assert_int_equal(pipe2(e->answer, O_CLOEXEC), 0);
	e->pid = fork();
	assert_true(e->pid >= 0);
	if (e->pid == 0)
		live_elsewhere(e);
	(void)close(e->ask[0]);
	(void)close(e->answer[1]);
	assert_int_equal(answer_from(e), 0);
	(void)snprintf(e->proc, sizeof(e->proc), "%s/proc", work);
	(void)snprintf(command, sizeof(command),
		       "mkdir -p %s/%d/ns && ln -s /proc/%d/ns/net %s/%d/ns/net", e->proc,
		       (int)e->pid, (int)e->pid, e->proc, (int)e->pid);
	assert_int_equal(system(command), 0);
}

static int look_elsewhere(const struct elsewhere *e)
{
	int fd = open(e->proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	assert_true(fd >= 0);
	r = hooks_namespaces_at(hooks, fd);
	(void)close(fd);
	return r;
}

static void refused_in_another_namespace(void **unused)
{
	struct elsewhere e;
	char command[160];

	(void)unused;
	go_elsewhere(&e);
	start();
	assert_int_equal(operate(CONTROL_LOCK, "127.0.0.2", 600).error, 0);
	assert_int_equal(try_elsewhere(&e), 0);
	assert_int_equal(look_elsewhere(&e), 1);
	assert_int_equal(hooks->spaces, 1);
	assert_int_equal(hooks->space[0].kin, NETNS_OWN);
	assert_int_equal(try_elsewhere(&e), -ECONNREFUSED);
	assert_int_equal(look_elsewhere(&e), 0);
	stop();
	assert_int_equal(try_elsewhere(&e), -ECONNREFUSED);
	start();
	assert_int_equal(look_elsewhere(&e), 0);
	assert_int_equal(hooks->spaces, 1);
	assert_int_equal(hooks->space[0].kin, NETNS_OWN);
	assert_int_equal(try_elsewhere(&e), -ECONNREFUSED);
	assert_int_equal(operate(CONTROL_RELEASE, "127.0.0.2", 0).error, 0);
	assert_int_equal(try_elsewhere(&e), 0);
	/* It ends; the kernel tears a namespace down from a work queue. */
	(void)close(e.ask[1]);
	assert_int_equal(waitpid(e.pid, NULL, 0), e.pid);
	for (int i = 0; look_elsewhere(&e) == 0 && i < 1000; i++)
		(void)usleep(10000);
	assert_int_equal(hooks->spaces, 0);
	(void)snprintf(command, sizeof(command), "! ls %s/links | grep bl_lookup_", pins);
	assert_int_equal(system(command), 0);
	stop();
	(void)close(e.answer[0]);
}

static int run(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_and_back),
		cmocka_unit_test(silence_that_cannot_be),
		cmocka_unit_test(refused_in_another_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return run_in_own_place(run);
}
