/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The order of the stages. Each returns values; only this file passes them on.
 *
 *   event ------> session ----change----> witness --attempt--> correlation --match--> decision
 *   log record -> filter ------claim----^
 *
 * What an administrator may want to see of it leaves as records on the way.
 */
#include "analyst/pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/exec_record.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/table.h"

#define SERVICES_MAX 64
#define SOURCES_MAX 384 /* as many as live.h and replay take */
#define SOURCE_FILTERS 8
#define ACCOUNTS_MAX 4096 /* names of those who logged in */
#define LATE_NS (60ULL * NSEC_PER_SEC) /* between writing and reading, on a busy machine */
#define KEEP_ENDED_NS (60ULL * NSEC_PER_SEC) /* processes and connections, for late log lines */

struct source_filter {
	uint16_t filter;
	uint16_t service; /* of the filter's name, else the source's, 0 = none */
};

struct source {
	uint32_t id;
	uint32_t kind; /* enum ipc_source_kind */
	uint32_t relay_uid; /* syslog */
	bool attested;
	bool relayed;
	uint32_t accepted; /* bit per place in filter[] */
	unsigned int filters;
	struct source_filter filter[SOURCE_FILTERS];
	char name[IPC_NAME_MAX]; /* in records */
	char conf[IPC_NAME_MAX]; /* in rules */
};

struct pipeline {
	struct pipeline_sink sink;
	struct session_table *sessions;
	struct filter_set *filters;
	struct witness *witness;
	struct rule_set rules;
	struct correlation *correlation;
	struct decider *decider;
	struct table *accounts; /* name -> uid */
	struct ipc_service service[SERVICES_MAX];
	unsigned int services;
	struct source source[SOURCES_MAX];
	unsigned int sources;
	bool tell_execs;
	uint32_t but_of; /* process whose children are not told of, 0 = none */
	uint64_t now_ns;
	uint64_t lost; /* last head.lost */
	uint64_t lost_at_ns; /* when it last grew; 0 = never */
	int64_t boot_to_wall_ns;
	uint64_t events, records, attempts, decisions, stale;
};

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
	correlation_free(p->correlation);
	witness_free(p->witness);
	filter_set_free(p->filters);
	session_table_free(p->sessions);
	free(p);
	return NULL;
}

/* ---- set-up ---- */

struct filter_set *pipeline_filters(struct pipeline *p)
{
	return p->filters;
}

int pipeline_add_service(struct pipeline *p, const struct ipc_service *service)
{
	struct witness_service known = {
		.id = service->id,
		.max_tries = service->max_tries,
		.sensed = service->sensed,
		.forks = service->forks,
		.proxied = service->proxied,
	};

	if (p->services == SERVICES_MAX)
		return -E2BIG;
	p->service[p->services++] = *service;
	memcpy(known.ports, service->ports, sizeof(known.ports));
	text_copy(known.name, sizeof(known.name), service->name);
	return witness_add_service(p->witness, &known);
}

int pipeline_add_exempt(struct pipeline *p, const struct addr *net, enum exempt_why why)
{
	return decider_exempt(p->decider, net, why);
}

int pipeline_add_rule(struct pipeline *p, const char *name, const char *text, size_t len,
		      char error[RULES_ERROR_MAX])
{
	return rules_add(&p->rules, name, text, len, error);
}

const char *pipeline_rule_shortcoming(const struct pipeline *p)
{
	return p->rules.count ? rule_shortcoming(&p->rules.rule[p->rules.last]) : NULL;
}

unsigned int pipeline_rules(const struct pipeline *p)
{
	return p->rules.count;
}

static const char *service_name(const struct pipeline *p, uint16_t id)
{
	for (unsigned int i = 0; id && i < p->services; i++)
		if (p->service[i].id == id)
			return p->service[i].name;
	return "";
}

static uint16_t service_by_name(const struct pipeline *p, const char *name)
{
	for (unsigned int i = 0; i < p->services; i++)
		if (!strcmp(p->service[i].name, name))
			return p->service[i].id;
	return 0;
}

int pipeline_add_source(struct pipeline *p, const struct ipc_source *added,
			void (*error)(const char *text, void *arg), void *arg)
{
	char why[EVIDENCE_ERROR_MAX];
	struct source *source;
	const char *name;
	int failed = 0;

	if (p->sources == SOURCES_MAX)
		return -E2BIG;
	source = &p->source[p->sources++];
	*source = (struct source){
		.id = added->id,
		.kind = added->kind,
		.attested = added->attested,
		.relayed = added->relayed,
		.relay_uid = added->relay_uid,
	};
	text_copy(source->conf, sizeof(source->conf), added->name);
	if (added->kind == IPC_SOURCE_JOURNAL) {
		text_copy(source->name, sizeof(source->name), "journal");
		witness_expect_writers(p->witness);
	} else {
		name = strrchr(added->path, '/');
		text_copy(source->name, sizeof(source->name), name ? name + 1 : added->path);
	}
	for (uint32_t i = 0; i < added->filters && i < SOURCE_FILTERS; i++) {
		struct source_filter *filter = &source->filter[source->filters];

		if (filter_set_load(p->filters, added->filter[i], &filter->filter, why) < 0) {
			error(why, arg);
			failed++;
			continue;
		}
		filter->service = service_by_name(p, filter_name(p->filters, filter->filter));
		if (!filter->service)
			filter->service = (uint16_t)added->service;
		source->accepted |= (added->accepted >> i & 1U) << source->filters;
		source->filters++;
	}
	return failed;
}

