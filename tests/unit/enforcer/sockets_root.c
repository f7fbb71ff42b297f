/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections inside another network namespace: found through any process of it, and nowhere else.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "enforcer/sockets/sockets.h"

/* Addresses that nothing else on this host uses. */
#define V4 0x7f4d0102U
#define MAPPED 0x7f4d0103U

static int connect_v4(int listener, uint16_t *ret_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(V4) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &len) < 0)
		return -1;
	*ret_port = ntohs(at.sin_port);
	return connect(fd, (struct sockaddr *)&at, sizeof(at));
}

/* To a socket of both families: tcp6 shows its peer as ::ffff:127.0.0.1. */
static int connect_mapped(int listener, uint16_t *ret_port)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(MAPPED) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &len) < 0)
		return -1;
	to.sin_port = at.sin6_port;
	*ret_port = ntohs(at.sin6_port);
	return connect(fd, (struct sockaddr *)&to, sizeof(to));
}

/* A process in a namespace of its own, with two connections to itself; it waits for its end. */
static pid_t dweller_start(int *ret_hold, uint16_t port[2])
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int told[2], hold[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int v4 = -1, v6 = -1;

		(void)close(hold[1]);
		if (unshare(CLONE_NEWNET) == 0)
			v4 = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		v6 = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (v4 < 0 || v6 < 0 || ioctl(v4, SIOCSIFFLAGS, &lo) < 0 ||
		    connect_v4(v4, &port[0]) < 0 || connect_mapped(v6, &port[1]) < 0)
			_exit(1);
		if (write(told[1], port, 2 * sizeof(port[0])) != (ssize_t)(2 * sizeof(port[0])))
			_exit(1);
		_exit(read(hold[0], &byte, 1) != 0);
	}
	(void)close(told[1]);
	(void)close(hold[0]);
	assert_int_equal(read(told[0], port, 2 * sizeof(port[0])), 2 * sizeof(port[0]));
	(void)close(told[0]);
	*ret_hold = hold[1];
	return pid;
}

struct wanted {
	uint16_t port[2];
	unsigned int found[2];
	struct bl_endpoint end[2];
};

static int look(const struct socket_found *found, void *arg)
{
	static const uint32_t local[] = { V4, MAPPED };
	struct wanted *wanted = arg;

	for (int i = 0; i < 2; i++) {
		uint32_t address = htonl(local[i]);

		if (found->end.local_port != wanted->port[i] ||
		    memcmp(found->end.local, &address, sizeof(address)) != 0)
			continue;
		wanted->found[i]++;
		wanted->end[i] = found->end;
	}
	return 0;
}

static int refuse(const struct socket_found *found, void *arg)
{
	(void)found;
	(*(unsigned int *)arg)++;
	return -EPIPE;
}

static void found_inside(void **state)
{
	static const uint8_t loopback[16] = { 127, 0, 0, 1 };
	struct wanted wanted = { 0 }, here = { 0 }, after = { 0 };
	int hold, status, proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t pid = dweller_start(&hold, wanted.port);
	unsigned int calls = 0;
	int r;

	(void)state;
	assert_true(proc >= 0);
	memcpy(here.port, wanted.port, sizeof(here.port));
	memcpy(after.port, wanted.port, sizeof(after.port));
	r = sockets_each_space(proc, look, &wanted);
	/* 1: this host has namespaces that cannot be read in full; this one can. */
	assert_true(r == 0 || r == 1);
	assert_int_equal(wanted.found[0], 1);
	assert_int_equal(wanted.found[1], 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(wanted.end[i].family, AF_INET);
		assert_memory_equal(wanted.end[i].peer, loopback, 16);
		assert_true(wanted.end[i].peer_port > 0);
	}
	assert_int_equal(sockets_each(look, &here), 0);
	assert_int_equal(here.found[0] + here.found[1], 0);
	/* What the caller returns ends it. */
	assert_int_equal(sockets_each_space(proc, refuse, &calls), -EPIPE);
	assert_int_equal(calls, 1);
	(void)close(hold);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	r = sockets_each_space(proc, look, &after);
	assert_true(r == 0 || r == 1);
	assert_int_equal(after.found[0] + after.found[1], 0);
	(void)close(proc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_inside),
	};

	if (geteuid() != 0) {
		print_message("needs root\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
