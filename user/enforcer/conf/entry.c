/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From an ini entry to its section and key; what is not known is named with the nearest name.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "enforcer/conf/keys.h"

#define NEAR_MAX 24 /* longest name that is compared */

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* Levenshtein distance; names past NEAR_MAX are far from everything. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[NEAR_MAX + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > NEAR_MAX || lb > NEAR_MAX)
		return NEAR_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned int diagonal = row[0];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned int above = row[j];

			row[j] = least(least(above, row[j - 1]) + 1,
				       diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[lb];
}

static int unknown_key(const struct ini_entry *entry, const struct conf_key *keys,
		       char error[INI_ERROR_MAX])
{
	const char *nearest = NULL;
	unsigned int best = 4;
	struct buf all = BUF_INIT(160);
	int r;

	for (size_t i = 0; keys[i].name; i++) {
		unsigned int d = distance(entry->key, keys[i].name);

		if (d < best && d < strlen(keys[i].name)) {
			best = d;
			nearest = keys[i].name;
		}
		buf_printf(&all, "%s%s", i ? ", " : "", keys[i].name);
	}
	if (nearest)
		r = conf_wrong(error, "unknown key '%.40s' in [%.60s]; did you mean '%s'?",
			       entry->key, entry->section, nearest);
	else
		r = conf_wrong(error, "unknown key '%.40s' in [%.60s]; known are %s%s", entry->key,
			       entry->section, all.data ? all.data : "", all.cut ? "…" : "");
	buf_done(&all);
	return r;
}

static int check_name(const char *name, char error[INI_ERROR_MAX])
{
	if (!*name || strlen(name) >= IPC_NAME_MAX ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") !=
		    strlen(name))
		return conf_wrong(
			error,
			"'%.40s' is not a name (letters, digits, - _ . and at most %d of them)",
			name, IPC_NAME_MAX - 1);
	return 0;
}

static int find_service(struct conf *conf, const char *name, struct conf_service **ret,
			char error[INI_ERROR_MAX])
{
	struct conf_service *service;
	int r;

	for (size_t i = 0; i < conf->services; i++)
		if (!strcmp(conf->service[i].name, name)) {
			*ret = &conf->service[i];
			return 0;
		}
	r = check_name(name, error);
	if (r < 0)
		return r;
	if (conf->services == CONF_SERVICES_MAX)
		return conf_wrong(error, "more than %d services", CONF_SERVICES_MAX);
	service = &conf->service[conf->services++];
	memset(service, 0, sizeof(*service));
	text_copy(service->name, sizeof(service->name), name);
	service->max_tries = 6;
	*ret = service;
	return 0;
}

static int find_source(struct conf *conf, const char *name, struct conf_source **ret,
		       char error[INI_ERROR_MAX])
{
	struct conf_source *source;
	int r;

	for (size_t i = 0; i < conf->sources; i++)
		if (!strcmp(conf->source[i].name, name)) {
			*ret = &conf->source[i];
			return 0;
		}
	r = check_name(name, error);
	if (r < 0)
		return r;
	if (conf->sources == CONF_SOURCES_MAX)
		return conf_wrong(error, "more than %d sources", CONF_SOURCES_MAX);
	source = &conf->source[conf->sources++];
	memset(source, 0, sizeof(*source));
	text_copy(source->name, sizeof(source->name), name);
	*ret = source;
	return 0;
}

static int remember_where(char **where, const struct conf_reading *reading, unsigned int line)
{
	char *text = NULL;

	if (asprintf(&text, "%s:%u", reading->file, line) < 0)
		return -ENOMEM;
	free(*where);
	*where = text;
	return 0;
}

/* "service sshd" -> "sshd"; NULL if the section is of another kind. */
static const char *name_after(const char *section, const char *kind)
{
	size_t len = strlen(kind);

	if (strncasecmp(section, kind, len) || (section[len] != ' ' && section[len] != '\t'))
		return NULL;
	return section + len + strspn(section + len, " \t");
}

int conf_take_entry(const struct ini_entry *entry, void *arg, char error[INI_ERROR_MAX])
{
	const struct conf_reading *reading = arg;
	struct conf *conf = reading->conf;
	struct conf_target target = { .conf = conf };
	const struct conf_key *keys;
	const char *name;
	uint32_t *named;
	int r = 0;

	/* systemd writes its sections with a capital letter; both are understood. */
	if (!strcasecmp(entry->section, "bailiff")) {
		keys = conf_bailiff_keys;
		named = &conf->named;
		r = remember_where(&conf->where, reading, entry->line);
	} else if ((name = name_after(entry->section, "service"))) {
		r = find_service(conf, name, &target.service, error);
		if (r < 0)
			return r;
		keys = conf_service_keys;
		named = &target.service->named;
		r = remember_where(&target.service->where, reading, entry->line);
	} else if ((name = name_after(entry->section, "source"))) {
		r = find_source(conf, name, &target.source, error);
		if (r < 0)
			return r;
		keys = conf_source_keys;
		named = &target.source->named;
		r = remember_where(&target.source->where, reading, entry->line);
	} else if (!*entry->section) {
		return conf_wrong(error, "'%.40s' stands before any section, [bailiff] for one",
				  entry->key);
	} else {
		return conf_wrong(error,
				  "unknown section [%.60s]; there are [bailiff], [service NAME] "
				  "and [source NAME]",
				  entry->section);
	}
	if (r < 0)
		return r;

	for (unsigned int i = 0; keys[i].name; i++) {
		if (strcmp(keys[i].name, entry->key))
			continue;
		target.role = keys[i].role;
		target.first = !reading->builtin && !(*named & (1U << i));
		r = keys[i].set(&target, entry->value, error);
		if (r < 0)
			return r;
		if (!reading->builtin)
			*named |= 1U << i;
		return 0;
	}
	return unknown_key(entry, keys, error);
}
