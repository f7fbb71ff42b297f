/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ring reader against rings made here in the kernel's layout: a page for the consumer, one for
 * the producer, the data twice. tests/bpf reads real ones.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analyst/sensor/sensor.h"
#include "fake_ring.h"
#include "story.h"
#include "unit.h"

#define PAGE FAKE_RING_PAGE
#define SIZE FAKE_RING_SIZE
#define BUSY FAKE_RING_BUSY
#define DISCARD FAKE_RING_DISCARD

struct scene {
	struct fake_ring urgent, events;
	struct sensor_rings *rings;
	uint64_t seen[4096];
	unsigned int seens;
	unsigned int stop_after;
};

static void produce_fork(struct fake_ring *fake, uint64_t at_ns)
{
	union bl_event e;

	story_head(&e, BL_EVENT_FORK, sizeof(e.fork), at_ns);
	story_task(&e.fork.task, 70, 1);
	fake_ring_put(fake, &e, e.head.len, 0);
}

static int on_event(const union bl_event *event, void *arg)
{
	struct scene *scene = arg;

	assert_true(scene->seens < 4096);
	scene->seen[scene->seens++] = event->head.boot_ns;
	return scene->seens == scene->stop_after;
}

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	fake_ring_open(&scene->urgent);
	fake_ring_open(&scene->events);
	assert_int_equal(
		sensor_rings_new(&scene->rings, scene->urgent.fd, SIZE, scene->events.fd, SIZE), 0);
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	sensor_rings_free(scene->rings);
	fake_ring_close(&scene->urgent);
	fake_ring_close(&scene->events);
	free(scene);
	return 0;
}

static int drain(struct scene *scene, unsigned int max)
{
	return sensor_rings_read(scene->rings, max, on_event, scene);
}

static void merges_by_time(void **state)
{
	struct scene *scene = *state;
	static const uint64_t bulk[] = { 1, 3, 5, 9 }, urgent[] = { 2, 3, 4, 10 };
	static const uint64_t expected[] = { 1, 2, 3, 3, 4, 5, 9, 10 };

	for (size_t i = 0; i < 4; i++) {
		produce_fork(&scene->events, bulk[i]);
		produce_fork(&scene->urgent, urgent[i]);
	}
	assert_int_equal(drain(scene, 100), 8);
	assert_memory_equal(scene->seen, expected, sizeof(expected));
	assert_int_equal(fake_ring_consumed(&scene->events), scene->events.produced);
	assert_int_equal(fake_ring_consumed(&scene->urgent), scene->urgent.produced);
	assert_int_equal(drain(scene, 100), 0);
	assert_int_equal(sensor_rings_malformed(scene->rings), 0);
}

static void wraps_many_times(void **state)
{
	struct scene *scene = *state;

	for (uint64_t i = 1; i <= 2000; i++) {
		produce_fork(&scene->events, i);
		if (i % 100 == 0)
			assert_int_equal(drain(scene, 1000), 100);
	}
	assert_true(scene->events.produced > 10 * SIZE);
	for (uint64_t i = 0; i < 2000; i++)
		assert_int_equal(scene->seen[i], i + 1);
}

static void busy_stops_its_ring_only(void **state)
{
	struct scene *scene = *state;
	union bl_event e;
	uint64_t at;
	uint32_t word;

	story_head(&e, BL_EVENT_FORK, sizeof(e.fork), 1);
	story_task(&e.fork.task, 70, 1);
	at = fake_ring_put(&scene->events, &e, e.head.len, BUSY);
	produce_fork(&scene->events, 2);
	produce_fork(&scene->urgent, 3);
	assert_int_equal(drain(scene, 100), 1);
	assert_int_equal(scene->seen[0], 3);
	assert_int_equal(fake_ring_consumed(&scene->events), 0);
	word = e.head.len;
	memcpy(scene->events.memory + 2 * PAGE + at, &word, sizeof(word));
	assert_int_equal(drain(scene, 100), 2);
	assert_int_equal(scene->seen[1], 1);
	assert_int_equal(scene->seen[2], 2);
}

