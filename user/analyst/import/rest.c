/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What else a jail says: ports, which are carried over, and actions and habits of reading, which
 * are not.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "analyst/import/import.h"

struct import_notes *import_notes_of(struct import *import, struct import_jail *jail,
				     const char *option)
{
	return config_find(&import->config, jail->name, option) ? &jail->notes : &import->notes;
}

/* ---- ports ---- */

static void port_word(struct import *import, struct import_jail *jail, const char *word, size_t len,
		      const struct config_place *place)
{
	char name[64];
	uint16_t port;

	/* A range says what is refused, not where the service listens. */
	if (memchr(word, ':', len)) {
		jail->ports_partial = true;
		return;
	}
	text_copy_len(name, sizeof(name), word, len);
	if (import->host->port(name, &port, import->host->arg) < 0) {
		import_note(&jail->notes, NOTE_LOST, place,
			    "port %.60s is not known here (/etc/services)", name);
		jail->ports_partial = true;
		return;
	}
	for (unsigned int i = 0; i < jail->ports; i++)
		if (jail->port[i] == port)
			return;
	if (jail->ports < IMPORT_PORTS_MAX)
		jail->port[jail->ports++] = port;
	else
		jail->ports_partial = true;
}

void import_ports(struct import *import, struct import_jail *jail)
{
	struct import_value value;
	const char *at, *word;
	size_t len;

	if (!import_ask(import, jail, "port", NOTE_LOST, &value))
		return;
	for (at = value.text; import_word(&at, &word, &len);)
		port_word(import, jail, word, len, &value.place);
	import_value_done(&value);
}

/* ---- actions ---- */

/* Actions that close a firewall: bailiff refuses the address itself, on every port. */
static const char *const closing[] = {
	"iptables",  "nftables", "firewallcmd", "ufw", "shorewall", "pf",
	"ipfw",	     "bsd-ipfw", "ipfilter",	"npf", "hostsdeny", "route",
	"osx-afctl", "osx-ipfw", "symbiosis",	"apf", "dummy",	    "netscaler",
};

static bool closes(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(closing); i++) {
		size_t n = strlen(closing[i]);

		if (len >= n && !strncmp(name, closing[i], n) &&
		    (len == n || name[n] == '-' || name[n] == '.'))
			return true;
	}
	return false;
}

/* Skips the brackets behind an action's name; a line end inside them does not end the action. */
static const char *brackets_skip(const char *at)
{
	char quote = 0;

	for (; *at; at++) {
		if (quote) {
			quote = *at == quote ? 0 : quote;
		} else if (*at == '"' || *at == '\'') {
			quote = *at;
		} else if (*at == ']') {
			at++;
			if (*at != '[')
				break;
		}
	}
	return at;
}

static void actions(struct import *import, struct import_jail *jail)
{
	struct import_notes *notes = import_notes_of(import, jail, "action");
	struct import_value value;
	const char *at;

	if (!import_ask(import, jail, "action", NOTE_LOST, &value))
		return;
	for (at = value.text; *at;) {
		size_t len;

		at += strspn(at, " \t\r\n,");
		len = strcspn(at, " \t\r\n,[");
		if (len && !closes(at, len))
			import_note(notes, NOTE_LOST, &value.place,
				    "action %.*s: bailiff runs no commands and sends no mail; what "
				    "it does is in the journal and in bailiffctl watch --json",
				    (int)(len < 80 ? len : 80), at);
		at += len;
		if (*at == '[')
			at = brackets_skip(at);
		else if (!len && *at)
			at++;
	}
	import_value_done(&value);
}

bool import_lets_in(struct import *import, struct import_jail *jail)
{
	char error[EVIDENCE_ERROR_MAX];
	struct import_value value;
	bool lets_in;

	if (import_get(import, jail, "blocktype", &value, error) <= 0)
		return false;
	lets_in = !strncasecmp(value.text, "RETURN", 6) || !strncasecmp(value.text, "ACCEPT", 6);
	if (lets_in) {
		import_note(
			&jail->notes, NOTE_REFUSED, &value.place,
			"its action lets addresses in (blocktype = %.20s); bailiff only locks out",
			value.text);
		jail->refused = true;
	}
	import_value_done(&value);
	return lets_in;
}

/* ---- the rest ---- */

/* Options of which any value that says something is lost. */
static const struct {
	const char *name;
	const char *why;
	const char *harmless; /* words between blanks, or NULL */
} lost[] = {
	{ "ignorecache", "there is no ignorecommand to remember", NULL },
	{ "logencoding", "bytes that are not UTF-8 are read as U+FFFD", " auto utf-8 utf8 ascii " },
	{ "usedns", "host names in log lines are never looked up", " no warn raw " },
};

static bool is_harmless(const char *words, const char *text)
{
	char wanted[64];

	if (!words)
		return false;
	(void)snprintf(wanted, sizeof(wanted), " %.60s ", text);
	return strcasestr(words, wanted) != NULL;
}

static void protocol(struct import *import, struct import_jail *jail)
{
	struct import_value value;

	if (!import_ask(import, jail, "protocol", NOTE_LOST, &value))
		return;
	if (strcasecmp(value.text, "tcp") != 0 && value.text[0]) {
		jail->ports_partial = true;
		import_note(
			&jail->notes, NOTE_LOST, &value.place,
			"protocol = %.20s: an address is refused at every listening socket; UDP "
			"sockets that are connected, and ping, are not",
			value.text);
	}
	import_value_done(&value);
}

void import_rest(struct import *import, struct import_jail *jail)
{
	struct import_value value;
	bool yes;

	if (import_ask(import, jail, "ignorecommand", NOTE_LOST, &value)) {
		if (value.text[0])
			import_note(
				import_notes_of(import, jail, "ignorecommand"), NOTE_DECIDE,
				&value.place,
				"ignorecommand = %.120s: bailiff runs no commands, so addresses "
				"that it spares are locked out: exempt them",
				value.text);
		import_value_done(&value);
	}
	actions(import, jail);
	protocol(import, jail);
	for (size_t i = 0; i < ARRAY_SIZE(lost); i++) {
		if (!import_ask(import, jail, lost[i].name, NOTE_LOST, &value))
			continue;
		if (value.text[0] && !is_harmless(lost[i].harmless, value.text))
			import_note(import_notes_of(import, jail, lost[i].name), NOTE_LOST,
				    &value.place, "%s = %.80s: %s", lost[i].name, value.text,
				    lost[i].why);
		import_value_done(&value);
	}
	if (import_ask(import, jail, "ignoreself", NOTE_LOST, &value)) {
		if (!import_yes(value.text, &yes) && !yes)
			import_note(
				&jail->notes, NOTE_LOST, &value.place,
				"ignoreself = false: this host's own addresses are never locked "
				"out");
		import_value_done(&value);
	}
}
