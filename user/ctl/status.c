/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl status: one glance at what bailiffd does, and how each log source does. What the
 * configuration lets count without a witness is asked first, so that it is never left out of what
 * is shown.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "ctl/client.h"
#include "ctl/output.h"
#include "ctl/source_text.h"
#include "ctl/status_text.h"

struct view {
	bool json;
	struct status_accepted accepted;
	struct ipc_source_status source[STATUS_SOURCES_MAX];
	size_t sources;
	struct ipc_filter_status filter[IPC_FILTERS_MAX];
	size_t filters;
};

static int take_finding(const struct control_reply *reply, int refused, void *arg)
{
	struct status_accepted *accepted = &((struct view *)arg)->accepted;

	if (refused) {
		output_error("%s", reply->text);
		return refused;
	}
	if (strcmp(reply->finding.name, CONTROL_ACCEPTED) != 0)
		return CTL_OK;
	if (accepted->count == STATUS_ACCEPTED_MAX)
		accepted->more++;
	else
		text_copy(accepted->text[accepted->count++], IPC_TEXT_MAX, reply->finding.text);
	return CTL_OK;
}

/* The last reply, and the only one where there are none, has an empty one. */
static int take_source(const struct control_reply *reply, int refused, void *arg)
{
	struct view *view = arg;

	if (refused) {
		output_error("%s", reply->text);
		return refused;
	}
	if (reply->source.id && view->sources < STATUS_SOURCES_MAX)
		view->source[view->sources++] = reply->source;
	return CTL_OK;
}

static int take_filter(const struct control_reply *reply, int refused, void *arg)
{
	struct view *view = arg;

	if (refused) {
		output_error("%s", reply->text);
		return refused;
	}
	if (reply->filter.id && view->filters < IPC_FILTERS_MAX)
		view->filter[view->filters++] = reply->filter;
	return CTL_OK;
}

static int put_status(const struct control_reply *reply, int refused, void *arg)
{
	const struct view *view = arg;
	const struct status_sources sources = { view->source, view->sources, view->filter,
						view->filters };
	struct buf out = BUF_INIT(2 * 1024 * 1024);
	int r;

	if (refused) {
		output_error("%s", reply->text);
		return refused;
	}
	if (view->json)
		status_put_json(&out, &reply->status, &view->accepted, &sources, clock_boot_ns(),
				clock_wall_ns());
	else
		status_put_text(&out, output_wants_colour(), &reply->status, &view->accepted,
				clock_boot_ns());
	for (size_t i = 0; !view->json && i < view->sources; i++)
		source_put_text(&out, output_wants_colour(), &view->source[i], clock_boot_ns());
	for (size_t i = 0; !view->json && i < view->filters; i++)
		filter_put_text(&out, output_wants_colour(), &view->filter[i]);
	r = output_flush(&out);
	buf_done(&out);
	return r;
}

int status_main(const struct ctl_args *args)
{
	struct control_request findings = { .op = CONTROL_FINDINGS };
	struct control_request sources = { .op = CONTROL_SOURCES };
	struct control_request filters = { .op = CONTROL_FILTERS };
	struct control_request request = { .op = CONTROL_STATUS };
	_cleanup_free_ struct view *view = calloc(1, sizeof(*view));
	int r;

	if (!view) {
		output_error("out of memory");
		return CTL_FAILED;
	}
	view->json = args->json;
	r = control_ask(args, &findings, NULL, take_finding, view);
	if (r == CTL_OK)
		r = control_ask(args, &sources, NULL, take_source, view);
	if (r == CTL_OK)
		r = control_ask(args, &filters, NULL, take_filter, view);
	return r == CTL_OK ? control_ask(args, &request, NULL, put_status, view) : r;
}
