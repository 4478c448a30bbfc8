// SPDX-License-Identifier: GPL-2.0
/*
 * ECN between two stacks: over a network that marks instead of dropping nothing is
 * lost, and the sender slows down all the same; the feature "ecn" of a route.
 *
 *	ecn [-4|-6] [-s kernel|xtcp]
 *
 * Each network is there once for real segments and once for bundles, of which the
 * first segment alone may carry CWR.
 */
#include <errno.h>
#include <kselftest.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "counters.h"
#include "netem.h"
#include "ns.h"
#include "sides.h"
#include "stack.h"

#define PORT	5600
#define OCTETS	(2 << 20)
#define TESTS	8
#define ENDLESS	0x7fffffff	/* ssthresh of a sender that met no congestion */
#define STALL_MS 20000

static void must(bool condition, const char *what)
{
	if (!condition)
		ksft_exit_fail_msg("%s: %s\n", what, strerror(errno));
}

static struct tcp_info info_of(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	must(!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), "TCP_INFO");
	return info;
}

static bool is_v6(const struct sides *s)
{
	return strchr(s->addr, ':');
}

/* Congestion that arrived in @ns, in segments. */
static long long marks(int ns, const struct sides *s)
{
	static const char name[] = "Ip6InCEPkts";
	char *text, *at;
	long long n;

	if (!is_v6(s))
		return counter_now(ns, "/proc/net/netstat", "IpExt:InCEPkts");
	text = ns_read_file(ns, "/proc/net/snmp6");
	at = text ? strstr(text, name) : NULL;
	must(at, name);
	n = atoll(at + strlen(name));
	free(text);
	return n;
}

static long long extended(int ns, enum stack stack, const char *name)
{
	return counter_now(ns, stack == XTCP ? "/proc/net/xtcp_netstat" : "/proc/net/netstat", name);
}

/*
 * Did something come before what was in front of it? That was lost then, as the order does not change (keep_order());
 * but for a sender that stood still so long that it timed out, and goes by another queue of the device from then on.
 */
static bool is_lost(const struct ns_pair *pair, const struct sides *s)
{
	long long holes = extended(pair->b, s->server, "TcpExt:TCPOFOQueue");
	long long timeouts = extended(pair->a, s->client, "TcpExt:TCPTimeouts");

	if (holes)
		printf("# %lld segments out of order, %lld timeouts\n", holes, timeouts);
	return holes && !timeouts;
}

static void set_ecn(int ns, enum stack stack, int value)
{
	must(!ns_sysctl_set(ns, stack == XTCP ? "net.xtcp.ecn" : "net.ipv4.tcp_ecn", "%d", value), "ecn");
	/* a SYN that is lost, since a link that is up may need a moment, asks again when it is repeated */
	must(!ns_sysctl_set(ns, stack == XTCP ? "net.xtcp.ecn_fallback" : "net.ipv4.tcp_ecn_fallback", "0"),
	     "ecn_fallback");
}

/* All that @to has by now; false when an octet is wrong. */
static bool take(int to, long long *received)
{
	static unsigned char octets[65536];
	ssize_t n, i;

	while ((n = recv(to, octets, sizeof(octets), MSG_DONTWAIT)) > 0)
		for (i = 0; i < n; i++, ++*received)
			if (octets[i] != (unsigned char)(*received * 7 + (*received >> 8)))
				return false;
	return n < 0 && errno == EAGAIN;
}

/* A stream without its end: a FIN says no ECT, so it may be lost. */
static bool stream(int from, int to)
{
	static unsigned char octets[65536];
	long long sent = 0, received = 0;
	ssize_t n;
	int i;

	while (received < OCTETS) {
		struct pollfd p[2] = {
			{ .fd = to, .events = POLLIN },
			{ .fd = sent < OCTETS ? from : -1, .events = POLLOUT },
		};

		if (poll(p, 2, STALL_MS) <= 0)
			return false;
		if (p[1].revents) {
			n = OCTETS - sent < (int)sizeof(octets) ? OCTETS - sent : (int)sizeof(octets);
			for (i = 0; i < n; i++)
				octets[i] = (sent + i) * 7 + ((sent + i) >> 8);
			n = send(from, octets, n, MSG_DONTWAIT | MSG_NOSIGNAL);
			if (n < 0 && errno != EAGAIN)
				return false;
			sent += n > 0 ? n : 0;
		}
		if (!take(to, &received))
			return false;
	}
	return true;
}

