/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keys of [bailiff]. Whatever repeats is bounded by an array in conf.h.
 */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "enforcer/conf/keys.h"

static int set_mode(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	if (!strcmp(value, "observe"))
		t->conf->mode = MODE_OBSERVE;
	else if (!strcmp(value, "enforce"))
		t->conf->mode = MODE_ENFORCE;
	else
		return conf_wrong(error, "mode is 'observe' or 'enforce', not '%s'", value);
	return 0;
}

static int add_exempt(const struct conf_target *t, const char *word, char error[INI_ERROR_MAX])
{
	struct addr net;

	if (addr_parse_net(word, strlen(word), &net) < 0)
		return conf_wrong(error,
				  "'%s' is not a numeric address or net (192.0.2.1, 192.0.2.0/24, "
				  "2001:db8::/32; no bits set after the prefix)",
				  word);
	if (t->conf->exempts == CONF_EXEMPT_MAX)
		return conf_wrong(error, "more than %d exempt nets", CONF_EXEMPT_MAX);
	t->conf->exempt[t->conf->exempts++] = net;
	return 0;
}

static int set_exempt(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	if (t->first || !*value)
		t->conf->exempts = 0;
	return conf_each_word(t, value, error, add_exempt);
}

static int add_exempt_user(const struct conf_target *t, const char *word, char error[INI_ERROR_MAX])
{
	struct conf *conf = t->conf;
	char *copy;

	if (strlen(word) >= IPC_USER_MAX)
		return conf_wrong(error, "the account name is longer than %d bytes",
				  IPC_USER_MAX - 1);
	if (conf->exempt_users == CONF_USERS_MAX)
		return conf_wrong(error, "more than %d exempt users", CONF_USERS_MAX);
	copy = strdup(word);
	if (!copy)
		return -ENOMEM;
	conf->exempt_uid[conf->exempt_users] = (uid_t)-1;
	conf->exempt_user[conf->exempt_users++] = copy;
	return 0;
}

static int set_exempt_users(const struct conf_target *t, const char *value,
			    char error[INI_ERROR_MAX])
{
	if (t->first || !*value)
		while (t->conf->exempt_users)
			free(t->conf->exempt_user[--t->conf->exempt_users]);
	return conf_each_word(t, value, error, add_exempt_user);
}

static int set_ladder(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	if (!strcmp(value, "terminate"))
		t->conf->session_ladder = LADDER_TERMINATE;
	else if (!strcmp(value, "freeze"))
		t->conf->session_ladder = LADDER_FREEZE;
	else if (!strcmp(value, "quarantine"))
		t->conf->session_ladder = LADDER_QUARANTINE;
	else
		return conf_wrong(error,
				  "session_ladder is 'terminate', 'freeze' or 'quarantine', not "
				  "'%s'",
				  value);
	return 0;
}

static int set_session_next(const struct conf_target *t, const char *value,
			    char error[INI_ERROR_MAX])
{
	if (strcmp(value, "never") != 0)
		return conf_length(value, &t->conf->session_next_s, error);
	t->conf->session_next_s = 0;
	return 0;
}

static int set_snapshot(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	return conf_yes(value, &t->conf->snapshot, error);
}

/* In MiB. */
static int set_snapshot_max(const struct conf_target *t, const char *value,
			    char error[INI_ERROR_MAX])
{
	uint64_t number;
	int r = conf_number(value, 1, 1048576, &number, error);

	if (r < 0)
		return r;
	t->conf->snapshot_max_bytes = number << 20;
	return 0;
}

static int set_style(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	if (!strcmp(value, "refuse"))
		t->conf->style = STYLE_REFUSE;
	else if (!strcmp(value, "silent"))
		t->conf->style = STYLE_SILENT;
	else
		return conf_wrong(error, "style is 'refuse' or 'silent', not '%s'", value);
	return 0;
}

static int set_on_failure(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	if (!strcmp(value, "keep"))
		t->conf->on_failure = ON_FAILURE_KEEP;
	else if (!strcmp(value, "thaw"))
		t->conf->on_failure = ON_FAILURE_THAW;
	else if (!strcmp(value, "terminate"))
		t->conf->on_failure = ON_FAILURE_TERMINATE;
	else
		return conf_wrong(error, "on_failure is 'keep', 'thaw' or 'terminate', not '%s'",
				  value);
	return 0;
}

static int set_guard(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	return conf_yes(value, &t->conf->guard, error);
}

