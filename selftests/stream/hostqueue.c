// SPDX-License-Identifier: GPL-2.0
/*
 * Segments that wait in this machine's own queue for longer than an RTO are not sent again: that would only add to the
 * queue. Each time that this is found out is counted. So is a repetition that the queue refuses: it counts as resent,
 * and as failed. New text and a FIN that it refuses were never sent: they wait, and nothing is sent again; but each
 * sign of congestion from there reduces the window at once. While a segment waits, what is written in small pieces is
 * collected to one segment (autocorking), but not while ACKs alone wait. On both stacks. And which segments xtcp sends
 * as one bundle is seen there.
 */
#include "lib/test.h"

#define PORT	5360
#define OCTETS	3000
#define TIMES	2	/* timeouts that are waited for */
#define ACKS	8
#define FLOWS	4
#define KBIT	8000		/* of a slow device */
#define QUEUE	(15 * 1514)	/* before it */
#define FLOW	300000		/* octets of each flow through it */
#define CA_CWR	2		/* tcpi_ca_state */
#define HALF_SECOND	500	/* ms, until the next try of what was refused */
#define LATE	80		/* ms: of a timeout */

static struct ns_pair net;

static long long count(enum stack stack, const char *name)
{
	struct counters c;

	must(!(stack == XTCP ? counters_read_xtcp(&c, net.a) : counters_read_kernel(&c, net.a)), "counters");
	return counters_get(&c, name);
}

static void hold(enum stack stack, bool v6)
{
	static const char octets[OCTETS];
	long long held = count(stack, "TcpExt:TCPSpuriousRtxHostQueues"), resent = count(stack, "Tcp:RetransSegs");
	long long failed = count(stack, "TcpExt:TCPRetransFail");
	int client, server, left = OCTETS, n = 1;
	char in[OCTETS];
	bool waited;

	stack_pair_or_die(net.a, stack, net.b, KERNEL, v6 ? NS_B6 : NS_B4, PORT, &client, &server);
	must(!netem_hold(net.a, "veth0"), "plug");
	must(send(client, octets, OCTETS, MSG_NOSIGNAL) == OCTETS, "send");
	waited = WAIT_FOR(count(stack, "TcpExt:TCPSpuriousRtxHostQueues") >= held + TIMES, STACK_DEADLINE_MS);
	must(!netem_release(net.a, "veth0"), "plug");
	while (left && n > 0) {
		n = recv(server, in, left, 0);
		left -= n > 0 ? n : 0;
	}
	ksft_test_result(waited && !left && count(stack, "Tcp:RetransSegs") == resent &&
			 count(stack, "TcpExt:TCPRetransFail") == failed,
			 "%s, IPv%c: what waits in the own queue is not sent again\n", stack_name(stack),
			 v6 ? '6' : '4');
	close_each(client, server);
	must(!netem_clear(net.a, "veth0"), "no plug");
}

static void set_autocorking(enum stack stack, bool on)
{
	must(!ns_sysctl_set(net.a, stack == XTCP ? "net.xtcp.autocorking" : "net.ipv4.tcp_autocorking", "%d", on),
	     "autocorking");
}

/* Small writes without Nagle; the device keeps them. From the third on they are collected. */
static void small_writes(enum stack stack, bool autocorking)
{
	const unsigned int writes = autocorking ? 4 : 3, kept = autocorking ? 2 : 3, all = 3;
	long long corked = count(stack, "TcpExt:TCPAutoCorking");
	int client, server;
	char piece[100] = "", in[4 * sizeof(piece)];
	unsigned int i, sent;
	ssize_t octets = writes * sizeof(piece);

	set_autocorking(stack, autocorking);
	stack_pair_or_die(net.a, stack, net.b, KERNEL, NS_B4, PORT, &client, &server);
	must(!stack_set(client, IPPROTO_TCP, TCP_NODELAY, 1), "TCP_NODELAY");
	must(!netem_hold(net.a, "veth0"), "plug");
	for (i = 0; i < writes; i++)
		must(send(client, piece, sizeof(piece), MSG_NOSIGNAL) == sizeof(piece), "send");
	sent = info_of(client).tcpi_data_segs_out;
	corked = count(stack, "TcpExt:TCPAutoCorking") - corked;
	must(!netem_release(net.a, "veth0"), "plug");
	must(recv(server, in, octets, MSG_WAITALL) == octets, "recv");
	ksft_print_msg("%u segments, corked %lld times, then %u\n", sent, corked, info_of(client).tcpi_data_segs_out);
	ksft_test_result(sent == kept && corked == autocorking && info_of(client).tcpi_data_segs_out == all,
			 "%s: small writes while others wait in the own queue, autocorking %s\n", stack_name(stack),
			 autocorking ? "on" : "off");
	close_each(client, server);
	must(!netem_clear(net.a, "veth0"), "no plug");
}

