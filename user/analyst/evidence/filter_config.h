/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of fail2ban's form as options, and what an option says once both substitution steps are
 * done: the filters of this stage, and the jails that an import reads (analyst/import/jails.c).
 *
 * Where a text comes from is carried inside it: each line of a value begins with a mark (\x01 and
 * four bytes '@' to '_') that names file and line. So an expression that was put together from five
 * options of three files can still be reported where it was written.
 */
#ifndef ANALYST_EVIDENCE_FILTER_CONFIG_H
#define ANALYST_EVIDENCE_FILTER_CONFIG_H

#include "analyst/evidence/evidence.h"
#include "base/buf.h"

#define CONFIG_FILE_MAX (256 * 1024)
#define CONFIG_FILES_MAX 4096
#define CONFIG_OPTIONS_MAX 4096
#define CONFIG_VALUE_MAX (256 * 1024) /* bytes of one value when all is substituted */
#define CONFIG_NAME_MAX 128
#define CONFIG_PARAMS_MAX 32
#define MARK '\x01'
#define MARK_LEN 5

/* One file below filter.d. */
struct filter_file {
	char *name;
	char *text;
	size_t len;
};

struct filter_files {
	struct filter_file *file;
	unsigned int count;
};

const struct filter_file *filter_file_find(const struct filter_files *files, const char *name);

/* NAME[param=value,...] */
struct filter_spec {
	char name[CONFIG_NAME_MAX];
	unsigned int params;
	struct {
		char name[CONFIG_NAME_MAX];
		char value[1024];
	} param[CONFIG_PARAMS_MAX];
};

int filter_spec_parse(const char *text, struct filter_spec *ret, char error[EVIDENCE_ERROR_MAX]);
const char *filter_spec_param(const struct filter_spec *spec, const char *name);

/* Values form a chain: known is what the option was before a later file changed it. */
struct config_value {
	char *text; /* with marks */
	struct config_value *known;
};

struct config_option {
	char section[CONFIG_NAME_MAX];
	char name[CONFIG_NAME_MAX];
	struct config_value *value;
};

struct config_place {
	const char *file;
	unsigned int line;
};

struct config {
	const struct filter_spec *spec;
	struct config_option *option;
	unsigned int options;
	struct config_place *place;
	unsigned int places, places_size;
	void (*warn)(const char *text, void *arg);
	void *warn_arg;
};

void config_done(struct config *config);

/* All files of the spec's filter, in their order. config->spec, warn are set by the caller. */
int config_read(struct config *config, const struct filter_files *files,
		char error[EVIDENCE_ERROR_MAX]);
/* One file with what it includes, laid over what is there. It need not exist. */
int config_read_file(struct config *config, const struct filter_files *files, const char *name,
		     char error[EVIDENCE_ERROR_MAX]);

const struct config_option *config_find(const struct config *config, const char *section,
					const char *name);

/* Takes value over, unless it fails: -ENOMEM, -E2BIG. */
int config_add(struct config *config, const char *section, const char *name,
	       struct config_value *value);
struct config_value *config_value_free(struct config_value *value);

/* Adds the mark of a place to a text; 0 or -ENOMEM, -E2BIG. */
int config_mark(struct config *config, const char *file, unsigned int line, struct buf *text);
/* The place of the innermost mark before the first character at or after text. */
void config_place(const struct config *config, const char *text, struct config_place *ret);
/* Copies without marks. */
void config_strip(const char *text, size_t len, struct buf *out);

/*
 * The option of [Definition] (or [Init], which counts more) with both steps done. 1: out holds it,
 * 0: there is no such option.
 */
int config_expand(struct config *config, const char *name, struct buf *out,
		  char error[EVIDENCE_ERROR_MAX]);

/* The option of a section, or of [DEFAULT], with %(x)s filled in and nothing else; marks stay. 1:
 * out holds it, 0: there is no such option. */
int config_percent(struct config *config, const char *section, const char *name, struct buf *out,
		   char error[EVIDENCE_ERROR_MAX]);

/* One parsed option of a file, in order; sections as written. */
typedef int (*config_option_fn)(const char *section, const char *name, const char *value,
				unsigned int line, void *arg, char error[EVIDENCE_ERROR_MAX]);
int config_parse(struct config *config, const struct filter_file *file, config_option_fn fn,
		 void *arg, char error[EVIDENCE_ERROR_MAX]);

#endif
