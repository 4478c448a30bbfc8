// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: shutdown(), close(), linger, reset. */
#include "lib/diff.h"

SCENARIO_OF_PAIR(shutdown_write)
{
	diff_put(c, "last");
	RET(shutdown(c, SHUT_WR));
	STATE(c, TCP_FIN_WAIT2);
	STATE(s, TCP_CLOSE_WAIT);
	BITS(c, 0);
	BITS(s, POLLRDHUP);
	READ(s, 10, 0);
	READ(s, 10, 0);
	BITS(s, 0);
	RET(send(c, "x", 1, MSG_NOSIGNAL));
	diff_put(s, "still open this way");
	BITS(c, POLLIN);
	READ(c, 30, 0);
	RET(shutdown(c, SHUT_WR));
	QUEUES(s, -1, 0);
	RET(shutdown(s, SHUT_WR));
	STATE(s, TCP_CLOSE);
	STATE(c, TCP_CLOSE);
	BITS(c, 0);
	BITS(s, 0);
	READ(c, 10, 0);
	READ(s, 10, 0);
	RET(shutdown(c, SHUT_WR));
	RET(shutdown(s, SHUT_RDWR));
	RET(send(s, "x", 1, MSG_NOSIGNAL));
	GET(c, SOL_SOCKET, SO_ERROR);
	GET(s, SOL_SOCKET, SO_ERROR);
}

/* Nothing is told to the peer, and what it sends is still delivered. */
SCENARIO_OF_PAIR(shutdown_read)
{
	diff_put(s, "before");
	QUEUES(c, 6, -1);
	RET(shutdown(c, SHUT_RD));
	STATE(c, 0);
	STATE(s, 0);
	BITS(c, 0);
	BITS(s, 0);
	READ(c, 3, 0);
	READ(c, 10, 0);
	READ(c, 10, 0);
	diff_put(s, "after");
	QUEUES(c, 5, -1);
	BITS(c, 0);
	READ(c, 10, 0);
	READ(c, 10, MSG_DONTWAIT);
	RET(send(c, "out", 3, 0));
	READ(s, 10, 0);
	RET(shutdown(c, SHUT_RD));
	RET(shutdown(c, SHUT_WR));
	STATE(s, TCP_CLOSE_WAIT);
	BITS(c, 0);
}

SCENARIO_OF_PAIR(shutdown_both)
{
	diff_put(s, "unread");
	QUEUES(c, 6, -1);
	RET(shutdown(c, SHUT_RDWR));
	STATE(c, TCP_FIN_WAIT2);
	BITS(c, 0);
	BITS(s, POLLRDHUP);
	STATE(s, 0);
	READ(c, 10, 0);
	READ(c, 10, 0);
	RET(shutdown(s, SHUT_RDWR));
	STATE(s, TCP_CLOSE);
	STATE(c, TCP_CLOSE);
	BITS(c, 0);
	READ(c, 10, 0);
	PEER(c);
	NAME(c);
	RET(shutdown(c, SHUT_RDWR));
}

/* Data for a program that wants none and has sent its FIN: RST. */
SCENARIO_OF_PAIR(shutdown_both_then_data)
{
	RET(shutdown(c, SHUT_RDWR));
	STATE(c, TCP_FIN_WAIT2);
	diff_put(s, "more");
	BITS(s, POLLHUP);
	STATE(s, 0);
	STATE(c, 0);
	BITS(c, 0);
	READ(c, 10, 0);
	READ(s, 10, 0);
	GET(c, SOL_SOCKET, SO_ERROR);
	GET(s, SOL_SOCKET, SO_ERROR);
}

SCENARIO_OF_PAIR(shutdown_wrong)
{
	RET(shutdown(c, 3));
	RET(shutdown(c, -1));
	RET(shutdown(c, 1 << 16));
	STATE(c, 0);
	diff_reset(s);
	BITS(c, POLLHUP);
	RET(shutdown(c, SHUT_WR));
	RET(shutdown(c, SHUT_RD));
	GET(c, SOL_SOCKET, SO_ERROR);
}

/* The passive end closes last: LAST-ACK and then nothing. */
SCENARIO_OF_PAIR(close_active_first)
{
	RET(close(c));
	STATE(s, TCP_CLOSE_WAIT);
	BITS(s, POLLRDHUP);
	READ(s, 1, 0);
	RET(shutdown(s, SHUT_WR));
	STATE(s, TCP_CLOSE);
	BITS(s, 0);
	READ(s, 1, 0);
	RET(send(s, "x", 1, MSG_NOSIGNAL));
	RET(close(s));
}

SCENARIO_OF_PAIR(close_passive_first)
{
	RET(close(s));
	STATE(c, TCP_CLOSE_WAIT);
	READ(c, 1, 0);
	RET(shutdown(c, SHUT_RDWR));
	STATE(c, TCP_CLOSE);
	READ(c, 1, 0);
}

