/* SPDX-License-Identifier: GPL-2.0 */
/* MD5 (RFC 1321), for signatures that tests write and check by themselves. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct md5 {
	uint32_t state[4];
	uint64_t octets;
	uint8_t block[64];
};

void md5_begin(struct md5 *m);
void md5_add(struct md5 *m, const void *data, size_t len);
void md5_end(struct md5 *m, uint8_t digest[16]);
