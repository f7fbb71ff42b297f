/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any text as bailiff.conf: an error with a place, or a configuration within its bounds.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "enforcer/conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(conf_freep) struct conf *conf = NULL;
	char error[INI_ERROR_MAX] = "";
	const char *text = (const char *)data;

	if (conf_new(&conf) < 0)
		abort();
	if (conf_add_text(conf, "fuzz", text, size, error) < 0) {
		if (strncmp(error, "fuzz:", 5))
			abort();
		return 0;
	}
	if (conf_finish(conf, error) < 0) {
		if (strncmp(error, "fuzz:", 5))
			abort();
		return 0;
	}
	for (size_t i = 0; i < conf->services; i++)
		if (conf->service[i].id != i + 1 || !conf->service[i].max_tries)
			abort();
	for (size_t i = 0; i < conf->sources; i++) {
		const struct conf_source *source = &conf->source[i];

		if (!source->filters || source->journal == !!source->path ||
		    source->accepted >> source->filters || source->service_id > conf->services ||
		    (source->service[0] && !source->service_id) ||
		    (source->relayed && source->service_id))
			abort();
	}
	return 0;
}
