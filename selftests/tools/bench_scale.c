// SPDX-License-Identifier: GPL-2.0
/*
 * How many connections a second several threads open and close over the loopback, on xtcp and on kernel TCP, each
 * thread with a listener of its own in one namespace (`make bench`):
 *
 *	bench_scale SECONDS ROUNDS
 *		for 1, 2 and 4 threads: the median of the rounds, of so many seconds each
 *
 * Each connection leaves a record of TIME-WAIT. On a machine with two processors what they share shows little:
 * module/README.md counts what a connection writes there. XTCP_KO names the module, unless it is loaded already.
 */
#include <kselftest.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"
#include "module.h"
#include "ns.h"
#include "stack.h"

#define PORT		7100
#define THREADS_MAX	4

struct worker {
	pthread_t thread;
	enum stack stack;
	int port;
	long done;
};

static int ns;
static atomic_bool stop;

/* The client closes first and has the record. */
static void open_and_close(const struct worker *w, int listener)
{
	int client = stack_socket(ns, w->stack, "127.0.0.1"), server;
	char octet;

	if (client < 0 || stack_connect(client, "127.0.0.1", w->port))
		measure_die("connect");
	server = accept(listener, NULL, NULL);
	if (server < 0 || close(client) || recv(server, &octet, 1, 0) || close(server))
		measure_die("accept");
}

static void *work(void *arg)
{
	struct worker *w = arg;
	int listener;

	if (ns_enter(ns))
		measure_die("namespace");
	listener = stack_listener(ns, w->stack, "127.0.0.1", w->port, true);
	if (listener < 0)
		measure_die("listen");
	while (!stop) {
		open_and_close(w, listener);
		w->done++;
	}
	close(listener);
	return NULL;
}

/* Connections a second of all threads. */
static double rate(enum stack stack, int threads, double seconds)
{
	struct worker workers[THREADS_MAX] = {};
	double start = measure_now(), length;
	long done = 0;
	int i;

	ns = ns_make();
	if (ns < 0)
		measure_die("namespace");
	stop = false;
	for (i = 0; i < threads; i++) {
		workers[i].stack = stack;
		workers[i].port = PORT + i;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			measure_die("thread");
	}
	usleep(seconds * 1e6);
	stop = true;
	for (i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		done += workers[i].done;
	}
	length = measure_now() - start;
	close(ns);
	return done / length;
}

int main(int argc, char **argv)
{
	double ours[MEASURE_ROUNDS_MAX], theirs[MEASURE_ROUNDS_MAX], seconds;
	int rounds, threads, i;

	if (argc != 3 || atof(argv[1]) <= 0 || atoi(argv[2]) < 1 || atoi(argv[2]) > MEASURE_ROUNDS_MAX) {
		fprintf(stderr, "Usage: bench_scale SECONDS ROUNDS\n");
		return 2;
	}
	seconds = atof(argv[1]);
	rounds = atoi(argv[2]);
	if (!module_is_loaded() && module_load(""))
		measure_die("module");
	printf("threads  xtcp/s  kernel TCP/s  ratio\n");
	for (threads = 1; threads <= THREADS_MAX; threads *= 2) {
		for (i = 0; i < rounds; i++) {
			theirs[i] = rate(KERNEL, threads, seconds);
			ours[i] = rate(XTCP, threads, seconds);
		}
		printf("%7d %7.0f %13.0f  %5.2f\n", threads, measure_median(ours, rounds),
		       measure_median(theirs, rounds), measure_median(ours, rounds) / measure_median(theirs, rounds));
		fflush(stdout);
	}
	return 0;
}
