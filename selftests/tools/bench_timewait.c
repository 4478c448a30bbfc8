// SPDX-License-Identifier: GPL-2.0
/*
 * What the wait after a connection costs, on xtcp and on kernel TCP (`make bench`):
 *
 *	bench_timewait memory SERVERS CLIENTS
 *		octets of kernel memory for each record in TIME-WAIT that /proc lists:
 *		SERVERS of them at one local port; CLIENTS towards 8 destinations that
 *		share local ports; as many towards one. All that is allocated counts:
 *		slabs, tables that grow, what keeps the port
 *	bench_timewait expiry ROUNDS RECORDS
 *		the time that the end of a record takes, less that of an idle machine;
 *		the median of the rounds. Under -icount time is instructions
 *	bench_timewait room ROUNDS CONNECTIONS
 *		the time of a connection on xtcp with a request and a response, for which a record
 *		of a full table of 100 makes room, against one with room for 100,000 and the end of
 *		a record, which comes later there
 *
 * The other end is kernel TCP's. Kernel TCP's hash table is as old as the machine, so it is not in its figures.
 */
#include "ends.h"
#include "measure.h"
#include "test.h"

#define MSL2_S		60	/* 2 MSL of both stacks */
#define EARLY_S		0.5	/* how long before the first end the machine is watched */
#define LATE_S		3	/* a timer of a minute is up to 2.1 s late */
#define DESTINATIONS	8
#define FIRST_PORT	10000
#define PORTS		50000	/* for each address of a client, when it is bound */
#define WARM		200	/* a multiple of DESTINATIONS, as CLIENTS and RECORDS have to be */
#define MOST_SERVER	0.45
#define MOST_CLIENT	1.00
#define MOST_ONE	2.00
#define MOST_EXPIRY	0.50
#define MOST_ROOM	1.02
#define ROOM_FEW	100
#define ROOM_MANY	100000

enum side { SERVER, CLIENT };

/* Where the records are, how many destinations and local ports their clients have. */
struct load {
	enum side side;
	int destinations;
	int ports;
};

static struct ns_pair pair;

/* Hardly more ports than a destination needs, so all share them: every fourth is not for xtcp. */
static int shared_ports(int n)
{
	const int needed = n / DESTINATIONS;

	return (needed + needed / 3 + 2) & ~1;
}

static int records_ns(const struct load *load)
{
	return load->side == SERVER ? pair.b : pair.a;
}

/* How many are listed; line by line, since there are megabytes of them. */
static int count_records(void *path)
{
	FILE *file = fopen(path, "re");
	unsigned int state;
	char line[512];
	int n = 0;

	measure_must(file, path);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " %*d: %*x:%*x %*x:%*x %x", &state) == 1 && state == 6)
			n++;
	fclose(file);
	return n;
}

static int records(const struct load *load, enum stack stack)
{
	return ns_call(records_ns(load), count_records, stack == XTCP ? "/proc/net/xtcp" : "/proc/net/tcp");
}

static void start(const struct load *load, int n)
{
	ends_init(&pair, DESTINATIONS);
	if (ns_sysctl_set(pair.a, "net.ipv4.ip_local_port_range", "%d %d", FIRST_PORT, FIRST_PORT + load->ports - 1) ||
	    ns_sysctl_set(records_ns(load), "net.ipv4.tcp_max_tw_buckets", "%d", n + WARM) ||
	    ns_sysctl_set(records_ns(load), "net.xtcp.max_tw_buckets", "%d", n + WARM))
		measure_die("sysctl");
}

/* Connections number @first to @end, each of which leaves a record. */
static void make_records(const struct load *load, enum stack stack, int listener, int first, int end)
{
	union stack_addr from, to;
	struct ends ends;

	for (int i = first; i < end; i++) {
		if (load->side == SERVER) {
			from = ends_client_addr(i / PORTS, FIRST_PORT + i % PORTS);
			to = ends_server_addr(0);
			measure_must(ends_open(&ends, KERNEL, &from, &to, listener), "connect");
			ends_close_server_first(&ends);
		} else {
			to = ends_server_addr(i % load->destinations);
			measure_must(ends_open(&ends, stack, NULL, &to, listener), "connect");
			ends_close_client_first(&ends);
		}
	}
}

static void expect_records(const struct load *load, enum stack stack, int expected)
{
	int listed = records(load, stack);

	if (listed == expected)
		return;
	fprintf(stderr, "bench_timewait: %d records of %s are listed, not %d\n", listed, stack_name(stack), expected);
	exit(1);
}

static double memory(const struct load *load, enum stack stack, int n)
{
	long before, after;
	int listener;

	start(load, n);
	listener = ends_listener(&pair, load->side == SERVER ? stack : KERNEL);
	/* what the first connections allocate for good is no part of the figure */
	make_records(load, stack, listener, 0, WARM);
	expect_records(load, stack, WARM);
	before = measure_kernel_memory();
	make_records(load, stack, listener, WARM, WARM + n);
	expect_records(load, stack, WARM + n);
	after = measure_kernel_memory();
	expect_records(load, stack, WARM + n);
	close(listener);
	ends_exit(&pair);
	return (double)(after - before) / n;
}

