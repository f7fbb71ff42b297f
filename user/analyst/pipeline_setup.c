/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pipeline is told before anything flows: services, sources with their filters, rules.
 */
#include <errno.h>
#include <string.h>

#include "analyst/pipeline_inside.h"
#include "base/buf.h"

int pipeline_add_service(struct pipeline *p, const struct ipc_service *service)
{
	struct witness_service known = {
		.id = service->id,
		.max_tries = service->max_tries,
		.sensed = service->sensed,
		.forks = service->forks,
		.proxied = service->proxied,
	};

	if (p->services == SERVICES_MAX)
		return -E2BIG;
	p->service[p->services++] = *service;
	memcpy(known.ports, service->ports, sizeof(known.ports));
	text_copy(known.name, sizeof(known.name), service->name);
	return witness_add_service(p->witness, &known);
}

int pipeline_add_exempt(struct pipeline *p, const struct addr *net, enum exempt_why why)
{
	return decider_exempt(p->decider, net, why);
}

int pipeline_add_rule(struct pipeline *p, const char *name, const char *text, size_t len,
		      char error[RULES_ERROR_MAX])
{
	return rules_add(&p->rules, name, text, len, error);
}

const char *pipeline_rule_shortcoming(const struct pipeline *p)
{
	return p->rules.count ? rule_shortcoming(&p->rules.rule[p->rules.last]) : NULL;
}

unsigned int pipeline_rules(const struct pipeline *p)
{
	return p->rules.count;
}

const char *pipeline_service_name(const struct pipeline *p, uint16_t id)
{
	for (unsigned int i = 0; id && i < p->services; i++)
		if (p->service[i].id == id)
			return p->service[i].name;
	return "";
}

uint16_t pipeline_service(const struct pipeline *p, const char *name)
{
	for (unsigned int i = 0; i < p->services; i++)
		if (!strcmp(p->service[i].name, name))
			return p->service[i].id;
	return 0;
}

int pipeline_add_source(struct pipeline *p, const struct ipc_source *added,
			void (*error)(const char *text, void *arg), void *arg)
{
	char why[EVIDENCE_ERROR_MAX];
	struct source *source;
	const char *name;
	int failed = 0;

	if (p->sources == SOURCES_MAX)
		return -E2BIG;
	source = &p->source[p->sources++];
	*source = (struct source){
		.id = added->id,
		.kind = added->kind,
		.attested = added->attested,
		.relayed = added->relayed,
		.relay_uid = added->relay_uid,
	};
	text_copy(source->conf, sizeof(source->conf), added->name);
	if (added->kind == IPC_SOURCE_JOURNAL) {
		text_copy(source->name, sizeof(source->name), "journal");
		witness_expect_writers(p->witness);
	} else {
		name = strrchr(added->path, '/');
		text_copy(source->name, sizeof(source->name), name ? name + 1 : added->path);
	}
	for (uint32_t i = 0; i < added->filters && i < SOURCE_FILTERS; i++) {
		struct source_filter *filter = &source->filter[source->filters];

		if (filter_set_load(p->filters, added->filter[i], &filter->filter, why) < 0) {
			error(why, arg);
			failed++;
			continue;
		}
		filter->service = pipeline_service(p, filter_name(p->filters, filter->filter));
		if (!filter->service)
			filter->service = (uint16_t)added->service;
		source->accepted |= (added->accepted >> i & 1U) << source->filters;
		source->filters++;
	}
	return failed;
}

const struct source *pipeline_source(const struct pipeline *p, uint32_t id)
{
	/* Who adds them numbers them from 1 on. */
	if (id && id <= p->sources && p->source[id - 1].id == id)
		return &p->source[id - 1];
	for (unsigned int i = 0; i < p->sources; i++)
		if (p->source[i].id == id)
			return &p->source[i];
	return NULL;
}
