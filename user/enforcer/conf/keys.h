/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keys of bailiff.conf and how each value is understood. Private to conf*.c.
 */
#ifndef ENFORCER_CONF_KEYS_H
#define ENFORCER_CONF_KEYS_H

#include "enforcer/conf/conf.h"

/* Where a value goes. */
struct conf_target {
	struct conf *conf;
	struct conf_service *service; /* in [service NAME] */
	struct conf_source *source; /* in [source NAME] */
	enum bl_role role; /* from the key's row */
	bool first; /* what is there so far is the built-in value */
};

typedef int (*conf_set_fn)(const struct conf_target *target, const char *value,
			   char error[INI_ERROR_MAX]);

struct conf_key {
	const char *name; /* NULL ends a table */
	conf_set_fn set;
	enum bl_role role;
};

#define CONF_KEYS_MAX 32 /* bits of named */
extern const struct conf_key conf_bailiff_keys[];
extern const struct conf_key conf_service_keys[];
extern const struct conf_key conf_source_keys[];

/* Fills error and returns -EINVAL. */
int conf_wrong(char error[INI_ERROR_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int conf_copy(char **to, const char *value);
/* Calls fn for each blank-separated word. A '[' keeps blanks up to its ']': NAME[mode=a, x=b]. */
int conf_each_word(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX],
		   conf_set_fn fn);
int conf_number(const char *value, uint64_t least, uint64_t most, uint64_t *ret,
		char error[INI_ERROR_MAX]);
int conf_yes(const char *value, bool *ret, char error[INI_ERROR_MAX]);
int conf_path(const char *value, char error[INI_ERROR_MAX]);
int conf_length(const char *value, uint64_t *ret_seconds, char error[INI_ERROR_MAX]);
int conf_set_enabled(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX]);

/* Sets source->accepted from its accept_claims. */
int conf_accept(const struct conf *conf, struct conf_source *source, char error[INI_ERROR_MAX]);

struct conf_reading {
	struct conf *conf;
	const char *file; /* as messages name it */
	bool builtin;
};

/* An ini_entry_fn; arg is a struct conf_reading. */
int conf_take_entry(const struct ini_entry *entry, void *arg, char error[INI_ERROR_MAX]);

#endif
