/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ignoreip becomes exempt: addresses and nets, also those of the files that it names (file:PATH,
 * read by fail2ban from commit c54f1a460355 on). Names are told, not looked up.
 *
 * Such a file is read once. fail2ban looks at it again when it changes; that is told, since
 * somebody relies on it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/import/import.h"

#define FILE_WORD "file:"

static void exempt_add(struct import *import, struct import_jail *jail, const struct addr *net,
		       const struct config_place *place)
{
	struct import_notes *notes = import_notes_of(import, jail, "ignoreip");

	if (addr_is_loopback(net))
		return; /* never locked out */
	for (unsigned int i = 0; i < import->exempts; i++)
		if (addr_equal(&import->exempt[i].net, net))
			return;
	if (import->exempts == IMPORT_EXEMPT_MAX) {
		import_note(notes, NOTE_LOST, place,
			    "ignoreip: more than %d nets in all jails together", IMPORT_EXEMPT_MAX);
		return;
	}
	if (!net->prefix)
		import_note(notes, NOTE_DECIDE, place,
			    "ignoreip exempts every address: nobody will be locked out");
	import->exempt[import->exempts++] = (struct import_exempt){ .net = *net, .place = *place };
}

/* ---- files ---- */

/* What is no address: how many, and the first. */
struct list_rest {
	unsigned int count;
	struct config_place place;
	char word[64];
};

/* A comment begins with # or ; at the begin of a line or behind a blank. */
static void comment_cut(char *line)
{
	for (char *at = line; *at; at++) {
		if ((*at != '#' && *at != ';') || (at > line && !strchr(" \t\r", at[-1])))
			continue;
		*at = '\0';
		return;
	}
}

static unsigned int list_lines(struct import *import, struct import_jail *jail, char *text,
			       const char *path, struct list_rest *rest)
{
	unsigned int nets = 0, number = 0;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		const struct config_place place = { .file = path, .line = ++number };
		const char *at = line, *word;
		struct addr net;
		size_t len;

		comment_cut(line);
		while (import_word(&at, &word, &len)) {
			if (!import_net(word, len, &net)) {
				exempt_add(import, jail, &net, &place);
				nets++;
				continue;
			}
			if (rest->count++)
				continue;
			rest->place = place;
			text_copy_len(rest->word, sizeof(rest->word), word, len);
		}
	}
	return nets;
}

static void list_read(struct import *import, struct import_jail *jail, const char *path,
		      const struct config_place *place)
{
	struct import_notes *notes = import_notes_of(import, jail, "ignoreip");
	_cleanup_free_ char *text = NULL;
	struct list_rest rest = { 0 };
	struct import_look look;
	unsigned int nets;
	size_t len;
	int r;

	r = import->host->read(path, &text, &len, import->host->arg);
	if (r < 0) {
		import_note(
			notes, NOTE_DECIDE, place,
			"ignoreip file:%.200s cannot be read (%s): put its addresses into exempt",
			path, strerror(-r));
		return;
	}
	/* A NUL would hide what stands behind it. */
	for (size_t i = 0; i < len; i++)
		text[i] = text[i] ? text[i] : ' ';
	nets = list_lines(import, jail, text, path, &rest);
	import_note(notes, NOTE_DECIDE, place,
		    "ignoreip file:%.200s: its %u addresses and nets are exempt as they are now; "
		    "bailiff does not look at the file again",
		    path, nets);
	if (rest.count)
		import_note(
			notes, NOTE_DECIDE, &rest.place,
			"%.60s is a name, or no address, and so are %u more in this file; names "
			"are never looked up: put their addresses into exempt",
			rest.word, rest.count - 1);
	import->host->look(path, &look, import->host->arg);
	if (look.shared || look.owner[0])
		import_note(notes, NOTE_DECIDE, place,
			    "others than root can write %.200s: they have chosen who is exempt",
			    path);
}

/* What is in force for several jails is read once. */
static void list_word(struct import *import, struct import_jail *jail, const char *word, size_t len,
		      const struct config_place *place)
{
	struct import_notes *notes = import_notes_of(import, jail, "ignoreip");
	char path[IPC_PATH_MAX];
	char *kept;

	while (len > 1 && word[0] == '/' && word[1] == '/') {
		word++;
		len--;
	}
	if (word[0] != '/' || len >= sizeof(path)) {
		import_note(notes, NOTE_DECIDE, place,
			    "ignoreip file:%.*s is no absolute path: put the file's addresses into "
			    "exempt",
			    (int)(len < 200 ? len : 200), word);
		return;
	}
	text_copy_len(path, sizeof(path), word, len);
	for (unsigned int i = 0; i < import->lists; i++)
		if (!strcmp(import->list[i], path))
			return;
	kept = import->lists < IMPORT_LISTS_MAX ? strdup(path) : NULL;
	if (!kept) {
		import_note(
			notes, NOTE_DECIDE, place,
			"ignoreip file:%.200s is not read: more than %d such files, or no memory",
			path, IMPORT_LISTS_MAX);
		return;
	}
	import->list[import->lists++] = kept;
	list_read(import, jail, kept, place);
}

/* ---- the option ---- */

static void exempt_word(struct import *import, struct import_jail *jail, const char *word,
			size_t len, const struct config_place *place)
{
	struct import_notes *notes = import_notes_of(import, jail, "ignoreip");
	struct addr net;

	if (!import_net(word, len, &net)) {
		exempt_add(import, jail, &net, place);
		return;
	}
	if (len > strlen(FILE_WORD) && !strncmp(word, FILE_WORD, strlen(FILE_WORD))) {
		list_word(import, jail, word + strlen(FILE_WORD), len - strlen(FILE_WORD), place);
		return;
	}
	import_note(notes, NOTE_DECIDE, place,
		    "ignoreip %.*s is a name, or no address; names are never looked up: put its "
		    "addresses into exempt",
		    (int)(len < 200 ? len : 200), word);
}

/* bailiff's list holds for everything; a jail's own one is narrower. */
void import_exempts(struct import *import, struct import_jail *jail)
{
	const struct config_option *own = config_find(&import->config, jail->name, "ignoreip");
	unsigned int before = import->exempts;
	struct import_value value;
	const char *at, *word;
	size_t len;

	if (!import_ask(import, jail, "ignoreip", NOTE_DECIDE, &value))
		return;
	for (at = value.text; import_word(&at, &word, &len);)
		exempt_word(import, jail, word, len, &value.place);
	if (own && import->exempts > before)
		import_note(
			&jail->notes, NOTE_INFO, &value.place,
			"ignoreip of this jail becomes exempt for everything that bailiff does");
	import_value_done(&value);
}
