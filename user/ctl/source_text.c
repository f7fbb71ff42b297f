/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a log source does, in words and as JSON.
 */
#include "ctl/source_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "ctl/output.h"

static const char *const kinds[] = {
	[IPC_SOURCE_FILE] = "file",
	[IPC_SOURCE_JOURNAL] = "journal",
	[IPC_SOURCE_SYSLOG] = "syslog",
	[IPC_SOURCE_AUDIT] = "audit",
};
_Static_assert(ARRAY_SIZE(kinds) == IPC_SOURCE_KIND_MAX, "a word for every kind");

static const char *const states[] = {
	[SOURCE_OK] = "ok",	    [SOURCE_WAITING] = "waiting",   [SOURCE_SILENT] = "silent",
	[SOURCE_BEHIND] = "behind", [SOURCE_VANISHED] = "vanished", [SOURCE_REFUSED] = "refused",
};
_Static_assert(ARRAY_SIZE(states) == SOURCE_STATE_MAX, "a word for every state");

/* bailiffd has checked both; a newer one may know more. */
static const char *kind_of(const struct ipc_source_status *source)
{
	return source->kind < IPC_SOURCE_KIND_MAX && kinds[source->kind] ? kinds[source->kind]
									 : "unknown";
}

static const char *state_of(const struct ipc_source_status *source)
{
	return source->state < SOURCE_STATE_MAX && states[source->state] ? states[source->state]
									 : "unknown";
}

static void put_count(struct buf *out, bool colour, uint64_t count, const char *what)
{
	char text[64];

	if (!count)
		return;
	(void)snprintf(text, sizeof(text), ", %" PRIu64 " %s", count, what);
	output_put(out, colour, COLOUR_YELLOW, text, 0);
}

void source_put_text(struct buf *out, bool colour, const struct ipc_source_status *source,
		     uint64_t now_boot_ns)
{
	bool good = source->state == SOURCE_OK || source->state == SOURCE_WAITING;
	char age[CLOCK_TEXT_MAX];

	output_put(out, colour, COLOUR_BOLD, kind_of(source), 12);
	output_put(out, false, COLOUR_PLAIN, source->path, 0);
	buf_puts(out, ": ");
	output_put(out, colour, good ? COLOUR_PLAIN : COLOUR_YELLOW, state_of(source), 0);
	buf_printf(out, ", %" PRIu64 " record%s, %" PRIu64 " bytes", (uint64_t)source->records,
		   source->records == 1 ? "" : "s", (uint64_t)source->bytes);
	if (source->last_boot_ns && now_boot_ns > source->last_boot_ns) {
		duration_format((now_boot_ns - source->last_boot_ns) / NSEC_PER_SEC, age);
		buf_printf(out, ", last %s ago", age);
	}
	put_count(out, colour, source->behind, "bytes behind");
	put_count(out, colour, source->cut, "cut");
	put_count(out, colour, source->replaced, "with bytes replaced");
	put_count(out, colour, source->malformed, "malformed");
	put_count(out, colour, source->dropped, "dropped by the kernel");
	put_count(out, colour, source->skipped, "bytes skipped");
	put_count(out, colour, source->gaps, "gaps of unknown size");
	put_count(out, colour, source->floods, "floods");
	put_count(out, false, source->past_years, "stamps of a past year");
	put_count(out, false, source->rotations, "rotations");
	buf_putc(out, '\n');
	if (!source->text[0])
		return;
	output_put(out, false, COLOUR_PLAIN, "", 12);
	output_put(out, colour, good ? COLOUR_PLAIN : COLOUR_YELLOW, source->text, 0);
	buf_putc(out, '\n');
}

void source_put_json(struct json_writer *w, const struct ipc_source_status *source,
		     uint64_t now_boot_ns, uint64_t now_wall_ns)
{
	uint64_t age = now_boot_ns > source->last_boot_ns ? now_boot_ns - source->last_boot_ns : 0;

	json_object(w, NULL);
	json_u64(w, "id", source->id);
	json_string(w, "kind", kind_of(source));
	json_string(w, "path", source->path);
	json_string(w, "state", state_of(source));
	json_string(w, "text", source->text);
	json_u64(w, "records", source->records);
	json_u64(w, "bytes", source->bytes);
	json_u64(w, "behind", source->behind);
	json_u64(w, "cut", source->cut);
	json_u64(w, "replaced", source->replaced);
	json_u64(w, "malformed", source->malformed);
	json_u64(w, "dropped", source->dropped);
	json_u64(w, "skipped", source->skipped);
	json_u64(w, "gaps", source->gaps);
	json_u64(w, "floods", source->floods);
	json_u64(w, "past_years", source->past_years);
	json_u64(w, "rotations", source->rotations);
	output_json_time(w, "last", source->last_boot_ns ? now_wall_ns - age : 0);
	json_end_object(w);
}

void filter_put_text(struct buf *out, bool colour, const struct ipc_filter_status *filter)
{
	output_put(out, colour, COLOUR_BOLD, "filter", 12);
	output_put(out, false, COLOUR_PLAIN, filter->filter, 0);
	buf_puts(out, ": ");
	output_put(out, colour, COLOUR_YELLOW, "too slow", 0);
	buf_printf(out, ", %" PRIu64 " line%s given up on, last at ", (uint64_t)filter->limits,
		   filter->limits == 1 ? "" : "s");
	output_put(out, false, COLOUR_PLAIN, filter->file, 0);
	buf_printf(out, ":%u\n", filter->line);
}

void filter_put_json(struct json_writer *w, const struct ipc_filter_status *filter)
{
	json_object(w, NULL);
	json_string(w, "filter", filter->filter);
	json_u64(w, "regex_limit", filter->limits);
	json_string(w, "file", filter->file);
	json_u64(w, "line", filter->line);
	json_end_object(w);
}