/* What was sent is lost on the way; its repetitions are refused here, until one is not. */
static void refuse(enum stack stack, bool v6)
{
	long long failed = count(stack, "TcpExt:TCPRetransFail"), resent = count(stack, "Tcp:RetransSegs");
	long long timeouts = count(stack, "TcpExt:TCPTimeouts");
	int client, server;
	char in[1] = "";
	bool waited;

	stack_pair_or_die(net.a, stack, net.b, KERNEL, v6 ? NS_B6 : NS_B4, PORT, &client, &server);
	must(!netem_gate(net.a, "veth0", false), "gate");
	must(send(client, "x", 1, MSG_NOSIGNAL) == 1, "send");
	must(!netem_refuse(net.a, "veth0", true), "no room");
	waited = WAIT_FOR(count(stack, "TcpExt:TCPRetransFail") >= failed + TIMES, STACK_DEADLINE_MS);
	must(!netem_refuse(net.a, "veth0", false), "room");
	must(recv(server, in, 1, 0) == 1, "recv");
	failed = count(stack, "TcpExt:TCPRetransFail") - failed;
	resent = count(stack, "Tcp:RetransSegs") - resent;
	timeouts = count(stack, "TcpExt:TCPTimeouts") - timeouts;
	ksft_print_msg("%lld refused of %lld resent, %lld timeouts\n", failed, resent, timeouts);
	ksft_test_result(waited && *in == 'x' && failed < resent && resent == timeouts,
			 "%s, IPv%c: what the own queue refuses is counted\n", stack_name(stack), v6 ? '6' : '4');
	close_each(client, server);
}

/* New text, or a FIN, with nothing in flight is refused time and again, until it is not. */
static void refuse_new(enum stack stack, bool v6, bool fin)
{
	long long failed = count(stack, "TcpExt:TCPRetransFail"), resent = count(stack, "Tcp:RetransSegs");
	long long timeouts = count(stack, "TcpExt:TCPTimeouts"), tries = count(stack, "Tcp:OutSegs");
	long long text = count(stack, "TcpExt:TCPOrigDataSent");
	struct tcp_info refused;
	int client, server;
	bool tried, came;
	char in[1] = "";

	stack_pair_or_die(net.a, stack, net.b, KERNEL, v6 ? NS_B6 : NS_B4, PORT, &client, &server);
	tries = count(stack, "Tcp:OutSegs");
	must(!netem_refuse(net.a, "veth0", true), "no room");
	must(fin ? !shutdown(client, SHUT_WR) : send(client, "x", 1, MSG_NOSIGNAL) == 1, "send");
	tried = WAIT_FOR(count(stack, "Tcp:OutSegs") >= tries + 1 + TIMES, STACK_DEADLINE_MS);
	refused = info_of(client);
	must(!netem_refuse(net.a, "veth0", false), "room");
	came = recv(server, in, 1, 0) == !fin && *in == (fin ? '\0' : 'x');
	failed = count(stack, "TcpExt:TCPRetransFail") - failed;
	resent = count(stack, "Tcp:RetransSegs") - resent;
	timeouts = count(stack, "TcpExt:TCPTimeouts") - timeouts;
	text = count(stack, "TcpExt:TCPOrigDataSent") - text;
	ksft_print_msg("refused: unacked %u, state %u; then %lld resent, %lld failed, %lld timeouts, text %lld\n",
		       refused.tcpi_unacked, refused.tcpi_ca_state, resent, failed, timeouts, text);
	ksft_test_result(tried && came && !refused.tcpi_unacked && refused.tcpi_ca_state == CA_CWR && !resent &&
			 !failed && !timeouts && (fin || text == 1),
			 "%s, IPv%c: %s that the own queue refuses was never sent, and goes when there is room\n",
			 stack_name(stack), v6 ? '6' : '4', fin ? "a FIN" : "text");
	close_each(client, server);
}

enum refused { TEXT, FIN, REPETITION };

