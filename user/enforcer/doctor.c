/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * doctor: what this host's kernel runs, tried out.
 *
 * Sensors only look, so they are attached for a moment. What refuses is attached by a child that
 * has left the host's network namespace, to a cgroup that holds nobody else, and proves there that
 * a locked address is refused and another is not. Nothing is pinned; with the child all is gone.
 */
#include "enforcer/doctor.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "enforcer/accepted.h"
#include "enforcer/hooks/hooks.h"
#include "enforcer/session/cgroups.h"

#define LIMIT_S 60 /* loading everything takes about a second, on a slow emulator 20 */

static int loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return -errno;
	return 0;
}

/* Connects from 127.0.0.last to the listener. 0 or -errno. */
static int connect_from(uint8_t last, const struct sockaddr_in *listener)
{
	struct sockaddr_in from = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(0x7f000000U | last) };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
	    connect(fd, (const struct sockaddr *)listener, sizeof(*listener)) < 0)
		return -errno;
	return 0;
}

/* 0: refused as it should be. */
static int prove(const struct hooks *hooks)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct bl_lock lock = { .expires_boot_ns = clock_boot_ns() + LIMIT_S * NSEC_PER_SEC };
	struct bl_key4 key = { .addr = { 127, 0, 0, 2 } };
	_cleanup_close_ int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(address);
	int r;

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 8) < 0 || getsockname(listener, (struct sockaddr *)&address, &len) < 0)
		return -errno;
	r = connect_from(2, &address);
	if (r < 0)
		return r;
	if (bpf_map_update_elem(hooks_map(hooks, "bl_lock4"), &key, &lock, BPF_ANY) < 0)
		return -errno;
	/* Refused from the locked one, not from another. */
	if (connect_from(2, &address) != -ECONNREFUSED)
		return -EIO;
	return connect_from(3, &address);
}

static void try_programs(const struct conf *conf, int cgroup, struct findings *findings)
{
	struct hooks_target target = {
		.cgroup_fd = cgroup, .sensors = true, .lockout = true, .verdicts = true
	};
	_cleanup_(hooks_freep) struct hooks *hooks = NULL;
	int r;

	if (unshare(CLONE_NEWNET) < 0 || loopback_up() < 0) {
		findings_put(findings, FINDING_DEGRADED, "lockout",
			     "not tried: no network namespace to try it in (%s)", strerror(errno));
		target.lockout = false;
	}
	r = hooks_load_at(conf, &target, &hooks);
	if (r < 0) {
		findings_put(findings, FINDING_MISSING, "exec events",
			     "program starts cannot be seen, so nothing works: %s", strerror(-r));
		return;
	}
	for (uint32_t i = 0; i < hooks->findings.count; i++)
		findings_put(findings, (enum finding_state)hooks->findings.finding[i].state,
			     hooks->findings.finding[i].name, "%s",
			     hooks->findings.finding[i].text);
	if (!target.lockout || !hooks_works(hooks, "lockout, incoming"))
		return;
	r = prove(hooks);
	if (r == 0)
		findings_put(findings, FINDING_OK, "lockout, proven",
			     "an address was locked out and refused, another was not (in a network "
			     "namespace of its own)");
	else
		findings_put(findings, FINDING_MISSING, "lockout, proven",
			     "the programs attach, but a locked address was not refused: %s",
			     strerror(-r));
}

static _Noreturn void child(const struct conf *conf, int cgroup, int to)
{
	struct findings *findings = calloc(1, sizeof(*findings));
	const char *from = (const char *)findings;
	size_t left = sizeof(*findings);

	(void)alarm(LIMIT_S);
	if (!findings)
		_exit(1);
	try_programs(conf, cgroup, findings);
	while (left > 0) {
		ssize_t n = write(to, from, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(1);
		from += n;
		left -= (size_t)n;
	}
	_exit(0);
}

static int read_findings(int from, struct findings *findings)
{
	_cleanup_free_ struct findings *theirs = calloc(1, sizeof(*theirs));
	size_t done = 0;

	if (!theirs)
		return -ENOMEM;
	while (done < sizeof(*theirs)) {
		ssize_t n = read(from, (char *)theirs + done, sizeof(*theirs) - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		done += (size_t)n;
	}
	for (uint32_t i = 0; i < theirs->count && i < FINDINGS_MAX; i++)
		findings_put(findings, (enum finding_state)theirs->finding[i].state,
			     theirs->finding[i].name, "%s", theirs->finding[i].text);
	return 0;
}

int doctor_programs(const struct conf *conf, struct findings *findings)
{
	_cleanup_close_ int root = cgroup_open_root();
	_cleanup_close_ int cgroup = -1, from = -1, to = -1;
	char name[64];
	int pair[2], r;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	from = pair[0];
	to = pair[1];
	(void)snprintf(name, sizeof(name), "bailiff-doctor-%d", (int)getpid());
	if (root >= 0 && mkdirat(root, name, 0755) == 0)
		cgroup = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child(conf, cgroup, to);
	base_closep(&to);
	to = -1;
	r = read_findings(from, findings);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (root >= 0)
		(void)unlinkat(root, name, AT_REMOVEDIR);
	return r;
}

int doctor_probe(const struct conf *conf, finding_fn fn, void *arg)
{
	_cleanup_free_ struct findings *findings = calloc(1, sizeof(*findings));
	int r;

	if (!findings)
		return -ENOMEM;
	doctor_host(conf, findings);
	r = doctor_programs(conf, findings);
	if (r < 0)
		findings_put(findings, FINDING_MISSING, "programs", "could not be tried out: %s",
			     strerror(-r));
	for (uint32_t i = 0; i < findings->count; i++) {
		r = fn(&findings->finding[i], arg);
		if (r)
			return r;
	}
	return accepted_each(conf, fn, arg);
}
