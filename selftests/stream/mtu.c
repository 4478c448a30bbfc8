// SPDX-License-Identifier: GPL-2.0
/*
 * The MTU of both ends changes under live connections that send in both directions: the MSS
 * follows it down and up again, whatever is in flight in segments that do not pass any more, and
 * every octet arrives. All pairings of the stacks, over both IPs, at once.
 */
#include "lib/test.h"

#define PORT		5300
#define PAIRINGS	8
#define ENDS		(2 * PAIRINGS)
#define DELAY_MS	100
#define IN_FLIGHT	4		/* segments, at the least, when the MTU falls */
#define ENDLESS		1000000000000LL	/* octets: until stop() */

/* An end of a connection and how it stands. */
struct end {
	enum stack stack;
	bool v6;
	char name[80];
};

static struct ns_pair net;
static struct end ends[ENDS];
static struct flow flows[ENDS];

static void set_mtu(unsigned int mtu)
{
	must(!ns_link_mtu(net.a, "veth0", mtu) && !ns_link_mtu(net.b, "veth0", mtu), "MTU");
}

static struct tcp_info info(int i)
{
	return info_of(flows[i].fd);
}

/* Headers of IP and TCP, and timestamps. */
static unsigned int mss_for(const struct end *end, unsigned int mtu)
{
	return mtu - (end->v6 ? 60 : 40) - 12;
}

/* All connections, the network as it is now. */
static void open_all(void)
{
	int i, client, server;

	for (i = 0; i < PAIRINGS; i++) {
		struct end *c = &ends[2 * i], *s = c + 1;

		c->stack = i & 1 ? XTCP : KERNEL;
		s->stack = i & 2 ? XTCP : KERNEL;
		c->v6 = i & 4;
		s->v6 = c->v6;
		snprintf(c->name, sizeof(c->name), "%s, client of %s, IPv%c", stack_name(c->stack),
			 stack_name(s->stack), c->v6 ? '6' : '4');
		snprintf(s->name, sizeof(s->name), "%s, server of %s, IPv%c", stack_name(s->stack),
			 stack_name(c->stack), c->v6 ? '6' : '4');
		stack_pair_or_die(net.a, c->stack, net.b, s->stack, c->v6 ? NS_B6 : NS_B4, PORT + i, &client, &server);
		flow_pair(&flows[2 * i], client, ENDLESS, &flows[2 * i + 1], server, ENDLESS);
	}
}

/* Nobody sends more than was sent, and all of it must arrive. */
static void stop(void)
{
	for (int i = 0; i < ENDS; i++) {
		flows[i].send = flows[i].sent;
		flows[i ^ 1].receive = flows[i].sent;
	}
}

static void close_all(void)
{
	for (int i = 0; i < ENDS; i++)
		close(flows[i].fd);
}

/* Changes the MTU, and lets the connections go on until each end's MSS is the one for it. */
static void follow(unsigned int mtu, const char *how)
{
	bool reached[ENDS] = { false };
	long long end = wait_now_ms() + STACK_DEADLINE_MS;
	int i, missing = ENDS;

	set_mtu(mtu);
	while (missing && wait_now_ms() < end) {
		if (flow_step(flows, ENDS, 100) < 0)
			break;
		for (missing = 0, i = 0; i < ENDS; i++) {
			reached[i] = info(i).tcpi_snd_mss == mss_for(&ends[i], mtu);
			missing += !reached[i];
		}
	}
	for (i = 0; i < ENDS; i++) {
		if (!reached[i])
			ksft_print_msg("MSS %u, not %u\n", info(i).tcpi_snd_mss, mss_for(&ends[i], mtu));
		ksft_test_result(reached[i], "%s: MTU %s %u\n", ends[i].name, how, mtu);
	}
}

static void arrive(const char *what)
{
	stop();
	flow_run(flows, ENDS, STACK_DEADLINE_MS);
	flow_explain(flows, ENDS);
	for (int i = 0; i < ENDS; i++)
		ksft_test_result(!flows[i].wrong, "%s: %s\n", ends[i].name, what);
}

static void follows_the_device(void)
{
	set_mtu(9000);
	open_all();
	follow(9000, "is");
	follow(1500, "falls to");
	follow(1300, "falls to");
	follow(1500, "rises to");
	follow(9000, "rises to");
	arrive("every octet arrives");
	close_all();
}

static bool all_in_flight(void)
{
	must(flow_step(flows, ENDS, 10) >= 0, "flows");
	for (int i = 0; i < ENDS; i++)
		if (info(i).tcpi_unacked < IN_FLIGHT)
			return false;
	return true;
}

/* netem holds segments that the other end's device will refuse by then. */
static void falls_with_a_window_in_flight(void)
{
	/* as long as a slow machine takes from a look at all ends to the new MTU */
	const struct netem slow = { .delay_ms = release_is_debug() ? 5 * DELAY_MS : DELAY_MS };
	long long began;

	set_mtu(1500);
	must(!ns_link_gso_max_segs(net.a, "veth0", 1) && !ns_link_gso_max_segs(net.b, "veth0", 1), "gso_max_segs");
	open_all();
	must(!netem_set(net.a, "veth0", &slow) && !netem_set(net.b, "veth0", &slow), "netem");
	must(WAIT_FOR(all_in_flight(), STACK_DEADLINE_MS), "nothing is in flight");
	set_mtu(1300);
	began = wait_now_ms();
	arrive("what was in flight when the MTU fell arrives");
	ksft_print_msg("all of it %lld ms later\n", wait_now_ms() - began);
	for (int i = 0; i < ENDS; i++)
		ksft_test_result(info(i).tcpi_total_retrans && info(i).tcpi_snd_mss == mss_for(&ends[i], 1300),
				 "%s: in smaller segments\n", ends[i].name);
	close_all();
}

int main(void)
{
	test_begin((5 + 1 + 1 + 1) * ENDS);
	must(!ns_pair_make(&net), "namespaces");
	follows_the_device();
	falls_with_a_window_in_flight();
	ksft_finished();
}
