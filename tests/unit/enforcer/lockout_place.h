/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses locked out by the real programs, in a network namespace, a mount namespace and a
 * cgroup of the test's own: nothing of the host is touched. Needs root and a kernel that lets
 * sk_lookup and cgroup programs attach: 77.
 */
#ifndef UNIT_LOCKOUT_PLACE_H
#define UNIT_LOCKOUT_PLACE_H

#include "unit.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "enforcer/hooks/hooks.h"
#include "enforcer/lockouts/lockouts.h"
#include "enforcer/session/cgroups.h"

#define PORT 2222

static char work[64], pins[96], cgroup_path[256];
static int cgroup_fd = -1, listener = -1;
static struct conf *conf;
static struct hooks *hooks;
static struct lockouts *lockouts;
static struct ipc_outcome told[16];
static size_t tellings;

static void tell(const struct ipc_outcome *outcome, void *arg)
{
	(void)arg;
	if (tellings < 16)
		told[tellings++] = *outcome;
}

static struct sockaddr_in6 v6(const char *text, int port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };

	assert_int_equal(inet_pton(AF_INET6, text, &a.sin6_addr), 1);
	return a;
}

/* A connection from that address to the listener: its descriptor or -errno. */
static int connect_from(const char *from, const char *to)
{
	struct sockaddr_in6 source = v6(from, 0), target = v6(to, PORT);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	assert_true(fd >= 0);
	if (bind(fd, (struct sockaddr *)&source, sizeof(source)) == 0 &&
	    connect(fd, (struct sockaddr *)&target, sizeof(target)) == 0)
		return fd;
	r = -errno;
	(void)close(fd);
	return r;
}

static int try_from(const char *from, const char *to)
{
	int fd = connect_from(from, to);

	if (fd < 0)
		return fd;
	(void)close(fd);
	(void)close(accept(listener, NULL, NULL));
	return 0;
}

static struct hooks_target target(void)
{
	return (struct hooks_target){ .cgroup_fd = cgroup_fd, .pin_dir = pins, .lockout = true };
}

static void start(void)
{
	struct hooks_target t = target();
	struct lockout_backend backend;
	static const uint8_t boot[STATE_BOOT_ID] = { 1 };

	assert_int_equal(hooks_load_at(conf, &t, &hooks), 0);
	backend = lockouts_kernel(hooks);
	assert_int_equal(lockouts_open_with(&lockouts, conf, &backend, false, -1, boot, tell, NULL),
			 0);
}

static void stop(void)
{
	lockouts = lockouts_free(lockouts);
	hooks = hooks_free(hooks);
}

static struct control_reply operate(uint32_t op, const char *text, uint32_t seconds)
{
	struct control_request request = { .op = op, .seconds = seconds, .force = 1 };
	struct control_reply reply = {};
	struct addr a;

	assert_int_equal(addr_parse(text, strlen(text), &a), 0);
	request.subject.kind = SUBJECT_ADDRESS;
	request.subject.family = a.family;
	request.subject.prefix = a.prefix;
	memcpy(request.subject.addr, a.bytes, sizeof(a.bytes));
	lockouts_operator(lockouts, &request, "unit (uid 0)", getpid(), &reply);
	return reply;
}

/* What was put off because another cut came just before. */
static void settle(void)
{
	while (lockouts->to_cut_count > 0) {
		(void)usleep(10000);
		(void)lockouts_tick(lockouts, clock_boot_ns());
	}
}

#define V4A "::ffff:127.0.0.2"
#define V4B "::ffff:127.0.0.3"
#define V4L "::ffff:127.0.0.1"
#define V6A "fd00:1::2"
#define V6L "fd00:3::1"
#define V6B "fd00:2::2"

/* ---- a place of its own ---- */

static bool own_place(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	char command[256], mounted[128];
	int fd, off = 0, on = 1;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    cgroup_mount(mounted, sizeof(mounted)) < 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return false;
	(void)close(fd);
	if (system("ip addr add fd00:1::2/128 dev lo nodad && "
		   "ip addr add fd00:2::2/128 dev lo nodad && ip addr add fd00:3::1/128 dev lo "
		   "nodad") != 0)
		return false;
	(void)snprintf(work, sizeof(work), "/tmp/unit-lockout-XXXXXX");
	if (!mkdtemp(work))
		return false;
	(void)snprintf(command, sizeof(command), "mkdir %s/bpf %s/state", work, work);
	if (system(command) != 0)
		return false;
	(void)snprintf(command, sizeof(command), "%s/bpf", work);
	if (mount("bpf", command, "bpf", 0, NULL) < 0)
		return false;
	(void)snprintf(pins, sizeof(pins), "%s/bpf/bailiff", work);
	(void)snprintf(cgroup_path, sizeof(cgroup_path), "%s/bailiff-unit-%d", mounted,
		       (int)getpid());
	if (mkdir(cgroup_path, 0755) < 0)
		return false;
	cgroup_fd = open(cgroup_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		return false;
	(void)close(fd);
	listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return listener >= 0 &&
	       setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0 &&
	       setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	       bind(listener, (struct sockaddr *)&any, sizeof(any)) == 0 &&
	       listen(listener, 64) == 0;
}

static void leave_place(void)
{
	char command[256];

	/* A cgroup can only be removed when nobody is in it. */
	if (cgroup_fd >= 0) {
		int fd = openat(cgroup_fd, "../cgroup.procs", O_WRONLY | O_CLOEXEC);

		(void)!write(fd, "0", 1);
		(void)close(fd);
		(void)rmdir(cgroup_path);
	}
	(void)snprintf(command, sizeof(command), "umount %s/bpf; rm -r %s", work, work);
	if (work[0])
		(void)!system(command);
}

static bool lets_attach(void)
{
	struct hooks_target t = target();
	struct hooks *probe = NULL;
	bool works;

	t.pin_dir = NULL;
	if (hooks_load_at(conf, &t, &probe) < 0)
		return false;
	works = hooks_works(probe, "lockout, incoming") && hooks_works(probe, "lockout, outgoing");
	hooks_free(probe);
	return works;
}

/* The whole program. */
static int run_in_own_place(int (*run)(void))
{
	char error[INI_ERROR_MAX];
	int r = 77;

	if (geteuid() != 0)
		return 77;
	if (conf_new(&conf) < 0 || conf_finish(conf, error) < 0)
		return 1;
	conf->mode = MODE_ENFORCE;
	if (own_place() && lets_attach()) {
		free(conf->state_dir);
		if (asprintf(&conf->state_dir, "%s/state", work) < 0)
			return 1;
		r = run();
	}
	conf_free(conf);
	leave_place();
	return r;
}

#endif
