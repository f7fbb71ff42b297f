/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pins below /sys/fs/bpf/bailiff: what outlives bailiffd, so that its end opens nothing.
 *
 * A pin is trusted only as far as it fits: type and sizes of a map, the place where a link is
 * attached. A link that fits gets the new program by update, which the kernel does atomically; one
 * that does not is replaced by a new one that is attached and pinned before the old pin goes.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "enforcer/hooks/hooks.h"

#define BPFFS "/sys/fs/bpf"
#define BPFFS_MAGIC 0xcafe4a11
#define PATH_SIZE 256

/*
 * Not the rings: a ring's reader starts anew. The tags are kept because the verdict programs, which
 * run on, know a contained task by its tag; each is counted anew at start (bl_config.life).
 */
bool hook_pinned_map(const char *name)
{
	static const char *const names[] = { "bl_lock4", "bl_lock6", "bl_style",    "bl_sessions",
					     "bl_audit", "bl_state", "bl_conns",    "bl_counters",
					     "bl_tags",	 "bl_tasks", "bl_verdicts", "bl_uids",
					     "bl_any",	 "bl_left" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static int make_folder(const char *path)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int pins_prepare(const char *pin_dir, struct findings *findings)
{
	char path[PATH_SIZE];
	struct statfs fs;
	int r;

	if (!strncmp(pin_dir, BPFFS "/", sizeof(BPFFS)) &&
	    (statfs(BPFFS, &fs) < 0 || (unsigned int)fs.f_type != BPFFS_MAGIC)) {
		if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700") < 0) {
			r = -errno;
			findings_put(
				findings, FINDING_MISSING, "bpf file system",
				"%s is not mounted and could not be: lockouts end when bailiffd "
				"does (%s)",
				BPFFS, strerror(-r));
			return r;
		}
		findings_put(findings, FINDING_OK, "bpf file system",
			     "%s was not mounted; bailiffd has mounted it", BPFFS);
	} else {
		findings_put(findings, FINDING_OK, "bpf file system",
			     "lockouts are kept below %s and outlive bailiffd", pin_dir);
	}
	r = make_folder(pin_dir);
	(void)snprintf(path, sizeof(path), "%s/maps", pin_dir);
	if (r == 0)
		r = make_folder(path);
	(void)snprintf(path, sizeof(path), "%s/links", pin_dir);
	if (r == 0)
		r = make_folder(path);
	if (r < 0)
		findings_put(findings, FINDING_MISSING, "bpf file system",
			     "nothing can be kept below %s: lockouts end when bailiffd does (%s)",
			     pin_dir, strerror(-r));
	return r;
}

static bool map_fits(const struct bpf_map *map, const struct bpf_map_info *info)
{
	return info->type == bpf_map__type(map) && info->key_size == bpf_map__key_size(map) &&
	       info->value_size == bpf_map__value_size(map) &&
	       info->max_entries == bpf_map__max_entries(map) &&
	       info->map_flags == bpf_map__map_flags(map);
}

int pins_adopt_map(const char *pin_dir, const struct bpf_map *map)
{
	_cleanup_close_ int fd = -1;
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/maps/%s", pin_dir, bpf_map__name(map));
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && map_fits(map, &info))
		return TAKE_FD(fd);
	/* Of another version. What it held is in the state file, or can be learned again. */
	log_warning("%s has another form than this version needs: made anew", path);
	if (unlink(path) < 0)
		return -errno;
	return -ENOENT;
}

int pins_put_map(const char *pin_dir, const char *name, int fd)
{
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/maps/%s", pin_dir, name);
	(void)unlink(path);
	return bpf_obj_pin(fd, path) < 0 ? -errno : 0;
}

/* Number by which the kernel names the place: a cgroup's id or a network namespace's inode. */
static uint64_t place_of(int target_fd)
{
	struct stat st;

	return fstat(target_fd, &st) < 0 ? 0 : st.st_ino;
}

static bool link_fits(int fd, enum hook_at at, int target_fd)
{
	struct bpf_link_info info = {};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return false;
	/* A link whose namespace or cgroup has ended reads 0 here. */
	if (at == HOOK_AT_NETNS)
		return info.type == BPF_LINK_TYPE_NETNS &&
		       info.netns.netns_ino == place_of(target_fd);
	return info.type == BPF_LINK_TYPE_CGROUP && info.cgroup.cgroup_id == place_of(target_fd);
}

int pins_put_link(const char *pin_dir, const char *name, const struct bpf_program *program,
		  enum hook_at at, int target_fd)
{
	_cleanup_close_ int old = -1, new = -1;
	char path[PATH_SIZE], temporary[PATH_SIZE + 8];

