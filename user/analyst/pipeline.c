/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The order of the stages. Each returns values; only this file passes them on.
 *
 *   event ------> session ----change----> witness --attempt--> correlation --match--> decision
 *   log record -> filter ------claim----^
 *   event ------> signal ----------------------------------^
 *
 * What an administrator may want to see of it leaves as records on the way.
 */
#include "analyst/pipeline_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

#define ACCOUNTS_MAX 4096 /* names of those who logged in */
#define KEEP_ENDED_NS (60ULL * NSEC_PER_SEC) /* processes and connections, for late log lines */

int pipeline_new(struct pipeline **ret, const struct pipeline_sink *sink, const uint64_t seed[2])
{
	_cleanup_(pipeline_freep) struct pipeline *p = NULL;
	int r;

	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->sink = *sink;
	r = session_table_new(&p->sessions, seed);
	if (r < 0)
		return r;
	r = filter_set_new(&p->filters);
	if (r < 0)
		return r;
	filter_set_seed(p->filters, seed);
	r = witness_new(&p->witness, seed);
	if (r < 0)
		return r;
	r = correlation_new(&p->correlation, &p->rules, seed);
	if (r < 0)
		return r;
	r = signals_new(&p->signals, seed);
	if (r < 0)
		return r;
	r = decider_new(&p->decider, seed);
	if (r < 0)
		return r;
	r = table_new(&p->accounts, IPC_USER_MAX, sizeof(uint32_t), ACCOUNTS_MAX, seed);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

struct pipeline *pipeline_free(struct pipeline *p)
{
	if (!p)
		return NULL;
	table_free(p->accounts);
	decider_free(p->decider);
	signals_free(p->signals);
	correlation_free(p->correlation);
	witness_free(p->witness);
	filter_set_free(p->filters);
	session_table_free(p->sessions);
	free(p);
	return NULL;
}

struct filter_set *pipeline_filters(struct pipeline *p)
{
	return p->filters;
}

/* ---- the flow ---- */

static void on_match(const struct match *match, void *arg)
{
	struct pipeline *p = arg;
	bool lost = p->lost_at_ns && p->lost_at_ns >= match->first_ns;
	struct decision decision;

	if (!decider_decide(p->decider, match, lost, p->now_ns, &decision))
		return;
	p->decisions++;
	pipeline_record_decision(p, &decision);
	p->sink.decision(&decision, p->sink.arg);
}

/* false: nobody of that name has logged in since we look. */
static bool account_find(const struct pipeline *p, const char *name, uint32_t *ret_uid)
{
	char key[IPC_USER_MAX] = "";
	const uint32_t *uid;

	if (!name[0] || !table_count(p->accounts))
		return false;
	text_copy(key, sizeof(key), name);
	uid = table_peek(p->accounts, key);
	if (uid)
		*ret_uid = *uid;
	return uid != NULL;
}

void pipeline_account(struct pipeline *p, uint32_t uid, const char *name)
{
	char key[IPC_USER_MAX] = "";
	void *value;

	/* One that was cut may be another's. */
	if (!name[0] || strlen(name) >= sizeof(key) - 1)
		return;
	text_copy(key, sizeof(key), name);
	(void)table_put(p->accounts, key, &value);
	*(uint32_t *)value = uid;
}

static bool users_matter(const struct pipeline *p)
{
	for (unsigned int i = 0; i < p->rules.count; i++)
		if (p->rules.rule[i].subject == SUBJECT_USER)
			return true;
	return false;
}

static void told_name(const struct pipeline *p, const struct attempt_told *told,
		      struct told_names *ret)
{
	const struct source *source = pipeline_source(p, told->source);

	*ret = (struct told_names){
		.source = source ? source->conf : "",
		.filter = filter_name(p->filters, told->filter),
		.trust = told->trust,
		.accepted = told->accepted,
	};
	ret->service = told->service ? pipeline_service_name(p, told->service) : ret->filter;
}

static void on_attempt(const struct attempt *attempt, void *arg)
{
	struct pipeline *p = arg;
	const struct source *source = pipeline_source(p, attempt->source);
	struct attempt_names names;

	/* Nobody looks at more of names.told than told_count. */
	names.source = source ? source->conf : "";
	names.filter = source ? filter_name(p->filters, attempt->filter) : "";
	for (uint32_t i = 0; i < attempt->told_count; i++)
		told_name(p, &attempt->told[i], &names.told[i]);
	names.has_uid = account_find(p, attempt->user, &names.uid);
	p->attempts += attempt->tries;
	pipeline_record_attempt(p, attempt);
	correlation_attempt(p->correlation, attempt, &names, on_match, p);
}

static void auth_event(struct pipeline *p, const struct bl_event_auth *auth)
{
	struct claim claim;

	if (claim_from_auth(auth, p->sessions, &claim))
		witness_claim(p->witness, p->sessions, &claim,
			      pipeline_service(p, auth->pam_service), auth->pam_service,
			      TRUST_ATTESTED, p->now_ns, on_attempt, p);
}

static void signals_pass(struct pipeline *p, const union bl_event *event)
{
	struct signal signal[SIGNAL_PER_EVENT];
	unsigned int count = signals_of(p->signals, event, signal);

	for (unsigned int i = 0; i < count; i++) {
		p->signaled++;
		pipeline_record_signal(p, &signal[i]);
		correlation_signal(p->correlation, &signal[i], on_match, p);
	}
}

void pipeline_event(struct pipeline *p, const union bl_event *event, uint64_t now_ns)
{
	struct session_change change;

	p->events++;
	p->now_ns = now_ns;
	if (event->head.lost > p->lost) {
		p->lost = event->head.lost;
		p->lost_at_ns = now_ns;
	}
	if (p->tell_execs && event->head.kind == BL_EVENT_EXEC && event->exec.task.session &&
	    (!p->but_of || event->exec.task.ppid != p->but_of))
		pipeline_record_exec(p, &event->exec);
	if (event->head.kind == BL_EVENT_AUTH)
		auth_event(p, &event->auth);
	if (event->head.kind == BL_EVENT_CONNECTION)
		witness_connection(p->witness, p->sessions, &event->connection, on_attempt, p);
	session_event(p->sessions, event, &change);
	signals_pass(p, event);
	if (change.kind == SESSION_NOTHING)
		return;
	if (change.kind == SESSION_BORN || change.kind == SESSION_ENDED)
		pipeline_record_session(p, &change, event->head.boot_ns);
	if (change.kind == SESSION_BORN && p->sink.account && users_matter(p))
		p->sink.account(change.session->auid, p->sink.arg);
	witness_change(p->witness, p->sessions, &change, now_ns, on_attempt, p);
}

void pipeline_was_there(struct pipeline *p, const struct bl_endpoint *end, uint64_t now_ns)
{
	witness_was_there(p->witness, end, now_ns);
}

void pipeline_all_were_told(struct pipeline *p, uint64_t now_ns)
{
	witness_all_were_told(p->witness, now_ns);
}

static void claim_take(struct pipeline *p, struct source *source,
		       const struct source_filter *filter, const struct log_record *record,
		       struct claim *claim)
{
	uint64_t at_ns = pipeline_happened_ns(p, record, claim->said_wall_ns);

	source->past_years += claim->past_year;
	if (!at_ns) {
		p->stale++;
		return;
	}
	claim->arrived_ns = at_ns;
	witness_claim(p->witness, p->sessions, claim, filter->service,
		      filter_name(p->filters, filter->filter),
		      pipeline_trust(p, source, filter->service, record), at_ns, on_attempt, p);
}

static const char *exe_of(const struct pipeline *p, uint32_t pid, uint64_t at_ns)
{
	const struct process *process = pid ? session_process(p->sessions, pid, at_ns) : NULL;

	return process && !process->ended_ns ? process->exe : "";
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/*
 * Which service an audit record is about: the program's name up to a "-" (sshd-session). What the
 * program says of its own file is believed where the kernel saw it start that.
 */
static void audit_take(struct pipeline *p, const struct source *source,
		       const struct log_record *record)
{
	struct log_record seen = *record;
	const char *exe = exe_of(p, record->origin.pid, record->arrived_ns);
	const char *said = last_part(audit_said_exe(record));
	char name[IPC_NAME_MAX];
	struct claim claim;
	uint16_t service;

	if (exe[0] && !strcmp(last_part(exe), said))
		text_copy(seen.origin.exe, sizeof(seen.origin.exe), exe);
	text_copy(name, sizeof(name), said);
	service = pipeline_service(p, name);
	if (!service) {
		name[strcspn(name, "-")] = '\0';
		service = pipeline_service(p, name);
	}
	if (audit_claim(&seen, &claim) == FILTER_IGNORED)
		return;
	witness_claim(p->witness, p->sessions, &claim, service, name[0] ? name : "audit",
		      pipeline_trust(p, source, service, &seen), p->now_ns, on_attempt, p);
}

static struct source *source_of(struct pipeline *p, uint32_t id)
{
	const struct source *source = pipeline_source(p, id);

	return source ? &p->source[source - p->source] : NULL;
}

void pipeline_log_record(struct pipeline *p, const struct log_record *given)
{
	struct source *source = source_of(p, given->source);
	const struct log_record *record = given;
	struct log_record sent;
	struct claim claim;

	if (!source)
		return;
	p->records++;
	p->now_ns = record->arrived_ns;
	if (record->audit) {
		audit_take(p, source, record);
		return;
	}
	if (record->syslog) {
		sent = *record;
		datagram_origin(record, exe_of(p, record->sender->pid, record->arrived_ns),
				source->relay_uid, &sent.origin);
		record = &sent;
	}
	for (unsigned int i = 0; i < source->filters; i++) {
		const struct source_filter *filter = &source->filter[i];
		enum filter_outcome outcome =
			filter_match(p->filters, filter->filter, record, &claim);

		if (outcome == FILTER_NOMATCH)
			continue;
		claim.accepted = source->accepted >> i & 1U;
		claim.relayed = source->relayed;
		if (outcome == FILTER_FAILURE || outcome == FILTER_SUCCESS)
			claim_take(p, source, filter, record, &claim);
		break;
	}
}

void pipeline_source_attested(struct pipeline *p, uint32_t id, bool attested)
{
	for (unsigned int i = 0; i < p->sources; i++)
		if (p->source[i].id == id)
			p->source[i].attested = attested;
}

void pipeline_clock(struct pipeline *p, int64_t boot_to_wall_ns)
{
	p->boot_to_wall_ns = boot_to_wall_ns;
	filter_set_clock(p->filters, boot_to_wall_ns);
}

void pipeline_clock_step(struct pipeline *p, uint64_t at_ns, int64_t before_ns)
{
	if (p->steps == CLOCK_STEPS_MAX)
		memmove(p->step, p->step + 1, --p->steps * sizeof(p->step[0]));
	p->step[p->steps++] = (struct clock_step){ at_ns, before_ns };
}

uint64_t pipeline_source_past_years(const struct pipeline *p, uint32_t id)
{
	const struct source *source = pipeline_source(p, id);

	return source ? source->past_years : 0;
}

void pipeline_tick(struct pipeline *p, uint64_t now_ns)
{
	p->now_ns = now_ns;
	witness_tick(p->witness, p->sessions, now_ns, on_attempt, p);
	session_expire(p->sessions, now_ns, KEEP_ENDED_NS);
}

void pipeline_tell_execs(struct pipeline *p, bool tell, uint32_t but_of)
{
	p->tell_execs = tell;
	p->but_of = but_of;
}

void pipeline_want_signals(struct pipeline *p, uint32_t wanted)
{
	signals_want(p->signals, wanted);
}

void pipeline_outcome(struct pipeline *p, const struct ipc_outcome *outcome)
{
	decider_outcome(p->decider, outcome);
	if (outcome->result == OUTCOME_RELEASED || outcome->result == OUTCOME_EXPIRED)
		correlation_forget(p->correlation, &outcome->subject);
}

void pipeline_history(struct pipeline *p, const struct ipc_history *history, uint64_t now_ns,
		      int64_t boot_to_wall_ns)
{
	uint64_t now_wall_ns = now_ns + (uint64_t)boot_to_wall_ns;
	uint64_t age_ns =
		now_wall_ns > history->last_wall_ns ? now_wall_ns - history->last_wall_ns : 0;

	if (history->lockouts)
		decider_restore(p->decider, &history->subject, history->lockouts);
	/* Before this boot there is no boot time to give it; then it is too old for a window
	 * anyway. */
	if (history->attempts && age_ns < now_ns)
		correlation_restore(p->correlation, &history->subject, history->attempts,
				    now_ns - age_ns);
}

void pipeline_stats(const struct pipeline *p, struct ipc_heartbeat *ret)
{
	struct session_stats sessions;
	struct filter_stats filters;
	struct witness_stats witness;
	struct correlation_stats correlation;

	session_stats(p->sessions, &sessions);
	filter_stats(p->filters, &filters);
	witness_stats(p->witness, &witness);
	correlation_stats(p->correlation, &correlation);
	ret->events = p->events;
	ret->lost = p->lost;
	ret->records = p->records;
	ret->claims = witness.claims;
	ret->attempts = p->attempts;
	ret->decisions = p->decisions;
	ret->refused = sessions.refused + filters.joined_refused + witness.refused +
		       correlation.refused + table_evicted(p->accounts) +
		       signals_refused(p->signals);
	ret->regex_limit = filters.regex_limit;
	ret->interpreted = filters.interpreted;
	ret->stale = p->stale;
	ret->sessions = sessions.sessions;
	ret->connections = sessions.connections;
	ret->subjects = correlation.subjects;
}
