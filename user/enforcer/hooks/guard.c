/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guard: LSM programs that refuse others what would undo a lockout (bpf/guard.bpf.c).
 *
 * Asked for by guard = yes. It is only said to work after another process was seen to be refused:
 * LSM programs load and attach where lsm= does not name bpf, and are then never called. It is not
 * pinned, so it ends with bailiffd, and nothing that starts after that can be locked out by it.
 */
#include <bailiff/guard.h>

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "base/log.h"
#include "enforcer/hooks/hooks.h"

#define FINDING "guard"
#define GUARD_PROGRAMS_MAX 8

extern const unsigned char object_guard[], object_guard_end[];

struct hook_guard {
	struct bpf_object *object;
	struct bpf_link *link[GUARD_PROGRAMS_MAX];
	size_t links;
	int map, ids, dirs; /* borrowed from object */
	uint64_t refused; /* told so far */
};

static struct hook_guard *guard_free(struct hook_guard *guard)
{
	if (!guard)
		return NULL;
	for (size_t i = 0; i < guard->links; i++)
		(void)bpf_link__destroy(guard->link[i]);
	if (guard->object)
		bpf_object__close(guard->object);
	free(guard);
	return NULL;
}
DEFINE_CLEANUP(guard_free, struct hook_guard *)

/* ---- loading ---- */

/* Two programs for one hook, whose arguments changed: the kernel takes one of them. */
static int load_with(struct hook_guard *guard, const char *without)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "guard");
	struct bpf_program *program;
	int r;

	guard->object = bpf_object__open_mem(object_guard,
					     (size_t)(object_guard_end - object_guard), &opts);
	if (!guard->object)
		return -errno;
	program = bpf_object__find_program_by_name(guard->object, without);
	r = program ? bpf_program__set_autoload(program, false) : -ENOENT;
	if (r == 0)
		r = bpf_object__load(guard->object);
	if (r < 0) {
		bpf_object__close(guard->object);
		guard->object = NULL;
	}
	return r;
}

static int load(struct hook_guard *guard)
{
	/* The one with more arguments first: an older kernel refuses it, a newer one takes both. */
	int r = load_with(guard, "bl_guard_bpf");

	if (r < 0)
		r = load_with(guard, "bl_guard_bpf4");
	if (r < 0)
		return r;
	guard->map = bpf_object__find_map_fd_by_name(guard->object, "bl_guard");
	guard->ids = bpf_object__find_map_fd_by_name(guard->object, "bl_guard_ids");
	guard->dirs = bpf_object__find_map_fd_by_name(guard->object, "bl_guard_dirs");
	return guard->map < 0 || guard->ids < 0 || guard->dirs < 0 ? -ENOENT : 0;
}

static int attach(struct hook_guard *guard)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, guard->object)
	{
		struct bpf_link *link;

		if (bpf_program__fd(program) < 0)
			continue;
		if (guard->links == GUARD_PROGRAMS_MAX)
			return -E2BIG;
		link = bpf_program__attach(program);
		if (!link)
			return -errno;
		guard->link[guard->links++] = link;
	}
	return 0;
}

/* ---- what is guarded ---- */

static int name_object(const struct hook_guard *guard, enum bl_guard_kind kind, int fd)
{
	/* Every kind of info begins with a type and a number. */
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);
	struct bl_guard_key key = { .kind = kind };
	uint8_t one = 1;

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	key.id = info.id;
	return bpf_map_update_elem(guard->ids, &key, &one, BPF_ANY) < 0 ? -errno : 0;
}

static int name_folder(const struct hook_guard *guard, const char *path)
{
	struct bl_file_key key = {};
	uint8_t one = 1;
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	key.ino = st.st_ino;
	key.dev = major(st.st_dev) << 20 | minor(st.st_dev);
	return bpf_map_update_elem(guard->dirs, &key, &one, BPF_ANY) < 0 ? -errno : 0;
}

