/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is connected to a service whose connections' outcome no sensor tells, or was just now.
 *
 * A line of such a service may hold an address that its client typed. Nobody is blamed by it whom
 * the kernel did not see at the service's ports. "Not seen" is said only where it would have been
 * seen: not of connections that may be older than the sensor, nor after events were lost or this
 * table pushed out somebody who was connected (unsure_until_ns), nor of who was connected before
 * the sensor and may be still (older_until_ns: an HTTP client may try for hours on one connection),
 * nor of a service at whose ports nobody was ever seen (its ports are others than bailiff.conf
 * says, or there is no sensor at all).
 *
 * Kept per port, since services may share one, and IPv6 /64, which is what a lockout would refuse.
 */
#include <string.h>
#include <sys/socket.h>

#include "analyst/evidence/witness.h"

#define SECOND_CHANCES 16
/* The end of a connection may never be told: the kernel's side forgets the oldest of 16,384 open
 * ones (bl_socks), and events get lost. */
#define OPEN_MOST_NS (86400ULL * NSEC_PER_SEC)

static bool key_of(uint16_t port, uint16_t family, const uint8_t bytes[16], struct peer_key *ret)
{
	*ret = (struct peer_key){ .port = port, .family = family };
	if (family == AF_INET)
		memcpy(ret->addr, bytes, 4);
	else if (family == AF_INET6)
		memcpy(ret->addr, bytes, 8);
	else
		return false;
	return true;
}

static bool is_there(const struct peer *peer, uint64_t at_ns)
{
	if (peer->open && at_ns < peer->last_ns + OPEN_MOST_NS)
		return true;
	return at_ns <= peer->last_ns + WITNESS_CLOSED_NS;
}

/* Not is_there(): it gives no trust, it only keeps a line from being called forged. */
static bool may_be_there(const struct peers *peers, const struct peer *peer, uint64_t at_ns)
{
	return peer->older && at_ns < peers->older_until_ns;
}

static void unsure_until(struct peers *peers, uint64_t at_ns)
{
	if (at_ns > peers->unsure_until_ns)
		peers->unsure_until_ns = at_ns;
}

static void on_evict(const void *key, void *value, void *arg)
{
	struct peers *peers = arg;

	(void)key;
	if (!is_there(value, peers->now_ns) && !may_be_there(peers, value, peers->now_ns))
		return;
	peers->pushed_out++;
	unsure_until(peers, peers->now_ns + WITNESS_OLDER_NS);
}

int peers_init(struct peers *peers, const uint64_t seed[2])
{
	int r = table_new(&peers->table, sizeof(struct peer_key), sizeof(struct peer),
			  WITNESS_PEERS_MAX, seed);

	if (r < 0)
		return r;
	memcpy(peers->seed, seed, sizeof(peers->seed));
	table_on_evict(peers->table, on_evict, peers);
	return 0;
}

/* Who left long ago goes first, if one is among the oldest. */
static void room_make(struct peers *peers)
{
	const void *key;
	void *value;

	for (int i = 0; i < SECOND_CHANCES && table_count(peers->table) == WITNESS_PEERS_MAX; i++) {
		if (!table_oldest(peers->table, &key, &value) ||
		    (!is_there(value, peers->now_ns) && !may_be_there(peers, value, peers->now_ns)))
			return;
		(void)table_get(peers->table, key);
	}
}

static bool is_asked_for(const struct witness_service *service, uint16_t port)
{
	if (service->sensed || service->proxied || !port)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(service->ports); i++)
		if (service->ports[i] == port)
			return true;
	return false;
}

static struct peer *peer_get(struct witness *w, const struct bl_endpoint *end)
{
	struct peers *peers = &w->peers;
	struct peer_key key;
	bool asked = false;
	void *value;

	if (!key_of(end->local_port, end->family, end->peer, &key))
		return NULL;
	for (unsigned int i = 0; i < w->services; i++) {
		if (!is_asked_for(&w->service[i], end->local_port))
			continue;
		peers->seen[i] = true;
		asked = true;
	}
	if (!asked)
		return NULL;
	if (!table_peek(peers->table, &key))
		room_make(peers);
	(void)table_put(peers->table, &key, &value);
	return value;
}

static void lost_notice(struct peers *peers, uint64_t lost)
{
	if (lost <= peers->lost)
		return;
	unsure_until(peers, peers->now_ns + WITNESS_OLDER_NS);
	peers->lost = lost;
}