	if (!pin_dir[0]) {
		new = bpf_link_create(bpf_program__fd(program), target_fd,
				      bpf_program__expected_attach_type(program), NULL);
		return new < 0 ? -errno : TAKE_FD(new);
	}
	(void)snprintf(path, sizeof(path), "%s/links/%s", pin_dir, name);
	(void)snprintf(temporary, sizeof(temporary), "%s_new", path);
	old = bpf_obj_get(path);
	if (old >= 0 && link_fits(old, at, target_fd) &&
	    bpf_link_update(old, bpf_program__fd(program), NULL) == 0)
		return TAKE_FD(old);
	new = bpf_link_create(bpf_program__fd(program), target_fd,
			      bpf_program__expected_attach_type(program), NULL);
	if (new < 0)
		return -errno;
	(void)unlink(temporary);
	if (bpf_obj_pin(new, temporary) < 0)
		return -errno;
	if (rename(temporary, path) < 0) {
		int r = -errno;

		(void)unlink(temporary);
		return r;
	}
	return TAKE_FD(new);
}

/* By number: ids of maps and of links are counted apart, and the folder tells which it is. */
static uint32_t id_of(int fd)
{
	struct bpf_link_info info = {};
	uint32_t len = sizeof(info);

	/* Every kind of info begins with a type and a number. */
	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0 ? 0 : info.id;
}

int pins_keep(const char *pin_dir, const char *folder, const char *name, int fd)
{
	_cleanup_close_ int pinned = -1;
	char path[PATH_SIZE], temporary[PATH_SIZE + 8];
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s/%s", pin_dir, folder, name);
	(void)snprintf(temporary, sizeof(temporary), "%s_new", path);
	pinned = bpf_obj_get(path);
	if (pinned >= 0 && id_of(pinned) == id_of(fd))
		return 0;
	(void)snprintf(path, sizeof(path), "%s/%s", pin_dir, folder);
	r = make_folder(pin_dir);
	if (r == 0)
		r = make_folder(path);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/%s/%s", pin_dir, folder, name);
	(void)unlink(temporary);
	if (bpf_obj_pin(fd, temporary) < 0)
		return -errno;
	if (rename(temporary, path) < 0) {
		r = -errno;
		(void)unlink(temporary);
		return r;
	}
	return 1;
}

int pins_keep_link(const char *pin_dir, const char *name, const struct bpf_link *link)
{
	int r = pins_keep(pin_dir, "links", name, bpf_link__fd(link));

	return r < 0 ? r : 0;
}

void pins_drop_link(const char *pin_dir, const char *name)
{
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/links/%s", pin_dir, name);
	if (pin_dir[0] && unlink(path) < 0 && errno != ENOENT)
		log_warning_errno(-errno, "%s", path);
}

/* Removes the folder's files, and the folder. */
static int clear_folder(const char *path)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0) < 0)
			r = -errno;
	}
	if (rmdir(path) < 0 && r == 0)
		r = -errno;
	return r;
}

int pins_clear(const char *pin_dir)
{
	char path[PATH_SIZE];
	int r, s;

	/* Links first: a program that still ran would refuse by a map that nobody can reach. */
	(void)snprintf(path, sizeof(path), "%s/links", pin_dir);
	r = clear_folder(path);
	(void)snprintf(path, sizeof(path), "%s/maps", pin_dir);
	s = clear_folder(path);
	if (r == 0)
		r = s;
	if (rmdir(pin_dir) < 0 && errno != ENOENT && r == 0)
		r = -errno;
	return r;
}

/* The kernel detaches a link that nobody holds a little later; until then its program shall find
 * nothing to do. */
static void forget_verdicts(const char *pin_dir)
{
	_cleanup_close_ int fd = -1;
	struct bl_any none = {};
	uint32_t zero = 0;
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/maps/bl_any", pin_dir);
	fd = bpf_obj_get(path);
	if (fd >= 0 && bpf_map_update_elem(fd, &zero, &none, BPF_ANY) < 0)
		log_warning_errno(-errno, "%s", path);
}

/* The same for addresses: what a network namespace or a cgroup holds can be detached at once. */
static void detach_links(const char *pin_dir)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	char path[2 * PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/links", pin_dir);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		_cleanup_close_ int fd = -1;

		(void)snprintf(path, sizeof(path), "%s/links/%s", pin_dir, entry->d_name);
		fd = bpf_obj_get(path);
		if (fd >= 0)
			(void)bpf_link_detach(fd);
	}
}

int hooks_clear(void)
{
	forget_verdicts(BL_PIN_DIR);
	detach_links(BL_PIN_DIR);
	return pins_clear(BL_PIN_DIR);
}
