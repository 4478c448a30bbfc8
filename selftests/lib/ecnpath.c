// SPDX-License-Identifier: GPL-2.0
#include "ecnpath.h"
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include "test.h"

struct ns_pair ecnpath_make(void)
{
	struct ns_pair pair;

	must(!ns_pair_make(&pair), "namespaces");
	sides_know_each_other(&pair);
	return pair;
}

static int set_offload(void *value)
{
	struct ifreq ifr = { .ifr_name = "veth0", .ifr_data = value };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	ret = ioctl(fd, SIOCETHTOOL, &ifr);
	close(fd);
	return ret;
}

void ecnpath_keep_order(const struct ns_pair *pair)
{
	struct ethtool_value no_tso = { .cmd = ETHTOOL_STSO, .data = 0 };
	struct ethtool_value gro = { .cmd = ETHTOOL_SGRO, .data = 1 };

	must(!ns_call(pair->a, set_offload, &no_tso) && !ns_call(pair->b, set_offload, &gro), "offloads");
}

void ecnpath_set(int ns, enum stack stack, int value)
{
	must(!ns_sysctl_set(ns, stack == XTCP ? "net.xtcp.ecn" : "net.ipv4.tcp_ecn", "%d", value), "ecn");
	/* a SYN that is lost, since a link that is up may need a moment, asks again when it is repeated */
	must(!ns_sysctl_set(ns, stack == XTCP ? "net.xtcp.ecn_fallback" : "net.ipv4.tcp_ecn_fallback", "0"),
	     "ecn_fallback");
}

long long ecnpath_marks(int ns, const struct sides *s)
{
	static const char name[] = "Ip6InCEPkts";
	char *text, *at;
	long long n;

	if (!strchr(s->addr, ':'))
		return counter_now(ns, "/proc/net/netstat", "IpExt:InCEPkts");
	text = ns_read_file(ns, "/proc/net/snmp6");
	at = text ? strstr(text, name) : NULL;
	must(at, name);
	n = atoll(at + strlen(name));
	free(text);
	return n;
}

long long ecnpath_holes(const struct ns_pair *pair, const struct sides *s)
{
	return stack_counter(pair->b, s->server, "TcpExt:TCPOFOQueue");
}

bool ecnpath_is_lost(const struct ns_pair *pair, const struct sides *s, long long holes_before)
{
	long long holes = ecnpath_holes(pair, s) - holes_before;
	long long timeouts = stack_counter(pair->a, s->client, "TcpExt:TCPTimeouts");

	if (holes)
		printf("# %lld segments out of order, %lld timeouts\n", holes, timeouts);
	return holes && !timeouts;
}

static unsigned char octet_at(long long at)
{
	return at * 7 + (at >> 8);
}

/* All that @to has by now; false when an octet is wrong. */
static bool take(int to, long long *received)
{
	static unsigned char octets[65536];
	ssize_t n, i;

	while ((n = recv(to, octets, sizeof(octets), MSG_DONTWAIT)) > 0)
		for (i = 0; i < n; i++, ++*received)
			if (octets[i] != octet_at(*received))
				return false;
	return n < 0 && errno == EAGAIN;
}

/* As much as @from takes now, and not beyond the next multiple of @piece; false when it takes no more at all. */
static bool give(int from, long long *sent, int until, int piece)
{
	static unsigned char octets[65536];
	ssize_t n = piece - *sent % piece, i;

	if (n > until - *sent)
		n = until - *sent;
	for (i = 0; i < n; i++)
		octets[i] = octet_at(*sent + i);
	n = send(from, octets, n, MSG_DONTWAIT | MSG_NOSIGNAL | (piece < (int)sizeof(octets) ? MSG_MORE : 0));
	*sent += n > 0 ? n : 0;
	return n >= 0 || errno == EAGAIN;
}

bool ecnpath_stream_by(int from, int to, int octets, int piece)
{
	long long sent = 0, received = 0;

	while (received < octets) {
		struct pollfd p[2] = {
			{ .fd = to, .events = POLLIN },
			{ .fd = sent < octets ? from : -1, .events = POLLOUT },
		};

		if (poll(p, 2, ECNPATH_STALL_MS) <= 0)
			return false;
		if ((p[1].revents && !give(from, &sent, octets, piece)) || !take(to, &received))
			return false;
	}
	return true;
}

bool ecnpath_stream(int from, int to, int octets)
{
	return ecnpath_stream_by(from, to, octets, 65536);
}
