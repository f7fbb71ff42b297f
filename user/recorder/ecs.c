/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records, outcomes and status as JSON with ECS names.
 *
 * Session tags are strings: they have 64 bits, and readers that keep numbers as doubles would
 * round them. source.ip is there only for a single address, since ECS types it as one; a /64
 * stands in bailiff.subject.value.
 */
#include "recorder/ecs.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>

#include <bailiff/words.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"

_Static_assert(ECS_SUBJECT_MAX >= ADDR_TEXT_MAX, "an address fits");

#define ECS_VERSION "8.11.0"

struct ecs_class {
	const char *category;
	const char *type;
};

/* Category and type are lists in ECS, and only certain pairs are allowed. */
static const struct ecs_class record_classes[] = {
	[0] = { "host", "info" },
	[RECORD_CLAIM] = { "authentication", "info" },
	[RECORD_ATTEMPT] = { "authentication", "start" },
	[RECORD_CONNECTION] = { "network", "connection" },
	[RECORD_SESSION] = { "session", "info" },
	[RECORD_DECISION] = { "intrusion_detection", "info" },
	[RECORD_SOURCE] = { "host", "info" },
	[RECORD_EXEC] = { "process", "start" },
	[RECORD_SIGNAL] = { "intrusion_detection", "info" },
};
_Static_assert(ARRAY_SIZE(record_classes) == RECORD_KIND_MAX, "record classes");

static const struct ecs_class outcome_classes[] = {
	[0] = { "host", "info" },
	[OUTCOME_APPLIED] = { "intrusion_detection", "denied" },
	[OUTCOME_OBSERVED] = { "intrusion_detection", "info" },
	[OUTCOME_EXEMPT] = { "intrusion_detection", "allowed" },
	[OUTCOME_LAST_WAY_IN] = { "intrusion_detection", "allowed" },
	[OUTCOME_LIMIT] = { "intrusion_detection", "allowed" },
	[OUTCOME_FAILED] = { "intrusion_detection", "info" },
	[OUTCOME_EXPIRED] = { "intrusion_detection", "allowed" },
	[OUTCOME_RELEASED] = { "intrusion_detection", "allowed" },
	[OUTCOME_PROCESS_ENDED] = { "process", "end" },
};
_Static_assert(ARRAY_SIZE(outcome_classes) == OUTCOME_RESULT_MAX, "outcome classes");

void ecs_subject(const struct ipc_subject *subject, char ret_text[ECS_SUBJECT_MAX])
{
	struct addr addr;

	ret_text[0] = '\0';
	if (subject->kind == SUBJECT_SESSION || subject->kind == SUBJECT_USER) {
		(void)snprintf(ret_text, ECS_SUBJECT_MAX, "%" PRIu64, (uint64_t)subject->id);
	} else if (subject->kind == SUBJECT_ADDRESS) {
		addr = (struct addr){ .family = subject->family, .prefix = subject->prefix };
		for (size_t i = 0; i < sizeof(addr.bytes); i++)
			addr.bytes[i] = subject->addr[i];
		addr_format(&addr, ret_text);
	}
}

static bool single_address(const struct ipc_subject *subject)
{
	return subject->kind == SUBJECT_ADDRESS &&
	       subject->prefix == (subject->family == AF_INET ? 32 : 128);
}

static void put_time(struct json_writer *w, const char *key, uint64_t wall_ns)
{
	char text[CLOCK_TEXT_MAX];

	clock_format(wall_ns, text);
	json_string(w, key, text);
}

static void put_text(struct json_writer *w, const char *key, const char *text)
{
	if (text[0])
		json_string(w, key, text);
}

static void put_name(struct json_writer *w, const char *object, const char *name)
{
	if (!name[0])
		return;
	json_object(w, object);
	json_string(w, "name", name);
	json_end_object(w);
}

static void put_port(struct json_writer *w, const char *object, const char *ip, uint16_t port)
{
	if (!ip && !port)
		return;
	json_object(w, object);
	if (ip)
		json_string(w, "ip", ip);
	if (port)
		json_u64(w, "port", port);
	json_end_object(w);
}

static void put_subject(struct json_writer *w, const struct ipc_subject *subject)
{
	char text[ECS_SUBJECT_MAX];

	if (subject->kind == SUBJECT_NONE)
		return;
	ecs_subject(subject, text);
	json_object(w, "subject");
	json_string(w, "kind", bl_word_subject(subject->kind));
	put_text(w, "value", text);
	json_end_object(w);
}

