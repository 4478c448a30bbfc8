// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: a fresh socket, connect() in every way it can go. */
#include "lib/diff.h"

SCENARIO(fresh_socket)
{
	int c = diff_socket();
	char b = 0;

	NAME(c);
	PEER(c);
	BITS(c, 0);
	STATE(c, 0);
	GET(c, SOL_SOCKET, SO_TYPE);
	GET(c, SOL_SOCKET, SO_DOMAIN);
	GET(c, SOL_SOCKET, SO_PROTOCOL);
	GET(c, SOL_SOCKET, SO_ERROR);
	GET(c, SOL_SOCKET, SO_ACCEPTCONN);
	GET(c, SOL_SOCKET, SO_SNDBUF);
	GET(c, SOL_SOCKET, SO_RCVBUF);
	QUEUES(c, 0, 0);
	RET(recv(c, &b, 1, 0));
	RET(recv(c, &b, 0, 0));
	RET(recv(c, &b, 1, MSG_DONTWAIT));
	RET(send(c, &b, 1, MSG_NOSIGNAL));
	RET(send(c, &b, 0, MSG_NOSIGNAL));
	RET(sendto(c, &b, 1, MSG_NOSIGNAL, LO(1), ALEN));
	RET(shutdown(c, SHUT_RD));
	RET(shutdown(c, SHUT_WR));
	RET(shutdown(c, SHUT_RDWR));
	RET(shutdown(c, 3));
	RET(shutdown(c, -1));
	RET(close(c));
	RET(close(c));
}

SCENARIO(connect_established)
{
	int l = diff_listener(1), c = diff_socket(), s;

	RET(connect(c, LO(1), ALEN));
	s = FD(accept(l, NULL, NULL));
	STATE(c, 0);
	STATE(s, TCP_ESTABLISHED);
	NAME(c);
	PEER(c);
	NAME(s);
	PEER(s);
	BITS(c, 0);
	BITS(s, 0);
	RET(connect(c, LO(1), ALEN));
	RET(connect(s, LO(1), ALEN));
	GET(c, SOL_SOCKET, SO_ERROR);
	RET(listen(c, 1));
	RET(bind(c, LO(2), ALEN));
	QUEUES(c, 0, 0);
}

SCENARIO(connect_refused)
{
	int c = diff_socket(), l, s;

	RET(connect(c, LO(1), ALEN));
	GET(c, SOL_SOCKET, SO_ERROR);
	STATE(c, 0);
	BITS(c, 0);
	PEER(c);
	RET(shutdown(c, SHUT_RDWR));
	RET(connect(c, LO(1), ALEN));
	l = diff_listener(1);
	RET(connect(c, LO(1), ALEN));
	s = diff_accepted(l);
	STATE(c, 0);
	diff_put(s, "again");
	READ(c, 10, 0);
}

SCENARIO(connect_refused_nonblock)
{
	int c = diff_socket();

	RET(fcntl(c, F_SETFL, O_NONBLOCK));
	RET(connect(c, LO(1), ALEN));
	BITS(c, POLLERR | POLLHUP);
	STATE(c, 0);
	GET(c, SOL_SOCKET, SO_ERROR);
	GET(c, SOL_SOCKET, SO_ERROR);
	BITS(c, 0);
	RET(connect(c, LO(1), ALEN));
	BITS(c, 0);
	STATE(c, 0);
	RET(connect(c, LO(1), ALEN));
	BITS(c, POLLERR | POLLHUP);
	RET(connect(c, LO(1), ALEN));
	BITS(c, 0);
	RET(connect(c, LO(1), ALEN));
	BITS(c, POLLERR | POLLHUP);
	GET(c, SOL_SOCKET, SO_ERROR);
}

/* The error of a failed connect() comes out of whatever is called next, once. */
SCENARIO(connect_error_taken_by)
{
	char b;
	int c, i;

	for (i = 0; i < 4; i++) {
		c = diff_socket();
		RET(fcntl(c, F_SETFL, O_NONBLOCK));
		RET(connect(c, LO(1), ALEN));
		BITS(c, POLLERR | POLLHUP);
		if (i == 0)
			RET(recv(c, &b, 1, 0));
		else if (i == 1)
			RET(send(c, "x", 1, MSG_NOSIGNAL));
		else if (i == 2)
			RET(shutdown(c, SHUT_RDWR));
		else
			RET(recv(c, &b, 1, MSG_PEEK));
		BITS(c, 0);
		GET(c, SOL_SOCKET, SO_ERROR);
		RET(recv(c, &b, 1, 0));
		RET(send(c, "x", 1, MSG_NOSIGNAL));
	}
}

