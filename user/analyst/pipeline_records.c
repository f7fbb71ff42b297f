/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an administrator may want to see of the flow, as records for watch, why and the event log.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyst/exec_record.h"
#include "analyst/pipeline_inside.h"
#include "base/buf.h"

/* source: ipc_source.id, 0 = the kernel. */
static void record_init(const struct pipeline *p, struct ipc_record *record, enum record_kind kind,
			uint32_t source, uint64_t at_ns)
{
	const struct source *known = pipeline_source(p, source);

	memset(record, 0, sizeof(*record));
	record->kind = kind;
	record->time_boot_ns = at_ns;
	text_copy(record->source, sizeof(record->source), known ? known->name : "kernel");
}

void pipeline_record_attempt(struct pipeline *p, const struct attempt *attempt)
{
	struct ipc_record record;

	if (!p->sink.record)
		return;
	record_init(p, &record,
		    attempt->tries && attempt->trust > TRUST_FORGED ? RECORD_ATTEMPT : RECORD_CLAIM,
		    attempt->source, attempt->at_ns);
	if (!attempt->line[0])
		record.kind = attempt->success ? RECORD_CONNECTION : record.kind;
	record.subject = attempt->subject;
	record.result = attempt->success ? RESULT_SUCCESS : RESULT_FAILURE;
	record.trust = attempt->trust;
	record.count = attempt->tries;
	record.partial = attempt->note == ATTEMPT_UNSURE;
	record.pid = attempt->pid;
	record.session = attempt->session;
	record.peer_port = attempt->peer_port;
	record.local_port = attempt->local_port;
	text_copy(record.service, sizeof(record.service), attempt->service_name);
	text_copy(record.user, sizeof(record.user), attempt->user);
	attempt_text(attempt, record.text);
	text_copy(record.line, sizeof(record.line), attempt->line);
	p->sink.record(&record, p->sink.arg);
}

static const char *edge_words(uint16_t flags)
{
	if (flags & BL_SESSION_JOINED)
		return "over a connection made by";
	if (flags & BL_SESSION_AT)
		return "for a job of at, written by";
	return flags & BL_SESSION_CRON ? "for cron; the crontab was written by" : NULL;
}

void pipeline_record_session(struct pipeline *p, const struct session_change *change,
			     uint64_t at_ns)
{
	const struct session *session = change->session;
	struct ipc_record record;
	const char *edge = edge_words(session->flags);
	char joined[80] = "";

	if (!p->sink.record)
		return;
	record_init(p, &record, RECORD_SESSION, 0, at_ns);
	record.subject = (struct ipc_subject){ .kind = SUBJECT_SESSION, .id = session->tag };
	record.result = change->kind == SESSION_BORN ? RESULT_BEGIN : RESULT_END;
	record.trust = TRUST_WITNESSED;
	record.session = session->tag;
	record.pid = session->leader_pid;
	record.count = session->execs;
	record.peer_port = session->end.peer_port;
	record.local_port = session->end.local_port;
	text_copy(record.service, sizeof(record.service),
		  pipeline_service_name(p, session->service));
	if (edge)
		(void)snprintf(joined, sizeof(joined), ", %s session %" PRIu64, edge,
			       session->parent);
	(void)snprintf(record.text, sizeof(record.text), "login of uid %u, audit session %u%s%s%s",
		       session->auid, session->audit_session,
		       session->flags & BL_SESSION_INFERRED ? ", was there before bailiff" : "",
		       joined,
		       session->flags & BL_SESSION_LEFT ? ", left files to come back by" : "");
	p->sink.record(&record, p->sink.arg);
}

void pipeline_record_decision(struct pipeline *p, const struct decision *decision)
{
	struct ipc_record record;

	if (!p->sink.record)
		return;
	record_init(p, &record, RECORD_DECISION, 0, decision->at_ns);
	record.subject = decision->subject;
	record.trust = decision->trust;
	record.action = decision->action;
	record.count = decision->tries;
	record.decision = decision->number;
	record.partial = decision->partial;
	record.seconds = (uint32_t)decision->seconds;
	text_copy(record.user, sizeof(record.user), decision->user);
	text_copy(record.rule, sizeof(record.rule), decision->rule);
	text_copy(record.text, sizeof(record.text), decision->reason);
	p->sink.record(&record, p->sink.arg);
}

void pipeline_record_signal(struct pipeline *p, const struct signal *signal)
{
	struct ipc_record record;

	if (!p->sink.record)
		return;
	record_init(p, &record, RECORD_SIGNAL, 0, signal->at_ns);
	record.subject.kind = signal->session ? SUBJECT_SESSION : SUBJECT_HOST;
	record.subject.id = signal->session;
	record.trust = TRUST_WITNESSED;
	record.session = signal->session;
	record.pid = signal->pid;
	(void)snprintf(record.user, sizeof(record.user), "%u", signal->uid);
	text_copy(record.text, sizeof(record.text), signal->text);
	p->sink.record(&record, p->sink.arg);
}

void pipeline_record_exec(struct pipeline *p, const struct bl_event_exec *exec)
{
	struct ipc_record record;

	if (!p->sink.record)
		return;
	record_init(p, &record, RECORD_EXEC, 0, exec->head.boot_ns);
	exec_record(exec, &record);
	p->sink.record(&record, p->sink.arg);
}
