/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A filter file, then (behind a line "--") log lines. Files are the administrator's, but they are
 * copied from anywhere: whatever one holds, loading ends, an error names a place, and no line takes
 * long. Literals only save work: without them the same comes out.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/evidence/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void literals_off(struct filter_set *set)
{
	struct filter *filter = set->filter[0];

	set->gates = false;
	filter->prefix.regex.needs.count = filter->prefix.regex.prefix.len = 0;
	for (unsigned int i = 0; i < filter->fails; i++)
		filter->fail[i].regex.needs.count = filter->fail[i].regex.prefix.len = 0;
	for (unsigned int i = 0; i < filter->ignores; i++)
		filter->ignore[i].regex.needs.count = filter->ignore[i].regex.prefix.len = 0;
}

static bool claim_equal(const struct claim *a, const struct claim *b)
{
	return a->result == b->result && addr_equal(&a->addr, &b->addr) && a->port == b->port &&
	       a->pid == b->pid && a->count == b->count && a->form == b->form &&
	       !strcmp(a->user, b->user) && !strcmp(a->line, b->line);
}

static int on_record(const struct log_record *record, void *arg)
{
	struct filter_set **sets = arg;
	struct claim with, without;
	enum filter_outcome a, b;

	memset(&with, 0, sizeof(with));
	memset(&without, 0, sizeof(without));
	a = filter_match(sets[0], 0, record, &with);
	b = filter_match(sets[1], 0, record, &without);
	/* A literal may spare an expression that would have hit its limit: no match either way. */
	if (a != b || !claim_equal(&with, &without))
		abort();
	return 0;
}

static int load(struct filter_set **ret, const char *text, size_t len)
{
	static const char include[] = "[DEFAULT]\n_daemon = \\S+\n__prefix_line = \\s*(?:\\S+\\s+)?"
				      "<_daemon>(?:\\[\\d+\\])?:?\\s+\n";
	char error[EVIDENCE_ERROR_MAX] = "";
	uint16_t index;
	int r;

	if (filter_set_new(ret) ||
	    filter_set_add_file(*ret, "common.conf", include, strlen(include)))
		abort();
	r = filter_set_add_file(*ret, "a.conf", text, len);
	if (!r)
		r = filter_set_load(*ret, "a[mode=normal]", &index, error);
	if (r && r != -EFBIG && (!error[0] || !memchr(error, '\0', sizeof(error))))
		abort();
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *lines = size ? memmem(text, size, "\n--\n", 4) : NULL;
	size_t len = lines ? (size_t)(lines - text) + 1 : size;
	struct filter_set *sets[2] = { NULL, NULL };
	struct log_reader *reader;

	if (load(&sets[0], text, len) == 0 && load(&sets[1], text, len) == 0) {
		literals_off(sets[1]);
		if (log_reader_new(&reader, 1, LOG_LINES))
			abort();
		if (lines && log_reader_feed(reader, lines + 4, size - len - 3, 1, on_record, sets))
			abort();
		if (log_reader_feed(reader, "\n", 1, 1, on_record, sets))
			abort();
		log_reader_free(reader);
	}
	filter_set_free(sets[0]);
	filter_set_free(sets[1]);
	return 0;
}
