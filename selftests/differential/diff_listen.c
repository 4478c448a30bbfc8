// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: listen() and accept(). */
#include "lib/diff.h"

SCENARIO(listen_plain)
{
	int l = diff_socket(), s;

	RET(bind(l, LO(1), ALEN));
	RET(listen(l, 2));
	STATE(l, 0);
	BITS(l, 0);
	NAME(l);
	PEER(l);
	GET(l, SOL_SOCKET, SO_ACCEPTCONN);
	GET(l, SOL_SOCKET, SO_ERROR);
	diff_connected(1);
	BITS(l, POLLIN);
	s = FD(accept(l, NULL, NULL));
	BITS(l, 0);
	STATE(l, 0);
	GET(s, SOL_SOCKET, SO_ACCEPTCONN);
	RET(close(l));
	diff_put(s, "survives");
	STATE(s, 0);
}

SCENARIO(listen_unbound)
{
	int l = diff_socket();
	union diff_addr a;
	socklen_t len = sizeof(a);

	RET(listen(l, 2));
	NAME(l);
	diff_must(!getsockname(l, &a.sa, &len), "getsockname");
	if (diff.family == AF_INET)
		a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		a.in6.sin6_addr = in6addr_loopback;
	RET(connect(diff_socket(), &a.sa, ALEN));
	PEER(FD(accept(l, NULL, NULL)));
	RET(bind(l, LO(1), ALEN));
}

SCENARIO(listen_again)
{
	int l = diff_listener(1);
	struct tcp_info info;

	RET(listen(l, 3));
	diff_info("l", l, &info);
	diff_say("limit %u, queued %u", info.tcpi_sacked, info.tcpi_unacked);
	RET(listen(l, 0));
	diff_info("l", l, &info);
	diff_say("limit %u", info.tcpi_sacked);
	RET(listen(l, -1));
	diff_info("l", l, &info);
	diff_say("limit %u", info.tcpi_sacked);
	RET(listen(l, 100000));
	diff_info("l", l, &info);
	diff_say("limit %u", info.tcpi_sacked);
	RET(bind(l, LO(2), ALEN));
	RET(connect(l, LO(1), ALEN));
	STATE(l, 0);
}

SCENARIO_OF_PAIR(listen_wrong_state)
{
	RET(listen(c, 1));
	RET(listen(s, 1));
	RET(shutdown(c, SHUT_WR));
	RET(listen(c, 1));
	RET(listen(s, 1));
	RET(shutdown(s, SHUT_WR));
	STATE(s, TCP_CLOSE);
	RET(listen(s, 1));
	c = diff_socket();
	RET(connect(c, LO(2), ALEN));
	RET(listen(c, 1));
	NAME(c);
	STATE(c, 0);
}

SCENARIO(accept_wrong_socket)
{
	int c = diff_socket(), a, b;

	RET(accept(c, NULL, NULL));
	RET(bind(c, LO(4), ALEN));
	RET(accept(c, NULL, NULL));
	diff_pair(&a, &b);
	RET(accept(a, NULL, NULL));
	RET(accept4(a, NULL, NULL, 1));
	RET(accept(-1, NULL, NULL));
	RET(recv(diff_listener(2), &a, 1, 0));
	RET(send(diff_listener(3), &a, 1, MSG_NOSIGNAL));
}

SCENARIO(accept_nonblock)
{
	int l = diff_listener(1), s;

	RET(fcntl(l, F_SETFL, O_NONBLOCK));
	RET(accept(l, NULL, NULL));
	diff_connected(1);
	BITS(l, POLLIN);
	s = FD(accept(l, NULL, NULL));
	diff_say("flags %x", fcntl(s, F_GETFL) & O_NONBLOCK);
	RET(accept(l, NULL, NULL));
	diff_connected(1);
	BITS(l, POLLIN);
	s = FD(accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
	diff_say("flags %x %x", fcntl(s, F_GETFL) & O_NONBLOCK, fcntl(s, F_GETFD));
	READ(s, 1, 0);
}

SCENARIO(accept_address)
{
	static const int lens[] = { 100, 28, 16, 4, 0, -1 };
	int l = diff_listener(1), c, s;
	union diff_addr a;
	socklen_t len;

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		c = diff_socket();
		diff_must(!bind(c, LO2(2 + i), ALEN) && !connect(c, LO(1), ALEN), "connect");
		memset(&a, 0, sizeof(a));
		len = lens[i];
		s = FD(accept(l, &a.sa, &len));
		diff_say("length %d gives %d", lens[i], (int)len);
		if (lens[i] >= (int)ALEN)
			diff_say("peer: %s", diff_addr_text(&a, len));
		if (s >= 0)
			close(s);
	}
	diff_connected(1);
	BITS(l, 0);
	RET(accept(l, &a.sa, NULL));
	BITS(l, 0);
}

