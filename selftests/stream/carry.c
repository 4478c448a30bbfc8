// SPDX-License-Identifier: GPL-2.0
/*
 * An established connection is carried from kernel TCP to xtcp, to a second build of it, and back by TCP_REPAIR, in the
 * middle of a transfer in both directions, every octet compared:
 *
 *	carry
 *
 * One end moves, several times. Text waits in each of its queues then, and what arrives meanwhile is dropped. The other
 * end notices nothing. And what is carried is changed, one octet after the other: each value is refused, or leaves a
 * connection whose numbers are sane.
 */
#include <linux/sockios.h>
#include "lib/repair.h"
#include "lib/test.h"

#define PORT		5000
#define STALL_MS	20000
#define ENDLESS		(LLONG_MAX / 2)
#define QUEUED		100000		/* at least so many wait in each queue when the end moves */
#define SEND_BUFFER	150000		/* so that the peer's window is never full */
#define BUFFER		8000000		/* what is carried fits */
#define MOVES		4
#define GETS_ON		1000000		/* octets that come and go before it moves */

NEEDS_PROGRAMS("nft");

static struct ns_pair net;

static int octets(int fd, int which)
{
	int n = -1;

	must(!ioctl(fd, which, &n), "ioctl");
	return n;
}

/* Return: the sock, or -1: a number was refused. */
static int give(const struct repair *c, const struct repair_numbers *numbers, enum stack stack, int ns)
{
	int fd = stack_socket(ns, stack, c->from.sa.sa_family == AF_INET ? "0.0.0.0" : "::");
	bool ok;

	must(fd >= 0, "no sock");
	stack_set(fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER);
	stack_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER);
	ok = repair_give(fd, c, numbers, TCP_REPAIR_OFF);
	stack_set(fd, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER);
	if (ok)
		return fd;
	stack_set(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
	close(fd);
	return -1;
}

static void gate(bool open)
{
	must(!netem_gate(net.a, "veth0", open), "the gate");
	must(!ns_shell(net.a, open ? "nft delete table inet t" : "nft 'add table inet t; add chain inet t c {"
		       "type filter hook prerouting priority 0; policy drop; }'"), "nft");
}

static long long moved(const struct flow *ends)
{
	return ends[0].sent + ends[0].received + ends[1].sent + ends[1].received;
}

/* False: octets differ, or nothing has moved for STALL_MS. @since: when something last did, at first now. */
static bool step(struct flow *ends, long long *since)
{
	const long long before = moved(ends);

	if (flow_step(ends, 2, 10) < 0)
		return false;
	if (moved(ends) != before)
		*since = wait_now_ms();
	return wait_now_ms() - *since < STALL_MS;
}

/* Moves both directions until text waits in @queue of @ends[0], which reads nothing. */
static bool fill(struct flow *ends, int queue)
{
	long long since = wait_now_ms();

	ends[0].idle = true;
	while (octets(ends[0].fd, queue) < QUEUED)
		if (!step(ends, &since))
			return false;
	ends[0].idle = false;
	return true;
}

/* Both directions get on. Then text waits for @ends[0], and what it sends gets lost, as do all answers. */
static bool runs_on(struct flow *ends)
{
	long long since = wait_now_ms(), came = ends[0].received + GETS_ON, went = ends[1].received + GETS_ON;

	while (ends[0].received < came || ends[1].received < went)
		if (!step(ends, &since))
			return false;
	if (!fill(ends, SIOCINQ))
		return false;
	gate(false);
	return fill(ends, SIOCOUTQ);
}

/* In turn, from kernel TCP on; the second build where check-vm.sh has built one. */
static const enum stack with_second[MOVES] = { XTCP, SECOND, KERNEL, XTCP };
static const enum stack without[MOVES] = { XTCP, KERNEL, XTCP, KERNEL };
static bool has_second;

/* @peer: the stack that does not move. */
static void transfer(enum stack peer, const char *text, const char *name)
{
	struct repair c;
	const enum stack *next = has_second ? with_second : without;
	struct flow ends[2];
	int client, server, move, side;
	bool ok;

	stack_pair_or_die(net.a, KERNEL, net.b, peer, text, PORT, &client, &server);
	stack_set(client, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER);
	stack_set(server, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER);
	flow_pair(&ends[0], client, ENDLESS, &ends[1], server, ENDLESS);
	for (move = 0; move < MOVES && runs_on(ends); move++) {
		repair_take(ends[0].fd, &c);
		ksft_print_msg("%s: %d unread, %d unacknowledged, %d unsent\n", name, c.len[TCP_RECV_QUEUE],
			       c.len[TCP_SEND_QUEUE], c.unsent);
		ends[0].fd = give(&c, &c.numbers, next[move], net.a);
		must(ends[0].fd >= 0, "a right number was refused");
		gate(true);
		repair_free(&c);
	}
	for (side = 0; side < 2; side++) {
		ends[side].send = ends[side].sent + GETS_ON;
		ends[!side].receive = ends[side].send;
	}
	ok = move == MOVES && flow_run(ends, 2, STALL_MS);
	flow_explain(ends, 2);
	ksft_test_result(ok, "carried to xtcp%s and back, %s\n", has_second ? ", to a second build" : "", name);
	close_each(ends[0].fd, ends[1].fd);
}

