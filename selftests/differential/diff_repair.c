// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: TCP_REPAIR, each call in each state, with and without the right. */
#include "lib/diff.h"

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))
#define NOBODY	65534

static int repair(int fd, int mode)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &mode, sizeof(mode));
}

static int queue(int fd, int which)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &which, sizeof(which));
}

static int seq(int fd, unsigned int number)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &number, sizeof(number));
}

static int options(int fd, unsigned int code, unsigned int val)
{
	struct tcp_repair_opt opt = { code, val };

	return setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_OPTIONS, &opt, sizeof(opt));
}

static int window(int fd, struct tcp_repair_window w, int len)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, len);
}

static void show_window(int fd, socklen_t len)
{
	struct tcp_repair_window w = { 0 };
	int ret = getsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, &len);

	diff_say("get window: %d %s", ret, ret ? strerrorname_np(errno) : "");
}

/* The numbers differ from one connection to the next: only whether there is one is shown. */
static void show_seq(int fd)
{
	socklen_t len = sizeof(int);
	int number;
	int ret = getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &number, &len);

	diff_say("get seq: %d %s", ret, ret ? strerrorname_np(errno) : "");
}

static unsigned int seq_of(int fd, int which)
{
	socklen_t len = sizeof(int);
	unsigned int number = 0;

	if (queue(fd, which) || getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &number, &len))
		diff_die("no number of queue %d", which);
	return number;
}

/* Everything that can be asked of a socket in this state, and nothing that changes it for long. */
static void ask(int fd)
{
	static const unsigned int codes[][2] = {
		{ 2, 1000 }, { 3, 15 }, { 3, 15 << 16 }, { 3, 7 | 6 << 16 }, { 4, 1 }, { 4, 0 },
		{ 8, 1 }, { 8, 0 }, { 99, 5 },
	};
	const struct tcp_repair_window wrong[] = {
		{ .snd_wnd = 2, .max_window = 1 }, { .snd_wl1 = 0x7fffff00 }, { .rcv_wup = 0x7fffff00 },
	};
	int octet, which;

	for (which = -1; which <= TCP_QUEUES_NR; which++) {
		diff_say("queue %d: %d", which, queue(fd, which));
		GET(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE);
		show_seq(fd);
		RET(recv(fd, &octet, 1, MSG_DONTWAIT));
		RET(recv(fd, &octet, 1, MSG_DONTWAIT | MSG_PEEK));
		RET(recv(fd, &octet, 1, MSG_DONTWAIT | MSG_OOB));
	}
	for (size_t i = 0; i < ELEMENTS(codes); i++)
		diff_say("option %u %u: %d %s", codes[i][0], codes[i][1], options(fd, codes[i][0], codes[i][1]),
			 strerrorname_np(errno) ?: "");
	for (size_t i = 0; i < ELEMENTS(wrong); i++)
		diff_say("wrong window %zu: %s", i, window(fd, wrong[i], sizeof(wrong[i])) ? "refused" : "taken");
	RET(window(fd, (struct tcp_repair_window) { .snd_wnd = 1 }, 16));
	RET(window(fd, (struct tcp_repair_window) { .snd_wnd = 1 }, 24));
	show_window(fd, 20);
	show_window(fd, 16);
	SET(fd, IPPROTO_TCP, TCP_TIMESTAMP, 1);
	GET(fd, IPPROTO_TCP, TCP_REPAIR);
	GET(fd, SOL_SOCKET, SO_REUSEADDR);
}

/* @fd: in a state that repair mode does not change by itself; closed here. */
static void each_call(int fd)
{
	ask(fd);
	RET(repair(fd, 2));
	RET(repair(fd, -2));
	RET(repair(fd, TCP_REPAIR_OFF_NO_WP));
	RET(repair(fd, TCP_REPAIR_ON));
	ask(fd);
	RET(queue(fd, TCP_SEND_QUEUE));
	RET(seq(fd, 1000));
	RET(queue(fd, TCP_RECV_QUEUE));
	RET(seq(fd, 2000));
	RET(queue(fd, TCP_NO_QUEUE));
	RET(seq(fd, 3000));
	RET(send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL));
	RET(repair(fd, TCP_REPAIR_ON));
	GET(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE);
	RET(queue(fd, TCP_SEND_QUEUE));
	RET(repair(fd, TCP_REPAIR_OFF_NO_WP));
	GET(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE);
	show_seq(fd);
	GET(fd, SOL_SOCKET, SO_REUSEADDR);
	RET(seteuid(NOBODY));
	RET(repair(fd, TCP_REPAIR_ON));
	RET(repair(fd, 5));
	RET(repair(fd, TCP_REPAIR_OFF));
	ask(fd);
	RET(seteuid(0));
	RET(repair(fd, TCP_REPAIR_ON));
	RET(repair(fd, TCP_REPAIR_OFF));
	GET(fd, IPPROTO_TCP, TCP_REPAIR);
}

SCENARIO(repair_closed)
{
	int c = diff_socket();

	each_call(c);
	RET(bind(c, LO(1), ALEN));
	each_call(c);
}

