/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The plan as bailiff's own configuration. What is written is read again by the same readers before
 * it leaves (import_texts): a name or a path that would break them is a mistake here.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <bailiff/words.h>

#include "analyst/import/import.h"
#include "base/clock.h"

#define CONF_PORTS 8 /* as many as [service] takes */
#define CONF_MAX (1024 * 1024)
#define RULE_MAX 8192

void import_time(uint64_t seconds, char ret[IMPORT_TIME_MAX])
{
	char text[CLOCK_TEXT_MAX];
	uint64_t read;

	duration_format(seconds, text);
	/* It shows two units; what it leaves out must not be lost. */
	if (duration_parse(text, &read) < 0 || read != seconds)
		(void)snprintf(ret, IMPORT_TIME_MAX, "%" PRIu64, seconds);
	else
		text_copy(ret, IMPORT_TIME_MAX, text);
}

static void put_place(struct buf *out, const struct config_place *place)
{
	if (!place->file)
		return;
	buf_puts(out, " (");
	buf_put_safe(out, place->file, strlen(place->file));
	buf_printf(out, ":%u)", place->line);
}

static void put_jail(struct buf *out, const struct import_jail *jail)
{
	buf_puts(out, "# jail ");
	buf_put_safe(out, jail->name, strlen(jail->name));
	put_place(out, &jail->place);
	buf_putc(out, '\n');
}

static void put_time(struct buf *out, const char *key, uint64_t seconds)
{
	char text[IMPORT_TIME_MAX];

	import_time(seconds, text);
	buf_printf(out, "%s = %s\n", key, text);
}

static int rule_text(struct import *import, const struct import_jail *jail)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(RULE_MAX);
	char path[IPC_PATH_MAX];

	put_jail(&out, jail);
	buf_puts(&out, "# Made by: bailiffctl import fail2ban\n");
	if (jail->replaces[0])
		buf_printf(&out, "# Takes the place of the rule %s that bailiff ships.\n",
			   jail->replaces);
	buf_printf(&out, "[rule]\nid = %s\n", jail->rule);
	buf_printf(&out, "title = Failures that the filter %s finds in the logs of one address\n",
		   jail->service);
	buf_printf(&out, "service = %s\n", jail->service);
	if (jail->rule_source[0])
		buf_printf(&out, "source = %s\n", jail->rule_source);
	buf_printf(&out, "failures = %u\n", jail->failures);
	put_time(&out, "window", jail->window_s);
	buf_puts(&out, "subject = address\naction = lock\n");
	put_time(&out, "lockout", jail->lockout_s);
	if (jail->factor > 1) {
		buf_printf(&out, "factor = %u\n", jail->factor);
		put_time(&out, "longest", jail->longest_s);
	}
	buf_printf(&out, "trust = %s\n", bl_word_trust(jail->trust));
	if (!out.data || out.cut)
		return -ENOMEM;
	(void)snprintf(path, sizeof(path), "rules.d/%s.conf", jail->own);
	return import_output_add(import, path, out.data, out.len);
}

static void put_source(struct buf *out, const struct import_jail *jail,
		       const struct import_source *source)
{
	buf_putc(out, '\n');
	put_jail(out, jail);
	buf_printf(out, "[source %s]\n", source->name);
	if (source->journal)
		buf_puts(out, "journal = yes\n");
	else
		buf_printf(out, "file = %s\n", source->path);
	if (source->match[0])
		buf_printf(out, "match = %s\n", source->match);
	buf_printf(out, "filters = %s\n", source->filter);
	if (source->service[0])
		buf_printf(out, "service = %s\n", source->service);
	if (source->owner[0])
		buf_printf(out, "owner = %s\n", source->owner);
	if (!source->journal && !source->service[0])
		buf_printf(
			out,
			"# Anybody can have syslog write such lines. To count them all the same:\n"
			"#accept_claims = %s\n",
			jail->service);
}

static void put_exempt(struct buf *out, const struct import *import)
{
	char text[ADDR_TEXT_MAX];

	if (!import->exempts)
		return;
	buf_puts(out, "\n[bailiff]\n");
	for (unsigned int i = 0; i < import->exempts; i++) {
		addr_format(&import->exempt[i].net, text);
		buf_puts(out, "# ignoreip");
		put_place(out, &import->exempt[i].place);
		buf_printf(out, "\nexempt = %s\n", text);
	}
}

static bool is_planned(const struct import_jail *jail)
{
	return jail->enabled && !jail->refused && !jail->covered;
}

