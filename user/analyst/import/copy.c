/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files of a fail2ban filter, with all that they include, as they will stand in bailiff's
 * folder.
 *
 * Nothing that is written there changes a filter of bailiff's own: a file that bailiff ships
 * another version of gets a name of its own, and those that include it ask for it by that name.
 * Apart from that they stay byte for byte what they were. common.conf alone may be replaced:
 * bailiff's own filters do not include it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/import/import.h"

#define NEEDS_MAX 32 /* files of one filter */
#define COPY_MAX (256 * 1024) /* bytes of one file */
#define BEFORE "fail2ban-"

struct copy {
	const struct filter_file *file;
	bool itself; /* the filter's own, in place of an include */
	bool renamed;
	bool asked; /* a file includes it by its new name */
	char name[IPC_PATH_MAX];
	struct buf text;
};

struct copies {
	struct import *import;
	struct import_jail *jail;
	const struct filter_spec *spec;
	const char *as; /* the filter's new name */
	unsigned int count;
	struct copy copy[NEEDS_MAX];
};

static struct copies *copies_free(struct copies *copies)
{
	if (!copies)
		return NULL;
	for (unsigned int i = 0; i < copies->count; i++)
		buf_done(&copies->copy[i].text);
	free(copies);
	return NULL;
}
DEFINE_CLEANUP(copies_free, struct copies *)

static int refuse(struct copies *copies, const char *file, const char *why)
{
	char name[IPC_PATH_MAX];
	struct config_place place = { .file = name, .line = 1 };

	(void)snprintf(name, sizeof(name), "filter.d/%s", file);
	import_note(&copies->jail->notes, NOTE_REFUSED, &place, "the filter is not taken: %s", why);
	copies->jail->refused = true;
	return 0;
}

/* The bytes before .conf, .local or .d/ of a file right in filter.d; 0: it is no filter's. */
static size_t stem_len(const char *file)
{
	static const char *const ends[] = { ".conf", ".local" };
	const char *slash = strchr(file, '/');
	size_t len = slash ? (size_t)(slash - file) : strlen(file);

	if (slash)
		return len > 2 && !strncmp(slash - 2, ".d", 2) ? len - 2 : 0;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		size_t end = strlen(ends[i]);

		if (len > end && !strcmp(file + len - end, ends[i]))
			return len - end;
	}
	return 0;
}

static bool same_stem(const char *a, const char *b)
{
	size_t len = stem_len(a);

	return len && len == stem_len(b) && !strncmp(a, b, len);
}

/* Whether bailiff's own filters would see these files in place of theirs, or beside them. */
static bool stem_clashes(const struct copies *copies, const char *file)
{
	const struct filter_files *shipped = &copies->import->files->shipped;
	const struct filter_file *own;
	char conf[IPC_PATH_MAX];

	(void)snprintf(conf, sizeof(conf), "%.*s.conf", (int)stem_len(file), file);
	own = filter_file_find(shipped, conf);
	if (!own || !strcmp(conf, "common.conf"))
		return false;
	for (unsigned int i = 0; i < copies->count; i++) {
		const struct filter_file *other = copies->copy[i].file;

		if (!same_stem(other->name, conf))
			continue;
		if (strcmp(other->name, conf) != 0 || other->len != own->len ||
		    memcmp(other->text, own->text, own->len) != 0)
			return true;
	}
	return false;
}

/* The distinct files that the options came from. */
static int files_find(struct copies *copies, const struct config *config)
{
	for (unsigned int i = 0; i < config->places; i++) {
		const char *name = config->place[i].file;
		bool known = false;

		for (unsigned int j = 0; j < copies->count && !known; j++)
			known = !strcmp(copies->copy[j].file->name, name);
		if (known)
			continue;
		if (copies->count == NEEDS_MAX)
			return refuse(copies, name, "it is made of too many files");
		copies->copy[copies->count] = (struct copy){
			.file = filter_file_find(&copies->import->files->filters, name),
			.text = BUF_INIT(COPY_MAX),
		};
		if (!copies->copy[copies->count].file)
			return refuse(copies, name, "there is no such file");
		copies->count++;
	}
	return 0;
}

static int files_name(struct copies *copies)
{
	for (unsigned int i = 0; i < copies->count; i++) {
		struct copy *copy = &copies->copy[i];
		const char *name = copy->file->name;
		const size_t len = stem_len(name);
		const struct filter_file *there;

		copy->itself = len == strlen(copies->spec->name) &&
			       !strncmp(name, copies->spec->name, len);
		text_copy(copy->name, sizeof(copy->name), name);
		if (copy->itself)
			(void)snprintf(copy->name, sizeof(copy->name), "%s%s", copies->as,
				       name + len);
		else if (len && stem_clashes(copies, name))
			(void)snprintf(copy->name, sizeof(copy->name), BEFORE "%s", name);
		copy->renamed = strcmp(copy->name, name) != 0;
		copy->asked = !copy->renamed || copy->itself || !strstr(name, ".conf");
		there = copy->renamed
				? filter_file_find(&copies->import->files->filters, copy->name)
				: NULL;
		if (there)
			return refuse(
				copies, there->name,
				"its name is wanted for a file that bailiff ships another of");
	}
	return 0;
}

static struct copy *copy_named(struct copies *copies, const char *name, size_t len)
{
	for (unsigned int i = 0; i < copies->count; i++)
		if (strlen(copies->copy[i].file->name) == len &&
		    !strncmp(copies->copy[i].file->name, name, len))
			return &copies->copy[i];
	return NULL;
}

