// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: SOL_SOCKET, IPPROTO_IP and IPPROTO_IPV6 options. */
#include "lib/diff.h"
#include <limits.h>
#include <sys/time.h>

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

struct option {
	const char *name;
	int opt;
	int nr, value[8];
};

#define OPT(o, n, ...) { #o, o, n, { __VA_ARGS__ } }

static const struct option socket_options[] = {
	OPT(SO_REUSEADDR, 4, 1, 0, 7, -1),
	OPT(SO_KEEPALIVE, 4, 1, 0, 7, -1),
	OPT(SO_OOBINLINE, 3, 1, 0, 7),
	OPT(SO_DONTROUTE, 2, 1, 0),
	OPT(SO_BROADCAST, 2, 1, 0),
	OPT(SO_SNDBUF, 5, 20000, 1, 0, 100000000, -1),
	OPT(SO_RCVBUF, 5, 20000, 1, 0, 100000000, -1),
	OPT(SO_SNDBUFFORCE, 2, 20000, 0),
	OPT(SO_RCVBUFFORCE, 2, 20000, 0),
	OPT(SO_RCVLOWAT, 5, 5, 1, 0, -1, 1),
	OPT(SO_SNDLOWAT, 2, 5, 1),
	OPT(SO_ERROR, 1, 1),
	OPT(SO_TYPE, 1, 1),
	OPT(SO_DOMAIN, 1, 1),
	OPT(SO_ACCEPTCONN, 1, 1),
	OPT(SO_PRIORITY, 4, 3, 6, 7, 0),
	OPT(SO_MARK, 3, 5, -1, 0),
	OPT(SO_TIMESTAMP, 2, 1, 0),
	OPT(SO_TIMESTAMPNS, 2, 1, 0),
	OPT(SO_NO_CHECK, 2, 1, 0),
	OPT(SO_PASSCRED, 2, 1, 0),
	OPT(SO_RXQ_OVFL, 2, 1, 0),
	OPT(SO_LOCK_FILTER, 1, 1),
	OPT(SO_BUSY_POLL, 3, 10, -1, 0),
	OPT(SO_PEEK_OFF, 3, 0, 5, -1),
};

static void option_cycles(int fd, int level, const struct option *o, size_t nr)
{
	char text[16];

	for (size_t i = 0; i < nr; i++) {
		if (o[i].opt != SO_SNDBUF || level != SOL_SOCKET)
			diff_get("fd", o[i].name, fd, level, o[i].opt);
		for (int v = 0; v < o[i].nr; v++) {
			snprintf(text, sizeof(text), "%d", o[i].value[v]);
			diff_set("fd", o[i].name, text, fd, level, o[i].opt, o[i].value[v]);
			diff_get("fd", o[i].name, fd, level, o[i].opt);
		}
	}
}

SCENARIO_OF_PAIR(socket_options_established)
{
	option_cycles(c, SOL_SOCKET, socket_options, ELEMENTS(socket_options));
	SET(c, SOL_SOCKET, SO_DONTROUTE, 0);
	diff_put(s, "still works");
	BITS(c, POLLIN);
	SET(c, SOL_SOCKET, SO_PEEK_OFF, -1);
	READ(c, 20, 0);
}

SCENARIO_OF_PAIR(zerocopy_option)
{
	GET(c, SOL_SOCKET, SO_ZEROCOPY);
	SET(c, SOL_SOCKET, SO_ZEROCOPY, 1);
	SET(c, SOL_SOCKET, SO_ZEROCOPY, 2);
	SET(c, SOL_SOCKET, SO_ZEROCOPY, 0);
	GET(c, SOL_SOCKET, SO_ZEROCOPY);
}

SCENARIO_OF_PAIR(buffer_sizes)
{
	SET(c, SOL_SOCKET, SO_SNDBUF, 4096);
	GET(c, SOL_SOCKET, SO_SNDBUF);
	SET(c, SOL_SOCKET, SO_RCVBUF, 4096);
	GET(c, SOL_SOCKET, SO_RCVBUF);
	SET(s, SOL_SOCKET, SO_RCVBUF, 65536);
	GET(s, SOL_SOCKET, SO_RCVBUF);
	SET(c, SOL_SOCKET, SO_SNDBUF, INT_MAX);
	GET(c, SOL_SOCKET, SO_SNDBUF);
	SET(c, SOL_SOCKET, SO_RCVBUF, INT_MAX);
	GET(c, SOL_SOCKET, SO_RCVBUF);
	diff_put(c, "fits");
	READ(s, 10, 0);
}

static void time_option(int fd, int opt, const char *name, long sec, long usec)
{
	struct timeval tv = { sec, usec }, got = { 99, 99 };
	socklen_t len = sizeof(got);

	errno = 0;
	diff_say("set %s %ld.%06ld: %s", name, sec, usec, setsockopt(fd, SOL_SOCKET, opt, &tv, sizeof(tv)) ?
		 strerrorname_np(errno) : "0");
	if (getsockopt(fd, SOL_SOCKET, opt, &got, &len))
		diff_say("get %s: %s", name, strerrorname_np(errno));
	else
		diff_say("get %s: %ld.%06ld, length %u", name, (long)got.tv_sec, (long)got.tv_usec, len);
}

