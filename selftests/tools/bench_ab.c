// SPDX-License-Identifier: GPL-2.0
/*
 * One side of `make ab`, in virtual time:
 *
 *	bench_ab [-x] FIRST COUNT SIDE NETWORK... [-- SIDE NETWORK...]...
 *		COUNT rounds through each network, the first of which has the number FIRST. SIDE is STACK:ALGORITHM,
 *		where STACK is xtcp, xtcp_b or kernel; for a network that two share SIDE/SIDE. -x: the receiver is
 *		xtcp, and not kernel TCP
 *	bench_ab -n
 *		each network in a line: its name, what it is, of which kind
 *
 *	stream	one stream of 8 s from connect() on
 *		goodput: octets that were received, % of what the link carries
 *		queue: how long a packet would have waited before the bottleneck, ms; the mean of looks 10 ms apart
 *		resent: octets that were resent, % of those received
 *		needless: octets that the receiver had already, % of those received
 *	short	transfers one after the other, from connect() to the last octet, ms: the mean of those of one size
 *	beside	two streams that begin together, for 20 s: share: what the first one got of what both got, %
 *
 * Prints a line for each value: "ab ROUND NETWORK MEASURE VALUE". A round has namespaces of its own. The number of the
 * round decides by how much rate, delay and queue differ from the network's, up to a tenth each. So the path is the
 * same for each side. The machine's seed decides which packets are lost. The router is lib/router.h; bundles are off.
 * XTCP_KO and XTCP_B_KO name the modules.
 */
#include "lib/contest.h"
#include "lib/measure.h"
#include "lib/test.h"

#define PORT		5391
#define PACKET		1514
#define TEXT		1448
#define STREAM_MS	8000
#define BESIDE_MS	20000
#define TURN_MS		2
#define LOOK_MS		10
#define LIMIT_MS	60000	/* a transfer that takes longer is an error */
#define TENTH		0.1

enum kind { STREAM, SHORT, BESIDE };

static const char * const kind_name[] = { "stream", "short", "beside" };

/* 40 ms, half of them each way; the queue in packets. */
#define WAY(mbit, packets) .delay_us = 20000, .rate_kbit = (mbit) * 1000, .queue = (packets) * PACKET

static const struct network {
	const char *name, *what;
	enum kind kind;
	struct netem forth;
} networks[] = {
	{ "clean", "50 Mbit/s, 40 ms, a queue of a round trip", STREAM, { WAY(50, 165) } },
	{ "rare", "50 Mbit/s, 40 ms, 0.1 % lost", STREAM, { WAY(50, 165), .loss = 1000 } },
	{ "loss", "50 Mbit/s, 40 ms, 1 % lost", STREAM, { WAY(50, 165), .loss = 10000 } },
	{ "bursts", "50 Mbit/s, 40 ms, bursts of loss", STREAM,
		{ WAY(50, 165), .burst_start = 1000, .burst_end = 300000 } },
	{ "jitter", "20 Mbit/s, 40 ms, jitter of 4 ms that reorders", STREAM, { WAY(20, 66), .jitter_ms = 4 } },
	{ "shallow", "50 Mbit/s, 40 ms, a queue of 16 packets", STREAM, { WAY(50, 16) } },
	{ "codel", "50 Mbit/s, 40 ms, fq_codel", STREAM, { WAY(50, 1000), .codel = true } },
	{ "short", "transfers of 10, 100 and 600 KB, 50 Mbit/s, 40 ms", SHORT, { WAY(50, 165) } },
	{ "shortloss", "transfers of 10, 100 and 600 KB, 50 Mbit/s, 40 ms, 1 % lost", SHORT,
		{ WAY(50, 165), .loss = 10000 } },
	{ "beside", "two streams, 20 Mbit/s, 40 ms, a queue of a round trip", BESIDE, { WAY(20, 66) } },
};

#define NETWORKS ((int)(sizeof(networks) / sizeof(networks[0])))

static const struct {
	const char *name;
	int kb, times;
} sizes[] = { { "10KB", 10, 12 }, { "100KB", 100, 8 }, { "600KB", 600, 4 } };

#define SIZES ((int)(sizeof(sizes) / sizeof(sizes[0])))

static struct contestant sides[2];
static int streams;			/* how many sides there are */
static enum stack receiver = KERNEL;
static char piece[65536];