/* What the connection says of itself can be true. */
static bool is_sane(int fd, const char *what, int octet)
{
	socklen_t window_len = sizeof(struct tcp_repair_window);
	struct tcp_repair_window w;
	struct tcp_info info;
	bool sane;

	must(!stack_set(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON), "TCP_REPAIR");
	repair_choose(fd, TCP_RECV_QUEUE);
	info = info_of(fd);
	must(!getsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, &window_len), "TCP_REPAIR_WINDOW");
	sane = info.tcpi_snd_mss >= 8 && info.tcpi_snd_mss <= 65535 && info.tcpi_snd_wscale <= 14 &&
	       info.tcpi_rcv_wscale <= 14 && w.snd_wnd <= w.max_window && w.max_window <= 65535U << 14 &&
	       w.rcv_wnd <= 65535U << 14 && repair_number(fd, TCP_QUEUE_SEQ) - w.rcv_wup <= w.rcv_wnd &&
	       (unsigned int)octets(fd, SIOCINQ) <= BUFFER && (unsigned int)octets(fd, SIOCOUTQ) <= BUFFER &&
	       octets(fd, SIOCOUTQNSD) <= octets(fd, SIOCOUTQ);
	if (!sane)
		ksft_print_msg("%s, octet %d: mss %u, shifts %u %u, windows %u %u %u, in %d, out %d (%d)\n", what,
			       octet,
			       info.tcpi_snd_mss, info.tcpi_snd_wscale, info.tcpi_rcv_wscale, w.snd_wnd,
			       w.max_window, w.rcv_wnd, octets(fd, SIOCINQ));
	return sane;
}

/* Text in both directions, as much as goes at once; whether it arrives depends on what was changed. */
static void talk(int fd, int peer)
{
	static char text[30000];

	for (int i = 0; i < 4; i++) {
		send(fd, text, sizeof(text), MSG_DONTWAIT | MSG_NOSIGNAL);
		send(peer, text, sizeof(text), MSG_DONTWAIT | MSG_NOSIGNAL);
		recv(fd, text, sizeof(text), MSG_DONTWAIT);
		recv(peer, text, sizeof(text), MSG_DONTWAIT);
	}
}

/* SND.UNA */
static uint32_t acknowledged(int fd)
{
	must(!stack_set(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON), "TCP_REPAIR");
	repair_choose(fd, TCP_SEND_QUEUE);
	return repair_number(fd, TCP_QUEUE_SEQ) - octets(fd, SIOCOUTQ);
}

/* A connection within one namespace is carried with octet @octet of its numbers changed. */
static bool with_changed(const char *text, int octet, unsigned char change)
{
	struct repair_numbers changed;
	struct repair c;
	int client, server, fd;
	bool sane = true;

	stack_pair_or_die(net.a, XTCP, net.a, XTCP, text, PORT, &client, &server);
	must(send(client, "unacknowledged", 14, 0) == 14 && send(server, "unread", 6, 0) == 6, "text");
	must(WAIT_FOR(octets(client, SIOCINQ) == 6, STACK_DEADLINE_MS), "no text");
	repair_take(client, &c);
	changed = c.numbers;
	((unsigned char *)&changed)[octet] ^= change;
	fd = give(&c, &changed, XTCP, net.a);
	if (fd >= 0) {
		talk(fd, server);
		sane = is_sane(fd, text, octet);
		close(fd);
	}
	repair_free(&c);
	stack_abort(server);
	return sane;
}

/* The reader takes back what it has offered, and says nothing; the writer sends as much as was offered. */
static void window_shrinks(const char *text)
{
	static char much[10000], got[sizeof(much)];
	struct tcp_repair_window w;
	socklen_t len = sizeof(w);
	int client, server;
	long long was;
	uint32_t una;
	bool right;

	stack_pair_or_die(net.a, XTCP, net.a, XTCP, text, PORT, &client, &server);
	/* straight into the peer's queue, though another build has hooks here, too */
	was = counter_now(net.a, "/proc/net/xtcp_netstat", "TcpExt:TCPLocal");
	must(stack_carries(client, server, 100) && stack_carries(server, client, 100), "text");
	right = counter_now(net.a, "/proc/net/xtcp_netstat", "TcpExt:TCPLocal") == was + 2;
	must(!stack_set(server, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON), "TCP_REPAIR");
	repair_choose(server, TCP_RECV_QUEUE);
	must(!getsockopt(server, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, &len), "TCP_REPAIR_WINDOW");
	w.rcv_wup = repair_number(server, TCP_QUEUE_SEQ);
	w.rcv_wnd = 100;
	must(!setsockopt(server, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, sizeof(w)), "TCP_REPAIR_WINDOW");
	must(send(client, much, sizeof(much), MSG_DONTWAIT) == sizeof(much), "send");
	una = acknowledged(client);
	right = (int32_t)(una - repair_number(server, TCP_QUEUE_SEQ)) <= 0 && right;
	must(!stack_set(client, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF), "TCP_REPAIR");
	must(!stack_set(server, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF), "TCP_REPAIR");
	must(!stack_patience(server, SO_RCVTIMEO, STALL_MS * 1000), "SO_RCVTIMEO");
	right = recv(server, got, sizeof(got), MSG_WAITALL) == sizeof(got) && right;
	ksft_test_result(right, "%s: a window that is taken back loses no text, net.xtcp.local\n", text);
	close_each(client, server);
}

