/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to bailiff-analyst's own files: commands that need neither bailiffd nor rights. Their
 * time is that of their input, so the same input gives the same output on any day.
 */
#ifndef ANALYST_OFFLINE_H
#define ANALYST_OFFLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bailiff/ipc.h>

#include "analyst/evidence/evidence.h"
#include "analyst/pipeline.h"
#include "analyst/sensor/sensor.h"
#include "base/addr.h"
#include "base/ini.h"

enum offline_code {
	OFFLINE_OK = 0,
	OFFLINE_USAGE = 1,
	OFFLINE_INPUT = 2, /* something cannot be read, or says what it should not */
};

int replay_main(int argc, char **argv);
int rules_check_main(int argc, char **argv);
int record_check_main(int argc, char **argv);
int import_main(int argc, char **argv);

/* "bailiff-analyst: sentence" on standard error; made safe. Returns OFFLINE_INPUT. */
int offline_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- offline_files.c ---- */

#define OFFLINE_FILES_MAX 4096
#define OFFLINE_FILE_SIZE_MAX (1024 * 1024)

/* fn per file below folder that ends in suffix, in order of name, folders included, at most
 * four deep. path is the full one. Nonzero ends and is returned; -ENOENT and so on of folder. */
typedef int (*offline_file_fn)(const char *path, void *arg);
int offline_files(const char *folder, const char *suffix, offline_file_fn fn, void *arg);

/* Where shipped files of a kind ("rules.d", in the source tree "rules.d") are: the installed
 * folder, else that of the source tree beside the running program. NULL if there is none. */
char *offline_folder(const char *installed, const char *in_tree);

/* ---- replay/conf.c: what replay needs of bailiff.conf ---- */

#define REPLAY_SERVICES_MAX 128
#define REPLAY_SOURCES_MAX 128
#define REPLAY_EXEMPT_MAX 1024

struct replay_service {
	bool proxied;
	char name[IPC_NAME_MAX];
	uint16_t ports[8];
	uint16_t max_tries;
	bool programs; /* the sensors could tell its outcome */
	bool forks; /* a process for each connection or call */
};

struct replay_source {
	char name[IPC_NAME_MAX];
	char path[IPC_PATH_MAX]; /* may be a pattern */
	bool journal;
	bool relayed;
	char service[IPC_NAME_MAX]; /* attested, at its word: the files' modes are not known here */
	char accept[IPC_PATH_MAX];
	uint32_t filters;
	char filter[8][IPC_FILTER_MAX];
};

struct replay_conf {
	struct replay_service service[REPLAY_SERVICES_MAX]; /* id = index + 1 */
	unsigned int services;
	struct replay_source source[REPLAY_SOURCES_MAX];
	unsigned int sources;
	struct addr exempt[REPLAY_EXEMPT_MAX];
	unsigned int exempts;
};

void replay_conf_init(struct replay_conf *conf);
/* path, then each *.conf in "PATH.d". error holds "FILE:LINE: sentence". */
int replay_conf_read(struct replay_conf *conf, const char *path, char error[INI_ERROR_MAX]);
/* The same of one text. */
int replay_conf_add(struct replay_conf *conf, const char *name, const char *text, size_t len,
		    char error[INI_ERROR_MAX]);
/* As ipc_source.accepted. */
uint32_t replay_conf_accepted(const struct replay_source *source);
/* The source whose path fits, or for_journal the first journal, or NULL. */
const struct replay_source *replay_conf_source(const struct replay_conf *conf, const char *path,
					       bool for_journal);

/* ---- replay/input.c: logs and a recording, merged by time ---- */

struct replay_input;

int replay_input_new(struct replay_input **ret);
struct replay_input *replay_input_free(struct replay_input *input);
DEFINE_CLEANUP(replay_input_free, struct replay_input *)

/* "-" is standard input. error: a sentence. ret_journal: it is journalctl's export format. */
int replay_input_log(struct replay_input *input, const char *path, uint32_t source,
		     bool *ret_journal, char error[INI_ERROR_MAX]);
int replay_input_events(struct replay_input *input, const char *path,
			const struct sensor_names *names, char error[INI_ERROR_MAX]);

/* Tells the wall time of a record whose transport does not, 0 = it has none; near_wall_ns is when
 * the log was written last, last_wall_ns the stamp of the record before. Without it, log_stamp
 * does. */
void replay_input_on_stamp(struct replay_input *input,
			   uint64_t (*fn)(const struct log_record *record, uint64_t near_wall_ns,
					  uint64_t last_wall_ns, void *arg),
			   void *arg);

/* What comes next; both pointers are valid until the next call, one of them is NULL. at_ns is wall
 * time and never decreases; every boot time within is put on the same scale. */
struct replay_item {
	uint64_t at_ns;
	const union bl_event *event;
	const struct log_record *record;
};
/* 1: *ret is filled; 0: the end; negative: error holds "FILE:LINE: sentence". */
int replay_input_next(struct replay_input *input, struct replay_item *ret,
		      char error[INI_ERROR_MAX]);

struct replay_input_stats {
	uint64_t events, records;
	uint64_t unknown; /* events of a type that this version does not know */
	uint64_t undated; /* records without a stamp; they take the time of the one before */
};
void replay_input_stats(const struct replay_input *input, struct replay_input_stats *ret);

#endif
