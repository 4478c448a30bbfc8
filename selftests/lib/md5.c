// SPDX-License-Identifier: GPL-2.0
#include "md5.h"

#include <math.h>
#include <string.h>

static uint32_t rotate(uint32_t v, int n)
{
	return v << n | v >> (32 - n);
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
	int i;

	md5_add(m, "\x80", 1);
	while (m->octets % 64 != 56)
		md5_add(m, "", 1);
	for (i = 0; i < 8; i++)
		length[i] = bits >> 8 * i;
	md5_add(m, length, 8);
	for (i = 0; i < 16; i++)
		digest[i] = m->state[i / 4] >> 8 * (i % 4);
}