/* Where in a line of [INCLUDES] a file is named. */
static const char *include_find(const char *line, size_t len, size_t *ret_len)
{
	size_t begin = 0, end = len;

	for (size_t i = 1; i < len; i++) {
		if (line[i] == ';' && strchr(" \t\r\f\v", line[i - 1])) {
			end = i;
			break;
		}
	}
	for (size_t i = 0; i < end && !begin; i++)
		if (line[i] == '=' || line[i] == ':')
			begin = i + 1;
	while (begin < end && strchr(" \t\r\f\v", line[begin]))
		begin++;
	while (end > begin && strchr(" \t\r\f\v", line[end - 1]))
		end--;
	while (end - begin > 2 && !strncmp(line + begin, "./", 2))
		begin += 2;
	*ret_len = end - begin;
	return line + begin;
}

/* Includes of a file that got another name. */
static void text_make(struct copies *copies, struct copy *copy)
{
	static const char section[] = "[INCLUDES]";
	const char *at = copy->file->text, *const end = at + copy->file->len;
	bool includes = false;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = newline ? (size_t)(newline - at) + 1 : (size_t)(end - at);
		size_t blanks = 0, name_len = 0;
		struct copy *other = NULL;
		const char *name = at;

		while (blanks + 1 < len && (at[blanks] == ' ' || at[blanks] == '\t'))
			blanks++;
		if (at[blanks] == '[')
			includes = len - blanks >= strlen(section) &&
				   !strncmp(at + blanks, section, strlen(section));
		/* Elsewhere a name is relative to another folder. */
		else if (includes && at[blanks] != '#' && at[blanks] != ';' &&
			 !strchr(copy->file->name, '/'))
			name = include_find(at, newline ? len - 1 : len, &name_len);
		if (name_len)
			other = copy_named(copies, name, name_len);
		if (other && other->renamed) {
			other->asked = true;
			buf_add(&copy->text, at, (size_t)(name - at));
			buf_puts(&copy->text, other->name);
			buf_add(&copy->text, name + name_len, len - (size_t)(name - at) - name_len);
		} else {
			buf_add(&copy->text, at, len);
		}
		at += len;
	}
}

static int texts_make(struct copies *copies)
{
	for (unsigned int i = 0; i < copies->count; i++) {
		text_make(copies, &copies->copy[i]);
		if (copies->copy[i].text.cut)
			return refuse(copies, copies->copy[i].file->name, "the file is too long");
	}
	for (unsigned int i = 0; i < copies->count; i++)
		if (!copies->copy[i].asked)
			return refuse(copies, copies->copy[i].file->name,
				      "bailiff ships another file of that name");
	return 0;
}

static void renamed_tell(const struct copies *copies)
{
	for (unsigned int i = 0; i < copies->count; i++) {
		const struct copy *copy = &copies->copy[i];
		char file[IPC_PATH_MAX];

		if (!copy->renamed || copy->itself)
			continue;
		(void)snprintf(file, sizeof(file), "filter.d/%s", copy->file->name);
		import_note(&copies->jail->notes, NOTE_INFO,
			    &(struct config_place){ .file = file, .line = 1 },
			    "is copied as %s, since bailiff ships another file of that name",
			    copy->name);
	}
}

static int copy_write(struct copies *copies, const struct copy *copy)
{
	char path[IPC_PATH_MAX];
	int r;

	(void)snprintf(path, sizeof(path), "filter.d/%s", copy->name);
	r = import_output_add(copies->import, path, copy->text.data ? copy->text.data : "",
			      copy->text.len);
	return r == -EEXIST ? 0 : r;
}

/* The set gets all of them before the output gets any: a filter that is refused is not written. */
static int copies_take(struct copies *copies, struct filter_spec *spec)
{
	struct import_jail *jail = copies->jail;
	char text[IPC_FILTER_MAX], error[EVIDENCE_ERROR_MAX] = "";
	struct filter_spec renamed = *spec;
	uint16_t index;
	int r;

	for (unsigned int i = 0; i < copies->count; i++) {
		const struct copy *copy = &copies->copy[i];

		r = filter_set_add_file(copies->import->set, copy->name,
					copy->text.data ? copy->text.data : "", copy->text.len);
		if (r < 0)
			return r;
	}
	text_copy(renamed.name, sizeof(renamed.name), copies->as);
	if (!import_spec_text(&renamed, text))
		return import_filter_refuse(
			jail, "",
			"the filter's parameters are too long, or have blanks or quotes that "
			"bailiff.conf cannot hold");
	if (filter_set_load(copies->import->set, text, &index, error) < 0)
		return import_filter_refuse(jail, "bailiff refuses the filter: ", error);
	for (unsigned int i = 0; i < copies->count; i++) {
		r = copy_write(copies, &copies->copy[i]);
		if (r == -E2BIG)
			return import_filter_refuse(jail, "", "too many files to write");
		if (r < 0)
			return r;
	}
	renamed_tell(copies);
	*spec = renamed;
	return 0;
}

int import_copy(struct import *import, struct import_jail *jail, const struct config *config,
		const char *as, struct filter_spec *spec)
{
	_cleanup_(copies_freep) struct copies *copies = calloc(1, sizeof(*copies));
	int (*const steps[])(struct copies *) = { files_name, texts_make };
	int r;

	if (!copies)
		return -ENOMEM;
	copies->import = import;
	copies->jail = jail;
	copies->spec = spec;
	copies->as = as;
	r = files_find(copies, config);
	for (size_t i = 0; i < ARRAY_SIZE(steps) && !r && !jail->refused; i++)
		r = steps[i](copies);
	return r || jail->refused ? r : copies_take(copies, spec);
}
