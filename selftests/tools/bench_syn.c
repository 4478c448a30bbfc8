// SPDX-License-Identifier: GPL-2.0
/*
 * What a SYN costs a listener, on xtcp and on kernel TCP (`make bench`):
 *
 *	bench_syn cost ROUNDS SYNS
 *		the time of a spoofed SYN less that of one with a bad checksum,
 *		with entries kept and answered by cookie: how many times kernel
 *		TCP's; the median of the rounds. Under -icount time is instructions
 *	bench_syn listeners ROUNDS SYNS
 *		all that a SYN takes on xtcp, with 1, 1,000 and 10,000 other listeners on
 *		the port, entries kept: how many times that with 1; the median of the
 *		rounds. A SYN with a bad checksum looks for its listener, too
 *	bench_syn flood MILLISECONDS
 *		connections with a request, a response and a close while SYNs come
 *		at the rate that halves kernel TCP's: what xtcp keeps of its own at
 *		that rate against what kernel TCP keeps; SYNs of clients sent again
 *	bench_syn memory
 *		octets of an entry; and xtcp's slabs after 10,000 and after 60,000
 *		SYNs to a listener with room for 4,096
 *
 *	bench_syn profile SYN|COOKIE SYNS FILE
 *		SYNs for a listener on kernel TCP, then on xtcp, each between two marks that
 *		scripts/bench/profile/count.c finds; then the kernel's symbols go to FILE
 *
 * SYNs are written into a tun device, one at a time; the SYN-ACKs leave by a dummy device, which counts them.
 */
#include "measure.h"
#include "test.h"
#include "tun.h"

#define SERVER		"10.8.0.1"
#define PORT		7000
#define BACKLOG		4096
#define MOST_COST	0.60	/* of kernel TCP's, each */
#define MOST_OTHERS	10000
#define MOST_GROWTH	1.05	/* with so many other listeners */

#define SIZE		44	/* of a SYN */

enum how { BAD_SUM, ENTRY, COOKIE };

static int tun, ns, flood_port = PORT;
static struct tun_segment packets[65536];
static uint32_t next_source = 0x0a630001;	/* 10.99.0.1 */

static void make_network(void)
{
	ns = ns_make();
	/* nothing but SYN-ACKs leaves by the sink */
	tun = ns < 0 ? -1 : tun_before_sink(ns, SERVER);
	measure_must(tun >= 0 && !ns_sysctl_set(ns, "net.core.somaxconn", "%d", BACKLOG), "network");
}

/* The next SYN, from an address that did not send one yet. */
static void build(struct tun_segment *p, bool good)
{
	static const uint8_t mss[4] = { 2, 4, 1460 >> 8, 1460 & 0xff };

	*p = tun_segment(next_source, 1024 + next_source % 60000, SERVER, flood_port);
	p->tcp.seq = htonl(next_source * 2654435761u);
	p->tcp.doff = 6;
	p->tcp.syn = 1;
	memcpy(p->rest, mss, sizeof(mss));
	tun_finish(p, sizeof(mss));
	if (!good)
		p->tcp.check++;
	next_source = 0x0a630001 + (next_source - 0x0a630000) % 65000;
}

static long long sent(void)
{
	char *text = ns_read_file(ns, "/proc/net/dev"), *at = text ? strstr(text, "sink:") : NULL;
	unsigned long long packets = 0;

	if (!at || sscanf(at, "sink: %*u %*u %*u %*u %*u %*u %*u %*u %*u %llu", &packets) != 1)
		measure_die("no counter of the sink");
	free(text);
	return packets;
}

static void write_packets(int n)
{
	for (int i = 0; i < n; i++)
		measure_must(write(tun, &packets[i], SIZE) == SIZE, "write");
}

/* Seconds that @n SYNs take. Each of them must be answered, or none; in longer runs SYN-ACKs are sent again. */
static double shoot(enum how how, int n)
{
	long long before = sent(), answers;
	double start;

	for (int i = 0; i < n; i++)
		build(&packets[i], how != BAD_SUM);
	start = measure_now();
	write_packets(n);
	start = measure_now() - start;
	answers = sent() - before;
	if (how == BAD_SUM ? answers : n <= BACKLOG ? answers != n : answers < n) {
		fprintf(stderr, "bench_syn: %d SYNs, %lld answers\n", n, answers);
		exit(1);
	}
	return start;
}

