// SPDX-License-Identifier: GPL-2.0
/*
 * xtcp against kernel TCP over a veth, in one run, in turns (`make bench`):
 *
 *	bench compare PAIRS MEGABYTES TRANSACTIONS CONNECTIONS
 *		STREAM (one way, 64 KB writes; a quarter as much by writes of
 *		1 KB, a fortieth by such of 64 octets with TCP_NODELAY), RR (one
 *		octet there and back on one connection) and CRR (the same with a
 *		connection each): how many times kernel TCP's rate xtcp has; the
 *		median of the pairs
 *	bench ab PAIRS MEGABYTES TRANSACTIONS CONNECTIONS [FLOOR]
 *		the same of two builds of xtcp, XTCP_KO and the one that AB_KO names,
 *		and how many times the second one's rate the first one has, of RR at
 *		least FLOOR. They are loaded in turns: side by side the one behind
 *		would pay for being asked second
 *	bench tax PAIRS TRANSACTIONS CONNECTIONS
 *		kernel TCP's own RR and CRR while xtcp is loaded and idle, and with
 *		an xtcp listener on another port, against xtcp not loaded
 *
 *	bench stream PAIRS MEGABYTES
 *		64 KB each millisecond, from a process to another: how long the processor
 *		was busy for a megabyte, once with a packet for each write and once with
 *		packets of 1,500 octets at both ends; kernel TCP's time in part of xtcp's.
 *		Between two writes the processor is idle, so all of a write has been sent,
 *		read and acknowledged. In STREAM the scheduler and the receive buffer decide
 *		how many octets a wakeup, a segment and an ACK stand for, which differs from
 *		machine to machine by more than the stacks do. What the sleeps cost by
 *		themselves is taken off
 *
 *	bench profile LOAD UNITS FILE
 *		UNITS of LOAD (RR, CRR, STREAM, STREAM_1K, STREAM_64) over kernel TCP,
 *		then over xtcp, each between two marks that scripts/bench/profile/count.c
 *		sees; /proc/kallsyms goes to FILE while xtcp is loaded
 *
 * Client and server are two processes in two namespaces. XTCP_KO names the module, which is not loaded at the start and
 * not at the end. The exit status says whether every floor was kept.
 */
#include "measure.h"
#include "test.h"

#define PORT 7000
#define OTHER_PORT 7100
#define PIECE 65536
#define PAIRS_MAX 99
#define WARM_PIECES 200

enum load { STREAM, STREAM_1K, STREAM_64, RR, CRR, LOADS };

static const char * const load_name[LOADS] = {
	[STREAM] = "STREAM",
	[STREAM_1K] = "STREAM, writes of 1 KB",
	[STREAM_64] = "STREAM, writes of 64 octets",
	[RR] = "RR",
	[CRR] = "CRR",
};

/* What one write has, and of how many megabytes one is sent: small writes take their time. */
static const struct {
	int octets;
	int share;
} writes[] = { [STREAM] = { PIECE, 1 }, [STREAM_1K] = { 1024, 4 }, [STREAM_64] = { 64, 40 } };

static struct ns_pair pair;
static char piece[PIECE];

/* A first octet of 's' begins a stream to be read to its end; all others are echoed. */
static void serve_one(int fd)
{
	ssize_t n = recv(fd, piece, PIECE, 0);

	if (n > 0 && piece[0] == 's') {
		while ((n = recv(fd, piece, PIECE, 0)) > 0)
			;
	} else {
		while (n == 1 && send(fd, piece, 1, MSG_NOSIGNAL) == 1)
			n = recv(fd, piece, PIECE, 0);
	}
	close(fd);
}

static int serve(void *listener)
{
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((fd = accept(*(int *)listener, NULL, NULL)) >= 0)
		serve_one(fd);
	return 1;
}

static pid_t start_server(enum stack stack)
{
	int listener = stack_listener(pair.b, stack, NS_B4, PORT + stack, true);
	pid_t pid;

	measure_must(listener >= 0, "listen");
	pid = ns_fork(pair.b, serve, &listener);
	measure_must(pid >= 0, "fork");
	close(listener);
	return pid;
}

