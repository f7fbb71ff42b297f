/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What replay prints, and its part in bailiffd's place: each lockout is applied at once and ends by
 * itself. Decisions are queued while the pipeline runs: it must not be entered from its own sink.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bailiff/words.h>

#include "analyst/replay/replay.h"
#include "base/clock.h"

/* ---- what the pipeline says ---- */

void replay_on_decision(const struct decision *decision, void *arg)
{
	struct replay *replay = arg;

	if (replay->queued == REPLAY_QUEUE_MAX)
		replay->refused++;
	else
		replay->queue[replay->queued++] = *decision;
}

static void subject_text(const struct decision *decision, char *to, size_t size)
{
	const struct ipc_subject *subject = &decision->subject;
	struct addr addr = { .family = subject->family, .prefix = subject->prefix };
	char text[ADDR_TEXT_MAX];

	switch ((enum subject_kind)subject->kind) {
	case SUBJECT_ADDRESS:
		memcpy(addr.bytes, subject->addr, sizeof(addr.bytes));
		addr_format(&addr, text);
		text_copy(to, size, text);
		return;
	case SUBJECT_SESSION:
		(void)snprintf(to, size, "session %llu", (unsigned long long)subject->id);
		return;
	case SUBJECT_USER:
		(void)snprintf(to, size, "user %s", decision->user);
		return;
	case SUBJECT_HOST:
	case SUBJECT_NONE:
	case SUBJECT_MAX:
		text_copy(to, size, "host");
	}
}

static void line_put(struct buf *out, const struct decision *decision)
{
	char time[CLOCK_TEXT_MAX], length[CLOCK_TEXT_MAX] = "", subject[96];

	clock_format(decision->at_ns, time);
	if (decision->seconds)
		duration_format(decision->seconds, length);
	subject_text(decision, subject, sizeof(subject));
	buf_printf(out, "%.19sZ  %-9s  %-24s  %-7s  ", time, bl_word_action(decision->action),
		   subject, length);
	buf_put_safe(out, decision->reason, strlen(decision->reason));
	if (decision->partial)
		buf_puts(out, "; events were lost meanwhile");
}

static void decision_put(struct replay *replay, const struct decision *decision)
{
	struct buf *out = &replay->out;

	if (!replay->decisions++ && !replay->options.json)
		buf_printf(out, "%-20s  %-9s  %-24s  %-7s  %s\n", "TIME", "ACTION", "SUBJECT",
			   "FOR", "WHY");
	if (replay->options.json)
		decision_to_json(decision, 0, out);
	else
		line_put(out, decision);
	buf_putc(out, '\n');
	(void)fwrite(out->data, 1, out->len, stdout);
	buf_clear(out);
}

/* ---- in bailiffd's place ---- */

static void outcome_give(struct replay *replay, const struct decision *decision,
			 enum outcome_result result, uint64_t until_ns)
{
	struct ipc_outcome outcome = {
		.subject = decision->subject,
		.action = decision->action,
		.result = result,
		.decision = decision->number,
		.until_boot_ns = until_ns,
	};

	pipeline_outcome(replay->pipeline, &outcome);
}

/* Of two that end at once, the one that began first. */
static bool ends_before(const struct replay_lockout *a, const struct replay_lockout *b)
{
	return a->until_ns < b->until_ns ||
	       (a->until_ns == b->until_ns && a->decision.number < b->decision.number);
}

static void heap_swap(struct replay *replay, unsigned int a, unsigned int b)
{
	struct replay_lockout *kept = replay->lockout[a];

	replay->lockout[a] = replay->lockout[b];
	replay->lockout[b] = kept;
}

static void heap_push(struct replay *replay, struct replay_lockout *lockout)
{
	unsigned int at = replay->lockouts++;

	replay->lockout[at] = lockout;
	while (at && ends_before(lockout, replay->lockout[(at - 1) / 2])) {
		heap_swap(replay, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
}

static struct replay_lockout *heap_pop(struct replay *replay)
{
	struct replay_lockout *top = replay->lockout[0];
	unsigned int at = 0;

	replay->lockout[0] = replay->lockout[--replay->lockouts];
	for (;;) {
		unsigned int first = at;

		for (unsigned int child = 2 * at + 1;
		     child <= 2 * at + 2 && child < replay->lockouts; child++)
			if (ends_before(replay->lockout[child], replay->lockout[first]))
				first = child;
		if (first == at)
			return top;
		heap_swap(replay, at, first);
		at = first;
	}
}

static void lockout_add(struct replay *replay, const struct decision *decision)
{
	uint64_t until_ns = decision->at_ns + decision->seconds * NSEC_PER_SEC;
	struct replay_lockout *lockout =
		replay->lockouts < REPLAY_LOCKOUTS_MAX ? malloc(sizeof(*lockout)) : NULL;

	if (!lockout) {
		replay->refused++;
		outcome_give(replay, decision, OUTCOME_LIMIT, 0);
		return;
	}
	*lockout = (struct replay_lockout){ .until_ns = until_ns, .decision = *decision };
	heap_push(replay, lockout);
	outcome_give(replay, decision, OUTCOME_APPLIED, until_ns);
}

void replay_take_decisions(struct replay *replay)
{
	for (unsigned int i = 0; i < replay->queued; i++) {
		const struct decision *decision = &replay->queue[i];

		decision_put(replay, decision);
		if (decision->seconds)
			lockout_add(replay, decision);
	}
	replay->queued = 0;
}

static void lockout_end(struct replay *replay)
{
	_cleanup_free_ struct replay_lockout *lockout = heap_pop(replay);
	struct decision *decision = &lockout->decision;

	decision->at_ns = lockout->until_ns;
	outcome_give(replay, decision, OUTCOME_EXPIRED, 0);
	decision->action = ACTION_EXPIRE;
	decision->seconds = 0;
	text_copy(decision->reason, sizeof(decision->reason), "the lockout is over");
	decision_put(replay, decision);
}

void replay_end_lockouts(struct replay *replay, uint64_t now_ns)
{
	while (replay->lockouts && replay->lockout[0]->until_ns <= now_ns)
		lockout_end(replay);
}