static bool compare_memory(const struct load *load, const char *what, int n, double bound)
{
	double theirs = memory(load, KERNEL, n), ours = memory(load, XTCP, n);

	measure_record(what, "octets", ours / theirs, ours, theirs);
	return measure_at_most(what, ours / theirs, bound, "%d records; %.0f octets against %.0f", n, ours, theirs);
}

static int run_memory(int servers, int clients)
{
	const struct load server = { SERVER, 1, PORTS };
	const struct load several = { CLIENT, DESTINATIONS, shared_ports(clients + WARM) };
	const struct load one = { CLIENT, 1, PORTS };
	bool ok = compare_memory(&server, "memory of TIME-WAIT, server", servers, MOST_SERVER);

	ok &= compare_memory(&several, "memory of TIME-WAIT, client, 8 destinations", clients, MOST_CLIENT);
	ok &= compare_memory(&one, "memory of TIME-WAIT, client, 1 destination", clients, MOST_ONE);
	return ok ? 0 : 1;
}

/* Seconds that the machine is busy while the records of a run end; with @n 0 a machine that has none. */
static double busy_at_end(const struct load *load, enum stack stack, int n, double *length)
{
	double first, busy;
	int listener;

	start(load, n);
	listener = ends_listener(&pair, load->side == SERVER ? stack : KERNEL);
	first = measure_now();
	make_records(load, stack, listener, 0, n);
	expect_records(load, stack, n);
	if (n)
		*length = measure_now() + MSL2_S + LATE_S - (first + MSL2_S - EARLY_S);
	measure_busy_until(first + MSL2_S - EARLY_S);
	expect_records(load, stack, n);
	busy = measure_busy_until(measure_now() + *length);
	expect_records(load, stack, 0);
	close(listener);
	ends_exit(&pair);
	return busy;
}

static double expiry(const struct load *load, enum stack stack, int n)
{
	double length, busy = busy_at_end(load, stack, n, &length);

	return (busy - busy_at_end(load, stack, 0, &length)) / n * 1e9;
}

static bool compare_expiry(const struct load *load, const char *what, int rounds, int n, double bound)
{
	struct measure_rounds r = { .rounds = rounds, .n = n };

	for (int i = 0; i < rounds; i++) {
		r.theirs[i] = expiry(load, KERNEL, n);
		r.ours[i] = expiry(load, XTCP, n);
	}
	return measure_rounds_at_most(what, &r, bound);
}

static int run_expiry(int rounds, int n)
{
	const struct load server = { SERVER, 1, PORTS };
	const struct load client = { CLIENT, DESTINATIONS, shared_ports(n) };
	bool ok = compare_expiry(&server, "the end of a record, server", rounds, n, MOST_EXPIRY);

	ok &= compare_expiry(&client, "the end of a record, client, 8 destinations", rounds, n, MOST_EXPIRY);
	return ok ? 0 : 1;
}

static void say_and_hear(int from, int to)
{
	char octet = 0;

	measure_must(send(from, &octet, 1, 0) == 1 && recv(to, &octet, 1, 0) == 1, "request");
}

/* Nanoseconds of each of @n connections, with a request and a response, when there may be @limit records. */
static double connection(int limit, int n)
{
	const union stack_addr to = ends_server_addr(0);
	struct ends ends;
	double began = 0;
	int listener, i;

	ends_init(&pair, 1);
	if (ns_sysctl_set(pair.a, "net.ipv4.ip_local_port_range", "%d %d", FIRST_PORT, FIRST_PORT + PORTS - 1) ||
	    ns_sysctl_set(pair.a, "net.xtcp.max_tw_buckets", "%d", limit))
		measure_die("sysctl");
	listener = ends_listener(&pair, XTCP);
	for (i = -2 * ROOM_FEW; i < n; i++) {
		if (!i)
			began = measure_now();
		measure_must(ends_open(&ends, XTCP, NULL, &to, listener), "connect");
		say_and_hear(ends.client, ends.server);
		say_and_hear(ends.server, ends.client);
		ends_close_client_first(&ends);
	}
	began = measure_now() - began;
	close(listener);
	ends_exit(&pair);
	return began / n * 1e9;
}

static int run_room(int rounds, int n)
{
	const struct load client = { CLIENT, 1, PORTS };
	struct measure_rounds r = { .rounds = rounds, .n = n };

	for (int i = 0; i < rounds; i++) {
		r.theirs[i] = connection(ROOM_MANY, n) + expiry(&client, XTCP, n);
		r.ours[i] = connection(ROOM_FEW, n);
	}
	return measure_rounds_at_most("a connection, 100 records / 100,000", &r, MOST_ROOM) ? 0 : 1;
}

int main(int argc, char **argv)
{
	bool memory_mode = argc == 4 && !strcmp(argv[1], "memory");
	bool expiry_mode = argc == 4 && !strcmp(argv[1], "expiry"), room_mode = argc == 4 && !strcmp(argv[1], "room");
	int first = argc > 2 ? atoi(argv[2]) : 0, n = argc > 3 ? atoi(argv[3]) : 0, status;

	measure_begin((memory_mode || expiry_mode || room_mode) && first >= 1 && n >= 1 &&
		      (memory_mode || first <= MEASURE_ROUNDS_MAX) && !(n % DESTINATIONS) && n <= PORTS,
		      "see the head of bench_timewait.c");
	status = memory_mode ? run_memory(first, n) : room_mode ? run_room(first, n) : run_expiry(first, n);
	measure_end();
	return status;
}
