// SPDX-License-Identifier: GPL-2.0
/* What routers and middleboxes do to a packet. */
#include <netinet/in.h>
#include <string.h>
#include "world.h"

#define QUOTE4	28	/* of the packet: its IP header and 8 octets */

void router_mark(uint8_t *packet)
{
	uint16_t sum;

	if (!((packet[0] >> 4 == 6 ? packet[1] >> 4 : packet[1]) & CE))
		return;
	if (packet[0] >> 4 == 6) {
		packet[1] |= CE << 4;
		return;
	}
	packet[1] |= CE;
	segment_put16(packet + 10, 0);
	sum = wire_segment_sum(packet, 20, 0);
	memcpy(packet + 10, &sum, 2);
}

void router_strip_fastopen(uint8_t *packet, size_t len, const struct wire_segment *seg)
{
	const int ip = packet[0] >> 4;
	uint8_t *tcp = packet + (ip == 6 ? 40 : 20), *option = packet + (seg->fastopen - packet);
	const size_t n = packet + len - tcp;
	uint16_t sum;

	memset(option, 1, option[1]);
	segment_put16(tcp + 16, 0);
	sum = wire_segment_sum(tcp, n, segment_pseudo(ip, seg->src, seg->dst, IPPROTO_TCP, n));
	memcpy(tcp + 16, &sum, 2);
}

/* RFC 1191 section 4, RFC 4443 section 3.2. */
size_t router_too_long(uint8_t icmp[ICMP_LARGEST], const uint8_t *packet, size_t len, int mtu)
{
	const size_t most = ICMP_LARGEST - 48;

	if (packet[0] >> 4 == 6)
		return segment_icmp(6, icmp, packet + 24, packet + 8, 2, 0, mtu, packet, len < most ? len : most);
	if (!(packet[6] & 0x40))
		return 0;
	return segment_icmp(4, icmp, packet + 16, packet + 12, 3, 4, mtu, packet, QUOTE4);
}

bool router_is_icmp(const uint8_t *packet)
{
	return packet[0] >> 4 == 6 ? packet[6] == IPPROTO_ICMPV6 : packet[9] == IPPROTO_ICMP;
}
