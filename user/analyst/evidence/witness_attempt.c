/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a claim, or a connection by itself, comes to.
 *
 * The kernel decides whether a connection failed. A failed one is one try even without any line;
 * lines raise that to the number of tries they tell of, at most what the service allows in one
 * connection. Lines about a connection that is still open wait for its end; lines about one that
 * logged in add nothing. Text of one process is joined in the same way, so that replaying old logs
 * counts tries too; where one process serves many connections, attempt_join.h says what is joined.
 */
#include <stdio.h>
#include <string.h>

#include "analyst/evidence/witness.h"
#include "base/buf.h"

void subject_from_bytes(uint16_t family, const uint8_t bytes[16], struct ipc_subject *ret)
{
	struct addr addr;

	memset(ret, 0, sizeof(*ret));
	if (addr_from_bytes(family, bytes, &addr) < 0)
		return;
	ret->kind = SUBJECT_ADDRESS;
	ret->family = addr.family;
	ret->prefix = addr.prefix;
	memcpy(ret->addr, addr.bytes, sizeof(ret->addr));
}

static struct attempt attempt_begin(const struct step *s)
{
	return (struct attempt){
		.at_ns = s->now_ns, .service_name = "", .user = "", .line = "", .detail = ""
	};
}

static void attempt_from_claim(struct attempt *attempt, const struct claim *claim)
{
	attempt->source = claim->source;
	attempt->filter = claim->filter;
	attempt->relayed = claim->relayed;
	attempt->pid = claim->pid;
	attempt->peer_port = claim->port;
	attempt->user = claim->user;
	attempt->line = claim->line;
	attempt->origin = &claim->origin;
	if (claim->addr.family)
		subject_from_bytes(claim->addr.family, claim->addr.bytes, &attempt->subject);
}

static void attempt_from_connection(const struct witness *w, struct attempt *attempt,
				    const struct connection *connection)
{
	const struct witness_service *service = witness_service_find(w, connection->service);

	attempt->trust = TRUST_WITNESSED;
	attempt->connection = connection->number;
	attempt->session = connection->session;
	attempt->pid = connection->pid;
	attempt->service = connection->service;
	attempt->peer_port = connection->end.peer_port;
	attempt->local_port = connection->end.local_port;
	subject_from_bytes(connection->end.family, connection->end.peer, &attempt->subject);
	if (service) {
		attempt->guessed = service->sensed;
		attempt->service_name = service->name;
	}
}

static uint16_t tries_allowed(const struct witness *w, const struct connection *connection)
{
	const struct witness_service *service = witness_service_find(w, connection->service);

	return service && service->max_tries ? service->max_tries : 1;
}

/* A line about a connection that the kernel saw. */
void claim_on_connection(const struct step *s, const struct claim *claim,
			 const struct connection *connection)
{
	struct follow_key key = { .connection = connection->number };
	struct attempt attempt = attempt_begin(s);
	struct follow *follow;

	/* The same line comes from the source that knows its writer, and only there it is told. */
	if (s->witness->writers_known && !claim->origin.trusted) {
		s->witness->stats.unvouched++;
		return;
	}
	s->witness->stats.witnessed++;
	attempt_from_claim(&attempt, claim);
	attempt_from_connection(s->witness, &attempt, connection);
	if (claim->result == CLAIM_SUCCESS) {
		attempt.note = ATTEMPT_SEEN;
		s->fn(&attempt, s->arg);
		return;
	}
	follow = follow_get(s->witness, &key, s->now_ns);
	follow_add(follow, claim);
	if (claim->user[0]) {
		text_copy(follow->user, sizeof(follow->user), claim->user);
		follow->named = true;
	}
	switch ((enum connection_outcome)connection->outcome) {
	case CONNECTION_PENDING:
		attempt.note = ATTEMPT_OPEN;
		break;
	case CONNECTION_AUTHENTICATED:
		attempt.note = ATTEMPT_LOGGED_IN;
		break;
	case CONNECTION_FAILED:
		attempt.note = ATTEMPT_ENDED;
		attempt.tries = follow_count(follow, 1, tries_allowed(s->witness, connection));
		break;
	case CONNECTION_OUTCOME_MAX:
		return;
	}
	s->fn(&attempt, s->arg);
}

/* A line that sudo or su wrote, and the kernel saw that program in a session. */
void claim_on_process(const struct step *s, const struct claim *claim,
		      const struct process *process, const char *service_name)
{
	struct follow_key key = { .pid = process->pid, .process = process->start_ns };
	struct attempt attempt = attempt_begin(s);
	struct follow *follow;

	s->witness->stats.witnessed++;
	attempt_from_claim(&attempt, claim);
	attempt.trust = TRUST_WITNESSED;
	/* su names whom it wants to be; the session is known, and rules can be about that. */
	attempt.guessed = true;
	attempt.service_name = service_name;
	attempt.session = process->session;
	attempt.subject = (struct ipc_subject){ .kind = SUBJECT_SESSION, .id = process->session };
	attempt.note = ATTEMPT_PROCESS;
	attempt.detail = process->exe;
	if (claim->result == CLAIM_FAILURE) {
		follow = follow_get(s->witness, &key, s->now_ns);
		follow_add(follow, claim);
		attempt.tries = follow_count(follow, 1, WITNESS_TEXT_TRIES_MAX);
	}
	s->fn(&attempt, s->arg);
}

