/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads rule files. A file is taken whole or not at all: a rule that lost one of its lines would
 * be another rule.
 */
#include "analyst/rules/rules.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bailiff/words.h>

#include "analyst/sensor/sensor.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/ini.h"

#define LONGEST_DEFAULT_S (7ULL * 24 * 3600)

struct reading {
	struct rule rule;
	bool section;
	bool subject, action; /* the file says which */
};

/* Those from first to last are a rule's to choose. */
static int word_find(const char *(*word)(uint32_t), uint32_t first, uint32_t last,
		     const struct ini_entry *entry, char error[INI_ERROR_MAX])
{
	size_t used;

	for (uint32_t i = first; i <= last; i++)
		if (!strcmp(word(i), entry->value))
			return (int)i;
	used = (size_t)snprintf(error, INI_ERROR_MAX, "%s is not one of", entry->key);
	for (uint32_t i = first; i <= last && used < INI_ERROR_MAX; i++)
		used += (size_t)snprintf(error + used, INI_ERROR_MAX - used, " %s", word(i));
	return -EINVAL;
}

static int number_parse(const struct ini_entry *entry, unsigned long least, unsigned long most,
			uint32_t *ret, char error[INI_ERROR_MAX])
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(entry->value, &end, 10);
	if (!isdigit((unsigned char)entry->value[0]) || *end || errno || value < least ||
	    value > most) {
		(void)snprintf(error, INI_ERROR_MAX, "%s wants a number from %lu to %lu",
			       entry->key, least, most);
		return -EINVAL;
	}
	*ret = (uint32_t)value;
	return 0;
}

static int time_parse(const struct ini_entry *entry, uint64_t *ret_seconds,
		      char error[INI_ERROR_MAX])
{
	uint64_t seconds;

	if (duration_parse(entry->value, &seconds) < 0 || !seconds) {
		(void)snprintf(error, INI_ERROR_MAX,
			       "%s wants a length of time, such as 90, 10m, 1h 30m, 1w",
			       entry->key);
		return -EINVAL;
	}
	*ret_seconds = seconds;
	return 0;
}

/* Ids stand in records, metrics and other people's scripts: no blanks, no quoting ever needed. */
static int name_parse(const struct ini_entry *entry, char *to, size_t size,
		      char error[INI_ERROR_MAX])
{
	size_t len = strlen(entry->value);

	for (size_t i = 0; i < len; i++) {
		char c = entry->value[i];

		if (!isalnum((unsigned char)c) && c != '-' && c != '_' && c != '.') {
			len = 0;
			break;
		}
	}
	if (!len || len >= size) {
		(void)snprintf(error, INI_ERROR_MAX,
			       "%s wants 1 to %zu letters, digits, '-', '_' or '.'", entry->key,
			       size - 1);
		return -EINVAL;
	}
	text_copy(to, size, entry->value);
	return 0;
}

static int signals_parse(const struct ini_entry *entry, uint32_t *ret, char error[INI_ERROR_MAX])
{
	const char *at = entry->value;

	while (*(at += strspn(at, " \t"))) {
		size_t len = strcspn(at, " \t");
		uint32_t what = 1;

		while (what < BL_SIGNAL_MAX && (strlen(sensor_signal_names[what]) != len ||
						strncmp(sensor_signal_names[what], at, len) != 0))
			what++;
		if (what == BL_SIGNAL_MAX) {
			(void)snprintf(error, INI_ERROR_MAX,
				       "'%.*s' is not a signal; bailiff-rules(5) names them",
				       len > 40 ? 40 : (int)len, at);
			return -EINVAL;
		}
		*ret |= 1U << what;
		at += len;
	}
	if (*ret)
		return 0;
	(void)snprintf(error, INI_ERROR_MAX, "signal wants the names of signals");
	return -EINVAL;
}

static int entry_read(const struct ini_entry *entry, void *arg, char error[INI_ERROR_MAX])
{
	struct reading *reading = arg;
	struct rule *rule = &reading->rule;
	uint64_t seconds;
	int r;

	if (strcmp(entry->section, "rule")) {
		(void)snprintf(error, INI_ERROR_MAX,
			       "unknown section [%.40s]; a rule file has one section, [rule]",
			       entry->section);
		return -EINVAL;
	}
	reading->section = true;

	if (!strcmp(entry->key, "id"))
		return name_parse(entry, rule->id, sizeof(rule->id), error);
	if (!strcmp(entry->key, "service"))
		return name_parse(entry, rule->service, sizeof(rule->service), error);
	if (!strcmp(entry->key, "filter"))
		return name_parse(entry, rule->filter, sizeof(rule->filter), error);
	if (!strcmp(entry->key, "source"))
		return name_parse(entry, rule->source, sizeof(rule->source), error);
	if (!strcmp(entry->key, "title")) {
		text_copy(rule->title, sizeof(rule->title), entry->value);
		return 0;
	}
	if (!strcmp(entry->key, "signal"))
		return signals_parse(entry, &rule->signals, error);
	if (!strcmp(entry->key, "failures") || !strcmp(entry->key, "count"))
		return number_parse(entry, 1, RULE_FAILURES_MAX, &rule->failures, error);
	if (!strcmp(entry->key, "factor"))
		return number_parse(entry, 1, 100, &rule->factor, error);
	if (!strcmp(entry->key, "window")) {
		r = time_parse(entry, &seconds, error);
		if (r >= 0)
			rule->window_ns = seconds * NSEC_PER_SEC;
		return r;
	}
	if (!strcmp(entry->key, "lockout"))
		return time_parse(entry, &rule->lockout_s, error);
	if (!strcmp(entry->key, "longest"))
		return time_parse(entry, &rule->longest_s, error);
	if (!strcmp(entry->key, "subject")) {
		r = word_find(bl_word_subject, SUBJECT_ADDRESS, SUBJECT_HOST, entry, error);
		if (r >= 0)
			rule->subject = (enum subject_kind)r;
		reading->subject = true;
		return r < 0 ? r : 0;
	}
	if (!strcmp(entry->key, "action")) {
		r = word_find(bl_word_action, ACTION_OBSERVE, ACTION_TERMINATE, entry, error);
		if (r >= 0)
			rule->action = (enum action)r;
		reading->action = true;
		return r < 0 ? r : 0;
	}
	if (!strcmp(entry->key, "trust")) {
		r = word_find(bl_word_trust, TRUST_CLAIMED, TRUST_WITNESSED, entry, error);
		if (r >= 0)
			rule->trust = (enum trust)r;
		return r < 0 ? r : 0;
	}
	(void)snprintf(error, INI_ERROR_MAX,
		       "unknown key %.40s; known: id title service filter source signal failures "
		       "count window subject action lockout factor longest trust",
		       entry->key);
	return -EINVAL;
}

