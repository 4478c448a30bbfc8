// SPDX-License-Identifier: GPL-2.0
/* A SYN that no socket sent. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>

#include "see.h"

static unsigned long sum(const void *data, unsigned int len, unsigned long start)
{
	const unsigned char *octet = data;
	unsigned int i;

	for (i = 0; i < len; i++)
		start += i & 1 ? octet[i] : octet[i] << 8;
	return start;
}

/**
 * see_send_syn() - Send a SYN that no socket of its sender knows of.
 * @view: over which IP version
 * @sender: its source; nobody has the view's hole
 * @sender_port: its port
 * @port: of the listener in namespace b
 */
void see_send_syn(const struct see_view *view, const char *sender, unsigned int sender_port, unsigned int port)
{
	struct tcphdr tcp = { .source = htons(sender_port), .dest = htons(port), .seq = htonl(12345), .doff = 5,
			      .syn = 1, .window = htons(1000) };
	union stack_addr from = stack_addr(sender, 0), to = stack_addr(view->b, 0);
	int fd = see_must(ns_socket(see_net.a, to.sa.sa_family, SOCK_RAW, IPPROTO_RAW), "raw socket");
	unsigned char packet[sizeof(struct ip6_hdr) + sizeof(tcp)] = {};
	unsigned int ip_len, addr_len;
	unsigned long check;

	if (to.sa.sa_family == AF_INET) {
		struct iphdr *ip = (void *)packet;

		*ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP };
		ip->saddr = from.in.sin_addr.s_addr;
		ip->daddr = to.in.sin_addr.s_addr;
		ip_len = sizeof(*ip);
		addr_len = 4;
	} else {
		struct ip6_hdr *ip6 = (void *)packet;

		ip6->ip6_flow = htonl(6 << 28);
		ip6->ip6_plen = htons(sizeof(tcp));
		ip6->ip6_nxt = IPPROTO_TCP;
		ip6->ip6_hlim = 64;
		ip6->ip6_src = from.in6.sin6_addr;
		ip6->ip6_dst = to.in6.sin6_addr;
		ip_len = sizeof(*ip6);
		addr_len = 16;
	}
	check = sum(packet + ip_len - 2 * addr_len, 2 * addr_len, IPPROTO_TCP + sizeof(tcp));
	check = sum(&tcp, sizeof(tcp), check);
	while (check >> 16)
		check = (check & 0xffff) + (check >> 16);
	tcp.check = htons(~check);
	memcpy(packet + ip_len, &tcp, sizeof(tcp));
	see_must(sendto(fd, packet, ip_len + sizeof(tcp), 0, &to.sa, stack_addr_len(&to)), "send a SYN");
	close(fd);
}