/* What is unsent when it is read stays so: pacing's time may come, but it waits for a second at most. */
static void unsent_stays(const char *text)
{
	static const char much[50000];
	int client[2], server[2], i, was;
	bool right;

	for (i = 0; i < 2; i++) {
		stack_pair_or_die(net.a, XTCP, net.b, XTCP, text, PORT, &client[i], &server[i]);
		must(!stack_set(client[i], SOL_SOCKET, SO_MAX_PACING_RATE, 1) &&
		     !stack_set(client[i], SOL_SOCKET, SO_SNDBUF, SEND_BUFFER), "SO_MAX_PACING_RATE");
		must(send(client[i], much, sizeof(much), MSG_DONTWAIT) == sizeof(much), "send");
		must(i || !stack_set(client[i], IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON), "TCP_REPAIR");
		must(!stack_set(client[i], SOL_SOCKET, SO_MAX_PACING_RATE, 500000), "SO_MAX_PACING_RATE");
	}
	was = octets(client[0], SIOCOUTQNSD);
	must(WAIT_FOR(!octets(client[1], SIOCOUTQNSD), STACK_DEADLINE_MS), "a paced transfer");
	right = was > 0 && octets(client[0], SIOCOUTQNSD) == was;
	must(!stack_set(client[0], IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP), "TCP_REPAIR");
	right = WAIT_FOR(!octets(client[0], SIOCOUTQ), STACK_DEADLINE_MS) && right;
	ksft_test_result(right, "%s: no unsent text leaves in repair mode, and all afterwards\n", text);
	for (i = 0; i < 2; i++)
		close_each(client[i], server[i]);
}

static void attack(const char *text, const char *name)
{
	static const unsigned char changes[] = { 1, 0x80, 0xff };
	bool sane = true;

	for (unsigned int i = 0; i < sizeof(struct repair_numbers); i++)
		for (unsigned int n = 0; n < sizeof(changes); n++)
			sane &= with_changed(text, i, changes[n]);
	ksft_test_result(sane, "each octet of what is carried is changed, %s\n", name);
}

/* bind() beside a listener of kernel TCP, in repair mode, makes nothing free for those who come later. */
static void port_stays_taken(const char *text)
{
	int listener = stack_listener(net.a, KERNEL, text, PORT, false), fd = stack_socket(net.a, XTCP, text);
	const union stack_addr addr = stack_addr(text, PORT);
	bool taken;

	must(listener >= 0 && !stack_set(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON), "TCP_REPAIR");
	must(!bind(fd, &addr.sa, stack_addr_len(&addr)), "bind");
	must(!stack_set(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP), "TCP_REPAIR");
	taken = listen(fd, 1) && errno == EADDRINUSE;
	close(fd);
	fd = stack_socket(net.a, XTCP, text);
	taken = bind(fd, &addr.sa, stack_addr_len(&addr)) && errno == EADDRINUSE && taken;
	ksft_test_result(taken, "%s: the port of kernel TCP's listener stays taken\n", text);
	close_each(fd, listener);
}

int main(void)
{
	test_begin(12);
	has_second = getenv("XTCP_B_KO") && !access(getenv("XTCP_B_KO"), R_OK);
	must(!has_second || !module_second_load(""), "xtcp_b.ko");
	must(!ns_pair_make(&net), "no namespaces");
	port_stays_taken("127.0.0.1");
	port_stays_taken("::1");
	transfer(KERNEL, NS_B4, "IPv4, from kernel TCP");
	transfer(XTCP, NS_B4, "IPv4, from xtcp");
	transfer(KERNEL, NS_B6, "IPv6, from kernel TCP");
	transfer(XTCP, NS_B6, "IPv6, from xtcp");
	must(!ns_sysctl_set(net.a, "net.xtcp.local", "0"), "net.xtcp.local");
	attack("127.0.0.1", "IPv4");
	attack("::1", "IPv6");
	must(!ns_sysctl_set(net.a, "net.xtcp.local", "1"), "net.xtcp.local");
	unsent_stays(NS_B4);
	unsent_stays(NS_B6);
	window_shrinks("127.0.0.1");
	window_shrinks("::1");
	must(!has_second || WAIT_FOR(!module_second_unload(), STACK_DEADLINE_MS), "xtcp_b stays");
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