/* Data that nobody read makes of the FIN a RST. */
SCENARIO_OF_PAIR(close_with_unread)
{
	diff_put(c, "unread");
	QUEUES(s, 6, -1);
	RET(close(s));
	BITS(c, POLLHUP);
	STATE(c, 0);
	READ(c, 10, 0);
	READ(c, 10, 0);
	RET(send(c, "x", 1, MSG_NOSIGNAL));
	GET(c, SOL_SOCKET, SO_ERROR);
	PEER(c);
	NAME(c);
}

/* What was sent before close() arrives, then the end. */
SCENARIO_OF_PAIR(close_with_unsent)
{
	static char b[400000];
	size_t all = 0;
	ssize_t n;

	SET(c, SOL_SOCKET, SO_SNDBUF, 1 << 20);
	RET(send(c, b, sizeof(b), 0));
	RET(close(c));
	while ((n = recv(s, b, sizeof(b), 0)) > 0)
		all += n;
	diff_say("%zu bytes and %zd", all, n);
	STATE(s, 0);
}

/* Unread data at a socket whose own FIN went long ago. */
SCENARIO_OF_PAIR(close_after_half_close_with_unread)
{
	RET(shutdown(c, SHUT_WR));
	STATE(c, TCP_FIN_WAIT2);
	diff_put(s, "unread");
	QUEUES(c, 6, -1);
	RET(close(c));
	BITS(s, POLLHUP);
	READ(s, 1, 0);
	READ(s, 1, 0);
}

SCENARIO_OF_PAIR(reset_by_linger)
{
	diff_put(s, "lost");
	QUEUES(c, 4, -1);
	diff_put(c, "not lost");
	QUEUES(s, 8, -1);
	diff_reset(c);
	BITS(s, POLLHUP);
	STATE(s, 0);
	QUEUES(s, 8, -1);
	RET(send(s, "x", 1, MSG_NOSIGNAL));
	READ(s, 4, MSG_PEEK);
	READ(s, 20, 0);
	READ(s, 20, 0);
	READ(s, 20, 0);
}

SCENARIO_OF_PAIR(reset_read_first)
{
	diff_reset(c);
	BITS(s, POLLHUP);
	READ(s, 1, MSG_PEEK);
	BITS(s, 0);
	READ(s, 1, 0);
	RET(send(s, "x", 1, MSG_NOSIGNAL));
	GET(s, SOL_SOCKET, SO_ERROR);
	PEER(s);
	diff_pair(&c, &s);
	diff_reset(c);
	BITS(s, POLLHUP);
	GET(s, SOL_SOCKET, SO_ERROR);
	GET(s, SOL_SOCKET, SO_ERROR);
	BITS(s, 0);
	READ(s, 1, 0);
	RET(send(s, "x", 1, MSG_NOSIGNAL));
	RET(connect(s, LO(1), ALEN));
	RET(listen(s, 1));
}

/* A RST in each state that user calls alone can reach. */
SCENARIO(reset_by_state)
{
	int c, s, i;

	for (i = 0; i < 3; i++) {
		diff_pair(&c, &s);
		if (i == 0)
			RET(shutdown(c, SHUT_WR));
		else if (i == 1)
			RET(shutdown(s, SHUT_WR));
		else
			RET(shutdown(c, SHUT_RD));
		if (i == 0)
			STATE(c, TCP_FIN_WAIT2);
		if (i == 1)
			STATE(c, TCP_CLOSE_WAIT);
		diff_reset(s);
		BITS(c, POLLHUP);
		STATE(c, 0);
		GET(c, SOL_SOCKET, SO_ERROR);
		READ(c, 1, 0);
		RET(send(c, "x", 1, MSG_NOSIGNAL));
	}
}