/*
 * The queue refuses for longer than the program waits (TCP_USER_TIMEOUT), which counts from the first timeout on. The
 * next try of what was never sent comes when that is over, if half a second would be longer; that of a repetition does
 * not.
 */
static void refuse_too_long(enum stack stack, enum refused what)
{
	static const char * const names[] = { "text", "a FIN", "a repetition" };
	int client, server, error = 0, patience = 600 /* ms */;
	long long begun, lasted, due;
	struct pollfd fd;

	stack_pair_or_die(net.a, stack, net.b, KERNEL, NS_B4, PORT, &client, &server);
	must(!setsockopt(client, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof(patience)), "TCP_USER_TIMEOUT");
	due = info_of(client).tcpi_rto / 1000 + (what == REPETITION ? 2 * HALF_SECOND : patience);
	must(what == REPETITION ? !netem_gate(net.a, "veth0", false) : !netem_refuse(net.a, "veth0", true), "no room");
	begun = wait_now_ms();
	must(what == FIN ? !shutdown(client, SHUT_WR) : send(client, "x", 1, MSG_NOSIGNAL) == 1, "send");
	must(what != REPETITION || !netem_refuse(net.a, "veth0", true), "no room");
	fd = (struct pollfd){ .fd = client };
	must(poll(&fd, 1, STACK_DEADLINE_MS) >= 0, "poll");
	lasted = wait_now_ms() - begun;
	error = stack_error(client);
	must(error >= 0 && !netem_refuse(net.a, "veth0", false), "room");
	ksft_print_msg("%s after %lld ms, due after %lld\n", strerror(error), lasted, due);
	ksft_test_result(error == ETIMEDOUT && lasted >= due - LATE / 4 && lasted <= due + LATE,
			 "%s: TCP_USER_TIMEOUT, and the own queue refuses %s\n", stack_name(stack), names[what]);
	close_each(client, server);
}

static void set_retries2(enum stack stack, int n)
{
	must(!ns_sysctl_set(net.a, stack == XTCP ? "net.xtcp.retries2" : "net.ipv4.tcp_retries2", "%d", n), "sysctl");
}

/* It refuses text until R2: xtcp waits as for a silent peer, 200 + 400 + 800 ms; kernel TCP counts tries. */
static void refuse_to_the_end(enum stack stack)
{
	const int least = stack == XTCP ? 1400 : HALF_SECOND;
	int client, server, error = 0;
	long long begun, lasted;
	struct pollfd fd;

	set_retries2(stack, 2);
	stack_pair_or_die(net.a, stack, net.b, KERNEL, NS_B4, PORT, &client, &server);
	must(!netem_refuse(net.a, "veth0", true), "no room");
	begun = wait_now_ms();
	must(send(client, "x", 1, MSG_NOSIGNAL) == 1, "send");
	fd = (struct pollfd){ .fd = client };
	must(poll(&fd, 1, STACK_DEADLINE_MS) >= 0, "poll");
	lasted = wait_now_ms() - begun;
	error = stack_error(client);
	must(error >= 0 && !netem_refuse(net.a, "veth0", false), "room");
	set_retries2(stack, 15);
	ksft_print_msg("%s after %lld ms\n", strerror(error), lasted);
	ksft_test_result(error == ETIMEDOUT && lasted >= least, "%s: the own queue refuses text until R2 is over\n",
			 stack_name(stack));
	close_each(client, server);
}

/* A keepalive probe that the queue refuses was never sent: that the peer is silent then tells nothing. */
static void refuse_keepalive(enum stack stack)
{
	int client, server, error = 0;
	bool carries;

	stack_pair_or_die(net.a, stack, net.b, KERNEL, NS_B4, PORT, &client, &server);
	must(!stack_set(client, IPPROTO_TCP, TCP_KEEPIDLE, 1) && !stack_set(client, IPPROTO_TCP, TCP_KEEPINTVL, 1) &&
	     !stack_set(client, IPPROTO_TCP, TCP_KEEPCNT, 1) &&
	     !netem_refuse(net.a, "veth0", true) &&
	     !stack_set(client, SOL_SOCKET, SO_KEEPALIVE, 1), "keepalive");
	usleep(7 * HALF_SECOND * 1000);
	error = stack_error(client);
	must(error >= 0 && !netem_refuse(net.a, "veth0", false), "room");
	carries = stack_carries(client, server, 100);
	ksft_test_result(!error && carries, "%s: keepalive probes that the own queue refuses do not count\n",
			 stack_name(stack));
	close_each(client, server);
}

