/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiff.conf as far as replay needs it: services, exempt nets, which filters read which log.
 *
 * bailiffd reads the same file with code of its own, because nothing of this program may be in
 * that one. It also checks every key; here keys of no concern are passed over in silence.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "analyst/offline.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"

struct reading {
	struct replay_conf *conf;
};

void replay_conf_init(struct replay_conf *conf)
{
	/* bailiffd's own: see its bailiff.conf. */
	static const struct replay_service builtin[] = {
		{ .name = "sshd",
		  .ports = { 22 },
		  .max_tries = 6,
		  .programs = true,
		  .forks = true },
		{ .name = "sudo", .max_tries = 3, .forks = true },
		{ .name = "su", .max_tries = 1, .forks = true },
	};

	memset(conf, 0, sizeof(*conf));
	memcpy(conf->service, builtin, sizeof(builtin));
	conf->services = ARRAY_SIZE(builtin);
}

/* fn per word, in place of a copy. */
static int words_each(const char *text, int (*fn)(const char *word, size_t len, void *arg),
		      void *arg)
{
	while (*(text += strspn(text, " \t"))) {
		size_t len = strcspn(text, " \t");
		int r = fn(text, len, arg);

		if (r)
			return r;
		text += len;
	}
	return 0;
}

static int number_parse(const char *text, size_t len, unsigned int most, uint16_t *ret)
{
	unsigned int value = 0;

	if (!len || len > 5)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		value = value * 10 + (unsigned int)(text[i] - '0');
	}
	if (!value || value > most)
		return -EINVAL;
	*ret = (uint16_t)value;
	return 0;
}

static int exempt_add(const char *word, size_t len, void *arg)
{
	struct replay_conf *conf = arg;

	if (conf->exempts == REPLAY_EXEMPT_MAX)
		return -E2BIG;
	return addr_parse_net(word, len, &conf->exempt[conf->exempts]) < 0 ? -EINVAL
									   : (conf->exempts++, 0);
}

static int port_add(const char *word, size_t len, void *arg)
{
	struct replay_service *service = arg;

	for (size_t i = 0; i < ARRAY_SIZE(service->ports); i++)
		if (!service->ports[i])
			return number_parse(word, len, 65535, &service->ports[i]);
	return -E2BIG;
}

static int filter_add(const char *word, size_t len, void *arg)
{
	struct replay_source *source = arg;

	if (source->filters == ARRAY_SIZE(source->filter))
		return -E2BIG;
	if (len >= sizeof(source->filter[0]))
		return -EINVAL;
	text_copy_len(source->filter[source->filters++], sizeof(source->filter[0]), word, len);
	return 0;
}

static struct replay_service *service_get(struct replay_conf *conf, const char *name)
{
	struct replay_service *service;

	for (unsigned int i = 0; i < conf->services; i++)
		if (!strcmp(conf->service[i].name, name))
			return &conf->service[i];
	if (conf->services == REPLAY_SERVICES_MAX || strlen(name) >= sizeof(service->name))
		return NULL;
	service = &conf->service[conf->services++];
	service->max_tries = 1;
	text_copy(service->name, sizeof(service->name), name);
	return service;
}

static struct replay_source *source_get(struct replay_conf *conf, const char *name)
{
	struct replay_source *source;

	for (unsigned int i = 0; i < conf->sources; i++)
		if (!strcmp(conf->source[i].name, name))
			return &conf->source[i];
	if (conf->sources == REPLAY_SOURCES_MAX || strlen(name) >= sizeof(source->name))
		return NULL;
	source = &conf->source[conf->sources++];
	text_copy(source->name, sizeof(source->name), name);
	return source;
}

static int wants(char error[INI_ERROR_MAX], const struct ini_entry *entry, const char *what)
{
	(void)snprintf(error, INI_ERROR_MAX, "%.40s wants %.120s", entry->key, what);
	return -EINVAL;
}

static int bailiff_entry(struct replay_conf *conf, const struct ini_entry *entry,
			 char error[INI_ERROR_MAX])
{
	if (strcmp(entry->key, "exempt") != 0)
		return 0;
	if (!entry->value[0])
		conf->exempts = 0;
	if (words_each(entry->value, exempt_add, conf))
		return wants(error, entry, "numeric addresses or nets, at most 1024");
	return 0;
}

static int service_entry(struct replay_conf *conf, const struct ini_entry *entry, const char *name,
			 char error[INI_ERROR_MAX])
{
	struct replay_service *service = service_get(conf, name);

	if (!service) {
		(void)snprintf(error, INI_ERROR_MAX, "too many services, or too long a name");
		return -EINVAL;
	}
	if (!strcmp(entry->key, "session") && entry->value[0])
		service->programs = true;
	if ((!strcmp(entry->key, "session") || !strcmp(entry->key, "gain")) && entry->value[0])
		service->forks = true;
	if (!strcmp(entry->key, "behind"))
		service->proxied = !strcmp(entry->value, "proxy");
	if (!strcmp(entry->key, "max_tries") &&
	    number_parse(entry->value, strlen(entry->value), 1000, &service->max_tries) < 0)
		return wants(error, entry, "a number from 1 to 1000");
	if (!strcmp(entry->key, "ports")) {
		memset(service->ports, 0, sizeof(service->ports));
		if (words_each(entry->value, port_add, service))
			return wants(error, entry, "port numbers, at most 8");
	}
	return 0;
}

