/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Date patterns, one a line, then (behind a line "--") log lines. Patterns are copied from
 * anywhere: whatever one is, it is refused with a reason or reads lines in bounded time; a date's
 * place is in its line. The two layouts that are read by hand are read as their expressions would.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/evidence/date.h"
#include "analyst/evidence/evidence.h"

#define NEAR_NS 1795568400000000000ULL /* 2026-11-25T01:00:00Z */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct regex_memory memory;
static struct date_pool built_in = { .memory = &memory };
/* The layouts, and the same without what is read by hand. */
static struct date_list *layouts, *expressions;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char error[REGEX_ERROR_MAX];
	unsigned int line;

	(void)argc;
	(void)argv;
	if (setenv("TZ", "Europe/Berlin", 1) || regex_memory_new(&memory) ||
	    date_pool_get(&built_in, "", NULL, &layouts, &line, error) ||
	    date_pool_get(&built_in, "{DEFAULT}", NULL, &expressions, &line, error))
		abort();
	expressions->fast = false;
	return 0;
}

static bool same_date(const struct date *a, const struct date *b)
{
	return a->year == b->year && a->month == b->month && a->day == b->day &&
	       a->hour == b->hour && a->minute == b->minute && a->second == b->second &&
	       a->zoned == b->zoned && a->zone_s == b->zone_s && a->ns == b->ns &&
	       a->absolute == b->absolute && a->impossible == b->impossible;
}

static bool find(struct date_list *list, const struct log_record *record, struct date_place *ret,
		 struct date *ret_date)
{
	struct date_clock clock = { 0 };
	uint64_t first;

	if (!date_list_find(list, record->source, record->text, record->len, ret, ret_date))
		return false;
	if (ret->start >= ret->end || ret->end > record->len)
		abort();
	first = date_resolve(&clock, ret_date, NEAR_NS);
	if (date_resolve(&clock, ret_date, NEAR_NS) != first)
		abort();
	return true;
}

/* To remember the last line's second changes nothing. */
static void memo_check(const struct log_record *record)
{
	static struct date_memo memo;
	struct date_place place = { 0 }, again_place = { 0 };
	struct date date = { 0 }, again = { 0 };
	bool found = date_fast(record->text, record->len, &place, &date);

	if (date_fast_again(&memo, record->text, record->len, &again_place, &again) != found ||
	    (found && (place.start != again_place.start || place.end != again_place.end ||
		       !same_date(&date, &again))))
		abort();
}

static int on_record(const struct log_record *record, void *arg)
{
	struct date_list *own = arg;
	struct date_place place, other_place;
	struct date date, other;

	/* Without evidence there is no date. */
	memset(expressions->last, 0, sizeof(expressions->last));
	expressions->built_in = false;
	if (find(expressions, record, &place, &date) &&
	    date_evidence(record->text, record->len) >= place.end)
		abort();
	expressions->built_in = true;
	if (own)
		(void)find(own, record, &place, &date);
	(void)find(layouts, record, &place, &date);
	memset(expressions->last, 0, sizeof(expressions->last));
	memo_check(record);
	if (date_fast(record->text, record->len, &place, &date) &&
	    (!find(expressions, record, &other_place, &other) || other_place.start != place.start ||
	     other_place.end != place.end || !same_date(&date, &other)))
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct date_pool pool = { .memory = &memory };
	const char *text = (const char *)data;
	const char *lines = size ? memmem(text, size, "\n--\n", 4) : NULL;
	size_t len = lines ? (size_t)(lines - text) : 0;
	char *patterns = strndup(text, len);
	char error[REGEX_ERROR_MAX] = "";
	struct date_list *own = NULL;
	struct log_reader *reader;
	unsigned int line;

	if (!patterns)
		abort();
	if (len && date_pool_get(&pool, patterns, NULL, &own, &line, error) < 0 &&
	    (!error[0] || !memchr(error, '\0', sizeof(error))))
		abort();
	lines = lines ? lines + 4 : text;
	if (log_reader_new(&reader, 1, LOG_LINES) ||
	    log_reader_feed(reader, lines, size - (size_t)(lines - text), 1, on_record, own) ||
	    log_reader_feed(reader, "\n", 1, 1, on_record, own))
		abort();
	log_reader_free(reader);
	date_pool_done(&pool);
	free(patterns);
	return 0;
}
