/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The probes in libpam: where the library is, and again after it was upgraded.
 *
 * One library is probed, the host's own. A process that has another file mapped (a container's, a
 * private copy) is not seen, which costs a witness and never makes a false one.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "enforcer/hooks/hooks.h"

static const char *const places[] = {
	"/usr/lib/x86_64-linux-gnu/libpam.so.0",
	"/usr/lib/aarch64-linux-gnu/libpam.so.0",
	"/lib/x86_64-linux-gnu/libpam.so.0", /* hosts whose /lib is no link to /usr/lib */
	"/lib/aarch64-linux-gnu/libpam.so.0",
	"/usr/lib64/libpam.so.0",
	"/usr/lib/libpam.so.0",
};

static const char *find(struct stat *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (stat(places[i], ret) == 0 && S_ISREG(ret->st_mode))
			return places[i];
	return NULL;
}

static bool is_pam(const struct hook *hook)
{
	return hook->at == HOOK_AT_PAM || hook->at == HOOK_AT_PAM_RETURN;
}

int hook_pam_attach(struct hooks *hooks, size_t row, const struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .func_name = "pam_authenticate",
		    .retprobe = hook_table[row].at == HOOK_AT_PAM_RETURN);
	struct bpf_link *link;
	struct stat st;
	const char *path = find(&st);

	if (!path)
		return -ENOENT;
	link = bpf_program__attach_uprobe_opts(program, -1, path, 0, &opts);
	if (!link)
		return -errno;
	(void)bpf_link__destroy(hooks->link[row]);
	hooks->link[row] = link;
	hooks->pam_dev = st.st_dev;
	hooks->pam_ino = st.st_ino;
	return 0;
}

void hook_pam_refresh(struct hooks *hooks)
{
	struct stat st;

	/* Before the first attaching, and where that failed, there is nothing to move. */
	if (!hooks->pam_ino || !find(&st) ||
	    (st.st_dev == hooks->pam_dev && st.st_ino == hooks->pam_ino))
		return;
	/* Tried once for each new file: what the kernel refused it will refuse again. */
	hooks->pam_dev = st.st_dev;
	hooks->pam_ino = st.st_ino;
	for (size_t i = 0; i < hook_count; i++) {
		const struct bpf_program *program;
		int r;

		if (!is_pam(&hook_table[i]))
			continue;
		program = bpf_object__find_program_by_name(hooks->object[HOOK_SENSOR_AUTH],
							   hook_table[i].program);
		r = program && bpf_program__fd(program) >= 0 ? hook_pam_attach(hooks, i, program)
							     : -ENOENT;
		if (r < 0)
			log_warning_errno(r, "libpam was replaced; %s", hook_table[i].program);
		hooks->attached[i] = r == 0;
	}
}
