// SPDX-License-Identifier: GPL-2.0
/*
 * Very many connections that xtcp has accepted, in one machine (`make bench`):
 *
 *	bench_million CONNECTIONS
 *		octets of kernel memory for each, descriptor included: when it is established,
 *		and a quiet minute after an octet each way. What it takes, while all of them are
 *		there, to accept another one, to open and close another listener, to list each
 *		by /proc and by netlink, to probe some by keepalive, and to be refused the
 *		unloading of the module; then the end of all, of their namespace, and of the module
 *
 * The other end is this program, which writes segments into a tun device: it has no sock. Under -icount time is
 * instructions. XTCP_KO names the module, which must not be loaded.
 */
#include "measure.h"
#include "test.h"
#include "tun.h"

#define SERVER		"10.8.0.1"
#define PORT		7000
#define PEERS		0x0a630001	/* 10.99.0.1 */
#define PORTS		50000		/* of each peer */
#define FIRST_PORT	10000
#define WARM		1000		/* connections before the first look at the memory */
#define PIECE		10000		/* so many are timed: the first ones, the last ones */
#define QUIET_S		61
#define KEEPALIVE_S	3600		/* longer than all until then */
#define MOST_MEMORY	2500
#define MOST_QUIET	2700
#define MOST_LATER	1.05		/* times what the first ones take */

static int ns, tun, listener, *fds;
static uint32_t *irs;		/* the first sequence number of each server */

static uint32_t iss_of(int i)
{
	return i * 2654435761u;
}

/* A segment of peer @i at @seq behind its SYN, with @len octets of text or, if it is a SYN, of options. */
static void put(int i, bool syn, uint32_t seq, uint32_t ack, unsigned int len)
{
	static const uint8_t options[8] = { 2, 4, 1460 >> 8, 1460 & 0xff, 4, 2, 1, 1 };
	struct tun_segment s = tun_segment(PEERS + i / PORTS, FIRST_PORT + i % PORTS, SERVER, PORT);

	s.tcp.seq = htonl(iss_of(i) + seq);
	s.tcp.ack_seq = htonl(ack);
	s.tcp.syn = syn;
	s.tcp.ack = !syn;
	if (syn) {
		s.tcp.doff += len / 4;
		memcpy(s.rest, options, len);
	}
	measure_must(tun_send(tun, &s, len), "write");
}

/* The next segment of a server: its connection, or -1 if none is there. @text: octets of text. */
static int get(struct tcphdr *tcp, int *text)
{
	uint8_t packet[2048];
	struct iphdr ip;
	ssize_t len;

	do {
		len = read(tun, packet, sizeof(packet));
		if (len < 0)
			return -1;
		memcpy(&ip, packet, sizeof(ip));
	} while (len < (ssize_t)(sizeof(ip) + sizeof(*tcp)) || ip.version != 4 || ip.protocol != IPPROTO_TCP);
	memcpy(tcp, packet + sizeof(ip), sizeof(*tcp));
	*text = ntohs(ip.tot_len) - sizeof(ip) - 4 * tcp->doff;
	return (ntohl(ip.daddr) - PEERS) * PORTS + ntohs(tcp->dest) - FIRST_PORT;
}

static void open_one(int i)
{
	struct tcphdr tcp;
	int text;

	put(i, true, 0, 0, 8);
	measure_must(get(&tcp, &text) == i && tcp.syn && tcp.ack, "no SYN-ACK");
	irs[i] = ntohl(tcp.seq);
	put(i, false, 1, irs[i] + 1, 0);
	fds[i] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	measure_must(fds[i] >= 0, "accept");
}

static void exchange(int i)
{
	struct tcphdr tcp;
	int text = 0;
	char octet;

	put(i, false, 1, irs[i] + 1, 1);
	measure_must(recv(fds[i], &octet, 1, 0) == 1 && send(fds[i], &octet, 1, 0) == 1, "an octet");
	/* perhaps an ACK comes first */
	while (!text)
		measure_must(get(&tcp, &text) == i, "no text");
	put(i, false, 2, irs[i] + 2, 0);
}

/* Nanoseconds of each that is opened from @first to before @end. */
static double open_some(int first, int end)
{
	double begin = measure_now();

	for (int i = first; i < end; i++)
		open_one(i);
	return (measure_now() - begin) / (end - first) * 1e9;
}

static int count_lines(void *path)
{
	FILE *file = fopen(path, "re");
	int lines = -1, octet;

	measure_must(file, path);
	while ((octet = getc_unlocked(file)) != EOF)
		lines += octet == '\n';
	fclose(file);
	return lines;
}

static int count_dumped(void *unused)
{
	const struct diag_query query = { .stack = XTCP };

	(void)unused;
	return diag_dump(&query, NULL, NULL);
}

static bool bounded(const char *what, const char *unit, double value, double most, double against)
{
	printf("%-52s %10.0f %s", what, value, unit);
	if (against)
		printf("  %.3fx", value / against);
	if (most)
		printf("  (at most %.*f%s)", against ? 2 : 0, most, value / (against ?: 1) > most ? ": ABOVE" : "");
	putchar('\n');
	fflush(stdout);
	measure_record(what, unit, value / (against ?: most ?: 1), value, against ?: most);
	return !most || value / (against ?: 1) <= most;
}

