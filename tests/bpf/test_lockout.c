/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The address lockout: who is refused, who is not, until when.
 */
#include "lockout.h"
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MINUTE_NS 60000000000ULL

static void lock(struct lockout *l, const char *text, int64_t for_ns)
{
	struct bl_lock value = { .expires_boot_ns = boot_ns() + (uint64_t)for_ns,
				 .locked_boot_ns = boot_ns(),
				 .decision = 7 };
	uint8_t addr[16];

	if (inet_pton(AF_INET, text, addr) == 1)
		bpf_map_update_elem(l->lock4, addr, &value, BPF_ANY);
	else if (inet_pton(AF_INET6, text, addr) == 1)
		bpf_map_update_elem(l->lock6, addr, &value, BPF_ANY);
}

static void release(struct lockout *l, const char *text)
{
	uint8_t addr[16];

	if (inet_pton(AF_INET, text, addr) == 1)
		bpf_map_delete_elem(l->lock4, addr);
	else if (inet_pton(AF_INET6, text, addr) == 1)
		bpf_map_delete_elem(l->lock6, addr);
}

static uint64_t refused(const struct lockout *l, const char *text)
{
	struct bl_lock value = { 0 };
	uint8_t addr[16];

	if (inet_pton(AF_INET, text, addr) == 1)
		(void)bpf_map_lookup_elem(l->lock4, addr, &value);
	else if (inet_pton(AF_INET6, text, addr) == 1)
		(void)bpf_map_lookup_elem(l->lock6, addr, &value);
	return value.refused;
}

