// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: IPv4 through IPv6 sockets, scopes, flow labels. */
#include "lib/diff.h"

#ifndef IPV6_FLOWINFO_SEND	/* netinet/in.h and linux/in6.h exclude each other */
#define IPV6_FLOWINFO_SEND 33
#endif

/* An IPv6 client and an IPv4 listener; over IPv4 the listener is the IPv6 one. */
SCENARIO(mapped_client)
{
	int l, c, s;

	if (diff.family == AF_INET) {
		diff_say("IPv6 only");
		return;
	}
	l = diff_socket_of(AF_INET);
	RET(bind(l, diff_addr(HOST_LO4, 1), sizeof(struct sockaddr_in)));
	RET(listen(l, 1));
	c = diff_socket();
	RET(connect(c, diff_addr(HOST_MAPPED, 1), ALEN));
	s = diff_accepted(l);
	NAME(c);
	PEER(c);
	NAME(s);
	PEER(s);
	GET(c, SOL_SOCKET, SO_DOMAIN);
	diff_put(c, "from six");
	READ(s, 20, 0);
	diff_put(s, "from four");
	READ(c, 20, 0);
	GET(c, IPPROTO_IPV6, IPV6_V6ONLY);
	SET(c, IPPROTO_IP, IP_TOS, 0x10);
	GET(c, IPPROTO_IP, IP_TOS);
	RET(shutdown(c, SHUT_WR));
	READ(s, 1, 0);
}

SCENARIO(mapped_listener)
{
	int l, c, s;

	if (diff.family == AF_INET) {
		diff_say("IPv6 only");
		return;
	}
	l = diff_socket();
	RET(bind(l, ANY(1), ALEN));
	RET(listen(l, 4));
	c = diff_socket_of(AF_INET);
	RET(connect(c, diff_addr(HOST_LO4, 1), sizeof(struct sockaddr_in)));
	s = diff_accepted(l);
	NAME(s);
	PEER(s);
	PEER(c);
	GET(s, SOL_SOCKET, SO_DOMAIN);
	diff_put(c, "from four");
	READ(s, 20, 0);
	c = diff_socket();
	RET(connect(c, LO(1), ALEN));
	PEER(diff_accepted(l));
	c = diff_socket();
	RET(connect(c, diff_addr(HOST_MAPPED, 1), ALEN));
	PEER(diff_accepted(l));
}

SCENARIO(mapped_v6only)
{
	int l, c;

	if (diff.family == AF_INET) {
		diff_say("IPv6 only");
		return;
	}
	l = diff_socket();
	GET(l, IPPROTO_IPV6, IPV6_V6ONLY);
	SET(l, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	GET(l, IPPROTO_IPV6, IPV6_V6ONLY);
	RET(bind(l, diff_addr(HOST_MAPPED, 1), ALEN));
	RET(bind(l, ANY(1), ALEN));
	SET(l, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	RET(listen(l, 4));
	c = diff_socket_of(AF_INET);
	RET(connect(c, diff_addr(HOST_LO4, 1), sizeof(struct sockaddr_in)));
	c = diff_socket();
	SET(c, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	RET(connect(c, diff_addr(HOST_MAPPED, 1), ALEN));
	RET(connect(c, LO(1), ALEN));
	SET(c, IPPROTO_IPV6, IPV6_V6ONLY, 0);
}

SCENARIO(mapped_bind)
{
	int l, c, s;

	if (diff.family == AF_INET) {
		diff_say("IPv6 only");
		return;
	}
	l = diff_socket();
	RET(bind(l, diff_addr(HOST_MAPPED, 1), ALEN));
	NAME(l);
	RET(listen(l, 4));
	c = diff_socket();
	RET(connect(c, LO(1), ALEN));
	c = diff_socket();
	RET(bind(c, diff_addr(HOST_MAPPED, 2), ALEN));
	RET(connect(c, LO(1), ALEN));
	RET(connect(c, diff_addr(HOST_MAPPED, 1), ALEN));
	s = diff_accepted(l);
	NAME(s);
	PEER(s);
	c = diff_socket();
	RET(bind(c, LO(3), ALEN));
	RET(connect(c, diff_addr(HOST_MAPPED, 1), ALEN));
}

/* An IPv4 address given to an IPv6 socket, and the reverse. */
SCENARIO(mapped_not)
{
	int c = diff_socket();
	union diff_addr a = {};

	if (diff.family == AF_INET) {
		a.in6.sin6_family = AF_INET6;
		inet_pton(AF_INET6, "::ffff:127.0.0.1", &a.in6.sin6_addr);
		RET(connect(c, &a.sa, sizeof(a.in6)));
		RET(bind(c, &a.sa, sizeof(a.in6)));
	} else {
		RET(connect(c, diff_addr(HOST_LO4, 1), sizeof(a.in)));
		RET(bind(c, diff_addr(HOST_LO4, 1), sizeof(a.in)));
		RET(connect(c, diff_addr(HOST_LO4, 1), sizeof(a.in6)));
		RET(bind(c, diff_addr(HOST_LO4, 1), sizeof(a.in6)));
	}
}

SCENARIO(flow_information)
{
	int l = diff_listener(1), c = diff_socket(), s;
	union diff_addr a;

	memcpy(&a, LO(1), ALEN);
	if (diff.family == AF_INET6)
		a.in6.sin6_flowinfo = htonl(0x12345);
	RET(connect(c, &a.sa, ALEN));
	PEER(c);
	s = diff_accepted(l);
	PEER(s);
	if (diff.family == AF_INET6) {
		c = diff_socket();
		SET(c, IPPROTO_IPV6, IPV6_FLOWINFO_SEND, 1);
		RET(connect(c, &a.sa, ALEN));
	}
	c = diff_socket();
	memset(a.in.sin_zero, 0x55, sizeof(a.in.sin_zero));
	if (diff.family == AF_INET6) {
		memcpy(&a, LO(1), ALEN);
		a.in6.sin6_scope_id = 77;
	}
	RET(connect(c, &a.sa, ALEN));
	PEER(c);
}

/* Link-local addresses: the device is the one of the address, or of the socket. */
SCENARIO(connect_scopes)
{
	union diff_addr a = { .in6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) } };
	int c = diff_socket();

	RET(connect(c, ANY(1), ALEN));
	if (diff.family == AF_INET)
		return;
	inet_pton(AF_INET6, "fe80::1", &a.in6.sin6_addr);
	RET(connect(c, &a.sa, ALEN));
	a.in6.sin6_scope_id = 77;
	RET(connect(diff_socket(), &a.sa, ALEN));
	RET(setsockopt(c, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	RET(connect(c, &a.sa, ALEN));
	/* too short for a scope */
	RET(connect(c, &a.sa, offsetof(struct sockaddr_in6, sin6_scope_id)));
	a.in6.sin6_scope_id = 0;
	c = diff_socket();
	RET(setsockopt(c, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	RET(connect(c, &a.sa, ALEN));
}

/* The unspecified address is that of this host: whose IP is that of the address it is bound to. */
SCENARIO(connect_any_from_mapped)
{
	int l = diff_listener(1), c = diff_socket();

	RET(bind(c, diff_addr(diff.family == AF_INET6 ? HOST_MAPPED : HOST_LO, 2), ALEN));
	RET(connect(c, ANY(1), ALEN));
	PEER(c);
	NAME(c);
	(void)l;
}
