// SPDX-License-Identifier: GPL-2.0
/*
 * Idle connections with keepalive, on xtcp and on kernel TCP (`make bench`):
 *
 *	bench_idle CONNECTIONS
 *		as many of them at once, or what memory holds, if it holds LEAST: timers
 *		that expire between deadlines, which must be none of xtcp's; what a round
 *		of probes takes for each connection, probe and answer at both ends, less
 *		what an idle machine takes: how many times kernel TCP's. And the next
 *		round without the peer's part: the link holds the probes until all are
 *		sent, and the answers until all are given, so each part has its own time.
 *		Some work of the link itself is in it, the same for both. Under -icount
 *		time is instructions
 *	bench_idle memory CONNECTIONS
 *		octets of kernel memory for each of as many idle connections, both ends and
 *		all that is allocated for them, descriptors too, whose both ends are on one stack
 *
 * But for that the other end is kernel TCP's, without keepalive.
 */
#include "ends.h"
#include "measure.h"
#include "test.h"

#define LEAST		20000
#define KEEPALIVE_S	120	/* longer than it takes to open all of them */
#define SETTLE_S	5	/* delayed ACKs and the like of the last connection */
#define LATE_S		5	/* a timer of two minutes is up to 2.1 s late */
#define DESTINATIONS	8	/* a port serves one connection to each */
#define MOST_PROBE	0.90
#define MOST_MEMORY	0.85
#define WARM		200	/* connections before the first look at the memory */
#define TRACING		"/sys/kernel/tracing/"
#define EXPIRED		TRACING "events/timer/timer_expire_entry/trigger"
#define BY_FUNCTION	"hist:keys=function.sym:size=1024"

struct result {
	int connections;
	double quiet_s;		/* length of the time between deadlines */
	long ours, all;		/* timers that expired meanwhile: xtcp's, anybody's */
	long long probes;
	double busy;		/* seconds, for the probes; less those of an idle machine */
	/* the same in another round: sending probes, the peer's part, taking its answers */
	double out, peer, in;
};

static struct ns_pair pair;
static struct ends *opened;

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	measure_must(fd >= 0 && write(fd, text, strlen(text)) >= 0, path);
	close(fd);
}

/* Timers that expired since the histogram was made: all, and those whose function is in xtcp. */
static void count_timers(long *ours, long *all)
{
	char line[512], *hits;
	FILE *file = fopen(TRACING "events/timer/timer_expire_entry/hist", "re");

	*ours = *all = 0;
	measure_must(file, "histogram of timers");
	while (fgets(line, sizeof(line), file)) {
		hits = strstr(line, "hitcount:");
		if (!hits)
			continue;
		*all += atol(hits + strlen("hitcount:"));
		if (strstr(line, "[xtcp]"))
			*ours += atol(hits + strlen("hitcount:"));
	}
	fclose(file);
}

static long long probes_sent(enum stack stack)
{
	/* a probe is answered: by an ACK, which counts nowhere else here */
	return stack == XTCP ? counter_now(pair.a, "/proc/net/xtcp_snmp", "Tcp:InSegs") :
			       counter_now(pair.a, "/proc/net/snmp", "Tcp:InSegs");
}

/* Lets @ns send what it holds (-1: none) and gives the seconds of work until @then, less @idle for each. */
static double work_until(int ns, double then, double idle)
{
	double begin = measure_now(), busy = measure_busy();

	/* some of the work may be done before this returns */
	measure_must(ns < 0 || !netem_release(ns, "veth0"), "plug");
	measure_busy_until(then);
	return measure_busy() - busy - idle * (measure_now() - begin);
}

/* The round of probes between @begin and @end, part by part. */
static void measure_parts(struct result *result, enum stack stack, double begin, double end, double idle)
{
	long long probes = probes_sent(stack);

	measure_must(!netem_hold(pair.a, "veth0") && !netem_hold(pair.b, "veth0"), "plug");
	measure_must(measure_now() <= begin, "no time is left before the second round");
	measure_busy_until(begin);
	result->out = work_until(-1, end, idle);
	result->peer = work_until(pair.a, end + SETTLE_S, idle);
	result->in = work_until(pair.b, end + 2 * SETTLE_S, idle);
	if (probes_sent(stack) != probes + result->connections)
		measure_die("the second round is not one probe for each");
}

static struct result measure(enum stack stack, int n)
{
	struct result result = {};
	double begin, end, first, control;
	int listener, i;

	ends_init(&pair, DESTINATIONS);
	listener = ends_listener(&pair, KERNEL);
	/* their probes are due at once, and the veth's queue has to hold them */
	measure_must(!ns_sysctl_set(ns_home(), "net.core.netdev_max_backlog", "%d", 2 * n) &&
		     !ns_sysctl_set(pair.a, "net.ipv4.ip_local_port_range", "1024 65535") &&
		     !ns_sysctl_set(pair.a, "net.ipv4.tcp_keepalive_time", "%d", KEEPALIVE_S) &&
		     !ns_sysctl_set(pair.a, "net.xtcp.keepalive_time", "%d", KEEPALIVE_S), "sysctl");
	/* a module of the kernel that is read from disk takes as long as it likes: now */
	measure_must(!netem_hold(pair.a, "veth0") && !netem_clear(pair.a, "veth0"), "plug");
	/* that the link is up makes all routes stale; the news may be a second late, and each probe would look anew */
	measure_busy_until(measure_now() + SETTLE_S);
	begin = measure_now();
	result.connections = ends_open_many(opened, n, stack, DESTINATIONS, listener);
	for (i = 0; i < result.connections; i++)
		measure_must(!stack_set(opened[i].client, SOL_SOCKET, SO_KEEPALIVE, 1), "keepalive");
	end = measure_now();
	if (end + 2 * SETTLE_S > begin + KEEPALIVE_S)
		measure_die("no time is left between the last connection and the first probe");

