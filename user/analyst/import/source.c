/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a jail's lines come from: bailiff's built-in sources, the journal, a service's own file,
 * or, where there is nothing better, text.
 *
 * A file that syslog writes holds what anybody had it write. The journal has the same lines with
 * the kernel's word for who wrote them, so it is read instead.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "analyst/import/import.h"

/* What the usual syslog configurations write into a file; "" = many kinds. */
static const struct {
	const char *path; /* below /var/log */
	const char *match;
} syslog_files[] = {
	{ "auth.log", "SYSLOG_FACILITY=4 SYSLOG_FACILITY=10" },
	{ "secure", "SYSLOG_FACILITY=4 SYSLOG_FACILITY=10" },
	{ "mail.log", "SYSLOG_FACILITY=2" },
	{ "mail.info", "SYSLOG_FACILITY=2" },
	{ "mail.warn", "SYSLOG_FACILITY=2" },
	{ "mail.err", "SYSLOG_FACILITY=2" },
	{ "mail", "SYSLOG_FACILITY=2" },
	{ "maillog", "SYSLOG_FACILITY=2" },
	{ "daemon.log", "SYSLOG_FACILITY=3" },
	{ "user.log", "SYSLOG_FACILITY=1" },
	{ "cron.log", "SYSLOG_FACILITY=9" },
	{ "kern.log", "" },
	{ "syslog", "" },
	{ "messages", "" },
	{ "debug", "" },
};

/* Services that write into the journal under an account of their own, by the name of their
 * filter. */
static const struct {
	const char *filter;
	const char *account;
} writers[] = {
	{ "postfix", "postfix" },   { "mysqld-auth", "mysql" }, { "named-refused", "bind" },
	{ "asterisk", "asterisk" }, { "slapd", "openldap" },
};

/* Filters of bailiff's built-in sources journal and auth-log. */
static const char *const builtin_filters[] = { "sshd", "pam", "sudo", "su" };

static bool is_builtin(const struct import_jail *jail)
{
	for (size_t i = 0; i < ARRAY_SIZE(builtin_filters); i++)
		if (jail->shipped && !strcmp(jail->service, builtin_filters[i]))
			return true;
	return false;
}

/* The name below /var/log of a file that syslog writes by custom, or NULL. */
static const char *syslog_match(const char *path)
{
	static const char folder[] = "/var/log/";

	if (strncmp(path, folder, sizeof(folder) - 1) != 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(syslog_files); i++)
		if (!strcmp(path + sizeof(folder) - 1, syslog_files[i].path))
			return syslog_files[i].match;
	return NULL;
}

int import_match(const char *text, char ret[IMPORT_TEXT_MAX])
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(IMPORT_TEXT_MAX - 1);
	bool line = false;

	if (strpbrk(text, "'\"\\"))
		return -EINVAL;
	while (*text) {
		size_t len = strcspn(text, " \t\n");

		if (len) {
			if (out.len)
				buf_puts(&out, line ? " + " : " ");
			buf_add(&out, text, len);
			line = false;
		}
		text += len;
		if (*text)
			line = *text++ == '\n' || line;
	}
	if (out.cut)
		return -EINVAL;
	text_copy(ret, IMPORT_TEXT_MAX, out.data ? out.data : "");
	return 0;
}

static struct import_source *source_add(struct import *import, struct import_jail *jail)
{
	struct import_source *source;

	if (jail->sources == IMPORT_PATHS_MAX || import->sources == IMPORT_SOURCES_MAX) {
		import_note(&jail->notes, NOTE_LOST, &jail->place,
			    "more sources than bailiff takes (%d of one jail, %d in all)",
			    IMPORT_PATHS_MAX, IMPORT_SOURCES_MAX);
		return NULL;
	}
	source = &jail->source[jail->sources++];
	import->sources++;
	if (jail->sources == 1)
		text_copy(source->name, sizeof(source->name), jail->own);
	else
		(void)snprintf(source->name, sizeof(source->name), "%.28s-%u", jail->own,
			       jail->sources);
	return source;
}

