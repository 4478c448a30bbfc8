// SPDX-License-Identifier: GPL-2.0
/*
 * How many connections a second several threads open and close over the loopback, on xtcp and on kernel TCP, in one
 * namespace, each thread with a listener of its own, then all in accept() on one listener (`make bench`):
 *
 *	bench_scale SECONDS ROUNDS
 *		for 1, 2 and 4 threads: the median of the rounds, of so many seconds each
 *
 * Each connection leaves a record of TIME-WAIT. On a machine with two processors what they share shows little:
 * module/README.md counts what a connection writes there.
 */
#include "measure.h"
#include "test.h"

#define PORT		7100
#define THREADS_MAX	4

struct worker {
	pthread_t thread;
	enum stack stack;
	int port;
	int listener;	/* of all, or -1: it makes its own */
	long done;
};

static int ns;
static atomic_bool stop;

/* The client closes first, and has the record. accept() may give another thread's: one for each is closed. */
static void open_and_close(const struct worker *w, int listener)
{
	int client = stack_socket(ns, w->stack, "127.0.0.1"), server;
	char octet;

	measure_must(client >= 0 && !stack_connect(client, "127.0.0.1", w->port), "connect");
	server = accept(listener, NULL, NULL);
	measure_must(server >= 0 && !close(client) && !recv(server, &octet, 1, 0) && !close(server), "accept");
}

static void *work(void *arg)
{
	struct worker *w = arg;
	int listener = w->listener;

	measure_must(!ns_enter(ns), "namespace");
	if (listener < 0)
		listener = stack_listener(ns, w->stack, "127.0.0.1", w->port, true);
	measure_must(listener >= 0, "listen");
	while (!stop) {
		open_and_close(w, listener);
		w->done++;
	}
	if (w->listener < 0)
		close(listener);
	return NULL;
}

static double rate(enum stack stack, int threads, bool shared, double seconds)
{
	struct worker workers[THREADS_MAX] = {};
	double start = measure_now(), length;
	int i, listener = -1;
	long done = 0;

	ns = ns_make();
	measure_must(ns >= 0, "namespace");
	if (shared)
		listener = stack_listener(ns, stack, "127.0.0.1", PORT, true);
	measure_must(!shared || listener >= 0, "listen");
	stop = false;
	for (i = 0; i < threads; i++) {
		workers[i].stack = stack;
		workers[i].port = shared ? PORT : PORT + i;
		workers[i].listener = listener;
		measure_must(!pthread_create(&workers[i].thread, NULL, work, &workers[i]), "thread");
	}
	usleep(seconds * 1e6);
	stop = true;
	for (i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		done += workers[i].done;
	}
	length = measure_now() - start;
	if (shared)
		close(listener);
	close(ns);
	return done / length;
}

static void show(bool shared, double seconds, int rounds)
{
	double ours[MEASURE_ROUNDS_MAX], theirs[MEASURE_ROUNDS_MAX];

	printf("%s\nthreads  xtcp/s  kernel TCP/s  ratio\n", shared ? "one listener" : "a listener for each thread");
	for (int threads = 1; threads <= THREADS_MAX; threads *= 2) {
		for (int i = 0; i < rounds; i++) {
			theirs[i] = rate(KERNEL, threads, shared, seconds);
			ours[i] = rate(XTCP, threads, shared, seconds);
		}
		printf("%7d %7.0f %13.0f  %5.2f\n", threads, measure_median(ours, rounds),
		       measure_median(theirs, rounds), measure_median(ours, rounds) / measure_median(theirs, rounds));
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	double seconds = argc == 3 ? atof(argv[1]) : 0;
	int rounds = argc == 3 ? atoi(argv[2]) : 0;

	measure_begin(seconds > 0 && rounds >= 1 && rounds <= MEASURE_ROUNDS_MAX, "bench_scale SECONDS ROUNDS");
	show(false, seconds, rounds);
	show(true, seconds, rounds);
	return 0;
}
