/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffctl import fail2ban: what each jail of a fail2ban configuration becomes here.
 *
 *   files -> jails (import/jails.c, import/values.c) -> plan (import/plan.c, import/source.c,
 *   import/filter.c) -> text, JSON (import/show.c) or files (import/write.c)
 *
 * Private to import*.c. Nothing is guessed in silence: what a jail says and bailiff does not do is
 * a note with the file and line that says so. One jail's mistakes do not touch the others.
 */
#ifndef ANALYST_IMPORT_H
#define ANALYST_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyst/evidence/evidence.h"
#include "analyst/evidence/filter_config.h"
#include "analyst/rules/rules.h"
#include "base/addr.h"
#include "base/buf.h"
#include "base/cleanup.h"

#define IMPORT_JAILS_MAX 512
#define IMPORT_NOTES_MAX 64 /* of one jail, and of what belongs to none */
#define IMPORT_PATHS_MAX 16 /* log files of one jail */
#define IMPORT_PORTS_MAX 64
#define IMPORT_LISTS_MAX 16 /* files of ignoreip in all jails together */
#define IMPORT_EXEMPT_MAX 1024 /* as many as bailiff.conf takes */
#define IMPORT_FILES_MAX 512 /* that are written */
#define IMPORT_TEXT_MAX 512
#define IMPORT_SOURCES_MAX 112 /* of all jails; bailiff.conf takes 128 */

/* ---- files (import/files.c) ---- */

struct import_files {
	/* fail2ban's */
	struct filter_files jails; /* names relative to the folder: "jail.d/x.conf" */
	struct filter_files filters; /* relative to filter.d */
	struct filter_files shipped; /* bailiff's own filters */
};

int import_files_add(struct filter_files *files, const char *name, const char *text, size_t len);
void import_files_done(struct import_files *files);

/* ---- notes ---- */

enum import_note_kind {
	NOTE_REFUSED = 1, /* why there is nothing to be made of the jail, or of the file */
	NOTE_LOST, /* is not carried over */
	NOTE_DECIDE, /* somebody has to */
	NOTE_INFO,
	NOTE_KIND_MAX,
};

struct import_note {
	enum import_note_kind kind;
	char text[IMPORT_TEXT_MAX];
	char file[IPC_PATH_MAX]; /* "" = no place */
	unsigned int line;
};

struct import_notes {
	unsigned int count;
	unsigned int left_out; /* did not fit */
	struct import_note *note;
};

