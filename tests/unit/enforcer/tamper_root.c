/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What others do to pins, links and settings is noticed, put right and told.
 */
#include "lockout_place.h"

static struct tamper look(void)
{
	struct tamper tamper = {};

	hooks_tamper(hooks, &tamper);
	return tamper;
}

static uint64_t total(const struct tamper *tamper)
{
	uint64_t sum = 0;

	for (int i = 0; i < TAMPER_MAX; i++)
		sum += tamper->seen[i];
	return sum;
}

static void assert_untouched(void)
{
	struct tamper t = look();

	assert_int_equal(total(&t), 0);
}

static const char *path_of(const char *folder, const char *name)
{
	static char path[160];

	(void)snprintf(path, sizeof(path), "%s/%s/%s", pins, folder, name);
	return path;
}

static int find_tampering(const struct control_finding *finding, void *arg)
{
	if (strcmp(finding->name, "tampering") != 0)
		return 0;
	*(struct control_finding *)arg = *finding;
	return 1;
}

static int place_setup(void **unused)
{
	(void)unused;
	start();
	assert_int_equal(hooks_style_at(hooks, STYLE_REFUSE, cgroup_fd), 0);
	assert_int_equal(operate(CONTROL_LOCK, "127.0.0.2", 600).error, 0);
	assert_int_equal(operate(CONTROL_LOCK, "127.0.0.4", 600).error, 0);
	assert_int_equal(try_from(V4A, V4L), -ECONNREFUSED);
	settle();
	assert_untouched();
	return 0;
}

static int place_teardown(void **unused)
{
	(void)unused;
	assert_untouched();
	assert_int_equal(try_from(V4A, V4L), -ECONNREFUSED);
	assert_int_equal(try_from(V4L, "::ffff:127.0.0.4"), -EPERM);
	assert_int_equal(operate(CONTROL_RELEASE, "127.0.0.2", 0).error, 0);
	assert_int_equal(operate(CONTROL_RELEASE, "127.0.0.4", 0).error, 0);
	stop();
	return 0;
}

static void a_pin_that_is_gone(void **unused)
{
	struct tamper t;
	int fd;

	(void)unused;
	assert_int_equal(unlink(path_of("links", "bl_lookup")), 0);
	assert_int_equal(unlink(path_of("maps", "bl_lock4")), 0);
	t = look();
	assert_int_equal(t.seen[TAMPER_PIN], 2);
	assert_int_equal(total(&t), 2);
	assert_int_equal(t.failed, 0);
	fd = bpf_obj_get(path_of("maps", "bl_lock4"));
	assert_true(fd >= 0);
	(void)close(fd);
	/* So the next life finds what this one held. */
	stop();
	assert_int_equal(try_from(V4A, V4L), -ECONNREFUSED);
	start();
	assert_true(hooks_map_adopted(hooks, "bl_lock4"));
}

static void the_whole_folder(void **unused)
{
	struct tamper t;

	(void)unused;
	assert_int_equal(pins_clear(pins), 0);
	t = look();
	assert_true(t.seen[TAMPER_PIN] >= 8);
	assert_int_equal(t.failed, 0);
}

static void another_map_in_its_place(void **unused)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "other", 4, 32, 16, NULL);
	struct tamper t;

	(void)unused;
	assert_true(fd >= 0);
	assert_int_equal(unlink(path_of("maps", "bl_lock4")), 0);
	assert_int_equal(bpf_obj_pin(fd, path_of("maps", "bl_lock4")), 0);
	(void)close(fd);
	t = look();
	assert_int_equal(t.seen[TAMPER_PIN], 1);
	assert_int_equal(total(&t), 1);
}

static void detach(const char *name)
{
	int fd = bpf_obj_get(path_of("links", name));

	assert_true(fd >= 0);
	assert_int_equal(bpf_link_detach(fd), 0);
	(void)close(fd);
}

static void links_detached(void **unused)
{
	struct control_finding finding = {};
	struct tamper t;

	(void)unused;
	detach("bl_lookup");
	assert_int_equal(try_from(V4A, V4L), 0);
	detach("bl_connect6");
	assert_int_equal(try_from(V4L, "::ffff:127.0.0.4"), 0);
	t = look();
	assert_int_equal(t.seen[TAMPER_LINK], 2);
	assert_int_equal(total(&t), 2);
	assert_int_equal(t.failed, 0);
	assert_int_equal(try_from(V4A, V4L), -ECONNREFUSED);
	/* Told, and not forgotten by the next look that finds nothing. */
	assert_int_equal(hooks_tampered(hooks, &t), 1);
	t = look();
	assert_int_equal(hooks_tampered(hooks, &t), 0);
	assert_int_equal(hooks_findings(hooks, find_tampering, &finding), 1);
	assert_int_equal(finding.state, FINDING_DEGRADED);
	assert_non_null(strstr(finding.text, "2 programs detached or exchanged; put right"));
}

/* A program that lets everything pass, in the place of ours. */
static void a_link_with_another_program(void **unused)
{
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_SK_LOOKUP);
	int fd = bpf_obj_get(path_of("links", "bl_lookup")), program;
	struct tamper t;

	(void)unused;
	program = bpf_prog_load(BPF_PROG_TYPE_SK_LOOKUP, "pass", "GPL", pass, ARRAY_SIZE(pass),
				&opts);
	assert_true(fd >= 0 && program >= 0);
	assert_int_equal(bpf_link_update(fd, program, NULL), 0);
	(void)close(fd);
	(void)close(program);
	assert_int_equal(try_from(V4A, V4L), 0);
	t = look();
	assert_int_equal(t.seen[TAMPER_LINK], 1);
	assert_int_equal(total(&t), 1);
}

static void a_setting(void **unused)
{
	uint32_t zero = 0, silent = BL_STYLE_SILENT;
	struct tamper t;

	(void)unused;
	assert_int_equal(bpf_map_update_elem(hooks_map(hooks, "bl_style"), &zero, &silent, BPF_ANY),
			 0);
	assert_int_equal(try_from(V4A, V4L), 0);
	t = look();
	assert_int_equal(t.seen[TAMPER_SETTING], 1);
	assert_int_equal(total(&t), 1);
}

/* The tables by their pins, as bpftool would do it. */
static void entries(void **unused)
{
	const struct bl_key4 ours = { { 127, 0, 0, 2 } }, theirs = { { 127, 0, 0, 9 } };
	struct bl_lock lock = { .expires_boot_ns = UINT64_MAX };
	int fd = bpf_obj_get(path_of("maps", "bl_lock4"));
	struct tamper t = {};

	(void)unused;
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_delete_elem(fd, &ours), 0);
	assert_int_equal(bpf_map_update_elem(fd, &theirs, &lock, BPF_ANY), 0);
	assert_int_equal(try_from(V4A, V4L), 0);
	for (int i = 0; i < 2; i++)
		lockouts_tamper(lockouts, clock_boot_ns(), &t);
	assert_int_equal(t.seen[TAMPER_GONE], 1);
	assert_int_equal(t.seen[TAMPER_ADDED], 1);
	assert_int_equal(total(&t), 2);
	assert_int_equal(t.failed, 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &theirs, &lock), -ENOENT);
	(void)close(fd);
}

static int run(void)
{
#define ROW(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		ROW(a_pin_that_is_gone),
		ROW(the_whole_folder),
		ROW(another_map_in_its_place),
		ROW(links_detached),
		ROW(a_link_with_another_program),
		ROW(a_setting),
		ROW(entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return run_in_own_place(run);
}
