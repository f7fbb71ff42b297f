/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which filter does a jail's work: bailiff's own where it ships one of that name and that one knows
 * the jail's parameters, else fail2ban's, of which the files are copied (import/copy.c).
 *
 * Either is loaded here as it will be later, so a filter that bailiff refuses is known by now.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/import/import.h"

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

/* "FILE:LINE: reason" of a filter to a note that names the file from fail2ban's folder on. */
static void note_error(struct import_notes *notes, enum import_note_kind kind, const char *before,
		       const char *error)
{
	const char *colon = strchr(error, ':');
	char file[IPC_PATH_MAX];
	struct config_place place = { 0 };
	unsigned long line;
	char *end;

	if (colon) {
		line = strtoul(colon + 1, &end, 10);
		if (end != colon + 1 && end[0] == ':' && end[1] == ' ') {
			(void)snprintf(file, sizeof(file), "filter.d/%.*s", (int)(colon - error),
				       error);
			place.file = file;
			place.line = (unsigned int)line;
			error = end + 2;
		}
	}
	import_note(notes, kind, &place, "%s%s", before, error);
}

int import_filter_refuse(struct import_jail *jail, const char *before, const char *error)
{
	note_error(&jail->notes, NOTE_REFUSED, before, error);
	jail->refused = true;
	return 0;
}

bool import_spec_text(const struct filter_spec *spec, char ret[IPC_FILTER_MAX])
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(IPC_FILTER_MAX - 1);
	const char *close;

	buf_puts(&text, spec->name);
	for (unsigned int i = 0; i < spec->params; i++) {
		const char *value = spec->param[i].value;
		char quote = !strpbrk(value, ",] \t'\"") ? 0 : !strchr(value, '"') ? '"' : '\'';

		if (quote && strchr(value, quote))
			return false;
		buf_puts(&text, i ? "," : "[");
		buf_printf(&text, "%s=", spec->param[i].name);
		if (quote)
			buf_putc(&text, quote);
		buf_puts(&text, value);
		if (quote)
			buf_putc(&text, quote);
	}
	if (spec->params)
		buf_putc(&text, ']');
	if (!text.data || text.cut)
		return false;
	/* A list of filters is cut at the blanks that no bracket holds. */
	close = strchr(text.data, ']');
	if (import_has_control(text.data) || (close && strpbrk(close, " \t")))
		return false;
	text_copy(ret, IPC_FILTER_MAX, text.data);
	return true;
}

static const struct config_option *option_any(const struct config *config, const char *name)
{
	static const char *const sections[] = { "Init", "Definition", "DEFAULT" };

	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		const struct config_option *option = config_find(config, sections[i], name);

		if (option)
			return option;
	}
	return NULL;
}

/* fail2ban gives mode=normal to all filters; where it changes nothing, it is left out. */
static void mode_drop(const struct config *config, struct filter_spec *spec)
{
	const struct config_option *option = option_any(config, "mode");
	_cleanup_(buf_done) struct buf plain = BUF_INIT(CONFIG_NAME_MAX);

	if (option)
		config_strip(option->value->text, strlen(option->value->text), &plain);
	for (unsigned int i = 0; i < spec->params; i++) {
		const char *value = spec->param[i].value;

		if (strcmp(spec->param[i].name, "mode") != 0)
			continue;
		if (option ? !plain.data || strcmp(plain.data, value) : strcmp(value, "normal"))
			continue;
		spec->params--;
		memmove(&spec->param[i], &spec->param[i + 1],
			(spec->params - i) * sizeof(spec->param[0]));
		i--;
	}
}

/* Where the program's name is no expression, it is what the journal has as its identifier. */
static void daemon_learn(const struct config *config, struct import_jail *jail)
{
	const struct config_option *option = option_any(config, "_daemon");
	_cleanup_(buf_done) struct buf plain = BUF_INIT(CONFIG_NAME_MAX);

	if (!option)
		return;
	config_strip(option->value->text, strlen(option->value->text), &plain);
	if (!plain.len || plain.cut || strspn(plain.data, NAME_CHARS) != plain.len)
		return;
	(void)snprintf(jail->match, sizeof(jail->match), "SYSLOG_IDENTIFIER=%s", plain.data);
}

/* What the filter says of the journal, and whether it minds where lines come from. */
static void config_learn(struct config *config, struct import_jail *jail)
{
	_cleanup_(buf_done) struct buf marked = BUF_INIT(CONFIG_VALUE_MAX);
	_cleanup_(buf_done) struct buf plain = BUF_INIT(CONFIG_VALUE_MAX);
	char error[EVIDENCE_ERROR_MAX];

	jail->logtype = option_any(config, "logtype") != NULL;
	if (config_expand(config, "journalmatch", &marked, error) > 0 && marked.data)
		config_strip(marked.data, marked.len, &plain);
	if (plain.data && import_match(plain.data, jail->match) < 0)
		jail->match[0] = '\0';
	if (!jail->match[0])
		daemon_learn(config, jail);
}

/* The filter's files as options; their mistakes in error. */
static int config_of(const struct filter_files *files, const struct filter_spec *spec,
		     struct config *ret, char error[EVIDENCE_ERROR_MAX])
{
	*ret = (struct config){ .spec = spec };
	return config_read(ret, files, error);
}

static bool folder_has(const struct filter_files *files, const char *name, const char *end)
{
	char wanted[CONFIG_NAME_MAX + 8];
	size_t len;

	(void)snprintf(wanted, sizeof(wanted), "%s%s", name, end);
	len = strlen(wanted);
	for (unsigned int i = 0; i < files->count; i++)
		if (wanted[len - 1] == '/' ? !strncmp(files->file[i].name, wanted, len)
					   : !strcmp(files->file[i].name, wanted))
			return true;
	return false;
}