static int open_listener(enum stack stack, enum how how)
{
	const char *knob = stack == XTCP ? "net.xtcp.syncookies" : "net.ipv4.tcp_syncookies";
	int listener;

	measure_must(!ns_sysctl_set(ns, knob, "%d", how == COOKIE ? 2 : 1), "syncookies");
	listener = stack_listener(ns, stack, SERVER, PORT, true);
	measure_must(listener >= 0 && !listen(listener, BACKLOG), "listen");
	return listener;
}

/* What one SYN costs net, in nanoseconds. */
static double cost(enum stack stack, enum how how, int n)
{
	int listener = open_listener(stack, how);
	double gross, control;

	shoot(how, n / 10);
	control = shoot(BAD_SUM, n);
	gross = shoot(how, n);
	close(listener);
	return (gross - control) / n * 1e9;
}

static bool compare(enum how how, const char *what, int rounds, int n)
{
	struct measure_rounds r = { .rounds = rounds, .n = n };

	for (int i = 0; i < rounds; i++) {
		r.theirs[i] = cost(KERNEL, how, n);
		r.ours[i] = cost(XTCP, how, n);
	}
	return measure_rounds_at_most(what, &r, MOST_COST);
}

static int run_cost(int rounds, int n)
{
	bool ok;

	/* what is cold the first time is no part of the figure */
	cost(KERNEL, ENTRY, n);
	cost(XTCP, ENTRY, n);
	ok = compare(ENTRY, "a SYN that leaves an entry", rounds, n);
	ok &= compare(COOKIE, "a SYN answered by cookie", rounds, n);
	return ok ? 0 : 1;
}

static int run_profile(const char *load, int n, const char *symbols)
{
	enum how how = !strcmp(load, "SYN") ? ENTRY : COOKIE;
	int i, listener, stack;

	for (stack = KERNEL; stack <= XTCP; stack++) {
		listener = open_listener(stack, how);
		shoot(how, n);
		for (i = 0; i < n; i++)
			build(&packets[i], true);
		profile_mark();
		write_packets(n);
		profile_mark();
		close(listener);
	}
	profile_copy_symbols(symbols);
	return 0;
}

static int there, other[MOST_OTHERS];

/* More listeners on the port, up to @n, each with an address of its own. */
static int add_listeners(void *arg)
{
	const int n = *(int *)arg;
	union stack_addr addr;
	char address[32];
	int fd;

	for (; there < n; there++) {
		snprintf(address, sizeof(address), "127.1.%d.%d", there / 200, 1 + there % 200);
		addr = stack_addr(address, PORT);
		fd = socket(AF_XTCP, SOCK_STREAM, XTCPPROTO_IPV4);
		if (fd < 0 || stack_set(fd, SOL_SOCKET, SO_REUSEADDR, 1) ||
		    bind(fd, &addr.sa, stack_addr_len(&addr)) || listen(fd, 1))
			return -1;
		other[there] = fd;
	}
	return 0;
}

/* What one SYN costs gross, in nanoseconds. */
static double gross_cost(int n)
{
	int listener = stack_listener(ns, XTCP, SERVER, PORT, true);
	double took;

	measure_must(listener >= 0 && !listen(listener, BACKLOG), "listen");
	shoot(ENTRY, n / 10);
	took = shoot(ENTRY, n);
	close(listener);
	return took / n * 1e9;
}

