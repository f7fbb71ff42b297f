/* SPDX-License-Identifier: GPL-2.0-only */
/* Why an attempt is believed, or not, in a sentence. */
#include <stdio.h>
#include <string.h>

#include "analyst/evidence/witness.h"
#include "base/buf.h"

#define ORIGIN_TEXT_MAX (IPC_TEXT_MAX / 2)
#define ACCEPTED "accepted as configured, no witness"

/* The claim is no line's, but what the kernel saw PAM answer. */
static bool is_by_pam(const struct attempt *attempt)
{
	return attempt->origin && attempt->filter == CLAIM_FILTER_PAM;
}

static void origin_text(const struct attempt *attempt, char *to, size_t size)
{
	const struct log_origin *origin = attempt->origin;
	size_t used;

	if (!origin || !origin->trusted) {
		(void)snprintf(to, size, "%s",
			       origin && attempt->trust == TRUST_ATTESTED
				       ? "only the service can write its log"
				       : "who wrote it is unknown");
		return;
	}
	used = (size_t)snprintf(to, size, "%s process %u",
				is_by_pam(attempt) ? "the kernel saw PAM refuse" : "written by",
				origin->pid);
	if (origin->has_uid && used < size)
		used += (size_t)snprintf(to + used, size - used, " of uid %u", origin->uid);
	if (used < size)
		(void)snprintf(to + used, size - used, " (%.60s)",
			       origin->exe[0] ? origin->exe : "program unknown");
}

/* What the kernel saw become of a connection. */
static const char *became(enum attempt_note note)
{
	switch (note) {
	case ATTEMPT_OPEN:
		return "; it is still open";
	case ATTEMPT_ENDED:
		return ", end without a login";
	case ATTEMPT_FAILED_SILENTLY:
		return ", end without a login (no log line so far)";
	case ATTEMPT_FAILED_BY_PAM:
		return ", end without a login (PAM refused it; no log line so far)";
	case ATTEMPT_FAILED_TOLD:
		return ", end without a login (the log tells of it too)";
	case ATTEMPT_SUCCEEDED:
		return ", log in";
	case ATTEMPT_UNSAID:
	case ATTEMPT_SEEN:
	case ATTEMPT_LOGGED_IN:
	case ATTEMPT_PROCESS:
	case ATTEMPT_CONTRADICTED:
	case ATTEMPT_UNSENSED:
	case ATTEMPT_CONNECTED:
	case ATTEMPT_UNSURE:
	case ATTEMPT_UNWITNESSED:
	case ATTEMPT_PROXIED:
	case ATTEMPT_PROXY:
	case ATTEMPT_NOTE_MAX:
		break;
	}
	return "";
}

void attempt_text(const struct attempt *attempt, char ret_text[IPC_TEXT_MAX])
{
	char origin[ORIGIN_TEXT_MAX];

	switch (attempt->note) {
	case ATTEMPT_SEEN:
	case ATTEMPT_OPEN:
	case ATTEMPT_ENDED:
	case ATTEMPT_FAILED_SILENTLY:
	case ATTEMPT_FAILED_BY_PAM:
	case ATTEMPT_FAILED_TOLD:
	case ATTEMPT_SUCCEEDED:
		(void)snprintf(ret_text, IPC_TEXT_MAX,
			       "the kernel saw %s connection from port %u, process %u%s",
			       !attempt->origin ? "the"
			       : is_by_pam(attempt) && attempt->note == ATTEMPT_OPEN
				       ? "PAM refuse a try on this"
				       : "this",
			       attempt->peer_port, attempt->pid, became(attempt->note));
		return;
	case ATTEMPT_LOGGED_IN:
		(void)snprintf(
			ret_text, IPC_TEXT_MAX,
			"the kernel saw this connection log in (process %u); the line adds nothing",
			attempt->pid);
		return;
	case ATTEMPT_PROCESS:
		(void)snprintf(ret_text, IPC_TEXT_MAX,
			       "the kernel saw %.60s run as process %u in session %llu",
			       attempt->detail, attempt->pid, (unsigned long long)attempt->session);
		return;
	case ATTEMPT_CONTRADICTED:
		origin_text(attempt, origin, sizeof(origin));
		(void)snprintf(ret_text, IPC_TEXT_MAX, "%.120s; %.110s", attempt->detail, origin);
		return;
	case ATTEMPT_CONNECTED:
		origin_text(attempt, origin, sizeof(origin));
		(void)snprintf(ret_text, IPC_TEXT_MAX, "the kernel saw it connected to %s then; %s",
			       attempt->service_name, origin);
		return;
	case ATTEMPT_UNSURE:
		origin_text(attempt, origin, sizeof(origin));
		(void)snprintf(ret_text, IPC_TEXT_MAX,
			       "connections to %s are known in part only, this one is not; %s",
			       attempt->service_name, origin);
		return;
	case ATTEMPT_UNSENSED:
	case ATTEMPT_UNWITNESSED:
		origin_text(attempt, origin, sizeof(origin));
		(void)snprintf(ret_text, IPC_TEXT_MAX, "%s%s; %s",
			       attempt->note == ATTEMPT_UNSENSED ? "no sensor for this service"
			       : attempt->accepted		 ? ACCEPTED
								 : "no witness for this line",
			       attempt->relayed ? " of another host" : "", origin);
		return;
	case ATTEMPT_PROXIED:
		origin_text(attempt, origin, sizeof(origin));
		(void)snprintf(ret_text, IPC_TEXT_MAX, "address as %s's proxy told it%s; %s",
			       attempt->service_name, attempt->accepted ? ", " ACCEPTED : "",
			       origin);
		return;
	case ATTEMPT_PROXY:
		origin_text(attempt, origin, sizeof(origin));
		(void)snprintf(ret_text, IPC_TEXT_MAX,
			       "this is a proxy itself, so nothing is counted; %s", origin);
		return;
	case ATTEMPT_UNSAID:
	case ATTEMPT_NOTE_MAX:
		break;
	}
	ret_text[0] = '\0';
}
