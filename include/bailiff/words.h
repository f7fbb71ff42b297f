/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The words for the enums of bailiff/ipc.h in JSON, rules and on the terminal. They are an
 * interface: other people's scripts compare them.
 *
 * Every table is as long as its enum: a new value without a word does not build, or, added in the
 * middle, is "unknown", as is any value outside.
 */
#ifndef BAILIFF_WORDS_H
#define BAILIFF_WORDS_H

#include <bailiff/ipc.h>

#define BL_WORD(words, count, value)                                                              \
	({                                                                                        \
		_Static_assert(sizeof(words) / sizeof((words)[0]) == (count), "a word for each"); \
		(value) < (count) && (words)[value] ? (words)[value] : "unknown";                 \
	})

static inline const char *bl_word_subject(__u32 kind)
{
	static const char *const words[] = {
		[SUBJECT_NONE] = "none",       [SUBJECT_ADDRESS] = "address",
		[SUBJECT_SESSION] = "session", [SUBJECT_USER] = "user",
		[SUBJECT_HOST] = "host",
	};

	return BL_WORD(words, SUBJECT_MAX, kind);
}

static inline const char *bl_word_action(__u32 action)
{
	static const char *const words[] = {
		[0] = "none",
		[ACTION_OBSERVE] = "observe",
		[ACTION_LOCK] = "lock",
		[ACTION_QUARANTINE] = "quarantine",
		[ACTION_FREEZE] = "freeze",
		[ACTION_TERMINATE] = "terminate",
		[ACTION_RELEASE] = "release",
		[ACTION_EXPIRE] = "expire",
	};

	return BL_WORD(words, ACTION_MAX, action);
}

static inline const char *bl_word_trust(__u32 trust)
{
	static const char *const words[] = {
		[TRUST_FORGED] = "forged",
		[TRUST_CLAIMED] = "claimed",
		[TRUST_ATTESTED] = "attested",
		[TRUST_WITNESSED] = "witnessed",
	};

	return BL_WORD(words, TRUST_MAX, trust);
}

static inline const char *bl_word_mode(__u32 mode)
{
	static const char *const words[] = {
		[MODE_OBSERVE] = "observe",
		[MODE_ENFORCE] = "enforce",
	};

	return BL_WORD(words, MODE_MAX, mode);
}

static inline const char *bl_word_outcome(__u32 result)
{
	static const char *const words[] = {
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

	return BL_WORD(words, OUTCOME_RESULT_MAX, result);
}

static inline const char *bl_word_record(__u32 kind)
{
	static const char *const words[] = {
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

	return BL_WORD(words, RECORD_KIND_MAX, kind);
}

/* What a record tells of came to this. */
static inline const char *bl_word_result(__u32 result)
{
	static const char *const words[] = {
		[RESULT_NONE] = "none",	      [RESULT_FAILURE] = "failure",
		[RESULT_SUCCESS] = "success", [RESULT_BEGIN] = "begin",
		[RESULT_END] = "end",
	};

	return BL_WORD(words, RESULT_MAX, result);
}

#undef BL_WORD

#endif
