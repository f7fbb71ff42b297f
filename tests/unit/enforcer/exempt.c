/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exempt nets: messages as rtnetlink writes them, damaged ones, and the kernel's own answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "enforcer/lockouts/exempt.h"

static struct conf *conf;
static struct exempt *list;

static int setup(void **state)
{
	const char text[] = "[bailiff]\nexempt = 192.0.2.0/24\n";
	char error[INI_ERROR_MAX];

	(void)state;
	if (conf_new(&conf) || conf_add_text(conf, "t", text, strlen(text), error) ||
	    conf_finish(conf, error))
		return -1;
	return exempt_new(&list, conf);
}

static int teardown(void **state)
{
	(void)state;
	list = exempt_free(list);
	conf = conf_free(conf);
	return 0;
}

/* enum exempt_why of a single address, or -1. */
static int why_of(const char *text)
{
	struct addr addr;
	const struct exempt_net *net;
	size_t count;

	assert_int_equal(addr_parse(text, strlen(text), &addr), 0);
	net = exempt_list(list, &count);
	for (size_t i = 0; i < count; i++)
		if (addr_in_net(&addr, &net[i].net))
			return (int)net[i].why;
	return -1;
}

struct message {
	union {
		struct nlmsghdr head;
		char bytes[512];
	};
	size_t len;
};

static void begin(struct message *m, uint16_t type, const void *fixed, size_t len)
{
	memset(m, 0, sizeof(*m));
	m->head.nlmsg_type = type;
	memcpy(m->bytes + NLMSG_HDRLEN, fixed, len);
	m->len = NLMSG_HDRLEN + NLMSG_ALIGN(len);
}

static void put(struct message *m, uint16_t type, const void *payload, size_t len)
{
	struct rtattr head = { .rta_len = (uint16_t)(sizeof(head) + len), .rta_type = type };

	memcpy(m->bytes + m->len, &head, sizeof(head));
	memcpy(m->bytes + m->len + sizeof(head), payload, len);
	m->len += NLMSG_ALIGN(sizeof(head) + len);
}

static void put_address(struct message *m, uint16_t type, int family, const char *text)
{
	uint8_t bytes[16];

	assert_int_equal(inet_pton(family, text, bytes), 1);
	put(m, type, bytes, family == AF_INET ? 4 : 16);
}

static int parse(struct message *m)
{
	m->head.nlmsg_len = (uint32_t)m->len;
	return exempt_parse(list, m->bytes, m->len);
}

static void test_configured_and_loopback(void **state)
{
	(void)state;
	assert_int_equal(why_of("192.0.2.9"), EXEMPT_CONFIGURED);
	assert_int_equal(why_of("127.9.9.9"), EXEMPT_LOOPBACK);
	assert_int_equal(why_of("::1"), EXEMPT_LOOPBACK);
	assert_int_equal(why_of("203.0.113.1"), -1);
}

static void test_address_and_its_peer(void **state)
{
	struct ifaddrmsg fixed = { .ifa_family = AF_INET, .ifa_prefixlen = 24 };
	struct message m;

	(void)state;
	begin(&m, RTM_NEWADDR, &fixed, sizeof(fixed));
	put_address(&m, IFA_ADDRESS, AF_INET, "198.51.100.2");
	put_address(&m, IFA_LOCAL, AF_INET, "198.51.100.1");
	assert_int_equal(parse(&m), 0);
	assert_int_equal(why_of("198.51.100.1"), EXEMPT_OWN);
	assert_int_equal(why_of("198.51.100.2"), EXEMPT_OWN);
	assert_int_equal(why_of("198.51.100.3"), -1);
	fixed.ifa_family = AF_INET6;
	begin(&m, RTM_NEWADDR, &fixed, sizeof(fixed));
	put_address(&m, IFA_ADDRESS, AF_INET6, "2001:db8::5");
	assert_int_equal(parse(&m), 0);
	assert_int_equal(why_of("2001:db8::5"), EXEMPT_OWN);
	assert_int_equal(why_of("2001:db8::6"), -1);
}

static void test_only_default_routes_have_gateways(void **state)
{
	struct rtmsg fixed = { .rtm_family = AF_INET };
	struct message m;
	uint8_t via[2 + 16] = { AF_INET6, 0 };

	(void)state;
	begin(&m, RTM_NEWROUTE, &fixed, sizeof(fixed));
	put_address(&m, RTA_GATEWAY, AF_INET, "198.51.100.254");
	assert_int_equal(parse(&m), 0);
	assert_int_equal(why_of("198.51.100.254"), EXEMPT_GATEWAY);

	begin(&m, RTM_NEWROUTE, &fixed, sizeof(fixed));
	assert_int_equal(inet_pton(AF_INET6, "fe80::fe", via + 2), 1);
	put(&m, RTA_VIA, via, sizeof(via));
	assert_int_equal(parse(&m), 0);
	assert_int_equal(why_of("fe80::fe"), EXEMPT_GATEWAY);

	fixed.rtm_dst_len = 8;
	begin(&m, RTM_NEWROUTE, &fixed, sizeof(fixed));
	put_address(&m, RTA_GATEWAY, AF_INET, "198.51.100.253");
	assert_int_equal(parse(&m), 0);
	assert_int_equal(why_of("198.51.100.253"), -1);
}

