/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl list: lockouts in force.
 */
#include <string.h>

#include "base/clock.h"
#include "ctl/client.h"
#include "ctl/lockout_text.h"

struct list {
	bool json;
	uint32_t kind; /* enum subject_kind that is shown; SUBJECT_NONE: all */
	uint64_t now_ns;
	uint64_t count;
	struct buf out;
	struct grid grid;
};

/* An answer without any lockout has one reply with an empty one. */
static int put_lockout(const struct control_reply *reply, int refused, void *arg)
{
	struct list *list = arg;

	if (refused) {
		output_error("%s", reply->text);
		return refused;
	}
	if (reply->lockout.subject.kind == SUBJECT_NONE ||
	    (list->kind && reply->lockout.subject.kind != list->kind))
		return CTL_OK;
	list->count++;
	if (!list->json) {
		lockout_put_row(&list->grid, &reply->lockout, list->now_ns);
		return CTL_OK;
	}
	lockout_put_json(&list->out, &reply->lockout);
	return list->out.len > 32768 ? output_flush(&list->out) : CTL_OK;
}

int list_main(const struct ctl_args *args)
{
	struct control_request request = { .op = CONTROL_LIST };
	struct list list = { .json = args->json, .out = BUF_INIT(4 * 1024 * 1024) };
	int r;

	if (args->words && strcmp(args->word[0], "addresses") == 0) {
		list.kind = SUBJECT_ADDRESS;
	} else if (args->words && strcmp(args->word[0], "sessions") == 0) {
		list.kind = SUBJECT_SESSION;
	} else if (args->words) {
		output_error("list shows addresses or sessions, not \"%s\"", args->word[0]);
		return CTL_USAGE;
	}
	list.now_ns = clock_wall_ns();
	lockout_begin(&list.grid, &list.out, output_wants_colour());
	r = control_ask(args, &request, NULL, put_lockout, &list);
	grid_end(&list.grid);
	if (r == CTL_OK && !list.json && !list.count)
		buf_puts(&list.out, "nothing is locked out\n");
	if (output_flush(&list.out) != CTL_OK && r == CTL_OK)
		r = CTL_FAILED;
	buf_done(&list.out);
	return r;
}