/* Several flows through a device that is slow: what its queue has no room for costs no repetition. */
static void slow_device(enum stack stack)
{
	long long resent = count(stack, "Tcp:RetransSegs"), failed = count(stack, "TcpExt:TCPRetransFail"), dropped;
	struct flow flows[2 * FLOWS] = { 0 };
	bool all;

	for (int i = 0; i < FLOWS; i++) {
		int client, server;

		stack_pair_or_die(net.a, stack, net.b, KERNEL, NS_B4, PORT + i, &client, &server);
		flow_pair(&flows[2 * i], client, FLOW, &flows[2 * i + 1], server, 0);
	}
	must(!netem_narrow(net.a, "veth0", KBIT, QUEUE), "slow");
	all = flow_run(flows, 2 * FLOWS, STACK_DEADLINE_MS);
	flow_explain(flows, 2 * FLOWS);
	dropped = netem_drops(net.a, "veth0");
	resent = count(stack, "Tcp:RetransSegs") - resent;
	failed = count(stack, "TcpExt:TCPRetransFail") - failed;
	ksft_print_msg("%lld refused, %lld resent, %lld failed\n", dropped, resent, failed);
	ksft_test_result(all && dropped > 0 && !resent && !failed,
			 "%s: what a slow device's queue refuses is sent once\n", stack_name(stack));
	for (int i = 0; i < 2 * FLOWS; i++)
		close(flows[i].fd);
	must(!netem_clear(net.a, "veth0"), "no bottleneck");
}

/* The queue takes the new segment and drops an older one: the window falls before any ACK tells of it. */
static void oldest_goes(enum stack stack)
{
	int client, server, i, mss, left;
	static const char octets[65536];
	unsigned int state;
	char in[4096];
	ssize_t n = 1;

	stack_pair_or_die(net.a, stack, net.b, KERNEL, NS_B4, PORT, &client, &server);
	mss = info_of(client).tcpi_snd_mss;
	must(!netem_narrow_oldest_goes(net.a, "veth0", 64), "slow");
	for (i = 0; i < 8; i++)
		must(send(client, octets, mss, MSG_NOSIGNAL) == mss, "send");
	state = info_of(client).tcpi_ca_state;
	must(!netem_clear(net.a, "veth0"), "no bottleneck");
	for (left = 8 * mss; left && n > 0; left -= n > 0 ? n : 0)
		n = recv(server, in, sizeof(in), 0);
	ksft_print_msg("state %u\n", state);
	ksft_test_result(state == CA_CWR && !left, "%s: a queue that drops the oldest reduces the window at once\n",
			 stack_name(stack));
	close_each(client, server);
}

/* Text in flight is lost, and ACKs without text stand in the own queue: they are not worth waiting for. */
static void acks_below(enum stack stack)
{
	long long corked = count(stack, "TcpExt:TCPAutoCorking"), waiting;
	int client, server, i;
	unsigned int sent;
	char piece[100] = "", in;

	set_autocorking(stack, true);
	stack_pair_or_die(net.a, stack, net.b, KERNEL, NS_B4, PORT, &client, &server);
	must(!stack_set(client, IPPROTO_TCP, TCP_NODELAY, 1) &&
	     !stack_set(server, IPPROTO_TCP, TCP_NODELAY, 1), "TCP_NODELAY");
	must(!netem_gate(net.a, "veth0", false), "gate");
	must(send(client, piece, sizeof(piece), MSG_NOSIGNAL) == sizeof(piece), "send");
	must(!netem_clear(net.a, "veth0") && !netem_hold(net.a, "veth0"), "plug");
	for (i = 1; i <= ACKS; i++) {
		must(send(server, piece, 1, MSG_NOSIGNAL) == 1 && recv(client, &in, 1, 0) == 1, "an octet");
		must(WAIT_FOR(netem_waiting(net.a, "veth0") >= i, STACK_DEADLINE_MS), "an ACK");
	}
	waiting = netem_waiting(net.a, "veth0");
	sent = info_of(client).tcpi_data_segs_out;
	must(send(client, piece, sizeof(piece), MSG_NOSIGNAL) == sizeof(piece), "send");
	sent = info_of(client).tcpi_data_segs_out - sent;
	corked = count(stack, "TcpExt:TCPAutoCorking") - corked;
	if (sent != 1 || corked)
		ksft_print_msg("%lld ACKs wait, %u segments sent, corked %lld times\n", waiting, sent, corked);
	ksft_test_result(sent == 1 && !corked, "%s: ACKs that wait in the own queue hold no text back\n",
			 stack_name(stack));
	must(!netem_release(net.a, "veth0"), "plug");
	close_each(client, server);
	must(!netem_clear(net.a, "veth0"), "no plug");
}

