/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to the evidence stage: which lines of services without a sensor tell of one try.
 *
 * A server writes its own line, PAM writes one through it, syslog puts both into a file and the
 * journal has them, too: four lines, one try. Two lines tell of the same try if
 * - they are about the same address (without one: the same user; without that: the same process),
 * - they name the same user, or one of them names none,
 * - they were read at most ATTEMPT_JOIN_NS apart, counted from the line that was first judged (PAM
 *   holds a server's answer back for two to three seconds after its own line),
 * - they are of different kind: the same expression of the same filter from the same source is, the
 *   second time, a second try.
 * Each line joins the oldest try that it fits. Of one key the newest ATTEMPT_JOIN_TRIES tries are
 * remembered, and ATTEMPT_TOLD_MAX lines of each: past that a line counts again. Neither can be
 * used to have less counted; at most two kinds of line without a user name that come by turns do.
 */
#ifndef ANALYST_EVIDENCE_ATTEMPT_JOIN_H
#define ANALYST_EVIDENCE_ATTEMPT_JOIN_H

#include "analyst/evidence/evidence.h"

#define ATTEMPT_JOIN_NS (4ULL * 1000000000)
#define ATTEMPT_JOIN_KEYS_MAX 2048
#define ATTEMPT_JOIN_TRIES 8

struct attempt_join;
int attempt_join_new(struct attempt_join **ret, const uint64_t seed[2]);
struct attempt_join *attempt_join_free(struct attempt_join *join);
DEFINE_CLEANUP(attempt_join_free, struct attempt_join *)

/*
 * The claim's line came to attempt, whose subject, trust, accepted and service are known. Fills
 * tries, and, where earlier lines told of the same try, again and told (borrowed until the next
 * call).
 */
void attempt_join_count(struct attempt_join *join, const struct claim *claim,
			struct attempt *attempt);
/* Keys that made room within ATTEMPT_JOIN_NS: lines about them may have counted twice. */
uint64_t attempt_join_crowded(const struct attempt_join *join);

#endif