/* 0 connected, or -errno. */
static int try(int family, const char *from, const char *to, uint16_t port)
{
	int fd = tcp_connect(family, from, to, port);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static bool flows(int a, int b)
{
	char c = 0;

	return write(a, "x", 1) == 1 && read(b, &c, 1) == 1 && c == 'x' && write(b, "y", 1) == 1 &&
	       read(a, &c, 1) == 1 && c == 'y';
}

static void test_inbound4(struct lockout *l)
{
	uint64_t before;
	uint16_t port, dual_port;
	int listener = tcp_listen(AF_INET, "127.0.0.1", &port), client, server;
	int dual = tcp_listen(AF_INET6, "::", &dual_port);

	client = tcp_connect(AF_INET, "127.0.0.2", "127.0.0.1", port);
	server = accept(listener, NULL, NULL);
	check(client >= 0 && flows(client, server), "inbound v4: connects before the lockout");
	before = counter_read(l->counters, BL_COUNT_REFUSED_INBOUND);
	lock(l, "127.0.0.2", 5 * MINUTE_NS);
	check(try(AF_INET, "127.0.0.2", "127.0.0.1", port) == -ECONNREFUSED,
	      "inbound v4: a locked address is refused");
	check(try(AF_INET, "127.0.0.2", "127.0.0.1", dual_port) == -ECONNREFUSED,
	      "inbound v4: also by a v6 listener");
	check(try(AF_INET, "127.0.0.3", "127.0.0.1", port) == 0, "inbound v4: another passes");
	check(client >= 0 && flows(client, server), "inbound v4: an established flow goes on");
	check(refused(l, "127.0.0.2") == 2, "inbound v4: refusals counted in the entry (%llu)",
	      (unsigned long long)refused(l, "127.0.0.2"));
	check(counter_read(l->counters, BL_COUNT_REFUSED_INBOUND) == before + 2,
	      "inbound v4: and in all");
	release(l, "127.0.0.2");
	check(try(AF_INET, "127.0.0.2", "127.0.0.1", port) == 0, "inbound v4: released, it passes");
	close(client);
	close(server);
	close(listener);
	close(dual);
}

static void test_inbound6(struct lockout *l)
{
	uint16_t port;
	int listener = tcp_listen(AF_INET6, "::", &port);

	check(try(AF_INET6, "fd00:1::5", "::1", port) == 0,
	      "inbound v6: connects before the lockout");
	lock(l, "fd00:1::", 5 * MINUTE_NS);
	check(try(AF_INET6, "fd00:1::5", "::1", port) == -ECONNREFUSED,
	      "inbound v6: an address of a locked /64 is refused");
	check(try(AF_INET6, "fd00:1::6", "::1", port) == -ECONNREFUSED,
	      "inbound v6: so is another");
	check(try(AF_INET6, "fd00:1:0:1::5", "::1", port) == 0, "inbound v6: the next /64 passes");
	check(try(AF_INET6, "fd00:2::5", "::1", port) == 0, "inbound v6: another net passes");
	check(refused(l, "fd00:1::") == 2, "inbound v6: refusals counted in the entry");
	release(l, "fd00:1::");
	check(try(AF_INET6, "fd00:1::5", "::1", port) == 0, "inbound v6: released, it passes");
	close(listener);
}

static void test_expiry(struct lockout *l)
{
	uint16_t port;
	int listener = tcp_listen(AF_INET, "127.0.0.1", &port);
	uint64_t count;

	lock(l, "127.0.0.2", 2 * (int64_t)(MINUTE_NS / 60));
	check(try(AF_INET, "127.0.0.2", "127.0.0.1", port) == -ECONNREFUSED,
	      "expiry: in force until then");
	count = refused(l, "127.0.0.2");
	sleep(3);
	check(try(AF_INET, "127.0.0.2", "127.0.0.1", port) == 0,
	      "expiry: passes afterwards, though the entry is still there");
	check(count == 1 && refused(l, "127.0.0.2") == 1, "expiry: nothing refused since");
	lock(l, "127.0.0.2", -1);
	check(try(AF_INET, "127.0.0.2", "127.0.0.1", port) == 0,
	      "expiry: in the past, never in force");
	release(l, "127.0.0.2");
	close(listener);
}

static int send_udp(int family, const char *to, uint16_t port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;
	ssize_t n;

	if (family == AF_INET) {
		(void)inet_pton(family, to, &in.sin_addr);
		n = sendto(fd, "x", 1, 0, (struct sockaddr *)&in, sizeof(in));
	} else {
		(void)inet_pton(family, to, &in6.sin6_addr);
		n = sendto(fd, "x", 1, 0, (struct sockaddr *)&in6, sizeof(in6));
	}
	if (n != 1)
		r = -errno;
	close(fd);
	return r;
}

struct outside {
	const struct lockout *l;
	uint16_t port;
};

static int connect_outside(void *arg)
{
	const struct outside *o = arg;

	if (cgroup_move(o->l->parent))
		return 2;
	return try(AF_INET, "127.0.0.1", "127.0.0.2", o->port) != 0;
}

static void test_outbound(struct lockout *l)
{
	uint64_t before = counter_read(l->counters, BL_COUNT_REFUSED_OUTBOUND);
	uint16_t port;
	int listener = tcp_listen(AF_INET6, "::", &port), udp;
	struct outside outside = { .l = l, .port = port };
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	/* Somebody listens, so no "port unreachable" comes back later and is refused as well. */
	udp = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	check(bind(udp, (struct sockaddr *)&any, sizeof(any)) == 0, "outbound: UDP receiver");
	check(try(AF_INET, "127.0.0.1", "127.0.0.2", port) == 0 &&
		      send_udp(AF_INET, "127.0.0.2", port) == 0 &&
		      send_udp(AF_INET6, "fd00:1::5", port) == 0,
	      "outbound: possible before the lockout");
	lock(l, "127.0.0.2", 5 * MINUTE_NS);
	lock(l, "fd00:1::", 5 * MINUTE_NS);
	check(try(AF_INET, "127.0.0.1", "127.0.0.2", port) == -EPERM,
	      "outbound: connecting to a locked v4 address is refused");
	check(try(AF_INET6, "::", "::ffff:127.0.0.2", port) == -EPERM,
	      "outbound: also when written as v6");
	check(try(AF_INET6, "::1", "fd00:1::6", port) == -EPERM, "outbound: to a locked /64 too");
	check(send_udp(AF_INET, "127.0.0.2", port) == -EPERM, "outbound: UDP to a v4 address too");
	check(send_udp(AF_INET6, "::ffff:127.0.0.2", port) == -EPERM,
	      "outbound: UDP, written as v6");
	check(send_udp(AF_INET6, "fd00:1::6", port) == -EPERM, "outbound: UDP to a locked /64");
	check(try(AF_INET, "127.0.0.1", "127.0.0.3", port) == 0 &&
		      try(AF_INET6, "::1", "fd00:2::5", port) == 0 &&
		      send_udp(AF_INET, "127.0.0.3", port) == 0,
	      "outbound: others pass");
	check(counter_read(l->counters, BL_COUNT_REFUSED_OUTBOUND) == before + 6,
	      "outbound: counted in all");
	check(refused(l, "127.0.0.2") == 4 && refused(l, "fd00:1::") == 2,
	      "outbound: counted in the entries (%llu, %llu)",
	      (unsigned long long)refused(l, "127.0.0.2"),
	      (unsigned long long)refused(l, "fd00:1::"));
	check(exited(wait_for(spawn_fn(connect_outside, &outside)), 0),
	      "outbound: outside the control group nothing is refused");
	release(l, "127.0.0.2");
	release(l, "fd00:1::");
	close(udp);
	close(listener);
}

static int udp_socket(const char *addr)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)inet_pton(AF_INET, addr, &in.sin_addr);
	if (bind(fd, (struct sockaddr *)&in, sizeof(in)))
		return -1;
	return fd;
}

static bool udp_arrives(int from, int to)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct pollfd p = { .fd = to, .events = POLLIN };
	socklen_t len = sizeof(in);
	char c;

	if (getsockname(to, (struct sockaddr *)&in, &len) ||
	    sendto(from, "x", 1, 0, (struct sockaddr *)&in, len) != 1)
		return false;
	return poll(&p, 1, 300) == 1 && recv(to, &c, 1, MSG_DONTWAIT) == 1;
}

