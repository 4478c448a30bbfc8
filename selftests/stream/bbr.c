// SPDX-License-Identifier: GPL-2.0
/*
 * BBR on a bad network: random loss does not slow it down as it does CUBIC, a deep queue stays short, and two flows of
 * it beside two of CUBIC leave these their part. Beside kernel TCP's own bbr, where the kernel has it. The peer is
 * kernel TCP, behind a router; bundles are off.
 */
#include <fcntl.h>
#include <kselftest.h>
#include <linux/inet_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/info.h"
#include "lib/must.h"
#include "lib/router.h"
#include "lib/stack.h"
#include "lib/wait.h"

#define PORT		5390
#define PACKET		1514
#define FLOWS		4
#define LOSS_MS		3000		/* a stream with losses lasts so long */
#define QUEUE_MS	3000
#define SHARE_MS	8000
#define MBIT		40
#define RTT_US		20000
#define SETTLED_MS	1500		/* what the first slow start has left is gone */

struct flow {
	enum stack stack;
	const char *algorithm;
	int out, in;
	long long received;
};

static struct router router;
static char piece[65536];

/* A debug kernel's processor is what limits there: all is run, and the figures mean nothing. */
static bool measured(void)
{
	return access("/proc/lockdep_stats", F_OK);
}

static bool choose(int fd, const char *name)
{
	return !setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, strlen(name));
}