SCENARIO(repair_listening)
{
	each_call(diff_listener(1));
}

SCENARIO(repair_syn_sent)
{
	int c = diff_socket();

	RET(fcntl(c, F_SETFL, O_NONBLOCK));
	RET(connect(c, diff_addr(HOST_SILENT, 1), ALEN));
	each_call(c);
	RET(repair(c, TCP_REPAIR_ON));
	RET(close(c));
}

SCENARIO_OF_PAIR(repair_established)
{
	diff_put(s, "unread");
	QUEUES(c, 6, 0);
	each_call(c);
}

SCENARIO_OF_PAIR(repair_fin_wait2)
{
	RET(shutdown(c, SHUT_WR));
	STATE(c, TCP_FIN_WAIT2);
	each_call(c);
}

SCENARIO_OF_PAIR(repair_close_wait)
{
	RET(shutdown(s, SHUT_WR));
	STATE(c, TCP_CLOSE_WAIT);
	each_call(c);
	RET(repair(c, TCP_REPAIR_ON));
	RET(queue(c, TCP_SEND_QUEUE));
	RET(send(c, "abc", 3, 0));
	READ(c, 3, MSG_PEEK);
}

SCENARIO_OF_PAIR(repair_reset)
{
	diff_reset(s);
	BITS(c, POLLHUP);
	each_call(c);
	GET(c, SOL_SOCKET, SO_ERROR);
}

/* Neither says anything to the peer: it gets a RST only when it asks. */
SCENARIO_OF_PAIR(repair_close_tells_nobody)
{
	diff_put(s, "unread");
	QUEUES(c, 6, 0);
	RET(repair(c, TCP_REPAIR_ON));
	RET(close(c));
	BITS(s, 0);
	STATE(s, TCP_ESTABLISHED);
	diff_put(s, "who is there?");
	BITS(s, POLLERR);
	GET(s, SOL_SOCKET, SO_ERROR);
}

/* A FIN that the other TCP has sent. */
SCENARIO_OF_PAIR(repair_shutdown_tells_nobody)
{
	RET(repair(c, TCP_REPAIR_ON));
	RET(queue(c, TCP_SEND_QUEUE));
	RET(shutdown(c, SHUT_WR));
	STATE(c, TCP_FIN_WAIT1);
	QUEUES(c, -1, 1);
	BITS(s, 0);
	STATE(s, TCP_ESTABLISHED);
}

SCENARIO_OF_PAIR(repair_disconnect_tells_nobody)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	RET(repair(c, TCP_REPAIR_ON));
	RET(connect(c, &none, sizeof(none)));
	STATE(c, TCP_CLOSE);
	GET(c, SOL_SOCKET, SO_ERROR);
	GET(c, IPPROTO_TCP, TCP_REPAIR);
	BITS(s, 0);
	STATE(s, TCP_ESTABLISHED);
}

/* In repair mode the queues are shown and filled. */
SCENARIO_OF_PAIR(repair_queues)
{
	char octets[64];

	diff_put(s, "came");
	QUEUES(c, 4, 0);
	RET(repair(c, TCP_REPAIR_ON));
	RET(queue(c, TCP_RECV_QUEUE));
	READ(c, 20, MSG_PEEK);
	READ(c, 2, MSG_PEEK);
	READ(c, 20, 0);
	RET(send(c, " and was brought", 16, 0));
	RET(send(c, "", 0, 0));
	QUEUES(c, 20, 0);
	READ(c, 20, MSG_PEEK);
	RET(queue(c, TCP_SEND_QUEUE));
	READ(c, 20, MSG_PEEK);
	RET(send(c, "sent", 4, 0));
	RET(send(c, " again", 6, MSG_MORE));
	READ(c, 20, MSG_PEEK);
	READ(c, 5, MSG_PEEK);
	RET(recv(c, octets, sizeof(octets), MSG_PEEK));
	QUEUES(c, 20, 10);
	RET(shutdown(s, SHUT_RD));
	RET(repair(c, TCP_REPAIR_OFF_NO_WP));
	READ(c, 20, 0);
}

/* Both ends of a connection are closed in repair mode, and made anew from what they knew. */
static int again(struct sockaddr *from, struct sockaddr *to, unsigned int sent, unsigned int came)
{
	int new = diff_socket();

	RET(repair(new, TCP_REPAIR_ON));
	RET(bind(new, from, ALEN));
	RET(queue(new, TCP_SEND_QUEUE));
	RET(seq(new, sent));
	RET(queue(new, TCP_RECV_QUEUE));
	RET(seq(new, came));
	RET(connect(new, to, ALEN));
	STATE(new, TCP_ESTABLISHED);
	diff_say("numbers: %d %d", seq_of(new, TCP_SEND_QUEUE) == sent, seq_of(new, TCP_RECV_QUEUE) == came);
	RET(seq(new, 5));
	RET(options(new, 2, 1000));
	RET(options(new, 3, 7 | 7 << 16));
	RET(options(new, 4, 0));
	RET(options(new, 8, 0));
	GET(new, IPPROTO_TCP, TCP_MAXSEG);
	SET(new, IPPROTO_TCP, TCP_TIMESTAMP, 1000);
	return new;
}

