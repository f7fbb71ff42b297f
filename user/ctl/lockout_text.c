/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lockouts and sessions for people and for programs. Session numbers are strings in JSON: they have
 * 64 bits, and readers that keep numbers as doubles would round them.
 */
#include "ctl/lockout_text.h"

#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#include <bailiff/words.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/clock.h"

void lockout_begin(struct grid *grid, struct buf *out, bool colour)
{
	static const char *const head[] = { "SUBJECT", "UNTIL",	  "LEFT", "ACTION",
					    "RULE",    "REFUSED", "BY",	  "REASON" };

	_Static_assert(ARRAY_SIZE(head) <= GRID_COLUMNS_MAX, "columns");
	grid_begin(grid, out, colour, head, ARRAY_SIZE(head));
}

/* "freeze, held" or "quarantine, freeze in 9m" */
static void step_of(const struct control_lockout *lockout, uint64_t now_wall_ns, char text[64])
{
	char left[CLOCK_TEXT_MAX] = "0s";

	if (lockout->held || !lockout->next_wall_ns) {
		(void)snprintf(text, 64, "%s%s", bl_word_action(lockout->action),
			       lockout->held ? ", held" : "");
		return;
	}
	if (lockout->next_wall_ns > now_wall_ns)
		duration_format((lockout->next_wall_ns - now_wall_ns) / NSEC_PER_SEC, left);
	(void)snprintf(text, 64, "%s, %s in %.20s", bl_word_action(lockout->action),
		       bl_word_action(lockout->next), left);
}

void lockout_put_row(struct grid *grid, const struct control_lockout *lockout, uint64_t now_wall_ns)
{
	char subject[OUTPUT_SUBJECT_MAX], until[OUTPUT_TIME_MAX], left[CLOCK_TEXT_MAX] = "0s";
	char refused[24], action[64];
	const char *cells[] = {
		subject,
		until,
		left,
		action,
		lockout->rule[0] ? lockout->rule : "-",
		refused,
		lockout->who[0] ? lockout->who : "bailiff",
		lockout->reason,
	};

	step_of(lockout, now_wall_ns, action);
	output_subject(&lockout->subject, subject);
	output_time(lockout->until_wall_ns, until);
	if (lockout->until_wall_ns > now_wall_ns)
		duration_format((lockout->until_wall_ns - now_wall_ns) / NSEC_PER_SEC, left);
	(void)snprintf(refused, sizeof(refused), "%" PRIu64, (uint64_t)lockout->refused);
	grid_row(grid, cells);
}

void lockout_put_json(struct buf *out, const struct control_lockout *lockout)
{
	struct json_writer w;

	json_begin(&w, out);
	json_object(&w, NULL);
	output_json_subject(&w, &lockout->subject);
	json_string(&w, "action", bl_word_action(lockout->action));
	if (lockout->held)
		json_bool(&w, "held", true);
	if (lockout->next_wall_ns) {
		json_string(&w, "next", bl_word_action(lockout->next));
		output_json_time(&w, "next_time", lockout->next_wall_ns);
	}
	output_json_time(&w, "locked", lockout->locked_wall_ns);
	output_json_time(&w, "until", lockout->until_wall_ns);
	json_u64(&w, "refused", lockout->refused);
	json_u64(&w, "decision", lockout->decision);
	json_string(&w, "rule", lockout->rule);
	json_string(&w, "who", lockout->who);
	json_string(&w, "reason", lockout->reason);
	json_end_object(&w);
	buf_putc(out, '\n');
}

void session_begin(struct grid *grid, struct buf *out, bool colour)
{
	static const char *const head[] = { "SESSION", "USER",	    "TYPE",   "SERVICE", "FROM",
					    "SINCE",   "PROCESSES", "LEADER", "STATE" };

	_Static_assert(ARRAY_SIZE(head) <= GRID_COLUMNS_MAX, "columns");
	grid_begin(grid, out, colour, head, ARRAY_SIZE(head));
}

/* "" where the session serves no connection. */
static void peer_of(const struct bl_endpoint *end, char text[ADDR_TEXT_MAX])
{
	struct addr addr;

	text[0] = '\0';
	if ((end->family == AF_INET || end->family == AF_INET6) &&
	    addr_from_bytes(end->family, end->peer, &addr) == 0)
		addr_format(&addr, text);
}

#define STATE_MAX 112

/* How a session hangs together with parent_session, and how sure that is. */
struct edge {
	uint32_t flag;
	const char *words, *reason, *strength;
};

