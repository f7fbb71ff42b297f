/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of enums in JSON.
 *
 * Every table is as long as its enum and has no hole: a new value without a name does not build,
 * or shows as "unknown" where it was added in the middle.
 */
#include "recorder/names.h"

#include <stddef.h>

#include <bailiff/ipc.h>

#include "base/cleanup.h"

static const char *const subjects[] = {
	[SUBJECT_NONE] = "none", [SUBJECT_ADDRESS] = "address", [SUBJECT_SESSION] = "session",
	[SUBJECT_USER] = "user", [SUBJECT_HOST] = "host",
};
_Static_assert(ARRAY_SIZE(subjects) == SUBJECT_MAX, "subject names");

static const char *const actions[] = {
	[0] = "none",
	[ACTION_OBSERVE] = "observe",
	[ACTION_LOCK] = "lock",
	[ACTION_QUARANTINE] = "quarantine",
	[ACTION_FREEZE] = "freeze",
	[ACTION_TERMINATE] = "terminate",
	[ACTION_RELEASE] = "release",
	[ACTION_EXPIRE] = "expire",
};
_Static_assert(ARRAY_SIZE(actions) == ACTION_MAX, "action names");

static const char *const trusts[] = {
	[TRUST_FORGED] = "forged",
	[TRUST_CLAIMED] = "claimed",
	[TRUST_ATTESTED] = "attested",
	[TRUST_WITNESSED] = "witnessed",
};
_Static_assert(ARRAY_SIZE(trusts) == TRUST_MAX, "trust names");

static const char *const modes[] = { [MODE_OBSERVE] = "observe", [MODE_ENFORCE] = "enforce" };
_Static_assert(ARRAY_SIZE(modes) == MODE_MAX, "mode names");

static const char *const outcomes[] = {
	[0] = "none",
	[OUTCOME_APPLIED] = "applied",
	[OUTCOME_OBSERVED] = "observed",
	[OUTCOME_EXEMPT] = "exempt",
	[OUTCOME_LAST_WAY_IN] = "last_way_in",
	[OUTCOME_LIMIT] = "limit",
	[OUTCOME_FAILED] = "failed",
	[OUTCOME_EXPIRED] = "expired",
	[OUTCOME_RELEASED] = "released",
	[OUTCOME_PROCESS_ENDED] = "process_ended",
};
_Static_assert(ARRAY_SIZE(outcomes) == OUTCOME_RESULT_MAX, "outcome names");

static const char *const records[] = {
	[0] = "none",
	[RECORD_CLAIM] = "claim",
	[RECORD_ATTEMPT] = "attempt",
	[RECORD_CONNECTION] = "connection",
	[RECORD_SESSION] = "session",
	[RECORD_DECISION] = "decision",
	[RECORD_SOURCE] = "source",
	[RECORD_EXEC] = "exec",
	[RECORD_SIGNAL] = "signal",
};
_Static_assert(ARRAY_SIZE(records) == RECORD_KIND_MAX, "record names");

static const char *const results[] = {
	[RESULT_NONE] = "none",	  [RESULT_FAILURE] = "failure", [RESULT_SUCCESS] = "success",
	[RESULT_BEGIN] = "begin", [RESULT_END] = "end",
};
_Static_assert(ARRAY_SIZE(results) == RESULT_MAX, "result names");

static const char *look_up(const char *const *names, size_t count, uint32_t value)
{
	return value < count && names[value] ? names[value] : "unknown";
}

const char *name_subject(uint32_t kind)
{
	return look_up(subjects, ARRAY_SIZE(subjects), kind);
}

const char *name_action(uint32_t action)
{
	return look_up(actions, ARRAY_SIZE(actions), action);
}

const char *name_trust(uint32_t trust)
{
	return look_up(trusts, ARRAY_SIZE(trusts), trust);
}

const char *name_mode(uint32_t mode)
{
	return look_up(modes, ARRAY_SIZE(modes), mode);
}

const char *name_outcome(uint32_t result)
{
	return look_up(outcomes, ARRAY_SIZE(outcomes), result);
}

const char *name_record(uint32_t kind)
{
	return look_up(records, ARRAY_SIZE(records), kind);
}

const char *name_result(uint32_t result)
{
	return look_up(results, ARRAY_SIZE(results), result);
}
