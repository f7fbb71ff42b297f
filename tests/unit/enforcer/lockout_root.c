/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses: refused, cut, let go, adopted by the next life.
 */
#include "lockout_place.h"

static void locked_and_released(void **unused)
{
	struct ipc_outcome *o = &told[0];
	char byte;
	int fd, server;

	(void)unused;
	tellings = 0;
	start();
	assert_true(hooks_works(hooks, "lockout, incoming"));
	assert_true(hooks_works(hooks, "lockout, outgoing"));
	assert_int_equal(try_from(V4A, V4L), 0);
	fd = connect_from(V4A, V4L);
	assert_true(fd >= 0);
	server = accept(listener, NULL, NULL);
	assert_int_equal(operate(CONTROL_LOCK, "127.0.0.2", 600).error, 0);
	assert_int_equal(o->result, OUTCOME_APPLIED);
	/* Both ends of the connection are on this host, and each has a peer: the server's is the
	 * locked address. The client's end hears of it as a reset. */
	assert_non_null(strstr(o->text, "of its connections cut"));
	assert_int_equal(recv(server, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, ECONNABORTED);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	(void)close(fd);
	(void)close(server);
	assert_int_equal(try_from(V4A, V4L), -ECONNREFUSED);
	assert_int_equal(try_from(V4B, V4L), 0);
	assert_int_equal(operate(CONTROL_RELEASE, "127.0.0.2", 0).error, 0);
	assert_int_equal(told[1].result, OUTCOME_RELEASED);
	assert_int_equal(told[1].refused, 1);
	assert_int_equal(try_from(V4A, V4L), 0);
	stop();
}

static void other_connections_go_on(void **unused)
{
	int fd, server;
	char byte = 'x';

	(void)unused;
	start();
	fd = connect_from(V4B, V4L);
	assert_true(fd >= 0);
	server = accept(listener, NULL, NULL);
	assert_int_equal(operate(CONTROL_LOCK, "127.0.0.2", 600).error, 0);
	assert_int_equal(send(fd, &byte, 1, 0), 1);
	assert_int_equal(recv(server, &byte, 1, 0), 1);
	(void)close(fd);
	(void)close(server);
	assert_int_equal(operate(CONTROL_RELEASE, "127.0.0.2", 0).error, 0);
	stop();
}

static void several_nets_in_one_look(void **unused)
{
	static const char *const from[] = { V4A, V4B, "::ffff:127.0.0.7", V6A, V6B };
	static const char *const cut[] = { "127.0.0.2", "127.0.0.77", "fd00:1::", "127.0.0.7" };
	struct addr nets[4];
	int fd[5], server[5];
	uint32_t count = 0;
	char byte;

	(void)unused;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(addr_parse(cut[i], strlen(cut[i]), &nets[i]), 0);
		if (nets[i].family == AF_INET6)
			nets[i].prefix = 64;
	}
	for (int i = 0; i < 5; i++) {
		fd[i] = connect_from(from[i], i < 3 ? V4L : V6L);
		assert_true(fd[i] >= 0);
		server[i] = accept(listener, NULL, NULL);
	}
	assert_int_equal(sockets_cut(nets, 4, &count), 0);
	assert_int_equal(count, 3);
	for (int i = 0; i < 5; i++) {
		bool hit = i == 0 || i == 2 || i == 3;

		assert_int_equal(recv(server[i], &byte, 1, MSG_DONTWAIT), -1);
		assert_row(errno == (hit ? ECONNABORTED : EAGAIN), from[i]);
		(void)close(fd[i]);
		(void)close(server[i]);
	}
}

