// SPDX-License-Identifier: GPL-2.0
/* DCTCP and Prague over a network that marks: the sender knows each mark, by ECE and AccECN, in bundles, too. */
#include "lib/ecnpath.h"
#include "lib/test.h"

#define PORT		5620
#define SEGMENTS	1000
#define MORE_TIMES	4	/* as many where a bundle may be a window: marks are drawn for fewer packets then */
#define AT_ONCE		40	/* segments that are written: full ones alone leave, so octets tell how many */
#define STALL_MS	20000
#define ALPHA_ONE	1024

static struct ns_pair pair;

static struct tcp_dctcp_info dctcp_of(int fd)
{
	union tcp_cc_info info = { 0 };
	socklen_t len = sizeof(info);

	must(!getsockopt(fd, IPPROTO_TCP, TCP_CC_INFO, &info, &len) && len == sizeof(info.dctcp), "TCP_CC_INFO");
	return info.dctcp;
}

/* Bundles are cut behind netem, and come through a ring that keeps their order. */
static void make_network(bool bundles)
{
	must(!ns_pair_make(&pair), "namespaces");
	if (!bundles)
		must(!ns_link_gso_max_segs(pair.a, "veth0", 1), "gso_max_segs");
	ecnpath_keep_order(&pair);
}

static void choose(int fd, const char *algorithm)
{
	must(!setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, algorithm, strlen(algorithm)), algorithm);
}

static void open_pair(const char *algorithm, const char *ecn, int *client, int *server)
{
	int listener;

	must(!ns_sysctl_set(pair.a, "net.xtcp.ecn", ecn) && !ns_sysctl_set(pair.b, "net.xtcp.ecn", ecn), "ecn");
	listener = must_have(stack_bound(pair.b, XTCP, NS_B4, PORT, true), "listener");
	choose(listener, algorithm);
	must(!listen(listener, 8), "listen");
	*client = stack_socket(pair.a, XTCP, NS_B4);
	choose(*client, algorithm);
	must(!stack_connect(*client, NS_B4, PORT), "connect");
	*server = must_have(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept");
	close(listener);
}

/*
 * An octet there, and its ACK, which has no marks to tell: after three of them an AccECN counter is 0, as if it had
 * been zeroed on the way, were it the first that comes (RFC 9768 section 3.2.2.4).
 */
static void say_first(int from, int to)
{
	char octet = 0;

	must(send(from, &octet, 1, MSG_NOSIGNAL) == 1 && recv(to, &octet, 1, 0) == 1 &&
	     WAIT_FOR(!info_of(from).tcpi_unacked, STALL_MS), "an octet");
}

/* All of so many segments arrive as they were, and are acknowledged. */
static bool stream(int from, int to, unsigned int segments)
{
	int piece = AT_ONCE * info_of(from).tcpi_snd_mss;

	return ecnpath_stream_by(from, to, piece * (segments / AT_ONCE), piece) &&
	       WAIT_FOR(!info_of(from).tcpi_unacked, STALL_MS);
}

static void marks(const char *algorithm, const char *ecn, bool bundles)
{
	const struct netem marking = { .delay_ms = 5, .loss = bundles ? 300000 : 100000, .ecn = true };
	struct tcp_dctcp_info dctcp;
	struct tcp_info info;
	long long marked;
	unsigned int share;
	int client, server;
	bool whole;
	const unsigned int segments = SEGMENTS * (bundles ? MORE_TIMES : 1);
	const char *what = bundles ? "bundles" : "real segments";

	make_network(bundles);
	open_pair(algorithm, ecn, &client, &server);
	say_first(client, server);
	must(!netem_set(pair.a, "veth0", &marking), "netem");
	whole = stream(client, server, segments);
	info = info_of(client);
	dctcp = dctcp_of(client);
	marked = counter_now(pair.b, "/proc/net/netstat", "IpExt:InCEPkts");
	ksft_print_msg("%lld marked, %u known, alpha %u, %u sent again, %u slow start threshold\n", marked,
		       info.tcpi_delivered_ce, dctcp.dctcp_alpha, info.tcpi_total_retrans, info.tcpi_snd_ssthresh);
	/* a probe of a tail that a slow machine thought lost may be marked, too */
	ksft_test_result(whole && marked > 0 && dctcp.dctcp_enabled && info.tcpi_delivered_ce <= marked &&
			 info.tcpi_delivered_ce + info.tcpi_total_retrans >= marked && !info.tcpi_lost,
			 "%s, ecn %s, %s: all marks are known\n", algorithm, ecn, what);
	/*
	 * It is that of some thirty windows, and the share of all is known; netem draws which ones it marks. Where a
	 * bundle is a window some of them in a row have none. (How alpha goes up and down exactly: wire_dctcp,
	 * wire_prague.)
	 */
	share = ALPHA_ONE * info.tcpi_delivered_ce / segments;
	ksft_test_result(dctcp.dctcp_alpha >= share / (bundles ? 10 : 3) && dctcp.dctcp_alpha <= share * 3 &&
			 dctcp.dctcp_alpha < ALPHA_ONE && info.tcpi_snd_ssthresh >= 2 &&
			 info.tcpi_snd_ssthresh < AT_ONCE,
			 "%s, ecn %s, %s: and what was not marked, too\n", algorithm, ecn, what);
	close_each(client, server);
	ns_pair_close(&pair);
}

int main(void)
{
	test_begin(12);
	marks("dctcp", "1", false);
	marks("dctcp", "1", true);
	marks("dctcp", "3", false);
	marks("dctcp", "3", true);
	/* it asks for AccECN itself */
	marks("prague", "0", false);
	marks("prague", "0", true);
	ksft_finished();
}
