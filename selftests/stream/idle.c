// SPDX-License-Identifier: GPL-2.0
/*
 * The congestion window after a time of silence: halved once for each retransmission timeout that it lasted, down to
 * the initial window, and left alone when slow_start_after_idle says so. On both stacks, the peer is kernel TCP. What
 * is due is computed from the RTO and the length of the pause as the stack tells them; a machine that stands still
 * makes the pause longer and the test no different.
 */
#include "lib/test.h"

#define PORT		5350
#define DELAY_MS	20
#define STREAM		1000000	/* octets */
#define WINDOW		40		/* segments that it has to make of the window */
#define INITIAL		10

static struct ns_pair net;

static void send_all(int fd, int len)
{
	bulk_send(fd, len);
	must(WAIT_FOR(!bulk_unacknowledged(fd), STACK_DEADLINE_MS), "acknowledged");
}

static unsigned int due(const struct tcp_info *before, unsigned int idle_ms)
{
	unsigned int cwnd = before->tcpi_snd_cwnd, rto_ms = before->tcpi_rto / 1000;

	for (; idle_ms > rto_ms && cwnd > INITIAL; idle_ms -= rto_ms)
		cwnd /= 2;
	return cwnd > INITIAL ? cwnd : before->tcpi_snd_cwnd < INITIAL ? before->tcpi_snd_cwnd : INITIAL;
}

/* Silence of @tenths of an RTO, then one octet. */
static void pause_for(enum stack stack, bool v6, int tenths, bool restarts)
{
	struct tcp_info before, after;
	unsigned int shortest, longest;
	long long asked, end;
	int client, server;
	pthread_t thread;

	stack_pair_or_die(net.a, stack, net.b, KERNEL, v6 ? NS_B6 : NS_B4, PORT, &client, &server);
	must(!pthread_create(&thread, NULL, bulk_swallow, &server), "thread");
	send_all(client, STREAM);
	end = wait_now_ms() + STACK_DEADLINE_MS;
	while (info_of(client).tcpi_snd_cwnd < WINDOW && wait_now_ms() < end)
		send_all(client, STREAM);
	before = info_of(client);
	wait_until_ms(wait_now_ms() + before.tcpi_rto / 1000 * tenths / 10 - before.tcpi_last_data_sent);
	asked = wait_now_ms();
	before = info_of(client);
	must(send(client, "", 1, 0) == 1, "send");
	after = info_of(client);
	/* some ms of rounding, the send itself included */
	shortest = due(&before, before.tcpi_last_data_sent);
	longest = due(&before, before.tcpi_last_data_sent + wait_now_ms() - asked + 10);
	if (!restarts) {
		shortest = before.tcpi_snd_cwnd;
		longest = shortest;
	}
	if (before.tcpi_snd_cwnd < WINDOW || after.tcpi_snd_cwnd < longest || after.tcpi_snd_cwnd > shortest)
		ksft_print_msg("window %u, %u ms of silence, RTO %u ms: %u to %u are due, is %u\n",
			       before.tcpi_snd_cwnd, before.tcpi_last_data_sent, before.tcpi_rto / 1000, longest,
			       shortest, after.tcpi_snd_cwnd);
	ksft_test_result(before.tcpi_snd_cwnd >= WINDOW && after.tcpi_snd_cwnd >= longest &&
			 after.tcpi_snd_cwnd <= shortest, "%s, IPv%c: %d.%d RTO of silence%s\n", stack_name(stack),
			 v6 ? '6' : '4', tenths / 10, tenths % 10, restarts ? "" : ", slow_start_after_idle=0");
	shutdown(client, SHUT_WR);
	must(!pthread_join(thread, NULL), "thread");
	close_each(client, server);
}

static void each(bool restarts)
{
	static const int tenths[] = { 5, 15, 25, 35, 95 };

	for (unsigned int i = 0; i < sizeof(tenths) / sizeof(*tenths); i++)
		for (enum stack stack = stack_first(); stack <= XTCP; stack++)
			pause_for(stack, i & 1, tenths[i], restarts);
}

int main(void)
{
	const struct netem slow = { .delay_ms = DELAY_MS };

	test_begin(stack_count() * 5 * 2);
	must(!ns_pair_make(&net), "namespaces");
	must(!netem_set(net.b, "veth0", &slow), "netem");
	each(true);
	must(!ns_sysctl_set(net.a, "net.ipv4.tcp_slow_start_after_idle", "0") &&
	     !ns_sysctl_set(net.a, "net.xtcp.slow_start_after_idle", "0"), "sysctl");
	each(false);
	ksft_finished();
}
