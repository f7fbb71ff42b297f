/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lockout programs, attached where nothing else can be hit.
 */
#include "lockout.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

uint64_t boot_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static int loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	r = ioctl(fd, SIOCGIFFLAGS, &ifr);
	ifr.ifr_flags |= IFF_UP;
	if (!r)
		r = ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
	return r ? -errno : 0;
}

static int loopback_add6(const char *text)
{
	struct in6_ifreq req = { .ifr6_prefixlen = 128, .ifr6_ifindex = (int)if_nametoindex("lo") };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (inet_pton(AF_INET6, text, &req.ifr6_addr) != 1)
		return -EINVAL;
	r = ioctl(fd, SIOCSIFADDR, &req);
	close(fd);
	return r ? -errno : 0;
}

int cgroup_move(const char *dir)
{
	char path[300];
	int fd, r = 0;

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, "0", 1) != 1)
		r = -errno;
	close(fd);
	return r;
}

static int cgroup_make(struct lockout *l)
{
	static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	char path[256];

	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/cgroup.controllers", roots[i]);
		if (access(path, F_OK))
			continue;
		(void)snprintf(l->parent, sizeof(l->parent), "%s", roots[i]);
		(void)snprintf(l->cgroup, sizeof(l->cgroup), "%s/bpf-test-%d", roots[i], getpid());
		return mkdir(l->cgroup, 0755) ? -errno : cgroup_move(l->cgroup);
	}
	return -ENOENT;
}

static int attach(struct lockout *l)
{
	static const char *const names[] = { "bl_connect4", "bl_connect6", "bl_sendmsg4",
					     "bl_sendmsg6" };
	int cgroup = open(l->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct bpf_link *link;

	link = bpf_program__attach_netns(bpf_object__find_program_by_name(l->obj, "bl_lookup"),
					 netns);
	if (!link)
		return -errno;
	l->links[l->n_links++] = link;
	for (size_t i = 0; i < 4; i++) {
		link = bpf_program__attach_cgroup(
			bpf_object__find_program_by_name(l->obj, names[i]), cgroup);
		if (!link)
			return -errno;
		l->links[l->n_links++] = link;
	}
	close(cgroup);
	close(netns);
	return 0;
}

bool lockout_open(struct lockout *l)
{
	static const char *const addrs[] = { "fd00:1::5", "fd00:1::6", "fd00:1:0:1::5",
					     "fd00:2::5" };
	int r;

	memset(l, 0, sizeof(*l));
	if (unshare(CLONE_NEWNET) || loopback_up())
		return check(false, "a network namespace of its own: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++)
		if ((r = loopback_add6(addrs[i])))
			return check(false, "address %s: %s", addrs[i], strerror(-r));
	r = cgroup_make(l);
	if (r)
		return check(false, "a control group of its own: %s", strerror(-r));
	l->obj = object_open("lockout");
	r = l->obj ? bpf_object__load(l->obj) : -errno;
	if (!check(r == 0, "lockout loads")) {
		note("%s", load_error);
		return false;
	}
	r = attach(l);
	if (!check(r == 0, "lockout attaches"))
		return false;
	l->lock4 = bpf_object__find_map_fd_by_name(l->obj, "bl_lock4");
	l->lock6 = bpf_object__find_map_fd_by_name(l->obj, "bl_lock6");
	l->counters = bpf_object__find_map_fd_by_name(l->obj, "bl_counters");
	return true;
}

void lockout_close(struct lockout *l)
{
	while (l->n_links > 0)
		bpf_link__destroy(l->links[--l->n_links]);
	bpf_object__close(l->obj);
	if (l->cgroup[0]) {
		(void)cgroup_move(l->parent);
		(void)rmdir(l->cgroup);
	}
}
