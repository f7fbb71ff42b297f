/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From claims and connections to attempts: one attempt per try. Who is asked when.
 *
 * A claim goes to the witness that is there already. Without one it is held WITNESS_HOLD_NS for
 * late events if its service has a sensor that could send them, or ports to which its address
 * should have been connected, then it comes out as what it is: text.
 */
#include <errno.h>
#include <stdlib.h>

#include "analyst/evidence/judge.h"
#include "analyst/evidence/witness.h"
#include "base/buf.h"
#include "base/clock.h"

struct held {
	uint16_t service;
	enum trust trust;
	char filter[IPC_NAME_MAX];
	struct claim claim;
};

/* Every event asks all slots, and there may be thousands: what it asks lies side by side. */
struct awaited {
	uint32_t pid;
	uint32_t peer; /* hash of the address that should come, 0 = waits for none */
	uint16_t port;
	bool waiting;
};

int witness_new(struct witness **ret, const uint64_t seed[2])
{
	_cleanup_(witness_freep) struct witness *w = NULL;
	int r;

	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->held = calloc(WITNESS_CLAIMS_MAX, sizeof(*w->held));
	w->awaited = calloc(WITNESS_CLAIMS_MAX, sizeof(*w->awaited));
	if (!w->held || !w->awaited)
		return -ENOMEM;
	r = table_new(&w->follows, sizeof(struct follow_key), sizeof(struct follow),
		      WITNESS_CONNECTIONS_MAX, seed);
	if (r < 0)
		return r;
	table_zero_only(w->follows, offsetof(struct follow, form));
	r = attempt_join_new(&w->join, seed);
	if (r < 0)
		return r;
	r = peers_init(&w->peers, seed);
	if (r < 0)
		return r;
	r = table_new(&w->proxies, sizeof(struct ipc_subject), sizeof(uint8_t), WITNESS_PROXIES_MAX,
		      seed);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(w);
	return 0;
}

struct witness *witness_free(struct witness *w)
{
	if (!w)
		return NULL;
	table_free(w->proxies);
	table_free(w->peers.table);
	attempt_join_free(w->join);
	table_free(w->follows);
	free(w->awaited);
	free(w->held);
	free(w);
	return NULL;
}

int witness_add_service(struct witness *w, const struct witness_service *service)
{
	if (w->services == WITNESS_SERVICES_MAX)
		return -E2BIG;
	w->service[w->services++] = *service;
	return 0;
}

void witness_expect_writers(struct witness *w)
{
	w->writers_known = true;
}

const struct witness_service *witness_service_find(const struct witness *w, uint16_t id)
{
	for (unsigned int i = 0; id && i < w->services; i++)
		if (w->service[i].id == id)
			return &w->service[i];
	return NULL;
}

static enum judgement judge(const struct step *s, const struct claim *claim,
			    struct judge_finding *ret)
{
	return judge_claim(s->sessions, claim, s->witness->service, s->witness->services, ret);
}

/* true: it found its witness and came out. */
static bool claim_settle(const struct step *s, const struct claim *claim, const char *filter,
			 enum judgement judgement, const struct judge_finding *finding)
{
	switch (judgement) {
	case JUDGE_CONNECTION:
		/* PAM's line, say, about a service whose peers are its proxy. And nobody tells how
		 * the connections of a service without a sensor end: what waited for that would
		 * never count. */
		if (is_proxied(s->witness, finding->connection) ||
		    is_unsensed(s->witness, finding->connection))
			break;
		claim_on_connection(s, claim, finding->connection);
		return true;
	case JUDGE_PROCESS:
		claim_on_process(s, claim, finding->process, filter);
		return true;
	case JUDGE_UNKNOWN:
	case JUDGE_CONTRADICTED:
	case JUDGE_MAX:
		break;
	}
	return false;
}

/* ---- holding ---- */

static unsigned int slot(const struct witness *w, unsigned int i)
{
	return (w->head + i) % WITNESS_CLAIMS_MAX;
}

static void held_drop_head(struct witness *w)
{
	w->head = slot(w, 1);
	w->used--;
}

static void held_try(const struct step *s, unsigned int at)
{
	const struct held *held = &s->witness->held[at];
	struct judge_finding finding;
	enum judgement judgement = judge(s, &held->claim, &finding);

	if (claim_settle(s, &held->claim, held->filter, judgement, &finding))
		s->witness->awaited[at].waiting = false;
}

/* Its service has no sensor; does the address come now? */
static void held_peer(const struct step *s, unsigned int at)
{
	const struct held *held = &s->witness->held[at];
	enum peer_verdict peer =
		peer_ask(s->witness, witness_service_find(s->witness, held->service), &held->claim);

	if (peer != PEER_SEEN)
		return;
	s->witness->awaited[at].waiting = false;
	claim_on_text(s, &held->claim, held->service, held->filter, held->trust, peer, NULL);
}

static void held_give_up(const struct step *s, unsigned int at)
{
	const struct held *held = &s->witness->held[at];
	const struct witness_service *known = witness_service_find(s->witness, held->service);
	struct judge_finding finding;
	enum judgement judgement = judge(s, &held->claim, &finding);

	s->witness->awaited[at].waiting = false;
	if (!claim_settle(s, &held->claim, held->filter, judgement, &finding))
		claim_on_text(s, &held->claim, held->service, held->filter, held->trust,
			      peer_ask(s->witness, known, &held->claim),
			      judgement == JUDGE_CONTRADICTED ? finding.text : NULL);
}

