/* SPDX-License-Identifier: GPL-2.0-only */
/* Configuration, rules, filters and inputs of a replay, each mistake with its file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "analyst/filter_test.h"
#include "analyst/replay/replay.h"
#include "base/file.h"

static int services_add(struct replay *replay)
{
	for (unsigned int i = 0; i < replay->conf.services; i++) {
		const struct replay_service *known = &replay->conf.service[i];
		struct ipc_service service = {
			.id = (uint16_t)(i + 1),
			.max_tries = known->max_tries,
			.sensed = known->programs && replay->options.events,
			.forks = known->forks,
			.proxied = known->proxied,
		};
		int r;

		memcpy(service.ports, known->ports, sizeof(service.ports));
		text_copy(service.name, sizeof(service.name), known->name);
		replay->service_names[i + 1] = known->name;
		r = pipeline_add_service(replay->pipeline, &service);
		if (r < 0)
			return offline_error("service %s: %s", known->name, strerror(-r));
	}
	replay->names.service = replay->service_names;
	replay->names.services = replay->conf.services + 1;
	return OFFLINE_OK;
}

static int exempts_add(struct replay *replay)
{
	static const struct addr loopback[] = {
		{ .family = AF_INET, .prefix = 8, .bytes = { 127 } },
		{ .family = AF_INET6, .prefix = 128, .bytes = { [15] = 1 } },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(loopback) && r >= 0; i++)
		r = pipeline_add_exempt(replay->pipeline, &loopback[i], EXEMPT_LOOPBACK);
	for (unsigned int i = 0; i < replay->conf.exempts && r >= 0; i++)
		r = pipeline_add_exempt(replay->pipeline, &replay->conf.exempt[i],
					EXEMPT_CONFIGURED);
	return r < 0 ? offline_error("exempt nets: %s", strerror(-r)) : OFFLINE_OK;
}

/* The rule as if it said "trust = LEVEL" itself. Lines keep their numbers for messages. */
static char *rule_with_trust(const char *text, const char *trust)
{
	struct buf out = BUF_INIT(2 * OFFLINE_FILE_SIZE_MAX);

	while (*text) {
		size_t len = strcspn(text, "\n");
		const char *key = text + strspn(text, " \t");

		if (!strncmp(key, "trust", 5) && strchr(" \t=", key[5]))
			buf_puts(&out, "#");
		buf_add(&out, text, len);
		buf_putc(&out, '\n');
		text += len + (text[len] == '\n');
	}
	buf_printf(&out, "trust = %s\n", trust);
	if (out.cut)
		buf_done(&out);
	return out.data;
}

static int rule_add(const char *path, void *arg)
{
	struct replay *replay = arg;
	_cleanup_free_ char *text = NULL, *changed = NULL;
	char error[RULES_ERROR_MAX];
	size_t len;
	int r;

	r = file_read(path, OFFLINE_FILE_SIZE_MAX, &text, &len);
	if (r < 0)
		return offline_error("%s: %s", path, strerror(-r));
	if (replay->options.trust) {
		changed = rule_with_trust(text, replay->options.trust);
		if (!changed)
			return offline_error("%s: %s", path, strerror(ENOMEM));
	}
	r = pipeline_add_rule(replay->pipeline, path, changed ? changed : text,
			      changed ? strlen(changed) : len, error);
	return r < 0 ? offline_error("%s", error) : 0;
}

static int rule_folder_add(struct replay *replay, const char *folder, bool may_be_missing)
{
	int r = offline_files(folder, ".conf", rule_add, replay);

	if (r == -ENOENT && may_be_missing)
		return OFFLINE_OK;
	return r < 0 ? offline_error("%s: %s", folder, strerror(-r)) : r;
}

static int rules_add_all(struct replay *replay)
{
	_cleanup_free_ char *shipped = NULL;
	int r = OFFLINE_OK;

	for (unsigned int i = 0; i < replay->options.rule_folders && !r; i++)
		r = rule_folder_add(replay, replay->options.rules[i], false);
	if (r || replay->options.rule_folders)
		return r;
	shipped = offline_folder(BAILIFF_LIBEXECDIR "/rules.d", "rules.d");
	if (!shipped)
		return offline_error("no rules are installed in " BAILIFF_LIBEXECDIR
				     "/rules.d; name a folder by --rules");
	r = rule_folder_add(replay, shipped, false);
	return r ? r : rule_folder_add(replay, BAILIFF_SYSCONFDIR "/bailiff/rules.d", true);
}

static int filter_folder_add_to(struct replay *replay, const char *folder, bool may_be_missing)
{
	int r = filter_folder_add(pipeline_filters(replay->pipeline), folder);

	if (r == -ENOENT && may_be_missing)
		return OFFLINE_OK;
	return r < 0 ? offline_error("%s: %s", folder, strerror(-r)) : OFFLINE_OK;
}

