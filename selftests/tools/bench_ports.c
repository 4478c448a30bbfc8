// SPDX-License-Identifier: GPL-2.0
/*
 * connect() without bind() as the ports run out, on xtcp and on kernel TCP (`make bench`):
 *
 *	bench_ports connect PORTS TIMES
 *		what connect() takes on average while 0, 60, 95 and 99 % of what xtcp can have of a range of
 *		PORTS are used towards one destination; on xtcp also while kernel TCP
 *		holds half of those that are used, and nine of ten: how many times that
 *		at 0 %. Under -icount time is instructions. And the longest connect() on the way there
 *	bench_ports beside PORTS
 *		connections of one stack to one destination take all that they can have of a
 *		range of PORTS; then 900 of the other stack to another destination: how many
 *		come about, and how many times what each takes when it is alone
 *	bench_ports reuse CYCLES
 *		connections to one port that the client closes, with tw_reuse: each must
 *		succeed, and each must leave a record in TIME-WAIT; what one takes
 *	bench_ports young PORTS
 *		the same, with 6/7 as many connections per second as xtcp can have: most
 *		records towards the port are too young to be replaced, also in the half of
 *		the range that connect() tries first. The average time of connect() then,
 *		and how many times that while ports are free
 *
 * The other end is kernel TCP's.
 */
#include "ends.h"
#include "measure.h"
#include "test.h"

#define FIRST_PORT	20000
#define REUSE_PORTS	20000	/* more than are used in the second that a port must rest */
#define WARM		1000	/* connections until the slabs have what they need */
#define MOST_GROWTH	1.10
#define MOST_AT_0	1.20
#define MOST_YOUNG	3.0
#define MOST_NS		300000	/* of one connect() */
#define BESIDE		900
#define MOST_BESIDE	1.50
#define YOUNG_SECONDS	4	/* in the first half of them records take all ports */
#define PORTS_MAX	30000

static const int levels[] = { 0, 60, 95, 99 };

#define LEVELS ((int)ARRAY_SIZE(levels))

static struct ns_pair pair;
static int listener;

static void start(int ports)
{
	ends_init(&pair, 2);
	listener = ends_listener(&pair, KERNEL);
	if (ns_sysctl_set(pair.a, "net.ipv4.ip_local_port_range", "%d %d", FIRST_PORT, FIRST_PORT + ports - 1))
		measure_die("sysctl");
}

static void finish(void)
{
	close(listener);
	ends_exit(&pair);
}

static void open_one(struct ends *ends, enum stack stack)
{
	const union stack_addr to = ends_server_addr(0);

	measure_must(ends_open(ends, stack, NULL, &to, listener), stack_name(stack));
}

/* Nanoseconds of a connect() that finds a port; the port is free again afterwards. */
static double connect_cost(enum stack stack, int times)
{
	double sum = 0;
	struct ends ends;

	for (int i = 0; i < times; i++) {
		open_one(&ends, stack);
		sum += ends.connecting;
		ends_abort(&ends);
	}
	return sum / times * 1e9;
}

/* Of a range of so many ports xtcp's connections to one destination can have all but what is kernel TCP's alone. */
static int had(int ports)
{
	int step = 16;

	while (step > 4 && step > ports / 1024)
		step /= 2;
	return ports < 128 ? ports : ports - (ports + step - 1) / step;
}

/* @cost[] by level. Of ten ports that are used @theirs are kernel TCP's. Return: the longest that one has taken. */
static double climb(enum stack stack, int theirs, int ports, int times, double *cost)
{
	double longest = 0;
	static struct ends used[PORTS_MAX];
	int level, n = 0, i;

	start(ports);
	connect_cost(stack, WARM);
	for (level = 0; level < LEVELS; level++) {
		for (; n < had(ports) * levels[level] / 100; n++) {
			open_one(&used[n], n % 10 < theirs ? KERNEL : stack);
			if (used[n].connecting > longest)
				longest = used[n].connecting;
		}
		cost[level] = connect_cost(stack, times);
	}
	for (i = 0; i < n; i++)
		ends_abort(&used[i]);
	finish();
	return longest * 1e9;
}

static bool report_growth(const char *what, const double *cost, double bound)
{
	char line[64];
	bool ok = true;

	for (int i = 1; i < LEVELS; i++) {
		snprintf(line, sizeof(line), "%s, %d %% used / 0 %%", what, levels[i]);
		ok &= measure_at_most(line, cost[i] / cost[0], bound, "%.0f ns against %.0f", cost[i], cost[0]);
		measure_record(line, "ns", cost[i] / cost[0], cost[i], cost[0]);
	}
	return ok;
}

