/* SPDX-License-Identifier: GPL-2.0 */
/* TCP segments as the wire has them, read without the help of either stack. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEGMENT_FIN	0x01
#define SEGMENT_SYN	0x02
#define SEGMENT_RST	0x04
#define SEGMENT_ACK	0x10
#define SEGMENT_URG	0x20
#define SEGMENT_ECE	0x40
#define SEGMENT_CWR	0x80

/* IP's ECN field (RFC 3168 section 5) */
enum codepoint { NOT_ECT, ECT_1, ECT_0, CE };

#define ACCECN_FIELDS	3

struct segment {
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window, urgent;	/* urgent: the pointer */
	uint32_t header, len;	/* octets of the header, and of text */
	const uint8_t *text;
	int scale;		/* the option's; -1: absent */
	bool has_ts, sack_permitted;
	uint32_t tsval, tsecr;
	int sacks;		/* blocks */
	uint32_t sack[4][2];
	enum codepoint ecn;
	int cookie_len;		/* of the Fast Open option, octets; 0: it asks for a cookie; -1: absent */
	unsigned int ace;	/* the flags AE, CWR and ECE as a number */
	int accecn_fields;	/* counters of the AccECN option; -1: absent */
	enum codepoint accecn_of[ACCECN_FIELDS];	/* what they count */
	uint32_t accecn[ACCECN_FIELDS];
};

/* Sequence numbers (RFC 9293 section 3.4). */
static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* SEG.LEN: text, SYN and FIN. */
static inline uint32_t segment_len(const struct segment *seg)
{
	return seg->len + !!(seg->flags & SEGMENT_SYN) + !!(seg->flags & SEGMENT_FIN);
}

/* Reads a packet of either IP. NULL: a good segment; "": no TCP; else what no TCP may send (as a wrong checksum). */
const char *segment_parse(struct segment *seg, const uint8_t *packet, size_t len);

/* Marks a packet of an ECN-capable sender, as a router does. Others stay as they are. */
void segment_mark(uint8_t *packet);

/* Makes NOPs of the Fast Open option, as a middlebox does. */
void segment_strip_fastopen(uint8_t *packet, size_t len);

/* The Internet checksum, not complemented; @sum is the sum of the octets before. */
uint32_t segment_sum(const uint8_t *p, size_t len, uint32_t sum);

/* A router's answer to a packet too long for its next link (RFC 792, RFC 1191, RFC 4443). */

#define ICMP_LARGEST	1280

/* Writes the answer to @packet. Returns its length; 0: none is due, for IPv4 may cut the packet. */
size_t icmp_too_long(uint8_t icmp[ICMP_LARGEST], const uint8_t *packet, size_t len, int mtu);
/* Is the packet such an answer? */
bool icmp_is(const uint8_t *packet);