	measure_busy_until(end + SETTLE_S);
	result.probes = probes_sent(stack);
	write_text(EXPIRED, BY_FUNCTION);
	result.quiet_s = begin + KEEPALIVE_S - 1 - measure_now();
	measure_busy_until(begin + KEEPALIVE_S - 1);
	count_timers(&result.ours, &result.all);
	write_text(EXPIRED, "!" BY_FUNCTION);
	measure_must(probes_sent(stack) == result.probes, "a probe came early");

	first = measure_now();
	end += KEEPALIVE_S + LATE_S;
	result.busy = measure_busy_until(end);
	result.probes = probes_sent(stack) - result.probes;
	/* until the next probes there is nothing */
	control = measure_busy_until(measure_now() + end - first);
	result.busy -= control;

	measure_parts(&result, stack, begin + 2 * KEEPALIVE_S - 1, end + KEEPALIVE_S + LATE_S, control / (end - first));

	for (i = 0; i < result.connections; i++)
		ends_abort(&opened[i]);
	close(listener);
	ends_exit(&pair);
	return result;
}

static int run(int n)
{
	struct result theirs = measure(KERNEL, n), ours = measure(XTCP, n);
	double their_ns = theirs.busy / theirs.connections * 1e9, our_ns = ours.busy / ours.connections * 1e9;
	bool ok = ours.connections >= LEAST && ours.probes == ours.connections &&
		  theirs.probes == theirs.connections && !ours.ours;

	printf("%-44s %5d   (kernel TCP %d; at least %d%s)\n", "idle connections with keepalive", ours.connections,
	       theirs.connections, LEAST, ours.connections < LEAST ? ": BELOW" : "");
	printf("%-44s %5ld   (in %.0f s; %ld of anybody; kernel TCP's run: %ld in %.0f s; at most 0%s)\n",
	       "timers of xtcp between deadlines", ours.ours, ours.quiet_s, ours.all, theirs.all, theirs.quiet_s,
	       ours.ours ? ": ABOVE" : "");
	printf("%-44s %5lld   (kernel TCP %lld; one for each%s)\n", "probes that were answered", ours.probes,
	       theirs.probes, ours.probes != ours.connections || theirs.probes != theirs.connections ? ": WRONG" : "");
	ok &= measure_at_most("a probe and its answer", our_ns / their_ns, MOST_PROBE, "%.0f ns against %.0f", our_ns,
			      their_ns);
	measure_record("a probe and its answer", "ns", our_ns / their_ns, our_ns, their_ns);
	our_ns = (ours.out + ours.in) / ours.connections * 1e9;
	their_ns = (theirs.out + theirs.in) / theirs.connections * 1e9;
	measure_at_most("the same without the peer's part", our_ns / their_ns, 0,
			"%.0f ns against %.0f; out %.0f against %.0f; the peer %.0f and %.0f", our_ns, their_ns,
			ours.out / ours.connections * 1e9, theirs.out / theirs.connections * 1e9,
			ours.peer / ours.connections * 1e9, theirs.peer / theirs.connections * 1e9);
	measure_record("a probe and its answer without the peer's part", "ns", our_ns / their_ns, our_ns, their_ns);
	return ok ? 0 : 1;
}

static double memory(enum stack stack, int n)
{
	const union stack_addr to = ends_server_addr(0);
	long before = 0, after;
	int i, listener;

	ends_init(&pair, 1);
	measure_must(!ns_sysctl_set(pair.a, "net.ipv4.ip_local_port_range", "10000 65535"), "sysctl");
	listener = ends_listener(&pair, stack);
	for (i = 0; i < WARM + n; i++) {
		if (i == WARM)
			before = measure_kernel_memory();
		measure_must(ends_open(&opened[i], stack, NULL, &to, listener), stack_name(stack));
	}
	after = measure_kernel_memory();
	while (i--)
		ends_abort(&opened[i]);
	close(listener);
	ends_exit(&pair);
	return (double)(after - before) / n;
}

static int run_memory(int n)
{
	double theirs = memory(KERNEL, n), ours = memory(XTCP, n);

	measure_record("memory of an established connection", "octets", ours / theirs, ours, theirs);
	return measure_at_most("memory of an established connection, both ends", ours / theirs, MOST_MEMORY,
			       "%d connections; %.0f octets against %.0f", n, ours, theirs) ? 0 : 1;
}

int main(int argc, char **argv)
{
	bool memory_mode = argc == 3 && !strcmp(argv[1], "memory");
	int n = memory_mode || argc == 2 ? atoi(argv[argc - 1]) : 0, status;

	measure_begin(n >= LEAST, "see the head of bench_idle.c");
	opened = calloc(WARM + n, sizeof(*opened));
	measure_must(opened, "calloc");
	status = memory_mode ? run_memory(n) : run(n);
	free(opened);
	measure_end();
	return status;
}
