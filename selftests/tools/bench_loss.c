// SPDX-License-Identifier: GPL-2.0
/*
 * Bad networks: xtcp beside kernel TCP, in turns, in one run (`make bench`):
 *
 *	bench_loss [-k] RUNS PERCENT [NAME]...
 *		RUNS of each measure, whose medians count, with PERCENT of what is
 *		sent otherwise. NAME is one of the networks below, "fresh", "answers" or "flows";
 *		without a name all of them. -k has kernel TCP in xtcp's place: how much
 *		the figures scatter
 *
 *	a network	one stream to kernel TCP: goodput, from the open connection to the
 *			last octet; segments resent; those of them that were needless
 *	fresh		a connection of which both ends are on one stack, 100 ms and 200 Mbit/s: from
 *			connect() to the last of 20 MB
 *	answers		connections one after the other, each with a request and an answer of
 *			30 KB, with 5 % loss; the time from the request to the last octet, so
 *			a SYN-ACK that is lost does not count. 200 in a series, and ten series for
 *			each run: of one series two answers are the slowest hundredth
 *	flows		through one bottleneck: four of xtcp and four of kernel TCP, how even
 *			their shares are; four of one stack, how full it is
 *
 * Sender and receiver have a router between them (lib/router.h), each run with namespaces of its own, so that neither
 * stack remembers anything. Bundles are off. The bottleneck stands behind what loses and delays; "by a faster way" is
 * past both. A stream's connection is made while the network is calm, with its delay and its rate. Under -icount time
 * is instructions: what the host does besides has no effect, but netem draws its own random numbers. The exit status
 * says whether anything was worse than by a fiftieth, and than each of kernel TCP's own runs.
 */
#include "measure.h"
#include "router.h"
#include "test.h"

#define PORT		7000
#define RUNS_MAX	101
#define LIMIT_S		120	/* a stream that takes longer is cut off */
#define PIECE		65536
#define PACKET		1514
#define SEGMENT		1448	/* octets of text in it */
#define TCP_CONGESTION	13	/* netinet/tcp.h does not go with linux/tcp.h */

#define FRESH_KB	20000
#define LEAST_GOODPUT	0.98	/* of a full link the two use the same but for a hundredth, either way */

#define ANSWERS		200
#define SERIES		10	/* for each run */
#define SERIES_MAX	(SERIES * RUNS_MAX)
#define ANSWER		30720
#define REQUEST		100

#define FLOWS		4	/* of each stack */
#define FLOWS_S		20
#define ALONE_S		5
#define FLOWS_KBIT	40000
#define LEAST_JAIN	0.95
#define LEAST_FULL	0.95

/* A round trip of so many ms, half of them each way; the bottleneck and its queue, in packets. */
#define WAY(ms, mbit, packets) .delay_us = (ms) * 500, .rate_kbit = (mbit) * 1000, .queue = (packets) * PACKET
#define BACK(ms) .delay_us = (ms) * 500