static int add_signal(const struct conf_target *t, const char *word, char error[INI_ERROR_MAX])
{
	static const char *const names[BL_SIGNAL_MAX] = BL_SIGNAL_NAMES;

	for (unsigned int what = 1; what < BL_SIGNAL_MAX; what++) {
		if (!strcmp(names[what], word)) {
			t->conf->signals |= 1U << what;
			return 0;
		}
	}
	return conf_wrong(error, "'%.40s' is not a signal; bailiff.conf(5) names them", word);
}

static int set_signals(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	if (t->first || !*value)
		t->conf->signals = 0;
	return conf_each_word(t, value, error, add_signal);
}

static int set_operator_lockout(const struct conf_target *t, const char *value,
				char error[INI_ERROR_MAX])
{
	return conf_length(value, &t->conf->operator_lockout_s, error);
}

static int set_longest_lockout(const struct conf_target *t, const char *value,
			       char error[INI_ERROR_MAX])
{
	return conf_length(value, &t->conf->longest_lockout_s, error);
}

static int set_max_lockouts(const struct conf_target *t, const char *value,
			    char error[INI_ERROR_MAX])
{
	uint64_t number;
	int r = conf_number(value, 1, BL_LOCK_MAX, &number, error);

	if (r < 0)
		return r;
	t->conf->max_lockouts = (uint32_t)number;
	return 0;
}

static int set_lockouts_per_minute(const struct conf_target *t, const char *value,
				   char error[INI_ERROR_MAX])
{
	uint64_t number;
	int r = conf_number(value, 1, 1000000, &number, error);

	if (r < 0)
		return r;
	t->conf->lockouts_per_minute = (uint32_t)number;
	return 0;
}

static int set_fallback_uid(const struct conf_target *t, const char *value,
			    char error[INI_ERROR_MAX])
{
	uint64_t number;
	int r = conf_number(value, 1000, UINT32_MAX - 16, &number, error);

	if (r < 0)
		return r;
	t->conf->fallback_uid = (uint32_t)number;
	return 0;
}

static int set_state_dir(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	int r = conf_path(value, error);

	return r < 0 ? r : conf_copy(&t->conf->state_dir, value);
}

/* A Unix socket's address holds 107 bytes: "/control" must still fit. */
static int set_run_dir(const struct conf_target *t, const char *value, char error[INI_ERROR_MAX])
{
	int r = conf_path(value, error);

	if (r < 0)
		return r;
	if (strlen(value) > 90)
		return conf_wrong(error,
				  "run_dir is longer than 90 bytes, too long for its sockets");
	return conf_copy(&t->conf->run_dir, value);
}

static int set_user(char **to, const char *value, char error[INI_ERROR_MAX])
{
	if (!*value || strlen(value) >= IPC_USER_MAX || strpbrk(value, " \t/:"))
		return conf_wrong(error, "'%s' is not an account name", value);
	if (!strcmp(value, "root"))
		return conf_wrong(error, "a child of bailiffd never runs as root");
	return conf_copy(to, value);
}

static int set_analyst_user(const struct conf_target *t, const char *value,
			    char error[INI_ERROR_MAX])
{
	return set_user(&t->conf->analyst_user, value, error);
}

static int set_recorder_user(const struct conf_target *t, const char *value,
			     char error[INI_ERROR_MAX])
{
	return set_user(&t->conf->recorder_user, value, error);
}

static int set_journal_user(const struct conf_target *t, const char *value,
			    char error[INI_ERROR_MAX])
{
	return set_user(&t->conf->journal_user, value, error);
}

/* clang-format off */
const struct conf_key conf_bailiff_keys[] = {
	{ "mode", set_mode, 0 },
	{ "exempt", set_exempt, 0 },
	{ "exempt_users", set_exempt_users, 0 },
	{ "session_ladder", set_ladder, 0 },
	{ "session_next", set_session_next, 0 },
	{ "snapshot", set_snapshot, 0 },
	{ "snapshot_max", set_snapshot_max, 0 },
	{ "style", set_style, 0 },
	{ "on_failure", set_on_failure, 0 },
	{ "guard", set_guard, 0 },
	{ "signals", set_signals, 0 },
	{ "operator_lockout", set_operator_lockout, 0 },
	{ "longest_lockout", set_longest_lockout, 0 },
	{ "max_lockouts", set_max_lockouts, 0 },
	{ "lockouts_per_minute", set_lockouts_per_minute, 0 },
	{ "state_dir", set_state_dir, 0 },
	{ "run_dir", set_run_dir, 0 },
	{ "analyst_user", set_analyst_user, 0 },
	{ "recorder_user", set_recorder_user, 0 },
	{ "journal_user", set_journal_user, 0 },
	{ "fallback_uid", set_fallback_uid, 0 },
	{ NULL, NULL, 0 },
};
/* clang-format on */
