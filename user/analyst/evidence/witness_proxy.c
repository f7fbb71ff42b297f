/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Peers of services that sit behind a proxy: a lockout of one would shut out everybody who comes
 * through it, so what is told about them counts nothing.
 */
#include <string.h>
#include <sys/socket.h>

#include "analyst/evidence/witness.h"

/* What a lockout of it would refuse: a whole IPv6 /64. */
static struct ipc_subject proxy_key(const struct ipc_subject *subject)
{
	struct ipc_subject key = *subject;

	if (key.family == AF_INET6) {
		key.prefix = 64;
		memset(key.addr + 8, 0, 8);
	}
	return key;
}

static const struct witness_service *service_by_port(const struct witness *w, uint16_t port)
{
	for (unsigned int i = 0; port && i < w->services; i++)
		for (unsigned int p = 0; p < ARRAY_SIZE(w->service[i].ports); p++)
			if (w->service[i].ports[p] == port)
				return &w->service[i];
	return NULL;
}

/* Of an opening, the kernel tells the port alone. */
static const struct witness_service *service_of_connection(const struct witness *w,
							   const struct connection *connection)
{
	if (connection->service)
		return witness_service_find(w, connection->service);
	return service_by_port(w, connection->end.local_port);
}

bool is_proxied(const struct witness *w, const struct connection *connection)
{
	const struct witness_service *service = service_of_connection(w, connection);

	return service && service->proxied;
}

bool is_unsensed(const struct witness *w, const struct connection *connection)
{
	const struct witness_service *service = service_of_connection(w, connection);

	return service && !service->sensed;
}

void proxy_remember(struct witness *w, const struct connection *connection)
{
	struct ipc_subject peer;
	void *value;

	subject_from_bytes(connection->end.family, connection->end.peer, &peer);
	if (peer.kind != SUBJECT_ADDRESS)
		return;
	peer = proxy_key(&peer);
	(void)table_put(w->proxies, &peer, &value);
}

bool is_proxy(const struct witness *w, const struct ipc_subject *subject)
{
	const struct ipc_subject key = proxy_key(subject);

	return key.kind == SUBJECT_ADDRESS && table_peek(w->proxies, &key);
}
