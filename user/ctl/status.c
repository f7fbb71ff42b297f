/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl status: one glance at what bailiffd does.
 */
#include "base/clock.h"
#include "ctl/client.h"
#include "ctl/output.h"
#include "ctl/status_text.h"

static int put_status(const struct control_reply *reply, int refused, void *arg)
{
	const bool *json = arg;
	struct buf out = BUF_INIT(65536);
	int r;

	if (refused) {
		output_error("%s", reply->text);
		return refused;
	}
	if (*json)
		status_put_json(&out, &reply->status, clock_boot_ns(), clock_wall_ns());
	else
		status_put_text(&out, output_wants_colour(), &reply->status, clock_boot_ns());
	r = output_flush(&out);
	buf_done(&out);
	return r;
}

int status_main(const struct ctl_args *args)
{
	struct control_request request = { .op = CONTROL_STATUS };
	bool json = args->json;

	return control_ask(args, &request, NULL, put_status, &json);
}
