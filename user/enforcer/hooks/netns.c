/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Network namespaces beside the host's: bl_lookup is attached in each that has a process.
 *
 * They are found by looking at every process, since the kernel lists namespaces nowhere. One that
 * is over loses its link by itself (bpf_netns_link_auto_detach); its pin is removed at the next
 * look. Anybody may make namespaces where user namespaces are open to all, so those of other user
 * namespaces have a limit of their own and never take the place of a container that root started.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "enforcer/hooks/hooks.h"

#define PIN_PREFIX "bl_lookup_"
#define FINDING "lockout, namespaces"

struct look {
	struct hooks *hooks;
	int proc_fd;
	ino_t own; /* the namespace bailiffd runs in: the table's first row serves it */
	ino_t own_user;
	uint32_t changed;
	uint32_t over; /* namespaces beyond the limit */
	uint32_t failed;
	int error;
};

void hook_netns_pin(uint64_t ino, char ret[32])
{
	(void)snprintf(ret, 32, PIN_PREFIX "%llu", (unsigned long long)ino);
}

static struct hook_netns *find(struct hooks *hooks, uint64_t ino)
{
	for (size_t i = 0; i < hooks->spaces; i++)
		if (hooks->space[i].ino == ino)
			return &hooks->space[i];
	return NULL;
}

static size_t count(const struct hooks *hooks, enum netns_kin kin)
{
	size_t n = 0;

	for (size_t i = 0; i < hooks->spaces; i++)
		n += hooks->space[i].kin == kin;
	return n;
}

static enum netns_kin kin_of(int netns, ino_t own_user)
{
	_cleanup_close_ int user = ioctl(netns, NS_GET_USERNS);
	struct stat st;

	return user >= 0 && fstat(user, &st) == 0 && st.st_ino == own_user ? NETNS_OWN
									   : NETNS_FOREIGN;
}

static int keep(struct hooks *hooks, uint64_t ino, enum netns_kin kin, int link)
{
	struct hook_netns *grown =
		reallocarray(hooks->space, hooks->spaces + 1, sizeof(*hooks->space));

	if (!grown)
		return -ENOMEM;
	hooks->space = grown;
	hooks->space[hooks->spaces++] =
		(struct hook_netns){ .ino = ino, .kin = kin, .link_fd = link };
	return 0;
}

static int attach(struct look *look, int netns, uint64_t ino)
{
	struct hooks *hooks = look->hooks;
	const struct bpf_program *program =
		bpf_object__find_program_by_name(hooks->object[HOOK_LOCKOUT], "bl_lookup");
	_cleanup_close_ int link = -1;
	enum netns_kin kin = kin_of(netns, look->own_user);
	char name[32];
	int r;

	if (count(hooks, kin) >= HOOK_NETNS_MAX) {
		look->over++;
		return 0;
	}
	hook_netns_pin(ino, name);
	link = pins_put_link(hooks->pin_dir, name, program, HOOK_AT_NETNS, netns);
	if (link < 0)
		return link;
	r = keep(hooks, ino, kin, link);
	if (r < 0)
		return r;
	link = -1; /* the table's now */
	look->changed++;
	return 0;
}

static void look_at(struct look *look, const char *pid)
{
	_cleanup_close_ int netns = -1;
	char path[32];
	struct hook_netns *known;
	struct stat st;
	int r;

	(void)snprintf(path, sizeof(path), "%.12s/ns/net", pid);
	if (fstatat(look->proc_fd, path, &st, 0) < 0 || st.st_ino == look->own)
		return;
	known = find(look->hooks, st.st_ino);
	if (known && known->kin != NETNS_ADOPTED)
		return;
	netns = openat(look->proc_fd, path, O_RDONLY | O_CLOEXEC);
	/* It may have changed its namespace, or be another process, by now. */
	if (netns < 0 || fstat(netns, &st) < 0 || st.st_ino == look->own)
		return;
	known = find(look->hooks, st.st_ino);
	if (known) {
		known->kin = kin_of(netns, look->own_user);
		return;
	}
	r = attach(look, netns, st.st_ino);
	if (r < 0) {
		look->failed++;
		look->error = r;
	}
}