static bool listed(const char *what, int (*count)(void *), const char *path, int expected)
{
	double begin = measure_now();
	int rows = ns_call(ns, count, (void *)path);

	bounded(what, "ns a row", (measure_now() - begin) / expected * 1e9, 0, 0);
	if (rows != expected)
		printf("%d rows, not %d\n", rows, expected);
	return rows == expected;
}

/* Answers each of @n probes, as they come. */
static void answer_probes(int n, double from)
{
	double idle = measure_now() - measure_busy();
	int i, text, seen = 0;
	struct tcphdr tcp;

	while (seen < n) {
		measure_must(stack_poll(tun, POLLIN, 2 * KEEPALIVE_S * 1000), "no probe");
		while ((i = get(&tcp, &text)) >= 0) {
			measure_must(i < n && ntohl(tcp.seq) == irs[i] + 1, "no probe, but something else");
			put(i, false, 2, irs[i] + 2, 0);
			seen++;
		}
	}
	idle = measure_now() - measure_busy() - idle;
	bounded("a keepalive probe and its answer", "ns", (measure_now() - from - idle) / n * 1e9, 0, 0);
}

static void set_up(int n)
{
	const struct rlimit files = { n + WARM, n + WARM };

	/* reads the module that this uses from disk, at which the clock may jump, now */
	measure_must(ns_all_ended(600000), "namespaces");
	ns = ns_make();
	tun = ns < 0 ? -1 : tun_open(ns, "tun0");
	measure_must(tun >= 0 && !ns_shell(ns, "ip addr add %s/24 dev tun0 && ip link set tun0 up txqueuelen 10000 &&"
					   "ip route add 10.99.0.0/16 dev tun0", SERVER), "network");
	measure_must(!ns_sysctl_set(ns, "fs.file-max", "%d", n + 100000) &&
		     !ns_sysctl_set(ns, "net.xtcp.keepalive_time", "%d", KEEPALIVE_S) &&
		     !setrlimit(RLIMIT_NOFILE, &files), "limits");
	listener = stack_listener(ns, XTCP, SERVER, PORT, true);
	measure_must(listener >= 0 && !listen(listener, 128), "listen");
	fds = calloc(n + PIECE, sizeof(*fds));
	irs = calloc(n + PIECE, sizeof(*irs));
	measure_must(fds && irs, "calloc");
	memset(fds, 1, (n + PIECE) * sizeof(*fds));
	memset(irs, 1, (n + PIECE) * sizeof(*irs));
}

static bool run(int n)
{
	double began = measure_now(), from, first, later;
	long before, after;
	bool ok;

	set_up(n);
	open_some(0, WARM);
	before = measure_kernel_memory();
	first = open_some(WARM, WARM + PIECE);
	open_some(WARM + PIECE, n - PIECE);
	later = open_some(n - PIECE, n);
	after = measure_kernel_memory();
	ok = bounded("memory of an established connection", "octets", (double)(after - before) / (n - WARM),
		     MOST_MEMORY, 0);
	ok &= bounded("one more connection, against one of the first", "ns", later, MOST_LATER, first);
	for (int i = 0; i < n; i++)
		exchange(i);
	/* the kernel runs all timers of two minutes at once: no more than the queue of tun0 has room for */
	for (int i = 0; i < PIECE; i++)
		measure_must(!stack_set(fds[i], SOL_SOCKET, SO_KEEPALIVE, 1), "keepalive");
	measure_busy_until(measure_now() + QUIET_S);
	after = measure_kernel_memory();
	/* that of the first ones' text is in it, too */
	ok &= bounded("the same a quiet minute after an octet each way", "octets",
		      (double)(after - before) / (n - WARM), MOST_QUIET, 0);

	from = measure_now();
	close(stack_listener(ns, XTCP, SERVER, PORT + 1, true));
	bounded("another listener, opened and closed", "ns", (measure_now() - from) * 1e9, 0, 0);
	ok &= listed("a row of /proc/net/xtcp", count_lines, "/proc/net/xtcp", n + 1);
	ok &= listed("a row by netlink", count_dumped, NULL, n + 1);

	from = began + KEEPALIVE_S - 1;
	measure_must(measure_now() < from, "no time is left before the first probe");
	measure_busy_until(from);
	answer_probes(PIECE, from);

	from = measure_now();
	measure_must(module_unload_now() && module_is_loaded(), "the module was unloaded");
	bounded("rmmod, refused", "ns", (measure_now() - from) * 1e9, 0, 0);

	from = measure_now();
	stack_close(fds, n);
	bounded("close()", "ns", (measure_now() - from) / n * 1e9, 0, 0);
	from = measure_now();
	close_each(listener, tun, ns);
	measure_must(ns_all_ended(600000), "the namespace does not end");
	bounded("the end of the namespace", "us", (measure_now() - from) * 1e6, 0, 0);
	from = measure_now();
	measure_must(!module_unload(), "unload");
	bounded("rmmod", "us", (measure_now() - from) * 1e6, 0, 0);
	return ok;
}

int main(int argc, char **argv)
{
	int n = argc == 2 ? atoi(argv[1]) : 0;

	if (n < WARM + 2 * PIECE) {
		fprintf(stderr, "bench_million: see the head of bench_million.c\n");
		return 2;
	}
	/* the clock would jump while a page of this program is read again that was dropped with the caches */
	measure_must(!mlockall(MCL_CURRENT | MCL_FUTURE), "mlockall");
	measure_must(!module_is_loaded() && !module_load(""), "cannot load xtcp");
	return run(n) ? 0 : 1;
}