static int run_connect(int ports, int times)
{
	double theirs[LEVELS], ours[LEVELS], half[LEVELS], few[LEVELS], longest;
	bool ok;

	climb(KERNEL, 10, ports, times, theirs);
	longest = climb(XTCP, 0, ports, times, ours);
	climb(XTCP, 5, ports, times, half);
	climb(XTCP, 9, ports, times, few);
	report_growth("kernel TCP", theirs, 0);
	ok = report_growth("xtcp", ours, MOST_GROWTH);
	ok &= measure_at_most("xtcp, the longest connect(), of what one may take", longest / MOST_NS, 1,
			      "%.0f ns against %d", longest, MOST_NS);
	ok &= report_growth("xtcp, half kernel TCP's", half, MOST_GROWTH);
	/* with what it takes to find out, once for each of kernel TCP's ports, that it is not to be had */
	report_growth("xtcp, 9 of 10 kernel TCP's", few, 0);
	ok &= measure_at_most("connect() at 0 %, xtcp / kernel TCP", ours[0] / theirs[0], MOST_AT_0,
			      "%.0f ns against %.0f", ours[0], theirs[0]);
	measure_record("connect() at 0 %, xtcp / kernel TCP", "ns", ours[0] / theirs[0], ours[0], theirs[0]);
	return ok ? 0 : 1;
}

/* Connections to a server until none is had, or @most. Return: how many; @cost: nanoseconds of each. */
static int take(enum stack stack, int server, struct ends *taken, int most, double *cost)
{
	const union stack_addr to = ends_server_addr(server);
	double sum = 0;
	int n;

	for (n = 0; n < most && ends_open(&taken[n], stack, NULL, &to, listener); n++)
		sum += taken[n].connecting;
	*cost = sum / (n ?: 1) * 1e9;
	return n;
}

static void give_back(struct ends *taken, int n)
{
	while (n--)
		ends_abort(&taken[n]);
}

/* What connections of @stack find beside all that @other can have; @other is @stack: beside none. */
static int take_beside(enum stack stack, enum stack other, int ports, double *cost)
{
	static struct ends all[PORTS_MAX], some[BESIDE];
	double unused;
	int n = 0, got;

	start(ports);
	connect_cost(stack, WARM);
	if (other != stack)
		n = take(other, 0, all, ports, &unused);
	got = take(stack, 1, some, BESIDE, cost);
	give_back(some, got);
	give_back(all, n);
	finish();
	return got;
}

static int run_beside(int ports)
{
	double alone, beside;
	char line[64];
	bool ok = true;
	int stack, got;

	for (stack = KERNEL; stack <= XTCP; stack++) {
		take_beside(stack, stack, ports, &alone);
		got = take_beside(stack, stack == KERNEL ? XTCP : KERNEL, ports, &beside);
		snprintf(line, sizeof(line), "%s beside the other's, %d of %d", stack_name(stack), got, BESIDE);
		ok &= got == BESIDE;
		ok &= measure_at_most(line, beside / alone, MOST_BESIDE, "%.0f ns against %.0f", beside, alone);
		measure_record(line, "ns", beside / alone, beside, alone);
	}
	return ok ? 0 : 1;
}

static long long counted(enum stack stack, const char *name)
{
	return stack_counter(pair.a, stack, name);
}

static long long entered(enum stack stack)
{
	return counted(stack, "TcpExt:TW") + counted(stack, "TcpExt:TWKilled");
}

struct reuse {
	double ns;	/* of a cycle */
	long failed;
	long long entered;
	long long recycled;
};

/* Records take each of so many ports of a client, and may be replaced. */
static void start_reuse(int ports)
{
	start(ports);
	if (ns_sysctl_set(pair.a, "net.ipv4.tcp_max_tw_buckets", "%d", 2 * REUSE_PORTS) ||
	    ns_sysctl_set(pair.a, "net.xtcp.max_tw_buckets", "%d", 2 * REUSE_PORTS) ||
	    ns_sysctl_set(pair.a, "net.ipv4.tcp_tw_reuse", "1") || ns_sysctl_set(pair.a, "net.xtcp.tw_reuse", "1"))
		measure_die("sysctl");
}

static struct reuse cycle(enum stack stack, int cycles)
{
	const union stack_addr to = ends_server_addr(0);
	struct reuse result = {};
	struct ends ends;
	double begin;