static int filters_add(struct replay *replay)
{
	_cleanup_free_ char *shipped = NULL;
	int r;

	if (replay->options.filters)
		return filter_folder_add_to(replay, replay->options.filters, false);
	shipped = offline_folder(BAILIFF_LIBEXECDIR "/filter.d", "filters");
	if (!shipped)
		return offline_error("no filters are installed in " BAILIFF_LIBEXECDIR
				     "/filter.d; name a folder by --filter-dir");
	r = filter_folder_add_to(replay, shipped, false);
	return r ? r : filter_folder_add_to(replay, BAILIFF_SYSCONFDIR "/bailiff/filter.d", true);
}

static void on_filter_error(const char *text, void *arg)
{
	(void)arg;
	(void)offline_error("%s", text);
}

static int log_add(struct replay *replay, const char *path, uint32_t id)
{
	static const struct replay_source usual = {
		.filters = 4,
		.filter = { "sshd", "pam", "sudo", "su" },
	};
	const struct replay_source *known;
	struct ipc_source source = { .id = id };
	char error[INI_ERROR_MAX];
	bool journal = false;
	int r;

	r = replay_input_log(replay->input, path, id, &journal, error);
	if (r < 0)
		return offline_error("%s", r == -ENOMEM ? strerror(ENOMEM) : error);
	known = replay_conf_source(&replay->conf, path, journal);
	if (!known || !known->filters)
		known = &usual;
	source.kind = journal ? IPC_SOURCE_JOURNAL : IPC_SOURCE_FILE;
	source.filters = known->filters;
	source.attested = known->service[0] != '\0';
	for (unsigned int i = 0; i < replay->conf.services; i++)
		if (!strcmp(replay->conf.service[i].name, known->service))
			source.service = i + 1;
	source.relayed = known->relayed;
	source.accepted = replay_conf_accepted(known);
	text_copy(source.name, sizeof(source.name), known->name);
	text_copy(source.path, sizeof(source.path), path);
	memcpy(source.filter, known->filter, sizeof(source.filter));
	r = pipeline_add_source(replay->pipeline, &source, on_filter_error, NULL);
	if (r < 0)
		return offline_error("%s: %s", path, strerror(-r));
	return r ? OFFLINE_INPUT : OFFLINE_OK;
}

static uint64_t on_stamp(const struct log_record *record, uint64_t near_wall_ns,
			 uint64_t last_wall_ns, void *arg)
{
	const struct replay *replay = arg;

	return pipeline_stamp(replay->pipeline, record, near_wall_ns, last_wall_ns);
}

static int inputs_add(struct replay *replay)
{
	char error[INI_ERROR_MAX];
	int r;

	r = replay_input_new(&replay->input);
	if (r < 0)
		return offline_error("%s", strerror(-r));
	replay_input_on_stamp(replay->input, on_stamp, replay);
	for (unsigned int i = 0; i < replay->options.logs; i++) {
		r = log_add(replay, replay->options.log[i], i + 1);
		if (r)
			return r;
	}
	if (!replay->options.events)
		return OFFLINE_OK;
	r = replay_input_events(replay->input, replay->options.events, &replay->names, error);
	return r < 0 ? offline_error("%s", r == -ENOMEM ? strerror(ENOMEM) : error) : OFFLINE_OK;
}

int replay_setup(struct replay *replay)
{
	/* Nobody chooses keys here who could also see how long things take. */
	static const uint64_t seed[2] = { 0x6261696c69666600, 0x7265706c61790000 };
	const struct pipeline_sink sink = {
		.decision = replay_on_decision,
		.arg = replay,
	};
	char error[INI_ERROR_MAX];
	int r;

	replay_conf_init(&replay->conf);
	if (replay->options.conf) {
		r = replay_conf_read(&replay->conf, replay->options.conf, error);
		if (r < 0)
			return offline_error("%s", r == -ENOMEM ? strerror(ENOMEM) : error);
	}
	replay->lockout = calloc(REPLAY_LOCKOUTS_MAX, sizeof(*replay->lockout));
	r = replay->lockout ? pipeline_new(&replay->pipeline, &sink, seed) : -ENOMEM;
	if (r < 0)
		return offline_error("%s", strerror(-r));
	pipeline_clock(replay->pipeline, 0);
	if (!replay->options.events && !replay->options.trust) {
		replay->options.trust = "claimed";
		(void)fputs("bailiff-analyst: without --events nothing has a witness: claims of "
			    "the logs count as they stand\n",
			    stderr);
	}
	for (unsigned int i = 0; i < replay->options.accounts; i++)
		pipeline_account(replay->pipeline, replay->options.account[i].uid,
				 replay->options.account[i].name);
	r = services_add(replay);
	r = r ? r : exempts_add(replay);
	r = r ? r : rules_add_all(replay);
	r = r ? r : filters_add(replay);
	return r ? r : inputs_add(replay);
}
