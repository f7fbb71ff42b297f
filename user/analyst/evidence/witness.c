/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From claims and connections to attempts: one attempt per try.
 *
 * The kernel decides whether a connection failed. A failed one is one try even without any line;
 * lines raise that to the number of tries they tell of, at most what the service allows in one
 * connection. Lines about a connection that is still open wait for its end; lines about one that logged
 * in add nothing. Several lines tell of the same try ("invalid user", PAM's failure, "failed
 * password"), but two lines of one form from one source do not: the tries of a connection are the
 * largest count of any one form.
 *
 * A claim without a witness is held WITNESS_HOLD_NS for late events, then comes out as what it is:
 * text. Text of one process is joined in the same way, so that replaying old logs counts tries too;
 * where one process serves many connections, attempt_join.h says what is joined.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "analyst/evidence/attempt_join.h"
#include "analyst/evidence/evidence.h"
#include "analyst/evidence/judge.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/table.h"

#define SERVICES_MAX 64
#define FORMS_MAX 12 /* forms remembered per connection; further ones count as the last */
#define TEXT_TRIES_MAX 64 /* of one sender of lines that count for nothing, without a connection */
#define JOIN_NS (600ULL * NSEC_PER_SEC) /* a pid in old text may be another process by then */

/*
 * What was told of one connection, or by text alone of one address at one service. The process that
 * wrote is part of it, but not enough: one may serve everybody (dovecot's auth, nginx). And lines of
 * less trust, or of another service's filter, must not use up a try that a better line tells of.
 */
struct follow_key {
	uint64_t connection;
	uint64_t process; /* start time of a sudo, su */
	uint32_t pid;
	uint16_t port; /* where there is no pid */
	uint16_t service;
	uint16_t filter; /* where there is no service */
	uint8_t family;
	uint8_t trust; /* enum trust */
	uint32_t accepted;
	uint8_t addr[16];
};
_Static_assert(sizeof(struct follow_key) == 48, "a key has no holes");

struct form {
	uint32_t source;
	uint16_t filter;
	uint16_t form;
	uint32_t count;
};

struct follow {
	uint64_t touched_ns;
	uint32_t counted; /* tries that came out already */
	bool success; /* its login came out already */
	uint32_t forms;
	struct form form[FORMS_MAX];
	char user[IPC_USER_MAX];
};

struct held {
	bool waiting;
	uint16_t service;
	enum trust trust;
	char filter[IPC_NAME_MAX];
	struct claim claim;
};

struct witness {
	struct witness_service service[SERVICES_MAX];
	unsigned int services;
	struct attempt_join *join;
	struct table *proxies; /* set of struct ipc_subject: peers of proxied services */
	bool writers_known; /* a source vouches for writers: text without one adds nothing */
	struct table *follows;
	struct held *held; /* ring by arrival, WITNESS_CLAIMS_MAX slots */
	unsigned int head;
	unsigned int used; /* slots from head on, waiting or not */
	struct witness_stats stats;
};

/* The stage's own arguments, carried through its steps. */
struct step {
	struct witness *witness;
	const struct session_table *sessions;
	uint64_t now_ns;
	attempt_fn fn;
	void *arg;
};

int witness_new(struct witness **ret, const uint64_t seed[2])
{
	_cleanup_(witness_freep) struct witness *w = NULL;
	int r;

	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->held = calloc(WITNESS_CLAIMS_MAX, sizeof(*w->held));
	if (!w->held)
		return -ENOMEM;
	r = table_new(&w->follows, sizeof(struct follow_key), sizeof(struct follow),
		      WITNESS_CONNECTIONS_MAX, seed);
	if (r < 0)
		return r;
	r = attempt_join_new(&w->join, seed);
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
	attempt_join_free(w->join);
	table_free(w->follows);
	free(w->held);
	free(w);
	return NULL;
}

int witness_add_service(struct witness *w, const struct witness_service *service)
{
	if (w->services == SERVICES_MAX)
		return -E2BIG;
	w->service[w->services++] = *service;
	return 0;
}

void witness_expect_writers(struct witness *w)
{
	w->writers_known = true;
}

static const struct witness_service *service_find(const struct witness *w, uint16_t id)
{
	for (unsigned int i = 0; id && i < w->services; i++)
		if (w->service[i].id == id)
			return &w->service[i];
	return NULL;
}

/* ---- joining ---- */

static struct follow *follow_get(struct witness *w, const struct follow_key *key, uint64_t now_ns)
{
	struct follow *follow;
	void *value;

	(void)table_put(w->follows, key, &value);
	follow = value;
	if (!key->connection && follow->touched_ns && now_ns - follow->touched_ns > JOIN_NS &&
	    now_ns > follow->touched_ns)
		memset(follow, 0, sizeof(*follow));
	follow->touched_ns = now_ns;
	return follow;
}

static void follow_add(struct follow *follow, const struct claim *claim)
{
	struct form *form = NULL;
	uint32_t i;

	for (i = 0; i < follow->forms; i++) {
		form = &follow->form[i];
		if (form->source == claim->source && form->filter == claim->filter &&
		    form->form == claim->form)
			break;
	}
	if (i == follow->forms && i < FORMS_MAX) {
		form = &follow->form[follow->forms++];
		*form = (struct form){
			.source = claim->source,
			.filter = claim->filter,
			.form = claim->form,
		};
	}
	if (form && form->count < UINT32_MAX - claim->count)
		form->count += claim->count;
	if (claim->user[0])
		text_copy(follow->user, sizeof(follow->user), claim->user);
}

static uint32_t follow_told(const struct follow *follow)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < follow->forms; i++)
		if (follow->form[i].count > most)
			most = follow->form[i].count;
	return most;
}

