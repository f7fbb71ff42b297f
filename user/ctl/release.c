/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl release: an operator ends a lockout before its time.
 */
#include <errno.h>

#include "base/buf.h"
#include "ctl/operate.h"
#include "ctl/output.h"

int release_main(const struct ctl_args *args)
{
	struct control_request request = { .op = CONTROL_RELEASE, .action = ACTION_RELEASE };
	char error[ARGS_ERROR_MAX];
	int r;

	r = subject_parse(args->words, args->word, SUBJECT_TO_LOCK, &request.subject, error);
	if (r < 0) {
		output_error("%s", error);
		return r == -ENOENT ? CTL_NOT_FOUND : CTL_USAGE;
	}
	text_copy(request.reason, sizeof(request.reason), args->reason ? args->reason : "");
	return operate(args, &request);
}
