/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A jail's numbers as a rule. bailiff counts exactly within the window, doubles (or more) where
 * fail2ban has a formula, and knows no lockout for good.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/import/import.h"

#define FOREVER_S (30ULL * 86400) /* longest_lockout as it is built in */
#define FAILURES_DEFAULT 5
#define TIME_DEFAULT_S 600 /* fail2ban's own, of both times */

/* Seconds of an option: 1, 0 where it is not there or wrong (noted), 2 for good (negative). */
static int ask_seconds(struct import *import, struct import_jail *jail, const char *name,
		       uint64_t *ret, struct config_place *ret_place)
{
	struct import_value value;
	double seconds;
	int r;

	if (!import_ask(import, jail, name, NOTE_LOST, &value))
		return 0;
	*ret_place = value.place;
	r = value.text[0] ? import_seconds(value.text, &seconds) : 1;
	if (r < 0)
		import_note(&jail->notes, NOTE_LOST, &value.place, "%s = %.60s is %s", name,
			    value.text, r == -ERANGE ? "over ten years" : "no length of time");
	import_value_done(&value);
	if (r)
		return 0;
	if (seconds < 0)
		return 2;
	*ret = (uint64_t)(seconds + 0.5);
	return 1;
}

static bool ask_yes(struct import *import, struct import_jail *jail, const char *name)
{
	struct import_value value;
	bool yes = false;

	if (!import_ask(import, jail, name, NOTE_LOST, &value))
		return false;
	if (value.text[0] && import_yes(value.text, &yes) < 0)
		import_note(&jail->notes, NOTE_LOST, &value.place, "%s is neither true nor false",
			    name);
	import_value_done(&value);
	return yes;
}

static void failures(struct import *import, struct import_jail *jail)
{
	struct import_value value;
	long number = FAILURES_DEFAULT;

	if (import_ask(import, jail, "maxretry", NOTE_LOST, &value)) {
		if (import_number(value.text, &number) < 0)
			import_note(&jail->notes, NOTE_LOST, &value.place,
				    "maxretry = %.60s is no number; %d is taken", value.text,
				    FAILURES_DEFAULT);
		else if (number > RULE_FAILURES_MAX)
			import_note(&jail->notes, NOTE_LOST, &value.place,
				    "maxretry = %ld becomes %d, the most that bailiff counts",
				    number, RULE_FAILURES_MAX);
		import_value_done(&value);
	}
	jail->failures = number < 1		      ? 1
			 : number > RULE_FAILURES_MAX ? RULE_FAILURES_MAX
						      : (uint32_t)number;
}

static void times(struct import *import, struct import_jail *jail)
{
	struct config_place place = { 0 };

	jail->window_s = jail->lockout_s = TIME_DEFAULT_S;
	if (ask_seconds(import, jail, "findtime", &jail->window_s, &place) == 2 || !jail->window_s)
		jail->window_s = TIME_DEFAULT_S;
	if (ask_seconds(import, jail, "bantime", &jail->lockout_s, &place) == 2) {
		jail->lockout_s = FOREVER_S;
		import_note(
			&jail->notes, NOTE_LOST, &place,
			"bantime = -1: every lockout of bailiff expires, so it becomes 30d, the "
			"longest that is built in");
	}
	if (!jail->lockout_s)
		jail->lockout_s = 1;
	if (jail->lockout_s > FOREVER_S)
		import_note(
			&jail->notes, NOTE_DECIDE, &place,
			"bantime is longer than longest_lockout in bailiff.conf (30d built in), "
			"which counts: raise it there if you want it");
}

/* To what a rule's factor can be. */
static uint32_t growth_clamp(double factor)
{
	if (!(factor > 1)) /* not a number as well */
		return 1;
	return factor > 100 ? 100 : (uint32_t)(factor + 0.5);
}

/* e^x; past 5 it is over what a rule takes. */
static double exponential(double x)
{
	double term = 1, sum = 1;

	if (!(x > 0))
		return 1;
	if (x > 5)
		x = 5;
	for (int n = 1; n < 32; n++) {
		term *= x / n;
		sum += term;
	}
	return sum;
}