/* Leaves the object "event" open for the caller's own members. */
static void begin(struct json_writer *w, struct buf *out, uint64_t wall_ns, const char *kind,
		  const struct ecs_class *class, const char *type, const char *action)
{
	json_begin(w, out);
	json_object(w, NULL);
	put_time(w, "@timestamp", wall_ns);
	json_object(w, "ecs");
	json_string(w, "version", ECS_VERSION);
	json_end_object(w);
	json_object(w, "event");
	json_string(w, "kind", kind);
	json_array(w, "category");
	json_string(w, NULL, class->category);
	json_end_array(w);
	json_array(w, "type");
	json_string(w, NULL, type ? type : class->type);
	json_end_array(w);
	json_string(w, "action", action);
	json_string(w, "module", "bailiff");
}

static const char *session_type(const struct ipc_record *record)
{
	if (record->kind != RECORD_SESSION)
		return NULL;
	if (record->result == RESULT_BEGIN)
		return "start";
	return record->result == RESULT_END ? "end" : NULL;
}

static void put_session(struct json_writer *w, uint64_t session)
{
	char text[24];

	if (!session)
		return;
	(void)snprintf(text, sizeof(text), "%" PRIu64, session);
	json_string(w, "session", text);
}

/* Of a program start and of a signal only the number is known: the analyst cannot look up names. */
static void put_user(struct json_writer *w, const struct ipc_record *record)
{
	if (record->kind != RECORD_EXEC && record->kind != RECORD_SIGNAL) {
		put_name(w, "user", record->user);
		return;
	}
	json_object(w, "user");
	json_string(w, "id", record->user);
	json_end_object(w);
}

void ecs_record(struct buf *out, const char *host, const struct ipc_record *record,
		uint64_t wall_ns)
{
	struct json_writer w;
	char ip[ECS_SUBJECT_MAX];

	begin(&w, out, wall_ns, "event", &record_classes[record->kind], session_type(record),
	      bl_word_record(record->kind));
	if (record->result == RESULT_FAILURE || record->result == RESULT_SUCCESS)
		json_string(&w, "outcome", bl_word_result(record->result));
	put_text(&w, "provider", record->source);
	put_text(&w, "original", record->line);
	json_end_object(&w);
	put_text(&w, "message", record->text);
	put_name(&w, "host", host);
	ecs_subject(&record->subject, ip);
	put_port(&w, "source", single_address(&record->subject) ? ip : NULL, record->peer_port);
	put_port(&w, "destination", NULL, record->local_port);
	put_name(&w, "service", record->service);
	put_user(&w, record);
	if (record->pid) {
		json_object(&w, "process");
		json_u64(&w, "pid", record->pid);
		if (record->kind == RECORD_EXEC)
			put_text(&w, "command_line", record->text);
		json_end_object(&w);
	}
	put_name(&w, "rule", record->rule);
	json_object(&w, "bailiff");
	json_string(&w, "form", "record");
	put_subject(&w, &record->subject);
	json_string(&w, "trust", bl_word_trust(record->trust));
	if (record->result)
		json_string(&w, "result", bl_word_result(record->result));
	if (record->action)
		json_string(&w, "action", bl_word_action(record->action));
	if (record->seconds)
		json_u64(&w, "seconds", record->seconds);
	if (record->count)
		json_u64(&w, "count", record->count);
	if (record->decision)
		json_u64(&w, "decision", record->decision);
	put_session(&w, record->session);
	if (record->partial)
		json_bool(&w, "partial", true);
	json_end_object(&w);
	json_end_object(&w);
}

static const char *outcome_result(const struct ipc_outcome *outcome)
{
	switch ((enum outcome_result)outcome->result) {
	case OUTCOME_APPLIED:
	case OUTCOME_EXPIRED:
	case OUTCOME_RELEASED:
	case OUTCOME_PROCESS_ENDED:
		return "success";
	case OUTCOME_EXEMPT:
	case OUTCOME_LAST_WAY_IN:
	case OUTCOME_LIMIT:
	case OUTCOME_FAILED:
		return "failure";
	case OUTCOME_OBSERVED:
	case OUTCOME_RESULT_MAX:
		break;
	}
	return "unknown";
}

