/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The status socket over socket pairs: good questions, bad ones, slow and greedy clients.
 */
#include "samples.h"

#include <poll.h>
#include <sys/socket.h>

#include "recorder/status.h"

struct scene {
	struct folder *folder;
	struct loop *loop;
	struct store *store;
	struct status *status;
};

static int on_stop(struct loop_source *source, uint64_t now_boot_ns, void *arg)
{
	(void)now_boot_ns;
	(void)loop_remove(source);
	loop_stop(arg, 0);
	return 0;
}

/* Lets the loop do what there is to do. */
static void turn(struct scene *scene)
{
	assert_int_equal(
		loop_add_timer(scene->loop, 20 * NSEC_PER_MSEC, 0, on_stop, scene->loop, NULL), 0);
	assert_int_equal(loop_run(scene->loop), 0);
}

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	void *folder = NULL;

	if (!scene || folder_make(&folder) < 0)
		return -1;
	scene->folder = folder;
	if (loop_new(&scene->loop) < 0 || store_new(&scene->store, scene->folder->path, NULL) < 0 ||
	    store_open(scene->store) < 0 ||
	    status_new(&scene->status, scene->loop, scene->store) < 0)
		return -1;
	status_set_host(scene->status, "gate");
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	void *folder = scene->folder;

	status_free(scene->status);
	store_free(scene->store);
	loop_free(scene->loop);
	free(scene);
	return folder_remove(&folder);
}

/* Our end of a new client. */
static int connect_client(struct scene *scene, uint64_t now_ns)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
	status_connect(scene->status, fd[0], now_ns);
	return fd[1];
}

static int ask(struct scene *scene, const void *bytes, size_t len)
{
	int fd = connect_client(scene, clock_boot_ns());

	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
	turn(scene);
	return fd;
}

/* The next object; "" at the end, NULL when nothing is there. */
static const char *next(int fd)
{
	static char object[STATUS_JSON_MAX + 1];
	ssize_t n = recv(fd, object, sizeof(object) - 1, MSG_DONTWAIT);

	/* Closed with something of ours unread. */
	if (n < 0 && errno == ECONNRESET)
		n = 0;
	if (n < 0)
		return NULL;
	object[n] = '\0';
	return object;
}

static void test_why(void **state)
{
	struct scene *scene = *state;
	struct status_request request = { .version = CONTROL_VERSION,
					  .op = STATUS_WHY,
					  .subject = sample_address("192.0.2.1", 32) };
	struct ipc_record record = sample_attempt("192.0.2.1");
	struct ipc_outcome outcome = sample_lockout("192.0.2.1");
	const char *object;
	int fd;

	store_add_record(scene->store, &record, SAMPLE_WALL_NS);
	store_add_outcome(scene->store, &outcome, SAMPLE_WALL_NS + 1, SAMPLE_WALL_NS + 2);
	fd = ask(scene, &request, sizeof(request));
	object = next(fd);
	assert_non_null(object);
	assert_non_null(strstr(object, "\"action\":\"attempt\""));
	assert_non_null(strstr(object, "\"host\":{\"name\":\"gate\"}"));
	object = next(fd);
	assert_non_null(object);
	assert_non_null(strstr(object, "\"form\":\"outcome\""));
	assert_string_equal(next(fd), "");
	close(fd);
}

static void test_nothing_known(void **state)
{
	struct status_request request = { .version = CONTROL_VERSION,
					  .op = STATUS_WHY,
					  .subject = sample_address("192.0.2.1", 32) };
	int fd = ask(*state, &request, sizeof(request));

	assert_string_equal(next(fd), "");
	close(fd);
}

/* A client that takes slowly gets all, in order, in many turns of the loop. */
static void test_long_answer(void **state)
{
	struct scene *scene = *state;
	struct status_request request = { .version = CONTROL_VERSION,
					  .op = STATUS_WHY,
					  .subject = sample_address("192.0.2.1", 32),
					  .limit = 5000 };
	struct ipc_record record = sample_attempt("192.0.2.1");
	unsigned int got = 0, empty = 0;
	const char *object;
	int fd;

	for (unsigned int i = 0; i < 5000; i++) {
		record.pid = i + 1;
		store_add_record(scene->store, &record, SAMPLE_WALL_NS + i);
	}
	fd = ask(scene, &request, sizeof(request));
	while (empty < 100) {
		char want[32];

		object = next(fd);
		if (!object) {
			turn(scene);
			empty++;
			continue;
		}
		if (!object[0])
			break;
		empty = 0;
		(void)snprintf(want, sizeof(want), "\"pid\":%u}", ++got);
		assert_non_null(strstr(object, want));
	}
	assert_int_equal(got, 5000);
	close(fd);
}

static void refused(struct scene *scene, const void *bytes, size_t len)
{
	int fd = ask(scene, bytes, len);
	const char *object = next(fd);

	assert_non_null(object);
	assert_memory_equal(object, "{\"error\":\"", 10);
	assert_string_equal(next(fd), "");
	close(fd);
}

