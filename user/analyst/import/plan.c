/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Jail by jail, in the files' order: its filter, its sources, its rule, and the rest. Only jails
 * that are enabled become anything.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "analyst/import/import.h"

#define PREFIX "fail2ban-"

/* FNV-1a: tells apart names that were cut or had characters that a section's name cannot have. */
static uint32_t name_hash(const char *name)
{
	uint32_t hash = 2166136261U;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619U;
	return hash;
}

static void jail_name(struct import_jail *jail)
{
	char safe[CONFIG_NAME_MAX];
	bool changed = false;
	size_t i;

	for (i = 0; jail->name[i]; i++) {
		unsigned char c = (unsigned char)jail->name[i];
		bool fits = c < 0x80 && (isalnum(c) || c == '-' || c == '_' || c == '.');

		safe[i] = fits ? (char)c : '-';
		changed = changed || !fits;
	}
	safe[i] = '\0';
	/* Room for "-16" of its further sources. */
	if (!changed && strlen(safe) + strlen(PREFIX) + 3 < IPC_NAME_MAX)
		(void)snprintf(jail->own, sizeof(jail->own), PREFIX "%s", safe);
	else
		(void)snprintf(jail->own, sizeof(jail->own), PREFIX "%.10s-%08x", safe,
			       name_hash(jail->name));
}

static bool is_recidive(struct import *import, struct import_jail *jail)
{
	char error[EVIDENCE_ERROR_MAX];
	struct import_value value;
	bool recidive;

	if (import_get(import, jail, "filter", &value, error) <= 0)
		return !strcmp(jail->name, "recidive");
	recidive = !strncmp(value.text, "recidive", 8) && (!value.text[8] || value.text[8] == '[');
	import_value_done(&value);
	return recidive;
}

static int jail_plan(struct import *import, struct import_jail *jail)
{
	unsigned int outputs = import->outputs, sources = import->sources;
	struct filter_spec spec;
	int r;

	if (import_lets_in(import, jail))
		return 0;
	r = import_filter(import, jail, &spec);
	if (!r && !jail->refused)
		r = import_sources(import, jail, &spec);
	if (!r && !jail->refused)
		r = import_rule(import, jail);
	if (r < 0)
		return r;
	if (jail->refused) {
		import_output_cut(import, outputs);
		import->sources = sources;
		jail->sources = 0;
		jail->writer[0] = '\0';
		return 0;
	}
	import_exempts(import, jail);
	import_ports(import, jail);
	import_rest(import, jail);
	return 0;
}

/* Jails that share a filter count each what its own source says. */
static void share_plan(struct import *import, struct import_jail *jail)
{
	const struct import_jail *other = NULL;

	for (unsigned int i = 0; i < import->jails && !other; i++) {
		const struct import_jail *j = &import->jail[i];

		if (j != jail && j->enabled && !j->refused && !j->covered &&
		    !strcmp(j->service, jail->service))
			other = j;
	}
	if (!other)
		return;
	if (jail->sources == 1 && !jail->source[0].builtin)
		text_copy(jail->rule_source, sizeof(jail->rule_source), jail->source[0].name);
	import_note(&jail->notes, NOTE_INFO, &jail->place, "jail %.60s has the same filter; %s",
		    other->name,
		    jail->rule_source[0] ? "each counts its own source"
					 : "this one counts what all their sources say");
}

int import_plan(struct import *import)
{
	int r = 0;

	for (unsigned int i = 0; i < import->jails; i++) {
		struct import_jail *jail = &import->jail[i];

		jail_name(jail);
		if (jail->enabled && !jail->refused && is_recidive(import, jail))
			import_recidive(import, jail);
	}
	for (unsigned int i = 0; i < import->jails && !r; i++) {
		struct import_jail *jail = &import->jail[i];

		if (jail->enabled && !jail->refused && !jail->covered)
			r = jail_plan(import, jail);
	}
	for (unsigned int i = 0; i < import->jails && !r; i++) {
		struct import_jail *jail = &import->jail[i];

		if (jail->enabled && !jail->refused && !jail->covered)
			share_plan(import, jail);
	}
	return r;
}