static void stop_server(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int open_client(enum stack stack)
{
	int fd = stack_connected(pair.a, stack, NS_B4, PORT + stack);

	measure_must(fd >= 0, "connect");
	return fd;
}

static void exchange(int fd)
{
	char octet = 'r';

	measure_must(send(fd, &octet, 1, MSG_NOSIGNAL) == 1 && recv(fd, &octet, 1, 0) == 1, "exchange");
}

static void send_stream(int fd, long pieces, int octets)
{
	ssize_t n;

	memset(piece, 's', octets);
	while (pieces--)
		for (int done = 0; done < octets; done += n) {
			n = send(fd, piece + done, octets - done, MSG_NOSIGNAL);
			measure_must(n > 0, "send");
		}
	shutdown(fd, SHUT_WR);
	/* the server has read everything when it closes */
	measure_must(!recv(fd, piece, 1, 0), "the stream's end");
}

/* How many writes, transactions or connections of @load: what the command line says. */
static void fill_amounts(long amount[LOADS], const long *n)
{
	for (int load = STREAM; load <= STREAM_64; load++)
		amount[load] = n[0] * (1048576 / writes[load].octets) / writes[load].share;
	amount[RR] = n[1];
	amount[CRR] = n[2];
}

/* Units of @load in a second: megabytes, transactions, connections. */
static double rate(enum load load, enum stack stack, long amount)
{
	double start;
	int fd;

	if (load == CRR) {
		start = measure_now();
		for (long i = 0; i < amount; i++) {
			fd = open_client(stack);
			exchange(fd);
			close(fd);
		}
		return amount / (measure_now() - start);
	}
	fd = open_client(stack);
	if (load == STREAM_64 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)))
		measure_die("TCP_NODELAY");
	if (load == RR)
		exchange(fd);
	start = measure_now();
	if (load == RR)
		for (long i = 0; i < amount; i++)
			exchange(fd);
	else
		send_stream(fd, amount, writes[load].octets);
	start = measure_now() - start;
	close(fd);
	return load == RR ? amount / start : amount * writes[load].octets / 1048576.0 / start;
}

/* One line of figures; false below the floor. @unit: of both. */
static bool report(const char *what, const char *unit, double *ratio, double *ours, double *theirs, int pairs,
		   double floor)
{
	double m = measure_median(ratio, pairs);

	printf("%-41s %5.2fx  (%.3f to %.3f, %d pairs; median %.0f against %.0f", what, m, ratio[0],
	       ratio[pairs - 1], pairs, measure_median(ours, pairs), measure_median(theirs, pairs));
	if (floor)
		printf("; floor %.3fx%s", floor, m < floor ? ": BELOW" : "");
	printf(")\n");
	measure_record(what, unit, m, measure_median(ours, pairs), measure_median(theirs, pairs));
	return m >= floor;
}

static const char * const unit[LOADS] = { "MB/s", "MB/s", "MB/s", "transactions/s", "connections/s" };

static int run_compare(int pairs, const long *amount)
{
	const double floor[LOADS] = { 0.70 };
	double ratio[PAIRS_MAX], ours[PAIRS_MAX], theirs[PAIRS_MAX];
	pid_t server[2];
	bool ok = true;
	char what[64];

	measure_must(!module_load(""), "cannot load xtcp");
	server[KERNEL] = start_server(KERNEL);
	server[XTCP] = start_server(XTCP);
	for (int load = 0; load < LOADS; load++) {
		/* what is cold the first time is no part of the figure */
		rate(load, KERNEL, amount[load] / 10 + 1);
		rate(load, XTCP, amount[load] / 10 + 1);
		for (int i = 0; i < pairs; i++) {
			theirs[i] = rate(load, KERNEL, amount[load]);
			ours[i] = rate(load, XTCP, amount[load]);
			ratio[i] = ours[i] / theirs[i];
		}
		snprintf(what, sizeof(what), "%s, %s", load_name[load], unit[load]);
		ok &= report(what, unit[load], ratio, ours, theirs, pairs, floor[load]);
	}
	stop_server(server[KERNEL]);
	stop_server(server[XTCP]);
	return ok ? 0 : 1;
}

enum build { NOW, THEN, BUILDS };

static const char * const build_variable[BUILDS] = { "NOW_KO", "AB_KO" };
static const char * const build_name[BUILDS] = { "now", "then" };

