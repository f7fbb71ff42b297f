/* SPDX-License-Identifier: GPL-2.0-only */
/* What filter check says of one file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/filter_check.h"
#include "base/cleanup.h"
#include "base/json.h"

static const char *const results[] = {
	[FILTER_CHECK_LOADED] = "loaded",
	[FILTER_CHECK_INCLUDED] = "included",
	[FILTER_CHECK_REFUSED] = "refused",
};
_Static_assert(ARRAY_SIZE(results) == FILTER_CHECK_MAX, "a word each");

/* "FILE:LINE: OPTION: reason"; what it does not say is left out. */
static void error_put(struct json_writer *w, const char *error)
{
	const char *colon = strchr(error, ':'), *rest;
	char part[EVIDENCE_ERROR_MAX];
	unsigned long line;
	char *end;

	if (!colon) {
		json_string(w, "why", error);
		return;
	}
	line = strtoul(colon + 1, &end, 10);
	if (end == colon + 1 || *end != ':') {
		json_string(w, "why", error);
		return;
	}
	text_copy_len(part, sizeof(part), error, (size_t)(colon - error));
	json_string(w, "file", part);
	if (line)
		json_u64(w, "line", line);
	error = end + 1 + (end[1] == ' ');
	rest = error + strcspn(error, ": ");
	if (rest > error && rest[0] == ':' && rest[1] == ' ') {
		text_copy_len(part, sizeof(part), error, (size_t)(rest - error));
		json_string(w, "option", part);
		error = rest + 2;
	}
	json_string(w, "why", error);
}

static void json_put(struct buf *out, const struct filter_check *check)
{
	struct json_writer w;

	json_begin(&w, out);
	json_object(&w, NULL);
	json_string(&w, "path", check->path);
	json_string(&w, "result", results[check->result]);
	if (check->result != FILTER_CHECK_LOADED) {
		error_put(&w, check->error);
		if (check->variant[0])
			json_string(&w, "as", check->variant);
	}
	if (check->result == FILTER_CHECK_INCLUDED)
		json_u64(&w, "includers", check->includers);
	if (check->result == FILTER_CHECK_LOADED) {
		json_u64(&w, "expressions", check->about.failregex);
		json_array(&w, "variants");
		for (unsigned int i = 0; i < check->variants; i++) {
			json_object(&w, NULL);
			json_string(&w, "param", check->variant_of[i].param);
			json_string(&w, "value", check->variant_of[i].value);
			json_u64(&w, "expressions", check->variant_of[i].expressions);
			json_end_object(&w);
		}
		json_end_array(&w);
		if (check->journalmatch.len)
			json_string(&w, "journalmatch", check->journalmatch.data);
		if (check->datepattern.len)
			json_string(&w, "datepattern", check->datepattern.data);
	}
	json_array(&w, "warnings");
	for (unsigned int i = 0; i < check->warnings; i++)
		json_string(&w, NULL, check->warning[i]);
	json_end_array(&w);
	json_end_object(&w);
}

static void variants_put(struct buf *out, const struct filter_check *check)
{
	const char *last = "";

	for (unsigned int i = 0; i < check->variants; i++) {
		const struct filter_check_variant *variant = &check->variant_of[i];

		if (strcmp(last, variant->param)) {
			buf_puts(out, "; ");
			buf_put_safe(out, variant->param, strlen(variant->param));
		}
		last = variant->param;
		buf_putc(out, ' ');
		buf_put_safe(out, variant->value, strlen(variant->value));
		buf_printf(out, "(%u)", variant->expressions);
	}
}

static void text_put(struct buf *out, const struct filter_check *check)
{
	buf_printf(out, "%-9s ", results[check->result]);
	if (check->result == FILTER_CHECK_REFUSED) {
		buf_put_safe(out, check->error, strlen(check->error));
		if (check->variant[0]) {
			buf_puts(out, ", as ");
			buf_put_safe(out, check->variant, strlen(check->variant));
		}
	} else {
		buf_put_safe(out, check->file, strlen(check->file));
	}
	if (check->result == FILTER_CHECK_INCLUDED) {
		buf_puts(out, " by ");
		buf_put_safe(out, check->includers ? check->includer : "no file",
			     strlen(check->includers ? check->includer : "no file"));
		if (check->includers > 1)
			buf_printf(out, " and %u more", check->includers - 1);
		buf_puts(out, "; no filter by itself");
	}
	if (check->result == FILTER_CHECK_LOADED) {
		buf_printf(out, "  %u expressions", check->about.failregex);
		variants_put(out, check);
		if (check->journalmatch.len)
			buf_puts(out, "; has a journalmatch");
		if (check->datepattern.len)
			buf_puts(out, "; has a datepattern");
		for (unsigned int i = 0; i < check->warnings; i++) {
			buf_puts(out, "\n          warning: ");
			buf_put_safe(out, check->warning[i], strlen(check->warning[i]));
		}
		if (check->warnings_cut)
			buf_printf(out, "\n          %u more warnings", check->warnings_cut);
	}
}

void filter_check_put(const struct filter_check *check, bool json)
{
	struct buf out = BUF_INIT(256 * 1024);

	if (json)
		json_put(&out, check);
	else
		text_put(&out, check);
	buf_putc(&out, '\n');
	(void)fwrite(out.data, 1, out.len, stdout);
	buf_done(&out);
}
