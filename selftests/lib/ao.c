// SPDX-License-Identifier: GPL-2.0
#include "ao.h"
#include <netinet/in.h>
#include <string.h>
#include "mac.h"

#define CHECKSUM_AT	16
#define LARGEST		(66000 + AO_MOST_MAC)

static uint8_t message[LARGEST];

static uint8_t *put(uint8_t *to, const void *octets, size_t n)
{
	memcpy(to, octets, n);
	return to + n;
}

static uint8_t *put16(uint8_t *to, uint16_t v)
{
	to[0] = v >> 8;
	to[1] = v;
	return to + 2;
}

static uint8_t *put32(uint8_t *to, uint32_t v)
{
	return put16(put16(to, v >> 16), v);
}

static size_t address_len(int ip)
{
	return ip == 4 ? 4 : 16;
}

/* AES-CMAC takes 16 octets: of another key they are its MAC with a key of zeros (RFC 5926 section 3.1.1.2). */
static unsigned int mac_of(const struct ao_key *key, const uint8_t *octets, unsigned int len, const uint8_t *data,
			   size_t data_len, uint8_t *out)
{
	static const uint8_t zeros[MAC_CMAC_LEN];
	uint8_t fixed[MAC_CMAC_LEN];

	if (key->algorithm == AO_HMAC_SHA1) {
		mac_hmac_sha1(octets, len, data, data_len, out);
		return MAC_SHA1_LEN;
	}
	if (len == MAC_CMAC_LEN)
		memcpy(fixed, octets, len);
	else
		mac_aes_cmac(zeros, octets, len, fixed);
	mac_aes_cmac(fixed, data, data_len, out);
	return MAC_CMAC_LEN;
}

unsigned int ao_traffic_key(const struct ao_key *key, const struct ao_ends *ends, uint8_t out[AO_MOST_MAC])
{
	const size_t n = address_len(ends->ip);
	uint8_t input[64], *p = input;

	*p++ = 1;
	p = put(p, "TCP-AO", 6);
	p = put(p, ends->src, n);
	p = put(p, ends->dst, n);
	p = put16(p, ends->sport);
	p = put16(p, ends->dport);
	p = put32(p, ends->src_isn);
	p = put32(p, ends->dst_isn);
	p = put16(p, 8 * (key->algorithm == AO_HMAC_SHA1 ? MAC_SHA1_LEN : MAC_CMAC_LEN));
	return mac_of(key, key->octets, key->len, input, p - input, out);
}

unsigned int ao_header_at(int ip)
{
	return 4 + (ip == 4 ? 12 : 40);
}

static uint8_t *put_pseudo_header(uint8_t *p, const struct ao_ends *ends, size_t len)
{
	p = put(p, ends->src, address_len(ends->ip));
	p = put(p, ends->dst, address_len(ends->ip));
	if (ends->ip == 4)
		return put16(put16(p, IPPROTO_TCP), len);
	return put32(put32(p, len), IPPROTO_TCP);
}

void ao_mac(const struct ao_key *key, const struct ao_ends *ends, uint32_t sne, const uint8_t *tcp, size_t len,
	    unsigned int mac_at, int turned, uint8_t *out)
{
	const size_t header = (tcp[12] >> 4) * 4, text = len > header ? len - header : 0;
	uint8_t traffic_key[AO_MOST_MAC], whole[AO_MOST_MAC], *p = message, *t;
	unsigned int key_len = ao_traffic_key(key, ends, traffic_key);

	p = put32(p, sne);
	p = put_pseudo_header(p, ends, len);
	t = p;
	if (key->no_options) {
		p = put(p, tcp, 20);
		p = put(p, tcp + mac_at - AO_HEADER, AO_HEADER);
		memset(p, 0, key->mac_len);
		p += key->mac_len;
	} else {
		p = put(p, tcp, header);
		memset(t + mac_at, 0, key->mac_len);
	}
	memset(t + CHECKSUM_AT, 0, 2);
	p = put(p, tcp + header, text);
	if (turned != AO_NONE)
		message[turned] ^= 1;
	mac_of(key, traffic_key, key_len, message, p - message, whole);
	memcpy(out, whole, key->mac_len);
}

uint32_t ao_sne(uint32_t isn, uint32_t seq)
{
	/* what is sent again may be from before the ISN by a little: of an attacker alone, or a keepalive */
	return ((int64_t)isn + (int32_t)(seq - isn)) >> 32;
}