SCENARIO(accept_order)
{
	int l = diff_listener(1), i, c, s;
	struct tcp_info info;

	for (i = 2; i < 7; i++) {
		c = diff_socket();
		diff_must(!bind(c, LO2(i), ALEN) && !connect(c, LO(1), ALEN), "connect");
	}
	diff_queued(l, 5);
	diff_info("l", l, &info);
	diff_say("limit %u, queued %u", info.tcpi_sacked, info.tcpi_unacked);
	for (i = 2; i < 7; i++) {
		s = diff_accepted(l);
		PEER(s);
	}
	diff_info("l", l, &info);
	diff_say("queued %u", info.tcpi_unacked);
}

/* A full accept queue answers no SYN; the retry is answered once there is room. */
SCENARIO(accept_queue_full)
{
	int l = diff_socket(), c[4], i;

	RET(bind(l, LO(1), ALEN));
	RET(listen(l, 1));
	for (i = 0; i < 2; i++) {
		c[i] = diff_connected(1);
		STATE(c[i], 0);
	}
	for (; i < 4; i++) {
		c[i] = diff_socket();
		RET(fcntl(c[i], F_SETFL, O_NONBLOCK));
		RET(connect(c[i], LO(1), ALEN));
		STATE(c[i], 0);
	}
	RET(close(c[3]));
	FD(accept(l, NULL, NULL));
	FD(accept(l, NULL, NULL));
	RET(fcntl(l, F_SETFL, O_NONBLOCK));
	RET(accept(l, NULL, NULL));
	STATE(c[2], TCP_ESTABLISHED);
	BITS(l, POLLIN);
	FD(accept(l, NULL, NULL));
	RET(accept(l, NULL, NULL));
}

SCENARIO(accept_backlog_zero)
{
	int l = diff_socket(), c;

	RET(bind(l, LO(1), ALEN));
	RET(listen(l, 0));
	c = diff_connected(1);
	STATE(c, 0);
	c = diff_socket();
	RET(fcntl(c, F_SETFL, O_NONBLOCK));
	RET(connect(c, LO(1), ALEN));
	STATE(c, 0);
}

/* The peer is gone before accept() is called. */
SCENARIO(accept_reset_peer)
{
	int l = diff_listener(1), c = diff_connected(1), s;

	diff_reset(c);
	BITS(l, POLLIN);
	s = FD(accept(l, NULL, NULL));
	BITS(s, POLLHUP);
	STATE(s, 0);
	PEER(s);
	READ(s, 1, 0);
	READ(s, 1, 0);
	RET(send(s, "x", 1, MSG_NOSIGNAL));
}

SCENARIO(accept_closed_peer)
{
	int l = diff_listener(1), c = diff_connected(1), s;

	diff_put(c, "left behind");
	close(c);
	BITS(l, POLLIN);
	s = FD(accept(l, NULL, NULL));
	BITS(s, POLLRDHUP);
	STATE(s, 0);
	READ(s, 20, 0);
	READ(s, 20, 0);
	QUEUES(s, 0, 0);
}