/* Their lines name whom somebody claims to be (or, of su, wants to be), before he proved it. */
static bool names_are_guesses(const char *name)
{
	static const char *const guessing[] = {
		"sshd",		  "sudo",	 "su",	    "pam",    "login",
		"systemd-logind", "dropbear",	 "cockpit", "vsftpd", "proftpd",
		"pure-ftpd",	  "postfix",	 "dovecot", "exim",   "nginx-http-auth",
		"apache-auth",	  "pam-generic",
	};

	for (size_t i = 0; i < ARRAY_SIZE(guessing); i++)
		if (!strcmp(name, guessing[i]))
			return true;
	return false;
}

static const char *user_flaw(const struct rule *rule)
{
	if (names_are_guesses(rule->service) || names_are_guesses(rule->filter))
		return "subject user is not for a service that checks passwords: whoever guesses "
		       "there chooses the name";
	if (rule->trust < TRUST_ATTESTED)
		return "subject user wants trust attested or witnessed: anybody can write a name";
	if (rule->factor > 1)
		return "factor does not go with subject user: its sessions are held once";
	return NULL;
}

static const char *signal_flaw(const struct rule *rule)
{
	if (rule->service[0] || rule->filter[0] || rule->source[0])
		return "signal does not go with service, filter or source";
	if (rule->subject != SUBJECT_SESSION && rule->subject != SUBJECT_HOST)
		return "signal goes with subject session or host only";
	return NULL;
}

static const char *attempt_flaw(const struct rule *rule)
{
	if (!rule->service[0] && !rule->filter[0])
		return "service is missing (or filter)";
	if (rule->action >= ACTION_QUARANTINE && rule->subject != SUBJECT_SESSION &&
	    rule->subject != SUBJECT_USER)
		return "actions quarantine, freeze and terminate go with subject session or user "
		       "only";
	return rule->subject == SUBJECT_USER ? user_flaw(rule) : NULL;
}

static const char *rule_flaw(const struct reading *reading)
{
	const struct rule *rule = &reading->rule;
	const char *flaw;

	if (!reading->section)
		return "no [rule] section";
	if (!rule->id[0])
		return "id is missing";
	flaw = rule->signals ? signal_flaw(rule) : attempt_flaw(rule);
	if (flaw)
		return flaw;
	if (!rule->failures)
		return rule->signals ? "count is missing" : "failures is missing";
	if (!rule->window_ns)
		return "window is missing";
	if (rule->action != ACTION_OBSERVE && !rule->lockout_s)
		return "lockout is missing";
	if (rule->longest_s < rule->lockout_s)
		return "longest is shorter than lockout";
	return NULL;
}

const char *rule_shortcoming(const struct rule *rule)
{
	if (rule->subject == SUBJECT_HOST && rule->action != ACTION_OBSERVE)
		return "is only recorded: a lockdown of the host is not there yet";
	return NULL;
}

int rules_add(struct rule_set *set, const char *name, const char *text, size_t len,
	      char error[RULES_ERROR_MAX])
{
	struct reading reading = {
		.rule = {
			.subject = SUBJECT_ADDRESS,
			.action = ACTION_LOCK,
			.trust = TRUST_WITNESSED,
			.factor = 1,
		},
	};
	const char *flaw;
	unsigned int at;
	int r;

	_Static_assert(RULES_ERROR_MAX >= INI_ERROR_MAX, "errors are passed on");
	r = ini_parse(name, text, len, entry_read, &reading, error);
	if (r < 0)
		return r;
	/* Of signals the kernel tells, so that all trust is the same; what is odd is not yet
	 * wrong. */
	if (reading.rule.signals && !reading.subject)
		reading.rule.subject = SUBJECT_SESSION;
	if (reading.rule.signals && !reading.action)
		reading.rule.action = ACTION_OBSERVE;
	if (!reading.rule.longest_s)
		reading.rule.longest_s = reading.rule.lockout_s > LONGEST_DEFAULT_S
						 ? reading.rule.lockout_s
						 : LONGEST_DEFAULT_S;
	flaw = rule_flaw(&reading);
	if (flaw) {
		(void)snprintf(error, RULES_ERROR_MAX, "%.180s: %s", name, flaw);
		return -EINVAL;
	}

	for (at = 0; at < set->count; at++)
		if (!strcmp(set->rule[at].id, reading.rule.id))
			break;
	if (at == RULES_MAX) {
		(void)snprintf(error, RULES_ERROR_MAX, "%.180s: more than %d rules", name,
			       RULES_MAX);
		return -E2BIG;
	}
	set->rule[at] = reading.rule;
	set->last = at;
	set->changes++;
	if (at == set->count)
		set->count++;
	return 0;
}
