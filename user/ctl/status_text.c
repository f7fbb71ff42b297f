/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Status in words. Losses and refusals are shown also where they are zero: that is the news.
 */
#include "ctl/status_text.h"

#include <inttypes.h>
#include <stdio.h>

#include <bailiff/words.h>

#include "base/clock.h"
#include "ctl/output.h"
#include "ctl/source_text.h"

static void head(struct buf *out, bool colour, const char *name)
{
	output_put(out, colour, COLOUR_BOLD, name, 12);
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* A loss: in colour when it is not zero. */
static void put_loss(struct buf *out, bool colour, uint64_t count, const char *what)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%" PRIu64 " %s", count, what);
	output_put(out, colour, count ? COLOUR_YELLOW : COLOUR_PLAIN, text, 0);
}

static void put_analyst(struct buf *out, bool colour, const struct ipc_heartbeat *analyst)
{
	head(out, colour, "evidence");
	buf_printf(out,
		   "%" PRIu64 " log record%s, %" PRIu64 " claim%s, %" PRIu64 " attempt%s, %" PRIu64
		   " decision%s\n",
		   (uint64_t)analyst->records, plural(analyst->records), (uint64_t)analyst->claims,
		   plural(analyst->claims), (uint64_t)analyst->attempts, plural(analyst->attempts),
		   (uint64_t)analyst->decisions, plural(analyst->decisions));
	head(out, colour, "tables");
	buf_printf(out, "%u session%s, %u connection%s, %u subject%s counted; ", analyst->sessions,
		   plural(analyst->sessions), analyst->connections, plural(analyst->connections),
		   analyst->subjects, plural(analyst->subjects));
	put_loss(out, colour, analyst->refused, "refused, ");
	put_loss(out, colour, analyst->malformed, "malformed, ");
	put_loss(out, colour, analyst->regex_limit, "regex limits");
	if (analyst->interpreted) {
		buf_puts(out, ", ");
		put_loss(out, colour, analyst->interpreted, "expressions interpreted");
	}
	if (analyst->stale) {
		buf_puts(out, ", ");
		put_loss(out, colour, analyst->stale, "lines read too late");
	}
	buf_putc(out, '\n');
}

/* Steps forward are told with their sign, too: it is what is looked for. */
static void put_clock(struct buf *out, bool colour, const struct ipc_heartbeat *analyst,
		      uint64_t now_boot_ns)
{
	char age[CLOCK_TEXT_MAX] = "0s", text[96];

	if (!analyst->clock_steps)
		return;
	if (now_boot_ns > analyst->clock_step_boot_ns)
		duration_format((now_boot_ns - analyst->clock_step_boot_ns) / NSEC_PER_SEC, age);
	head(out, colour, "clock");
	(void)snprintf(text, sizeof(text), "set %" PRIu64 " time%s, last by %+.3f s %s ago",
		       (uint64_t)analyst->clock_steps, plural(analyst->clock_steps),
		       (double)analyst->clock_step_ns / (double)NSEC_PER_SEC, age);
	output_put(out, colour, COLOUR_YELLOW, text, 0);
	buf_putc(out, '\n');
}

/* In today's wall time; 0 = never. */
static uint64_t clock_step_wall_ns(const struct ipc_heartbeat *analyst, uint64_t now_boot_ns,
				   uint64_t now_wall_ns)
{
	uint64_t age_ns = now_boot_ns > analyst->clock_step_boot_ns
				  ? now_boot_ns - analyst->clock_step_boot_ns
				  : 0;

	return analyst->clock_steps ? now_wall_ns - age_ns : 0;
}

static void put_accepted(struct buf *out, bool colour, const struct status_accepted *accepted)
{
	for (unsigned int i = 0; i < accepted->count; i++) {
		head(out, colour, "accepted");
		output_put(out, colour, COLOUR_YELLOW, accepted->text[i], 0);
		buf_putc(out, '\n');
	}
	if (accepted->more) {
		head(out, colour, "accepted");
		buf_printf(out, "and %u more (bailiffctl doctor)\n", accepted->more);
	}
}

