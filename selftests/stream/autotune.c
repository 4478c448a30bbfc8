// SPDX-License-Identifier: GPL-2.0
/*
 * The receive buffer and the window follow a program that reads, over a path of 100 ms: a fresh connection brings as
 * much, as early, as kernel TCP's, from a sender of either stack, with timestamps and without; the round trip that the
 * receiver tells is that of the path; the buffer stays where it is when it may not grow, and so does what was set. A
 * reader that waits for more than the buffer holds gets it. On the debug kernel, whose own work makes kernel TCP differ
 * from itself by two round trips, times are printed, not judged.
 */
#include "lib/router.h"
#include "lib/test.h"

#define PORT		5400
#define ROUND_MS	100
#define RATE_KBIT	(release_is_debug() ? 10000 : 100000)	/* the processor has to keep up */
#define STREAM		(release_is_debug() ? 1000000 : 6000000)	/* octets */
#define SHORT		1000000
#define PIECE		65536
#define LATE_MS		(ROUND_MS / 10)	/* of one stack to the other that is chance */

struct run {
	enum stack sender, receiver;
	bool timestamps, moderate;
	int rcvbuf;			/* SO_RCVBUF of the receiver, 0: not set */
	long octets;
};

struct result {
	long long ms;			/* from connect() to the last octet */
	int rcvbuf_before, rcvbuf;
	struct tcp_info info;		/* the receiver's, at the end */
	unsigned int widest;		/* window that the sender saw */
};

static char piece[PIECE];

/* A new network, so that nobody remembers anything. */
static void make_network(struct router *r, const struct run *run)
{
	const struct netem forth = { .delay_ms = ROUND_MS / 2, .rate_kbit = RATE_KBIT, .queue = STREAM };
	const struct netem back = { .delay_ms = ROUND_MS / 2 };

	must(!router_make(r, 1500, false) && !router_set(r, &forth, &back), "network");
	for (int i = 0; i < 2; i++) {
		int ns = i ? r->receiver : r->sender;

		must(!ns_sysctl_set(ns, "net.ipv4.tcp_timestamps", "%d", run->timestamps) &&
		     !ns_sysctl_set(ns, "net.xtcp.timestamps", "%d", run->timestamps) &&
		     !ns_sysctl_set(ns, "net.ipv4.tcp_moderate_rcvbuf", "%d", run->moderate) &&
		     !ns_sysctl_set(ns, "net.xtcp.moderate_rcvbuf", "%d", run->moderate), "sysctls");
	}
}

static void open_ends(const struct router *r, const struct run *run, int *out, int *in)
{
	int listener = must_have(stack_listener(r->receiver, run->receiver, ROUTER_RECEIVER4, PORT, true), "listen");

	must(!run->rcvbuf || !setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &run->rcvbuf, sizeof(int)), "SO_RCVBUF");
	*out = must_have(stack_connected(r->sender, run->sender, ROUTER_RECEIVER4, PORT), "connect");
	*in = accept(listener, NULL, NULL);
	must(*in >= 0 && !fcntl(*out, F_SETFL, O_NONBLOCK) && !fcntl(*in, F_SETFL, O_NONBLOCK), "accept");
	close(listener);
}

/* Until @octets have been read. */
static void carry(int out, int in, long octets, struct result *result)
{
	struct pollfd p[2] = { { .fd = out, .events = POLLOUT }, { .fd = in, .events = POLLIN } };
	long received = 0;
	unsigned int wnd;
	ssize_t n;

	while (received < octets) {
		must(poll(p, 2, STACK_DEADLINE_MS) > 0, "poll");
		if (p[0].revents && send(out, piece, PIECE, MSG_NOSIGNAL) < 0)
			must(errno == EAGAIN, "send");
		while (p[1].revents && (n = recv(in, piece, PIECE, 0)) > 0)
			received += n;
		wnd = info_of(out).tcpi_snd_wnd;
		if (wnd > result->widest)
			result->widest = wnd;
	}
}

static struct result run(const struct run *run)
{
	struct result result = { 0 };
	struct router r;
	long long begin;
	int out, in;

