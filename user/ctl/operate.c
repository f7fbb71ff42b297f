/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lock and release: the answer.
 */
#include "ctl/operate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <bailiff/words.h>

#include "ctl/client.h"
#include "ctl/output.h"

struct operation {
	bool json;
	const struct control_request *request;
	int exit;
};

static const char *verb(const struct control_request *request, bool done)
{
	if (request->op == CONTROL_RELEASE)
		return done ? "released" : "release";
	if (request->op == CONTROL_HOLD)
		return done ? "held" : "hold";
	if (request->op == CONTROL_THAW)
		return done ? "thawed" : "thaw";
	return done ? "locked out" : "lock";
}

/* Errors of the kernel's range; anything else is no error number. */
static const char *reason(const struct control_reply *reply)
{
	if (reply->error >= 0)
		return bl_word_outcome(reply->result);
	return reply->error > -4096 ? strerror(-reply->error) : "an error of another release";
}

void operate_put_json(struct buf *out, const struct control_request *request,
		      const struct control_reply *reply)
{
	struct json_writer w;

	json_begin(&w, out);
	json_object(&w, NULL);
	json_string(&w, "operation", verb(request, false));
	output_json_subject(&w, &request->subject);
	json_string(&w, "result", reply->error < 0 ? "refused" : bl_word_outcome(reply->result));
	json_i64(&w, "error", reply->error);
	json_u64(&w, "count", reply->count);
	json_string(&w, "text", reply->text);
	json_end_object(&w);
	buf_putc(out, '\n');
}

void operate_put_text(struct buf *out, const struct control_request *request,
		      const struct control_reply *reply)
{
	char subject[OUTPUT_SUBJECT_MAX];
	int refused = control_exit(reply);

	output_subject(&request->subject, subject);
	if (reply->text[0]) {
		buf_put_safe(out, reply->text, strlen(reply->text));
	} else if (refused == CTL_NOT_FOUND) {
		buf_printf(out, "%s: there is no such lockout or session", subject);
	} else if (refused) {
		buf_printf(out, "%s was not %s: %s", subject, verb(request, true), reason(reply));
	} else if (request->op == CONTROL_RELEASE && request->subject.kind == SUBJECT_NONE) {
		buf_printf(out, "%" PRIu64 " lockout%s released", (uint64_t)reply->count,
			   reply->count == 1 ? "" : "s");
	} else {
		buf_printf(out, "%s is %s", subject, verb(request, true));
	}
}

static int put_reply(const struct control_reply *reply, int refused, void *arg)
{
	struct operation *operation = arg;
	struct buf out = BUF_INIT(16384);
	int r = CTL_OK;

	if (operation->json) {
		operate_put_json(&out, operation->request, reply);
		r = output_flush(&out);
	} else {
		operate_put_text(&out, operation->request, reply);
		/* Already safe: it must not be made so twice. */
		if (refused)
			(void)fprintf(stderr, "bailiffctl: %s\n", out.data ? out.data : "");
		else
			printf("%s\n", out.data ? out.data : "");
	}
	buf_done(&out);
	if (refused)
		operation->exit = refused;
	return r;
}

int operate(const struct ctl_args *args, struct control_request *request)
{
	struct operation operation = { .json = args->json, .request = request };
	int r;

	r = control_ask(args, request, NULL, put_reply, &operation);
	return r == CTL_OK ? operation.exit : r;
}