static const struct network {
	const char *name, *what;
	int kb;			/* to send */
	struct netem forth, back;
} networks[] = {
	{ "clean", "20 ms, 50 Mbit/s", 15000, { WAY(20, 50, 83) }, { BACK(20) } },
	{ "long", "100 ms, 20 Mbit/s", 8000, { WAY(100, 20, 165) }, { BACK(100) } },
	{ "far", "100 ms, 20 Mbit/s, 0.5 % loss", 8000, { WAY(100, 20, 165), .loss = 5000 }, { BACK(100) } },
	{ "loss1", "20 ms, 20 Mbit/s, 1 % loss", 16000, { WAY(20, 20, 33), .loss = 10000 }, { BACK(20) } },
	{ "loss5", "20 ms, 20 Mbit/s, 5 % loss", 12000, { WAY(20, 20, 33), .loss = 50000 }, { BACK(20) } },
	{ "burst", "20 ms, 20 Mbit/s, bursts of loss", 24000,
		{ WAY(20, 20, 33), .burst_start = 5000, .burst_end = 500000 }, { BACK(20) } },
	{ "acks", "20 ms, 20 Mbit/s, 10 % of ACKs lost", 8000, { WAY(20, 20, 33) }, { BACK(20), .loss = 100000 } },
	{ "reorder", "20 ms, 20 Mbit/s, 5 % by a faster way", 8000,
		{ WAY(20, 20, 33), .reorder = 250000, .reorder_gap = 5 }, { BACK(20) } },
	{ "jitter", "20 ms, 20 Mbit/s, jitter 4 ms", 8000, { WAY(20, 20, 33), .jitter_ms = 4 }, { BACK(20) } },
	{ "shaken", "20 ms, jitter 4 ms, no bottleneck", 4000, { .delay_us = 10000, .jitter_ms = 4 }, { BACK(20) } },
	{ "rare", "20 ms, 50 Mbit/s, 0.1 % loss", 8000, { WAY(20, 50, 83), .loss = 1000 }, { BACK(20) } },
	{ "gusts", "20 ms, 50 Mbit/s, rare and longer bursts of loss", 8000,
		{ WAY(20, 50, 83), .burst_start = 3000, .burst_end = 300000 }, { BACK(20) } },
	{ "lan", "0.2 ms, 50 Mbit/s, 1 % loss", 10000,
		{ .delay_us = 100, .rate_kbit = 50000, .queue = 50 * PACKET, .loss = 10000 }, { .delay_us = 100 } },
	{ "near", "0.2 ms, no bottleneck, 1 % loss", 10000, { .delay_us = 100, .loss = 10000 }, { .delay_us = 100 } },
	{ "double", "20 ms, 20 Mbit/s, 1 % duplicated", 8000, { WAY(20, 20, 33), .duplicate = 10000 }, { BACK(20) } },
	/* some thirty segments are lost; see ratio_of_equal_chance() */
	{ "corrupt", "20 ms, 20 Mbit/s, 0.1 % corrupted", 48000, { WAY(20, 20, 33), .corrupt = 1000 }, { BACK(20) } },
	{ "tiny", "20 ms, 20 Mbit/s, queue of 10 packets", 12000, { WAY(20, 20, 10) }, { BACK(20) } },
	{ "satellite", "300 ms, 10 Mbit/s", 6000, { WAY(300, 10, 250) }, { BACK(300) } },
	{ "deep", "20 ms, 20 Mbit/s, queue of 1000 packets", 8000, { WAY(20, 20, 1000) }, { BACK(20) } },
	{ "mixed",
		"40 ms, 20 Mbit/s, 0.5 % lost, jitter 1 ms, 1 % by a faster way, 0.5 % duplicated, 2 % of ACKs lost",
		12000,
		{ WAY(40, 20, 66), .loss = 5000, .reorder = 10000, .jitter_ms = 1, .duplicate = 5000 },
		{ BACK(40), .loss = 20000 } },
};

#define NETWORKS ((int)(sizeof(networks) / sizeof(networks[0])))

/* A connection of which both ends are ours. */
struct stream {
	int out, in;
	long long left, received;	/* octets */
	bool ended;
};

static enum stack under_test = XTCP;
static int runs, percent;
static bool ok = true;
static char piece[PIECE];

/*
 * In small letters what one of kernel TCP's own runs did, too: of few runs chance decides. Of 5 runs of "near", "far"
 * and "gusts" the median has been 0.92x to 1.36x, and FIGURES.md says what more runs have shown.
 */
static const char *verdict(bool good, bool in_scatter)
{
	ok &= good || in_scatter;
	return good ? "ok" : in_scatter ? "worse" : "WORSE";
}

static void make_router(struct router *r)
{
	measure_must(!router_make(r, 1500, false), "namespaces");
}

/* From the sender, whose stack is @stack, to kernel TCP at the receiver. */
static void open_stream(struct stream *s, const struct router *r, enum stack stack, int listener, long long octets)
{
	*s = (struct stream){ .out = stack_connected(r->sender, stack, ROUTER_RECEIVER4, PORT), .left = octets };
	measure_must(s->out >= 0, "connect");
	s->in = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	measure_must(s->in >= 0 && !fcntl(s->out, F_SETFL, O_NONBLOCK), "accept");
}

static void close_stream(struct stream *s)
{
	close_each(s->out, s->in);
}

