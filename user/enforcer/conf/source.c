/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keys of [source NAME]: what log text is read, and with which filters. Whatever repeats is
 * bounded by an array in conf.h.
 */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "enforcer/conf/keys.h"

static int set_file(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	const char *glob = strpbrk(value, "*?[");
	int r;

	if (!*value) {
		free(t->source->path);
		t->source->path = NULL;
		return 0;
	}
	r = conf_path(value, error);
	if (r < 0)
		return r;
	if (value[strlen(value) - 1] == '/')
		return conf_wrong(error, "'%s' is a folder; a log file is wanted", value);
	if (glob && strchr(glob, '/'))
		return conf_wrong(error, "only the last part of '%s' may hold *, ? or [", value);
	return conf_copy(&t->source->path, value);
}

static int set_journal(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	return conf_yes(value, &t->source->journal, error);
}

static int set_audit(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	return conf_yes(value, &t->source->audit, error);
}

static int set_syslog(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	int r;

	if (!*value) {
		free(t->source->syslog);
		t->source->syslog = NULL;
		return 0;
	}
	r = conf_path(value, error);
	if (r < 0)
		return r;
	/* sockaddr_un has room for 108 bytes. */
	if (strlen(value) > CONF_SOCKET_MAX)
		return conf_wrong(error, "'%s' is longer than %d bytes", value, CONF_SOCKET_MAX);
	return conf_copy(&t->source->syslog, value);
}

/* The words become arguments of journalctl, so none may look like an option. */
static int check_match(const struct conf_target *t, const char *word, char error[INI_ERROR_MAX])
{
	size_t name = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	(void)t;
	if (!strcmp(word, "+") || (name && word[name] == '='))
		return 0;
	return conf_wrong(error, "'%s' is neither FIELD=VALUE nor +", word);
}

static int set_match(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	int r = conf_each_word(t, value, error, check_match);

	return r < 0 ? r : conf_copy(&t->source->match, value);
}

static int add_filter(const struct conf_target *t, const char *word, char error[INI_ERROR_MAX])
{
	struct conf_source *source = t->source;

	if (word[0] == '[' || word[0] == '.' || strchr(word, '/'))
		return conf_wrong(
			error, "'%s' is not a filter's name (sshd, sshd[mode=aggressive])", word);
	if (strlen(word) >= IPC_FILTER_MAX)
		return conf_wrong(error, "'%s' is longer than %d bytes", word, IPC_FILTER_MAX - 1);
	if (source->filters == CONF_FILTERS_MAX)
		return conf_wrong(error, "more than %d filters", CONF_FILTERS_MAX);
	text_copy(source->filter[source->filters++], IPC_FILTER_MAX, word);
	return 0;
}

static int set_filters(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	if (t->first || !*value)
		t->source->filters = 0;
	return conf_each_word(t, value, error, add_filter);
}

size_t conf_filter_name_len(const char *filter)
{
	return strcspn(filter, "[");
}

static int check_accepted(const struct conf_target *t, const char *word, char error[INI_ERROR_MAX])
{
	(void)t;
	if (strpbrk(word, "[]/") || word[0] == '.' || strlen(word) >= IPC_FILTER_MAX)
		return conf_wrong(error, "'%.60s' is not a filter's bare name", word);
	return 0;
}

/* Whether each is among the source's filters, and may be accepted, conf_finish knows. */
static int set_accept(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	struct conf_source *source = t->source;
	int r = conf_each_word(t, value, error, check_accepted);
	char *both = NULL;

	if (r < 0)
		return r;
	if (*value && source->accept) {
		if (strlen(source->accept) + strlen(value) > CONF_FILTERS_MAX * IPC_FILTER_MAX)
			return conf_wrong(error, "more names than a source has filters");
		if (asprintf(&both, "%s %s", source->accept, value) < 0)
			return -ENOMEM;
	}
	free(source->accept);
	source->accept = both;
	free(source->accept_where);
	source->accept_where = strdup(source->where);
	if (!source->accept_where)
		return -ENOMEM;
	return both || !*value ? 0 : conf_copy(&source->accept, value);
}

static int set_relayed(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	return conf_yes(value, &t->source->relayed, error);
}

static int set_service(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	if (strlen(value) >= IPC_NAME_MAX)
		return conf_wrong(error, "the service's name is longer than %d bytes",
				  IPC_NAME_MAX - 1);
	if (strpbrk(value, " \t[]/"))
		return conf_wrong(error, "'%s' is not one service's name", value);
	text_copy(t->source->service, IPC_NAME_MAX, value);
	return 0;
}

static int set_owner(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	if (strlen(value) >= IPC_USER_MAX)
		return conf_wrong(error, "the account name is longer than %d bytes",
				  IPC_USER_MAX - 1);
	text_copy(t->source->owner, IPC_USER_MAX, value);
	return 0;
}

/* clang-format off */
const struct conf_key conf_source_keys[] = {
	{ "enabled", conf_set_enabled, 0 },
	{ "file", set_file, 0 },
	{ "journal", set_journal, 0 },
	{ "syslog", set_syslog, 0 },
	{ "audit", set_audit, 0 },
	{ "match", set_match, 0 },
	{ "filters", set_filters, 0 },
	{ "accept_claims", set_accept, 0 },
	{ "relayed", set_relayed, 0 },
	{ "service", set_service, 0 },
	{ "owner", set_owner, 0 },
	{ NULL, NULL, 0 },
};
/* clang-format on */