static void builtin_add(struct import_jail *jail, const char *name, bool journal)
{
	struct import_source *source;

	for (unsigned int i = 0; i < jail->sources; i++)
		if (!strcmp(jail->source[i].name, name))
			return;
	if (jail->sources == IMPORT_PATHS_MAX)
		return;
	source = &jail->source[jail->sources++];
	source->builtin = true;
	source->journal = journal;
	text_copy(source->name, sizeof(source->name), name);
	text_copy(source->filter, sizeof(source->filter), jail->service);
}

/* The words have to be journalctl's: FIELD=VALUE and +. */
static bool match_valid(const char *match)
{
	static const char field[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

	if (import_has_control(match))
		return false;
	while (*match) {
		size_t len = strcspn(match, " ");
		size_t name = strspn(match, field);

		if (!(len == 1 && *match == '+') && (!name || match[name] != '='))
			return false;
		match += len;
		match += strspn(match, " ");
	}
	return true;
}

/* fallback: what to read where neither jail nor filter says it. */
static void journal_match(struct import *import, struct import_jail *jail, const char *fallback,
			  char ret[IMPORT_TEXT_MAX])
{
	struct import_value value;

	ret[0] = '\0';
	if (import_ask(import, jail, "journalmatch", NOTE_LOST, &value)) {
		if (import_match(value.text, ret) < 0 || !match_valid(ret)) {
			import_note(&jail->notes, NOTE_LOST, &value.place,
				    "journalmatch has quotes or something else than FIELD=VALUE");
			ret[0] = '\0';
		}
		import_value_done(&value);
	} else if (match_valid(jail->match)) {
		text_copy(ret, IMPORT_TEXT_MAX, jail->match);
	}
	if (!ret[0] && fallback)
		text_copy(ret, IMPORT_TEXT_MAX, fallback);
	if (!ret[0])
		import_note(&jail->notes, NOTE_DECIDE, &jail->place,
			    "the whole journal is read for it: give the source a match, such as "
			    "_SYSTEMD_UNIT=NAME.service");
}

static bool filter_for(struct import *import, struct import_jail *jail,
		       const struct filter_spec *spec, struct import_source *source)
{
	struct filter_spec own = *spec;
	char error[EVIDENCE_ERROR_MAX] = "";
	uint16_t index;

	if (source->journal && jail->logtype && !filter_spec_param(&own, "logtype") &&
	    own.params < CONFIG_PARAMS_MAX) {
		text_copy(own.param[own.params].name, CONFIG_NAME_MAX, "logtype");
		text_copy(own.param[own.params++].value, sizeof(own.param[0].value), "journal");
	}
	if (import_spec_text(&own, source->filter) &&
	    !filter_set_load(import->set, source->filter, &index, error))
		return true;
	import_note(&jail->notes, NOTE_REFUSED, &jail->place, "%s",
		    error[0] ? error : "the filter's parameters are too long");
	jail->refused = true;
	return false;
}

/* The journal's word counts for root, and for the account that a service is said to write as. */
static void writer_find(struct import *import, struct import_jail *jail)
{
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
		if (strcmp(jail->filter, writers[i].filter) != 0)
			continue;
		if (import->host->account(writers[i].account, import->host->arg)) {
			text_copy(jail->writer, sizeof(jail->writer), writers[i].account);
			return;
		}
		import_note(
			&jail->notes, NOTE_DECIDE, &jail->place,
			"%s writes into the journal as %s, and there is no such account here: its "
			"lines count once [service %s] has writer = ACCOUNT",
			jail->service, writers[i].account, jail->service);
		return;
	}
	if (!jail->shipped)
		import_note(
			&jail->notes, NOTE_DECIDE, &jail->place,
			"of the journal's lines those count that root wrote: if %s writes under "
			"an account of its own, give [service %s] a writer",
			jail->service, jail->service);
}

