/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets and registered files and ports for the checks of connections.
 */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

const struct way ways[WAYS] = {
	{ "v4", AF_INET, "127.0.0.1", AF_INET, "127.0.0.2", "127.0.0.1" },
	{ "v6", AF_INET6, "::1", AF_INET6, "::1", "::1" },
	{ "v4 to a v6 listener", AF_INET6, "::", AF_INET, "127.0.0.3", "127.0.0.1" },
};

int service_add(const struct fixture *f, const char *path, uint16_t service, enum bl_role role)
{
	struct bl_file_role value = { .service = service, .role = (uint16_t)role };
	struct bl_file_key key = { 0 };
	struct stat st;

	if (stat(path, &st))
		return -errno;
	key.ino = st.st_ino;
	key.dev = (uint32_t)(major(st.st_dev) << 20 | minor(st.st_dev));
	return bpf_map_update_elem(sensors_map(&f->sensors, "bl_services"), &key, &value, BPF_ANY);
}

int port_add(const struct fixture *f, uint16_t port, uint16_t service)
{
	return bpf_map_update_elem(sensors_map(&f->sensors, "bl_ports"), &port, &service, BPF_ANY);
}

socklen_t address(struct sockaddr_storage *ret, int family, const char *text, uint16_t port)
{
	struct sockaddr_in6 *in6 = (void *)ret;
	struct sockaddr_in *in = (void *)ret;

	memset(ret, 0, sizeof(*ret));
	ret->ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		in->sin_port = htons(port);
		return inet_pton(family, text, &in->sin_addr) == 1 ? sizeof(*in) : 0;
	}
	in6->sin6_port = htons(port);
	return inet_pton(family, text, &in6->sin6_addr) == 1 ? sizeof(*in6) : 0;
}

uint16_t sock_port(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len))
		return 0;
	/* At the same place in both families. */
	return ntohs(((struct sockaddr_in *)&sa)->sin_port);
}

int tcp_listen(int family, const char *addr, uint16_t *ret_port)
{
	struct sockaddr_storage sa;
	socklen_t len = address(&sa, family, addr, 0);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), off = 0;

	if (fd >= 0 && family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, len) || listen(fd, 8)) {
		if (fd >= 0)
			close(fd);
		return -errno;
	}
	*ret_port = sock_port(fd);
	return fd;
}

int tcp_connect(int family, const char *from, const char *to, uint16_t port)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), r;
	struct sockaddr_storage sa;
	socklen_t len;

	if (fd < 0)
		return -errno;
	len = address(&sa, family, from, 0);
	if (bind(fd, (struct sockaddr *)&sa, len))
		goto fail;
	len = address(&sa, family, to, port);
	if (connect(fd, (struct sockaddr *)&sa, len))
		goto fail;
	return fd;
fail:
	r = -errno;
	close(fd);
	return r;
}

bool end_is(const struct bl_endpoint *end, int family, const char *peer, const char *local,
	    uint16_t peer_port, uint16_t local_port)
{
	uint8_t p[16] = { 0 }, l[16] = { 0 };

	if (inet_pton(family, peer, p) != 1 || inet_pton(family, local, l) != 1)
		return false;
	return end->family == family && end->peer_port == peer_port &&
	       end->local_port == local_port && !end->pad && memcmp(end->peer, p, 16) == 0 &&
	       memcmp(end->local, l, 16) == 0;
}