static void test_udp(struct lockout *l)
{
	int server = udp_socket("127.0.0.1"), locked = udp_socket("127.0.0.2");
	int other = udp_socket("127.0.0.3");

	check(udp_arrives(locked, server), "UDP: arrives before the lockout");
	lock(l, "127.0.0.2", 5 * MINUTE_NS);
	check(!udp_arrives(locked, server), "UDP: from a locked address nothing arrives");
	check(udp_arrives(other, server), "UDP: from another it does");
	release(l, "127.0.0.2");
	close(server);
	close(locked);
	close(other);
}

/* Nobody answers: only the waiting ends. */
static bool in_silence(int family, const char *from, const char *to, uint16_t port)
{
	struct sockaddr_storage a, b;
	struct timeval limit = { .tv_sec = 1 };
	socklen_t from_len = address(&a, family, from, 0), to_len = address(&b, family, to, port);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool silent;

	silent = setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
		 bind(fd, (struct sockaddr *)&a, from_len) == 0 &&
		 connect(fd, (struct sockaddr *)&b, to_len) < 0 && errno == EINPROGRESS;
	close(fd);
	return silent;
}

static void test_silence(struct lockout *l)
{
	int style = bpf_object__find_map_fd_by_name(l->obj, "bl_style");
	int cgroup = open(l->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint32_t zero = 0, value = BL_STYLE_SILENT;
	struct bpf_link *link;
	uint16_t port;
	int listener = tcp_listen(AF_INET6, "::", &port);
	int server = udp_socket("127.0.0.1"), locked = udp_socket("127.0.0.2"), client;

	link = bpf_program__attach_cgroup(bpf_object__find_program_by_name(l->obj, "bl_ingress"),
					  cgroup);
	check(link && !bpf_map_update_elem(style, &zero, &value, BPF_ANY), "silence: attaches");
	check(try(AF_INET, "127.0.0.2", "127.0.0.1", port) == 0 &&
		      try(AF_INET6, "fd00:1::5", "::1", port) == 0 && udp_arrives(locked, server),
	      "silence: possible before the lockout");
	client = tcp_connect(AF_INET, "127.0.0.3", "127.0.0.1", port);
	lock(l, "127.0.0.2", 5 * MINUTE_NS);
	lock(l, "fd00:1::", 5 * MINUTE_NS);
	check(in_silence(AF_INET, "127.0.0.2", "127.0.0.1", port),
	      "silence: a locked v4 address gets no answer");
	check(in_silence(AF_INET6, "fd00:1::5", "::1", port), "silence: nor does a locked /64");
	check(try(AF_INET, "127.0.0.2", "127.0.0.1", 9) == -ECONNREFUSED,
	      "silence: of sockets only, a port without one answers as ever");
	check(!udp_arrives(locked, server), "silence: UDP neither");
	check(refused(l, "127.0.0.2") >= 2 && refused(l, "fd00:1::") >= 1,
	      "silence: what was dropped is counted");
	check(try(AF_INET, "127.0.0.3", "127.0.0.1", port) == 0 &&
		      try(AF_INET6, "fd00:2::5", "::1", port) == 0,
	      "silence: others pass");
	lock(l, "127.0.0.2", -1);
	check(try(AF_INET, "127.0.0.2", "127.0.0.1", port) == 0, "silence: expiry by itself");
	value = BL_STYLE_REFUSE;
	check(!bpf_map_update_elem(style, &zero, &value, BPF_ANY) && !bpf_link__destroy(link),
	      "silence: ends");
	lock(l, "127.0.0.2", 5 * MINUTE_NS);
	check(try(AF_INET, "127.0.0.2", "127.0.0.1", port) == -ECONNREFUSED,
	      "silence: afterwards an answer is given again");
	release(l, "127.0.0.2");
	release(l, "fd00:1::");
	close(client);
	close(server);
	close(locked);
	close(listener);
	close(cgroup);
}

static void test_names(struct lockout *l)
{
	static const char *const maps[] = { "bl_lock4", "bl_lock6", "bl_style", "bl_counters" };
	struct bpf_program *prog;
	unsigned int good = 0, n = 0;

	bpf_object__for_each_program(prog, l->obj)
	{
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);

		n++;
		good += bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len) == 0 &&
			strcmp(info.name, bpf_program__name(prog)) == 0 &&
			strncmp(info.name, "bl_", 3) == 0;
	}
	check(n == 6 && good == n, "names: of programs are whole in the kernel");
	good = 0;
	for (size_t i = 0; i < 4; i++) {
		struct bpf_map_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd = bpf_object__find_map_fd_by_name(l->obj, maps[i]);

		good += bpf_obj_get_info_by_fd(fd, &info, &len) == 0 &&
			strcmp(info.name, maps[i]) == 0 && info.btf_key_type_id &&
			info.btf_value_type_id;
	}
	check(good == 4, "names: maps have theirs, and types for key and value");
}

void test_lockout(void)
{
	struct lockout l;

	if (lockout_open(&l)) {
		test_names(&l);
		test_inbound4(&l);
		test_inbound6(&l);
		test_expiry(&l);
		test_outbound(&l);
		test_udp(&l);
		test_silence(&l);
	}
	lockout_close(&l);
}
