/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl why: asks the recorder for all that it has on a subject, and tells it.
 */
#include "ctl/why.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "ctl/client.h"
#include "ctl/output.h"

#define WHY_DEFAULT 1000 /* what the recorder sends at most when no limit is named */

struct question {
	bool json;
	struct why why;
	struct buf out;
};

static int take_object(const char *object, size_t len, void *arg)
{
	struct question *question = arg;
	struct why *why = &question->why;

	if (why_add(why, object, len) < 0) {
		output_error("bailiff-recorder sent what is no record");
		return CTL_FAILED;
	}
	if (why->count && why->step[why->count - 1].form == STEP_ERROR) {
		output_error("%s", why->step[why->count - 1].text);
		return CTL_REFUSED;
	}
	if (!question->json)
		return CTL_OK;
	why->count = why->count ? 1 : 0;
	buf_add(&question->out, object, len);
	buf_putc(&question->out, '\n');
	return output_flush(&question->out);
}

int why_main(const struct ctl_args *args)
{
	struct question question = { .json = args->json, .out = BUF_INIT(64 * 1024 * 1024) };
	struct status_request request = { .op = STATUS_WHY, .limit = args->limit };
	uint64_t now_ns = clock_wall_ns();
	char error[ARGS_ERROR_MAX];
	int r;

	r = subject_parse(args->words, args->word, SUBJECT_TO_ASK, &request.subject, error);
	if (!r && request.subject.kind == SUBJECT_NONE) {
		(void)snprintf(error, sizeof(error), "why wants one subject, not \"all\"");
		r = -EINVAL;
	}
	if (r < 0) {
		output_error("%s", error);
		return r == -ENOENT ? CTL_NOT_FOUND : CTL_USAGE;
	}
	if (args->since_seconds && args->since_seconds * NSEC_PER_SEC < now_ns)
		request.since_wall_ns = now_ns - args->since_seconds * NSEC_PER_SEC;
	r = status_ask(args, &request, take_object, &question);
	if (r == CTL_OK && !question.json) {
		why_tell(&question.why, &request.subject, args->limit ? args->limit : WHY_DEFAULT,
			 output_wants_colour(), now_ns, &question.out);
		r = output_flush(&question.out);
	}
	if (r == CTL_OK && question.why.count == 0)
		r = CTL_NOT_FOUND;
	why_done(&question.why);
	buf_done(&question.out);
	return r;
}
