/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Steps in words.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/output.h"
#include "ctl/step.h"

static bool is(const char *text, const char *name)
{
	return strcmp(text, name) == 0;
}

static void put_safe(struct buf *out, const char *before, const char *text)
{
	if (!text[0])
		return;
	buf_puts(out, before);
	buf_put_safe(out, text, strlen(text));
}

void step_put_subject(struct buf *out, const struct step *step)
{
	if (!is(step->subject_kind, "address"))
		buf_put_safe(out, step->subject_kind, strlen(step->subject_kind));
	if (step->subject[0] && !is(step->subject_kind, "address"))
		buf_putc(out, ' ');
	buf_put_safe(out, step->subject, strlen(step->subject));
}

const char *step_trust_word(const struct step *step)
{
	if (is(step->trust, "forged"))
		return "FORGED";
	if (is(step->trust, "claimed"))
		return "UNWITNESSED";
	if (is(step->trust, "attested"))
		return "attested";
	return is(step->trust, "witnessed") ? "witnessed" : "-";
}

static void put_length(struct buf *out, uint64_t seconds)
{
	char text[CLOCK_TEXT_MAX];

	if (!seconds)
		return;
	duration_format(seconds, text);
	buf_printf(out, " for %s", text);
}

static void put_until(struct buf *out, const struct step *step)
{
	char text[OUTPUT_TIME_MAX];

	if (!step->until_wall_ns)
		return;
	output_time(step->until_wall_ns, text);
	buf_printf(out, " until %s", text);
}

const char *step_done_word(const struct step *step)
{
	if (is(step->action, "quarantine"))
		return "quarantined";
	if (is(step->action, "freeze"))
		return "frozen";
	if (is(step->action, "terminate"))
		return "terminated";
	if (is(step->action, "release"))
		return "released";
	return is(step->action, "observe") ? "observed" : "locked out";
}

static void put_outcome(struct buf *out, const struct step *step)
{
	if (is(step->result, "applied")) {
		buf_puts(out, step_done_word(step));
		put_until(out, step);
	} else if (is(step->result, "observed")) {
		buf_printf(out, "would have been %s (bailiffd only observes)",
			   step_done_word(step));
	} else if (is(step->result, "expired")) {
		buf_printf(out, "lockout expired; it had refused %" PRIu64, step->refused);
	} else if (is(step->result, "released")) {
		buf_printf(out, "released; the lockout had refused %" PRIu64, step->refused);
	} else if (is(step->result, "process_ended")) {
		buf_printf(out, "process %" PRIu64 " ended", step->pid);
		put_safe(out, ": ", step->exe);
	} else if (is(step->result, "exempt")) {
		buf_puts(out, "not locked out: exempt");
	} else if (is(step->result, "last_way_in")) {
		buf_puts(out, "not locked out: it may be the last way in");
	} else if (is(step->result, "limit")) {
		buf_puts(out, "not locked out: a hard limit of bailiffd");
	} else if (is(step->result, "failed")) {
		buf_puts(out, "could not be ");
		buf_puts(out, step_done_word(step));
	} else {
		put_safe(out, "", step->result);
	}
	put_safe(out, ", by ", step->who);
	put_safe(out, ", rule ", step->rule);
	put_safe(out, ": ", step->text);
}

static void put_decision(struct buf *out, const struct step *step)
{
	put_safe(out, "", step->action);
	put_length(out, step->seconds);
	put_safe(out, " by rule ", step->rule);
	if (step->count)
		buf_printf(out, ", %" PRIu64 " tries", step->count);
	if (step->partial)
		buf_puts(out, ", events were lost meanwhile");
	put_safe(out, ": ", step->text);
}

/* What was seen: who tried what, and whether it counted. */
static void put_sight(struct buf *out, const struct step *step)
{
	const char *comma = "";

	if (step->service[0]) {
		put_safe(out, "", step->service);
		comma = ", ";
	}
	if (is(step->result, "success") || is(step->result, "begin") || is(step->result, "end")) {
		buf_printf(out, "%s%s", comma, step->result);
		comma = ", ";
	}
	if (step->user[0]) {
		buf_puts(out, comma);
		put_safe(out, is(step->kind, "signal") ? "uid " : "user ", step->user);
		comma = ", ";
	}
	if (step->port) {
		buf_printf(out, "%sfrom port %" PRIu64, comma, step->port);
		comma = ", ";
	}
	if (is(step->kind, "attempt")) {
		buf_printf(out, "%s%" PRIu64 " %s", comma, step->count,
			   step->count == 1 ? "try" : "tries");
	} else if (is(step->kind, "claim") && !is(step->result, "success")) {
		buf_printf(out, "%snot counted", comma);
	}
}

void step_put_deed(struct buf *out, const struct step *step)
{
	if (step->form == STEP_OUTCOME)
		put_outcome(out, step);
	else if (is(step->kind, "decision"))
		put_decision(out, step);
	else
		put_sight(out, step);
}

/* What somebody said, or the kernel saw of it; trouble with a source is our own word. */
static bool has_trust(const struct step *step)
{
	return is(step->kind, "claim") || is(step->kind, "attempt") ||
	       is(step->kind, "connection") || is(step->kind, "session") ||
	       is(step->kind, "signal");
}

static enum colour colour_of(const struct step *step)
{
	if (step->form == STEP_OUTCOME)
		return is(step->result, "applied") ? COLOUR_RED
		       : is(step->result, "released") || is(step->result, "expired")
			       ? COLOUR_GREEN
			       : COLOUR_YELLOW;
	if (is(step->kind, "decision"))
		return COLOUR_BOLD;
	if (is(step->kind, "exec"))
		return COLOUR_DIM;
	if (is(step->kind, "signal"))
		return COLOUR_YELLOW;
	if (!has_trust(step))
		return COLOUR_PLAIN;
	if (is(step->trust, "forged"))
		return COLOUR_RED;
	return is(step->trust, "claimed") ? COLOUR_YELLOW : COLOUR_PLAIN;
}

static void put_sentence(struct buf *out, const struct step *step)
{
	size_t before = out->len;

	step_put_deed(out, step);
	if (step->form != STEP_RECORD || is(step->kind, "decision"))
		return;
	if (has_trust(step) && step->trust[0])
		buf_printf(out, " [%s]", step_trust_word(step));
	put_safe(out, out->len > before ? " " : "", step->text);
}

/* Below the line of its session's begin, a step to the right. */
static void put_start(struct buf *out, const struct step *step)
{
	buf_puts(out, "  ");
	step_put_subject(out, step);
	put_safe(out, " uid ", step->user);
	put_safe(out, "  ", step->text);
}

void step_put_line(struct buf *out, bool colour, const struct step *step)
{
	char time[OUTPUT_TIME_MAX];

	output_time(step->wall_ns, time);
	if (step->form == STEP_SKIPPED) {
		buf_printf(out, "%s  %" PRIu64 " records not shown: this terminal is too slow\n",
			   time, step->count);
		return;
	}
	if (step->form == STEP_STATUS) {
		buf_printf(out, "%s  status      see bailiffctl status\n", time);
		return;
	}
	output_put(out, colour, COLOUR_DIM, time, 0);
	buf_puts(out, "  ");
	output_put(out, colour, colour_of(step),
		   step->form == STEP_OUTCOME ? "outcome" : step->kind, 12);
	if (step->form == STEP_RECORD && is(step->kind, "exec")) {
		put_start(out, step);
	} else {
		step_put_subject(out, step);
		if (step->subject_kind[0])
			buf_puts(out, "  ");
		put_sentence(out, step);
	}
	buf_putc(out, '\n');
}
