/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Values of bailiff.conf: numbers, lengths of time, paths, lists of words.
 *
 * A value that is wrong leaves its target as it was and names itself in one sentence; file and line
 * are put before it by the ini reader.
 */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "enforcer/conf/keys.h"

#define LOCKOUT_SHORTEST_S 60
#define LOCKOUT_LONGEST_S (10ULL * 365 * 86400)
#define WORD_MAX 512

int conf_wrong(char error[INI_ERROR_MAX], const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(error, INI_ERROR_MAX, format, ap);
	va_end(ap);
	return -EINVAL;
}

int conf_copy(char **to, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

/* Calls fn for each blank-separated word. A '[' keeps blanks up to its ']': NAME[mode=a, x=b]. */
int conf_each_word(const struct conf_target *target, const char *value, char error[INI_ERROR_MAX],
		   conf_set_fn fn)
{
	char word[WORD_MAX];
	int r;

	for (;;) {
		size_t len = 0;
		bool bracket = false;

		value += strspn(value, " \t");
		if (!*value)
			return 0;
		while (value[len] && (bracket || (value[len] != ' ' && value[len] != '\t'))) {
			if (value[len] == '[')
				bracket = true;
			else if (value[len] == ']')
				bracket = false;
			len++;
		}
		if (len >= sizeof(word))
			return conf_wrong(error, "'%.40s…' is longer than %zu bytes", value,
					  sizeof(word) - 1);
		text_copy_len(word, sizeof(word), value, len);
		r = fn(target, word, error);
		if (r < 0)
			return r;
		value += len;
	}
}

int conf_number(const char *value, uint64_t least, uint64_t most, uint64_t *ret,
		char error[INI_ERROR_MAX])
{
	uint64_t number = 0;

	if (!*value || strspn(value, "0123456789") != strlen(value) || strlen(value) > 18)
		return conf_wrong(error, "'%s' is not a number", value);
	number = strtoull(value, NULL, 10);
	if (number < least || number > most)
		return conf_wrong(error, "%s is outside %llu to %llu", value,
				  (unsigned long long)least, (unsigned long long)most);
	*ret = number;
	return 0;
}

int conf_yes(const char *value, bool *ret, char error[INI_ERROR_MAX])
{
	if (!strcmp(value, "yes") || !strcmp(value, "true") || !strcmp(value, "1"))
		*ret = true;
	else if (!strcmp(value, "no") || !strcmp(value, "false") || !strcmp(value, "0"))
		*ret = false;
	else
		return conf_wrong(error, "'%s' is neither yes nor no", value);
	return 0;
}

int conf_path(const char *value, char error[INI_ERROR_MAX])
{
	if (value[0] != '/')
		return conf_wrong(error, "'%s' is not an absolute path", value);
	if (strlen(value) >= IPC_PATH_MAX)
		return conf_wrong(error, "the path is longer than %d bytes", IPC_PATH_MAX - 1);
	return 0;
}

int conf_length(const char *value, uint64_t *ret, char error[INI_ERROR_MAX])
{
	uint64_t seconds;

	if (duration_parse(value, &seconds) < 0)
		return conf_wrong(error, "'%s' is not a length of time (90, 10m, 1h 30m, 30d)",
				  value);
	if (seconds < LOCKOUT_SHORTEST_S || seconds > LOCKOUT_LONGEST_S)
		return conf_wrong(error, "'%s' is not between one minute and ten years", value);
	*ret = seconds;
	return 0;
}

int conf_set_enabled(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	bool yes = false;
	int r = conf_yes(value, &yes, error);

	if (r < 0)
		return r;
	if (t->service)
		t->service->disabled = !yes;
	else
		t->source->disabled = !yes;
	return 0;
}
