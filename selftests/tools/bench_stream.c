// SPDX-License-Identifier: GPL-2.0
/*
 * What a megabyte costs, where time is instructions (`make bench B=tcp`):
 *
 *	bench_stream PAIRS MEGABYTES
 *		a stream of 64 KB each millisecond over a veth, from a process to another, both on one stack: how long
 *		the processor was busy for a megabyte; kernel TCP's time in part of xtcp's, the median of the pairs
 *
 *	bundles		a write is one packet on the wire
 *	segments	each segment is a packet of 1,500 octets, at both ends
 *
 * Between two writes the processor is idle, so all of a write has been sent, read and acknowledged. Where a stream goes
 * as fast as it can, as STREAM of bench.c does, the scheduler and the receive buffer decide how many octets a wakeup, a
 * segment and an ACK stand for, and how that comes out differs from machine to machine by more than the stacks do. What
 * the sleeps cost by themselves is taken off. XTCP_KO names the module, unless it is loaded already.
 */
#include "lib/measure.h"
#include "lib/test.h"

#define PORT		7000
#define PIECE		65536
#define PIECES_OF_A_MB	(1048576 / PIECE)
#define WARM		200	/* pieces */

static struct ns_pair pair;
static char piece[PIECE];

static int serve(void *listener)
{
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((fd = accept(*(int *)listener, NULL, NULL)) >= 0) {
		while (recv(fd, piece, PIECE, 0) > 0)
			;
		close(fd);
	}
	return 1;
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
static double cost(enum stack stack, int megabytes)
{
	int fd = stack_connected(pair.a, stack, NS_B4, PORT + stack), pieces = megabytes * PIECES_OF_A_MB;
	double idle = send_pieces(-1, pieces), busy;

	measure_must(fd >= 0, "connect");
	/* until its window is open, again if it was */
	send_pieces(fd, WARM);
	busy = send_pieces(fd, pieces) - idle;
	close(fd);
	return busy * 1e6 / megabytes;
}

static pid_t start_server(enum stack stack)
{
	int listener = stack_listener(pair.b, stack, NS_B4, PORT + stack, true);
	pid_t pid = listener < 0 ? -1 : ns_fork(pair.b, serve, &listener);

	measure_must(pid >= 0, "server");
	close(listener);
	return pid;
}

static void compare(const char *what, int pairs, int megabytes)
{
	double ratio[MEASURE_ROUNDS_MAX], ours[MEASURE_ROUNDS_MAX], theirs[MEASURE_ROUNDS_MAX], median;
	pid_t server[2] = { start_server(KERNEL), start_server(XTCP) };
	char name[64];
	int i;

	/* what is cold the first time is no part of the figure */
	cost(KERNEL, 1);
	cost(XTCP, 1);
	for (i = 0; i < pairs; i++) {
		theirs[i] = cost(KERNEL, megabytes);
		ours[i] = cost(XTCP, megabytes);
		ratio[i] = theirs[i] / ours[i];
	}
	for (i = 0; i < 2; i++) {
		kill(server[i], SIGKILL);
		waitpid(server[i], NULL, 0);
	}
	median = measure_median(ratio, pairs);
	snprintf(name, sizeof(name), "a megabyte in %s", what);
	printf("%-41s %5.2fx  (%.3f to %.3f, %d pairs; median %.0f us against %.0f)\n", name, median, ratio[0],
	       ratio[pairs - 1], pairs, measure_median(ours, pairs), measure_median(theirs, pairs));
	fflush(stdout);
	measure_record(name, "us", median, measure_median(ours, pairs), measure_median(theirs, pairs));
}

int main(int argc, char **argv)
{
	int pairs = argc == 3 ? atoi(argv[1]) : 0, megabytes = argc == 3 ? atoi(argv[2]) : 0;

	if (pairs < 1 || pairs > MEASURE_ROUNDS_MAX || megabytes < 1) {
		fprintf(stderr, "Usage: bench_stream PAIRS MEGABYTES\n");
		return 2;
	}
	measure_must(module_is_loaded() || !module_load(""), "module");
	measure_must(!ns_pair_make(&pair), "namespaces");
	compare("bundles", pairs, megabytes);
	if (ns_link_gso_max_segs(pair.a, "veth0", 1) || ns_link_offloads(pair.a, "veth0", false) ||
	    ns_link_gso_max_segs(pair.b, "veth0", 1) || ns_link_offloads(pair.b, "veth0", false))
		measure_die("offloads");
	compare("segments", pairs, megabytes);
	ns_pair_close(&pair);
	return 0;
}