static void move_out(struct stream *s)
{
	ssize_t n;

	while (s->left) {
		n = send(s->out, piece, s->left < PIECE ? s->left : PIECE, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return;
		measure_must(n >= 0, "send");
		s->left -= n;
	}
	measure_must(!shutdown(s->out, SHUT_WR), "shutdown");
	s->left = -1;
}

static void move_in(struct stream *s)
{
	ssize_t n = recv(s->in, piece, PIECE, 0);

	measure_must(n >= 0 || errno == EAGAIN, "recv");
	if (n > 0)
		s->received += n;
	s->ended = !n;
}

/* Until all have ended, or until then. */
static void move_streams(struct stream *s, int n, double until)
{
	struct pollfd p[4 * FLOWS];
	int i, open = 1;

	while (open && measure_now() < until) {
		for (i = open = 0; i < n; i++) {
			p[2 * i] = (struct pollfd){ .fd = s[i].left < 0 ? -1 : s[i].out, .events = POLLOUT };
			p[2 * i + 1] = (struct pollfd){ .fd = s[i].ended ? -1 : s[i].in, .events = POLLIN };
			open += !s[i].ended;
		}
		if (open)
			poll(p, 2 * n, 1 + (until - measure_now()) * 1000);
		for (i = 0; i < n; i++) {
			if (p[2 * i].fd >= 0 && p[2 * i].revents)
				move_out(&s[i]);
			if (p[2 * i + 1].fd >= 0 && p[2 * i + 1].revents)
				move_in(&s[i]);
		}
	}
}

/* What @runs runs of one stack gave. */
struct result {
	double seconds[RUNS_MAX], spoilt[RUNS_MAX];	/* how long it took, and what came with a wrong checksum */
	double mbit[RUNS_MAX], median, least, most;
	long long resent, needless, drops;	/* of all runs */
	long long most_needless;		/* of one run */
};

/*
 * Of what was resent: what had not been dropped, which is too much if packets were corrupted; or what came to the
 * receiver twice, which is too much if the network duplicates them. The lesser one is right.
 */
static void count_segments(struct result *result, int run, const struct router *r, enum stack stack)
{
	struct counters sent, got;
	long long resent, undropped, twice, needless, drops = router_drops(r);

	if ((stack == XTCP ? counters_read_xtcp(&sent, r->sender) : counters_read_kernel(&sent, r->sender)) ||
	    counters_read_kernel(&got, r->receiver))
		measure_die("counters");
	resent = counters_get(&sent, "Tcp:RetransSegs");
	undropped = resent > drops ? resent - drops : 0;
	twice = counters_get(&got, "TcpExt:DelayedACKLost") + counters_get(&got, "TcpExt:TCPDSACKOfoSent");
	result->spoilt[run] = counters_get(&got, "Tcp:InCsumErrors");
	result->resent += resent;
	result->drops += drops;
	needless = undropped < twice ? undropped : twice;
	result->needless += needless;
	if (result->most_needless < needless)
		result->most_needless = needless;
}

static void run_stream(struct result *result, int run, const struct network *n, enum stack stack)
{
	int listener;
	struct router r;
	struct stream s;
	double begin;

	make_router(&r);
	listener = stack_listener(r.receiver, KERNEL, ROUTER_RECEIVER4, PORT, true);
	measure_must(listener >= 0 && !router_set_calm(&r, &n->forth, &n->back), "network");
	open_stream(&s, &r, stack, listener, n->kb * 10LL * percent);
	measure_must(!router_set(&r, &n->forth, &n->back), "network");
	begin = measure_now();
	move_streams(&s, 1, begin + LIMIT_S);
	result->seconds[run] = measure_now() - begin;
	result->mbit[run] = s.received * 8 / result->seconds[run] / 1e6;
	if (s.ended && !WAIT_FOR(!router_waiting(&r), STACK_DEADLINE_MS))
		measure_die("the network does not come to rest");
	count_segments(result, run, &r, stack);
	close_stream(&s);
	close(listener);
	router_close(&r);
}

static double mean_of(const double *values)
{
	double sum = 0;

	for (int i = 0; i < runs; i++)
		sum += values[i];
	return sum / runs;
}

/*
 * Where few packets are spoilt, how many it were decides about a run. So the ratio of the times that the same number
 * would have taken: by what each one more cost within the runs of a stack (analysis of covariance).
 */
static double ratio_of_equal_chance(const struct result *ours, const struct result *theirs)
{
	const struct result *both[2] = { ours, theirs };
	double covariance = 0, variance = 0, cost, off, spoilt[2], took[2];

	for (int who = 0; who < 2; who++) {
		spoilt[who] = mean_of(both[who]->spoilt);
		took[who] = mean_of(both[who]->seconds);
		for (int i = 0; i < runs; i++) {
			off = both[who]->spoilt[i] - spoilt[who];
			covariance += off * (both[who]->seconds[i] - took[who]);
			variance += off * off;
		}
	}
	cost = variance ? covariance / variance : 0;
	off = (spoilt[0] - spoilt[1]) / 2;
	return (took[1] + cost * off) / (took[0] - cost * off);
}

static void settle(struct result *result)
{
	result->median = measure_median(result->mbit, runs);
	result->least = result->mbit[0];
	result->most = result->mbit[runs - 1];
}

static void measure_network(const struct network *n)
{
	struct result ours = {}, theirs = {};
	double ratio;

	for (int i = 0; i < runs; i++) {
		run_stream(&ours, i, n, under_test);
		run_stream(&theirs, i, n, KERNEL);
	}
	settle(&ours);
	settle(&theirs);
	ratio = n->forth.corrupt ? ratio_of_equal_chance(&ours, &theirs) : ours.median / theirs.median;
	printf("%-10s %5.2fx %-5s %6.2f (%.2f-%.2f) against %6.2f (%.2f-%.2f) Mbit/s; ", n->name, ratio,
	       verdict(ratio >= LEAST_GOODPUT, ours.median >= theirs.least), ours.median, ours.least, ours.most,
	       theirs.median, theirs.least, theirs.most);
	printf("resent %lld/%lld, lost %lld/%lld, needless %lld/%lld %s\n", ours.resent, theirs.resent, ours.drops,
	       theirs.drops, ours.needless, theirs.needless,
	       verdict(ours.needless <= theirs.needless, ours.needless <= runs * theirs.most_needless));
	if (n->forth.corrupt)
		printf("%-10s as if equally many were spoilt: %.0f and %.0f in a run; %.3fx without that\n", "",
		       mean_of(ours.spoilt), mean_of(theirs.spoilt), ours.median / theirs.median);
	measure_record(n->name, "Mbit/s", ratio, ours.median, theirs.median);
	fflush(stdout);
}

/* ms from connect() to the last octet of a connection whose both ends are on @stack. */
static double run_fresh(enum stack stack)
{
	static const struct netem forth = { WAY(100, 200, 1650) }, back = { BACK(100) };
	struct router r;
	struct stream s;
	int listener;
	double begin;

	make_router(&r);
	listener = stack_listener(r.receiver, stack, ROUTER_RECEIVER4, PORT, true);
	measure_must(listener >= 0 && !router_set(&r, &forth, &back), "network");
	begin = measure_now();
	open_stream(&s, &r, stack, listener, FRESH_KB * 10LL * percent);
	move_streams(&s, 1, begin + LIMIT_S);
	begin = measure_now() - begin;
	close_stream(&s);
	close(listener);
	router_close(&r);
	return begin * 1000;
}

static void measure_fresh(void)
{
	double ours[RUNS_MAX], theirs[RUNS_MAX], mine, other;

	for (int i = 0; i < runs; i++) {
		ours[i] = run_fresh(under_test);
		theirs[i] = run_fresh(KERNEL);
	}
	mine = measure_median(ours, runs);
	other = measure_median(theirs, runs);
	printf("fresh      %5.2fx %-5s %.0f ms (%.0f-%.0f) against %.0f (%.0f-%.0f)\n", mine / other,
	       verdict(mine * LEAST_GOODPUT <= other, mine <= theirs[runs - 1]), mine, ours[0], ours[runs - 1], other,
	       theirs[0], theirs[runs - 1]);
	measure_record("fresh", "ms", mine / other, mine, other);
	fflush(stdout);
}

/* What @n answers take, in order of time. */
static void run_answers(double *times, int n, enum stack stack)
{
	static const struct netem forth = { WAY(20, 20, 33), .loss = 50000 }, back = { BACK(20) };
	int listener, client, server, i;
	struct router r;
	double begin;
	ssize_t got;

	make_router(&r);
	listener = stack_listener(r.sender, stack, ROUTER_SENDER4, PORT, true);
	measure_must(listener >= 0 && !router_set(&r, &forth, &back), "network");
	for (i = 0; i < n; i++) {
		client = stack_connected(r.receiver, KERNEL, ROUTER_SENDER4, PORT);
		server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		measure_must(client >= 0 && server >= 0, "connect");
		begin = measure_now();
		measure_must(send(client, piece, REQUEST, MSG_NOSIGNAL) == REQUEST &&
			     recv(server, piece, REQUEST, MSG_WAITALL) == REQUEST &&
			     send(server, piece, ANSWER, MSG_NOSIGNAL) == ANSWER, "request");
		close(server);
		while ((got = recv(client, piece, PIECE, 0)) > 0)
			;
		measure_must(got >= 0, "answer");
		times[i] = (measure_now() - begin) * 1000;
		close(client);
	}
	measure_median(times, n);
	close(listener);
	router_close(&r);
}

/* @mine and @other of all answers; in each series @ours and @theirs. */
static void report_answers(const char *what, double mine, double other, double *ours, double *theirs, int series)
{
	char name[64];

	measure_median(ours, series);
	measure_median(theirs, series);
	printf("answers    %5.2fx %-5s %s %.1f ms (%.0f-%.0f) against %.1f (%.0f-%.0f)\n", mine / other,
	       verdict(mine * LEAST_GOODPUT <= other, mine <= theirs[series - 1]), what, mine, ours[0],
	       ours[series - 1], other, theirs[0], theirs[series - 1]);
	snprintf(name, sizeof(name), "answers, %s", what);
	measure_record(name, "ms", mine / other, mine, other);
	fflush(stdout);
}

/* The slowest of a series scatters most, so it is the median of these that counts. */
static void measure_answers(void)
{
	static double all[2][ANSWERS * SERIES_MAX], half[2][SERIES_MAX], nearly[2][SERIES_MAX], worst[2][SERIES_MAX];
	int n = ANSWERS * percent / 100, series = SERIES * runs, i, who;
	double *times;

	if (n < 2)
		n = 2;
	for (i = 0; i < series; i++) {
		for (who = 0; who < 2; who++) {
			times = &all[who][i * n];
			run_answers(times, n, who ? KERNEL : under_test);
			half[who][i] = times[n / 2];
			nearly[who][i] = times[(n * 99 - 1) / 100];
			worst[who][i] = times[n - 1];
		}
	}
	n *= series;
	for (who = 0; who < 2; who++)
		measure_median(all[who], n);
	report_answers("median", all[0][n / 2], all[1][n / 2], half[0], half[1], series);
	report_answers("99 %", all[0][(n * 99 - 1) / 100], all[1][(n * 99 - 1) / 100], nearly[0], nearly[1], series);
	report_answers("worst of 200", measure_median(worst[0], series), measure_median(worst[1], series), worst[0],
		       worst[1], series);
}

/* CUBIC, where there is it; which one it is. */
static void choose_cubic(int fd, char *name, socklen_t len)
{
	if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5) && errno != ENOENT)
		measure_die("TCP_CONGESTION");
	measure_must(!getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len), "TCP_CONGESTION");
}

