// SPDX-License-Identifier: GPL-2.0
#include "mac.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define SHA1_BLOCK	64
#define AES_ROUNDS	10

struct sha1 {
	uint32_t state[5];
	uint64_t octets;
	uint8_t block[SHA1_BLOCK];
};

static uint32_t rotate(uint32_t v, int n)
{
	return v << n | v >> (32 - n);
}

/* RFC 3174 section 6.1. */
static void sha1_mix(struct sha1 *s)
{
	uint32_t a = s->state[0], b = s->state[1], c = s->state[2], d = s->state[3], e = s->state[4];
	uint32_t w[80], next;
	int i;

	for (i = 0; i < 16; i++)
		w[i] = (uint32_t)s->block[4 * i] << 24 | s->block[4 * i + 1] << 16 | s->block[4 * i + 2] << 8 |
		       s->block[4 * i + 3];
	for (; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (i = 0; i < 80; i++) {
		next = rotate(a, 5) + e + w[i];
		if (i < 20)
			next += ((b & c) | (~b & d)) + 0x5a827999;
		else if (i < 40)
			next += (b ^ c ^ d) + 0x6ed9eba1;
		else if (i < 60)
			next += ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
		else
			next += (b ^ c ^ d) + 0xca62c1d6;
		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = next;
	}
	s->state[0] += a;
	s->state[1] += b;
	s->state[2] += c;
	s->state[3] += d;
	s->state[4] += e;
}

static void sha1_begin(struct sha1 *s)
{
	*s = (struct sha1) { .state = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 } };
}

static void sha1_add(struct sha1 *s, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len--) {
		s->block[s->octets++ % SHA1_BLOCK] = *p++;
		if (s->octets % SHA1_BLOCK == 0)
			sha1_mix(s);
	}
}

static void sha1_end(struct sha1 *s, uint8_t *out)
{
	const uint64_t bits = s->octets * 8;
	uint8_t length[8];

	sha1_add(s, "\x80", 1);
	while (s->octets % SHA1_BLOCK != SHA1_BLOCK - sizeof(length))
		sha1_add(s, "", 1);
	for (int i = 0; i < 8; i++)
		length[i] = bits >> (56 - 8 * i);
	sha1_add(s, length, sizeof(length));
	for (int i = 0; i < MAC_SHA1_LEN; i++)
		out[i] = s->state[i / 4] >> (24 - 8 * (i % 4));
}

/* Begins with the key, each octet turned by @pad. */
static void sha1_begin_padded(struct sha1 *s, const uint8_t *key, uint8_t pad)
{
	uint8_t block[SHA1_BLOCK];

	for (int i = 0; i < SHA1_BLOCK; i++)
		block[i] = key[i] ^ pad;
	sha1_begin(s);
	sha1_add(s, block, sizeof(block));
}

void mac_hmac_sha1(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[MAC_SHA1_LEN])
{
	uint8_t padded[SHA1_BLOCK] = { 0 }, inner[MAC_SHA1_LEN];
	struct sha1 s;

	if (key_len > sizeof(padded)) {
		sha1_begin(&s);
		sha1_add(&s, key, key_len);
		sha1_end(&s, padded);
	} else {
		memcpy(padded, key, key_len);
	}
	sha1_begin_padded(&s, padded, 0x36);
	sha1_add(&s, data, len);
	sha1_end(&s, inner);
	sha1_begin_padded(&s, padded, 0x5c);
	sha1_add(&s, inner, sizeof(inner));
	sha1_end(&s, out);
}

/* In the field of AES: times x. */
static uint8_t twice(uint8_t v)
{
	return v << 1 ^ (v & 0x80 ? 0x1b : 0);
}

static uint8_t times(uint8_t a, uint8_t b)
{
	uint8_t sum = 0;

	for (; b; b >>= 1, a = twice(a))
		if (b & 1)
			sum ^= a;
	return sum;
}

/* FIPS 197 section 5.1.1: the inverse, and then an affine transformation. */
static uint8_t substitute(uint8_t v)
{
	static uint8_t table[256];
	static bool made;
	int i, j, n;
	uint8_t inverse;

	for (i = 0; !made && i < 256; i++) {
		for (inverse = 0, j = 1; j < 256; j++)
			if (times(i, j) == 1)
				inverse = j;
		table[i] = inverse ^ 0x63;
		for (n = 1; n < 5; n++)
			table[i] ^= inverse << n | inverse >> (8 - n);
	}
	made = true;
	return table[v];
}

