/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The plan for people, a paragraph a jail, and for programs, an object a line. All that comes from
 * the files is made safe for a terminal.
 */
#include <string.h>

#include "analyst/import/import.h"
#include "base/json.h"

#define WIDTH 100
#define INDENT 11
#define LINE_MAX_BYTES 4096

static const char *const kinds[] = {
	[NOTE_REFUSED] = "refused",
	[NOTE_LOST] = "lost",
	[NOTE_DECIDE] = "decide",
	[NOTE_INFO] = "note",
};
_Static_assert(ARRAY_SIZE(kinds) == NOTE_KIND_MAX, "kinds of notes");

static const char *result_of(const struct import_jail *jail)
{
	return !jail->enabled && !jail->refused ? "disabled"
	       : jail->refused			? "refused"
	       : jail->covered			? "covered"
						: "imported";
}

static const char *trust_of(const struct import_jail *jail)
{
	return jail->trust == TRUST_WITNESSED ? "witnessed" : "attested";
}

/* ---- text ---- */

/* "  label   text", broken at blanks. */
static void put_line(struct buf *out, const char *label, const char *text)
{
	struct buf safe = BUF_INIT(LINE_MAX_BYTES);
	size_t column = INDENT;
	const char *at;

	buf_put_safe(&safe, text, strlen(text));
	buf_printf(out, "  %-8s", label);
	for (at = safe.data ? safe.data : ""; *at;) {
		size_t len = strcspn(at, " ");

		if (column > INDENT && column + 1 + len > WIDTH) {
			buf_printf(out, "\n%*s", INDENT - 1, "");
			column = INDENT;
		}
		buf_putc(out, ' ');
		buf_add(out, at, len);
		column += len + 1;
		at += len;
		at += strspn(at, " ");
	}
	buf_putc(out, '\n');
	buf_done(&safe);
}

static void put_note(struct buf *out, const struct import_note *note)
{
	struct buf text = BUF_INIT(LINE_MAX_BYTES);

	if (note->file[0] && note->line)
		buf_printf(&text, "%s:%u: ", note->file, note->line);
	else if (note->file[0])
		buf_printf(&text, "%s: ", note->file);
	buf_puts(&text, note->text);
	put_line(out, kinds[note->kind], text.data ? text.data : "");
	buf_done(&text);
}

static void put_notes(struct buf *out, const struct import_notes *notes)
{
	for (int kind = NOTE_REFUSED; kind < NOTE_KIND_MAX; kind++)
		for (unsigned int i = 0; i < notes->count; i++)
			if (notes->note[i].kind == (enum import_note_kind)kind)
				put_note(out, &notes->note[i]);
	if (notes->left_out)
		buf_printf(out, "  (%u further notes are left out)\n", notes->left_out);
}

static void put_source(struct buf *out, const struct import_source *source, const char *writer)
{
	struct buf text = BUF_INIT(LINE_MAX_BYTES);

	if (source->builtin)
		buf_printf(&text, "%s, as built in", source->name);
	else if (source->journal)
		buf_printf(&text, "the journal%s%s, filter %s%s%s", source->match[0] ? ", " : "",
			   source->match, source->filter, writer[0] ? ", written by " : "", writer);
	else
		buf_printf(&text, "%s, filter %s%s%s%s", source->path, source->filter,
			   source->service[0] ? "" : " (text only)",
			   source->owner[0] ? ", written by " : "", source->owner);
	put_line(out, "reads", text.data ? text.data : "");
	buf_done(&text);
}

static void put_rule(struct buf *out, const struct import_jail *jail)
{
	char window[IMPORT_TIME_MAX], lockout[IMPORT_TIME_MAX], longest[IMPORT_TIME_MAX];
	struct buf text = BUF_INIT(LINE_MAX_BYTES);

	import_time(jail->window_s, window);
	import_time(jail->lockout_s, lockout);
	import_time(jail->longest_s, longest);
	buf_printf(&text, "%u %s failure%s of %s in %s lock%s the address out for %s",
		   jail->failures, trust_of(jail), jail->failures == 1 ? "" : "s", jail->service,
		   window, jail->failures == 1 ? "s" : "", lockout);
	if (jail->factor > 1)
		buf_printf(&text, ", each further time %u times as long, at most %s", jail->factor,
			   longest);
	if (jail->replaces[0])
		buf_printf(&text, " (takes the place of rule %s)", jail->replaces);
	put_line(out, "rule", text.data ? text.data : "");
	buf_done(&text);
}

static void put_ports(struct buf *out, const struct import_jail *jail)
{
	struct buf text = BUF_INIT(LINE_MAX_BYTES);

	if (!jail->ports)
		return;
	for (unsigned int i = 0; i < jail->ports; i++)
		buf_printf(&text, "%s%u", i ? " " : "", jail->port[i]);
	put_line(out, "ports", text.data ? text.data : "");
	buf_done(&text);
}

static void put_jail(struct buf *out, const struct import_jail *jail)
{
	buf_putc(out, '\n');
	buf_put_safe(out, jail->name, strlen(jail->name));
	if (jail->place.file) {
		buf_puts(out, "  (");
		buf_put_safe(out, jail->place.file, strlen(jail->place.file));
		buf_printf(out, ":%u)", jail->place.line);
	}
	buf_printf(out, "%s\n", jail->enabled || jail->refused ? "" : "  disabled");
	for (unsigned int i = 0; i < jail->sources; i++)
		put_source(out, &jail->source[i], jail->writer);
	if (jail->rule[0] && !jail->refused) {
		put_rule(out, jail);
		put_ports(out, jail);
	}
	put_notes(out, &jail->notes);
}

