/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to pipeline*.c: what the parts of the pipeline share. */
#ifndef ANALYST_PIPELINE_INSIDE_H
#define ANALYST_PIPELINE_INSIDE_H

#include "analyst/correlation/correlation.h"
#include "analyst/pipeline.h"
#include "analyst/signal/signal.h"
#include "base/table.h"

#define SERVICES_MAX 128
#define SOURCES_MAX 384 /* as many as live.h and replay take */
#define SOURCE_FILTERS 8
#define CLOCK_STEPS_MAX 16 /* remembered; the oldest is forgotten */

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
	uint64_t past_years; /* claims whose stamp was taken for one of an earlier year */
};

/* The wall clock was set: what was written before goes by the time that it showed then. */
struct clock_step {
	uint64_t at_ns; /* boot */
	int64_t boot_to_wall_ns; /* until then */
};

struct pipeline {
	struct pipeline_sink sink;
	struct session_table *sessions;
	struct filter_set *filters;
	struct witness *witness;
	struct rule_set rules;
	struct correlation *correlation;
	struct signals *signals;
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
	struct clock_step step[CLOCK_STEPS_MAX]; /* the oldest first */
	unsigned int steps;
	uint64_t events, records, attempts, decisions, stale, signaled;
};

/* ---- pipeline_setup.c ---- */

const struct source *pipeline_source(const struct pipeline *p, uint32_t id);
/* "" and 0 for what there is not. */
const char *pipeline_service_name(const struct pipeline *p, uint16_t id);
uint16_t pipeline_service(const struct pipeline *p, const char *name);

/* ---- pipeline_worth.c ---- */

enum trust pipeline_trust(const struct pipeline *p, const struct source *source, uint16_t service,
			  const struct log_record *record);
/* When it happened that a record tells of, in boot time; 0: too long ago to be counted, or nobody
 * knows. */
uint64_t pipeline_happened_ns(const struct pipeline *p, const struct log_record *record,
			      uint64_t said_wall_ns);

/* ---- pipeline_records.c: nothing, where nobody takes records ---- */

void pipeline_record_attempt(struct pipeline *p, const struct attempt *attempt);
void pipeline_record_session(struct pipeline *p, const struct session_change *change,
			     uint64_t at_ns);
void pipeline_record_decision(struct pipeline *p, const struct decision *decision);
void pipeline_record_signal(struct pipeline *p, const struct signal *signal);
void pipeline_record_exec(struct pipeline *p, const struct bl_event_exec *exec);

#endif