static const char *follow_tellers(const struct follow *follow)
{
	bool pam = false;

	for (uint32_t i = 0; i < follow->forms; i++) {
		if (follow->form[i].filter != CLAIM_FILTER_PAM)
			return "the log tells of it too";
		pam = true;
	}
	return pam ? "PAM refused it; no log line so far" : "no log line so far";
}

static uint32_t clamp(uint32_t value, uint32_t least, uint32_t most)
{
	return value < least ? least : value > most ? most : value;
}

/* Tries not yet counted, now that told of them are known; counts them. */
static uint32_t follow_count(struct follow *follow, uint32_t least, uint32_t most)
{
	uint32_t total = clamp(follow_told(follow), least, most ? most : 1);
	uint32_t new = total > follow->counted ? total - follow->counted : 0;

	follow->counted += new;
	return new;
}

/* ---- attempts ---- */

static void subject_from_bytes(uint16_t family, const uint8_t bytes[16], struct ipc_subject *ret)
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

static void attempt_from_claim(struct attempt *attempt, const struct claim *claim,
			       const char *service_name)
{
	attempt->source = claim->source;
	attempt->filter = claim->filter;
	attempt->pid = claim->pid;
	attempt->peer_port = claim->port;
	text_copy(attempt->user, sizeof(attempt->user), claim->user);
	text_copy(attempt->line, sizeof(attempt->line), claim->line);
	text_copy(attempt->service_name, sizeof(attempt->service_name), service_name);
	if (claim->addr.family)
		subject_from_bytes(claim->addr.family, claim->addr.bytes, &attempt->subject);
}

static void attempt_from_connection(const struct witness *w, struct attempt *attempt,
				    const struct connection *connection)
{
	const struct witness_service *service = service_find(w, connection->service);

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
		text_copy(attempt->service_name, sizeof(attempt->service_name), service->name);
	}
}

static uint16_t tries_allowed(const struct witness *w, const struct connection *connection)
{
	const struct witness_service *service = service_find(w, connection->service);

	return service && service->max_tries ? service->max_tries : 1;
}

/* ---- services behind a proxy ---- */

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

/* Of an opening, the kernel tells the port alone. */
static const struct witness_service *service_of_connection(const struct witness *w,
							   const struct connection *connection)
{
	if (connection->service)
		return service_find(w, connection->service);
	for (unsigned int i = 0; i < w->services; i++)
		for (unsigned int p = 0; p < ARRAY_SIZE(w->service[i].ports); p++)
			if (w->service[i].ports[p] &&
			    w->service[i].ports[p] == connection->end.local_port)
				return &w->service[i];
	return NULL;
}

static bool is_proxied(const struct witness *w, const struct connection *connection)
{
	const struct witness_service *service = service_of_connection(w, connection);

	return service && service->proxied;
}

static void proxy_remember(struct witness *w, const struct connection *connection)
{
	struct ipc_subject peer;
	void *value;

	subject_from_bytes(connection->end.family, connection->end.peer, &peer);
	if (peer.kind != SUBJECT_ADDRESS)
		return;
	peer = proxy_key(&peer);
	(void)table_put(w->proxies, &peer, &value);
}

