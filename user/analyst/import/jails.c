/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fail2ban's jail files, laid over each other as it does: jail.conf, jail.d/X.conf, jail.local,
 * jail.d/X.local, each with what it includes. A file that cannot be read is left out and named; the
 * rest counts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/import/import.h"

#define VALUE_MAX (64 * 1024) /* bytes of one option of a jail */

/* ---- notes ---- */

void import_note(struct import_notes *notes, enum import_note_kind kind,
		 const struct config_place *place, const char *format, ...)
{
	struct import_note *note;
	va_list args;

	if (notes->count == IMPORT_NOTES_MAX) {
		notes->left_out++;
		return;
	}
	if (!notes->note) {
		notes->note = calloc(IMPORT_NOTES_MAX, sizeof(*note));
		if (!notes->note) {
			notes->left_out++;
			return;
		}
	}
	note = &notes->note[notes->count];
	note->kind = kind;
	va_start(args, format);
	(void)vsnprintf(note->text, sizeof(note->text), format, args);
	va_end(args);
	text_copy(note->file, sizeof(note->file), place && place->file ? place->file : "");
	note->line = place ? place->line : 0;
	for (unsigned int i = 0; i < notes->count; i++)
		if (!strcmp(notes->note[i].text, note->text) && note->line == notes->note[i].line &&
		    !strcmp(notes->note[i].file, note->file))
			return; /* once is enough */
	notes->count++;
}

void import_notes_done(struct import_notes *notes)
{
	free(notes->note);
	*notes = (struct import_notes){ 0 };
}

/* ---- files ---- */

/* An error that begins with "FILE:LINE: " to a place and a sentence. */
static const char *error_split(const struct import *import, const char *error,
			       struct config_place *ret)
{
	const struct filter_files *files = &import->files->jails;

	for (unsigned int i = 0; i < files->count; i++) {
		size_t len = strlen(files->file[i].name);
		char *end;
		unsigned long line;

		if (strncmp(error, files->file[i].name, len) || error[len] != ':')
			continue;
		line = strtoul(error + len + 1, &end, 10);
		if (end == error + len + 1 || end[0] != ':' || end[1] != ' ')
			continue;
		*ret = (struct config_place){
			.file = files->file[i].name,
			.line = (unsigned int)line,
		};
		return end + 2;
	}
	return error;
}

static int layer_read(struct import *import, const char *name)
{
	char error[EVIDENCE_ERROR_MAX] = "";
	struct config_place place = { .file = name };
	const char *why;
	int r = config_read_file(&import->config, &import->files->jails, name, error);

	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		why = error_split(import, error[0] ? error : strerror(-r), &place);
		import_note(&import->notes, NOTE_REFUSED, &place, "the file is left out: %s", why);
	}
	return 0;
}