struct shares {
	double jain, full;	/* evenness; share of the bottleneck that is used */
	double first;		/* what the first stack has of it */
	char cong[2][16];
};

/* Flows of both, together, the first fifth of the time not counted; -1 in place of a stack: none. */
static void run_flows(struct shares *shares, int seconds, int first, int second)
{
	static const struct netem forth = { WAY(20, FLOWS_KBIT / 1000, 66) }, back = { BACK(20) };
	double got, sum = 0, squares = 0, all = seconds * percent / 100.0, warm = all / 5, begin;
	long long before[2 * FLOWS];
	struct stream s[2 * FLOWS];
	struct router r;
	int n = 0, i, listener;

	make_router(&r);
	listener = stack_listener(r.receiver, KERNEL, ROUTER_RECEIVER4, PORT, true);
	measure_must(listener >= 0 && !router_set(&r, &forth, &back), "network");
	for (i = 0; i < 2 * FLOWS; i++) {
		int stack = i % 2 ? second : first;

		if (stack < 0)
			continue;
		open_stream(&s[n], &r, stack, listener, 1LL << 40);
		choose_cubic(s[n++].out, shares->cong[i % 2], sizeof(shares->cong[0]));
	}
	begin = measure_now();
	move_streams(s, n, begin + warm);
	for (i = 0; i < n; i++)
		before[i] = s[i].received;
	move_streams(s, n, begin + all);
	shares->first = 0;
	for (i = 0; i < n; i++) {
		got = s[i].received - before[i];
		sum += got;
		squares += got * got;
		shares->first += i % 2 ? 0 : got;
		close_stream(&s[i]);
	}
	shares->first /= sum;
	shares->jain = sum * sum / n / squares;
	shares->full = sum * 8 / (all - warm) / (FLOWS_KBIT * 1000.0 * SEGMENT / PACKET);
	close(listener);
	router_close(&r);
}