static int set_offload(void *value)
{
	struct ifreq ifr = { .ifr_name = "veth0", .ifr_data = value };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	ret = ioctl(fd, SIOCETHTOOL, &ifr);
	close(fd);
	return ret;
}

/*
 * What goes through a veth comes out in another order when two processors send. Not so through the ring of one that
 * does GRO, which takes no bundles: those are cut behind netem.
 */
static void keep_order(const struct ns_pair *pair)
{
	struct ethtool_value no_tso = { .cmd = ETHTOOL_STSO, .data = 0 };
	struct ethtool_value gro = { .cmd = ETHTOOL_SGRO, .data = 1 };

	must(!ns_call(pair->a, set_offload, &no_tso) && !ns_call(pair->b, set_offload, &gro), "offloads");
}

static struct ns_pair new_pair(void)
{
	struct ns_pair pair;

	must(!ns_pair_make(&pair), "namespaces");
	sides_know_each_other(&pair);
	return pair;
}

static void marking_network(const struct sides *s, bool bundles)
{
	const struct netem marking = { .delay_ms = 5, .loss = bundles ? 300000 : 20000, .ecn = true };
	struct ns_pair pair = new_pair();
	struct tcp_info sender, receiver;
	int client, server;
	char line[160];
	bool whole;

	if (!bundles)
		must(!ns_link_gso_max_segs(pair.a, "veth0", 1) && !ns_link_gso_max_segs(pair.b, "veth0", 1),
		     "gso_max_segs");
	keep_order(&pair);
	set_ecn(pair.a, s->client, 1);
	stack_pair_or_die(pair.a, s->client, pair.b, s->server, s->addr, PORT, &client, &server);
	must(!netem_set(pair.a, "veth0", &marking), "netem");
	whole = stream(client, server);
	sender = info_of(client);
	receiver = info_of(server);
	must(!netem_clear(pair.a, "veth0"), "netem");

	snprintf(line, sizeof(line), "%s: marked %lld segments, and nothing is lost",
		 bundles ? "bundles" : "real segments", marks(pair.b, s));
	sides_result(whole && marks(pair.b, s) > 0 && !is_lost(&pair, s), line);
	sides_result(sender.tcpi_options & TCPI_OPT_ECN && receiver.tcpi_options & TCPI_OPT_ECN_SEEN,
		     "both ends know of it");
	sides_result(sender.tcpi_snd_ssthresh < ENDLESS, "the sender slows down");
	close(client);
	close(server);
	ns_pair_close(&pair);
}

static void add_feature(int ns, const struct sides *s, const char *to)
{
	must(!ns_shell(ns, "ip %s route add %s dev veth0 features ecn", is_v6(s) ? "-6" : "", to), "route");
}

/* Does a new connection use ECN? */
static bool agrees(const struct ns_pair *pair, const struct sides *s)
{
	int client, server;
	bool both;

	stack_pair_or_die(pair->a, s->client, pair->b, s->server, s->addr, PORT, &client, &server);
	both = info_of(client).tcpi_options & info_of(server).tcpi_options & TCPI_OPT_ECN;
	close(client);
	close(server);
	return both;
}

static void feature(const struct sides *s)
{
	struct ns_pair pair = new_pair();
	bool without, asked;

	set_ecn(pair.a, s->client, 0);
	set_ecn(pair.b, s->server, 0);
	without = agrees(&pair, s);
	add_feature(pair.a, s, s->addr);
	asked = agrees(&pair, s);
	add_feature(pair.b, s, s->client_addr);
	sides_result(!without && !asked, "ecn=0, and a route with the feature at one end: no ECN");
	sides_result(agrees(&pair, s), "ecn=0, and such a route at both ends: ECN");
	ns_pair_close(&pair);
}

static void all(const struct sides *s)
{
	marking_network(s, false);
	marking_network(s, true);
	feature(s);
}

int main(int argc, char **argv)
{
	struct sides sides[SIDES_MAX];
	int n = sides_parse(argc, argv, sides);

	ksft_print_header();
	ksft_set_plan(n * TESTS);
	return sides_each(sides, n, TESTS, all);
}