/* "1 5 30 60": the first step tells how fast it grows, the last how far. */
static bool growth_by_list(struct import *import, struct import_jail *jail)
{
	struct import_value value;
	double first = 0, second = 0, last = 0;
	const char *at, *word;
	unsigned int count = 0;
	bool even = true;
	size_t len;

	if (!import_ask(import, jail, "bantime.multipliers", NOTE_LOST, &value))
		return false;
	for (at = value.text; import_word(&at, &word, &len); count++) {
		double number = strtod(word, NULL);

		if (count == 0)
			first = number;
		else if (count == 1)
			second = number;
		else if (number * first != last * second)
			even = false;
		last = number;
	}
	if (count > 1 && first > 0 && second > 0 && last > 0) {
		jail->factor = growth_clamp(second / first);
		if (last * (double)jail->lockout_s < (double)FOREVER_S)
			jail->longest_s = (uint64_t)(last * (double)jail->lockout_s + 0.5);
		if (!even)
			import_note(
				&jail->notes, NOTE_LOST, &value.place,
				"bantime.multipliers: bailiff multiplies by the same factor each "
				"time, here %u, the list's first step",
				jail->factor);
	}
	import_value_done(&value);
	return count > 1;
}

static void growth_by_formula(struct import *import, struct import_jail *jail)
{
	struct import_value value, scale;
	double factor = 1;
	bool scaled;

	jail->factor = 2;
	scaled = import_ask(import, jail, "bantime.factor", NOTE_LOST, &scale);
	if (scaled)
		factor = strtod(scale.text, NULL);
	if (import_ask(import, jail, "bantime.formula", NOTE_LOST, &value)) {
		if (strstr(value.text, "exp(") && strstr(value.text, "banFactor")) {
			jail->factor = growth_clamp(exponential(scaled ? factor : 1));
			factor = 1;
		} else if (!strstr(value.text, "<<")) {
			import_note(&jail->notes, NOTE_LOST, &value.place,
				    "bantime.formula is not understood; each lockout is twice as "
				    "long as the one before");
		}
		import_value_done(&value);
	}
	if (scaled && (factor < 0.999 || factor > 1.001))
		import_note(&jail->notes, NOTE_LOST, &scale.place,
			    "bantime.factor = %.40s: the first repetition is %u times as long, not "
			    "that much more",
			    scale.text, jail->factor);
	if (scaled)
		import_value_done(&scale);
}

static void growth(struct import *import, struct import_jail *jail)
{
	struct config_place place = { 0 };
	uint64_t seconds;
	int r;

	jail->factor = 1;
	jail->longest_s = jail->lockout_s;
	if (!ask_yes(import, jail, "bantime.increment")) {
		if (import->recidive_s) {
			jail->factor = 2;
			if (jail->longest_s < import->recidive_s)
				jail->longest_s = import->recidive_s;
		}
		return;
	}
	jail->longest_s = FOREVER_S;
	if (!growth_by_list(import, jail))
		growth_by_formula(import, jail);
	r = ask_seconds(import, jail, "bantime.maxtime", &seconds, &place);
	if (r == 1 && seconds)
		jail->longest_s = seconds;
	if (jail->longest_s < jail->lockout_s)
		jail->longest_s = jail->lockout_s;
	if (ask_seconds(import, jail, "bantime.rndtime", &seconds, &place) == 1 && seconds)
		import_note(&jail->notes, NOTE_LOST, &place,
			    "bantime.rndtime: lockouts have no random part");
}

void import_recidive(struct import *import, struct import_jail *jail)
{
	struct config_place place = { 0 };
	uint64_t seconds = TIME_DEFAULT_S;

	if (ask_seconds(import, jail, "bantime", &seconds, &place) == 2)
		seconds = FOREVER_S;
	import->recidive_s = seconds;
	jail->covered = true;
	import_note(
		&jail->notes, NOTE_INFO, &jail->place,
		"bailiff remembers lockouts by itself: the other jails' rules get factor = 2 and "
		"this jail's bantime as longest, where they do not grow already");
}

static bool rule_taken(const struct import *import, const char *id)
{
	for (unsigned int i = 0; i < import->jails; i++)
		if (!strcmp(import->jail[i].rule, id))
			return true;
	return false;
}

/* bailiff's own rule for the service would go on counting beside the jail's. */
static void rule_name(struct import *import, struct import_jail *jail)
{
	const struct rule_set *rules = import->shipped_rules;

	for (unsigned int i = 0; rules && i < rules->count && !jail->replaces[0]; i++) {
		const struct rule *rule = &rules->rule[i];

		if (rule->subject == SUBJECT_ADDRESS && !strcmp(rule->service, jail->service) &&
		    !rule_taken(import, rule->id))
			text_copy(jail->replaces, sizeof(jail->replaces), rule->id);
	}
	text_copy(jail->rule, sizeof(jail->rule), jail->replaces[0] ? jail->replaces : jail->own);
}

int import_rule(struct import *import, struct import_jail *jail)
{
	failures(import, jail);
	times(import, jail);
	growth(import, jail);
	rule_name(import, jail);
	jail->trust = jail->sensed ? TRUST_WITNESSED : TRUST_ATTESTED;
	return 0;
}
