// SPDX-License-Identifier: GPL-2.0
/*
 * Incast (`make bench B=incast`): many senders answer one receiver at once, and the port of the
 * switch before it has a small buffer.
 *
 *	bench_incast RUNS [KB]
 *
 * SENDERS connections lead through a link of MBIT Mbit/s that holds PACKETS packets. The receiver asks all of them
 * at once for a block, and asks again when the last octet of all blocks has come. What counts is the
 * share of the link that the text of some rounds takes; the median of RUNS. Beside it stand the share
 * that is possible if nothing is lost, and how many timeouts and tail loss probes there were. Both
 * ends have the same rto_min: of the route, which kernel TCP has, too. Both ends are on one stack.
 * The router is that of lib/router.h. KB: only with blocks of this size, which may be another one.
 *
 * It runs in the laboratory: time is virtual, and a run repeats from its seed. The exit status says whether the bounds
 * were kept: the least share that xtcp has with 5 ms.
 */
#include "measure.h"
#include "router.h"
#include "test.h"

#define PORT		7000
#define SENDERS		64
#define PACKETS		64
#define PACKET		1514
#define MBIT		100
#define SEGMENT		1448	/* octets of text in it */
#define DELAY_US	50	/* each way */
#define ROUNDS		5	/* of a run, but for the smallest blocks */
#define LIMIT_S		120	/* of a run */
#define RUNS_MAX	31

struct exchange {
	int asks, answers;	/* both ends: the receiver's, the sender's */
	long long due;		/* octets of this round that have not come */
	long long left;		/* octets of it that are not written */
};

static const struct incast {
	int kb;			/* of each block */
	double least;		/* share with the shortest rto_min; 0: no bound */
	int rounds;		/* the first few differ; then they repeat each other */
} cases[] = { { 2, 0.67, 20 }, { 8, 0.9, ROUNDS }, { 32, 0.85, ROUNDS }, { 128, 0, ROUNDS } };

static const int rto_min_ms[] = { 200, 20, 5 };
static char piece[65536];

/* The metric has to be there before the connections are. */
static void set_rto_min(const struct router *r, int ms)
{
	if (ns_shell(r->sender, "ip route replace %s via 10.9.1.2 dev %s rto_min %dms", ROUTER_RECEIVER4, ROUTER_NEAR,
		     ms) ||
	    ns_shell(r->receiver, "ip route replace %s via 10.9.2.2 dev %s rto_min %dms", ROUTER_SENDER4, ROUTER_FAR,
		     ms))
		measure_die("routes");
}

static void open_flows(struct exchange *flows, const struct router *r, enum stack stack)
{
	int listener = stack_listener(r->sender, stack, ROUTER_SENDER4, PORT, true), i;

	measure_must(listener >= 0, "listener");
	for (i = 0; i < SENDERS; i++) {
		flows[i].asks = stack_connected(r->receiver, stack, ROUTER_SENDER4, PORT);
		flows[i].answers = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (flows[i].asks < 0 || flows[i].answers < 0 || fcntl(flows[i].asks, F_SETFL, O_NONBLOCK))
			measure_die("connect");
	}
	close(listener);
}

static void ask(struct exchange *flow, int block)
{
	flow->due = block;
	measure_must(send(flow->asks, "", 1, MSG_NOSIGNAL) == 1, "request");
}

