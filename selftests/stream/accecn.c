// SPDX-License-Identifier: GPL-2.0
/*
 * AccECN (RFC 9768) between two stacks: over a network that marks instead of dropping a sender
 * knows exactly how many of its segments were marked, also when the other end sends,
 * too; every mode of net.xtcp.ecn towards every other.
 *
 *	accecn [-4|-6] [-s xtcp]
 *
 * Kernel TCP takes part where it has AccECN. Each network is there once for real segments and once for
 * bundles, which have to carry the ACE field in all segments.
 */
#include <errno.h>
#include <kselftest.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <netinet/in.h>
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

#define PORT	5610
#define OCTETS	1048576
#define MODES	6
#define TESTS	(2 * 3 + 1)
#define ENDLESS	0x7fffffff	/* ssthresh of a sender that met no congestion */
#define STALL_MS 20000
#define ECN_MODE_AT 276		/* of Linux 7's struct tcp_info: tcpi_ecn_mode is the two lowest bits there */

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
static bool is_lost(const struct ns_pair *pair, const struct sides *s, long long holes_before)
{
	long long holes = extended(pair->b, s->server, "TcpExt:TCPOFOQueue") - holes_before;
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

/* All is acknowledged, so all feedback is there. */
static struct tcp_info settled(int fd)
{
	struct tcp_info info;
	int i;

	for (i = 0; i < STALL_MS / 10; i++) {
		info = info_of(fd);
		if (!info.tcpi_unacked && !info.tcpi_notsent_bytes)
			break;
		poll(NULL, 0, 10);
	}
	return info;
}

/*
 * Kernel TCP sends ACKs that may be marked, too, and the last of these marks are told by no ACK yet: at most
 * two, and the ACKs that told of the ones before (RFC 9768 section 3.2.2.5.1).
 */
static bool agrees(enum stack stack, long long marked, long long known)
{
	return stack == XTCP ? known == marked : known <= marked && known + 7 >= marked;
}

static bool exchange(int from, int to)
{
	char octets[3000];

	memset(octets, 'x', sizeof(octets));
	return send(from, octets, sizeof(octets), 0) == sizeof(octets) &&
	       recv(to, octets, sizeof(octets), MSG_WAITALL) == sizeof(octets);
}

static void marking_network(const struct sides *s, bool bundles)
{
	const struct netem marking = { .delay_ms = 5, .loss = bundles ? 300000 : 20000, .ecn = true };
	const char *what = bundles ? "bundles" : "real segments";
	struct ns_pair pair = new_pair();
	struct tcp_info there, back, again;
	long long marked, marked_back, holes;
	int client, server;
	char line[160];
	bool whole;

	if (!bundles)
		must(!ns_link_gso_max_segs(pair.a, "veth0", 1) && !ns_link_gso_max_segs(pair.b, "veth0", 1),
		     "gso_max_segs");
	keep_order(&pair);
	set_ecn(pair.a, s->client, 3);
	set_ecn(pair.b, s->server, 3);
	stack_pair_or_die(pair.a, s->client, pair.b, s->server, s->addr, PORT, &client, &server);
	/* three marks before the first ACK would make its counter 0, as if it had been zeroed (section 3.2.2.4) */
	must(exchange(client, server) && exchange(server, client), "exchange");
	/* GRO may have let a short segment pass those before it */
	holes = extended(pair.b, s->server, "TcpExt:TCPOFOQueue");
	must(!netem_set(pair.a, "veth0", &marking), "netem");
	whole = stream(client, server);
	there = settled(client);
	marked = marks(pair.b, s);
	snprintf(line, sizeof(line), "%s: marked %lld segments, the sender knows of %u, and slows down", what,
		 marked, there.tcpi_delivered_ce);
	sides_result(whole && marked > 0 && agrees(s->client, marked, there.tcpi_delivered_ce) &&
		     !is_lost(&pair, s, holes) && there.tcpi_snd_ssthresh < ENDLESS, line);

	/*
	 * The other way, too: what goes there says how much of the above was marked. Pure ACKs of xtcp are Not-ECT, and
	 * netem would drop them.
	 */
	must(!netem_clear(pair.a, "veth0") && !netem_set(pair.b, "veth0", &marking), "netem");
	whole = stream(server, client);
	back = settled(server);
	marked_back = marks(pair.a, s);
	snprintf(line, sizeof(line), "%s back: marked %lld segments, the sender knows of %u", what, marked_back,
		 back.tcpi_delivered_ce);
	sides_result(whole && marked_back > 0 && agrees(s->server, marked_back, back.tcpi_delivered_ce), line);
	again = info_of(client);
	marked = marks(pair.b, s);
	snprintf(line, sizeof(line), "%s: it still knows of %u, of %lld marks", what, again.tcpi_delivered_ce, marked);
	sides_result(agrees(s->client, marked, again.tcpi_delivered_ce), line);
	close(client);
	close(server);
	ns_pair_close(&pair);
}

/* 0 none, 1 ECN, 2 AccECN: as RFC 9768 table 2 has it. */
static int kind_of(int client_mode, int server_mode)
{
	static const int asked[MODES] = { 0, 1, 0, 2, 1, 0 }, granted[MODES] = { 0, 1, 1, 2, 2, 2 };

	return asked[client_mode] < granted[server_mode] ? asked[client_mode] : granted[server_mode];
}

static bool is_kind(int fd, int kind)
{
	unsigned char info[512] = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len))
		return false;
	if (!(((struct tcp_info *)info)->tcpi_options & TCPI_OPT_ECN) != !kind)
		return false;
	return len <= ECN_MODE_AT || (info[ECN_MODE_AT] & 3) == kind;
}

static void modes(const struct sides *s)
{
	struct ns_pair pair = new_pair();
	int client_mode, server_mode, client, server, kind;
	bool good = true;

	for (client_mode = 0; client_mode < MODES; client_mode++)
		for (server_mode = 0; server_mode < MODES; server_mode++) {
			set_ecn(pair.a, s->client, client_mode);
			set_ecn(pair.b, s->server, server_mode);
			kind = kind_of(client_mode, server_mode);
			stack_pair_or_die(pair.a, s->client, pair.b, s->server, s->addr, PORT, &client, &server);
			if (!exchange(client, server) || !exchange(server, client) || !is_kind(client, kind) ||
			    !is_kind(server, kind) || info_of(client).tcpi_delivered_ce ||
			    info_of(server).tcpi_delivered_ce) {
				printf("# client %d, server %d: not as it should be\n", client_mode, server_mode);
				good = false;
			}
			close(client);
			close(server);
		}
	sides_result(good, "each mode towards each other");
	ns_pair_close(&pair);
}

static void all(const struct sides *s)
{
	marking_network(s, false);
	marking_network(s, true);
	modes(s);
}

/* Kernel TCP has it since Linux 7. */
static bool kernel_takes_part(void)
{
	struct ns_pair pair = new_pair();
	bool knows = !ns_sysctl_set(pair.a, "net.ipv4.tcp_ecn", "3");

	ns_pair_close(&pair);
	return knows;
}

int main(int argc, char **argv)
{
	struct sides sides[SIDES_MAX], takes_part[SIDES_MAX];
	int n = sides_parse(argc, argv, sides), i, left = 0;
	bool kernel = kernel_takes_part();

	for (i = 0; i < n; i++)
		if (kernel || (sides[i].client == XTCP && sides[i].server == XTCP))
			takes_part[left++] = sides[i];
	ksft_print_header();
	ksft_set_plan(left * TESTS);
	return sides_each(takes_part, left, TESTS, all);
}