/* A number from -1 to 1 that follows from @n (splitmix64). */
static double draw(uint64_t n)
{
	n *= 0x9e3779b97f4a7c15ull;
	n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9ull;
	n = (n ^ n >> 27) * 0x94d049bb133111ebull;
	return (n ^ n >> 31) / (double)UINT64_MAX * 2 - 1;
}

static int about(int value, uint64_t n)
{
	return value * (1 + TENTH * draw(n)) + 0.5;
}

/* The path of that round, and what its receiver listens with. */
static struct netem make_path(struct router *r, const struct network *n, int round, int *listener)
{
	uint64_t which = ((uint64_t)round * NETWORKS + (n - networks) + 1) * 4;
	struct netem forth = n->forth, back;

	forth.rate_kbit = about(forth.rate_kbit, which);
	forth.delay_us = about(forth.delay_us, which + 1);
	forth.queue = about(forth.queue, which + 2);
	back = (struct netem){ .delay_us = forth.delay_us };
	measure_must(!router_make(r, 1500, false) && !router_set(r, &forth, &back), "network");
	*listener = stack_listener(r->receiver, receiver, ROUTER_RECEIVER4, PORT, true);
	measure_must(*listener >= 0, "listen");
	return forth;
}

static void enter(const struct router *r, struct contestant *c, int listener)
{
	measure_must(!contest_enter(r, c, listener, PORT), c->algorithm);
}

static void leave(struct contestant *c)
{
	stack_reset_at_close(c->out);
	close_each(c->out, c->in);
}

static void say(int round, const struct network *n, const char *measure, double value)
{
	printf("ab %d %s %s %.6g\n", round, n->name, measure, value);
}

/*
 * Sends and receives as fast as the streams go, until @until. Returns the mean of what waited before the bottleneck, in
 * octets. A call costs the machine more than a packet does, so this serves the streams only each TURN_MS, which is
 * short compared with a round trip. The stream that sends first finds more room, so they take turns in being the first.
 */
static double run(const struct router *r, struct contestant *all, int n, int turn, long long until)
{
	long long now, next = 0, looks = 0;
	struct contestant *c;
	double waited = 0;
	int i, got;

	while ((now = wait_now_ms()) < until) {
		for (turn++, i = 0; i < n; i++) {
			c = &all[(i + turn) % n];
			while (send(c->out, piece, sizeof(piece), MSG_NOSIGNAL) == sizeof(piece))
				;
			got = recv(c->in, piece, sizeof(piece), 0);
			c->received += got > 0 ? got : 0;
		}
		if (now >= next) {
			waited += netem_queued(r->router, ROUTER_FAR);
			next = now + LOOK_MS;
			looks++;
		}
		nanosleep(&(struct timespec){ .tv_nsec = TURN_MS * 1000000 }, NULL);
	}
	return looks ? waited / looks : 0;
}

/* Segments that the receiver had already when they came. */
static long long came_twice(const struct router *r)
{
	struct counters c;

	if (receiver == KERNEL ? counters_read_kernel(&c, r->receiver) : counters_read_xtcp(&c, r->receiver))
		measure_die("counters");
	return counters_get(&c, "TcpExt:DelayedACKLost") + counters_get(&c, "TcpExt:TCPDSACKOfoSent");
}

static void play_stream(const struct network *n, int round)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	struct contestant *c = &sides[0];
	long long begin = wait_now_ms();
	struct router r;
	double waited;
	int listener;
	struct netem forth = make_path(&r, n, round, &listener);

	begin = wait_now_ms();
	enter(&r, c, listener);
	waited = run(&r, c, 1, 0, begin + STREAM_MS);
	measure_must(!getsockopt(c->out, IPPROTO_TCP, TCP_INFO, &info, &len), "TCP_INFO");
	measure_must(c->received, "nothing arrived");
	say(round, n, "goodput", c->received * 8.0 / STREAM_MS / forth.rate_kbit / TEXT * PACKET * 100);
	say(round, n, "queue", waited * 8 / forth.rate_kbit);
	say(round, n, "resent", info.tcpi_bytes_retrans * 100.0 / c->received);
	say(round, n, "needless", came_twice(&r) * 100.0 * TEXT / c->received);
	leave(c);
	close(listener);
	router_close(&r);
}

