// SPDX-License-Identifier: GPL-2.0
#include "segment.h"
#include <netinet/in.h>
#include <string.h>

#define IP4	20
#define IP6	40
#define HEAD	8	/* of ICMP */
#define QUOTE4	28	/* of the packet: its IP header and 8 octets */

static void put16(uint8_t *p, unsigned int value)
{
	p[0] = value >> 8;
	p[1] = value;
}

/* RFC 1191 section 4. */
static size_t too_long4(uint8_t *icmp, const uint8_t *packet, int mtu)
{
	if (!(packet[6] & 0x40))
		return 0;
	memset(icmp, 0, IP4 + HEAD);
	icmp[0] = 0x45;
	put16(icmp + 2, IP4 + HEAD + QUOTE4);
	icmp[8] = 64;
	icmp[9] = IPPROTO_ICMP;
	memcpy(icmp + 12, packet + 16, 4);
	memcpy(icmp + 16, packet + 12, 4);
	put16(icmp + 10, ~segment_sum(icmp, IP4, 0) & 0xffff);
	icmp[IP4] = 3;
	icmp[IP4 + 1] = 4;
	put16(icmp + IP4 + 6, mtu);
	memcpy(icmp + IP4 + HEAD, packet, QUOTE4);
	put16(icmp + IP4 + 2, ~segment_sum(icmp + IP4, HEAD + QUOTE4, 0) & 0xffff);
	return IP4 + HEAD + QUOTE4;
}

/* RFC 4443 section 3.2. */
static size_t too_long6(uint8_t *icmp, const uint8_t *packet, size_t len, int mtu)
{
	const size_t quote = len < ICMP_LARGEST - IP6 - HEAD ? len : ICMP_LARGEST - IP6 - HEAD;

	memset(icmp, 0, IP6 + HEAD);
	icmp[0] = 0x60;
	put16(icmp + 4, HEAD + quote);
	icmp[6] = IPPROTO_ICMPV6;
	icmp[7] = 64;
	memcpy(icmp + 8, packet + 24, 16);
	memcpy(icmp + 24, packet + 8, 16);
	icmp[IP6] = 2;
	put16(icmp + IP6 + 6, mtu);
	memcpy(icmp + IP6 + HEAD, packet, quote);
	put16(icmp + IP6 + 2, ~segment_sum(icmp + 8, 32 + HEAD + quote, IPPROTO_ICMPV6 + HEAD + quote) & 0xffff);
	return IP6 + HEAD + quote;
}

size_t icmp_too_long(uint8_t icmp[ICMP_LARGEST], const uint8_t *packet, size_t len, int mtu)
{
	return packet[0] >> 4 == 6 ? too_long6(icmp, packet, len, mtu) : too_long4(icmp, packet, mtu);
}

bool icmp_is(const uint8_t *packet)
{
	return packet[0] >> 4 == 6 ? packet[6] == IPPROTO_ICMPV6 : packet[9] == IPPROTO_ICMP;
}