SCENARIO(accept_timeout)
{
	struct timeval tv = { .tv_usec = 200000 };
	long long start = wait_now_ms();
	int l = diff_listener(1), s;

	RET(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	RET(accept(l, NULL, NULL));
	diff_say("not before its time: %d", wait_now_ms() - start >= 100);
	diff_connected(1);
	s = FD(accept(l, NULL, NULL));
	READ(s, 1, 0);
}

/* Those in the queue are reset when the listener closes. */
SCENARIO(listener_closed_with_queue)
{
	int l = diff_listener(1), a = diff_connected(1), b = diff_connected(1);

	diff_put(a, "never read");
	RET(close(l));
	BITS(a, POLLHUP);
	BITS(b, POLLHUP);
	READ(a, 1, 0);
	READ(b, 1, 0);
	STATE(a, 0);
	RET(connect(diff_socket(), LO(1), ALEN));
}

SCENARIO(listener_shutdown)
{
	int l = diff_listener(1), c, s;

	RET(shutdown(l, SHUT_WR));
	STATE(l, 0);
	BITS(l, 0);
	c = diff_connected(1);
	s = FD(accept(l, NULL, NULL));
	diff_put(s, "still a listener");
	READ(c, 20, 0);
	RET(shutdown(l, SHUT_RD));
	STATE(l, 0);
	BITS(l, 0);
	NAME(l);
	RET(accept(l, NULL, NULL));
	RET(connect(diff_socket(), LO(1), ALEN));
	RET(shutdown(l, SHUT_RD));
	RET(listen(l, 2));
	diff_connected(1);
	FD(accept(l, NULL, NULL));
	RET(shutdown(l, SHUT_RDWR));
	STATE(l, 0);
	BITS(l, 0);
}

/* What accept()'s socket takes over from the listener, and what it does not. */
SCENARIO(accept_inherits)
{
	int l = diff_listener(1), c, s;
	struct linger lg = { 1, 7 };
	struct timeval tv = { .tv_sec = 3 };
	socklen_t len = sizeof(lg);

	SET(l, SOL_SOCKET, SO_KEEPALIVE, 1);
	SET(l, SOL_SOCKET, SO_RCVBUF, 50000);
	SET(l, SOL_SOCKET, SO_SNDBUF, 60000);
	SET(l, SOL_SOCKET, SO_RCVLOWAT, 3);
	SET(l, SOL_SOCKET, SO_PRIORITY, 3);
	SET(l, SOL_SOCKET, SO_OOBINLINE, 1);
	SET(l, IPPROTO_TCP, TCP_NODELAY, 1);
	SET(l, IPPROTO_TCP, TCP_KEEPIDLE, 11);
	SET(l, IPPROTO_TCP, TCP_KEEPINTVL, 12);
	SET(l, IPPROTO_TCP, TCP_KEEPCNT, 13);
	SET(l, IPPROTO_TCP, TCP_LINGER2, 14);
	SET(l, IPPROTO_TCP, TCP_USER_TIMEOUT, 15000);
	SET(l, IPPROTO_TCP, TCP_MAXSEG, 600);
	RET(setsockopt(l, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg)));
	RET(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	RET(fcntl(l, F_SETFL, O_NONBLOCK));
	c = diff_connected(1);
	BITS(l, POLLIN);
	s = FD(accept(l, NULL, NULL));
	GET(s, SOL_SOCKET, SO_REUSEADDR);
	GET(s, SOL_SOCKET, SO_KEEPALIVE);
	GET(s, SOL_SOCKET, SO_RCVBUF);
	GET(s, SOL_SOCKET, SO_SNDBUF);
	GET(s, SOL_SOCKET, SO_RCVLOWAT);
	GET(s, SOL_SOCKET, SO_PRIORITY);
	GET(s, SOL_SOCKET, SO_OOBINLINE);
	GET(s, IPPROTO_TCP, TCP_NODELAY);
	GET(s, IPPROTO_TCP, TCP_KEEPIDLE);
	GET(s, IPPROTO_TCP, TCP_KEEPINTVL);
	GET(s, IPPROTO_TCP, TCP_KEEPCNT);
	GET(s, IPPROTO_TCP, TCP_LINGER2);
	GET(s, IPPROTO_TCP, TCP_USER_TIMEOUT);
	GET(s, IPPROTO_TCP, TCP_MAXSEG);
	GET(c, IPPROTO_TCP, TCP_MAXSEG);
	RET(getsockopt(s, SOL_SOCKET, SO_LINGER, &lg, &len));
	diff_say("linger: %d %d", lg.l_onoff, lg.l_linger);
	len = sizeof(tv);
	RET(getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	diff_say("timeout: %ld", (long)tv.tv_sec);
	diff_say("nonblocking: %x", fcntl(s, F_GETFL) & O_NONBLOCK);
}

SCENARIO(accept_inherits_ip)
{
	int l = diff_listener(1), s;

	if (diff.family == AF_INET) {
		SET(l, IPPROTO_IP, IP_TOS, 0x48);
		SET(l, IPPROTO_IP, IP_TTL, 77);
	} else {
		SET(l, IPPROTO_IPV6, IPV6_TCLASS, 0x48);
		SET(l, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 77);
	}
	diff_connected(1);
	s = FD(accept(l, NULL, NULL));
	if (diff.family == AF_INET) {
		GET(s, IPPROTO_IP, IP_TOS);
		GET(s, IPPROTO_IP, IP_TTL);
	} else {
		GET(s, IPPROTO_IPV6, IPV6_TCLASS);
		GET(s, IPPROTO_IPV6, IPV6_UNICAST_HOPS);
		GET(s, IPPROTO_IPV6, IPV6_V6ONLY);
	}
}

SCENARIO(listener_most_specific)
{
	int any = diff_socket(), one = diff_socket(), s;

	SET(any, SOL_SOCKET, SO_REUSEADDR, 1);
	SET(one, SOL_SOCKET, SO_REUSEADDR, 1);
	RET(bind(any, ANY(1), ALEN));
	RET(bind(one, LO2(1), ALEN));
	RET(listen(any, 2));
	RET(listen(one, 2));
	close(one);
	one = diff_socket();
	if (diff.family == AF_INET) {
		RET(connect(one, LO2(1), ALEN));
		s = FD(accept(any, NULL, NULL));
		NAME(s);
	}
}