static bool is_proxy(const struct witness *w, const struct ipc_subject *subject)
{
	const struct ipc_subject key = proxy_key(subject);

	return key.kind == SUBJECT_ADDRESS && table_peek(w->proxies, &key);
}

/* A line about a connection that the kernel saw. */
static void claim_on_connection(const struct step *s, const struct claim *claim,
				const struct connection *connection)
{
	struct follow_key key = { .connection = connection->number };
	struct attempt attempt = { .at_ns = s->now_ns };
	struct follow *follow;

	/* The same line comes from the source that knows its writer, and only there it is told. */
	if (s->witness->writers_known && !claim->origin.trusted) {
		s->witness->stats.unvouched++;
		return;
	}
	s->witness->stats.witnessed++;
	attempt_from_claim(&attempt, claim, "");
	attempt_from_connection(s->witness, &attempt, connection);
	if (claim->result == CLAIM_SUCCESS) {
		(void)snprintf(attempt.text, sizeof(attempt.text),
			       "the kernel saw this connection from port %u, process %u",
			       connection->end.peer_port, connection->pid);
		s->fn(&attempt, s->arg);
		return;
	}
	follow = follow_get(s->witness, &key, s->now_ns);
	follow_add(follow, claim);
	switch ((enum connection_outcome)connection->outcome) {
	case CONNECTION_PENDING:
		(void)snprintf(attempt.text, sizeof(attempt.text),
			       "the kernel saw %s from port %u, process %u; it is still open",
			       claim->filter == CLAIM_FILTER_PAM
				       ? "PAM refuse a try on this connection"
				       : "this connection",
			       connection->end.peer_port, connection->pid);
		break;
	case CONNECTION_AUTHENTICATED:
		(void)snprintf(
			attempt.text, sizeof(attempt.text),
			"the kernel saw this connection log in (process %u); the line adds nothing",
			connection->pid);
		break;
	case CONNECTION_FAILED:
		attempt.tries = follow_count(follow, 1, tries_allowed(s->witness, connection));
		(void)snprintf(attempt.text, sizeof(attempt.text),
			       "the kernel saw this connection from port %u, process %u, end "
			       "without a login",
			       connection->end.peer_port, connection->pid);
		break;
	case CONNECTION_OUTCOME_MAX:
		return;
	}
	s->fn(&attempt, s->arg);
}

/* A line that sudo or su wrote, and the kernel saw that program in a session. */
static void claim_on_process(const struct step *s, const struct claim *claim,
			     const struct process *process, const char *service_name)
{
	struct follow_key key = { .pid = process->pid, .process = process->start_ns };
	/* su names whom it wants to be; the session is known, and rules can be about that. */
	struct attempt attempt = { .at_ns = s->now_ns, .trust = TRUST_WITNESSED, .guessed = true };
	struct follow *follow;

	s->witness->stats.witnessed++;
	attempt_from_claim(&attempt, claim, service_name);
	attempt.session = process->session;
	attempt.subject = (struct ipc_subject){ .kind = SUBJECT_SESSION, .id = process->session };
	if (claim->result == CLAIM_FAILURE) {
		follow = follow_get(s->witness, &key, s->now_ns);
		follow_add(follow, claim);
		attempt.tries = follow_count(follow, 1, TEXT_TRIES_MAX);
	}
	(void)snprintf(attempt.text, sizeof(attempt.text),
		       "the kernel saw %.60s run as process %u in session %llu", process->exe,
		       process->pid, (unsigned long long)process->session);
	s->fn(&attempt, s->arg);
}

static void origin_text(const struct claim *claim, char *to, size_t size)
{
	const struct log_origin *origin = &claim->origin;
	size_t used;

	if (!origin->trusted) {
		(void)snprintf(to, size, "who wrote it is unknown");
		return;
	}
	used = (size_t)snprintf(to, size, "%s process %u",
				claim->filter == CLAIM_FILTER_PAM ? "the kernel saw PAM refuse"
								  : "written by",
				origin->pid);
	if (origin->has_uid && used < size)
		used += (size_t)snprintf(to + used, size - used, " of uid %u", origin->uid);
	if (used < size)
		(void)snprintf(to + used, size - used, " (%.60s)",
			       origin->exe[0] ? origin->exe : "program unknown");
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
			    attempt->trust == TRUST_CLAIMED && !attempt->accepted ? TEXT_TRIES_MAX
										  : UINT32_MAX);
}

