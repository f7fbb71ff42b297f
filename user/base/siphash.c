/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SipHash (Aumasson and Bernstein, 2012): a keyed hash, so that whoever chooses keys cannot choose
 * collisions. SipHash-2-4 where a hash is stored or stands for the text itself. SipHash-1-3 for
 * places in a table, which nobody outside sees: with half the rounds it costs half, and is what the
 * authors call enough there (so do the tables of the kernel, of Python and of Rust).
 */
#include "base/table.h"

#include <endian.h>
#include <string.h>

struct state {
	uint64_t a, b, c, d;
};

static inline uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static inline void round_once(struct state *s)
{
	s->a += s->b;
	s->b = rotate(s->b, 13) ^ s->a;
	s->a = rotate(s->a, 32);
	s->c += s->d;
	s->d = rotate(s->d, 16) ^ s->c;
	s->a += s->d;
	s->d = rotate(s->d, 21) ^ s->a;
	s->c += s->b;
	s->b = rotate(s->b, 17) ^ s->c;
	s->c = rotate(s->c, 32);
}

static inline void word_add(struct state *s, uint64_t word, int rounds)
{
	s->d ^= word;
	for (int i = 0; i < rounds; i++)
		round_once(s);
	s->a ^= word;
}

/* The first len bytes (at most 8) as a little-endian number. */
static inline uint64_t word_read(const uint8_t *bytes, size_t len)
{
	uint64_t word = 0;

	memcpy(&word, bytes, len);
	return le64toh(word);
}

static inline uint64_t siphash(const uint64_t seed[2], const void *bytes, size_t len, int rounds,
			       int last_rounds)
{
	struct state s = {
		.a = seed[0] ^ 0x736f6d6570736575ULL,
		.b = seed[1] ^ 0x646f72616e646f6dULL,
		.c = seed[0] ^ 0x6c7967656e657261ULL,
		.d = seed[1] ^ 0x7465646279746573ULL,
	};
	const uint8_t *at = bytes;
	uint64_t last = (uint64_t)(len & 0xff) << 56;
	size_t left = len;

	for (; left >= 8; left -= 8, at += 8)
		word_add(&s, word_read(at, 8), rounds);
	last |= left ? word_read(at, left) : 0;
	word_add(&s, last, rounds);
	s.c ^= 0xff;
	for (int i = 0; i < last_rounds; i++)
		round_once(&s);
	return s.a ^ s.b ^ s.c ^ s.d;
}

uint64_t table_hash(const uint64_t seed[2], const void *bytes, size_t len)
{
	return siphash(seed, bytes, len, 2, 4);
}

uint64_t table_place(const uint64_t seed[2], const void *bytes, size_t len)
{
	return siphash(seed, bytes, len, 1, 3);
}
