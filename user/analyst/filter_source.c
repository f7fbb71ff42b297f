/* SPDX-License-Identifier: GPL-2.0-only */
/* Filters for the offline commands: by name, by file, or expressions given on the command line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/filter_report.h"
#include "analyst/filter_test.h"

#define INLINE_NAME "command-line"
#define INLINE_MAX (192 * 1024) /* bytes of all expressions */
#define SAID_MAX 2000

/* DIR/NAME.conf to its folder and NAME; a name stays one. */
static int filter_split(const char *filter, char **ret_folder, char **ret_name)
{
	size_t path_len = strcspn(filter, "[");
	const char *slash = memrchr(filter, '/', path_len);
	size_t name_len;

	*ret_folder = NULL;
	if (!slash && (path_len < 5 || memcmp(filter + path_len - 5, ".conf", 5))) {
		*ret_name = strdup(filter);
		return *ret_name ? 0 : -ENOMEM;
	}
	*ret_folder = slash ? strndup(filter, slash == filter ? 1 : (size_t)(slash - filter))
			    : strdup(".");
	name_len = path_len - (slash ? (size_t)(slash + 1 - filter) : 0);
	if (name_len > 5 && !memcmp(filter + path_len - 5, ".conf", 5))
		name_len -= 5;
	if (!*ret_folder || asprintf(ret_name, "%.*s%s", (int)name_len, slash ? slash + 1 : filter,
				     filter + path_len) < 0) {
		*ret_name = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int folder_load(struct filter_set *set, const char *folder, bool optional)
{
	int r = filter_folder_add(set, folder);

	if (r < 0 && !(optional && r == -ENOENT)) {
		(void)fprintf(stderr, "%s: %s\n", folder, strerror(-r));
		return r;
	}
	return 0;
}

static int folders_load(struct filter_set *set, const char *folder, const char *own)
{
	int r = 0;

	if (folder)
		r = folder_load(set, folder, false);
	if (!folder && !own) {
		r = folder_load(set, BAILIFF_LIBEXECDIR "/filter.d", true);
		if (!r)
			r = folder_load(set, BAILIFF_SYSCONFDIR "/bailiff/filter.d", true);
	}
	if (!r && own)
		r = folder_load(set, own, false);
	return r;
}

/*
 * A line of an option's value that says text once the file is read: there '%' and " ;" mean
 * something, as do '#' and ';' at a line's begin; no expression changes its meaning by this.
 */
static void inline_put(struct buf *file, const char *text)
{
	buf_puts(file, "  ");
	if (*text == '#' || *text == ';')
		buf_putc(file, '\\');
	for (; *text; text++) {
		if (*text == '%')
			buf_puts(file, "%%");
		else if (*text == ' ' && text[1] == ';')
			buf_puts(file, "\\x20");
		else
			buf_putc(file, *text);
	}
	buf_putc(file, '\n');
}

static int inline_add(struct filter_set *set, const struct filter_source *source)
{
	struct buf file = BUF_INIT(INLINE_MAX);
	int r;

	buf_puts(&file, "[Definition]\nfailregex =\n");
	for (unsigned int i = 0; i < source->failregexes; i++)
		inline_put(&file, source->failregex[i]);
	buf_puts(&file, "ignoreregex =\n");
	for (unsigned int i = 0; i < source->ignoreregexes; i++)
		inline_put(&file, source->ignoreregex[i]);
	r = file.cut ? -E2BIG : filter_set_add_file(set, INLINE_NAME ".conf", file.data, file.len);
	if (r < 0)
		(void)fprintf(stderr, "--failregex: %s\n", strerror(-r));
	buf_done(&file);
	return r;
}

static int spec_load(struct filter_set *set, const struct filter_source *source, const char *name,
		     uint16_t *ret_index)
{
	const char quote = source->datepattern && strchr(source->datepattern, '"') ? '\'' : '"';
	struct buf spec = BUF_INIT(65536), safe = BUF_INIT(SAID_MAX);
	char error[EVIDENCE_ERROR_MAX];
	int r;

	buf_puts(&spec, name);
	if (source->mode)
		buf_printf(&spec, "[mode=\"%s\"]", source->mode);
	if (source->datepattern)
		buf_printf(&spec, "[datepattern=%c%s%c]", quote, source->datepattern, quote);
	if (spec.cut || !spec.data) {
		buf_done(&spec);
		return -ENOMEM;
	}
	r = filter_set_load(set, spec.data, ret_index, error);
	if (r < 0) {
		buf_put_safe(&safe, error, strlen(error));
		(void)fprintf(stderr, "%s\n", safe.data ? safe.data : "");
	}
	buf_done(&safe);
	buf_done(&spec);
	return r;
}

int filter_source_load(struct filter_set *set, const struct filter_source *source,
		       uint16_t *ret_index)
{
	_cleanup_free_ char *own = NULL, *name = NULL;
	int r;

	if (!source->filter) {
		r = inline_add(set, source);
		return r < 0 ? r : spec_load(set, source, INLINE_NAME, ret_index);
	}
	r = filter_split(source->filter, &own, &name);
	if (!r)
		r = folders_load(set, source->folder, own);
	return r < 0 ? r : spec_load(set, source, name, ret_index);
}