SCENARIO_OF_PAIR(timeout_options)
{
	struct timeval tv = { 1, 0 };
	socklen_t len;

	for (int i = 0; i < 2; i++) {
		int opt = i ? SO_SNDTIMEO : SO_RCVTIMEO;
		const char *name = i ? "SO_SNDTIMEO" : "SO_RCVTIMEO";

		time_option(c, opt, name, 0, 0);
		time_option(c, opt, name, 1, 0);
		time_option(c, opt, name, 2, 500000);
		time_option(c, opt, name, 1, 1000000);
		time_option(c, opt, name, 1, -1);
		time_option(c, opt, name, -1, 0);
		time_option(c, opt, name, LONG_MAX, 0);
		time_option(c, opt, name, 0, 0);
		RET(setsockopt(c, SOL_SOCKET, opt, &tv, 4));
		RET(setsockopt(c, SOL_SOCKET, opt, &tv, 15));
		RET(setsockopt(c, SOL_SOCKET, opt, NULL, 16));
		len = 4;
		RET(getsockopt(c, SOL_SOCKET, opt, &tv, &len));
		diff_say("length %u", len);
	}
}

static const struct option ip_options[] = {
	OPT(IP_TOS, 7, 0x10, 0x20, 0xff, 0x03, 256, -1, 0),
	OPT(IP_TTL, 6, 64, 1, 255, 256, 0, -1),
	OPT(IP_MTU_DISCOVER, 8, 0, 1, 2, 3, 4, 5, 6, -1),
	OPT(IP_RECVERR, 2, 1, 0),
	OPT(IP_FREEBIND, 3, 1, -1, 0),
	OPT(IP_TRANSPARENT, 2, 1, 0),
	OPT(IP_BIND_ADDRESS_NO_PORT, 3, 1, 2, 0),
	OPT(IP_MINTTL, 4, 1, 255, 256, 0),
};

static const struct option ipv6_options[] = {
	OPT(IPV6_TCLASS, 6, 0x10, 0xff, 0x03, 256, -1, 0),
	OPT(IPV6_UNICAST_HOPS, 6, 64, 1, 255, 256, 0, -1),
	OPT(IPV6_V6ONLY, 2, 1, 0),
	OPT(IPV6_MTU_DISCOVER, 7, 0, 1, 2, 3, 4, 5, 6),
	OPT(IPV6_RECVERR, 2, 1, 0),
	OPT(IPV6_FREEBIND, 3, 1, -1, 0),
	OPT(IPV6_MINHOPCOUNT, 4, 1, 255, 256, 0),
	OPT(IPV6_AUTOFLOWLABEL, 2, 1, 0),
};

static void ip_cycles(int fd)
{
	if (diff.family == AF_INET)
		option_cycles(fd, IPPROTO_IP, ip_options, ELEMENTS(ip_options));
	else
		option_cycles(fd, IPPROTO_IPV6, ipv6_options, ELEMENTS(ipv6_options));
}

SCENARIO_OF_PAIR(ip_options_established)
{
	ip_cycles(c);
	diff_put(c, "still works");
	READ(s, 20, 0);
}

SCENARIO_OF_PAIR(ip_option_bytes)
{
	unsigned char b = 0x28;
	socklen_t len = 1;

	RET(setsockopt(c, IPPROTO_IP, IP_TOS, &b, 1));
	RET(setsockopt(c, IPPROTO_IP, IP_TOS, &b, 0));
	GET(c, IPPROTO_IP, IP_TOS);
	b = 0;
	RET(getsockopt(c, IPPROTO_IP, IP_TOS, &b, &len));
	diff_say("one byte: %u, length %u", b, len);
	RET(setsockopt(c, IPPROTO_IPV6, IPV6_TCLASS, &b, 1));
	GET(c, IPPROTO_IPV6, IPV6_TCLASS);
	GET(c, IPPROTO_IPV6, IPV6_V6ONLY);
	GET(c, IPPROTO_IP, IP_TTL);
}

SCENARIO(ip_mtu)
{
	int c, s;

	GET(diff_socket(), IPPROTO_IP, IP_MTU);
	diff_pair(&c, &s);
	if (diff.family == AF_INET)
		GET(c, IPPROTO_IP, IP_MTU);
	else
		GET(c, IPPROTO_IPV6, IPV6_MTU);
}

/* Multicast membership is not for streams; what does a program get to see? */
SCENARIO(ip_multicast)
{
	struct ip_mreq m = { .imr_multiaddr.s_addr = htonl(0xe0000105) };
	struct ipv6_mreq m6 = {};
	int c = diff_socket();

	m.imr_interface.s_addr = htonl(INADDR_LOOPBACK);
	inet_pton(AF_INET6, "ff02::105", &m6.ipv6mr_multiaddr);
	if (diff.family == AF_INET)
		RET(setsockopt(c, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)));
	else
		RET(setsockopt(c, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m6, sizeof(m6)));
	SET(c, IPPROTO_IP, IP_MULTICAST_TTL, 3);
}
