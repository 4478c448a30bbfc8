/* SPDX-License-Identifier: GPL-2.0 */
/* SipHash-2-4 (Aumasson and Bernstein, 2012) under the kernel's names, for pure module files in user space. */
#ifndef UNIT_LINUX_SIPHASH_H
#define UNIT_LINUX_SIPHASH_H

#include <linux/types.h>
#include <string.h>

typedef struct {
	u64 key[2];
} siphash_key_t;

static inline u64 unit_rotate(u64 value, unsigned int bits)
{
	return value << bits | value >> (64 - bits);
}

static inline void unit_sipround(u64 v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = unit_rotate(v[1], 13) ^ v[0];
	v[3] = unit_rotate(v[3], 16) ^ v[2];
	v[0] = unit_rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = unit_rotate(v[1], 17) ^ v[2];
	v[3] = unit_rotate(v[3], 21) ^ v[0];
	v[2] = unit_rotate(v[2], 32);
}

static inline u64 siphash(const void *data, size_t len, const siphash_key_t *key)
{
	u64 v[4] = {
		key->key[0] ^ 0x736f6d6570736575ULL,
		key->key[1] ^ 0x646f72616e646f6dULL,
		key->key[0] ^ 0x6c7967656e657261ULL,
		key->key[1] ^ 0x7465646279746573ULL,
	};
	const u8 *bytes = data;
	size_t at, round;
	u64 word;

	for (at = 0; at <= len; at += 8) {
		size_t left = len - at < 8 ? len - at : 8;

		word = left < 8 ? (u64)len << 56 : 0;
		for (round = 0; round < left; round++)
			word |= (u64)bytes[at + round] << (8 * round);
		v[3] ^= word;
		unit_sipround(v);
		unit_sipround(v);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	for (round = 0; round < 4; round++)
		unit_sipround(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static inline u64 siphash_3u32(u32 a, u32 b, u32 c, const siphash_key_t *key)
{
	const u32 words[3] = { a, b, c };

	return siphash(words, sizeof(words), key);
}

static inline u64 siphash_1u64(u64 a, const siphash_key_t *key)
{
	return siphash(&a, sizeof(a), key);
}

#endif /* UNIT_LINUX_SIPHASH_H */
