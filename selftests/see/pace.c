// SPDX-License-Identifier: GPL-2.0
/*
 * Beside 10,000 segments a second: xtcp-watch shows all of them and is not behind, at either end;
 * ladder draws a second of them, and the test says how long that took. This is for a machine whose clock counts
 * instructions, a billion in a second, for traffic and reader together.
 */
#include "measure.h"
#include "test.h"

NEEDS_SCRIPTS;

#define PORT		7900
#define TURNS		100	/* a second, in each of which so many segments are written as are due */
#define OCTETS		1000	/* of a segment */
#define SECONDS		4	/* that are watched */
#define LITTLE		0.03	/* of the rate: what was there before the first event, and the second of the reading */
#define SEGMENTS	10000	/* a second */
#define OUT		"/tmp/pace.out"

struct traffic {
	struct ns_pair net;
	int listener, client, server;
	pid_t reader;
};

static int read_all(void *arg)
{
	static char octets[65536];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(*(int *)arg, octets, sizeof(octets)) > 0)
		;
	return 0;
}

/* @turns of them, or for ever. */
static void write_paced(int fd, long turns)
{
	static char octets[OCTETS];
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	while (turns--) {
		for (int i = 0; i < SEGMENTS / TURNS; i++)
			if (write(fd, octets, OCTETS) != OCTETS)
				_exit(1);
		next.tv_nsec += 1000000000 / TURNS;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
}

static int write_for_ever(void *arg)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	write_paced(*(int *)arg, -1);
	return 0;
}

static void begin(struct traffic *t)
{
	/* Small writes that come one upon the other would leave as one segment. */
	must(!ns_pair_make(&t->net) && !ns_sysctl_set(t->net.a, "net.xtcp.coalesce_usecs", "0"), "namespaces");
	t->listener = stack_listener(t->net.b, XTCP, NS_B4, PORT, true);
	t->client = stack_connected(t->net.a, XTCP, NS_B4, PORT);
	t->server = accept(t->listener, NULL, NULL);
	must(t->server >= 0 && !stack_set(t->client, IPPROTO_TCP, TCP_NODELAY, 1), "no connection");
	t->reader = ns_fork(t->net.b, read_all, &t->server);
}

static void end(struct traffic *t)
{
	kill(t->reader, SIGKILL);
	waitpid(t->reader, NULL, 0);
	close_each(t->client, t->server, t->listener);
	ns_pair_close(&t->net);
}

/* What a program printed, in namespace @ns, and the seconds of a processor that it took. */
static double seconds_of(const struct rusage *r)
{
	return r->ru_utime.tv_sec + r->ru_stime.tv_sec + (r->ru_utime.tv_usec + r->ru_stime.tv_usec) / 1e6;
}

static char *output(int ns, double *took, const char *line)
{
	struct rusage before, after;
	char *text;
	int status;

	getrusage(RUSAGE_CHILDREN, &before);
	status = ns_shell(ns, "%s >" OUT " 2>&1", line);
	getrusage(RUSAGE_CHILDREN, &after);
	*took = seconds_of(&after) - seconds_of(&before);
	text = ns_read_file(ns, OUT);
	must_say(!status, "%s: status %d: %s", line, status, text);
	return text;
}

static long long sent(const struct traffic *t)
{
	struct counters counters;

	must(!counters_read_xtcp(&counters, t->net.a), "no counters");
	return counters_get(&counters, "Tcp:OutSegs");
}

/* Each write was a segment of its own, and as many went as should: else nothing is shown here. */
static bool is_paced(long long count, double seconds)
{
	ksft_print_msg("%.0f segments a second\n", count / seconds);
	return count > SEGMENTS * seconds * (1 - LITTLE) && count < SEGMENTS * seconds * (1 + LITTLE);
}

/* A view beside the traffic, in namespace @ns; how much of it moves, by what it says, and in Mbit/s. */
static void watch(struct traffic *t, const char *view, int ns, double (*says)(const char *text))
{
	double took, begun, rate, wanted = SEGMENTS * OCTETS * 8 / 1e6;
	char line[120], *text;
	long long before;
	bool good;
	pid_t writer;

	snprintf(line, sizeof(line), "scripts/tools/xtcp-watch %s --seconds %d --plain --ascii --width 100", view,
		 SECONDS);
	writer = ns_fork(t->net.a, write_for_ever, &t->client);
	before = sent(t);
	begun = measure_now();
	text = output(ns, &took, line);
	good = is_paced(sent(t) - before, measure_now() - begun);
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
	rate = says(text);
	ksft_print_msg("%.1f of %.1f Mbit/s, %.2f s of the processor's\n", rate, wanted, took);
	good = good && rate > wanted * (1 - LITTLE) && rate < wanted * (1 + LITTLE) && !strstr(text, " lost") &&
	       !strstr(text, " behind");
	if (!good)
		ksft_print_msg("%s\n", text);
	ksft_test_result(good, "xtcp-watch %s: 10,000 segments a second\n", view);
	free(text);
}

static double flow_says(const char *text)
{
	double kilo, rate;
	char *at = strstr(text, "\na " NS_A4 ":");

	at = at ? strstr(at, " -> ") : NULL;
	return at && sscanf(at, " -> " NS_B4 ":%*d: %lf kB, %lf Mbit/s", &kilo, &rate) == 2 ? rate : -1;
}

/* The only column of a receiver's row that is in millions. */
static double conn_says(const char *text)
{
	const char *at = strstr(text, "\nESTABLISHED  " NS_B4 ":"), *end;

	end = at ? strchr(at + 1, '\n') : NULL;
	while (at < end && (at[0] != 'M' || at[1] != ' '))
		at++;
	while (at < end && at[-1] != ' ')
		at--;
	return at < end ? atof(at) : -1;
}

/* The trace of a second of it, from a buffer of the test's own. */
static void draw(struct traffic *t)
{
	double took;
	char *text;

	tracing_start("pace");
	tracing_set("buffer_size_kb", "65536");
	tracing_set("trace_clock", "global");
	tracing_set("events/xtcp/enable", "1");
	write_paced(t->client, TURNS);
	tracing_set("events/xtcp/enable", "0");
	text = output(t->net.a, &took,
		      "scripts/tools/xtcp-ladder --plain --width 100 /sys/kernel/tracing/instances/pace/trace");
	tracing_forget();
	tracing_stop();
	ksft_print_msg("%.2f s of the processor's:\n%s\n", took, text);
	ksft_test_result(strstr(text, "... 10,000 segments, 10,000,000 octets ..."), "the ladder of 10,000 segments\n");
	free(text);
}

int main(void)
{
	struct traffic traffic = {};

	test_begin(3);
	begin(&traffic);
	watch(&traffic, "flow", traffic.net.a, flow_says);
	watch(&traffic, "conn", traffic.net.b, conn_says);
	draw(&traffic);
	end(&traffic);
	ksft_finished();
}
