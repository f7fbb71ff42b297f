/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * accept_claims: which filters of a source count without anybody who vouches for their lines. Asked
 * once all files are read, because it depends on what the services are.
 */
#include <errno.h>
#include <string.h>

#include "enforcer/conf/keys.h"

static const struct conf_service *service_of_filter(const struct conf *conf, const char *name,
						    size_t len)
{
	for (size_t i = 0; i < conf->services; i++)
		if (!strncmp(conf->service[i].name, name, len) && !conf->service[i].name[len])
			return &conf->service[i];
	return NULL;
}

/* Services whose outcome the kernel tells: their lines need nobody's belief. */
static bool is_watched(const struct conf_service *service)
{
	uint32_t files = 0;

	for (int role = 0; role < BL_ROLE_MAX; role++)
		files += service->files[role];
	return files > 0;
}

static int accept_filter(const struct conf *conf, struct conf_source *source, const char *word,
			 size_t len, char error[INI_ERROR_MAX])
{
	const struct conf_service *service = service_of_filter(conf, word, len);
	bool found = false;

	if (service && is_watched(service))
		return conf_wrong(error,
				  "%s: accept_claims: the kernel tells how %.*s's connections and "
				  "programs end, so its lines cannot be accepted without that",
				  source->accept_where, (int)len, word);
	for (uint32_t i = 0; i < source->filters; i++) {
		if (conf_filter_name_len(source->filter[i]) != len ||
		    strncmp(source->filter[i], word, len) != 0)
			continue;
		source->accepted |= 1U << i;
		found = true;
	}
	if (!found)
		return conf_wrong(error,
				  "%s: accept_claims: %.*s is none of the filters of [source %s]",
				  source->accept_where, (int)len, word, source->name);
	return 0;
}

int conf_accept(const struct conf *conf, struct conf_source *source, char error[INI_ERROR_MAX])
{
	const char *word = source->accept;

	source->accepted = 0;
	while (word && *(word += strspn(word, " \t"))) {
		size_t len = strcspn(word, " \t");
		int r = accept_filter(conf, source, word, len, error);

		if (r < 0)
			return r;
		word += len;
	}
	return 0;
}
