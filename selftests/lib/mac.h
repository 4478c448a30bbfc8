/* SPDX-License-Identifier: GPL-2.0 */
/* HMAC-SHA-1 (RFC 2104, RFC 3174) and AES-128-CMAC (RFC 4493) of short messages, for MACs that tests check. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define MAC_SHA1_LEN	20
#define MAC_CMAC_LEN	16	/* of the key, too */

void mac_hmac_sha1(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[MAC_SHA1_LEN]);
void mac_aes_cmac(const uint8_t key[MAC_CMAC_LEN], const void *data, size_t len, uint8_t out[MAC_CMAC_LEN]);

/* MD5 (RFC 1321), for signatures that tests write and check by themselves. */

struct md5 {
	uint32_t state[4];
	uint64_t octets;
	uint8_t block[64];
};

void md5_begin(struct md5 *m);
void md5_add(struct md5 *m, const void *data, size_t len);
void md5_end(struct md5 *m, uint8_t digest[16]);