	start_reuse(REUSE_PORTS);
	begin = measure_now();
	for (int i = 0; i < cycles; i++) {
		if (!ends_open(&ends, stack, NULL, &to, listener)) {
			if (!result.failed++)
				fprintf(stderr, "bench_ports: connect() number %d of %s: %s\n", i, stack_name(stack),
					strerror(errno));
			continue;
		}
		ends_close_client_first(&ends);
	}
	result.ns = (measure_now() - begin) / cycles * 1e9;
	result.entered = entered(stack);
	result.recycled = counted(stack, "TcpExt:TWRecycled");
	finish();
	return result;
}

static int run_reuse(int cycles)
{
	struct reuse theirs = cycle(KERNEL, cycles), ours = cycle(XTCP, cycles);
	bool ok = !ours.failed && ours.entered == cycles && ours.recycled >= cycles - REUSE_PORTS;

	printf("%-44s %5ld   (of %d over %d ports; kernel TCP %ld; at most 0%s)\n", "connect() refused with tw_reuse",
	       ours.failed, cycles, REUSE_PORTS, theirs.failed, ours.failed ? ": ABOVE" : "");
	printf("%-44s %5lld   (kernel TCP %lld; each%s)\n", "cycles that entered TIME-WAIT", ours.entered,
	       theirs.entered, ours.entered != cycles ? ": BELOW" : "");
	printf("%-44s %5lld   (kernel TCP %lld; at least %d%s)\n", "of them in the place of a record", ours.recycled,
	       theirs.recycled, cycles - REUSE_PORTS, ours.recycled < cycles - REUSE_PORTS ? ": BELOW" : "");
	measure_at_most("a cycle with tw_reuse", ours.ns / theirs.ns, 0, "%.0f ns against %.0f", ours.ns, theirs.ns);
	measure_record("a cycle with tw_reuse", "ns", ours.ns / theirs.ns, ours.ns, theirs.ns);
	return ok ? 0 : 1;
}

/* Nanoseconds of a connect() while ports are free, and while records have all ports, most records too young. */
static void young(enum stack stack, int ports, double *cost)
{
	const int rate = had(ports) / 7 * 6, measured[2] = { ports / 8, rate * YOUNG_SECONDS / 2 };
	double begin, until, sum[2] = {};
	struct ends ends;

	start_reuse(ports);
	connect_cost(stack, WARM);
	begin = measure_now();
	for (int i = 0; i < rate * YOUNG_SECONDS; i++) {
		until = begin + (double)i / rate - measure_now();
		if (until > 0)
			usleep(until * 1e6);
		open_one(&ends, stack);
		if (i < measured[0])
			sum[0] += ends.connecting;
		if (i >= rate * YOUNG_SECONDS - measured[1])
			sum[1] += ends.connecting;
		ends_close_client_first(&ends);
	}
	for (int i = 0; i < 2; i++)
		cost[i] = sum[i] / measured[i] * 1e9;
	measure_must(measure_now() - begin <= 1.01 * YOUNG_SECONDS, "this machine is too slow");
	finish();
}

static int run_young(int ports)
{
	double theirs[2], ours[2];
	bool ok;

	young(KERNEL, ports, theirs);
	young(XTCP, ports, ours);
	measure_at_most("kernel TCP, most records too young / ports free", theirs[1] / theirs[0], 0,
			"%.0f ns against %.0f", theirs[1], theirs[0]);
	ok = measure_at_most("xtcp, most records too young / ports free", ours[1] / ours[0], MOST_YOUNG,
			     "%.0f ns against %.0f", ours[1], ours[0]);
	measure_record("xtcp, most records too young / ports free", "ns", ours[1] / ours[0], ours[1], ours[0]);
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	bool connect_mode = argc == 4 && !strcmp(argv[1], "connect");
	bool reuse_mode = argc == 3 && !strcmp(argv[1], "reuse"), young_mode = argc == 3 && !strcmp(argv[1], "young");
	bool beside_mode = argc == 3 && !strcmp(argv[1], "beside");
	int first = argc > 2 ? atoi(argv[2]) : 0, n = argc > 3 ? atoi(argv[3]) : 1, status;

	measure_begin((connect_mode || reuse_mode || young_mode || beside_mode) && first >= 1 && n >= 1 &&
		      (first <= PORTS_MAX || !(connect_mode || beside_mode)), "see the head of bench_ports.c");
	status = connect_mode ? run_connect(first, n) : beside_mode ? run_beside(first) :
		 young_mode ? run_young(first) : run_reuse(first);
	measure_end();
	return status;
}