void ecs_outcome(struct buf *out, const char *host, const struct ipc_outcome *outcome,
		 uint64_t wall_ns, uint64_t until_wall_ns)
{
	const bool ended = outcome->result == OUTCOME_PROCESS_ENDED;
	struct json_writer w;
	char ip[ECS_SUBJECT_MAX];

	begin(&w, out, wall_ns, "event", &outcome_classes[outcome->result], NULL,
	      bl_word_action(outcome->action));
	json_string(&w, "outcome", outcome_result(outcome));
	json_end_object(&w);
	if (!ended)
		put_text(&w, "message", outcome->text);
	put_name(&w, "host", host);
	ecs_subject(&outcome->subject, ip);
	put_port(&w, "source", single_address(&outcome->subject) ? ip : NULL, 0);
	if (outcome->pid || ended) {
		json_object(&w, "process");
		json_u64(&w, "pid", outcome->pid);
		if (ended)
			put_text(&w, "executable", outcome->text);
		json_end_object(&w);
	}
	put_name(&w, "rule", outcome->rule);
	json_object(&w, "bailiff");
	json_string(&w, "form", "outcome");
	put_subject(&w, &outcome->subject);
	json_string(&w, "action", bl_word_action(outcome->action));
	json_string(&w, "result", bl_word_outcome(outcome->result));
	if (until_wall_ns)
		put_time(&w, "until", until_wall_ns);
	if (outcome->result == OUTCOME_EXPIRED || outcome->result == OUTCOME_RELEASED)
		json_u64(&w, "refused", outcome->refused);
	if (outcome->decision)
		json_u64(&w, "decision", outcome->decision);
	put_text(&w, "who", outcome->who);
	json_end_object(&w);
	json_end_object(&w);
}

static void put_analyst(struct json_writer *w, const struct ipc_heartbeat *analyst)
{
	json_object(w, "analyst");
	json_u64(w, "events", analyst->events);
	json_u64(w, "lost", analyst->lost);
	json_u64(w, "malformed", analyst->malformed);
	json_u64(w, "records", analyst->records);
	json_u64(w, "claims", analyst->claims);
	json_u64(w, "attempts", analyst->attempts);
	json_u64(w, "decisions", analyst->decisions);
	json_u64(w, "refused", analyst->refused);
	json_u64(w, "stale", analyst->stale);
	json_u64(w, "regex_limit", analyst->regex_limit);
	json_u64(w, "sessions", analyst->sessions);
	json_u64(w, "connections", analyst->connections);
	json_u64(w, "subjects", analyst->subjects);
	json_end_object(w);
}

void ecs_status(struct buf *out, const char *host, const struct ipc_status *status,
		uint64_t wall_ns, uint64_t started_wall_ns)
{
	static const struct ecs_class class = { "host", "info" };
	struct json_writer w;

	begin(&w, out, wall_ns, "metric", &class, NULL, "status");
	json_end_object(&w);
	put_name(&w, "host", host);
	json_object(&w, "bailiff");
	json_string(&w, "form", "status");
	json_string(&w, "mode", bl_word_mode(status->mode));
	if (started_wall_ns)
		put_time(&w, "started", started_wall_ns);
	json_u64(&w, "restarts_analyst", status->restarts_analyst);
	json_u64(&w, "restarts_recorder", status->restarts_recorder);
	json_u64(&w, "lockouts_address", status->lockouts_address);
	json_u64(&w, "lockouts_session", status->lockouts_session);
	json_u64(&w, "lockouts_user", status->lockouts_user);
	json_u64(&w, "degraded", status->degraded);
	json_u64(&w, "canary_late", status->canary_late);
	json_u64(&w, "events", status->events);
	json_u64(&w, "lost", status->lost);
	json_u64(&w, "skipped", status->skipped);
	json_u64(&w, "refused_inbound", status->refused_inbound);
	json_u64(&w, "refused_outbound", status->refused_outbound);
	json_u64(&w, "refused_limit", status->refused_limit);
	put_analyst(&w, &status->analyst);
	json_end_object(&w);
	json_end_object(&w);
}

void ecs_skipped(struct buf *out, const char *host, uint64_t count, uint64_t wall_ns)
{
	static const struct ecs_class class = { "host", "info" };
	struct json_writer w;

	begin(&w, out, wall_ns, "metric", &class, NULL, "skipped");
	json_end_object(&w);
	put_name(&w, "host", host);
	json_object(&w, "bailiff");
	json_string(&w, "form", "skipped");
	json_u64(&w, "count", count);
	json_end_object(&w);
	json_end_object(&w);
}