/* 1: bailiff's own filter is used. 0: it does not do, and why is noted. */
static int take_shipped(struct import *import, struct import_jail *jail, struct filter_spec *spec)
{
	struct filter_spec own = *spec;
	char text[IPC_FILTER_MAX], error[EVIDENCE_ERROR_MAX] = "";
	struct config config;
	uint16_t index;
	int r;

	r = config_of(&import->files->shipped, &own, &config, error);
	if (!r) {
		mode_drop(&config, &own);
		config_learn(&config, jail);
		jail->logtype = false;
	}
	config_done(&config);
	if (!r)
		r = import_spec_text(&own, text) ? filter_set_load(import->set, text, &index, error)
						 : -EINVAL;
	if (r < 0) {
		import_note(&jail->notes, NOTE_INFO, NULL,
			    "bailiff's own filter %s does not know these parameters (%.200s)",
			    spec->name, error[0] ? error : "too long");
		return r == -ENOMEM ? r : 0;
	}
	if (folder_has(&import->files->filters, spec->name, ".local") ||
	    folder_has(&import->files->filters, spec->name, ".d/"))
		import_note(&jail->notes, NOTE_DECIDE, NULL,
			    "bailiff's own filter %s is used; what %s.local or %s.d changes in "
			    "fail2ban's is not carried over",
			    spec->name, spec->name, spec->name);
	jail->shipped = true;
	*spec = own;
	return 1;
}

static int take_copy(struct import *import, struct import_jail *jail, struct filter_spec *spec)
{
	char as[CONFIG_NAME_MAX + 16], error[EVIDENCE_ERROR_MAX] = "";
	struct filter_spec read = *spec;
	struct config config;
	int r;

	(void)snprintf(as, sizeof(as), "%s%s",
		       folder_has(&import->files->shipped, spec->name, ".conf") ? "fail2ban-" : "",
		       spec->name);
	if (strlen(as) >= IPC_NAME_MAX)
		return import_filter_refuse(jail, "", "the filter's name is too long for bailiff");
	r = config_of(&import->files->filters, &read, &config, error);
	if (!r) {
		mode_drop(&config, spec);
		config_learn(&config, jail);
		r = import_copy(import, jail, &config, as, spec);
	} else if (r != -ENOMEM) {
		r = import_filter_refuse(jail, "", error);
	}
	config_done(&config);
	return r;
}

/* The zone of the log's stamps becomes a parameter of the filter. */
static void zone_take(struct import *import, struct import_jail *jail, struct filter_spec *spec)
{
	char text[IPC_FILTER_MAX], error[EVIDENCE_ERROR_MAX] = "too long";
	struct filter_spec zoned = *spec;
	struct import_value value;
	uint16_t index;

	if (!import_ask(import, jail, "logtimezone", NOTE_LOST, &value))
		return;
	if (value.text[0] && strcasecmp(value.text, "auto") != 0 &&
	    zoned.params < CONFIG_PARAMS_MAX) {
		text_copy(zoned.param[zoned.params].name, CONFIG_NAME_MAX, "logtimezone");
		text_copy(zoned.param[zoned.params].value, sizeof(zoned.param[0].value),
			  value.text);
		zoned.params++;
		if (import_spec_text(&zoned, text) &&
		    filter_set_load(import->set, text, &index, error) == 0)
			*spec = zoned;
		else
			import_note(&jail->notes, NOTE_LOST, &value.place,
				    "logtimezone = %.40s: %.200s", value.text, error);
	}
	import_value_done(&value);
}

int import_filter(struct import *import, struct import_jail *jail, struct filter_spec *spec)
{
	char error[EVIDENCE_ERROR_MAX] = "";
	struct import_value value;
	int r;

	if (!import_ask(import, jail, "filter", NOTE_REFUSED, &value)) {
		if (jail->refused)
			return 0;
		value = (struct import_value){ .text = strdup(jail->name), .place = jail->place };
		if (!value.text)
			return -ENOMEM;
	}
	for (char *c = value.text; *c; c++)
		if (*c == '\n')
			*c = ' ';
	/* "filter =": the jail has expressions of its own, and nothing else. */
	*spec = (struct filter_spec){ 0 };
	r = value.text[0] ? filter_spec_parse(value.text, spec, error) : 0;
	import_value_done(&value);
	if (r < 0) {
		import_note(&jail->notes, NOTE_REFUSED, &value.place, "%s", error);
		jail->refused = true;
		return 0;
	}
	text_copy(jail->filter, sizeof(jail->filter), spec->name);
	r = 0;
	if (folder_has(&import->files->shipped, spec->name, ".conf"))
		r = take_shipped(import, jail, spec);
	if (!r && spec->name[0])
		r = take_copy(import, jail, spec);
	if (r >= 0 && !jail->refused)
		r = import_own(import, jail, spec);
	if (r >= 0 && !jail->refused && !spec->name[0]) {
		import_note(&jail->notes, NOTE_REFUSED, &jail->place,
			    "it has neither a filter nor expressions of its own");
		jail->refused = true;
	}
	if (r >= 0 && !jail->refused)
		zone_take(import, jail, spec);
	if (r >= 0 && !jail->refused)
		text_copy(jail->service, sizeof(jail->service), spec->name);
	return r < 0 ? r : 0;
}