static const struct together {
	const char *name, *coalesce_usecs;
	unsigned int rate;		/* octets in a second that the program allows */
	int segments;
	unsigned int before, after;	/* bundles, when all is written and when the program asks for something else */
} together[] = {
	{ "each goes", "0", 0, 6, 6, 6 },
	{ "two go, what follows is a bundle", "1000000", 0, 6, 2, 3 },
	{ "two go, and then bundles of the rate", "1000000", 2000000, 4, 3, 3 },
};

/* Full segments, one by one and without an ACK: from the third on they wait for what is written next. */
static void full_segments(const struct together *this)
{
	int client, server, i, mss;
	unsigned int before, after;
	const struct netem slow = { .delay_ms = 1 };
	char piece[4096] = "";

	set_autocorking(XTCP, false);
	must(!ns_sysctl_set(net.a, "net.xtcp.coalesce_usecs", this->coalesce_usecs) &&
	     !ns_sysctl_set(net.a, "net.xtcp.tso_rtt_log", this->rate ? "0" : "31"), "sysctl");
	/* a round trip of nothing would allow a bundle of any size, whatever the rate */
	must(!netem_set(net.b, "veth0", &slow), "delay");
	stack_pair_or_die(net.a, XTCP, net.b, KERNEL, NS_B4, PORT, &client, &server);
	if (this->rate)
		must(!setsockopt(client, SOL_SOCKET, SO_MAX_PACING_RATE, &this->rate, sizeof(this->rate)), "rate");
	mss = info_of(client).tcpi_snd_mss;
	must(mss <= (int)sizeof(piece) && !netem_hold(net.a, "veth0"), "plug");
	for (i = 0; i < this->segments; i++)
		must(send(client, piece, mss, MSG_NOSIGNAL) == mss, "send");
	before = netem_waiting(net.a, "veth0");
	info_of(client);
	after = netem_waiting(net.a, "veth0");
	ksft_print_msg("%u bundles, then %u\n", before, after);
	ksft_test_result(before == this->before && after == this->after &&
			 info_of(client).tcpi_data_segs_out == (__u32)this->segments, "%s: full segments: %s\n",
			 stack_name(XTCP), this->name);
	must(!netem_release(net.a, "veth0"), "plug");
	close_each(client, server);
	must(!netem_clear(net.a, "veth0") && !netem_clear(net.b, "veth0"), "no plug");
}

int main(void)
{
	test_begin(stack_count() * 18 + ARRAY_SIZE(together));
	must(!ns_pair_make(&net), "namespaces");
	must(!ns_sysctl_set(net.a, "net.ipv4.tcp_early_retrans", "0") &&
	     !ns_sysctl_set(net.a, "net.xtcp.early_retrans", "0") &&
	     !ns_sysctl_set(net.a, "net.xtcp.coalesce_usecs", "0"), "sysctl");
	for (enum stack stack = stack_first(); stack <= XTCP; stack++) {
		hold(stack, false);
		hold(stack, true);
		small_writes(stack, true);
		small_writes(stack, false);
		refuse(stack, false);
		refuse(stack, true);
		refuse_new(stack, false, false);
		refuse_new(stack, true, false);
		refuse_new(stack, false, true);
		refuse_new(stack, true, true);
		refuse_too_long(stack, TEXT);
		refuse_too_long(stack, FIN);
		refuse_too_long(stack, REPETITION);
		refuse_to_the_end(stack);
		refuse_keepalive(stack);
		acks_below(stack);
	}
	must(!ns_link_gso_max_segs(net.a, "veth0", 1), "segments");
	for (enum stack stack = stack_first(); stack <= XTCP; stack++) {
		slow_device(stack);
		oldest_goes(stack);
	}
	must(!ns_link_gso_max_segs(net.a, "veth0", 65535), "bundles");
	for (size_t i = 0; i < ARRAY_SIZE(together); i++)
		full_segments(&together[i]);
	ksft_finished();
}