static int look_everywhere(struct look *look)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	int fd = fcntl(look->proc_fd, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return -errno;
	}
	rewinddir(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			look_at(look, entry->d_name);
	return 0;
}

/* A link whose namespace has ended reads 0 (net/core: bpf_netns_link_fill_info, 5.8). */
static uint64_t place(int link)
{
	struct bpf_link_info info = {};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(link, &info, &len) < 0 || info.type != BPF_LINK_TYPE_NETNS)
		return 0;
	return info.netns.netns_ino;
}

static void unpin(const struct hooks *hooks, uint64_t ino)
{
	char name[32];

	hook_netns_pin(ino, name);
	pins_drop_link(hooks->pin_dir, name);
}

static uint32_t drop_ended(struct hooks *hooks)
{
	uint32_t dropped = 0;

	for (size_t i = hooks->spaces; i-- > 0;) {
		if (place(hooks->space[i].link_fd) == hooks->space[i].ino)
			continue;
		unpin(hooks, hooks->space[i].ino);
		(void)close(hooks->space[i].link_fd);
		hooks->space[i] = hooks->space[--hooks->spaces];
		dropped++;
	}
	return dropped;
}

/*
 * What an earlier life pinned: a namespace that is over is forgotten, in one that has no process (a
 * bind mount holds it) the program is exchanged here, as the look at processes does for the others.
 */
static void adopt(struct hooks *hooks)
{
	const struct bpf_program *program =
		bpf_object__find_program_by_name(hooks->object[HOOK_LOCKOUT], "bl_lookup");
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/links", hooks->pin_dir);
	dir = hooks->pin_dir[0] ? opendir(path) : NULL;
	while (dir && (entry = readdir(dir))) {
		_cleanup_close_ int link = -1;
		uint64_t ino;

		if (strncmp(entry->d_name, PIN_PREFIX, sizeof(PIN_PREFIX) - 1) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/links/%s", hooks->pin_dir, entry->d_name);
		link = bpf_obj_get(path);
		ino = link < 0 ? 0 : place(link);
		if (ino && hooks->spaces < 2 * (size_t)HOOK_NETNS_MAX &&
		    bpf_link_update(link, bpf_program__fd(program), NULL) == 0 &&
		    keep(hooks, ino, NETNS_ADOPTED, link) == 0)
			link = -1;
		else
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	}
}

static void report(struct hooks *hooks, const struct look *look)
{
	if (look->failed)
		findings_put(&hooks->findings, FINDING_DEGRADED, FINDING,
			     "%u network namespaces could not be entered: a locked address still "
			     "reaches what listens there (%s)",
			     look->failed, strerror(-look->error));
	else if (look->over)
		findings_put(&hooks->findings, FINDING_DEGRADED, FINDING,
			     "%u network namespaces are too many: a locked address still reaches "
			     "what listens there",
			     look->over);
	else
		findings_put(&hooks->findings, FINDING_OK, FINDING,
			     "new connections are refused in %zu other network namespaces, too",
			     hooks->spaces);
}

int hooks_namespaces_at(struct hooks *hooks, int proc_fd)
{
	struct look look = { .hooks = hooks, .proc_fd = proc_fd };
	struct stat net, user;
	int r;

	if (hooks->dry || !hooks_works(hooks, "lockout, incoming"))
		return 0;
	if (stat("/proc/self/ns/net", &net) < 0 || stat("/proc/self/ns/user", &user) < 0)
		return -errno;
	look.own = net.st_ino;
	look.own_user = user.st_ino;
	if (!hooks->spaces_adopted) {
		hooks->spaces_adopted = true;
		adopt(hooks);
	}
	look.changed = drop_ended(hooks);
	r = look_everywhere(&look);
	if (r < 0)
		return r;
	report(hooks, &look);
	return look.changed > 0;
}

int hooks_namespaces(struct hooks *hooks)
{
	_cleanup_close_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (proc < 0)
		return -errno;
	return hooks_namespaces_at(hooks, proc);
}

void hook_netns_done(struct hooks *hooks)
{
	/* A pinned link stays attached when its descriptor goes. */
	for (size_t i = 0; i < hooks->spaces; i++)
		(void)close(hooks->space[i].link_fd);
	free(hooks->space);
	hooks->space = NULL;
	hooks->spaces = 0;
}