static void take_journal(struct import *import, struct import_jail *jail,
			 const struct filter_spec *spec, const char *fallback)
{
	struct import_source *source;

	if (is_builtin(jail)) {
		builtin_add(jail, "journal", true);
		return;
	}
	for (unsigned int i = 0; i < jail->sources; i++)
		if (jail->source[i].journal)
			return;
	source = source_add(import, jail);
	if (!source)
		return;
	source->journal = true;
	journal_match(import, jail, fallback, source->match);
	if (filter_for(import, jail, spec, source))
		writer_find(import, jail);
}

static bool path_fits(struct import_jail *jail, const char *path, const struct config_place *place)
{
	const char *why = NULL;

	if (path[0] != '/')
		why = "is not an absolute path";
	else if (strlen(path) >= IPC_PATH_MAX || import_has_control(path))
		why = "is too long, or holds a control character";
	else if (path[strlen(path) - 1] == '/')
		why = "is a folder";
	else if (path[strlen(path) - 1] == '\\')
		why = "ends in a backslash";
	if (why)
		import_note(&jail->notes, NOTE_LOST, place, "logpath %.200s %s", path, why);
	return !why;
}

static void own_file(struct import *import, struct import_jail *jail,
		     const struct filter_spec *spec, const char *path,
		     const struct import_look *look, const struct config_place *place)
{
	struct import_source *source = source_add(import, jail);

	if (!source || !filter_for(import, jail, spec, source))
		return;
	text_copy(source->path, sizeof(source->path), path);
	text_copy(source->service, sizeof(source->service), jail->service);
	text_copy(source->owner, sizeof(source->owner), look->owner);
	if (!look->files)
		import_note(&jail->notes, NOTE_DECIDE, place,
			    "%s is not there yet and waited for. Its lines count if only root can "
			    "write it then; if the service has an account of its own, set owner",
			    path);
	else if (look->shared)
		import_note(&jail->notes, NOTE_DECIDE, place,
			    "others than root and the owner can write %s, or a folder above it, so "
			    "its lines count for nothing until that is mended",
			    path);
	else if (look->owner[0])
		import_note(&jail->notes, NOTE_INFO, place,
			    "%s belongs to %s: whatever runs under that account can write it", path,
			    look->owner);
}

static void take_file(struct import *import, struct import_jail *jail,
		      const struct filter_spec *spec, const char *path,
		      const struct config_place *place)
{
	const char *match = syslog_match(path);
	struct import_look look = { 0 };
	struct import_source *source;

	if (is_builtin(jail) && match) {
		builtin_add(jail, "journal", true);
		builtin_add(jail, "auth-log", false);
		return;
	}
	import->host->look(path, &look, import->host->arg);
	if (!match && look.written_by[0])
		match = "";
	if (!match) {
		own_file(import, jail, spec, path, &look, place);
		return;
	}
	if (import->host->journal) {
		import_note(
			&jail->notes, NOTE_INFO, place,
			"%s is written by syslog%s%s for whoever asks it to. The journal has the "
			"same lines and vouches for who wrote them: it is read instead",
			path, look.written_by[0] ? ", says " : "", look.written_by);
		take_journal(import, jail, spec, match);
		return;
	}
	source = source_add(import, jail);
	if (!source || !filter_for(import, jail, spec, source))
		return;
	text_copy(source->path, sizeof(source->path), path);
	import_note(
		&jail->notes, NOTE_DECIDE, place,
		"%s is written by syslog%s%s for whoever asks it to, and there is no journal: its "
		"lines are claims and lock nobody out until they are accepted",
		path, look.written_by[0] ? ", says " : "", look.written_by);
}

