/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads BPF ring buffers by memory alone.
 *
 * Layout of a mapping (kernel/bpf/ringbuf.c, the same since 5.8): page 0 holds the consumer's
 * position and is the only page that may be mapped writable; from page 1 on come the producer's
 * position (one page) and the data pages twice in a row, so that a record that wraps lies in one
 * piece. Positions are 64-bit and only grow; a record is an 8-byte header (length with two flag
 * bits, page offset) and its bytes, rounded up to 8.
 *
 * Order: a producer sets the length with BUSY while it fills the record and clears BUSY by an
 * exchange (release); reading the length with acquire makes the bytes visible. The consumer's
 * position is stored with release, after the bytes were copied.
 *
 * A record with BUSY stops its own ring only. Lengths and positions are checked against the ring's
 * size although the kernel wrote them: a wrong one ends in a count, not in a read past the mapping.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analyst/sensor/sensor.h"

#define RECORD_BUSY 0x80000000U
#define RECORD_DISCARD 0x40000000U
#define RECORD_HEADER 8
#define RING_SIZE_MAX (1UL << 30)

struct ring {
	size_t page;
	size_t size; /* of the data area, power of two */
	uint64_t *consumer;
	const uint64_t *producer;
	const uint8_t *data;
	uint64_t position; /* ours; the page is written, never read */
};

struct sensor_rings {
	struct ring urgent;
	struct ring events;
	uint64_t malformed;
	union bl_event event;
};

/* The next record of a ring. */
struct peek {
	const uint8_t *bytes; /* NULL: discarded or unsound, to be skipped */
	uint32_t len;
	uint64_t boot_ns;
	uint64_t next; /* position after it */
	bool malformed;
};

static int ring_map(struct ring *ring, int fd, size_t size)
{
	long page = sysconf(_SC_PAGESIZE);
	void *memory;

	if (page <= 0 || size < (size_t)page || size > RING_SIZE_MAX || size & (size - 1))
		return -EINVAL;
	ring->page = (size_t)page;
	ring->size = size;
	memory = mmap(NULL, ring->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	ring->consumer = memory;
	memory = mmap(NULL, ring->page + 2 * size, PROT_READ, MAP_SHARED, fd, page);
	if (memory == MAP_FAILED)
		return -errno;
	ring->producer = memory;
	ring->data = (const uint8_t *)memory + ring->page;
	/* A restarted reader goes on where the one before it stopped. */
	ring->position = __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
	return 0;
}

static void ring_unmap(struct ring *ring)
{
	if (ring->producer)
		(void)munmap((void *)(uintptr_t)ring->producer, ring->page + 2 * ring->size);
	if (ring->consumer)
		(void)munmap(ring->consumer, ring->page);
}

static void ring_advance(struct ring *ring, uint64_t position)
{
	ring->position = position;
	__atomic_store_n(ring->consumer, position, __ATOMIC_RELEASE);
}

static uint64_t ring_unread(const struct ring *ring)
{
	return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) - ring->position;
}

/* false: nothing to read now. */
static bool ring_peek(const struct ring *ring, struct peek *ret)
{
	uint64_t unread = ring_unread(ring);
	const uint8_t *header;
	struct bl_event_head head;
	uint32_t word;
	uint64_t whole;

	if (!unread || !ring->data)
		return false;
	memset(ret, 0, sizeof(*ret));
	header = ring->data + (ring->position & (ring->size - 1));
	if (unread > ring->size || ring->position % RECORD_HEADER) {
		/* The position is not on a record: somebody else moved it. Begin at the newest. */
		ret->malformed = true;
		ret->next = ring->position + unread;
		return true;
	}
	word = __atomic_load_n((const uint32_t *)(const void *)header, __ATOMIC_ACQUIRE);
	if (word & RECORD_BUSY)
		return false;
	ret->len = word & ~(RECORD_BUSY | RECORD_DISCARD);
	whole = ((uint64_t)ret->len + RECORD_HEADER + 7) & ~7ULL;
	if (whole > unread) {
		ret->malformed = true;
		ret->next = ring->position + unread;
		return true;
	}
	ret->next = ring->position + whole;
	if (word & RECORD_DISCARD)
		return true;
	ret->bytes = header + RECORD_HEADER;
	if (ret->len >= sizeof(head)) {
		memcpy(&head, ret->bytes, sizeof(head));
		ret->boot_ns = head.boot_ns;
	}
	return true;
}

int sensor_rings_new(struct sensor_rings **ret, int urgent_fd, size_t urgent_size, int events_fd,
		     size_t events_size)
{
	_cleanup_(sensor_rings_freep) struct sensor_rings *rings = NULL;
	int r;

	rings = calloc(1, sizeof(*rings));
	if (!rings)
		return -ENOMEM;
	r = ring_map(&rings->urgent, urgent_fd, urgent_size);
	if (r < 0)
		return r;
	r = ring_map(&rings->events, events_fd, events_size);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(rings);
	return 0;
}

struct sensor_rings *sensor_rings_free(struct sensor_rings *rings)
{
	if (!rings)
		return NULL;
	ring_unmap(&rings->urgent);
	ring_unmap(&rings->events);
	free(rings);
	return NULL;
}

/*
 * The older of both heads; but a bulk ring that is more than half full is behind by so much that
 * waiting for it would let a flood of execs delay what decides about logins.
 */
static struct ring *rings_choose(struct sensor_rings *rings, struct peek *ret)
{
	struct peek events;
	bool have_urgent = ring_peek(&rings->urgent, ret);
	bool have_events = ring_peek(&rings->events, &events);

	if (have_urgent && (!have_events || ret->boot_ns <= events.boot_ns ||
			    ring_unread(&rings->events) > rings->events.size / 2))
		return &rings->urgent;
	if (!have_events)
		return NULL;
	*ret = events;
	return &rings->events;
}

int sensor_rings_read(struct sensor_rings *rings, unsigned int max, sensor_event_fn fn, void *arg)
{
	int passed = 0;

	/* Discarded and undecodable records count too: they bound the call, not the caller. */
	for (unsigned int i = 0; i < max; i++) {
		struct peek peek;
		struct ring *ring = rings_choose(rings, &peek);
		bool sound = false;

		if (!ring)
			break;
		if (peek.bytes && peek.len <= sizeof(rings->event))
			sound = !sensor_decode(peek.bytes, peek.len, &rings->event);
		if (!sound && (peek.bytes || peek.malformed))
			rings->malformed++;
		ring_advance(ring, peek.next);
		if (!sound)
			continue;
		passed++;
		if (fn(&rings->event, arg))
			break;
	}
	return passed;
}

uint64_t sensor_rings_malformed(const struct sensor_rings *rings)
{
	return rings->malformed;
}
