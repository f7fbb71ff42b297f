/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiff.conf: read once, before any child exists, into one struct that is never changed later.
 *
 * A reload makes a second struct and swaps the pointer; whoever keeps a pointer into a struct conf
 * is told of the new one by a call that has "conf" as its argument (hooks_services, lockouts_conf,
 * sources_conf). Every list is bounded, because a configuration is typed by people and by programs.
 */
#ifndef ENFORCER_CONF_H
#define ENFORCER_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <bailiff/event.h>
#include <bailiff/ipc.h>
#include <bailiff/lockout.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/ini.h"

#define CONF_SERVICES_MAX 128
#define CONF_SOURCES_MAX 128
#define CONF_EXEMPT_MAX 1024
#define CONF_USERS_MAX 64
#define CONF_FILES_MAX 16 /* program files of a service, per role */
#define CONF_PORTS_MAX 8 /* ipc_service.ports */
#define CONF_FILTERS_MAX 8 /* ipc_source.filter */
#define CONF_SOCKET_MAX 107 /* bytes of a socket's path */

struct conf_service {
	uint16_t id; /* counts from 1: bl_file_role.service, ipc_service.id */
	uint16_t max_tries;
	uint16_t ports[CONF_PORTS_MAX]; /* 0 = unused */
	bool proxied; /* behind = proxy */
	char writer[IPC_USER_MAX]; /* account as which it logs, beside root; "" = root alone */
	uid_t writer_uid; /* resolved by conf_finish; 0 = root alone */
	char name[IPC_NAME_MAX];
	/* Absolute paths per role; [BL_ROLE_NONE] stays empty. A file may be missing on this
	 * host. */
	char *file[BL_ROLE_MAX][CONF_FILES_MAX];
	uint32_t files[BL_ROLE_MAX];
	bool disabled; /* enabled = no; conf_finish drops it */
	uint32_t named; /* keys that a file set: bit = place in the table of keys */
	char *where; /* "FILE:LINE" where it was last named, for messages */
};

struct conf_source {
	char name[IPC_NAME_MAX];
	bool journal;
	bool audit;
	char *path; /* absolute, the last part may hold glob characters; or NULL */
	char *syslog; /* absolute path of the datagram socket that is made; or NULL */
	char *match; /* journalctl's FIELD=VALUE and + words, or NULL */
	char service[IPC_NAME_MAX]; /* only this service writes the file: attested if mode agrees */
	uint16_t service_id; /* by conf_finish; 0 = none */
	char owner[IPC_USER_MAX]; /* account that may own an attested file, or relay, beside root */
	uid_t owner_uid; /* resolved by conf_finish; 0 = root alone */
	char filter[CONF_FILTERS_MAX][IPC_FILTER_MAX];
	uint32_t filters;
	char *accept; /* accept_claims: names of filters, or NULL */
	char *accept_where; /* "FILE:LINE" of it */
	uint32_t accepted; /* bit i: filter[i] is one of them; by conf_finish */
	bool relayed; /* another host's lines */
	bool disabled;
	uint32_t named;
	char *where;
};

/* What becomes of a locked session at first. */
enum session_ladder {
	LADDER_TERMINATE = 1,
	LADDER_FREEZE,
	LADDER_QUARANTINE,
	LADDER_MAX,
};

/* What becomes of a frozen session when bailiffd does not come back. */
enum on_failure {
	ON_FAILURE_KEEP = 1, /* until its lockout ends */
	ON_FAILURE_THAW,
	ON_FAILURE_TERMINATE,
};

/* How a locked address is refused. */
enum lockout_style {
	STYLE_REFUSE = 1, /* as if nobody listened */
	STYLE_SILENT, /* without an answer */
};

struct conf {
	enum mode mode; /* --observe has already been applied */
	struct addr exempt[CONF_EXEMPT_MAX];
	size_t exempts;
	/* Accounts never locked, whose sessions are never locked. uid -1: no such account here. */
	char *exempt_user[CONF_USERS_MAX];
	uid_t exempt_uid[CONF_USERS_MAX];
	size_t exempt_users;
	char *state_dir; /* /var/lib/bailiff */
	char *run_dir; /* /run/bailiff */
	uint32_t max_lockouts; /* addresses locked out at once, at most BL_LOCK_MAX */
	uint32_t lockouts_per_minute;
	uint64_t longest_lockout_s;
	uint64_t operator_lockout_s; /* CONTROL_LOCK with seconds = 0 */
	enum session_ladder session_ladder;
	bool snapshot; /* of a session that is frozen or ended */
	uint64_t snapshot_max_bytes; /* of all that are kept */
	uint64_t session_next_s; /* at one step, then the next; 0 = never */
	enum lockout_style style;
	enum on_failure on_failure;
	bool guard;
	uint32_t signals; /* bit = enum bl_signal: which are looked for */
	char *analyst_user;
	char *recorder_user;
	char *journal_user; /* journalctl runs as this one, in group systemd-journal */
	uint32_t fallback_uid; /* first of three ids used where those accounts do not exist */
	struct conf_service service[CONF_SERVICES_MAX]; /* [i].id == i + 1 */
	size_t services;
	struct conf_source source[CONF_SOURCES_MAX];
	size_t sources;
	uint32_t named;
	char *where; /* of the last key of [bailiff] */
};

/* The filter's name: what stands before "[mode=…]". */
size_t conf_filter_name_len(const char *filter);

/* A key's first value in any file replaces the built-in one; a list's further values add to it, an
 * empty value clears it. */
extern const char conf_builtin[];

/*
 * Built-in defaults, then path (absent: defaults alone, unless must_exist), then each *.conf in
 * "PATH.d" in order of name. error holds "FILE:LINE: sentence". -EINVAL, -ENOENT, -E2BIG, -ENOMEM.
 */
int conf_load(const char *path, bool must_exist, struct conf **ret, char error[INI_ERROR_MAX]);
/* The same from texts in memory, for tests: name stands for the file in messages. */
int conf_new(struct conf **ret);
int conf_add_text(struct conf *conf, const char *name, const char *text, size_t len,
		  char error[INI_ERROR_MAX]);
int conf_finish(struct conf *conf, char error[INI_ERROR_MAX]);
/* Whether b can replace a while running; if not, error says what needs a restart. */
bool conf_reloadable(const struct conf *a, const struct conf *b, char error[INI_ERROR_MAX]);
struct conf *conf_free(struct conf *conf);
DEFINE_CLEANUP(conf_free, struct conf *)

#endif