/* No event will speak for it any more: what is it worth by itself? contradiction may be NULL. */
static void claim_on_text(const struct step *s, const struct claim *claim, uint16_t service,
			  const char *filter, enum trust trust, const char *contradiction)
{
	const struct witness_service *known = service_find(s->witness, service);
	struct attempt attempt = { .at_ns = s->now_ns, .service = service };
	char origin[IPC_TEXT_MAX / 2];

	attempt_from_claim(&attempt, claim, known ? known->name : filter);
	origin_text(claim, origin, sizeof(origin));
	if (contradiction) {
		s->witness->stats.forged++;
		attempt.trust = TRUST_FORGED;
		(void)snprintf(attempt.text, sizeof(attempt.text), "%.120s; %.110s", contradiction,
			       origin);
		s->fn(&attempt, s->arg);
		return;
	}
	attempt.guessed = known && known->sensed;
	/* Where a sensor watches the service, what it did not see is not vouched for by a log. */
	attempt.trust = known && known->sensed && trust > TRUST_CLAIMED ? TRUST_CLAIMED : trust;
	attempt.accepted =
		claim->accepted && attempt.trust == TRUST_CLAIMED && !(known && known->sensed);
	if (attempt.trust == TRUST_ATTESTED)
		s->witness->stats.attested++;
	else
		s->witness->stats.unwitnessed++;
	if ((!known || known->proxied) && is_proxy(s->witness, &attempt.subject)) {
		(void)snprintf(attempt.text, sizeof(attempt.text),
			       "this is a proxy itself, so nothing is counted; %s", origin);
		s->fn(&attempt, s->arg);
		return;
	}
	if (known && known->proxied)
		(void)snprintf(attempt.text, sizeof(attempt.text),
			       "address as %s's proxy told it%s; %s", known->name,
			       attempt.accepted ? ", accepted as configured, no witness" : "",
			       origin);
	else
		(void)snprintf(attempt.text, sizeof(attempt.text), "%s%s; %s",
			       attempt.trust == TRUST_ATTESTED ? "no sensor for this service"
			       : attempt.accepted ? "accepted as configured, no witness"
						  : "no witness for this line",
			       claim->relayed ? " of another host" : "", origin);
	if (claim->result == CLAIM_FAILURE && known && known->forks)
		attempt.tries = tries_told(s, claim, &attempt);
	else if (claim->result == CLAIM_FAILURE)
		attempt_join_count(s->witness->join, claim, &attempt);
	s->fn(&attempt, s->arg);
}

/* ---- holding ---- */

/* true: it found its witness and came out. */
static bool claim_settle(const struct step *s, const struct held *held)
{
	struct judge_finding finding;

	switch (judge_claim(s->sessions, &held->claim, s->witness->service, s->witness->services,
			    &finding)) {
	case JUDGE_CONNECTION:
		/* PAM's line, say, about a service whose peers are its proxy. */
		if (is_proxied(s->witness, finding.connection))
			break;
		claim_on_connection(s, &held->claim, finding.connection);
		return true;
	case JUDGE_PROCESS:
		claim_on_process(s, &held->claim, finding.process, held->filter);
		return true;
	case JUDGE_UNKNOWN:
	case JUDGE_CONTRADICTED:
	case JUDGE_MAX:
		break;
	}
	return false;
}

static void claim_give_up(const struct step *s, const struct held *held)
{
	struct judge_finding finding;
	enum judgement judgement = judge_claim(s->sessions, &held->claim, s->witness->service,
					       s->witness->services, &finding);

	if ((judgement == JUDGE_CONNECTION || judgement == JUDGE_PROCESS) && claim_settle(s, held))
		return;
	claim_on_text(s, &held->claim, held->service, held->filter, held->trust,
		      judgement == JUDGE_CONTRADICTED ? finding.text : NULL);
}

static struct held *held_at(struct witness *w, unsigned int i)
{
	return &w->held[(w->head + i) % WITNESS_CLAIMS_MAX];
}

static void held_drop_head(struct witness *w)
{
	w->head = (w->head + 1) % WITNESS_CLAIMS_MAX;
	w->used--;
}

static struct held *held_push(const struct step *s)
{
	struct witness *w = s->witness;

