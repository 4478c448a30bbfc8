// SPDX-License-Identifier: GPL-2.0
/*
 * Differential scenarios: flow labels (RFC 6437) that a program chooses, with those that it has of the kernel's manager
 * and without. Each runs in a namespace of its own, where a socket of packets sees what is sent. Over IPv4 there are
 * none.
 */
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in6.h>
#include <net/if.h>
#include <netinet/ip6.h>
#include <sched.h>
#include "lib/diff.h"

#ifndef IPV6_FLOWLABEL_MGR
#define IPV6_FLOWLABEL_MGR	32
#define IPV6_FLOWINFO_SEND	33
#endif

#define LABEL	0x12345

static int watch_lo(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	diff_must(!unshare(CLONE_NEWNET), "unshare");
	fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IPV6));
	diff_must(fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &ifr), "lo");
	return fd;
}

/* How many segments went to @port since the last time, and with which label. */
static void say_labels(int watch, int port)
{
	struct {
		struct ip6_hdr ip;
		struct tcphdr tcp;
	} p;
	int some = 0, others = 0;
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	unsigned int label = 0;

	for (; recvfrom(watch, &p, sizeof(p), MSG_DONTWAIT, (void *)&from, &len) > 0; len = sizeof(from)) {
		if (from.sll_pkttype == PACKET_OUTGOING || p.ip.ip6_nxt != IPPROTO_TCP || ntohs(p.tcp.dest) != port)
			continue;
		if (some++ && label != (ntohl(p.ip.ip6_flow) & 0xfffff))
			others++;
		label = ntohl(p.ip.ip6_flow) & 0xfffff;
	}
	diff_say("segments: %d, label %s, others %d", some > 0,
		 label == LABEL ? "the program's" : label == LABEL + 1 ? "the next" : label ? "another" : "0", others);
}

static int manage(int fd, int action, int share, int flags, unsigned int label)
{
	struct in6_flowlabel_req req = {
		.flr_dst = IN6ADDR_LOOPBACK_INIT,
		.flr_label = htonl(label),
		.flr_action = action,
		.flr_share = share,
		.flr_flags = flags,
	};

	return setsockopt(fd, IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, &req, sizeof(req));
}

static int connect_with(int fd, unsigned int label)
{
	struct sockaddr_in6 to = *(struct sockaddr_in6 *)LO(1);

	to.sin6_flowinfo = htonl(label);
	return connect(fd, (void *)&to, sizeof(to));
}

static void say_peer(int fd)
{
	struct sockaddr_in6 peer;
	socklen_t len = sizeof(peer);

	diff_must(!getpeername(fd, (void *)&peer, &len), "getpeername");
	diff_say("flowinfo of the peer: %x", ntohl(peer.sin6_flowinfo));
}

SCENARIO(label_of_connect)
{
	int c = diff_socket(), watch, l, s;

	SET(c, IPPROTO_IPV6, IPV6_FLOWINFO_SEND, 1);
	if (diff.family == AF_INET)
		return;
	watch = watch_lo();
	l = diff_listener(1);
	c = diff_socket();
	GET(c, IPPROTO_IPV6, IPV6_FLOWINFO_SEND);
	SET(c, IPPROTO_IPV6, IPV6_FLOWINFO_SEND, 1);
	GET(c, IPPROTO_IPV6, IPV6_FLOWINFO_SEND);
	RET(connect_with(c, LABEL));
	s = diff_accepted(l);
	say_peer(c);
	diff_put(c, "hello");
	QUEUES(s, 5, -1);
	QUEUES(c, -1, 0);
	RET(shutdown(c, SHUT_WR));
	BITS(s, POLLRDHUP);
	say_labels(watch, diff.port_base + 1);
	/* not asked for: the address has one, and it does not count */
	c = diff_socket();
	RET(setsockopt(c, IPPROTO_IPV6, 70, &(int){ 0 }, sizeof(int)));
	RET(connect_with(c, LABEL));
	say_peer(c);
	say_labels(watch, diff.port_base + 1);
}

/* A label that somebody has for himself. */
SCENARIO(label_manager)
{
	int watch, l, c, other, s;

	if (diff.family == AF_INET) {
		RET(manage(diff_socket(), IPV6_FL_A_GET, IPV6_FL_S_EXCL, IPV6_FL_F_CREATE, LABEL));
		return;
	}
	watch = watch_lo();
	l = diff_listener(1);
	c = diff_socket();
	other = diff_socket();
	RET(manage(c, IPV6_FL_A_GET, IPV6_FL_S_EXCL, 0, LABEL));
	RET(manage(c, IPV6_FL_A_GET, IPV6_FL_S_EXCL, IPV6_FL_F_CREATE, LABEL));
	RET(manage(c, IPV6_FL_A_GET, IPV6_FL_S_EXCL, IPV6_FL_F_CREATE | IPV6_FL_F_EXCL, LABEL));
	RET(manage(other, IPV6_FL_A_GET, IPV6_FL_S_EXCL, IPV6_FL_F_CREATE, LABEL));
	RET(manage(other, IPV6_FL_A_PUT, 0, 0, LABEL));
	RET(manage(c, IPV6_FL_A_GET, IPV6_FL_S_ANY, IPV6_FL_F_CREATE, 0x100000));
	RET(manage(c, 7, 0, 0, LABEL));
	SET(c, IPPROTO_IPV6, IPV6_FLOWINFO_SEND, 1);
	SET(other, IPPROTO_IPV6, IPV6_FLOWINFO_SEND, 1);
	RET(connect_with(other, LABEL));
	RET(connect_with(c, LABEL));
	s = diff_accepted(l);
	diff_put(c, "hello");
	QUEUES(s, 5, -1);
	say_labels(watch, diff.port_base + 1);
	RET(manage(c, IPV6_FL_A_RENEW, 0, 0, LABEL));
	RET(manage(c, IPV6_FL_A_PUT, 0, 0, LABEL));
	RET(manage(c, IPV6_FL_A_PUT, 0, 0, LABEL));
}

/* What a listener has is not its connections'. */
SCENARIO(label_of_listener)
{
	int l = diff_listener(1), c, s;

	RET(manage(l, IPV6_FL_A_PUT, 0, 0, LABEL + diff.port_base));
	if (diff.family == AF_INET)
		return;
	RET(manage(l, IPV6_FL_A_GET, IPV6_FL_S_ANY, IPV6_FL_F_CREATE, LABEL + diff.port_base));
	c = diff_connected(1);
	s = diff_accepted(l);
	RET(manage(s, IPV6_FL_A_PUT, 0, 0, LABEL + diff.port_base));
	close(s);
	close(c);
	RET(manage(l, IPV6_FL_A_PUT, 0, 0, LABEL + diff.port_base));
}

/* Answers with the label that comes: the kernel's manager has that for what it knows as TCP. */
SCENARIO(label_reflect)
{
	int c = diff_socket(), fd;

	RET(manage(c, IPV6_FL_A_GET, IPV6_FL_S_EXCL, IPV6_FL_F_REFLECT, 0));
	if (diff.family == AF_INET)
		return;
	close(watch_lo());
	fd = open("/proc/sys/net/ipv6/flowlabel_consistency", O_WRONLY);
	RET(write(fd, "0", 1));
	c = diff_socket();
	RET(manage(c, IPV6_FL_A_GET, IPV6_FL_S_EXCL, IPV6_FL_F_REFLECT, 0));
	RET(manage(c, IPV6_FL_A_PUT, IPV6_FL_S_EXCL, IPV6_FL_F_REFLECT, 0));
}