static int run_listeners(int rounds, int n)
{
	static const int others[] = { 1, 1000, MOST_OTHERS };
	const struct rlimit files = { MOST_OTHERS + 100, MOST_OTHERS + 100 };
	double costs[3], all[MEASURE_ROUNDS_MAX];
	char what[64];

	measure_must(!setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
	/* what is cold the first times is no part of the figure */
	for (int round = 0; round < 3; round++)
		gross_cost(n);
	for (int i = 0; i < 3; i++) {
		measure_must(!ns_call(ns, add_listeners, (void *)&others[i]), "listeners");
		for (int round = 0; round < rounds; round++)
			all[round] = gross_cost(n);
		costs[i] = measure_median(all, rounds);
		printf("a SYN with %5d other listeners  %8.0f ns  %6.3fx\n", others[i], costs[i], costs[i] / costs[0]);
		snprintf(what, sizeof(what), "a SYN with %d other listeners", others[i]);
		measure_record(what, "ns", costs[i] / costs[0], costs[i], costs[0]);
	}
	while (there)
		close(other[--there]);
	if (costs[1] <= costs[0] * MOST_GROWTH && costs[2] <= costs[0] * MOST_GROWTH)
		return 0;
	printf("more than %.2fx\n", MOST_GROWTH);
	return 1;
}

/* Connections in a second, and how many SYNs had to be sent again. */
struct goodput {
	double rate;
	long long resent;
};

static void serve(int listener)
{
	char octet;
	int fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		if (recv(fd, &octet, 1, 0) == 1)
			send(fd, &octet, 1, MSG_NOSIGNAL);
		close(fd);
	}
	_exit(1);
}

