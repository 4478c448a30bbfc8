// SPDX-License-Identifier: GPL-2.0
/*
 * What PSH at the end of each bundle costs or saves a receiver (`make bench`):
 *
 *	bench_push PAIRS MEGABYTES
 *		a stream over a veth, from either stack to the other one and from kernel TCP
 *		to itself, by writes of 64 KB: megabytes a second, and for each megabyte the
 *		skbs that the receiver's IP gets, the ACKs, the receiver's recv() calls and
 *		how often it sleeps. In one pass bundles cross the veth whole; in the other
 *		the sender's device cuts them into segments, and the receiver's GRO merges these
 *
 * XTCP_KO names the module, and AB_KO another build. If that file exists, both builds
 * take turns. The figures are medians.
 */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>

#include "measure.h"
#include "test.h"

#define PORT		7140
#define PIECE		65536
#define PAIRS_MAX	31
#define MIB		1048576.0

enum figure { RATE, SKBS, ACKS, CALLS, SLEEPS, FIGURES };

static const char * const figure_name[FIGURES] = { "MB/s", "skbs", "ACKs", "recv()", "sleeps" };

static const struct {
	enum stack sender, receiver;
} ways[] = { { KERNEL, KERNEL }, { KERNEL, XTCP }, { XTCP, KERNEL } };

#define WAYS (sizeof(ways) / sizeof(*ways))

enum build { NOW, THEN, BUILDS };

static const char * const build_variable[BUILDS] = { "NOW_KO", "AB_KO" };
static const char * const build_name[BUILDS] = { ", now", ", then" };

static struct ns_pair pair;
static char piece[PIECE];
static long *seen;	/* shared with the receiver: calls, sleeps */

static int set_offload(int ns, unsigned int command, unsigned int on)
{
	struct ethtool_value value = { .cmd = command, .data = on };
	struct ifreq request = { .ifr_name = "veth0", .ifr_data = (char *)&value };
	int fd = ns_socket(ns, AF_INET, SOCK_DGRAM, 0), status;

	status = fd < 0 ? -1 : ioctl(fd, SIOCETHTOOL, &request);
	close(fd);
	return status;
}

/* How many skbs IP in @ns has got from its links. */
static long ip_received(int ns)
{
	char *text = ns_read_file(ns, "/proc/net/snmp"), *at = text ? strstr(text, "\nIp: ") : NULL;
	long value = -1;

	if (!at && text && !strncmp(text, "Ip: ", 4))
		at = strchr(text, '\n');
	measure_must(at && sscanf(at + 1, "Ip: %*d %*d %ld", &value) == 1, "/proc/net/snmp");
	free(text);
	return value;
}

static int receive(void *listener)
{
	struct rusage before, after;
	int fd = accept(*(int *)listener, NULL, NULL);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd < 0 || getrusage(RUSAGE_SELF, &before))
		return 1;
	seen[0] = 0;
	while (recv(fd, piece, PIECE, 0) > 0)
		seen[0]++;
	if (getrusage(RUSAGE_SELF, &after))
		return 1;
	seen[1] = after.ru_nvcsw - before.ru_nvcsw;
	close(fd);
	return 0;
}

static void run_stream(enum stack sender, enum stack receiver, long megabytes, double figures[FIGURES])
{
	int listener = stack_listener(pair.b, receiver, NS_B4, PORT + receiver, true), status, fd;
	long octets = megabytes * MIB, skbs, acks;
	double begin;
	ssize_t n;
	pid_t pid;

	measure_must(listener >= 0, "listen");
	pid = ns_fork(pair.b, receive, &listener);
	fd = stack_connected(pair.a, sender, NS_B4, PORT + receiver);
	measure_must(pid >= 0 && fd >= 0, "connect");
	skbs = ip_received(pair.b);
	acks = ip_received(pair.a);
	begin = measure_now();
	for (; octets > 0; octets -= n) {
		n = send(fd, piece, octets < PIECE ? octets : PIECE, MSG_NOSIGNAL);
		measure_must(n > 0, "send");
	}
	shutdown(fd, SHUT_WR);
	/* the receiver has read everything when it closes */
	measure_must(!recv(fd, piece, 1, 0), "the stream's end");
	figures[RATE] = megabytes / (measure_now() - begin);
	figures[SKBS] = (double)(ip_received(pair.b) - skbs) / megabytes;
	figures[ACKS] = (double)(ip_received(pair.a) - acks) / megabytes;
	close_each(fd, listener);
	measure_must(waitpid(pid, &status, 0) == pid && !status, "receiver");
	figures[CALLS] = (double)seen[0] / megabytes;
	figures[SLEEPS] = (double)seen[1] / megabytes;
}

static double figures[2][WAYS][BUILDS][FIGURES][PAIRS_MAX];

/* @cut: the sender's device cuts bundles, and the receiver's GRO merges segments */
static void measure(enum build build, bool cut, long megabytes, int round)
{
	double got[FIGURES];
	size_t way;
	int f;

	if (set_offload(pair.a, ETHTOOL_STSO, !cut) || set_offload(pair.b, ETHTOOL_SGRO, cut))
		measure_die("ethtool");
	for (way = 0; way < WAYS; way++) {
		run_stream(ways[way].sender, ways[way].receiver, megabytes / 10 + 1, got);
		run_stream(ways[way].sender, ways[way].receiver, megabytes, got);
		for (f = 0; f < FIGURES; f++)
			figures[cut][way][build][f][round] = got[f];
	}
}

static void report_way(size_t way, bool cut, const char *build, double got[FIGURES][PAIRS_MAX], int pairs)
{
	int f;

	printf("%s to %s, %s%s:", stack_name(ways[way].sender), stack_name(ways[way].receiver),
	       cut ? "cut and merged" : "whole bundles", build);
	for (f = 0; f < FIGURES; f++)
		printf(" %s %.2f", figure_name[f], measure_median(got[f], pairs));
	printf("\n");
}

static void report(int builds, int pairs)
{
	int cut, build;
	size_t way;

	for (cut = 0; cut < 2; cut++)
		for (way = 0; way < WAYS; way++)
			for (build = 0; build < builds; build++)
				report_way(way, cut, builds > 1 ? build_name[build] : "", figures[cut][way][build],
					   pairs);
}

int main(int argc, char **argv)
{
	int pairs = argc == 3 ? atoi(argv[1]) : 0, builds = 1, round, build, cut;
	long megabytes = argc == 3 ? atol(argv[2]) : 0;
	const char *other = getenv("AB_KO");

	if (pairs < 1 || pairs > PAIRS_MAX || megabytes < 1) {
		fprintf(stderr, "Usage: bench_push PAIRS MEGABYTES\n");
		return 2;
	}
	if (other && !access(other, R_OK))
		builds = BUILDS;
	seen = mmap(NULL, 2 * sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	measure_must(seen != MAP_FAILED && !ns_pair_make(&pair), "start");
	setenv("NOW_KO", getenv("XTCP_KO"), 1);
	for (round = 0; round < pairs; round++)
		for (build = 0; build < builds; build++) {
			setenv("XTCP_KO", getenv(build_variable[build]), 1);
			measure_must(!module_load(""), "cannot load xtcp");
			for (cut = 0; cut < 2; cut++)
				measure(build, cut, megabytes, round);
			measure_must(WAIT_FOR(!module_unload(), STACK_DEADLINE_MS), "cannot unload xtcp");
		}
	report(builds, pairs);
	ns_pair_close(&pair);
	return 0;
}
