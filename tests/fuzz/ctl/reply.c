/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Replies on the control socket, of any bytes: shown as lockout, session, operation and status
 * without a control character. Input: one struct control_reply, cut or not.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"
#include "ctl/lockout_text.h"
#include "ctl/operate.h"
#include "ctl/source_text.h"
#include "ctl/status_text.h"

static void check_text(struct buf *out)
{
	size_t at = 0;

	assert(!out->cut);
	while (at < out->len) {
		uint32_t point = 0;
		int size = utf8_decode(out->data + at, out->len - at, &point);

		assert(size > 0);
		assert(point == '\n' || !utf8_is_hidden(point));
		at += (size_t)size;
	}
	buf_clear(out);
}

static void check_json(struct buf *out)
{
	static struct json_doc doc;
	size_t at;

	assert(!out->cut && out->len > 0);
	assert(memchr(out->data, '\n', out->len) == out->data + out->len - 1);
	assert(json_parse(&doc, out->data, out->len, &at) == 0);
	check_text(out);
}

#define TERMINATE(array) ((array)[sizeof(array) - 1] = '\0')

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_request request = { .op = CONTROL_LOCK };
	static struct control_reply reply;
	static struct grid grid;
	static struct status_accepted accepted;
	struct status_sources sources = { &reply.source, 0, &reply.filter, 0 };
	struct buf out = BUF_INIT(1 << 20);

	memset(&reply, 0, sizeof(reply));
	memcpy(&reply, data, size < sizeof(reply) ? size : sizeof(reply));
	TERMINATE(reply.text);
	request.subject = reply.lockout.subject;
	operate_put_text(&out, &request, &reply);
	check_text(&out);
	operate_put_json(&out, &request, &reply);
	check_json(&out);
	accepted.count = 1;
	memcpy(accepted.text[0], reply.finding.text, sizeof(accepted.text[0]));
	TERMINATE(accepted.text[0]);
	status_put_text(&out, false, &reply.status, &accepted, 1ULL << 62);
	check_text(&out);
	status_put_json(&out, &reply.status, &accepted, &sources, 1ULL << 62,
			1795568523000000000ULL);
	check_json(&out);
	TERMINATE(reply.source.path);
	TERMINATE(reply.source.text);
	source_put_text(&out, false, &reply.source, 1ULL << 62);
	check_text(&out);
	sources.sources = 1;
	status_put_json(&out, &reply.status, &accepted, &sources, 1ULL << 62,
			1795568523000000000ULL);
	check_json(&out);
	TERMINATE(reply.filter.filter);
	TERMINATE(reply.filter.file);
	filter_put_text(&out, false, &reply.filter);
	check_text(&out);
	sources.sources = 0;
	sources.filters = 1;
	status_put_json(&out, &reply.status, &accepted, &sources, 1ULL << 62,
			1795568523000000000ULL);
	check_json(&out);

	TERMINATE(reply.lockout.rule);
	TERMINATE(reply.lockout.who);
	TERMINATE(reply.lockout.reason);
	lockout_begin(&grid, &out, false);
	lockout_put_row(&grid, &reply.lockout, 1795568523000000000ULL);
	grid_end(&grid);
	check_text(&out);
	lockout_put_json(&out, &reply.lockout);
	check_json(&out);

	memcpy(&reply, data, size < sizeof(reply) ? size : sizeof(reply));
	TERMINATE(reply.session.user);
	TERMINATE(reply.session.service);
	session_begin(&grid, &out, false);
	session_put_row(&grid, &reply.session);
	grid_end(&grid);
	check_text(&out);
	session_put_json(&out, &reply.session);
	check_json(&out);
	buf_done(&out);
	return 0;
}
