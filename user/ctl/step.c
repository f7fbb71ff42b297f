/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the recorder's objects. A missing member is an empty text or zero: later releases may
 * leave some out, and add others.
 */
#include "ctl/step.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"

/* Member by a path of at most two keys; -ENOENT. */
static int find(const struct json_doc *doc, const char *object, const char *key)
{
	int at = 0;

	if (object)
		at = json_member(doc, 0, object);
	return at < 0 ? at : json_member(doc, (uint32_t)at, key);
}

static void get_text(const struct json_doc *doc, const char *object, const char *key, char *to,
		     size_t size)
{
	int at = find(doc, object, key);

	/* Cut where it is too long: nothing that the recorder writes is. */
	if (at < 0 || json_get_string(doc, (uint32_t)at, to, size) == -EINVAL)
		to[0] = '\0';
}

static uint64_t get_number(const struct json_doc *doc, const char *object, const char *key)
{
	int at = find(doc, object, key);
	uint64_t value;

	return at >= 0 && json_get_u64(doc, (uint32_t)at, &value) == 0 ? value : 0;
}

static bool get_bool(const struct json_doc *doc, const char *object, const char *key)
{
	int at = find(doc, object, key);
	bool value;

	return at >= 0 && json_get_bool(doc, (uint32_t)at, &value) == 0 && value;
}

static uint64_t get_time(const struct json_doc *doc, const char *object, const char *key)
{
	char text[CLOCK_TEXT_MAX];
	uint64_t value;

	get_text(doc, object, key, text, sizeof(text));
	return clock_parse(text, strlen(text), &value) == 0 ? value : 0;
}

static void get_subject(const struct json_doc *doc, struct step *step)
{
	int own = json_member(doc, 0, "bailiff");
	int at = own < 0 ? own : json_member(doc, (uint32_t)own, "subject");
	int kind, value;

	if (at < 0)
		return;
	kind = json_member(doc, (uint32_t)at, "kind");
	value = json_member(doc, (uint32_t)at, "value");
	if (kind < 0 || json_get_string(doc, (uint32_t)kind, step->subject_kind,
					sizeof(step->subject_kind)) == -EINVAL)
		step->subject_kind[0] = '\0';
	if (value < 0 ||
	    json_get_string(doc, (uint32_t)value, step->subject, sizeof(step->subject)) == -EINVAL)
		step->subject[0] = '\0';
}

static int get_form(const struct json_doc *doc, enum step_form *ret)
{
	static const char *const forms[] = {
		[0] = "",
		[STEP_RECORD] = "record",
		[STEP_OUTCOME] = "outcome",
		[STEP_STATUS] = "status",
		[STEP_SKIPPED] = "skipped",
		[STEP_ERROR] = "",
	};
	_Static_assert(ARRAY_SIZE(forms) == STEP_FORM_MAX, "form names");
	char text[16];

	get_text(doc, "bailiff", "form", text, sizeof(text));
	for (unsigned int i = 1; text[0] && i < STEP_FORM_MAX; i++) {
		if (strcmp(forms[i], text) == 0) {
			*ret = (enum step_form)i;
			return 0;
		}
	}
	return -EINVAL;
}

static void fill(const struct json_doc *doc, struct step *step)
{
	get_subject(doc, step);
	step->wall_ns = get_time(doc, NULL, "@timestamp");
	step->until_wall_ns = get_time(doc, "bailiff", "until");
	step->count = get_number(doc, "bailiff", "count");
	step->seconds = get_number(doc, "bailiff", "seconds");
	step->decision = get_number(doc, "bailiff", "decision");
	step->refused = get_number(doc, "bailiff", "refused");
	step->pid = get_number(doc, "process", "pid");
	step->port = get_number(doc, "source", "port");
	step->partial = get_bool(doc, "bailiff", "partial");
	get_text(doc, "event", "action", step->kind, sizeof(step->kind));
	get_text(doc, "event", "provider", step->source, sizeof(step->source));
	get_text(doc, "event", "original", step->line, sizeof(step->line));
	get_text(doc, "bailiff", "result", step->result, sizeof(step->result));
	get_text(doc, "bailiff", "trust", step->trust, sizeof(step->trust));
	get_text(doc, "bailiff", "action", step->action, sizeof(step->action));
	get_text(doc, "bailiff", "session", step->session, sizeof(step->session));
	get_text(doc, "bailiff", "who", step->who, sizeof(step->who));
	get_text(doc, "service", "name", step->service, sizeof(step->service));
	get_text(doc, "rule", "name", step->rule, sizeof(step->rule));
	get_text(doc, "user",
		 strcmp(step->kind, "exec") == 0 || strcmp(step->kind, "signal") == 0 ? "id"
										      : "name",
		 step->user, sizeof(step->user));
	get_text(doc, "process", "executable", step->exe, sizeof(step->exe));
	get_text(doc, NULL, "message", step->text, sizeof(step->text));
}

int step_parse(const char *object, size_t len, struct step *ret)
{
	_cleanup_free_ struct json_doc *doc = malloc(sizeof(*doc));
	struct step step = { 0 };
	size_t at;

	if (!doc)
		return -ENOMEM;
	if (json_parse(doc, object, len, &at) < 0 || doc->token[0].kind != JSON_OBJECT)
		return -EINVAL;
	get_text(doc, NULL, "error", step.text, sizeof(step.text));
	if (step.text[0]) {
		step.form = STEP_ERROR;
		*ret = step;
		return 0;
	}
	if (get_form(doc, &step.form) < 0)
		return -EINVAL;
	fill(doc, &step);
	*ret = step;
	return 0;
}