/* Rates of one build and of kernel TCP beside it. */
static void measure_build(enum build build, const long *amount, double ours[LOADS], double theirs[LOADS])
{
	pid_t server[2];

	setenv("XTCP_KO", getenv(build_variable[build]), 1);
	measure_must(!module_load(""), "cannot load xtcp");
	server[KERNEL] = start_server(KERNEL);
	server[XTCP] = start_server(XTCP);
	for (int load = 0; load < LOADS; load++) {
		rate(load, KERNEL, amount[load] / 10 + 1);
		rate(load, XTCP, amount[load] / 10 + 1);
		theirs[load] = rate(load, KERNEL, amount[load]);
		ours[load] = rate(load, XTCP, amount[load]);
	}
	stop_server(server[KERNEL]);
	stop_server(server[XTCP]);
	measure_must(WAIT_FOR(!module_unload(), STACK_DEADLINE_MS), "cannot unload xtcp");
}

static int run_ab(int pairs, const long *amount, double least)
{
	static double ours[BUILDS][PAIRS_MAX][LOADS], theirs[BUILDS][PAIRS_MAX][LOADS];
	double ratio[PAIRS_MAX], a[PAIRS_MAX], b[PAIRS_MAX];
	char what[64];
	bool ok = true;

	measure_must(getenv("AB_KO"), "AB_KO does not name a module");
	setenv("NOW_KO", getenv("XTCP_KO"), 1);
	for (int i = 0; i < pairs; i++) {
		for (int build = 0; build < BUILDS; build++) {
			fprintf(stderr, "# round %d of %d, %s\n", i + 1, pairs, build_name[build]);
			measure_build(build, amount, ours[build][i], theirs[build][i]);
		}
	}
	for (int load = 0; load < LOADS; load++) {
		for (int build = 0; build < BUILDS; build++) {
			for (int i = 0; i < pairs; i++) {
				a[i] = ours[build][i][load];
				b[i] = theirs[build][i][load];
				ratio[i] = a[i] / b[i];
			}
			snprintf(what, sizeof(what), "%s, %s / kernel TCP", load_name[load], build_name[build]);
			report(what, unit[load], ratio, a, b, pairs, 0);
		}
		for (int i = 0; i < pairs; i++) {
			a[i] = ours[NOW][i][load];
			b[i] = ours[THEN][i][load];
			ratio[i] = a[i] / b[i];
		}
		snprintf(what, sizeof(what), "%s, now / then", load_name[load]);
		ok &= report(what, unit[load], ratio, a, b, pairs, load == RR ? least : 0);
	}
	return ok ? 0 : 1;
}

static void measure_tax(double rates[2][PAIRS_MAX], int i, long transactions, long connections)
{
	rates[0][i] = rate(RR, KERNEL, transactions);
	rates[1][i] = rate(CRR, KERNEL, connections);
}

static int run_tax(int pairs, long transactions, long connections)
{
	static double without[2][PAIRS_MAX], idle[2][PAIRS_MAX], listening[2][PAIRS_MAX];
	double ratio[PAIRS_MAX];
	pid_t server = start_server(KERNEL);
	char what[64];
	bool ok = true;

	measure_tax(without, 0, transactions, connections);
	for (int i = 0; i < pairs; i++) {
		int listener;

		measure_tax(without, i, transactions, connections);
		measure_must(!module_load(""), "cannot load xtcp");
		measure_tax(idle, i, transactions, connections);
		listener = stack_listener(pair.b, XTCP, NS_B4, OTHER_PORT, true);
		measure_must(listener >= 0, "listen on xtcp");
		measure_tax(listening, i, transactions, connections);
		close(listener);
		measure_must(!module_unload(), "cannot unload xtcp");
	}
	for (int j = 0; j < 2; j++) {
		for (int i = 0; i < pairs; i++)
			ratio[i] = idle[j][i] / without[j][i];
		snprintf(what, sizeof(what), "kernel TCP's %s, xtcp idle", load_name[RR + j]);
		ok &= report(what, unit[RR + j], ratio, idle[j], without[j], pairs, 0.97);
		for (int i = 0; i < pairs; i++)
			ratio[i] = listening[j][i] / without[j][i];
		snprintf(what, sizeof(what), "kernel TCP's %s, xtcp listening", load_name[RR + j]);
		ok &= report(what, unit[RR + j], ratio, listening[j], without[j], pairs, 0.97);
	}
	stop_server(server);
	return ok ? 0 : 1;
}

