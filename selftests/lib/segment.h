/* SPDX-License-Identifier: GPL-2.0 */
/* TCP segments as the wire has them, read and built without the help of either stack. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_FIN	0x01
#define WIRE_SYN	0x02
#define WIRE_RST	0x04
#define WIRE_PSH	0x08
#define WIRE_ACK	0x10
#define WIRE_URG	0x20
#define WIRE_ECE	0x40
#define WIRE_CWR	0x80
#define WIRE_AE		0x100

/* IP's ECN field (RFC 3168 section 5) */
enum codepoint { NOT_ECT, ECT_1, ECT_0, CE };

#define ACCECN_FIELDS	3

/* One parsed or to be built segment; seq and ack as on the wire. */
struct wire_segment {
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint16_t flags;
	uint16_t win, urg;
	uint8_t opt[40];
	unsigned int optlen;
	unsigned int len;	/* payload */
	size_t packet;		/* whole packet, as parsed */
	uint8_t ttl, tos;	/* of the IP header; ttl as parsed */
	uint8_t ip_options;	/* octets of options of IPv4, as parsed */
	uint32_t label;		/* IPv6's, as parsed */
	const uint8_t *data;
	uint32_t header;	/* octets of the TCP header, as parsed */
	enum codepoint ecn;	/* of the IP header, as parsed */
	unsigned int ace;	/* the flags AE, CWR and ECE as a number, as parsed */
	/* parsed options; -1: absent */
	int mss, ws;
	bool ts, sackok;
	const uint8_t *accecn_option;	/* NULL: there is none */
	int accecn_fields;	/* its counters */
	enum codepoint accecn_of[ACCECN_FIELDS];	/* what they count */
	uint32_t accecn_count[ACCECN_FIELDS];
	char accecn[24];	/* the option as parsed by a lane, in hex; "": absent */
	char laid[84];		/* all options as parsed by a lane, in hex */
	int cookie_len;		/* of the Fast Open option, octets; 0: it asks for a cookie */
	const uint8_t *fastopen;	/* that option; NULL: there is none */
	bool fo;		/* the Fast Open option is there */
	char cookie[40];	/* what stands in it, in hex, as parsed by a lane; "": it asks */
	unsigned int sacks;	/* blocks of a SACK option */
	uint32_t sack[5][2];	/* their edges, as on the wire */
	uint32_t tsval, tsecr;
	const uint8_t *digest;	/* of an MD5 signature; NULL: there is none */
	const uint8_t *ao;	/* the option of TCP-AO; NULL: there is none */
	/* building only */
	int doff;		/* data offset to claim, in words; -1: the right one */
	int cut;		/* keep this many bytes of TCP; -1: all */
	bool badsum;
	bool record;		/* the IPv4 header has the option Record Route */
	bool is_unsigned;	/* although the peer has a key */
	uint8_t bad_digest;	/* bits of the digest to turn */
	const char *other_key;	/* instead of the peer's */
	unsigned int digest_at;	/* octets from the TCP header to the digest; 0: not signed */
	unsigned int mac_at;	/* the same of TCP-AO */
	int ao_keyid, ao_rnext;	/* instead of those of the peer's key; -1: those */
	unsigned int ao_longer;	/* octets that its option has behind the MAC */
	int turned;		/* octet of the message that has another bit than the MAC covers; 0: none */
	uint8_t reserved;	/* the four bits behind the data offset */
};

/* Sequence numbers (RFC 9293 section 3.4). */
static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* SEG.LEN: text, SYN and FIN. */
static inline uint32_t segment_len(const struct wire_segment *seg)
{
	return seg->len + !!(seg->flags & WIRE_SYN) + !!(seg->flags & WIRE_FIN);
}

uint16_t segment_get16(const uint8_t *p);
uint32_t segment_get32(const uint8_t *p);
void segment_put16(uint8_t *p, uint16_t v);
void segment_put32(uint8_t *p, uint32_t v);

/* The Internet checksum. @sum: of what goes before, which has an even length. Return: the checksum in network order. */
uint16_t wire_segment_sum(const void *data, size_t len, uint32_t sum);

/* A partial sum of the pseudo header (RFC 9293 3.1). @len: of the upper layer's header and data. */
uint32_t segment_pseudo(int ip, const uint8_t *src, const uint8_t *dst, int protocol, uint32_t len);

/* Write an IP header without options. Return: its length in bytes. */
size_t segment_ip_header(int ip, uint8_t *p, const uint8_t *src, const uint8_t *dst, int protocol, size_t payload);

/* Writes a message of ICMP with its IP header: @word and then @len octets of @quote. Its length. */
size_t segment_icmp(int ip, uint8_t *p, const uint8_t *src, const uint8_t *dst, int type, int code, uint32_t word,
		    const void *quote, size_t len);

/* Reads a packet of either IP. NULL: a good segment; "": no TCP; else what no TCP may send (as a wrong checksum). */
const char *segment_parse(struct wire_segment *seg, const uint8_t *packet, size_t len);