static const struct edge *edge_of(const struct control_session *session)
{
	static const struct edge edges[] = {
		{ BL_SESSION_JOINED, "joined to", "connection", "certain" },
		{ BL_SESSION_AT, "job of", "at", "certain" },
		{ BL_SESSION_CRON, "crontab of", "cron", "likely" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(edges); i++)
		if (session->flags & edges[i].flag)
			return &edges[i];
	return NULL;
}

static void state_of(const struct control_session *session, char text[STATE_MAX])
{
	const struct edge *edge = edge_of(session);
	char joined[48] = "";

	if (edge)
		(void)snprintf(joined, sizeof(joined), ", %s %" PRIu64, edge->words,
			       (uint64_t)session->parent_session);
	(void)snprintf(text, STATE_MAX, "%s%s%s%s",
		       session->locked ? bl_word_action(session->locked) : "open",
		       session->flags & BL_SESSION_INFERRED ? ", older than bailiff" : "", joined,
		       session->flags & BL_SESSION_LEFT ? ", left files" : "");
}

static const char *type_of(const struct control_session *session)
{
	static const char *const names[] = {
		[SESSION_TYPE_UNKNOWN] = "unknown", [SESSION_TYPE_REMOTE] = "remote",
		[SESSION_TYPE_CONSOLE] = "console", [SESSION_TYPE_CRON] = "cron",
		[SESSION_TYPE_AT] = "at",	    [SESSION_TYPE_MANAGER] = "manager",
		[SESSION_TYPE_SU] = "su",
	};

	_Static_assert(ARRAY_SIZE(names) == SESSION_TYPE_MAX, "session types");
	return names[session->type < SESSION_TYPE_MAX ? session->type : SESSION_TYPE_UNKNOWN];
}

void session_put_row(struct grid *grid, const struct control_session *session)
{
	char number[24], peer[ADDR_TEXT_MAX], since[OUTPUT_TIME_MAX], processes[16], leader[16];
	char state[STATE_MAX], uid[24];
	const char *cells[] = {
		number,
		session->user[0] ? session->user : uid,
		type_of(session),
		session->service[0] ? session->service : "-",
		peer,
		since,
		processes,
		leader,
		state,
	};

	(void)snprintf(number, sizeof(number), "%" PRIu64, (uint64_t)session->session);
	(void)snprintf(uid, sizeof(uid), "uid %u", session->auid);
	(void)snprintf(processes, sizeof(processes), "%u", session->processes);
	(void)snprintf(leader, sizeof(leader), "%u", session->leader_pid);
	peer_of(&session->end, peer);
	if (!peer[0])
		(void)snprintf(peer, sizeof(peer), "-");
	output_time(session->born_wall_ns, since);
	state_of(session, state);
	grid_row(grid, cells);
}

static void put_number(struct json_writer *w, const char *key, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	json_string(w, key, text);
}

void session_put_json(struct buf *out, const struct control_session *session)
{
	const struct edge *edge = edge_of(session);
	char peer[ADDR_TEXT_MAX];
	struct json_writer w;

	peer_of(&session->end, peer);
	json_begin(&w, out);
	json_object(&w, NULL);
	put_number(&w, "session", session->session);
	if (session->parent_session)
		put_number(&w, "parent", session->parent_session);
	if (edge) {
		json_object(&w, "edge");
		json_string(&w, "reason", edge->reason);
		json_string(&w, "strength", edge->strength);
		json_end_object(&w);
	}
	json_string(&w, "user", session->user);
	json_u64(&w, "auid", session->auid);
	json_u64(&w, "audit_session", session->audit_session);
	json_string(&w, "type", type_of(session));
	json_string(&w, "service", session->service);
	if (peer[0]) {
		json_object(&w, "source");
		json_string(&w, "ip", peer);
		json_u64(&w, "port", session->end.peer_port);
		json_end_object(&w);
	}
	output_json_time(&w, "born", session->born_wall_ns);
	json_u64(&w, "leader_pid", session->leader_pid);
	json_u64(&w, "processes", session->processes);
	json_string(&w, "locked", session->locked ? bl_word_action(session->locked) : "no");
	json_bool(&w, "inferred", session->flags & BL_SESSION_INFERRED);
	json_bool(&w, "left", session->flags & BL_SESSION_LEFT);
	json_end_object(&w);
	buf_putc(out, '\n');
}
