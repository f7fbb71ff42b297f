/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A BPF ring buffer of ordinary memory, in the kernel's layout: a page for the consumer, one for
 * the producer, the data twice. The second copy is kept by hand, where the kernel maps pages twice.
 */
#ifndef TESTS_FAKE_RING_H
#define TESTS_FAKE_RING_H

#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

#define FAKE_RING_PAGE 4096
#define FAKE_RING_SIZE (4 * FAKE_RING_PAGE)
#define FAKE_RING_ALL (2 * FAKE_RING_PAGE + 2 * FAKE_RING_SIZE)
#define FAKE_RING_BUSY 0x80000000U
#define FAKE_RING_DISCARD 0x40000000U

struct fake_ring {
	int fd;
	uint8_t *memory;
	uint64_t produced;
};

static inline void fake_ring_open(struct fake_ring *ring)
{
	ring->fd = memfd_create("ring", MFD_CLOEXEC);
	assert_true(ring->fd >= 0);
	assert_int_equal(ftruncate(ring->fd, FAKE_RING_ALL), 0);
	ring->memory = mmap(NULL, FAKE_RING_ALL, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	assert_true(ring->memory != MAP_FAILED);
}

static inline void fake_ring_close(struct fake_ring *ring)
{
	(void)munmap(ring->memory, FAKE_RING_ALL);
	(void)close(ring->fd);
}

static inline uint64_t fake_ring_consumed(const struct fake_ring *ring)
{
	return *(const uint64_t *)(const void *)ring->memory;
}

static inline void fake_ring_publish(struct fake_ring *ring)
{
	__atomic_store_n((uint64_t *)(void *)(ring->memory + FAKE_RING_PAGE), ring->produced,
			 __ATOMIC_RELEASE);
}

static inline void fake_ring_copy(struct fake_ring *ring, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		size_t at = 2 * FAKE_RING_PAGE + (ring->produced + i) % FAKE_RING_SIZE;

		ring->memory[at] = ((const uint8_t *)bytes)[i];
		ring->memory[at + FAKE_RING_SIZE] = ((const uint8_t *)bytes)[i];
	}
}

/* Returns the position of the record's header. */
static inline uint64_t fake_ring_put(struct fake_ring *ring, const void *record, uint32_t len,
				     uint32_t bits)
{
	uint64_t at = ring->produced;
	uint32_t header[2] = { len | bits, 0 };

	fake_ring_copy(ring, header, sizeof(header));
	ring->produced += sizeof(header);
	fake_ring_copy(ring, record, len);
	ring->produced += (len + 7) & ~7U;
	fake_ring_publish(ring);
	return at;
}

#endif