static void claim_hold(const struct step *s, const struct claim *claim, uint16_t service,
		       const char *filter, enum trust trust, enum peer_verdict peer)
{
	struct witness *w = s->witness;
	unsigned int at;

	if (w->used == WITNESS_CLAIMS_MAX) {
		if (w->awaited[w->head].waiting) {
			w->stats.refused++;
			held_give_up(s, w->head);
		}
		held_drop_head(w);
	}
	at = slot(w, w->used++);
	w->held[at] = (struct held){ .service = service, .trust = trust, .claim = *claim };
	text_copy(w->held[at].filter, sizeof(w->held[at].filter), filter);
	w->awaited[at] = (struct awaited){
		.pid = claim->pid,
		.port = claim->port,
		.waiting = true,
	};
	if (peer == PEER_ABSENT)
		w->awaited[at].peer = peer_hash_of_claim(w, claim);
}

/* ---- what comes in ---- */

void witness_claim(struct witness *w, const struct session_table *sessions,
		   const struct claim *claim, uint16_t service, const char *filter,
		   enum trust trust, uint64_t now_ns, attempt_fn fn, void *arg)
{
	const struct step s = {
		.witness = w, .sessions = sessions, .now_ns = now_ns, .fn = fn, .arg = arg
	};
	const struct witness_service *known = witness_service_find(w, service);
	struct judge_finding finding;
	enum judgement judgement;
	enum peer_verdict peer;

	if (claim->result == CLAIM_NOFAIL)
		return;
	w->stats.claims++;
	/* Peers are not those that the line is about, so no connection can speak for or against
	 * it. */
	if (claim->relayed || (known && known->proxied)) {
		claim_on_text(&s, claim, service, filter, trust, PEER_UNASKED, NULL);
		return;
	}
	judgement = judge(&s, claim, &finding);
	if (claim_settle(&s, claim, filter, judgement, &finding))
		return;
	peer = peer_ask(w, known, claim);
	/* Without a process or a port nothing can speak for it later either (judge.c). */
	if (peer != PEER_ABSENT && ((known && !known->sensed) || (!claim->pid && !claim->port)))
		claim_on_text(&s, claim, service, filter, trust, peer,
			      judgement == JUDGE_CONTRADICTED ? finding.text : NULL);
	else
		claim_hold(&s, claim, service, filter, trust, peer);
}

void witness_connection(struct witness *w, const struct session_table *sessions,
			const struct bl_event_connection *event, attempt_fn fn, void *arg)
{
	const struct step s = { .witness = w,
				.sessions = sessions,
				.now_ns = event->head.boot_ns,
				.fn = fn,
				.arg = arg };
	uint32_t hash;

	if (!peer_event(w, event))
		return;
	hash = peer_hash_of_end(w, &event->end);
	for (unsigned int i = 0; i < w->used; i++) {
		const struct awaited *awaited = &w->awaited[slot(w, i)];

		if (awaited->waiting && awaited->peer == hash)
			held_peer(&s, slot(w, i));
	}
}

void witness_was_there(struct witness *w, const struct bl_endpoint *end, uint64_t now_ns)
{
	peer_was_there(w, end, now_ns);
}

void witness_all_were_told(struct witness *w, uint64_t now_ns)
{
	peers_all_told(w, now_ns);
}

void witness_change(struct witness *w, const struct session_table *sessions,
		    const struct session_change *change, uint64_t now_ns, attempt_fn fn, void *arg)
{
	const struct step s = {
		.witness = w, .sessions = sessions, .now_ns = now_ns, .fn = fn, .arg = arg
	};
	const struct connection *connection = change->connection;

	if (!connection)
		return;
	if (is_proxied(w, connection)) {
		proxy_remember(w, connection);
		return;
	}
	for (unsigned int i = 0; i < w->used; i++) {
		const struct awaited *awaited = &w->awaited[slot(w, i)];

		if (awaited->waiting && ((awaited->pid && awaited->pid == connection->pid) ||
					 awaited->port == connection->end.peer_port))
			held_try(&s, slot(w, i));
	}
	connection_told(&s, change);
}

void witness_tick(struct witness *w, const struct session_table *sessions, uint64_t now_ns,
		  attempt_fn fn, void *arg)
{
	const struct step s = {
		.witness = w, .sessions = sessions, .now_ns = now_ns, .fn = fn, .arg = arg
	};

	while (w->used) {
		if (w->awaited[w->head].waiting) {
			if (now_ns < w->held[w->head].claim.arrived_ns + WITNESS_HOLD_NS)
				break;
			held_give_up(&s, w->head);
		}
		held_drop_head(w);
	}
}

void witness_stats(const struct witness *w, struct witness_stats *ret)
{
	*ret = w->stats;
	ret->refused += table_evicted(w->follows) + table_evicted(w->proxies) +
			w->peers.pushed_out + attempt_join_crowded(w->join);
}
