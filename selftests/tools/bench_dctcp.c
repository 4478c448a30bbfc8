// SPDX-License-Identifier: GPL-2.0
/*
 * DCTCP through a router that marks what would wait longer than 20 segments take (`make bench`):
 *
 *	bench_dctcp SECONDS
 *		how much of the link is used, and how many segments wait at it, with the echo of RFC 8257 and with
 *		AccECN; then CUBIC with ECN. Bounds for DCTCP: 0.95 of the link, 30 segments in 99 of 100 looks.
 *
 * Both ends are xtcp. A second in the beginning does not count. XTCP_KO names the module, unless it is loaded already.
 * The exit status says whether every bound was kept.
 */
#include "measure.h"
#include "router.h"
#include "test.h"

#define PORT		7110
#define PACKET		1514
#define TEXT		1448
#define MBIT		40
#define RTT_US		10000
#define MARKED		20	/* segments */
#define MOST		30
#define SETTLED_MS	1000
#define LOOK_MS		5
#define LOOKS_MAX	20000

static struct router router;

static void choose(int fd, const char *name)
{
	measure_must(!setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, strlen(name)), name);
}

static void open_pair(const char *name, int *out, int *in)
{
	int listener = stack_bound(router.receiver, XTCP, ROUTER_RECEIVER4, PORT, true);

	measure_must(listener >= 0, "listener");
	choose(listener, name);
	measure_must(!listen(listener, 8), "listen");
	*out = stack_socket(router.sender, XTCP, ROUTER_RECEIVER4);
	choose(*out, name);
	measure_must(!stack_connect(*out, ROUTER_RECEIVER4, PORT), "connect");
	*in = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	measure_must(*in >= 0 && !fcntl(*out, F_SETFL, O_NONBLOCK), "accept");
	close(listener);
}

static struct tcp_info info(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	measure_must(!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), "TCP_INFO");
	return info;
}

static unsigned int alpha(int fd)
{
	union tcp_cc_info info = { 0 };
	socklen_t len = sizeof(info);

	measure_must(!getsockopt(fd, IPPROTO_TCP, TCP_CC_INFO, &info, &len), "TCP_CC_INFO");
	return info.dctcp.dctcp_alpha;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* False when @bound and one of the bounds was not kept. */
static bool run(const char *what, const char *name, const char *ecn, int seconds, bool bound)
{
	static char piece[65536];
	static int longer[LOOKS_MAX];
	long long begin, now, next = SETTLED_MS, received = 0;
	int out, in, got, looks = 0, ms = SETTLED_MS + seconds * 1000;
	double share, median, most;
	struct pollfd fds[2];
	bool kept;

	if (ns_sysctl_set(router.sender, "net.xtcp.ecn", ecn) || ns_sysctl_set(router.receiver, "net.xtcp.ecn", ecn))
		measure_die("net.xtcp.ecn");
	open_pair(name, &out, &in);
	fds[0] = (struct pollfd){ .fd = out, .events = POLLOUT };
	fds[1] = (struct pollfd){ .fd = in, .events = POLLIN };
	begin = wait_now_ms();
	while ((now = wait_now_ms() - begin) < ms) {
		poll(fds, 2, 10);
		send(out, piece, sizeof(piece), MSG_NOSIGNAL);
		while ((got = recv(in, piece, sizeof(piece), 0)) > 0)
			received += now >= SETTLED_MS ? got : 0;
		if (now >= next && looks < LOOKS_MAX) {
			longer[looks++] = (int)info(out).tcpi_rtt - RTT_US;
			next = now + LOOK_MS;
		}
	}
	qsort(longer, looks, sizeof(*longer), compare);
	share = received * 8.0 / 1000 / (seconds * 1000) / ((double)MBIT * TEXT / PACKET);
	median = longer[looks / 2] / (PACKET * 8.0 / MBIT);
	most = longer[looks * 99 / 100] / (PACKET * 8.0 / MBIT);
	kept = !bound || (share >= 0.95 && most < MOST);
	printf("%-28s %.2f of the link, %.1f segments wait, 99 of 100 times at most %.1f; ", what, share, median, most);
	printf("%u marked, %u resent%s\n", info(out).tcpi_delivered_ce, info(out).tcpi_total_retrans,
	       kept ? "" : " NOT KEPT");
	if (!strcmp(name, "dctcp"))
		printf("%-28s alpha %u/1024 at the end\n", "", alpha(out));
	fflush(stdout);
	measure_record(what, "segments", most / MOST, most, MOST);
	close_each(out, in);
	return kept;
}

int main(int argc, char **argv)
{
	const struct netem forth = { .delay_us = RTT_US / 2, .rate_kbit = MBIT * 1000, .queue = 1000 * PACKET,
				     .mark_us = MARKED * PACKET * 8 / MBIT };
	const struct netem back = { .delay_us = RTT_US / 2 };
	bool kept = true;
	int seconds = argc == 2 ? atoi(argv[1]) : 0;

	if (seconds < 1) {
		fprintf(stderr, "Usage: bench_dctcp SECONDS\n");
		return 2;
	}
	measure_must(module_is_loaded() || !module_load(""), "module");
	measure_must(!router_make(&router, 1500, false) && !router_set(&router, &forth, &back), "router");
	kept &= run("dctcp", "dctcp", "1", seconds, true);
	kept &= run("dctcp, AccECN", "dctcp", "3", seconds, true);
	run("cubic, ECN", "cubic", "1", seconds, false);
	router_close(&router);
	return kept ? 0 : 1;
}
