// SPDX-License-Identifier: GPL-2.0
/* A SYN that no socket sent, what the events say of its options, and why it is dropped. */
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include "see.h"
#include "test.h"

#define MOST_OPTIONS	40	/* octets */

static unsigned long sum(const void *data, unsigned int len, unsigned long start)
{
	const unsigned char *octet = data;
	unsigned int i;

	for (i = 0; i < len; i++)
		start += i & 1 ? octet[i] : octet[i] << 8;
	return start;
}

/*
 * As see_send_syn(), with @len octets of options, a multiple of 4. The header claims to have @claimed words more, and
 * the checksum is wrong by @wrong.
 */
static void send_odd_syn(const struct see_view *view, const char *sender, unsigned int sender_port, unsigned int port,
			 const void *options, unsigned int len, int claimed, int wrong)
{
	struct {
		struct tcphdr header;
		unsigned char options[MOST_OPTIONS];
	} tcp = { .header = { .source = htons(sender_port), .dest = htons(port), .seq = htonl(12345),
			      .doff = 5 + len / 4 + claimed, .syn = 1, .window = htons(1000) } };
	unsigned int tcp_len = sizeof(tcp.header) + len;
	union stack_addr from = stack_addr(sender, 0), to = stack_addr(view->b, 0);
	int fd = see_must(ns_socket(see_net.a, to.sa.sa_family, SOCK_RAW, IPPROTO_RAW), "raw socket");
	unsigned char packet[sizeof(struct ip6_hdr) + sizeof(tcp)] = {};
	unsigned int ip_len, addr_len;
	unsigned long check;

	memcpy(tcp.options, options, len);
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
		ip6->ip6_plen = htons(tcp_len);
		ip6->ip6_nxt = IPPROTO_TCP;
		ip6->ip6_hlim = 64;
		ip6->ip6_src = from.in6.sin6_addr;
		ip6->ip6_dst = to.in6.sin6_addr;
		ip_len = sizeof(*ip6);
		addr_len = 16;
	}
	check = sum(packet + ip_len - 2 * addr_len, 2 * addr_len, IPPROTO_TCP + tcp_len);
	check = sum(&tcp, tcp_len, check);
	while (check >> 16)
		check = (check & 0xffff) + (check >> 16);
	tcp.header.check = htons(~check + wrong);
	memcpy(packet + ip_len, &tcp, tcp_len);
	see_must(sendto(fd, packet, ip_len + tcp_len, 0, &to.sa, stack_addr_len(&to)), "send a SYN");
	close(fd);
}

static void send_syn(const struct see_view *view, const char *sender, unsigned int sender_port, unsigned int port,
		     const void *options, unsigned int len)
{
	send_odd_syn(view, sender, sender_port, port, options, len, 0, 0);
}

/*
 * Send a SYN without a socket at its sender. @sender: its source address; no host has the view's hole. @port: of the
 * listener in namespace b.
 */
void see_send_syn(const struct see_view *view, const char *sender, unsigned int sender_port, unsigned int port)
{
	send_syn(view, sender, sender_port, port, "", 0);
}

/* Does any event say this? */
static bool event_says(const char *text)
{
	FILE *file = tracing_open();
	bool found = false;
	char line[1024];

	while (!found && fgets(line, sizeof(line), file))
		found = strstr(line, text);
	fclose(file);
	return found;
}

/*
 * Gives a result: the event of a SYN names each of its options, in their order. Twenty options of two octets each make
 * the longest text.
 */
void see_syn_options(const struct see_view *view)
{
	static const struct {
		const char *octets;
		unsigned int len;
		const char *says;
	} syns[] = {
		{ "", 0, "options=[]" },
		{ "\2\4\5\264\375\6\1\2\3\4\1\1\3\3\7\1", 16, "options=[mss:1460,opt253:6,ws:7]" },
		{ "\42\2\1\1\4\2\2\3\0\1\1\1", 12, "options=[opt34:2,sackok,opt2:3]" },
		{ "\4\2\0\2\2\4\5\264", 8, "options=[sackok]" },
		{ "\4\2\375\1\2\4\5\264", 8, "options=[sackok]" },
		{ "\4\2\375\7", 4, "options=[sackok]" },
		{ "\376\4\0\254\4\2\1\1", 8, "options=[tarr,sackok]" },
		{ "\376\5\0\254\20\1\1\1", 8, "options=[tarr:8]" },
		{ "\376\4\0\255\376\2\375\4\0\254\1\1", 12, "options=[opt254:4,opt254:2,opt253:4]" },
	};
	unsigned char most[MOST_OPTIONS];
	char says[MOST_OPTIONS / 2 * sizeof("opt255:2,")] = "options=[";
	unsigned int i, port = see_new_port();
	int listener;

	tracing_start("options");
	tracing_set("events/xtcp/xtcp_segment_in/enable", "1");
	listener = see_must(stack_bound(see_net.b, view->stack, view->b, port, false), "bind");
	see_must(listen(listener, LIMIT), "listen");
	for (i = 0; i < sizeof(syns) / sizeof(*syns); i++) {
		tracing_forget();
		send_syn(view, view->hole, 2000 + i, port, syns[i].octets, syns[i].len);
		CHECK(WAIT_FOR(event_says(syns[i].says), SOON), "%s", syns[i].says);
	}
	for (i = 0; i < MOST_OPTIONS; i += 2) {
		most[i] = 255;
		most[i + 1] = 2;
		strcat(says, i ? ",opt255:2" : "opt255:2");
	}
	strcat(says, "]");
	send_syn(view, view->hole, 2000, port, most, sizeof(most));
	CHECK(WAIT_FOR(event_says(says), SOON), "%s", says);
	close(listener);
	tracing_set("events/xtcp/xtcp_segment_in/enable", "0");
	tracing_stop();
	see_report("the events name the options of a SYN", view->name);
}

/* Gives a result: the event of a SYN that is dropped says why. */
void see_syn_dropped(const struct see_view *view)
{
	static const struct {
		int claimed, wrong;
		const char *says;
	} syns[] = {
		{ -1, 0, "reason=PKT_TOO_SMALL" },
		{ 10, 0, "reason=PKT_TOO_SMALL" },
		{ 0, 1, "reason=TCP_CSUM" },
	};
	unsigned int i, port = see_new_port();
	char says[80];
	int listener;

	tracing_start("dropped");
	tracing_set("events/xtcp/xtcp_drop/enable", "1");
	listener = see_must(stack_bound(see_net.b, view->stack, view->b, port, false), "bind");
	see_must(listen(listener, LIMIT), "listen");
	for (i = 0; i < sizeof(syns) / sizeof(*syns); i++) {
		tracing_forget();
		send_odd_syn(view, view->hole, 2000 + i, port, "", 0, syns[i].claimed, syns[i].wrong);
		snprintf(says, sizeof(says), ":%u state=CLOSED ", 2000 + i);
		CHECK(WAIT_FOR(event_says(says) && event_says(syns[i].says), SOON), "%s", syns[i].says);
	}
	close(listener);
	tracing_set("events/xtcp/xtcp_drop/enable", "0");
	tracing_stop();
	see_report("the events say why a SYN is dropped", view->name);
}