/* Of all runs the median, which is said to be wrong below @least, 0: never. */
static double report_flows(const char *what, double *values, double least, const char *details)
{
	double m = measure_median(values, runs);

	printf("flows      %6.3f %-5s %s (%.3f-%.3f)%s\n", m, least ? verdict(m >= least, false) : "", what, values[0],
	       values[runs - 1], details);
	fflush(stdout);
	return m;
}

static void measure_flows(void)
{
	double jain[RUNS_MAX], share[RUNS_MAX], ours[RUNS_MAX], theirs[RUNS_MAX], among[RUNS_MAX];
	double ours_m, theirs_m;
	struct shares shares;
	char who[64];

	for (int i = 0; i < runs; i++) {
		run_flows(&shares, ALONE_S, under_test, -1);
		ours[i] = shares.full;
		run_flows(&shares, ALONE_S, KERNEL, -1);
		theirs[i] = shares.full;
		run_flows(&shares, FLOWS_S, KERNEL, KERNEL);
		among[i] = shares.jain;
		run_flows(&shares, FLOWS_S, under_test, KERNEL);
		jain[i] = shares.jain;
		share[i] = shares.first;
	}
	snprintf(who, sizeof(who), ", %s and %s", shares.cong[0], shares.cong[1]);
	ours_m = report_flows("Jain's index of 4 and 4", jain, LEAST_JAIN, who);
	theirs_m = report_flows("  that of 8 of kernel TCP's", among, 0, "");
	measure_record("flows, Jain's index of 4 and 4", "of 1", ours_m / theirs_m, ours_m, theirs_m);
	ours_m = report_flows("  what the first 4 have of it", share, 0, "");
	measure_record("flows, what the first 4 have", "of 1", ours_m / (1 - ours_m), ours_m, 1 - ours_m);
	ours_m = report_flows("4 alone: how full", ours, LEAST_FULL, "");
	theirs_m = report_flows("  kernel TCP's 4", theirs, 0, "");
	measure_record("flows, 4 alone: how full", "of 1", ours_m / theirs_m, ours_m, theirs_m);
}