/* As many SYNs in a second as @rate says, in a burst each millisecond; like an interrupt they wait for nobody. */
static void flood(double rate)
{
	const struct sched_param highest = { .sched_priority = sched_get_priority_max(SCHED_FIFO) };
	long sent_so_far = 0;
	double start;

	if (sched_setscheduler(0, SCHED_FIFO, &highest))
		_exit(1);
	for (int i = 0; i < 60000; i++)
		build(&packets[i], true);
	start = measure_now();
	for (;;) {
		for (; sent_so_far < (measure_now() - start) * rate; sent_so_far++)
			if (write(tun, &packets[sent_so_far % 60000], SIZE) < 0)
				_exit(1);
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
}

static pid_t start(void (*body)(double), double rate, int listener)
{
	pid_t pid = fork();

	measure_must(pid >= 0, "fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (body)
		body(rate);
	serve(listener);
	_exit(1);
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static long long syns_resent(enum stack stack)
{
	return stack_counter(ns, stack, "TcpExt:TCPSynRetrans");
}

static void transact(enum stack stack)
{
	int fd = stack_connected(ns, stack, SERVER, PORT + stack);
	char octet = 'r';

	if (fd < 0 || send(fd, &octet, 1, MSG_NOSIGNAL) != 1 || recv(fd, &octet, 1, 0) != 1 || recv(fd, &octet, 1, 0))
		measure_die("transaction");
	close(fd);
}

/* One client, one server, @seconds long, SYNs at @rate on the same port. */
static struct goodput measure(enum stack stack, double rate, double seconds)
{
	int listener = stack_listener(ns, stack, SERVER, PORT + stack, true);
	struct goodput result = { .resent = syns_resent(stack) };
	pid_t server, flooder = 0;
	double begin;
	long done;

	measure_must(listener >= 0 && !listen(listener, 1024), "listen");
	flood_port = PORT + stack;
	server = start(NULL, 0, listener);
	if (rate > 0)
		flooder = start(flood, rate, -1);
	/* until the queue is full, and what is cold is warm */
	for (begin = measure_now(); measure_now() < begin + seconds / 4;)
		transact(stack);
	begin = measure_now();
	for (done = 0; measure_now() < begin + seconds; done++)
		transact(stack);
	result.rate = done / (measure_now() - begin);
	result.resent = syns_resent(stack) - result.resent;
	if (flooder)
		stop(flooder);
	stop(server);
	close(listener);
	return result;
}

static int run_flood(int ms)
{
	double seconds = ms / 1000.0, low = 0, high = 100000, rate = 0;
	double ratio;
	struct goodput calm = measure(KERNEL, 0, seconds), kept, ours, ours_calm;

	for (int i = 0; i < 8; i++) {
		rate = (low + high) / 2;
		kept = measure(KERNEL, rate, seconds);
		*(kept.rate < calm.rate / 2 ? &high : &low) = rate;
	}
	ours_calm = measure(XTCP, 0, seconds);
	ours = measure(XTCP, rate, seconds);
	ratio = ours.rate / kept.rate;
	printf("kernel TCP: %.0f connections/s, %.0f with %.0f SYNs/s, %lld SYNs of clients sent again\n", calm.rate,
	       kept.rate, rate, kept.resent);
	printf("xtcp:       %.0f connections/s, %.0f with as many, %lld SYNs of clients sent again\n", ours_calm.rate,
	       ours.rate, ours.resent);
	printf("goodput under the flood             %5.2fx  (at least 1.20x%s)\n", ratio, ratio < 1.2 ? ": BELOW" : "");
	measure_record("goodput under the flood", "connections/s", ratio, ours.rate, kept.rate);
	return ratio >= 1.2 && !ours.resent ? 0 : 1;
}

static long object_size(const char *slab)
{
	char line[256], name[64];
	long size = -1, seen;
	FILE *file = fopen("/proc/slabinfo", "re");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %*d %*d %ld", name, &seen) == 2 && !strcmp(name, slab))
			size = seen;
	if (file)
		fclose(file);
	return size;
}

static void record_size(const char *what, const char *ours, const char *theirs)
{
	double value = object_size(ours), against = object_size(theirs);

	measure_record(what, "octets", value / against, value, against);
}

static int run_memory(void)
{
	struct slabs few, many;
	bool same = true;
	int i, listener;

	printf("octets of a half-open connection:  %ld over IPv4, %ld over IPv6; kernel TCP %ld and %ld\n",
	       object_size("xtcp_request"), object_size("xtcp_request6"), object_size("request_sock_TCP"),
	       object_size("request_sock_TCPv6"));
	record_size("a half-open connection over IPv4", "xtcp_request", "request_sock_TCP");
	record_size("a half-open connection over IPv6", "xtcp_request6", "request_sock_TCPv6");
	ns_sysctl_set(ns, "net.xtcp.syncookies", "1");
	listener = stack_listener(ns, XTCP, SERVER, PORT, true);
	measure_must(listener >= 0 && !listen(listener, BACKLOG), "listen");
	shoot(ENTRY, 10000);
	slabs_read(&few);
	shoot(ENTRY, 50000);
	slabs_read(&many);
	for (i = 0; i < SLABS_N; i++) {
		if (few.active[i] == many.active[i])
			continue;
		printf("%s: %ld objects after 10,000 SYNs, %ld after 60,000\n", slabs_names[i], few.active[i],
		       many.active[i]);
		same = false;
	}
	if (same)
		printf("xtcp's slabs after 10,000 and after 60,000 SYNs: the same\n");
	close(listener);
	return same && object_size("xtcp_request") <= 96 && object_size("xtcp_request6") <= 128 ? 0 : 1;
}

int main(int argc, char **argv)
{
	bool cost_mode = argc == 4 && !strcmp(argv[1], "cost");
	bool flood_mode = argc == 3 && !strcmp(argv[1], "flood");
	bool memory_mode = argc == 2 && !strcmp(argv[1], "memory");
	bool listeners_mode = argc == 4 && !strcmp(argv[1], "listeners");
	bool profile_mode = argc == 5 && !strcmp(argv[1], "profile") &&
			    (!strcmp(argv[2], "SYN") || !strcmp(argv[2], "COOKIE"));
	int first = argc > 2 && !profile_mode ? atoi(argv[2]) : 1, n = argc > 3 ? atoi(argv[3]) : 1, status;

	measure_begin((cost_mode || listeners_mode || flood_mode || profile_mode || memory_mode) && first >= 1 &&
		      n >= 1 && n <= BACKLOG / 2 && (first <= MEASURE_ROUNDS_MAX || !(cost_mode || listeners_mode)),
		      "see the head of bench_syn.c");
	make_network();
	if (cost_mode)
		status = run_cost(first, n);
	else if (listeners_mode)
		status = run_listeners(first, n);
	else if (flood_mode)
		status = run_flood(first);
	else if (profile_mode)
		status = run_profile(argv[2], n, argv[4]);
	else
		status = run_memory();
	close_each(tun, ns);
	measure_end();
	return status;
}