static bool in_layer(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return !strncmp(name, "jail.d/", 7) && len > end_len && !strcmp(name + len - end_len, end);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int folder_read(struct import *import, const char *end)
{
	const struct filter_files *files = &import->files->jails;
	_cleanup_free_ const char **name = calloc(files->count + 1, sizeof(*name));
	unsigned int count = 0;
	int r = 0;

	if (!name)
		return -ENOMEM;
	for (unsigned int i = 0; i < files->count; i++)
		if (in_layer(files->file[i].name, end))
			name[count++] = files->file[i].name;
	qsort(name, count, sizeof(*name), compare_names);
	for (unsigned int i = 0; i < count && !r; i++)
		r = layer_read(import, name[i]);
	return r;
}

/* fail2ban gives these two to every jail. */
static int builtin_add(struct import *import, const char *name, const char *text)
{
	struct config_value *value = calloc(1, sizeof(*value));
	int r;

	if (!value)
		return -ENOMEM;
	value->text = strdup(text);
	r = value->text ? config_add(&import->config, "DEFAULT", name, value) : -ENOMEM;
	if (r < 0)
		config_value_free(value);
	return r;
}

static bool is_jail(const char *section)
{
	return strcmp(section, "DEFAULT") != 0 && strcmp(section, "INCLUDES") != 0 &&
	       strcmp(section, "Definition") != 0 && strcmp(section, "Init") != 0;
}

static struct import_jail *jail_find(const struct import *import, const char *name)
{
	for (unsigned int i = 0; i < import->jails; i++)
		if (!strcmp(import->jail[i].name, name))
			return &import->jail[i];
	return NULL;
}

static int jails_list(struct import *import)
{
	for (unsigned int i = 0; i < import->config.options; i++) {
		const struct config_option *option = &import->config.option[i];
		struct config_place place = { 0 };
		struct import_jail *jail;

		config_place(&import->config, option->value->text, &place);
		if (!is_jail(option->section) || jail_find(import, option->section))
			continue;
		if (import->jails == IMPORT_JAILS_MAX) {
			import_note(&import->notes, NOTE_REFUSED, &place,
				    "more than %d jails; the rest is left out", IMPORT_JAILS_MAX);
			break;
		}
		if (!(import->jails & (import->jails - 1))) {
			jail = reallocarray(import->jail, import->jails ? import->jails * 2 : 1,
					    sizeof(*jail));
			if (!jail)
				return -ENOMEM;
			import->jail = jail;
		}
		jail = &import->jail[import->jails++];
		memset(jail, 0, sizeof(*jail));
		text_copy(jail->name, sizeof(jail->name), option->section);
		jail->place = place;
	}
	return 0;
}

static void jail_enabled(struct import *import, struct import_jail *jail)
{
	struct import_value value;

	if (!import_ask(import, jail, "enabled", NOTE_REFUSED, &value))
		return;
	if (import_yes(value.text, &jail->enabled) < 0)
		import_note(&jail->notes, NOTE_REFUSED, &value.place,
			    "enabled is neither true nor false");
	if (value.place.file && jail->enabled &&
	    config_find(&import->config, jail->name, "enabled"))
		jail->place = value.place;
	import->enabled += jail->enabled;
	import_value_done(&value);
}

int import_read(struct import *import)
{
	static const char *const layers[] = { ".conf", ".local" };
	char name[16];
	int r;

	for (unsigned int i = 0; i < ARRAY_SIZE(layers); i++) {
		(void)snprintf(name, sizeof(name), "jail%s", layers[i]);
		r = layer_read(import, name);
		if (!r)
			r = folder_read(import, layers[i]);
		if (r < 0)
			return r;
	}
	r = builtin_add(import, "fail2ban_confpath", import->folder);
	if (!r)
		r = builtin_add(import, "fail2ban_version", "1");
	if (!r)
		r = import_own_prepare(import);
	if (!r)
		r = jails_list(import);
	for (unsigned int i = 0; !r && i < import->jails; i++)
		jail_enabled(import, &import->jail[i]);
	return r;
}

/* ---- options ---- */

void import_value_done(struct import_value *value)
{
	free(value->text);
	value->text = NULL;
}

int import_get(struct import *import, const struct import_jail *jail, const char *name,
	       struct import_value *ret, char error[EVIDENCE_ERROR_MAX])
{
	_cleanup_(buf_done) struct buf marked = BUF_INIT(VALUE_MAX), plain = BUF_INIT(VALUE_MAX);
	const struct config_option *option = config_find(&import->config, jail->name, name);
	struct config_place place = { 0 };
	size_t len;
	int r;

	*ret = (struct import_value){ 0 };
	r = config_percent(&import->config, jail->name, name, &marked, error);
	if (r <= 0)
		return r;
	/* Where the option stands, not where a variable in it does. */
	if (!option)
		option = config_find(&import->config, "DEFAULT", name);
	if (option)
		config_place(&import->config, option->value->text, &place);
	if (marked.data)
		config_strip(marked.data, marked.len, &plain);
	buf_add(&plain, "", 0);
	if (!plain.data || plain.cut)
		return -ENOMEM;
	len = plain.len;
	while (len && strchr(" \t\n\r", plain.data[len - 1]))
		plain.data[--len] = '\0';
	ret->text = strdup(plain.data + strspn(plain.data, " \t\n\r"));
	ret->place = place;
	return ret->text ? 1 : -ENOMEM;
}

bool import_ask(struct import *import, struct import_jail *jail, const char *name,
		enum import_note_kind kind, struct import_value *ret)
{
	char error[EVIDENCE_ERROR_MAX] = "";
	struct config_place place = jail->place;
	const char *why;
	int r = import_get(import, jail, name, ret, error);

	if (r >= 0)
		return r > 0;
	why = error_split(import, error[0] ? error : strerror(-r), &place);
	/* The reader puts the option's name before what is wrong with it. */
	import_note(&jail->notes, kind, &place, "%s", why);
	if (kind == NOTE_REFUSED)
		jail->refused = true;
	return false;
}