static void sensor_began(struct peers *peers, uint64_t at_ns, uint64_t unsure_ns)
{
	if (peers->began)
		return;
	peers->began = true;
	unsure_until(peers, at_ns + unsure_ns);
}

bool peer_event(struct witness *w, const struct bl_event_connection *event)
{
	struct peers *peers = &w->peers;
	uint64_t at_ns = event->head.boot_ns;
	struct peer *peer;

	if (at_ns > peers->now_ns)
		peers->now_ns = at_ns;
	sensor_began(peers, at_ns, WITNESS_OLDER_NS);
	lost_notice(peers, event->head.lost);
	peer = peer_get(w, &event->end);
	if (!peer)
		return false;
	if (!peer->last_ns || !is_there(peer, at_ns)) {
		peer->first_ns = at_ns;
		peer->open = 0;
	}
	if (at_ns > peer->last_ns)
		peer->last_ns = at_ns;
	if (event->state != BL_CONNECTION_CLOSED)
		peer->open++;
	else if (peer->open)
		peer->open--;
	return event->state != BL_CONNECTION_CLOSED;
}

/* It is there now; when it goes nobody will tell. */
void peer_was_there(struct witness *w, const struct bl_endpoint *end, uint64_t now_ns)
{
	struct peer *peer;

	if (now_ns > w->peers.now_ns)
		w->peers.now_ns = now_ns;
	peer = peer_get(w, end);
	if (!peer)
		return;
	peer->first_ns = 1;
	peer->older = 1;
	if (w->peers.older_until_ns < now_ns + OPEN_MOST_NS)
		w->peers.older_until_ns = now_ns + OPEN_MOST_NS;
	if (peer->last_ns < now_ns + WITNESS_OLDER_NS)
		peer->last_ns = now_ns + WITNESS_OLDER_NS;
}

void peers_all_told(struct witness *w, uint64_t now_ns)
{
	/* What closed right before may still have its line to come. */
	sensor_began(&w->peers, now_ns, WITNESS_CLOSED_NS);
}

/* At which port it was is left out: a claim knows none. */
static uint32_t peer_hash(const struct witness *w, uint16_t family, const uint8_t bytes[16])
{
	struct peer_key key;
	uint32_t hash;

	if (!key_of(0, family, bytes, &key))
		return 0;
	hash = (uint32_t)table_hash(w->peers.seed, &key, sizeof(key));
	return hash ? hash : 1;
}

uint32_t peer_hash_of_claim(const struct witness *w, const struct claim *claim)
{
	return peer_hash(w, claim->addr.family, claim->addr.bytes);
}

uint32_t peer_hash_of_end(const struct witness *w, const struct bl_endpoint *end)
{
	return peer_hash(w, end->family, end->peer);
}

static enum peer_verdict was_at(const struct peers *peers, uint16_t port, const struct claim *claim)
{
	const struct peer *peer;
	struct peer_key key;

	if (!port || !key_of(port, claim->addr.family, claim->addr.bytes, &key))
		return PEER_ABSENT;
	peer = table_peek(peers->table, &key);
	if (!peer)
		return PEER_ABSENT;
	/* A stamp may have whole seconds only, and lines come before the event at times. */
	if (peer->first_ns <= claim->arrived_ns + WITNESS_HOLD_NS &&
	    is_there(peer, claim->arrived_ns))
		return PEER_SEEN;
	return may_be_there(peers, peer, claim->arrived_ns) ? PEER_UNSURE : PEER_ABSENT;
}

enum peer_verdict peer_ask(const struct witness *w, const struct witness_service *service,
			   const struct claim *claim)
{
	const struct peers *peers = &w->peers;
	bool unsure = claim->arrived_ns < peers->unsure_until_ns;

	if (!service || service->sensed || service->proxied || claim->relayed ||
	    !claim->addr.family || !peers->seen[service - w->service])
		return PEER_UNASKED;
	for (size_t i = 0; i < ARRAY_SIZE(service->ports); i++) {
		enum peer_verdict verdict = was_at(peers, service->ports[i], claim);

		if (verdict == PEER_SEEN)
			return PEER_SEEN;
		unsure = unsure || verdict == PEER_UNSURE;
	}
	return unsure ? PEER_UNSURE : PEER_ABSENT;
}
