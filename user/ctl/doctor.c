/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl doctor: what the running agent found, or, if none runs, what bailiffd --doctor finds.
 */
#include <stdio.h>

#include "base/cleanup.h"
#include "ctl/client.h"
#include "ctl/handover.h"
#include "ctl/output.h"

struct doctor {
	const struct ctl_args *args;
	struct buf out;
	struct grid grid;
	bool missing;
};

static const char *const states[] = {
	[0] = "unknown",
	[FINDING_OK] = "ok",
	[FINDING_DEGRADED] = "degraded",
	[FINDING_MISSING] = "missing",
};
_Static_assert(ARRAY_SIZE(states) == FINDING_STATE_MAX, "state names");

static int put_finding(const struct control_reply *reply, int refused, void *arg)
{
	const struct control_finding *finding = &reply->finding;
	struct doctor *doctor = arg;
	const char *state = states[finding->state < FINDING_STATE_MAX ? finding->state : 0];
	const char *cells[] = { finding->name, state, finding->text };
	struct json_writer w;

	if (refused) {
		output_error("%s", reply->text);
		return refused;
	}
	if (!finding->state)
		return CTL_OK;
	if (finding->state == FINDING_MISSING)
		doctor->missing = true;
	if (!doctor->args->json) {
		grid_row(&doctor->grid, cells);
		return CTL_OK;
	}
	json_begin(&w, &doctor->out);
	json_object(&w, NULL);
	json_string(&w, "name", finding->name);
	json_string(&w, "state", state);
	json_string(&w, "text", finding->text);
	json_end_object(&w);
	buf_putc(&doctor->out, '\n');
	return output_flush(&doctor->out);
}

static int run_bailiffd(bool json)
{
	static const char *const folders[] = { "/usr/sbin", "/usr/local/sbin", "/sbin" };
	static char program[] = "bailiffd", doctor[] = "--doctor", as_json[] = "--json";
	char *argv[] = { program, doctor, json ? as_json : NULL, NULL };

	if (!json)
		(void)fprintf(stderr, "bailiffd is not running; probing this host instead\n");
	return handover_exec(program, folders, ARRAY_SIZE(folders), argv);
}

int doctor_main(const struct ctl_args *args)
{
	static const char *const head[] = { "WHAT", "STATE", "MEANING" };
	struct control_request request = { .op = CONTROL_FINDINGS };
	struct doctor doctor = { .args = args, .out = BUF_INIT(1024 * 1024) };
	bool absent = false;
	int r;

	grid_begin(&doctor.grid, &doctor.out, output_wants_colour(), head, ARRAY_SIZE(head));
	r = control_ask(args, &request, args->socket ? NULL : &absent, put_finding, &doctor);
	grid_end(&doctor.grid);
	if (r == CTL_OK)
		r = output_flush(&doctor.out);
	buf_done(&doctor.out);
	if (absent)
		return run_bailiffd(args->json);
	if (r == CTL_OK && doctor.missing)
		return CTL_FAILED;
	return r;
}