/* FIPS 197 section 5.2: the keys of all rounds. */
static void expand(const uint8_t *key, uint8_t keys[AES_ROUNDS + 1][16])
{
	uint8_t *w = keys[0], word[4], constant = 1;

	memcpy(w, key, 16);
	for (int i = 16; i < 16 * (AES_ROUNDS + 1); i += 4) {
		memcpy(word, w + i - 4, 4);
		if (i % 16 == 0) {
			for (int j = 0; j < 4; j++)
				word[j] = substitute(w[i - 4 + (j + 1) % 4]);
			word[0] ^= constant;
			constant = twice(constant);
		}
		for (int j = 0; j < 4; j++)
			w[i + j] = w[i + j - 16] ^ word[j];
	}
}

/* One block, in its place. */
static void encrypt(uint8_t keys[AES_ROUNDS + 1][16], uint8_t *s)
{
	uint8_t t[16];

	for (int i = 0; i < 16; i++)
		s[i] ^= keys[0][i];
	for (int round = 1; round <= AES_ROUNDS; round++) {
		/* each row goes left by its number */
		for (int i = 0; i < 16; i++)
			t[i] = substitute(s[(i + 4 * (i % 4)) % 16]);
		for (int c = 0; c < 16; c += 4)
			for (int i = 0; i < 4; i++)
				s[c + i] = round == AES_ROUNDS ? t[c + i] :
					   twice(t[c + i]) ^ twice(t[c + (i + 1) % 4]) ^ t[c + (i + 1) % 4] ^
					   t[c + (i + 2) % 4] ^ t[c + (i + 3) % 4];
		for (int i = 0; i < 16; i++)
			s[i] ^= keys[round][i];
	}
}

/* RFC 4493 section 2.3: a subkey from the one before. */
static void subkey(uint8_t *k)
{
	const uint8_t carry = k[0] & 0x80 ? 0x87 : 0;

	for (int i = 0; i < 16; i++)
		k[i] = k[i] << 1 | (i < 15 ? k[i + 1] >> 7 : 0);
	k[15] ^= carry;
}

void mac_aes_cmac(const uint8_t key[MAC_CMAC_LEN], const void *data, size_t len, uint8_t out[MAC_CMAC_LEN])
{
	uint8_t keys[AES_ROUNDS + 1][16], k[16] = { 0 }, last[16] = { 0 };
	const uint8_t *p = data;

	expand(key, keys);
	encrypt(keys, k);
	subkey(k);
	memset(out, 0, 16);
	for (; len > 16; len -= 16, p += 16) {
		for (size_t i = 0; i < 16; i++)
			out[i] ^= p[i];
		encrypt(keys, out);
	}
	memcpy(last, p, len);
	if (len < 16) {
		last[len] = 0x80;
		subkey(k);
	}
	for (size_t i = 0; i < 16; i++)
		out[i] ^= last[i] ^ k[i];
	encrypt(keys, out);
}

/* RFC 1321 section 3.4. */
static void mix(struct md5 *m)
{
	static const int shift[4][4] = { { 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 }, { 6, 10, 15, 21 } };
	uint32_t a = m->state[0], b = m->state[1], c = m->state[2], d = m->state[3], x[16], f, old;
	const uint8_t *p = m->block;
	int i, k;

	for (i = 0; i < 16; i++, p += 4)
		x[i] = p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
	for (i = 0; i < 64; i++) {
		switch (i / 16) {
		case 0:
			f = (b & c) | (~b & d);
			k = i;
			break;
		case 1:
			f = (b & d) | (c & ~d);
			k = 5 * i + 1;
			break;
		case 2:
			f = b ^ c ^ d;
			k = 3 * i + 5;
			break;
		default:
			f = c ^ (b | ~d);
			k = 7 * i;
			break;
		}
		f += a + x[k % 16] + (uint32_t)(fabs(sin(i + 1)) * 4294967296.0);
		old = d;
		d = c;
		c = b;
		b += rotate(f, shift[i / 16][i % 4]);
		a = old;
	}
	m->state[0] += a;
	m->state[1] += b;
	m->state[2] += c;
	m->state[3] += d;
}

void md5_begin(struct md5 *m)
{
	*m = (struct md5) { .state = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 } };
}

void md5_add(struct md5 *m, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len--) {
		m->block[m->octets++ % 64] = *p++;
		if (m->octets % 64 == 0)
			mix(m);
	}
}

void md5_end(struct md5 *m, uint8_t digest[16])
{
	uint64_t bits = m->octets * 8;
	uint8_t length[8];

	md5_add(m, "\x80", 1);
	while (m->octets % 64 != 56)
		md5_add(m, "", 1);
	for (int i = 0; i < 8; i++)
		length[i] = bits >> 8 * i;
	md5_add(m, length, 8);
	for (int i = 0; i < 16; i++)
		digest[i] = m->state[i / 4] >> 8 * (i % 4);
}