/* ---- records ---- */

static const struct source *source_find(const struct pipeline *p, uint32_t id)
{
	/* Who adds them numbers them from 1 on. */
	if (id && id <= p->sources && p->source[id - 1].id == id)
		return &p->source[id - 1];
	for (unsigned int i = 0; i < p->sources; i++)
		if (p->source[i].id == id)
			return &p->source[i];
	return NULL;
}

/* source: ipc_source.id, 0 = the kernel. */
static void record_init(const struct pipeline *p, struct ipc_record *record, enum record_kind kind,
			uint32_t source, uint64_t at_ns)
{
	const struct source *known = source_find(p, source);

	memset(record, 0, sizeof(*record));
	record->kind = kind;
	record->time_boot_ns = at_ns;
	text_copy(record->source, sizeof(record->source), known ? known->name : "kernel");
}

static void record_attempt(struct pipeline *p, const struct attempt *attempt)
{
	struct ipc_record record;

	record_init(p, &record,
		    attempt->tries && attempt->trust > TRUST_FORGED ? RECORD_ATTEMPT : RECORD_CLAIM,
		    attempt->source, attempt->at_ns);
	if (!attempt->line[0])
		record.kind = attempt->success ? RECORD_CONNECTION : record.kind;
	record.subject = attempt->subject;
	record.result = attempt->success ? RESULT_SUCCESS : RESULT_FAILURE;
	record.trust = attempt->trust;
	record.count = attempt->tries;
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

static void record_session(struct pipeline *p, const struct session_change *change, uint64_t at_ns)
{
	const struct session *session = change->session;
	struct ipc_record record;

	record_init(p, &record, RECORD_SESSION, 0, at_ns);
	record.subject = (struct ipc_subject){ .kind = SUBJECT_SESSION, .id = session->tag };
	record.result = change->kind == SESSION_BORN ? RESULT_BEGIN : RESULT_END;
	record.trust = TRUST_WITNESSED;
	record.session = session->tag;
	record.pid = session->leader_pid;
	record.count = session->execs;
	record.peer_port = session->end.peer_port;
	record.local_port = session->end.local_port;
	text_copy(record.service, sizeof(record.service), service_name(p, session->service));
	(void)snprintf(record.text, sizeof(record.text), "login of uid %u, audit session %u%s",
		       session->auid, session->audit_session,
		       session->flags & BL_SESSION_INFERRED ? ", was there before bailiff" : "");
	p->sink.record(&record, p->sink.arg);
}

static void record_decision(struct pipeline *p, const struct decision *decision)
{
	struct ipc_record record;

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

static void record_exec(struct pipeline *p, const struct bl_event_exec *exec)
{
	struct ipc_record record;

	record_init(p, &record, RECORD_EXEC, 0, exec->head.boot_ns);
	exec_record(exec, &record);
	p->sink.record(&record, p->sink.arg);
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
	if (p->sink.record)
		record_decision(p, &decision);
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
	const struct source *source = source_find(p, told->source);

	*ret = (struct told_names){
		.source = source ? source->conf : "",
		.filter = filter_name(p->filters, told->filter),
		.trust = told->trust,
		.accepted = told->accepted,
	};
	ret->service = told->service ? service_name(p, told->service) : ret->filter;
}

static void on_attempt(const struct attempt *attempt, void *arg)
{
	struct pipeline *p = arg;
	const struct source *source = source_find(p, attempt->source);
	struct attempt_names names = {
		.source = source ? source->conf : "",
		.filter = source ? filter_name(p->filters, attempt->filter) : "",
	};

	for (uint32_t i = 0; i < attempt->told_count; i++)
		told_name(p, &attempt->told[i], &names.told[i]);
	names.has_uid = account_find(p, attempt->user, &names.uid);
	p->attempts += attempt->tries;
	if (p->sink.record)
		record_attempt(p, attempt);
	correlation_attempt(p->correlation, attempt, &names, on_match, p);
}

static void auth_event(struct pipeline *p, const struct bl_event_auth *auth)
{
	struct claim claim;

	if (claim_from_auth(auth, p->sessions, &claim))
		witness_claim(p->witness, p->sessions, &claim,
			      service_by_name(p, auth->pam_service), auth->pam_service,
			      TRUST_ATTESTED, p->now_ns, on_attempt, p);
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
	if (p->sink.record && p->tell_execs && event->head.kind == BL_EVENT_EXEC &&
	    event->exec.task.session && (!p->but_of || event->exec.task.ppid != p->but_of))
		record_exec(p, &event->exec);
	if (event->head.kind == BL_EVENT_AUTH)
		auth_event(p, &event->auth);
	session_event(p->sessions, event, &change);
	if (change.kind == SESSION_NOTHING)
		return;
	if (p->sink.record && (change.kind == SESSION_BORN || change.kind == SESSION_ENDED))
		record_session(p, &change, event->head.boot_ns);
	if (change.kind == SESSION_BORN && p->sink.account && users_matter(p))
		p->sink.account(change.session->auid, p->sink.arg);
	witness_change(p->witness, p->sessions, &change, now_ns, on_attempt, p);
}

static bool is_writer(const struct pipeline *p, uint16_t service, uint32_t uid)
{
	for (unsigned int i = 0; service && i < p->services; i++)
		if (p->service[i].id == service)
			return p->service[i].has_writer && p->service[i].writer_uid == uid;
	return false;
}

static enum trust origin_trust(const struct pipeline *p, const struct source *source,
			       uint16_t service, const struct log_record *record)
{
	const struct log_origin *origin = &record->origin;

	/* What vouches for it is another host's, and so are its processes. */
	if (source->relayed)
		return TRUST_CLAIMED;
	if (!origin->trusted)
		return source->attested ? TRUST_ATTESTED : TRUST_CLAIMED;
	/* A program may call itself what it likes; what root says, or the service's own account, of a
	 * known program, counts. */
	if (!origin->has_uid || !origin->exe[0])
		return TRUST_CLAIMED;
	return !origin->uid || is_writer(p, service, origin->uid) ? TRUST_ATTESTED : TRUST_CLAIMED;
}

uint64_t pipeline_stamp(const struct pipeline *p, const struct log_record *record,
			uint64_t near_wall_ns, uint64_t last_wall_ns)
{
	const struct source *source = source_find(p, record->source);
	uint64_t stamp_ns = 0;

	for (unsigned int i = 0; source && !stamp_ns && i < source->filters; i++)
		stamp_ns = filter_stamp(p->filters, source->filter[i].filter, record, near_wall_ns,
					last_wall_ns);
	return stamp_ns;
}

static uint64_t longest_window(const struct pipeline *p)
{
	uint64_t longest = 0;

	for (unsigned int i = 0; i < p->rules.count; i++)
		if (p->rules.rule[i].window_ns > longest)
			longest = p->rules.rule[i].window_ns;
	return longest;
}

/*
 * When it happened that a record tells of, in boot time; 0: too long ago to be counted, or nobody
 * knows. A line that is read as it is written happens now, whatever its stamp says: the stamp is
 * text, and clocks are set wrong. Only what is read later has nothing else to go by.
 */
static uint64_t happened_ns(const struct pipeline *p, const struct log_record *record,
			    uint64_t said_wall_ns)
{
	uint64_t now_ns = record->arrived_ns, now_wall_ns = now_ns + (uint64_t)p->boot_to_wall_ns;
	uint64_t age_ns;

	if (record->age == LOG_FRESH)
		return now_ns;
	if (!said_wall_ns)
		return record->age == LOG_NEW_FILE ? now_ns : 0;
	age_ns = now_wall_ns > said_wall_ns ? now_wall_ns - said_wall_ns : 0;
	if (age_ns < LATE_NS)
		return now_ns;
	/* Before this boot there is no boot time to give it. */
	return age_ns <= longest_window(p) && age_ns < now_ns ? now_ns - age_ns : 0;
}

static void claim_take(struct pipeline *p, const struct source *source,
		       const struct source_filter *filter, const struct log_record *record,
		       struct claim *claim)
{
	uint64_t at_ns = happened_ns(p, record, claim->said_wall_ns);

	if (!at_ns) {
		p->stale++;
		return;
	}
	claim->arrived_ns = at_ns;
	witness_claim(p->witness, p->sessions, claim, filter->service,
		      filter_name(p->filters, filter->filter),
		      origin_trust(p, source, filter->service, record), at_ns, on_attempt, p);
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
	service = service_by_name(p, name);
	if (!service) {
		name[strcspn(name, "-")] = '\0';
		service = service_by_name(p, name);
	}
	if (audit_claim(&seen, &claim) == FILTER_IGNORED)
		return;
	witness_claim(p->witness, p->sessions, &claim, service, name[0] ? name : "audit",
		      origin_trust(p, source, service, &seen), p->now_ns, on_attempt, p);
}

void pipeline_log_record(struct pipeline *p, const struct log_record *given)
{
	const struct source *source = source_find(p, given->source);
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
	/* Before this boot there is no boot time to give it; then it is too old for a window anyway. */
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
		       correlation.refused + table_evicted(p->accounts);
	ret->regex_limit = filters.regex_limit;
	ret->interpreted = filters.interpreted;
	ret->stale = p->stale;
	ret->sessions = sessions.sessions;
	ret->connections = sessions.connections;
	ret->subjects = correlation.subjects;
}
