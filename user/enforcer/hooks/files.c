/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which program files and ports belong to which service: bl_services and bl_ports.
 *
 * A file is known by inode and superblock device, in the kernel's numbers. stat's st_dev is not
 * that device on btrfs (one per subvolume) and overlayfs (one per layer), so it is read from the
 * mount's line in mountinfo, which prints the superblock's s_dev. Entries of a former inode go
 * only after the new ones stand: a package upgrade leaves no gap.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "enforcer/hooks/hooks.h"

#define MOUNTINFO_MAX (4 * 1024 * 1024)
#define FILES_MAX BL_SERVICES_MAX

/* "MOUNTID PARENT MAJOR:MINOR …" */
static int find_mount_device(const char *text, uint64_t mount_id, uint32_t *ret)
{
	while (*text) {
		const char *eol = strchr(text, '\n');
		unsigned long long id;
		unsigned int major_number, minor_number;

		if (sscanf(text, "%llu %*u %u:%u", &id, &major_number, &minor_number) == 3 &&
		    id == mount_id) {
			*ret = major_number << 20 | minor_number;
			return 0;
		}
		if (!eol)
			break;
		text = eol + 1;
	}
	return -ENOENT;
}

int hook_file_device(const char *mountinfo, const struct statx *st, uint32_t *ret)
{
	if (st->stx_mask & STATX_MNT_ID)
		return find_mount_device(mountinfo, st->stx_mnt_id, ret);
	*ret = st->stx_dev_major << 20 | st->stx_dev_minor;
	return 0;
}

static int file_key(const char *path, const char *mountinfo, struct bl_file_key *ret)
{
	struct bl_file_key key = {};
	struct statx st;
	int r;

	/* STATX_MNT_ID is 5.8 (fa2fcf4f1df1), older than anything this runs on. */
	if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_TYPE | STATX_MNT_ID, &st) < 0)
		return -errno;
	if (!S_ISREG(st.stx_mode))
		return -EINVAL;
	key.ino = st.stx_ino;
	r = hook_file_device(mountinfo, &st, &key.dev);
	if (r < 0)
		return r;
	*ret = key;
	return 0;
}

static size_t collect_files(const struct conf *conf, const char *mountinfo,
			    struct service_file ret[FILES_MAX])
{
	size_t count = 0;

	for (size_t s = 0; s < conf->services; s++) {
		const struct conf_service *service = &conf->service[s];

		for (uint32_t role = BL_ROLE_NONE + 1; role < BL_ROLE_MAX; role++) {
			for (uint32_t i = 0; i < service->files[role]; i++) {
				if (count == FILES_MAX)
					return count;
				/* A path that this host lacks is usual: one list for all
				 * releases. */
				if (file_key(service->file[role][i], mountinfo, &ret[count].key) <
				    0)
					continue;
				ret[count].role.service = service->id;
				ret[count].role.role = (uint16_t)role;
				count++;
			}
		}
	}
	return count;
}

static bool same_key(const struct service_file *a, const struct service_file *b)
{
	return !memcmp(&a->key, &b->key, sizeof(a->key));
}

static int write_files(struct hooks *hooks, int fd, const struct service_file *file, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bpf_map_update_elem(fd, &file[i].key, &file[i].role, BPF_ANY) < 0)
			return -errno;
	for (size_t i = 0; i < hooks->files; i++) {
		bool kept = false;

		for (size_t k = 0; k < count && !kept; k++)
			kept = same_key(&hooks->file[i], &file[k]);
		if (!kept)
			(void)bpf_map_delete_elem(fd, &hooks->file[i].key);
	}
	return 0;
}

static int refresh_files(struct hooks *hooks, const struct conf *conf, const char *mountinfo)
{
	int fd = hooks_map(hooks, "bl_services");
	_cleanup_free_ struct service_file *file = calloc(FILES_MAX, sizeof(*file));
	size_t count;
	int r;

	if (fd < 0)
		return 0;
	if (!file)
		return -ENOMEM;
	count = collect_files(conf, mountinfo, file);
	if (count == hooks->files &&
	    (count == 0 || !memcmp(file, hooks->file, count * sizeof(*file))))
		return 0;
	r = write_files(hooks, fd, file, count);
	if (r < 0)
		return r;
	free(hooks->file);
	hooks->file = TAKE_PTR(file);
	hooks->files = count;
	memset(hooks->sensed, 0, sizeof(hooks->sensed));
	for (size_t i = 0; i < count; i++)
		if (hooks->file[i].role.role == BL_ROLE_SESSION)
			hooks->sensed[hooks->file[i].role.service] = true;
	return 1;
}

static bool is_listed(const uint16_t port[][2], size_t count, uint16_t wanted)
{
	for (size_t i = 0; i < count; i++)
		if (port[i][0] == wanted)
			return true;
	return false;
}

/* A port that is not watched would make strangers of those who come to it. */
_Static_assert(CONF_SERVICES_MAX *CONF_PORTS_MAX <= BL_PORTS_MAX, "room for every port");

static int refresh_ports(struct hooks *hooks, const struct conf *conf)
{
	int fd = hooks_map(hooks, "bl_ports");
	uint16_t port[BL_PORTS_MAX][2] = {};
	size_t count = 0;

	if (fd < 0)
		return 0;
	for (size_t s = 0; s < conf->services; s++)
		for (size_t i = 0; i < CONF_PORTS_MAX; i++) {
			if (!conf->service[s].ports[i] ||
			    is_listed(port, count, conf->service[s].ports[i]))
				continue;
			port[count][0] = conf->service[s].ports[i];
			port[count][1] = conf->service[s].id;
			count++;
		}
	if (count == hooks->ports && !memcmp(port, hooks->port, sizeof(port)))
		return 0;
	for (size_t i = 0; i < count; i++)
		if (bpf_map_update_elem(fd, &port[i][0], &port[i][1], BPF_ANY) < 0)
			return -errno;
	for (size_t i = 0; i < hooks->ports; i++) {
		bool kept = false;

		for (size_t k = 0; k < count && !kept; k++)
			kept = port[k][0] == hooks->port[i][0];
		if (!kept)
			(void)bpf_map_delete_elem(fd, &hooks->port[i][0]);
	}
	memcpy(hooks->port, port, sizeof(port));
	hooks->ports = count;
	return 1;
}

int hooks_services(struct hooks *hooks, const struct conf *conf)
{
	_cleanup_close_ int info_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *mountinfo = NULL;
	int files, ports = refresh_ports(hooks, conf), watched;
	size_t len;

	hook_pam_refresh(hooks);
	files = info_fd < 0 ? -errno : file_read_fd(info_fd, MOUNTINFO_MAX, &mountinfo, &len);
	if (files < 0)
		return files;
	files = refresh_files(hooks, conf, mountinfo);
	watched = hook_watch_refresh(hooks, mountinfo);
	if (files < 0 || ports < 0)
		return files < 0 ? files : ports;
	return watched < 0 ? watched : files || ports;
}

bool hooks_service_sensed(const struct hooks *hooks, uint16_t service)
{
	return service <= CONF_SERVICES_MAX && hooks->sensed[service] &&
	       hooks_works(hooks, "exec events");
}
