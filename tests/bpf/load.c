/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loads the BPF objects as bailiffd does.
 *
 * What a kernel allows is found out by loading and attaching, never by its version.
 */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *object_dir;
char load_error[8192];
static size_t error_len;

int load_print(enum libbpf_print_level level, const char *format, va_list args)
{
	int n;

	if (level == LIBBPF_DEBUG)
		return 0;
	/* The verifier's last words are what matters, so the front is thrown away. */
	if (error_len > sizeof(load_error) / 2)
		error_len = 0;
	n = vsnprintf(load_error + error_len, sizeof(load_error) - error_len, format, args);
	if (n > 0)
		error_len += (size_t)n;
	if (error_len >= sizeof(load_error))
		error_len = sizeof(load_error) - 1;
	return n;
}

struct bpf_object *object_open(const char *name)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s.bpf.o", object_dir, name);
	return bpf_object__open_file(path, NULL);
}

static int map_max(struct bpf_object *obj, const char *name, uint32_t max)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);

	return map && max ? bpf_map__set_max_entries(map, max) : 0;
}

static int map_adopt(struct bpf_object *obj, const char *name, int fd)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);

	return map && fd > 0 ? bpf_map__reuse_fd(map, fd) : 0;
}

static int object_configure(struct bpf_object *obj, const struct sensor_options *options)
{
	struct bpf_map *config = bpf_object__find_map_by_name(obj, ".rodata.bl");
	struct bl_config c = { .task_storage = options->task_storage,
			       .life = 1,
			       .own_pid = options->own_pid };
	int r;

	r = config ? bpf_map__set_initial_value(config, &c, sizeof(c)) : -ENOENT;
	if (!r)
		r = bpf_map__set_autocreate(bpf_object__find_map_by_name(obj, "bl_tags"),
					    options->task_storage);
	if (!r)
		r = bpf_map__set_autocreate(bpf_object__find_map_by_name(obj, "bl_tasks"),
					    !options->task_storage);
	if (!r)
		r = map_max(obj, "bl_events", options->events_size);
	if (!r)
		r = map_max(obj, "bl_urgent", options->urgent_size);
	if (!r)
		r = map_max(obj, "bl_sessions", options->sessions_max);
	if (!r)
		r = map_max(obj, "bl_tasks", options->tasks_max);
	if (!r)
		r = map_max(obj, "bl_conns", options->conns_max);
	return r;
}

/* Gives obj the maps that an earlier object already has. */
static int object_share(struct bpf_object *obj, struct bpf_object *earlier)
{
	struct bpf_map *map, *known;
	int r;

	bpf_object__for_each_map(map, obj)
	{
		if (bpf_map__is_internal(map) || !bpf_map__autocreate(map))
			continue;
		known = bpf_object__find_map_by_name(earlier, bpf_map__name(map));
		if (!known)
			continue;
		r = bpf_map__reuse_fd(map, bpf_map__fd(known));
		if (r)
			return r;
	}
	return 0;
}

int object_prepare(struct bpf_object *obj, struct bpf_object *earlier,
		   const struct sensor_options *options)
{
	int r = object_configure(obj, options);

	return r ? r : object_share(obj, earlier);
}

static int sensor_attach(struct sensors *s, struct bpf_object *obj, const char *name)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, name);
	struct bpf_link *link;

	if (!prog || s->n_links == SENSOR_LINKS_MAX)
		return -ENOENT;
	link = bpf_program__attach(prog);
	if (!link)
		return -errno;
	s->links[s->n_links++] = link;
	return 0;
}

static int sensor_open(struct bpf_object **ret, const char *name, struct bpf_object *earlier,
		       const struct sensor_options *options)
{
	struct bpf_object *obj = object_open(name);
	int r;

	if (!obj)
		return -errno;
	r = object_configure(obj, options);
	if (!r && earlier)
		r = object_share(obj, earlier);
	if (r) {
		bpf_object__close(obj);
		return r;
	}
	*ret = obj;
	return 0;
}

static int auth_load(struct sensors *s, const struct sensor_options *options, enum birth_hook birth)
{
	static const char *const prog[BIRTH_MAX] = {
		[BIRTH_FEXIT] = "bl_login", [BIRTH_KRETPROBE] = "bl_login_k"
	};
	int r;

	r = sensor_open(&s->auth, "sensor_auth", s->exec, options);
	if (r)
		return r;
	for (enum birth_hook h = BIRTH_FEXIT; h <= BIRTH_KRETPROBE; h++)
		bpf_program__set_autoload(bpf_object__find_program_by_name(s->auth, prog[h]),
					  h == birth);
	r = bpf_object__load(s->auth);
	if (!r && birth != BIRTH_NONE)
		r = sensor_attach(s, s->auth, prog[birth]);
	if (!r) {
		s->birth = birth;
		return 0;
	}
	bpf_object__close(s->auth);
	s->auth = NULL;
	return r;
}

static int signals_load(struct sensors *s, const struct sensor_options *options)
{
	struct bpf_program *prog;
	int r;

	r = sensor_open(&s->signal, "sensor_signal", s->exec, options);
	if (!r)
		r = bpf_object__load(s->signal);
	if (r)
		return r;
	bpf_object__for_each_program(prog, s->signal)
	{
		r = sensor_attach(s, s->signal, bpf_program__name(prog));
		if (r)
			return r;
	}
	return 0;
}