/* Tries that this text adds to what the same kind of text told of that address before. */
static uint32_t tries_told(const struct step *s, const struct claim *claim,
			   const struct attempt *attempt)
{
	struct follow_key key = {
		.pid = claim->pid,
		.port = claim->pid ? 0 : claim->port,
		.service = attempt->service,
		.filter = attempt->service ? 0 : claim->filter,
		.family = claim->addr.family,
		.trust = (uint8_t)attempt->trust,
		.accepted = attempt->accepted,
	};
	struct follow *follow;

	memcpy(key.addr, claim->addr.bytes, sizeof(key.addr));
	follow = follow_get(s->witness, &key, s->now_ns);
	follow_add(follow, claim);
	return follow_count(follow, 1,
			    attempt->trust == TRUST_CLAIMED && !attempt->accepted
				    ? WITNESS_TEXT_TRIES_MAX
				    : UINT32_MAX);
}

/* No sensor tells how its connection ended; whether there was one, the kernel may know. */
static void attempt_unsensed(const struct step *s, struct attempt *attempt, enum peer_verdict peer)
{
	switch (peer) {
	case PEER_SEEN:
		s->witness->stats.witnessed++;
		attempt->trust = TRUST_WITNESSED;
		attempt->note = ATTEMPT_CONNECTED;
		return;
	case PEER_UNSURE:
		s->witness->stats.attested++;
		attempt->note = ATTEMPT_UNSURE;
		return;
	case PEER_UNASKED:
	case PEER_ABSENT: /* which is a contradiction */
	case PEER_VERDICT_MAX:
		break;
	}
	s->witness->stats.attested++;
	attempt->note = ATTEMPT_UNSENSED;
}

/* No event will speak for it any more: what is it worth by itself? contradiction may be NULL. */
void claim_on_text(const struct step *s, const struct claim *claim, uint16_t service,
		   const char *filter, enum trust trust, enum peer_verdict peer,
		   const char *contradiction)
{
	const struct witness_service *known = witness_service_find(s->witness, service);
	const bool sensed = known && known->sensed;
	struct attempt attempt = attempt_begin(s);
	char absent[IPC_TEXT_MAX];

	if (!contradiction && known && peer == PEER_ABSENT) {
		(void)snprintf(absent, sizeof(absent),
			       "the kernel saw no connection of this address to %s then",
			       known->name);
		contradiction = absent;
	}

	attempt_from_claim(&attempt, claim);
	attempt.service = service;
	attempt.service_name = known ? known->name : filter;
	if (contradiction) {
		s->witness->stats.forged++;
		attempt.trust = TRUST_FORGED;
		attempt.note = ATTEMPT_CONTRADICTED;
		attempt.detail = contradiction;
		s->fn(&attempt, s->arg);
		return;
	}
	attempt.guessed = sensed;
	/* Where a sensor watches the service, what it did not see is not vouched for by a log. */
	attempt.trust = sensed && trust > TRUST_CLAIMED ? TRUST_CLAIMED : trust;
	attempt.accepted = claim->accepted && attempt.trust == TRUST_CLAIMED && !sensed;
	if (attempt.trust == TRUST_ATTESTED) {
		attempt_unsensed(s, &attempt, peer);
	} else {
		s->witness->stats.unwitnessed++;
		attempt.note = ATTEMPT_UNWITNESSED;
	}
	if ((!known || known->proxied) && is_proxy(s->witness, &attempt.subject)) {
		attempt.note = ATTEMPT_PROXY;
		s->fn(&attempt, s->arg);
		return;
	}
	if (known && known->proxied)
		attempt.note = ATTEMPT_PROXIED;
	if (claim->result == CLAIM_FAILURE && known && known->forks)
		attempt.tries = tries_told(s, claim, &attempt);
	else if (claim->result == CLAIM_FAILURE)
		attempt_join_count(s->witness->join, claim, &attempt);
	s->fn(&attempt, s->arg);
}

void connection_told(const struct step *s, const struct session_change *change)
{
	const struct connection *connection = change->connection;
	struct follow_key key = { .connection = connection->number };
	struct attempt attempt = attempt_begin(s);
	struct follow *follow;

	if (change->kind != SESSION_FAILED && connection->outcome != CONNECTION_AUTHENTICATED)
		return;
	attempt_from_connection(s->witness, &attempt, connection);
	follow = follow_get(s->witness, &key, s->now_ns);
	if (change->kind == SESSION_FAILED) {
		attempt.tries = follow_count(follow, 1, tries_allowed(s->witness, connection));
		attempt.user = follow->named ? follow->user : "";
		attempt.note = follow_tellers(follow);
	} else {
		/* The birth of its session may be the first proof, if the exit before it was
		 * lost. */
		if (follow->success)
			return;
		follow->success = true;
		attempt.success = true;
		attempt.note = ATTEMPT_SUCCEEDED;
	}
	s->fn(&attempt, s->arg);
}