/* True if it is one of the names, or there are none. */
static bool wanted(const char *name, char **names, int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(name, names[i]))
			return true;
	return !n;
}

static bool known(char *name)
{
	for (int i = 0; i < NETWORKS; i++)
		if (!strcmp(name, networks[i].name))
			return true;
	return wanted(name, (char *[]){ "fresh", "answers", "flows" }, 3);
}

static void measure(char **names, int n)
{
	printf("# %s against kernel TCP: median (least-most) of %d runs; segments: the sum of them, of both\n",
	       stack_name(under_test), runs);
	for (int i = 0; i < NETWORKS; i++) {
		if (!wanted(networks[i].name, names, n))
			continue;
		printf("# %s: %s, %d KB\n", networks[i].name, networks[i].what, networks[i].kb * percent / 100);
		measure_network(&networks[i]);
	}
	if (wanted("fresh", names, n))
		measure_fresh();
	if (wanted("answers", names, n))
		measure_answers();
	if (wanted("flows", names, n))
		measure_flows();
}

int main(int argc, char **argv)
{
	int first = 1, i;

	if (argc > 1 && !strcmp(argv[1], "-k")) {
		under_test = KERNEL;
		first++;
	}
	if (argc >= first + 2) {
		runs = atoi(argv[first]);
		percent = atoi(argv[first + 1]);
	}
	for (i = first + 2; i < argc; i++)
		if (!known(argv[i]))
			runs = 0;
	measure_begin(runs >= 1 && runs <= RUNS_MAX && percent >= 1 && percent <= 100, "see the head of bench_loss.c");
	measure(argv + first + 2, argc - first - 2);
	measure_end();
	return ok ? 0 : 1;
}