/* The request has come, or there is room for more of the answer. */
static void answer(struct exchange *flow, int block)
{
	ssize_t n;

	if (!flow->left && recv(flow->answers, piece, 1, 0) == 1)
		flow->left = block;
	while (flow->left) {
		n = send(flow->answers, piece, flow->left < (int)sizeof(piece) ? flow->left : (int)sizeof(piece),
			 MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return;
		measure_must(n >= 0, "answer");
		flow->left -= n;
	}
}

static void take(struct exchange *flow)
{
	ssize_t n = recv(flow->asks, piece, sizeof(piece), 0);

	measure_must(n && !(n < 0 && errno != EAGAIN), "recv");
	if (n > 0)
		flow->due -= n;
}

/* False if it takes too long. */
static bool play_round(struct exchange *flows, int block, double until)
{
	struct pollfd p[2 * SENDERS];
	int i, open;

	for (i = 0; i < SENDERS; i++)
		ask(&flows[i], block);
	do {
		for (i = open = 0; i < SENDERS; i++) {
			p[2 * i] = (struct pollfd){ .fd = flows[i].due ? flows[i].asks : -1, .events = POLLIN };
			p[2 * i + 1] = (struct pollfd){
				.fd = flows[i].answers, .events = flows[i].left ? POLLOUT : POLLIN
			};
			open += !!flows[i].due;
		}
		if (open)
			poll(p, 2 * SENDERS, 1000);
		for (i = 0; open && i < SENDERS; i++) {
			if (p[2 * i + 1].revents)
				answer(&flows[i], block);
			if (p[2 * i].revents)
				take(&flows[i]);
		}
	} while (open && measure_now() < until);
	return !open;
}

/* The share of the link that the text of a round has, if the round takes so many seconds. */
static double share_of(int block, double seconds)
{
	return (double)SENDERS * block * 8 / seconds / (MBIT * 1000000.0 * SEGMENT / PACKET);
}

/* The share if nothing is lost: the link is idle for one round trip, and the last segment of a block is short. */
static double possible(int block)
{
	const int segments = (block + SEGMENT - 1) / SEGMENT;
	const double octets = SENDERS * (block + (double)segments * (PACKET - SEGMENT));

	return share_of(block, octets * 8 / (MBIT * 1000000.0) + 2 * DELAY_US / 1e6);
}

/* Of the senders, in all runs. */
struct seen {
	long long timeouts, probes;
};

/* The share of the link that text has. */
static double run(enum stack stack, int rto_ms, const struct incast *incast, struct seen *seen)
{
	const struct netem forth = { .delay_us = DELAY_US, .rate_kbit = MBIT * 1000, .queue = PACKETS * PACKET };
	const struct netem back = { .delay_us = DELAY_US };
	const int block = incast->kb * 1024;
	struct exchange flows[SENDERS] = { 0 };
	struct counters counters;
	double begin, share;
	struct router r;
	int i, rounds = 0;

	measure_must(!router_make(&r, 1500, false) && !router_set(&r, &forth, &back), "network");
	set_rto_min(&r, rto_ms);
	open_flows(flows, &r, stack);
	begin = measure_now();
	while (rounds < incast->rounds && play_round(flows, block, begin + LIMIT_S))
		rounds++;
	share = rounds * share_of(block, measure_now() - begin);
	if (stack == XTCP ? counters_read_xtcp(&counters, r.sender) : counters_read_kernel(&counters, r.sender))
		measure_die("counters");
	seen->timeouts += counters_get(&counters, "TcpExt:TCPTimeouts");
	seen->probes += counters_get(&counters, "TcpExt:TCPLossProbes");
	for (i = 0; i < SENDERS; i++)
		close_each(flows[i].asks, flows[i].answers);
	router_close(&r);
	return share;
}

/* The median of @runs; a line of it. */
static double measure(enum stack stack, int rto_ms, const struct incast *incast, int runs)
{
	double shares[RUNS_MAX], median;
	struct seen seen = { 0 };

	for (int i = 0; i < runs; i++)
		shares[i] = run(stack, rto_ms, incast, &seen);
	median = measure_median(shares, runs);
	printf("incast     %5.1f %% (%.1f-%.1f) of the link, %.1f %% possible; %s, %d KB of each, rto_min %d ms; ",
	       median * 100, shares[0] * 100, shares[runs - 1] * 100, possible(incast->kb * 1024) * 100,
	       stack_name(stack), incast->kb, rto_ms);
	printf("%.1f timeouts and %.1f probes a round\n", (double)seen.timeouts / runs / incast->rounds,
	       (double)seen.probes / runs / incast->rounds);
	fflush(stdout);
	return median;
}

/* All of one link and block. False if the bound was not kept. */
static bool measure_case(const struct incast *incast, int runs)
{
	double ours = 0, theirs;
	char name[80];

	for (size_t i = 0; i < sizeof(rto_min_ms) / sizeof(*rto_min_ms); i++) {
		ours = measure(XTCP, rto_min_ms[i], incast, runs);
		theirs = measure(KERNEL, rto_min_ms[i], incast, runs);
		snprintf(name, sizeof(name), "incast, %d KB, rto_min %d ms", incast->kb, rto_min_ms[i]);
		measure_record(name, "of the link", ours / theirs, ours, theirs);
	}
	return ours >= incast->least;
}

int main(int argc, char **argv)
{
	int runs = argc > 1 ? atoi(argv[1]) : 0, kb = argc > 2 ? atoi(argv[2]) : 0;
	bool ok = true, known = false;

	measure_begin(runs >= 1 && runs <= RUNS_MAX && kb >= 0, "see the head of bench_incast.c");
	printf("# %d senders, %d Mbit/s, 0.1 ms, a buffer of %d packets\n", SENDERS, MBIT, PACKETS);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (!kb || kb == cases[i].kb) {
			ok &= measure_case(&cases[i], runs);
			known = true;
		}
	if (!known)
		measure_case(&(struct incast){ .kb = kb, .rounds = ROUNDS }, runs);
	measure_end();
	return ok ? 0 : 1;
}