SCENARIO(connect_nonblock)
{
	int l = diff_listener(1), c = diff_socket();

	RET(fcntl(c, F_SETFL, O_NONBLOCK));
	RET(connect(c, LO(1), ALEN));
	BITS(c, POLLOUT);
	GET(c, SOL_SOCKET, SO_ERROR);
	STATE(c, 0);
	RET(connect(c, LO(1), ALEN));
	RET(connect(c, LO(1), ALEN));
	RET(diff_accepted(l) >= 0);
}

/* In SYN-SENT, for as long as the program likes. */
SCENARIO(connect_silent)
{
	int c = diff_socket();
	char b;

	RET(fcntl(c, F_SETFL, O_NONBLOCK));
	RET(connect(c, diff_addr(HOST_SILENT, 1), ALEN));
	RET(connect(c, diff_addr(HOST_SILENT, 1), ALEN));
	RET(connect(c, LO(1), ALEN));
	STATE(c, 0);
	BITS(c, 0);
	NAME(c);
	PEER(c);
	RET(recv(c, &b, 1, 0));
	RET(send(c, "x", 1, MSG_NOSIGNAL));
	RET(listen(c, 1));
	RET(bind(c, LO(2), ALEN));
	GET(c, SOL_SOCKET, SO_ERROR);
	QUEUES(c, 0, 0);
	RET(close(c));
}

SCENARIO(shutdown_in_syn_sent)
{
	static const int how[] = { SHUT_RD, SHUT_WR, SHUT_RDWR };
	int c, i;

	for (i = 0; i < 3; i++) {
		c = diff_socket();
		RET(fcntl(c, F_SETFL, O_NONBLOCK));
		RET(connect(c, diff_addr(HOST_SILENT, 1), ALEN));
		RET(shutdown(c, how[i]));
		STATE(c, 0);
		BITS(c, 0);
		GET(c, SOL_SOCKET, SO_ERROR);
		RET(shutdown(c, how[i]));
		RET(connect(c, LO(1), ALEN));
		STATE(c, TCP_CLOSE);
		RET(recv(c, &i, 1, 0));
	}
}

SCENARIO(disconnect_in_syn_sent)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	int l = diff_listener(1), c = diff_socket();

	RET(fcntl(c, F_SETFL, O_NONBLOCK));
	RET(connect(c, diff_addr(HOST_SILENT, 1), ALEN));
	RET(connect(c, &unspec, sizeof(unspec)));
	STATE(c, 0);
	BITS(c, 0);
	GET(c, SOL_SOCKET, SO_ERROR);
	NAME(c);
	RET(fcntl(c, F_SETFL, 0));
	RET(connect(c, LO(1), ALEN));
	STATE(c, 0);
	RET(diff_accepted(l) >= 0);
}