/* fail2ban lists the files when it starts; bailiff looks for new ones, in one folder. */
static void take_pattern(struct import *import, struct import_jail *jail,
			 const struct filter_spec *spec, const char *path,
			 const struct config_place *place)
{
	const char *glob = strpbrk(path, "*?[");
	char found[IMPORT_PATHS_MAX][IPC_PATH_MAX];
	unsigned int count;

	if (!glob || !strchr(glob, '/')) {
		take_file(import, jail, spec, path, place);
		return;
	}
	count = import->host->expand(path, found, IMPORT_PATHS_MAX, import->host->arg);
	import_note(&jail->notes, count ? NOTE_DECIDE : NOTE_LOST, place,
		    "logpath %.200s has a wildcard before its last part, and bailiff follows those "
		    "in the last part only. Files that are there now, each named by itself: %u",
		    path, count);
	for (unsigned int i = 0; i < count && i < IMPORT_PATHS_MAX; i++)
		if (path_fits(jail, found[i], place) && !strpbrk(found[i], "*?["))
			take_file(import, jail, spec, found[i], place);
}

/* PATH, PATH head or PATH tail a line. Where to begin is bailiff's: where it left off. */
static void take_files(struct import *import, struct import_jail *jail,
		       const struct filter_spec *spec, const struct import_value *value)
{
	const char *at = value->text;

	while (*at) {
		size_t len = strcspn(at, "\n");
		char path[4096];
		char *end;

		text_copy_len(path, sizeof(path), at, len);
		at += len + (at[len] == '\n');
		for (end = path + strlen(path); end > path && strchr(" \t\r", end[-1]);)
			*--end = '\0';
		end = strrchr(path, ' ');
		if (end && (!strcmp(end + 1, "tail") || !strcmp(end + 1, "head")))
			*end = '\0';
		if (!path[0] || !path_fits(jail, path, &value->place))
			continue;
		take_pattern(import, jail, spec, path, &value->place);
	}
}

static bool wants_journal(struct import *import, struct import_jail *jail)
{
	struct import_value value;
	bool journal;

	if (!import_ask(import, jail, "backend", NOTE_LOST, &value))
		return false;
	journal = !strncasecmp(value.text, "systemd", 7);
	if (journal && strchr(value.text, '['))
		import_note(
			&jail->notes, NOTE_LOST, &value.place,
			"backend %.60s: which journal is read is not carried over; bailiff reads "
			"this host's",
			value.text);
	import_value_done(&value);
	return journal;
}

/* The sensors count a connection without a login whatever was written about it. */
static void sensed_mode(struct import_jail *jail, struct filter_spec *spec)
{
	const char *mode = filter_spec_param(spec, "mode");

	if (!mode)
		return;
	import_note(
		&jail->notes, NOTE_INFO, &jail->place,
		"mode=%s is not needed: the kernel tells of every connection that ends without a "
		"login, and each counts",
		mode);
	spec->params = 0;
}

/* What the log file would have held, where it is one of syslog's. */
static const char *logpath_match(struct import *import, const struct import_jail *jail)
{
	char error[EVIDENCE_ERROR_MAX];
	struct import_value value;
	const char *match;

	if (import_get(import, jail, "logpath", &value, error) <= 0)
		return NULL;
	value.text[strcspn(value.text, " \t\n")] = '\0';
	match = syslog_match(value.text);
	import_value_done(&value);
	return match;
}

int import_sources(struct import *import, struct import_jail *jail, struct filter_spec *spec)
{
	struct import_value value;

	jail->sensed = jail->shipped && !strcmp(jail->service, "sshd");
	if (jail->sensed)
		sensed_mode(jail, spec);
	if (wants_journal(import, jail)) {
		if (!import->host->journal)
			import_note(&jail->notes, NOTE_DECIDE, &jail->place,
				    "there is no journal here to read");
		take_journal(import, jail, spec, logpath_match(import, jail));
	} else if (import_ask(import, jail, "logpath", NOTE_REFUSED, &value)) {
		take_files(import, jail, spec, &value);
		import_value_done(&value);
	} else if (!jail->refused) {
		import_note(&jail->notes, NOTE_REFUSED, &jail->place,
			    "it has neither logpath nor backend = systemd");
		jail->refused = true;
	}
	if (!jail->sources && !jail->refused) {
		import_note(&jail->notes, NOTE_REFUSED, &jail->place,
			    "there is no log that bailiff could read for it");
		jail->refused = true;
	}
	return 0;
}
