/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handing over to bailiff-analyst and bailiffd.
 */
#include "ctl/handover.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/ctl.h"
#include "ctl/output.h"

static int try_folder(const char *folder, size_t len, const char *program, char **ret_path)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%.*s/%s", (int)len, folder, program) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (access(path, X_OK) < 0)
		return -ENOENT;
	*ret_path = TAKE_PTR(path);
	return 0;
}

int handover_find(const char *self, const char *program, const char *const *folders, size_t count,
		  char **ret_path)
{
	const char *slash = self ? strrchr(self, '/') : NULL;
	int r = -ENOENT;

	if (slash)
		r = try_folder(self, (size_t)(slash - self), program, ret_path);
	for (size_t i = 0; r == -ENOENT && i < count; i++)
		r = try_folder(folders[i], strlen(folders[i]), program, ret_path);
	return r;
}

int handover_exec(const char *program, const char *const *folders, size_t count, char **argv)
{
	_cleanup_free_ char *path = NULL;
	char self[PATH_MAX];
	ssize_t len;

	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[len > 0 ? len : 0] = '\0';
	if (handover_find(len > 0 ? self : NULL, program, folders, count, &path) < 0) {
		output_error("%s is not installed: neither beside %s nor in %s", program, self,
			     folders[0]);
		return CTL_FAILED;
	}
	(void)execv(path, argv);
	output_error("%s: %s", path, strerror(errno));
	return CTL_FAILED;
}
