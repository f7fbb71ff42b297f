/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Options of a filter and the places they were written at. A value owns its text and the values
 * that it replaced.
 */
#include "analyst/evidence/filter_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MARK_BITS \
	5 /* a byte: '@' and so many bits, so that no mark holds a character that means something */
#define PLACES_MAX (1U << (MARK_BITS * (MARK_LEN - 1)))

struct config_value *config_value_free(struct config_value *value)
{
	while (value) {
		struct config_value *known = value->known;

		free(value->text);
		free(value);
		value = known;
	}
	return NULL;
}

void config_done(struct config *config)
{
	for (unsigned int i = 0; i < config->options; i++)
		config_value_free(config->option[i].value);
	free(config->option);
	free(config->place);
	config->option = NULL;
	config->place = NULL;
	config->options = config->places = config->places_size = 0;
}

const struct config_option *config_find(const struct config *config, const char *section,
					const char *name)
{
	for (unsigned int i = 0; i < config->options; i++)
		if (!strcmp(config->option[i].name, name) &&
		    !strcmp(config->option[i].section, section))
			return &config->option[i];
	return NULL;
}

int config_mark(struct config *config, const char *file, unsigned int line, struct buf *text)
{
	unsigned int number = config->places;
	struct config_place *place;
	char mark[MARK_LEN];

	if (number == PLACES_MAX)
		return -E2BIG;
	if (number == config->places_size) {
		unsigned int size = config->places_size ? config->places_size * 2 : 256;

		place = reallocarray(config->place, size, sizeof(*place));
		if (!place)
			return -ENOMEM;
		config->place = place;
		config->places_size = size;
	}
	config->place[config->places++] = (struct config_place){ .file = file, .line = line };
	mark[0] = MARK;
	for (int i = 0; i < MARK_LEN - 1; i++)
		mark[i + 1] = (char)('@' + ((number >> (MARK_BITS * i)) & ((1 << MARK_BITS) - 1)));
	buf_add(text, mark, sizeof(mark));
	return 0;
}

void config_place(const struct config *config, const char *text, struct config_place *ret)
{
	unsigned int number;

	while (*text == MARK) {
		number = 0;
		for (int i = 0; i < MARK_LEN - 1; i++)
			number |= (unsigned int)(text[i + 1] - '@') << (MARK_BITS * i);
		if (number < config->places)
			*ret = config->place[number];
		text += MARK_LEN;
	}
}

void config_strip(const char *text, size_t len, struct buf *out)
{
	const char *end = text + len;

	while (text < end) {
		const char *mark = memchr(text, MARK, (size_t)(end - text));

		if (!mark) {
			buf_add(out, text, (size_t)(end - text));
			return;
		}
		buf_add(out, text, (size_t)(mark - text));
		text = mark + MARK_LEN;
	}
}

int config_add(struct config *config, const char *section, const char *name,
	       struct config_value *value)
{
	struct config_option *option;

	if (config->options == CONFIG_OPTIONS_MAX)
		return -E2BIG;
	if (!(config->options & (config->options - 1))) {
		option = reallocarray(config->option, config->options ? config->options * 2 : 1,
				      sizeof(*option));
		if (!option)
			return -ENOMEM;
		config->option = option;
	}
	option = &config->option[config->options++];
	text_copy(option->section, sizeof(option->section), section);
	text_copy(option->name, sizeof(option->name), name);
	option->value = value;
	return 0;
}
