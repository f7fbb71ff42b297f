/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an operator asks for: lock, release, hold, thaw.
 *
 * The same checks as for the analyst; force lifts those that protect an operator from himself, but
 * not what the configuration exempts. Every answer says in a sentence what was done, or what to do.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "enforcer/lockouts/lockouts.h"

#define RELEASE_BATCH 256

static void subject_text(const struct ipc_subject *subject, char *ret, size_t size)
{
	struct addr net = limits_net(subject);
	char address[ADDR_TEXT_MAX];

	switch ((enum subject_kind)subject->kind) {
	case SUBJECT_ADDRESS:
		addr_format(&net, address);
		(void)snprintf(ret, size, "%s", address);
		return;
	case SUBJECT_SESSION:
		(void)snprintf(ret, size, "session %llu", (unsigned long long)subject->id);
		return;
	case SUBJECT_USER:
		(void)snprintf(ret, size, "user %llu", (unsigned long long)subject->id);
		return;
	case SUBJECT_HOST:
	case SUBJECT_NONE:
	case SUBJECT_MAX:
		break;
	}
	(void)snprintf(ret, size, "the host");
}

static void __attribute__((format(printf, 3, 4)))
reply(struct control_reply *ret, int error, const char *format, ...)
{
	va_list args;

	ret->error = error;
	va_start(args, format);
	(void)vsnprintf(ret->text, sizeof(ret->text), format, args);
	va_end(args);
}

/* What to do about a refusal. */
static const char *advice(enum outcome_result result, bool force)
{
	switch (result) {
	case OUTCOME_LAST_WAY_IN:
		return force ? "" : "; --force does it all the same";
	case OUTCOME_EXEMPT:
		return force ? "; change bailiff.conf first" : "";
	case OUTCOME_APPLIED:
	case OUTCOME_OBSERVED:
	case OUTCOME_LIMIT:
	case OUTCOME_FAILED:
	case OUTCOME_EXPIRED:
	case OUTCOME_RELEASED:
	case OUTCOME_PROCESS_ENDED:
	case OUTCOME_RESULT_MAX:
		break;
	}
	return "";
}

static void operator_lock(struct lockouts *lockouts, const struct control_request *request,
			  const char *who, pid_t peer_pid, struct control_reply *ret)
{
	struct lockout_wish wish = {
		.action = request->action ? request->action : ACTION_LOCK,
		.seconds = request->seconds ? request->seconds : lockouts->operator_seconds,
		.by_operator = true,
		.force = request->force == 1,
		.peer_pid = peer_pid,
	};
	struct ipc_outcome outcome = { .action = wish.action };
	char name[ADDR_TEXT_MAX], text[IPC_TEXT_MAX] = "";
	uint64_t until = 0;

	if (limits_subject(&request->subject, &wish.subject) < 0) {
		reply(ret, -EINVAL,
		      "that cannot be locked out: single IPv4 addresses, IPv6 addresses or /64 "
		      "nets, sessions and users can");
		return;
	}
	text_copy(wish.origin, sizeof(wish.origin), who);
	text_copy_len(wish.reason, sizeof(wish.reason), request->reason,
		      strnlen(request->reason, sizeof(request->reason)));
	outcome.subject = wish.subject;
	text_copy(outcome.who, sizeof(outcome.who), who);
	outcome.result = (uint32_t)lockouts_apply(lockouts, &wish, &until, text);
	outcome.until_boot_ns = until;
	if (outcome.result == OUTCOME_APPLIED)
		outcome.action = lockouts_step_taken(lockouts, &wish);
	(void)snprintf(outcome.text, sizeof(outcome.text), "%.240s%s", text,
		       wish.force ? " (--force)" : "");
	lockouts_tell(lockouts, &outcome);

	subject_text(&wish.subject, name, sizeof(name));
	ret->result = outcome.result;
	if (outcome.result == OUTCOME_APPLIED) {
		ret->count = 1;
		reply(ret, 0, "%s is locked out%s%.160s", name, text[0] ? ": " : "", text);
	} else if (outcome.result == OUTCOME_OBSERVED) {
		reply(ret, 0, "%s was not locked out: bailiffd runs in observe mode", name);
	} else {
		reply(ret, outcome.result == OUTCOME_FAILED ? -EIO : -EPERM,
		      "%s was not locked out: it %.130s%s", name, text,
		      advice((enum outcome_result)outcome.result, wish.force));
	}
}