SCENARIO_OF_PAIR(repair_both_ends)
{
	union diff_addr from, to;
	socklen_t len = sizeof(from);
	unsigned int c_sent, c_came, s_sent, s_came;
	struct tcp_repair_window w;
	struct tcp_info info;

	RET(getsockname(c, &from.sa, &len));
	len = sizeof(to);
	RET(getpeername(c, &to.sa, &len));
	diff_put(c, "to be read");
	READ(s, 20, 0);
	QUEUES(c, 0, 0);
	RET(repair(c, TCP_REPAIR_ON));
	RET(repair(s, TCP_REPAIR_ON));
	c_sent = seq_of(c, TCP_SEND_QUEUE);
	c_came = seq_of(c, TCP_RECV_QUEUE);
	s_sent = seq_of(s, TCP_SEND_QUEUE);
	s_came = seq_of(s, TCP_RECV_QUEUE);
	diff_say("both know the same: %d %d", c_sent == s_came, s_sent == c_came);
	len = sizeof(w);
	RET(getsockopt(c, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, &len));
	RET(close(c));
	RET(close(s));
	c = again(&from.sa, &to.sa, c_sent, c_came);
	s = again(&to.sa, &from.sa, s_sent, s_came);
	RET(window(c, (struct tcp_repair_window) { c_came, 60000, 60000, 60000, c_came }, 20));
	len = sizeof(w);
	RET(getsockopt(c, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, &len));
	diff_say("window: %u %u %u %d %d", w.snd_wnd, w.max_window, w.rcv_wnd, w.snd_wl1 == c_came,
		 w.rcv_wup == c_came);
	RET(queue(c, TCP_SEND_QUEUE));
	RET(send(c, "was on its way, ", 16, 0));
	RET(repair(s, TCP_REPAIR_OFF));
	RET(repair(c, TCP_REPAIR_OFF));
	diff_put(c, "and goes on");
	QUEUES(s, 27, -1);
	READ(s, 40, 0);
	diff_put(s, "answer");
	READ(c, 40, 0);
	diff_info("c", c, &info);
	diff_say("options %d, shifts %d %d", info.tcpi_options & 7, info.tcpi_snd_wscale, info.tcpi_rcv_wscale);
	RET(options(c, 2, 1000));
	RET(repair(c, TCP_REPAIR_ON));
	RET(options(c, 2, 1000));
	RET(repair(c, TCP_REPAIR_OFF));
	RET(shutdown(c, SHUT_WR));
	READ(s, 40, 0);
	RET(close(s));
	READ(c, 40, 0);
}

/* Any port can be bound, beside any sock. */
SCENARIO(repair_binds_beside)
{
	int l = diff_listener(1), c = diff_socket(), d = diff_socket();

	RET(bind(c, LO(1), ALEN));
	RET(repair(c, TCP_REPAIR_ON));
	RET(bind(c, LO(1), ALEN));
	RET(repair(d, TCP_REPAIR_ON));
	RET(bind(d, LO(1), ALEN));
	RET(connect(d, LO(2), ALEN));
	RET(connect(c, LO(2), ALEN));
	RET(connect(c, LO(3), ALEN));
	NAME(d);
	PEER(d);
	RET(repair(d, TCP_REPAIR_OFF_NO_WP));
	RET(repair(c, TCP_REPAIR_OFF_NO_WP));
	STATE(l, TCP_LISTEN);
}

/* The numbers of a program hold where a record of an earlier connection is replaced, too. */
SCENARIO_OF_PAIR(repair_replaces_time_wait)
{
	union diff_addr from, to;
	socklen_t len = sizeof(from);
	int new = diff_socket();

	RET(getsockname(c, &from.sa, &len));
	len = sizeof(to);
	RET(getpeername(c, &to.sa, &len));
	RET(shutdown(c, SHUT_WR));
	READ(s, 1, 0);
	RET(close(s));
	READ(c, 1, 0);
	RET(close(c));
	RET(repair(new, TCP_REPAIR_ON));
	RET(bind(new, &from.sa, ALEN));
	RET(queue(new, TCP_SEND_QUEUE));
	RET(seq(new, 0));
	RET(queue(new, TCP_RECV_QUEUE));
	RET(seq(new, 1));
	RET(connect(new, &to.sa, ALEN));
	diff_say("numbers: %u %u", seq_of(new, TCP_SEND_QUEUE), seq_of(new, TCP_RECV_QUEUE));
}

/* A listener that was made in repair mode, and its child: only the child's mode is of interest. */
SCENARIO(repair_then_listen)
{
	int l = diff_socket(), c, s;

	RET(repair(l, TCP_REPAIR_ON));
	RET(bind(l, LO(1), ALEN));
	RET(repair(l, TCP_REPAIR_OFF_NO_WP));
	RET(listen(l, 5));
	c = diff_connected(1);
	s = diff_accepted(l);
	GET(s, IPPROTO_TCP, TCP_REPAIR);
	GET(c, IPPROTO_TCP, TCP_REPAIR);
}