/* One each millisecond; without a descriptor only the sleeps. Seconds in which the processor was busy. */
static double send_pieces(int fd, int pieces)
{
	double begin = measure_busy(), next = measure_now();
	struct timespec then;

	while (pieces--) {
		measure_must(fd < 0 || send(fd, piece, PIECE, MSG_NOSIGNAL) == PIECE, "send");
		next += 0.001;
		then = (struct timespec){ .tv_sec = next, .tv_nsec = (next - (long)next) * 1e9 };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL);
	}
	return measure_busy() - begin;
}

/* Microseconds for a megabyte. */
static double stream_cost(enum stack stack, int megabytes)
{
	int fd = open_client(stack), pieces = megabytes * (1048576 / PIECE);
	double idle = send_pieces(-1, pieces), busy;

	/* until its window is open, again if it was */
	send_pieces(fd, WARM_PIECES);
	busy = send_pieces(fd, pieces) - idle;
	close(fd);
	return busy * 1e6 / megabytes;
}

static void compare_streams(const char *what, int pairs, int megabytes)
{
	double ratio[PAIRS_MAX], ours[PAIRS_MAX], theirs[PAIRS_MAX];
	pid_t server[2] = { start_server(KERNEL), start_server(XTCP) };
	int i;

	/* what is cold the first time is no part of the figure */
	stream_cost(KERNEL, 1);
	stream_cost(XTCP, 1);
	for (i = 0; i < pairs; i++) {
		theirs[i] = stream_cost(KERNEL, megabytes);
		ours[i] = stream_cost(XTCP, megabytes);
		ratio[i] = theirs[i] / ours[i];
	}
	report(what, "us", ratio, ours, theirs, pairs, 0);
	stop_server(server[KERNEL]);
	stop_server(server[XTCP]);
}

static int run_stream(int pairs, int megabytes)
{
	measure_must(!module_load(""), "cannot load xtcp");
	memset(piece, 's', PIECE);
	compare_streams("a megabyte in bundles", pairs, megabytes);
	if (ns_link_gso_max_segs(pair.a, "veth0", 1) || ns_link_offloads(pair.a, "veth0", false) ||
	    ns_link_gso_max_segs(pair.b, "veth0", 1) || ns_link_offloads(pair.b, "veth0", false))
		measure_die("offloads");
	compare_streams("a megabyte in segments", pairs, megabytes);
	return 0;
}

static int run_profile(const char *name, long units, const char *symbols)
{
	static const char * const names[LOADS] = { "STREAM", "STREAM_1K", "STREAM_64", "RR", "CRR" };
	enum load load = 0;
	pid_t server;

	while (load < LOADS && strcmp(name, names[load]))
		load++;
	if (load == LOADS || units < 1)
		return fprintf(stderr, "bench: see the head of bench.c\n"), 2;
	measure_must(!module_load(""), "cannot load xtcp");
	for (int stack = KERNEL; stack <= XTCP; stack++) {
		server = start_server(stack);
		rate(load, stack, units / 5 + 1);
		profile_mark();
		rate(load, stack, units);
		profile_mark();
		stop_server(server);
	}
	profile_copy_symbols(symbols);
	return 0;
}

int main(int argc, char **argv)
{
	long n[4] = {}, amount[LOADS];
	bool profile = argc == 5 && !strcmp(argv[1], "profile");
	int i, status;

	for (i = 2; i < argc && i < 6; i++)
		n[i - 2] = atol(argv[i]);
	if (!profile && (n[0] < 1 || n[0] > PAIRS_MAX))
		argc = 0;
	fill_amounts(amount, n + 1);
	if (ns_pair_make(&pair))
		return 2;
	if (profile)
		status = run_profile(argv[2], n[1], argv[4]);
	else if (argc == 6 && !strcmp(argv[1], "compare"))
		status = run_compare(n[0], amount);
	else if ((argc == 6 || argc == 7) && !strcmp(argv[1], "ab"))
		status = run_ab(n[0], amount, argc == 7 ? atof(argv[6]) : 0);
	else if (argc == 4 && !strcmp(argv[1], "stream"))
		status = run_stream(n[0], n[1]);
	else if (argc == 5 && !strcmp(argv[1], "tax"))
		status = run_tax(n[0], n[1], n[2]);
	else
		return fprintf(stderr, "bench: see the head of bench.c\n"), 2;
	ns_pair_close(&pair);
	measure_must(!module_is_loaded() || !module_unload(), "cannot unload xtcp");
	return status;
}
