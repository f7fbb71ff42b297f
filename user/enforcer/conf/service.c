/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keys of [service NAME]: which program files and ports belong to a service. Whatever repeats
 * is bounded by an array in conf.h.
 */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "enforcer/conf/keys.h"

static int add_file(const struct conf_target *t, const char *word, char error[INI_ERROR_MAX])
{
	uint32_t *count = &t->service->files[t->role];
	char *copy;
	int r = conf_path(word, error);

	if (r < 0)
		return r;
	if (*count == CONF_FILES_MAX)
		return conf_wrong(error, "more than %d program files", CONF_FILES_MAX);
	copy = strdup(word);
	if (!copy)
		return -ENOMEM;
	t->service->file[t->role][(*count)++] = copy;
	return 0;
}

static int set_files(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	struct conf_service *service = t->service;

	if (t->first || !*value)
		while (service->files[t->role])
			free(service->file[t->role][--service->files[t->role]]);
	return conf_each_word(t, value, error, add_file);
}

static int add_port(const struct conf_target *t, const char *word, char error[INI_ERROR_MAX])
{
	uint64_t number;
	int r = conf_number(word, 1, UINT16_MAX, &number, error);

	if (r < 0)
		return r;
	for (size_t i = 0; i < CONF_PORTS_MAX; i++) {
		if (t->service->ports[i] == number)
			return 0;
		if (!t->service->ports[i]) {
			t->service->ports[i] = (uint16_t)number;
			return 0;
		}
	}
	return conf_wrong(error, "more than %d ports", CONF_PORTS_MAX);
}

static int set_ports(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	if (t->first || !*value)
		memset(t->service->ports, 0, sizeof(t->service->ports));
	return conf_each_word(t, value, error, add_port);
}

static int set_max_tries(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	uint64_t number;
	int r = conf_number(value, 1, 1000, &number, error);

	if (r < 0)
		return r;
	t->service->max_tries = (uint16_t)number;
	return 0;
}

static int set_behind(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	if (*value && strcmp(value, "proxy") != 0)
		return conf_wrong(error, "behind is proxy, or nothing; '%.60s' is neither", value);
	t->service->proxied = *value != '\0';
	return 0;
}

static int set_writer(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	if (strlen(value) >= IPC_USER_MAX)
		return conf_wrong(error, "the account name is longer than %d bytes",
				  IPC_USER_MAX - 1);
	text_copy(t->service->writer, IPC_USER_MAX, value);
	return 0;
}

/* clang-format off */
const struct conf_key conf_service_keys[] = {
	{ "enabled", conf_set_enabled, 0 },
	{ "session", set_files, BL_ROLE_SESSION },
	{ "preauth", set_files, BL_ROLE_PREAUTH },
	{ "check", set_files, BL_ROLE_CHECK },
	{ "gain", set_files, BL_ROLE_GAIN },
	{ "ports", set_ports, 0 },
	{ "max_tries", set_max_tries, 0 },
	{ "behind", set_behind, 0 },
	{ "writer", set_writer, 0 },
	{ NULL, NULL, 0 },
};
/* clang-format on */