static void test_each_hop_of_a_route_with_several(void **state)
{
	struct rtmsg fixed = { .rtm_family = AF_INET };
	struct message m;
	uint8_t hops[2][sizeof(struct rtnexthop) + 8] = { 0 };

	(void)state;
	for (uint8_t i = 0; i < 2; i++) {
		struct rtnexthop hop = { .rtnh_len = sizeof(hops[0]) };
		struct rtattr head = { .rta_len = 8, .rta_type = RTA_GATEWAY };
		uint8_t gateway[4] = { 198, 51, 100, (uint8_t)(10 + i) };

		memcpy(hops[i], &hop, sizeof(hop));
		memcpy(hops[i] + sizeof(hop), &head, sizeof(head));
		memcpy(hops[i] + sizeof(hop) + sizeof(head), gateway, sizeof(gateway));
	}
	begin(&m, RTM_NEWROUTE, &fixed, sizeof(fixed));
	put(&m, RTA_MULTIPATH, hops, sizeof(hops));
	assert_int_equal(parse(&m), 0);
	assert_int_equal(why_of("198.51.100.10"), EXEMPT_GATEWAY);
	assert_int_equal(why_of("198.51.100.11"), EXEMPT_GATEWAY);
}

static void test_the_unspecified_address_is_nobodys(void **state)
{
	struct ifaddrmsg fixed = { .ifa_family = AF_INET };
	struct message m;

	(void)state;
	begin(&m, RTM_NEWADDR, &fixed, sizeof(fixed));
	put_address(&m, IFA_LOCAL, AF_INET, "0.0.0.0");
	assert_int_equal(parse(&m), 0);
	assert_int_equal(why_of("0.0.0.0"), -1);
}

/* Every length of a message, and a wrong length in every attribute: nothing is read past the end
 * (the sanitizers watch) and nothing half-there is taken. */
static void test_cut_messages(void **state)
{
	struct ifaddrmsg fixed = { .ifa_family = AF_INET };
	struct message m;
	size_t whole;
	_cleanup_free_ char *exact = NULL;

	(void)state;
	begin(&m, RTM_NEWADDR, &fixed, sizeof(fixed));
	put_address(&m, IFA_LOCAL, AF_INET, "198.51.100.77");
	whole = m.len;
	for (size_t len = 0; len < whole; len++) {
		exact = malloc(len ? len : 1);
		assert_non_null(exact);
		m.head.nlmsg_len = (uint32_t)len;
		memcpy(exact, m.bytes, len);
		assert_int_equal(exempt_parse(list, exact, len), 0);
		assert_int_equal(why_of("198.51.100.77"), -1);
		free(exact);
	}
	exact = NULL;
	m.head.nlmsg_len = (uint32_t)whole + 1;
	assert_int_equal(exempt_parse(list, m.bytes, whole), 0);
	assert_int_equal(why_of("198.51.100.77"), -1);
	assert_int_equal(parse(&m), 0);
	assert_int_equal(why_of("198.51.100.77"), EXEMPT_OWN);
}

static void test_end_and_error(void **state)
{
	int error = -EPERM;
	struct message m;

	(void)state;
	begin(&m, NLMSG_DONE, &error, 0);
	assert_int_equal(parse(&m), 1);
	begin(&m, NLMSG_ERROR, &error, sizeof(error));
	assert_int_equal(parse(&m), -EPERM);
}

static void test_bound(void **state)
{
	struct ifaddrmsg fixed = { .ifa_family = AF_INET };
	char text[32];
	struct message m;
	size_t count;

	(void)state;
	for (unsigned int i = 0; i < EXEMPT_MAX + 10; i++) {
		begin(&m, RTM_NEWADDR, &fixed, sizeof(fixed));
		(void)snprintf(text, sizeof(text), "10.1.%u.%u", i / 256, i % 256);
		put_address(&m, IFA_LOCAL, AF_INET, text);
		assert_int_equal(parse(&m), 0);
	}
	(void)exempt_list(list, &count);
	assert_int_equal(count, EXEMPT_MAX);
}

/* In a network namespace of the test's own: 0 = as it should be. */
static int follow_in_namespace(void)
{
	struct exempt *own = NULL;
	struct ifreq request = { .ifr_name = "lo" };
	struct sockaddr_in address = { .sin_family = AF_INET };
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		return 77;
	if (exempt_new(&own, conf))
		return 1;
	list = own;
	if (exempt_process(own) != 0)
		return 2;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	(void)inet_pton(AF_INET, "203.0.113.77", &address.sin_addr);
	memcpy(&request.ifr_addr, &address, sizeof(address));
	if (fd < 0 || ioctl(fd, SIOCSIFADDR, &request) < 0)
		return 3;
	if (why_of("203.0.113.77") != -1)
		return 4;
	if (exempt_process(own) != 1 || exempt_refresh(own) != 1)
		return 5;
	if (why_of("203.0.113.77") != EXEMPT_OWN || exempt_refresh(own) != 0)
		return 6;
	return 0;
}

static void test_own_addresses_are_followed(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(follow_in_namespace());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_configured_and_loopback),
		TEST(test_address_and_its_peer),
		TEST(test_only_default_routes_have_gateways),
		TEST(test_each_hop_of_a_route_with_several),
		TEST(test_the_unspecified_address_is_nobodys),
		TEST(test_cut_messages),
		TEST(test_end_and_error),
		TEST(test_bound),
		TEST(test_own_addresses_are_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
