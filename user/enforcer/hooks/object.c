/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One compiled object into the kernel, with as many of its programs as the kernel takes.
 *
 * libbpf loads all programs of an object or none. So if all together are refused, each is tried
 * alone, and the object is loaded once more without those that were refused.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "enforcer/hooks/hooks.h"

extern const unsigned char object_sensor_exec[], object_sensor_exec_end[];
extern const unsigned char object_sensor_auth[], object_sensor_auth_end[];
extern const unsigned char object_sensor_net[], object_sensor_net_end[];
extern const unsigned char object_sensor_signal[], object_sensor_signal_end[];
extern const unsigned char object_lockout[], object_lockout_end[];
extern const unsigned char object_lockout_session[], object_lockout_session_end[];

static const struct {
	const char *name;
	const unsigned char *start, *end;
} embedded[] = {
	[HOOK_SENSOR_EXEC] = { "sensor_exec", object_sensor_exec, object_sensor_exec_end },
	[HOOK_SENSOR_AUTH] = { "sensor_auth", object_sensor_auth, object_sensor_auth_end },
	[HOOK_SENSOR_NET] = { "sensor_net", object_sensor_net, object_sensor_net_end },
	[HOOK_SENSOR_SIGNAL] = { "sensor_signal", object_sensor_signal, object_sensor_signal_end },
	[HOOK_LOCKOUT] = { "lockout", object_lockout, object_lockout_end },
	[HOOK_VERDICT] = { "lockout_session", object_lockout_session, object_lockout_session_end },
};
_Static_assert(ARRAY_SIZE(embedded) == HOOK_OBJECT_MAX, "an object per kind");

/* The verifier's words are long and for developers: only with debugging. */
static int __attribute__((format(printf, 2, 0)))
print(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[512];

	if (level == LIBBPF_DEBUG)
		return 0;
	(void)vsnprintf(text, sizeof(text), format, args);
	log_debug("libbpf: %s", text);
	return 0;
}

void hook_quiet(void)
{
	(void)libbpf_set_print(print);
}

static void object_closep(struct bpf_object **object)
{
	if (*object)
		bpf_object__close(*object);
}

static int set_config(struct bpf_object *object, const struct hooks *hooks)
{
	struct bl_config config = { .task_storage = hooks->task_storage,
				    .life = hooks->life,
				    .own_pid = (uint32_t)getpid() };
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		const char *name = bpf_map__name(map);

		if (strstr(name, ".rodata.bl") || !strcmp(name, ".rodata.bl"))
			return bpf_map__set_initial_value(map, &config, sizeof(config));
	}
	return 0; /* the lockout object has no use for it */
}

static bool internal(const struct bpf_map *map)
{
	return bpf_map__name(map)[0] == '.' || strchr(bpf_map__name(map), '.') != NULL;
}