static bool open_flow(struct flow *f, int listener)
{
	f->received = 0;
	f->out = stack_socket(router.sender, f->stack, ROUTER_RECEIVER4);
	if (!choose(f->out, f->algorithm)) {
		close(f->out);
		return false;
	}
	must(!stack_connect(f->out, ROUTER_RECEIVER4, PORT), "connect");
	f->in = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	must(f->in >= 0 && !fcntl(f->out, F_SETFL, O_NONBLOCK), "accept");
	return true;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Runs all of them for @ms. Gives the median of what the first one's round trips are longer than the path, or -1. */
static int run(struct flow *flows, int n, int ms)
{
	static int longer[20000];
	int listener = stack_listener(router.receiver, KERNEL, ROUTER_RECEIVER4, PORT, true), i, samples = 0, got;
	long long begin, now, next = 0;
	struct pollfd fds[2 * FLOWS];

	must(listener >= 0, "listener");
	for (i = 0; i < n; i++) {
		if (!open_flow(&flows[i], listener)) {
			close(listener);
			return -1;
		}
		fds[2 * i] = (struct pollfd){ .fd = flows[i].out, .events = POLLOUT };
		fds[2 * i + 1] = (struct pollfd){ .fd = flows[i].in, .events = POLLIN };
	}
	begin = wait_now_ms();
	while ((now = wait_now_ms() - begin) < ms) {
		poll(fds, 2 * n, 10);
		for (i = 0; i < n; i++) {
			send(flows[i].out, piece, sizeof(piece), MSG_NOSIGNAL);
			while ((got = recv(flows[i].in, piece, sizeof(piece), 0)) > 0)
				flows[i].received += got;
		}
		if (now >= SETTLED_MS && now >= next && samples < 20000) {
			longer[samples++] = (int)info_of(flows[0].out).tcpi_rtt - RTT_US;
			next = now + 5;
		}
	}
	for (i = 0; i < n; i++) {
		must(!setsockopt(flows[i].out, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, 8), "SO_LINGER");
		close(flows[i].out);
		close(flows[i].in);
	}
	close(listener);
	qsort(longer, samples, sizeof(*longer), compare);
	return samples ? longer[samples / 2] : 0;
}

static void set(int loss, int queue)
{
	const struct netem forth = {
		.delay_us = RTT_US / 2, .rate_kbit = MBIT * 1000, .queue = queue * PACKET, .loss = loss,
	};
	const struct netem back = { .delay_us = RTT_US / 2 };

	must(!router_set(&router, &forth, &back), "netem");
}

static double mbit(const struct flow *f, int ms)
{
	return f->received * 8.0 / 1000 / ms;
}

static void losses(void)
{
	struct flow bbr = { XTCP, "bbr" }, cubic = { XTCP, "cubic" }, theirs = { KERNEL, "bbr" };

	set(10000, 66);
	run(&bbr, 1, LOSS_MS);
	run(&cubic, 1, LOSS_MS);
	ksft_print_msg("1 %% of loss, 20 ms: bbr %.1f Mbit/s, cubic %.1f of %d\n", mbit(&bbr, LOSS_MS),
		       mbit(&cubic, LOSS_MS), MBIT);
	ksft_test_result(bbr.received && (!measured() || bbr.received > cubic.received),
			 "where segments get lost bbr carries more than cubic\n");
	/* version 1, which does not look at losses */
	if (run(&theirs, 1, LOSS_MS) >= 0)
		ksft_print_msg("kernel TCP's bbr: %.1f Mbit/s\n", mbit(&theirs, LOSS_MS));
}

/* Through a queue of a round trip, with no losses but its own. */
static void beside_theirs(void)
{
	struct flow bbr = { XTCP, "bbr" }, theirs = { KERNEL, "bbr" };

	set(0, 66);
	if (run(&theirs, 1, LOSS_MS) < 0)
		ksft_print_msg("the kernel has no bbr of its own\n");
	run(&bbr, 1, LOSS_MS);
	ksft_print_msg("bbr %.1f Mbit/s, kernel TCP's %.1f of %d\n", mbit(&bbr, LOSS_MS), mbit(&theirs, LOSS_MS), MBIT);
	ksft_test_result(bbr.received && (!measured() || mbit(&bbr, LOSS_MS) >= MBIT * 0.9),
			 "a link that bbr has to itself is full\n");
}

static void queues(void)
{
	struct flow bbr = { XTCP, "bbr" }, cubic = { XTCP, "cubic" };
	int ours, theirs;

	set(0, 1000);
	ours = run(&bbr, 1, QUEUE_MS);
	theirs = run(&cubic, 1, QUEUE_MS);
	ksft_print_msg("a deep queue: bbr has %.1f ms in it at %.1f Mbit/s, cubic %.1f ms at %.1f\n", ours / 1000.0,
		       mbit(&bbr, QUEUE_MS), theirs / 1000.0, mbit(&cubic, QUEUE_MS));
	ksft_test_result(!measured() || (ours <= 5000 && theirs >= 100000),
			 "bbr leaves the queue alone that cubic fills\n");
	ksft_test_result(bbr.received && (!measured() || mbit(&bbr, QUEUE_MS) >= MBIT * 0.9),
			 "and the link is full\n");
}

static void shares(void)
{
	struct flow flows[FLOWS] = { { XTCP, "bbr" }, { XTCP, "bbr" }, { XTCP, "cubic" }, { XTCP, "cubic" } };
	double all = 0, least = 1e9;
	int i;

	set(0, 100);
	run(flows, FLOWS, SHARE_MS);
	for (i = 0; i < FLOWS; i++) {
		all += mbit(&flows[i], SHARE_MS);
		least = mbit(&flows[i], SHARE_MS) < least ? mbit(&flows[i], SHARE_MS) : least;
	}
	ksft_print_msg("one bottleneck: bbr %.1f and %.1f, cubic %.1f and %.1f Mbit/s of %d\n",
		       mbit(&flows[0], SHARE_MS), mbit(&flows[1], SHARE_MS), mbit(&flows[2], SHARE_MS),
		       mbit(&flows[3], SHARE_MS), MBIT);
	ksft_test_result(least > 0 && (!measured() || (least >= MBIT / 10.0 && all >= MBIT * 0.9)),
			 "two of bbr and two of cubic share a bottleneck\n");
}

/* What TCP_CC_INFO tells while it runs. */
static void info(void)
{
	int listener = stack_listener(router.receiver, KERNEL, ROUTER_RECEIVER4, PORT, true), i, got;
	struct flow f = { XTCP, "bbr" };
	union tcp_cc_info cc = { 0 };
	socklen_t len = sizeof(cc);
	unsigned long long bw;
	bool ok;

	set(0, 66);
	must(listener >= 0 && open_flow(&f, listener), "bbr");
	for (i = 0; i < 300; i++) {
		send(f.out, piece, sizeof(piece), MSG_NOSIGNAL);
		while ((got = recv(f.in, piece, sizeof(piece), 0)) > 0)
			f.received += got;
		wait_until_ms(wait_now_ms() + 5);
	}
	ok = !getsockopt(f.out, IPPROTO_TCP, TCP_CC_INFO, &cc, &len) && len == sizeof(cc.bbr);
	bw = (unsigned long long)cc.bbr.bbr_bw_hi << 32 | cc.bbr.bbr_bw_lo;
	ksft_print_msg("%llu octets a second, %u us, gains %u and %u\n", bw, cc.bbr.bbr_min_rtt,
		       cc.bbr.bbr_pacing_gain, cc.bbr.bbr_cwnd_gain);
	ok &= bw && bw < MBIT * 125000 * 1.05 && cc.bbr.bbr_min_rtt >= RTT_US && cc.bbr.bbr_cwnd_gain;
	ok &= !measured() || (bw > MBIT * 125000 * 0.85 && cc.bbr.bbr_min_rtt < RTT_US * 5 / 4);
	ksft_test_result(ok, "TCP_CC_INFO tells what bbr knows\n");
	len = sizeof(cc);
	must(choose(f.out, "cubic"), "cubic");
	ksft_test_result(!getsockopt(f.out, IPPROTO_TCP, TCP_CC_INFO, &cc, &len) && !len, "cubic tells nothing\n");
	close(f.out);
	close(f.in);
	close(listener);
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(7);
	must(!router_make(&router, 1500, false), "router");
	losses();
	beside_theirs();
	queues();
	shares();
	info();
	router_close(&router);
	ksft_finished();
}
