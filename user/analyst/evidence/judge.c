/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Holds a claim against what the kernel saw. This is where a forged line fails.
 *
 * A line names a process (its pid: the journal's own, where that speaks, else the text's) and
 * perhaps a peer. Both have to be what the kernel saw of one and the same connection:
 * - the process serves a connection: the peer must be that connection's, or the line lies;
 * - the process serves none, but the address and port are those of a connection: the line lies
 *   unless the process descends from the one that serves it;
 * - neither is known: no judgement. That is no contradiction, events may be late or lost.
 * A line may be about a true connection and still be made up. It can then only add tries to a
 * connection that failed without it, up to the service's limit (witness.c).
 */
#include "analyst/evidence/judge.h"

#include <stdio.h>
#include <string.h>

static bool peer_equal(const struct bl_endpoint *end, const struct addr *addr)
{
	return end->family == addr->family && !memcmp(end->peer, addr->bytes, sizeof(end->peer));
}

static void peer_format(const struct bl_endpoint *end, char text[ADDR_TEXT_MAX])
{
	struct addr addr;

	if (addr_from_bytes(end->family, end->peer, &addr) < 0)
		(void)snprintf(text, ADDR_TEXT_MAX, "no address");
	else
		addr_format(&addr, text);
}

static const struct connection *connection_by_peer(const struct session_table *sessions,
						   const struct claim *claim,
						   const struct witness_service *services,
						   unsigned int count)
{
	struct bl_endpoint end = {
		.family = claim->addr.family,
		.peer_port = claim->port,
	};

	if (!session_has_connections(sessions))
		return NULL;
	memcpy(end.peer, claim->addr.bytes, sizeof(end.peer));
	for (unsigned int i = 0; i < count; i++) {
		for (unsigned int p = 0; p < ARRAY_SIZE(services[i].ports); p++) {
			const struct connection *connection;

			end.local_port = services[i].ports[p];
			if (!end.local_port)
				continue;
			connection = session_connection_by_end(sessions, &end);
			if (connection)
				return connection;
		}
	}
	return NULL;
}

static enum judgement judge_by_process(const struct connection *connection,
				       const struct claim *claim, struct judge_finding *ret)
{
	char peer[ADDR_TEXT_MAX];

	if (!claim->addr.family || (peer_equal(&connection->end, &claim->addr) &&
				    (!claim->port || claim->port == connection->end.peer_port))) {
		ret->connection = connection;
		return JUDGE_CONNECTION;
	}
	peer_format(&connection->end, peer);
	(void)snprintf(ret->text, sizeof(ret->text),
		       "the kernel saw process %u serve %s port %u, not what the line says",
		       claim->pid, peer, connection->end.peer_port);
	return JUDGE_CONTRADICTED;
}

static enum judgement judge_by_peer(const struct session_table *sessions,
				    const struct connection *connection, const struct claim *claim,
				    struct judge_finding *ret)
{
	const struct process *process;

	if (!claim->pid || claim->pid == connection->pid) {
		ret->connection = connection;
		return JUDGE_CONNECTION;
	}
	/* Its session process was not seen (yet): the connection is real, its outcome unknown. */
	if (!connection->pid)
		return JUDGE_UNKNOWN;
	process = session_process(sessions, claim->pid, claim->arrived_ns);
	if (process && process->connection == connection->number) {
		ret->connection = connection;
		return JUDGE_CONNECTION;
	}
	(void)snprintf(ret->text, sizeof(ret->text),
		       "the kernel saw process %u serve that connection, not process %u",
		       connection->pid, claim->pid);
	return JUDGE_CONTRADICTED;
}

enum judgement judge_claim(const struct session_table *sessions, const struct claim *claim,
			   const struct witness_service *services, unsigned int count,
			   struct judge_finding *ret)
{
	const struct connection *connection;
	const struct process *process;

	ret->connection = NULL;
	ret->process = NULL;
	ret->text[0] = '\0';
	if (claim->pid) {
		connection = session_connection_by_pid(sessions, claim->pid, claim->arrived_ns);
		if (connection)
			return judge_by_process(connection, claim, ret);
		process = session_process(sessions, claim->pid, claim->arrived_ns);
		if (process && process->role == BL_ROLE_GAIN && process->session) {
			/* sudo and su speak of users; an address in such a line is made up. */
			if (claim->addr.family) {
				(void)snprintf(ret->text, sizeof(ret->text),
					       "process %u is %.40s in a session and has no peer",
					       claim->pid, process->exe);
				return JUDGE_CONTRADICTED;
			}
			ret->process = process;
			return JUDGE_PROCESS;
		}
	}
	if (claim->addr.family && claim->port) {
		connection = connection_by_peer(sessions, claim, services, count);
		if (connection)
			return judge_by_peer(sessions, connection, claim, ret);
	}
	return JUDGE_UNKNOWN;
}