	make_network(&r, run);
	open_ends(&r, run, &out, &in);
	result.rcvbuf_before = stack_get(in, SOL_SOCKET, SO_RCVBUF);
	begin = wait_now_ms();
	carry(out, in, run->octets, &result);
	result.ms = wait_now_ms() - begin;
	result.rcvbuf = stack_get(in, SOL_SOCKET, SO_RCVBUF);
	result.info = info_of(in);
	close_each(out, in);
	router_close(&r);
	ksft_print_msg("%ld octets in %lld ms, window up to %u, buffer %d to %d, round trip %u, rcv_space %u\n",
		       run->octets, result.ms, result.widest, result.rcvbuf_before, result.rcvbuf,
		       result.info.tcpi_rcv_rtt, result.info.tcpi_rcv_space);
	return result;
}

static void fills_the_path(enum stack sender, bool timestamps)
{
	struct run how = { .sender = sender, .receiver = KERNEL, .timestamps = timestamps, .moderate = true,
			   .octets = STREAM };
	const char *with = timestamps ? "with timestamps" : "without";
	struct result theirs = {}, ours;

	/* with both ends on kernel TCP for the comparison alone */
	if (sender == XTCP || stack_first() == KERNEL)
		theirs = run(&how);
	how.receiver = XTCP;
	ours = run(&how);
	ksft_test_result(release_is_debug() || ours.ms <= theirs.ms + LATE_MS,
			 "from %s, %s: no later than kernel TCP's\n", stack_name(sender), with);
	ksft_test_result(ours.info.tcpi_rcv_rtt >= ROUND_MS * 900 && ours.info.tcpi_rcv_rtt <= ROUND_MS * 6000,
			 "from %s, %s: the round trip is the path's\n", stack_name(sender), with);
	ksft_test_result(ours.rcvbuf > 4 * ours.rcvbuf_before && ours.widest > 4 * 65536,
			 "from %s, %s: the buffer has grown, and the window\n", stack_name(sender), with);
}

static void stays(const char *what, bool moderate, int rcvbuf)
{
	struct run how = { .sender = KERNEL, .receiver = XTCP, .timestamps = true, .moderate = moderate,
			   .rcvbuf = rcvbuf, .octets = SHORT };
	struct result ours = run(&how);

	ksft_test_result(ours.rcvbuf == ours.rcvbuf_before && (int)ours.widest <= ours.rcvbuf, "%s\n", what);
}

/* The whole answer or nothing: the buffer and the window grow for it, before anything was read. */
static void low_mark(enum stack receiver)
{
	const struct run how = { .sender = KERNEL, .receiver = receiver, .timestamps = true, .moderate = true };
	int out, in, mark = SHORT;
	struct pollfd p;
	struct router r;
	long sent = 0;
	ssize_t n;

	make_network(&r, &how);
	open_ends(&r, &how, &out, &in);
	must(!setsockopt(in, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark)), "SO_RCVLOWAT");
	while (sent < SHORT) {
		p = (struct pollfd){ .fd = out, .events = POLLOUT };
		must(poll(&p, 1, STACK_DEADLINE_MS) > 0, "nothing moves");
		n = send(out, piece, SHORT - sent < PIECE ? SHORT - sent : PIECE, MSG_NOSIGNAL);
		must(n > 0, "send");
		sent += n;
	}
	p = (struct pollfd){ .fd = in, .events = POLLIN };
	must(poll(&p, 1, STACK_DEADLINE_MS) > 0, "nobody is told");
	for (sent = 0; (n = recv(in, piece, PIECE, 0)) > 0; sent += n)
		;
	ksft_test_result(sent == SHORT, "%s: a reader with SO_RCVLOWAT is told when all of it is there\n",
			 stack_name(receiver));
	close_each(out, in);
	router_close(&r);
}

int main(void)
{
	test_begin(4 * 3 + 2 + stack_count());
	fills_the_path(KERNEL, true);
	fills_the_path(KERNEL, false);
	fills_the_path(XTCP, true);
	fills_the_path(XTCP, false);
	stays("moderate_rcvbuf=0: the buffer stays", false, 0);
	stays("SO_RCVBUF: the buffer stays", true, 100000);
	for (enum stack stack = stack_first(); stack <= XTCP; stack++)
		low_mark(stack);
	ksft_finished();
}
