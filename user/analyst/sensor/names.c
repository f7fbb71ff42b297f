/* SPDX-License-Identifier: GPL-2.0-only */
/* The words of a recording. They are an interface: words are added, none is changed. */
#include "analyst/sensor/names.h"

#include <stddef.h>

const char *const sensor_kind_names[BL_EVENT_MAX] = {
	[BL_EVENT_EXEC] = "exec",
	[BL_EVENT_FORK] = "fork",
	[BL_EVENT_EXIT] = "exit",
	[BL_EVENT_SESSION] = "session",
	[BL_EVENT_CONNECTION] = "connection",
	[BL_EVENT_AUTH] = "auth",
	[BL_EVENT_SIGNAL] = "signal",
};

const char *const sensor_role_names[BL_ROLE_MAX] = {
	[BL_ROLE_SESSION] = "session",
	[BL_ROLE_PREAUTH] = "preauth",
	[BL_ROLE_CHECK] = "check",
	[BL_ROLE_GAIN] = "gain",
};
_Static_assert(BL_EVENT_MAX == BL_EVENT_SIGNAL + 1, "a kind without a name");
_Static_assert(BL_ROLE_MAX == BL_ROLE_GAIN + 1, "a role without a name");

const char *const sensor_signal_names[BL_SIGNAL_MAX] = BL_SIGNAL_NAMES;
_Static_assert(BL_SIGNAL_MAX == BL_SIGNAL_SERVICE_SHELL + 1, "a signal without a name");

const struct sensor_flag sensor_exec_flags[] = {
	{ "setuid", BL_EXEC_SETUID },
	{ "memfd", BL_EXEC_MEMFD },
	{ "deleted", BL_EXEC_DELETED },
	{ "script", BL_EXEC_SCRIPT },
	{ "writable_dir", BL_EXEC_WRITABLE_DIR },
	{ "args_cut", BL_EXEC_ARGS_CUT },
	{ "exe_cut", BL_EXEC_EXE_CUT },
	{ "cwd_cut", BL_EXEC_CWD_CUT },
	{ "file_cut", BL_EXEC_FILE_CUT },
	{ "tmpfs", BL_EXEC_TMPFS },
	{ NULL, 0 },
};

const struct sensor_flag sensor_session_flags[] = {
	{ "inferred", BL_SESSION_INFERRED },
	{ "late", BL_SESSION_LATE },
	{ "joined", BL_SESSION_JOINED },
	{ "at-job", BL_SESSION_AT },
	{ "cron-job", BL_SESSION_CRON },
	{ "left", BL_SESSION_LEFT },
	{ NULL, 0 },
};

const struct sensor_flag sensor_auth_flags[] = {
	{ "user_cut", BL_AUTH_USER_CUT },
	{ "rhost_cut", BL_AUTH_RHOST_CUT },
	{ NULL, 0 },
};