	if (w->used == WITNESS_CLAIMS_MAX) {
		struct held *oldest = held_at(w, 0);

		if (oldest->waiting) {
			w->stats.refused++;
			claim_give_up(s, oldest);
			oldest->waiting = false;
		}
		held_drop_head(w);
	}
	return held_at(w, w->used++);
}

void witness_claim(struct witness *w, const struct session_table *sessions,
		   const struct claim *claim, uint16_t service, const char *filter,
		   enum trust trust, uint64_t now_ns, attempt_fn fn, void *arg)
{
	const struct step s = {
		.witness = w, .sessions = sessions, .now_ns = now_ns, .fn = fn, .arg = arg
	};
	const struct witness_service *known = service_find(w, service);
	struct held *held;

	if (claim->result == CLAIM_NOFAIL)
		return;
	w->stats.claims++;
	/* Peers are not those that the line is about, so no connection can speak for or against it. */
	if (claim->relayed || (known && known->proxied)) {
		claim_on_text(&s, claim, service, filter, trust, NULL);
		return;
	}
	held = held_push(&s);
	*held = (struct held){ .service = service, .trust = trust, .claim = *claim };
	text_copy(held->filter, sizeof(held->filter), filter);
	if (claim_settle(&s, held)) {
		w->used--;
		return;
	}
	/* Without a process or a port nothing can speak for it later either (judge.c). */
	if ((known && !known->sensed) || (!claim->pid && !claim->port)) {
		claim_give_up(&s, held);
		w->used--;
		return;
	}
	held->waiting = true;
}

void witness_change(struct witness *w, const struct session_table *sessions,
		    const struct session_change *change, uint64_t now_ns, attempt_fn fn, void *arg)
{
	const struct step s = {
		.witness = w, .sessions = sessions, .now_ns = now_ns, .fn = fn, .arg = arg
	};
	const struct connection *connection = change->connection;
	struct follow_key key = { 0 };
	struct attempt attempt = { .at_ns = now_ns };
	struct follow *follow;

	if (!connection)
		return;
	if (is_proxied(w, connection)) {
		proxy_remember(w, connection);
		return;
	}
	key.connection = connection->number;
	for (unsigned int i = 0; i < w->used; i++) {
		struct held *held = held_at(w, i);

		if (held->waiting && (held->claim.pid == connection->pid ||
				      held->claim.port == connection->end.peer_port))
			held->waiting = !claim_settle(&s, held);
	}

	attempt_from_connection(w, &attempt, connection);
	if (change->kind == SESSION_FAILED) {
		follow = follow_get(w, &key, now_ns);
		attempt.tries = follow_count(follow, 1, tries_allowed(w, connection));
		text_copy(attempt.user, sizeof(attempt.user), follow->user);
		(void)snprintf(attempt.text, sizeof(attempt.text),
			       "the kernel saw the connection from port %u, process %u, end "
			       "without a login (%s)",
			       connection->end.peer_port, connection->pid, follow_tellers(follow));
		fn(&attempt, arg);
	} else if (connection->outcome == CONNECTION_AUTHENTICATED) {
		/* The birth of its session may be the first proof, if the exit before it was lost. */
		follow = follow_get(w, &key, now_ns);
		if (follow->success)
			return;
		follow->success = true;
		attempt.success = true;
		(void)snprintf(attempt.text, sizeof(attempt.text),
			       "the kernel saw the connection from port %u, process %u, log in",
			       connection->end.peer_port, connection->pid);
		fn(&attempt, arg);
	}
}

void witness_tick(struct witness *w, const struct session_table *sessions, uint64_t now_ns,
		  attempt_fn fn, void *arg)
{
	const struct step s = {
		.witness = w, .sessions = sessions, .now_ns = now_ns, .fn = fn, .arg = arg
	};

	while (w->used) {
		struct held *oldest = held_at(w, 0);

		if (oldest->waiting) {
			if (now_ns < oldest->claim.arrived_ns + WITNESS_HOLD_NS)
				break;
			claim_give_up(&s, oldest);
			oldest->waiting = false;
		}
		held_drop_head(w);
	}
}

void witness_stats(const struct witness *w, struct witness_stats *ret)
{
	*ret = w->stats;
	ret->refused += table_evicted(w->follows) + table_evicted(w->proxies) +
			attempt_join_crowded(w->join);
}
