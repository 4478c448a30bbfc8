// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: what of one life of a socket is left in its next one. */
#include "lib/diff.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* Each with a value that is not its default. */
static const struct {
	int level, opt, value;
	const char *name;
} options[] = {
	{ SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE" },
	{ SOL_SOCKET, SO_OOBINLINE, 1, "SO_OOBINLINE" },
	{ SOL_SOCKET, SO_RCVLOWAT, 5, "SO_RCVLOWAT" },
	{ SOL_SOCKET, SO_PRIORITY, 3, "SO_PRIORITY" },
	{ SOL_SOCKET, SO_TIMESTAMP, 1, "SO_TIMESTAMP" },
	{ SOL_SOCKET, SO_DONTROUTE, 1, "SO_DONTROUTE" },
	{ IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY" },
	{ IPPROTO_TCP, TCP_CORK, 1, "TCP_CORK" },
	{ IPPROTO_TCP, TCP_KEEPIDLE, 100, "TCP_KEEPIDLE" },
	{ IPPROTO_TCP, TCP_KEEPINTVL, 10, "TCP_KEEPINTVL" },
	{ IPPROTO_TCP, TCP_KEEPCNT, 3, "TCP_KEEPCNT" },
	{ IPPROTO_TCP, TCP_SYNCNT, 3, "TCP_SYNCNT" },
	{ IPPROTO_TCP, TCP_LINGER2, 7, "TCP_LINGER2" },
	{ IPPROTO_TCP, TCP_DEFER_ACCEPT, 3, "TCP_DEFER_ACCEPT" },
	{ IPPROTO_TCP, TCP_QUICKACK, 0, "TCP_QUICKACK" },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, 5000, "TCP_USER_TIMEOUT" },
	{ IPPROTO_TCP, TCP_FASTOPEN, 5, "TCP_FASTOPEN" },
	{ IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1, "TCP_FASTOPEN_NO_COOKIE" },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, 4000, "TCP_NOTSENT_LOWAT" },
	{ IPPROTO_TCP, TCP_INQ, 1, "TCP_INQ" },
	{ IPPROTO_TCP, TCP_SAVE_SYN, 1, "TCP_SAVE_SYN" },
	{ IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1, "TCP_THIN_LINEAR_TIMEOUTS" },
	{ IPPROTO_IP, IP_TOS, 16, "IP_TOS" },
	{ IPPROTO_IP, IP_TTL, 33, "IP_TTL" },
	{ IPPROTO_IP, IP_RECVERR, 1, "IP_RECVERR" },
	{ IPPROTO_IP, IP_MINTTL, 3, "IP_MINTTL" },
	{ IPPROTO_IP, IP_FREEBIND, 1, "IP_FREEBIND" },
	{ IPPROTO_IP, IP_MTU_DISCOVER, 3, "IP_MTU_DISCOVER" },
};

static void set_all(int fd)
{
	for (size_t i = 0; i < ELEMENTS(options); i++)
		diff_set("fd", options[i].name, "a value", fd, options[i].level, options[i].opt, options[i].value);
}

static void get_all(const char *when, int fd)
{
	for (size_t i = 0; i < ELEMENTS(options); i++)
		diff_get(when, options[i].name, fd, options[i].level, options[i].opt);
}

static void disconnect(int fd)
{
	union diff_addr a = {};

	RET(connect(fd, &a.sa, sizeof(a.sa)));
}

/* What a program has set on a socket stays when it leaves its connection. */
SCENARIO(again_options)
{
	int l = diff_listener(1), c = diff_socket();

	set_all(c);
	get_all("set", c);
	disconnect(c);
	get_all("fresh, disconnected", c);
	RET(connect(c, LO(1), ALEN));
	RET(diff_accepted(l) >= 0);
	disconnect(c);
	get_all("disconnected", c);
	RET(connect(c, LO(2), ALEN));
	get_all("refused", c);
	RET(connect(c, LO(1), ALEN));
	RET(diff_accepted(l) >= 0);
	get_all("connected again", c);
	shutdown(c, SHUT_WR);
	get_all("half closed", c);
	disconnect(c);
	get_all("disconnected again", c);
}

SCENARIO(again_options_live)
{
	int l = diff_listener(1), c = diff_socket();

	RET(connect(c, LO(1), ALEN));
	RET(diff_accepted(l) >= 0);
	set_all(c);
	get_all("live", c);
	disconnect(c);
	get_all("disconnected", c);
	RET(connect(c, LO(1), ALEN));
	RET(diff_accepted(l) >= 0);
	get_all("connected again", c);
}

SCENARIO(again_options_listener)
{
	int l = diff_socket(), c = diff_socket(), s;

	set_all(l);
	SET(l, SOL_SOCKET, SO_REUSEADDR, 1);
	RET(bind(l, LO(1), ALEN));
	RET(listen(l, 5));
	get_all("listening", l);
	RET(setsockopt(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, (int[]){ 0 }, sizeof(int)));
	RET(connect(c, LO(1), ALEN));
	s = diff_accepted(l);
	get_all("accepted", s);
	RET(shutdown(l, SHUT_RD));
	get_all("shut down", l);
	RET(listen(l, 5));
	get_all("listening again", l);
	disconnect(l);
	get_all("disconnected", l);
	c = diff_listener(2);
	RET(connect(l, LO(2), ALEN));
	get_all("connected", l);
}