static bool port_listed(const uint16_t *port, unsigned int count, uint16_t wanted)
{
	for (unsigned int i = 0; i < count; i++)
		if (port[i] == wanted)
			return true;
	return false;
}

/* A service whose connections' outcome the kernel tells has its ports for itself. */
static bool port_is_sensed(const struct import *import, uint16_t port)
{
	bool told = false;

	for (const struct import_jail *j = import->jail; j < import->jail + import->jails; j++) {
		if (!is_planned(j) || !j->sensed || !j->ports)
			continue;
		told = true;
		if (port_listed(j->port, j->ports, port))
			return true;
	}
	return !told && port == 22;
}

/*
 * All ports of the service, from all its jails: an address counts only if it was connected to one.
 * Rather none than some of them.
 */
static unsigned int ports_of(const struct import *import, const struct import_jail *jail,
			     uint16_t ret_port[CONF_PORTS])
{
	unsigned int count = 0;

	for (const struct import_jail *j = import->jail; j < import->jail + import->jails; j++) {
		if (!is_planned(j) || strcmp(j->service, jail->service) != 0)
			continue;
		if (j->ports_partial && !jail->sensed)
			return 0;
		for (unsigned int i = 0; i < j->ports; i++) {
			if (port_listed(ret_port, count, j->port[i]))
				continue;
			if (!jail->sensed && port_is_sensed(import, j->port[i]))
				return 0;
			if (count == CONF_PORTS)
				return jail->sensed ? count : 0;
			ret_port[count++] = j->port[i];
		}
	}
	return count;
}

static bool is_first_of_service(const struct import *import, const struct import_jail *jail)
{
	for (const struct import_jail *j = import->jail; j < jail; j++)
		if (is_planned(j) && !strcmp(j->service, jail->service))
			return false;
	return true;
}

/* sshd's sensors watch its ports; a jail that names others knows better than what is built in. */
static void put_ports(struct buf *out, const struct import *import, const struct import_jail *jail)
{
	uint16_t port[CONF_PORTS];
	unsigned int count;

	if (!is_first_of_service(import, jail) || !jail->service[0])
		return;
	count = ports_of(import, jail, port);
	if (!count || (jail->sensed && count == 1 && port[0] == 22))
		return;
	buf_putc(out, '\n');
	put_jail(out, jail);
	if (!jail->sensed)
		buf_puts(out,
			 "# Does it listen elsewhere, too, or answer on UDP? Then add what is "
			 "missing, or "
			 "take this out: lines\n# about others than who is connected here do not "
			 "count.\n");
	buf_printf(out, "[service %s]\nports =", jail->service);
	for (unsigned int i = 0; i < count; i++)
		buf_printf(out, " %u", port[i]);
	buf_putc(out, '\n');
}

/* Once for all jails of that service. */
static void put_writer(struct buf *out, const struct import *import, const struct import_jail *jail)
{
	if (!jail->writer[0])
		return;
	for (const struct import_jail *other = import->jail; other < jail; other++)
		if (other->writer[0] && !strcmp(other->service, jail->service))
			return;
	buf_putc(out, '\n');
	put_jail(out, jail);
	buf_printf(out, "[service %s]\nwriter = %s\n", jail->service, jail->writer);
}

static int conf_text(struct import *import)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(CONF_MAX);

	buf_puts(&out, "# What the jails of ");
	buf_put_safe(&out, import->folder, strlen(import->folder));
	buf_puts(&out, " became. Made by: bailiffctl import fail2ban\n"
		       "# Their rules are rules.d/fail2ban-*.conf. Own changes belong into another "
		       "file beside this one,\n# which the next import leaves alone.\n");
	put_exempt(&out, import);
	for (unsigned int i = 0; i < import->jails; i++)
		if (is_planned(&import->jail[i])) {
			put_ports(&out, import, &import->jail[i]);
			put_writer(&out, import, &import->jail[i]);
		}
	for (unsigned int i = 0; i < import->jails; i++) {
		const struct import_jail *jail = &import->jail[i];

		for (unsigned int j = 0; is_planned(jail) && j < jail->sources; j++)
			if (!jail->source[j].builtin)
				put_source(&out, jail, &jail->source[j]);
	}
	if (!out.data || out.cut)
		return -E2BIG;
	return import_output_add(import, "bailiff.conf.d/fail2ban.conf", out.data, out.len);
}

int import_texts(struct import *import)
{
	int r = 0;

	for (unsigned int i = 0; i < import->jails && !r; i++)
		if (is_planned(&import->jail[i]))
			r = rule_text(import, &import->jail[i]);
	return r ? r : conf_text(import);
}
