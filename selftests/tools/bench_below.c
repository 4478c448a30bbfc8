// SPDX-License-Identifier: GPL-2.0
/*
 * What of a fast flow stands below TCP (`make bench`):
 *
 *	bench_below SECONDS
 *		one flow through 1 Gbit/s and 100 ms, of each stack: how much the link carries, and what stands in the
 *		sender's qdisc and device, in memory of skbs, which is more than their text. Once the sender's own
 *		device is what limits, with a qdisc that takes all, and once a router. Bound: 2 MiB, at each look
 *
 * The round trip is a router's, so it is not counted. The receiver is kernel TCP; bundles are on. The first three
 * seconds do not count.
 */
#include <linux/sock_diag.h>
#include "lib/measure.h"
#include "lib/router.h"
#include "lib/test.h"

#define PORT		7130
#define KBIT		1000000
#define WAY_US		50000
#define QUEUE		(64 << 20)	/* takes all that TCP gives it */
#define ROUTER_QUEUE	(12 << 20)	/* a round trip */
#define BUFFERS		"4096 131072 67108864"
#define SETTLED_MS	3000
#define LOOK_MS		2
#define LOOKS_MAX	20000
#define MOST_MIB	2.0
#define MIB		1048576.0

static char piece[262144];

/* Octets of memory of what was handed to IP and is not freed yet. */
static double below(int fd)
{
	unsigned int words[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(words);

	measure_must(!getsockopt(fd, SOL_SOCKET, SO_MEMINFO, words, &len), "SO_MEMINFO");
	return words[SK_MEMINFO_WMEM_ALLOC];
}

static void set_buffers(const struct router *r)
{
	measure_must(!ns_sysctl_set(r->sender, "net.xtcp.wmem", BUFFERS) &&
		     !ns_sysctl_set(r->sender, "net.ipv4.tcp_wmem", BUFFERS) &&
		     !ns_sysctl_set(r->receiver, "net.ipv4.tcp_rmem", BUFFERS), "buffers");
}

static void set_path(const struct router *r, bool at_router)
{
	const struct netem delay = { .delay_us = WAY_US };
	const struct netem limited = { .delay_us = WAY_US, .rate_kbit = KBIT, .queue = ROUTER_QUEUE };
	const struct netem device = { .rate_kbit = KBIT, .queue = QUEUE };

	measure_must(!router_set(r, at_router ? &limited : &delay, &delay) &&
		     !(!at_router && netem_set(r->sender, ROUTER_NEAR, &device)), "netem");
}

static bool run(enum stack stack, bool at_router, int seconds)
{
	static double looks[LOOKS_MAX];
	struct router r;
	long long begin, now, next = SETTLED_MS, received = 0;
	int listener, out, in, n = 0;
	struct pollfd fds[2];
	ssize_t got;
	bool kept;

	measure_must(!router_make(&r, 1500, true), "router");
	set_buffers(&r);
	set_path(&r, at_router);
	listener = stack_listener(r.receiver, KERNEL, ROUTER_RECEIVER4, PORT, true);
	out = stack_connected(r.sender, stack, ROUTER_RECEIVER4, PORT);
	measure_must(listener >= 0 && out >= 0, "connect");
	in = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	measure_must(in >= 0 && !fcntl(out, F_SETFL, O_NONBLOCK), "accept");
	fds[0] = (struct pollfd){ .fd = out, .events = POLLOUT };
	fds[1] = (struct pollfd){ .fd = in, .events = POLLIN };
	begin = wait_now_ms();
	while ((now = wait_now_ms() - begin) < SETTLED_MS + seconds * 1000) {
		poll(fds, 2, LOOK_MS);
		send(out, piece, sizeof(piece), MSG_NOSIGNAL);
		/* nobody looks at it, so it is not copied */
		while ((got = recv(in, NULL, sizeof(piece), MSG_TRUNC)) > 0)
			received += now >= SETTLED_MS ? got : 0;
		if (now >= next && n < LOOKS_MAX) {
			looks[n++] = below(out) / MIB;
			next = now + LOOK_MS;
		}
	}
	measure_must(n, "looks");
	/* sorts them */
	measure_median(looks, n);
	kept = stack != XTCP || looks[n - 1] <= MOST_MIB;
	printf("%-12s %s: %.0f Mbit/s; below TCP stand %.2f MiB in the median, %.2f at most, of %d looks%s\n",
	       stack_name(stack), at_router ? "a router limits" : "its device limits",
	       received * 8.0 / 1000000 / seconds, looks[n / 2], looks[n - 1], n, kept ? "" : " NOT KEPT");
	fflush(stdout);
	if (stack == XTCP)
		measure_record(at_router ? "below TCP, a router limits" : "below TCP, the device limits", "MiB",
			       looks[n - 1] / MOST_MIB, looks[n - 1], MOST_MIB);
	/* what it has written would stay for minutes, and be memory pressure to the next */
	setsockopt(out, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
	close_each(out, in, listener);
	router_close(&r);
	return kept;
}

int main(int argc, char **argv)
{
	int seconds = argc == 2 ? atoi(argv[1]) : 0;
	bool kept = true;

	measure_begin(seconds >= 1, "bench_below SECONDS");
	kept &= run(XTCP, false, seconds);
	run(KERNEL, false, seconds);
	kept &= run(XTCP, true, seconds);
	run(KERNEL, true, seconds);
	return kept ? 0 : 1;
}