static void kept(const char *when, int fd, int opt, const char *name, int value)
{
	socklen_t len = sizeof(int);
	int is = 0;

	getsockopt(fd, IPPROTO_TCP, opt, &is, &len);
	/* of a segment, the timestamps of a connection take 12 octets */
	diff_say("%s, %s: %s", when, name, is >= value - 12 && is <= value ? "as it was set" : "another");
}

/* Two options that Linux forgets. */
SCENARIO(again_maximums)
{
	int l = diff_listener(1), c = diff_socket();

	SET(c, IPPROTO_TCP, TCP_MAXSEG, 1000);
	SET(c, IPPROTO_TCP, TCP_WINDOW_CLAMP, 20000);
	RET(connect(c, LO(1), ALEN));
	RET(diff_accepted(l) >= 0);
	kept("connected", c, TCP_MAXSEG, "TCP_MAXSEG", 1000);
	kept("connected", c, TCP_WINDOW_CLAMP, "TCP_WINDOW_CLAMP", 20000);
	disconnect(c);
	kept("disconnected", c, TCP_MAXSEG, "TCP_MAXSEG", 1000);
	kept("disconnected", c, TCP_WINDOW_CLAMP, "TCP_WINDOW_CLAMP", 20000);
	RET(connect(c, LO(1), ALEN));
	kept("connected again", c, TCP_MAXSEG, "TCP_MAXSEG", 1000);
	kept("connected again", c, TCP_WINDOW_CLAMP, "TCP_WINDOW_CLAMP", 20000);
}

static void nothing_queued(const char *when, int fd)
{
	int out = -1, unsent = -1;

	RET(ioctl(fd, SIOCOUTQ, &out));
	RET(ioctl(fd, SIOCOUTQNSD, &unsent));
	diff_say("%s, nothing queued: %d", when, !out && !unsent);
}

/* Without a connection nothing is queued. Linux moves one of the two numbers, by the peer's window. */
SCENARIO(again_queues)
{
	int l = diff_listener(1), c = diff_socket();

	nothing_queued("fresh", c);
	RET(connect(c, LO(2), ALEN));
	nothing_queued("refused", c);
	RET(connect(c, LO(1), ALEN));
	RET(diff_accepted(l) >= 0);
	nothing_queued("connected", c);
	disconnect(c);
	nothing_queued("disconnected", c);
}

/* A connection that the listener has accepted lives on. */
SCENARIO(again_listen_beside_child)
{
	int l = diff_socket(), c = diff_socket(), s;

	RET(bind(l, LO(1), ALEN));
	RET(listen(l, 5));
	RET(connect(c, LO(1), ALEN));
	s = diff_accepted(l);
	RET(shutdown(l, SHUT_RD));
	RET(listen(l, 5));
	SET(l, SOL_SOCKET, SO_REUSEADDR, 1);
	diff_put(s, "lives on");
	READ(c, 10, 0);
}

/* shutdown() of a socket that has no connection yet. */
static void shut_then_listen(int how)
{
	int l = diff_socket(), c, s, one = 1;

	diff_say("shutdown %d, then listen()", how);
	RET(setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	RET(shutdown(l, how));
	BITS(l, POLLHUP);
	RET(bind(l, LO(1), ALEN));
	RET(listen(l, 5));
	c = diff_connected(1);
	BITS(l, POLLIN);
	s = diff_accepted(l);
	BITS(s, POLLOUT);
	if (how == SHUT_WR)
		RET(send(s, "one", 3, MSG_NOSIGNAL));
	close(l);
	diff_reset(s);
	close(c);
}

SCENARIO(again_shut_then_listen)
{
	shut_then_listen(SHUT_RD);
	shut_then_listen(SHUT_WR);
	shut_then_listen(SHUT_RDWR);
}

static void shut_then_connect(int how)
{
	int l = diff_listener(1), c = diff_socket(), s;

	diff_say("shutdown %d, then connect()", how);
	RET(shutdown(c, how));
	RET(connect(c, LO(1), ALEN));
	s = diff_accepted(l);
	BITS(c, POLLOUT);
	RET(send(s, "one", 3, MSG_NOSIGNAL));
	READ(c, 10, MSG_DONTWAIT);
	READ(c, 10, MSG_DONTWAIT);
	RET(send(c, "two", 3, MSG_NOSIGNAL));
	READ(s, 10, MSG_DONTWAIT);
	STATE(c, 0);
	disconnect(c);
	RET(connect(c, LO(1), ALEN));
	s = diff_accepted(l);
	BITS(c, POLLOUT);
	RET(send(c, "two", 3, MSG_NOSIGNAL));
	READ(s, 10, MSG_DONTWAIT);
	close(l);
	diff_reset(s);
	close(c);
}

SCENARIO(again_shut_then_connect)
{
	shut_then_connect(SHUT_RD);
	shut_then_connect(SHUT_WR);
	shut_then_connect(SHUT_RDWR);
}
