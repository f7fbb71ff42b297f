/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to the evidence stage: what the kernel says to a claim. */
#ifndef ANALYST_EVIDENCE_JUDGE_H
#define ANALYST_EVIDENCE_JUDGE_H

#include "analyst/evidence/evidence.h"

enum judgement {
	JUDGE_CONNECTION = 1, /* the kernel saw this very connection */
	JUDGE_PROCESS, /* the kernel saw this very program (sudo, su), in a session */
	JUDGE_UNKNOWN, /* the kernel knows nothing of it (yet) */
	JUDGE_CONTRADICTED, /* the kernel saw something else (unless an event is still under way) */
	JUDGE_MAX,
};

struct judge_finding {
	const struct connection *connection; /* JUDGE_CONNECTION */
	const struct process *process; /* JUDGE_PROCESS */
	char text[IPC_TEXT_MAX]; /* JUDGE_CONTRADICTED: by what */
};

enum judgement judge_claim(const struct session_table *sessions, const struct claim *claim,
			   const struct witness_service *services, unsigned int count,
			   struct judge_finding *ret);

#endif