static void discarded_are_skipped(void **state)
{
	struct scene *scene = *state;
	union bl_event e;

	story_head(&e, BL_EVENT_FORK, sizeof(e.fork), 1);
	fake_ring_put(&scene->events, &e, e.head.len, DISCARD);
	produce_fork(&scene->events, 2);
	assert_int_equal(drain(scene, 100), 1);
	assert_int_equal(scene->seen[0], 2);
	assert_int_equal(sensor_rings_malformed(scene->rings), 0);
}

static void unsound_are_counted(void **state)
{
	struct scene *scene = *state;
	char junk[6000] = "no event";

	fake_ring_put(&scene->events, junk, 8, 0);
	fake_ring_put(&scene->events, junk, 0, 0);
	fake_ring_put(&scene->events, junk, sizeof(junk), 0);
	produce_fork(&scene->events, 2);
	assert_int_equal(drain(scene, 100), 1);
	assert_int_equal(sensor_rings_malformed(scene->rings), 3);
	/* A length that reaches past what was produced: nothing behind it can be trusted. */
	fake_ring_put(&scene->events, junk, 8, 0x1000000);
	produce_fork(&scene->urgent, 3);
	assert_int_equal(drain(scene, 100), 1);
	assert_int_equal(sensor_rings_malformed(scene->rings), 4);
	produce_fork(&scene->events, 4);
	assert_int_equal(drain(scene, 100), 1);
}

/* A producer's position that cannot be. */
static void positions_out_of_range(void **state)
{
	struct scene *scene = *state;

	scene->events.produced = 1ULL << 40;
	fake_ring_publish(&scene->events);
	assert_int_equal(drain(scene, 100), 0);
	assert_int_equal(sensor_rings_malformed(scene->rings), 1);
	produce_fork(&scene->events, 4);
	assert_int_equal(drain(scene, 100), 1);
}

static void bounded(void **state)
{
	struct scene *scene = *state;

	for (uint64_t i = 1; i <= 50; i++)
		produce_fork(&scene->events, i);
	assert_int_equal(drain(scene, 7), 7);
	scene->stop_after = 10;
	assert_int_equal(drain(scene, 100), 3);
	scene->stop_after = 0;
	assert_int_equal(drain(scene, 100), 40);
}

/* A bulk ring that is far behind does not hold back what decides about logins. */
static void flood_does_not_delay(void **state)
{
	struct scene *scene = *state;

	for (uint64_t i = 1; i <= SIZE / 96 - 2; i++)
		produce_fork(&scene->events, i);
	produce_fork(&scene->urgent, 1000000);
	assert_int_equal(drain(scene, 1), 1);
	assert_int_equal(scene->seen[0], 1000000);
}

static void goes_on_where_the_last_one_stopped(void **state)
{
	struct scene *scene = *state;

	produce_fork(&scene->events, 1);
	produce_fork(&scene->events, 2);
	assert_int_equal(drain(scene, 1), 1);
	sensor_rings_free(scene->rings);
	scene->rings = NULL;
	assert_int_equal(
		sensor_rings_new(&scene->rings, scene->urgent.fd, SIZE, scene->events.fd, SIZE), 0);
	assert_int_equal(drain(scene, 100), 1);
	assert_int_equal(scene->seen[1], 2);
}

static void refuses_wrong_sizes(void **state)
{
	struct scene *scene = *state;
	static const size_t wrong[] = { 0, 1, PAGE - 1, PAGE + 1, 3 * PAGE, 1UL << 40 };
	struct sensor_rings *rings = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(sensor_rings_new(&rings, scene->urgent.fd, wrong[i],
						  scene->events.fd, SIZE),
				 -EINVAL);
		assert_null(rings);
	}
	assert_int_equal(sensor_rings_new(&rings, -1, SIZE, scene->events.fd, SIZE), -EBADF);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(merges_by_time),
		TEST(wraps_many_times),
		TEST(busy_stops_its_ring_only),
		TEST(discarded_are_skipped),
		TEST(unsound_are_counted),
		TEST(positions_out_of_range),
		TEST(bounded),
		TEST(flood_does_not_delay),
		TEST(goes_on_where_the_last_one_stopped),
		TEST(refuses_wrong_sizes),
	};

	if (sysconf(_SC_PAGESIZE) != PAGE)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