SCENARIO(connect_timeout)
{
	struct timeval tv = { .tv_usec = 200000 };
	long long start = wait_now_ms();
	int c = diff_socket();

	RET(setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	RET(connect(c, diff_addr(HOST_SILENT, 1), ALEN));
	diff_say("not before its time: %d", wait_now_ms() - start >= 100);
	STATE(c, 0);
	RET(connect(c, diff_addr(HOST_SILENT, 1), ALEN));
	STATE(c, 0);
}

/* One retry of the SYN: 1 s and 2 s. */
SCENARIO(connect_gives_up)
{
	int c = diff_socket();
	long long start = wait_now_ms();

	SET(c, IPPROTO_TCP, TCP_SYNCNT, 1);
	RET(connect(c, diff_addr(HOST_SILENT, 1), ALEN));
	diff_say("not before 3 s: %d", wait_now_ms() - start >= 2500);
	STATE(c, 0);
	BITS(c, 0);
	GET(c, SOL_SOCKET, SO_ERROR);
	RET(connect(c, LO(1), ALEN));
}

SCENARIO(connect_unroutable)
{
	int c = diff_socket();

	RET(connect(c, diff_addr(HOST_NOROUTE, 1), ALEN));
	RET(connect(c, diff_addr(HOST_PROHIBIT, 1), ALEN));
	STATE(c, 0);
	GET(c, SOL_SOCKET, SO_ERROR);
	NAME(c);
	RET(fcntl(c, F_SETFL, O_NONBLOCK));
	RET(connect(c, diff_addr(HOST_NOROUTE, 1), ALEN));
	RET(connect(c, diff_addr(HOST_PROHIBIT, 1), ALEN));
	BITS(c, 0);
}

SCENARIO(connect_bound)
{
	int l = diff_listener(1), c = diff_socket(), s;

	RET(bind(c, LO2(3), ALEN));
	NAME(c);
	RET(connect(c, LO(1), ALEN));
	NAME(c);
	s = diff_accepted(l);
	PEER(s);
	c = diff_socket();
	RET(bind(c, ANY(4), ALEN));
	NAME(c);
	RET(connect(c, LO(1), ALEN));
	NAME(c);
	s = diff_accepted(l);
	PEER(s);
	c = diff_socket();
	RET(bind(c, LO2(0), ALEN));
	NAME(c);
	RET(connect(c, LO(1), ALEN));
	NAME(c);
}

/* A tuple that exists already cannot be connected a second time. */
SCENARIO(connect_same_tuple)
{
	int l = diff_listener(1), a = diff_socket(), b = diff_socket();

	SET(a, SOL_SOCKET, SO_REUSEADDR, 1);
	SET(b, SOL_SOCKET, SO_REUSEADDR, 1);
	RET(bind(a, LO(3), ALEN));
	RET(bind(b, LO(3), ALEN));
	RET(connect(a, LO(1), ALEN));
	RET(connect(b, LO(1), ALEN));
	STATE(b, 0);
	NAME(b);
	RET(diff_accepted(l) >= 0);
	diff_reset(a);
	RET(connect(b, LO(1), ALEN));
	STATE(b, 0);
}

SCENARIO(connect_to_itself)
{
	int c = diff_socket();

	RET(bind(c, LO(1), ALEN));
	RET(connect(c, LO(1), ALEN));
	STATE(c, 0);
	NAME(c);
	PEER(c);
	diff_put(c, "echo");
	BITS(c, POLLIN);
	READ(c, 10, 0);
	RET(shutdown(c, SHUT_WR));
	BITS(c, POLLHUP);
	STATE(c, TCP_CLOSE);
	READ(c, 10, 0);
}

SCENARIO(connect_to_itself_nonblock)
{
	int c = diff_socket();

	RET(bind(c, LO(1), ALEN));
	RET(fcntl(c, F_SETFL, O_NONBLOCK));
	RET(connect(c, LO(1), ALEN));
	BITS(c, POLLOUT);
	STATE(c, 0);
	GET(c, SOL_SOCKET, SO_ERROR);
	diff_put(c, "echo");
	BITS(c, POLLIN);
	READ(c, 10, 0);
}

SCENARIO(disconnect_fresh)
{
	union diff_addr a = {};
	int c = diff_socket();

	RET(connect(c, &a.sa, sizeof(a.sa)));
	RET(connect(c, &a.sa, ALEN));
	RET(connect(c, &a.sa, sizeof(sa_family_t)));
	RET(bind(c, LO(3), ALEN));
	RET(connect(c, &a.sa, sizeof(a.sa)));
	NAME(c);
	STATE(c, 0);
}

SCENARIO(disconnect_established)
{
	union diff_addr a = {};
	int l = diff_listener(1), c = diff_connected(1), s = diff_accepted(l);

	diff_put(s, "unread");
	BITS(c, POLLIN);
	RET(connect(c, &a.sa, sizeof(a.sa)));
	STATE(c, 0);
	BITS(c, 0);
	QUEUES(c, 0, -1);
	NAME(c);
	PEER(c);
	GET(c, SOL_SOCKET, SO_ERROR);
	BITS(s, POLLHUP);
	READ(s, 10, 0);
	READ(s, 10, 0);
	STATE(s, 0);
	RET(connect(c, LO(1), ALEN));
	STATE(c, 0);
	s = diff_accepted(l);
	diff_put(c, "second life");
	READ(s, 20, 0);
	GET(c, SOL_SOCKET, SO_ERROR);
}

/* What was bound stays bound, what was chosen is given back. */
SCENARIO(disconnect_bound)
{
	union diff_addr a = {};
	int l = diff_listener(1), c = diff_socket();

	RET(bind(c, LO2(3), ALEN));
	RET(connect(c, LO(1), ALEN));
	RET(diff_accepted(l) >= 0);
	RET(connect(c, &a.sa, sizeof(a.sa)));
	NAME(c);
	RET(listen(c, 1));
	STATE(c, 0);
	c = diff_socket();
	RET(bind(c, ANY(4), ALEN));
	RET(connect(c, LO(1), ALEN));
	RET(connect(c, &a.sa, sizeof(a.sa)));
	NAME(c);
}

SCENARIO_OF_PAIR(disconnect_after_fin)
{
	union diff_addr a = {};

	diff_put(s, "last words");
	close(s);
	BITS(c, POLLRDHUP);
	STATE(c, 0);
	RET(connect(c, &a.sa, sizeof(a.sa)));
	STATE(c, 0);
	BITS(c, 0);
	READ(c, 20, 0);
	GET(c, SOL_SOCKET, SO_ERROR);
}

SCENARIO(disconnect_listener)
{
	union diff_addr a = {};
	int l = diff_listener(1), c = diff_connected(1);

	RET(connect(l, LO(1), ALEN));
	RET(connect(l, &a.sa, sizeof(a.sa)));
	STATE(l, 0);
	NAME(l);
	BITS(l, 0);
	BITS(c, POLLHUP);
	READ(c, 1, 0);
	RET(accept(l, NULL, NULL));
	RET(listen(l, 3));
	c = diff_connected(1);
	RET(diff_accepted(l) >= 0);
	STATE(c, 0);
}