static void test_bad_requests(void **state)
{
	struct scene *scene = *state;
	struct status_request request = { .version = CONTROL_VERSION, .op = STATUS_WHY };
	struct status_stats stats;
	char large[4096] = { 0 };

	refused(scene, "x", 1);
	refused(scene, large, sizeof(large));
	refused(scene, &request, sizeof(request));
	request.version = 9;
	refused(scene, &request, sizeof(request));
	request = (struct status_request){ .version = CONTROL_VERSION, .op = 77 };
	refused(scene, &request, sizeof(request));
	status_stats(scene->status, &stats);
	assert_int_equal(stats.refused, 5);
	assert_int_equal(stats.clients, 0);
}

static void test_watch(void **state)
{
	struct scene *scene = *state;
	struct status_request request = { .version = CONTROL_VERSION, .op = STATUS_WATCH };
	int one = ask(scene, &request, sizeof(request));
	int two = ask(scene, &request, sizeof(request));
	struct status_stats stats;

	status_publish(scene->status, "{\"a\":1}", 7);
	assert_string_equal(next(one), "{\"a\":1}");
	assert_string_equal(next(two), "{\"a\":1}");
	assert_null(next(one));
	/* Its end is noticed, the other goes on. */
	close(one);
	turn(scene);
	status_publish(scene->status, "{\"a\":2}", 7);
	assert_string_equal(next(two), "{\"a\":2}");
	status_stats(scene->status, &stats);
	assert_int_equal(stats.watchers, 1);
	/* A watcher that talks is ended. */
	assert_int_equal(send(two, &request, sizeof(request), MSG_NOSIGNAL), sizeof(request));
	turn(scene);
	assert_string_equal(next(two), "");
	close(two);
}

/* A watcher that does not read loses objects, is told how many, and holds up nobody. */
static void test_slow_watcher(void **state)
{
	struct scene *scene = *state;
	struct status_request request = { .version = CONTROL_VERSION, .op = STATUS_WATCH };
	int slow = ask(scene, &request, sizeof(request));
	char object[1024], want[32];
	const char *got;
	struct status_stats stats;
	unsigned int whole = 0;

	memset(object, 'x', sizeof(object));
	for (unsigned int i = 0; i < 20000; i++)
		status_publish(scene->status, object, sizeof(object));
	status_stats(scene->status, &stats);
	assert_true(stats.skipped > 1000);
	while ((got = next(slow)))
		whole++;
	assert_int_equal(whole + stats.skipped, 20000);
	status_tick(scene->status, clock_boot_ns());
	got = next(slow);
	assert_non_null(got);
	(void)snprintf(want, sizeof(want), "\"count\":%llu", (unsigned long long)stats.skipped);
	assert_non_null(strstr(got, "\"form\":\"skipped\""));
	assert_non_null(strstr(got, want));
	status_publish(scene->status, "{}", 2);
	assert_string_equal(next(slow), "{}");
	close(slow);
}

/* Places are bounded; who asks nothing loses his. */
static void test_places(void **state)
{
	struct scene *scene = *state;
	int fd[STATUS_CLIENTS_MAX], more;
	uint64_t now = clock_boot_ns();
	struct status_stats stats;

	for (unsigned int i = 0; i < STATUS_CLIENTS_MAX; i++)
		fd[i] = connect_client(scene, now);
	more = connect_client(scene, now);
	assert_non_null(strstr(next(more), "too many clients"));
	assert_string_equal(next(more), "");
	close(more);
	status_tick(scene->status, now + STATUS_ASK_NS - 1);
	status_stats(scene->status, &stats);
	assert_int_equal(stats.clients, STATUS_CLIENTS_MAX);
	status_tick(scene->status, now + STATUS_ASK_NS);
	status_stats(scene->status, &stats);
	assert_int_equal(stats.clients, 0);
	assert_int_equal(stats.refused, STATUS_CLIENTS_MAX + 1);
	for (unsigned int i = 0; i < STATUS_CLIENTS_MAX; i++) {
		assert_string_equal(next(fd[i]), "");
		close(fd[i]);
	}
	more = connect_client(scene, now);
	status_stats(scene->status, &stats);
	assert_int_equal(stats.clients, 1);
	close(more);
}

/* Who takes nothing of his answer loses his place, too. */
static void test_stalled(void **state)
{
	struct scene *scene = *state;
	struct status_request request = { .version = CONTROL_VERSION,
					  .op = STATUS_WHY,
					  .subject = sample_address("192.0.2.1", 32),
					  .limit = 5000 };
	struct ipc_record record = sample_attempt("192.0.2.1");
	struct status_stats stats;
	int fd;

	for (unsigned int i = 0; i < 5000; i++)
		store_add_record(scene->store, &record, SAMPLE_WALL_NS + i);
	fd = ask(scene, &request, sizeof(request));
	status_stats(scene->status, &stats);
	assert_int_equal(stats.clients, 1);
	status_tick(scene->status, clock_boot_ns() + STATUS_STALL_NS);
	status_stats(scene->status, &stats);
	assert_int_equal(stats.clients, 0);
	close(fd);
}

#define scene_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scene_test(test_why),	      scene_test(test_nothing_known),
		scene_test(test_long_answer), scene_test(test_bad_requests),
		scene_test(test_watch),	      scene_test(test_slow_watcher),
		scene_test(test_places),      scene_test(test_stalled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
