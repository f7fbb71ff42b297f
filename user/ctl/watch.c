/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl watch: records and outcomes as they happen, until interrupted.
 */
#include "ctl/client.h"
#include "ctl/output.h"
#include "ctl/step.h"

struct watch {
	bool json;
	bool colour;
	struct buf out;
};

static int put_object(const char *object, size_t len, void *arg)
{
	struct watch *watch = arg;
	struct step step;

	if (step_parse(object, len, &step) < 0) {
		output_error("bailiff-recorder sent what is no record");
		return CTL_FAILED;
	}
	if (step.form == STEP_ERROR) {
		output_error("%s", step.text);
		return CTL_REFUSED;
	}
	if (watch->json) {
		buf_add(&watch->out, object, len);
		buf_putc(&watch->out, '\n');
	} else {
		step_put_line(&watch->out, watch->colour, &step);
	}
	return output_flush(&watch->out);
}

int watch_main(const struct ctl_args *args)
{
	struct status_request request = { .op = STATUS_WATCH };
	struct watch watch = { .json = args->json,
			       .colour = output_wants_colour(),
			       .out = BUF_INIT(65536) };
	int r;

	r = status_ask(args, &request, put_object, &watch);
	buf_done(&watch.out);
	if (r == CTL_OK) {
		output_error("bailiff-recorder ended the connection");
		return CTL_UNREACHABLE;
	}
	return r;
}