void import_note(struct import_notes *notes, enum import_note_kind kind,
		 const struct config_place *place, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void import_notes_done(struct import_notes *notes);

/* ---- jails (import/jails.c) ---- */

/* An option's text without marks, and where its first line stands. */
struct import_value {
	char *text; /* NULL: not there */
	struct config_place place;
};

/* What a source of log text becomes: a section of bailiff.conf, or one that is there already. */
struct import_source {
	char name[IPC_NAME_MAX];
	bool builtin;
	bool journal;
	char path[IPC_PATH_MAX];
	char match[IMPORT_TEXT_MAX]; /* journalctl's words, "" = all entries */
	char filter[IPC_FILTER_MAX];
	char service[IPC_NAME_MAX]; /* "" = text only */
	char owner[IPC_USER_MAX];
};

struct import_jail {
	char name[CONFIG_NAME_MAX];
	char own[IPC_NAME_MAX]; /* "fail2ban-NAME": what sections, rules and files are called */
	struct config_place place;
	bool enabled;
	bool refused;
	bool covered; /* bailiff does it by itself, without a rule */
	struct import_notes notes;

	char filter[CONFIG_NAME_MAX]; /* fail2ban's name */
	char service[IPC_NAME_MAX]; /* bailiff's: what an attempt is counted for */
	bool shipped; /* bailiff's own filter is used */
	bool sensed; /* the kernel's outcome decides */
	bool logtype; /* the filter tells lines of files from those of the journal */
	char match[IMPORT_TEXT_MAX]; /* of the filter: journalctl's words, "" = none */
	struct import_source source[IMPORT_PATHS_MAX];
	unsigned int sources;
	char writer[IPC_USER_MAX]; /* as whom the service writes into the journal, "" = root */
	uint16_t port[IMPORT_PORTS_MAX];
	unsigned int ports;
	bool ports_partial; /* it may listen elsewhere, too */

	char rule[IPC_RULE_MAX];
	char replaces[IPC_RULE_MAX]; /* shipped rule, "" = none */
	char rule_source[IPC_NAME_MAX]; /* only this source's attempts count, "" = the service's */
	uint32_t failures;
	uint64_t window_s, lockout_s, longest_s;
	uint32_t factor;
	enum trust trust;
};

struct import_exempt {
	struct addr net;
	struct config_place place;
};

/* A file to be written below the output folder. */
struct import_output {
	char *name; /* "rules.d/fail2ban-sshd.conf" */
	char *text;
	size_t len;
};

/* What is asked of the host: a test answers itself. */
struct import_look {
	unsigned int files; /* that the pattern matches now */
	char owner[IPC_USER_MAX]; /* of the first; "" = root */
	bool shared; /* others than root and the owner can write it */
	char written_by[IPC_PATH_MAX]; /* "FILE:LINE" of the syslog configuration that names it */
};

struct import_host {
	void (*look)(const char *pattern, struct import_look *ret, void *arg);
	/* The files that a pattern matches now, at most so many; how many there were. */
	unsigned int (*expand)(const char *pattern, char (*ret)[IPC_PATH_MAX], unsigned int most,
			       void *arg);
	int (*port)(const char *name, uint16_t *ret, void *arg);
	/* The whole of a small text file, with a NUL behind it. */
	int (*read)(const char *path, char **ret, size_t *ret_len, void *arg);
	bool (*account)(const char *name, void *arg); /* there is one of that name */
	void *arg;
	bool journal; /* there is one */
};

struct import {
	const struct import_files *files;
	const struct import_host *host;
	const struct rule_set *shipped_rules;
	struct filter_set *set; /* shipped ones and those to be written: what will run */
	const char *folder; /* as messages name it: /etc/fail2ban */

	struct config config;
	struct import_notes notes;
	struct import_jail *jail;
	unsigned int jails, enabled;
	unsigned int sources; /* of all jails, built-in ones left out */
	struct import_exempt exempt[IMPORT_EXEMPT_MAX];
	unsigned int exempts;
	char *list[IMPORT_LISTS_MAX]; /* files that ignoreip names, read */
	unsigned int lists;
	uint64_t recidive_s; /* length of a jail that repeats others' lockouts, 0 = none */
	struct import_output output[IMPORT_FILES_MAX];
	unsigned int outputs;
};

int import_new(struct import **ret, const struct import_files *files,
	       const struct import_host *host);
struct import *import_free(struct import *import);
DEFINE_CLEANUP(import_free, struct import *)

/* Reads all files; fills jail[] with names, places and enabled. Mistakes become notes. */
int import_read(struct import *import);
/* 1: *ret is filled (import_value_done), 0: no such option, -EINVAL: error holds why. */
int import_get(struct import *import, const struct import_jail *jail, const char *name,
	       struct import_value *ret, char error[EVIDENCE_ERROR_MAX]);
/* The same; a mistake becomes a note of that kind. */
bool import_ask(struct import *import, struct import_jail *jail, const char *name,
		enum import_note_kind kind, struct import_value *ret);
void import_value_done(struct import_value *value);

/* ---- values (import/values.c) ---- */

/* fail2ban's lengths: "10m", "1d12h", "60*60", "1h 30m", "-1". -EINVAL, -ERANGE (over ten
 * years). */
int import_seconds(const char *text, double *ret);
int import_yes(const char *text, bool *ret);
int import_number(const char *text, long *ret);
/* 192.0.2.1, 192.0.2.0/24 (host bits are cleared), 192.0.2.0/255.255.255.0, 2001:db8::/32 */
int import_net(const char *text, size_t len, struct addr *ret);
/* \f, \v and DEL as well, which bailiff.conf does not take; a blank is none. */
bool import_has_control(const char *text);
/* Next word of a list with blanks, commas and newlines between; false at its end. */
bool import_word(const char **at, const char **ret_word, size_t *ret_len);

/* ---- plan ---- */

int import_plan(struct import *import);
/* import/filter.c: decides which filter file does it, and adds what has to be written to the
 * output and to the set. */
int import_filter(struct import *import, struct import_jail *jail, struct filter_spec *ret_spec);
/* import/copy.c: the files of a filter that config was read from, with its includes; the filter is
 * called as from then on. */
int import_copy(struct import *import, struct import_jail *jail, const struct config *config,
		const char *as, struct filter_spec *spec);
/* error may begin with a place. */
int import_filter_refuse(struct import_jail *jail, const char *before, const char *error);
/* import/own.c: the jail's own expressions; once before the first import_get, then per jail. */
int import_own_prepare(struct import *import);
int import_own(struct import *import, struct import_jail *jail, struct filter_spec *spec);
/* As a source names it; false if it cannot be written so. */
bool import_spec_text(const struct filter_spec *spec, char ret[IPC_FILTER_MAX]);
/* import/source.c */
int import_sources(struct import *import, struct import_jail *jail, struct filter_spec *spec);
/* journalmatch to journalctl's words: blanks between, lines joined by +. -EINVAL: quotes. */
int import_match(const char *text, char ret[IMPORT_TEXT_MAX]);
/* import/rule.c */
void import_recidive(struct import *import, struct import_jail *jail);
int import_rule(struct import *import, struct import_jail *jail);
/* Where to tell of an option: what [DEFAULT] says is told once, not with every jail. */
struct import_notes *import_notes_of(struct import *import, struct import_jail *jail,
				     const char *option);
/* import/exempt.c */
void import_exempts(struct import *import, struct import_jail *jail);
/* import/rest.c: ports, and what is not carried over */
void import_ports(struct import *import, struct import_jail *jail);
void import_rest(struct import *import, struct import_jail *jail);
/* Its action lets addresses in. */
bool import_lets_in(struct import *import, struct import_jail *jail);

/* Drops the last ones, down to count. */
void import_output_cut(struct import *import, unsigned int count);
/* -EEXIST: there is one of that name. */
int import_output_add(struct import *import, const char *name, const char *text, size_t len);

/* ---- faces ---- */

struct import_show {
	bool json;
	bool all; /* disabled jails as well */
};
void import_show(const struct import *import, const struct import_show *show, struct buf *out);
/* import/text.c: adds rule files and bailiff.conf.d/fail2ban.conf to the output. */
int import_texts(struct import *import);
/* Exact, in the units that rules understand. */
#define IMPORT_TIME_MAX 32
void import_time(uint64_t seconds, char ret[IMPORT_TIME_MAX]);

/* ---- disk ---- */

/* import/disk.c. error: a sentence; notes of files that are left out go to notes. */
int import_files_read(struct import_files *files, const char *folder, struct import_notes *notes,
		      char error[IMPORT_TEXT_MAX]);
int import_shipped_read(struct import_files *files, struct rule_set *rules,
			char error[IMPORT_TEXT_MAX]);
/* The host that this runs on; syslog: files that syslog daemons read, from "/". */
struct import_syslog;
int import_syslog_new(struct import_syslog **ret, const char *root);
struct import_syslog *import_syslog_free(struct import_syslog *syslog);
DEFINE_CLEANUP(import_syslog_free, struct import_syslog *)
void import_host_here(struct import_host *ret, struct import_syslog *syslog);

/* import/write.c */
/* Notes of what is in the folder already and gets in the way: rules of an earlier import whose
 * jails are gone, rules of the same id. */
int import_look_there(struct import *import, const char *folder);
enum import_written {
	WRITTEN_SAME = 1, /* was there already */
	WRITTEN_NEW,
	WRITTEN_CHANGED,
	WRITTEN_KEPT, /* another file of that name stays, unless forced */
	WRITTEN_MAX,
};
typedef void (*import_written_fn)(const char *path, enum import_written what, void *arg);
/* Writes nothing at all while one file would be kept. -EEXIST then; else the first error. */
int import_write(const struct import *import, const char *folder, bool force, import_written_fn fn,
		 void *arg, char error[IMPORT_TEXT_MAX]);

#endif