static void put_exempt(struct buf *out, const struct import *import)
{
	char text[ADDR_TEXT_MAX];
	struct buf line = BUF_INIT(LINE_MAX_BYTES);

	if (!import->exempts)
		return;
	for (unsigned int i = 0; i < import->exempts; i++) {
		addr_format(&import->exempt[i].net, text);
		buf_printf(&line, "%s%s", i ? " " : "", text);
	}
	buf_puts(out, "\nnever locked out\n");
	put_line(out, "exempt", line.data ? line.data : "");
	buf_done(&line);
}

static void show_text(const struct import *import, bool all, struct buf *out)
{
	unsigned int refused = 0;

	for (unsigned int i = 0; i < import->jails; i++)
		refused += import->jail[i].refused;
	buf_put_safe(out, import->folder, strlen(import->folder));
	buf_printf(out, ": %u of %u jails enabled", import->enabled, import->jails);
	if (refused)
		buf_printf(out, ", %u of them refused", refused);
	buf_putc(out, '\n');
	put_notes(out, &import->notes);
	for (unsigned int i = 0; i < import->jails; i++)
		if (all || import->jail[i].enabled || import->jail[i].refused)
			put_jail(out, &import->jail[i]);
	put_exempt(out, import);
}

/* ---- JSON ---- */

static void json_notes(struct json_writer *w, const struct import_notes *notes)
{
	json_array(w, "notes");
	for (unsigned int i = 0; i < notes->count; i++) {
		const struct import_note *note = &notes->note[i];

		json_object(w, NULL);
		json_string(w, "kind", kinds[note->kind]);
		json_string(w, "text", note->text);
		if (note->file[0])
			json_string(w, "file", note->file);
		if (note->line)
			json_u64(w, "line", note->line);
		json_end_object(w);
	}
	json_end_array(w);
}

static void json_sources(struct json_writer *w, const struct import_jail *jail)
{
	json_array(w, "sources");
	for (unsigned int i = 0; i < jail->sources; i++) {
		const struct import_source *source = &jail->source[i];

		json_object(w, NULL);
		json_string(w, "name", source->name);
		json_bool(w, "builtin", source->builtin);
		if (source->path[0])
			json_string(w, "file", source->path);
		else
			json_bool(w, "journal", source->journal);
		if (source->match[0])
			json_string(w, "match", source->match);
		json_string(w, "filter", source->filter);
		if (source->service[0])
			json_string(w, "service", source->service);
		if (source->owner[0])
			json_string(w, "owner", source->owner);
		json_end_object(w);
	}
	json_end_array(w);
}

static void json_rule(struct json_writer *w, const struct import_jail *jail)
{
	json_object(w, "rule");
	json_string(w, "id", jail->rule);
	json_string(w, "service", jail->service);
	if (jail->rule_source[0])
		json_string(w, "source", jail->rule_source);
	json_u64(w, "failures", jail->failures);
	json_u64(w, "window", jail->window_s);
	json_u64(w, "lockout", jail->lockout_s);
	json_u64(w, "factor", jail->factor);
	json_u64(w, "longest", jail->longest_s);
	json_string(w, "trust", trust_of(jail));
	json_end_object(w);
	json_array(w, "ports");
	for (unsigned int i = 0; i < jail->ports; i++)
		json_u64(w, NULL, jail->port[i]);
	json_end_array(w);
}

static void json_jail(const struct import_jail *jail, struct buf *out)
{
	struct json_writer w;

	json_begin(&w, out);
	json_object(&w, NULL);
	json_string(&w, "jail", jail->name);
	json_string(&w, "result", result_of(jail));
	if (jail->place.file) {
		json_string(&w, "file", jail->place.file);
		json_u64(&w, "line", jail->place.line);
	}
	json_sources(&w, jail);
	if (jail->writer[0])
		json_string(&w, "writer", jail->writer);
	if (jail->rule[0] && !jail->refused)
		json_rule(&w, jail);
	json_notes(&w, &jail->notes);
	json_end_object(&w);
	buf_putc(out, '\n');
}

static void show_json(const struct import *import, bool all, struct buf *out)
{
	char text[ADDR_TEXT_MAX];
	struct json_writer w;

	for (unsigned int i = 0; i < import->jails; i++)
		if (all || import->jail[i].enabled || import->jail[i].refused)
			json_jail(&import->jail[i], out);
	json_begin(&w, out);
	json_object(&w, NULL);
	json_string(&w, "folder", import->folder);
	json_u64(&w, "jails", import->jails);
	json_u64(&w, "enabled", import->enabled);
	json_array(&w, "exempt");
	for (unsigned int i = 0; i < import->exempts; i++) {
		addr_format(&import->exempt[i].net, text);
		json_string(&w, NULL, text);
	}
	json_end_array(&w);
	json_notes(&w, &import->notes);
	json_end_object(&w);
	buf_putc(out, '\n');
}

void import_show(const struct import *import, const struct import_show *show, struct buf *out)
{
	if (show->json)
		show_json(import, show->all, out);
	else
		show_text(import, show->all, out);
}
