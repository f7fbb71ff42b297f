/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl lock: an operator locks out an address, a session or a user.
 */
#include <errno.h>

#include "base/buf.h"
#include "ctl/operate.h"
#include "ctl/output.h"

int lock_main(const struct ctl_args *args)
{
	struct control_request request = { .op = CONTROL_LOCK };
	char error[ARGS_ERROR_MAX];
	int r;

	r = subject_parse(args->words, args->word, SUBJECT_TO_LOCK, &request.subject, error);
	if (r < 0) {
		output_error("%s", error);
		return r == -ENOENT ? CTL_NOT_FOUND : CTL_USAGE;
	}
	if (request.subject.kind == SUBJECT_NONE) {
		output_error("lock wants one subject, not \"all\"");
		return CTL_USAGE;
	}
	if (args->action && request.subject.kind != SUBJECT_SESSION) {
		output_error("--action is for sessions");
		return CTL_USAGE;
	}
	request.action = args->action ? args->action : ACTION_LOCK;
	if (args->seconds > UINT32_MAX) {
		output_error("--for: that is longer than any lockout can be");
		return CTL_USAGE;
	}
	request.seconds = (uint32_t)args->seconds;
	request.force = args->force;
	text_copy(request.reason, sizeof(request.reason), args->reason ? args->reason : "");
	return operate(args, &request);
}
