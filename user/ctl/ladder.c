/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl hold, thaw, terminate: a session's step of the ladder. They take its number alone.
 */
#include <errno.h>

#include "base/buf.h"
#include "ctl/operate.h"
#include "ctl/output.h"

static int step(const struct ctl_args *args, enum control_op op)
{
	struct control_request request = { .op = op, .action = ACTION_TERMINATE };
	static char kind[] = "session";
	char *word[] = { kind, args->word[0] };
	char error[ARGS_ERROR_MAX];
	int r;

	r = subject_parse(2, word, SUBJECT_TO_LOCK, &request.subject, error);
	if (r < 0) {
		output_error("%s", error);
		return r == -ENOENT ? CTL_NOT_FOUND : CTL_USAGE;
	}
	request.force = args->force;
	text_copy(request.reason, sizeof(request.reason), args->reason ? args->reason : "");
	return operate(args, &request);
}

int hold_main(const struct ctl_args *args)
{
	return step(args, CONTROL_HOLD);
}

int thaw_main(const struct ctl_args *args)
{
	return step(args, CONTROL_THAW);
}

int terminate_main(const struct ctl_args *args)
{
	return step(args, CONTROL_LOCK);
}