static int share_maps(struct hooks *hooks, struct bpf_object *object, const char *pin_dir)
{
	struct bpf_map *map;
	int r;

	bpf_object__for_each_map(map, object)
	{
		const char *name = bpf_map__name(map);
		bool unused = !strcmp(name, hooks->task_storage ? "bl_tasks" : "bl_tags");
		int fd = hooks_map(hooks, name);

		if (unused) {
			r = bpf_map__set_autocreate(map, false);
			if (r < 0)
				return r;
			continue;
		}
		if (internal(map))
			continue;
		if (fd < 0 && pin_dir && hook_pinned_map(name)) {
			_cleanup_close_ int pinned = pins_adopt_map(pin_dir, map);

			if (pinned >= 0) {
				struct hook_map *own = &hooks->map[hooks->maps];

				if (hooks->maps == HOOK_MAPS_MAX)
					return -E2BIG;
				text_copy(own->name, sizeof(own->name), name);
				own->adopted = true;
				own->fd = TAKE_FD(pinned);
				hooks->maps++;
				fd = own->fd;
			}
		}
		if (fd >= 0) {
			r = bpf_map__reuse_fd(map, fd);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* only: this program alone, or NULL: all but those with an error. */
static int open_object(struct hooks *hooks, enum hook_object which, const char *only,
		       const int error[HOOKS_MAX], const char *pin_dir, struct bpf_object **ret)
{
	_cleanup_(object_closep) struct bpf_object *object = NULL;
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = embedded[which].name);
	int r;

	object = bpf_object__open_mem(embedded[which].start,
				      (size_t)(embedded[which].end - embedded[which].start), &opts);
	if (!object)
		return -errno;
	r = set_config(object, hooks);
	if (r < 0)
		return r;
	r = share_maps(hooks, object, pin_dir);
	if (r < 0)
		return r;
	for (size_t i = 0; i < hook_count; i++) {
		struct bpf_program *program;

		if (hook_table[i].object != which)
			continue;
		program = bpf_object__find_program_by_name(object, hook_table[i].program);
		if (!program)
			return -ENOENT;
		r = bpf_program__set_autoload(program,
					      only ? !strcmp(only, hook_table[i].program)
						   : error[i] == 0 && hook_wanted(hooks, i));
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(object);
	return 0;
}

static int try_alone(struct hooks *hooks, enum hook_object which, const char *program)
{
	_cleanup_(object_closep) struct bpf_object *object = NULL;
	static const int none[HOOKS_MAX];
	int r;

	r = open_object(hooks, which, program, none, NULL, &object);
	return r < 0 ? r : bpf_object__load(object);
}

static int keep_maps(struct hooks *hooks, struct bpf_object *object, const char *pin_dir)
{
	struct bpf_map *map;
	int r;

	bpf_object__for_each_map(map, object)
	{
		const char *name = bpf_map__name(map);
		struct hook_map *own = &hooks->map[hooks->maps];

		if (internal(map) || !bpf_map__autocreate(map) || hooks_map(hooks, name) >= 0)
			continue;
		if (hooks->maps == HOOK_MAPS_MAX)
			return -E2BIG;
		own->fd = fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 3);
		if (own->fd < 0)
			return -errno;
		text_copy(own->name, sizeof(own->name), name);
		own->adopted = false;
		hooks->maps++;
		if (pin_dir && hook_pinned_map(name)) {
			r = pins_put_map(pin_dir, name, own->fd);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int hook_object_load(struct hooks *hooks, enum hook_object which, const char *pin_dir,
		     int ret_error[HOOKS_MAX])
{
	_cleanup_(object_closep) struct bpf_object *object = NULL;
	int r;

	r = open_object(hooks, which, NULL, ret_error, pin_dir, &object);
	if (r < 0)
		return r;
	r = bpf_object__load(object);
	if (r < 0) {
		bool any = false;
		int all = r;

		for (size_t i = 0; i < hook_count; i++) {
			if (hook_table[i].object != which || !hook_wanted(hooks, i))
				continue;
			ret_error[i] = try_alone(hooks, which, hook_table[i].program);
			any |= ret_error[i] < 0;
		}
		/* Each goes alone but not all together: then it is no program's fault. */
		if (!any)
			return all;
		object_closep(&object);
		object = NULL;
		r = open_object(hooks, which, NULL, ret_error, pin_dir, &object);
		if (r < 0)
			return r;
		r = bpf_object__load(object);
		if (r < 0)
			return r;
	}
	r = keep_maps(hooks, object, pin_dir);
	if (r < 0)
		return r;
	hooks->object[which] = TAKE_PTR(object);
	return 0;
}

bool hook_probe_task_storage(void)
{
	struct hooks hooks = { .task_storage = true, .life = 1 };

	if (libbpf_probe_bpf_map_type(BPF_MAP_TYPE_TASK_STORAGE, NULL) != 1)
		return false;
	return try_alone(&hooks, HOOK_SENSOR_EXEC, "bl_fork") == 0;
}