static int source_entry(struct replay_conf *conf, const struct ini_entry *entry, const char *name,
			char error[INI_ERROR_MAX])
{
	struct replay_source *source = source_get(conf, name);

	if (!source) {
		(void)snprintf(error, INI_ERROR_MAX, "too many sources, or too long a name");
		return -EINVAL;
	}
	if (!strcmp(entry->key, "file")) {
		if (strlen(entry->value) >= sizeof(source->path))
			return wants(error, entry, "a shorter path");
		text_copy(source->path, sizeof(source->path), entry->value);
	}
	if (!strcmp(entry->key, "journal"))
		source->journal = !strcmp(entry->value, "yes");
	if (!strcmp(entry->key, "relayed"))
		source->relayed = !strcmp(entry->value, "yes");
	if (!strcmp(entry->key, "service")) {
		if (entry->value[0] && !service_get(conf, entry->value))
			return wants(error, entry, "a shorter name, and fewer of them");
		text_copy(source->service, sizeof(source->service), entry->value);
	}
	if (!strcmp(entry->key, "accept_claims")) {
		if (strlen(entry->value) >= sizeof(source->accept))
			return wants(error, entry, "names of filters, at most 8");
		text_copy(source->accept, sizeof(source->accept), entry->value);
	}
	if (!strcmp(entry->key, "filters")) {
		source->filters = 0;
		if (words_each(entry->value, filter_add, source))
			return wants(error, entry, "names of filters, at most 8");
	}
	return 0;
}

static int entry_read(const struct ini_entry *entry, void *arg, char error[INI_ERROR_MAX])
{
	struct reading *reading = arg;
	static const char service[] = "service ", source[] = "source ";

	if (!strcmp(entry->section, "bailiff"))
		return bailiff_entry(reading->conf, entry, error);
	if (!strncmp(entry->section, service, sizeof(service) - 1))
		return service_entry(reading->conf, entry, entry->section + sizeof(service) - 1,
				     error);
	if (!strncmp(entry->section, source, sizeof(source) - 1))
		return source_entry(reading->conf, entry, entry->section + sizeof(source) - 1,
				    error);
	(void)snprintf(error, INI_ERROR_MAX,
		       "unknown section [%.40s]; known: bailiff, service NAME, source NAME",
		       entry->section);
	return -EINVAL;
}

int replay_conf_add(struct replay_conf *conf, const char *name, const char *text, size_t len,
		    char error[INI_ERROR_MAX])
{
	struct reading reading = { .conf = conf };

	return ini_parse(name, text, len, entry_read, &reading, error);
}

struct file_reading {
	struct replay_conf *conf;
	char *error;
};

static int file_add(const char *path, void *arg)
{
	struct file_reading *reading = arg;
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	r = file_read(path, INI_SIZE_MAX, &text, &len);
	if (r < 0) {
		(void)snprintf(reading->error, INI_ERROR_MAX, "%.200s: %s", path, strerror(-r));
		return r;
	}
	return replay_conf_add(reading->conf, path, text, len, reading->error);
}

int replay_conf_read(struct replay_conf *conf, const char *path, char error[INI_ERROR_MAX])
{
	struct file_reading reading = { .conf = conf, .error = error };
	_cleanup_free_ char *folder = NULL;
	int r;

	r = file_add(path, &reading);
	if (r < 0)
		return r;
	if (asprintf(&folder, "%s.d", path) < 0) {
		folder = NULL;
		return -ENOMEM;
	}
	r = offline_files(folder, ".conf", file_add, &reading);
	return r == -ENOENT || r == -ENOTDIR ? 0 : r;
}

uint32_t replay_conf_accepted(const struct replay_source *source)
{
	uint32_t accepted = 0;
	const char *word = source->accept;

	while (*(word += strspn(word, " \t"))) {
		size_t len = strcspn(word, " \t");

		for (uint32_t i = 0; i < source->filters; i++)
			if (strcspn(source->filter[i], "[") == len &&
			    !strncmp(source->filter[i], word, len))
				accepted |= 1U << i;
		word += len;
	}
	return accepted;
}

const struct replay_source *replay_conf_source(const struct replay_conf *conf, const char *path,
					       bool for_journal)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	/* A copy of /var/log/auth.log is read as that one would be, wherever it lies. */
	for (unsigned int i = 0; i < conf->sources; i++) {
		const struct replay_source *source = &conf->source[i];
		const char *last = strrchr(source->path, '/');

		if (for_journal && source->journal)
			return source;
		if (!for_journal && source->path[0] &&
		    (!fnmatch(source->path, path, 0) ||
		     !fnmatch(last ? last + 1 : source->path, name, 0)))
			return source;
	}
	return NULL;
}
