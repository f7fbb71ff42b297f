/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which signals a program serves: one whose signals nobody wants is neither loaded nor attached, so
 * that a host does not pay for it.
 */
#include <string.h>

#include "enforcer/hooks/hooks.h"

static const struct {
	const char *program;
	uint32_t signals; /* bit = enum bl_signal */
} serves[] = {
	{ "bl_module", 1U << BL_SIGNAL_MODULE },
	{ "bl_prog", 1U << BL_SIGNAL_BPF },
	{ "bl_kexec", 1U << BL_SIGNAL_KEXEC },
	{ "bl_commit", 1U << BL_SIGNAL_GAIN },
	{ "bl_chmod", 1U << BL_SIGNAL_SETID },
	{ "bl_ptrace", 1U << BL_SIGNAL_TRACE },
	{ "bl_file_open", 1U << BL_SIGNAL_LOGIN_FILE | 1U << BL_SIGNAL_STARTUP_FILE },
	{ "bl_file_rename", 1U << BL_SIGNAL_LOGIN_FILE | 1U << BL_SIGNAL_STARTUP_FILE },
	{ "bl_file_link", 1U << BL_SIGNAL_LOGIN_FILE | 1U << BL_SIGNAL_STARTUP_FILE },
	{ "bl_file_sym", 1U << BL_SIGNAL_LOGIN_FILE | 1U << BL_SIGNAL_STARTUP_FILE },
};

bool hook_wanted(const struct hooks *hooks, size_t row)
{
	if (hook_table[row].object != HOOK_SENSOR_SIGNAL)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(serves); i++)
		if (!strcmp(serves[i].program, hook_table[row].program))
			return hooks->signals & serves[i].signals;
	return false;
}