/* Everything: in batches, because each release moves the ledger's entries. */
static int release_all(struct lockouts *lockouts, const char *who, uint64_t *ret_count)
{
	_cleanup_free_ struct ipc_subject *subject = calloc(RELEASE_BATCH, sizeof(*subject));
	int r = 0;

	if (!subject)
		return -ENOMEM;
	while (r >= 0 && ledger_total(lockouts->ledger) > 0) {
		size_t count = 0;

		for (uint32_t i = 0; count < RELEASE_BATCH && ledger_at(lockouts->ledger, i); i++)
			subject[count++] = ledger_at(lockouts->ledger, i)->subject;
		for (size_t i = 0; i < count && r >= 0; i++) {
			struct ledger_entry *entry = ledger_get(lockouts->ledger, &subject[i]);

			r = lockouts_end(lockouts, entry, OUTCOME_RELEASED, who, NULL);
			*ret_count += r == 0;
		}
	}
	return r;
}

static void operator_release(struct lockouts *lockouts, const struct control_request *request,
			     const char *who, struct control_reply *ret)
{
	struct ledger_entry *entry;
	struct ipc_subject subject;
	char name[ADDR_TEXT_MAX];
	uint64_t released = 0;
	int r;

	if (request->subject.kind == SUBJECT_NONE) {
		r = release_all(lockouts, who, &released);
		ret->count = released;
		ret->result = r < 0 ? OUTCOME_FAILED : OUTCOME_RELEASED;
		if (r < 0)
			reply(ret, r, "%llu lockouts released, then: %s",
			      (unsigned long long)ret->count, strerror(-r));
		else
			reply(ret, 0, "%llu lockouts released", (unsigned long long)ret->count);
		return;
	}
	if (limits_subject(&request->subject, &subject) < 0) {
		reply(ret, -EINVAL,
		      "that is nothing that can be locked out, so nothing to release");
		return;
	}
	subject_text(&subject, name, sizeof(name));
	entry = ledger_get(lockouts->ledger, &subject);
	if (!entry) {
		reply(ret, -ENOENT, "%s is not locked out (bailiffctl list shows what is)", name);
		return;
	}
	if (subject.kind == SUBJECT_USER)
		lockouts_release_sessions(lockouts, entry, who);
	/* Ending others moves entries. */
	entry = ledger_get(lockouts->ledger, &subject);
	r = lockouts_end(lockouts, entry, OUTCOME_RELEASED, who, NULL);
	if (r < 0) {
		ret->result = OUTCOME_FAILED;
		reply(ret, r, "%s could not be taken out of the kernel's table: %s", name,
		      strerror(-r));
		return;
	}
	ret->result = OUTCOME_RELEASED;
	ret->count = 1;
	reply(ret, 0, "%s is released", name);
}

/* Hold and thaw: of sessions that are locked out. */
static void operator_step(struct lockouts *lockouts, const struct control_request *request,
			  const char *who, struct control_reply *ret)
{
	char name[ADDR_TEXT_MAX], text[IPC_TEXT_MAX];
	struct ledger_entry *entry;
	struct ipc_subject subject;
	int r;

	if (request->subject.kind != SUBJECT_SESSION ||
	    limits_subject(&request->subject, &subject) < 0) {
		reply(ret, -EINVAL, "sessions can be held and thawed, nothing else can");
		return;
	}
	subject_text(&subject, name, sizeof(name));
	entry = ledger_get(lockouts->ledger, &subject);
	if (!entry) {
		reply(ret, -ENOENT, "%s is not locked out (bailiffctl list shows what is)", name);
		return;
	}
	r = request->op == CONTROL_HOLD ? lockouts_hold(lockouts, entry, who, text)
					: lockouts_thaw(lockouts, entry, who, text);
	ret->result = r < 0 ? OUTCOME_FAILED : OUTCOME_APPLIED;
	ret->count = r == 0;
	reply(ret, r, "%s %.200s", name, text);
}

void lockouts_operator(struct lockouts *lockouts, const struct control_request *request,
		       const char *who, pid_t peer_pid, struct control_reply *ret)
{
	ret->error = 0;
	ret->result = 0;
	ret->count = 0;
	ret->text[0] = '\0';
	if (request->op == CONTROL_LOCK)
		operator_lock(lockouts, request, who, peer_pid, ret);
	else if (request->op == CONTROL_RELEASE)
		operator_release(lockouts, request, who, ret);
	else if (request->op == CONTROL_HOLD || request->op == CONTROL_THAW)
		operator_step(lockouts, request, who, ret);
	else
		reply(ret, -EOPNOTSUPP, "not a request about lockouts");
}
