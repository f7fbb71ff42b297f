/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loads the BPF objects in every way that this kernel allows and checks what a user would notice.
 *
 * usage: bpf-test --objects DIR [--quiet-machine] [--want storage,fexit,kretprobe,lsm] [--only
 * GROUP] --want names what this kernel is known to allow: then that it does not work is a failure,
 * not a skip. Groups: exec session late full net ring signal lockout verdict guard. Code 0 good, 1
 * failed, 77 only skips.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests.h"

static bool quiet;
static const char *want = "", *only;

static const char *const birth_names[] = {
	[BIRTH_AUTO] = "auto",
	[BIRTH_FEXIT] = "fexit",
	[BIRTH_KRETPROBE] = "kretprobe",
	[BIRTH_NONE] = "none",
};
_Static_assert(sizeof(birth_names) / sizeof(birth_names[0]) == BIRTH_MAX, "names");

static const char *const backing_names[] = { "hash", "task storage" };

/* feature NULL: must work. Otherwise a failure only where it was wanted, and a skip elsewhere. */
static bool fixture_try(struct fixture *f, const struct sensor_options *options,
			const char *feature)
{
	int r;

	memset(f, 0, sizeof(*f));
	f->options = *options;
	r = sensors_load(&f->sensors, options);
	if (r && feature && !strstr(want, feature)) {
		skip(feature, "this kernel refuses it");
		return false;
	}
	if (!check(r == 0, "sensors load%s%s", feature ? " with " : "", feature ? feature : "")) {
		note("%s: %s", strerror(-r), load_error);
		return false;
	}
	r = events_open(&f->events, &f->sensors);
	if (!check(r == 0, "rings can be read")) {
		sensors_unload(&f->sensors);
		return false;
	}
	return true;
}

bool fixture_open(struct fixture *f, const struct sensor_options *options)
{
	return fixture_try(f, options, NULL);
}

void fixture_close(struct fixture *f)
{
	events_close(&f->events);
	sensors_unload(&f->sensors);
}

static bool wanted(const char *group)
{
	return !only || strcmp(only, group) == 0;
}

static void run_sessions(bool task_storage, enum birth_hook birth)
{
	struct sensor_options options = { .task_storage = task_storage, .birth = birth };
	struct fixture f;

	tap_group("tags in %s, birth by %s", backing_names[task_storage], birth_names[birth]);
	if (!fixture_try(&f, &options, birth == BIRTH_NONE ? NULL : birth_names[birth]))
		return;
	test_sessions(&f);
	test_peer(&f);
	test_dial(&f);
	test_pam(&f);
	fixture_close(&f);
}

static void run_backing(bool task_storage)
{
	struct sensor_options options = { .task_storage = task_storage };
	struct fixture f;

	tap_group("tags in %s", backing_names[task_storage]);
	if (!fixture_try(&f, &options, task_storage ? "storage" : NULL))
		return;
	if (wanted("exec")) {
		test_exec(&f);
		test_exec_files(&f);
		test_processes(&f);
	}
	if (wanted("net"))
		test_net(&f);
	fixture_close(&f);
	if (wanted("session"))
		for (enum birth_hook h = BIRTH_FEXIT; h < BIRTH_MAX; h++)
			run_sessions(task_storage, h);
	tap_group("tags in %s", backing_names[task_storage]);
	if (wanted("verdict"))
		test_verdict(task_storage);
	if (wanted("late"))
		test_late_sessions(task_storage);
	if (wanted("full"))
		test_tables_full(task_storage);
	if (wanted("ring"))
		test_ring(task_storage, quiet);
	if (wanted("signal"))
		test_signals(task_storage);
}

static int parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--quiet-machine") == 0)
			quiet = true;
		else if (strcmp(argv[i], "--objects") == 0 && i + 1 < argc)
			object_dir = argv[++i];
		else if (strcmp(argv[i], "--want") == 0 && i + 1 < argc)
			want = argv[++i];
		else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
			only = argv[++i];
		else
			return -EINVAL;
	}
	/* Required, so that a child without arguments does not run the tests again. */
	return object_dir ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	int code;

	if (child_main(argc, argv, &code))
		return code;
	if (parse(argc, argv)) {
		fprintf(stderr, "usage: see the head of main.c\n");
		return 2;
	}
	/* Lines must be out before a fork, or children print them again. */
	setvbuf(stdout, NULL, _IONBF, 0);
	libbpf_set_print(load_print);
	code = work_open();
	if (code) {
		fprintf(stderr, "bpf-test: no folder to work in: %s\n", strerror(-code));
		return 2;
	}
	run_backing(false);
	run_backing(true);
	tap_group("lockout");
	if (wanted("lockout"))
		test_lockout();
	tap_group("guard");
	if (wanted("guard"))
		test_guard(strstr(want, "lsm") != NULL);
	work_close();
	return tap_end();
}
