/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The chain, told for people: first how things stand, then step by step how it came to that.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/output.h"
#include "ctl/why.h"

#define INDENT "                     " /* width of a time and its gap */

static bool is(const char *text, const char *name)
{
	return strcmp(text, name) == 0;
}

int why_add(struct why *why, const char *object, size_t len)
{
	struct step *step;
	int r;

	if (why->count == WHY_STEPS_MAX)
		return -E2BIG;
	if (why->count == why->size) {
		size_t size = why->size ? why->size * 2 : 64;

		step = reallocarray(why->step, size, sizeof(*step));
		if (!step)
			return -ENOMEM;
		why->step = step;
		why->size = size;
	}
	step = &why->step[why->count];
	r = step_parse(object, len, step);
	if (r < 0)
		return r;
	if (step->form == STEP_RECORD || step->form == STEP_OUTCOME || step->form == STEP_ERROR)
		why->count++;
	return 0;
}

void why_done(struct why *why)
{
	free(why->step);
	*why = (struct why){ 0 };
}

/* The last outcome that began or ended a lockout, NULL if there was none. An ended process or a
 * refusal changes nothing. */
static const struct step *standing(const struct why *why)
{
	for (size_t i = why->count; i > 0; i--) {
		const struct step *step = &why->step[i - 1];

		if (step->form == STEP_OUTCOME && !is(step->result, "process_ended") &&
		    (is(step->result, "applied") || is(step->result, "expired") ||
		     is(step->result, "released") || is(step->result, "observed")))
			return step;
	}
	return NULL;
}

/* Why it is not locked out although something spoke for it: exempt, a limit, the last way in. */
static const struct step *refusal(const struct why *why)
{
	for (size_t i = why->count; i > 0; i--) {
		const struct step *step = &why->step[i - 1];

		if (step->form == STEP_OUTCOME && !is(step->result, "process_ended"))
			return step;
		if (is(step->kind, "decision") && is(step->action, "observe"))
			return step;
	}
	return NULL;
}

static void put_rule(struct buf *out, const struct step *step)
{
	if (step->who[0]) {
		buf_puts(out, " by ");
		buf_put_safe(out, step->who, strlen(step->who));
	}
	if (step->rule[0]) {
		buf_puts(out, " by rule ");
		buf_put_safe(out, step->rule, strlen(step->rule));
	}
}

static void put_never(struct buf *out, const struct step *refused)
{
	buf_puts(out, " is not locked out, and was not");
	if (!refused)
		return;
	buf_puts(out, ": ");
	step_put_deed(out, refused);
}

static void put_standing(struct buf *out, bool colour, const char *subject, const struct why *why,
			 uint64_t now_wall_ns)
{
	const struct step *last = standing(why);
	char time[OUTPUT_TIME_MAX], left[CLOCK_TEXT_MAX];

	output_put(out, colour, COLOUR_BOLD, subject, 0);
	if (!last) {
		put_never(out, refusal(why));
	} else if (is(last->result, "applied") && last->until_wall_ns > now_wall_ns) {
		output_time(last->until_wall_ns, time);
		duration_format((last->until_wall_ns - now_wall_ns) / NSEC_PER_SEC, left);
		buf_puts(out, " is ");
		output_put(out, colour, COLOUR_RED, "locked out", 0);
		buf_printf(out, " until %s (%s left)", time, left);
		put_rule(out, last);
	} else if (is(last->result, "applied") && last->until_wall_ns) {
		output_time(last->until_wall_ns, time);
		buf_printf(out, " is not locked out: the lockout ran out at %s", time);
	} else if (is(last->result, "applied")) {
		output_time(last->wall_ns, time);
		buf_printf(out, " was %s at %s", step_done_word(last), time);
		put_rule(out, last);
	} else if (is(last->result, "observed")) {
		output_time(last->wall_ns, time);
		buf_printf(out,
			   " is not locked out: bailiffd only observes; it would have been at %s",
			   time);
		put_rule(out, last);
	} else {
		output_time(last->wall_ns, time);
		buf_printf(out, " is not locked out: the last lockout %s at %s",
			   is(last->result, "released") ? "was released" : "expired", time);
		if (last->who[0])
			put_rule(out, last);
	}
	buf_putc(out, '\n');
}

static enum colour trust_colour(const struct step *step)
{
	if (is(step->trust, "forged"))
		return COLOUR_RED;
	return is(step->trust, "claimed") ? COLOUR_YELLOW : COLOUR_GREEN;
}

static void put_paragraph(struct buf *out, const char *name, const char *text)
{
	if (!text[0])
		return;
	buf_printf(out, INDENT "%s", name);
	buf_put_safe(out, text, strlen(text));
	buf_putc(out, '\n');
}

static void put_step(struct buf *out, bool colour, const struct step *step)
{
	const bool sight = step->form == STEP_RECORD && !is(step->kind, "decision");
	char time[OUTPUT_TIME_MAX];

	output_time(step->wall_ns, time);
	output_put(out, colour, COLOUR_DIM, time, sizeof(INDENT) - 1);
	output_put(out, colour, COLOUR_BOLD, step->form == STEP_OUTCOME ? "outcome" : step->kind,
		   12);
	if (sight)
		output_put(out, colour, trust_colour(step), step_trust_word(step), 13);
	step_put_deed(out, step);
	if (step->session[0] && !is(step->subject_kind, "session")) {
		buf_puts(out, ", session ");
		buf_put_safe(out, step->session, strlen(step->session));
	}
	buf_putc(out, '\n');
	if (!sight)
		return;
	put_paragraph(out,
		      is(step->trust, "forged")	   ? "but: "
		      : is(step->trust, "claimed") ? "no witness: "
						   : "witness: ",
		      step->text);
	if (step->line[0]) {
		buf_puts(out, INDENT "log (");
		buf_put_safe(out, step->source, strlen(step->source));
		buf_puts(out, "): ");
		buf_put_safe(out, step->line, strlen(step->line));
		buf_putc(out, '\n');
	}
}

void why_tell(const struct why *why, const struct ipc_subject *subject, uint32_t limit, bool colour,
	      uint64_t now_wall_ns, struct buf *out)
{
	char name[OUTPUT_SUBJECT_MAX];

	output_subject(subject, name);
	put_standing(out, colour, name, why, now_wall_ns);
	if (limit && why->count == limit)
		buf_printf(out, "the newest %u records; --limit shows more\n", limit);
	if (why->count)
		buf_putc(out, '\n');
	for (size_t i = 0; i < why->count; i++)
		put_step(out, colour, &why->step[i]);
}
