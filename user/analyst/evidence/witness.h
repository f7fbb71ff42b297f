/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to witness*.c, which hold claims against the kernel's events:
 *
 *   witness.c          who asks when: claims held, changes, time
 *   witness_join.c     which lines tell of the same try
 *   witness_attempt.c  what a claim or a connection comes to
 *   witness_proxy.c    about whom text counts nothing
 *   witness_peers.c    who was connected to services without a sensor
 *   witness_text.c     why, in a sentence, for people
 */
#ifndef ANALYST_EVIDENCE_WITNESS_H
#define ANALYST_EVIDENCE_WITNESS_H

#include "analyst/evidence/attempt_join.h"
#include "analyst/evidence/evidence.h"
#include "base/clock.h"
#include "base/table.h"

#define WITNESS_SERVICES_MAX 128
#define WITNESS_FORMS_MAX 12 /* forms remembered per connection; further ones count as the last */
#define WITNESS_TEXT_TRIES_MAX \
	64 /* of one sender of lines that count for nothing, without a connection */

/*
 * What was told of one connection, or by text alone of one address at one service. The process that
 * wrote is part of it, but not enough: one may serve everybody (dovecot's auth, nginx). And lines
 * of less trust, or of another service's filter, must not use up a try that a better line tells of.
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

struct follow {
	uint64_t touched_ns;
	uint32_t counted; /* tries that came out already */
	uint32_t forms;
	bool success; /* its login came out already */
	bool named; /* user holds */
	/* Of a new one all before this is zero, see table_zero_only. */
	struct form {
		uint32_t source;
		uint16_t filter;
		uint16_t form;
		uint32_t count;
	} form[WITNESS_FORMS_MAX];
	char user[IPC_USER_MAX];
};

/* Whose connections to which port. */
struct peer_key {
	uint16_t port;
	uint16_t family;
	uint32_t pad;
	uint8_t addr[16]; /* IPv6: its /64 */
};
_Static_assert(sizeof(struct peer_key) == 24, "a key has no holes");

struct peer {
	uint64_t first_ns; /* there since, without a gap of more than WITNESS_CLOSED_NS */
	uint64_t last_ns; /* last opening or end */
	uint32_t open;
	uint32_t older; /* 1: one is older than the sensor; nobody will tell of its end */
};

struct peers {
	struct table *table;
	uint64_t seed[2];
	uint64_t now_ns; /* of the last event */
	uint64_t lost; /* last head.lost */
	uint64_t unsure_until_ns; /* who is not in the table may be connected all the same */
	uint64_t older_until_ns; /* so may be who had a connection older than the sensor */
	uint64_t pushed_out; /* while they were connected */
	bool began; /* the sensor is at work */
	bool seen[WITNESS_SERVICES_MAX]; /* somebody was at the service's ports; by its place */
};

enum peer_verdict {
	PEER_UNASKED, /* nobody can tell */
	PEER_SEEN,
	PEER_UNSURE, /* not seen, but the connection may be one that is not known */
	PEER_ABSENT,
	PEER_VERDICT_MAX,
};

struct held;
struct awaited;

struct witness {
	struct witness_service service[WITNESS_SERVICES_MAX];
	unsigned int services;
	bool writers_known; /* a source vouches for writers: text without one adds nothing */
	struct table *follows;
	struct attempt_join *join;
	struct table *proxies; /* set of struct ipc_subject: peers of proxied services */
	struct peers peers;
	struct held *held; /* ring by arrival, WITNESS_CLAIMS_MAX slots */
	struct awaited *awaited; /* the same ring: what each slot waits for */
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

const struct witness_service *witness_service_find(const struct witness *witness, uint16_t id);

/* ---- witness_join.c ---- */

struct follow *follow_get(struct witness *witness, const struct follow_key *key, uint64_t now_ns);
void follow_add(struct follow *follow, const struct claim *claim);
/* Tries not yet counted, now that told of them are known; counts them. */
uint32_t follow_count(struct follow *follow, uint32_t least, uint32_t most);
/* Who told of it, as the note of its failed connection. */
enum attempt_note follow_tellers(const struct follow *follow);

/* ---- witness_proxy.c ---- */

/* Is it one of a service behind a proxy? */
bool is_proxied(const struct witness *witness, const struct connection *connection);
bool is_unsensed(const struct witness *w, const struct connection *connection);
void proxy_remember(struct witness *witness, const struct connection *connection);
bool is_proxy(const struct witness *witness, const struct ipc_subject *subject);

/* ---- witness_peers.c ---- */

int peers_init(struct peers *peers, const uint64_t seed[2]);
/* true: somebody came to a service that asks for it. */
bool peer_event(struct witness *w, const struct bl_event_connection *event);
void peer_was_there(struct witness *w, const struct bl_endpoint *end, uint64_t now_ns);
void peers_all_told(struct witness *w, uint64_t now_ns);
/* 0: it has no address. */
uint32_t peer_hash_of_claim(const struct witness *w, const struct claim *claim);
uint32_t peer_hash_of_end(const struct witness *w, const struct bl_endpoint *end);
/* service is one of w's, or NULL. */
enum peer_verdict peer_ask(const struct witness *w, const struct witness_service *service,
			   const struct claim *claim);

/* ---- witness_attempt.c ---- */

void subject_from_bytes(uint16_t family, const uint8_t bytes[16], struct ipc_subject *ret);
void claim_on_connection(const struct step *s, const struct claim *claim,
			 const struct connection *connection);
void claim_on_process(const struct step *s, const struct claim *claim,
		      const struct process *process, const char *service_name);
void claim_on_text(const struct step *s, const struct claim *claim, uint16_t service,
		   const char *filter, enum trust trust, enum peer_verdict peer,
		   const char *contradiction);
/* What the kernel alone knows of it now. */
void connection_told(const struct step *s, const struct session_change *change);

#endif
