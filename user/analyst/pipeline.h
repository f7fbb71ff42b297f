/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The whole program on one page: the order of the stages, and nothing else.
 *
 * Live and replay feed the same pipeline: main.c from rings and log descriptors, replay.c from
 * files.
 */
#ifndef ANALYST_PIPELINE_H
#define ANALYST_PIPELINE_H

#include "analyst/decision/decision.h"
#include "analyst/evidence/evidence.h"
#include "analyst/rules/rules.h"
#include "analyst/sensor/sensor.h"
#include "analyst/session/session.h"

/* Where results go: bailiffd and the recorder, or standard output. */
struct pipeline_sink {
	void (*decision)(const struct decision *decision, void *arg);
	void (*record)(const struct ipc_record *record, void *arg); /* NULL: nobody wants any */
	/* May be NULL: asks for the name of somebody who logged in, for pipeline_account. */
	void (*account)(uint32_t uid, void *arg);
	void *arg;
};

struct pipeline;
int pipeline_new(struct pipeline **ret, const struct pipeline_sink *sink, const uint64_t seed[2]);
struct pipeline *pipeline_free(struct pipeline *pipeline);
DEFINE_CLEANUP(pipeline_free, struct pipeline *)

/* Set-up; errors hold a sentence with file and line. */
struct filter_set *pipeline_filters(struct pipeline *pipeline);
int pipeline_add_service(struct pipeline *pipeline, const struct ipc_service *service);
int pipeline_add_exempt(struct pipeline *pipeline, const struct addr *net, enum exempt_why why);
int pipeline_add_rule(struct pipeline *pipeline, const char *name, const char *text, size_t len,
		      char error[RULES_ERROR_MAX]);
/* A log source with its filters (already added); filters that fail are told by error, the rest
 * work: the number of failed ones. */
int pipeline_add_source(struct pipeline *pipeline, const struct ipc_source *added,
			void (*error)(const char *text, void *arg), void *arg);

/* Another file is read, or the same one was looked at again. */
void pipeline_source_attested(struct pipeline *pipeline, uint32_t id, bool attested);

/* What the rule that was added last does not do as it reads; NULL: it does. */
const char *pipeline_rule_shortcoming(const struct pipeline *pipeline);
unsigned int pipeline_rules(const struct pipeline *pipeline);

void pipeline_event(struct pipeline *pipeline, const union bl_event *event, uint64_t now_ns);
/* A connection to a watched port that was there before the sensors; and: that were all. */
void pipeline_was_there(struct pipeline *pipeline, const struct bl_endpoint *end, uint64_t now_ns);
void pipeline_all_were_told(struct pipeline *pipeline, uint64_t now_ns);
void pipeline_log_record(struct pipeline *pipeline, const struct log_record *given);
/* filter_stamp by the first of its source's filters that finds one. */
uint64_t pipeline_stamp(const struct pipeline *pipeline, const struct log_record *record,
			uint64_t near_wall_ns, uint64_t last_wall_ns);
/* CLOCK_REALTIME - CLOCK_BOOTTIME, whenever it may have changed (0 where boot time is wall time).
 * What was written while nobody read is dated with it. */
void pipeline_clock(struct pipeline *pipeline, int64_t boot_to_wall_ns);
/* It was set, at this boot time, and was another until then. Then pipeline_clock. */
void pipeline_clock_step(struct pipeline *pipeline, uint64_t at_ns, int64_t before_ns);
void pipeline_tick(struct pipeline *pipeline, uint64_t now_ns);
/* A RECORD_EXEC for each program that a login session starts, but for children of but_of (0: none).
 * Off in the beginning: nobody wants them but who watches. */
void pipeline_tell_execs(struct pipeline *pipeline, bool tell, uint32_t but_of);
/* Which signals are made of exec events (bit = enum bl_signal); all in the beginning. */
void pipeline_want_signals(struct pipeline *pipeline, uint32_t wanted);
/* An account with a login session; rules with subject user count no other. */
void pipeline_account(struct pipeline *pipeline, uint32_t uid, const char *name);
void pipeline_outcome(struct pipeline *pipeline, const struct ipc_outcome *outcome);
void pipeline_history(struct pipeline *pipeline, const struct ipc_history *history, uint64_t now_ns,
		      int64_t boot_to_wall_ns);
void pipeline_stats(const struct pipeline *pipeline, struct ipc_heartbeat *ret);
/* Claims of a source whose stamp has no year and was taken for one of an earlier year. */
uint64_t pipeline_source_past_years(const struct pipeline *pipeline, uint32_t id);

#endif