static void a_whole_64(void **unused)
{
	int fd, server;
	char byte;

	(void)unused;
	start();
	fd = connect_from(V6A, V6L);
	assert_true(fd >= 0);
	server = accept(listener, NULL, NULL);
	assert_int_equal(operate(CONTROL_LOCK, "fd00:1::9", 600).error, 0);
	settle();
	assert_int_equal(recv(server, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, ECONNABORTED);
	(void)close(fd);
	(void)close(server);
	assert_int_equal(try_from(V6A, V6L), -ECONNREFUSED);
	assert_int_equal(try_from(V6B, V6L), 0);
	assert_int_equal(operate(CONTROL_RELEASE, "fd00:1::", 0).error, 0);
	assert_int_equal(try_from(V6A, V6L), 0);
	stop();
}

static void outgoing_is_refused(void **unused)
{
	(void)unused;
	start();
	assert_int_equal(operate(CONTROL_LOCK, "127.0.0.4", 600).error, 0);
	assert_int_equal(try_from(V4L, "::ffff:127.0.0.4"), -EPERM);
	assert_int_equal(try_from(V4L, "::ffff:127.0.0.5"), 0);
	assert_int_equal(operate(CONTROL_RELEASE, "127.0.0.4", 0).error, 0);
	stop();
}

static void ends_by_itself_with_nobody_there(void **unused)
{
	(void)unused;
	start();
	assert_int_equal(operate(CONTROL_LOCK, "127.0.0.2", 1).error, 0);
	/* The agent is gone; the links are pinned. */
	stop();
	assert_int_equal(try_from(V4A, V4L), -ECONNREFUSED);
	(void)usleep(1200000);
	assert_int_equal(try_from(V4A, V4L), 0);
	tellings = 0;
	start();
	(void)lockouts_tick(lockouts, clock_boot_ns());
	stop();
}

static int put_back(const struct control_lockout *lockout, void *arg)
{
	*(uint64_t *)arg = lockout->refused;
	return 1;
}

static void adopted_without_a_gap(void **unused)
{
	struct bpf_link_info before = {}, after = {};
	uint32_t len = sizeof(before);
	char path[160];
	uint64_t refused = 0;
	int fd;

	(void)unused;
	start();
	assert_int_equal(operate(CONTROL_LOCK, "127.0.0.2", 600).error, 0);
	stop();
	(void)snprintf(path, sizeof(path), "%s/links/bl_lookup", pins);
	fd = bpf_obj_get(path);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &before, &len), 0);
	(void)close(fd);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(try_from(V4A, V4L), -ECONNREFUSED);
		start();
		assert_int_equal(try_from(V4A, V4L), -ECONNREFUSED);
		stop();
	}
	fd = bpf_obj_get(path);
	len = sizeof(after);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &after, &len), 0);
	(void)close(fd);
	/* The same link with a new program, and the same map with its counts. */
	assert_int_equal(before.id, after.id);
	assert_int_not_equal(before.prog_id, after.prog_id);
	start();
	assert_int_equal(lockouts_each(lockouts, put_back, &refused), 1);
	assert_int_equal(refused, 6);
	assert_int_equal(operate(CONTROL_RELEASE, "127.0.0.2", 0).error, 0);
	stop();
}

static void a_map_of_another_form_is_made_anew(void **unused)
{
	char path[160];
	int fd;

	(void)unused;
	start();
	assert_int_equal(operate(CONTROL_LOCK, "127.0.0.2", 600).error, 0);
	stop();
	(void)snprintf(path, sizeof(path), "%s/maps/bl_lock4", pins);
	assert_int_equal(unlink(path), 0);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "bl_lock4", 4, 8, 4, NULL);
	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	(void)close(fd);
	start();
	/* The file knew what the map had held. */
	assert_int_equal(try_from(V4A, V4L), -ECONNREFUSED);
	assert_int_equal(operate(CONTROL_RELEASE, "127.0.0.2", 0).error, 0);
	assert_int_equal(try_from(V4A, V4L), 0);
	stop();
}

static void cleared(void **unused)
{
	struct stat st;

	(void)unused;
	start();
	assert_int_equal(operate(CONTROL_LOCK, "127.0.0.2", 600).error, 0);
	stop();
	assert_int_equal(try_from(V4A, V4L), -ECONNREFUSED);
	assert_int_equal(pins_clear(pins), 0);
	assert_int_equal(stat(pins, &st), -1);
	/* The kernel detaches a link that nobody holds from a work queue, a little later. */
	for (int i = 0; try_from(V4A, V4L) != 0 && i < 200; i++)
		(void)usleep(10000);
	assert_int_equal(try_from(V4A, V4L), 0);
}

static int run(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(locked_and_released),
		cmocka_unit_test(other_connections_go_on),
		cmocka_unit_test(several_nets_in_one_look),
		cmocka_unit_test(a_whole_64),
		cmocka_unit_test(outgoing_is_refused),
		cmocka_unit_test(ends_by_itself_with_nobody_there),
		cmocka_unit_test(adopted_without_a_gap),
		cmocka_unit_test(a_map_of_another_form_is_made_anew),
		cmocka_unit_test(cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return run_in_own_place(run);
}