SCENARIO_OF_PAIR(linger_option)
{
	struct linger l = { 0, 5 };
	socklen_t len = sizeof(l);

	RET(getsockopt(c, SOL_SOCKET, SO_LINGER, &l, &len));
	diff_say("%d %d, length %u", l.l_onoff, l.l_linger, len);
	l = (struct linger){ 5, 3 };
	RET(setsockopt(c, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	RET(getsockopt(c, SOL_SOCKET, SO_LINGER, &l, &len));
	diff_say("%d %d", l.l_onoff, l.l_linger);
	l = (struct linger){ 0, 9 };
	RET(setsockopt(c, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	RET(getsockopt(c, SOL_SOCKET, SO_LINGER, &l, &len));
	diff_say("%d %d", l.l_onoff, l.l_linger);
	l = (struct linger){ 1, -1 };
	RET(setsockopt(c, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	RET(setsockopt(c, SOL_SOCKET, SO_LINGER, &l, 4));
	RET(setsockopt(c, SOL_SOCKET, SO_LINGER, &l, 7));
	RET(setsockopt(c, SOL_SOCKET, SO_LINGER, NULL, 8));
	len = 3;
	RET(getsockopt(c, SOL_SOCKET, SO_LINGER, &l, &len));
	diff_say("length %u", len);
}

/* close() waits until all is acknowledged, and no longer. */
SCENARIO_OF_PAIR(linger_until_acknowledged)
{
	struct linger l = { 1, 30 };
	long long start;

	RET(setsockopt(c, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	diff_put(c, "delivered");
	start = wait_now_ms();
	RET(close(c));
	diff_say("waited long: %d", wait_now_ms() - start > 10000);
	READ(s, 20, 0);
	READ(s, 20, 0);
}

/* The peer's window is shut: close() waits for its time, and the rest goes later. */
SCENARIO_OF_PAIR(linger_times_out)
{
	struct linger l = { 1, 1 };
	long long start;
	char b[4096];
	ssize_t n;

	diff_fill(c);
	RET(setsockopt(c, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	start = wait_now_ms();
	RET(close(c));
	diff_say("not before its time: %d", wait_now_ms() - start >= 700);
	while ((n = recv(s, b, sizeof(b), 0)) > 0)
		;
	diff_ret("in the end", n);
}

SCENARIO_OF_PAIR(linger_nonblocking)
{
	struct linger l = { 1, 1 };
	long long start;

	diff_fill(c);
	RET(setsockopt(c, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	RET(fcntl(c, F_SETFL, O_NONBLOCK));
	start = wait_now_ms();
	RET(close(c));
	diff_say("waited all the same: %d", wait_now_ms() - start >= 700);
	diff_reset(s);
}

/* TCP_LINGER2 < 0: no FIN-WAIT-2 after close(). */
SCENARIO_OF_PAIR(linger2_none)
{
	GET(c, IPPROTO_TCP, TCP_LINGER2);
	SET(c, IPPROTO_TCP, TCP_LINGER2, -1);
	GET(c, IPPROTO_TCP, TCP_LINGER2);
	RET(shutdown(c, SHUT_WR));
	STATE(c, TCP_FIN_WAIT2);
	RET(close(c));
	BITS(s, POLLHUP);
	READ(s, 1, 0);
}

/* Both FINs are under way before either is answered only if neither end waits. */
SCENARIO_OF_PAIR(close_both_at_once)
{
	RET(shutdown(c, SHUT_WR));
	RET(shutdown(s, SHUT_WR));
	STATE(c, TCP_CLOSE);
	STATE(s, TCP_CLOSE);
	READ(c, 1, 0);
	READ(s, 1, 0);
	RET(shutdown(c, SHUT_RD));
	BITS(c, 0);
	RET(connect(c, LO(1), ALEN));
}

/* A socket whose connection is in TIME-WAIT or gone is no longer bound. */
SCENARIO(reuse_after_close)
{
	int l = diff_listener(1), c = diff_connected(1), s = diff_accepted(l);

	RET(shutdown(s, SHUT_WR));
	RET(shutdown(c, SHUT_WR));
	STATE(s, TCP_CLOSE);
	STATE(c, TCP_CLOSE);
	RET(connect(c, LO(1), ALEN));
	RET(connect(s, LO(1), ALEN));
	NAME(s);
	NAME(c);
	PEER(c);
}

static void try_port_of(int fd)
{
	union diff_addr a;
	socklen_t len = sizeof(a);
	int b = diff_socket();

	diff_must(!getsockname(fd, &a.sa, &len), "getsockname");
	RET(bind(b, &a.sa, len));
	close(b);
}

/* A port that connect() has chosen goes back with its connection, however long the program keeps the descriptor. */
SCENARIO_OF_PAIR(port_of_a_dead_client)
{
	try_port_of(c);
	diff_reset(s);
	STATE(c, TCP_CLOSE);
	try_port_of(c);
	NAME(c);
	PEER(c);
	READ(c, 1, 0);
	try_port_of(c);

	/* its peer closes first, so nothing is left of it here */
	diff_pair(&c, &s);
	RET(shutdown(s, SHUT_WR));
	STATE(c, TCP_CLOSE_WAIT);
	RET(shutdown(c, SHUT_WR));
	STATE(c, TCP_CLOSE);
	try_port_of(c);

	/* it never was */
	c = diff_socket();
	RET(fcntl(c, F_SETFL, O_NONBLOCK));
	RET(connect(c, LO(2), ALEN));
	BITS(c, POLLHUP);
	STATE(c, TCP_CLOSE);
	try_port_of(c);
	GET(c, SOL_SOCKET, SO_ERROR);
	NAME(c);
}

/* So does the port of a server that is gone, whose connections have ended. */
SCENARIO_OF_PAIR(port_of_a_dead_server)
{
	diff_reset(c);
	STATE(s, TCP_CLOSE);
	try_port_of(s);
	NAME(s);

	/* a bound port stays the program's */
	c = diff_socket();
	RET(bind(c, LO(3), ALEN));
	RET(listen(c, 1));
	RET(shutdown(c, SHUT_RD));
	try_port_of(c);
}
