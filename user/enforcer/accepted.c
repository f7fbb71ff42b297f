/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Filters whose bare claims count because the configuration says so: named at each start, by
 * doctor, and by status, until the configuration no longer says so.
 */
#include "enforcer/accepted.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/log.h"

int accepted_each(const struct conf *conf, finding_fn fn, void *arg)
{
	for (size_t i = 0; i < conf->sources; i++) {
		const struct conf_source *source = &conf->source[i];

		for (uint32_t f = 0; f < source->filters; f++) {
			struct control_finding finding = { .state = FINDING_DEGRADED };
			int r;

			if (!(source->accepted >> f & 1U))
				continue;
			text_copy(finding.name, sizeof(finding.name), CONTROL_ACCEPTED);
			(void)snprintf(
				finding.text, sizeof(finding.text),
				"source %s, filter %.*s: lines that nobody vouches for count; "
				"whoever can write one can have any address locked out "
				"(accept_claims)",
				source->name, (int)conf_filter_name_len(source->filter[f]),
				source->filter[f]);
			r = fn(&finding, arg);
			if (r)
				return r;
		}
	}
	return 0;
}

static int warn(const struct control_finding *finding, void *arg)
{
	(void)arg;
	log_warning("%s: %s", finding->name, finding->text);
	return 0;
}

void accepted_log(const struct conf *conf)
{
	(void)accepted_each(conf, warn, NULL);
}
