/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loads the BPF objects as bailiffd does: separate objects, maps shared by name, hooks as they go.
 */
#ifndef TESTS_BPF_LOAD_H
#define TESTS_BPF_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <bailiff/lockout.h>

#define SENSOR_LINKS_MAX 24

enum birth_hook {
	BIRTH_AUTO, /* the first of the following that attaches */
	BIRTH_FEXIT,
	BIRTH_KRETPROBE,
	BIRTH_NONE, /* as on a kernel that allows neither */
	BIRTH_MAX,
};

struct sensor_options {
	bool task_storage;
	enum birth_hook birth;
	uint32_t events_size; /* 0: as built */
	uint32_t urgent_size;
	uint32_t sessions_max;
	uint32_t tasks_max;
	uint32_t conns_max;
	int sessions_fd; /* maps of an earlier run to adopt, 0: none */
	int audit_fd;
	bool signals; /* sensor_signal as well */
	uint32_t own_pid; /* struct bl_config's */
};

struct sensors {
	struct bpf_object *exec, *auth, *net, *signal;
	struct bpf_link *links[SENSOR_LINKS_MAX];
	unsigned int n_links;
	enum birth_hook birth; /* what it became */
};

extern const char *object_dir;

/* 0 or -errno; on failure nothing stays loaded and the reason stands in load_error. */
int sensors_load(struct sensors *ret, const struct sensor_options *options);
void sensors_unload(struct sensors *s);
int sensors_seed(struct sensors *s);
int sensors_tell(struct sensors *s);
/* Puts the probes of PAM into the function pam_authenticate of this file. */
int sensors_pam(struct sensors *s, const char *path);
/* Runs that the kernel skipped because the program was already active on that CPU; all hooks. */
uint64_t sensors_misses(const struct sensors *s);
uint64_t sensors_misses_of(const struct sensors *s, const char *program);
int sensors_map(const struct sensors *s, const char *name);

struct bpf_object *object_open(const char *name);
/* Before load: configured as options say, with the maps that an earlier object already has. */
int object_prepare(struct bpf_object *obj, struct bpf_object *earlier,
		   const struct sensor_options *options);

/* Sum of a bl_counters slot over all CPUs. */
uint64_t counter_read(int counters_fd, enum bl_counter counter);

/* What libbpf said last, warnings and verifier's words. */
extern char load_error[8192];
int load_print(enum libbpf_print_level level, const char *format, va_list args);

#endif