static int name_all(const struct hooks *hooks, const struct hook_guard *guard)
{
	static const char *const folders[] = { "", "/maps", "/links" };
	int r = 0, own[] = { guard->map, guard->ids, guard->dirs };

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(own); i++)
		r = name_object(guard, BL_GUARD_MAP, own[i]);
	for (size_t i = 0; r == 0 && i < hooks->maps; i++)
		r = name_object(guard, BL_GUARD_MAP, hooks->map[i].fd);
	for (size_t i = 0; r == 0 && i < hook_count; i++)
		if (hooks->link_fd[i] >= 0)
			r = name_object(guard, BL_GUARD_LINK, hooks->link_fd[i]);
	for (size_t i = 0; r == 0 && i < hooks->spaces; i++)
		r = name_object(guard, BL_GUARD_LINK, hooks->space[i].link_fd);
	for (size_t i = 0; r == 0 && hooks->pin_dir[0] && i < ARRAY_SIZE(folders); i++) {
		char path[160];

		(void)snprintf(path, sizeof(path), "%s%s", hooks->pin_dir, folders[i]);
		r = name_folder(guard, path);
	}
	return r;
}

void hook_guard_refresh(struct hooks *hooks)
{
	struct hook_guard *guard = hooks->guard;
	struct bl_guard now;
	uint32_t zero = 0;
	int r;

	if (!guard)
		return;
	r = name_all(hooks, guard);
	if (r < 0)
		log_warning_errno(r, "guard: something new is not guarded");
	if (bpf_map_lookup_elem(guard->map, &zero, &now) < 0 || now.refused == guard->refused)
		return;
	log_warning("guard: refused %llu times to touch what bailiff holds in the kernel, or its "
		    "processes",
		    (unsigned long long)(now.refused - guard->refused));
	guard->refused = now.refused;
}

/* ---- does it refuse? ---- */

static int try_write(uint32_t id)
{
	int fd = bpf_map_get_fd_by_id(id), r = fd < 0 ? -errno : 0;

	if (fd >= 0)
		(void)close(fd);
	return r;
}

/* 0 or the errno with which another process fails to get a descriptor of the map; -ECHILD. */
static int try_elsewhere(uint32_t id)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(-try_write(id));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

/* Once before and once after: what is refused in both cases is not the guard's doing. */
static int prove(struct hook_guard *guard)
{
	struct bl_guard own = { .tgid = (uint32_t)getpid() };
	struct bpf_map_info info = {};
	uint32_t zero = 0, len = sizeof(info);
	int r;

	if (bpf_obj_get_info_by_fd(guard->map, &info, &len) < 0)
		return -errno;
	r = try_elsewhere(info.id);
	if (r < 0)
		return r;
	if (bpf_map_update_elem(guard->map, &zero, &own, BPF_ANY) < 0)
		return -errno;
	r = name_object(guard, BL_GUARD_MAP, guard->map);
	if (r == 0)
		r = attach(guard);
	if (r < 0)
		return r;
	r = try_elsewhere(info.id);
	if (r != -EPERM)
		return r < 0 ? r : -EOPNOTSUPP;
	/* In a process namespace of its own bailiffd would not know itself by its number. */
	r = try_write(info.id);
	if (r < 0)
		return r;
	if (bpf_map_lookup_elem(guard->map, &zero, &own) == 0)
		guard->refused = own.refused;
	return 0;
}

int hooks_guard(struct hooks *hooks, const struct conf *conf)
{
	_cleanup_(guard_freep) struct hook_guard *guard = NULL;
	int r;

	if (!conf->guard)
		return 0;
	guard = calloc(1, sizeof(*guard));
	if (!guard)
		return -ENOMEM;
	r = load(guard);
	if (r == 0)
		r = prove(guard);
	if (r == 0)
		r = name_all(hooks, guard);
	if (r < 0) {
		findings_put(&hooks->findings, FINDING_DEGRADED, FINDING,
			     r == -EOPNOTSUPP
				     ? "others are not kept from bailiff's maps and processes: LSM "
				       "programs are never called (bpf is not in lsm=)%s%s"
				     : "others are not kept from bailiff's maps and processes%s%s",
			     r == -EOPNOTSUPP ? "" : ": ", r == -EOPNOTSUPP ? "" : strerror(-r));
		return r;
	}
	hooks->guard = TAKE_PTR(guard);
	findings_put(&hooks->findings, FINDING_OK, FINDING,
		     "others are kept from writing bailiff's maps, from its pins and processes");
	return 0;
}

void hook_guard_done(struct hooks *hooks)
{
	hooks->guard = guard_free(hooks->guard);
}