static double transfer(const struct router *r, int listener, long long left)
{
	struct contestant *c = &sides[0];
	double begin = measure_now();
	long long until = wait_now_ms() + LIMIT_MS, total = left;
	struct pollfd fds[2];
	ssize_t n;

	enter(r, c, listener);
	while (c->received < total) {
		fds[0] = (struct pollfd){ .fd = left ? c->out : -1, .events = POLLOUT };
		fds[1] = (struct pollfd){ .fd = c->in, .events = POLLIN };
		poll(fds, 2, LIMIT_MS);
		if (left) {
			n = send(c->out, piece, left < (int)sizeof(piece) ? left : (int)sizeof(piece), MSG_NOSIGNAL);
			left -= n > 0 ? n : 0;
		}
		while ((n = recv(c->in, piece, sizeof(piece), 0)) > 0)
			c->received += n;
		measure_must(n && wait_now_ms() <= until, "a transfer");
	}
	begin = measure_now() - begin;
	leave(c);
	return begin * 1000;
}

static void play_short(const struct network *n, int round)
{
	struct router r;
	int listener, i, k;
	double ms;

	make_path(&r, n, round, &listener);
	for (i = 0; i < SIZES; i++) {
		for (ms = 0, k = 0; k < sizes[i].times; k++)
			ms += transfer(&r, listener, sizes[i].kb * 1000);
		say(round, n, sizes[i].name, ms / sizes[i].times);
	}
	close(listener);
	router_close(&r);
}

/* Who connects first, and who sends first, changes from round to round. */
static void play_beside(const struct network *n, int round)
{
	struct router r;
	int listener;

	make_path(&r, n, round, &listener);
	enter(&r, &sides[round % 2], listener);
	enter(&r, &sides[1 - round % 2], listener);
	run(&r, sides, 2, round, wait_now_ms() + BESIDE_MS);
	say(round, n, "share", sides[0].received * 100.0 / (sides[0].received + sides[1].received));
	leave(&sides[0]);
	leave(&sides[1]);
	close(listener);
	router_close(&r);
}

static void play(const struct network *n, int first, int count)
{
	void (*const plays[])(const struct network *n, int round) = {
		[STREAM] = play_stream, [SHORT] = play_short, [BESIDE] = play_beside,
	};

	measure_must(streams == (n->kind == BESIDE ? 2 : 1), "not so many sides");
	for (int round = first; round < first + count; round++) {
		plays[n->kind](n, round);
		fflush(stdout);
	}
}

/* STACK:ALGORITHM; a module that it needs is loaded. */
static bool read_side(struct contestant *c, char *word)
{
	char *colon = strchr(word, ':');

	if (!colon)
		return false;
	*colon = 0;
	c->algorithm = colon + 1;
	if (!strcmp(word, "kernel"))
		c->stack = KERNEL;
	else if (!strcmp(word, "xtcp"))
		c->stack = XTCP;
	else if (!strcmp(word, MODULE_SECOND))
		c->stack = SECOND;
	else
		return false;
	if (c->stack == SECOND && !module_second_is_loaded() && module_second_load(""))
		measure_die(MODULE_SECOND);
	return true;
}

static bool read_sides(char *word)
{
	char *slash = strchr(word, '/');

	if (slash)
		*slash++ = 0;
	streams = slash ? 2 : 1;
	return read_side(&sides[0], word) && (!slash || read_side(&sides[1], slash));
}

int main(int argc, char **argv)
{
	int i, k, first, count, played;

	if (argc == 2 && !strcmp(argv[1], "-n")) {
		for (i = 0; i < NETWORKS; i++)
			printf("%s\t%s\t%s\n", networks[i].name, kind_name[networks[i].kind], networks[i].what);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "-x")) {
		receiver = XTCP;
		argc--;
		argv++;
	}
	first = argc > 4 ? atoi(argv[1]) : -1;
	count = argc > 4 ? atoi(argv[2]) : 0;
	measure_begin(first >= 0 && count >= 1,
		      "bench_ab [-x] FIRST COUNT SIDE[/SIDE] NETWORK... [-- ...]; bench_ab -n");
	measure_must(read_sides(argv[3]), "no such side");
	for (k = 4; k < argc; k++) {
		if (!strcmp(argv[k], "--") && k + 1 < argc && read_sides(argv[++k]))
			continue;
		for (played = i = 0; i < NETWORKS; i++)
			if (!strcmp(argv[k], networks[i].name)) {
				play(&networks[i], first, count);
				played++;
			}
		measure_must(played, "no such network, or side");
	}
	return 0;
}