int sensors_load(struct sensors *ret, const struct sensor_options *options)
{
	static const char *const exec_progs[] = { "bl_fork", "bl_exec", "bl_exec_again", "bl_exit",
						  "bl_free" };
	struct sensors s = { 0 };
	int r;

	error_len = 0;
	load_error[0] = '\0';
	r = sensor_open(&s.exec, "sensor_exec", NULL, options);
	if (!r)
		r = map_adopt(s.exec, "bl_sessions", options->sessions_fd);
	if (!r)
		r = map_adopt(s.exec, "bl_audit", options->audit_fd);
	if (!r)
		r = bpf_object__load(s.exec);
	if (!r)
		r = sensor_open(&s.net, "sensor_net", s.exec, options);
	if (!r)
		r = bpf_object__load(s.net);
	for (size_t i = 0; !r && i < sizeof(exec_progs) / sizeof(exec_progs[0]); i++)
		r = sensor_attach(&s, s.exec, exec_progs[i]);
	if (!r)
		r = sensor_attach(&s, s.net, "bl_sock_state");
	if (!r && options->birth != BIRTH_AUTO) {
		r = auth_load(&s, options, options->birth);
	} else if (!r) {
		for (enum birth_hook h = BIRTH_FEXIT; h < BIRTH_MAX; h++) {
			r = auth_load(&s, options, h);
			if (!r)
				break;
		}
	}
	if (!r && options->signals)
		r = signals_load(&s, options);
	if (r) {
		sensors_unload(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void sensors_unload(struct sensors *s)
{
	while (s->n_links > 0)
		bpf_link__destroy(s->links[--s->n_links]);
	bpf_object__close(s->signal);
	bpf_object__close(s->auth);
	bpf_object__close(s->net);
	bpf_object__close(s->exec);
	memset(s, 0, sizeof(*s));
}

static int iterate(struct bpf_program *prog, const struct bpf_iter_attach_opts *opts)
{
	struct bpf_link *link;
	char buf[256];
	ssize_t n;
	int fd;

	if (!prog)
		return -ENOENT;
	link = bpf_program__attach_iter(prog, opts);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0) {
		bpf_link__destroy(link);
		return fd;
	}
	do {
		n = read(fd, buf, sizeof(buf));
	} while (n > 0);
	n = n < 0 ? -errno : 0;
	close(fd);
	bpf_link__destroy(link);
	return (int)n;
}

int sensors_seed(struct sensors *s)
{
	return iterate(bpf_object__find_program_by_name(s->auth, "bl_seed"), NULL);
}

int sensors_tell(struct sensors *s)
{
	union bpf_iter_link_info info = { .map = { .map_fd = (uint32_t)sensors_map(
							   s, "bl_sessions") } };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));

	return iterate(bpf_object__find_program_by_name(s->auth, "bl_tell"), &opts);
}

int sensors_pam(struct sensors *s, const char *path)
{
	static const char *const progs[] = { "bl_pam_begin", "bl_pam_end" };

	for (int i = 0; i < 2; i++) {
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .func_name = "pam_authenticate",
			    .retprobe = i == 1);
		struct bpf_program *prog = bpf_object__find_program_by_name(s->auth, progs[i]);
		struct bpf_link *link;

		if (!prog || s->n_links == SENSOR_LINKS_MAX)
			return -ENOENT;
		link = bpf_program__attach_uprobe_opts(prog, -1, path, 0, &opts);
		if (!link)
			return -errno;
		s->links[s->n_links++] = link;
	}
	return 0;
}

int sensors_map(const struct sensors *s, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(s->exec, name);

	if (!map && s->signal)
		map = bpf_object__find_map_by_name(s->signal, name);
	return map ? bpf_map__fd(map) : -ENOENT;
}

uint64_t counter_read(int counters_fd, enum bl_counter counter)
{
	uint32_t key = counter;
	uint64_t values[256] = { 0 }, sum = 0;
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 0 || cpus > 256 || bpf_map_lookup_elem(counters_fd, &key, values))
		return UINT64_MAX;
	for (int i = 0; i < cpus; i++)
		sum += values[i];
	return sum;
}

static uint64_t program_misses(const struct bpf_program *prog)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (!prog || bpf_program__fd(prog) < 0 ||
	    bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
		return 0;
	return info.recursion_misses;
}

static uint64_t object_misses(const struct bpf_object *obj)
{
	struct bpf_program *prog;
	uint64_t sum = 0;

	bpf_object__for_each_program(prog, obj) sum += program_misses(prog);
	return sum;
}

uint64_t sensors_misses(const struct sensors *s)
{
	return object_misses(s->exec) + object_misses(s->auth) + object_misses(s->net);
}

uint64_t sensors_misses_of(const struct sensors *s, const char *program)
{
	const struct bpf_object *object[] = { s->exec, s->auth, s->net };
	uint64_t sum = 0;

	for (int i = 0; i < 3; i++)
		sum += program_misses(bpf_object__find_program_by_name(object[i], program));
	return sum;
}