void status_put_text(struct buf *out, bool colour, const struct ipc_status *status,
		     const struct status_accepted *accepted, uint64_t now_boot_ns)
{
	char up[CLOCK_TEXT_MAX] = "0s";

	if (status->started_boot_ns && now_boot_ns > status->started_boot_ns)
		duration_format((now_boot_ns - status->started_boot_ns) / NSEC_PER_SEC, up);
	head(out, colour, "bailiffd");
	if (status->mode == MODE_ENFORCE)
		buf_puts(out, "enforces");
	else
		output_put(out, colour, COLOUR_YELLOW, "observes only: nothing is locked out", 0);
	buf_printf(out, ", up %s\n", up);
	head(out, colour, "sensors");
	buf_printf(out, "%" PRIu64 " event%s, ", (uint64_t)status->events, plural(status->events));
	put_loss(out, colour, status->lost, "lost, ");
	put_loss(out, colour, status->skipped, "skipped, ");
	put_loss(out, colour, status->canary_late, "canaries late, ");
	put_loss(out, colour, status->degraded,
		 status->degraded ? "hooks missing (bailiffctl doctor)" : "hooks missing");
	buf_putc(out, '\n');
	head(out, colour, "lockouts");
	buf_printf(out, "%u address%s, %u session%s, %u user%s\n", status->lockouts_address,
		   status->lockouts_address == 1 ? "" : "es", status->lockouts_session,
		   plural(status->lockouts_session), status->lockouts_user,
		   plural(status->lockouts_user));
	head(out, colour, "refused");
	buf_printf(out, "%" PRIu64 " inbound, %" PRIu64 " outbound; ",
		   (uint64_t)status->refused_inbound, (uint64_t)status->refused_outbound);
	put_loss(out, colour, status->refused_limit, "decisions by hard limits");
	buf_putc(out, '\n');
	put_analyst(out, colour, &status->analyst);
	put_clock(out, colour, &status->analyst, now_boot_ns);
	head(out, colour, "restarts");
	put_loss(out, colour, status->restarts_analyst, "of the analyst, ");
	put_loss(out, colour, status->restarts_recorder, "of the recorder");
	buf_putc(out, '\n');
	put_accepted(out, colour, accepted);
}

void status_put_json(struct buf *out, const struct ipc_status *status,
		     const struct status_accepted *accepted, const struct status_sources *sources,
		     uint64_t now_boot_ns, uint64_t now_wall_ns)
{
	const struct ipc_heartbeat *analyst = &status->analyst;
	uint64_t age =
		now_boot_ns > status->started_boot_ns ? now_boot_ns - status->started_boot_ns : 0;
	struct json_writer w;

	json_begin(&w, out);
	json_object(&w, NULL);
	json_string(&w, "mode", bl_word_mode(status->mode));
	output_json_time(&w, "started", status->started_boot_ns ? now_wall_ns - age : 0);
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
	json_array(&w, "accepted_claims");
	for (unsigned int i = 0; i < accepted->count; i++)
		json_string(&w, NULL, accepted->text[i]);
	json_end_array(&w);
	json_object(&w, "analyst");
	json_u64(&w, "events", analyst->events);
	json_u64(&w, "lost", analyst->lost);
	json_u64(&w, "malformed", analyst->malformed);
	json_u64(&w, "records", analyst->records);
	json_u64(&w, "claims", analyst->claims);
	json_u64(&w, "attempts", analyst->attempts);
	json_u64(&w, "decisions", analyst->decisions);
	json_u64(&w, "refused", analyst->refused);
	json_u64(&w, "stale", analyst->stale);
	json_u64(&w, "regex_limit", analyst->regex_limit);
	json_u64(&w, "interpreted", analyst->interpreted);
	json_u64(&w, "clock_steps", analyst->clock_steps);
	json_i64(&w, "clock_step_ns", analyst->clock_step_ns);
	output_json_time(&w, "clock_step", clock_step_wall_ns(analyst, now_boot_ns, now_wall_ns));
	json_u64(&w, "sessions", analyst->sessions);
	json_u64(&w, "connections", analyst->connections);
	json_u64(&w, "subjects", analyst->subjects);
	json_end_object(&w);
	json_array(&w, "sources");
	for (size_t i = 0; i < sources->sources; i++)
		source_put_json(&w, &sources->source[i], now_boot_ns, now_wall_ns);
	json_end_array(&w);
	json_array(&w, "filters");
	for (size_t i = 0; i < sources->filters; i++)
		filter_put_json(&w, &sources->filter[i]);
	json_end_array(&w);
	json_end_object(&w);
	buf_putc(out, '\n');
}
