/* SPDX-License-Identifier: GPL-2.0 */
/* The arithmetic of TCP-AO (RFC 5925, RFC 5926), for segments that tests sign and check by themselves. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AO_KIND		29
#define AO_HEADER	4	/* octets of the option before its MAC */
#define AO_USUAL_MAC	12
#define AO_MOST_MAC	20
#define AO_MOST_KEY	80
#define AO_NONE		(-1)

enum ao_algorithm { AO_HMAC_SHA1, AO_AES_CMAC };

/* A master key. */
struct ao_key {
	enum ao_algorithm algorithm;
	uint8_t octets[AO_MOST_KEY];
	unsigned int len;
	unsigned int mac_len;
	bool no_options;	/* the MAC covers no option but its own */
};

/* The connection, as the sender of a segment sees it; addresses of 4 or 16 octets, numbers of the host. */
struct ao_ends {
	int ip;
	const uint8_t *src, *dst;
	uint16_t sport, dport;
	uint32_t src_isn, dst_isn;	/* of a SYN without ACK @dst_isn is 0 */
};

/* RFC 5926 section 3.1. How many octets the traffic key has. */
unsigned int ao_traffic_key(const struct ao_key *key, const struct ao_ends *ends, uint8_t out[AO_MOST_MAC]);

/*
 * RFC 5925 section 5.1: the MAC of a segment of @len octets that begins at @tcp, of key->mac_len octets. @mac_at is
 * where in it the MAC stands, or will. @turned: an octet of the message, with one bit turned, as if the segment changed
 * on its way; or AO_NONE. The message is SNE, pseudo header, TCP header, options, text.
 */
void ao_mac(const struct ao_key *key, const struct ao_ends *ends, uint32_t sne, const uint8_t *tcp, size_t len,
	    unsigned int mac_at, int turned, uint8_t *out);

/* Where the TCP header begins in the message. */
unsigned int ao_header_at(int ip);

/* RFC 5925 section 6.2: the SNE of @seq, in a stream of less than 2^31 octets that begins with @isn. */
uint32_t ao_sne(uint32_t isn, uint32_t seq);
