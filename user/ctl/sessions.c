/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl sessions: login sessions that exist now.
 */
#include "ctl/client.h"
#include "ctl/lockout_text.h"

struct sessions {
	bool json;
	uint64_t count;
	struct buf out;
	struct grid grid;
};

static int put_session(const struct control_reply *reply, int refused, void *arg)
{
	struct sessions *sessions = arg;

	if (refused) {
		output_error("%s", reply->text);
		return refused;
	}
	if (reply->session.session == 0)
		return CTL_OK;
	sessions->count++;
	if (!sessions->json) {
		session_put_row(&sessions->grid, &reply->session);
		return CTL_OK;
	}
	session_put_json(&sessions->out, &reply->session);
	return sessions->out.len > 32768 ? output_flush(&sessions->out) : CTL_OK;
}

int sessions_main(const struct ctl_args *args)
{
	struct control_request request = { .op = CONTROL_SESSIONS };
	struct sessions sessions = { .json = args->json, .out = BUF_INIT(4 * 1024 * 1024) };
	int r;

	session_begin(&sessions.grid, &sessions.out, output_wants_colour());
	r = control_ask(args, &request, NULL, put_session, &sessions);
	grid_end(&sessions.grid);
	if (r == CTL_OK && !sessions.json && !sessions.count)
		buf_puts(&sessions.out, "no login session is known\n");
	if (output_flush(&sessions.out) != CTL_OK && r == CTL_OK)
		r = CTL_FAILED;
	buf_done(&sessions.out);
	return r;
}
